//! Looks after what no other worker looks at: held messages and their deadlines, messages for a link that is not there,
//! parts that will not be complete, what has grown old, and a clock that became believable.

use std::time::Duration;

use super::link::inbound;
use super::{Context, actions, relay};
use crate::clock::Time;
use crate::fault::Fault;
use crate::message::reason::{ActionReason, LinkReason};
use crate::message::{Id, Message, PacketState, State, Way};
use crate::settings::Key;
use crate::store::{Queue, TextState};

/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(20);
/// Rounds between two clean-ups.
const CLEAN_UP: u32 = 180;
/// Rounds between two looks whether messages can be read, and how many are looked at: a store of 100,000 in a day.
const VERIFY: u32 = 3;
const VERIFY_MOST: usize = 100;
/// A packet that the modem may hold is given up this long after its deadline if the modem never came back.
const GRACE: Duration = Duration::from_secs(86_400);
/// Inbound keys are kept this long: the ids of a modem repeat after a year.
const REMEMBER: Duration = Duration::from_secs(200 * 86_400);
/// Messages looked at, or removed, in one go.
const BATCH: usize = 200;

/// The worker: returns when the box stops.
///
/// # Errors
/// When the store fails; the house starts it again.
pub fn run(context: &Context) -> Result<(), Fault> {
    let (_never, nothing) = smol::channel::bounded(1);
    let (mut rounds, mut verified) = (0, Id(0));
    while !context.stopping() {
        follow_clock(context)?;
        held(context)?;
        waiting_for_link(context)?;
        wanted_by_now(context)?;
        lost_on_modem(context)?;
        unconfirmed(context)?;
        if rounds % CLEAN_UP == 0 {
            // One bad record stops the clean-up of this round only.
            for done in [inbound::give_up_on_parts(context), clean_up(context)] {
                if let Err(fault) = done {
                    log::warn!("clean-up: {fault}");
                }
            }
        }
        if rounds % VERIFY == 0 {
            verified = verify(context, verified)?;
        }
        rounds += 1;
        let next = context.store.read(|view| view.next_due(Queue::Held))?;
        context.rest(&nothing, context.until(next, ROUND).max(Duration::from_millis(500)));
    }
    Ok(())
}

/// Looks whether messages can be read; one that cannot is set aside, with its bytes, and counted. Gives where to go on.
fn verify(context: &Context, from: Id) -> Result<Id, Fault> {
    let found = context.store.read(|view| view.unreadable(from, VERIFY_MOST))?;
    for (id, why) in found.messages {
        relay::set_aside(context, id, &why)?;
    }
    Ok(found.next.unwrap_or(Id(0)))
}

/// Held messages: the sender hears of it in time, and nothing is held for ever.
fn held(context: &Context) -> Result<(), Fault> {
    let now = context.now();
    for item in context.store.read(|view| view.due(Queue::Held, now, BATCH))? {
        match item {
            Err((id, why)) => relay::set_aside(context, id, &why)?,
            Ok(message) => look_at(context, &message)?,
        }
    }
    Ok(())
}

/// Messages that wait for a link, of each priority oldest first: the ones whose time has come stand in front.
fn waiting_for_link(context: &Context) -> Result<(), Fault> {
    for part in [Queue::LinkUrgent, Queue::Link, Queue::LinkBulk] {
        waiting_in(context, part)?;
    }
    Ok(())
}

fn waiting_in(context: &Context, part: Queue) -> Result<(), Fault> {
    let now = context.now();
    for item in context.store.read(|view| view.due(part, now, BATCH))? {
        match item {
            Err((id, why)) => relay::set_aside(context, id, &why)?,
            Ok(message) => {
                let notice_due = !message.delay_told
                    && message.automatic.is_none()
                    && now >= message.accepted + context.store.settings().span(Key::QueueDelayNotice);
                if now >= message.deadline {
                    over(context, &message)?;
                } else if notice_due {
                    look_at(context, &message)?;
                } else {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// A message for the link whose time is over goes back, unless the link may have a part of it.
fn over(context: &Context, message: &Message) -> Result<(), Fault> {
    let packets = context.store.read(|view| view.packets_of(message.id))?;
    // Of a plan that waits for the link nothing has reached it: it is dropped when its messages are over.
    if packets.iter().all(|packet| matches!(packet.state, PacketState::Planned | PacketState::Gone(_))) {
        return look_at(context, message);
    }
    if context.now() < message.deadline + GRACE {
        return Ok(());
    }
    context.give_back(message, State::Expired, LinkReason::NotSeenSince { part: true })
}

/// Messages that were wanted by a time stand in their queues in other orders than that of their times.
fn wanted_by_now(context: &Context) -> Result<(), Fault> {
    let now = context.now();
    for item in context.store.read(|view| view.due(Queue::Timed, now, BATCH))? {
        match item {
            Ok(message) if message.state == State::Queued && message.way == Way::Link => over(context, &message)?,
            Ok(message) if message.state == State::Queued && message.way == Way::Carrier => {
                let text = context.store.read(|view| view.text(message.id))?;
                // What the carrier may have is settled first.
                if !text.is_some_and(|text| matches!(text.state, TextState::Handing)) {
                    look_at(context, &message)?;
                }
            }
            // The others are looked at in their own queues when they are due; the link knows when its packets are.
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

fn look_at(context: &Context, message: &Message) -> Result<(), Fault> {
    if context.now() >= message.deadline {
        return context.give_back(message, State::Expired, message.reason.clone());
    }
    if message.state == State::Held
        && message.bill.as_ref().is_some_and(|bill| bill.short)
        && afforded(context, message)?
    {
        return Ok(());
    }
    let place = message.next;
    context.wait_on(message, message.reason.clone())?;
    if message.state == State::Queued {
        // In the queue of the link the next look is also the place in the line, which it must not lose.
        let id = message.id;
        context.store.write(move |tx| tx.change(id, |message| message.next = place).map(drop))?;
    }
    Ok(())
}

/// A message that a budget kept back goes on once there is room: in a new month, or in a larger budget.
fn afforded(context: &Context, message: &Message) -> Result<bool, Fault> {
    let (policy, now, message) = (context.policy(), context.now(), message.clone());
    let freed = context.store.write(move |tx| {
        if tx.live(message.id)?.is_none_or(|live| live.state != State::Held) {
            return Ok(());
        }
        actions::freed(tx, &policy, &message, ActionReason::Afforded, now)
    });
    match freed {
        Ok(()) => Ok(true),
        Err(fault) if fault.is_permanent() => Ok(false),
        Err(fault) => Err(fault),
    }
}

/// Messages that a modem took which never came back.
fn lost_on_modem(context: &Context) -> Result<(), Fault> {
    let now = context.now();
    for item in context.store.read(|view| view.due(Queue::OnLink, now - GRACE, BATCH))? {
        match item {
            Err((id, why)) => relay::set_aside(context, id, &why)?,
            Ok(message) if now >= message.deadline + GRACE => {
                context.give_back(&message, State::Expired, LinkReason::NotSeenSince { part: false })?;
            }
            Ok(_) => {}
        }
    }
    Ok(())
}

/// Messages that are sent, and of which the far box was expected to say that it has them.
fn unconfirmed(context: &Context) -> Result<(), Fault> {
    let now = context.now();
    for item in context.store.read(|view| view.due(Queue::Receipt, now, BATCH))? {
        match item {
            Err((id, why)) => relay::set_aside(context, id, &why)?,
            Ok(message) if message.receipt_until.is_some_and(|until| now >= until) => {
                context.give_back(&message, State::Expired, LinkReason::Unconfirmed)?;
            }
            Ok(message) => {
                let (id, until) = (message.id, message.receipt_until.unwrap_or(Time::NEVER));
                context.store.write(move |tx| tx.change(id, |message| message.next = until).map(drop))?;
            }
        }
    }
    Ok(())
}

fn clean_up(context: &Context) -> Result<(), Fault> {
    let (now, settings) = (context.now(), context.store.settings());
    let before = |key| {
        let days = u64::try_from(settings.number(key)).unwrap_or(u64::MAX);
        now - Duration::from_secs(days.saturating_mul(86_400))
    };
    let limit = before(Key::KeepDays);
    let (events, audit) = (before(Key::KeepEvents), before(Key::KeepAudit));
    let (samples, aside) = (before(Key::KeepSamples), before(Key::KeepQuarantine));
    while !context.stopping() && context.store.write(move |tx| tx.prune(limit, BATCH))? == BATCH {}
    context.store.write(move |tx| {
        tx.set_aside_parts(now)?;
        tx.prune_packets(limit)?;
        tx.forget_before(now - REMEMBER)?;
        tx.drop_samples_before(samples)?;
        tx.drop_events_before(events)?;
        tx.drop_audit_before(audit)?;
        tx.drop_aside_before(aside)
    })
}

/// When the clock was set ahead, moves the times of waiting messages along before anybody sees the new time.
fn follow_clock(context: &Context) -> Result<(), Fault> {
    let clock = context.store.clock();
    let Some(leap) = clock.leap() else { return Ok(()) };
    let moved = context.store.write(move |tx| tx.shift_doubtful(leap.by, leap.since))?;
    clock.settle(leap);
    log::warn!("the clock was set ahead by {} s: times of {moved} waiting messages moved with it", leap.by.as_secs());
    Ok(())
}
