//! The new gateway: a far box is put up with all that came along, in one commit.

use std::collections::BTreeMap;

use compact::peer::Peer;

use super::{Relocation, check};
use crate::address::PeerId;
use crate::clock::Time;
use crate::engine::link::session;
use crate::fault::Fault;
use crate::message::reason::ActionReason;
use crate::message::{Id, LinkId, Message, Packet, PacketState, Step, Way};
use crate::people::{FarBox, Home, Person, Role};
use crate::store::{BodyIn, IncomingMail, SessionRows, Tx, TxResult, reject};

/// Begins the names of the notes of moves that are done.
const NOTE: &str = "moved-in:";
/// The link of a packet that a link of another box was given: one that is not here, as of a link that was removed.
const ELSEWHERE: LinkId = LinkId(u32::MAX);
/// Part of a talk that remembers which bundles came in.
const TAKEN: &str = "taken";

/// The mails that came along, by the numbers that their messages had at the old gateway.
pub type Bodies = BTreeMap<u64, BodyIn>;

/// Puts a far box up with all that came along. `None` where that was done before.
///
/// # Errors
/// Permanent where that cannot be: the far box is here with people or messages, a name is taken, or what came along is not
/// readable, or not what a gateway writes. When the store fails.
pub fn arrive(tx: &mut Tx, all: &Relocation, bodies: &Bodies, now: Time) -> TxResult<Option<PeerId>> {
    let note = format!("{NOTE}{}", all.ticket);
    if tx.note(&note)?.is_some() {
        return Ok(None);
    }
    check::check(all).or_else(reject)?;
    let id = put_far_box(tx, all)?;
    put_people(tx, all, id)?;
    tx.move_in_belongings(&check::own(all), id)?;
    let mut numbers = BTreeMap::new();
    for message in &all.messages {
        let body = bodies.get(&message.id.0).cloned().unwrap_or(BodyIn::None);
        let messages = vec![here(all, message, now)];
        let ids = tx.add(&IncomingMail { messages, body })?;
        numbers.extend(ids.first().map(|id| (message.id.0, id.0)));
    }
    let mut peer = read_talk(tx, all, id)?;
    peer.renumber(&numbers);
    session::put(tx, Some(id), &peer)?;
    for group in &all.groups {
        let packets: Vec<_> = group.iter().map(|packet| packet_here(packet, id, &numbers)).collect();
        tx.add_packets(&packets)?;
    }
    for paired in &all.paired {
        tx.pair(paired, &all.far_box.first)?;
    }
    tx.put_note(&note, Some(&[]))?;
    tx.wake(Way::Link);
    Ok(Some(id))
}

/// One that left from here by this move is back, from wherever: what went along then is not needed any more, and comes from no file
/// again.
pub fn is_back(tx: &mut Tx, ticket: &str) -> TxResult<()> {
    super::forget(tx, ticket)?;
    tx.put_note(&format!("{NOTE}{ticket}"), Some(&[]))
}

/// The record of the far box: that of one which left from here before, or wrote here too early and has nobody, or a new one.
fn put_far_box(tx: &mut Tx, all: &Relocation) -> TxResult<PeerId> {
    let there = &all.far_box;
    let same_name = |other: &FarBox| !there.name.is_empty() && other.name.to_lowercase() == there.name.to_lowercase();
    let known = |other: &FarBox| {
        let same_address = other.all_addresses().iter().any(|address| there.addresses.contains(address));
        // One without an address is known by its name.
        same_address || (other.moved_out.is_some() && same_name(other))
    };
    let mut others = tx.all_far_boxes()?;
    let known: Vec<_> = others.extract_if(.., |other| known(other)).collect();
    let id = match &known[..] {
        [] => PeerId(0),
        [known] if known.moved_out.is_some() => known.id,
        [known] if tx.everybody()?.iter().any(|person| person.far_box == Some(known.id)) => {
            return reject(Fault::permanent(format!("{} is here already, with people", known.shown())));
        }
        [known] if !session::in_tx(tx, Some(known.id))?.numbers().is_empty() => {
            let why = format!("{} is here already, and messages went there from here", known.shown());
            return reject(Fault::permanent(why));
        }
        [known] if tx.open_packets()?.iter().any(|packet| packet.far_box == Some(known.id)) => {
            let why = format!("{} is here already, and packets for it are on their way", known.shown());
            return reject(Fault::permanent(why));
        }
        [known] => known.id,
        several => {
            let names: Vec<_> = several.iter().map(FarBox::shown).collect();
            return reject(Fault::permanent(format!("its addresses belong to several here: {}", names.join(", "))));
        }
    };
    if let Some(other) = others.iter().find(|other| same_name(other)) {
        return reject(Fault::permanent(format!("another far box here is named {}: rename that first", other.name)));
    }
    tx.put_far_box(&FarBox { id, moved_out: None, ..there.clone() })
}

/// Its people, with the same names; what they may do besides reading and writing, the owner of this box says.
fn put_people(tx: &mut Tx, all: &Relocation, id: PeerId) -> TxResult<()> {
    let others = tx.everybody()?;
    // Those who left from here before come back.
    let back = |other: &&Person| other.far_box == Some(id) && other.home == Home::FarBox;
    let others: Vec<_> = others.iter().filter(|other| !back(other)).collect();
    let mut taken = Vec::new();
    for person in &all.people {
        let has = |other: &&Person, name: &String| check::names_of(other).any(|known| known == name);
        taken.extend(check::names_of(person).filter(|name| others.iter().any(|other| has(other, name))).cloned());
        let number = person.number.filter(|number| others.iter().any(|other| other.number == Some(*number)));
        taken.extend(number.map(|number| number.to_string()));
    }
    if !taken.is_empty() {
        let taken = taken.join(", ");
        return reject(Fault::permanent(format!("somebody else here has {taken} already: change that first")));
    }
    for person in &all.people {
        let back = tx.person(&person.name)?;
        let role = back.as_ref().map_or(Role::Person, |back| back.role);
        // Whoever may more than others here logs in with what they were given here.
        let kept = back.filter(|back| back.role > Role::Person).map(|back| back.password);
        let password = kept.unwrap_or_else(|| person.password.clone());
        tx.put_person(&Person { far_box: Some(id), role, password, ..person.clone() })?;
    }
    Ok(())
}

/// A message as it stands here: in the state that it had there, without what belongs to that gateway alone.
fn here(all: &Relocation, message: &Message, now: Time) -> Message {
    let names = all.names();
    let known = |name: &Option<String>| name.clone().filter(|name| names.contains(name.as_str()));
    let mut here = Message {
        id: Id(0),
        mail: None,
        author: known(&message.author),
        on_behalf_of: known(&message.on_behalf_of),
        former: Vec::new(),
        about: None,
        came_in: None,
        bill: None,
        ..message.clone()
    };
    if message.is_final() {
        here.reporting.passed_on = true;
    }
    let cause = ActionReason::MovedIn { from: all.from.clone() }.into();
    here.steps.push(Step { at: now, state: message.state, cause, packets: 0 });
    here
}

/// What the two boxes know of each other, and which bundles this box took before all of it came.
fn read_talk(tx: &Tx, all: &Relocation, id: PeerId) -> TxResult<Peer> {
    let damaged = |why: &dyn std::fmt::Display| Fault::permanent(format!("its talk cannot be read: {why}"));
    let mut rows = SessionRows::new();
    for (part, number, digits) in &all.talk {
        let Some(row) = crate::hex::decode(digits.as_bytes()) else { return reject(damaged(&"no hex digits")) };
        rows.insert((part.clone(), *number), row);
    }
    let own = tx.session_rows(&id.to_string())?;
    for (key, row) in own.into_iter().filter(|((part, _), _)| part == TAKEN) {
        rows.entry(key).or_insert(row);
    }
    Peer::from_rows(&rows).map_err(|why| damaged(&why)).or_else(reject)
}

/// A packet of which a link of the old gateway has, or may have, a part: here it is of no link.
fn packet_here(packet: &Packet, id: PeerId, numbers: &BTreeMap<u64, u64>) -> Packet {
    let mut here = Packet {
        number: 0,
        messages: packet.messages.iter().filter_map(|id| numbers.get(&id.0).copied().map(Id)).collect(),
        far_box: Some(id),
        address: None,
        link: ELSEWHERE,
        ask: Time(0),
        taking_back: false,
        charge: None,
        ..packet.clone()
    };
    if let PacketState::Handing(intent) = &here.state {
        here.state = PacketState::Unknown(intent.clone());
    }
    if let Some(place) = &mut here.peer {
        place.bill = None;
    }
    here
}
