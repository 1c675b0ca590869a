//! The write-ahead log: what a commit changed, in a small file beside the store, synced once. The store itself is written when the
//! log is full, many commits together: each of its own would cost a page for every level of every tree that it touches, and the list
//! of free pages, which makes the file quick to open.
//!
//! ```text
//!  batch -> log, synced -> commit in memory -> yes       ... log full -> batch -> commit on disk, new generation -> yes
//!                                                                                       (the log begins again)
//!  start -> file at its last commit on disk -> records of its generation done again -> commit on disk, no generation
//! ```
//!
//! The first block says which log this is: `sWAL`, the CRC-32 of what follows, and a random number of 4 bytes that is another one
//! each time that the log is opened or cleared. The upper half of each generation is that number, so that the log of another
//! store, an older copy and a log of zeros are told from one to which nothing was written yet. Records begin at the second block.
//!
//! A record is believed when its checksum, its generation and its number are right. The file knows the generation, which is
//! another one each time that the log begins: nothing that was left in the log by an earlier one is taken for a record of this
//! one. The number is that of the commit; what the file has is not done again.
//! A record that is not whole ends the log: it was being written when the power went, and nobody had a yes for it. One that has
//! whole ones behind it is damage, and told.
//!
//! | part of a record | bytes |
//! |---|---|
//! | `sWAL` | 4 |
//! | CRC-32 of all that follows | 4 |
//! | generation | 8 |
//! | number of the commit | 8 |
//! | length of what follows | 4 |
//! | the [`Changes`], deflated; as they are where that is one block | |
//! | zeros up to the next block of 4096 | |
//!
//! Numbers are little endian. A block is never written again within a generation: a yes does not depend on one being rewritten.

use std::io;
use std::path::{Path, PathBuf};

use flate2::{Compress, Compression, FlushCompress, Status, read::DeflateDecoder};
use redb::StorageBackend;

use super::table::changes::Changes;

/// Bytes of the file.
pub const LENGTH: u64 = 1024 * 1024;
/// A commit that changes more, in bytes, is written to the store itself.
pub const LARGEST: usize = 256 * 1024;
/// Bytes of changes, as they are, that a log holds: the pages of the store that they are in are in memory meanwhile.
const HELD: usize = 2 * 1024 * 1024;
pub const BLOCK: usize = 4096;
const MARK: &[u8; 4] = b"sWAL";
const HEAD: usize = 28;
/// Bytes before those of a stored block of deflate.
const STORED: usize = 5;
/// It is stored, and the last one.
const LAST_STORED: u8 = 1;
/// Bytes of the first block that say which log it is.
const IDENTITY: usize = 12;
/// A record that claims to hold more than this, in bytes, is none.
const INFLATED: u64 = 4 * LARGEST as u64;

/// Where the log of a file is.
pub fn path(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".wal");
    path.into()
}

/// The log of an open store, for writing.
#[derive(Debug)]
pub struct Wal<B> {
    file: B,
    /// Random name of this log: the store knows which one is its own.
    id: u32,
    /// Generations of it so far.
    count: u32,
    /// `None` until the store has been told of a new one, and after an error.
    generation: Option<u64>,
    /// Where the next record goes.
    at: u64,
    /// Bytes of the changes that it holds.
    held: usize,
    /// Kept from one record to the next: to make it is as much work as to deflate a small one.
    deflate: Compress,
}

impl<B: StorageBackend> Wal<B> {
    /// Over a file of [`LENGTH`] bytes, which need not be a log yet. Its blocks are there after this: no sync waits for the file
    /// system to find some. Nobody may rely on the log that was there.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn new(file: B) -> io::Result<Self> {
        let deflate = Compress::new(Compression::fast(), false);
        let mut wal = Self { file, id: 0, count: 0, generation: None, at: 0, held: 0, deflate };
        if wal.file.len()? == LENGTH {
            wal.identify()?;
        } else {
            wal.file.set_len(LENGTH)?;
            wal.clear()?;
        }
        Ok(wal)
    }

    /// True while records may be appended.
    pub fn is_begun(&self) -> bool {
        self.generation.is_some()
    }

    /// A generation that this log has not had yet.
    pub fn next(&mut self) -> u64 {
        self.count = self.count.wrapping_add(1);
        u64::from(self.id) << 32 | u64::from(self.count)
    }

    /// Begins again; the file on disk knows this generation.
    pub fn begin(&mut self, generation: u64) {
        (self.generation, self.at, self.held) = (Some(generation), BLOCK as u64, 0);
    }

    /// The file on disk knows no generation.
    pub fn end(&mut self) {
        self.generation = None;
    }

    /// Writes the changes of a commit down and syncs them. False when there is no room for them, or there are too many.
    ///
    /// # Errors
    /// Those of the disk: whether the record is there can be told only after the store has been opened again.
    pub fn append(&mut self, number: u64, changes: &Changes) -> io::Result<bool> {
        let (Some(generation), Some(bytes)) = (self.generation, changes.bytes()) else { return Ok(false) };
        if self.held + bytes.len() > HELD {
            return Ok(false);
        }
        let record = record(&mut self.deflate, generation, number, bytes)?;
        if self.at + record.len() as u64 > LENGTH {
            return Ok(false);
        }
        let written = self.file.write(self.at, &record).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => {
                self.at += record.len() as u64;
                self.held += bytes.len();
            }
            // What is on the disk now nobody knows: nothing may stand behind it.
            Err(_) => self.generation = None,
        }
        written.map(|()| true)
    }

    /// Overwrites all of it: what it held is gone. It is another log then, to which nothing was written.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn clear(&mut self) -> io::Result<()> {
        let zeros = vec![0; 64 * 1024];
        for at in (0..LENGTH).step_by(zeros.len()) {
            self.file.write(at, &zeros)?;
        }
        self.identify()
    }

    /// Writes down that this is another log from now on.
    fn identify(&mut self) -> io::Result<()> {
        self.generation = None;
        let mut id = [0; 4];
        getrandom::fill(&mut id).map_err(io::Error::other)?;
        let mut block = vec![0; BLOCK];
        block[..4].copy_from_slice(MARK);
        block[4..8].copy_from_slice(&crc32fast::hash(&id).to_le_bytes());
        block[8..IDENTITY].copy_from_slice(&id);
        self.file.write(0, &block)?;
        self.file.sync_data()?;
        (self.id, self.count) = (u32::from_le_bytes(id), 0);
        Ok(())
    }
}

fn record(deflate: &mut Compress, generation: u64, number: u64, changes: &[u8]) -> io::Result<Vec<u8>> {
    let mut record = Vec::with_capacity(BLOCK);
    record.extend(MARK);
    record.extend([0; 4]);
    record.extend(generation.to_le_bytes());
    record.extend(number.to_le_bytes());
    record.extend([0; 4]);
    match stored(changes) {
        Some(head) => {
            record.extend(head);
            record.extend(changes);
        }
        None => {
            deflate.reset();
            let mut end = Status::Ok;
            while end != Status::StreamEnd {
                record.reserve(BLOCK);
                let left = usize::try_from(deflate.total_in()).ok().and_then(|taken| changes.get(taken..));
                let left = left.ok_or(io::ErrorKind::InvalidData)?;
                end = deflate.compress_vec(left, &mut record, FlushCompress::Finish).map_err(io::Error::other)?;
            }
        }
    }
    let length = u32::try_from(record.len() - HEAD).map_err(io::Error::other)?;
    record[24..HEAD].copy_from_slice(&length.to_le_bytes());
    let check = crc32fast::hash(&record[8..]);
    record[4..8].copy_from_slice(&check.to_le_bytes());
    record.resize(record.len().next_multiple_of(BLOCK), 0);
    Ok(record)
}

/// What stands before bytes that deflate stores as they are (RFC 1951 section 3.2.4), where a record of them is one block: made smaller
/// it would be no shorter.
fn stored(changes: &[u8]) -> Option<[u8; STORED]> {
    let length = u16::try_from(changes.len()).ok().filter(|_| HEAD + STORED + changes.len() <= BLOCK)?;
    let ([low, high], [not_low, not_high]) = (length.to_le_bytes(), (!length).to_le_bytes());
    Some([LAST_STORED, low, high, not_low, not_high])
}

/// What a log ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its last record is whole.
    Whole,
    /// A record was begun and is not whole.
    Torn,
    /// A record is not whole although later ones are.
    Damaged,
}

/// The records of a generation in a log: number of the commit, and its changes.
pub struct Records<'a> {
    log: &'a [u8],
    generation: u64,
    /// Where the next one has to be.
    at: usize,
    before: Option<u64>,
    /// Numbers are missing before the next one.
    gap: bool,
}

impl<'a> Records<'a> {
    /// Those of `generation` in the bytes of a log.
    pub fn new(log: &'a [u8], generation: u64) -> Self {
        Self { log, generation, at: BLOCK, before: None, gap: false }
    }

    /// What stands behind the last one that was given.
    pub fn end(&self) -> End {
        if self.later().is_some() {
            return End::Damaged;
        }
        let begun = self.log.get(self.at + 8..self.at + 16) == Some(&self.generation.to_le_bytes());
        if begun { End::Torn } else { End::Whole }
    }

    /// Where the next whole record is whose number is above those that were given.
    fn later(&self) -> Option<usize> {
        let above = |number| self.before.is_none_or(|before| number > before);
        (self.at..self.log.len())
            .step_by(BLOCK)
            .find(|at| whole(self.log, *at, self.generation).is_some_and(|(number, ..)| above(number)))
    }

    /// Passes over what is not whole, to the next record that is: for what can still be saved of a damaged log.
    pub fn pass_over(&mut self) -> bool {
        let later = self.later();
        self.at = later.unwrap_or(self.log.len());
        self.gap = later.is_some();
        self.gap
    }
}

impl Iterator for Records<'_> {
    type Item = (u64, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        let (number, deflated, length) = whole(self.log, self.at, self.generation)?;
        if !std::mem::take(&mut self.gap) && self.before.is_some_and(|before| number != before + 1) {
            return None;
        }
        let mut changes = Vec::new();
        let inflated = DeflateDecoder::new(deflated);
        io::Read::read_to_end(&mut io::Read::take(inflated, INFLATED), &mut changes).ok()?;
        self.at += length;
        self.before = Some(number);
        Some((number, changes))
    }
}

/// The whole record at a place, if there is one: its number, its changes and its length.
fn whole(log: &[u8], at: usize, generation: u64) -> Option<(u64, &[u8], usize)> {
    let record = log.get(at..)?;
    let head = record.get(..HEAD)?;
    let number = |from: usize| u64::from_le_bytes(head[from..from + 8].try_into().expect("eight bytes of the head"));
    let word = |from: usize| u32::from_le_bytes(head[from..from + 4].try_into().expect("four bytes of the head"));
    let end = HEAD.checked_add(word(24) as usize)?;
    let body = record.get(8..end)?;
    let right = head.starts_with(MARK) && number(8) == generation && word(4) == crc32fast::hash(body);
    right.then(|| (number(16), &record[HEAD..end], end.next_multiple_of(BLOCK)))
}

/// The generation of the first record of a log, for when the file does not say it any more.
pub fn first_generation(log: &[u8]) -> Option<u64> {
    let generation = u64::from_le_bytes(log.get(BLOCK + 8..BLOCK + 16)?.try_into().ok()?);
    whole(log, BLOCK, generation).map(|_| generation)
}

/// True when a generation is one of this log.
pub fn belongs(log: &[u8], generation: u64) -> bool {
    let Some(identity) = log.get(..IDENTITY) else { return false };
    identity.starts_with(MARK)
        && identity[4..8] == crc32fast::hash(&identity[8..]).to_le_bytes()
        && identity[8..] == generation.to_le_bytes()[4..]
}

#[cfg(test)]
mod tests;
