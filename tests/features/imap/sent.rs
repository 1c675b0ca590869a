//! Sent beside what programs do there: their own copies of what they submitted, and all keywords taken.

use super::boxed;
use crate::support::shore::Shore;
use crate::support::{Imap, SOON, Smtp, wait_for};

const TEXT: &str = "From: olga@shore.example\nTo: bob@world.example\nSubject: Hi\nMessage-ID: <hi@olga>\n\nhello";

/// 14: what a program keeps of a mail that the box has filed is there once, and under the UID that it was told byte for byte as it
/// was appended.
#[test]
fn another_copy_of_what_was_sent_takes_its_place() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let mut smtp = Smtp::connect(gateway.listener("submission"));
    smtp.login("olga");
    assert!(smtp.mail("olga@shore.example", "bob@world.example", TEXT).starts_with("250"));
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "Sent");
    let mut other = Imap::open(gateway.listener("imap"), "olga", "Sent");
    other.ok("STORE 1 +FLAGS (\\Answered)");
    let copy = TEXT.replace("Subject", "Bcc: ben@shore.example\nSubject").replace('\n', "\r\n");
    let said = imap.append("Sent (\\Seen plans)", copy.as_bytes());
    assert!(said.contains(" 2] kept") && said.contains("* 1 EXPUNGE") && said.contains("* 1 EXISTS"), "{said}");
    assert!(other.ok("NOOP").contains("* 1 EXPUNGE"));
    for imap in [&mut imap, &mut other] {
        assert_eq!(imap.uids(), [2]);
        assert_eq!(String::from_utf8(imap.fetch(2, "")).unwrap(), copy);
    }
    // It is the entry of the mail from now on: with its state and what it was marked with.
    let said = wait_for("the state of the copy", SOON, || {
        Some(imap.ok("FETCH 1 (FLAGS)")).filter(|said| said.contains("$Delivered"))
    });
    assert!(["\\Seen", "\\Answered", "plans"].iter().all(|flag| said.contains(flag)), "{said}");
    // The same once more is the same; a third is a mail beside it, as nobody removed what a program was told is kept.
    assert!(imap.append("Sent (\\Seen)", copy.as_bytes()).contains(" 2] kept"));
    let third = copy.replace("hello", "hello again");
    assert!(imap.append("Sent (\\Seen)", third.as_bytes()).contains(" 3] kept"));
    assert_eq!((imap.uids(), String::from_utf8(imap.fetch(3, "")).unwrap()), (vec![2, 3], third));
    // A large one is compared in its file.
    let large = |end: &str| {
        let text = TEXT.replace("hi@olga", "large@olga");
        format!("{text}\n{}{end}", "0123456789abcdef\n".repeat(9000))
    };
    assert!(smtp.mail("olga@shore.example", "bob@world.example", &large("end")).starts_with("250"));
    let wire = |end: &str| large(end).replace('\n', "\r\n").into_bytes();
    assert!(imap.append("Sent (\\Seen)", &wire("end")).contains(" 4] kept"));
    assert!(imap.append("Sent (\\Seen)", &wire("END")).contains(" 5] kept"));
    assert_eq!((imap.uids(), imap.fetch(5, "") == wire("END")), (vec![2, 3, 5], true));
    assert_eq!(gateway.messages().len(), 2);
}

/// A folder whose keywords are all taken refuses a new one, and no mail that comes in: neither one that is submitted nor one that is
/// put there. One that lies in another folder stays there, with its keywords.
#[test]
fn a_folder_without_room_for_keywords_refuses_no_mail() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "Sent");
    let appended = TEXT.replace("hi@olga", "first@olga").replace('\n', "\r\n");
    assert!(imap.append("Sent (\\Seen)", appended.as_bytes()).contains(" 1] kept"));
    let words: Vec<_> = (0..60).map(|number| format!("word{number}")).collect();
    imap.ok(&format!("STORE 1 +FLAGS ({})", words.join(" ")));
    assert!(imap.say("STORE 1 +FLAGS (another)").contains(" NO [LIMIT] "));
    let permanent = |said: String| said.lines().find(|line| line.contains("PERMANENTFLAGS")).unwrap().to_owned();
    assert!(!permanent(imap.ok("SELECT Sent")).contains("\\*"));
    let mut smtp = Smtp::connect(gateway.listener("submission"));
    smtp.login("olga");
    assert!(smtp.mail("olga@shore.example", "bob@world.example", TEXT).starts_with("250"));
    imap.ok("NOOP");
    wait_for("the state in Sent", SOON, || imap.ok("FETCH 2 (FLAGS)").contains("$Delivered").then_some(()));
    // The mail is kept without what has no place.
    let said = imap.append("Sent (\\Seen another word1)", appended.replace("first@", "second@").as_bytes());
    assert!(said.contains(" 3] kept"), "{said}");
    let said = imap.ok("FETCH 3 (FLAGS)");
    assert!(said.contains("word1)") && !said.contains("another"), "{said}");
    assert!(permanent(imap.ok("SELECT Archive")).contains("\\*"));
    imap.append("Archive (\\Seen another)", appended.as_bytes());
    assert!(imap.say("COPY 1 Sent").contains(" NO [LIMIT] ") && imap.say("MOVE 1 Sent").contains(" NO [LIMIT] "));
    assert!(imap.ok("FETCH 1 (FLAGS)").contains("another"));
    imap.ok("SELECT Sent");
    assert_eq!(imap.uids(), [1, 2, 3]);
}
