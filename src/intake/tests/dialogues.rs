//! The SMTP conversations of tests/dialog, with the intake that a box has; tests/dialog/greeting.txt says how they are
//! read.

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use testing::Folder;

use super::{Context, Intake};
use crate::clock::Clock;
use crate::listen::MailIntake;
use crate::listen::counters::ClientCounters;
use crate::listen::framer::{NextStep, SmtpFramer};
use crate::listen::smtp::{SessionContext, SmtpSession};
use crate::message::Id;
use crate::people::{Person, Role};
use crate::status::StatusBoard;
use crate::store::Store;

#[test]
fn dialogues() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialog");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 10);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for piece in [1, 3, 100_000] {
            Dialogue::new(&text, &file, piece).run(&text);
        }
    }
}

/// A box for spacebeaver.com with the people abc, who owns it, anna, whose password is `secret`, and ben.
struct Office {
    store: Store,
    intake: Arc<Intake>,
    /// The box ends when this is dropped.
    _stop: smol::channel::Sender<()>,
    _folder: Folder,
}

impl Office {
    /// With these settings besides its own names.
    fn new(settings: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        let store = Store::open(&folder, &Clock::system()).unwrap();
        let own = [("box.name", "box.example.org"), ("box.domain", "spacebeaver.com"), ("store.reserve", "0")];
        for (name, value) in own.iter().chain(settings) {
            store.set(name, value).unwrap();
        }
        // Hashing is slow on purpose.
        static SECRET: LazyLock<String> = LazyLock::new(|| crate::password::hash("secret").unwrap());
        for (name, role) in [("abc", Role::Owner), ("anna", Role::Person), ("ben", Role::Person)] {
            let password = (name == "anna").then(|| SECRET.clone());
            let person = Person { name: name.into(), role, password, ..Person::default() };
            store.write(move |tx| tx.put_person(&person)).unwrap();
        }
        let (end, stop) = smol::channel::bounded(1);
        let coders = crate::engine::link::coders::Coders::new(store.folder());
        let context = Context {
            store: store.clone(),
            status: StatusBoard::default(),
            stop,
            coders,
            callers: crate::link::callers::Callers::default(),
            link: None,
        };
        Self { intake: Intake::new(&context), store, _stop: end, _folder: folder }
    }

    /// How many messages were taken in.
    fn count(&self) -> u64 {
        (1..).take_while(|id| self.store.message(Id(*id)).unwrap().is_some()).count() as u64
    }
}

/// One file being played, its bytes cut into pieces of one size.
struct Dialogue {
    office: Office,
    counters: ClientCounters,
    begin: Begin,
    framer: SmtpFramer,
    unsent: Vec<u8>,
    out: Vec<u8>,
    next: NextStep,
    piece: usize,
    place: String,
}

/// How each session of a dialogue begins.
struct Begin {
    peer: IpAddr,
    certificate: bool,
    submission: bool,
    tls: bool,
}

impl Begin {
    fn framer(&self, office: &Office, out: &mut Vec<u8>) -> SmtpFramer {
        let session = SmtpSession::new(self.peer, office.intake.settings(), self.certificate, self.submission);
        let mut framer = SmtpFramer::new(session, office.store.folder().to_owned(), out);
        if self.tls {
            framer.encrypted();
        }
        framer
    }
}

impl Dialogue {
    fn new(text: &str, file: &Path, piece: usize) -> Self {
        let orders: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("! ")).collect();
        let has = |word: &str| orders.contains(&word);
        let settings: Vec<_> = orders.iter().filter_map(|o| o.strip_prefix("set ")?.split_once(' ')).collect();
        let peer = orders.iter().find_map(|order| order.strip_prefix("peer ")).unwrap_or("198.51.100.1");
        let begin = Begin {
            peer: peer.parse().unwrap(),
            certificate: !has("no-certificate"),
            submission: has("submission"),
            tls: has("tls"),
        };
        let office = Office::new(&settings);
        let mut out = Vec::new();
        let framer = begin.framer(&office, &mut out);
        let place = format!("{} in pieces of {piece}", file.display());
        Self {
            office,
            counters: ClientCounters::default(),
            begin,
            framer,
            unsent: vec![],
            out,
            next: NextStep::Read,
            piece,
            place,
        }
    }

    fn run(mut self, text: &str) {
        for (number, line) in text.lines().enumerate() {
            let place = format!("{}, line {}", self.place, number + 1);
            let (mark, rest) = line.split_at_checked(1).unwrap_or(("#", ""));
            let rest = rest.strip_prefix(' ').unwrap_or(rest);
            match mark {
                ">" => self.unsent.extend([rest.as_bytes(), b"\r\n"].concat()),
                "+" => self.unsent.extend(unescape(rest)),
                "<" => self.expect(rest, &place),
                "!" => self.order(rest, &place),
                _ => assert_eq!(mark, "#", "{place}"),
            }
        }
        self.send();
        assert!(self.out.is_empty(), "{}: more replies: {}", self.place, self.out.escape_ascii());
    }

    fn send(&mut self) {
        let context = SessionContext { intake: &*self.office.intake, counters: &self.counters, now: Instant::now() };
        for piece in std::mem::take(&mut self.unsent).chunks(self.piece) {
            if self.next == NextStep::Read {
                self.next = self.framer.take(piece, context, &mut self.out);
            }
        }
    }

    fn expect(&mut self, want: &str, place: &str) {
        self.send();
        let end = self.out.windows(2).position(|two| two == b"\r\n");
        let end = end.unwrap_or_else(|| panic!("{place}: no reply"));
        let reply: Vec<u8> = self.out.drain(..end + 2).collect();
        let reply = String::from_utf8_lossy(&reply[..end]).into_owned();
        match want.strip_suffix("...") {
            Some(start) => assert!(reply.starts_with(start), "{place}: {reply}"),
            None => assert_eq!(reply, want, "{place}"),
        }
    }

    fn order(&mut self, order: &str, place: &str) {
        match order.split_once(' ').unwrap_or((order, "")) {
            ("closed", _) => {
                self.send();
                assert_eq!(self.next, NextStep::Close, "{place}");
            }
            ("handshake", _) => {
                self.send();
                assert_eq!(self.next, NextStep::StartTls, "{place}");
                self.next = NextStep::Read;
                self.framer.encrypted();
            }
            ("again", _) => {
                self.framer = self.begin.framer(&self.office, &mut self.out);
                self.next = NextStep::Read;
            }
            ("mails", count) => {
                self.send();
                assert_eq!(self.office.count().to_string(), count, "{place}");
            }
            ("line", bytes) => {
                self.unsent.extend([&b"l".repeat(bytes.parse().unwrap())[..], b"\r\n"].concat());
            }
            ("fill", bytes) => {
                for _ in 0..bytes.parse::<usize>().unwrap() / 100 {
                    self.unsent.extend([&b"z".repeat(98)[..], b"\r\n"].concat());
                }
            }
            ("set" | "peer" | "tls" | "submission" | "no-certificate", _) => {}
            _ => panic!("{place}: what is {order}?"),
        }
    }
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next().unwrap() {
            b'r' => b'\r',
            b'n' => b'\n',
            b't' => b'\t',
            b'0' => 0,
            b'x' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    bytes
}
