//! *Send again*: a message of which nobody knows that it arrived goes once more, for its price, because its owner wants it.
//!
//! Between two boxes that talk the new packet says which one it replaces: the far box delivers nothing that it has already.
//! A classic peer cannot tell, and may deliver it twice.

use std::collections::BTreeSet;

use super::{Applied, Cost, Done};
use crate::address::PeerId;
use crate::clock::Time;
use crate::engine::link::peer;
use crate::engine::{Context, outcome};
use crate::fault::Fault;
use crate::message::reason::{ActionReason, GoneReason, LinkReason, TrackingReason};
use crate::message::{Id, Message, Packet, PacketState, State, Way};
use crate::route::choose::Policy;
use crate::store::{Tx, TxResult, reject};

/// True for a message that may be sent again: it went over the link, or may have, and is not known to have arrived.
pub fn is_possible(message: &Message) -> bool {
    let unknown = || message.reason.may_have_arrived();
    message.way == Way::Link
        && match message.state {
            State::Sent | State::Unconfirmed | State::Expired | State::Returned => true,
            State::OnLink => unknown(),
            State::Held | State::Queued | State::FarBox | State::Delivered | State::Cancelled | State::Refused => false,
        }
}

/// What it costs to send a message again, those included that would go with it; `None` where it cannot be.
///
/// # Errors
/// When the store fails.
pub fn offer(context: &Context, policy: &Policy, message: &Message) -> Result<Option<Offer>, Fault> {
    if !is_possible(message) {
        return Ok(None);
    }
    let (id, now) = (message.id, context.now());
    let packets = context.store.read(|view| view.packets_of(id))?;
    if is_with_link(&packets) {
        return Ok(None);
    }
    let mut all = BTreeSet::from([id]);
    if let Some(device) = session_of(&packets) {
        let mut peer = context.peer(device)?;
        if !peer.is_replaceable(id.0) {
            return Ok(None);
        }
        all.extend(peer.again(id.0, now.0).into_iter().map(Id));
    }
    let going = context.store.read(|view| {
        let mut going = Vec::new();
        for each in &all {
            let known = view.message(*each)?;
            let stranded = !view.packets_of(*each)?.iter().any(is_waited_for);
            let goes = |message: &Message| *each == id || goes_along(message, stranded) && !message.recall;
            going.extend(known.filter(goes));
        }
        Ok(going)
    })?;
    Ok(Some(Offer { others: going.len().saturating_sub(1), cost: Cost::of_all(policy, &going) }))
}

/// What *send again* would do.
pub struct Offer {
    /// So many others share its packets, and go with it.
    pub others: usize,
    /// What it costs to send all of them.
    pub cost: Cost,
}

impl std::fmt::Display for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.others {
            0 => write!(f, "It goes once more, for {}.", self.cost)?,
            1 => write!(f, "It goes once more, with another one that shared its packets, for {}.", self.cost)?,
            others => write!(f, "It goes once more, with {others} others that shared its packets, for {}.", self.cost)?,
        }
        f.write_str(" It may have arrived: a box like this one delivers nothing twice, a classic peer may.")
    }
}

/// True while the link has some of it, or is being given it.
fn is_with_link(packets: &[Packet]) -> bool {
    packets.iter().any(is_waited_for)
}

fn is_waited_for(packet: &Packet) -> bool {
    packet.is_open() && !matches!(packet.state, PacketState::Unknown(_))
}

/// The far box that knows its packets by their bundles.
fn session_of(packets: &[Packet]) -> Option<Option<PeerId>> {
    packets.iter().rev().find(|packet| packet.peer.is_some()).map(|packet| packet.far_box)
}

/// One that shared a packet does not go where it has ended otherwise, or is there; one on the link does when it has no open
/// packet now.
fn goes_along(message: &Message, stranded: bool) -> bool {
    stranded && (is_possible(message) || message.state == State::OnLink)
}

/// Sends it again, with those that shared its packets with it: the far box knows them by those packets only.
pub(super) fn send(tx: &mut Tx, policy: &Policy, id: Id, who: &str, now: Time) -> TxResult<Applied> {
    let message = tx.message(id)?;
    if !is_possible(&message) {
        let state = message.state.words();
        let only = match message.way {
            Way::Link => "only what may not have arrived is sent again",
            _ => "only what went over a link, and may not have arrived, is sent again",
        };
        return reject(Fault::permanent(format!("{id} is {state}: {only}")));
    }
    let packets = tx.packets_of(id)?;
    if is_with_link(&packets) {
        return reject(Fault::permanent(format!(
            "{id} is on the link already: wait until that has sent it, or cancel it"
        )));
    }
    let mut all = BTreeSet::from([id]);
    if let Some(device) = session_of(&packets) {
        let mut full = false;
        peer::change(tx, device, |peer| {
            full = !peer.is_replaceable(id.0);
            all.extend(peer.again(id.0, now.0).into_iter().map(Id));
        })?;
        if full {
            return reject(Fault::permanent(format!(
                "{id} went so often that the far box could not tell one more copy from the others: write it anew"
            )));
        }
    }
    let (mut going, mut others, mut held) = (Vec::new(), 0, false);
    for each in &all {
        close_unknown(tx, *each, now)?;
        let stranded = !tx.packets_of(*each)?.iter().any(Packet::is_open);
        let goes = |message: &Message| *each == id || goes_along(message, stranded);
        let Some(message) = tx.find(*each)?.filter(goes) else { continue };
        if message.recall && *each != id {
            tx.step(*each, now, State::Cancelled, LinkReason::RestWithdrawn, 0, Time::NEVER)?;
            continue;
        }
        let bill = policy.bill(&message);
        if let Some(why) = policy.over_limit(&message, bill.as_ref()).filter(|_| *each == id) {
            return reject(Fault::refused(why));
        }
        others += usize::from(*each != id);
        outcome::requeue(tx, *each, bill, ActionReason::SentAgain { who: who.to_owned() }, now, now)?;
        // In the queue first: one that awaits its receipt has not ended.
        let queued = tx.change(*each, |message| {
            message.deadline = policy.deadline(Way::Link, &message.terms, now);
            (message.receipt_until, message.recall) = (None, false);
        })?;
        going.push(message);
        held |= *each == id && queued.state == State::Held;
    }
    tx.wake(Way::Link);
    Ok(Applied { id, what: Done::Again { others, cost: Cost::of_all(policy, &going), held } })
}

/// Packets of which nobody will know whether they left are waited for no longer.
fn close_unknown(tx: &mut Tx, id: Id, now: Time) -> TxResult<()> {
    for packet in tx.packets_of(id)? {
        if matches!(packet.state, PacketState::Unknown(_)) {
            let why = GoneReason::GivenUp { why: Box::new(TrackingReason::SentAgain.into()) };
            let packet = Packet { state: PacketState::Gone(why), at: now, ..packet };
            tx.put_packet(&packet)?;
            // It may have been spent.
            tx.packet_went(&packet)?;
        }
    }
    Ok(())
}
