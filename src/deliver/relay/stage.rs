//! The stages of a conversation with the relay, and what a failure at each of them means.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::response::{Response, Severity};

use crate::deliver::compose::one_line;
use crate::fault::Fault;

/// Where in the conversation we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Greeting,
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
    /// Its name in faults.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Greeting => "greeting and EHLO",
            Self::StartTls => "STARTTLS",
            Self::Login => "AUTH",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Text => "the text of the letter",
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

    /// True where the relay speaks about the letter and not about us.
    fn about_the_letter(self) -> bool {
        matches!(self, Self::Mail | Self::Rcpt | Self::Data | Self::Text)
    }

    /// What an answer other than the expected one means. `code` is 0 when none came.
    fn judge(self, code: u16, words: String) -> Fault {
        match code {
            // Without a log-in or encryption nothing goes, whatever the letter (RFC 4954 section 6, RFC 3207 section 4).
            530 | 534 | 535 | 538 => Fault::operator(format!("{words}; check the relay's log-in and encryption")),
            503 if self == Self::Mail => Fault::operator(format!("{words}; it may want a log-in")),
            500..=599 if self.about_the_letter() => Fault::permanent(words),
            500..=599 => Fault::operator(words),
            0 if self == Self::Text => Fault::temporary(format!(
                "{words}; the letter may have been taken, it is sent again with the same Message-ID"
            )),
            _ => Fault::temporary(words),
        }
    }
}

/// A failed step: the fault, and whether the connection can still be used.
pub(super) struct Failed {
    pub(super) fault: Fault,
    pub(super) usable: bool,
}

/// Judges a lettre error. `cut` is what the line knows about the end of the connection.
pub(super) fn failed(relay: &str, stage: Stage, error: &Error, cut: Option<String>) -> Failed {
    let said = error.source().map(|source| one_line(&source.to_string())).unwrap_or_default();
    if let Some(status) = error.status() {
        let code = u16::from(status);
        let fault = stage.judge(code, format!("{relay} answered {code} {said} to {}", stage.name()));
        return Failed { fault, usable: code != 421 };
    }
    if matches!(stage, Stage::Greeting | Stage::StartTls)
        && let Some(tls) = tls_error(error)
    {
        return Failed { fault: tls_fault(relay, &tls), usable: false };
    }
    let what = match cut {
        Some(why) => why,
        None if said.is_empty() => one_line(&error.to_string()),
        None => said,
    };
    let fault = if error.is_client() {
        Fault::operator(format!("{relay}: {what} ({})", stage.name()))
    } else {
        stage.judge(0, format!("{relay}: {what} at {}", stage.name()))
    };
    Failed { fault, usable: false }
}

/// The answer as one line, if it is the one that the stage needs: 354 to DATA, else 2xx.
pub(super) fn expected(relay: &str, stage: Stage, response: &Response) -> Result<String, Failed> {
    let line = format!("{} {}", response.code(), one_line(&response.message().collect::<Vec<_>>().join(" ")));
    let fits = match stage {
        Stage::Data => response.has_code(354),
        _ => response.code().severity == Severity::PositiveCompletion,
    };
    if fits {
        return Ok(line);
    }
    let fault = stage.judge(0, format!("{relay} answered {line} to {}, which does not belong there", stage.name()));
    Err(Failed { fault, usable: false })
}

fn tls_error(error: &Error) -> Option<rustls::Error> {
    let mut source = error.source();
    while let Some(inner) = source {
        let boxed = inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let found = boxed.and_then(|inner| inner.downcast_ref()).or_else(|| inner.downcast_ref());
        if let Some(found) = found {
            return Some(rustls::Error::clone(found));
        }
        source = inner.source();
    }
    None
}

fn tls_fault(relay: &str, error: &rustls::Error) -> Fault {
    let cure = match error {
        rustls::Error::InvalidCertificate(_) => {
            "its certificate is not trusted for that name; if an authority of your own signed it, name that one's PEM file (relay.ca)"
        }
        rustls::Error::InvalidMessage(_) => {
            "it does not speak TLS there; relay.tls and relay.port have to fit each other"
        }
        _ => "no encryption could be agreed on",
    };
    Fault::operator(format!("{relay}: {cure} ({})", one_line(&error.to_string())))
}
