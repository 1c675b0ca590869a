//! Whole mails over IMT, in one payload with their packet: both ways, byte for byte, for what the network charges, once.

use serde_json::Value;

use super::{LONG, Scene, billed, bytes, ends, of, wait_mail, wait_on_link, wait_stage, write};
use crate::ip::{mail, on_the_wire};
use crate::support::{Imap, Station, send, wait_for};

/// A scene with both boxes, which have heard of each other.
struct Sea {
    scene: Scene,
    station: Station,
    gateway: Station,
}

impl Sea {
    /// Mails of so many kB go along, up and down.
    fn start(transit: &str, up: &str, down: &str, more: &[(&str, &str)]) -> Self {
        let scene = Scene::imt(transit);
        let station = scene.station_with(&[&[("imt.whole", up)], more].concat()).started();
        let gateway = scene.gateway();
        gateway.set(&[("cloudloop.whole", down)]);
        let gateway = gateway.started();
        scene.calls(&gateway);
        let sea = Self { scene, station, gateway };
        // Each has heard what the other reads.
        write(&sea.station, "Hello");
        wait_mail(&sea.scene, "Hello");
        let mail = "From: bob@world.example\nSubject: Re: Hello\n\nHello.\n";
        assert!(send(&sea.gateway, None, "bob@world.example", "anna@shore.example", mail).starts_with("250"));
        wait_for("the answer", LONG, || {
            (of(&sea.station.messages(), "Re: Hello")?["state"] == "delivered").then_some(())
        });
        sea
    }

    fn writes(&self, subject: &str, size: usize) -> String {
        let mail = mail("anna@boat.example", "bob@world.example", subject, size);
        let reply = send(&self.station, Some("anna"), "anna@boat.example", "bob@world.example", &mail);
        assert!(reply.starts_with("250"), "{reply}");
        on_the_wire(&mail)
    }

    fn world_writes(&self, subject: &str, size: usize) -> String {
        let mail = mail("mum@example.org", "anna@shore.example", subject, size);
        let reply = send(&self.gateway, None, "mum@example.org", "anna@shore.example", &mail);
        assert!(reply.starts_with("250"), "{reply}");
        on_the_wire(&mail)
    }

    /// The mail with this subject that the world has.
    fn ashore(&self, subject: &str) -> String {
        wait_mail(&self.scene, subject);
        let has = |mail: &str| mail.contains(&format!("Subject: {subject}\r\n"));
        let mails: Vec<_> = self.scene.mails().iter().map(|mail| mail["data"].as_str().unwrap().to_owned()).collect();
        let mut found = mails.into_iter().filter(|mail| has(mail));
        let mail = found.next().unwrap();
        assert_eq!(found.next(), None, "it is there once");
        mail
    }

    /// The mails with this subject that anna has at sea, as a mail program gets them.
    fn at_sea(&self, subject: &str) -> String {
        let has = |mail: &String| mail.contains(&format!("Subject: {subject}\r\n"));
        let read = || {
            let mut imap = Imap::open(self.station.listener("imap"), "anna", "INBOX");
            let uids = imap.uids();
            uids.iter().map(|uid| String::from_utf8(imap.fetch(*uid, "")).unwrap()).filter(has).collect::<Vec<_>>()
        };
        let mut mails = wait_for(subject, LONG, || Some(read()).filter(|all| !all.is_empty()));
        assert_eq!(mails.len(), 1);
        mails.remove(0)
    }

    /// The bills of both boxes are what the vendor counted.
    fn bills_are_true(&self) {
        wait_for("both bills", LONG, || {
            let [up, down, _] = self.scene.credits();
            let (own, other) = (bytes(&self.station), bytes(&self.gateway));
            (own == billed(&self.scene) && own == up && other == down).then_some(())
        });
        self.station.totals_balance();
        self.gateway.totals_balance();
    }
}

fn shown(station: &Station, subject: &str) -> Value {
    let messages = station.messages();
    station.json(&["queue", "show", of(&messages, subject).unwrap()["id"].as_str().unwrap()])
}

#[test]
fn a_mail_with_a_picture_goes_whole_both_ways_for_what_the_vendor_counts() {
    let sea = Sea::start("2000", "60", "60", &[]);
    let before = sea.scene.credits();
    let written = sea.writes("Picture", 20_000);
    assert!(sea.ashore("Picture").contains(&written));
    let shown_up = shown(&sea.station, "Picture");
    assert_eq!(shown_up["whole"]["state"]["is"], "went", "{shown_up}");
    let down = sea.world_writes("Back", 30_000);
    assert!(sea.at_sea("Back").contains(&down));
    let after = sea.scene.credits();
    // Base64 packs to three quarters.
    assert!((20_000..22_500).contains(&(after[0] - before[0])), "{before:?} {after:?}");
    assert!((30_000..33_000).contains(&(after[1] - before[1])), "{before:?} {after:?}");
    sea.bills_are_true();
    // Who wrote it pays for it.
    let cost: f64 = shown(&sea.station, "Picture")["cost"].as_str().unwrap().parse().unwrap();
    assert!((20.0..22.5).contains(&cost), "{cost}");
}

/// What the world got is the text, which names the file.
fn assert_text(mail: &str) {
    assert!(mail.contains("Look at this.") && !mail.contains("image/jpeg"), "{mail}");
    assert!(mail.contains("photo.jpg"), "it is named: {mail}");
}

/// Of a mail that may not go along the text goes, and the price of all of it stood there before.
#[test]
fn where_a_mail_may_not_go_its_text_goes_and_names_the_file() {
    let sea = Sea::start("2000", "0", "60", &[]);
    let link = sea.station.json(&["link", "list"])[0]["name"].as_str().unwrap().to_owned();
    let set = |key: &str, value: &str| drop(sea.station.cli_ok(&["link", "set", &link, key, value], ""));
    // What is said of it while it waits for a modem that is not ready: these words, or nothing at all.
    let waits = |subject: &str, words: &[&str]| {
        assert_eq!(sea.scene.modem("e418 2"), ["ok"]);
        sea.writes(subject, 20_000);
        let said = wait_for(subject, LONG, || {
            let along = shown(&sea.station, subject)["mail_along"].clone();
            assert!(!words.is_empty() || along.is_null(), "{along}");
            let said = along.as_str().unwrap_or_default().to_owned();
            words.iter().all(|words| said.contains(words)).then_some(said)
        });
        let id = shown(&sea.station, subject)["id"].as_str().unwrap().to_owned();
        let page = crate::support::web::Client::logged_in(&sea.station, "anna").get(&format!("/messages/{id}"));
        assert!(page.body.contains(&said.replace('\'', "&#x27;")), "{said}: {}", page.body);
        let mail = sea.ashore(subject);
        assert!(!words.is_empty() || shown(&sea.station, subject)["mail_along"].is_null(), "{subject}");
        wait_for("its end", LONG, || (shown(&sea.station, subject)["state"] != "on the link").then_some(()));
        mail
    };
    assert_text(&waits("Not allowed", &[]));
    assert_eq!(shown(&sea.station, "Not allowed")["whole"]["state"]["is"], "here");
    set("imt.whole", "10");
    assert_text(&waits(
        "Too large",
        &["takes mails along that are up to 10 kB on the line", "the mail stays here, ", ", about 22 kB on the line"],
    ));
    set("imt.whole", "60");
    // Over the budget of the link, and over that of the box.
    set("link.day_money", "15");
    assert_text(&waits("Over the link's", &["a budget has no room for the whole mail, 2", "USD with its text"]));
    set("link.day_money", "0");
    sea.station.cli_ok(&["settings", "set", "budget.money", "15"], "");
    assert_text(&waits("Over the box's", &["a budget has no room for the whole mail, 2"]));
    sea.station.cli_ok(&["settings", "set", "budget.money", "0"], "");
    assert!(
        !assert_whole(&waits("Allowed", &["takes the whole mail along, ", ", about 22 kB on the line: 2"])).is_empty()
    );
    sea.bills_are_true();
}

fn assert_whole(mail: &str) -> &str {
    assert!(mail.contains("image/jpeg"), "{mail}");
    mail
}

/// Its owner does not allow it: it gets packets as they are.
#[test]
fn a_far_box_that_does_not_say_that_it_takes_them_gets_the_text() {
    let sea = Sea::start("2000", "60", "0", &[]);
    assert_eq!(sea.scene.modem("e418 2"), ["ok"]);
    sea.writes("Older", 20_000);
    wait_for("what is said of it", LONG, || {
        let said = shown(&sea.station, "Older")["mail_along"].as_str().unwrap_or_default().to_owned();
        said.contains("has not said that it takes whole mails").then_some(())
    });
    assert_text(&sea.ashore("Older"));
    sea.world_writes("Down", 20_000);
    assert_text(&sea.at_sea("Down"));
    sea.bills_are_true();
}

/// Killed at any moment: the mail is there once, and paid once.
#[test]
fn boxes_that_are_killed_in_the_middle_lose_no_mail_and_pay_once() {
    let mut sea = Sea::start("4000", "60", "60", &[]);
    // The station, while the modem holds it: it is taken back, and goes again with its mail.
    assert_eq!(sea.scene.modem("held 6000000"), ["ok"]);
    let written = sea.writes("Held", 20_000);
    wait_stage(&sea.scene, "held");
    wait_on_link(&sea.station, "Held");
    sea.station.kill();
    assert_eq!(sea.scene.modem("held 0"), ["ok"]);
    sea.station.start();
    assert!(sea.ashore("Held").contains(&written));
    sea.bills_are_true();
    // The station, before it hears how that ended.
    let before = ends(&sea.scene).len();
    let written = sea.writes("Ended", 20_000);
    wait_for("its end", LONG, || (ends(&sea.scene).len() > before).then_some(()));
    sea.station.kill();
    sea.station.start();
    assert!(sea.ashore("Ended").contains(&written));
    // The gateway, before it answers the service: it is told again, and keeps it once.
    let written = sea.writes("Called", 20_000);
    wait_stage(&sea.scene, "on-air");
    sea.gateway.kill();
    wait_for("the message at the service", LONG, || (sea.scene.ups().len() >= 4).then_some(()));
    sea.gateway.start();
    sea.scene.calls(&sea.gateway);
    assert!(sea.ashore("Called").contains(&written));
    // The gateway, while the service has its message and has not answered: the service is asked for it.
    assert_eq!(sea.scene.service("fail mt timeout"), ["ok"]);
    let before = sea.scene.credits()[1];
    let down = sea.world_writes("Down", 30_000);
    wait_for("the message at the service", LONG, || (sea.scene.credits()[1] > before).then_some(()));
    sea.gateway.kill();
    sea.gateway.start();
    sea.scene.calls(&sea.gateway);
    assert!(sea.at_sea("Down").contains(&down));
    let went = shown(&sea.gateway, "Down");
    assert_eq!(went["whole"]["state"]["is"], "went", "{went}");
    sea.bills_are_true();
}
