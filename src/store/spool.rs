//! The spool folder: mails too large for the store itself, one file each.

use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::fault::Fault;

/// Folder of the spool files.
pub fn folder(data: &Path) -> PathBuf {
    data.join("spool")
}

/// Looks whether a store may be begun in the data folder, where there is none.
///
/// # Errors
/// For the operator: there was one, or the folder holds somebody else's files, whose rights would change.
pub fn may_begin(data: &Path) -> Result<(), Fault> {
    let file = data.join(super::FILE);
    // A file of no bytes is what a power cut leaves of one; a missing one is worse.
    let gone = match fs::metadata(&file) {
        Ok(file) if file.len() > 0 => None,
        Ok(_) => Some("is empty"),
        Err(_) => Some("is missing"),
    };
    if let Some(gone) = gone {
        if let Some(trace) = trace(data) {
            return Err(Fault::operator(format!(
                "{} {gone} although this folder was in use (there is {trace}): restore a backup with 'satpost restore', or move \
                 the folder away to begin anew",
                file.display()
            )));
        }
        if gone == "is missing" {
            return not_others(data);
        }
    }
    Ok(())
}

/// Looks whether a backup may be put into the data folder: a store is there, or was, or nothing.
///
/// # Errors
/// For the operator: the folder holds somebody else's files.
pub fn may_restore(data: &Path) -> Result<(), Fault> {
    if data.join(super::FILE).exists() || trace(data).is_some() { Ok(()) } else { not_others(data) }
}

fn not_others(data: &Path) -> Result<(), Fault> {
    if holds_other_things(data) {
        return Err(Fault::operator(format!(
            "{} holds other things and no box: name an empty folder with --data, or one that is not there yet",
            data.display()
        )));
    }
    Ok(())
}

/// Makes the data folder and the spool folder, readable by their owner only.
///
/// # Errors
/// For the operator: the folder cannot be made or used.
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

/// True for a folder with files in it that no box made; hidden ones and those of a fresh disk do not count.
fn holds_other_things(data: &Path) -> bool {
    let ours = |name: &str| name.starts_with('.') || ["lost+found", "spool"].contains(&name);
    fs::read_dir(data).is_ok_and(|mut entries| {
        entries.any(|entry| entry.is_ok_and(|entry| !ours(&entry.file_name().to_string_lossy())))
    })
}

/// The name of something in a folder that only a box makes whose store was open: its ballast, a certificate, a mail in the
/// spool, a store that was put aside.
fn trace(data: &Path) -> Option<String> {
    let made = ["ballast", "tls-key.pem", "tls-certificate.pem", "incoming", "control.sock", "web.sock"];
    let kept = [format!("{}.", super::FILE), "spool.old-".to_owned()];
    let ours = |name: &str| made.contains(&name) || kept.iter().any(|begin| name.starts_with(begin.as_str()));
    let names = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    let here = names(data).into_iter().find(|name| ours(name));
    here.or_else(|| names(&folder(data)).into_iter().next().map(|name| format!("spool/{name}")))
}

/// A file of the spool folder, on disk; removed with the last handle of it, unless a commit kept a mail that refers to it.
#[derive(Debug)]
pub struct Spooled {
    path: PathBuf,
    /// Its name in the spool folder.
    pub name: String,
    /// Size of the file in bytes.
    pub size: u64,
    /// CRC-32 of them.
    pub check: u32,
    kept: AtomicBool,
}

impl Spooled {
    /// Its beginning, of at most so many bytes.
    pub(super) fn start(&self, most: usize) -> io::Result<Vec<u8>> {
        let mut start = Vec::new();
        File::open(&self.path)?.take(most as u64).read_to_end(&mut start)?;
        Ok(start)
    }

    /// A message refers to it now.
    pub(super) fn keep(&self) {
        self.kept.store(true, Ordering::SeqCst);
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        if !*self.kept.get_mut() {
            // What stays behind is swept at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes `front` and then the content of `from`, where there is that, into a new spool file, and syncs it and its name.
pub fn keep(data: &Path, front: &[u8], from: Option<&Path>) -> io::Result<Spooled> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let name = crate::hex::encode(&random);
    let path = folder(data).join(&name);
    let mut spooled = Spooled { path, name, size: 0, check: 0, kept: AtomicBool::new(false) };
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&spooled.path)?;
    let mut writer = Summed { inner: &mut file, sum: crc32fast::Hasher::new() };
    writer.write_all(front)?;
    spooled.size = front.len() as u64;
    if let Some(from) = from {
        spooled.size += io::copy(&mut File::open(from)?, &mut writer)?;
    }
    spooled.check = writer.sum.finalize();
    file.sync_all()?;
    crate::sys::disk::sync_folder(&folder(data))?;
    Ok(spooled)
}

/// Another name for a spool file, synced; a copy where the disk has no links.
pub fn again(data: &Path, file: &Spooled) -> io::Result<Spooled> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let name = crate::hex::encode(&random);
    let path = folder(data).join(&name);
    if fs::hard_link(&file.path, &path).is_err() {
        return keep(data, &[], Some(&file.path));
    }
    let linked = Spooled { path, name, size: file.size, check: file.check, kept: AtomicBool::new(false) };
    crate::sys::disk::sync_folder(&folder(data))?;
    Ok(linked)
}

/// Sums up what passes through.
struct Summed<W> {
    inner: W,
    sum: crc32fast::Hasher,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Size and CRC-32 of a file.
pub fn check(path: &Path) -> io::Result<(u64, u32)> {
    let mut sink = Summed { inner: io::sink(), sum: crc32fast::Hasher::new() };
    let size = io::copy(&mut File::open(path)?, &mut sink)?;
    Ok((size, sink.sum.finalize()))
}

/// Reads a spool file.
pub fn read(data: &Path, name: &str) -> io::Result<Vec<u8>> {
    fs::read(folder(data).join(name))
}

/// Names of all spool files.
pub fn names(data: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(folder(data))?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// Removes a spool file.
pub fn remove(data: &Path, name: &str) -> io::Result<()> {
    fs::remove_file(folder(data).join(name))
}
