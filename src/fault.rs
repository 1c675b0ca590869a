//! What went wrong, and the only question the queue asks about it: again, never, or only after the operator acts?

use std::fmt;

/// A failure on the way out (or in), with one sentence for a person.
///
/// Temporary unless proven otherwise: a wrong `Permanent` returns a message that could have arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// May work later; the queue tries again with back-off.
    Temporary(String),
    /// Will not work for this message however often it is tried.
    Permanent(String),
    /// Will not work for any message until somebody changes something; the sentence says what.
    Operator(String),
}

impl Fault {
    /// A [`Fault::Temporary`] from anything that reads as a sentence.
    pub fn temporary(why: impl fmt::Display) -> Self {
        Self::Temporary(why.to_string())
    }

    /// A [`Fault::Permanent`] from anything that reads as a sentence.
    pub fn permanent(why: impl fmt::Display) -> Self {
        Self::Permanent(why.to_string())
    }

    /// A [`Fault::Operator`] from anything that reads as a sentence.
    pub fn operator(why: impl fmt::Display) -> Self {
        Self::Operator(why.to_string())
    }

    /// The sentence.
    pub fn why(&self) -> &str {
        match self {
            Self::Temporary(why) | Self::Permanent(why) | Self::Operator(why) => why,
        }
    }

    /// True when no later try can help this message.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Permanent(_))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.why())
    }
}

impl std::error::Error for Fault {}
