//! What the rules about who may write found.

use serde::{Deserialize, Serialize};

use super::{Medium, Reason};
use crate::address::Address;
use crate::message::{Machine, Proof};

/// What a verdict of the rules stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Ground {
    /// The sender is on a block list.
    Blocked {
        /// Whether the box or the reader keeps that list.
        list: Whose,
    },
    /// The sender is on an allow list.
    Allowed {
        /// Whether the box or the reader keeps that list.
        list: Whose,
    },
    /// The sender is on a list of machines that may write.
    Machine {
        /// Whether the box or the reader keeps that list.
        list: Whose,
    },
    /// A machine wrote it, and its sender is known here or its subject has the key word.
    WantedMachine,
    /// The sender may write, and the mail server in front did not vouch for them.
    NotVouchedFor,
    /// The reader wrote to the sender not long ago.
    Answer,
    /// The subject has the key word.
    KeyWord,
    /// Nothing speaks for the sender.
    Stranger {
        /// What is known about who they are.
        proof: Proof,
    },
    /// It names no person of this box.
    NoReader,
}

/// A verdict with the two addresses that it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentBy {
    /// What the rules say about the message.
    pub why: Reason,
    /// Who wrote it, by the `From` of the mail.
    pub from: Address,
    /// Who sent it, by the envelope (`MAIL FROM`).
    pub by: Address,
}

/// Whose list an entry stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Whose {
    /// The reader's own list.
    Reader,
    /// The list that holds for everybody on the box.
    Box,
}

/// What is never carried on a way that costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Barred {
    /// A machine wrote it.
    Automatic {
        /// The sign by which it is known to be automatic.
        how: Machine,
        /// What it may not be carried on.
        on: Medium,
    },
    /// It has no words.
    Blank {
        /// What it may not be carried on.
        on: Medium,
    },
    /// A phone sent it because somebody liked a text.
    Reaction {
        /// What it may not be carried on.
        on: Medium,
    },
    /// It has no sender, as bounces have none.
    NoSender {
        /// What it may not be carried on.
        on: Medium,
    },
}
