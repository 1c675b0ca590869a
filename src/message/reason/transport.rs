//! What a modem for Iridium's messaging transport (IMT) says of itself, and of the messages that it was given.

use serde::{Deserialize, Serialize};

/// A fact about such a modem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum TransportReason {
    /// Its topics have not come over the air yet: the normal state of a new unit.
    NotProvisioned,
    /// The topic of the settings is not among its own.
    NoTopic {
        /// The topic that the settings name.
        topic: u16,
        /// The topics that the modem has.
        known: Vec<u16>,
    },
    /// Nobody pays for its messages.
    NoSubscription,
    /// Its queue is full.
    Overflow,
    /// It answered a request with an error.
    Code {
        /// Target of the request, such as `constellationState`.
        target: String,
        /// Code of the answer (JSPR), other than 200.
        code: u16,
    },
    /// It knows no version of its protocol that this program knows.
    NoVersion,
    /// It has no SIM that works.
    NoSim,
    /// It is in a state in which it sends nothing.
    Inactive {
        /// Its operational state, as the modem writes it.
        state: String,
        /// Number of the reason that it gives for that.
        reason: u64,
    },
    /// It does not answer: its port was opened anew in vain.
    Mute,
    /// The modem reported how a message ended.
    Ended {
        /// Its `final_mo_status`.
        status: String,
    },
    /// It restarted while it had the message.
    Restarted,
    /// Nothing was heard of the message for longer than it keeps one.
    NoNews,
    /// It did not say how the withdrawal ended.
    CancelUnanswered,
    /// It does not know the message any more.
    Forgotten,
    /// It was asked to take the message back, and has not said yet how that ended.
    Cancelling,
    /// A message that came down is not what its sum says, or not all there.
    Damaged,
}
