//! What a packet holds becomes messages of this box.

use std::sync::Arc;

use compact::letter::{Kind, Letter, Other};
use compact::peer::BundleName;

use super::whole::arrived::{self, ArrivedMail};
use crate::address::{Address, AddressError, Mailbox, PeerId, Phone};
use crate::clock::Time;
use crate::coding::classic::{self, Inner, Protocol};
use crate::coding::parts::{self, PartMark};
use crate::deliver::compose;
use crate::engine::Context;
use crate::engine::admit::{self, Admission};
use crate::fault::Fault;
use crate::link::whole::WholePlace;
use crate::message::events::SetAside;
use crate::message::reason::{NeedsOwner, NoRoute, Unusable};
use crate::message::sender::display_name;
use crate::message::{CameIn, Id, Message, Origin, Reason, State};
use crate::people::{FarBox, Person};
use crate::route::choose::Policy;
use crate::route::plan::NewMessage;
use crate::settings::Key;
use crate::store::{PartIn, Tx, TxResult};

/// A message, and the number of the one here that it answers.
type Answering = (Message, Option<Id>);

/// A message of the compact coding.
pub struct Arrival {
    /// The message as the coding has it.
    pub message: Letter,
    /// Where it came; `None` for what is left of one whose rest did not come.
    pub place: Option<(BundleName, u8)>,
    /// The display name of its correspondent.
    pub name: Option<String>,
    /// The message of ours that it answers, as the far box says.
    pub answers: Option<Id>,
}

/// Makes messages of what a packet holds, with what is known about it before its content is looked at.
pub struct Unpacker {
    policy: Policy,
    /// When the packet came in.
    pub now: Time,
    believed: bool,
    side: Side,
    /// Whole mails that came before the packet.
    wholes: Vec<(WholePlace, ArrivedMail)>,
}

/// The person at this end of one message.
pub enum End {
    /// A person of this box.
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

/// Who is at this end of all messages of a packet.
enum Side {
    /// A far box wrote to the world; the first of its people, if it has any.
    Field(Arc<FarBox>, Option<Person>),
    /// The world wrote to the one who reads here.
    Reader(Person),
}

impl Unpacker {
    /// For what comes from a far box.
    ///
    /// # Errors
    /// Temporary when the far box was removed a moment ago; for the operator where nobody reads here.
    pub fn new(context: &Context, far_box: Option<PeerId>) -> Result<Self, Fault> {
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

    /// Gives whole mails that came before the packet.
    pub fn with_wholes(self, wholes: Vec<(WholePlace, ArrivedMail)>) -> Self {
        Self { wholes, ..self }
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

    /// Keeps the messages of a classic packet; `name` and `answers` are what the session knows of it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn packet(
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
    ) -> TxResult<Result<Option<Answering>, Unusable>> {
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

    /// Keeps a message of the compact coding.
    ///
    /// # Errors
    /// When the store fails.
    pub fn compact(&self, tx: &mut Tx, arrival: &Arrival) -> TxResult<Vec<Id>> {
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

    /// Tells who is at this end of a message: the person named in it, or the one who is meant without a name.
    ///
    /// # Errors
    /// When the store fails.
    pub fn end(&self, tx: &mut Tx, named: Option<&str>) -> TxResult<End> {
        let of = |person: &Person| End::Person(Box::new(person.clone()));
        Ok(match (&self.side, named) {
            (Side::Field(_, Some(first)), None) => of(first),
            (Side::Field(far_box, None), None) if far_box.first.is_empty() => End::Nobody,
            (Side::Field(far_box, _), named) => {
                let name = named.unwrap_or(&far_box.first);
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

    /// Makes the message between `other`, the end named in the packet, and this end.
    ///
    /// # Errors
    /// Where an address is none, or this box has no domain.
    pub fn message(&self, other: &str, end: &End, subject: &str, text: &str) -> Result<Message, Unusable> {
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

    /// Puts what cannot be used into quarantine, with the reason.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_aside(&self, tx: &mut Tx, why: Unusable, bytes: &[u8]) -> TxResult<()> {
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

/// Takes subject and text of a classic packet apart; a text message has no subject.
pub fn apart<'t>(other: &str, whole: &'t str) -> (&'t str, &'t str) {
    if other.parse::<Phone>().is_ok() { ("", whole) } else { classic::take_apart(whole) }
}
