//! What a call of a ground service brings.

use sha2::{Digest, Sha256};

use crate::address::LinkAddress;
use crate::clock::Time;
use crate::hex;

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
