//! Why something that came in, or stands in the store, was set aside.

use serde::{Deserialize, Serialize};

/// What is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Unusable {
    /// It is no packet of ours.
    NotOurs,
    /// It is in the compact coding, which is off here.
    CompactOff,
    /// It needs a model of the coder that is not here.
    NoModel {
        /// Its number.
        model: u8,
    },
    /// Its check is wrong.
    BadCheck,
    /// The other fragments of it did not come.
    LoneFragment {
        /// How many there are.
        of: usize,
    },
    /// It is no packet in the classic coding.
    NotClassic {
        /// What the decoder says.
        why: String,
    },
    /// It says that it goes the other way.
    WrongWay,
    /// The address in it is none.
    BadAddress {
        /// What is wrong with it.
        why: String,
    },
    /// It names no recipient.
    NoRecipient,
    /// This box has no addresses yet.
    NoDomain,
    /// The modem's text of it is not hexadecimal.
    NotHex {
        /// The modem's number for it.
        number: u64,
    },
    /// What the service lists under this number has a flaw.
    Listed {
        /// What people call the service.
        service: String,
        /// Its number for the packet.
        number: u64,
        /// The flaw.
        flaw: String,
    },
    /// What the carrier told cannot be read.
    CarrierWords,
    /// It came to something that is no phone number.
    NoNumber,
    /// It is longer than any text message.
    TooLong {
        /// Its bytes.
        bytes: usize,
    },
    /// Its sender is neither a phone nor a name.
    Sender,
    /// Its record cannot be read.
    Record {
        /// What the parser says.
        why: String,
    },
    /// It stands in a queue, and its record is not there.
    Nowhere {
        /// What it is.
        what: String,
    },
    /// A part of a message cannot be read.
    Part {
        /// What the parser says.
        why: String,
    },
}
