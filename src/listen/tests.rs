//! A made-up intake for the tests of the listeners, and the runner of the dialogues in tests/dialog.

mod http;
mod process;
mod smtp;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::counters::ClientCounters;
use super::framer::{NextStep, SmtpFramer};
use super::smtp::{SessionContext, SmtpSession};
use super::{Body, Caller, Envelope, MailIntake, Refusal};
use crate::address::Address;
use crate::settings::{self, Settings};

/// An intake for spacebeaver.com with the people abc, anna, ben and postmaster; anna's password is `secret`.
pub struct FakeIntake {
    /// What the listeners see.
    pub settings: Arc<Settings>,
    /// Somebody is in `accept`; a mail from `slow@...` stays there for half a second.
    pub busy: AtomicBool,
    /// What was accepted: caller, envelope, the whole mail.
    pub mails: Mutex<Vec<(Caller, Envelope, Vec<u8>)>>,
}

impl FakeIntake {
    /// With these settings besides its own name.
    pub fn new(pairs: &[(&str, &str)]) -> Arc<Self> {
        let own = [("box.name", "box.example.org"), ("box.domain", "spacebeaver.com")];
        let mut all = Settings::default();
        for (name, value) in own.iter().chain(pairs) {
            all = all.with(settings::find(name).unwrap().key, value).unwrap();
        }
        Arc::new(Self { settings: Arc::new(all), busy: AtomicBool::new(false), mails: Mutex::default() })
    }

    /// How many mails were accepted.
    pub fn count(&self) -> usize {
        self.mails.lock().unwrap().len()
    }
}

impl MailIntake for FakeIntake {
    fn settings(&self) -> Arc<Settings> {
        self.settings.clone()
    }

    fn recipient(&self, caller: &Caller, _: &Address, to: &str) -> Result<(), Refusal> {
        assert_ne!(to, "panic@spacebeaver.com", "the test wants a panic");
        if to.eq_ignore_ascii_case("postmaster") {
            return Ok(());
        }
        let address: Address = to.parse().map_err(|why: String| Refusal::new(550, why))?;
        let mailbox = address.mailbox().ok_or_else(|| Refusal::new(550, "not an address"))?;
        if mailbox.domain() == "spacebeaver.com" {
            return match mailbox.person().as_str() {
                "abc" | "anna" | "ben" | "postmaster" => Ok(()),
                _ => Err(Refusal::new(550, "nobody of that name here")),
            };
        }
        match caller.trusted || caller.person.is_some() {
            true => Ok(()),
            false => Err(Refusal::new(550, "not relaying to that domain")),
        }
    }

    fn login(&self, _: &Caller, user: &str, password: &str) -> Option<String> {
        (user == "anna" && password == "secret").then(|| user.to_owned())
    }

    fn accept(&self, caller: &Caller, envelope: Envelope, body: Body) -> Result<String, Refusal> {
        if let Some(code) = envelope.from.to_string().strip_prefix("refuse-") {
            return Err(Refusal::new(code[..3].parse().unwrap(), "the disk is full\n\x07or nearly so"));
        }
        self.busy.store(true, Ordering::SeqCst);
        if envelope.from.to_string().starts_with("slow@") {
            crate::clock::sleep(Duration::from_millis(500));
        }
        let mail = match body {
            Body::Memory(bytes) => bytes,
            // One that is too large to keep many of leaves its size.
            Body::File(file) => match std::fs::metadata(file.path()).unwrap().len() {
                size if size > 8 << 20 => size.to_string().into_bytes(),
                _ => std::fs::read(file.path()).unwrap(),
            },
        };
        let mut mails = self.mails.lock().unwrap();
        mails.push((caller.clone(), envelope, mail));
        Ok(format!("accepted as m{}", mails.len()))
    }
}

/// A folder that goes away with its owner.
pub struct Folder(PathBuf);

impl Folder {
    /// A new one with this word in its name.
    pub fn new(word: &str) -> Self {
        let path = std::env::temp_dir().join(format!("satpost-{word}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Where.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs one ignored test in a process of its own, with limits and memory of its own.
pub fn in_child(test: &str) {
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program).args(["--exact", test, "--ignored"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// A small generator of numbers below a bound (xorshift), the same at each run.
pub fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    }
}

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

/// One file being played, its bytes cut into pieces of one size.
struct Dialogue {
    intake: Arc<FakeIntake>,
    counters: ClientCounters,
    begin: Begin,
    framer: SmtpFramer,
    unsent: Vec<u8>,
    out: Vec<u8>,
    turn: NextStep,
    piece: usize,
    place: String,
}

#[derive(Clone)]
struct Begin {
    peer: IpAddr,
    certificate: bool,
    submission: bool,
    tls: bool,
}

impl Begin {
    fn framer(&self, intake: &FakeIntake, out: &mut Vec<u8>) -> SmtpFramer {
        let session = SmtpSession::new(self.peer, intake.settings(), self.certificate, self.submission);
        let mut framer = SmtpFramer::new(session, std::env::temp_dir(), out);
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
        let intake = FakeIntake::new(&settings);
        let mut out = Vec::new();
        let framer = begin.framer(&intake, &mut out);
        let place = format!("{} in pieces of {piece}", file.display());
        Self {
            intake,
            counters: ClientCounters::default(),
            begin,
            framer,
            unsent: vec![],
            out,
            turn: NextStep::Read,
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
        let context = SessionContext { intake: &*self.intake, counters: &self.counters, now: Instant::now() };
        for piece in std::mem::take(&mut self.unsent).chunks(self.piece) {
            if self.turn == NextStep::Read {
                self.turn = self.framer.take(piece, context, &mut self.out);
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
                assert_eq!(self.turn, NextStep::Close, "{place}");
            }
            ("handshake", _) => {
                self.send();
                assert_eq!(self.turn, NextStep::StartTls, "{place}");
                self.turn = NextStep::Read;
                self.framer.encrypted();
            }
            ("again", _) => {
                self.framer = self.begin.framer(&self.intake, &mut self.out);
                self.turn = NextStep::Read;
            }
            ("mails", count) => {
                self.send();
                assert_eq!(self.intake.count().to_string(), count, "{place}");
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

/// Whatever is said, in whatever pieces: no panic, replies are well formed, memory stays small.
#[test]
fn nonsense_gets_well_formed_replies() {
    let phrases: &[&[u8]] = &[
        b"EHLO x\r\n",
        b"MAIL FROM:<a@example.net>",
        b" SIZE=",
        b" BODY=8BITMIME",
        b"\r\n",
        b"\n",
        b"\r",
        b"RCPT TO:<abc@spacebeaver.com>\r\n",
        b"RCPT TO:<\"a\\",
        b">",
        b"DATA\r\n",
        b".\r\n",
        b"AUTH PLAIN ",
        b"AUTH LOGIN\r\n",
        b"AGFubmEAc2VjcmV0",
        b"=\r\n",
        b"RSET\r\n",
        b"\xff\xfe\0",
        b"NOTIFY=NEVER,",
        b"BDAT 99999999999999999999 LAST\r\n",
        b"BURL x",
        b" MT-PRIORITY=-9",
        b" ORCPT=rfc822;a+4",
        b" HOLDUNTIL=2026-",
    ];
    let mut random = dice(0x1234_5678_9abc_def1);
    let intake = FakeIntake::new(&[]);
    let counters = ClientCounters::default();
    let begin = Begin { peer: "127.0.0.1".parse().unwrap(), certificate: true, submission: false, tls: false };
    let mut inputs = 0;
    while inputs < 100_000 {
        let mut out = Vec::new();
        let mut framer = begin.framer(&intake, &mut out);
        for _ in 0..200 {
            inputs += 1;
            let mut input = phrases[random(phrases.len())].to_vec();
            if random(8) == 0 {
                let at = random(input.len());
                input[at] = u8::try_from(random(256)).unwrap();
            }
            let context = SessionContext { intake: &*intake, counters: &counters, now: Instant::now() };
            match framer.take(&input, context, &mut out) {
                NextStep::Read => {}
                NextStep::StartTls => framer.encrypted(),
                NextStep::Close => break,
            }
        }
        for line in out.split_inclusive(|&byte| byte == b'\n') {
            let code_ok = line.len() > 4 && line[..3].iter().all(u8::is_ascii_digit) && b" -".contains(&line[3]);
            let bare = line[..line.len() - 2].iter().any(|&byte| byte == b'\r' || byte == b'\n');
            assert!(code_ok && line.ends_with(b"\r\n") && !bare && line.len() <= 512, "{}", line.escape_ascii());
        }
    }
}
