//! Works on records one by one: one that cannot be read, or with which nothing can be done, stops nothing else (promise 6).

use crate::engine::{Context, relay};
use crate::fault::Fault;
use crate::message::{Id, Message, Packet, Reason, State};

/// Works on one message. A fault of its own goes back to its sender; a record that cannot even be read is quarantined.
///
/// # Errors
/// Faults that are not the message's: of the store, of the link.
pub fn message(
    context: &Context,
    item: Result<Message, (Id, Reason)>,
    work: impl FnOnce(&Message) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let message = match item {
        Ok(message) => message,
        Err((id, why)) => return relay::set_aside(context, id, why),
    };
    match work(&message) {
        Err(fault) if fault.is_permanent() => {
            log::error!("{}: {fault}", message.id);
            let given_back = context.give_back(&message, State::Returned, &fault);
            given_back.or_else(|_| relay::set_aside(context, message.id, fault.reason().clone()))
        }
        done => done,
    }
}

/// Works on one packet. If its records are in the way it is quarantined, and its messages go back to their senders; false
/// then: the link may hold fewer packets than was counted.
///
/// # Errors
/// Faults that are not the packet's: of the store, of the link.
pub fn packet(
    context: &Context,
    item: Result<Packet, (u64, Reason)>,
    work: impl FnOnce(Packet) -> Result<(), Fault>,
) -> Result<bool, Fault> {
    let (number, why) = match item {
        Err(unreadable) => unreadable,
        Ok(packet) => {
            let number = packet.number;
            match work(packet) {
                Err(fault) if fault.is_permanent() => (number, fault.reason().clone()),
                done => return done.map(|()| true),
            }
        }
    };
    log::error!("packet {number} is in quarantine: {why}");
    let (words, now) = (why.clone(), context.now());
    for id in context.store.write(move |tx| tx.set_aside_packet(number, words.clone(), now))? {
        // One that cannot be read is quarantined when it is due.
        if let Ok(Some(message)) = context.store.message(id) {
            context.give_back(&message, State::Returned, why.clone())?;
        }
    }
    Ok(false)
}
