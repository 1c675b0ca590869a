//! Disk space, and making changes to a folder last.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, FallocateFlags, OFlags, fadvise, fallocate, statvfs};
use rustix::io::pread;

/// Multiple of every block size of a disk that is in use.
const BLOCK: u64 = 4096;

/// Bytes that an unprivileged process may still write to the file system of `path`.
///
/// # Errors
/// When `path` does not exist or cannot be reached.
pub fn free(path: &Path) -> io::Result<u64> {
    let room = statvfs(path)?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize))
}

/// True when the file system of `path` is mounted so that it can only be read.
pub fn is_read_only(path: &Path) -> bool {
    statvfs(path).is_ok_and(|room| room.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))
}

/// Writes a small file into `folder`, syncs it, and removes it.
///
/// # Errors
/// Those of the disk.
pub fn try_to_write(folder: &Path) -> io::Result<()> {
    let path = folder.join("disk.probe");
    let made = File::options().write(true).create(true).truncate(true).mode(0o600).open(&path);
    let written = made.and_then(|mut file| file.write_all(&[0; BLOCK as usize]).and_then(|()| file.sync_all()));
    let removed = fs::remove_file(&path);
    written.and(removed)
}

/// Makes names created, renamed or removed in `folder` survive a power cut. The files' contents need their own sync.
///
/// # Errors
/// Those of the disk; then nothing may be called kept.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Drops the pages of a file that the system holds in memory, but for those that wait to be written.
///
/// # Errors
/// Those of the system.
pub fn forget_pages(file: &File) -> io::Result<()> {
    Ok(fadvise(file, 0, None, Advice::DontNeed)?)
}

/// Reads `out.len()` bytes at `offset` from the disk itself, past the pages in memory; from these where the file system
/// cannot do that. What lies behind the end of the file reads as zeros.
///
/// # Errors
/// Those of the disk.
pub fn read_through(path: &Path, offset: u64, out: &mut [u8]) -> io::Result<()> {
    let flags = i32::try_from(OFlags::DIRECT.bits()).unwrap_or_default();
    let opened = File::options().read(true).custom_flags(flags).open(path);
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => File::open(path)?,
        opened => opened?,
    };
    // Offset, length and memory of a direct read are multiples of a block.
    let (start, end) = (offset / BLOCK * BLOCK, (offset + out.len() as u64).next_multiple_of(BLOCK));
    let length = usize::try_from(end - start).map_err(io::Error::other)?;
    let mut memory = vec![0_u8; length + BLOCK as usize];
    let aligned = memory.as_ptr().align_offset(BLOCK as usize);
    let block = &mut memory[aligned..aligned + length];
    let mut done = 0;
    while done < length {
        match pread(&file, &mut block[done..], start + done as u64)? {
            0 => break,
            read => done += read,
        }
    }
    let skip = usize::try_from(offset - start).map_err(io::Error::other)?;
    out.copy_from_slice(&block[skip..skip + out.len()]);
    Ok(())
}

/// A file that does nothing but take up room, so that there is some to give when the disk is full.
///
/// A store that met a full disk has to be closed and opened again, and then to delete; both may need a few pages.
#[derive(Debug)]
pub struct Ballast {
    path: PathBuf,
    bytes: u64,
}

impl Ballast {
    /// The ballast of `folder`, `kib` KiB; nothing is written yet.
    pub fn new(folder: &Path, kib: u64) -> Self {
        Self { path: folder.join("ballast"), bytes: kib * 1024 }
    }

    /// Takes the room up, if that is not so already. To be called at start and again when the disk has room.
    ///
    /// # Errors
    /// When the disk has not that much; then nothing is taken.
    pub fn keep(&self) -> io::Result<()> {
        if self.is_kept() {
            return Ok(());
        }
        let taken = self.take_up();
        if taken.is_err() {
            // What could be had is of more use to the store.
            fs::remove_file(&self.path)?;
        }
        taken
    }

    /// Gives the room back. Returns whether there was any to give.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn release(&self) -> io::Result<bool> {
        match fs::remove_file(&self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// True while the room is really taken; a file with holes is none.
    pub fn is_kept(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|file| file.len() >= self.bytes && file.blocks() * 512 >= self.bytes)
    }

    fn take_up(&self) -> io::Result<()> {
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&self.path)?;
        match fallocate(&file, FallocateFlags::empty(), 0, self.bytes) {
            Ok(()) => {}
            // File systems that cannot reserve have to be written to.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                for _ in 0..self.bytes / 1024 {
                    file.write_all(&[0x5a; 1024])?;
                }
            }
            Err(error) => return Err(error.into()),
        }
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use testing::Folder;

    use super::*;

    #[test]
    fn ballast_takes_room_and_gives_it_back() {
        let folder = Folder::new();
        let ballast = Ballast::new(&folder, 256);
        assert!(!ballast.is_kept());
        assert!(!ballast.release().unwrap());
        assert!(ballast.keep().is_ok() && fs::metadata(folder.path("ballast")).unwrap().mode() & 0o077 == 0);
        ballast.release().unwrap();
        ballast.keep().unwrap();
        assert!(ballast.is_kept());
        ballast.keep().unwrap();
        assert!(ballast.release().unwrap());
        assert!(!ballast.is_kept());
    }

    #[test]
    fn a_file_with_holes_is_no_ballast() {
        let folder = Folder::new();
        let ballast = Ballast::new(&folder, 256);
        File::create(&ballast.path).unwrap().set_len(256 * 1024).unwrap();
        assert!(!ballast.is_kept());
        ballast.keep().unwrap();
        assert!(ballast.is_kept());
    }

    #[test]
    fn a_ballast_larger_than_the_disk_leaves_nothing_behind() {
        let folder = Folder::new();
        // No file system takes a file of an exbibyte, so none is filled at the cost of all else on this machine.
        let ballast = Ballast::new(&folder, 1 << 50);
        assert!(ballast.keep().is_err());
        assert!(!ballast.path.exists());
    }

    #[test]
    fn room_and_sync_need_a_real_folder() {
        let folder = Folder::new();
        assert!(free(&folder).unwrap() > 0);
        sync_folder(&folder).unwrap();
        let nowhere = folder.join("nowhere");
        assert!(free(&nowhere).is_err() && sync_folder(&nowhere).is_err());
    }
}
