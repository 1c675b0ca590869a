//! Texts from phones become messages: in one commit with the memory that this text was taken.

use super::{keywords, reaction, report};
use crate::address::{Address, Mailbox, Phone};
use crate::clock::Time;
use crate::deliver::compose;
use crate::deliver::sms::{IncomingText, Keyword, News, Row};
use crate::engine::Context;
use crate::fault::Fault;
use crate::mail_text::visible_text;
use crate::message::events::{EventKind, PhoneChange, SetAside};
use crate::message::reason::{Barred, Medium, Unusable};
use crate::message::{CutNote, LinkSize, Message, Origin, Priority, Proof, State, Terms};
use crate::people::Person;
use crate::route::choose::{Policy, Route};
use crate::route::plan::{NewMessage, Stranger};
use crate::route::segments;
use crate::settings::Key;
use crate::store::{BodyIn, Committed, Event, IncomingMail, OptOut, Thread, Tx, TxResult};

/// What is longer, in bytes, is no text: Bandwidth carries 2048 characters, Twilio 1600.
const MOST_TEXT: usize = 32 * 1024;
/// What a text without any text says: a packet that says nothing would look like a fault.
const EMPTY: &str = "[empty text]";
/// Name of the note with the time of the last call of a carrier.
const HEARD: &str = "sms:heard";

/// Messages among which the text is looked for that a reaction may repeat.
const REMEMBERED: usize = 500;

/// The key under which a text from a phone is remembered.
pub fn key(row: &Row, id: &str) -> String {
    format!("sms:{}:{id}", row.name)
}

/// Takes what a call of the carrier brought. Only after this may it be answered with a yes.
///
/// # Errors
/// Temporary when the carrier has to tell it again: the disk is full.
pub fn called(context: &Context, row: &'static Row, news: &[News]) -> Result<(), Fault> {
    for one in news {
        match one {
            News::IncomingText(incoming) => drop(take(context, row, incoming)?),
            News::Report(report) => report::take(context, row.name, report)?,
            News::Odd(event) => {
                let (event, now) = (event.clone(), context.now());
                context.store.write(move |tx| put_aside(tx, Unusable::CarrierWords, &event, now))?;
            }
        }
    }
    let now = context.now();
    context.status.set(|facts| (facts.texts_heard, facts.texts_refused) = (Some(now), None));
    context.store.write(move |tx| tx.put_note(HEARD, Some(now.0.to_string().as_bytes())))
}

/// When the carrier called last, as an earlier life of this box knew it.
///
/// # Errors
/// When the store cannot be read or written.
pub fn recall_heard(context: &Context) -> Result<(), Fault> {
    let note = context.store.read(|view| view.note(HEARD))?;
    let heard = note.and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok()).map(Time);
    context.status.set(|facts| facts.texts_heard = facts.texts_heard.or(heard));
    Ok(())
}

/// Takes a text from a phone in, once.
///
/// # Errors
/// Temporary when it has to be offered again: the disk is full.
pub fn take(context: &Context, row: &'static Row, incoming: &IncomingText) -> Result<Committed, Fault> {
    let intake = Intake::new(context, row, incoming)?;
    let key = key(row, &incoming.id);
    let (committed, ()) = context.store.commit_in(move |tx| match tx.once(&key, intake.now)? {
        true => intake.keep(tx).map(|ids| (ids, ())),
        false => Ok((Vec::new(), ())),
    })?;
    for id in committed.ids() {
        log::info!("{id} came from a phone");
    }
    Ok(committed)
}

/// A text with all that is known about it before it is written down.
struct Intake {
    row: &'static Row,
    incoming: IncomingText,
    policy: Policy,
    now: Time,
    believed: bool,
    /// What it takes on the link to the device of its reader.
    size: Option<LinkSize>,
    /// The phone, or a short code in the shape of an address.
    from: Result<Address, Unusable>,
    /// Whose number it came to.
    person: Option<Person>,
    written_to: Option<Time>,
    /// The short form of a reaction.
    reaction: Option<String>,
    message_id: String,
}

impl Intake {
    fn new(context: &Context, row: &'static Row, incoming: &IncomingText) -> Result<Self, Fault> {
        let policy = context.policy();
        let from = sender(&policy, &incoming.from);
        let person = incoming.to.parse().ok().and_then(|number| policy.people.by_number(number));
        let person = person.map(|person| Person::clone(person));
        let written_to = match (&person, &from) {
            (Some(person), Ok(from)) => context.store.read(|view| view.written_to(&person.name, from))?,
            _ => None,
        };
        let visible = visible_text(&incoming.text);
        let reaction = match &from {
            Ok(Address::Phone(phone)) if reaction::is_shaped(&visible) => shortened(context, *phone, &visible)?,
            _ => None,
        };
        let mut intake = Self {
            row,
            incoming: incoming.clone(),
            now: context.now(),
            believed: context.store.clock().believable(),
            size: None,
            message_id: compose::message_id(policy.settings.text(Key::Domain)),
            policy,
            from,
            person,
            written_to,
            reaction,
        };
        // Before the transaction, as it may wait for the coder; whichever thread it belongs to, the reader is the same.
        let to = intake.person.as_ref().and_then(|person| intake.policy.address_of(person));
        if let (Some(to), Ok(from)) = (to, &intake.from) {
            intake.size = context.size_of(&intake.policy, &intake.plan(from, Address::Mail(to)));
        }
        Ok(intake)
    }

    fn keep(&self, tx: &mut Tx) -> TxResult<Vec<crate::message::Id>> {
        let from = match &self.from {
            Ok(from) => from.clone(),
            Err(why) => return self.set_aside(tx, why.clone()).map(|()| Vec::new()),
        };
        let Ok(number) = self.incoming.to.parse::<Phone>() else {
            return self.set_aside(tx, Unusable::NoNumber).map(|()| Vec::new());
        };
        if self.incoming.text.len() > MOST_TEXT {
            let bytes = self.incoming.text.len();
            return self.set_aside(tx, Unusable::TooLong { bytes }).map(|()| Vec::new());
        }
        let mut ids = match &self.person {
            Some(person) => self.to_person(tx, person, &from)?,
            None => {
                tx.add(&IncomingMail { messages: vec![self.plan(&from, Address::Phone(number))], body: BodyIn::None })?
            }
        };
        if let Some(phone) = from.phone() {
            ids.extend(self.obey(tx, number, phone)?);
        }
        Ok(ids)
    }

    /// Into their mailbox as a mail of its thread, or over the link.
    fn to_person(&self, tx: &mut Tx, person: &Person, from: &Address) -> TxResult<Vec<crate::message::Id>> {
        let Some(address) = self.policy.address_of(person) else {
            return self.set_aside(tx, Unusable::NoDomain).map(|()| Vec::new());
        };
        let thread = match from.phone() {
            Some(phone) => tx.thread(&person.name, phone)?,
            None => None,
        };
        let mut messages = vec![self.plan(from, Address::Mail(address.clone()))];
        match self.policy.choose(&messages[0].to) {
            Route::Link(_) => return tx.add(&IncomingMail { messages, body: BodyIn::None }),
            Route::Mailbox(_) => messages.extend(self.forward(person, from)),
            _ => {}
        }
        let subject = match &thread {
            Some(thread) if thread.subject.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("re:")) => {
                thread.subject.clone()
            }
            Some(thread) => format!("Re: {}", thread.subject),
            None => messages[0].title(),
        };
        let body = match self.policy.mail_of(from) {
            Some(sender) => BodyIn::Bytes(self.mail(&sender, &address, &subject, thread.as_ref())),
            None => BodyIn::None,
        };
        if let Some(phone) = from.phone() {
            let subject = thread.map_or(subject, |thread| thread.subject);
            tx.put_thread(&person.name, phone, &Thread { last: self.message_id.clone(), subject })?;
        }
        tx.add(&IncomingMail { messages, body })
    }

    fn mail(&self, from: &Mailbox, to: &Mailbox, subject: &str, thread: Option<&Thread>) -> Vec<u8> {
        let more = self.files().map(|words| format!("\n\n[{words}]")).unwrap_or_default();
        compose::build(&compose::ComposedMail {
            from,
            from_name: None,
            to,
            subject,
            text: &format!("{}{more}", self.incoming.text),
            date: self.now,
            message_id: &self.message_id,
            references: &thread.map(|thread| thread.last.clone()).into_iter().collect::<Vec<_>>(),
            auto_submitted: None,
        })
    }

    fn files(&self) -> Option<CutNote> {
        let files = self.incoming.files;
        (files > 0).then(|| CutNote::FilesAtCarrier { files, carrier: self.row.title.to_owned() })
    }

    /// The copy that a person who reads here wants elsewhere too.
    fn forward(&self, person: &Person, from: &Address) -> Option<Message> {
        let to = Address::Mail(person.forward.clone()?);
        let by_relay = self.policy.choose(&to) == Route::Relay;
        by_relay.then(|| Message { on_behalf_of: Some(person.name.clone()), ..self.plan(from, to) })
    }

    fn plan(&self, from: &Address, to: Address) -> Message {
        let files = self.files();
        let visible = visible_text(&self.incoming.text);
        let over_link = matches!(self.policy.choose(&to), Route::Link(_));
        let blank = visible.is_empty() && files.is_none();
        let reaction = self.reaction.as_ref().filter(|_| over_link);
        let text = match (visible.is_empty(), &files) {
            (true, Some(files)) => files.to_string(),
            (true, None) => EMPTY.to_owned(),
            (false, _) => reaction.cloned().unwrap_or(visible),
        };
        // It can wait for room in a packet that goes anyway.
        let priority = if reaction.is_some() { Priority::Bulk } else { Priority::default() };
        // The carrier vouches for the number.
        let stranger = Some(Stranger { proof: Proof::Proven, written_to: self.written_to });
        let draft = NewMessage {
            cut: files.into_iter().collect(),
            message_id: Some(self.message_id.clone()),
            stranger,
            terms: Terms { priority, ..Terms::default() },
            ..NewMessage::new(Origin::Sms, from.clone(), to, text)
        };
        let mut message = self.policy.plan(draft, self.size, self.now, self.believed);
        let unwanted = match (blank, reaction) {
            (true, _) => Some(Barred::Blank { on: Medium::Air }),
            (_, Some(_)) if !self.policy.settings.on(Key::SmsReactions) => Some(Barred::Reaction { on: Medium::Air }),
            _ => None,
        };
        if let Some(why) = unwanted.filter(|_| over_link && message.state != State::Refused) {
            (message.state, message.reason, message.next) = (State::Refused, why.into(), Time::NEVER);
        }
        message
    }

    /// Honours and records STOP, START and HELP. The text itself was kept like any other.
    fn obey(&self, tx: &mut Tx, number: Phone, phone: Phone) -> TxResult<Vec<crate::message::Id>> {
        let Some((keyword, word)) = keywords::of(&self.incoming) else { return Ok(Vec::new()) };
        let record = |tx: &mut Tx, what| {
            let kind = EventKind::Phone { word: word.clone(), what };
            tx.event(&Event { at: self.now, part: "text".to_owned(), link: None, kind, alarm: false })
        };
        match keyword {
            Keyword::Stop => {
                let out = OptOut { at: self.now, how: format!("it sent {word}") };
                tx.opt_out(number, phone, Some(&out))?;
                record(tx, PhoneChange::OptedOut).map(|()| Vec::new())
            }
            Keyword::Start => {
                // YES is a word like any other to who never sent STOP.
                if tx.opt_out(number, phone, None)? {
                    record(tx, PhoneChange::OptedIn)?;
                }
                Ok(Vec::new())
            }
            Keyword::Help => {
                record(tx, if self.row.answers_help { PhoneChange::CarrierAnswers } else { PhoneChange::Answered })?;
                self.help(tx, number, phone)
            }
        }
    }

    /// Answers HELP where the carrier does not, once a day for a phone.
    fn help(&self, tx: &mut Tx, number: Phone, phone: Phone) -> TxResult<Vec<crate::message::Id>> {
        let day = self.now.to_string();
        let key = format!("help:{number}:{phone}:{}", day.get(..10).unwrap_or_default());
        let answering = |person: &&Person| !person.disabled && !self.row.answers_help;
        let Some(person) = self.person.as_ref().filter(answering) else { return Ok(Vec::new()) };
        let Some(address) = self.policy.address_of(person) else { return Ok(Vec::new()) };
        if !tx.once(&key, self.now)? {
            return Ok(Vec::new());
        }
        let name = if person.full_name.is_empty() { &person.name } else { &person.full_name };
        let text = format!("This is the number of {name}. Send STOP to get no texts from it, START to get them again.");
        let draft = NewMessage {
            author: Some(person.name.clone()),
            subject: "Re: HELP".to_owned(),
            ..NewMessage::new(Origin::Notice, Address::Mail(address), Address::Phone(phone), text)
        };
        let message = self.policy.plan(draft, None, self.now, self.believed);
        tx.add(&IncomingMail { messages: vec![message], body: BodyIn::None })
    }

    fn set_aside(&self, tx: &mut Tx, why: Unusable) -> TxResult<()> {
        put_aside(tx, why, &self.incoming.text, self.now)
    }
}

/// The short form of a reaction to a text that this phone got, or that its words show to be one.
fn shortened(context: &Context, phone: Phone, text: &str) -> Result<Option<String>, Fault> {
    let mut sent = Vec::new();
    let take = |message: Message| {
        if message.to.phone() == Some(phone) {
            sent.push(reaction::bare(&segments::text_for_phone(&message.subject, &message.text)));
        }
    };
    context.store.read(|view| view.each_past(REMEMBERED, take))?;
    let got = |letters: &str, whole: bool| {
        sent.iter().any(|text| if whole { text == letters } else { text.starts_with(letters) })
    };
    Ok(reaction::shortened(text, got))
}

fn put_aside(tx: &mut Tx, why: Unusable, text: &str, now: Time) -> TxResult<()> {
    // Without the text and the sender, as it is logged.
    log::warn!("text: a text from a phone is in quarantine: {why}");
    tx.set_aside("sms", SetAside::Text, why.into(), text.as_bytes(), now)
}

/// Who wrote: a phone, or a short code or name, which cannot be answered.
fn sender(policy: &Policy, from: &str) -> Result<Address, Unusable> {
    if let Ok(phone) = from.parse() {
        return Ok(Address::Phone(phone));
    }
    let domain = policy.sms_domain().ok_or(Unusable::NoDomain)?;
    let name: String = from.chars().map(|c| if c.is_whitespace() { '.' } else { c }).collect();
    Mailbox::new(&name, &domain).map(Address::Mail).map_err(|_| Unusable::Sender)
}
