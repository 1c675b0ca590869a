//! The spool folder: mails too large for the store itself, one file each.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::fault::Fault;

/// Folder of the spool files.
pub fn folder(data: &Path) -> PathBuf {
    data.join("spool")
}

/// Makes the data folder and the spool folder, readable by their owner only.
pub fn prepare(data: &Path) -> Result<(), Fault> {
    let spool = folder(data);
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&spool);
    made.and_then(|()| fs::set_permissions(data, fs::Permissions::from_mode(0o700))).map_err(|error| {
        Fault::operator(format!(
            "{} cannot be used as the data folder: {error}. Name another with --data, or mend its rights",
            data.display()
        ))
    })
}

/// Reads a spool file.
pub fn read(data: &Path, name: &str) -> io::Result<Vec<u8>> {
    fs::read(folder(data).join(name))
}

/// Removes files that no message refers to: left by a crash between the file and the commit.
pub fn sweep(data: &Path, known: impl Fn(&str) -> bool) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(folder(data))? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.to_str().is_some_and(&known) {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Makes the names in a folder durable.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
