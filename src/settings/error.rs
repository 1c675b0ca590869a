//! What is wrong with a setting, or with a value for it.

use std::fmt;

use super::{MOVED, TABLE};
use crate::address::AddressError;
use crate::address::pattern::PatternError;

/// A setting that there is not, or a value that it cannot have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingError {
    /// There is no setting of this name.
    NoSuch(String),
    /// It is a setting that each link has for itself.
    OfLink(&'static str),
    /// The value will not do.
    Value {
        /// Name of the setting.
        name: &'static str,
        /// The value that was given.
        value: String,
        /// What its value has to be.
        want: Want,
    },
    /// The value names no domain.
    Domain {
        /// Name of the setting.
        name: &'static str,
        /// The flaw of the domain.
        why: AddressError,
    },
    /// The value is no list of senders.
    Senders {
        /// Name of the setting.
        name: &'static str,
        /// The entry that is wrong, and its flaw.
        why: PatternError,
    },
}

/// What a value has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// A text of one line.
    OneLine,
    /// A text of so many bytes at most.
    Bytes(usize),
    /// `yes` or `no`.
    Switch,
    /// A whole number from the one to the other.
    Number(i64, i64),
    /// A span in this range of seconds.
    Seconds(i64, i64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// An amount of money, with a point or without.
    Amount,
    /// Addresses with ports, as `127.0.0.1:25`.
    Listen,
    /// Networks, as `192.168.0.0/16`.
    Networks,
    /// The address of a web server.
    Url,
    /// An absolute path, or nothing.
    Path,
    /// What nobody guesses, or nothing.
    Unguessable,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuch(name) if MOVED.iter().any(|(moved, _)| moved == name) => {
                let (_, now) = MOVED.iter().find(|(moved, _)| moved == name).unwrap_or(&MOVED[0]);
                write!(f, "{name} is a setting of each link now: {now}")
            }
            Self::OfLink(name) => {
                write!(f, "{name} is a setting of each link: satpost link set NAME {name} VALUE")
            }
            Self::NoSuch(name) => {
                let group = name.split('.').next().unwrap_or_default();
                let near: Vec<_> = TABLE.iter().map(|row| row.name).filter(|known| known.starts_with(group)).collect();
                write!(f, "there is no setting '{}': ", name.escape_debug())?;
                match near.is_empty() {
                    true => f.write_str("see 'satpost settings list'"),
                    false => write!(f, "did you mean {}?", near.join(", ")),
                }
            }
            Self::Value { name, value, want } => write!(f, "{name}: '{}' is not valid, {want}", value.escape_debug()),
            Self::Domain { name, why } => write!(f, "{name}: {why}"),
            Self::Senders { name, why } => write!(f, "{name}: {why}"),
        }
    }
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneLine => f.write_str("it has to be one line of text"),
            Self::Bytes(most) => write!(f, "it may have {most} bytes"),
            Self::Switch => f.write_str("write yes or no"),
            Self::Number(least, most) => write!(f, "write a number from {least} to {most}"),
            Self::Seconds(least, most) => {
                write!(f, "write a time from {least} to {most} seconds, for example 90, 5m, 4h or 4d")
            }
            Self::Choice(words) => write!(f, "write one of {}", words.join(", ")),
            Self::Amount => f.write_str("write an amount such as 0.07 or 12"),
            Self::Listen => f.write_str("write ip:port, for example 0.0.0.0:25 or [::]:25"),
            Self::Networks => f.write_str("write address/bits, for example 192.168.1.0/24"),
            Self::Url => f.write_str("write an address that begins with https:// and does not end with a slash"),
            Self::Unguessable => f.write_str("write 16 or more random characters, or nothing"),
            Self::Path => f.write_str("write a path such as /dev/ttyUSB0, or nothing"),
        }
    }
}
