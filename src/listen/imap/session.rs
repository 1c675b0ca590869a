//! The IMAP session: one command in, its replies out. No sockets, no threads, no clock.
//!
//! RFC 3501 with LITERAL+ (7888), SASL-IR (4959), IDLE (2177), UIDPLUS (4315), MOVE (6851), UNSELECT (3691), ENABLE (5161),
//! ID (2971), NAMESPACE (2342), SPECIAL-USE (6154), CHILDREN (3348), CONDSTORE (7162) and APPENDLIMIT (7889). What is not
//! offered is not understood either.

mod append;
mod change;
mod fetch;
mod folders;
mod search;
mod value;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::command::{Command, CommandBody};
use imap_codec::imap_types::extensions::enable::CapabilityEnable;
use smol::channel::Receiver;

use append::Append;
use fetch::Cache;

use super::answer::{Answer, Try};
use super::framer;
use super::last_opened::LastOpened;
use super::people::{PeopleOnline, Seat};
use super::replies::Replies;
use super::selected::Selected;
use crate::listen::counters::ClientCounters;
use crate::listen::{Caller, MailIntake};
use crate::settings::{Key, Settings};
use crate::store::Store;

/// Commands that are BAD before the session ends; a good one forgives them.
const MAX_BAD: u32 = 20;
/// Wrong passwords before it ends.
const MAX_WRONG: u32 = 3;

/// What comes after a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next command.
    Command,
    /// A line of an exchange: a password, or the end of IDLE.
    Line,
    /// A TLS handshake; nothing that was sent before it may be used.
    StartTls,
    /// The end of the connection.
    Close,
}

/// What the lines of an exchange are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchange {
    /// The response of AUTHENTICATE PLAIN to this tag.
    Plain(String),
    /// The end of IDLE with this tag.
    Idle(String),
}

/// What a session works with.
pub struct Services {
    /// Checks passwords.
    pub intake: Arc<dyn MailIntake>,
    /// Holds the mailboxes.
    pub store: Store,
    /// For large mails that are coming in.
    pub spool: PathBuf,
    /// Wrong passwords of networks.
    pub counters: Arc<ClientCounters>,
    /// Who is logged in, and how often.
    pub online: Arc<PeopleOnline>,
    /// What was found in the folders that were opened last.
    pub opened: Arc<LastOpened>,
}

/// What one IMAP session knows of its client, and the folder that is open.
pub struct ImapSession<'a> {
    services: &'a Services,
    settings: Arc<Settings>,
    caller: Caller,
    tls_offered: bool,
    seat: Option<Seat>,
    selected: Option<Selected>,
    /// Mod-sequences are told.
    condstore: bool,
    exchange: Option<Exchange>,
    append: Option<Append>,
    cache: Cache,
    bad: u32,
    wrong_passwords: u32,
}

impl<'a> ImapSession<'a> {
    /// Makes the session of a connection from `peer`; `tls_offered` when there is a certificate.
    pub fn new(services: &'a Services, peer: IpAddr, tls_offered: bool) -> Self {
        let settings = services.store.settings();
        let trusted = settings.contains(Key::SmtpTrusted, peer);
        let (helo, person) = (String::new(), None);
        let caller = Caller { peer, helo, esmtp: false, person, tls: false, trusted, front: false, submission: false };
        Self {
            services,
            settings,
            caller,
            tls_offered,
            seat: None,
            selected: None,
            condstore: false,
            exchange: None,
            append: None,
            cache: Cache::default(),
            bad: 0,
            wrong_passwords: 0,
        }
    }

    /// Writes the greeting with the capabilities.
    pub fn greet(&self, out: &mut Replies<'_>) {
        let name = crate::listen::smtp::host_name(&self.settings);
        out.line(&format!("* OK [CAPABILITY {}] {name} satpost", self.capabilities()));
    }

    /// Notes that the connection is encrypted now.
    pub fn encrypted(&mut self) {
        self.caller.tls = true;
    }

    /// True once somebody has logged in.
    pub fn is_logged_in(&self) -> bool {
        self.seat.is_some()
    }

    /// True while the client waits for news.
    pub fn is_idle(&self) -> bool {
        matches!(self.exchange, Some(Exchange::Idle(_)))
    }

    /// Hears of changes in the mailbox of who is logged in.
    pub fn news(&self) -> Option<Receiver<()>> {
        self.seat.as_ref().map(|seat| seat.news.clone())
    }

    /// The person who is logged in.
    fn person(&self) -> Try<&str> {
        match &self.seat {
            Some(seat) => Ok(&seat.name),
            None => Err(Answer::Bad("log in first".to_owned())),
        }
    }

    /// Gives the open folder; an answer when none is open.
    fn open(&self) -> Try<&Selected> {
        self.selected.as_ref().ok_or_else(|| Answer::Bad("select a folder first".to_owned()))
    }

    /// The open folder, for a command that changes it.
    fn writable(&self) -> Try<&Selected> {
        let selected = self.open()?;
        match selected.read_only {
            true => Err(Answer::No("this folder was opened with EXAMINE: nothing in it can be changed".to_owned())),
            false => Ok(selected),
        }
    }

    /// From here on mod-sequences are told; the one that the client knows the open folder by comes first.
    fn enable_condstore(&mut self, out: &mut Replies<'_>) {
        if !std::mem::replace(&mut self.condstore, true)
            && let Some(selected) = &self.selected
        {
            out.line(&format!("* OK [HIGHESTMODSEQ {}] the last change", selected.modseq));
        }
    }

    fn capabilities(&self) -> String {
        let mut words = "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE".to_owned();
        if self.seat.is_some() {
            words.push_str(" IDLE UIDPLUS MOVE UNSELECT NAMESPACE SPECIAL-USE CHILDREN CONDSTORE");
            words.push_str(&format!(" APPENDLIMIT={}", self.settings.number(Key::SmtpMaxSize)));
            return words;
        }
        if self.tls_offered && !self.caller.tls {
            words.push_str(" STARTTLS");
        }
        words.push_str(if self.may_log_in() { " AUTH=PLAIN" } else { " LOGINDISABLED" });
        words
    }

    /// Passwords travel only under TLS, on this machine, or where the owner trusts the network.
    fn may_log_in(&self) -> bool {
        self.caller.tls || self.caller.trusted || self.caller.peer.is_loopback()
    }

    /// Says how a command ended.
    fn end(&mut self, tag: &str, answer: Answer, out: &mut Replies<'_>) -> Next {
        let (word, text) = match answer {
            Answer::Ok(text) => {
                self.bad = 0;
                ("OK", text)
            }
            Answer::No(text) => ("NO", text),
            Answer::Bad(text) => {
                self.bad += 1;
                ("BAD", text)
            }
            Answer::Bye(why) => {
                out.line(&format!("* BYE {why}"));
                return Next::Close;
            }
        };
        // What came from elsewhere may not look like another reply.
        out.line(&format!("{tag} {word} {}", text.replace(char::is_control, " ")));
        if self.bad >= MAX_BAD || self.wrong_passwords >= MAX_WRONG {
            out.line("* BYE too many errors");
            return Next::Close;
        }
        Next::Command
    }

    /// A command was not taken.
    pub fn refused(&mut self, tag: &str, why: &str, too_big: bool, out: &mut Replies<'_>) -> Next {
        let answer = if too_big { Answer::No(format!("[TOOBIG] {why}")) } else { Answer::Bad(why.to_owned()) };
        if too_big {
            self.bad += 1;
        }
        self.end(tag, answer, out)
    }

    /// Answers a whole command.
    pub fn command(&mut self, line: &[u8], out: &mut Replies<'_>) -> Next {
        // Some clients send an empty line behind a literal.
        if line.is_empty() {
            return Next::Command;
        }
        let whole = [line, b"\r\n"].concat();
        match CommandCodec::default().decode(&whole) {
            Ok((b"", Command { tag, body })) => {
                let tag = tag.inner().to_owned();
                self.dispatch(&tag, body, out)
            }
            _ => {
                let tag = framer::tag(line).unwrap_or_else(|| "*".to_owned());
                self.end(&tag, Answer::Bad("this command cannot be understood, or is not offered".to_owned()), out)
            }
        }
    }

    fn dispatch(&mut self, tag: &str, body: CommandBody<'_>, out: &mut Replies<'_>) -> Next {
        match body {
            CommandBody::StartTLS => return self.start_tls(tag, out),
            CommandBody::Authenticate { mechanism, initial_response } => {
                let response = initial_response.map(|response| response.declassify().to_vec());
                return self.authenticate(tag, mechanism.as_ref(), response, out);
            }
            CommandBody::Idle if self.seat.is_some() => {
                self.exchange = Some(Exchange::Idle(tag.to_owned()));
                out.line("+ idling");
                if let Err(answer) = self.tell_news(true, out) {
                    return self.end(tag, answer, out);
                }
                return Next::Line;
            }
            CommandBody::Logout => {
                out.line("* BYE goodbye");
                self.end(tag, Answer::done(), out);
                return Next::Close;
            }
            _ => {}
        }
        // An answer that names messages by their places may not move them (RFC 3501 section 7.4.1).
        let by_place = matches!(
            body,
            CommandBody::Fetch { uid: false, .. }
                | CommandBody::Store { uid: false, .. }
                | CommandBody::Search { uid: false, .. }
        );
        // What is opened is told as it is now.
        let opens = matches!(body, CommandBody::Select { .. } | CommandBody::Examine { .. });
        let done = self.run(body, out);
        let told = if opens { self.still_valid() } else { self.tell_news(!by_place, out) };
        self.end(tag, told.err().unwrap_or_else(|| done.unwrap_or_else(|answer| answer)), out)
    }

    fn run(&mut self, body: CommandBody<'_>, out: &mut Replies<'_>) -> Try<Answer> {
        match body {
            CommandBody::Capability => {
                out.line(&format!("* CAPABILITY {}", self.capabilities()));
                Ok(Answer::done())
            }
            CommandBody::Noop => Ok(Answer::done()),
            CommandBody::Id { .. } => {
                let version = env!("CARGO_PKG_VERSION");
                out.line(&format!("* ID (\"name\" \"satpost\" \"version\" \"{version}\")"));
                Ok(Answer::done())
            }
            CommandBody::Login { username, password } => {
                let name = String::from_utf8_lossy(username.as_ref()).into_owned();
                let password = String::from_utf8_lossy(password.declassify().as_ref()).into_owned();
                self.log_in(&name, &password)
            }
            CommandBody::Enable { capabilities } => {
                self.person()?;
                let wanted = capabilities.as_ref().contains(&CapabilityEnable::CondStore);
                out.line(if wanted { "* ENABLED CONDSTORE" } else { "* ENABLED" });
                if wanted {
                    self.enable_condstore(out);
                }
                Ok(Answer::done())
            }
            CommandBody::Namespace => {
                self.person()?;
                out.line("* NAMESPACE ((\"\" \"/\")) NIL NIL");
                Ok(Answer::done())
            }
            CommandBody::Select { mailbox, parameters } => self.select(&mailbox, &parameters, false, out),
            CommandBody::Examine { mailbox, parameters } => self.select(&mailbox, &parameters, true, out),
            CommandBody::Unselect => {
                self.open()?;
                self.selected = None;
                Ok(Answer::done())
            }
            CommandBody::Check => self.open().map(|_| Answer::done()),
            CommandBody::Close => self.close(),
            CommandBody::Create { mailbox } => self.create(&mailbox),
            CommandBody::Delete { mailbox } => self.delete(&mailbox),
            CommandBody::Rename { from, to } => self.rename(&from, &to),
            CommandBody::Subscribe { mailbox } => self.subscribe(&mailbox, true),
            CommandBody::Unsubscribe { mailbox } => self.subscribe(&mailbox, false),
            CommandBody::List { reference, mailbox_wildcard } => self.list(&reference, &mailbox_wildcard, false, out),
            CommandBody::Lsub { reference, mailbox_wildcard } => self.list(&reference, &mailbox_wildcard, true, out),
            CommandBody::Status { mailbox, item_names } => self.status(&mailbox, &item_names, out),
            CommandBody::Expunge => self.expunge(None),
            CommandBody::ExpungeUid { sequence_set } => self.expunge(Some(&sequence_set)),
            CommandBody::Search { charset, criteria, uid } => self.search(charset, &criteria, uid, out),
            CommandBody::Fetch { sequence_set, macro_or_item_names, uid, modifiers } => {
                self.fetch(&sequence_set, &macro_or_item_names, uid, &modifiers, out)
            }
            CommandBody::Store { sequence_set, kind, response, flags, uid, modifiers } => {
                self.store(&sequence_set, (kind, response), &flags, uid, &modifiers, out)
            }
            CommandBody::Copy { sequence_set, mailbox, uid } => self.copy(&sequence_set, &mailbox, uid),
            CommandBody::Move { sequence_set, mailbox, uid } => self.move_to(&sequence_set, &mailbox, uid, out),
            CommandBody::Append { .. } => {
                self.person().map(|_| Answer::Bad("APPEND needs a mail as a literal".to_owned()))
            }
            _ => Err(Answer::Bad("this command is not offered".to_owned())),
        }
    }

    fn start_tls(&mut self, tag: &str, out: &mut Replies<'_>) -> Next {
        if self.caller.tls || !self.tls_offered || self.seat.is_some() {
            return self.end(tag, Answer::Bad("STARTTLS is not offered now".to_owned()), out);
        }
        self.end(tag, Answer::Ok("go ahead".to_owned()), out);
        Next::StartTls
    }

    fn authenticate(&mut self, tag: &str, mechanism: &str, response: Option<Vec<u8>>, out: &mut Replies<'_>) -> Next {
        if !mechanism.eq_ignore_ascii_case("PLAIN") {
            return self.end(tag, Answer::No("[CANNOT] log in with PLAIN".to_owned()), out);
        }
        match response {
            Some(response) => {
                let answer = self.plain(&response).unwrap_or_else(|answer| answer);
                self.end(tag, answer, out)
            }
            None => {
                self.exchange = Some(Exchange::Plain(tag.to_owned()));
                out.line("+ ");
                Next::Line
            }
        }
    }

    /// Takes a line of an exchange.
    pub fn line(&mut self, line: &[u8], out: &mut Replies<'_>) -> Next {
        match self.exchange.take() {
            Some(Exchange::Idle(tag)) if line.eq_ignore_ascii_case(b"DONE") => {
                let told = self.tell_news(true, out);
                self.end(&tag, told.err().unwrap_or_else(Answer::done), out)
            }
            Some(Exchange::Idle(tag)) => {
                let next = self.end(&tag, Answer::Bad("DONE ends IDLE".to_owned()), out);
                // It was a command of a client that does not wait.
                if next == Next::Command { self.command(line, out) } else { next }
            }
            Some(Exchange::Plain(tag)) => {
                use base64::Engine as _;
                let answer = match base64::engine::general_purpose::STANDARD.decode(line) {
                    _ if line == b"*" => Answer::Bad("log-in given up".to_owned()),
                    Ok(response) => self.plain(&response).unwrap_or_else(|answer| answer),
                    Err(_) => Answer::Bad("this is no base64".to_owned()),
                };
                self.end(&tag, answer, out)
            }
            None => Next::Command,
        }
    }

    /// Nothing, NUL, name, NUL, password (RFC 4616).
    fn plain(&mut self, response: &[u8]) -> Try<Answer> {
        let text = String::from_utf8_lossy(response);
        match text.split('\0').collect::<Vec<_>>()[..] {
            [acting_as, name, password] if acting_as.is_empty() || acting_as == name => self.log_in(name, password),
            [_, _, _] => Err(Answer::No("[AUTHORIZATIONFAILED] nobody can act for somebody else here".to_owned())),
            _ => Err(Answer::Bad("PLAIN is: nothing, NUL, name, NUL, password".to_owned())),
        }
    }

    fn log_in(&mut self, name: &str, password: &str) -> Try<Answer> {
        if self.seat.is_some() {
            return Err(Answer::Bad("logged in already".to_owned()));
        }
        if !self.may_log_in() {
            return Err(Answer::No(
                "[PRIVACYREQUIRED] STARTTLS first: a password needs an encrypted connection".to_owned(),
            ));
        }
        let (peer, services) = (self.caller.peer, self.services);
        let Some(trial) = services.counters.passwords.begin(peer, name, Instant::now()) else {
            return Err(Answer::No("[LIMIT] too many wrong passwords from your address: one try each 30 s".to_owned()));
        };
        let Some(person) = services.intake.login(&self.caller, name, password) else {
            log::warn!("imap: wrong name or password from {peer}");
            self.wrong_passwords += 1;
            return Err(Answer::No("[AUTHENTICATIONFAILED] wrong name or password".to_owned()));
        };
        trial.right(Instant::now());
        let seat = services.online.sit(&services.store, &person);
        let seat = seat.ok_or_else(|| Answer::No("[LIMIT] too many connections of this person".to_owned()))?;
        let known = services.store.read(|view| Ok(!view.folders(&person)?.is_empty()))?;
        if !known {
            services.store.write(move |tx| tx.open_mailbox(&person))?;
        }
        self.caller.person = Some(seat.name.clone());
        self.seat = Some(seat);
        Ok(Answer::Ok(format!("[CAPABILITY {}] logged in", self.capabilities())))
    }

    /// The session ends when the person may not log in any more.
    fn still_valid(&self) -> Try<()> {
        match self.seat.as_ref().is_none_or(|seat| seat.is_valid(&self.services.store)) {
            true => Ok(()),
            false => Err(Answer::Bye("the log-in of this person has changed: log in again")),
        }
    }

    /// Tells what happened in the open folder; the session ends when the person may not log in any more. `removals` when
    /// messages may change their places now.
    pub fn tell_news(&mut self, removals: bool, out: &mut Replies<'_>) -> Try<()> {
        self.still_valid()?;
        let Some(selected) = &mut self.selected else { return Ok(()) };
        let Some(seat) = &self.seat else { return Ok(()) };
        match selected.follow(&self.services.store, &seat.name, removals, self.condstore, out)? {
            true => Ok(()),
            false => Err(Answer::Bye("this folder was removed")),
        }
    }
}
