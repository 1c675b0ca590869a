//! Faults that other servers had: none of them here. The numbers are those of the list that they were collected in.

use super::{boxed, mail};
use crate::support::shore::Shore;
use crate::support::{Imap, Station};

fn one(shore: &Shore) -> (Station, Imap) {
    let gateway = boxed(shore);
    let imap = Imap::open(gateway.listener("imap"), "olga", "INBOX");
    (gateway, imap)
}

/// 3 to 9: sizes, partials, sections, structures, blanks.
#[test]
fn what_is_fetched_is_exact() {
    let shore = Shore::start();
    let (_gateway, mut imap) = one(&shore);
    imap.append("INBOX", b"Subject: no body\r\n\r\n");
    assert!(imap.ok("FETCH 1 RFC822.SIZE").contains("RFC822.SIZE 20)"));
    let said = imap.ok("FETCH 1 BODY.PEEK[HEADER]<0.12>");
    assert!(said.contains("* 1 FETCH (BODY[HEADER]<0> {12}\r\nSubject: no )\r\n"), "{said}");
    for at in [20, 21, 4_000_000] {
        let said = imap.ok(&format!("FETCH 1 BODY.PEEK[]<{at}.10>"));
        assert!(said.contains(&format!("(BODY[]<{at}> {{0}}\r\n)\r\n")), "{said}");
    }
    let nested = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: inline\r\n\r\ntext\r\n--b\r\n\
        Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner text\r\n--b--\r\n";
    imap.append("INBOX", nested.as_bytes());
    assert_eq!(imap.fetch(2, "2.MIME"), b"Content-Type: message/rfc822\r\n\r\n");
    assert_eq!(imap.fetch(2, "2"), b"Subject: inner\r\n\r\ninner text");
    assert_eq!(imap.fetch(2, "2.HEADER"), b"Subject: inner\r\n\r\n");
    assert_eq!(imap.fetch(2, "2.TEXT"), b"inner text");
    assert_eq!(imap.fetch(2, "2.1"), b"inner text");
    assert_eq!(imap.fetch(2, "2.HEADER.FIELDS (Subject To)"), b"Subject: inner\r\n\r\n");
    assert!(imap.ok("FETCH 2 BODY.PEEK[3]").contains("BODY[3] NIL)"));
    let said = imap.ok("FETCH 2 BODYSTRUCTURE");
    assert!(said.contains("(\"inline\" NIL)") && !said.contains("  ") && !said.contains(" )"), "{said}");
    for broken in ["Content-Type: multipart/mixed\r\n\r\nx", "Content-Type: multipart/mixed; boundary=q\r\n\r\nx\r\n"] {
        imap.append("INBOX", broken.as_bytes());
        assert!(imap.ok("FETCH * (BODY BODYSTRUCTURE)").contains("BODY (\"text\" \"plain\" "));
    }
}

/// 11, 12, 13, 16, 17, 19, 21, 24.
#[test]
fn what_is_changed_is_changed_and_nothing_else() {
    let shore = Shore::start();
    let (gateway, mut imap) = one(&shore);
    for (to, fine) in [
        ("INBOX", true),
        ("INBOX (\\Seen $Label1)", true),
        ("INBOX \"29-Nov-2026 10:00:00 +0100\"", true),
        ("INBOX (\\Flagged) \" 1-Jan-2026 00:00:00 +0000\"", true),
        ("Sent (\\Seen)", true),
        ("Nowhere", false),
    ] {
        let said = imap.append(to, mail("a").as_bytes());
        assert_eq!(said.contains("OK [APPENDUID"), fine, "{to}: {said}");
        assert!(fine || said.contains("NO [TRYCREATE]"), "{said}");
    }
    let said = imap.ok("FETCH 2:4 (FLAGS INTERNALDATE)");
    assert!(said.contains("FLAGS (\\Seen \\Recent $Label1)"), "{said}");
    assert!(said.contains("INTERNALDATE \"29-Nov-2026 09:00:00 +0000\""), "{said}");
    assert!(said.contains("INTERNALDATE \" 1-Jan-2026 00:00:00 +0000\""), "{said}");
    for size in [64 * 1024 + 1, 10 * 1024 * 1024] {
        let large = [mail("large").as_bytes(), &b"0123456789abcdef".repeat(size / 16)].concat();
        assert!(imap.append("INBOX", &large).contains("OK [APPENDUID"));
        let uid = imap.uids().pop().unwrap();
        assert!(imap.fetch(uid, "") == large);
        let said = imap.ok(&format!("UID FETCH {uid} BODY.PEEK[]<{}.100>", large.len() - 7));
        let tail = String::from_utf8_lossy(&large[large.len() - 7..]).into_owned();
        assert!(said.contains(&format!("{{7}}\r\n{tail})\r\n")), "{said}");
    }
    assert!(imap.append("INBOX", b"Subject: a\0b\r\n\r\n").contains(" NO "));
    // Line ends that a program left bare are mended.
    imap.append("INBOX", b"Subject: bare\n\nx\ry\r\n");
    let last = imap.uids().pop().unwrap();
    assert_eq!(imap.fetch(last, ""), b"Subject: bare\r\n\r\nx\r\ny\r\n");
    assert!(imap.ok("EXPUNGE").lines().count() == 1);
    imap.ok("UID STORE 1,3 +FLAGS.SILENT (\\Deleted)");
    assert!(imap.ok("UID EXPUNGE 2:3").contains("* 3 EXPUNGE"));
    assert!(imap.uids().starts_with(&[1, 2, 4]));
    let mut other = Imap::open(gateway.listener("imap"), "olga", "INBOX");
    other.ok("UID MOVE 2 Archive");
    let said = imap.ok("UID MOVE 2 Archive");
    assert!(!said.contains("COPYUID"), "{said}");
    for folder in ["Sent", "Trash", "Drafts", "Archive"] {
        assert!(imap.say(&format!("CREATE {folder}")).contains("NO [ALREADYEXISTS]"));
        assert_eq!(imap.ok("LIST \"\" \"*\"").matches(&format!("\\{folder}")).count(), 1);
    }
    let selected = imap.uids();
    assert!(imap.ok("EXAMINE INBOX").contains("OK [READ-ONLY]"));
    assert_eq!(imap.uids(), selected);
    assert!(imap.say("STORE 1 +FLAGS (\\Seen)").contains(" NO "));
    assert!(imap.ok("FETCH 1 BODY[]").contains("BODY[] {") && !imap.ok("FETCH 1 FLAGS").contains("\\Seen"));
}

/// 10, 20, 23, 26: what is said at odd moments.
#[test]
fn odd_words_get_clear_answers() {
    let shore = Shore::start();
    let mut gateway = boxed(&shore);
    let at = gateway.listener("imap");
    let mut imap = Imap::connect(at);
    for literal in ["{400000000}", "{-1}", "{}", "{9999999999}"] {
        let said = imap.say(&format!("LOGIN {literal}"));
        assert!(said.contains(" BAD ") || said.contains(" NO [TOOBIG]"), "{said}");
    }
    assert!(imap.say("SELECT INBOX").contains("BAD log in first"));
    imap.write(b"\r\n* OK fake\r\n+ x\r\n");
    assert!(imap.line().unwrap().starts_with(b"* BAD"));
    assert!(imap.line().unwrap().starts_with(b"* BAD"));
    let mut imap = Imap::of(at, "olga@shore.example");
    imap.ok("SELECT INBOX");
    // The end of IDLE in the packet of its begin, twice, and a command inside.
    imap.write(b"a IDLE\r\nDONE\r\nDONE\r\nb NOOP\r\nc IDLE\r\nd NOOP\r\n");
    let said = String::from_utf8([imap.until("b"), imap.until("d")].concat()).unwrap();
    assert!(
        said.contains("a OK") && said.contains("b OK") && said.contains("c BAD") && said.contains("d OK"),
        "{said}"
    );
    // Who is idle hears the end.
    imap.write(b"e IDLE\r\n");
    imap.line();
    gateway.stop();
    let bye = String::from_utf8(imap.line().unwrap()).unwrap();
    assert!(bye.starts_with("* BYE ") && bye.trim_end().len() > "* BYE ".len(), "{bye}");
    // A plain client on the encrypted port is sent away and no wrong password is counted.
    gateway.start();
    let mut plain = std::net::TcpStream::connect(gateway.listener("imaps")).unwrap();
    std::io::Write::write_all(&mut plain, b"a LOGIN olga wrong\r\n").unwrap();
    let heard = crate::support::read_all(&mut plain);
    assert!(!heard.contains("OK"), "{heard}");
    let mut encrypted = Imap::connect(gateway.listener("imap"));
    encrypted.write(&[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0, b'\r', b'\n']);
    assert!(encrypted.line().is_some());
    assert!(!gateway.log_text().contains("wrong name or password"));
}

/// 18 and 4 of the compliance list: no needless EXISTS, keywords before they are shown.
#[test]
fn news_come_in_order() {
    let shore = Shore::start();
    let (gateway, mut imap) = one(&shore);
    for name in ["a", "b", "c"] {
        imap.append("INBOX", mail(name).as_bytes());
    }
    let mut other = Imap::open(gateway.listener("imap"), "olga", "INBOX");
    imap.write(b"i IDLE\r\n");
    imap.line();
    other.ok("STORE 1 +FLAGS (\\Deleted)");
    other.ok("EXPUNGE");
    other.ok("STORE 1 +FLAGS (Urgent)");
    let mut heard = Vec::new();
    while !heard.iter().any(|line: &String| line.contains("Urgent)") && line.contains("FETCH")) {
        heard.push(String::from_utf8(imap.line().unwrap()).unwrap());
    }
    assert!(!heard.iter().any(|line| line.contains("EXISTS")), "{heard:?}");
    let place = |words: &str| {
        heard.iter().position(|line| line.contains(words)).unwrap_or_else(|| panic!("{words}: {heard:?}"))
    };
    // One wake-up may tell of both commands.
    let shown = place("* 1 FETCH (UID 2 FLAGS (");
    assert!(place("* 1 EXPUNGE") < shown && place("* FLAGS (") < shown, "{heard:?}");
    imap.write(b"DONE\r\n");
    imap.until("i");
    // Moving into the open folder: it goes, and comes with a new number.
    let said = imap.ok("UID MOVE 2 INBOX");
    assert!(said.contains("* OK [COPYUID") && said.find("EXPUNGE") < said.find("EXISTS"), "{said}");
    assert_eq!(imap.uids(), [3, 4]);
    // No message changes its place in the answer to a command that names places.
    other.ok("UID STORE 3 +FLAGS (\\Deleted)");
    other.ok("EXPUNGE");
    assert!(!imap.ok("FETCH 1:2 FLAGS").contains(" EXPUNGE\r\n"));
    assert!(!imap.ok("SEARCH ALL").contains("EXPUNGE"));
    assert!(imap.ok("NOOP").contains("* 1 EXPUNGE"));
}

#[test]
fn searches_find_what_is_there() {
    let shore = Shore::start();
    let (_gateway, mut imap) = one(&shore);
    let coded = "From: =?utf-8?q?J=C3=B6rg?= <joerg@world.example>\r\nTo: crew: a@x.org, b@x.org;\r\n\
        Subject: =?utf-8?b?w5xiZXIgYWxsZW0=?=\r\nDate: Mon, 2 Nov 2026 10:00:00 +0200\r\n\
        Content-Transfer-Encoding: base64\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nR3LDvMOfZQ==\r\n";
    imap.append("INBOX (\\Seen work) \" 5-Nov-2026 10:00:00 +0000\"", coded.as_bytes());
    imap.append("INBOX (\\Flagged) \" 6-Nov-2026 10:00:00 +0000\"", mail("plain").as_bytes());
    let mut find = |key: &str| {
        let said = imap.ok(&format!("SEARCH {key}"));
        said.lines().find(|line| line.starts_with("* SEARCH")).unwrap()["* SEARCH".len()..].trim().to_owned()
    };
    for (key, found) in [
        ("ALL", "1 2"),
        ("SEEN", "1"),
        ("NOT SEEN", "2"),
        ("OR FLAGGED KEYWORD work", "1 2"),
        ("(UNSEEN FLAGGED)", "2"),
        ("CHARSET UTF-8 SUBJECT {5+}\r\n\u{fc}ber", "1"),
        ("FROM joerg@world", "1"),
        ("CHARSET UTF-8 FROM {5+}\r\nj\u{f6}rg", "1"),
        ("CHARSET UTF-8 BODY {7+}\r\ngr\u{fc}\u{df}e", "1"),
        ("TO a@x.org", "1"),
        ("TEXT \"body of plain\"", "2"),
        ("HEADER Message-ID plain@world", "2"),
        ("HEADER Date \"\"", "1"),
        ("SENTON 2-Nov-2026", "1"),
        ("SINCE 6-Nov-2026", "2"),
        ("BEFORE 6-Nov-2026", "1"),
        ("LARGER 200", "1"),
        ("UID 2", "2"),
        ("2:*", "2"),
        ("NEW", "2"),
        ("OLD", ""),
    ] {
        assert_eq!(find(key), found, "{key}");
    }
    assert!(imap.say("SEARCH CHARSET KOI8-R ALL").contains("NO [BADCHARSET"));
    let said = imap.ok("SEARCH MODSEQ 1");
    assert!(said.contains("* SEARCH 1 2 (MODSEQ 3)"), "{said}");
    assert!(imap.ok("FETCH 1:2 (FLAGS) (CHANGEDSINCE 2)").matches("FETCH (").count() == 1);
    let said = imap.ok("STORE 1:2 (UNCHANGEDSINCE 2) +FLAGS.SILENT (\\Answered)");
    assert!(said.contains("[MODIFIED 2]") && said.contains("* 1 FETCH (UID 1 MODSEQ (4))"), "{said}");
}

#[test]
fn folders_are_made_listed_and_renamed() {
    let shore = Shore::start();
    let (_gateway, mut imap) = one(&shore);
    imap.ok("CREATE Work/2026/");
    imap.ok("CREATE Entw&APw-rfe");
    let said = imap.ok("LIST \"\" \"*\"");
    assert!(said.contains("(\\HasChildren) \"/\" \"Work\"") && said.contains("\"Entw&APw-rfe\""), "{said}");
    assert!(said.contains("(\\HasNoChildren \\Sent) \"/\" \"Sent\""), "{said}");
    assert_eq!(imap.ok("LIST \"\" %").matches("* LIST").count(), 7);
    assert_eq!(imap.ok("LIST Work/ %").matches("* LIST").count(), 1);
    assert!(imap.ok("LIST \"\" \"\"").contains("* LIST (\\Noselect) \"/\" \"\""));
    imap.ok("RENAME Work Done");
    imap.ok("UNSUBSCRIBE Done");
    assert!(!imap.ok("LSUB \"\" *").contains("\"Done\"\r\n"));
    imap.ok("DELETE Done");
    assert!(imap.ok("LIST \"\" %").contains("(\\Noselect \\HasChildren) \"/\" \"Done\""));
    let said = imap.ok("STATUS Done/2026 (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)");
    assert!(said.contains("* STATUS \"Done/2026\" (MESSAGES 0 RECENT 0 UIDNEXT 1 UIDVALIDITY "), "{said}");
    // INBOX has no case, and what lies below it lies below one folder.
    imap.ok("CREATE inbox/Ships");
    assert!(imap.append("Inbox/Ships", mail("ship").as_bytes()).contains("OK [APPENDUID"));
    imap.ok("RENAME INBOX/Ships Inbox/Boats");
    let said = imap.ok("LIST \"\" INBOX*");
    assert!(said.contains("(\\HasChildren) \"/\" \"INBOX\"") && said.contains("\"INBOX/Boats\""), "{said}");
    assert!(imap.ok("STATUS iNBOX/Boats (MESSAGES RECENT)").contains("(MESSAGES 1 RECENT 1)"));
    for (command, code) in [
        ("CREATE inbox", "ALREADYEXISTS"),
        ("CREATE inbox/Boats", "ALREADYEXISTS"),
        ("DELETE INBOX", "CANNOT"),
        ("RENAME Sent Gone", "CANNOT"),
        ("SELECT Nowhere", "NONEXISTENT"),
        ("CREATE a//b", "CANNOT"),
        ("CREATE &bad", "CANNOT"),
    ] {
        assert!(imap.say(command).contains(&format!("NO [{code}]")), "{command}");
    }
}
