//! What is read on the box is whole: the text as it came, the files in it, and what the rules for the air would cut.

use crate::support::shore::Shore;
use crate::support::web::{Answer, Client};
use crate::support::{Imap, Smtp, Station};

const MAIL: &str = "From: Bob <bob@world.example>\nSubject: AW: Re: Anchor\nIn-Reply-To: <1@shore.example>\n\
    References: <1@shore.example>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\
    Content-Type: text/plain; charset=utf-8\n\nYes, it holds.\n\nOn Mon, 23 Nov 2026 at 10:00, Anna <anna@shore.example> wrote:\n\
    > Does the anchor hold?\n\n-- \nBob, harbour office\n--b\nContent-Type: image/png; name=\"chart.png\"\n\
    Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=\"chart.png\"\n\niVBORw0KGgpoZWxsbw==\n--b\n\
    Content-Type: text/html; name=\"page.html\"\nContent-Disposition: inline; filename=\"page.html\"\n\n<script>alert(1)</script>\n--b\n\
    Content-Type: image/svg+xml; name=\"evil\\\"; x.svg\"\n\n<svg onload=\"alert(1)\"/>\n--b--\n";

fn took(station: &Station, to: &str) -> String {
    let reply = Smtp::connect(station.listener("smtp")).mail("bob@world.example", to, MAIL);
    assert!(reply.starts_with("250"), "{reply}");
    station.messages().pop().unwrap()["id"].as_str().unwrap().to_owned()
}

/// Nothing in a file runs, loads, or is taken for another type.
fn is_safe(answer: &Answer) {
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-security-policy"), "sandbox; default-src 'none'");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[test]
fn local_mail_is_shown_as_it_came_and_its_files_are_opened_and_saved() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846", "ben"]).started();
    let id = took(&gateway, "ben@shore.example");
    let ben = Client::logged_in(&gateway, "ben");
    let page = ben.get(&format!("/mailbox/{id}")).body;
    for words in ["Yes, it holds.", "Does the anchor hold?", "Bob, harbour office", "wrote:"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    for words in ["not sent", "Left out"] {
        assert!(!page.contains(words), "{words}: {page}");
    }
    let kept = gateway.json(&["queue", "show", &id]);
    assert!(kept["body"].as_str().unwrap().contains("Does the anchor hold?"), "{kept}");
    assert_eq!((&kept["subject"], kept["cut"].as_array().unwrap().len()), (&"AW: Re: Anchor".into(), 0));
    assert!(page.contains("chart.png") && page.contains(&format!("{id}/files/1?open=1")), "{page}");

    let file = |number: u32, more: &str| ben.get(&format!("/messages/{id}/files/{number}{more}"));
    let saved = file(1, "");
    is_safe(&saved);
    assert!(saved.header("content-disposition").starts_with("attachment; filename=\"chart.png\""));
    assert_eq!(saved.header("content-type"), "application/octet-stream");
    let opened = file(1, "?open=1");
    is_safe(&opened);
    assert_eq!((opened.header("content-type"), &opened.header("content-disposition")[..6]), ("image/png", "inline"));
    assert!(opened.body.contains("PNG") && opened.body.ends_with("hello"));
    for number in [2, 3] {
        for more in ["", "?open=1"] {
            let answer = file(number, more);
            is_safe(&answer);
            assert_eq!(answer.header("content-type"), "application/octet-stream");
            let place = answer.header("content-disposition");
            assert!(place.starts_with("attachment; ") && place.matches('"').count() == 2, "{place}");
        }
    }
    assert!(file(2, "").body.contains("<script>alert(1)</script>"));
    for path in ["files/0", "files/4", "files/x", "files/99999999999999999999"] {
        assert_eq!(ben.get(&format!("/messages/{id}/{path}")).status, 404, "{path}");
    }
    assert_eq!(
        Client::new(&gateway).get(&format!("/messages/{id}/files/1")).status,
        303,
        "who is not logged in sees nothing"
    );
    let other = took(&gateway, "olga@shore.example");
    assert_eq!(ben.get(&format!("/messages/{other}/files/1")).status, 404, "nor does somebody else");
    gateway.totals_balance();
}

/// What goes over the air is cut; the box has all of it, one tap away, with what was cut marked.
#[test]
fn what_was_cut_for_the_air_is_one_tap_away() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    let id = took(&gateway, "anna@shore.example");
    let olga = Client::logged_in(&gateway, "olga");
    let page = olga.get(&format!("/messages/{id}")).body;
    assert!(page.contains("Yes, it holds.") && !page.contains("Does the anchor hold?"), "{page}");
    assert!(page.contains("Show the whole text of the mail") && page.contains("chart.png"), "{page}");
    let whole = olga.get(&format!("/messages/{id}?whole=1")).body;
    for cut in ["&gt; Does the anchor hold?", "Bob, harbour office"] {
        assert!(whole.contains(&format!("<mark>{cut}</mark>")), "{cut}: {whole}");
    }
    assert!(whole.contains("Yes, it holds.") && !whole.contains("<mark>Yes"), "{whole}");
    gateway.totals_balance();
}

/// A mail program gets all of a mail, byte for byte: the rules for the air touch neither what is read here nor what somebody
/// keeps of what they sent over the air.
#[test]
fn a_mail_program_has_the_whole_of_what_was_cut() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846", "ben"]).started();
    took(&gateway, "ben@shore.example");
    let whole = MAIL.replace('\n', "\r\n");
    let fetched = |folder: &str, uid: u32| {
        let mut imap = Imap::open(gateway.listener("imap"), "ben", folder);
        String::from_utf8(imap.fetch(uid, "")).unwrap()
    };
    let got = fetched("INBOX", 1);
    assert!(got.trim_end().ends_with(whole.trim_end()), "{got}");

    let mut smtp = Smtp::connect(gateway.listener("submission"));
    smtp.login("ben");
    let own = MAIL.replace("Bob <bob@world.example>", "ben@shore.example");
    assert!(smtp.mail("ben@shore.example", "anna@shore.example", &own).starts_with("250"));
    let on_air = gateway.messages().pop().unwrap();
    assert_eq!(on_air["text"], "Re: Anchor\nYes, it holds.\n[not sent: chart.png 13 B, evil\"; x.svg 24 B]");
    let kept = fetched("Sent", 1);
    assert!(
        kept.trim_end().ends_with(own.trim_end().split_once('\n').unwrap().1.replace('\n', "\r\n").as_str()),
        "{kept}"
    );
    for part in ["Does the anchor hold?", "Bob, harbour office", "iVBORw0KGgpoZWxsbw=="] {
        assert!(got.contains(part) && kept.contains(part), "{part}");
    }
    // The program opens a file of it by its part.
    let mut imap = Imap::open(gateway.listener("imap"), "ben", "Sent");
    assert!(String::from_utf8(imap.fetch(1, "2")).unwrap().trim_end() == "iVBORw0KGgpoZWxsbw==");
    gateway.totals_balance();
}
