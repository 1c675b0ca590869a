//! The page and mail programs look at one mailbox, and what was shown stays as it was.

use std::fs;
use std::path::Path;

use super::{boxed, mail};
use crate::support::shore::Shore;
use crate::support::web::Client;
use crate::support::{Imap, SOON, Smtp, Station, send, wait_for};

/// Messages in a folder, as STATUS counts them.
fn count(imap: &mut Imap, folder: &str) -> u32 {
    let said = imap.ok(&format!("STATUS {folder} (MESSAGES)"));
    let (_, rest) = said.split_once("(MESSAGES ").unwrap();
    rest.split(')').next().unwrap().parse().unwrap()
}

#[test]
fn what_arrives_is_read_moved_and_removed() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "INBOX");
    assert!(imap.ok("NOOP").lines().count() == 1);
    imap.write(b"i IDLE\r\n");
    assert_eq!(imap.line().as_deref(), Some(&b"+ idling\r\n"[..]));
    send(&gateway, None, "bob@world.example", "olga@shore.example", "Subject: One\n\nfirst");
    assert_eq!(imap.line().as_deref(), Some(&b"* 1 EXISTS\r\n"[..]));
    imap.write(b"DONE\r\n");
    let said = String::from_utf8(imap.until("i")).unwrap();
    assert_eq!(said, "* 1 RECENT\r\ni OK done\r\n");
    let said = imap.ok("FETCH 1 (FLAGS UID RFC822.SIZE BODY[TEXT])");
    assert!(said.contains("FLAGS (\\Seen \\Recent)") && said.contains("BODY[TEXT] {7}\r\nfirst\r\n"), "{said}");
    assert!(imap.ok("UID MOVE 1 Archive").contains("* 1 EXPUNGE"));
    assert_eq!((count(&mut imap, "INBOX"), count(&mut imap, "Archive")), (0, 1));
    imap.ok("SELECT Archive");
    imap.ok("STORE 1 +FLAGS.SILENT (\\Deleted)");
    assert!(imap.ok("EXPUNGE").contains("* 1 EXPUNGE"));
    assert_eq!(count(&mut imap, "Archive"), 0);
}

/// Case 2, and case 1 for a restart and a restore: every mail is the same at each look.
#[test]
fn every_mail_is_byte_identical_twice_over_a_restart_and_a_restore() {
    let shore = Shore::start();
    let mut gateway = boxed(&shore);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail");
    let mut mails: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    mails.retain(|path| path.extension().is_some_and(|ending| ending == "eml"));
    mails.sort();
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "INBOX");
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for path in &mails {
        let bytes = fs::read(path).unwrap();
        // As APPEND keeps it: line ends are CR LF.
        let mut mail = Vec::new();
        for (at, byte) in bytes.iter().enumerate() {
            match (byte, at.checked_sub(1).map(|before| bytes[before])) {
                (b'\n', Some(b'\r')) => {}
                (b'\r' | b'\n', _) => mail.extend(b"\r\n"),
                _ => mail.push(*byte),
            }
        }
        if mail.is_empty() || mail.contains(&0) {
            continue;
        }
        let said = imap.append("INBOX", &mail);
        assert!(said.contains("OK [APPENDUID"), "{}: {said}", path.display());
        kept.push(mail);
    }
    // What came by SMTP has our trace, and stays as it is with that.
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    smtp.mail("bob@world.example", "olga@shore.example", "Subject: By SMTP\n\ntext");
    let look = |gateway: &Station| {
        let mut imap = Imap::open(gateway.listener("imap"), "olga", "INBOX");
        let uids = imap.uids();
        let found: Vec<_> = uids.iter().map(|uid| imap.fetch(*uid, "")).collect();
        for (uid, bytes) in uids.iter().zip(&found) {
            let said = imap.say(&format!("UID FETCH {uid} (RFC822.SIZE BODYSTRUCTURE ENVELOPE)"));
            assert!(said.contains(&format!("RFC822.SIZE {} ", bytes.len())), "{said}");
            assert!(!said.contains("  ") || said.contains('{') || said.contains('"'), "{said}");
            // Header and text together are the whole.
            let parts = [imap.fetch(*uid, "HEADER"), imap.fetch(*uid, "TEXT")].concat();
            assert!(parts == *bytes, "{uid}");
        }
        found
    };
    let first = look(&gateway);
    assert_eq!(first.len(), kept.len() + 1);
    for (at, mail) in kept.iter().enumerate() {
        assert!(first[at] == *mail, "mail {at} is not what was put there");
    }
    assert!(look(&gateway) == first);
    let validity = |gateway: &Station| {
        let said = Imap::of(gateway.listener("imap"), "olga").ok("STATUS INBOX (UIDVALIDITY)");
        said.split_once("UIDVALIDITY ").unwrap().1.split(')').next().unwrap().parse::<u32>().unwrap()
    };
    let before = validity(&gateway);
    gateway.stop();
    gateway.start();
    assert!(look(&gateway) == first);
    assert_eq!(validity(&gateway), before);
    let backup = shore.folder.path("backup");
    gateway.cli_ok(&["backup", backup.to_str().unwrap()], "");
    gateway.stop();
    gateway.cli_ok(&["restore", "--replace", backup.to_str().unwrap()], "");
    gateway.start();
    assert!(look(&gateway) == first);
    assert!(validity(&gateway) > before, "UIDs may have been given since the backup");
}

/// Case 14: one entry in Sent for what left, also when the program appends its own copy.
#[test]
fn sent_has_no_doubles_and_shows_the_state() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let text = "From: olga@shore.example\nTo: bob@world.example\nSubject: Hi\nMessage-ID: <hi@olga>\n\nhello";
    let mut smtp = Smtp::connect(gateway.listener("submission"));
    smtp.login("olga");
    assert!(smtp.mail("olga@shore.example", "bob@world.example", text).starts_with("250"));
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "Sent");
    assert_eq!(imap.uids(), [1]);
    let copy = text.replace('\n', "\r\n");
    assert!(imap.append("Sent (\\Seen)", copy.as_bytes()).contains(" 1] kept"));
    assert_eq!(imap.uids(), [1]);
    // Another Message-ID is another mail, and no error.
    assert!(imap.append("Sent (\\Seen)", copy.replace("hi@olga", "other@olga").as_bytes()).contains(" 2] kept"));
    wait_for("the state in Sent", SOON, || imap.ok("FETCH 1 (FLAGS)").contains("$Delivered").then_some(()));
    // The copy that a program files before it submits the mail is the one that stays: nothing else knows whom Bcc named.
    let early = text.replace("hi@olga", "early@olga");
    let copy = early.replace("Subject", "Bcc: ben@shore.example\nSubject").replace('\n', "\r\n");
    assert!(imap.append("Sent (\\Flagged plans)", copy.as_bytes()).contains(" 3] kept"));
    assert!(smtp.mail("olga@shore.example", "bob@world.example", &early).starts_with("250"));
    let said = wait_for("the state of the copy", SOON, || {
        Some(imap.ok("FETCH 3 (FLAGS)")).filter(|said| said.contains("$Delivered"))
    });
    assert!(said.contains("\\Flagged") && said.contains("plans") && !said.contains("$Queued"), "{said}");
    assert_eq!(imap.uids(), [1, 2, 3]);
    assert_eq!(String::from_utf8(imap.fetch(3, "")).unwrap(), copy);
    assert!(imap.append("Sent (\\Seen)", copy.as_bytes()).contains(" 3] kept"));
    // A mail that is sent on as it is has the Message-ID of another, and is a mail of its own; whoever submits it first or last.
    let resent = |id: &str| {
        format!("Resent-From: olga@shore.example\nResent-To: eve@world.example\nResent-Message-ID: <{id}@olga>\n{text}")
    };
    let copy = |id: &str| resent(id).replace('\n', "\r\n");
    assert!(imap.append("Sent (\\Seen)", copy("first").as_bytes()).contains(" 4] kept"));
    assert!(smtp.mail("olga@shore.example", "eve@world.example", &resent("first")).starts_with("250"));
    assert!(smtp.mail("olga@shore.example", "eva@world.example", &resent("second")).starts_with("250"));
    imap.ok("NOOP");
    assert_eq!(imap.uids(), [1, 2, 3, 4, 5]);
    assert!(imap.append("Sent (\\Seen)", copy("second").as_bytes()).contains(" 5] kept"));
    // Nothing that is appended is sent.
    imap.append("Drafts (\\Draft)", mail("draft").as_bytes());
    assert_eq!(gateway.messages().len(), 4);
}

/// Case 15: twenty versions of a draft leave one, and sending it removes that.
#[test]
fn drafts_that_are_saved_each_minute_leave_one() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "Drafts");
    let draft =
        |n: u32| format!("From: olga@shore.example\r\nMessage-ID: <draft@olga>\r\nSubject: {n}\r\n\r\ntext\r\n");
    for n in 0..20 {
        assert!(imap.append("Drafts (\\Draft \\Seen)", draft(n).as_bytes()).contains("OK [APPENDUID"));
    }
    assert_eq!(imap.uids(), [20]);
    let mut smtp = Smtp::connect(gateway.listener("submission"));
    smtp.login("olga");
    let finished = draft(20).replace("\r\n", "\n");
    assert!(smtp.mail("olga@shore.example", "bob@world.example", &finished).starts_with("250"));
    assert!(imap.ok("NOOP").contains("* 1 EXPUNGE"));
    assert_eq!(imap.uids(), [] as [u32; 0]);
}

/// The page is another look at the same: read here is read there, and gone here is in Trash there.
#[test]
fn the_page_and_programs_see_one_mailbox() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    send(&gateway, None, "bob@world.example", "olga@shore.example", "Subject: One\n\nfirst");
    send(&gateway, None, "bob@world.example", "olga@shore.example", "Subject: Two\n\nsecond");
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "INBOX");
    let mut page = Client::logged_in(&gateway, "olga");
    let token = page.token("/mailbox/m1");
    let press = |path: &str| assert_eq!(page.form(path, &format!("csrf={token}"), &page.own()).status, 303);
    press("/mailbox/m1/read");
    assert!(imap.ok("NOOP").contains("* 1 FETCH (UID 1 FLAGS (\\Seen"));
    imap.ok("STORE 2 +FLAGS (\\Seen)");
    assert!(!page.get("/mailbox").body.contains("class=unread"));
    press("/mailbox/m1/delete");
    assert!(imap.ok("NOOP").contains("* 1 EXPUNGE"));
    assert_eq!((count(&mut imap, "INBOX"), count(&mut imap, "Trash")), (1, 1));
    assert!(!page.get("/mailbox").body.contains("One"));
}

/// Every folder has its page: what a program put there is read, moved and removed by hand, and the program sees it.
#[test]
fn folders_are_pages_too() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "Archive");
    let kept = "From: Bob <bob@world.example>\r\nTo: Olga <olga@shore.example>\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\
                MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nThe text\r\n\
                --b\r\nContent-Type: text/plain; name=notes.txt\r\nContent-Disposition: attachment\r\n\r\nin the file\r\n--b--\r\n";
    assert!(imap.append("Archive", kept.as_bytes()).contains("OK [APPENDUID"));
    imap.ok("CREATE Work/Ships");
    let mut page = Client::logged_in(&gateway, "olga");
    let list = page.get("/mailbox?folder=4").body;
    assert!(
        list.contains("Gr\u{fc}\u{df}e") && list.contains("Bob") && list.contains("&#x2f;mailbox&#x2f;4&#x2f;1\""),
        "{list}"
    );
    let mail = page.get("/mailbox/4/1").body;
    assert!(mail.contains("The text") && mail.contains("notes.txt") && mail.contains("Work&#x2f;Ships"), "{mail}");
    assert_eq!(page.get("/mailbox/4/1.eml").body, kept);
    assert_eq!(page.get("/mailbox/4/1/files/1").body.trim_end(), "in the file");
    for nowhere in ["/mailbox/4/2", "/mailbox/99/1", "/mailbox/4/1/files/2", "/mailbox?folder=99", "/mailbox/4/x"] {
        assert_eq!(page.get(nowhere).status, 404, "{nowhere}");
    }
    assert_eq!(Client::logged_in(&gateway, "ben").get("/mailbox/4/1").status, 404);
    let token = page.token("/mailbox/4/1");
    let number = mail.split("<option value=\"").find(|option| option.contains("Work&#x2f;Ships")).unwrap();
    let number = number.split('"').next().unwrap().to_owned();
    let press = |path: &str, more: &str| {
        assert_eq!(page.form(path, &format!("csrf={token}{more}"), &page.own()).status, 303, "{path}");
    };
    press("/mailbox/4/1/read", "");
    assert!(imap.ok("NOOP").contains("FLAGS (\\Seen"));
    press("/mailbox/4/1/move", &format!("&to={number}"));
    assert!(imap.ok("NOOP").contains("* 1 EXPUNGE"));
    assert_eq!(count(&mut imap, "Work/Ships"), 1);
    press(&format!("/mailbox/{number}/1/delete"), "");
    assert_eq!((count(&mut imap, "Work/Ships"), count(&mut imap, "Trash")), (0, 1));
    press("/mailbox/5/1/delete", "");
    assert_eq!(count(&mut imap, "Trash"), 0);
    // What a program put into INBOX is there as well, and what was sent says whom it went to and how far it got.
    assert!(imap.append("INBOX", kept.as_bytes()).contains("OK [APPENDUID"));
    assert!(page.get("/mailbox").body.contains("&#x2f;mailbox&#x2f;1&#x2f;1"));
    send(
        &gateway,
        Some("olga"),
        "olga@shore.example",
        "bob@world.example",
        "To: Bob <bob@world.example>\nSubject: Out\n\nx",
    );
    let sent = page.get("/mailbox?folder=2").body;
    assert!(sent.contains("Out") && sent.contains(">To<"), "{sent}");
}

/// A message without a mail, which was written on the page, is a mail with its thread.
#[test]
fn what_has_no_mail_gets_its_bytes_once() {
    let shore = Shore::start();
    let mut gateway = boxed(&shore);
    gateway.cli_ok(&["send", "--from", "ben", "--subject", "Boat", "olga"], "All well");
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "INBOX");
    let first = imap.fetch(1, "");
    let text = String::from_utf8_lossy(&first).into_owned();
    assert!(
        text.contains("Subject: Boat\r\n") && text.contains("\r\nMessage-ID: <") && text.ends_with("All well\r\n"),
        "{text}"
    );
    gateway.cli_ok(&["send", "--from", "olga", "--subject", "Re: Boat", "ben"], "Fine");
    let mut ben = Imap::open(gateway.listener("imap"), "ben", "INBOX");
    let answer = String::from_utf8_lossy(&ben.fetch(1, "HEADER")).into_owned();
    let id = text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap();
    assert!(answer.contains(&format!("In-Reply-To: {id}")), "{answer}");
    // Another name of the box or of the person changes nothing of what was shown.
    gateway.cli_ok(&["settings", "set", "box.domain", "elsewhere.example"], "");
    gateway.stop();
    gateway.start();
    assert!(Imap::open(gateway.listener("imap"), "olga", "INBOX").fetch(1, "") == first);
}

/// A mailbox that is nearly full says so in a mail, once; a full one takes nothing more from programs, and all that arrives.
#[test]
fn a_full_mailbox_says_so() {
    let shore = Shore::start();
    let mut gateway = shore.gateway(&[("mailbox.quota", "1")], &["olga"]).started();
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "Archive");
    let large = [mail("large").as_bytes(), &b"0123456789abcdef".repeat(59_000)].concat();
    assert!(imap.append("Archive", &large).contains("OK [APPENDUID"));
    assert!(imap.append("Archive", &large).contains("NO [OVERQUOTA]"));
    assert!(imap.say("COPY 1 Trash").contains("NO [OVERQUOTA]"));
    // It is looked at when a box starts, and every hour.
    for _ in 0..2 {
        gateway.stop();
        gateway.start();
        let mut imap = Imap::open(gateway.listener("imap"), "olga", "INBOX");
        wait_for("the warning", SOON, || (!imap.ok("NOOP").is_empty() && !imap.uids().is_empty()).then_some(()));
        assert_eq!(imap.uids(), [1]);
        assert!(String::from_utf8_lossy(&imap.fetch(1, "")).contains("Subject: Your mailbox is nearly full\r\n"));
    }
    let long = format!("Subject: More\n\n{}", "a line of it\n".repeat(9000));
    send(&gateway, None, "bob@world.example", "olga@shore.example", &long);
    assert_eq!(Imap::open(gateway.listener("imap"), "olga", "INBOX").uids(), [1, 2]);
}
