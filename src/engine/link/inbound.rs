//! Packets from the air become messages: in one commit with the memory that this packet was taken.

use compact::letter::{Kind, Letter, Other};
use compact::peer::{Peer, Turn};

use super::peer::PeerEffects;
use crate::address::{Address, DeviceId};
use crate::clock::Time;
use crate::coding::classic::{self, Inner, Protocol};
use crate::coding::messages;
use crate::coding::parts::{self, PartMark};
use crate::engine::{Context, max_payload};
use crate::fault::Fault;
use crate::link::Inbound;
use crate::message::{Id, Message, Origin, State, Terms};
use crate::people::Person;
use crate::route::choose::Policy;
use crate::route::plan::NewMessage;
use crate::route::subject::first_line;
use crate::settings::Key;
use crate::store::{self, BodyIn, Committed, Event, PartIn, Tx, TxResult};

/// Longest subject made from a text, in characters.
const SUBJECT: usize = 72;

/// Takes a packet in. Only with the token in hand may the other side forget it.
///
/// # Errors
/// Temporary when it has to be offered again: the disk is full, or nobody here can read it yet. Permanent when it never
/// can be read here.
pub fn take(context: &Context, inbound: &Inbound) -> Result<Committed, Fault> {
    let payload = &inbound.payload;
    let intake = Intake::new(context, inbound.device)?;
    let heard = match (context.talks(), payload.first().is_some_and(|first| *first >= 0x80)) {
        (false, true) => {
            return Err(Fault::permanent("it is in the compact coding, which is off here (air.compact)"));
        }
        (false, false) => Heard { classic: Some(payload.clone()), letters: Vec::new(), errand: None },
        (true, true) if !context.voice().ready() => return Err(Fault::temporary("the coder is being made ready")),
        (true, _) => {
            let mut peer = context.peer(inbound.device)?;
            let turn = context.here(inbound.device, |here| peer.heard(here, payload));
            Heard::new(context, inbound.device, peer, turn)
        }
    };
    let (key, now) = (inbound.key.clone(), intake.now);
    let (committed, ()) = context.store.commit_in(move |tx| match tx.remember(&key, now)? {
        true => Ok((heard.keep(tx, Some(&intake), now)?, ())),
        false => Ok((Vec::new(), ())),
    })?;
    for id in committed.ids() {
        log::info!("{id} came from the air");
    }
    Ok(committed)
}

/// Does what is due in the talk with a far box; what could be read by now is delivered.
///
/// # Errors
/// When the store cannot be read or written.
pub fn tick(context: &Context, device: Option<DeviceId>) -> Result<(), Fault> {
    let mut peer = context.peer(device)?;
    let turn = context.here(device, |here| peer.tick(here));
    let heard = Heard::new(context, device, peer, turn);
    let intake = if heard.letters.is_empty() { None } else { Some(Intake::new(context, device)?) };
    let now = context.now();
    context.store.write(move |tx| heard.keep(tx, intake.as_ref(), now).map(drop))
}

/// What a turn of the talk brought.
struct Heard {
    /// A classic packet.
    classic: Option<Vec<u8>>,
    /// Letters, and whether all of each is there.
    letters: Vec<(Letter, bool)>,
    /// What the talk asks besides.
    errand: Option<PeerEffects>,
}

impl Heard {
    fn new(context: &Context, device: Option<DeviceId>, peer: Peer, mut turn: Turn) -> Self {
        let whole = std::mem::take(&mut turn.letters).into_iter().map(|letter| (letter, true));
        let fronts = std::mem::take(&mut turn.fronts).into_iter().map(|letter| (letter, false));
        let (classic, letters) = (turn.classic.take(), whole.chain(fronts).collect());
        Self { classic, letters, errand: Some(PeerEffects::new(context, device, peer, turn)) }
    }

    fn keep(&self, tx: &mut Tx, intake: Option<&Intake>, now: Time) -> TxResult<Vec<Id>> {
        let mut ids = Vec::new();
        if let Some(intake) = intake {
            if let Some(payload) = &self.classic {
                match classic::decode(payload) {
                    Ok(packet) => ids.extend(intake.packet(tx, &packet, payload)?),
                    Err(why) => intake.set_aside(tx, &why, payload)?,
                }
            }
            for (letter, whole) in &self.letters {
                ids.extend(intake.letter(tx, letter, *whole)?);
            }
        }
        self.errand.as_ref().map_or(Ok(()), |errand| errand.apply(tx, now))?;
        Ok(ids)
    }
}

/// Sets aside what a link could not even read.
///
/// # Errors
/// When the store cannot be read or written.
pub fn poison(context: &Context, bytes: &[u8], why: &str) -> Result<(), Fault> {
    let (bytes, why, now) = (bytes.to_vec(), why.to_owned(), context.now());
    log::warn!("link: a packet was set aside: {why}");
    context.store.write(move |tx| {
        tx.quarantine("link", &why, &bytes, now)?;
        tx.event(&alarm(now, format!("a packet from the air was set aside: {why}")))
    })
}

/// Delivers the parts of letters that will not be complete any more, as they are.
///
/// # Errors
/// When the store cannot be read or written.
pub fn give_up_on_parts(context: &Context) -> Result<(), Fault> {
    let limit = context.now() - context.store.settings().span(Key::AirPartsWait);
    for (set, parts) in context.store.read(|view| view.stale_parts(limit))? {
        let Some((_, first)) = parts.first().cloned() else { continue };
        let intake = Intake::new(context, first.device.parse().ok())?;
        let text = incomplete(&parts, first.total);
        context.store.write(move |tx| {
            tx.drop_parts(&set)?;
            match intake.message(&first.other, None, None, text.clone()) {
                Ok(message) => tx.add(&alone(message)).map(drop),
                Err(why) => intake.set_aside(tx, &why, text.as_bytes()),
            }
        })?;
    }
    Ok(())
}

/// The parts there are, with a line for each that is missing.
fn incomplete(parts: &[(u16, PartIn)], total: u16) -> String {
    let part = |number: u16| match parts.iter().find(|(have, _)| *have == number) {
        Some((_, part)) => parts::parse(&part.text).map_or(part.text.clone(), |mark| mark.rest.to_owned()),
        None => format!("\n[part {number} of {total} did not arrive]\n"),
    };
    (1..=total).map(part).collect()
}

/// A letter of its own: it has no mail in common with others.
fn alone(message: Message) -> store::IncomingMail {
    store::IncomingMail { messages: vec![message], body: BodyIn::None }
}

fn alarm(at: Time, words: String) -> Event {
    Event { at, part: "link".to_owned(), words, alarm: true }
}

/// What is known about a packet before its content is looked at.
struct Intake {
    policy: Policy,
    now: Time,
    believed: bool,
    max_payload: usize,
    side: Side,
}

/// Who is at this end.
enum Side {
    /// A device in the field wrote to the world; its owner, if somebody owns it.
    Field(DeviceId, Option<Person>),
    /// The world wrote to the one who reads here.
    PeerContext(Person),
}

impl Intake {
    fn new(context: &Context, device: Option<DeviceId>) -> Result<Self, Fault> {
        let policy = context.policy();
        let side = match device {
            Some(device) => Side::Field(device, policy.people.by_device(device).map(|person| (**person).clone())),
            None => {
                let reader = policy.people.default_person(policy.settings.text(Key::DefaultPerson));
                let reader =
                    reader.ok_or_else(|| Fault::operator("a packet waits and nobody reads here: add a person"))?;
                Side::PeerContext((**reader).clone())
            }
        };
        let max_payload = max_payload(&policy.settings);
        Ok(Self { policy, now: context.now(), believed: context.store.clock().believable(), max_payload, side })
    }

    fn device(&self) -> String {
        match &self.side {
            Side::Field(device, _) => device.to_string(),
            Side::PeerContext(_) => String::new(),
        }
    }

    fn packet(&self, tx: &mut Tx, packet: &classic::Packet, payload: &[u8]) -> TxResult<Vec<Id>> {
        let from_field = matches!(self.side, Side::Field(..));
        if packet.from_device != from_field {
            self.set_aside(tx, "the packet says that it goes the other way", payload)?;
            return Ok(Vec::new());
        }
        let mut messages = Vec::new();
        for inner in &packet.messages {
            match self.inner(tx, inner)? {
                Ok(message) => messages.extend(message),
                Err(why) => self.set_aside(tx, &why, payload)?,
            }
        }
        // Each is a letter of its own: they have no mail in common.
        let mut ids = Vec::new();
        for message in messages {
            ids.extend(tx.add(&alone(message))?);
        }
        Ok(ids)
    }

    /// One inner message; `None` while it is a part and others are missing.
    fn inner(&self, tx: &mut Tx, inner: &Inner) -> TxResult<Result<Option<Message>, String>> {
        let other = match (self.other(&inner.to, inner.protocol == Protocol::Sms), &self.side) {
            (Err(why), _) => return Ok(Err(why)),
            (Ok(Address::Nobody), Side::Field(..)) => return Ok(Err("it does not say to whom it goes".to_owned())),
            (Ok(other), _) => other.to_string(),
        };
        let text = match parts::parse(&inner.text) {
            None => Some(inner.text.clone()),
            Some(mark) => self.part(tx, inner, &other, &mark)?,
        };
        Ok(text.map(|text| self.message(&other, None, None, text)).transpose())
    }

    /// The far end that a packet names: a phone in the local form, a mail address that means one, or anything else.
    fn other(&self, name: &str, by_phone: bool) -> Result<Address, String> {
        match (by_phone, name.parse::<Address>()) {
            // Who wrote from a phone stays a phone; a number that is written to may be somebody's here.
            (true, Ok(phone)) if matches!(self.side, Side::PeerContext(_)) => Ok(phone),
            (true, _) | (_, Ok(Address::Phone(_))) => self.policy.at_number(name),
            (_, Ok(Address::Mail(mailbox))) => self.policy.resolve(&mailbox),
            (_, other) => other,
        }
    }

    fn part(&self, tx: &mut Tx, inner: &Inner, other: &str, mark: &PartMark<'_>) -> TxResult<Option<String>> {
        let set = format!("{}|{}|{}|{}", self.device(), inner.to, mark.tag, mark.total);
        let part = PartIn {
            text: inner.text.clone(),
            total: mark.total,
            device: self.device(),
            other: other.to_owned(),
            at: self.now,
        };
        let all = tx.put_part(&set, mark.number, &part)?;
        let marks: Vec<_> = all.iter().filter_map(|(_, part)| parts::parse(&part.text)).collect();
        let whole = parts::join(&inner.to, &marks);
        if whole.is_some() {
            tx.drop_parts(&set)?;
        }
        Ok(whole)
    }

    /// A letter of the compact coding becomes a message.
    fn letter(&self, tx: &mut Tx, letter: &Letter, whole: bool) -> TxResult<Vec<Id>> {
        let Other::Address(other) = &letter.other else { return Ok(Vec::new()) };
        let mut text = messages::text(letter);
        if !whole {
            text.push_str("\n[the rest did not arrive]\n");
        }
        let subject = Some(letter.subject.clone()).filter(|subject| !subject.is_empty());
        let end = self.other(other, letter.kind == Kind::Text);
        let message =
            end.and_then(|end| self.message(&end.to_string(), letter.person.as_deref(), subject, text.clone()));
        match message {
            Ok(message) => tx.add(&alone(message)),
            Err(why) => {
                self.set_aside(tx, &why, format!("{other}\n{text}").as_bytes())?;
                Ok(Vec::new())
            }
        }
    }

    /// The message between `other`, the end named in the packet, and this end: the person named there, if the name is
    /// good for that, or else the one who is meant without a name.
    fn message(
        &self,
        other: &str,
        named: Option<&str>,
        subject: Option<String>,
        text: String,
    ) -> Result<Message, String> {
        let other: Address = other.parse()?;
        let named = named.and_then(|name| self.policy.people.get(name));
        let (from, to, author, refused) = match &self.side {
            Side::Field(device, None) => (Address::Device(*device), other, None, None),
            Side::Field(device, Some(owner)) => {
                // Only who has this device may be named by it.
                let person = named.map_or(owner, |named| &**named);
                let person = if person.device == Some(*device) { person } else { owner };
                let from = self.policy.address_of(person).map_or(Address::Device(*device), Address::Mail);
                let refused = person.disabled.then(|| format!("{} may not send at present", person.name));
                (from, other, Some(person.name.clone()), refused)
            }
            Side::PeerContext(reader) => {
                let person = named.map_or(reader, |named| &**named);
                let to = self.policy.address_of(person).ok_or("this box has no mail domain yet: set box.domain")?;
                (other, Address::Mail(to), None, None)
            }
        };
        let draft = NewMessage {
            door: Origin::Link,
            from,
            to,
            author,
            subject: subject.unwrap_or_else(|| first_line(&text, SUBJECT)),
            text,
            cut: Vec::new(),
            automatic: None,
            message_id: Some(message_id(self.policy.settings.text(Key::Domain))),
            about: None,
            stranger: None,
            terms: Terms::default(),
        };
        let mut message = self.policy.plan(draft, self.now, self.believed, self.max_payload);
        if let Some(why) = refused {
            (message.state, message.reason, message.next) = (State::Refused, why, Time::NEVER);
        }
        Ok(message)
    }

    fn set_aside(&self, tx: &mut Tx, why: &str, bytes: &[u8]) -> TxResult<()> {
        let from = match &self.side {
            Side::Field(device, _) => format!(" from device {device}"),
            Side::PeerContext(_) => String::new(),
        };
        log::warn!("link: a packet{from} was set aside: {why}");
        tx.quarantine("link", why, bytes, self.now)?;
        tx.event(&alarm(self.now, format!("a packet{from} was set aside: {why}")))
    }
}

/// A new Message-ID: random, so that it tells nothing.
pub fn message_id(domain: &str) -> String {
    let mut random = [0; 10];
    // Without random numbers the time would do as well; the kernel always has them once it has booted.
    let _ = getrandom::fill(&mut random);
    let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("<{name}@{}>", if domain.is_empty() { "satpost.invalid" } else { domain })
}
