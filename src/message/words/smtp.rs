//! The words for an SMTP client: a reply code, an enhanced status code of RFC 3463, and a sentence.

use std::fmt::Display;

use crate::message::reason::{NoRoute, Reason};

/// A "no" to a client, for a person to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// SMTP reply code, 4xx or 5xx.
    pub code: u16,
    /// The same finer, such as `5.1.1`; its first digit is that of the code.
    pub status: &'static str,
    /// One sentence for the sender of the mail, without code and status.
    pub text: String,
}

impl Refusal {
    /// A refusal with these codes.
    pub fn new(code: u16, status: &'static str, text: impl Display) -> Self {
        Self { code, status, text: text.to_string() }
    }
}

/// The reply to a mail, or a recipient, that is refused for this reason.
pub fn refusal(reason: &Reason) -> Refusal {
    let (code, status) = match reason.root() {
        Reason::NoRoute(NoRoute::NoPerson { .. }) => (550, "5.1.1"),
        Reason::NoRoute(NoRoute::TakesNoMail { .. }) => (550, "5.2.1"),
        Reason::NoRoute(NoRoute::MayNotSend { .. }) => (550, "5.7.1"),
        Reason::NoRoute(NoRoute::NoRecipient | NoRoute::BadNumber(_) | NoRoute::NoMailAddress | NoRoute::NoPhone) => {
            (550, "5.1.3")
        }
        Reason::NoRoute(NoRoute::NowhereOutside { .. }) => (550, "5.1.2"),
        Reason::NoRoute(NoRoute::DeviceOutOfReach { .. } | NoRoute::OneFarBox { .. }) => (550, "5.4.4"),
        Reason::OverPrice(_) | Reason::OverBudget(_) | Reason::RefusedByRule(_) | Reason::Barred(_) => (554, "5.7.1"),
        Reason::Text(_) => (554, "5.3.4"),
        _ => (554, "5.0.0"),
    };
    Refusal::new(code, status, reason)
}
