//! Packets that the link holds: asked after, as acknowledgements may be missed, and withdrawn when they are not wanted
//! any more.

use std::time::Duration;

use super::group::PacketGroup;
use super::worker::LinkWorker;
use crate::clock::Time;
use crate::fault::Fault;
use crate::link::PacketStatus;
use crate::message::reason::{Acknowledged, LinkReason};
use crate::message::{GoneReason, Packet, PacketState, Reference};

/// A packet on the link is asked after this often.
pub const AGAIN: Duration = Duration::from_secs(60);
/// What is being withdrawn is looked at again after this.
const WITHDRAWING: Duration = Duration::from_secs(3);

/// Asks after one packet; gives back when to ask again if the link still has it.
pub fn packet(air: &mut LinkWorker, packet: Packet) -> Result<Option<Duration>, Fault> {
    let PacketState::Held(reference) = &packet.state else { return Ok(None) };
    let (body, now) = (PacketGroup::of(air, &packet)?, air.context.now());
    let mut found = air.link.still_held(reference);
    let unwanted = body.unwanted(now);
    if found == PacketStatus::Held && unwanted {
        found = air.link.cancel(reference);
    }
    match found {
        PacketStatus::Held | PacketStatus::Unknown(_) if unwanted => return Ok(Some(WITHDRAWING)),
        PacketStatus::Held | PacketStatus::Unknown(_) => return Ok(Some(next_look(&body, now))),
        PacketStatus::Sent if body.expired(now) => left_late(air, body, packet)?,
        PacketStatus::Sent => air.sent_unseen(packet)?,
        PacketStatus::Withdrawn => gone(air, body, packet, GoneReason::Withdrawn)?,
        PacketStatus::GaveUp(why) => gone(air, body, packet, given_up(&why))?,
    }
    Ok(None)
}

/// When a packet that the link took is asked after: often enough, and at the end of its time.
pub fn next_look(body: &PacketGroup, now: Time) -> Duration {
    body.deadline(Time::NEVER).since(now).clamp(WITHDRAWING, AGAIN)
}

/// The packet is not on the link any more, and whether it was sent or given up nobody knows. Letters whose time is over
/// end so; the others count as sent, and the far box tells whether they are.
fn left_late(air: &mut LinkWorker, body: PacketGroup, packet: Packet) -> Result<(), Fault> {
    let now = air.context.now();
    let late: Vec<_> = body.letters.iter().filter(|letter| now >= letter.limit()).collect();
    if late.len() == body.letters.len() {
        return close(air, body, packet, GoneReason::Late, Some(LinkReason::LateOnLink));
    }
    for letter in late {
        air.context.give_back(letter, crate::message::State::Expired, LinkReason::LateOnLink)?;
    }
    air.sent(packet, Acknowledged::Late)
}

/// The link says by itself that it gave a packet up.
pub fn gave_up(air: &mut LinkWorker, reference: &Reference, why: &str) -> Result<(), Fault> {
    let at = reference.clone();
    let Some(packet) = air.context.store.write(move |tx| tx.packet_at(&at))? else { return Ok(()) };
    if !matches!(packet.state, PacketState::Held(_)) {
        return Ok(());
    }
    let body = PacketGroup::of(air, &packet)?;
    gone(air, body, packet, given_up(why))
}

/// What the link says of a packet that it gave up.
fn given_up(why: &str) -> GoneReason {
    GoneReason::GivenUp { why: Box::new(why.into()) }
}

/// A packet certainly was not sent; what the link holds of the same body is of no use any more.
fn gone(air: &mut LinkWorker, body: PacketGroup, packet: Packet, why: GoneReason) -> Result<(), Fault> {
    close(air, body, packet, why, None)
}

fn close(
    air: &mut LinkWorker,
    mut body: PacketGroup,
    packet: Packet,
    why: GoneReason,
    unclear: Option<LinkReason>,
) -> Result<(), Fault> {
    let now = air.context.now();
    air.outstanding = air.outstanding.saturating_sub(1);
    body.put(Packet { state: PacketState::Gone(why), at: now, ..packet });
    body.drop_rest(now);
    body.close(air, unclear)
}
