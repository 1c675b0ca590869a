//! How commands end.

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
