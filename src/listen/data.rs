//! Takes the mail after DATA: finds its end, undoes dot-stuffing, keeps it in memory or in a spool file. What comes by BDAT
//! is read in [`chunks`].
//!
//! Only CR LF `.` CR LF ends a mail (RFC 5321 section 4.1.1.4). Servers that also take LF `.` LF and its relatives
//! let one mail be read as two ("SMTP smuggling"), so a mail with a bare CR or LF anywhere is refused after its end.
//!
//! From old devices that the owner named, a bare LF is a line end like any other. Then nothing that follows the mail is read:
//! the connection ends with it, so that there is no second mail.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::Body;

pub mod chunks;

/// A mail up to this size stays in memory, in bytes; also the size of one write to a spool file.
pub const IN_MEMORY: usize = 64 * 1024;

/// Ending of spool files; [`sweep`] removes what a crash left of them.
const ENDING: &str = "part";

/// Why a mail that was sent to its end cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// A CR without LF or a LF without CR.
    BareLineEnd,
    /// Larger than the limit that was announced (SIZE).
    TooBig,
    /// No space on the disk, or the disk failed.
    NoRoom,
}

/// What became of a piece of input.
#[derive(Debug)]
pub enum Progress {
    /// All of it was used; more has to come.
    More,
    /// The mail ended after so many bytes of the piece.
    End(usize, Result<Body, Flaw>),
    /// More than twice the limit came without an end: close the connection.
    Flood,
}

/// Reads one mail, in pieces of any size.
#[derive(Debug)]
pub struct Reader {
    at: At,
    seen: u64,
    /// A bare LF is a line end.
    lenient: bool,
    /// A bare line end came.
    bare: bool,
    contents: Contents,
}

/// What came of a mail within its limit, as long as it has no flaw.
#[derive(Debug)]
struct Contents {
    limit: u64,
    flaw: Option<Flaw>,
    store: Spool,
}

/// What the last byte was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// CR LF, or the beginning.
    LineStart,
    Text,
    Cr,
    /// The dot at the start of a line.
    Dot,
    /// A CR behind that dot.
    DotCr,
}

impl Reader {
    /// Makes the reader of a mail of at most `limit` bytes; large ones go into `folder`.
    pub fn new(limit: u64, folder: &Path) -> Self {
        let contents = Contents::new(limit, folder);
        Self { at: At::LineStart, seen: 0, lenient: false, bare: false, contents }
    }

    /// The same for a device that may end its lines with LF alone.
    pub fn lenient(self, lenient: bool) -> Self {
        Self { lenient, ..self }
    }

    /// A line of the mail ended with LF alone, and that was allowed: nothing behind the mail may be read.
    pub fn is_bare(&self) -> bool {
        self.bare
    }

    /// Bytes that came so far.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Takes the next bytes, as far as they belong to the mail.
    pub fn take(&mut self, piece: &[u8]) -> Progress {
        let mut used = 0;
        while let Some(&byte) = piece.get(used) {
            if self.at == At::Text {
                let rest = &piece[used..];
                let text = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
                self.contents.keep(&rest[..text]);
                used += text;
                if text > 0 {
                    continue;
                }
            }
            used += 1;
            if self.step(byte) {
                self.seen += used as u64;
                return Progress::End(used, self.contents.finish());
            }
        }
        self.seen += used as u64;
        if self.contents.is_flood(self.seen) { Progress::Flood } else { Progress::More }
    }

    /// Takes one byte; true when it ended the mail.
    fn step(&mut self, byte: u8) -> bool {
        self.at = match (self.at, byte) {
            (At::DotCr, b'\n') => return true,
            (At::Cr, b'\n') => {
                self.contents.keep(b"\r\n");
                At::LineStart
            }
            (At::Cr | At::DotCr, _) => {
                self.contents.flaw(Flaw::BareLineEnd);
                if byte == b'\r' { At::Cr } else { At::Text }
            }
            (At::LineStart, b'.') => At::Dot,
            (At::Dot, b'\r') => At::DotCr,
            (_, b'\r') => At::Cr,
            (At::Dot, b'\n') if self.lenient => {
                self.bare = true;
                return true;
            }
            (_, b'\n') if self.lenient => {
                self.bare = true;
                self.contents.keep(b"\r\n");
                At::LineStart
            }
            (_, b'\n') => {
                self.contents.flaw(Flaw::BareLineEnd);
                At::Text
            }
            (_, other) => {
                self.contents.keep(&[other]);
                At::Text
            }
        };
        false
    }
}

impl Contents {
    fn new(limit: u64, folder: &Path) -> Self {
        Self { limit, flaw: None, store: Spool::new(folder) }
    }

    /// True for more bytes than a client sends that stops at the limit.
    fn is_flood(&self, seen: u64) -> bool {
        seen > self.limit.saturating_mul(2)
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.flaw.is_some() {
            return;
        }
        if self.store.size + bytes.len() as u64 > self.limit {
            return self.flaw(Flaw::TooBig);
        }
        if let Err(e) = self.store.write(bytes) {
            log::warn!("smtp: cannot spool a mail: {e}");
            self.flaw(Flaw::NoRoom);
        }
    }

    /// Notes a flaw: the first one decides, and what was kept so far is dropped.
    fn flaw(&mut self, flaw: Flaw) {
        if self.flaw.is_none() {
            self.flaw = Some(flaw);
            self.store = Spool::new(&self.store.folder);
        }
    }

    fn finish(&mut self) -> Result<Body, Flaw> {
        if let Some(flaw) = self.flaw {
            return Err(flaw);
        }
        let folder = self.store.folder.clone();
        std::mem::replace(&mut self.store, Spool::new(&folder)).finish().map_err(|e| {
            log::warn!("smtp: cannot spool a mail: {e}");
            Flaw::NoRoom
        })
    }
}

/// A mail in a file of its own, synced to disk with its folder. The file is removed when this is dropped.
#[derive(Debug)]
pub struct Spooled {
    path: PathBuf,
}

impl Spooled {
    /// Gives the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        // What fails here is repaired by `sweep`.
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes the spool files that a crash left in `folder`; for the start, before any listener opens.
///
/// # Errors
/// When the folder cannot be read.
pub fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Bytes on their way into memory, or into a file when they are many.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    size: u64,
    /// What is not in the file yet.
    memory: Vec<u8>,
    file: Option<(File, Spooled)>,
}

impl Spool {
    /// Makes an empty one; a file would be made in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), size: 0, memory: Vec::new(), file: None }
    }

    /// Bytes written so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.memory.len() + bytes.len() > IN_MEMORY {
            self.flush()?;
        }
        self.memory.extend_from_slice(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(create(&self.folder)?);
        }
        if let Some((file, _)) = &mut self.file {
            file.write_all(&self.memory)?;
        }
        self.memory.clear();
        Ok(())
    }

    /// Gives all that was written; a file is synced with its folder.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn finish(mut self) -> io::Result<Body> {
        if self.file.is_some() {
            self.flush()?;
        }
        let Some((file, spooled)) = self.file else {
            return Ok(Body::Memory(self.memory));
        };
        file.sync_all()?;
        File::open(&self.folder)?.sync_all()?;
        Ok(Body::File(spooled))
    }
}

/// Makes a new file that only this user can read.
fn create(folder: &Path) -> io::Result<(File, Spooled)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        // Relaxed: only the number has to differ from the others.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{}-{number}.{ENDING}", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((file, Spooled { path })),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
}

#[cfg(test)]
mod tests;
