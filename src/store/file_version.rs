//! The version of a file: a newer one is refused untouched, an older one is kept beside before it is brought up to date.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use redb::ReadableDatabase;

use super::schema::{META, VERSION};
use super::work::{self, Hear, Stage};
use super::{FILE, Ledger};
use crate::fault::Fault;
use crate::sys::disk;

/// How the name of a copy ends until it is whole.
const PART: &str = "old.part";

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
        let file = super::on_disk::look_at(path).ok()?;
        of(&file).ok()
    });
    match looked {
        Ok(Some(version)) if version > VERSION => Err(newer(path)),
        _ => Ok(()),
    }
}

/// Keeps the file as it is beside itself, so that an older program can go on with it. Where there is no room the migration goes
/// on: it happens whole or not at all.
///
/// # Errors
/// Interrupted when it is not to go on: nothing is beside the file then.
pub fn keep(path: &Path, version: u64, hear: Hear) -> io::Result<()> {
    let second = crate::clock::Clock::system().of_system().seconds();
    let named = |second: i64| {
        let mut aside = path.as_os_str().to_owned();
        aside.push(format!(".old-{second}"));
        PathBuf::from(aside)
    };
    // A restore may have put one aside in the same second.
    let Some(aside) = (second..second + 60).map(named).find(|aside| !aside.exists()) else { return Ok(()) };
    // Under another name until it is whole: a start that is cut off leaves nothing that looks like a store.
    let part = path.with_extension(PART);
    let named = || {
        fs::rename(&part, &aside)?;
        path.parent().map_or(Ok(()), disk::sync_folder)
    };
    let copied = copy(path, &part, hear).and_then(|()| named());
    match copied {
        Ok(()) => log::info!("store: the file of version {version} is kept as {}", aside.display()),
        Err(error) => {
            let _ = fs::remove_file(&part);
            if error.kind() == io::ErrorKind::Interrupted {
                return Err(error);
            }
            log::warn!("store: the file of version {version} cannot be kept as {}: {error}", aside.display());
        }
    }
    Ok(())
}

/// Removes what the copy of a start that was cut off left behind.
pub fn sweep(folder: &Path) {
    let _ = fs::remove_file(folder.join(FILE).with_extension(PART));
}

fn copy(path: &Path, to: &Path, hear: Hear) -> io::Result<()> {
    let mut from = File::open(path)?;
    let about = from.metadata()?;
    // Left behind by a start that was cut off, and perhaps not with these rights.
    let _ = fs::remove_file(to);
    let mut to = File::options().write(true).create_new(true).mode(about.permissions().mode()).open(to)?;
    work::copy(&mut from, &mut to, (hear, Stage::Copying, about.len()))?;
    to.sync_all()
}

#[cfg(test)]
mod tests {
    use testing::Folder;

    use super::*;

    #[test]
    fn a_copy_that_is_stopped_says_so_and_leaves_nothing() {
        let folder = Folder::new();
        let path = folder.path(FILE);
        fs::write(&path, [1; 100]).unwrap();
        let names = || fs::read_dir(folder.path("")).unwrap().count();
        assert_eq!(keep(&path, 8, &|_, _, _| false).unwrap_err().kind(), io::ErrorKind::Interrupted);
        assert_eq!(names(), 1);
        // A start that was cut off.
        let part = path.with_extension(PART);
        fs::write(&part, "half").unwrap();
        fs::set_permissions(&part, fs::Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        keep(&path, 8, work::UNHEARD).unwrap();
        assert_eq!(names(), 2);
        for entry in fs::read_dir(folder.path("")).unwrap() {
            let about = entry.unwrap().metadata().unwrap();
            assert_eq!((about.permissions().mode() & 0o777, about.len()), (0o600, 100));
        }
        fs::write(&part, "half").unwrap();
        sweep(&folder.path(""));
        assert_eq!(names(), 2);
    }
}
