//! What happened in the box, for the list of events on the front page: facts as data, like reasons. No addresses of
//! people, no texts.
//!
//! In the store it stands in the field `words`: an object whose `event` names the fact. Older records have a sentence there,
//! kept as [`EventKind::Old`].

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::reason::ByeReason;
use super::{Id, Reason};
use crate::address::LinkAddress;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A link became ready, or is not ready any more.
    Link {
        /// The link's word on itself after the change.
        state: Reason,
    },
    /// Something is in quarantine.
    SetAside {
        /// The kind of thing that is kept there.
        what: SetAside,
        /// Why it could not be used.
        why: Reason,
    },
    /// A link brings back what a modem of this box sent.
    HearsItself {
        /// Name of the link, as its owner calls it.
        name: String,
        /// By which address its network names the modem.
        modem: LinkAddress,
    },
    /// Something changed between this box and a far one.
    FarBox {
        /// The kind of change.
        what: FarBoxChange,
        /// Where the far box is; `None` for the one that a station writes to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<LinkAddress>,
    },
    /// Somebody of a far box, who had no address here.
    NewAtSea {
        /// Their name at the far box.
        name: String,
        /// What people call that far box.
        shown: String,
        /// Their name here; `None` while the owner is asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        here: Option<String>,
    },
    /// What the box ashore says about an address for somebody here.
    Ashore {
        /// The person's name on this box.
        name: String,
        /// The answer: an address, none, or not yet.
        what: Ashore,
    },
    /// A phone said STOP, START or HELP.
    Phone {
        /// The key word in capitals; where the carrier named it by itself, the first 20 characters of the text at most.
        word: String,
        /// Whether this box texts that number from now on, or who answers.
        what: PhoneChange,
    },
    /// A part of a budget is used.
    Budget {
        /// A person's name, or [`crate::money::BOX`].
        account: String,
        /// The month, such as `2026-11`.
        month: String,
        /// How much of it is used, in hundredths: 80 or 100.
        percent: u64,
        /// Of what messages that are not urgent may use; so many percent are kept for those that are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reserve: Option<u64>,
    },
    /// Much of the budget of a link is used.
    LinkBudget {
        /// Name of the link, as its owner calls it.
        name: String,
        /// Of which day or month; empty where the driver counts by itself.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        period: String,
        /// How much of it is used, in hundredths.
        percent: u64,
        /// As of [`EventKind::Budget`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reserve: Option<u64>,
    },
    /// Another box called, and was paired or could not be.
    Called {
        /// What it calls itself.
        name: String,
        /// Its key, shortened; empty when it is of no use.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        key: String,
        /// IP address that it called from.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        from: String,
        /// Why it could not be; `None`: it is paired.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<ByeReason>,
        /// It is a far box of its own, though its code was for another.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        apart: bool,
    },
    /// The box ended without being told to, and started again.
    Restarted {
        /// How often it ended so in a row.
        ends: u32,
        /// How it ended the last time, as the system or the box itself tells.
        why: String,
    },
    /// The clock of the system was set while the box ran.
    ClockSet {
        /// By how many seconds; negative: back.
        seconds: i64,
    },
    /// The quarantine had no more room.
    QuarantineFull {
        /// The source that had most in it.
        source: String,
        /// How many of its oldest items are gone.
        deleted: usize,
    },
    /// Somebody changed people or settings.
    Done {
        /// What they did, as it stands in the audit.
        what: String,
        /// Who; empty where the sentence says it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        by: String,
    },
    /// The sentence in a record of an older version: read, never written anew.
    #[serde(untagged)]
    Old(String),
    /// What a newer version wrote.
    #[serde(untagged)]
    Unknown(Value),
}

/// The kind of thing in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetAside {
    /// A packet from this far box; `None` where the link names none.
    Packet(Option<LinkAddress>),
    /// A text message from a phone.
    Text,
    /// The record of this message in the store.
    Message(Id),
}

/// What the box ashore says about an address for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ashore {
    /// The box ashore has given them an address.
    Has,
    /// The owner of the box ashore has yet to decide.
    Asked,
    /// The box ashore gives them no address: what they write is not carried.
    Refused,
}

/// What changed between two boxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FarBoxChange {
    /// It reads the compact coding, with the model of this number.
    Reads(u8),
    /// It reads the compact coding, and has no model in common with this box.
    NoCommonModel,
    /// It writes classic packets without a mark.
    Unlearned,
    /// It has not answered for long.
    Silent,
    /// A packet of it cannot be read here.
    Unread,
}

/// What follows from the word of a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneChange {
    /// It gets no more texts from that number.
    OptedOut,
    /// It may be texted again.
    OptedIn,
    /// The word is answered by the carrier itself: this box sends nothing.
    CarrierAnswers,
    /// The word is answered by a text of this box.
    Answered,
}
