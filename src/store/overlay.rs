//! A store whose disk cannot be written: the file is read as it is, and what is written stays in memory. So everything can
//! still be looked at, and somebody can log in to do that; with the process the writes are gone.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::{Database, DatabaseError, StorageBackend};

/// Bytes of a piece that is kept in memory once it is written to.
const PIECE: u64 = 4096;
/// redb's page cache; what is written is in memory already.
const CACHE: usize = 4 * 1024 * 1024;

/// Opens a store without writing to it. After an unclean end the pages that a repair writes are in memory.
///
/// # Errors
/// When the file cannot be read.
pub fn open(path: &Path) -> Result<Database, DatabaseError> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let overlay = Overlay { file, memory: Mutex::new(Memory { length, on_disk: length, pieces: BTreeMap::new() }) };
    Database::builder().set_cache_size(CACHE).create_with_backend(overlay)
}

#[derive(Debug)]
struct Overlay {
    file: File,
    memory: Mutex<Memory>,
}

#[derive(Debug)]
struct Memory {
    /// Of the whole, as redb sees it.
    length: u64,
    /// What is read from the file ends here: it was cut there at least once.
    on_disk: u64,
    /// Pieces that were written to, by their number.
    pieces: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A piece as it is on the disk; zeros behind its end.
    fn piece_of_file(&self, memory: &Memory, number: u64) -> io::Result<Vec<u8>> {
        // A piece fits a usize.
        let mut piece = vec![0; PIECE as usize];
        let start = number * PIECE;
        let there = memory.on_disk.saturating_sub(start).min(PIECE) as usize;
        self.file.read_exact_at(&mut piece[..there], start)?;
        Ok(piece)
    }

    /// Goes through the pieces of a range: number, place in the piece, place in the range, length.
    fn each(
        offset: u64,
        length: usize,
        mut act: impl FnMut(u64, usize, usize, usize) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut done = 0;
        while done < length {
            let at = offset + done as u64;
            // Both are below the size of a piece.
            let (inside, left) = ((at % PIECE) as usize, (PIECE - at % PIECE) as usize);
            let count = left.min(length - done);
            act(at / PIECE, inside, done, count)?;
            done += count;
        }
        Ok(())
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.memory().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let memory = self.memory();
        if offset + out.len() as u64 > memory.length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Self::each(offset, out.len(), |number, inside, done, count| {
            let target = &mut out[done..done + count];
            match memory.pieces.get(&number) {
                Some(piece) => target.copy_from_slice(&piece[inside..inside + count]),
                None => target.copy_from_slice(&self.piece_of_file(&memory, number)?[inside..inside + count]),
            }
            Ok(())
        })
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut memory = self.memory();
        memory.on_disk = memory.on_disk.min(length);
        memory.length = length;
        memory.pieces.retain(|number, _| number * PIECE < length);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut memory = self.memory();
        memory.length = memory.length.max(offset + data.len() as u64);
        Self::each(offset, data.len(), |number, inside, done, count| {
            if !memory.pieces.contains_key(&number) {
                let piece = self.piece_of_file(&memory, number)?;
                memory.pieces.insert(number, piece);
            }
            if let Some(piece) = memory.pieces.get_mut(&number) {
                piece[inside..inside + count].copy_from_slice(&data[done..done + count]);
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use redb::{ReadableDatabase, TableDefinition};
    use testing::Folder;

    use super::*;

    const TABLE: TableDefinition<u64, &[u8]> = TableDefinition::new("numbers");

    fn fill(database: &Database, from: u64) {
        let txn = database.begin_write().unwrap();
        for number in from..from + 500 {
            txn.open_table(TABLE).unwrap().insert(number, [number as u8; 3000].as_slice()).unwrap();
        }
        txn.commit().unwrap();
    }

    fn count(database: &Database) -> u64 {
        let table = database.begin_read().unwrap().open_table(TABLE).unwrap();
        (0..2000)
            .filter(|number| table.get(number).unwrap().is_some_and(|row| row.value() == [*number as u8; 3000]))
            .count() as u64
    }

    #[test]
    fn what_is_there_is_read_and_what_is_written_stays_in_memory() {
        let folder = Folder::new();
        let path = folder.path("file");
        let database = Database::create(&path).unwrap();
        fill(&database, 0);
        drop(database);
        let before = std::fs::read(&path).unwrap();
        let overlay = open(&path).unwrap();
        assert_eq!(count(&overlay), 500);
        fill(&overlay, 500);
        fill(&overlay, 1000);
        assert_eq!(count(&overlay), 1500);
        drop(overlay);
        assert!(std::fs::read(&path).unwrap() == before, "the file is as it was");
        assert_eq!(count(&open(&path).unwrap()), 500);
    }

    #[test]
    fn a_file_that_was_not_closed_is_repaired_in_memory() {
        let folder = Folder::new();
        let (path, copy) = (folder.path("file"), folder.path("copy"));
        let database = Database::create(&path).unwrap();
        fill(&database, 0);
        std::fs::copy(&path, &copy).unwrap();
        assert_eq!(count(&open(&copy).unwrap()), 500);
        assert!(open(&folder.path("none")).is_err());
    }
}
