//! What the modem remembers without power, and the proof of what it did on air.

use serde::{Deserialize, Serialize};

/// The non-volatile memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    /// Number of the next session.
    pub(super) momsn: u16,
    /// 0 detached, 2 registered.
    pub(super) registered: u8,
    /// A ring alert is unanswered.
    pub(super) ring: bool,
    /// Number of the last message that came down.
    pub(super) mtmsn: u16,
    /// Messages that the control socket left at the gateway of a modem without a sky, in hex.
    pub(super) local: Vec<String>,
    /// One line of JSON for each session, oldest first.
    pub(super) journal: Vec<String>,
}

/// A modem that was used before: the network knows it.
impl Default for Memory {
    fn default() -> Self {
        Self { momsn: 0, registered: 2, ring: false, mtmsn: 0, local: Vec::new(), journal: Vec::new() }
    }
}
