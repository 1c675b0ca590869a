//! Writes what becomes of a packet: the packet, the messages in it, the session that it is part of, and the accounts, in
//! one commit. A crash leaves all of it or nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use compact::peer::{Peer, PeerRules};

use super::echo::Flight;
use super::give_back::{release, uncharge, waits_again};
use super::group::{PacketGroup, Resolution};
use super::hands::{any_stale, in_hands, is_stale};
use super::session;
use crate::clock::Time;
use crate::engine::Context;
use crate::engine::outcome::{self, Bounce};
use crate::fault::Fault;
use crate::links::LinkRecord;
use crate::message::reason::{Acknowledged, LinkReason, NoRoute, Part, Taken};
use crate::message::{Extent, GoneReason, Id, Message, Packet, PacketState, Priority, Reason, Reference, State};
use crate::money::{Bill, Use};
use crate::route::choose::{Policy, Route};
use crate::route::price;
use crate::settings::Key;
use crate::store::{Tx, TxResult, reject};

/// The group of a packet, as the store knows it now.
///
/// # Errors
/// When the store fails.
pub fn group_of(context: &Context, packet: &Packet) -> Result<PacketGroup, Fault> {
    let policy = context.policy();
    context.store.read(|view| {
        let packets = view.group_of(packet)?;
        let (mut messages, mut finished) = (Vec::new(), false);
        for id in &packet.messages {
            match view.message(*id).ok().flatten().filter(|message| !message.is_final()) {
                Some(message) => messages.push(message),
                None => finished = true,
            }
        }
        let there = Route::Link(packet.far_box);
        let goes_elsewhere = |message: &Message| packet.far_box.is_some() && policy.choose(&message.to) != there;
        // What somebody wrote who may not send any more goes nowhere, while none of it was handed over.
        let may_not = |one: &Message| matches!(outcome::moved(&policy, one), Some(Err(NoRoute::MayNotSend { .. })));
        let mut group = PacketGroup { packets, messages, finished, moved: Vec::new() };
        let unhanded = group.is_unhanded();
        let off = |one: &&Message| goes_elsewhere(one) || (unhanded && may_not(one));
        group.moved = group.messages.iter().filter(off).map(|message| message.id).collect();
        Ok(group)
    })
}

/// Writes one packet, unless it was closed or taken over meanwhile.
///
/// # Errors
/// When the store fails.
pub fn put(context: &Context, packet: &Packet) -> Result<(), Fault> {
    put_all(context, std::slice::from_ref(packet))
}

/// Writes packets, in one commit, but for those that were closed or taken over meanwhile.
///
/// # Errors
/// When the store fails.
pub fn put_all(context: &Context, packets: &[Packet]) -> Result<(), Fault> {
    let packets = packets.to_vec();
    match packets.is_empty() {
        true => Ok(()),
        false => context.store.write(move |tx| {
            packets.iter().try_for_each(|packet| if is_stale(tx, packet)? { Ok(()) } else { tx.put_packet(packet) })
        }),
    }
}

/// Adds a step to the time line of a message, unless its owner decided something else meanwhile.
///
/// # Errors
/// When the store fails.
pub fn step(context: &Context, message: &Message, state: State, reason: &Reason, next: Time) -> Result<(), Fault> {
    let (id, known, reason, now) = (message.id, message.state, reason.clone(), context.now());
    context.store.write(move |tx| match tx.live(id)?.filter(|live| live.state == known) {
        Some(_) => tx.step(id, now, state, reason.clone(), 0, next).map(drop),
        None => Ok(()),
    })
}

/// Says at each message of a group why it is where it is; once, as long as that stays so.
///
/// # Errors
/// When the store fails.
pub fn explain(context: &Context, group: &PacketGroup, reason: &Reason) -> Result<(), Fault> {
    let policy = context.policy();
    for message in group.messages.iter().filter(|message| message.reason != *reason) {
        let (id, known, reason, now) = (message.id, message.state, reason.clone(), context.now());
        let next = if known == State::Queued { policy.look_after(message, now) } else { message.next };
        context.store.write(move |tx| match tx.live(id)?.filter(|live| live.state == known) {
            Some(_) => tx.explain(id, now, &reason, next),
            None => Ok(()),
        })?;
    }
    Ok(())
}

/// Whether a hand-over begins.
pub enum Begun {
    /// It does: the packet as it was written.
    Handing(Box<Packet>),
    /// The owner of a message in it held or cancelled it a moment ago, another link took the packet over, or a budget does
    /// not allow a packet that no message pays for.
    Decided,
    /// The budget of the link is used up, or that of who pays for the mail of this message, which was to go along.
    OverBudget(Option<Id>),
}

/// Writes that a packet is being handed over, before its command leaves, with what it costs: that is booked for its link, and
/// reserved for a packet that no message pays for. Messages that cost more than their quote, as their mails go along, have
/// `bills`: they reserve that first. What is decided here cannot be taken back.
///
/// # Errors
/// When the store fails.
pub fn begin(
    context: &Context,
    packet: Packet,
    bills: Vec<(Id, Bill)>,
    flight: Option<Flight>,
) -> Result<Begun, Fault> {
    let (settings, now, links) = (context.store.settings(), context.now(), context.store.links());
    let (record, extent) = (links.get(packet.link), Extent { bytes: packet.air_bytes(), packets: 1 });
    let price = record.and_then(LinkRecord::price);
    let reserve = u64::try_from(settings.number(Key::BudgetReserve)).unwrap_or_default();
    let (budget, limits) = (record.map(|it| it.budget(reserve)).unwrap_or_default(), price::limits(&settings, []));
    let short = Arc::new(OnceLock::new());
    let first_short = Arc::clone(&short);
    let begun = context.store.write(move |tx| {
        let mut packet = packet.clone();
        // Another link may have taken it over.
        let known = tx.packet(packet.number)?;
        if known.is_none_or(|known| known.state != PacketState::Planned || known.link != packet.link) {
            return Ok(Begun::Decided);
        }
        let (mut wanted_back, mut waiting, mut urgent) = (false, 0, false);
        for id in &packet.messages {
            // One that has ended goes along with the others.
            let Some(live) = tx.live(*id)? else { continue };
            waiting += 1;
            urgent |= live.terms.priority == Priority::Urgent;
            wanted_back |= live.recall || live.state == State::Held;
        }
        // Once a part has left, the rest follows for the sake of the others.
        let begun = tx.group_of(&packet)?.iter().any(Packet::has_left);
        if (waiting == 0 && !packet.messages.is_empty()) || (wanted_back && (waiting == 1 || !begun)) {
            return Ok(Begun::Decided);
        }
        let Ok(charge) = tx.charge(packet.link, &budget, (price, extent), (urgent, now))? else {
            return Ok(Begun::OverBudget(None));
        };
        let money = charge.money;
        packet.charge = Some(charge);
        for (id, bill) in &bills {
            let Some(mut live) = tx.live(*id)? else { continue };
            if let Err(why) = tx.rebill(&mut live, Some(bill.clone()), now)? {
                // Then nothing of this is written: the others keep their bills as they were.
                let _ = first_short.set(*id);
                return reject(Fault::permanent(why.to_string()));
            }
            tx.change(*id, |message| message.bill.clone_from(&live.bill))?;
        }
        let extra = packet.is_extra();
        if let Some(place) = packet.peer.as_mut().filter(|place| extra && place.bill.is_none()) {
            let mut bill = Bill::own(Use::of_packets(1, money), limits.clone());
            if tx.reserve(&mut bill, now)?.is_err() {
                uncharge(tx, &mut packet)?;
                return Ok(if packet.mails.is_empty() { Begun::Decided } else { Begun::OverBudget(None) });
            }
            place.bill = Some(bill);
        }
        flight.as_ref().map_or(Ok(()), |flight| flight.note(tx, now))?;
        tx.put_packet(&packet)?;
        Ok(Begun::Handing(Box::new(packet)))
    });
    match begun {
        Err(fault) if fault.is_permanent() => short.get().map_or(Err(fault), |id| Ok(Begun::OverBudget(Some(*id)))),
        begun => begun,
    }
}

/// Writes that the link took a packet; its messages are on the link once all packets of the group are. False, and nothing is
/// written, for one that is in no hand-over of this link any more.
///
/// # Errors
/// When the store fails.
pub fn taken(context: &Context, packet: &Packet, reference: &Reference, how: Taken) -> Result<bool, Fault> {
    let (packet, reference, now) = (packet.clone(), reference.clone(), context.now());
    context.store.write(move |tx| {
        if !in_hands(tx, &packet)? {
            return Ok(false);
        }
        if let (Some(PacketState::Unknown(_)), Some(place)) =
            (tx.packet(packet.number)?.map(|known| known.state), &packet.peer)
        {
            session::change(tx, packet.far_box, |peer| {
                peer.returned(place.ticket, place.fragment);
            })?;
        }
        tx.put_packet(&packet)?;
        let group = tx.group_of(&packet)?;
        let all = group.iter().all(Packet::is_handed);
        let reason = LinkReason::Taken { how, part: Part::of(&packet), by: reference.clone() };
        for id in &packet.messages {
            let Some(live) = tx.live(*id)? else { continue };
            match all && live.state == State::Queued {
                true => tx.step(*id, now, State::OnLink, reason.clone(), 0, live.deadline)?,
                false => tx.step(*id, now, live.state, reason.clone(), 0, live.next)?,
            };
            stays_unclear(tx, &live, &group)?;
        }
        Ok(true)
    })
}

/// Writes that the link cannot tell whether it took a packet. Its messages are neither sent nor lost: the far box is asked.
///
/// # Errors
/// When the store fails.
pub fn unknown(context: &Context, packet: Packet, why: Reason) -> Result<(), Fault> {
    let links = context.store.links();
    let (now, rules) = (context.now(), session::rules_by(&context.store.settings(), links.get(packet.link)));
    context.store.write(move |tx| match in_hands(tx, &packet)? {
        true => mark_unknown(tx, packet.clone(), &rules, &why, now),
        false => Ok(()),
    })
}

/// The same within a transaction. Does nothing for a packet that is not being handed over.
pub(super) fn mark_unknown(
    tx: &mut Tx,
    mut packet: Packet,
    rules: &PeerRules,
    why: &Reason,
    now: Time,
) -> TxResult<()> {
    let PacketState::Handing(intent) = packet.state else { return Ok(()) };
    (packet.state, packet.at) = (PacketState::Unknown(intent), now);
    tx.put_packet(&packet)?;
    let mut asks = false;
    if let Some(place) = &packet.peer {
        session::change(tx, packet.far_box, |peer| {
            peer.unknown(rules, place.ticket, place.fragment, now.0);
            asks = peer.is_known();
        })?;
    }
    let all = tx.group_of(&packet)?.iter().all(Packet::is_handed);
    let reason = LinkReason::LeftUnknown { part: Part::of(&packet), why: Box::new(why.clone()), asks };
    for id in &packet.messages {
        let Some(live) = tx.live(*id)? else { continue };
        match all && live.state == State::Queued {
            true => tx.step(*id, now, State::OnLink, reason.clone(), 0, live.deadline)?,
            false => tx.step(*id, now, live.state, reason.clone(), 0, live.next)?,
        };
    }
    Ok(())
}

/// Writes that a packet left, and counts it; its messages are sent once all packets of the group are.
///
/// # Errors
/// When the store fails.
pub fn sent(context: &Context, packet: &Packet, how: Acknowledged) -> Result<(), Fault> {
    let (packet, now) = (packet.clone(), context.now());
    context.store.write(move |tx| match in_hands(tx, &packet)? {
        true => mark_sent(tx, packet.clone(), &how, now),
        false => Ok(()),
    })
}

/// Writes that the link acknowledged what it held under these references, in one commit; gives the packets. One of which
/// that is known, or which this box does not know, is passed over.
///
/// # Errors
/// When the store fails.
pub fn acknowledged(context: &Context, sent: Vec<(Reference, Acknowledged)>) -> Result<Vec<Packet>, Fault> {
    let (link, now) = (context.link(), context.now());
    context.store.write(move |tx| {
        let mut packets = Vec::new();
        for (reference, how) in &sent {
            let Some(packet) = tx.packet_at(link, reference)? else { continue };
            if matches!(packet.state, PacketState::Held(_)) {
                note_sent(tx, packet.clone(), how, now)?;
                packets.push(packet);
            }
        }
        // What is known of a far box is read and written once for all of its packets.
        let far_boxes: BTreeSet<_> =
            packets.iter().filter(|packet| packet.peer.is_some()).map(|packet| packet.far_box).collect();
        for far_box in far_boxes {
            let places = packets.iter().filter(|packet| packet.far_box == far_box).filter_map(|it| it.peer.as_ref());
            let sent = |peer: &mut Peer| places.for_each(|place| peer.sent(place.ticket, place.fragment, now.0));
            session::change(tx, far_box, sent)?;
        }
        Ok(packets)
    })
}

/// The same of one packet within a transaction. Does nothing for one without a reference.
pub(super) fn mark_sent(tx: &mut Tx, packet: Packet, how: &Acknowledged, now: Time) -> TxResult<()> {
    if let Some(place) = packet.peer.as_ref().filter(|_| packet.reference().is_some()) {
        session::change(tx, packet.far_box, |peer| peer.sent(place.ticket, place.fragment, now.0))?;
    }
    note_sent(tx, packet, how, now)
}

/// All of it but what the session has to know.
fn note_sent(tx: &mut Tx, mut packet: Packet, how: &Acknowledged, now: Time) -> TxResult<()> {
    let Some(reference) = packet.reference().cloned() else { return Ok(()) };
    packet.state = PacketState::Sent(reference);
    packet.at = now;
    packet.note = LinkReason::Acknowledged { part: None, how: how.clone() }.into();
    tx.put_packet(&packet)?;
    tx.packet_went(&packet)?;
    let group = tx.group_of(&packet)?;
    let done = group.iter().all(|packet| matches!(packet.state, PacketState::Sent(_)));
    let receipt = group.iter().any(|packet| packet.peer.as_ref().is_some_and(|place| place.receipt));
    if done {
        count_saved(tx, &packet.messages, group.len())?;
    }
    let reason = LinkReason::Acknowledged { part: Part::of(&packet), how: how.clone() };
    for (at, id) in packet.messages.iter().enumerate() {
        let Some(live) = tx.live(*id)? else { continue };
        // Messages share the packet: it is paid for once, and shown at the first.
        let packets = u32::from(at == 0);
        if !done || live.state == State::Sent {
            tx.step(*id, now, live.state, reason.clone(), packets, live.next)?;
            stays_unclear(tx, &live, &group)?;
            continue;
        }
        let until = receipt.then(|| now + session::LONGEST);
        tx.change(*id, |message| message.receipt_until = until)?;
        tx.step(*id, now, State::Sent, reason.clone(), packets, until.unwrap_or(Time::NEVER))?;
    }
    Ok(())
}

/// While nobody knows of one packet of a message whether it left, that is what its owner has to know, whatever becomes of
/// the others: the time line has that.
fn stays_unclear(tx: &mut Tx, before: &Message, group: &[Packet]) -> TxResult<()> {
    let unclear = group.iter().any(|packet| matches!(packet.state, PacketState::Unknown(_)));
    match unclear && before.reason.may_have_arrived() {
        true => tx.change(before.id, |message| message.reason = before.reason.clone()).map(drop),
        false => Ok(()),
    }
}

/// Counts what the messages of a group would have taken besides, each in classic packets of its own.
fn count_saved(tx: &mut Tx, messages: &[Id], packets: usize) -> TxResult<()> {
    let mut classic = 0;
    for id in messages {
        // A repeat saves nothing.
        let first = tx.live(*id)?.filter(|message| message.state != State::Sent);
        classic += first.and_then(|message| message.account).map_or(0, |account| account.classic_packets);
    }
    tx.packets_saved(classic.saturating_sub(packets))
}

/// Writes the packets of a group of which one at least is gone, and what becomes of its messages when none is open any
/// more. `unclear` says why they may have been sent all the same. Nothing is written where one was closed or taken over meanwhile.
///
/// # Errors
/// When the store fails.
pub fn close(context: &Context, group: &PacketGroup, unclear: Option<LinkReason>) -> Result<(), Fault> {
    let now = context.now();
    let mut resolved = Vec::new();
    for resolution in group.resolutions(unclear.as_ref(), now) {
        let bounce = match &resolution {
            Resolution::Ends(id, state, why) => {
                let message = group.messages.iter().find(|message| message.id == *id);
                message.map(|message| context.ending(message, *state, why.clone()))
            }
            Resolution::Cancelled(..) | Resolution::PlanAgain(_) => None,
        };
        bounce.iter().for_each(Bounce::log);
        resolved.push((resolution, bounce));
    }
    let (packets, unclear, policy) = (group.packets.clone(), unclear.is_some(), context.policy());
    context.store.write(move |tx| {
        if any_stale(tx, &packets)? {
            return Ok(());
        }
        for packet in &packets {
            let was_open = tx.packet(packet.number)?.is_some_and(|known| known.is_open());
            tx.put_packet(packet)?;
            if was_open && !packet.is_open() {
                tell_gone(tx, packet, unclear, now)?;
            }
        }
        resolved.iter().try_for_each(|(resolution, bounce)| {
            if let (Resolution::Ends(id, ..), true) = (resolution, unclear) {
                may_arrive(tx, *id, &packets, now)?;
            }
            resolve(tx, &policy, resolution, bounce.as_ref(), &packets, now)
        })
    })
}

/// A message ends of which nobody knows whether it left: a receipt that comes late still counts.
fn may_arrive(tx: &mut Tx, id: Id, packets: &[Packet], now: Time) -> TxResult<()> {
    let Some(packet) = packets.iter().find(|packet| packet.peer.as_ref().is_some_and(|place| place.receipt)) else {
        return Ok(());
    };
    session::change(tx, packet.far_box, |peer| peer.give_up(id.0, now.0))?;
    tx.live(id)?
        .map_or(Ok(()), |_| tx.change(id, |message| message.receipt_until = Some(now + session::LONGEST)).map(drop))
}

/// A packet will not be sent, or may have been: then it is paid for. What certainly does not leave costs nothing; the
/// session hears of it.
fn tell_gone(tx: &mut Tx, packet: &Packet, unclear: bool, now: Time) -> TxResult<()> {
    // What never reached the link has certainly not left, whatever the others did.
    let unclear = unclear && packet.state != PacketState::Gone(GoneReason::Dropped);
    if unclear {
        tx.packet_went(packet)?;
    }
    tx.settle(&packet.messages)?;
    if !unclear {
        let mut packet = packet.clone();
        uncharge(tx, &mut packet)?;
        release(tx, &mut packet);
        tx.put_packet(&packet)?;
    }
    let Some(place) = &packet.peer else { return Ok(()) };
    session::change(tx, packet.far_box, |peer| match unclear {
        true => peer.sent(place.ticket, place.fragment, now.0),
        false => peer.lost(place.ticket, place.fragment, now.0),
    })
}

fn resolve(
    tx: &mut Tx,
    policy: &Policy,
    resolution: &Resolution,
    bounce: Option<&Bounce>,
    packets: &[Packet],
    now: Time,
) -> TxResult<()> {
    // The far box of the session that the packets belong to, if they belong to one.
    let session = packets.iter().find(|packet| packet.peer.is_some()).map(|packet| packet.far_box);
    let forget =
        |tx: &mut Tx, id: Id| session.map_or(Ok(()), |device| session::change(tx, device, |peer| peer.forget(id.0)));
    match resolution {
        Resolution::Ends(id, ..) => {
            if tx.live(*id)?.is_none_or(|live| live.receipt_until.is_none()) {
                forget(tx, *id)?;
            }
            bounce.map_or(Ok(()), |bounce| bounce.apply(tx, now))
        }
        Resolution::Cancelled(id, why) => {
            forget(tx, *id)?;
            let Some(live) = tx.live(*id)? else { return Ok(()) };
            let why = if outcome::copy_may_arrive(&live) { &LinkReason::RestWithdrawn } else { why };
            tx.step(*id, now, State::Cancelled, why.clone(), 0, Time::NEVER).map(drop)
        }
        Resolution::PlanAgain(id) => {
            let mut goes_on = false;
            session.map_or(Ok(()), |device| session::change(tx, device, |peer| goes_on = peer.carries(id.0)))?;
            match (goes_on, tx.live(*id)?) {
                (true, Some(live)) => {
                    tx.step(*id, now, State::OnLink, LinkReason::PieceAgain, 0, live.deadline).map(drop)
                }
                _ => waits_again(tx, policy, *id, &LinkReason::Regrouped.into(), now),
            }
        }
    }
}

/// Removes the packets of a group, none of which has reached the link: its messages wait for another plan, with this
/// reason.
///
/// # Errors
/// When the store fails.
pub fn unplan(context: &Context, group: &PacketGroup, why: &Reason) -> Result<(), Fault> {
    let (packets, why, now) = (group.packets.clone(), why.clone(), context.now());
    let messages: Vec<_> = group.messages.iter().map(|message| message.id).collect();
    let policy = context.policy();
    context.store.write(move |tx| {
        if any_stale(tx, &packets)? {
            return Ok(());
        }
        packets.iter().try_for_each(|packet| tx.drop_packet(packet))?;
        messages.iter().try_for_each(|id| waits_again(tx, &policy, *id, &why, now))
    })
}
