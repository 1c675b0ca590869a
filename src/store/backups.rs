//! What is known of the backups of this box: when the last was made, and whether one brought a box back. A note of the store.

use serde::{Deserialize, Serialize};

use super::schema::{Tx, TxResult, View, json, record};
use crate::clock::Time;

/// Key of the note in the store.
const NOTE: &str = "backups";

/// When the last backup was made, and whether one was tried out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backups {
    /// When the last was made; `None`: never.
    #[serde(default)]
    pub made: Option<Time>,
    /// How the last one went that was tried out; `None`: none was.
    #[serde(default)]
    pub tried: Option<Drill>,
}

/// A backup was restored into a folder of its own, to see whether it brings a box back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// When it was tried out.
    pub at: Time,
    /// Its file, as the command knew it.
    pub file: String,
    /// How many messages it held.
    pub messages: u64,
    /// Why it brings none back; `None` if it does.
    #[serde(default)]
    pub fault: Option<String>,
}

impl Backups {
    /// Why the last backup that was tried out brings no box back, until a newer one is there.
    pub fn fault(&self) -> Option<&str> {
        let drill = self.tried.as_ref().filter(|drill| self.made.is_none_or(|made| made <= drill.at))?;
        drill.fault.as_deref()
    }
}

impl Tx<'_> {
    /// Notes that a backup was made at this time.
    pub fn note_backup(&mut self, at: Time) -> TxResult<()> {
        self.change_backups(|known| known.made = Some(at))
    }

    /// Notes how a drill went, in the place of the last one.
    pub fn note_drill(&mut self, drill: &Drill) -> TxResult<()> {
        self.change_backups(|known| known.tried = Some(drill.clone()))
    }

    fn change_backups(&mut self, change: impl FnOnce(&mut Backups)) -> TxResult<()> {
        // One that cannot be read says nothing any more; the next ones say it anew.
        let mut known: Backups = self.note(NOTE)?.and_then(|bytes| record(&bytes).ok()).unwrap_or_default();
        change(&mut known);
        self.put_note(NOTE, Some(&json(&known)))
    }
}

impl View {
    /// What became of the backups of this box.
    pub fn backups(&self) -> TxResult<Backups> {
        Ok(self.note(NOTE)?.and_then(|bytes| record(&bytes).ok()).unwrap_or_default())
    }
}
