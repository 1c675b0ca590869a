//! Packets on their way to the link: handed over, and settled. Never paid twice (promise 2): a packet that the link may
//! hold is settled with the link's own evidence, and goes again only when it certainly was not taken.

use std::time::Duration;

use super::group::{self, PacketGroup};
use super::track;
use super::worker::LinkWorker;
use crate::fault::Fault;
use crate::link::{LinkPacket, SubmitResult, Verdict};
use crate::message::{Intent, Message, Packet, PacketState, Reference, State};
use crate::money::{Bill, Use};
use crate::route::price;

/// Equal packets of other letters that are told apart in one look.
const MOST_EQUAL: usize = 16;
/// A packet without letters is dropped by the link after this.
const PATIENCE: Duration = Duration::from_secs(86_400);

/// One packet of the outbox. An open hand-over has its own time, see `recover`, and the rest of its body waits for it.
pub fn packet(air: &mut LinkWorker, packet: Packet) -> Result<(), Fault> {
    let mut body = PacketGroup::of(air, &packet)?;
    // What happened to the packets before it may have settled this one.
    let planned = body.packets.iter().any(|now| now.number == packet.number && now.state == PacketState::Planned);
    if !planned || body.in_doubt() {
        return Ok(());
    }
    match body.unwanted(air.context.now()) {
        true => drop_rest(air, &mut body),
        false => hand_over(air, body, packet),
    }
}

/// What is still here of a body is not sent any more; what the link holds of it is asked back.
fn drop_rest(air: &mut LinkWorker, body: &mut PacketGroup) -> Result<(), Fault> {
    body.drop_rest(air.context.now());
    body.close(air, None)
}

fn outgoing(air: &LinkWorker, body: &PacketGroup, packet: &Packet) -> LinkPacket {
    let deadline = body.deadline(air.context.now() + PATIENCE);
    LinkPacket { payload: packet.payload.clone(), device: packet.device, deadline }
}

/// Finds out how a hand-over ended, if that can be known now.
pub fn settle(air: &mut LinkWorker, mut packet: Packet) -> Result<(), Fault> {
    let PacketState::Handing(intent) = packet.state.clone() else { return Ok(()) };
    let body = PacketGroup::of(air, &packet)?;
    match find_out(air, &outgoing(air, &body, &packet), &intent, packet.number)? {
        Verdict::Taken(reference) => taken(air, &body, packet, reference, "found on the link").map(drop),
        Verdict::Sent(reference) => {
            let packet = taken(air, &body, packet, reference, "found to be taken")?;
            air.sent_unseen(packet)
        }
        Verdict::NotTaken(why) => {
            packet.state = PacketState::Planned;
            packet.note = format!("certainly not taken: {why}");
            air.put(&packet)
        }
        Verdict::NotYet(why) | Verdict::Unknown(why) => unsettled(air, body, packet, &why),
    }
}

/// What the link finds, but for packets with the same content that are known to be others: a letter may say the same as
/// an earlier one, and is not that one.
fn find_out(air: &mut LinkWorker, outgoing: &LinkPacket, intent: &Intent, number: u64) -> Result<Verdict, Fault> {
    for _ in 0..MOST_EQUAL {
        let verdict = air.link.reconcile(outgoing, intent);
        let (Verdict::Taken(reference) | Verdict::Sent(reference)) = &verdict else { return Ok(verdict) };
        match air.context.store.read(|view| view.owner(reference))? {
            Some(owner) if owner != number => air.link.exclude_match(reference),
            _ => return Ok(verdict),
        }
    }
    Ok(Verdict::NotYet("the link names packets of other letters only".to_owned()))
}

/// Nobody knows yet; at the end of its time the sender of a letter hears just that.
fn unsettled(air: &mut LinkWorker, mut body: PacketGroup, mut packet: Packet, why: &str) -> Result<(), Fault> {
    let now = air.context.now();
    let words = format!("its time ran out, and whether the link took it is not known ({why}): it may have been sent");
    let late = |letter: &Message| now >= letter.limit();
    if body.letters.iter().all(late) && (!packet.messages.is_empty() || now >= packet.at + PATIENCE) {
        packet.state = PacketState::Gone(why.to_owned());
        body.put(packet);
        return body.close(air, Some(&words));
    }
    for letter in body.letters.extract_if(.., |letter| late(letter)) {
        air.context.give_back(&letter, State::Expired, &words)?;
    }
    air.reconcile_later();
    doubted(air, &body, &packet, why)
}

/// Says at each letter why it is not known where it is.
fn doubted(air: &LinkWorker, body: &PacketGroup, packet: &Packet, why: &str) -> Result<(), Fault> {
    let cause = format!("finding out whether the link took part {}: {why}", packet.part);
    for letter in body.letters.iter().filter(|letter| letter.reason != cause) {
        air.step(letter, letter.state, &cause, letter.next)?;
    }
    Ok(())
}

fn hand_over(air: &mut LinkWorker, body: PacketGroup, mut packet: Packet) -> Result<(), Fault> {
    let outgoing = outgoing(air, &body, &packet);
    let intent = match air.link.prepare(&outgoing) {
        Ok(intent) => intent,
        Err(fault) => return refused(air, body, packet, fault),
    };
    packet.state = PacketState::Handing(intent.clone());
    packet.at = intent.at;
    // What its owner decided a moment ago is seen in the next turn; what a budget does not allow waits for another month.
    let Some(mut packet) = may_go(air, packet)? else { return Ok(()) };
    match air.link.send(&outgoing, &intent) {
        SubmitResult::Taken(reference) => taken(air, &body, packet, reference, "handed to the link").map(drop),
        SubmitResult::Refused(fault) | SubmitResult::RefusedPacket(fault) => {
            packet.state = PacketState::Planned;
            air.put(&packet)?;
            refused(air, body, packet, fault)
        }
        SubmitResult::Unknown(why) => {
            air.reconcile_later();
            doubted(air, &body, &packet, &why)
        }
    }
}

/// Writes the packet before its command leaves, unless the owner of a letter in it held or cancelled it a moment ago:
/// what is decided here cannot be taken back. A packet that no letter pays for is billed to the box here.
fn may_go(air: &LinkWorker, packet: Packet) -> Result<Option<Packet>, Fault> {
    let (settings, now) = (air.context.store.settings(), air.context.now());
    let wanted = Use::of_packets(1, price::packet_price(&settings));
    let fresh = Bill::new(price::month(&settings, now), wanted, price::limits(&settings, None));
    air.context.store.write(move |tx| {
        let mut packet = packet.clone();
        for id in &packet.messages {
            if tx.live(*id)?.is_none_or(|live| live.recall || live.state == State::Held) {
                return Ok(None);
            }
        }
        let extra = packet.is_extra();
        if let Some(talk) = packet.talk.as_mut().filter(|talk| extra && talk.bill.is_none()) {
            let mut bill = fresh.clone();
            if tx.charge(&mut bill, now)?.is_err() {
                return Ok(None);
            }
            talk.bill = Some(bill);
        }
        tx.put_packet(&packet)?;
        Ok(Some(packet))
    })
}

/// The link does not take this packet: for now, or never.
fn refused(air: &mut LinkWorker, mut body: PacketGroup, mut packet: Packet, fault: Fault) -> Result<(), Fault> {
    if fault.is_permanent() {
        let part = if packet.parts > 1 { format!("part {} of {}: ", packet.part, packet.parts) } else { String::new() };
        packet.state = PacketState::Gone(format!("{part}{fault}"));
        body.put(packet);
        return drop_rest(air, &mut body);
    }
    air.stop_for(&fault);
    body.put(packet);
    // Nothing of it is on the link: until that takes packets again people and rules may change.
    if body.can_unplan() {
        return body.unplan(air, fault.why());
    }
    for letter in body.letters.iter().filter(|letter| letter.reason != fault.why()) {
        air.step(letter, letter.state, fault.why(), letter.next)?;
    }
    Ok(())
}

fn taken(
    air: &mut LinkWorker,
    body: &PacketGroup,
    mut packet: Packet,
    reference: Reference,
    how: &'static str,
) -> Result<Packet, Fault> {
    let now = air.context.now();
    air.outstanding += 1;
    packet.state = PacketState::Held(reference.clone());
    packet.ask = now + track::next_look(body, now);
    let kept = packet.clone();
    air.context.store.write(move |tx| group::mark_taken(tx, &kept, &reference, how, now))?;
    Ok(packet)
}
