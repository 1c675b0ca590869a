//! A backup that shall be put in place at the next start: the box cannot change the store that it works with.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// Name of the file that says so. It is written last and removed last.
pub const WANTED: &str = "restore.json";
/// Name of the backup beside it.
const BACKUP: &str = "restore.backup";

/// What the owner wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Who.
    pub by: String,
    /// What waits in it is held.
    pub hold: bool,
    /// The backup.
    #[serde(skip)]
    pub file: PathBuf,
    #[serde(skip)]
    note: PathBuf,
}

impl Wanted {
    /// Leaves a backup for the next start of the box in `data`: `file` is moved there.
    ///
    /// # Errors
    /// When the disk fails; then nothing is left.
    pub fn leave(data: &Path, file: &Path, by: &str, hold: bool) -> Result<(), Fault> {
        let wanted = Self { by: by.to_owned(), hold, file: data.join(BACKUP), note: data.join(WANTED) };
        // A name and a flag always serialise.
        let words = serde_json::to_string(&wanted).unwrap_or_default();
        let left = fs::rename(file, &wanted.file)
            .and_then(|()| fs::File::open(&wanted.file)?.sync_all())
            .and_then(|()| fs::write(&wanted.note, words))
            .and_then(|()| fs::File::open(&wanted.note)?.sync_all())
            .and_then(|()| crate::sys::disk::sync_folder(data));
        left.map_err(|error| {
            wanted.forget();
            Fault::temporary(format!("the backup cannot be kept for the next start: {error}"))
        })
    }

    /// The one that was left.
    pub fn find(data: &Path) -> Option<Self> {
        let note = data.join(WANTED);
        let text = fs::read_to_string(&note).ok()?;
        let read = serde_json::from_str(&text).unwrap_or(Self {
            by: String::new(),
            hold: true,
            file: PathBuf::new(),
            note: PathBuf::new(),
        });
        Some(Self { file: data.join(BACKUP), note, ..read })
    }

    /// Removes it.
    pub fn forget(&self) {
        for file in [&self.file, &self.note] {
            if let Err(error) = fs::remove_file(file)
                && error.kind() != io::ErrorKind::NotFound
            {
                log::warn!("{} stays: {error}", file.display());
            }
        }
    }
}
