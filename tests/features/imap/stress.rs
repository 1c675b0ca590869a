//! Ten clients at once in a few folders, each with a model of its own of what is in the open one. `SATPOST_SOAK` times as long
//! with `tests/soak/run 1 mailboxes`.
//!
//! After each round all of them fall silent, and then
//!
//! * each client knows the UIDs and flags that a question for all of them gives: whatever the others did, it was told;
//! * all that have one folder open know the same;
//! * one UID names one mail, under one UIDVALIDITY, for everybody and for ever;
//! * no mail is gone that nobody removed.
//!
//! Half of the clients use mod-sequences: they open a folder again with what they knew of it, and ask for the changes only.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Mutex;

use testing::soak;

use super::{boxed, mail};
use crate::support::shore::Shore;
use crate::support::{Dice, Imap, pause};

const CLIENTS: u64 = 10;
const ROUNDS: u64 = 2;
/// Actions of a client in a round.
const ACTIONS: u64 = 25;
const FOLDERS: [&str; 4] = ["INBOX", "Archive", "Work", "Work/2026"];
const FLAGS: [&str; 5] = ["\\Seen", "\\Answered", "\\Flagged", "$Work", "later"];
/// Mails that nobody removes.
const KEPT: usize = 40;

type Words = BTreeSet<String>;

/// What all clients know together.
#[derive(Default)]
struct Facts {
    /// The subject of each mail, by UIDVALIDITY and UID.
    names: Mutex<BTreeMap<(u64, u32), String>>,
    kept: Mutex<BTreeSet<String>>,
}

impl Facts {
    fn note(&self, validity: u64, uid: u32, name: &str) {
        let known = self.names.lock().unwrap().insert((validity, uid), name.to_owned());
        assert!(known.as_deref().is_none_or(|known| known == name), "{validity} {uid}: {known:?} and {name}");
    }

    fn name(&self, validity: u64, uid: u32) -> Option<String> {
        self.names.lock().unwrap().get(&(validity, uid)).cloned()
    }
}

/// What a client knew of a folder when it left it.
struct Left {
    validity: u64,
    highest: u64,
    flags: BTreeMap<u32, Words>,
}

struct Client<'a> {
    facts: &'a Facts,
    at: SocketAddr,
    imap: Imap,
    dice: Dice,
    number: u64,
    made: u64,
    condstore: bool,
    folder: &'static str,
    validity: u64,
    /// Of a message whose UID was not told yet only the place is known.
    uids: Vec<Option<u32>>,
    flags: BTreeMap<u32, Words>,
    /// The last change of each message, and the last of all.
    changed: BTreeMap<u32, u64>,
    highest: u64,
    left: BTreeMap<&'static str, Left>,
}

/// What stands behind a word, up to one of these ends.
fn behind<'s>(line: &'s str, word: &str, ends: &[char]) -> Option<&'s str> {
    line.split_once(word).map(|(_, rest)| rest.split(ends).next().unwrap())
}

fn number_behind(line: &str, word: &str) -> Option<u64> {
    behind(line, word, &[' ', ')', ']']).map(|number| number.parse().unwrap())
}

/// The numbers of a set such as `1:3,5`.
fn expand(set: &str) -> Vec<u32> {
    let ends = set.split(',').map(|range| range.split_once(':').unwrap_or((range, range)));
    ends.flat_map(|(first, last)| first.parse().unwrap()..=last.parse().unwrap()).collect()
}

impl<'a> Client<'a> {
    fn new(facts: &'a Facts, at: SocketAddr, number: u64) -> Self {
        let mut client = Self {
            facts,
            at,
            imap: Imap::of(at, "olga"),
            dice: Dice::new(500 + number),
            number,
            made: 0,
            condstore: number.is_multiple_of(2),
            folder: FOLDERS[0],
            validity: 0,
            uids: Vec::new(),
            flags: BTreeMap::new(),
            changed: BTreeMap::new(),
            highest: 0,
            left: BTreeMap::new(),
        };
        client.open(FOLDERS[0], "SELECT");
        client
    }

    /// Takes what is told; gives the UIDs whose flags were.
    fn hear(&mut self, said: &str) -> BTreeSet<u32> {
        let mut told = BTreeSet::new();
        for line in said.lines() {
            let words: Vec<_> = line.splitn(4, ' ').collect();
            match words[..] {
                ["*", "BYE", ..] => panic!("{line}"),
                ["*", place, "EXPUNGE"] => {
                    if let Some(uid) = self.uids.remove(place.parse::<usize>().unwrap() - 1) {
                        self.flags.remove(&uid);
                        self.changed.remove(&uid);
                    }
                }
                ["*", count, "EXISTS"] => {
                    let count = count.parse::<usize>().unwrap();
                    assert!(count >= self.uids.len(), "{said}");
                    self.uids.resize(count, None);
                }
                ["*", place, "FETCH", rest] => {
                    let place = place.parse::<usize>().unwrap() - 1;
                    assert!(place < self.uids.len(), "{said}");
                    if let Some(uid) = number_behind(rest, "UID ") {
                        let uid = u32::try_from(uid).unwrap();
                        assert_eq!(*self.uids[place].get_or_insert(uid), uid, "{said}");
                    }
                    let Some(uid) = self.uids[place] else { continue };
                    if let Some(modseq) = number_behind(rest, "MODSEQ (") {
                        let before = self.changed.insert(uid, modseq);
                        assert!(before.is_none_or(|before| before <= modseq), "{before:?}: {said}");
                        self.highest = self.highest.max(modseq);
                    }
                    if let Some(flags) = behind(rest, "FLAGS (", &[')']) {
                        assert!(!self.condstore || rest.contains("MODSEQ ("), "{said}");
                        let flags = flags.split_whitespace().filter(|flag| *flag != "\\Recent");
                        self.flags.insert(uid, flags.map(str::to_owned).collect());
                        told.insert(uid);
                    }
                }
                ["*", "OK", "[UIDVALIDITY", rest] => self.validity = number_behind(&format!("={rest}"), "=").unwrap(),
                ["*", "OK", "[HIGHESTMODSEQ", rest] => {
                    self.highest = self.highest.max(number_behind(&format!("={rest}"), "=").unwrap());
                }
                _ => {}
            }
            if let Some(copied) = behind(line, "[COPYUID ", &[']']) {
                let [validity, from, to] = copied.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
                let (from, to) = (expand(from), expand(to));
                assert_eq!(from.len(), to.len(), "{line}");
                for (from, to) in from.into_iter().zip(to) {
                    if let Some(name) = self.facts.name(self.validity, from) {
                        self.facts.note(validity.parse().unwrap(), to, &name);
                    }
                }
            }
        }
        told
    }

    /// Says a command that has to be done, and then asks for what is new; gives what was said to the command, and the UIDs whose
    /// flags were told with it.
    fn say(&mut self, command: &str) -> (String, BTreeSet<u32>) {
        let said = self.imap.ok(command);
        let told = self.hear(&said);
        // A later one may be known already, by a change that was told.
        while let Some(first) = self.uids.iter().position(Option::is_none) {
            let next = self.uids[..first].iter().flatten().last().map_or(1, |uid| uid + 1);
            let new = self.imap.ok(&format!("UID FETCH {next}:* ({})", self.wanted()));
            self.hear(&new);
        }
        (said, told)
    }

    fn wanted(&self) -> &'static str {
        if self.condstore { "FLAGS MODSEQ" } else { "FLAGS" }
    }

    /// Opens a folder; what was known of it before is brought up to date by its changes.
    fn open(&mut self, folder: &'static str, verb: &str) {
        (self.uids, self.flags, self.changed, self.highest) = Default::default();
        self.folder = folder;
        let parameter = if self.condstore { " (CONDSTORE)" } else { "" };
        let said = self.imap.ok(&format!("{verb} {folder}{parameter}"));
        self.hear(&said);
        // Of all that are there, also of those that another client removes just now.
        let said = self.imap.ok("UID FETCH 1:* (UID)");
        self.hear(&said);
        let since = match self.left.remove(folder).filter(|left| left.validity == self.validity && self.condstore) {
            Some(left) => {
                self.flags = left.flags;
                self.flags.retain(|uid, _| self.uids.contains(&Some(*uid)));
                format!(" (CHANGEDSINCE {})", left.highest)
            }
            None => String::new(),
        };
        self.say(&format!("UID FETCH 1:* ({}){since}", self.wanted()));
    }

    /// Leaves the open folder in one of the ways there are, and notes what was known of it.
    fn leave(&mut self) {
        self.say("NOOP");
        let left = Left { validity: self.validity, highest: self.highest, flags: self.flags.clone() };
        self.left.insert(self.folder, left);
        match self.dice.below(4) {
            // What is marked as deleted goes.
            0 => drop(self.imap.ok("CLOSE")),
            1 => drop(self.imap.ok("UNSELECT")),
            2 => {
                self.imap.ok("LOGOUT");
                self.imap = Imap::of(self.at, "olga");
            }
            _ => {}
        }
    }

    fn append(&mut self) {
        let to = *self.dice.one_of(&FOLDERS);
        self.made += 1;
        let mut name = format!("n{}-{}", self.number, self.made);
        let mut kept = self.facts.kept.lock().unwrap();
        if kept.len() < KEPT && self.dice.chance(30) {
            name = format!("keep-{name}");
            kept.insert(name.clone());
        }
        drop(kept);
        let said = self.imap.append(to, mail(&name).as_bytes());
        let [validity, uid] = behind(&said, "[APPENDUID ", &[']']).unwrap().split(' ').collect::<Vec<_>>()[..] else {
            panic!("{said}")
        };
        self.facts.note(validity.parse().unwrap(), uid.parse().unwrap(), &name);
        self.hear(&said);
        self.say("NOOP");
    }

    /// A message of which the subject is known, and that may be removed or doubled.
    fn loose(&mut self) -> Option<u32> {
        let name = |uid: &u32| self.facts.name(self.validity, *uid);
        let loose = self.uids.iter().flatten().filter(|uid| name(uid).is_some_and(|name| !name.starts_with("keep-")));
        let loose: Vec<u32> = loose.copied().collect();
        (!loose.is_empty()).then(|| *self.dice.one_of(&loose))
    }

    /// Changes flags of messages that follow each other, and believes that it was done where nothing else is told.
    fn store(&mut self) {
        let first = self.dice.index(self.uids.len());
        let last = (first + self.dice.index(12)).min(self.uids.len() - 1);
        let words: Words = (0..2).map(|_| (*self.dice.one_of(&FLAGS)).to_owned()).collect();
        let (sign, silent) = (*self.dice.one_of(&["+", "-", ""]), self.dice.chance(50));
        let list = words.iter().cloned().collect::<Vec<_>>().join(" ");
        let verb = format!("{sign}FLAGS{} ({list})", if silent { ".SILENT" } else { "" });
        let of: Vec<u32> = self.uids[first..=last].iter().map(|uid| uid.unwrap()).collect();
        // What is not known to be so is not believed: flags may be told as late as now.
        let mut expected = BTreeMap::new();
        for uid in of {
            let mut flags = self.flags.get(&uid).cloned().unwrap_or_default();
            match sign {
                "+" => flags.extend(words.clone()),
                "-" => flags.retain(|flag| !words.contains(flag)),
                _ => flags = words.clone(),
            }
            expected.insert(uid, flags);
        }
        let (_, told) = match self.dice.chance(50) {
            true => self.say(&format!("STORE {}:{} {verb}", first + 1, last + 1)),
            false => {
                let (first, last) = (self.uids[first].unwrap(), self.uids[last].unwrap());
                self.say(&format!("UID STORE {first}:{last} {verb}"))
            }
        };
        for (uid, flags) in expected {
            // One that another client removed, which is not told yet, has no flags.
            if silent && self.uids.contains(&Some(uid)) && !told.contains(&uid) {
                self.flags.insert(uid, flags);
            }
        }
    }

    /// A message is read, if it is still there: it is whole, and has the text of its own subject.
    fn read(&mut self) {
        let uid = self.dice.one_of(&self.uids).unwrap();
        let peek = if self.dice.chance(50) { ".PEEK" } else { "" };
        // What else is told stands before the text.
        let items = format!("{} RFC822.SIZE BODY{peek}[] ENVELOPE BODYSTRUCTURE", self.wanted());
        let (said, _) = self.say(&format!("UID FETCH {uid} ({items})"));
        if let Some((_, rest)) = said.split_once("Subject: ") {
            let name = rest.lines().next().unwrap();
            let whole = mail(name);
            assert!(said.contains(&whole) && said.contains(&format!("RFC822.SIZE {}", whole.len())), "{said}");
            self.facts.note(self.validity, uid, name);
        }
    }

    /// Waits in IDLE for a moment, and takes what is told there.
    fn idle(&mut self) {
        self.imap.write(b"i IDLE\r\n");
        let mut said = self.imap.until("+");
        pause();
        self.imap.write(b"DONE\r\n");
        said.extend(self.imap.until("i"));
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("i OK"), "{said}");
        self.hear(&said);
        self.say("NOOP");
    }

    /// A folder of one's own is made, filled, renamed, looked at, and removed.
    fn own_folder(&mut self) {
        let (old, new) = (format!("Own{}", self.number), format!("Alt{}/&APY-&-", self.number));
        self.say(&format!("CREATE {old}"));
        for name in ["a", "b"] {
            let said = self.imap.append(&old, mail(&format!("{old}-{name}")).as_bytes());
            assert!(said.contains("OK [APPENDUID"), "{said}");
            self.hear(&said);
        }
        self.say(&format!("RENAME {old} {new}"));
        let (said, _) = self.say(&format!("STATUS {new} (MESSAGES UNSEEN UIDNEXT)"));
        assert!(said.contains("(MESSAGES 2 UNSEEN 2 UIDNEXT 3)"), "{said}");
        let (said, _) = self.say(&format!("LIST \"\" {old}"));
        assert!(!said.contains("* LIST"), "{said}");
        self.say(&format!("DELETE {new}"));
        self.say(&format!("DELETE Alt{}", self.number));
    }

    /// Does one thing, by chance.
    fn act(&mut self) {
        let (place, to) = (self.dice.index(self.uids.len()) + 1, *self.dice.one_of(&FOLDERS));
        match self.dice.below(if self.uids.is_empty() { 5 } else { 16 }) {
            0 | 1 => self.append(),
            2 => {
                self.leave();
                let verb = if self.dice.chance(20) { "EXAMINE" } else { "SELECT" };
                self.open(to, verb);
                if verb == "EXAMINE" {
                    self.open(to, "SELECT");
                }
            }
            3 if self.dice.chance(30) => self.own_folder(),
            3 | 4 => self.idle(),
            5 | 6 => self.read(),
            7 => {
                let (said, _) = self.say("UID SEARCH FLAGGED");
                let found = said.lines().find_map(|line| line.strip_prefix("* SEARCH")).unwrap();
                assert!(found.split_whitespace().all(|uid| uid.parse::<u32>().is_ok()), "{said}");
            }
            8 => {
                if let Some(uid) = self.loose() {
                    self.say(&format!("UID COPY {uid} {to}"));
                }
            }
            9 => drop(self.say(&format!("MOVE {place} {to}"))),
            10 | 11 => {
                if let Some(uid) = self.loose() {
                    self.say(&format!("UID STORE {uid} +FLAGS (\\Deleted)"));
                }
            }
            12 => drop(self.say("EXPUNGE")),
            13 => drop(self.say("UID EXPUNGE 1:20")),
            _ => self.store(),
        }
    }

    /// While nobody changes anything: what is known is what is there.
    fn settle(&mut self) {
        self.say("NOOP");
        let (uids, flags) = (self.uids.clone(), self.flags.clone());
        if self.condstore {
            let (said, _) = self.say(&format!("UID FETCH 1:* (FLAGS MODSEQ) (CHANGEDSINCE {})", self.highest));
            assert!(!said.contains("FETCH ("), "behind {}: {said}", self.highest);
        }
        self.say(&format!("UID FETCH 1:* ({})", self.wanted()));
        assert_eq!((&uids, &flags), (&self.uids, &self.flags), "{} of client {}", self.folder, self.number);
        assert_eq!(uids.len(), flags.len());
    }
}

/// All mails of all folders, by name; that UIDs name what they named before is looked at on the way.
fn names(facts: &Facts, at: SocketAddr) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in FOLDERS {
        let mut imap = Imap::of(at, "olga");
        let said = imap.ok(&format!("EXAMINE {folder}"));
        let validity = number_behind(&said, "[UIDVALIDITY ").unwrap();
        let said = imap.ok("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])");
        let mut uid = None;
        for line in said.lines() {
            uid = number_behind(line, "UID ").map(|uid| u32::try_from(uid).unwrap()).or(uid);
            if let Some(name) = line.strip_prefix("Subject: ") {
                facts.note(validity, uid.unwrap(), name);
                names.insert(name.to_owned());
            }
        }
    }
    names
}

#[test]
fn ten_clients_at_once() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let at = gateway.listener("imap");
    let facts = Facts::default();
    Imap::of(at, "olga").ok("CREATE Work/2026");
    let mut clients: Vec<_> = (0..CLIENTS).map(|number| Client::new(&facts, at, number)).collect();
    for round in 0..ROUNDS * soak() {
        std::thread::scope(|scope| {
            for client in &mut clients {
                scope.spawn(|| (0..ACTIONS).for_each(|_| client.act()));
            }
        });
        clients.iter_mut().for_each(Client::settle);
        for client in &clients {
            let same = clients.iter().find(|other| other.folder == client.folder).unwrap();
            assert_eq!((&client.uids, &client.flags), (&same.uids, &same.flags), "round {round}");
        }
        let (there, kept) = (names(&facts, at), facts.kept.lock().unwrap());
        assert!(kept.is_subset(&there), "lost: {:?}", kept.difference(&there).collect::<Vec<_>>());
        println!("round {}: {} mails so far, {} there", round + 1, facts.names.lock().unwrap().len(), there.len());
    }
    assert!(!facts.kept.lock().unwrap().is_empty());
}
