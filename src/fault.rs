//! What went wrong, and the only question the queue asks about it: again, never, or only after the operator acts?

use std::fmt;

use crate::message::Reason;

/// A failure on the way out (or in).
///
/// Temporary unless proven otherwise: a wrong `Permanent` returns a message that could have arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// May work later; the queue tries again with back-off.
    Temporary(Reason),
    /// Will not work for this message however often it is tried.
    Permanent(Reason),
    /// Will not work for any message until somebody changes something; the reason says what.
    Operator(Reason),
}

impl Fault {
    /// A [`Fault::Temporary`] from what a device, a server or the system says.
    pub fn temporary(why: impl fmt::Display) -> Self {
        Self::Temporary(Reason::said(why))
    }

    /// A [`Fault::Permanent`] from what a device, a server or the system says.
    pub fn permanent(why: impl fmt::Display) -> Self {
        Self::Permanent(Reason::said(why))
    }

    /// A [`Fault::Operator`] from what a device, a server or the system says.
    pub fn operator(why: impl fmt::Display) -> Self {
        Self::Operator(Reason::said(why))
    }

    /// A [`Fault::Permanent`] for a reason that is known as such: what was asked for is against a rule of this box.
    pub fn refused(reason: impl Into<Reason>) -> Self {
        Self::Permanent(reason.into())
    }

    /// Gives the reason, without how lasting it is.
    pub fn reason(&self) -> &Reason {
        match self {
            Self::Temporary(reason) | Self::Permanent(reason) | Self::Operator(reason) => reason,
        }
    }

    /// Why, in the owner's words.
    pub fn why(&self) -> String {
        self.reason().to_string()
    }

    /// True when no later try can help this message.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Permanent(_))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason().fmt(f)
    }
}

impl std::error::Error for Fault {}

/// A word that is none of those that can stand in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownWord {
    /// What was asked for, as `role`.
    pub what: &'static str,
    /// What was written instead.
    pub word: String,
    /// The words that would do, as a sentence has them: `person, operator or owner`.
    pub known: &'static str,
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is no {}: write {}", self.word.escape_debug(), self.what, self.known)
    }
}
