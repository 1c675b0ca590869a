//! The file under redb, made so that a sync that failed is never taken for one that worked.
//!
//! After a failed `fsync` Linux marks the pages clean: a second `fsync` succeeds, a read shows what is in memory, and the
//! disk has neither. Writing the same bytes again does not help either where the blocks were new, as long as the pages
//! stay cached. So this file keeps what was written since the last good sync, and when a sync fails:
//!
//! ```text
//!  sync fails -> drop the cached pages -> write all of it again -> sync -> read it back from the disk -> equal? -> good
//!                     ^                                                                                  |
//!                     +------------------------- wait, until the limit is over <------ error, or not -----+
//! ```
//!
//! When the limit passes, redb gets the error and the store is closed; before it is opened again the cached pages are
//! dropped, so that what is read then is what the disk has.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use redb::{BackendError, StorageBackend};

/// Bytes of writes that are kept; a transaction that writes more cannot be written again, and its error is given out.
const KEPT: usize = 32 * 1024 * 1024;
/// A failed sync is tried again for so long: well below the time that callers of the store wait.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Wait between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// What stands between a file and its disk.
pub trait Cache: std::fmt::Debug + Send + Sync {
    /// Drops the pages of the file that are in memory and not waiting to be written.
    ///
    /// # Errors
    /// Those of the system.
    fn forget(&self) -> io::Result<()>;

    /// Reads from the disk, past the pages in memory where the file system can do that.
    ///
    /// # Errors
    /// Those of the disk.
    fn read_through(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
}

/// A storage for redb over another one, whose failed syncs are made good or given out.
#[derive(Debug)]
pub struct SyncedFile<B, C> {
    inner: B,
    cache: C,
    patience: Duration,
    unsynced: Mutex<Unsynced>,
}

/// What was written since the last good sync: pieces that do not overlap, by offset.
#[derive(Debug, Default)]
struct Unsynced {
    pieces: BTreeMap<u64, Vec<u8>>,
    bytes: usize,
    /// More was written than is kept.
    overflow: bool,
}

impl Unsynced {
    fn write(&mut self, offset: u64, data: &[u8]) {
        if self.overflow {
            return;
        }
        let end = offset + data.len() as u64;
        self.cut(offset, end);
        self.bytes += data.len();
        self.pieces.insert(offset, data.to_vec());
        if self.bytes > KEPT {
            *self = Self { overflow: true, ..Self::default() };
        }
    }

    /// Takes a range out, so that what is written last is all there is of it.
    fn cut(&mut self, from: u64, to: u64) {
        let touched: Vec<u64> = self
            .pieces
            .range(..to)
            .rev()
            .take_while(|(at, piece)| *at + piece.len() as u64 > from)
            .map(|(at, _)| *at)
            .collect();
        for at in touched {
            // The key was just read from the map.
            let Some(piece) = self.pieces.remove(&at) else { continue };
            self.bytes -= piece.len();
            let end = at + piece.len() as u64;
            let mut keep = |at: u64, part: &[u8]| {
                self.bytes += part.len();
                self.pieces.insert(at, part.to_vec());
            };
            // Both differences are shorter than the piece, which is in memory.
            if at < from {
                keep(at, &piece[..(from - at) as usize]);
            }
            if end > to {
                keep(to, &piece[(to - at) as usize..]);
            }
        }
    }
}

impl<B: StorageBackend, C: Cache> SyncedFile<B, C> {
    /// Over `inner`, whose pages `cache` can drop. What an earlier process left unsynced in memory is dropped first.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new(inner: B, cache: C, patience: Duration) -> io::Result<Self> {
        cache.forget()?;
        Ok(Self { inner, cache, patience, unsynced: Mutex::default() })
    }

    fn unsynced(&self) -> std::sync::MutexGuard<'_, Unsynced> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes everything again past the pages that the system believes to be clean, and looks whether the disk has it.
    fn write_again(&self, unsynced: &Unsynced) -> io::Result<()> {
        self.cache.forget()?;
        for (offset, piece) in &unsynced.pieces {
            self.inner.write(*offset, piece)?;
        }
        self.inner.sync_data()?;
        self.cache.forget()?;
        let mut found = Vec::new();
        for (offset, piece) in &unsynced.pieces {
            found.resize(piece.len(), 0);
            self.cache.read_through(*offset, &mut found)?;
            if found != *piece {
                return Err(io::Error::other("the disk does not hold what was written to it"));
            }
        }
        Ok(())
    }
}

impl<B: StorageBackend, C: Cache + 'static> StorageBackend for SyncedFile<B, C> {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.unsynced().cut(len, u64::MAX);
        self.inner.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        // Held all the time: what is written meanwhile would be in neither list.
        let mut unsynced = self.unsynced();
        let began = Instant::now();
        let mut result = self.inner.sync_data();
        if let Err(error) = &result {
            log::error!("store: a sync failed ({error}): what was not synced is written again");
        }
        while result.is_err() && !unsynced.overflow && began.elapsed() < self.patience {
            crate::clock::sleep(PAUSE.min(self.patience / 10));
            result = self.write_again(&unsynced);
            if result.is_ok() {
                log::warn!("store: synced after {} ms; nothing is lost", began.elapsed().as_millis());
            }
        }
        // After an error that is given out the file is closed, and what it kept is of no more use.
        *unsynced = Unsynced::default();
        result
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut unsynced = self.unsynced();
        self.inner.write(offset, data)?;
        unsynced.write(offset, data);
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests;
