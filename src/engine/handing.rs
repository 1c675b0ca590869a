//! One message and its packets on the link: planned, handed over, settled. Never paid twice (promise 2): a packet that
//! the link may hold is settled with the link's own evidence, and is planned again only when it certainly was not
//! taken.

use std::time::Duration;

use super::air::Air;
use super::{max_payload, settle};
use crate::address::DeviceId;
use crate::clock::Time;
use crate::fault::Fault;
use crate::link::{Handed, Outgoing, Verdict, Whereabouts};
use crate::message::{Id, Intent, Message, Packet, PacketState, Reference, State};
use crate::route::choose::Choice;
use crate::route::plan;
use crate::store::{Outcome, Tx};

/// Equal packets of other letters that are told apart in one look.
const MOST_EQUAL: usize = 16;
/// What is being withdrawn is looked at again after this.
const WITHDRAWING: Duration = Duration::from_secs(3);
/// A fresh message on the link is asked after for the first time after this.
const FIRST_ASK: Duration = Duration::from_secs(60);

/// Brings a message as far as it goes now.
pub fn message(air: &mut Air, message: &Message, window: usize) -> Result<(), Fault> {
    let mut packets = air.packets(message)?;
    if packets.iter().all(|packet| packet.state == PacketState::Planned) {
        match plan_anew(air, message)? {
            Some(planned) => packets = planned,
            None => return Ok(()),
        }
    }
    let doubtful = packets.iter().any(|packet| matches!(packet.state, PacketState::Handing(_)));
    if air.context.now() >= message.deadline && !doubtful {
        return ask(air, message, air.context.now() + WITHDRAWING);
    }
    for packet in &mut packets {
        if air.outstanding >= window || !air.ready() || !one(air, message, packet)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Makes the packets of a message that has none on the link yet; `None` when it goes no further on this way.
fn plan_anew(air: &Air, message: &Message) -> Result<Option<Vec<Packet>>, Fault> {
    let context = air.context;
    let world = context.world();
    if context.now() >= message.deadline {
        return context.give_back(message, State::Expired, &message.reason).map(|()| None);
    }
    let device = match (settle::moved(&world, message), world.choose(&message.to)) {
        (Some(Err(why)), _) => return context.give_back(message, State::Returned, &why).map(|()| None),
        (Some(Ok(way)), _) => return super::post::reroute(context, message, way).map(|()| None),
        (None, Choice::Link(device)) => device,
        (None, _) => None,
    };
    let (state, reason) = world.on_air(message, device.is_some(), max_payload(&world.settings));
    if state != State::Queued {
        return air.step(message, state, &reason, message.deadline).map(|()| None);
    }
    if device.is_some() && !air.driver.many_devices {
        let why = format!("the link {} reaches one far box, not a device of its own", air.driver.name);
        return context.give_back(message, State::Returned, &why).map(|()| None);
    }
    let payloads = match plan::packets(message, device.is_some(), air.driver.max_payload) {
        Ok(payloads) => payloads,
        Err(why) => return context.give_back(message, State::Returned, &why).map(|()| None),
    };
    let parts = u16::try_from(payloads.len()).unwrap_or(u16::MAX);
    let packets: Vec<Packet> =
        (1..=parts).zip(payloads).map(|(part, payload)| planned(message, part, parts, device, payload)).collect();
    let keep = packets.clone();
    let id = message.id;
    context.store.write(move |tx| {
        tx.drop_plan(id)?;
        keep.iter().try_for_each(|packet| tx.put_packet(packet))
    })?;
    Ok(Some(packets))
}

fn planned(message: &Message, part: u16, parts: u16, device: Option<DeviceId>, payload: Vec<u8>) -> Packet {
    let state = PacketState::Planned;
    Packet { message: message.id, part, parts, device, payload, state, at: message.accepted, note: String::new() }
}

/// One packet; true when the next one may follow.
fn one(air: &mut Air, message: &Message, packet: &mut Packet) -> Result<bool, Fault> {
    if !settle(air, message, packet)? {
        return Ok(false);
    }
    if packet.state != PacketState::Planned {
        return Ok(true);
    }
    if message.recall {
        return withdraw_rest(air, message);
    }
    let outgoing = outgoing(message, packet);
    hand_over(air, message, packet, &outgoing)
}

fn outgoing(message: &Message, packet: &Packet) -> Outgoing {
    Outgoing { payload: packet.payload.clone(), device: packet.device, deadline: message.deadline }
}

/// Finds out how a hand-over ended, if that is not known; false while it stays unknown.
pub fn settle(air: &mut Air, message: &Message, packet: &mut Packet) -> Result<bool, Fault> {
    let PacketState::Handing(intent) = packet.state.clone() else { return Ok(true) };
    match find_out(air, &outgoing(message, packet), &intent, (packet.message, packet.part))? {
        Verdict::Taken(reference) => taken(air, message, packet, reference, "found on the link").map(|()| true),
        Verdict::Sent(reference) => {
            taken(air, message, packet, reference, "found to be taken")?;
            sent_unseen(air, packet).map(|()| true)
        }
        Verdict::NotTaken(why) => {
            packet.state = PacketState::Planned;
            packet.note = format!("certainly not taken: {why}");
            air.put(packet).map(|()| true)
        }
        Verdict::NotYet(why) => unsettled(air, message, packet, &why).map(|()| false),
    }
}

/// What the link finds, but for packets with the same content that are known to be others: a letter may say the same as
/// an earlier one, and is not that one.
fn find_out(air: &mut Air, outgoing: &Outgoing, intent: &Intent, who: (Id, u16)) -> Result<Verdict, Fault> {
    for _ in 0..MOST_EQUAL {
        let verdict = air.link.reconcile(outgoing, intent);
        let (Verdict::Taken(reference) | Verdict::Sent(reference)) = &verdict else { return Ok(verdict) };
        match air.context.store.read(|view| view.owner(reference))? {
            Some(owner) if owner != who => air.link.another(reference),
            _ => return Ok(verdict),
        }
    }
    Ok(Verdict::NotYet("the link names packets of other letters only".to_owned()))
}

/// Nobody knows yet; at the end of its time the sender hears just that.
fn unsettled(air: &mut Air, message: &Message, packet: &mut Packet, why: &str) -> Result<(), Fault> {
    let now = air.context.now();
    if now >= message.deadline {
        packet.state = PacketState::Gone(why.to_owned());
        air.put(packet)?;
        let words =
            format!("its time ran out, and whether the link took it is not known ({why}): it may have been sent");
        return air.context.give_back(message, State::Expired, &words);
    }
    let cause = format!("finding out whether the link took part {}: {why}", packet.part);
    let next = now + air.doubt();
    if message.reason == cause {
        let id = message.id;
        air.context.store.write(move |tx| tx.change(id, |message| message.next = next).map(drop))
    } else {
        air.step(message, State::Queued, &cause, next)
    }
}

fn hand_over(air: &mut Air, message: &Message, packet: &mut Packet, outgoing: &Outgoing) -> Result<bool, Fault> {
    let intent = match air.link.prepare(outgoing) {
        Ok(intent) => intent,
        Err(fault) => return refused(air, message, packet, fault),
    };
    packet.state = PacketState::Handing(intent.clone());
    packet.at = intent.at;
    if !may_go(air, packet)? {
        return Ok(false);
    }
    match air.link.send(outgoing, &intent) {
        Handed::Taken(reference) => taken(air, message, packet, reference, "handed to the link").map(|()| true),
        Handed::Refused(fault) => {
            packet.state = PacketState::Planned;
            air.put(packet)?;
            refused(air, message, packet, fault)
        }
        Handed::Unknown(why) => {
            let cause = format!("finding out whether the link took part {}: {why}", packet.part);
            let next = air.context.now() + air.doubt();
            air.step(message, State::Queued, &cause, next).map(|()| false)
        }
    }
}

/// Writes the packet before its command leaves, unless its owner held or cancelled the letter a moment ago: what is
/// decided here cannot be taken back.
fn may_go(air: &Air, packet: &Packet) -> Result<bool, Fault> {
    let packet = packet.clone();
    air.context.store.write(move |tx| match tx.live(packet.message)? {
        Some(live) if live.state == State::Queued && !live.recall => tx.put_packet(&packet).map(|()| true),
        _ => Ok(false),
    })
}

/// The link does not take this packet: for now, or never.
fn refused(air: &mut Air, message: &Message, packet: &Packet, fault: Fault) -> Result<bool, Fault> {
    if fault.is_permanent() {
        let part = if packet.parts > 1 { format!("part {} of {}: ", packet.part, packet.parts) } else { String::new() };
        return air.context.give_back(message, State::Returned, &format!("{part}{fault}")).map(|()| false);
    }
    if message.reason != fault.why() {
        air.step(message, State::Queued, fault.why(), message.next)?;
    }
    air.stop_for(&fault);
    Ok(false)
}

fn taken(air: &mut Air, message: &Message, packet: &mut Packet, reference: Reference, how: &str) -> Result<(), Fault> {
    air.outstanding += 1;
    packet.state = PacketState::Held(reference.clone());
    let (kept, now, how) = (packet.clone(), air.context.now(), how.to_owned());
    let id = message.id;
    air.context.store.write(move |tx| {
        tx.put_packet(&kept)?;
        let all = tx.packets_of(id)?.iter().all(|packet| packet.reference().is_some());
        let part = if kept.parts > 1 { format!(", part {} of {}", kept.part, kept.parts) } else { String::new() };
        let cause = format!("{how}{part} ({reference})");
        let Some(live) = tx.live(id)? else { return Ok(()) };
        match all {
            true => tx.step(id, now, State::OnModem, &cause, 0, now + FIRST_ASK).map(drop),
            false => tx.step(id, now, live.state, &cause, 0, live.next).map(drop),
        }
    })
}

fn sent_unseen(air: &mut Air, packet: &Packet) -> Result<(), Fault> {
    let (packet, now) = (packet.clone(), air.context.now());
    air.outstanding = air.outstanding.saturating_sub(1);
    air.context.store.write(move |tx| mark_sent(tx, packet.clone(), "its acknowledgement was not seen", now))
}

/// Marks a packet as acknowledged, and its message as sent once all are.
pub fn mark_sent(tx: &mut Tx, mut packet: Packet, note: &str, now: Time) -> Outcome<()> {
    let Some(reference) = packet.reference().cloned() else { return Ok(()) };
    packet.state = PacketState::Sent(reference);
    packet.at = now;
    note.clone_into(&mut packet.note);
    tx.put_packet(&packet)?;
    let id = packet.message;
    let done = tx.packets_of(id)?.iter().all(|packet| matches!(packet.state, PacketState::Sent(_)));
    let part = if packet.parts > 1 { format!("part {} of {} ", packet.part, packet.parts) } else { String::new() };
    let cause = format!("{part}acknowledged by a satellite: {note}");
    match tx.live(id)? {
        Some(_) if done => tx.step(id, now, State::Sent, &cause, 1, Time::NEVER).map(drop),
        Some(live) => tx.step(id, now, live.state, &cause, 1, live.next).map(drop),
        None => Ok(()),
    }
}

/// Asks the link after the packets of a message that it took.
pub fn ask(air: &mut Air, message: &Message, again: Time) -> Result<(), Fault> {
    let now = air.context.now();
    let expired = now >= message.deadline;
    let mut end: Option<(State, String)> = None;
    for mut packet in air.packets(message)? {
        let PacketState::Held(reference) = packet.state.clone() else { continue };
        let mut found = air.link.still_held(&reference);
        if found == Whereabouts::Held && (message.recall || expired) {
            found = air.link.cancel(&reference);
        }
        match found {
            Whereabouts::Held | Whereabouts::Unknown(_) => {}
            Whereabouts::Sent if expired => {
                gone(air, &mut packet, "gone from the link after its time had run out")?;
                end = Some((State::Expired, "its time ran out on the link; it may have been sent".to_owned()));
            }
            Whereabouts::Sent => sent_unseen(air, &packet)?,
            Whereabouts::Withdrawn => {
                gone(air, &mut packet, "withdrawn before it was sent")?;
                end = Some(match message.recall {
                    true => (State::Cancelled, "withdrawn from the link before it was sent".to_owned()),
                    false => (State::Expired, "no satellite took it in time".to_owned()),
                });
            }
            Whereabouts::GaveUp(why) => {
                gone(air, &mut packet, &why)?;
                end = Some((State::Returned, why));
            }
        }
    }
    if end.is_none() && (message.recall || expired) && only_partly_left(&air.packets(message)?) {
        end = Some(match message.recall {
            true => (State::Cancelled, "the rest was not sent".to_owned()),
            false => (State::Expired, "only a part of it left in time".to_owned()),
        });
    }
    match end {
        Some((State::Cancelled, why)) => air.step(message, State::Cancelled, &why, Time::NEVER),
        Some((state, why)) => air.context.give_back(message, state, &why),
        None => {
            let id = message.id;
            air.context.store.write(move |tx| match tx.live(id)? {
                Some(_) => tx.change(id, |message| message.next = again).map(drop),
                None => Ok(()),
            })
        }
    }
}

/// True when nothing of a letter is on the link any more, and not all of it was sent.
fn only_partly_left(packets: &[Packet]) -> bool {
    let open = |packet: &Packet| matches!(packet.state, PacketState::Held(_) | PacketState::Handing(_));
    let sent = |packet: &Packet| matches!(packet.state, PacketState::Sent(_));
    !packets.iter().any(open) && !packets.iter().all(sent)
}

/// The link says by itself that it gave a packet up.
pub fn gave_up(air: &mut Air, reference: &Reference, why: &str) -> Result<(), Fault> {
    let at = reference.clone();
    let Some(mut packet) = air.context.store.write(move |tx| tx.packet_at(&at))? else { return Ok(()) };
    if !matches!(packet.state, PacketState::Held(_)) {
        return Ok(());
    }
    gone(air, &mut packet, why)?;
    let Some(message) = air.context.store.message(packet.message)? else { return Ok(()) };
    let state = if air.context.now() >= message.deadline { State::Expired } else { State::Returned };
    air.context.give_back(&message, state, why)
}

fn gone(air: &mut Air, packet: &mut Packet, why: &str) -> Result<(), Fault> {
    air.outstanding = air.outstanding.saturating_sub(1);
    packet.state = PacketState::Gone(why.to_owned());
    packet.at = air.context.now();
    air.put(packet)
}

/// Its owner wants a message back that is only partly on the link: the rest is not sent, what is there is withdrawn.
fn withdraw_rest(air: &mut Air, message: &Message) -> Result<bool, Fault> {
    ask(air, message, air.context.now() + WITHDRAWING)?;
    let any_held = air.packets(message)?.iter().any(|packet| matches!(packet.state, PacketState::Held(_)));
    if !any_held {
        air.step(message, State::Cancelled, "the rest was not sent", Time::NEVER)?;
    }
    Ok(false)
}
