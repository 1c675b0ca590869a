//! Proof of what went on air: every transmission, in order, kept beside the state file if there is one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::memory::QueuedPacket;
use crate::address::DeviceId;
use crate::clock::Time;
use crate::hex;
use crate::sim::pty::beside;

/// One line per transmission, oldest first.
#[derive(Debug, Default)]
pub(super) struct Journal {
    lines: Vec<String>,
    file: Option<File>,
}

#[derive(Serialize)]
struct Transmission {
    device: u32,
    id: u64,
    app: u16,
    data: String,
    /// Milliseconds since 1970.
    at: i64,
}

impl Journal {
    /// Opens the journal that belongs to a state file, with what it holds already.
    ///
    /// # Errors
    /// When it cannot be read or opened for writing.
    pub(super) fn open(state: Option<&Path>) -> io::Result<Self> {
        let Some(path) = state.map(|state| beside(state, "journal")) else {
            return Ok(Self::default());
        };
        let lines = match fs::read_to_string(&path) {
            Ok(text) => text.lines().map(str::to_owned).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { lines, file: Some(file) })
    }

    /// Writes down a transmission that has just ended.
    pub(super) fn record(&mut self, device: DeviceId, message: &QueuedPacket, now: Time) {
        let QueuedPacket { id, app, data, .. } = message;
        let entry = Transmission { device: device.number(), id: *id, app: *app, data: hex::encode(data), at: now.0 };
        let line = serde_json::to_string(&entry).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"));
        if let Some(file) = &mut self.file
            && let Err(error) = writeln!(file, "{line}")
        {
            log::warn!("modem: the journal of transmissions cannot be written: {error}");
        }
        self.lines.push(line);
    }

    /// All transmissions as JSON, oldest first.
    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }
}
