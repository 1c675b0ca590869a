//! kill -9 at any moment: nothing is lost that was answered with OK, nothing comes back that was removed, no UID names two
//! mails.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{boxed, mail};
use crate::support::shore::Shore;
use crate::support::{Dice, Imap};

#[test]
fn a_kill_loses_nothing_and_brings_nothing_back() {
    let shore = Shore::start();
    let mut gateway = boxed(&shore);
    let mut dice = Dice::new(3);
    // Subject of each mail whose APPEND was answered, by UID in INBOX; what was moved and removed is not there.
    let mut kept: BTreeMap<u32, String> = BTreeMap::new();
    let mut ever: BTreeMap<u32, String> = BTreeMap::new();
    let (mut moved, mut removed, mut doubtful) = (Vec::new(), Vec::new(), Vec::new());
    let mut flagged = Vec::new();
    for round in 0..8 {
        let at = gateway.listener("imap");
        // After so many mails were answered, and a moment more.
        let (least, more) = (4 + dice.below(12), Duration::from_micros(dice.below(20_000)));
        let pid = gateway.pid();
        let mut imap = Imap::open(at, "olga", "INBOX");
        let (turns, turned) = std::sync::mpsc::channel();
        let killer = std::thread::spawn(move || {
            (0..least).for_each(|_| turned.recv().unwrap());
            // A moment more; what is answered within it does not count.
            let _ = turned.recv_timeout(more);
            let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
            assert!(killed.unwrap().success());
        });
        for turn in 0.. {
            let name = format!("r{round}n{turn}");
            let said = imap.append("INBOX", mail(&name).as_bytes());
            let Some((_, uid)) = said.split_once("[APPENDUID ") else {
                doubtful.push(name);
                break;
            };
            let uid: u32 = uid.split([' ', ']']).nth(1).unwrap().parse().unwrap();
            assert_eq!(ever.insert(uid, name.clone()), None, "UID {uid} was given twice");
            kept.insert(uid, name.clone());
            // The last ones are heard by nobody.
            let _ = turns.send(());
            match turn % 3 {
                1 => {
                    let said = imap.say(&format!("UID MOVE {uid} Archive"));
                    kept.remove(&uid);
                    if said.contains(" OK done") { moved.push(name) } else { doubtful.push(name) }
                }
                2 => {
                    imap.say(&format!("UID STORE {uid} +FLAGS (\\Deleted)"));
                    let said = imap.say(&format!("UID EXPUNGE {uid}"));
                    kept.remove(&uid);
                    if said.contains(" OK done") { removed.push(name) } else { doubtful.push(name) }
                }
                _ => {
                    if imap.say(&format!("UID STORE {uid} +FLAGS (\\Flagged)")).contains(" OK done") {
                        flagged.push(uid);
                    }
                }
            }
        }
        killer.join().unwrap();
        gateway.kill();
        gateway.start();
        let mut imap = Imap::open(gateway.listener("imap"), "olga", "INBOX");
        let mut found = BTreeMap::new();
        for uid in imap.uids() {
            let header = String::from_utf8(imap.fetch(uid, "HEADER.FIELDS (SUBJECT)")).unwrap();
            found.insert(uid, header.trim()["Subject: ".len()..].to_owned());
        }
        for (uid, name) in &kept {
            assert_eq!(found.get(uid), Some(name), "UID {uid} was answered with OK");
        }
        for (uid, name) in &found {
            assert!(kept.contains_key(uid) || doubtful.contains(name), "{name} is back");
            assert!(ever.get(uid).is_none_or(|known| known == name), "UID {uid} names two mails");
        }
        let said = imap.ok("UID SEARCH FLAGGED");
        let found_flagged: Vec<_> =
            said.lines().next().unwrap().split(' ').filter_map(|word| word.parse().ok()).collect();
        assert!(flagged.iter().all(|uid: &u32| found_flagged.contains(uid)), "{flagged:?} were flagged: {said}");
        // What was not answered is there or not, and from here on it is what it is.
        found.into_iter().for_each(|(uid, name)| {
            ever.insert(uid, name.clone());
            kept.insert(uid, name);
        });
        imap.ok("SELECT Archive");
        let mut archived = Vec::new();
        for uid in imap.uids() {
            let header = String::from_utf8(imap.fetch(uid, "HEADER.FIELDS (SUBJECT)")).unwrap();
            archived.push(header.trim()["Subject: ".len()..].to_owned());
        }
        assert!(moved.iter().all(|name| archived.iter().filter(|known| *known == name).count() == 1));
        assert!(removed.iter().all(|name| !archived.contains(name)));
    }
    assert!(!moved.is_empty() && !removed.is_empty() && !flagged.is_empty());
}
