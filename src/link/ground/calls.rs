//! What a call of a ground service brings, and how a call to it ends.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::address::LinkAddress;
use crate::clock::Time;
use crate::fault::Fault;
use crate::hex;
use crate::message::Reason;

/// A message from a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Up {
    /// The terminal that wrote, by its IMEI.
    pub imei: LinkAddress,
    /// What went through the air.
    pub payload: Vec<u8>,
    /// Names it for good, whatever call tells of it.
    pub key: String,
    /// When the terminal sent it, as the service says; `None` if it does not.
    pub sent: Option<Time>,
}

/// What a call tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A terminal sent a message.
    Message(Up),
    /// Nothing that anybody has to keep; in words for the log.
    Nothing(String),
}

/// Why nothing came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unheard {
    /// Who called has not proved to be the service.
    Forbidden(String),
    /// It is the service, and what it says cannot be used: it is set aside.
    Unusable(String),
}

/// A message, or a look into the mailbox where there is none in it. `parts` names the message together with its content.
pub fn heard(parts: &str, imei: LinkAddress, payload: Vec<u8>, sent: Option<Time>) -> Heard {
    if payload.is_empty() {
        return Heard::Nothing(format!("{} looked into its mailbox", imei.shown()));
    }
    let hash = hex::encode(&Sha256::digest(&payload)[..8]);
    Heard::Message(Up { imei, payload, key: format!("{parts}:{hash}"), sent })
}

/// The end of a call that hands a message over.
#[derive(Debug, PartialEq, Eq)]
pub enum Handed {
    /// It is queued, under this number.
    Queued(u64),
    /// It is not, and nothing else would be for this time.
    Stopped(Fault, Duration),
    /// It is not; others may be.
    Refused(Fault),
    /// Nobody knows.
    Unknown(Reason),
}

/// What a service knows of a message whose answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It was queued, under this number.
    Queued(u64),
    /// It certainly was not.
    Never,
    /// It does not say.
    Unknown,
}
