//! The terms on which a message goes: how urgent it is, by when, and for how much at most.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::fault::UnknownWord;
use crate::money::Money;

/// Which messages go first where not all can go at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Before all others, waits for none to share a packet, and may use the reserve of a budget.
    Urgent,
    /// After urgent ones; may wait to share a packet.
    #[default]
    Normal,
    /// After those, and with more patience for a cheap link.
    Low,
    /// When nothing else waits, and only by the cheapest link there is.
    Bulk,
}

impl Priority {
    /// All, the first to go first.
    pub const ALL: [Self; 4] = [Self::Urgent, Self::Normal, Self::Low, Self::Bulk];

    /// The word of pages and commands.
    pub fn word(self) -> &'static str {
        match self {
            Self::Urgent => "urgent",
            Self::Normal => "normal",
            Self::Low => "low",
            Self::Bulk => "bulk",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Priority {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|priority| priority.word() == word);
        let known = "urgent, normal, low or bulk";
        found.ok_or_else(|| UnknownWord { what: "priority", word: word.to_owned(), known })
    }
}

/// Which links a message may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkPreference {
    /// The cheapest one within its patience, then any.
    #[default]
    Any,
    /// Only those that cost nothing: it waits for one.
    Cheap,
    /// The cheapest one that is ready now.
    Now,
}

impl LinkPreference {
    /// All preferences, in the order in which pages list them.
    pub const ALL: [Self; 3] = [Self::Any, Self::Cheap, Self::Now];

    /// The word of pages, commands and header fields.
    pub fn word(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Cheap => "cheap",
            Self::Now => "now",
        }
    }
}

impl LinkPreference {
    /// Reads the tag at the beginning of a subject, `[cheap]`, or `[now]` or `[sat]`: what it asks for, and the subject without
    /// it. `None` where there is none, or nothing is behind it.
    pub fn tagged(subject: &str) -> Option<(Self, &str)> {
        let (tag, rest) = subject.trim_start().strip_prefix('[')?.split_once(']')?;
        let preference = match tag.trim().to_lowercase().as_str() {
            "cheap" => Self::Cheap,
            "now" | "sat" => Self::Now,
            _ => return None,
        };
        Some((preference, rest.trim_start())).filter(|(_, rest)| !rest.is_empty())
    }
}

impl fmt::Display for LinkPreference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for LinkPreference {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|preference| preference.word() == word);
        found.ok_or_else(|| UnknownWord { what: "choice of links", word: word.to_owned(), known: "any, cheap or now" })
    }
}

/// The terms of a message; those of somebody who is not of this box are always the usual ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Terms {
    /// Its place among others.
    #[serde(default)]
    pub priority: Priority,
    /// Its sender has to know before this that it will not go, if it does not.
    #[serde(default)]
    pub by: Option<Time>,
    /// It may not cost more.
    #[serde(default)]
    pub at_most: Option<Money>,
    /// Which links it may take.
    #[serde(default)]
    pub links: LinkPreference,
}

/// Terms as they stand in a form, in a command, or in the header of a mail; empty words are the usual ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// `urgent`, `normal`, `low` or `bulk`.
    pub priority: String,
    /// `2h`, `2026-12-01 18:00` where the box is, or `2026-12-01T18:00:00Z`.
    pub by: String,
    /// Most that it may cost, in the currency of the box, such as `0.30`.
    pub at_most: String,
    /// Word of a [`LinkPreference`]: `any`, `cheap` or `now`.
    pub links: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_says_which_links_its_mail_may_take() {
        for (subject, read) in [
            ("[cheap] Photos of the reef", Some((LinkPreference::Cheap, "Photos of the reef"))),
            (" [ SAT ]Engine stopped", Some((LinkPreference::Now, "Engine stopped"))),
            ("[now] Help", Some((LinkPreference::Now, "Help"))),
            ("[cheap]", None),
            ("Re: [cheap] Photos", None),
            ("[crew] Watches", None),
            ("cheap] x", None),
            ("", None),
        ] {
            assert_eq!(LinkPreference::tagged(subject), read, "{subject}");
        }
    }
}
