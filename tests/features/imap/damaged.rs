//! A mail that the disk spoiled: said so, in the place of bytes that nobody wrote, and all others are served.

use std::fs;

use super::{boxed, mail};
use crate::support::Imap;
use crate::support::shore::Shore;

#[test]
fn a_damaged_mail_is_no_and_all_others_are_served() {
    let shore = Shore::start();
    let mut gateway = boxed(&shore);
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "INBOX");
    let large = |name: &str| mail(name) + &format!("{name} goes on\r\n").repeat(9000);
    for (number, mail) in (1..).zip([mail("one"), mail("spoiled"), mail("three"), large("four"), large("five")]) {
        assert!(imap.append("INBOX", mail.as_bytes()).contains(&format!(" {number}] kept")));
    }
    gateway.stop();
    // The text of the second one, wherever the store has it; a letter in the file of the fourth, and that of the fifth is gone.
    let store = gateway.folder.join("satpost.redb");
    let mut bytes = fs::read(&store).unwrap();
    let text = b"Body of spoiled";
    let places: Vec<_> = bytes.windows(text.len()).enumerate().filter(|(_, part)| part == text).collect();
    let places: Vec<_> = places.into_iter().map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| bytes[at] = b'X');
    fs::write(&store, bytes).unwrap();
    for file in fs::read_dir(gateway.folder.join("spool")).unwrap().map(|file| file.unwrap().path()) {
        let mut bytes = fs::read(&file).unwrap();
        if String::from_utf8_lossy(&bytes).contains("Subject: five") {
            fs::remove_file(&file).unwrap();
        } else {
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(&file, bytes).unwrap();
        }
    }
    gateway.start();
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "INBOX");
    for command in ["FETCH 1:* BODY.PEEK[]", "UID FETCH 1:* (FLAGS BODY[])", "FETCH 1:* RFC822"] {
        let said = imap.say(command);
        assert!(said.contains("Body of one") && said.contains("Body of three"), "{command}: {said}");
        assert!(!said.contains("ody of spoiled") && !said.contains("goes on"), "{command}");
        let last = said.lines().last().unwrap();
        assert!(
            last.contains(" NO [CORRUPTION] ") && last.contains(": UID 2,4:5; all others were sent"),
            "{command}: {said}"
        );
    }
    // The header of the second one is whole, which nobody can know.
    let said = imap.say("FETCH 1:3 (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])");
    assert!(said.contains("Subject: one") && said.contains("Subject: three") && !said.contains("Subject: spoiled"));
    assert!(said.lines().last().unwrap().contains(" NO [CORRUPTION] "), "{said}");
    assert!(imap.say("FETCH 2 BODYSTRUCTURE").contains(" NO [CORRUPTION] "));
    // The session goes on, and what needs no bytes of theirs is there.
    assert_eq!(imap.ok("FETCH 1:* (UID FLAGS RFC822.SIZE)").matches(" FETCH (").count(), 5);
    assert!(imap.ok("FETCH 3,1 BODY.PEEK[]").contains("Body of three"));
    imap.ok("STORE 2,4,5 +FLAGS (\\Deleted)");
    imap.ok("EXPUNGE");
    imap.ok("FETCH 1:* BODY.PEEK[]");
    assert_eq!(imap.uids(), [1, 3]);
}

/// The entry of a mail in its folder: what it was is lost, and no other with it. No program takes it for deleted, and people can.
#[test]
fn a_damaged_entry_costs_one_mail() {
    let shore = Shore::start();
    let mut gateway = boxed(&shore);
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "INBOX");
    // Its length, which stands in its entry beside that of its header, is that of no other.
    let spoiled = mail("spoiled") + &"x".repeat(7000) + "\r\n";
    let mails = [mail("one"), spoiled.clone(), mail("three")];
    mails.iter().for_each(|mail| drop(imap.append("INBOX", mail.as_bytes())));
    gateway.stop();
    let store = gateway.folder.join("satpost.redb");
    let mut bytes = fs::read(&store).unwrap();
    let header = spoiled.find("\r\n\r\n").unwrap() as u32 + 4;
    let lengths = [&(spoiled.len() as u64).to_le_bytes()[..], &header.to_le_bytes()].concat();
    let places: Vec<_> =
        bytes.windows(lengths.len()).enumerate().filter(|(_, part)| *part == lengths).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| bytes[at] ^= 1);
    fs::write(&store, bytes).unwrap();

    gateway.start();
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "INBOX");
    // Every listing has all three.
    assert_eq!(imap.uids(), [1, 2, 3]);
    assert_eq!(imap.ok("UID FETCH 1:* (FLAGS)").matches(" FETCH (").count(), 3);
    for items in ["RFC822.SIZE", "BODY.PEEK[]", "ENVELOPE"] {
        let said = imap.say(&format!("UID FETCH 1:* ({items})"));
        assert!(said.contains("(UID 1 ") && said.contains("(UID 3 ") && !said.contains("(UID 2 "), "{said}");
        let last = said.lines().last().unwrap();
        assert!(last.contains(" NO [CORRUPTION] ") && last.contains(": UID 2; all others were sent"), "{said}");
    }
    assert!(imap.ok("SEARCH SUBJECT three").contains("* SEARCH 3\r\n"));
    let said = imap.say("COPY 1:3 Archive");
    assert!(said.contains(" NO [CORRUPTION] ") && said.contains("UID 2; nothing was copied"), "{said}");
    assert!(imap.ok("STATUS Archive (MESSAGES)").contains("MESSAGES 0)"));
    imap.ok("STORE 1:3 +FLAGS (\\Seen)");
    let said = imap.say("MOVE 1:3 Archive");
    assert!(said.contains("[COPYUID ") && said.contains("UID 2; all others were moved"), "{said}");
    assert_eq!(imap.uids(), [2]);
    assert!(gateway.log_text().contains("INBOX, UID 2 of olga: its entry is damaged"));
    imap.ok("STORE 1 +FLAGS (\\Deleted)");
    imap.ok("EXPUNGE");
    assert!(imap.uids().is_empty());
}
