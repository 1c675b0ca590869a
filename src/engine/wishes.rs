//! What the owner may do to a message: hold, release, cancel, try again. Each wish is one commit; the workers see it
//! at once.

use crate::clock::Time;
use crate::fault::Fault;
use crate::message::{Id, Message, Packet, State, Way};
use crate::route::choose::{Measure, World};
use crate::store::{Outcome, Store, Tx, said};

/// Takes a waiting message out of its queue until it is released.
///
/// # Errors
/// Permanent, with the reason, when it is too late for that.
pub fn hold(store: &Store, id: Id, who: &str) -> Result<String, Fault> {
    let (cause, now) = (format!("held by {who}"), store.clock().now());
    let world = World { people: store.people(), settings: store.settings(), measure: Measure::default() };
    store.write(move |tx| {
        let message = waiting(tx, id)?;
        if touched(tx, id)? {
            return said(Fault::permanent(format!("{id} cannot be held: the link has a part of it already")));
        }
        let look = world.next_look(&message, Time::NEVER);
        tx.step(id, now, State::Held, &cause, 0, look).map(drop)
    })?;
    Ok(format!("{id} is held"))
}

/// Lets a held message go, whatever held it; it gets its full time anew.
///
/// # Errors
/// Permanent when it is not held.
pub fn release(store: &Store, id: Id, who: &str) -> Result<String, Fault> {
    let (cause, now) = (format!("released by {who}"), store.clock().now());
    let world = World { people: store.people(), settings: store.settings(), measure: Measure::default() };
    store.write(move |tx| {
        let message = tx.message(id)?;
        freed(tx, &world, &message, &cause, now)
    })?;
    Ok(format!("{id} is released"))
}

/// Lets a held message into its queue, if its budget allows it.
pub(super) fn freed(tx: &mut Tx, world: &World, message: &Message, cause: &str, now: Time) -> Outcome<()> {
    let id = message.id;
    if message.state != State::Held {
        return said(Fault::permanent(format!("{id} is {}, not held", message.state.words())));
    }
    let mut bill = world.bill(message, &world.choose(&message.to), super::max_payload(&world.settings));
    if let Some(bill) = &mut bill
        && let Err(why) = tx.charge(bill, now)?
    {
        return said(Fault::Permanent(format!("{why}: it waits for a larger budget or the next month")));
    }
    // In the queue first: what a held message was billed is given back.
    tx.step(id, now, State::Queued, cause, 0, now)?;
    tx.change(id, |message| {
        message.bill = bill;
        message.released = true;
        message.deadline = now + message.deadline.since(message.accepted);
    })?;
    Ok(())
}

/// Releases a held letter of a stranger and lets them write from now on.
///
/// # Errors
/// Permanent when it is not held, or its sender or reader cannot be on such a list.
pub fn allow(store: &Store, id: Id, who: &str) -> Result<String, Fault> {
    let (cause, now) = (format!("released by {who}, who lets its sender write"), store.clock().now());
    let world = World { people: store.people(), settings: store.settings(), measure: Measure::default() };
    let sender = store.write(move |tx| {
        let message = tx.message(id)?;
        let reader = message.to.mailbox().map(|to| tx.person(&to.person())).transpose()?.flatten();
        let (Some(from), Some(mut person)) = (message.from.mailbox(), reader) else {
            return said(Fault::permanent(format!("{id} has no sender and reader for whom there are lists")));
        };
        let listed = format!("{} {from}", person.allow);
        listed.trim_start().clone_into(&mut person.allow);
        let sender = from.to_string();
        freed(tx, &world, &message, &cause, now)?;
        tx.put_person(&person).map(|()| sender)
    })?;
    Ok(format!("{id} is released, and {sender} may write from now on"))
}

/// Takes a message back. What the link holds but has not sent is withdrawn by the link's worker.
///
/// # Errors
/// Permanent when it is final already.
pub fn cancel(store: &Store, id: Id, who: &str) -> Result<String, Fault> {
    let (cause, now) = (format!("cancelled by {who}"), store.clock().now());
    store.write(move |tx| {
        let message = waiting(tx, id)?;
        if touched(tx, id)? {
            tx.change(id, |message| message.recall = true)?;
            tx.step(id, now, message.state, &format!("{cause}: being withdrawn from the link"), 0, message.next)?;
            ask_now(tx, id, now)?;
            return Ok(format!("{id} is being withdrawn from the link; if it was sent already, its page will say so"));
        }
        tx.step(id, now, State::Cancelled, &cause, 0, Time::NEVER)?;
        Ok(format!("{id} is cancelled"))
    })
}

/// Makes the next try of a waiting message due now.
///
/// # Errors
/// Permanent when nothing can be tried again.
pub fn retry(store: &Store, id: Id, who: &str) -> Result<String, Fault> {
    let (cause, now) = (format!("tried again by {who}"), store.clock().now());
    store.write(move |tx| {
        let message = waiting(tx, id)?;
        if message.state == State::Held {
            return said(Fault::permanent(format!("{id} is held: release it instead")));
        }
        let next = if message.way == Way::Link { message.next } else { now };
        ask_now(tx, id, now)?;
        tx.change(id, |message| message.urgent = true)?;
        tx.step(id, now, message.state, &cause, 0, next).map(drop)
    })?;
    Ok(format!("{id} is tried again now"))
}

fn waiting(tx: &Tx, id: Id) -> Outcome<Message> {
    let message = tx.message(id)?;
    if !State::HERE.contains(&message.state) {
        return said(Fault::permanent(format!("{id} is {} already", message.state.words())));
    }
    Ok(message)
}

/// True when a packet of the message is, or may be, on a link, or is about to be.
fn touched(tx: &Tx, id: Id) -> Outcome<bool> {
    Ok(tx.packets_of(id)?.iter().any(Packet::is_open))
}

/// Has the link asked after the packets of the message at once.
fn ask_now(tx: &mut Tx, id: Id, now: Time) -> Outcome<()> {
    let numbers: Vec<_> = tx.packets_of(id)?.iter().map(|packet| packet.number).collect();
    tx.ask_later(&numbers, now)?;
    tx.wake(Way::Link);
    Ok(())
}
