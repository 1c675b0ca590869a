//! The files of the store on a real disk: for the box alone, with the pages of each that the system holds in memory.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{Builder, DatabaseError, ReadOnlyDatabase};

use super::synced_file::{self, Cache, SyncedFile};
use crate::sys::disk;

/// redb's page cache, in bytes; more is memory that a small board has better use for.
pub const CACHE: usize = 4 * 1024 * 1024;

/// A file whose failed syncs are made good or given out.
pub type OnDisk = SyncedFile<FileBackend, PageCache>;

/// The page cache of a file that is read once, from its beginning to its end, in bytes.
const LOOK: usize = 1024 * 1024;

/// Opens a store or a backup to look at it, in little memory: redb's own cache grows to a gigabyte.
///
/// # Errors
/// Those of redb and of the disk.
pub fn look_at(path: &Path) -> Result<ReadOnlyDatabase, DatabaseError> {
    Builder::new().set_cache_size(LOOK).open_read_only(path)
}

/// Opens a file for the box alone, and makes it where there is none; it will have the name `name`.
///
/// # Errors
/// Those of the disk.
pub fn open(path: &Path, name: &Path) -> io::Result<OnDisk> {
    let made = !path.exists();
    let file = File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    // Root makes it for the user of the box.
    if made
        && rustix::process::geteuid().is_root()
        && let Some(folder) = path.parent()
    {
        let folder = fs::metadata(folder)?;
        chown(path, Some(folder.uid()), Some(folder.gid()))?;
    }
    // One that was copied here, or made by an older version, may be open to others.
    if file.metadata()?.mode() & 0o077 != 0
        && let Err(error) = file.set_permissions(Permissions::from_mode(0o600))
    {
        log::warn!("{} may be open to other users, and its rights cannot be changed: {error}", path.display());
    }
    let cache = PageCache { path: name.to_owned(), file: file.try_clone()? };
    let file = FileBackend::new(file).map_err(io::Error::other)?;
    SyncedFile::new(file, cache, synced_file::PATIENCE)
}

/// The pages of the file that the system holds in memory.
#[derive(Debug)]
pub struct PageCache {
    path: PathBuf,
    file: File,
}

impl Cache for PageCache {
    fn forget(&self) -> std::io::Result<()> {
        disk::forget_pages(&self.file)
    }

    fn read_through(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        disk::read_through(&self.path, offset, out)
    }
}
