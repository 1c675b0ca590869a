//! What is wrong with an address.

use std::fmt;

use super::{LinkAddress, MAX_ADDRESS, MAX_DEVICE, PhoneError};

/// What was read is no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressError {
    /// There is no `@` in it.
    NoAt(String),
    /// There is nothing before the `@`.
    NoLocal,
    /// That cannot stand before the `@`.
    Local(String),
    /// That cannot stand behind it.
    Domain(String),
    /// What stands in brackets is no IP address.
    Literal(String),
    /// It is too long as a whole.
    Length,
    /// It is meant as a phone number and is none, for this reason.
    Phone(PhoneError),
    /// It is no far box.
    Device(DeviceError),
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAt(text) => write!(f, "'{}' has no @", text.escape_debug()),
            Self::NoLocal => f.write_str("there is nothing before the @"),
            Self::Local(local) => write!(f, "'{}' cannot stand before the @", local.escape_debug()),
            Self::Domain(domain) => write!(f, "'{}' is not a mail domain", domain.escape_debug()),
            Self::Literal(inner) => write!(f, "[{inner}] is not an IP address"),
            Self::Length => write!(f, "an address has at most {MAX_ADDRESS} bytes"),
            Self::Phone(why) => why.fmt(f),
            Self::Device(why) => why.fmt(f),
        }
    }
}

impl From<PhoneError> for AddressError {
    fn from(why: PhoneError) -> Self {
        Self::Phone(why)
    }
}

impl From<DeviceError> for AddressError {
    fn from(why: DeviceError) -> Self {
        Self::Device(why)
    }
}

/// What was read is no address on a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceError {
    /// It is no number.
    Text(String),
    /// No device has such a number.
    Range(u64),
    /// It is no IMEI: 15 digits, the last of which checks the others.
    Imei(String),
    /// It does not name a key.
    Key(String),
    /// There is no such kind of link.
    Kind(String),
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "'{}' is not a device id: write 0x001abe or 6846", text.escape_debug()),
            Self::Range(id) => write!(f, "{id} is not a device id: they run from 1 to {MAX_DEVICE}"),
            Self::Imei(text) => {
                write!(f, "'{}' is not an IMEI: write its 15 digits", text.escape_debug())
            }
            Self::Key(text) => {
                write!(f, "'{}' does not name the key of a box: write its 64 hex digits", text.escape_debug())
            }
            Self::Kind(kind) => write!(
                f,
                "'{}' is no kind of address: write {}",
                kind.escape_debug(),
                LinkAddress::KINDS.map(|kind| format!("{kind}:...")).join(", ")
            ),
        }
    }
}
