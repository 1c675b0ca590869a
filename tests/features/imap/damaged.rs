//! A mail that the disk spoiled: said so, in the place of bytes that nobody wrote, and all others are served.

use std::fs;

use super::{boxed, mail};
use crate::support::Imap;
use crate::support::shore::Shore;

#[test]
fn a_damaged_mail_is_no_and_all_others_are_served() {
    let shore = Shore::start();
    let mut gateway = boxed(&shore);
    let mut imap = Imap::open(gateway.door("imap"), "olga", "INBOX");
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
    let mut imap = Imap::open(gateway.door("imap"), "olga", "INBOX");
    for command in ["FETCH 1:* BODY.PEEK[]", "UID FETCH 1:* (FLAGS BODY[])", "FETCH 1:* RFC822"] {
        let said = imap.say(command);
        assert!(said.contains("Body of one") && said.contains("Body of three"), "{command}: {said}");
        assert!(!said.contains("ody of spoiled") && !said.contains("goes on"), "{command}");
        assert!(said.lines().last().unwrap().contains(" NO [CORRUPTION] "), "{command}: {said}");
    }
    assert!(imap.say("FETCH 2 BODYSTRUCTURE").contains(" NO [CORRUPTION] "));
    // The session goes on, and what needs no bytes of theirs is there.
    assert_eq!(imap.ok("FETCH 1:* (UID FLAGS RFC822.SIZE)").matches(" FETCH (").count(), 5);
    assert!(imap.ok("FETCH 3,1 BODY.PEEK[]").contains("Body of three"));
    imap.ok("STORE 2,4,5 +FLAGS (\\Deleted)");
    imap.ok("EXPUNGE");
    imap.ok("FETCH 1:* BODY.PEEK[]");
    assert_eq!(imap.uids(), [1, 3]);
}
