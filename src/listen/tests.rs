//! A made-up intake for attacks on the listeners. What is said to whom is in tests/dialog, played against the true
//! intake by src/intake/tests.

mod http;
mod process;
mod smtp;

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use testing::Dice;

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
        let address: Address = to.parse().map_err(|why| Refusal::new(550, "5.1.3", why))?;
        let mailbox = address.mailbox().ok_or_else(|| Refusal::new(550, "5.1.3", "not an address"))?;
        if mailbox.domain() == "spacebeaver.com" {
            return match mailbox.person().as_str() {
                "abc" | "anna" | "ben" | "postmaster" => Ok(()),
                _ => Err(Refusal::new(550, "5.1.1", "nobody of that name here")),
            };
        }
        match caller.trusted || caller.person.is_some() {
            true => Ok(()),
            false => Err(Refusal::new(550, "5.7.1", "not relaying to that domain")),
        }
    }

    fn login(&self, _: &Caller, user: &str, password: &str) -> Option<String> {
        (user == "anna" && password == "secret").then(|| user.to_owned())
    }

    fn accept(&self, caller: &Caller, envelope: Envelope, body: Body) -> Result<String, Refusal> {
        if let Some(code) = envelope.from.to_string().strip_prefix("refuse-") {
            return Err(Refusal::new(code[..3].parse().unwrap(), "4.3.1", "the disk is full\n\x07or nearly so"));
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

/// Runs one ignored test in a process of its own, with limits and memory of its own.
pub fn in_child(test: &str) {
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program).args(["--exact", test, "--ignored"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// The intake may refuse a mail after DATA, for now or for good: its words cannot break the protocol, a refusal never
/// becomes a yes, and 421 ends the session.
#[test]
fn the_words_of_a_refusal_cannot_break_the_protocol() {
    let intake = FakeIntake::new(&[]);
    let counters = ClientCounters::default();
    let (mut out, mut next) = (Vec::new(), NextStep::Read);
    let session = SmtpSession::new(IpAddr::from([198, 51, 100, 1]), intake.settings(), true, false);
    let mut framer = SmtpFramer::new(session, std::env::temp_dir(), &mut out);
    let mut replies = |input: &str| {
        out.clear();
        let context = SessionContext { intake: &*intake, counters: &counters, now: Instant::now() };
        next = framer.take(input.as_bytes(), context, &mut out);
        (String::from_utf8(out.clone()).unwrap(), next == NextStep::Close)
    };
    replies("HELO x\r\n");
    for (asked, told, status, closed) in
        [(452, 452, "4.3.1", false), (554, 554, "4.3.1", false), (250, 451, "4.3.0", false), (421, 421, "4.3.1", true)]
    {
        let (said, ended) = replies(&format!(
            "MAIL FROM:<refuse-{asked}@example.net>\r\nRCPT TO:<abc@spacebeaver.com>\r\nDATA\r\n.\r\n"
        ));
        let reply: Vec<_> = said.split_inclusive("\r\n").skip(3).collect();
        assert_eq!(
            (reply.concat(), ended),
            (format!("{told}-{status} the disk is full\r\n{told} {status} ?or nearly so\r\n"), closed),
            "{said}"
        );
    }
    assert_eq!(intake.count(), 0);
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
        b"BDAT 9\r\n",
        b"BDAT 4 LAST\r\nBDAT",
        b"BURL x",
        b" MT-PRIORITY=-9",
        b" ORCPT=rfc822;a+4",
        b" HOLDUNTIL=2026-",
    ];
    let mut dice = Dice::new(0x1234_5678_9abc_def1);
    let intake = FakeIntake::new(&[]);
    let counters = ClientCounters::default();
    let mut inputs = 0;
    while inputs < 100_000 {
        let mut out = Vec::new();
        let session = SmtpSession::new(IpAddr::from([127, 0, 0, 1]), intake.settings(), true, false);
        let mut framer = SmtpFramer::new(session, std::env::temp_dir(), &mut out);
        for _ in 0..200 {
            inputs += 1;
            let mut input = phrases[dice.index(phrases.len())].to_vec();
            if dice.index(8) == 0 {
                let at = dice.index(input.len());
                input[at] = u8::try_from(dice.index(256)).unwrap();
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
