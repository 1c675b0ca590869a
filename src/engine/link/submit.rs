//! Packets on their way to the link. Never paid twice (promise 2): a packet that the link may hold is settled with the
//! link's own evidence ([`reconcile`](super::reconcile)), and goes again only when it certainly was not taken.
//!
//! # States of a hand-over
//!
//! ```text
//!   prepare ── the link takes nothing ──> Busy: planned anew or waits, the link rests for a moment
//!      │    └─ never takes this packet ─> Never: gone, and the rest of its group with it
//!      v
//!   written as Handing ── its owner decided otherwise ──> Decided: nothing left, nothing is to be done
//!      │
//!   command ──┬─ taken ──────────> Taken: held by the link
//!             ├─ refused ────────> Busy or Never, as above; Refused: others may go; certainly not taken
//!             └─ no answer ──┐
//!   crash at any place ──────┴──> Unknown: looked at later, before anything new is handed over
//! ```

use std::time::Duration;

use super::commit::{self, Begun};
use super::echo;
use super::give_back;
use super::group::PacketGroup;
use super::whole::enclosed::Enclosures;
use crate::address::LinkAddress;
use crate::clock::Time;
use crate::engine::Context;
use crate::fault::Fault;
use crate::link::whole::WholePlace;
use crate::link::{Driver, Link, LinkPacket, SubmitResult};
use crate::message::reason::Part;
use crate::message::{GoneReason, Packet, PacketState, Reason, Reference};

/// A packet without messages is dropped by the link after this.
pub const PATIENCE: Duration = Duration::from_secs(86_400);

/// How the hand-over of a packet ended. The packet given back is as it has to be written, or was.
pub enum Submitted {
    /// There is nothing to hand over: something became of it a moment ago, or its group waits for evidence.
    NotNow,
    /// It is not wanted any more, nor is the rest of its group.
    Unwanted,
    /// Its owner, or a budget, has it wait.
    Decided,
    /// The link holds it under this reference.
    Taken(Packet, Reference),
    /// Whether the link took it is not known.
    Unknown(Packet, Reason),
    /// The link takes nothing now.
    Busy(Packet, Fault),
    /// The link takes others now, but not this one.
    Refused(Packet, Fault),
    /// The link never takes it.
    Never(Packet),
}

/// Hands over one packet of the outbox, once. `wholes` are the mails of its messages that the far box has already, `mails` those
/// that go along where the budgets have room for them.
///
/// # Errors
/// When the store fails: nothing has left then.
pub fn submit(
    context: &Context,
    driver: &Driver,
    link: &mut dyn Link,
    group: &PacketGroup,
    mut packet: Packet,
    wholes: &[WholePlace],
    mut mails: Enclosures,
) -> Result<Submitted, Fault> {
    // What happened to the packets before it may have settled this one.
    let planned = group.packets.iter().any(|now| now.number == packet.number && now.state == PacketState::Planned);
    // A group waits as a whole for the evidence about one of its packets.
    if !planned || group.in_doubt() {
        return Ok(Submitted::NotNow);
    }
    if group.is_unwanted(context.now()) {
        return Ok(Submitted::Unwanted);
    }
    packet.address = match address(context, driver, &packet) {
        Ok(address) => address,
        Err(fault) => return Ok(Submitted::Refused(packet, fault)),
    };
    let (packet, outgoing, intent) = loop {
        let payload = mails.around(&packet.payload);
        let outgoing = LinkPacket { payload, wholes: wholes.to_vec(), ..outgoing(group, &packet, context.now()) };
        let intent = match link.prepare(&outgoing) {
            Ok(intent) => intent,
            Err(fault) => return Ok(refused(packet, fault)),
        };
        let planned = packet.clone();
        packet.state = PacketState::Handing(intent.clone());
        (packet.at, packet.mails) = (intent.at, mails.noted());
        let flight = echo::flight(context, packet.number, &outgoing.payload);
        match commit::begin(context, packet, mails.bills(), flight)? {
            Begun::Handing(packet) => break (*packet, outgoing, intent),
            Begun::Decided => return Ok(Submitted::Decided),
            // Its text goes all the same.
            Begun::OverBudget(short) if !mails.is_empty() => {
                mails.leave_out(short);
                packet = planned;
            }
            Begun::OverBudget(_) => {
                return Ok(Submitted::Busy(planned, Fault::temporary("the budget of this link is used up")));
            }
        }
    };
    // From here on a crash leaves a packet that is `Handing`: only evidence of the link moves it on.
    Ok(match link.send(&outgoing, &intent) {
        SubmitResult::Taken(reference) => Submitted::Taken(packet, reference),
        SubmitResult::Unknown(why) => Submitted::Unknown(packet, why),
        SubmitResult::Refused(fault) => {
            give_back::refused(context, &packet)?.map_or(Submitted::Decided, |packet| refused(packet, fault))
        }
        SubmitResult::RefusedPacket(fault) => {
            match give_back::refused(context, &packet)?.map(|packet| refused(packet, fault)) {
                Some(Submitted::Busy(packet, fault)) => Submitted::Refused(packet, fault),
                Some(never) => never,
                None => Submitted::Decided,
            }
        }
    })
}

/// What the link gets of a packet.
pub fn outgoing(group: &PacketGroup, packet: &Packet, now: Time) -> LinkPacket {
    let deadline = group.deadline().unwrap_or(now + PATIENCE);
    LinkPacket { payload: packet.payload.clone(), device: packet.address, deadline, wholes: Vec::new() }
}

fn refused(mut packet: Packet, fault: Fault) -> Submitted {
    if !fault.is_permanent() {
        return Submitted::Busy(packet, fault);
    }
    let why = Box::new(Reason::from(&fault));
    packet.state = PacketState::Gone(GoneReason::Refused { part: Part::of(&packet), why });
    Submitted::Never(packet)
}

/// Where the far box of a packet is on this link; `None` where the link has one far end only.
///
/// # Errors
/// For the owner: it has no address there, or that of a modem of this box.
fn address(context: &Context, driver: &Driver, packet: &Packet) -> Result<Option<LinkAddress>, Fault> {
    let Some(id) = packet.far_box else { return Ok(None) };
    let people = context.store.people();
    let far_box = people.far_box(id);
    let missing = || {
        let who = far_box.map_or_else(|| "its far box".to_owned(), |far_box| far_box.shown());
        let kind = driver.reach.kinds.first().copied().unwrap_or(driver.name);
        Fault::operator(format!("{who} has no address on this link: give it one, {kind}:... ('satpost far-box set')"))
    };
    let address = far_box.and_then(|far_box| driver.reach.address(&far_box.addresses)).ok_or_else(missing)?;
    match echo::is_here(context, address) {
        true => Err(Fault::operator(format!(
            "{} is the modem of this box itself: what goes there comes back here; give the far box its own address, or switch \
             the link of that modem off",
            address.shown()
        ))),
        false => Ok(Some(address)),
    }
}
