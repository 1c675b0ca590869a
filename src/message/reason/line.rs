//! What a link over the internet says of its line, and of packets on it.

use serde::{Deserialize, Serialize};

use crate::clock::Time;

/// The state of a line, or why a packet on it is where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum LineReason {
    /// The link was not set up yet.
    Starting,
    /// No other box is paired.
    NotPaired,
    /// The address of the far box is set, and its key is not known.
    NoKey,
    /// Other boxes call this one.
    Called {
        /// How many of them are connected.
        connected: usize,
        /// How many boxes are paired with this one.
        paired: usize,
        /// Thousands of bytes today, about.
        kilobytes: u64,
    },
    /// The far box is connected.
    Up {
        /// Name of the far box.
        name: String,
        /// Thousands of bytes today, about.
        kilobytes: u64,
    },
    /// The far box is being called.
    Calling {
        /// Name of the far box.
        name: String,
        /// Where it is called, `host:port`.
        address: String,
    },
    /// The far box is called when there is something to carry.
    OnDemand {
        /// Name of the far box.
        name: String,
        /// Where it is called, `host:port`.
        address: String,
    },
    /// The budget for the bytes of the line is used up.
    BudgetUsed {
        /// Until then it is called for urgent messages only.
        until: Time,
    },
    /// There is no connection.
    Down {
        /// How the last call ended.
        why: CallFailure,
    },
    /// The link works with other boxes, and this is for none of them.
    NoSuchBox,
    /// The far box went away a moment ago.
    WentAway,
    /// The far box does not have the packet.
    NotThere,
    /// The far box tells once it is connected.
    TellsLater,
    /// It is written, and may be there at any moment.
    OnItsWay,
    /// The far box will never take the packet.
    Refused {
        /// Its reason, as it says it: 1 too large, 2 unreadable, 3 blocked.
        code: u8,
    },
    /// The link has no console: nothing can be said to it by hand.
    NoConsole,
}

/// Why there is no connection to a far box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "failure", rename_all = "snake_case")]
pub enum CallFailure {
    /// Its name was not found.
    Unresolved {
        /// What the system says.
        why: String,
    },
    /// Nobody answers at the address and port.
    Unreachable {
        /// What the system says.
        why: String,
    },
    /// Another key than the known one.
    OtherKey,
    /// What answers is no box.
    SomethingElse {
        /// What is wrong with its answer; empty when it gave none.
        why: String,
    },
    /// The connection broke off.
    Broke {
        /// What the system says.
        why: String,
    },
    /// The other side closed the connection without a word.
    Closed,
    /// It answers and does not say hello.
    NoHello,
    /// It does not answer any more.
    NoAnswer,
    /// What it says is no frame of the protocol.
    Unintelligible {
        /// The flaw of the frame.
        why: String,
    },
    /// It closed the connection on purpose.
    Bye {
        /// The reason that it gave for that.
        why: ByeReason,
    },
}

/// Why a box closes a connection on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByeReason {
    /// The program ends, or rests.
    Stop,
    /// The key is not known at the far box.
    NotPaired,
    /// The same key has connected anew.
    Newer,
    /// The budget is used up.
    Budget,
    /// The versions do not fit.
    Version,
    /// The gateway does not pair, for this reason.
    Pairing(PairFailure),
    /// A reason of a later version.
    Other(u8),
}

/// Why a gateway does not pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairFailure {
    /// There is no code at present.
    NoCode,
    /// The token is not that of the code.
    WrongToken,
    /// The code is too old.
    Expired,
    /// The code was used already.
    Used,
    /// There were too many wrong tokens: the code is void.
    Spent,
}
