//! Several clients at once, each with a model of the mailbox that has to come true.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{boxed, mail};
use crate::support::shore::Shore;
use crate::support::{Dice, Imap, pause};

/// What a client believes: the UIDs in their places, and the flags that it was told.
struct Model {
    imap: Imap,
    /// Of a message whose UID was not told yet only the place is known.
    uids: Vec<Option<u32>>,
    flags: BTreeMap<u32, String>,
}

impl Model {
    /// Takes what a reply tells about the mailbox.
    fn hear(&mut self, said: &str) {
        for line in said.lines() {
            let words: Vec<_> = line.splitn(4, ' ').collect();
            match words[..] {
                ["*", place, "EXPUNGE"] => {
                    let gone = self.uids.remove(place.parse::<usize>().unwrap() - 1);
                    gone.map(|uid| self.flags.remove(&uid));
                }
                ["*", count, "EXISTS"] => {
                    let count = count.parse::<usize>().unwrap();
                    assert!(count >= self.uids.len(), "{said}");
                    self.uids.resize(count, None);
                }
                ["*", place, "FETCH", rest] => {
                    let place = place.parse::<usize>().unwrap();
                    let Some((_, uid)) = rest.split_once("UID ") else { continue };
                    let uid: u32 = uid.split([' ', ')']).next().unwrap().parse().unwrap();
                    let known = self.uids[place - 1].get_or_insert(uid);
                    assert_eq!(*known, uid, "{said}");
                    if let Some((_, flags)) = rest.split_once("FLAGS (") {
                        let flags = flags.split(')').next().unwrap().replace("\\Recent", "");
                        self.flags.insert(uid, flags.trim().to_owned());
                    }
                }
                _ => {}
            }
        }
    }

    /// Says a command, and then asks for what is new.
    fn say(&mut self, command: &str) {
        let said = self.imap.say(command);
        self.hear(&said);
        let next = self.uids.iter().flatten().last().map_or(1, |uid| uid + 1);
        let said = self.imap.say(&format!("UID FETCH {next}:* (FLAGS)"));
        self.hear(&said);
    }
}

impl Model {
    fn new(at: SocketAddr) -> Self {
        let mut model = Self { imap: Imap::of(at, "olga"), uids: Vec::new(), flags: BTreeMap::new() };
        // Others may have put something there already.
        model.say("SELECT INBOX");
        model
    }

    /// Does one thing, by chance; `name` names what is appended.
    fn act(&mut self, dice: &mut Dice, name: &str) {
        let count = self.uids.len() as u64;
        let place = if count > 0 { dice.below(count) + 1 } else { 1 };
        match dice.below(if count > 0 { 8 } else { 1 }) {
            0 | 1 => {
                let said = self.imap.append("INBOX", mail(name).as_bytes());
                assert!(said.contains("OK [APPENDUID"), "{said}");
                self.hear(&said);
                self.say("NOOP");
            }
            2 => self.say(&format!("STORE {place} +FLAGS (\\Flagged)")),
            3 => self.say(&format!("STORE {place} -FLAGS.SILENT (\\Flagged \\Seen)")),
            4 => self.say(&format!("STORE {place} +FLAGS (\\Deleted)")),
            5 => self.say("EXPUNGE"),
            6 => self.say(&format!("COPY {place} INBOX")),
            _ => self.say(&format!("MOVE {place} INBOX")),
        }
    }

    /// Asks for all that is there.
    fn settle(&mut self) {
        self.say("NOOP");
        self.say("FETCH 1:* (UID FLAGS)");
    }
}

#[test]
fn each_client_sees_what_all_of_them_do() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let at = gateway.listener("imap");
    let mut clients = [Model::new(at), Model::new(at), Model::new(at)];
    let mut dice = Dice::new(7);
    for round in 0..400 {
        clients[dice.below(3) as usize].act(&mut dice, &format!("n{round}"));
    }
    clients.iter_mut().for_each(Model::settle);
    let [one, two, three] = &clients;
    assert!(!one.uids.is_empty());
    assert_eq!((&one.uids, &one.flags), (&two.uids, &two.flags));
    assert_eq!((&two.uids, &two.flags), (&three.uids, &three.flags));
    let mut fresh = Imap::open(at, "olga", "INBOX");
    assert_eq!(fresh.uids(), one.uids.iter().map(|uid| uid.unwrap()).collect::<Vec<_>>());
}

/// 22: a house with many connections; those over the limit hear why, the others go on.
#[test]
fn a_house_with_many_connections() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[("imap.per_address", "20")], &["olga", "ben"]).started();
    let at = gateway.listener("imap");
    let mut there: Vec<_> = (0..16).map(|_| Imap::of(at, "olga")).collect();
    let mut over = Imap::connect(at);
    assert!(over.say(&format!("LOGIN olga {}", crate::support::PASSWORD)).contains("NO [LIMIT]"));
    drop(over);
    let mut ben: Vec<_> = (0..4).map(|_| Imap::of(at, "ben")).collect();
    assert!(Imap::try_connect(at).is_none());
    there.iter_mut().chain(&mut ben).for_each(|imap| drop(imap.ok("NOOP")));
    // A place that is given back is taken again.
    drop(there.pop());
    while Imap::try_connect(at).is_none() {
        pause();
    }
}

/// Whoever is removed, or gets another password, is logged out at once.
#[test]
fn a_log_in_ends_with_the_password() {
    let shore = Shore::start();
    let gateway = boxed(&shore);
    let mut imap = Imap::open(gateway.listener("imap"), "ben", "INBOX");
    imap.write(b"i IDLE\r\n");
    imap.line();
    gateway.cli_ok(&["people", "disable", "ben"], "");
    assert!(imap.line().unwrap().starts_with(b"* BYE "));
    assert!(imap.line().is_none());
}
