use mail_parser::{MessageParser, MimeHeaders};

use super::*;
use crate::message::{Id, Machine};

fn message(from: &str, to: &str) -> Message {
    Message {
        id: Id(7),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        subject: "Grüße\nan Bord".to_owned(),
        text: "T".to_owned(),
        message_id: Some("<orig@far.example>".to_owned()),
        accepted: Time::from_seconds(1_800_000_000),
        deadline: Time::from_seconds(1_800_345_600),
        next: Time::NEVER,
        tries: 3,
        ..Message::sample()
    }
}

fn build(kind: Kind, about: &Message, why: &str, original: Option<&[u8]>) -> String {
    let to = about.from.mailbox().cloned().unwrap_or_else(|| "anna@box.example".parse().unwrap());
    let notice = Notice {
        kind,
        about,
        why: &Reason::Old(why.to_owned()),
        original,
        to: &to,
        domain: "box.example",
        now: Time::from_seconds(1_800_014_400),
        message_id: "<n1@box.example>",
    };
    let mail = mail(&notice);
    assert_eq!(mail, compose::crlf(&mail), "line ends");
    assert!(to.to_string().is_ascii() == mail.is_ascii());
    String::from_utf8(mail).unwrap()
}

#[test]
fn a_failure_is_told_to_people_and_machines() {
    let about = message("anna@box.example", "bob@far.example");
    let original = b"From: Anna <anna@box.example>\nSubject: x\nX-Raw: \xe9\n\nsecret body";
    let text = build(Kind::Failed, &about, "relay: 550 5.1.1\r\nno such \u{fc}ser", Some(original));
    let parsed = MessageParser::new().parse(text.as_bytes()).unwrap();
    let kind = parsed.content_type().unwrap();
    assert_eq!((kind.ctype(), kind.subtype()), ("multipart", Some("report")));
    assert_eq!(kind.attribute("report-type"), Some("delivery-status"));
    assert_eq!(parsed.header_raw("Auto-Submitted").map(str::trim), Some("auto-replied"));
    assert_eq!(parsed.in_reply_to().as_text(), Some("orig@far.example"));
    assert_eq!(parsed.message_id(), Some("n1@box.example"));
    assert_eq!(parsed.from().unwrap().first().unwrap().address(), Some("MAILER-DAEMON@box.example"));

    let words = parsed.body_text(0).unwrap();
    assert!(
        words.starts_with("Your message to bob@far.example, taken on 15 January 2027, 08:00 UTC, could not be"),
        "{words}"
    );
    assert!(words.contains("550 5.1.1 no such üser") && words.contains("Grüße an Bord"), "{words}");
    for line in [
        "Content-Type: message/delivery-status",
        "Reporting-MTA: dns; box.example\r\nArrival-Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n\r\n",
        "Final-Recipient: rfc822; bob@far.example\r\nAction: failed\r\nStatus: 5.1.1\r\n",
        "Diagnostic-Code: x-satpost; relay: 550 5.1.1 no such \\x{FC}ser\r\n",
        "Content-Type: text/rfc822-headers",
    ] {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
    assert!(text.contains("Anna <anna@box.example>") && !text.contains("secret body"), "{text}");
    assert!(!text.contains("Will-Retry-Until"));
}

#[test]
fn delay_and_hold_say_how_long() {
    let about = message("anna@box.example", "0x001abe");
    for (kind, phrase) in [
        (Kind::Delayed, "goes on trying until 19 January 2027, 08:00 UTC"),
        (Kind::Held, "is here and waits for a decision"),
    ] {
        let text = build(kind, &about, "no satellite heard", None);
        let words = MessageParser::new().parse(text.as_bytes()).unwrap().body_text(0).unwrap().into_owned();
        assert!(words.contains(phrase), "{words}");
        assert!(text.contains("Action: delayed\r\n"), "{text}");
        assert!(text.contains("Will-Retry-Until: Tue, 19 Jan 2027 08:00:00 +0000"), "{text}");
        assert!(text.contains("Final-Recipient: x-satpost-device; 0x001abe"), "{text}");
        assert!(text.contains("X-To: 0x001abe"), "{text}");
    }
    assert!(build(Kind::Expired, &about, "no satellite heard", None).contains("Action: failed\r\nStatus: 4.4.7\r\n"));
}

#[test]
fn addresses_beyond_ascii_are_written_as_the_rfc_says() {
    let about = message("anna@box.example", "josé@example.com");
    let text = build(Kind::Failed, &about, "no", Some(b"Subject: x\r\n\r\n"));
    assert!(text.contains("Final-Recipient: utf-8; jos\\x{E9}@example.com"), "{text}");
}

#[test]
fn a_status_is_taken_from_the_relay_only() {
    assert_eq!(Reason::Old("relay 5.5.5.5:25 answered 550 5.7.26 no to RCPT".into()).status(), Some("5.7.26"));
    for why in ["", "answered 550 no", "5.1", "5.1.x", "5..1", "450 4.1.1 later", "5.1234.1"] {
        assert_eq!(Reason::Old(why.into()).status(), None, "{why}");
    }
}

#[test]
fn long_and_broken_originals_are_cut_at_a_line() {
    let about = message("anna@box.example", "bob@far.example");
    let endless = "X-Line: 0123456789\n".repeat(5000);
    let text = build(Kind::Failed, &about, &"why ".repeat(2000), Some(endless.as_bytes()));
    assert!(text.len() < 40_000, "{}", text.len());
    assert!(text.lines().all(|line| line.len() < 998));
    for odd in [&b""[..], b"\n", b"no line end", b"\r\n\r\nbody", &[0xff; 50_000]] {
        build(Kind::Failed, &about, "", Some(odd));
    }
}

#[test]
fn machines_are_never_told() {
    let fine = message("anna@box.example", "bob@far.example");
    assert!(may_notify(&fine));
    assert!(may_notify(&message("0x001abe", "bob@far.example")));
    assert!(!may_notify(&message("<>", "bob@far.example")));
    assert!(!may_notify(&message("Mailer-Daemon@far.example", "bob@far.example")));
    assert!(!may_notify(&Message { automatic: Some(Machine::NoSender), ..fine.clone() }));
    assert!(!may_notify(&Message { origin: Origin::Notice, ..fine.clone() }));
    assert!(!may_notify(&Message { about: Some(Id(1)), ..fine }));
}
