//! What the far box says of a message that it has.

use serde::{Deserialize, Serialize};

/// What became of a message behind the far box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum FarBoxReason {
    /// It is in the mailbox of its reader there.
    Mailbox,
    /// It arrived ashore: at the mail relay, at the phone, in a mailbox.
    Ashore,
    /// It waits there for the owner's decision.
    Held,
    /// It was sent on, and nobody says whether it arrived.
    Unconfirmed,
    /// Its recipient is not known at the far box.
    NoRecipient,
    /// It was refused at the far box, or by the server of its recipient.
    Refused,
    /// It is too large, or of a kind that is not taken.
    Content,
    /// Its time ran out there.
    TooLate,
    /// The owner of the far box took it back.
    Cancelled,
    /// It failed for another reason.
    Failed,
    /// The far box has no model of this number of the coder: it goes in another coding.
    NoModel {
        /// Number of the model that is missing.
        model: u8,
    },
    /// The far box has it, cannot read it, and reads no other coding now.
    NoOtherCoding,
    /// Its check was wrong at the far box: it goes once more.
    BadCheck,
    /// The far box did not know an address by its index: it is written out.
    UnknownIndex,
    /// The far box does not have the earlier messages that it was coded after: it goes without them.
    NoPast,
}

impl FarBoxReason {
    /// The status code of RFC 3463 for a notice; `None` for what is no failure.
    pub(super) fn status(self) -> Option<&'static str> {
        match self {
            Self::Mailbox
            | Self::Ashore
            | Self::Held
            | Self::Unconfirmed
            | Self::NoModel { .. }
            | Self::NoOtherCoding
            | Self::BadCheck
            | Self::UnknownIndex
            | Self::NoPast => None,
            Self::NoRecipient => Some("5.1.1"),
            Self::Refused => Some("5.7.1"),
            Self::Content => Some("5.6.0"),
            Self::TooLate => Some("5.4.7"),
            Self::Cancelled | Self::Failed => Some("5.0.0"),
        }
    }
}
