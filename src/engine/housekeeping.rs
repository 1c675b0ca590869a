//! Looks after what no other worker looks at: held messages and their deadlines, messages for a link that is not there,
//! parts that will not be complete, what has grown old, and a clock that was set.

use std::time::Duration;

use super::judge::{self, HeldMessages};
use super::link::{inbound, removed};
use super::{Context, full_mailboxes, relay};
use crate::clock::Time;
use crate::fault::Fault;
use crate::message::events::EventKind;
use crate::message::reason::LinkReason;
use crate::message::{Id, Message, PacketState, State, Way};
use crate::settings::Key;
use crate::store::mailbox::TRASH_DAYS;
use crate::store::{Event, Queue, TextState};

/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(20);
/// Rounds between two clean-ups.
const CLEAN_UP: u32 = 180;
/// Rounds until what could not be written out of the file is tried again.
const WRITE_OUT: u32 = 30;
/// Rounds between two looks whether messages can be read, and how many are looked at: a store of 100,000 in a day.
const VERIFY: u32 = 3;
const VERIFY_MOST: usize = 100;
/// A packet that the modem may hold is given up this long after its deadline if the modem never came back.
const GRACE: Duration = Duration::from_secs(86_400);
/// Inbound keys are kept this long: the ids of a modem repeat after a year.
const REMEMBER: Duration = Duration::from_secs(200 * 86_400);
/// What a link cost on a day is kept this long.
const CHARGES: Duration = Duration::from_secs(40 * 86_400);
/// What a restore or a repair put aside is kept this long.
pub const PUT_ASIDE: Duration = Duration::from_secs(30 * 86_400);
/// Messages looked at, or removed, in one go.
const BATCH: usize = 200;

/// The worker: returns when the box stops.
///
/// # Errors
/// When the store fails; the supervisor starts it again.
pub fn run(context: &Context) -> Result<(), Fault> {
    // Nothing waits for a mailbox: what wakes this way is a change of people or rules.
    let (_waker, changed) = context.store.wake_on(Way::Mailbox);
    let mut judged = HeldMessages::default();
    let (mut rounds, mut write_out, mut verified) = (0, 0, Id(0));
    while !context.stopping() {
        follow_clock(context)?;
        judged.judge(context)?;
        held(context)?;
        timed(context)?;
        lost_on_modem(context)?;
        unconfirmed(context)?;
        removed::look_after(context)?;
        for id in context.store.read(|view| view.to_report(BATCH))? {
            context.report_success(id)?;
        }
        if rounds % CLEAN_UP == 0 {
            // One bad record stops the clean-up of this round only.
            for done in [
                inbound::give_up_on_parts(context),
                clean_up(context),
                full_mailboxes::tell(context),
                old_wholes(context),
            ] {
                if let Err(fault) = done {
                    log::warn!("clean-up: {fault}");
                }
            }
        }
        if rounds >= write_out
            && let Err(fault) = context.store.write_out_erased()
        {
            log::warn!("what was erased is still in unused parts of the file, tried again in ten minutes: {fault}");
            write_out = rounds + WRITE_OUT;
        }
        // At each round, as the box has to be idle at that moment.
        if let Err(fault) = context.store.rewrite_if_worth() {
            log::warn!("the file of the store stays as long as it is: {fault}");
        }
        if rounds % VERIFY == 0 {
            verified = verify(context, verified)?;
        }
        rounds += 1;
        let next = context.store.read(|view| view.next_due(Queue::Held))?;
        context.rest(&changed, context.until(next, ROUND).max(Duration::from_millis(500)));
    }
    Ok(())
}

/// What came of whole mails whose messages never came is removed.
fn old_wholes(context: &Context) -> Result<(), Fault> {
    context.store.sweep_wholes(context.now()).map_err(Fault::temporary)
}

/// Looks whether messages can be read; one that cannot is set aside, with its bytes, and counted. Gives where to go on.
fn verify(context: &Context, from: Id) -> Result<Id, Fault> {
    let found = context.store.read(|view| view.unreadable(from, VERIFY_MOST))?;
    for (id, why) in found.messages {
        relay::set_aside(context, id, why)?;
    }
    Ok(found.next.unwrap_or(Id(0)))
}

/// Held messages: the sender hears of it in time, and nothing is held for ever.
pub(super) fn held(context: &Context) -> Result<(), Fault> {
    let now = context.now();
    for item in context.store.read(|view| view.due(Queue::Held, now, BATCH))? {
        match item {
            Err((id, why)) => relay::set_aside(context, id, why)?,
            Ok(message) => look_at(context, &message)?,
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
    overdue(context, message, true)
}

/// A message whose time is over while the link may have it is given up when the link was not seen for long.
fn overdue(context: &Context, message: &Message, part: bool) -> Result<(), Fault> {
    let (id, state, now, until) = (message.id, message.state, context.now(), message.deadline + GRACE);
    if now >= until {
        return context.give_back(message, State::Expired, LinkReason::NotSeenSince { part });
    }
    context.store.write(move |tx| match tx.live(id)?.filter(|live| live.state == state) {
        Some(_) => tx.explain(id, now, &LinkReason::Overdue.into(), until),
        None => Ok(()),
    })
}

/// Messages for the link by the next look at them, and others that were wanted by a time.
pub(super) fn timed(context: &Context) -> Result<(), Fault> {
    let now = context.now();
    for item in context.store.read(|view| view.due(Queue::Timed, now, BATCH))? {
        match item {
            Ok(message) if message.state == State::Queued && message.way == Way::Link => {
                if now >= message.deadline {
                    over(context, &message)?
                } else {
                    look_at(context, &message)?
                }
            }
            Ok(message) if message.state == State::Queued && message.way == Way::Carrier => {
                let text = context.store.read(|view| view.text(message.id))?;
                // What the carrier may have is settled first.
                if !text.is_some_and(|text| matches!(text.state, TextState::Handing)) {
                    look_at(context, &message)?;
                }
            }
            Ok(_) => {}
            // Its own queue has no time at which it would be found.
            Err((id, why)) => relay::set_aside(context, id, why)?,
        }
    }
    Ok(())
}

fn look_at(context: &Context, message: &Message) -> Result<(), Fault> {
    let short = message.state == State::Held && message.bill.as_ref().is_some_and(|bill| bill.short);
    if short && judge::afforded(context, message)? {
        return Ok(());
    }
    // Its time may stand still, and its reason is that of now.
    let Some(message) = context.store.message(message.id)? else { return Ok(()) };
    if context.now() >= message.deadline {
        return context.give_back(&message, State::Expired, message.reason.clone());
    }
    context.wait_on(&message, message.reason.clone())
}

/// Messages that a modem took which never came back.
fn lost_on_modem(context: &Context) -> Result<(), Fault> {
    let now = context.now();
    for item in context.store.read(|view| view.due(Queue::OnLink, now, BATCH))? {
        match item {
            Err((id, why)) => relay::set_aside(context, id, why)?,
            Ok(message) => overdue(context, &message, false)?,
        }
    }
    Ok(())
}

/// Messages that are sent, and of which the far box was expected to say that it has them.
fn unconfirmed(context: &Context) -> Result<(), Fault> {
    let now = context.now();
    for item in context.store.read(|view| view.due(Queue::Receipt, now, BATCH))? {
        match item {
            Err((id, why)) => relay::set_aside(context, id, why)?,
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

/// What is old enough goes.
pub(super) fn clean_up(context: &Context) -> Result<(), Fault> {
    let (now, settings) = (context.now(), context.store.settings());
    let before = |key| {
        let days = u64::try_from(settings.number(key)).unwrap_or(u64::MAX);
        now - Duration::from_secs(days.saturating_mul(86_400))
    };
    let limit = before(Key::KeepDays);
    let (events, audit) = (before(Key::KeepEvents), before(Key::KeepAudit));
    context.store.drop_put_aside_before(now - PUT_ASIDE);
    let (samples, aside) = (before(Key::KeepSamples), before(Key::KeepQuarantine));
    let day = context.store.day_of(now - CHARGES);
    let trash = now - Duration::from_secs(TRASH_DAYS * 86_400);
    while !context.stopping() && context.store.write(move |tx| tx.empty_trash(trash, BATCH))? == BATCH {}
    let mut from = Some(Id(0));
    while let Some(next) = from.filter(|_| !context.stopping()) {
        from = context.store.write(move |tx| tx.prune(next, limit, BATCH))?.1;
    }
    context.store.write(move |tx| {
        tx.set_aside_parts(now)?;
        tx.prune_packets(limit)?;
        tx.forget_before(now - REMEMBER)?;
        tx.drop_samples_before(samples)?;
        tx.drop_charges_before(&day)?;
        tx.drop_events_before(events)?;
        tx.drop_audit_before(audit)?;
        tx.drop_aside_before(aside)
    })
}

/// When the clock was set, moves what is written down along before anybody sees the new time.
fn follow_clock(context: &Context) -> Result<(), Fault> {
    let Some(set) = context.store.clock().set() else { return Ok(()) };
    let event = EventKind::ClockSet { seconds: set.by / 1000 };
    let happened = Event { at: set.now, part: "clock".to_owned(), link: None, kind: event.clone(), alarm: true };
    let moved = context.store.write(move |tx| {
        let moved = tx.clock_was_set(set)?;
        tx.event(&happened).map(|()| moved)
    })?;
    log::warn!("{event}; {moved} waiting messages moved with it, and it is {} now", context.now());
    Ok(())
}
