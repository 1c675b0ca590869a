//! Several sessions on one folder, and what each of them is told: the order of words that mail programs keep their picture by.

use super::{boxed, mail};
use crate::support::Imap;
use crate::support::shore::Shore;

/// Each message is recent in one session alone, whoever came first and whoever heard first of what came later.
#[test]
fn a_message_is_recent_once() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let at = gateway.listener("imap");
    let mut writer = Imap::of(at, "olga");
    writer.append("INBOX", mail("old").as_bytes());
    let mut looker = Imap::of(at, "olga");
    assert!(looker.ok("EXAMINE INBOX").contains("* 1 RECENT"));
    writer.append("INBOX", mail("older").as_bytes());
    assert!(looker.ok("NOOP").contains("* 2 EXISTS\r\n* 2 RECENT"));
    let mut first = Imap::of(at, "olga");
    assert!(first.ok("SELECT INBOX").contains("* 2 RECENT"));
    let mut second = Imap::of(at, "olga");
    assert!(second.ok("SELECT INBOX").contains("* 0 RECENT"));
    writer.append("INBOX", mail("new").as_bytes());
    assert!(second.ok("NOOP").contains("* 3 EXISTS\r\n* 1 RECENT"));
    assert!(first.ok("NOOP").contains("* 3 EXISTS\r\n* 2 RECENT"));
    assert_eq!(first.ok("SEARCH RECENT").lines().next(), Some("* SEARCH 1 2"));
    assert_eq!(second.ok("SEARCH RECENT").lines().next(), Some("* SEARCH 3"));
    assert!(!first.ok("FETCH 3 FLAGS").contains("\\Recent"));
    assert!(second.ok("FETCH 3 FLAGS").contains("\\Recent"));
    // Each goes on with what it hears of first.
    writer.append("INBOX", mail("newest").as_bytes());
    assert!(first.ok("NOOP").contains("* 3 RECENT"));
    assert!(second.ok("NOOP").contains("* 1 RECENT"));
    assert!(looker.ok("NOOP").contains("* 4 EXISTS\r\n* 2 RECENT"));
}

/// A silent STORE hides what it did itself, not what another session did before it.
#[test]
fn a_silent_store_hides_nothing_of_others() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let at = gateway.listener("imap");
    let mut one = Imap::open(at, "olga", "INBOX");
    one.append("INBOX", mail("a").as_bytes());
    one.append("INBOX", mail("b").as_bytes());
    let mut other = Imap::open(at, "olga", "INBOX");
    other.ok("STORE 1 +FLAGS (\\Flagged)");
    let said = one.ok("STORE 1:2 +FLAGS.SILENT (\\Seen)");
    assert!(said.contains("* 1 FETCH (FLAGS (\\Flagged \\Seen") && !said.contains("* 2 FETCH"), "{said}");
    // What it did itself just now is no news.
    let said = one.ok("STORE 1 +FLAGS.SILENT (\\Answered)");
    assert!(!said.contains("FETCH"), "{said}");
    assert!(!one.ok("NOOP").contains("FETCH"));
    // What another session did to several at once is told of those that are not named too, also where there was nothing left
    // to do.
    other.ok("STORE 1:2 +FLAGS (\\Draft)");
    let said = one.ok("STORE 1 +FLAGS.SILENT (\\Draft)");
    assert!(said.contains("* 1 FETCH (") && said.contains("* 2 FETCH ("), "{said}");
}

/// What a session did not change is not its own change: the rest of what another session changed with it is told.
#[test]
fn what_others_changed_is_told_although_it_was_asked_for_as_well() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let at = gateway.listener("imap");
    let mut one = Imap::open(at, "olga", "INBOX");
    for name in ["a", "b", "c"] {
        one.append("INBOX", mail(name).as_bytes());
    }
    let mut other = Imap::open(at, "olga", "INBOX");
    other.ok("STORE 1:3 +FLAGS (\\Flagged)");
    // The second of the two is silent, and was not told either.
    let said = one.ok("STORE 1:2 +FLAGS.SILENT (\\Flagged)");
    assert!(said.contains("* 1 FETCH") && said.contains("* 2 FETCH"), "{said}");
    // With the answer or behind it.
    let said = said + &one.ok("NOOP");
    assert!(said.contains("* 3 FETCH (UID 3 FLAGS (\\Flagged"), "{said}");
    other.ok("STORE 1:3 +FLAGS (\\Seen)");
    let said = one.ok("FETCH 1 BODY[TEXT]") + &one.ok("NOOP");
    assert!(said.contains("* 2 FETCH") && said.contains("* 3 FETCH"), "{said}");
}

/// A message that came before a removal, and got a flag behind it, is there once the removal is told.
#[test]
fn nothing_new_is_lost_around_a_removal() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let at = gateway.listener("imap");
    let mut one = Imap::open(at, "olga", "INBOX");
    one.append("INBOX", mail("a").as_bytes());
    let mut other = Imap::open(at, "olga", "INBOX");
    assert!(one.ok("NOOP").is_empty() || one.ok("SEARCH ALL").contains("* SEARCH 1\r\n"));
    other.append("INBOX", mail("b").as_bytes());
    other.append("INBOX", mail("c").as_bytes());
    other.ok("STORE 1 +FLAGS (\\Deleted)");
    other.ok("EXPUNGE");
    other.ok("STORE 1 +FLAGS (\\Flagged)");
    // While places may not change the removal is not told, and what is told has no hole.
    one.ok("FETCH 1 FLAGS");
    assert!(one.ok("NOOP").contains("* 2 EXISTS"));
    assert_eq!(one.ok("UID SEARCH ALL").lines().next(), Some("* SEARCH 2 3"));
    assert!(one.ok("FETCH 1 FLAGS").contains("\\Flagged"));
}

/// A folder that was removed is gone for a session that has it open, whatever is made in its place.
#[test]
fn a_new_folder_is_not_the_old_one() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let at = gateway.listener("imap");
    let mut other = Imap::of(at, "olga");
    other.ok("CREATE Work");
    other.append("Work", mail("old").as_bytes());
    let mut one = Imap::open(at, "olga", "Work");
    other.ok("DELETE Work");
    other.ok("CREATE New");
    other.append("New", mail("new").as_bytes());
    one.say("STORE 1 +FLAGS (\\Deleted)");
    let mut third = Imap::open(at, "olga", "New");
    assert!(!third.ok("FETCH 1 FLAGS").contains("Deleted"));
}

/// Who asks for mod-sequences once is told the one of the open folder, and from then on one with each change, and the UID.
#[test]
fn mod_sequences_come_with_every_change() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let mut imap = Imap::of(gateway.listener("imap"), "olga");
    imap.append("INBOX", mail("a").as_bytes());
    imap.append("INBOX", mail("b").as_bytes());
    let selected = imap.ok("SELECT INBOX");
    let known = selected.lines().find(|line| line.contains("HIGHESTMODSEQ")).unwrap().to_owned();
    let said = imap.ok("FETCH 1 MODSEQ");
    assert!(said.starts_with(&known) && said.contains("* 1 FETCH (MODSEQ ("), "{said}");
    assert!(!imap.ok("FETCH 2 MODSEQ").contains("HIGHESTMODSEQ"));
    let said = imap.ok("FETCH 1 BODY[TEXT]");
    assert!(said.starts_with("* 1 FETCH (UID 1 BODY[TEXT] {") && said.contains(" MODSEQ ("), "{said}");
    assert!(imap.ok("STORE 2 +FLAGS (\\Seen)").contains("* 2 FETCH (UID 2 FLAGS (\\Seen \\Recent) MODSEQ ("));
    for asks in
        ["ENABLE CONDSTORE", "STATUS INBOX (HIGHESTMODSEQ)", "SEARCH MODSEQ 1", "STORE 1 (UNCHANGEDSINCE 99) FLAGS ()"]
    {
        let mut imap = Imap::open(gateway.listener("imap"), "olga", "INBOX");
        assert!(imap.ok(asks).contains("* OK [HIGHESTMODSEQ "), "{asks}");
    }
}

/// What another session removed keeps its place until that is told; who asks for more of it than its UID hears why it is not
/// there.
#[test]
fn what_others_removed_is_said_to_be_gone() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let at = gateway.listener("imap");
    let mut one = Imap::open(at, "olga", "INBOX");
    for name in ["a", "b", "c"] {
        one.append("INBOX", mail(name).as_bytes());
    }
    let mut other = Imap::open(at, "olga", "INBOX");
    other.ok("STORE 2 +FLAGS (\\Deleted)");
    other.ok("EXPUNGE");
    assert!(one.ok("FETCH 1:3 UID").contains("* 2 FETCH (UID 2)\r\n* 3 FETCH (UID 3)"));
    let said = one.ok("FETCH 1:3 (UID RFC822.SIZE)");
    assert!(said.contains("* 3 FETCH (UID 3 ") && said.contains(" OK [EXPUNGEISSUED] "), "{said}");
    let mut late = Imap::open(at, "olga", "INBOX");
    other.ok("STORE 2 +FLAGS (\\Deleted)");
    other.ok("EXPUNGE");
    let said = late.ok("UID FETCH 1:3 (FLAGS)");
    assert!(said.contains("* 1 FETCH (UID 1 ") && said.contains(" OK [EXPUNGEISSUED] "), "{said}");
    assert!(!late.ok("UID FETCH 1:3 (FLAGS)").contains("EXPUNGEISSUED"));
}

/// In a search, a range up to the last message holds it, also where the other end lies beyond; nothing is changed by such a
/// range.
#[test]
fn open_ends_mean_the_last_message() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let mut imap = Imap::open(gateway.listener("imap"), "olga", "INBOX");
    assert!(imap.ok("SEARCH 1:*").starts_with("* SEARCH\r\n"));
    for name in ["a", "b"] {
        imap.append("INBOX", mail(name).as_bytes());
    }
    for (set, found) in [("3:*", "2"), ("*:9", "2"), ("*:1", "1 2"), ("1:*", "1 2"), ("*", "2"), ("1,3:*", "1 2")] {
        assert!(imap.ok(&format!("SEARCH {set}")).starts_with(&format!("* SEARCH {found}\r\n")), "{set}");
        assert!(imap.ok(&format!("UID SEARCH UID {set}")).starts_with(&format!("* SEARCH {found}\r\n")), "{set}");
    }
    assert!(imap.say("SEARCH 3").contains(" BAD "));
    for refused in ["FETCH 1:3 FLAGS", "STORE 3:* +FLAGS.SILENT (\\Deleted)", "COPY 3:* Trash"] {
        assert!(imap.say(refused).contains(" BAD "), "{refused}");
    }
    assert!(imap.say("STATUS INBOX ()").contains(" BAD "));
}

/// What a program subscribes to is its own choice; a level above it that it did not choose is shown as such.
#[test]
fn subscriptions_are_the_programs_own() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let mut imap = Imap::of(gateway.listener("imap"), "olga");
    assert_eq!(imap.ok("LSUB \"\" *").matches("* LSUB").count(), 5);
    imap.ok("CREATE Work/2026/May");
    assert!(!imap.ok("LSUB \"\" *").contains("Work"));
    imap.ok("SUBSCRIBE Work/2026");
    let said = imap.ok("LSUB \"\" Work%");
    assert!(said.contains("* LSUB (\\Noselect \\HasChildren) \"/\" \"Work\"\r\n"), "{said}");
    let said = imap.ok("LSUB \"\" Work/%");
    assert!(said.contains("* LSUB (\\HasChildren) \"/\" \"Work/2026\"\r\n"), "{said}");
    let said = imap.ok("LSUB \"\" *");
    assert!(said.contains("\"Work/2026\"") && !said.contains("\"Work\"") && !said.contains("May"), "{said}");
    imap.ok("SUBSCRIBE Work");
    let said = imap.ok("LSUB \"\" %");
    assert!(
        said.contains("* LSUB (\\HasChildren) \"/\" \"Work\"\r\n") && said.matches("\"Work\"").count() == 1,
        "{said}"
    );
}

/// A folder that was opened before is told as it is now, whatever happened in it meanwhile.
#[test]
fn a_folder_that_is_opened_again_is_as_it_is_now() {
    let shore = Shore::start();
    let mut gateway = boxed(&shore);
    let mut other = Imap::open(gateway.listener("imap"), "olga", "INBOX");
    for name in ["a", "b", "c", "d"] {
        other.append("INBOX", mail(name).as_bytes());
    }
    other.ok("NOOP");
    let look = |gateway: &crate::support::Station| {
        let mut imap = Imap::of(gateway.listener("imap"), "olga");
        let said = imap.ok("SELECT INBOX");
        let unseen = said.split_once("[UNSEEN ").map(|(_, rest)| rest.split(']').next().unwrap().to_owned());
        let uids = imap.uids();
        assert!(said.contains(&format!("* {} EXISTS", uids.len())), "{said}");
        (uids, unseen)
    };
    let seen = |place: u32| Some(place.to_string());
    for (command, uids, unseen) in [
        ("NOOP", vec![1, 2, 3, 4], seen(1)),
        ("UID STORE 1 +FLAGS (\\Seen)", vec![1, 2, 3, 4], seen(2)),
        ("UID STORE 2:3 +FLAGS (\\Deleted)", vec![1, 2, 3, 4], seen(2)),
        ("EXPUNGE", vec![1, 4], seen(2)),
        ("UID MOVE 1 INBOX", vec![4, 5], seen(1)),
        ("UID STORE 4 FLAGS (\\Seen)", vec![4, 5], None),
        ("UID MOVE 4:5 Archive", vec![], None),
    ] {
        other.ok(command);
        assert_eq!(look(&gateway), (uids.clone(), unseen.clone()), "{command}");
        assert_eq!(look(&gateway), (uids, unseen), "{command}, once more");
    }
    other.append("INBOX", mail("e").as_bytes());
    assert_eq!(look(&gateway), (vec![6], seen(1)));
    gateway.stop();
    gateway.start();
    assert_eq!(look(&gateway), (vec![6], seen(1)));
}
