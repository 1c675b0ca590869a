//! Packets that a link certainly does not have: what was booked and reserved for them is given back, and they may go again.

use super::hands::in_hands;
use super::session;
use crate::clock::Time;
use crate::engine::Context;
use crate::fault::Fault;
use crate::message::reason::{LinkReason, Part};
use crate::message::{GoneReason, Id, Packet, PacketState, Reason, State};
use crate::route::choose::Policy;
use crate::route::plan;
use crate::store::{Tx, TxResult};

/// Gives back what was booked for a packet that its link certainly did not take.
pub(super) fn uncharge(tx: &mut Tx, packet: &mut Packet) -> TxResult<()> {
    packet.charge.take().map_or(Ok(()), |charge| tx.uncharge(packet.link, &charge))
}

/// Writes that its link refused a packet: it is as it was before, and nothing is booked for it. `None` where it is in no
/// hand-over of this link any more.
///
/// # Errors
/// When the store fails.
pub fn refused(context: &Context, packet: &Packet) -> Result<Option<Packet>, Fault> {
    let packet = Packet { state: PacketState::Planned, ..packet.clone() };
    context.store.write(move |tx| {
        if !in_hands(tx, &packet)? {
            return Ok(None);
        }
        let mut packet = packet.clone();
        uncharge(tx, &mut packet)?;
        tx.put_packet(&packet)?;
        Ok(Some(packet))
    })
}

/// Writes that a packet was certainly not taken: it may be handed over again. Nothing is written for one that its link has no more.
///
/// # Errors
/// When the store fails.
pub fn not_taken(context: &Context, packet: &Packet, why: Reason) -> Result<(), Fault> {
    let note = LinkReason::NotTaken { why: Box::new(why) }.into();
    let (packet, now) = (Packet { note, ..packet.clone() }, context.now());
    context.store.write(move |tx| {
        if !in_hands(tx, &packet)? {
            return Ok(());
        }
        let (mut again, mut packet) = (true, packet.clone());
        uncharge(tx, &mut packet)?;
        if let (PacketState::Unknown(_), Some(place)) = (&packet.state, &packet.peer) {
            session::change(tx, packet.far_box, |peer| again = peer.returned(place.ticket, place.fragment))?;
        }
        if again {
            return planned_again(tx, packet.clone(), now);
        }
        release(tx, &mut packet);
        tx.put_packet(&Packet { state: PacketState::Gone(GoneReason::Dropped), at: now, ..packet.clone() })?;
        tx.settle(&packet.messages)
    })
}

/// A packet that has not left goes to the link again, as it is.
pub(super) fn planned_again(tx: &mut Tx, packet: Packet, now: Time) -> TxResult<()> {
    let packet = Packet { state: PacketState::Planned, at: now, ..packet };
    tx.put_packet(&packet)?;
    for id in &packet.messages {
        if tx.live(*id)?.is_some_and(|live| live.state == State::OnLink) {
            let reason = LinkReason::NotThere { part: Part::of(&packet) };
            tx.step(*id, now, State::Queued, reason, 0, now + plan::SOON)?;
        }
    }
    Ok(())
}

/// What certainly does not leave costs nothing: what is reserved for a packet that no message pays for is given back.
pub(super) fn release(tx: &mut Tx, packet: &mut Packet) {
    if let Some(mut bill) = packet.peer.as_mut().and_then(|place| place.bill.take()) {
        tx.release(&mut bill);
    }
}

/// Writes that the link certainly gave a packet back: it leaves again behind an urgent one. Nothing is written for one that its link
/// has no more.
///
/// # Errors
/// When the store fails.
pub fn made_way(context: &Context, packet: &Packet) -> Result<(), Fault> {
    let (packet, now, policy) = (packet.clone(), context.now(), context.policy());
    context.store.write(move |tx| {
        if !in_hands(tx, &packet)? {
            return Ok(());
        }
        let mut packet = packet.clone();
        uncharge(tx, &mut packet)?;
        release(tx, &mut packet);
        tx.put_packet(&packet)?;
        packet.messages.iter().try_for_each(|id| match tx.live(*id)?.map(|live| live.state) {
            Some(State::Queued | State::OnLink) => waits_again(tx, &policy, *id, &LinkReason::MadeWay.into(), now),
            _ => Ok(()),
        })
    })
}

/// A message goes back to its old place in the queue of the link.
pub(super) fn waits_again(tx: &mut Tx, policy: &Policy, id: Id, why: &Reason, now: Time) -> TxResult<()> {
    let Some(live) = tx.live(id)?.filter(|live| live.state != State::Held) else { return Ok(()) };
    let next = policy.look_after(&live, now);
    match live.state == State::Queued {
        true => tx.explain(id, now, why, next),
        false => tx.step(id, now, State::Queued, why.clone(), 0, next).map(drop),
    }
}
