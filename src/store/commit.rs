//! One commit: the jobs of a batch, and what makes them last. That is a record of the write-ahead log where there is room for
//! it, and the file itself otherwise.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use redb::{Database, Durability, StorageBackend, WriteTransaction};

use super::replay::Log;
use super::schema::{After, Tx, TxResult, guarded};
use super::table::changes::Changes;
use super::table::{Access, Notes};
use super::wal::{self, Wal};
use super::{Store, reject, replay};
use crate::fault::Fault;
use crate::settings::Key;
use crate::sys::disk;

/// On a disk with less free bytes each commit goes to the file itself: what the log holds needs room there later.
pub(super) const ROOMY: u64 = 16 * 1024 * 1024;

/// Work on an open transaction; may run twice.
pub type Job = Box<dyn FnMut(&mut Tx) -> TxResult<()> + Send>;

/// A job and where its end is told.
pub struct Ask {
    pub job: Job,
    pub done: SyncSender<Result<(), Fault>>,
    /// It may be forgotten: it is done in memory while the disk cannot be written.
    pub for_now: bool,
}

/// How far a commit came.
#[derive(Default)]
pub struct Attempt {
    /// Its number, once nothing but the disk could be in its way.
    pub number: Option<u64>,
    /// What is to be done if it was kept.
    pub after: After,
}

impl Store {
    /// Does the jobs of a batch in one transaction and makes it last. `attempt` says how far that came.
    ///
    /// # Errors
    /// What a job rejects: nothing was done then. Those of the disk: it may have been kept.
    pub(super) fn commit(&self, batch: &mut [Ask], attempt: &mut Attempt) -> TxResult<()> {
        let (file, txn) = self.begin()?;
        let notes = Notes::new(Changes::up_to(wal::LARGEST));
        // Readers find every table there once the first commit is made.
        let first = !self.has_all_tables(&file);
        let mut tx = Tx::open(Access { txn: &txn, notes: Some(&notes), at_once: first }, Some(&self.0.saved))?;
        let settings = self.settings();
        tx.day = self.0.day.day(&settings, self.0.clock.now());
        tx.domain = settings.text(Key::Domain).to_owned();
        tx.editions = Some(&self.0.editions);
        for ask in batch {
            // A panic in one job must not take the writer along; the batch is undone and the job told.
            let run = AssertUnwindSafe(|| (ask.job)(&mut tx));
            catch_unwind(run)
                .unwrap_or_else(|_| reject(Fault::temporary("the store could not do this: see the log")))?;
        }
        let now = self.0.clock.now();
        tx.ledger.last_time = match tx.after.clock {
            Some(set) => set.moved(now),
            None => tx.ledger.last_time.max(now),
        };
        tx.ledger.commits += 1;
        let number = tx.ledger.commits;
        let after = tx.close()?;
        *attempt = Attempt { number: Some(number), after };
        self.make_last(txn, number, &notes.into_inner())?;
        if first {
            *self.0.complete.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&file);
        }
        self.follow_up(std::mem::take(&mut attempt.after));
        Ok(())
    }

    /// A transaction in the file of now: a rewritten one may have taken its place while this one waited for its turn.
    pub(super) fn begin(&self) -> TxResult<(Arc<Database>, WriteTransaction)> {
        loop {
            let database = self.database();
            let Some(database) = database else { return reject(Fault::temporary("the store is closed")) };
            let txn = database.begin_write()?;
            if self.database().is_some_and(|now| Arc::ptr_eq(&now, &database)) {
                return Ok((database, txn));
            }
            txn.abort()?;
        }
    }

    /// True once a commit has opened, and so made, each table of this file.
    fn has_all_tables(&self, file: &Arc<Database>) -> bool {
        let complete = self.0.complete.lock().unwrap_or_else(PoisonError::into_inner);
        std::ptr::eq(complete.as_ptr(), Arc::as_ptr(file))
    }

    pub(super) fn database(&self) -> Option<Arc<Database>> {
        self.0.database.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn make_last(&self, txn: WriteTransaction, number: u64, changes: &Changes) -> TxResult<()> {
        // Held until the end: the log and the file say the same then.
        let mut log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
        self.note(changes);
        *self.0.written.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        let roomy = disk::free(&self.0.folder).is_ok_and(|free| free >= ROOMY);
        make_last(log.as_mut(), roomy, txn, number, changes)
    }
}

/// Writes the file whole, so that it needs no log: a copy of it alone is the store then.
pub(super) fn end_log(log: &Mutex<Option<Log>>, database: Option<&Database>) {
    let log = log.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (Some(database), true) = (database, log.is_some_and(|log| log.is_begun())) else { return };
    if let Err(error) = guarded(|| write_whole(database.begin_write()?, Some(None))) {
        // The next start does it.
        log::warn!("store: closed with its log: {error:?}");
    }
}

/// Ends a transaction so that it outlives a power cut once this returns: by a record of the log, or in the file itself, where the
/// log then begins again if there is room for one.
pub(super) fn make_last<B: StorageBackend>(
    log: Option<&mut Wal<B>>,
    roomy: bool,
    mut txn: WriteTransaction,
    number: u64,
    changes: &Changes,
) -> TxResult<()> {
    let Some(log) = log else { return write_whole(txn, None) };
    if !roomy {
        write_whole(txn, log.is_begun().then_some(None))?;
        log.end();
    } else if log.append(number, changes)? {
        // It is on the disk by the log; the next commit without this writes the pages of both.
        txn.set_durability(Durability::None)?;
        txn.commit()?;
    } else {
        let generation = log.next();
        write_whole(txn, Some(Some(generation)))?;
        log.begin(generation);
    }
    Ok(())
}

/// Ends a transaction in the file itself, with another generation of the log if one is given.
fn write_whole(mut txn: WriteTransaction, generation: Option<Option<u64>>) -> TxResult<()> {
    // The default, said aloud: promise 1 stands on it.
    txn.set_durability(Durability::Immediate)?;
    // Opening after a power cut takes milliseconds then, however large the file is; it counts only if the last commit has it.
    txn.set_quick_repair(true);
    if let Some(generation) = generation {
        replay::put_generation(&txn, generation)?;
    }
    Ok(txn.commit()?)
}

#[cfg(test)]
mod tests {
    use redb::{ReadableDatabase, TableDefinition};
    use testing::Folder;

    use crate::store::schema::{KEPT, MAILBOX, PACKETS_1, PEERS, REFERENCES_1};
    use crate::store::table::{Form, if_there, in_redb};

    /// Readers ask for tables to which nothing was written yet.
    #[test]
    fn each_table_is_there_once_a_store_is_open() {
        let folder = Folder::new();
        let store = crate::store::tests::store(&folder);
        let old = [MAILBOX.any().name, PEERS.any().name, PACKETS_1.any().name, REFERENCES_1.any().name];
        let txn = store.database().unwrap().begin_read().unwrap();
        for table in KEPT.iter().filter(|table| !old.contains(&table.name)) {
            let there = in_redb!(table, definition => if_there(&txn, definition).unwrap().is_some());
            assert!(there, "{}", table.name);
        }
    }
}
