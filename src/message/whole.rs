//! How far the mail of a message got, between two boxes that say more of it than its text.

use std::fmt;

use serde::{Deserialize, Serialize};

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
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Went => "the whole mail went along, with its files",
            Self::Here => "only the text went over the link; the whole mail is on this box",
            Self::Came => "the whole mail came, with its files",
        })
    }
}
