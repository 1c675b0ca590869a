//! The version of a file: a newer one is refused untouched, an older one is kept beside before it is brought up to date.

use std::fs::File;
use std::path::{Path, PathBuf};

use redb::{ReadOnlyDatabase, ReadableDatabase};

use super::Ledger;
use super::schema::{META, VERSION};
use crate::fault::Fault;

/// The version of the tables in a file; of a new one, today's.
pub fn of(database: &impl ReadableDatabase) -> Result<u64, redb::Error> {
    let txn = database.begin_read()?;
    match META.read_if_there(&txn)? {
        Some(meta) => Ok(Ledger::load(&meta)?.version),
        None => Ok(VERSION),
    }
}

/// The fault of a file that a newer version wrote.
pub fn newer(path: &Path) -> Fault {
    Fault::operator(format!("{} was written by a newer satpost: install that one", path.display()))
}

/// Says no to the file of a newer version before anything is written to it. What cannot be looked at so is told by who opens it.
pub fn refuse_newer(path: &Path) -> Result<(), Fault> {
    let looked = std::panic::catch_unwind(|| {
        let file = ReadOnlyDatabase::open(path).ok()?;
        of(&file).ok()
    });
    match looked {
        Ok(Some(version)) if version > VERSION => Err(newer(path)),
        _ => Ok(()),
    }
}

/// Keeps the file as it is beside itself, so that an older program can go on with it. Where there is no room the migration goes
/// on: it happens whole or not at all.
pub fn keep(path: &Path, version: u64) {
    let second = crate::clock::Clock::system().of_system().seconds();
    let named = |second: i64| {
        let mut aside = path.as_os_str().to_owned();
        aside.push(format!(".old-{second}"));
        PathBuf::from(aside)
    };
    // A restore may have put one aside in the same second.
    let Some(aside) = (second..second + 60).map(named).find(|aside| !aside.exists()) else { return };
    let copied = std::fs::copy(path, &aside).and_then(|_| File::open(&aside)?.sync_all());
    match copied {
        Ok(()) => log::info!("store: the file of version {version} is kept as {}", aside.display()),
        Err(error) => {
            let _ = std::fs::remove_file(&aside);
            log::warn!("store: the file of version {version} cannot be kept as {}: {error}", aside.display());
        }
    }
}
