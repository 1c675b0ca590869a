//! *Send again*: a message of which nobody knows that it arrived goes once more, for its price, because its owner wants it.
//!
//! Between two boxes that talk the new packet says which one it replaces: the far box delivers nothing that it has already.
//! A classic peer cannot tell, and may deliver it twice.

use std::collections::BTreeSet;

use super::{Applied, Cost, Done};
use crate::clock::Time;
use crate::engine::link::peer;
use crate::engine::outcome;
use crate::fault::Fault;
use crate::message::reason::{ActionReason, GoneReason, LinkReason, TrackingReason};
use crate::message::{Id, Message, Packet, PacketState, State, Way};
use crate::money::Use;
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

/// Sends it again, with those that shared its packets with it: the far box knows them by those packets only.
pub(super) fn send(tx: &mut Tx, policy: &Policy, id: Id, who: &str, now: Time) -> TxResult<Applied> {
    let message = tx.message(id)?;
    if !is_possible(&message) {
        let state = message.state.words();
        return reject(Fault::permanent(format!("{id} is {state}: only what may not have arrived is sent again")));
    }
    let packets = tx.packets_of(id)?;
    if packets.iter().any(|packet| packet.is_open() && !matches!(packet.state, PacketState::Unknown(_))) {
        return reject(Fault::permanent(format!(
            "{id} is on the link already: wait until that has sent it, or cancel it"
        )));
    }
    let mut all = BTreeSet::from([id]);
    if let Some(device) = packets.iter().rev().find(|packet| packet.peer.is_some()).map(|packet| packet.far_box) {
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
    let (mut wanted, mut others, mut held) = (Use::default(), 0, false);
    for each in &all {
        close_unknown(tx, *each, now)?;
        // One that has ended otherwise, or is there, does not go; one on the link does when it has no open packet now.
        let stranded = !tx.packets_of(*each)?.iter().any(Packet::is_open);
        let goes =
            |message: &Message| *each == id || stranded && (is_possible(message) || message.state == State::OnLink);
        let Some(message) = tx.find(*each)?.filter(goes) else { continue };
        if message.recall && *each != id {
            tx.step(*each, now, State::Cancelled, LinkReason::RestWithdrawn, 0, Time::NEVER)?;
            continue;
        }
        let bill = policy.bill(&message);
        if let Some(why) = policy.over_limit(&message, bill.as_ref()).filter(|_| *each == id) {
            return reject(Fault::refused(why));
        }
        wanted = wanted.plus(bill.as_ref().map(|bill| bill.wanted).unwrap_or_default());
        others += usize::from(*each != id);
        outcome::requeue(tx, *each, bill, ActionReason::SentAgain { who: who.to_owned() }, now, now)?;
        // In the queue first: one that awaits its receipt has not ended.
        let queued = tx.change(*each, |message| {
            message.deadline = policy.deadline(Way::Link, &message.terms, now);
            (message.receipt_until, message.recall) = (None, false);
        })?;
        held |= *each == id && queued.state == State::Held;
    }
    tx.wake(Way::Link);
    Ok(Applied { id, what: Done::Again { others, cost: Cost::of_use(policy, wanted), held } })
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
