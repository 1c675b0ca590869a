//! What the mail relay did.

use serde::{Deserialize, Serialize};

/// What became of a message at the relay, and behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum RelayReason {
    /// The relay took it.
    Taken {
        /// The relay's answer behind the mail.
        reply: String,
    },
    /// The relay refused, this message or any.
    Refused(Box<RelayRefusal>),
    /// It was given all of it and did not answer: it may have been delivered.
    Unanswered {
        /// How often that happened.
        times: u32,
        /// What was seen instead of an answer.
        why: Box<super::Reason>,
        /// It goes again only when its owner releases it, and not by itself after a long wait.
        held: bool,
    },
    /// It came back from the internet.
    CameBack {
        /// The code of RFC 3463 in the delivery report.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<String>,
        /// What the report says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<String>,
    },
}

/// What the relay answered when it refused, and to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayRefusal {
    /// The relay's name.
    pub relay: String,
    /// What it refused, as `RCPT`.
    pub at: String,
    /// The three digits. Not `code` in the store, as that names the family of a reason.
    #[serde(rename = "digits")]
    pub code: u16,
    /// The code of RFC 3463 behind them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Its answer on one line, with its codes.
    pub reply: String,
    /// What its owner may look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<RelayHint>,
}

/// What may be wrong with the settings when a relay refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelayHint {
    /// The log-in, or the encryption that it needs.
    LogIn,
    /// There is none, and it may want one.
    NoLogIn,
}

impl RelayReason {
    /// The permanent status code of RFC 3463 that came with a refusal.
    pub(super) fn status(&self) -> Option<&str> {
        match self {
            Self::CameBack { status, said } => {
                status.as_deref().and_then(status_in).or_else(|| said.as_deref().and_then(status_in))
            }
            Self::Refused(refusal) => refusal.status.as_deref().filter(|status| status.starts_with("5.")),
            Self::Taken { .. } | Self::Unanswered { .. } => None,
        }
    }
}

/// The permanent status code in the answer of a mail server (RFC 3463 section 2), for reports and for records of older
/// versions.
pub(super) fn status_in(answer: &str) -> Option<&str> {
    let number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_code = |word: &&str| {
        let parts: Vec<_> = word.split('.').collect();
        parts.len() == 3 && parts[0] == "5" && parts.iter().all(number)
    };
    answer.split_whitespace().find(is_code)
}
