//! How commands end.

use super::replies::set;
use crate::fault::Fault;

/// How a command ends.
#[derive(Debug)]
pub enum Answer {
    /// It was done; a code in brackets may begin the text.
    Ok(String),
    /// It cannot be done.
    No(String),
    /// It cannot be understood.
    Bad(String),
    /// What has to be said was said; nothing more is, but BYE.
    Bye(&'static str),
}

impl Answer {
    /// Some messages are not what was written, or not there (RFC 5530); what became of the others.
    pub fn damaged(uids: impl IntoIterator<Item = u32>, others: &str) -> Self {
        Self::No(format!("[CORRUPTION] damaged on the disk of this box: UID {}; {others}", set(uids)))
    }

    /// It was done, and there is nothing to say about it.
    pub fn done() -> Self {
        Self::Ok("done".to_owned())
    }
}

/// A command that ends early.
impl From<Fault> for Answer {
    fn from(fault: Fault) -> Self {
        let code = if fault.is_permanent() { "[CANNOT]" } else { "[UNAVAILABLE]" };
        Self::No(format!("{code} {}", fault.why()))
    }
}

/// Either a value, or how the command ends.
pub type Try<T> = Result<T, Answer>;
