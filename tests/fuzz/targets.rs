//! What the fuzzers of tests/fuzz call: every parser that reads what strangers send, with the promises that hold
//! whatever comes. Part of the program only under `cfg(fuzzing)`.

#[path = "targets/session.rs"]
mod session;

use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use compact::coder::{Coder, MODELS};
use ring::hmac;

use crate::address::Address;
use crate::admin::fields;
use crate::coding::{classic, parts};
use crate::deliver::sms::{CARRIERS, Hook};
use crate::link::{cloudloop, directip, hive, ip, m138, rockblock, sbdmail};
use crate::listen::counters::ClientCounters;
use crate::listen::framer::{NextStep, SmtpFramer};
use crate::listen::imap::framer::{Event, Framer};
use crate::listen::imap::mime::{Inside, Part};
use crate::listen::imap::replies::{from_utf7, to_utf7};
use crate::listen::imap::{envelope, structure};
use crate::listen::smtp::{SessionContext, SmtpSession};
use crate::listen::{Body, Caller, Envelope, MailIntake, Refusal, http_head};
use crate::mail_text::{Options, shape};
use crate::settings::{self, Settings};

/// A mail becomes text: never empty, no control characters, the same again.
pub fn mime(data: &[u8]) {
    for trim in [true, false] {
        let shaped = shape(data, &Options { trim });
        assert!(!shaped.subject.contains(['\n', '\r']), "{:?}", shaped.subject);
        assert!(!shaped.text.chars().any(|c| c.is_control() && c != '\n'), "{:?}", shaped.text);
        assert!(shaped == shape(data, &Options { trim }), "another text at the second look");
    }
}

/// The same, of a mail that is a page of HTML.
pub fn html(data: &[u8]) {
    mime(&[b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n", data].concat());
}

/// A head of HTTP, and what is passed on of it.
pub fn http_head(data: &[u8]) {
    if let Ok(Some((request, length))) = http_head::read(data) {
        assert!(length <= data.len());
        let head = request.clean_head(&http_head::Origin::direct(IpAddr::from([127, 0, 0, 1]), false));
        // More lines than the gate takes: it adds some of its own.
        let mut lines = [httparse::EMPTY_HEADER; 256];
        let mut passed_on = httparse::Request::new(&mut lines);
        let whole = passed_on.parse(&head).is_ok_and(|end| end == httparse::Status::Complete(head.len()));
        assert!(whole && passed_on.path == Some(request.target.as_str()), "{}", head.escape_ascii());
        let _ = fields(request.target.as_bytes());
    }
}

/// An SMTP session: well-formed replies, whatever is said in whatever pieces (the first byte is their size).
pub fn smtp(data: &[u8]) {
    let Some((piece, said)) = data.split_first() else { return };
    let intake = Anybody(Arc::new(Settings::default()));
    let counters = ClientCounters::default();
    let mut out = Vec::new();
    let session = SmtpSession::new(IpAddr::from([127, 0, 0, 1]), intake.settings(), true, false);
    let mut framer = SmtpFramer::new(session, std::env::temp_dir(), &mut out);
    for piece in said.chunks(usize::from(*piece).max(1)) {
        let context = SessionContext { intake: &intake, counters: &counters, now: Instant::now() };
        match framer.take(piece, context, &mut out) {
            NextStep::Read => {}
            NextStep::StartTls => framer.encrypted(),
            NextStep::Close => break,
        }
    }
    for line in out.split_inclusive(|&byte| byte == b'\n') {
        let code = line.len() > 4 && line[..3].iter().all(u8::is_ascii_digit) && b" -".contains(&line[3]);
        let bare = line[..line.len() - 2].iter().any(|&byte| byte == b'\r' || byte == b'\n');
        assert!(code && line.ends_with(b"\r\n") && !bare && line.len() <= 512, "{}", line.escape_ascii());
    }
}

/// What an IMAP client sends: however it is cut, the same commands come of it, no command holds a mail, and no tag can forge
/// a reply.
pub fn imap(data: &[u8]) {
    use imap_codec::CommandCodec;
    use imap_codec::decode::Decoder;
    let Some((piece, said)) = data.split_first() else { return };
    let events = |size: usize| {
        let (mut framer, mut all, mut mail) = (Framer::new(), Vec::new(), Vec::new());
        framer.logged_in();
        for mut piece in said.chunks(size.max(1)) {
            loop {
                match framer.next(&mut piece) {
                    Event::More => break,
                    Event::Mail(bytes) => mail.extend(bytes),
                    event => {
                        let (append, end) =
                            (matches!(event, Event::Append { .. }), matches!(event, Event::Hopeless(_)));
                        all.push((event, std::mem::take(&mut mail)));
                        if end {
                            return all;
                        }
                        if append {
                            framer.take_mail();
                        }
                    }
                }
            }
        }
        all
    };
    let all = events(usize::from(*piece));
    assert_eq!(all, events(said.len()), "cut in pieces it is something else");
    for (event, _) in &all {
        if let Event::Refused { tag, .. } = event {
            assert!(tag == "*" || tag.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'*'), "{tag}");
        }
        if let Event::Command(line) = event {
            let _ = CommandCodec::default().decode(&[&line[..], b"\r\n"].concat());
            if let Some(name) = from_utf7(line) {
                assert_eq!(to_utf7(&name).as_bytes(), line, "a folder has two names");
            }
        }
    }
}

/// The parts of a mail lie within it and within each other, and its structure is one list.
pub fn imap_structure(data: &[u8]) {
    fn inside(part: &Part, outer: std::ops::Range<usize>) {
        assert!(part.header.start >= outer.start && part.header.end == part.body.start && part.body.end <= outer.end);
        match &part.inside {
            Inside::Bytes => {}
            Inside::Parts(parts) => parts.iter().for_each(|inner| inside(inner, part.body.clone())),
            Inside::Mail(mail) => inside(mail, part.body.clone()),
        }
    }
    let part = Part::of(data);
    inside(&part, 0..data.len());
    for extended in [false, true] {
        let mut out = Vec::new();
        structure::write(&mut out, data, &part, extended);
        assert!(out.starts_with(b"(") && out.ends_with(b")"));
    }
    let mut out = Vec::new();
    envelope::write(&mut out, &data[part.header.clone()]);
}

/// Takes everything from everybody.
struct Anybody(Arc<Settings>);

impl MailIntake for Anybody {
    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.0)
    }

    fn recipient(&self, _: &Caller, _: &Address, _: &str) -> Result<(), Refusal> {
        Ok(())
    }

    fn login(&self, _: &Caller, user: &str, password: &str) -> Option<String> {
        (user == password).then(|| user.to_owned())
    }

    fn accept(&self, _: &Caller, _: Envelope, _: Body) -> Result<String, Refusal> {
        Ok("kept".to_owned())
    }
}

/// The serial line of an M138.
pub fn m138(data: &[u8]) {
    m138::fuzz(data);
}

/// A classic packet: what is read is written as something that reads the same.
pub fn classic(data: &[u8]) {
    if let Ok(packet) = classic::decode(data) {
        assert_eq!(classic::decode(&classic::encode(&packet)).as_ref(), Ok(&packet));
        for message in &packet.messages {
            let _ = parts::parse(&message.text);
        }
    }
}

/// Two boxes in session, and what strangers may put between them.
pub fn compact(data: &[u8]) {
    session::play(data);
}

/// The model: no more comes out of a code than one may hold, and what comes out can be written again. One input takes
/// some milliseconds, so it is apart from the packets around a code, which [`compact`] tries.
pub fn coder(data: &[u8]) {
    thread_local! {
        /// Priming takes longer than a thousand packets.
        static CODER: RefCell<Coder> = RefCell::new(Coder::new(&MODELS[5]));
    }
    CODER.with_borrow_mut(|coder| {
        if let Some(records) = coder.decode(data) {
            assert!(Coder::takes(&records));
            let again = coder.encode(&records);
            assert_eq!(coder.decode(&again), Some(records));
        }
    });
}

/// What a far box says over the internet, in pieces (the first byte is their size).
pub fn ip(data: &[u8]) {
    ip::fuzz(data);
}

/// Answers of the Hive.
pub fn hive(data: &[u8]) {
    hive::fuzz(data);
}

/// Calls of ground services, and of the carriers, rightly signed: there the first byte says whose.
pub fn webhook(data: &[u8]) {
    rockblock::fuzz(data);
    cloudloop::fuzz(data);
    sbdmail::fuzz(data);
    directip::fuzz(data);
    let Some((which, body)) = data.split_first() else { return };
    let row = &CARRIERS[usize::from(*which) % CARRIERS.len()];
    let public = "https://box.example.org";
    let set = |settings: Settings, name: &str, value: &str| {
        settings.with(settings::find(name).expect("a setting").key, value).expect("a value for it")
    };
    let pairs = [
        ("sms.public_url", public),
        ("twilio.token", "t"),
        ("bandwidth.hook_user", "u"),
        ("bandwidth.hook_password", "p"),
    ];
    let settings = pairs.iter().fold(Settings::default(), |all, (name, value)| set(all, name, value));
    let form = fields(body);
    let target = format!("/hooks/{}", row.name);
    let mut sorted: Vec<_> = form.iter().collect();
    sorted.sort();
    sorted.dedup();
    let signed = sorted.iter().fold(format!("{public}{target}"), |all, (name, value)| all + name + value);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"t");
    let signature = STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
    let login = format!("Basic {}", STANDARD.encode("u:p"));
    let header = |name: &str| match name {
        "x-twilio-signature" => Some(signature.as_str()),
        "authorization" => Some(login.as_str()),
        _ => None,
    };
    let _ = (row.hook)(&settings, &Hook { target: &target, header: &header, form: &form, body });
}
