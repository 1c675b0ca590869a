//! What a carrier of text messages did.

use serde::{Deserialize, Serialize};

use super::Reason;
use crate::address::Phone;
use crate::clock::Time;

/// What happened to a message on its way to a phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum TextReason {
    /// The carrier has it; whether the phone gets it is told later, if at all.
    Taken {
        /// The carrier's name for people.
        carrier: String,
        /// The carrier's name for the text.
        id: String,
        /// What it takes at the carrier.
        count: TextCount,
        /// It was found there after its answer was lost.
        #[serde(default)]
        found: bool,
    },
    /// A report says that the carrier has it.
    TakenByReport,
    /// Whether the carrier took it is being found out.
    Asking {
        /// What keeps this box from knowing.
        why: Doubt,
    },
    /// Whether the carrier took it cannot be found out: the owner decides.
    NotKnown {
        /// What kept this box from knowing.
        why: Doubt,
    },
    /// Its time ran out before that was found out.
    LateUnknown {
        /// What kept this box from knowing.
        why: Doubt,
    },
    /// The carrier could not deliver it, and gets it once more.
    Again {
        /// What the carrier says.
        why: Box<Reason>,
    },
    /// The carrier will not say more, which proves nothing.
    Unclear {
        /// The carrier's last word.
        why: Box<Reason>,
    },
    /// The phone wants no texts from that number.
    OptedOut {
        /// Number of the phone.
        phone: Phone,
        /// When its STOP came in.
        since: Time,
        /// How it said so, such as `it sent STOP`.
        how: String,
    },
    /// It is longer than a carrier takes.
    TooLong {
        /// Characters of the text as it goes to the phone.
        has: usize,
        /// Characters that it may have.
        most: usize,
    },
}

/// Why it is not known whether a carrier took a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The box stopped while its request was under way, or the answer was lost.
    AnswerLost,
    /// The carrier cannot be asked now.
    CannotAsk,
    /// It was given to a carrier that is not the one of the settings now.
    OtherCarrier,
    /// It is not in the carrier's list, and that list is not complete.
    NotListed,
    /// What went wrong with the request, or with the question.
    Fault(Box<Reason>),
}

/// What a text takes as text messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextCount {
    /// Text messages (segments) that a phone puts together.
    pub texts: usize,
    /// `GSM-7` or `UCS-2`.
    pub alphabet: String,
    /// Units of that alphabet in all segments: septets, or UTF-16 code units.
    pub units: usize,
}
