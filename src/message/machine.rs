//! How it shows that a machine wrote a mail, as data.
//!
//! In the store it is an object whose `machine` names the fact; older records have a sentence in its place.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why a machine must have written it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "machine", rename_all = "snake_case")]
pub enum Machine {
    /// A field of the header, or the form of the mail, says so.
    Sign {
        /// Kind of automatic mail that the sign stands for.
        what: MachineKind,
        /// The field, where it is one.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        sign: String,
    },
    /// It went through so many servers that it must be in a loop.
    Loop {
        /// How many `Received` fields its header has.
        hops: usize,
    },
    /// Its envelope has no sender (`MAIL FROM:<>`), as that of a bounce.
    NoSender,
    /// This box wrote it to tell something.
    OwnNotice,
    /// The sentence in a record of an older version: read, never written anew.
    #[serde(untagged)]
    Old(String),
    /// What a newer version wrote.
    #[serde(untagged)]
    Unknown(Value),
}

/// Kinds of mail that machines write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineKind {
    /// Somebody is away, or a robot thanks for the mail.
    Reply,
    /// A program wrote it by itself, for no mail in particular.
    Program,
    /// It says what became of a mail.
    Report,
    /// Somebody opened a mail.
    ReadReceipt,
    /// Somebody called a mail spam.
    SpamReport,
    /// It came over a mailing list.
    List,
    /// It came over a mailing list, or is a newsletter.
    ListOrNewsletter,
    /// It is a newsletter, by a field of the header or the address of its sender.
    Newsletter,
    /// It is one of a bulk mailing.
    Mailing,
    /// It calls itself bulk.
    Bulk,
    /// A program marked it so that it goes in no circle.
    LoopMark,
}

impl Machine {
    /// A mail of this kind, as this field says.
    pub fn sign(what: MachineKind, sign: impl Into<String>) -> Self {
        Self::Sign { what, sign: sign.into() }
    }
}
