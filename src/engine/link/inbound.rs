//! Packets from the air become messages: in one commit with the memory that this packet was taken.

use std::sync::Arc;

use compact::letter::{Kind, Letter, Other};
use compact::peer::{BundleName, Peer, PeerTurn};

use super::peer::PeerEffects;
use super::whole::arrived::{self, ArrivedMail};
use crate::address::{Address, AddressError, Mailbox, PeerId, Phone};
use crate::clock::Time;
use crate::coding::classic::{self, Inner, Protocol};
use crate::coding::parts::{self, PartMark};
use crate::deliver::compose;
use crate::engine::Context;
use crate::engine::admit::{self, Admission};
use crate::fault::Fault;
use crate::link::Inbound;
use crate::link::whole::WholePlace;
use crate::message::events::SetAside;
use crate::message::reason::{NeedsOwner, NoRoute, Unusable, Waits};
use crate::message::sender::display_name;
use crate::message::{CameIn, Id, Message, Origin, Reason, State};
use crate::people::{FarBox, Person};
use crate::route::choose::Policy;
use crate::route::plan::NewMessage;
use crate::settings::Key;
use crate::store::{Committed, PartIn, SessionRows, Tx, TxResult};

/// A turn of a session is taken anew so often when another link changed what is known of the far box.
const TRIES: u32 = 16;

/// Takes a packet in. Only with the token in hand may the other side forget it.
///
/// # Errors
/// Temporary when it has to be offered again: the disk is full, or nobody here can read it yet. Permanent when it never
/// can be read here.
pub fn take(context: &Context, inbound: &Inbound) -> Result<Committed, Fault> {
    let far_box = context.far_box_at(inbound.device)?;
    let wholes = arrived::named(context, far_box, &inbound.wholes)?;
    for _ in 0..TRIES {
        if let Some(committed) = try_take(context, inbound, &wholes)? {
            return Ok(committed);
        }
    }
    Err(busy())
}

/// `None` when the far box is not known any more as it was read.
fn try_take(
    context: &Context,
    inbound: &Inbound,
    wholes: &[(WholePlace, ArrivedMail)],
) -> Result<Option<Committed>, Fault> {
    let payload = &inbound.payload;
    let far_box = context.far_box_at(inbound.device)?;
    let unpacker = Unpacker { wholes: wholes.to_vec(), ..Unpacker::new(context, far_box)? };
    let received = match (context.speaks_compact(), payload.first().is_some_and(|first| *first >= 0x80)) {
        (false, true) => {
            return Err(Fault::refused(Unusable::CompactOff));
        }
        (false, false) => Received { classic: Some((payload.clone(), None, None)), ..Received::default() },
        (true, true) if !context.coder().ready() => return Err(Fault::Temporary(Waits::Coder.into())),
        (true, _) => {
            let (mut peer, before) = context.peer_as_read(far_box)?;
            let turn = context.in_session(far_box, |session| peer.receive(session, payload));
            Received::new(context, far_box, peer, before, turn)
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

/// Does what is due in the session with a far box; what could be read by now is delivered. `prompt` where a packet costs next
/// to nothing ([`PeerRules::prompt`](compact::peer::PeerRules)).
///
/// # Errors
/// When the store fails.
pub fn tick(context: &Context, far_box: Option<PeerId>, prompt: bool) -> Result<(), Fault> {
    for _ in 0..TRIES {
        let (mut peer, before) = context.peer_as_read(far_box)?;
        let turn = context.in_session(far_box, |session| {
            session.rules.prompt = prompt;
            peer.tick(session)
        });
        let received = Received::new(context, far_box, peer, before, turn);
        let unpacker = if received.messages.is_empty() { None } else { Some(Unpacker::new(context, far_box)?) };
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
#[derive(Default)]
struct Received {
    /// A classic packet, its name, and whose it is.
    classic: Option<(Vec<u8>, Option<BundleName>, Option<String>)>,
    /// Messages that answer one of ours, as the far box says: where they came, and the number of ours.
    answering: Vec<((BundleName, u8), u64)>,
    messages: Vec<Arrival>,
    /// What the session asks besides.
    effects: Option<PeerEffects>,
}

/// A message of the compact coding.
struct Arrival {
    message: Letter,
    /// Where it came; `None` for what is left of one whose rest did not come.
    place: Option<(BundleName, u8)>,
    /// The display name of its correspondent.
    name: Option<String>,
    /// The message of ours that it answers, as the far box says.
    answers: Option<Id>,
}

impl Received {
    fn new(context: &Context, far_box: Option<PeerId>, peer: Peer, before: SessionRows, mut turn: PeerTurn) -> Self {
        let places = std::mem::take(&mut turn.places).into_iter().map(Some).chain(std::iter::repeat(None));
        let whole = std::mem::take(&mut turn.messages).into_iter().zip(places);
        let truncated = std::mem::take(&mut turn.truncated).into_iter().map(|message| (message, None));
        let named = |message: &Letter| match &message.other {
            Other::Address(address) => peer.display_name(address).map(str::to_owned),
            Other::Index(_) => None,
        };
        let answering = std::mem::take(&mut turn.answering);
        let arrival =
            |(message, place)| Arrival { name: named(&message), answers: answered(&answering, place), message, place };
        let messages = whole.chain(truncated).map(arrival).collect();
        let classic = turn.classic.take().map(|packet| (packet, turn.classic_name.take(), turn.classic_person.take()));
        Self { classic, answering, messages, effects: Some(PeerEffects::new(context, far_box, peer, before, turn)) }
    }

    /// See [`PeerEffects::is_current`].
    fn is_current(&self, tx: &Tx) -> TxResult<bool> {
        self.effects.as_ref().map_or(Ok(true), |effects| effects.is_current(tx))
    }

    fn keep(&self, tx: &mut Tx, unpacker: Option<&Unpacker>, now: Time) -> TxResult<Vec<Id>> {
        let mut ids = Vec::new();
        if let Some(unpacker) = unpacker {
            if let Some((payload, name, person)) = &self.classic {
                match classic::decode(payload) {
                    Ok(packet) => {
                        let end = unpacker.end(tx, person.as_deref())?;
                        let answers = answered(&self.answering, name.map(|name| (name, 0)));
                        ids.extend(unpacker.packet(tx, &packet, payload, (*name, answers), &end)?);
                    }
                    Err(why) => unpacker.set_aside(tx, Unusable::NotClassic { why: why.to_string() }, payload)?,
                }
            }
            for arrival in &self.messages {
                ids.extend(unpacker.compact(tx, arrival)?);
            }
        }
        self.effects.as_ref().map_or(Ok(()), |effects| effects.apply(tx, now))?;
        Ok(ids)
    }
}

/// Which message of ours the one that came there answers.
fn answered(answering: &[((BundleName, u8), u64)], place: Option<(BundleName, u8)>) -> Option<Id> {
    answering.iter().find(|(came, _)| Some(*came) == place).map(|(_, key)| Id(*key))
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
            let end = unpacker.end(tx, None)?;
            match unpacker.message(&first.other, &end, subject, body) {
                Ok(message) => tx.add(&arrived::with_mail(&[], message)).map(drop),
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

/// Makes messages of what a packet holds, with what is known about it before its content is looked at.
struct Unpacker {
    policy: Policy,
    now: Time,
    believed: bool,
    side: Side,
    /// Whole mails that came before the packet.
    wholes: Vec<(WholePlace, ArrivedMail)>,
}

/// The person at this end of one message.
enum End {
    /// This one.
    Person(Box<Person>),
    /// The far box has no people here.
    Nobody,
    /// Somebody of the far box, about whom the owner is asked.
    Asked(String),
    /// Somebody of the far box, who gets no address here.
    Refused(String),
    /// Somebody of this name, and nobody here has it.
    Unknown(String),
}

/// Who is at this end.
enum Side {
    /// A far box wrote to the world; the first of its people, if it has any.
    Field(Arc<FarBox>, Option<Person>),
    /// The world wrote to the one who reads here.
    Reader(Person),
}

impl Unpacker {
    fn new(context: &Context, far_box: Option<PeerId>) -> Result<Self, Fault> {
        // What comes in may go on by any link.
        let policy = crate::engine::policy(&context.store);
        let side = match far_box {
            Some(id) => {
                let far_box = policy.people.far_box(id).cloned();
                let far_box =
                    far_box.ok_or_else(|| Fault::temporary(format!("far box {id} was removed a moment ago")))?;
                Side::Field(far_box, policy.people.first_of(id).map(|person| (**person).clone()))
            }
            None => {
                let reader = policy.people.default_person(policy.settings.text(Key::DefaultPerson));
                let reader =
                    reader.ok_or_else(|| Fault::operator("a packet waits and nobody reads here: add a person"))?;
                Side::Reader((**reader).clone())
            }
        };
        Ok(Self { policy, now: context.now(), believed: context.store.clock().believable(), side, wholes: Vec::new() })
    }

    /// The name of the far box in the store.
    fn peer_name(&self) -> String {
        match &self.side {
            Side::Field(far_box, _) => far_box.id.to_string(),
            Side::Reader(_) => String::new(),
        }
    }

    fn came_in(&self, name: BundleName, place: u8) -> CameIn {
        let far_box = if let Side::Field(far_box, _) = &self.side { Some(far_box.id) } else { None };
        CameIn { far_box, bundle: name.0, place }
    }

    fn packet(
        &self,
        tx: &mut Tx,
        packet: &classic::Packet,
        payload: &[u8],
        (name, answers): (Option<BundleName>, Option<Id>),
        end: &End,
    ) -> TxResult<Vec<Id>> {
        let from_field = matches!(self.side, Side::Field(..));
        if packet.from_device != from_field {
            self.set_aside(tx, Unusable::WrongWay, payload)?;
            return Ok(Vec::new());
        }
        let mut messages = Vec::new();
        for inner in &packet.messages {
            match self.inner(tx, inner, answers, end)? {
                Ok(message) => messages.extend(message),
                Err(why) => self.set_aside(tx, why, payload)?,
            }
        }
        // Each is a message of its own: they have no mail in common.
        let mut ids = Vec::new();
        for (mut message, answered) in messages {
            message.came_in = name.map(|name| self.came_in(name, 0));
            if let Some(answered) = answered {
                tx.continue_thread(&mut message, answered)?;
            }
            ids.extend(tx.add(&arrived::with_mail(&self.wholes, message))?);
        }
        Ok(ids)
    }

    /// One inner message, and what it answers; `None` while it is a part and others are missing.
    fn inner(
        &self,
        tx: &mut Tx,
        inner: &Inner,
        answers: Option<Id>,
        end: &End,
    ) -> TxResult<Result<Option<(Message, Option<Id>)>, Unusable>> {
        let other = match (self.other(&inner.to, inner.protocol == Protocol::Sms), &self.side) {
            (Err(why), _) => return Ok(Err(why)),
            (Ok(Address::Nobody), Side::Field(..)) => return Ok(Err(Unusable::NoRecipient)),
            (Ok(other), _) => other.to_string(),
        };
        let text = match parts::parse(&inner.text) {
            None => Some((inner.text.clone(), answers)),
            Some(mark) => self.part(tx, inner, answers, &other, &mark)?,
        };
        let message = |(text, answers): (String, Option<Id>)| {
            let (subject, text) = apart(&other, &text);
            Ok((self.message(&other, end, subject, text)?, answers))
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

    /// Keeps a part; the whole text and what it answers, when this is the last that was missing.
    fn part(
        &self,
        tx: &mut Tx,
        inner: &Inner,
        answers: Option<Id>,
        other: &str,
        mark: &PartMark<'_>,
    ) -> TxResult<Option<(String, Option<Id>)>> {
        let set = format!("{}|{}|{}|{}", self.peer_name(), inner.to, mark.tag, mark.total);
        let part = PartIn {
            text: inner.text.clone(),
            total: mark.total,
            device: self.peer_name(),
            other: other.to_owned(),
            answers,
            at: self.now,
        };
        let all = tx.put_part(&set, mark.number, &part)?;
        let marks: Vec<_> = all.iter().filter_map(|(_, part)| parts::parse(&part.text)).collect();
        let whole = parts::join(&inner.to, &marks);
        if whole.is_some() {
            tx.drop_parts(&set)?;
        }
        Ok(whole.map(|text| (text, all.iter().find_map(|(_, part)| part.answers))))
    }

    /// A message of the compact coding becomes one of this box.
    fn compact(&self, tx: &mut Tx, arrival: &Arrival) -> TxResult<Vec<Id>> {
        let (received, place) = (&arrival.message, arrival.place);
        let Other::Address(other) = &received.other else { return Ok(Vec::new()) };
        let mut text = received.text.clone();
        if place.is_none() {
            text.push_str("\n[the rest did not arrive]\n");
        }
        let subject = received.subject.as_str();
        let end = self.end(tx, received.person.as_deref())?;
        let other_end = self.other(other, received.kind == Kind::Text);
        let message = other_end.and_then(|other| self.message(&other.to_string(), &end, subject, &text));
        match message {
            Ok(mut message) => {
                message.came_in = place.map(|(name, place)| self.came_in(name, place));
                if let Some(answered) = arrival.answers {
                    tx.continue_thread(&mut message, answered)?;
                }
                // Here somebody reads it; toward the world its writer is somebody of this box.
                if let (Side::Reader(_), Some(name)) = (&self.side, &arrival.name) {
                    message.sender.name = display_name(name, &message.from);
                }
                tx.add(&arrived::with_mail(&self.wholes, message))
            }
            Err(why) => {
                self.set_aside(tx, why, format!("{other}\n{subject}\n{text}").as_bytes())?;
                Ok(Vec::new())
            }
        }
    }

    /// Who is at this end of a message: the person named in it, or the one who is meant without a name.
    fn end(&self, tx: &mut Tx, named: Option<&str>) -> TxResult<End> {
        let of = |person: &Person| End::Person(Box::new(person.clone()));
        Ok(match (&self.side, named) {
            (Side::Field(_, None), None) => End::Nobody,
            (Side::Field(_, Some(first)), None) => of(first),
            (Side::Field(far_box, _), Some(name)) => {
                match admit::ask(tx, far_box.id, name, self.policy.settings.text(Key::Domain), self.now)? {
                    Admission::Person(person) => End::Person(person),
                    Admission::Asked => End::Asked(name.to_owned()),
                    Admission::Refused => End::Refused(name.to_owned()),
                }
            }
            (Side::Reader(reader), None) => of(reader),
            (Side::Reader(_), Some(name)) => {
                self.policy.people.get(name).map_or_else(|| End::Unknown(name.to_owned()), |person| of(person))
            }
        })
    }

    /// The message between `other`, the end named in the packet, and this end.
    fn message(&self, other: &str, end: &End, subject: &str, text: &str) -> Result<Message, Unusable> {
        let other: Address = other.parse().map_err(|why: AddressError| bad_address(why))?;
        let domain = self.policy.settings.text(Key::Domain);
        let mut decided: Option<(State, Reason)> = None;
        let (from, to, author) = match (&self.side, end) {
            (Side::Field(far_box, _), End::Person(person)) => {
                if person.disabled {
                    decided = Some((State::Refused, NoRoute::MayNotSend { name: person.name.clone() }.into()));
                }
                let from = self.policy.address_of(person).map_or_else(|| of_nobody(far_box), Address::Mail);
                (from, other, Some(person.name.clone()))
            }
            (Side::Field(far_box, _), end) => {
                decided = match end {
                    End::Asked(name) => {
                        let (name, shown) = (name.clone(), far_box.shown());
                        Some((State::Held, NeedsOwner::NewAtSea { far_box: far_box.id, shown, name }.into()))
                    }
                    End::Refused(name) => Some((
                        State::Refused,
                        NoRoute::NotAdmitted { name: name.clone(), shown: far_box.shown() }.into(),
                    )),
                    _ => None,
                };
                (of_nobody(far_box), other, None)
            }
            (Side::Reader(reader), end) => {
                let name = match end {
                    End::Person(person) => &person.name,
                    End::Unknown(name) => name,
                    _ => &reader.name,
                };
                let to = Mailbox::new(name, domain).map_err(|_| Unusable::NoDomain)?;
                (other, Address::Mail(to), None)
            }
        };
        let draft = NewMessage {
            author,
            subject: subject.to_owned(),
            message_id: Some(compose::message_id(domain)),
            ..NewMessage::new(Origin::Link, from, to, text.to_owned())
        };
        let mut message = self.policy.plan(draft, None, self.now, self.believed);
        if let Some((state, reason)) = decided.filter(|_| message.state != State::Refused) {
            (message.state, message.reason) = (state, reason);
            message.next = match state {
                State::Held => self.policy.next_look(&message, Time::NEVER),
                _ => Time::NEVER,
            };
        }
        Ok(message)
    }

    fn set_aside(&self, tx: &mut Tx, why: Unusable, bytes: &[u8]) -> TxResult<()> {
        let from = match &self.side {
            Side::Field(far_box, _) => far_box.addresses.first().copied(),
            Side::Reader(_) => None,
        };
        let what = SetAside::Packet(from);
        log::warn!("link: {what}: {why}");
        tx.set_aside("link", what, why.into(), bytes, self.now)
    }
}

/// The sender of what a far box wrote that has none of its people here.
fn of_nobody(far_box: &FarBox) -> Address {
    far_box.addresses.first().map_or(Address::Nobody, |address| Address::Device(*address))
}

fn bad_address(why: impl std::fmt::Display) -> Unusable {
    Unusable::BadAddress { why: why.to_string() }
}
