//! How far the mail of a message got, between two boxes that say more of it than its text.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Id;
use super::words::size_of;

/// Where the whole mail of a message is, beside its text that went over a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Whole {
    /// This box gave it to the far box together with the text.
    Went,
    /// It is on this box, and the far box has the text.
    Here,
    /// It came together with the text.
    Came,
    /// It is at the far box, and only the text came.
    There {
        /// The number of the message there.
        number: u64,
        /// Bytes that it takes on a line.
        packed: u32,
        /// Bytes of the mail as it was received there, unpacked.
        size: u32,
        /// Somebody asked for it: it is on its way, or waits for a line.
        #[serde(default)]
        asked: bool,
    },
    /// It came later, as a message of its own.
    Later {
        /// The message that the mail came as.
        message: Id,
    },
    /// It was asked for, and is not at the far box any more.
    Gone,
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Went => f.write_str("the whole mail went along, with its files"),
            Self::Here => f.write_str("only the text went over the link; the whole mail is on this box"),
            Self::Came => f.write_str("the whole mail came, with its files"),
            Self::There { size, asked: false, .. } => {
                write!(f, "only the text came; the whole mail is at the far box, {}", size_of((*size).into()))
            }
            Self::There { size, asked: true, .. } => {
                write!(f, "the whole mail was asked for, {}: it comes when a line brings it", size_of((*size).into()))
            }
            Self::Later { message } => write!(f, "the whole mail came later: {message}"),
            Self::Gone => f.write_str("only the text came; the whole mail is not at the far box any more"),
        }
    }
}
