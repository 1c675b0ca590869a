//! Why something that came in, or stands in the store, was set aside.

use serde::{Deserialize, Serialize};

/// Why something is in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Unusable {
    /// It is no packet of ours.
    NotOurs,
    /// It is in the compact coding, which is off here.
    CompactOff,
    /// It needs a model of the coder that is not here.
    NoModel {
        /// Number of the model that it needs.
        model: u8,
    },
    /// Its check does not fit what was read of it.
    BadCheck,
    /// The other fragments of it did not come.
    LoneFragment {
        /// How many fragments it has in all.
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
        /// The parser's word on the address.
        why: String,
    },
    /// It came from the box of a station and names no recipient.
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
        /// Its number there for the packet.
        number: u64,
        /// What is wrong with the entry.
        flaw: String,
    },
    /// What the carrier told cannot be read.
    CarrierWords,
    /// It came to something that is no phone number.
    NoNumber,
    /// It is longer than any text message.
    TooLong {
        /// Length of the text in bytes.
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
        /// Number of the message, or `packet` with its number.
        what: String,
    },
    /// A part of a message cannot be read.
    Part {
        /// What the parser says.
        why: String,
    },
}
