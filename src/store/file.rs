//! Opens the file of the store: for writing, or as it is on a disk that can only be read.

use std::path::Path;
use std::sync::atomic::Ordering;

use redb::{Database, DatabaseError};

use super::opening::Opening;
use super::schema::{REMEDIES, StoreError, guarded};
use super::{file_version, on_disk, overlay, replay};
use crate::fault::Fault;
use crate::sys::disk;

/// redb's page cache; more is memory that a small board has better use for.
const CACHE: usize = 4 * 1024 * 1024;

/// The sentence on a disk that can only be read.
pub fn read_only_words(folder: &Path) -> String {
    format!(
        "the disk of {} can only be read: the system does that when a disk fails ('sudo dmesg' says more), or somebody mounted it \
         so",
        folder.display()
    )
}

/// Looks whether the disk of the data folder can only be read; the sentence that says so.
pub fn read_only_disk(folder: &Path) -> Option<String> {
    disk::is_read_only(folder).then(|| read_only_words(folder))
}

/// Opens the file without writing to it.
///
/// # Errors
/// As [`open`].
pub fn open_read_only(path: &Path) -> Result<Database, Fault> {
    opened(path, overlay::open, true)
}

/// Opens the file; a file that is in use or cannot be read is said in a sentence.
pub fn open(path: &Path) -> Result<Database, Fault> {
    opened(path, create, false)
}

fn opened(path: &Path, by: fn(&Path) -> Result<Database, DatabaseError>, in_memory: bool) -> Result<Database, Fault> {
    let shown = path.display();
    file_version::refuse_newer(path)?;
    let opened = guarded(|| {
        let database = match by(path) {
            Err(DatabaseError::DatabaseAlreadyOpen) => {
                return super::reject(Fault::temporary(format!(
                    "{shown} is in use by another satpost: stop it, or ask it through its control socket"
                )));
            }
            opened => opened.map_err(redb::Error::from)?,
        };
        let version = file_version::of(&database)?;
        if version > super::schema::VERSION {
            return super::reject(file_version::newer(path));
        }
        // Before a copy is kept: it needs no log then.
        replay::replay(&database, path)?;
        let _telling = (version < super::schema::VERSION).then(|| Opening::migration(path));
        if version < super::schema::VERSION && !in_memory {
            file_version::keep(path, version);
        }
        super::migrate::migrate(&database, version)?;
        Ok(database)
    });
    opened.map_err(|trouble| match trouble {
        StoreError::Rejected(fault) => fault,
        StoreError::Storage(error) => {
            Fault::operator(format!("{shown} cannot be opened: {error}. If it is damaged, {REMEDIES}"))
        }
    })
}

fn create(path: &Path) -> Result<Database, DatabaseError> {
    create_as(path, path)
}

/// Opens a store for writing, and makes it where there is none; it will have the name `name`.
///
/// # Errors
/// Those of redb and of the disk.
pub fn create_as(path: &Path, name: &Path) -> Result<Database, DatabaseError> {
    let file = on_disk::open(path, name)?;
    let opening = Opening::check(path);
    let (percent, shown) = (opening.percent(), path.display().to_string());
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE).set_repair_callback(move |check| {
        let part = (check.progress() * 100.0) as u8;
        if part == 0 {
            log::info!("store: {shown} was not closed in order and is checked page by page");
        }
        percent.store(part, Ordering::Relaxed);
    });
    builder.create_with_backend(file)
}
