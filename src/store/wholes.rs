//! Whole mails on their way: files of packed bytes that grow piece by piece and are synced before anybody says that they
//! are here.
//!
//! A file is no part of the box's memory: whoever sends it begins again where it ends, or from the start when it is gone. So
//! a backup does not hold them, and what grows old is removed.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::Duration;

use super::Store;
use crate::clock::Time;

/// Name of the folder in the data folder.
const FOLDER: &str = "wholes";
/// What was not touched for so long is removed.
const KEPT: Duration = Duration::from_secs(3 * 86_400);

impl Store {
    fn whole_file(&self, name: &str) -> PathBuf {
        self.folder().join(FOLDER).join(name)
    }

    /// Syncs what is here of a mail, and gives how many bytes that is; 0 when there are none.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn whole_got(&self, name: &str) -> io::Result<u64> {
        // What was written before a crash need not be on the disk.
        match File::open(self.whole_file(name)).and_then(|file| file.sync_all().and_then(|()| file.metadata())) {
            Ok(file) => Ok(file.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Writes bytes behind the first `from` of a mail, and syncs them; gives how many there are then.
    ///
    /// # Errors
    /// When the disk is full or fails. What was there before is there still, and nothing behind it.
    pub fn whole_append(&self, name: &str, from: u64, bytes: &[u8]) -> io::Result<u64> {
        let path = self.whole_file(name);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(self.folder().join(FOLDER))?;
        let new = !path.exists();
        let mut file = File::options().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        // What a crash left behind the synced part goes.
        file.set_len(from)?;
        file.seek(SeekFrom::Start(from))?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        if written.is_err() {
            // A disk that is full takes this.
            file.set_len(from)?;
        }
        written?;
        if new {
            crate::sys::disk::sync_folder(&self.folder().join(FOLDER))?;
        }
        Ok(from + bytes.len() as u64)
    }

    /// Keeps mails of which all bytes are here, by name, and syncs them; what is here already stays.
    ///
    /// # Errors
    /// When the disk is full or fails: some of them may be here then.
    pub fn whole_keep(&self, mails: &[(String, &[u8])]) -> io::Result<()> {
        if mails.is_empty() {
            return Ok(());
        }
        let folder = self.folder().join(FOLDER);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        for (name, bytes) in mails {
            let path = self.whole_file(name);
            let here =
                File::open(&path).and_then(|file| file.metadata()).is_ok_and(|it| it.len() == bytes.len() as u64);
            if here && fs::read(&path)? == *bytes {
                // What was written before a crash need not be on the disk.
                File::open(&path)?.sync_all()?;
                continue;
            }
            let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            if let Err(error) = file.write_all(bytes).and_then(|()| file.sync_all()) {
                self.whole_drop(name);
                return Err(error);
            }
        }
        crate::sys::disk::sync_folder(&folder)
    }

    /// The bytes of a mail that are here; `None` when there are none.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn whole_bytes(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.whole_file(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes what is here of a mail.
    pub fn whole_drop(&self, name: &str) {
        // What cannot be removed now is swept later.
        let _ = fs::remove_file(self.whole_file(name));
    }

    /// How many there are, and the bytes of all of them.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn wholes_here(&self) -> io::Result<(usize, u64)> {
        let files = self.whole_files()?;
        Ok((files.len(), files.iter().map(|(_, file)| file.len()).sum()))
    }

    /// Removes those that nobody touched for three days.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sweep_wholes(&self, now: Time) -> io::Result<()> {
        for (path, file) in self.whole_files()? {
            let touched = file.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            let touched = Time(i64::try_from(touched.as_millis()).unwrap_or(i64::MAX));
            if touched.0.saturating_add(i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX)) < now.0 {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn whole_files(&self) -> io::Result<Vec<(PathBuf, fs::Metadata)>> {
        let entries = match fs::read_dir(self.folder().join(FOLDER)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        entries.map(|entry| entry.and_then(|entry| Ok((entry.path(), entry.metadata()?)))).collect()
    }
}
