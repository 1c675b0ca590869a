//! What the modem answers to a command, and the numbers in it.

use super::power::Then;

/// Usual time to an answer, in milliseconds of the modem.
const QUICK: u64 = 10;
/// Time to an answer that goes through a whole store.
const SLOW: u64 = 1300;

/// What the modem answers to a command.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sim::modem) struct Reply {
    /// Bodies of the sentences.
    pub(in crate::sim::modem) lines: Vec<String>,
    /// Time to the answer, in milliseconds of the modem.
    pub(in crate::sim::modem) milliseconds: u64,
    /// What happens once the answer is out.
    pub(in crate::sim::modem) then: Option<Then>,
}

impl Reply {
    /// One sentence, quickly.
    pub(in crate::sim::modem) fn line(body: impl Into<String>) -> Self {
        Self { lines: vec![body.into()], milliseconds: QUICK, then: None }
    }

    /// As slow as a search through a store.
    pub(in crate::sim::modem) fn slowly(self) -> Self {
        Self { milliseconds: SLOW, ..self }
    }
}

/// A decimal number without sign or blanks; `None` for anything else.
pub(in crate::sim::modem) fn number(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
