//! The old gateway: everything that belongs to a far box is gathered, and the far box is moved out, in one commit.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Relocation, VERSION};
use crate::address::{Address, PeerId};
use crate::clock::Time;
use crate::engine::link::{fate, give_back, removed, session};
use crate::fault::Fault;
use crate::links::Links;
use crate::message::reason::{ActionReason, LinkReason, NeedsOwner};
use crate::message::{GoneReason, Id, Message, Packet, PacketState, Reason, State, Way};
use crate::people::{FarBox, Home, MovedOut, Person};
use crate::route::choose::{Policy, Route};
use crate::settings::{Key, Settings};
use crate::store::{MOVED_OUT, Tx, TxResult, reject};

/// What this box is when a far box leaves it.
pub struct Leaving<'a> {
    /// People and rules.
    pub policy: &'a Policy,
    /// Settings of the box: its domain and limits go along.
    pub settings: &'a Settings,
    /// Links by which it may have been on its way.
    pub links: &'a Links,
}

/// Moves a far box out and gives what goes along with it; for one that has left already, what went along then.
///
/// # Errors
/// Permanent where there is no such far box, or where messages from there wait for somebody's decision. When the store fails.
pub fn leave(tx: &mut Tx, id: PeerId, leaving: &Leaving, ticket: &str, now: Time) -> TxResult<Relocation> {
    let Some(far_box) = tx.far_box(id)? else {
        return reject(Fault::permanent("there is no such far box any more"));
    };
    if let Some(moved) = &far_box.moved_out {
        return noted(tx, &moved.ticket);
    }
    undecided(tx, &far_box)?;
    // Whoever has the talk then tells it.
    fate::collect_all(tx, id, now)?;
    let why = ActionReason::MovedOut.into();
    for packet in open(tx, id)? {
        let group = tx.group_of(&packet)?;
        match group.iter().all(|packet| packet.state == PacketState::Planned) {
            true => unplan(tx, leaving.policy, &group, now)?,
            false => {
                let millis = leaving.links.get(packet.link).map(session::transit);
                let transit = millis.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or_default()));
                removed::in_doubt(tx, packet, transit, &session::rules(leaving.settings), &why, now)?;
            }
        }
    }
    let relocation = gather(tx, &far_box, leaving, ticket, now)?;
    let bytes = serde_json::to_vec(&relocation).map_err(Fault::temporary).or_else(reject)?;
    tx.put_note(&format!("{MOVED_OUT}{ticket}"), Some(&bytes))?;
    // What its link may have is paid for here.
    for packet in open(tx, id)? {
        if packet.state != PacketState::Planned {
            tx.packet_went(&packet)?;
        }
        let state = PacketState::Gone(GoneReason::GivenUp { why: Box::new(ActionReason::MovedOut.into()) });
        tx.put_packet(&Packet { state, at: now, ..packet })?;
    }
    for message in relocation.messages.iter().filter(|message| !message.is_final()) {
        // Whoever has it now tells its sender that it arrived.
        tx.change(message.id, |message| message.reporting.passed_on = true)?;
        tx.step(message.id, now, State::Delivered, ActionReason::MovedOut, 0, Time::NEVER)?;
    }
    tx.move_out_belongings(id)?;
    relocation.paired.iter().try_for_each(|paired| tx.unpair(paired.address).map(drop))?;
    let addresses = far_box.addresses.clone();
    let moved_out = Some(MovedOut { at: now, ticket: ticket.to_owned(), addresses });
    tx.put_far_box(&FarBox { addresses: Vec::new(), moved_out, ..far_box })?;
    Ok(relocation)
}

/// What went along with a far box that has left.
pub fn noted(tx: &Tx, ticket: &str) -> TxResult<Relocation> {
    let note = tx.note(&format!("{MOVED_OUT}{ticket}"))?;
    match note.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        Some(relocation) => Ok(relocation),
        None => reject(Fault::permanent("what went along with it is not noted here any more")),
    }
}

/// Forgets what went along with a far box.
pub fn forget(tx: &mut Tx, ticket: &str) -> TxResult<()> {
    tx.put_note(&format!("{MOVED_OUT}{ticket}"), None)
}

/// Makes sure that no message from a far box waits until somebody says whose it is: only the gateway that took it can do that.
///
/// # Errors
/// Permanent, with their numbers. When the store fails.
pub fn undecided(tx: &Tx, far_box: &FarBox) -> TxResult<()> {
    let theirs = |message: &Message| match message.reason.root() {
        Reason::NeedsOwner(NeedsOwner::NewAtSea { far_box: id, .. }) => *id == far_box.id,
        Reason::NeedsOwner(NeedsOwner::DeviceOfNobody { device, .. }) => far_box.all_addresses().contains(device),
        _ => match (&message.from, message.way) {
            (Address::Device(device), _) => far_box.all_addresses().contains(device),
            // To each other, held by a rule or a person: those go along.
            (_, Way::Link) => false,
            _ => message.came_in.is_some_and(|came_in| came_in.far_box == Some(far_box.id)),
        },
    };
    let mut numbers = BTreeSet::new();
    for id in tx.waiting()? {
        let held = tx.find(id)?.filter(|message| message.state == State::Held && theirs(message));
        numbers.extend(held.map(|message| message.id));
    }
    if numbers.is_empty() {
        return Ok(());
    }
    let numbers: Vec<_> = numbers.iter().map(Id::to_string).collect();
    reject(Fault::permanent(format!(
        "messages from there are held here: {}. First admit or refuse who wrote them, or release or cancel them",
        numbers.join(", ")
    )))
}

fn open(tx: &Tx, id: PeerId) -> TxResult<Vec<Packet>> {
    Ok(tx.open_packets()?.into_iter().filter(|packet| packet.far_box == Some(id)).collect())
}

/// Packets that no link was given are as if they had never been: their messages wait again.
fn unplan(tx: &mut Tx, policy: &Policy, group: &[Packet], now: Time) -> TxResult<()> {
    for packet in group {
        // The group is met once for each of its packets.
        if tx.packet(packet.number)?.is_none() {
            continue;
        }
        let mut packet = packet.clone();
        give_back::release(tx, &mut packet);
        tx.drop_packet(&packet)?;
        if let Some(place) = &packet.peer {
            session::change(tx, packet.far_box, |peer| peer.lost(place.ticket, place.fragment, now.0))?;
        }
        for id in &packet.messages {
            give_back::waits_again(tx, policy, *id, &LinkReason::Regrouped.into(), now)?;
        }
    }
    Ok(())
}

fn gather(tx: &Tx, far_box: &FarBox, leaving: &Leaving, ticket: &str, now: Time) -> TxResult<Relocation> {
    let id = far_box.id;
    let reads_there = |person: &Person| person.far_box == Some(id) && person.home == Home::FarBox;
    let people: Vec<_> = tx.everybody()?.into_iter().filter(reads_there).collect();
    let talk = tx.session_rows(&id.to_string())?;
    let mut numbers: BTreeSet<Id> = session::in_tx(tx, Some(id))?.numbers().into_iter().map(Id).collect();
    numbers.extend(tx.waiting()?);
    let mut messages = Vec::new();
    for number in numbers {
        messages.extend(tx.find(number)?.filter(|message| goes_along(leaving.policy, message, id)));
    }
    let (mut groups, mut known) = (Vec::new(), BTreeSet::new());
    for packet in open(tx, id)?.into_iter().filter(|packet| known.insert(packet.group)) {
        groups.push(tx.group_of(&packet)?);
    }
    let mut paired = Vec::new();
    for address in &far_box.addresses {
        paired.extend(tx.paired(*address)?);
    }
    Ok(Relocation {
        version: VERSION,
        ticket: ticket.to_owned(),
        from: leaving.settings.text(Key::BoxName).to_owned(),
        at: now,
        far_box: far_box.clone(),
        belongings: tx.belongings(far_box, &people)?,
        people,
        paired,
        talk: talk.into_iter().map(|((part, id), row)| (part, id, crate::hex::encode(&row))).collect(),
        messages,
        groups,
    })
}

/// A message for this far box that is not done, or of which the far box may still tell something that is not known.
fn goes_along(policy: &Policy, message: &Message, id: PeerId) -> bool {
    let open = !message.is_final()
        || matches!(message.state, State::Sent | State::FarBox | State::Unconfirmed | State::Expired);
    message.way == Way::Link && open && policy.choose(&message.to) == Route::Link(Some(id))
}
