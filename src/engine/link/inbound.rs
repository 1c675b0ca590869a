//! Packets from the air become messages: in one commit with the memory that this packet was taken.

use compact::letter::{Kind, Letter, Other};
use compact::peer::{BundleName, Peer, PeerTurn};

use super::peer::PeerEffects;
use crate::address::{Address, AddressError, LinkAddress, Phone};
use crate::clock::Time;
use crate::coding::classic::{self, Inner, Protocol};
use crate::coding::parts::{self, PartMark};
use crate::engine::Context;
use crate::fault::Fault;
use crate::link::Inbound;
use crate::message::events::SetAside;
use crate::message::reason::{NoRoute, Unusable, Waits};
use crate::message::{CameIn, Id, Message, Origin, Reason, State};
use crate::people::Person;
use crate::route::choose::Policy;
use crate::route::plan::NewMessage;
use crate::settings::Key;
use crate::store::{self, BodyIn, Committed, PartIn, Tx, TxResult};

/// A turn of a session is taken anew so often when another link changed what is known of the far box.
const TRIES: u32 = 16;

/// Takes a packet in. Only with the token in hand may the other side forget it.
///
/// # Errors
/// Temporary when it has to be offered again: the disk is full, or nobody here can read it yet. Permanent when it never
/// can be read here.
pub fn take(context: &Context, inbound: &Inbound) -> Result<Committed, Fault> {
    for _ in 0..TRIES {
        if let Some(committed) = try_take(context, inbound)? {
            return Ok(committed);
        }
    }
    Err(busy())
}

/// `None` when the far box is not known any more as it was read.
fn try_take(context: &Context, inbound: &Inbound) -> Result<Option<Committed>, Fault> {
    let payload = &inbound.payload;
    let unpacker = Unpacker::new(context, inbound.device)?;
    let received = match (context.speaks_compact(), payload.first().is_some_and(|first| *first >= 0x80)) {
        (false, true) => {
            return Err(Fault::refused(Unusable::CompactOff));
        }
        (false, false) => Received { classic: Some((payload.clone(), None)), messages: Vec::new(), effects: None },
        (true, true) if !context.coder().ready() => return Err(Fault::Temporary(Waits::Coder.into())),
        (true, _) => {
            let (mut peer, before) = context.peer_as_read(inbound.device)?;
            let turn = context.in_session(inbound.device, |session| peer.receive(session, payload));
            Received::new(context, inbound.device, peer, before, turn)
        }
    };
    let (key, now) = (inbound.key.clone(), unpacker.now);
    let (committed, current) = context.store.commit_in(move |tx| match received.is_current(tx)? {
        false => Ok((Vec::new(), false)),
        true if tx.remember(&key, now)? => Ok((received.keep(tx, Some(&unpacker), now)?, true)),
        true => Ok((Vec::new(), true)),
    })?;
    for id in committed.ids() {
        log::info!("{id} came from the air");
    }
    Ok(Some(committed).filter(|_| current))
}

fn busy() -> Fault {
    Fault::temporary("the other links change what is known of the far box all the time")
}

/// Does what is due in the session with a far box; what could be read by now is delivered.
///
/// # Errors
/// When the store fails.
pub fn tick(context: &Context, device: Option<LinkAddress>) -> Result<(), Fault> {
    for _ in 0..TRIES {
        let (mut peer, before) = context.peer_as_read(device)?;
        let turn = context.in_session(device, |session| peer.tick(session));
        let received = Received::new(context, device, peer, before, turn);
        let unpacker = if received.messages.is_empty() { None } else { Some(Unpacker::new(context, device)?) };
        let now = context.now();
        let kept = context.store.write(move |tx| match received.is_current(tx)? {
            true => received.keep(tx, unpacker.as_ref(), now).map(|_| true),
            false => Ok(false),
        })?;
        if kept {
            return Ok(());
        }
    }
    Err(busy())
}

/// What a turn of the session brought.
struct Received {
    /// A classic packet, and its name.
    classic: Option<(Vec<u8>, Option<BundleName>)>,
    /// Messages, and where they came; `None` for what is left of one whose rest did not come.
    messages: Vec<(Letter, Option<(BundleName, u8)>)>,
    /// What the session asks besides.
    effects: Option<PeerEffects>,
}

impl Received {
    fn new(
        context: &Context,
        device: Option<LinkAddress>,
        peer: Peer,
        before: Option<Vec<u8>>,
        mut turn: PeerTurn,
    ) -> Self {
        let places = std::mem::take(&mut turn.places).into_iter().map(Some).chain(std::iter::repeat(None));
        let whole = std::mem::take(&mut turn.messages).into_iter().zip(places);
        let truncated = std::mem::take(&mut turn.truncated).into_iter().map(|message| (message, None));
        let messages = whole.chain(truncated).collect();
        let classic = turn.classic.take().map(|packet| (packet, turn.classic_name.take()));
        Self { classic, messages, effects: Some(PeerEffects::new(context, device, peer, before, turn)) }
    }

    /// See [`PeerEffects::is_current`].
    fn is_current(&self, tx: &Tx) -> TxResult<bool> {
        self.effects.as_ref().map_or(Ok(true), |effects| effects.is_current(tx))
    }

    fn keep(&self, tx: &mut Tx, unpacker: Option<&Unpacker>, now: Time) -> TxResult<Vec<Id>> {
        let mut ids = Vec::new();
        if let Some(unpacker) = unpacker {
            if let Some((payload, name)) = &self.classic {
                match classic::decode(payload) {
                    Ok(packet) => ids.extend(unpacker.packet(tx, &packet, payload, *name)?),
                    Err(why) => unpacker.set_aside(tx, Unusable::NotClassic { why: why.to_string() }, payload)?,
                }
            }
            for (message, place) in &self.messages {
                ids.extend(unpacker.compact(tx, message, *place)?);
            }
        }
        self.effects.as_ref().map_or(Ok(()), |effects| effects.apply(tx, now))?;
        Ok(ids)
    }
}

/// Sets aside what a link could not even read.
///
/// # Errors
/// When the store fails.
pub fn poison(context: &Context, bytes: &[u8], why: &Reason) -> Result<(), Fault> {
    let (bytes, why, now) = (bytes.to_vec(), why.clone(), context.now());
    log::warn!("link: a packet from the air is in quarantine: {why}");
    context.store.write(move |tx| tx.set_aside("link", SetAside::Packet(None), why.clone(), &bytes, now))
}

/// Delivers the parts of messages that will not be complete any more, as they are.
///
/// # Errors
/// When the store fails.
pub fn give_up_on_parts(context: &Context) -> Result<(), Fault> {
    let limit = context.now() - context.store.settings().span(Key::AirPartsWait);
    for (set, parts) in context.store.read(|view| view.stale_parts(limit))? {
        let Some((_, first)) = parts.first().cloned() else { continue };
        let unpacker = Unpacker::new(context, first.device.parse().ok())?;
        let text = incomplete(&parts, first.total);
        context.store.write(move |tx| {
            tx.drop_parts(&set)?;
            let (subject, body) = apart(&first.other, &text);
            match unpacker.message(&first.other, None, subject, body) {
                Ok(message) => tx.add(&alone(message)).map(drop),
                Err(why) => unpacker.set_aside(tx, why, text.as_bytes()),
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

/// Subject and text of a classic packet; a text message has no subject.
fn apart<'t>(other: &str, whole: &'t str) -> (&'t str, &'t str) {
    if other.parse::<Phone>().is_ok() { ("", whole) } else { classic::take_apart(whole) }
}

/// A message of its own: it has no mail in common with others.
fn alone(message: Message) -> store::IncomingMail {
    store::IncomingMail { messages: vec![message], body: BodyIn::None }
}

/// Makes messages of what a packet holds, with what is known about it before its content is looked at.
struct Unpacker {
    policy: Policy,
    now: Time,
    believed: bool,
    side: Side,
}

/// Who is at this end.
enum Side {
    /// A device in the field wrote to the world; its owner, if somebody owns it.
    Field(LinkAddress, Option<Person>),
    /// The world wrote to the one who reads here.
    Reader(Person),
}

impl Unpacker {
    fn new(context: &Context, device: Option<LinkAddress>) -> Result<Self, Fault> {
        // What comes in may go on by any link.
        let policy = crate::engine::policy(&context.store);
        let side = match device {
            Some(device) => Side::Field(device, policy.people.by_device(device).map(|person| (**person).clone())),
            None => {
                let reader = policy.people.default_person(policy.settings.text(Key::DefaultPerson));
                let reader =
                    reader.ok_or_else(|| Fault::operator("a packet waits and nobody reads here: add a person"))?;
                Side::Reader((**reader).clone())
            }
        };
        Ok(Self { policy, now: context.now(), believed: context.store.clock().believable(), side })
    }

    fn device(&self) -> String {
        match &self.side {
            Side::Field(device, _) => Address::Device(*device).to_string(),
            Side::Reader(_) => String::new(),
        }
    }

    fn came_in(&self, name: BundleName, place: u8) -> CameIn {
        let device = if let Side::Field(device, _) = &self.side { Some(*device) } else { None };
        CameIn { device, bundle: name.0, place }
    }

    fn packet(
        &self,
        tx: &mut Tx,
        packet: &classic::Packet,
        payload: &[u8],
        name: Option<BundleName>,
    ) -> TxResult<Vec<Id>> {
        let from_field = matches!(self.side, Side::Field(..));
        if packet.from_device != from_field {
            self.set_aside(tx, Unusable::WrongWay, payload)?;
            return Ok(Vec::new());
        }
        let mut messages = Vec::new();
        for inner in &packet.messages {
            match self.inner(tx, inner)? {
                Ok(message) => messages.extend(message),
                Err(why) => self.set_aside(tx, why, payload)?,
            }
        }
        // Each is a message of its own: they have no mail in common.
        let mut ids = Vec::new();
        for mut message in messages {
            message.came_in = name.map(|name| self.came_in(name, 0));
            ids.extend(tx.add(&alone(message))?);
        }
        Ok(ids)
    }

    /// One inner message; `None` while it is a part and others are missing.
    fn inner(&self, tx: &mut Tx, inner: &Inner) -> TxResult<Result<Option<Message>, Unusable>> {
        let other = match (self.other(&inner.to, inner.protocol == Protocol::Sms), &self.side) {
            (Err(why), _) => return Ok(Err(why)),
            (Ok(Address::Nobody), Side::Field(..)) => return Ok(Err(Unusable::NoRecipient)),
            (Ok(other), _) => other.to_string(),
        };
        let text = match parts::parse(&inner.text) {
            None => Some(inner.text.clone()),
            Some(mark) => self.part(tx, inner, &other, &mark)?,
        };
        let message = |text: String| {
            let (subject, text) = apart(&other, &text);
            self.message(&other, None, subject, text)
        };
        Ok(text.map(message).transpose())
    }

    /// The far end that a packet names: a phone in the local form, a mail address that means one, or anything else.
    fn other(&self, name: &str, by_phone: bool) -> Result<Address, Unusable> {
        match (by_phone, name.parse::<Address>()) {
            // Who wrote from a phone stays a phone; a number that is written to may be somebody's here.
            (true, Ok(phone)) if matches!(self.side, Side::Reader(_)) => Ok(phone),
            (true, _) | (_, Ok(Address::Phone(_))) => self.policy.at_number(name).map_err(bad_address),
            (_, Ok(Address::Mail(mailbox))) => self.policy.resolve(&mailbox).map_err(bad_address),
            (_, other) => other.map_err(bad_address),
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

    /// A message of the compact coding becomes one of this box.
    fn compact(&self, tx: &mut Tx, received: &Letter, place: Option<(BundleName, u8)>) -> TxResult<Vec<Id>> {
        let Other::Address(other) = &received.other else { return Ok(Vec::new()) };
        let mut text = received.text.clone();
        if place.is_none() {
            text.push_str("\n[the rest did not arrive]\n");
        }
        let subject = received.subject.as_str();
        let end = self.other(other, received.kind == Kind::Text);
        let message = end.and_then(|end| self.message(&end.to_string(), received.person.as_deref(), subject, &text));
        match message {
            Ok(mut message) => {
                message.came_in = place.map(|(name, place)| self.came_in(name, place));
                tx.add(&alone(message))
            }
            Err(why) => {
                self.set_aside(tx, why, format!("{other}\n{subject}\n{text}").as_bytes())?;
                Ok(Vec::new())
            }
        }
    }

    /// The message between `other`, the end named in the packet, and this end: the person named there, if the name is
    /// good for that, or else the one who is meant without a name.
    fn message(&self, other: &str, named: Option<&str>, subject: &str, text: &str) -> Result<Message, Unusable> {
        let other: Address = other.parse().map_err(|why: AddressError| bad_address(why))?;
        let named = named.and_then(|name| self.policy.people.get(name));
        let (from, to, author, refused) = match &self.side {
            Side::Field(device, None) => (Address::Device(*device), other, None, None),
            Side::Field(device, Some(owner)) => {
                // Only who has this device may be named by it.
                let person = named.map_or(owner, |named| &**named);
                let person = if person.device.map(LinkAddress::from) == Some(*device) { person } else { owner };
                let from = self.policy.address_of(person).map_or(Address::Device(*device), Address::Mail);
                let refused = person.disabled.then(|| NoRoute::MayNotSend { name: person.name.clone() });
                (from, other, Some(person.name.clone()), refused)
            }
            Side::Reader(reader) => {
                let person = named.map_or(reader, |named| &**named);
                let to = self.policy.address_of(person).ok_or(Unusable::NoDomain)?;
                (other, Address::Mail(to), None, None)
            }
        };
        let draft = NewMessage {
            author,
            subject: subject.to_owned(),
            message_id: Some(message_id(self.policy.settings.text(Key::Domain))),
            ..NewMessage::new(Origin::Link, from, to, text.to_owned())
        };
        let mut message = self.policy.plan(draft, None, self.now, self.believed);
        if let Some(why) = refused {
            (message.state, message.reason, message.next) = (State::Refused, why.into(), Time::NEVER);
        }
        Ok(message)
    }

    fn set_aside(&self, tx: &mut Tx, why: Unusable, bytes: &[u8]) -> TxResult<()> {
        let from = match &self.side {
            Side::Field(device, _) => Some(*device),
            Side::Reader(_) => None,
        };
        let what = SetAside::Packet(from);
        log::warn!("link: {what}: {why}");
        tx.set_aside("link", what, why.into(), bytes, self.now)
    }
}

fn bad_address(why: impl std::fmt::Display) -> Unusable {
    Unusable::BadAddress { why: why.to_string() }
}

/// A new Message-ID: random, so that it tells nothing.
pub fn message_id(domain: &str) -> String {
    let mut random = [0; 10];
    // Without random numbers the time would do as well; the kernel always has them once it has booted.
    let _ = getrandom::fill(&mut random);
    let name = crate::hex::encode(&random);
    format!("<{name}@{}>", if domain.is_empty() { "satpost.invalid" } else { domain })
}
