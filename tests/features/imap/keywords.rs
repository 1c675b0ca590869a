//! A folder has sixty keywords at most: what does not fit is refused before anything is changed, and never lost on the way.

use super::{boxed, mail};
use crate::support::Imap;
use crate::support::shore::Shore;

#[test]
fn a_keyword_without_a_place_is_never_lost_on_the_way() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "Archive");
    imap.append("Archive", mail("full").as_bytes());
    let words: Vec<_> = (0..60).map(|number| format!("word{number}")).collect();
    imap.ok(&format!("STORE 1 +FLAGS ({})", words.join(" ")));
    // No new one can be made, and the client is told so.
    let said = imap.ok("SELECT Archive");
    assert!(said.contains("word59)] these") && !said.contains("\\*"), "{said}");
    let said = imap.say("STORE 1 +FLAGS (word1 other)");
    assert!(said.contains(" NO [LIMIT] ") && said.contains("nothing was changed"), "{said}");
    imap.ok("STORE 1 -FLAGS (other)");

    imap.ok("SELECT INBOX");
    for name in ["one", "two", "three"] {
        imap.append("INBOX", mail(name).as_bytes());
    }
    imap.ok("STORE 1 +FLAGS (WORD7)");
    imap.ok("STORE 2 +FLAGS (mine)");
    for command in ["COPY 1:3 Archive", "MOVE 1:3 Archive", "UID MOVE 1:3 Archive"] {
        let said = imap.say(command);
        let last = said.lines().last().unwrap();
        assert!(last.contains(" NO [LIMIT] ") && last.contains("nothing was "), "{said}");
        assert!(!said.contains("COPYUID") && !said.contains("EXPUNGE"), "{said}");
    }
    assert!(imap.ok("STATUS Archive (MESSAGES)").contains("MESSAGES 1)"));
    assert_eq!(imap.uids(), [1, 2, 3]);
    // Those whose keywords are known there, or that have none, go with what they have.
    assert!(imap.ok("MOVE 1,3 Archive").contains("[COPYUID "));
    imap.ok("SELECT Archive");
    let said = imap.ok("FETCH 2:3 (FLAGS)");
    assert!(
        said.contains("* 2 FETCH (FLAGS (\\Recent word7))") && said.contains("* 3 FETCH (FLAGS (\\Recent))"),
        "{said}"
    );

    // A mail that cannot be deleted would be worse than one without its keyword.
    imap.append("Trash", mail("gone").as_bytes());
    imap.ok("SELECT Trash");
    imap.ok(&format!("STORE 1 +FLAGS ({})", words.join(" ")));
    imap.ok("SELECT INBOX");
    assert!(imap.ok("MOVE 1 Trash").contains("[COPYUID "));
    assert!(gateway.log_text().contains("a mail has no keyword 'mine' in Trash"));
}
