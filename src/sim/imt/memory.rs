//! What the modem remembers without power, and the proof of what it did on air.

use serde::{Deserialize, Serialize};

/// The non-volatile memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    /// The topics have come over the air.
    pub(super) provisioned: bool,
    /// Number of the last message that came down: the network's, so it goes on over a restart.
    pub(super) last_down: u8,
    /// Bytes that the network charges for, of messages up: all that were on air, whatever became of them.
    pub(super) billed: u64,
    /// The same of messages down.
    pub(super) billed_down: u64,
    /// Messages up, whatever became of them: the sky knows them by this number.
    pub(super) sent: u64,
    /// Messages that the control socket left at the gateway of a modem without a sky: topic, and data in hex.
    pub(super) local: Vec<(u16, String)>,
    /// One line of JSON for each message up or down, oldest first.
    pub(super) journal: Vec<String>,
}
