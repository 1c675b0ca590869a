//! Opens the file of the store: for writing, or as it is on a disk that can only be read.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::Ordering;

use redb::{Database, DatabaseError};

use super::opening::Opening;
use super::schema::{REMEDIES, StoreError, TxResult, guarded};
use super::work::Hear;
use super::{file_version, on_disk, overlay, replay};
use crate::fault::Fault;
use crate::sys::disk;

/// The sentence on a disk that can only be read.
pub fn read_only_words(folder: &Path) -> String {
    format!(
        "the disk of {} can only be read: the system does that when a disk fails ('sudo dmesg' says more), or somebody mounted it \
         so",
        folder.display()
    )
}

/// The sentence on a full disk.
pub fn full_words(folder: &Path) -> String {
    format!("the disk of {} is full: make room on it", folder.display())
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

/// Opens the file, or looks at it without writing where the disk is too full for what opening writes. Says so then.
///
/// # Errors
/// As [`open`].
pub fn open_or_look(path: &Path) -> Result<(Database, Option<String>), Fault> {
    open_or_look_by(path, create)
}

fn open_or_look_by(path: &Path, by: By) -> Result<(Database, Option<String>), Fault> {
    file_version::refuse_newer(path)?;
    match tried(path, by, false) {
        Err(StoreError::Storage(redb::Error::Io(why))) if why.kind() == ErrorKind::StorageFull => {
            let why = full_words(path.parent().unwrap_or(path));
            log::error!("store: {why}");
            Ok((open_read_only(path)?, Some(why)))
        }
        tried => Ok((told(path, tried)?, None)),
    }
}

/// A way to open the file.
type By = fn(&Path) -> Result<Database, DatabaseError>;

fn opened(path: &Path, by: By, in_memory: bool) -> Result<Database, Fault> {
    file_version::refuse_newer(path)?;
    told(path, tried(path, by, in_memory))
}

fn tried(path: &Path, by: By, in_memory: bool) -> TxResult<Database> {
    let shown = path.display();
    guarded(|| {
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
        let opening = (version < super::schema::VERSION).then(|| Opening::migration(path));
        let hear: Hear = &|stage, done, total| opening.as_ref().is_none_or(|opening| opening.at(stage, done, total));
        if version < super::schema::VERSION && !in_memory {
            file_version::keep(path, version, hear)?;
        }
        super::migrate::migrate(&database, version, hear)?;
        Ok(database)
    })
}

fn told(path: &Path, opened: TxResult<Database>) -> Result<Database, Fault> {
    opened.map_err(|trouble| match trouble {
        StoreError::Rejected(fault) => fault,
        StoreError::Storage(redb::Error::Io(why)) if why.kind() == ErrorKind::Interrupted => {
            Fault::operator(format!("{} is as it was: {why}", path.display()))
        }
        StoreError::Storage(error) => {
            Fault::operator(format!("{} cannot be opened: {error}. If it is damaged, {REMEDIES}", path.display()))
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
    builder.set_cache_size(on_disk::CACHE).set_repair_callback(move |check| {
        let part = (check.progress() * 100.0) as u8;
        if part == 0 {
            log::info!("store: {shown} was not closed in order and is checked page by page");
        }
        percent.store(part, Ordering::Relaxed);
    });
    builder.create_with_backend(file)
}

#[cfg(test)]
mod tests {
    use redb::{ReadableDatabase, StorageError};
    use testing::Folder;

    use super::*;
    use crate::store::FILE;
    use crate::store::schema::MESSAGES;

    /// A start on a full disk, on which what opening writes has no room.
    #[test]
    fn on_a_full_disk_the_store_can_be_read() {
        let folder = Folder::new();
        let path = folder.path(FILE);
        crate::store::tests::store(&folder).close();
        let before = std::fs::read(&path).unwrap();
        let full = |_: &Path| Err(DatabaseError::Storage(StorageError::Io(ErrorKind::StorageFull.into())));
        let (database, why) = open_or_look_by(&path, full).unwrap();
        assert!(why.unwrap().ends_with("is full: make room on it"));
        assert!(MESSAGES.read(&database.begin_read().unwrap()).is_ok());
        drop(database);
        assert!(std::fs::read(&path).unwrap() == before, "nothing is written");
        assert_eq!(open_or_look(&path).unwrap().1, None);
        let bad = |_: &Path| Err(DatabaseError::Storage(StorageError::Corrupted("so".to_owned())));
        assert!(open_or_look_by(&path, bad).unwrap_err().why().contains("cannot be opened"));
    }
}
