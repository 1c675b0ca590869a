//! Mails go whole over a wide link: byte for byte, in pieces that survive a broken line and killed boxes.

use serde_json::Value;

use super::Sea;
use crate::support::{Imap, SOON, ask, send, wait_for};

/// Random bytes as lines of base64: they do not pack.
fn photo(bytes: usize, seed: u64) -> String {
    let mut state = seed;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    use base64::Engine as _;
    let data: Vec<u8> = (0..bytes).map(|_| byte()).collect();
    let coded = base64::engine::general_purpose::STANDARD.encode(data);
    let lines: Vec<&str> = (0..coded.len()).step_by(76).map(|at| &coded[at..coded.len().min(at + 76)]).collect();
    lines.join("\n")
}

/// A signed mail with a file, as a mail program writes it.
pub fn mail(from: &str, to: &str, subject: &str, bytes: usize) -> String {
    format!(
        "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=x;\n\th=from:to:subject; bh=abc=; b=def=\n\
         From:  Someone <{from}>\nTo: {to}\nSubject: {subject}\nMessage-ID: <{subject}@example.org>\n\
         Date: Sun, 29 Nov 2026 12:00:00 +0000\nMIME-Version: 1.0\nX-Odd:   kept   as it is\n\
         Content-Type: multipart/mixed; boundary=\"b\"\n\n--b\nContent-Type: text/plain\n\nLook at this.\n\
         --b\nContent-Type: image/jpeg; name=photo.jpg\nContent-Disposition: attachment; filename=photo.jpg\n\
         Content-Transfer-Encoding: base64\n\n{}\n--b--\n",
        photo(bytes, bytes as u64)
    )
}

pub fn on_the_wire(mail: &str) -> String {
    mail.replace('\n', "\r\n")
}

impl Sea {
    /// Both boxes know Anna, who is at sea.
    pub fn with_anna(options: &[&str], more: &[(&str, &str)]) -> Self {
        let sea = Self::paired(options, more);
        sea.gateway.cli_ok(&["people", "add", "anna", "--far-box", "boat"], "");
        sea
    }

    fn writes(&self, subject: &str, bytes: usize) -> String {
        let mail = mail("anna@boat.example", "bob@world.example", subject, bytes);
        let reply = send(&self.station, Some("anna"), "anna@boat.example", "bob@world.example", &mail);
        assert!(reply.starts_with("250"), "{reply}");
        on_the_wire(&mail)
    }

    pub fn world_writes(&self, subject: &str, bytes: usize) -> String {
        let mail = mail("mum@example.org", "anna@shore.example", subject, bytes);
        let reply = send(&self.gateway, None, "mum@example.org", "anna@shore.example", &mail);
        assert!(reply.starts_with("250"), "{reply}");
        on_the_wire(&mail)
    }

    /// The mails that the world has.
    fn mails(&self) -> Vec<String> {
        let lines = ask(&self.folder.path("sink.ctl"), "mails");
        let mails = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        mails.map(|mail| mail["data"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until the world has so many mails.
    fn wait_mails(&self, count: usize) -> Vec<String> {
        let mails =
            wait_for("the mails at the relay", 6 * SOON, || Some(self.mails()).filter(|all| all.len() >= count));
        assert_eq!(mails.len(), count);
        mails
    }

    /// Waits until Anna has so many mails at sea, and gives them as IMAP does.
    fn wait_at_sea(&self, count: usize) -> Vec<String> {
        let read = || {
            let mut imap = Imap::open(self.station.listener("imap"), "anna", "INBOX");
            let uids = imap.uids();
            uids.iter().map(|uid| String::from_utf8(imap.fetch(*uid, "")).unwrap()).collect::<Vec<_>>()
        };
        let mails = wait_for("the mails at sea", 6 * SOON, || Some(read()).filter(|all| all.len() >= count));
        assert_eq!(mails.len(), count);
        mails
    }

    /// Bytes that went up so far.
    fn up(&self) -> u64 {
        self.counts().up
    }
}

#[test]
fn the_world_gets_the_mail_as_it_was_written_at_sea() {
    let sea = Sea::with_anna(&["--delay", "20"], &[]);
    let small = sea.writes("small", 3_000);
    let mails = sea.wait_mails(1);
    assert!(mails[0].contains(&small), "{}", mails[0]);
    // Larger than what the store holds in itself.
    let large = sea.writes("large", 300_000);
    let mails = sea.wait_mails(2);
    assert!(mails[1].contains(&large), "{} bytes", mails[1].len());
    let sent = sea.station.wait_state(SOON, "bob@world.example", "delivered");
    let shown = sea.station.cli_ok(&["queue", "show", sent["id"].as_str().unwrap()], "");
    assert!(shown.contains("whole    the whole mail went along") && !shown.contains("note     attachment"), "{shown}");
    sea.station.totals_balance();
    sea.gateway.totals_balance();
}

#[test]
fn a_mailbox_at_sea_shows_it_whole() {
    let sea = Sea::with_anna(&[], &[]);
    let written = sea.world_writes("whole", 200_000);
    let mails = sea.wait_at_sea(1);
    assert!(mails[0].contains(&written), "{}", &mails[0][..2000.min(mails[0].len())]);
    let message = sea.station.messages().into_iter().find(|message| message["subject"] == "whole").unwrap();
    let page = crate::support::web::Client::logged_in(&sea.station, "anna");
    let shown = page.get(&format!("/mailbox/{}", message["id"].as_str().unwrap()));
    assert!(shown.body.contains("photo.jpg"), "{}", shown.body);
    sea.station.totals_balance();
    sea.gateway.totals_balance();
}

/// A plain mail says all of itself as text: nothing else goes.
#[test]
fn what_is_no_more_than_text_goes_as_text() {
    let sea = Sea::with_anna(&[], &[]);
    sea.send(0);
    sea.wait_mails(1);
    let before = sea.up();
    sea.send(1);
    sea.wait_mails(2);
    assert!(sea.up() - before < 400, "{} bytes", sea.up() - before);
}

#[test]
fn a_broken_line_sends_nothing_again_that_arrived() {
    let sea = Sea::with_anna(&["--rate", "4000000"], &[]);
    let before = sea.up();
    sea.line_says("cut-after up 150000");
    let written = sea.writes("broken", 300_000);
    wait_for("the line to break", 2 * SOON, || (sea.counts().connections > 1).then_some(()));
    sea.line_says("clear");
    let mails = sea.wait_mails(1);
    assert!(mails[0].contains(&written));
    // Base64 packs to three quarters; at most the window of 128 kB was under way when the line broke.
    let went = sea.up() - before;
    assert!(went < 300_000 * 78 / 76 + 128_000 + 20_000, "{went} bytes");
    sea.station.totals_balance();
}

#[test]
fn boxes_that_are_killed_in_the_middle_go_on_where_they_were() {
    let mut sea = Sea::with_anna(&["--rate", "2000000"], &[]);
    let written = sea.writes("killed", 500_000);
    let begun = sea.up();
    let wait_more = |sea: &Sea, more: u64| {
        wait_for("some pieces to go", 2 * SOON, || (sea.up() > begun + more).then_some(()));
    };
    wait_more(&sea, 100_000);
    sea.gateway.kill();
    sea.gateway.start();
    sea.lead_to_gateway();
    wait_more(&sea, 250_000);
    sea.station.kill();
    sea.station.start();
    let mails = sea.wait_mails(1);
    assert!(mails[0].contains(&written));
    let went = sea.up() - begun;
    assert!(went < 500_000 + 2 * 128_000 + 60_000, "{went} bytes");
    sea.station.wait_state(2 * SOON, "bob@world.example", "delivered");
    sea.station.totals_balance();
    sea.gateway.totals_balance();
}

/// A far box that does not say that it knows the frames of whole mails gets texts, as ever.
#[test]
fn an_older_far_box_gets_the_text() {
    let sea = Sea::with_anna(&[], &[]);
    let name = sea.gateway.json(&["link", "list"])[0]["name"].as_str().unwrap().to_owned();
    sea.gateway.cli_ok(&["link", "set", &name, "ip.whole", "0"], "");
    wait_for("the line to be there again", 2 * SOON, || (sea.counts().connections > 1).then_some(()));
    sea.wait_up();
    sea.writes("older", 3_000);
    let mails = sea.wait_mails(1);
    assert!(mails[0].contains("Look at this.") && !mails[0].contains("image/jpeg"), "{}", mails[0]);
    assert!(mails[0].contains("photo.jpg"), "it is named: {}", mails[0]);
    sea.station.totals_balance();
}
