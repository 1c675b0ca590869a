//! The stages of a conversation with the relay, and what a failure at each of them means.

use std::time::Duration;

use super::reply::{Reply, Status};
use super::stream::Lost;
use crate::fault::Fault;
use crate::message::Reason;
use crate::message::reason::{RelayHint, RelayReason, RelayRefusal};

/// Where in the conversation we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Greeting,
    Hello,
    StartTls,
    Login,
    Mail,
    Rcpt,
    Data,
    Text,
    Reset,
    Noop,
    Quit,
}

impl Stage {
    /// Gives its name, as faults say it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Greeting => "the greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Login => "AUTH",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Text => "the text of the message",
            Self::Reset => "RSET",
            Self::Noop => "NOOP",
            Self::Quit => "QUIT",
        }
    }

    /// How long it may take. The answer to a text takes a relay longer than others (RFC 5321 section 4.5.3.2.6), and
    /// the text itself has to get there; courtesies are not waited for.
    pub(super) fn limit(self, timeout: Duration, text: usize) -> Duration {
        match self {
            Self::Text => timeout * 5 + Duration::from_secs(text as u64 / 4096),
            Self::Reset | Self::Noop => timeout.min(Duration::from_secs(10)),
            Self::Quit => timeout.min(Duration::from_secs(2)),
            _ => timeout,
        }
    }

    /// The hundred of the code that leads on: 3xx to DATA, else 2xx.
    pub(super) fn wanted(self) -> u16 {
        if self == Self::Data { 3 } else { 2 }
    }

    /// True where the relay speaks about the message and not about us.
    fn is_about_the_message(self) -> bool {
        matches!(self, Self::Mail | Self::Rcpt | Self::Data | Self::Text)
    }

    /// What a refusal with this code means.
    fn judge(self, relay: &str, reply: &Reply) -> Fault {
        let code = reply.code;
        let reason = |hint| {
            Reason::from(RelayReason::Refused(Box::new(RelayRefusal {
                relay: relay.to_owned(),
                at: self.name().to_owned(),
                code,
                status: reply.status().map(|status| status.to_string()),
                reply: reply.to_string(),
                hint,
            })))
        };
        match code {
            // Without a log-in or encryption nothing goes, whatever the message (RFC 4954 section 6, RFC 3207 section 4).
            530 | 534 | 535 | 538 => Fault::Operator(reason(Some(RelayHint::LogIn))),
            503 if self == Self::Mail => Fault::Operator(reason(Some(RelayHint::NoLogIn))),
            // It has lost the thread of the conversation, which is nothing that the message can help.
            503 if self.is_about_the_message() => Fault::Temporary(reason(None)),
            500..=599 if self.is_about_the_message() => Fault::Permanent(reason(None)),
            500..=599 => Fault::Operator(reason(None)),
            _ => Fault::Temporary(reason(None)),
        }
    }
}

/// Why a message was not taken, or a relay cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What follows from it, and why in a sentence.
    pub fault: Fault,
    /// The relay's code and the enhanced one behind it, if it said no in so many words.
    pub code: Option<(u16, Option<Status>)>,
    /// The whole message went and was never answered: the relay may have taken it.
    pub unanswered: bool,
}

impl Failure {
    /// Makes the failure of a reply that is not the wanted one.
    pub(super) fn refused(relay: &str, stage: Stage, reply: &Reply) -> Self {
        if reply.is(4) || reply.is(5) {
            let code = Some((reply.code, reply.status()));
            return Self { fault: stage.judge(relay, reply), code, unanswered: false };
        }
        // Neither yes nor no. To a whole text it leaves open what became of it.
        let words = format!("{relay} answered {reply} to {}, which does not belong there", stage.name());
        let fault = Fault::temporary(words);
        Self { fault, code: None, unanswered: false }
    }

    /// The connection is of no use any more: `why` goes on behind the relay's name.
    pub(super) fn lost(relay: &str, stage: Stage, why: &dyn std::fmt::Display) -> Self {
        Self::from(Fault::temporary(format!("{relay}: {why} at {}", stage.name())))
    }

    /// Makes the failure of a TLS handshake, with what its owner can do about it.
    pub(super) fn tls(relay: &str, stage: Stage, lost: &Lost) -> Self {
        let Lost::Tls(error) = lost else { return Self::lost(relay, stage, lost) };
        let cure = match error {
            rustls::Error::InvalidCertificate(_) => {
                "its certificate is not trusted for that name; if an authority of your own signed it, name that one's PEM file, or that of the certificate itself (relay.ca)"
            }
            // It had just said that it would.
            rustls::Error::InvalidMessage(_) if stage == Stage::StartTls => {
                let words = "no TLS came behind its answer to STARTTLS: the connection may be under attack";
                return Self::from(Fault::temporary(format!("{relay}: {words} ({error})")));
            }
            rustls::Error::InvalidMessage(_) => {
                "it does not speak TLS there; relay.tls and relay.port have to fit each other"
            }
            _ => "no encryption could be agreed on",
        };
        Self::from(Fault::operator(format!("{relay}: {cure} ({error})")))
    }

    /// The same, where the final dot had gone: nobody knows what became of the message.
    pub(super) fn without_answer(self) -> Self {
        let fault = Fault::temporary(format!("{}; it may have been delivered all the same", self.fault));
        Self { fault, code: None, unanswered: true }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.fault.fmt(f)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self { fault, code: None, unanswered: false }
    }
}
