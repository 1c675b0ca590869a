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
        /// How it stands now.
        state: Reason,
    },
    /// Something is in quarantine.
    SetAside {
        /// What.
        what: SetAside,
        /// What is wrong with it.
        why: Reason,
    },
    /// Something changed between this box and a far one.
    FarBox {
        /// What.
        what: FarBoxChange,
        /// Where the far box is; `None` for the one that a station writes to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<LinkAddress>,
    },
    /// Somebody of a far box, who had no address here.
    NewAtSea {
        /// Their name there.
        name: String,
        /// What people call that far box.
        shown: String,
        /// Their name here; `None` while the owner is asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        here: Option<String>,
    },
    /// What the box ashore says about an address for somebody here.
    Ashore {
        /// Who that is.
        name: String,
        /// What it says.
        what: Ashore,
    },
    /// A phone said STOP, START or HELP.
    Phone {
        /// Its word.
        word: String,
        /// What follows from it.
        what: PhoneChange,
    },
    /// A part of a budget is used.
    Budget {
        /// Whose.
        account: String,
        /// Of which month.
        month: String,
        /// How much of it.
        percent: u64,
        /// Of what messages that are not urgent may use; so many percent are kept for those that are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reserve: Option<u64>,
    },
    /// Much of the budget of a link is used.
    LinkBudget {
        /// The link, by name.
        name: String,
        /// Of which day or month; empty where the driver counts by itself.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        period: String,
        /// How much of it.
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
        /// Where it called from.
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
    /// The clock was set.
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

/// What was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetAside {
    /// A packet from this far box; `None` where the link names none.
    Packet(Option<LinkAddress>),
    /// A text message from a phone.
    Text,
    /// The record of a message.
    Message(Id),
}

/// What the box ashore says about an address for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ashore {
    /// They have one.
    Has,
    /// Its owner is asked.
    Asked,
    /// They get none.
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
    /// The carrier answers it.
    CarrierAnswers,
    /// This box answers it.
    Answered,
}
