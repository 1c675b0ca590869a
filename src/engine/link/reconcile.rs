//! What an earlier life, or a link that was away, left half done: hand-overs whose end is unknown. All of them are looked
//! at before anything new is handed over: the evidence of how one ended gets weaker with each packet that follows it.

use super::group::PacketGroup;
use super::peer;
use super::submit::{PATIENCE, outgoing};

use crate::clock::Time;
use crate::engine::Context;
use crate::fault::Fault;
use crate::link::{Link, Verdict};
use crate::message::reason::{LinkReason, TrackingReason};
use crate::message::{Id, Packet, PacketState, Reason, Reference};

/// Equal packets of other messages that are told apart in one look.
const MOST_EQUAL: usize = 16;

/// What the evidence says of a hand-over.
pub enum Evidence {
    /// It was taken, under this reference.
    Taken(Reference),
    /// It was taken, and has left already.
    Sent(Reference),
    /// It certainly was not taken, for this reason.
    NotTaken(Reason),
    /// Nothing yet; the time of these messages is over, and nobody knows whether they went.
    Unknown {
        /// The messages whose time is over.
        late: Vec<Id>,
        /// What is not known, and why.
        why: Reason,
    },
    /// The link cannot tell, for this reason: only the far box can.
    Undecidable(Reason),
    /// Nothing yet, and nobody waits for it any more.
    TooLate(Reason),
}

/// Finds out how the hand-over of a packet ended, if that can be known now; `None` when it is not open, or is known to be
/// unknown and there is no news.
///
/// # Errors
/// When the store fails.
pub fn find_out(
    context: &Context,
    link: &mut dyn Link,
    group: &PacketGroup,
    packet: &Packet,
) -> Result<Option<Evidence>, Fault> {
    let (PacketState::Handing(intent) | PacketState::Unknown(intent)) = &packet.state else { return Ok(None) };
    let (outgoing, now) = (outgoing(group, packet, context.now()), context.now());
    // The link finds packets by their content: a message may say the same as an earlier one, and is not that one.
    for _ in 0..MOST_EQUAL {
        let (evidence, reference) = match link.reconcile(&outgoing, intent) {
            Verdict::Taken(reference) => (Evidence::Taken(reference.clone()), reference),
            Verdict::Sent(reference) => (Evidence::Sent(reference.clone()), reference),
            Verdict::NotTaken(why) => return Ok(Some(Evidence::NotTaken(why))),
            Verdict::Unknown(why) => return Ok(undecidable(group, packet, why, now)),
            Verdict::NotYet(why) => return Ok(unknown(group, packet, why, now)),
        };
        match context.store.read(|view| view.owner(packet.link, &reference))? {
            Some(owner) if owner != packet.number => link.exclude_match(&reference),
            _ => return Ok(Some(evidence)),
        }
    }
    Ok(unknown(group, packet, TrackingReason::OnlyOthers.into(), now))
}

/// Nobody waits for the end of this hand-over any more.
pub fn is_over(group: &PacketGroup, packet: &Packet, now: Time) -> bool {
    let waited_for = !packet.messages.is_empty() || now >= packet.at + PATIENCE;
    waited_for && group.late(now).count() == group.messages.len()
}

/// The far box has it: it was taken, and has left.
fn arrived(packet: &Packet) -> Option<Evidence> {
    let arrived = packet.peer.as_ref().is_some_and(|place| place.arrived);
    arrived.then(|| Evidence::Sent(peer::confirmed(packet)))
}

fn undecidable(group: &PacketGroup, packet: &Packet, why: Reason, now: Time) -> Option<Evidence> {
    if let Some(sent) = arrived(packet) {
        return Some(sent);
    }
    match &packet.state {
        _ if is_over(group, packet, now) => Some(Evidence::TooLate(why)),
        PacketState::Unknown(_) => None,
        _ => Some(Evidence::Undecidable(why)),
    }
}

fn unknown(group: &PacketGroup, packet: &Packet, why: Reason, now: Time) -> Option<Evidence> {
    if let Some(sent) = arrived(packet) {
        return Some(sent);
    }
    match &packet.state {
        _ if is_over(group, packet, now) => Some(Evidence::TooLate(why)),
        PacketState::Unknown(_) => None,
        _ => Some(Evidence::Unknown { late: group.late(now).map(|message| message.id).collect(), why }),
    }
}

/// What the sender of a message hears whose time is over while nobody knows whether it went.
pub fn never_known(why: &Reason) -> LinkReason {
    LinkReason::TakenUnknown { why: Box::new(why.clone()) }
}
