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

/// A restore that the owner wants at the next start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Name of the person who wants it; empty where the note cannot be read.
    pub by: String,
    /// Messages that wait in the backup are held, so that nothing goes out twice.
    pub hold: bool,
    /// How often a start began to put it in place.
    #[serde(default)]
    pub tries: u8,
    /// Path of the backup, in the data folder.
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
    pub fn leave(data: &Path, file: &Path, by: &str, hold: bool) -> Result<Self, Fault> {
        let wanted = Self { by: by.to_owned(), hold, tries: 0, file: data.join(BACKUP), note: data.join(WANTED) };
        let left = fs::rename(file, &wanted.file)
            .and_then(|()| fs::File::open(&wanted.file)?.sync_all())
            .and_then(|()| wanted.write());
        match left {
            Ok(()) => Ok(wanted),
            Err(error) => {
                wanted.forget();
                Err(Fault::temporary(format!("the backup cannot be kept for the next start: {error}")))
            }
        }
    }

    fn write(&self) -> io::Result<()> {
        let new = self.note.with_extension("new");
        // A name, a flag and a number always serialise.
        fs::write(&new, serde_json::to_string(self).unwrap_or_default())?;
        fs::File::open(&new)?.sync_all()?;
        fs::rename(&new, &self.note)?;
        crate::sys::disk::sync_folder(self.note.parent().unwrap_or(Path::new(".")))
    }

    /// Writes down, before it is begun, that a start tries once more to put it in place.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn count_try(&mut self) -> io::Result<()> {
        self.tries = self.tries.saturating_add(1);
        self.write()
    }

    /// Removes a backup beside which a power cut left no wish; for the start, when none is found.
    pub fn sweep(data: &Path) {
        for left in [BACKUP, "restore.new"] {
            if fs::remove_file(data.join(left)).is_ok() {
                log::info!("{left} is removed: it was not finished");
            }
        }
    }

    /// Finds the wish that was left in a data folder; `None` if there is none.
    pub fn find(data: &Path) -> Option<Self> {
        let note = data.join(WANTED);
        let text = fs::read_to_string(&note).ok()?;
        let read = serde_json::from_str(&text).unwrap_or(Self {
            by: String::new(),
            hold: true,
            tries: 0,
            file: PathBuf::new(),
            note: PathBuf::new(),
        });
        Some(Self { file: data.join(BACKUP), note, ..read })
    }

    /// Removes the wish and its backup; what cannot be removed is logged.
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
