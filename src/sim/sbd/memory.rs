//! What the modem remembers without power, and the proof of what it did on air.

use std::path::PathBuf;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::sim::pty::beside;

/// The non-volatile memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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

/// The file behind the memory; without one it lasts as long as the simulator.
#[derive(Debug)]
pub(super) struct Backing {
    path: Option<PathBuf>,
    saved: Memory,
}

impl Backing {
    /// Opens the memory, empty if there is no file yet.
    ///
    /// # Errors
    /// When the file cannot be read or is not a memory.
    pub(super) fn open(path: Option<PathBuf>) -> io::Result<(Self, Memory)> {
        let memory = match path.as_deref().map(fs::read) {
            None => Memory::default(),
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => Memory::default(),
            Some(bytes) => serde_json::from_slice(&bytes?).map_err(|error| {
                io::Error::other(format!("{error}; move the file away to begin with an empty memory"))
            })?,
        };
        Ok((Self { path, saved: memory.clone() }, memory))
    }

    /// Writes the memory if it changed: a new file beside the old one, then moved over it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn save(&mut self, memory: &Memory) -> io::Result<()> {
        if *memory == self.saved {
            return Ok(());
        }
        if let Some(path) = &self.path {
            let fresh = beside(path, "new");
            fs::write(&fresh, serde_json::to_vec(memory)?)?;
            fs::rename(&fresh, path)?;
        }
        self.saved = memory.clone();
        Ok(())
    }
}
