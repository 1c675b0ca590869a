//! Relays that answer in every way that a relay should not: each message arrives once, comes back, or waits with the
//! reason; and a relay that says nothing behind the final dot never gets copies without end.

use super::fake::{Fake, Says, bytes, gateway, turn_to, write_to};
use crate::support::{Folder, SOON, Station, wait_for};

/// More than any test waits for a copy too many; the box tries again each second.
const COPIES: usize = 3;

fn relay(says: &[(&'static str, Says)]) -> Fake {
    Fake::start(says)
}

/// What every relay of a list does to a message of its own; the box stays the same.
fn each(cases: Vec<(&str, Vec<(&'static str, Says)>)>, judge: impl Fn(&Station, &Fake, &str, &str)) {
    let folder = Folder::new();
    let first = relay(&[]);
    let gateway = gateway(&folder, &first, &[]).started();
    for (at, (name, says)) in cases.into_iter().enumerate() {
        let relay = relay(&says);
        turn_to(&gateway, &relay);
        let to = format!("case{at}@world.example");
        write_to(&gateway, &to);
        judge(&gateway, &relay, name, &to);
    }
    gateway.totals_balance();
}

/// Waits for this end of a message; what it says then.
fn becomes(gateway: &Station, name: &str, to: &str, state: &str) -> String {
    let message = wait_for(&format!("{name}: {state}"), SOON, || {
        gateway.messages().into_iter().find(|message| message["to"] == to && message["state"] == state)
    });
    message["reason"].as_str().unwrap().to_owned()
}

#[test]
fn three_digits_decide_whatever_stands_around_them() {
    let bare =
        [("GREETING", "220"), ("EHLO", "250"), ("MAIL", "250"), ("RCPT", "250"), ("DATA", "354"), ("END", "250")];
    let all = |end: &str| bare.iter().map(|(name, code)| (*name, bytes(format!("{code}{end}")))).collect::<Vec<_>>();
    let many: String = (0..1500).map(|at| format!("250-X-EXTENSION-{at} of a talkative relay\r\n")).collect();
    let cases = vec![
        ("text that is not UTF-8", vec![("END", bytes(b"250 2.0.0 angenommen f\xfcr sp\xe4ter\r\n"))]),
        ("a bare code", vec![("END", bytes("250\r\n"))]),
        ("bare codes throughout", all("\r\n")),
        ("bare codes and LF only", all("\n")),
        ("LF only", all(" so be it\n")),
        ("code and blank", vec![("END", bytes("250 \r\n"))]),
        ("code and tab", vec![("END", bytes("250\tok\r\n"))]),
        ("no line end", vec![("END", Says::Last(b"250 ok".to_vec()))]),
        ("a bare code without a line end", vec![("END", Says::Last(b"250".to_vec()))]),
        ("blank lines before", vec![("END", bytes("\r\n\n250 ok\r\n"))]),
        ("two CR", vec![("END", bytes("250 ok\r\r\n"))]),
        ("several lines", vec![("END", bytes("250-first\r\n250-\r\n250 last\r\n"))]),
        ("several lines of one kind", vec![("RCPT", bytes("250-first\r\n251 forwarded\r\n"))]),
        ("a line without code within", vec![("EHLO", bytes("250-fake\r\nwelcome!\r\n250 SIZE\r\n"))]),
        ("a huge line", vec![("END", bytes([b"250 ", &b"x".repeat(200_000)[..], b"\r\n"].concat()))]),
        ("a huge EHLO", vec![("EHLO", bytes(format!("250-fake\r\n{many}250 8BITMIME\r\n")))]),
        ("byte for byte", vec![("EHLO", Says::Dribble(b"250-fake\r\n250-SIZE\r\n250 8BITMIME\r\n".to_vec()))]),
        ("NUL and terminal codes", vec![("END", bytes(b"250 \x00\x1b[2J\x07 taken\r\n"))]),
        (
            "odd words in EHLO",
            vec![("EHLO", bytes(b"250-fake\r\n250-size abc\r\n250-=\r\n250-\xff\r\n250 8bitmime x\r\n"))],
        ),
        ("a greeting in other letters", vec![("GREETING", bytes(b"220-\xe4\xf6\xfc\r\n220 \xc3\r\n"))]),
        ("no EHLO, 502", vec![("EHLO", bytes("502 5.5.1 not implemented\r\n"))]),
        ("no EHLO, 500 bare", vec![("EHLO", bytes("500\r\n"))]),
        ("no EHLO, 550", vec![("EHLO", bytes("550 what is that?\r\n"))]),
        ("a yes of another number", vec![("MAIL", bytes("220 fine\r\n")), ("END", bytes("299 fine\r\n"))]),
    ];
    each(cases, |gateway, relay, name, to| {
        let reason = becomes(gateway, name, to, "delivered");
        assert!(!reason.chars().any(char::is_control) && reason.len() < 2500, "{name}: {reason:?}");
        assert_eq!(relay.messages().len(), 1, "{name}");
    });
}

#[test]
fn a_refusal_is_one_however_it_is_written() {
    let cases = vec![
        ("not UTF-8", vec![("END", bytes(b"550 5.7.1 abgelehnt f\xfcr immer\r\n"))], "5.7.1 abgelehnt"),
        ("bare", vec![("RCPT", bytes("550\r\n"))], "answered 550 to RCPT"),
        ("LF only", vec![("RCPT", bytes("550-no\n550 5.1.1 never\n"))], "5.1.1 never"),
        ("of one kind", vec![("RCPT", bytes("550-5.1.1 no\r\n553 5.1.1 no such name\r\n"))], "no such name"),
        ("huge", vec![("MAIL", bytes([b"553 no ", &b"x".repeat(200_000)[..], b"\r\n"].concat()))], "553 no x"),
        ("unknown number", vec![("END", bytes("599 never\r\n"))], "599 never"),
    ];
    let words: Vec<_> = cases.iter().map(|(name, _, words)| (*name, *words)).collect();
    each(cases.into_iter().map(|(name, says, _)| (name, says)).collect(), |gateway, relay, name, to| {
        let reason = becomes(gateway, name, to, "returned");
        let wanted = words.iter().find(|(known, _)| *known == name).unwrap().1;
        assert!(reason.contains(wanted), "{name}: {reason}");
        assert!(relay.messages().len() <= 1, "{name}");
    });
}

#[test]
fn nonsense_before_the_text_is_a_fault_that_passes() {
    let endless = |code: &str| Says::Endless(code.as_bytes().to_vec(), b"x".to_vec());
    let lines = |code: &str| Says::Endless(Vec::new(), format!("{code}-more\r\n").into_bytes());
    let cases = vec![
        ("another protocol", vec![("GREETING", bytes("SSH-2.0-OpenSSH_9.2\r\n"))], "SSH-2.0-OpenSSH_9.2"),
        ("no protocol at all", vec![("GREETING", endless(""))], "without end"),
        ("a greeting without end", vec![("GREETING", endless("220 "))], "without end"),
        ("lines without end", vec![("EHLO", lines("250"))], "without end"),
        ("lines that contradict", vec![("MAIL", bytes("250-ok\r\n550 no\r\n"))], "contradict"),
        ("four digits", vec![("MAIL", bytes("2500 ok\r\n"))], "2500 ok"),
        ("two digits", vec![("MAIL", bytes("25\r\n"))], "no SMTP reply"),
        ("an empty line", vec![("MAIL", bytes("\r\n"))], "no complete answer"),
        ("a code cut off", vec![("MAIL", Says::Last(b"25".to_vec()))], "closed the connection"),
        ("a reply cut off", vec![("MAIL", Says::Last(b"250-half\r\n250-more".to_vec()))], "closed the connection"),
        ("number 199", vec![("RCPT", bytes("199 hm\r\n"))], "199 hm"),
        ("number 600", vec![("RCPT", bytes("600 hm\r\n"))], "600 hm"),
        ("number 000", vec![("RCPT", bytes("000 hm\r\n"))], "000 hm"),
        ("250 to DATA", vec![("DATA", bytes("250 ok\r\n"))], "does not belong there"),
        ("354 to RCPT", vec![("RCPT", bytes("354 ok\r\n"))], "does not belong there"),
        ("an answer too many", vec![("MAIL", bytes("250 ok\r\n250 ok\r\n"))], "without being asked"),
        ("a yes before the text", vec![("DATA", bytes("354 go\r\n250 taken\r\n"))], "without being asked"),
        ("out of turn", vec![("RCPT", bytes("503 5.5.1 MAIL first\r\n"))], "503 5.5.1 MAIL first"),
        ("good-bye in between", vec![("RCPT", bytes("421 4.3.2 closing\r\n"))], "421 4.3.2 closing"),
        ("good-bye at once", vec![("GREETING", bytes("421 4.3.2 too busy\r\n"))], "too busy"),
        ("no room for anybody", vec![("GREETING", bytes("554 5.3.2 no service here\r\n"))], "no service here"),
        ("silence", vec![("MAIL", Says::Silence)], "no complete answer"),
        ("half an answer", vec![("MAIL", bytes("250-half\r\n"))], "no complete answer"),
        ("closed", vec![("RCPT", Says::Close)], "closed the connection"),
        ("closed at once", vec![("GREETING", Says::Close)], "closed the connection"),
        ("neither EHLO nor HELO", vec![("EHLO", bytes("502 no\r\n")), ("HELO", bytes("502 no\r\n"))], "502 no"),
    ];
    let words: Vec<_> = cases.iter().map(|(name, _, words)| (*name, *words)).collect();
    each(cases.into_iter().map(|(name, says, _)| (name, says)).collect(), |gateway, relay, name, to| {
        let wanted = words.iter().find(|(known, _)| *known == name).unwrap().1;
        wait_for(&format!("{name}: {wanted}"), SOON, || {
            let message = gateway.messages().into_iter().find(|message| message["to"] == to)?;
            assert_eq!(message["state"], "queued", "{name}: {message}");
            let reason = message["reason"].as_str()?;
            assert!(reason.len() < 2500, "{name}: {} bytes", reason.len());
            reason.contains(wanted).then_some(())
        });
        assert!(relay.messages().is_empty(), "{name}");
        // The log gives the reason as well.
        let log = gateway.log_text();
        let line = log.lines().find(|line| line.contains("not taken by the relay, for now") && line.contains(wanted));
        assert!(line.is_some(), "{name}: {log}");
        // It was about the relay: once that behaves, the message leaves.
        relay.behave();
        becomes(gateway, name, to, "delivered");
        assert_eq!(relay.messages().len(), 1, "{name}");
    });
}

/// Whatever a relay does instead of answering the final dot, three copies are all that it can get; then the owner
/// decides, also after a restart in between.
#[test]
fn without_an_answer_to_the_dot_there_are_three_copies_and_no_more() {
    let cases: [(&str, Says); 6] = [
        ("closed", Says::Close),
        ("nonsense", bytes("hello\r\n")),
        ("four digits", bytes("2500 ok\r\n")),
        ("contradiction", bytes("250-ok\r\n451 no\r\n")),
        ("no code of an end", bytes("354 go on\r\n")),
        ("lines without end", Says::Endless(Vec::new(), b"250-more\r\n".to_vec())),
    ];
    let cases = cases.into_iter().map(|(name, says)| (name, vec![("END", says)])).collect();
    each(cases, |gateway, relay, name, to| {
        let reason = becomes(gateway, name, to, "held");
        assert!(reason.contains("3 times") && reason.contains("may have been delivered"), "{name}: {reason}");
        let copies = relay.messages();
        assert_eq!(copies.len(), COPIES, "{name}");
        assert!(copies.iter().all(|copy| *copy == copies[0]), "{name}: the copies differ");
        assert!(String::from_utf8_lossy(&copies[0]).contains("Message-ID: <"), "{name}");
    });
}

#[test]
fn the_count_of_copies_outlives_a_restart_and_the_owner_may_send_again() {
    let folder = Folder::new();
    let relay = relay(&[("END", Says::Close)]);
    let mut gateway = gateway(&folder, &relay, &[]).started();
    write_to(&gateway, "bob@world.example");
    wait_for("a first copy", SOON, || (!relay.messages().is_empty()).then_some(()));
    wait_for("word of it", SOON, || {
        let message = gateway.messages().into_iter().find(|message| message["to"] == "bob@world.example")?;
        message["reason"].as_str()?.contains("may have been delivered").then_some(())
    });
    gateway.stop();
    gateway.start();
    becomes(&gateway, "closed", "bob@world.example", "held");
    assert_eq!(relay.messages().len(), COPIES);
    // Released it goes once more, and is held again when that is not answered either.
    let id = gateway.messages()[0]["id"].as_str().unwrap().to_owned();
    gateway.cli_ok(&["queue", "release", &id], "");
    wait_for("a fourth copy", SOON, || (relay.messages().len() == COPIES + 1).then_some(()));
    let reason = becomes(&gateway, "closed", "bob@world.example", "held");
    assert!(reason.contains("4 times"), "{reason}");
    relay.behave();
    gateway.cli_ok(&["queue", "release", &id], "");
    becomes(&gateway, "answered", "bob@world.example", "delivered");
    assert_eq!(relay.messages().len(), COPIES + 2);
}

/// The wait behind an unanswered message is the longest of the usual ones.
#[test]
fn a_copy_goes_only_after_a_long_wait() {
    let folder = Folder::new();
    let relay = relay(&[("END", Says::Close)]);
    let gateway = gateway(&folder, &relay, &[("queue.retry_most", "1h")]).started();
    write_to(&gateway, "bob@world.example");
    let message = wait_for("word of it", SOON, || {
        let message = gateway.messages().into_iter().find(|message| message["to"] == "bob@world.example")?;
        message["reason"].as_str()?.contains("given it once and did not answer").then_some(message)
    });
    let time = |value: &serde_json::Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    let wait = time(&message["next"]) - time(&message["accepted"]);
    assert!((3600..4000).contains(&wait), "{message}");
    assert_eq!((message["state"].as_str(), relay.messages().len()), (Some("queued"), 1));
}
