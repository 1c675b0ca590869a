//! What a modem that works in sessions says of them, and of the messages in them.

use serde::{Deserialize, Serialize};

/// A fact about sessions of a satellite modem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum SessionReason {
    /// A session with the gateway runs.
    Running,
    /// No session came about, and it is tried again later.
    Failed {
        /// The status of the last one (MAN0009).
        status: u8,
        /// How many failed in a row.
        tries: u32,
    },
    /// The gateway never takes this message.
    NeverTaken {
        /// MO status that ended the session (MAN0009).
        status: u8,
    },
    /// Somebody has to look.
    NeedsOwner {
        /// MO status that ended the session (MAN0009).
        status: u8,
        /// The firmware, where the modem names it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        firmware: Option<String>,
    },
    /// The modem takes messages, and one that waits at the gateway is too large for it.
    TooLargeWaits,
    /// The modem takes messages; one that the network announced is not fetched, as the budget of the link is used up.
    NoBudget,
    /// The slot of what goes up could not be emptied: no session may begin.
    NotCleared,
    /// A message of the modem could not be read.
    Unread,
    /// The modem's counter of sessions stands where it stood before the hand-over: it was not sent.
    CounterStands,
    /// It was taken out of the modem before a session.
    SlotCleared,
    /// The modem lost its power before a session.
    SlotLost,
    /// The modem's counter tells of sessions that this box does not know.
    CounterMoved,
    /// The modem does not tell its counter.
    NoCounter,
    /// The result of its session never came.
    ResultLost,
    /// It begins with bytes that the service would read as an order to pass it on.
    Forwards,
}
