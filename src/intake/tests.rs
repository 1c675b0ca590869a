mod dialogues;

use super::*;
use crate::clock::{Clock, Time};
use crate::people::Person;
use crate::status::StatusBoard;
use testing::Folder;

/// A mail from a mail program of the boat, as the store keeps it.
fn kept(mail: &[u8]) -> String {
    let folder = Folder::new();
    let store = Store::open(&folder, &Clock::fake(Time(1_790_000_000_000))).unwrap();
    store.set("box.domain", "here.org").unwrap();
    let anna = Person { name: "anna".into(), ..Person::default() };
    store.write(move |tx| tx.put_person(&anna)).unwrap();
    let (_stop, stop) = smol::channel::bounded(1);
    let office = Intake::new(&Context {
        store: store.clone(),
        callers: crate::link::callers::Callers::default(),
        status: StatusBoard::default(),
        stop,
        coders: crate::engine::link::coders::Coders::new(store.folder()),
        link: None,
    });
    let caller = Caller {
        peer: IpAddr::from([127, 0, 0, 1]),
        helo: "laptop".into(),
        esmtp: true,
        tls: false,
        person: None,
        trusted: true,
        front: true,
        submission: false,
    };
    let to = vec![Recipient { path: "anna@here.org".into(), reporting: Reporting::default() }];
    let (from, reporting) = ("ben@else.org".parse().unwrap(), Reporting::default());
    let envelope = Envelope { from, to, reporting, utf8: false };
    office.accept(&caller, envelope, Body::Memory(mail.to_vec())).unwrap();
    let message = store.message(Id(1)).unwrap().unwrap();
    String::from_utf8(store.raw(&message).unwrap().unwrap()).unwrap()
}

#[test]
fn a_text_without_a_header_stays_the_text_of_its_mail() {
    let mail = kept(b"Meet me at noon: harbour.\r\nBring bread.\r\n");
    let (head, text) = mail.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("Received: from laptop") && head.contains("\r\nMessage-ID: <"), "{head}");
    assert_eq!(text, "Meet me at noon: harbour.\r\nBring bread.\r\n");
}

#[test]
fn a_mail_with_a_header_gets_lines_and_no_gap() {
    let own = "Date: Mon, 21 Sep 2026 14:00:00 +0000\r\nFrom: Ben <ben@else.org>\r\nMessage-ID: <1@else.org>";
    let mail = kept(format!("{own}\r\n\r\nBring bread.\r\n").as_bytes());
    let (head, text) = mail.split_once("\r\n\r\n").unwrap();
    assert!(head.ends_with(&format!("+0000\r\n{own}")) && head.lines().count() == 6, "{head}");
    assert_eq!(text, "Bring bread.\r\n");
}
