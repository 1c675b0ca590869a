//! Packets from the air become messages: in one commit with the memory that this packet was taken.

use super::{Context, max_payload};
use crate::address::{Address, DeviceId};
use crate::clock::Time;
use crate::fault::Fault;
use crate::link::Inbound;
use crate::message::{Door, Id, Message, State};
use crate::people::Person;
use crate::route::choose::World;
use crate::route::plan::Draft;
use crate::route::subject::first_line;
use crate::settings::Key;
use crate::store::{BodyIn, Committed, Event, Letter, Outcome, PartIn, Tx};
use crate::wire::classic::{self, Inner, Protocol};
use crate::wire::parts::{self, PartMark};

/// Longest subject made from a text, in characters.
const SUBJECT: usize = 72;

/// Takes a packet in. Only with the token in hand may the other side forget it.
///
/// # Errors
/// Temporary when it has to be offered again: the disk is full, or nobody here can read it yet.
pub fn take(context: &Context, inbound: &Inbound) -> Result<Committed, Fault> {
    let intake = Intake::new(context, inbound.device)?;
    let key = inbound.key.clone();
    let now = intake.now;
    let packet = classic::decode(&inbound.payload);
    let payload = inbound.payload.clone();
    let (committed, ()) = context.store.commit_in(move |tx| {
        if !tx.remember(&key, now)? {
            return Ok((Vec::new(), ()));
        }
        let ids = match &packet {
            Ok(packet) => intake.packet(tx, packet, &payload)?,
            Err(why) => {
                intake.set_aside(tx, why, &payload)?;
                Vec::new()
            }
        };
        Ok((ids, ()))
    })?;
    for id in committed.ids() {
        log::info!("{id} came from the air");
    }
    Ok(committed)
}

/// Sets aside what a link could not even read.
///
/// # Errors
/// As the store.
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
/// As the store.
pub fn give_up_on_parts(context: &Context) -> Result<(), Fault> {
    let limit = context.now() - context.store.settings().span(Key::AirPartsWait);
    for (set, parts) in context.store.read(|view| view.stale_parts(limit))? {
        let Some((_, first)) = parts.first().cloned() else { continue };
        let intake = Intake::new(context, first.device.parse().ok())?;
        let text = incomplete(&parts, first.total);
        context.store.write(move |tx| {
            tx.drop_parts(&set)?;
            match intake.message(&first.other, text.clone()) {
                Ok(message) => tx.add(&Letter { messages: vec![message], body: BodyIn::None }).map(drop),
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

fn alarm(at: Time, words: String) -> Event {
    Event { at, part: "link".to_owned(), words, alarm: true }
}

/// What is known about a packet before its content is looked at.
struct Intake {
    world: World,
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
    Here(Person),
}

impl Intake {
    fn new(context: &Context, device: Option<DeviceId>) -> Result<Self, Fault> {
        let world = context.world();
        let side = match device {
            Some(device) => Side::Field(device, world.people.by_device(device).map(|person| (**person).clone())),
            None => {
                let reader = world.people.default_person(world.settings.text(Key::DefaultPerson));
                let reader =
                    reader.ok_or_else(|| Fault::operator("a packet waits and nobody reads here: add a person"))?;
                Side::Here((**reader).clone())
            }
        };
        let max_payload = max_payload(&world.settings);
        Ok(Self { world, now: context.now(), believed: context.store.clock().believable(), max_payload, side })
    }

    fn device(&self) -> String {
        match &self.side {
            Side::Field(device, _) => device.to_string(),
            Side::Here(_) => String::new(),
        }
    }

    fn packet(&self, tx: &mut Tx, packet: &classic::Packet, payload: &[u8]) -> Outcome<Vec<Id>> {
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
            ids.extend(tx.add(&Letter { messages: vec![message], body: BodyIn::None })?);
        }
        Ok(ids)
    }

    /// One inner message; `None` while it is a part and others are missing.
    fn inner(&self, tx: &mut Tx, inner: &Inner) -> Outcome<Result<Option<Message>, String>> {
        if inner.protocol == Protocol::Sms {
            return Ok(Err("a text message for a phone, and this box has no SMS carrier".to_owned()));
        }
        match (inner.to.parse::<Address>(), &self.side) {
            (Err(why), _) => return Ok(Err(why)),
            (Ok(Address::Nobody), Side::Field(..)) => return Ok(Err("it does not say to whom it goes".to_owned())),
            _ => {}
        }
        let text = match parts::parse(&inner.text) {
            None => Some(inner.text.clone()),
            Some(mark) => self.part(tx, inner, &mark)?,
        };
        Ok(text.map(|text| self.message(&inner.to, text)).transpose())
    }

    fn part(&self, tx: &mut Tx, inner: &Inner, mark: &PartMark<'_>) -> Outcome<Option<String>> {
        let set = format!("{}|{}|{}|{}", self.device(), inner.to, mark.tag, mark.total);
        let part = PartIn {
            text: inner.text.clone(),
            total: mark.total,
            device: self.device(),
            other: inner.to.clone(),
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

    /// The message between `other`, the end named in the packet, and this end.
    fn message(&self, other: &str, text: String) -> Result<Message, String> {
        let other: Address = other.parse()?;
        let (from, to, author, refused) = match &self.side {
            Side::Field(device, None) => (Address::Device(*device), other, None, None),
            Side::Field(device, Some(person)) => {
                let from = self.world.address_of(person).map_or(Address::Device(*device), Address::Mail);
                let refused = person.disabled.then(|| format!("{} may not send at present", person.name));
                (from, other, Some(person.name.clone()), refused)
            }
            Side::Here(person) => {
                let to = self.world.address_of(person).ok_or("this box has no mail domain yet: set box.domain")?;
                (other, Address::Mail(to), None, None)
            }
        };
        let draft = Draft {
            door: Door::Link,
            from,
            to,
            author,
            subject: first_line(&text, SUBJECT),
            text,
            cut: Vec::new(),
            automatic: None,
            message_id: Some(message_id(self.world.settings.text(Key::Domain))),
            about: None,
            stranger: None,
        };
        let mut message = self.world.plan(draft, self.now, self.believed, self.max_payload);
        if let Some(why) = refused {
            (message.state, message.reason, message.next) = (State::Refused, why, Time::NEVER);
        }
        Ok(message)
    }

    fn set_aside(&self, tx: &mut Tx, why: &str, bytes: &[u8]) -> Outcome<()> {
        let from = match &self.side {
            Side::Field(device, _) => format!(" from device {device}"),
            Side::Here(_) => String::new(),
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
