//! The intake behind the listeners: says who may send to whom, and takes mails and messages in.
//!
//! Taking in is one commit: every recipient gets a message of its own, planned by `route`, and the yes goes out only
//! with the [`Committed`] of the store.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::address::{Address, Mailbox};
use crate::deliver::compose;
use crate::engine::Context;
use crate::engine::link::post;
use crate::fault::Fault;
use crate::listen::data::Spooled;
use crate::listen::{Body, Caller, Envelope, MailIntake, Recipient, Refusal};
use crate::mail_text::{self, Shaped};
use crate::message::reason::{NoRoute, RelayReason};
use crate::message::words::smtp;
use crate::message::{Id, LinkPreference, Machine, Message, Origin, Reporting, Terms};
use crate::password;
use crate::route::choose::{Policy, Route};
use crate::route::plan::{NewMessage, Stranger};
use crate::route::segments;
use crate::route::terms;
use crate::settings::{Key, Settings};
use crate::store::{self, BodyIn, DiskRoom, IncomingMail, Store};

pub mod drafts;
mod elsewhere;
mod for_links;
pub mod reading;
mod repeats;
mod waits;
mod writer;
mod writing;

use repeats::{Came, Repeats};
use writer::MailWriter;
pub use writing::{ComposeForm, Dearest, Preview, SENT_BEFORE, compose, preview, problems, quote};

/// Of a larger mail only the beginning is read for its text; all of it is kept.
const READ_MOST: u64 = 4 * 1024 * 1024;

/// Log-ins that are remembered to be written down later.
const LOG_INS_MOST: usize = 1000;
/// How often one and the same is written down.
const LOG_INS_EVERY: Duration = Duration::from_secs(3600);
/// The room on disk is looked up again after this.
const ROOM_KNOWN: Duration = Duration::from_secs(1);

/// The post office of a box.
pub struct Intake {
    context: Context,
    /// Free bytes on disk, and when that was found out: asked anew at most once a second.
    room: Mutex<Option<(Instant, DiskRoom)>>,
    /// Log-ins of mail programs that the audit log does not have yet.
    log_ins: Mutex<LogIns>,
    /// Mails that were taken lately.
    repeats: Repeats,
}

/// Who (or whose name) by address and outcome: when the audit log last heard of it, and how often it happened since.
type LogIns = BTreeMap<(String, IpAddr, bool), (Instant, u32)>;

impl Intake {
    /// With the box's store and rules.
    pub fn new(context: &Context) -> Arc<Self> {
        Arc::new(Self {
            context: context.clone(),
            room: Mutex::default(),
            log_ins: Mutex::default(),
            repeats: Default::default(),
        })
    }

    fn policy(&self) -> Policy {
        self.context.policy()
    }

    /// What is known of a sender who is not of this box; `None` for who logged in, and for a person of this box who
    /// writes from a trusted network.
    fn stranger(&self, policy: &Policy, caller: &Caller, writer: &MailWriter, to: &Mailbox) -> Option<Stranger> {
        if caller.person.is_some() || (caller.trusted && writer.is_ours(policy)) {
            return None;
        }
        writer.written_by().mailbox()?;
        let person = policy.people.addressed(to)?;
        // What cannot be read was never written: then the sender is held, not let in.
        let asked = policy.answering(writer.written_by(), &writer.from);
        let written_to = self.context.written_to(&person.name, asked).unwrap_or_default();
        Some(Stranger { proof: writer.proof, written_to })
    }

    /// A delivery report about a message of ours: the message comes back to its sender.
    fn bounced(&self, shaped: &Shaped) -> Result<(), Fault> {
        let Some(bounce) = shaped.bounce.as_ref().filter(|bounce| bounce.action == "failed") else { return Ok(()) };
        let Some(message_id) = &bounce.message_id else { return Ok(()) };
        let found = self.context.store.read(|view| view.by_message_id(message_id, bounce.recipient.as_deref()))?;
        let Some(id) = found else { return Ok(()) };
        let (status, said) = (bounce.status.clone(), bounce.diagnostic.clone());
        self.context.came_back(id, &RelayReason::CameBack { status, said }.into())
    }
}

impl MailIntake for Intake {
    fn settings(&self) -> Arc<Settings> {
        self.context.store.settings()
    }

    fn recipient(&self, caller: &Caller, _from: &Address, to: &str) -> Result<(), Refusal> {
        let policy = self.policy();
        may_send(&policy, caller)?;
        let to = address(&policy, to)?;
        if policy.is_ours(&to) && post::is_for_link(&self.context, to.local()) {
            return Ok(());
        }
        let known = caller.person.is_some() || caller.trusted;
        let phone = policy.is_sms(&to);
        match (known, phone, policy.is_ours(&to)) {
            (false, true, _) => return Err(Refusal::new(550, "5.7.1", "log in to text a phone")),
            // A fault of the configuration is the owner's: nobody's mail ends with it.
            (false, false, false) if policy.settings.text(Key::Domain).is_empty() => {
                return Err(Refusal::new(451, "4.3.5", "this box has no mail domain yet"));
            }
            (false, false, false) => return Err(Refusal::new(550, "5.7.1", "not relaying to that domain")),
            _ => {}
        }
        if caller.person.is_none() {
            elsewhere::refused(&policy, &to)?;
        }
        match policy.choose(&Address::Mail(to)) {
            Route::Nowhere(why) => Err(smtp::refusal(&why.into())),
            _ => Ok(()),
        }
    }

    fn login(&self, caller: &Caller, user: &str, password: &str) -> Option<String> {
        let policy = self.policy();
        let name = user.rsplit_once('@').map_or(user, |(name, _)| name);
        let person = policy.people.get(name);
        let right = password::verify(person.map(|person| &**person), password);
        // A name that nobody has may be a password in the wrong field: it is not written down.
        self.write_down(person.map_or("an unknown name", |person| &person.name), caller.peer, right);
        person.filter(|_| right).map(|person| person.name.clone())
    }

    fn accept(&self, caller: &Caller, mut envelope: Envelope, body: Body) -> Result<String, Refusal> {
        let policy = self.policy();
        may_send(&policy, caller)?;
        self.room_on_disk()?;
        self.for_links(&policy, caller, &mut envelope, &body)?;
        if envelope.to.is_empty() {
            return Ok("kept".to_owned());
        }
        let read_back;
        let head = match &body {
            Body::Memory(bytes) => bytes,
            Body::File(file) => {
                read_back = read_beginning(file)?;
                &read_back
            }
        };
        if received_lines(head) > mail_text::MAX_HOPS {
            return Err(Refusal::new(554, "5.4.6", "this mail goes in a circle"));
        }
        let mut shaped = mail_text::shape(head, &mail_text::Options { trim: policy.settings.on(Key::AirTrim) });
        if envelope.from.is_nobody() && shaped.automatic.is_none() {
            shaped.automatic = Some(Machine::NoSender);
        }
        let to = recipients(&policy, &envelope.to)?;
        if to.iter().any(|(to, _)| policy.is_sms(to))
            && let Some(why) = segments::too_long(&segments::text_for_phone(&shaped.subject, &shaped.text))
        {
            return Err(Refusal::new(554, "5.3.4", format!("this goes to no phone: {why}")));
        }
        // A mail without a name of its own gets one.
        let new_id = compose::message_id(policy.settings.text(Key::Domain));
        let trace = self.trace(&policy, caller, &envelope.from, &shaped, &new_id, head);
        let mut shaped = Shaped { message_id: shaped.message_id.or(Some(new_id)), ..shaped };
        let now = self.context.now();
        // Only people of this box may spend its reserve, or press others back.
        if caller.person.is_some()
            && let Some((links, subject)) = LinkPreference::tagged(&shaped.subject)
        {
            (shaped.wanted.links, shaped.subject) = (links.to_string(), subject.to_owned());
        }
        let wanted = caller.person.as_ref().map(|_| &shaped.wanted);
        let terms = wanted.map_or(Ok(Terms::default()), |wanted| terms::read(wanted, &policy.settings, now));
        let terms =
            terms.map_err(|why| Refusal::new(554, "5.6.0", format!("the header asks for what cannot be: {why}")))?;
        let whole = as_it_came(&shaped);
        let messages = to.iter().flat_map(|(to, reporting)| {
            // What is no phone number was refused at RCPT.
            let writer = MailWriter::of(&policy, caller, &envelope.from, to, &shaped);
            let draft = |to: Mailbox| {
                let to = policy.resolve(&to).unwrap_or(Address::Mail(to));
                // What is cut saves bytes on a link; here it is read as it came.
                let here = matches!(policy.choose(&to), Route::Mailbox(_));
                draft(&writer, to, if here { &whole } else { &shaped }, terms)
            };
            let stranger = self.stranger(&policy, caller, &writer, to);
            let own = NewMessage { stranger, ..draft(to.clone()) };
            let own = Message { reporting: reporting.clone(), ..self.context.plan(&policy, own) };
            let copy = forwarded(&policy, to, &shaped).map(|(person, copy)| Message {
                on_behalf_of: Some(person),
                reporting: reporting.of_copy(),
                ..self.context.plan(&policy, draft(copy))
            });
            std::iter::once(own).chain(copy).collect::<Vec<_>>()
        });
        let messages: Vec<Message> = messages.collect();
        if let Some(why) = messages.iter().find_map(|message| policy.over_limit(message, message.bill.as_ref())) {
            return Err(smtp::refusal(&why.into()));
        }
        let taking = match self.came(&messages, &body).map_err(|fault| self.later(&fault))? {
            Came::Now(taking) => taking,
            Came::Before(ids) => {
                log::info!("{} came again by smtp", words(&ids));
                return Ok(format!("kept as {}, when it came before", words(&ids)));
            }
        };
        let body = stored(&self.context.store, body, trace)?;
        let told: Vec<_> = messages.iter().map(|message| policy.tells_stranger(message)).collect();
        let refused: Vec<_> = messages.iter().map(|message| policy.tells_refused(message)).collect();
        let reported: Vec<_> = messages.iter().map(|message| message.reporting.events().success).collect();
        let committed = match self.context.store.put(IncomingMail { messages, body }) {
            Ok(committed) => committed,
            Err(fault) => {
                if !fault.is_permanent() {
                    taking.in_doubt();
                }
                return Err(self.later(&fault));
            }
        };
        taking.taken(committed.ids());
        for (id, _) in committed.ids().iter().zip(told).filter(|(_, tell)| *tell) {
            self.tell_that_it_waits(*id);
        }
        for (id, _) in committed.ids().iter().zip(refused).filter(|(_, tell)| *tell) {
            // Nobody waits for this word: what fails here is left out.
            self.context.tell_refused(*id).unwrap_or_else(|fault| log::warn!("{id}: its sender is not told: {fault}"));
        }
        for (id, _) in committed.ids().iter().zip(reported).filter(|(_, report)| *report) {
            // What has not arrived yet is reported when it has; and what fails here is done by housekeeping.
            self.context.report_success(*id).unwrap_or_else(|fault| log::warn!("{id}: reported later: {fault}"));
        }
        // Reports have no sender (RFC 3464 section 2); what has one is somebody's word only.
        if envelope.from.is_nobody()
            && let Err(fault) = self.bounced(&shaped)
        {
            log::warn!("a delivery report is kept but could not be matched: {fault}");
        }
        log::info!("{} taken by smtp", words(committed.ids()));
        Ok(format!("kept as {}", words(committed.ids())))
    }
}

fn words(ids: &[Id]) -> String {
    ids.iter().map(Id::to_string).collect::<Vec<_>>().join(" ")
}

impl Intake {
    /// Whether this mail came before.
    fn came(&self, messages: &[Message], body: &Body) -> Result<Came<'_>, Fault> {
        let bytes = || match body {
            Body::Memory(bytes) => Ok(bytes.clone()),
            Body::File(file) => std::fs::read(file.path()).map_err(Fault::temporary),
        };
        self.repeats.of(&self.context.store, messages, bytes)
    }

    /// Writes a log-in of a mail program into the audit log. Mail programs log in every few minutes, and so do those who
    /// guess: each kind is written at once and then every hour, with how often it was.
    fn write_down(&self, name: &str, peer: IpAddr, right: bool) {
        let mut log_ins = self.log_ins.lock().unwrap_or_else(PoisonError::into_inner);
        if log_ins.len() >= LOG_INS_MOST {
            log_ins.retain(|_, (at, _)| at.elapsed() < LOG_INS_EVERY);
        }
        let key = (name.to_owned(), peer, right);
        let known = log_ins.get(&key).copied();
        let count = known.map_or(0, |(_, count)| count) + 1;
        let told = known.map(|(at, _)| at).filter(|at| at.elapsed() < LOG_INS_EVERY);
        let (due, at) = (told.is_none(), told.unwrap_or_else(Instant::now));
        if log_ins.len() < LOG_INS_MOST || log_ins.contains_key(&key) {
            log_ins.insert(key, (at, if due { 0 } else { count }));
        }
        drop(log_ins);
        if !due {
            return;
        }
        let (who, about) = if right { (name, "") } else { ("", name) };
        let record = store::Record {
            at: self.context.now(),
            who: who.to_owned(),
            from: peer.to_string(),
            action: if right { "log-in" } else { "log-in.failed" }.to_owned(),
            about: about.to_owned(),
            words: if right { "logged in with a mail program" } else { "a mail program gave a wrong password" }
                .to_owned(),
            count,
            ..store::Record::default()
        };
        if let Err(fault) = self.context.store.write(move |tx| tx.audit_again(&record)) {
            log::warn!("audit: {fault}");
        }
    }

    fn room_on_disk(&self) -> Result<(), Refusal> {
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        if room.is_none_or(|(at, _)| at.elapsed() >= ROOM_KNOWN) {
            *room = self.context.store.disk_room().ok().map(|room| (Instant::now(), room));
        }
        match *room {
            Some((_, room)) if room.is_short() => {
                Err(Refusal::new(452, "4.3.1", "too little room on disk, come again later"))
            }
            _ => Ok(()),
        }
    }

    /// The reply for a message that could not be kept.
    fn later(&self, fault: &Fault) -> Refusal {
        match fault.is_permanent() {
            true => Refusal::new(554, "5.0.0", fault),
            false if self.context.store.disk_full() => Refusal::new(452, "4.3.1", "the disk is full, come again later"),
            false => Refusal::new(451, "4.3.0", fault),
        }
    }

    /// What is put in front of the mail: our trace, a Message-ID where there was none, date and sender where somebody who
    /// submits a mail left them out (RFC 6409 section 8), and where there is no header at all the empty line that ends ours.
    fn trace(
        &self,
        policy: &Policy,
        caller: &Caller,
        from: &Address,
        shaped: &Shaped,
        own_id: &str,
        head: &[u8],
    ) -> Vec<u8> {
        let with = match (caller.esmtp, caller.tls, caller.person.is_some()) {
            (false, ..) => "SMTP",
            (_, false, false) => "ESMTP",
            (_, true, false) => "ESMTPS",
            (_, false, true) => "ESMTPA",
            (_, true, true) => "ESMTPSA",
        };
        let by = policy.settings.text(Key::Domain);
        let received = compose::received(&compose::Received {
            helo: &caller.helo,
            ip: Some(caller.peer).filter(|ip: &IpAddr| !ip.is_loopback()),
            by: if by.is_empty() { "satpost" } else { by },
            with,
            id: own_id.trim_matches(['<', '>']).split('@').next().unwrap_or_default(),
            to: None,
            at: self.context.now(),
        });
        let mut trace = format!("{received}\r\n").into_bytes();
        if shaped.message_id.is_none() {
            trace.extend_from_slice(format!("{}\r\n", compose::header("Message-ID", own_id)).as_bytes());
        }
        if caller.person.is_some() || caller.trusted {
            if !has_field(head, b"date") {
                trace.extend_from_slice(format!("{}\r\n", compose::date(self.context.now())).as_bytes());
            }
            if let Some(from) = from.mailbox().filter(|_| !has_field(head, b"from")) {
                trace.extend_from_slice(format!("{}\r\n", compose::header("From", &from.quoted())).as_bytes());
            }
        }
        if !compose::begins_with_header(head) {
            trace.extend_from_slice(b"\r\n");
        }
        trace
    }
}

/// The text of a recipient as an address of some box; a bare `postmaster` is ours.
fn address(policy: &Policy, to: &str) -> Result<Mailbox, Refusal> {
    let parsed = match to.eq_ignore_ascii_case("postmaster") {
        true => Mailbox::new("postmaster", policy.settings.text(Key::Domain)),
        false => to.parse(),
    };
    let mailbox = parsed.map_err(|why| Refusal::new(550, "5.1.3", why))?;
    Ok(policy.proper(&mailbox))
}

/// Each recipient once: a person of this box gets one message of a mail, under however many addresses they are named.
fn recipients(policy: &Policy, named: &[Recipient]) -> Result<Vec<(Mailbox, Reporting)>, Refusal> {
    let mut to: Vec<(Mailbox, Reporting)> = Vec::new();
    let person = |mailbox: &Mailbox| {
        let person = policy.people.addressed(mailbox).filter(|_| policy.is_ours(mailbox));
        person.map(|person| person.name.clone())
    };
    for Recipient { path, reporting } in named {
        let mailbox = address(policy, path)?;
        let phone = |mailbox: &Mailbox| policy.resolve(mailbox).ok().and_then(|address| address.phone());
        let same = |(known, _): &(Mailbox, Reporting)| {
            *known == mailbox
                || person(known).is_some_and(|p| Some(p) == person(&mailbox))
                || phone(known).is_some_and(|p| Some(p) == phone(&mailbox))
        };
        if !to.iter().any(same) {
            to.push((mailbox, reporting.clone()));
        }
    }
    Ok(to)
}

/// Somebody who logged in may have been disabled or removed since.
fn may_send(policy: &Policy, caller: &Caller) -> Result<(), Refusal> {
    let Some(name) = &caller.person else { return Ok(()) };
    match policy.people.get(name).is_some_and(|person| !person.disabled) {
        true => Ok(()),
        false => Err(smtp::refusal(&NoRoute::MayNotSend { name: name.clone() }.into())),
    }
}

/// A mail with nothing cut: its files are there to be opened.
fn as_it_came(shaped: &Shaped) -> Shaped {
    let mut whole =
        Shaped { subject: shaped.full_subject.clone(), cut: Vec::new(), cuts: Vec::new(), ..shaped.clone() };
    if !shaped.full.is_empty() {
        whole.text.clone_from(&shaped.full);
    }
    whole
}

fn draft(writer: &MailWriter, to: Address, shaped: &Shaped, terms: Terms) -> NewMessage {
    NewMessage {
        sender: writer.sender.clone(),
        author: writer.author.clone(),
        subject: shaped.subject.clone(),
        cut: shaped.cut.clone(),
        automatic: shaped.automatic.clone(),
        message_id: shaped.message_id.clone(),
        references: shaped.in_reply_to.iter().rev().cloned().collect(),
        terms,
        ..NewMessage::new(Origin::Smtp, writer.from.clone(), to, shaped.text.clone())
    }
}

/// Where a copy goes that a person reading here wants, and who that is; never over a link, and never of what a machine
/// wrote.
fn forwarded(policy: &Policy, to: &Mailbox, shaped: &Shaped) -> Option<(String, Mailbox)> {
    let Route::Mailbox(person) = policy.choose(&Address::Mail(to.clone())) else { return None };
    let forward = person.forward.clone()?;
    let by_relay = policy.choose(&Address::Mail(forward.clone())) == Route::Relay;
    (by_relay && shaped.automatic.is_none()).then(|| (person.name.clone(), forward))
}

fn read_beginning(file: &Spooled) -> Result<Vec<u8>, Refusal> {
    let mut head = Vec::new();
    let read = File::open(file.path()).and_then(|file| file.take(READ_MOST).read_to_end(&mut head));
    read.map_err(|error| Refusal::new(451, "4.3.0", format!("the mail cannot be read back: {error}")))?;
    Ok(head)
}

fn received_lines(mail: &[u8]) -> usize {
    header_lines(mail).filter(|line| is_field(line, b"received")).count()
}

/// True when the header of a mail has a field of this name; a text without a header has none.
fn has_field(mail: &[u8], name: &[u8]) -> bool {
    compose::begins_with_header(mail) && header_lines(mail).any(|line| is_field(line, name))
}

fn header_lines(mail: &[u8]) -> impl Iterator<Item = &[u8]> {
    let head_end = match mail.starts_with(b"\r\n") {
        true => 0,
        false => mail.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(mail.len()),
    };
    mail[..head_end].split(|byte| *byte == b'\n')
}

fn is_field(line: &[u8], name: &[u8]) -> bool {
    let label = line.split(|byte| *byte == b':').next().filter(|label| label.len() < line.len());
    label.is_some_and(|label| label.trim_ascii_end().eq_ignore_ascii_case(name))
}

/// The mail with its trace in front, as the store takes it. A spool file goes again unless the commit happens.
fn stored(store: &Store, body: Body, trace: Vec<u8>) -> Result<BodyIn, Refusal> {
    match body {
        Body::Memory(bytes) => Ok(BodyIn::Bytes([trace, bytes].concat())),
        Body::File(file) => {
            let spooled = store.spool(&trace, file.path()).map_err(|error| {
                let full = error.kind() == std::io::ErrorKind::StorageFull;
                let (code, status) = if full { (452, "4.3.1") } else { (451, "4.3.0") };
                Refusal::new(code, status, format!("the mail cannot be kept: {error}"))
            })?;
            Ok(BodyIn::File(Arc::new(spooled)))
        }
    }
}

#[cfg(test)]
mod tests;
