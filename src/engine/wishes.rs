//! What an owner may wish of a message that waits.

use crate::clock::Time;
use crate::fault::Fault;
use crate::message::{Id, State};
use crate::store::{Store, said};

fn wish(
    store: &Store,
    id: Id,
    who: &str,
    from: &'static [State],
    to: State,
    words: &'static str,
) -> Result<String, Fault> {
    let (now, cause) = (store.clock().now(), format!("{words} by {who}"));
    store.write(move |tx| {
        let message = tx.message(id)?;
        if !from.contains(&message.state) {
            return said(Fault::permanent(format!("{id} is {}: it cannot be {words}", message.state.words())));
        }
        let next = if to == State::Queued { now } else { Time::NEVER };
        tx.step(id, now, to, &cause, 0, next)?;
        if from == [State::Held] {
            tx.change(id, |message| message.released = true)?;
        }
        Ok(format!("{id} is {words}"))
    })
}

/// Holds a message that waits.
///
/// # Errors
/// Permanent when it does not wait.
pub fn hold(store: &Store, id: Id, who: &str) -> Result<String, Fault> {
    wish(store, id, who, &[State::Queued], State::Held, "held")
}

/// Releases a held message.
///
/// # Errors
/// Permanent when it is not held.
pub fn release(store: &Store, id: Id, who: &str) -> Result<String, Fault> {
    wish(store, id, who, &[State::Held], State::Queued, "released")
}

/// Cancels a message that has not left.
///
/// # Errors
/// Permanent when it left already.
pub fn cancel(store: &Store, id: Id, who: &str) -> Result<String, Fault> {
    wish(store, id, who, &[State::Held, State::Queued, State::OnModem], State::Cancelled, "cancelled")
}

/// Makes a waiting message due now.
///
/// # Errors
/// Permanent when it does not wait.
pub fn retry(store: &Store, id: Id, who: &str) -> Result<String, Fault> {
    wish(store, id, who, &[State::Queued], State::Queued, "made due")
}
