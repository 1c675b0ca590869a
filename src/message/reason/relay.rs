//! What the mail relay did.

use serde::{Deserialize, Serialize};

/// What became of a message at the relay, and behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum RelayReason {
    /// The relay took it.
    Taken {
        /// Its answer.
        reply: String,
    },
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

impl RelayReason {
    /// The permanent status code of RFC 3463 that came with a refusal.
    pub(super) fn status(&self) -> Option<&str> {
        match self {
            Self::CameBack { status, said } => {
                status.as_deref().and_then(status_in).or_else(|| said.as_deref().and_then(status_in))
            }
            Self::Taken { .. } | Self::Unanswered { .. } => None,
        }
    }
}

/// The permanent status code in the answer of a mail server (RFC 3463 section 2).
pub(super) fn status_in(answer: &str) -> Option<&str> {
    let number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_code = |word: &&str| {
        let parts: Vec<_> = word.split('.').collect();
        parts.len() == 3 && parts[0] == "5" && parts.iter().all(number)
    };
    answer.split_whitespace().find(is_code)
}
