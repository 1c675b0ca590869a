//! Writes the file anew while the box goes on: what was removed is then in neither file nor log, and the file is as long as what
//! it holds needs.
//!
//! ```text
//!  writer    --- commit --- commit --- commit ---|        |--- commit, in the new file
//!                  |  what changes is noted      |        |
//!  rewrite   read view -> rows into a new file ->| notes, |
//!                                                | rename |
//! ```
//!
//! Readers go on in the old file until they are done. A power cut finds either file whole: the new one is synced before it
//! takes the name, and relies on no log.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, LazyLock, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redb::{ReadTransaction, ReadableDatabase, TableDefinition};
use serde::Serialize;

use super::pieces::Pieces;
use super::running::Job;
use super::schema::{KEPT, META, SESSIONS, StoreError, TxResult, View, guarded};
use super::table::changes::{Again, Changes};
use super::table::{Form, if_there, in_redb};
use super::work::{Hear, Stage, stopped};
use super::{FILE, Ledger, Store, backup, file};
use crate::fault::Fault;
use crate::sys::disk;

/// Name of the new file until it is whole.
const PART: &str = "rewrite.part";
/// Bytes of changes that are noted meanwhile; with more the box is too busy for this.
const NOTED: usize = 16 * 1024 * 1024;
/// Room on the disk that stays free beside `store.reserve`, in bytes.
const SPARE: u64 = 32 * 1024 * 1024;
/// A file that is smaller, in bytes, is not looked at.
const LARGE: u64 = 64 * 1024 * 1024;
/// How often what is in a file is weighed against its size.
const EVERY: Duration = Duration::from_secs(6 * 3600);
/// Nothing was written for so long: the box is idle.
const IDLE: Duration = Duration::from_secs(10);

/// For tests, which have neither such files nor hours: bytes and seconds in place of [`LARGE`] and [`EVERY`].
const WORTH: &str = "SATPOST_REWRITE";

/// How large a file has to be, in bytes, to be weighed, and how often it is.
fn worth() -> (u64, Duration) {
    static SET: LazyLock<Option<(u64, Duration)>> = LazyLock::new(|| {
        let set = std::env::var(WORTH).ok()?;
        let (large, every) = set.split_once(' ')?;
        Some((large.parse().ok()?, Duration::from_secs(every.parse().ok()?)))
    });
    SET.unwrap_or((LARGE, EVERY))
}

/// What a rewrite made of the file, in bytes on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rewritten {
    /// Size of the file before.
    pub before: u64,
    /// Size of the file after.
    pub after: u64,
}

/// What was committed since a rewrite began.
#[derive(Debug, Default)]
pub(super) struct Noted {
    changes: Vec<Vec<u8>>,
    bytes: usize,
    /// Something that was committed is not in it: the rewrite comes to nothing.
    lost: bool,
}

/// When it was weighed last whether a rewrite is worth it.
#[derive(Debug)]
pub(super) struct Weighed {
    at: Instant,
    /// A smaller file, in bytes, would not become much smaller.
    least: u64,
}

impl Weighed {
    pub fn now() -> Self {
        Self { at: Instant::now(), least: 0 }
    }
}

/// Bytes that a file takes up on the disk: redb makes it longer than it has use for.
fn on_disk(file: &Path) -> io::Result<u64> {
    Ok(fs::metadata(file)?.blocks() * 512)
}

impl Store {
    /// Writes the file anew without what was removed from it, and clears the log: words that were erased are in neither
    /// afterwards. Takes about a second for each 50 MB; the box goes on meanwhile.
    ///
    /// # Errors
    /// Temporary when there is too little room on the disk, another rewrite is under way, too much was written meanwhile, or
    /// somebody stopped it: the file is as it was then.
    pub fn rewrite(&self) -> Result<Rewritten, Fault> {
        let Ok(_one) = self.0.rewriting.try_lock() else {
            return Err(Fault::temporary("the store is being written anew already"));
        };
        if let Some(why) = self.read_only() {
            return Err(Fault::temporary(why));
        }
        let (part, target) = (self.folder().join(PART), self.folder().join(FILE));
        let running = self.works().begin(Job::Rewrite);
        let hear: Hear = &|stage, done, total| running.at(stage, done, total);
        let made = guarded(|| self.write_anew(&part, &target, hear, &|| running.commits()));
        crate::sys::memory::give_back();
        *self.noted() = None;
        made.map_err(|trouble| {
            let _ = fs::remove_file(&part);
            match trouble {
                StoreError::Rejected(fault) => fault,
                StoreError::Storage(error) => {
                    Fault::temporary(format!("{} cannot be written anew: {error}", target.display()))
                }
            }
        })
    }

    /// True when somebody was erased whose words the file may still hold, in parts that are not used.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn owes_erasure(&self) -> Result<bool, Fault> {
        let ledger = self.ledger()?;
        Ok(ledger.written_out < ledger.erasures)
    }

    /// Rewrites the file if somebody was erased whose words it may still hold in parts that are not used. True when it did.
    ///
    /// # Errors
    /// As [`Store::rewrite`]: it stays owed.
    pub fn write_out_erased(&self) -> Result<bool, Fault> {
        let ledger = self.ledger()?;
        if ledger.written_out >= ledger.erasures {
            return Ok(false);
        }
        self.clear_erased()?;
        self.rewrite()?;
        // Whoever is erased meanwhile may be in the new file.
        self.write(move |tx| {
            tx.ledger.written_out = ledger.erasures;
            Ok(())
        })?;
        Ok(true)
    }

    /// Rewrites the file when that is worth it: it is large, less than half of it is of use, and the box is idle. To be called
    /// now and then; what is in the file is weighed every six hours.
    ///
    /// # Errors
    /// As [`Store::rewrite`].
    pub fn rewrite_if_worth(&self) -> Result<Option<Rewritten>, Fault> {
        let (large, every) = worth();
        self.rewrite_when(large, every, IDLE)
    }

    fn rewrite_when(&self, large: u64, every: Duration, idle: Duration) -> Result<Option<Rewritten>, Fault> {
        let size = on_disk(&self.folder().join(FILE)).map_err(Fault::temporary)?;
        let idle = || self.0.written.lock().unwrap_or_else(PoisonError::into_inner).elapsed() >= idle;
        let mut weighed = self.0.weighed.lock().unwrap_or_else(PoisonError::into_inner);
        if size < large.max(weighed.least) || weighed.at.elapsed() < every || self.read_only().is_some() || !idle() {
            return Ok(None);
        }
        weighed.at = Instant::now();
        if self.read(View::stored_bytes)? >= size / 2 || !idle() {
            return Ok(None);
        }
        let made = self.rewrite()?;
        weighed.least = made.after * 2;
        log::info!("store: written anew, {} MB instead of {} MB", made.after / 1_000_000, made.before / 1_000_000);
        Ok(Some(made))
    }

    fn noted(&self) -> MutexGuard<'_, Option<Noted>> {
        self.0.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A commit is about to be made, of these changes.
    pub(super) fn note(&self, changes: &Changes) {
        if let Some(noted) = self.noted().as_mut() {
            match changes.bytes().filter(|bytes| noted.bytes + bytes.len() <= NOTED) {
                Some(bytes) => {
                    noted.bytes += bytes.len();
                    noted.changes.push(bytes.to_vec());
                }
                None => noted.lost = true,
            }
        }
    }

    /// The file that is open is not the one of before.
    pub(super) fn note_other_file(&self) {
        if let Some(noted) = self.noted().as_mut() {
            noted.lost = true;
        }
    }

    fn write_anew(&self, part: &Path, target: &Path, hear: Hear, commits: &dyn Fn() -> bool) -> TxResult<Rewritten> {
        let _ = fs::remove_file(part);
        let before = on_disk(target)?;
        let (old, hold) = self.begin()?;
        // No commit is under way: what follows this view is noted.
        let view = old.begin_read()?;
        *self.noted() = Some(Noted::default());
        hold.abort()?;
        let new = backup::create(File::options().read(true).write(true).create_new(true).mode(0o600).open(part)?)?;
        let mut copy = Pieces::new(&new);
        let work = backup::through(hear, Stage::Rewriting, &view)?;
        let watch = |rows| self.may_go_on().and_then(|()| work.step(rows));
        watch(0)?;
        for table in KEPT.iter().chain(&[SESSIONS.any()]) {
            in_redb!(table, definition => copy.copy(&view, definition, &watch))?;
        }
        drop(view);
        copy.end()?;

        // From here on the writer waits.
        let (now, hold) = self.begin()?;
        watch(0)?;
        let noted = self.noted().take().unwrap_or_default();
        let mut txn = new.begin_write()?;
        txn.set_quick_repair(true);
        let mut again = Again::new(&txn);
        noted.changes.iter().try_for_each(|changes| again.apply(changes))?;
        drop(again);
        txn.commit()?;
        let number = |view: &ReadTransaction| Ok::<_, redb::Error>(Ledger::load(&META.read(view)?)?.commits);
        let there = number(&new.begin_read()?)?;
        if !Arc::ptr_eq(&now, &old) || there != number(&old.begin_read()?)? {
            return Err(busy().into());
        }
        drop(new);
        File::open(part)?.sync_all()?;
        // A disk that does not take names now is left alone.
        disk::sync_folder(self.folder())?;
        if !commits() {
            return Err(redb::Error::Io(stopped()).into());
        }
        let fresh = file::create_as(part, target)?;
        let mut log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
        fs::rename(part, target)?;
        *self.0.database.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(fresh));
        // The old file needs the log until its name is surely gone.
        let named = self.sync_name();
        if !named {
            // Which of the two a power cut would leave is open: no commit may get its yes from the new one.
            *self.0.database.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
        let cleared = log.as_mut().map_or(Ok(()), |log| {
            log.end();
            if named { log.clear() } else { Ok(()) }
        });
        if cleared.is_err() {
            // Which log stands there now is not known: no generation may be one of it.
            *log = None;
        }
        cleared?;
        hold.abort()?;
        if !named {
            return Err(redb::Error::Io(io::Error::other("the store closes")).into());
        }
        Ok(Rewritten { before, after: on_disk(target)? })
    }

    /// Makes the new name last. Until it does a power cut would bring the old file back, so nothing is written before: whoever waits
    /// for that has a limit of their own. False when the store closes first.
    fn sync_name(&self) -> bool {
        while let Err(error) = disk::sync_folder(self.folder()) {
            log::error!("store: the name of the file that was written anew is not on the disk yet: {error}");
            if self.0.jobs.is_closed() {
                return false;
            }
            crate::clock::sleep(Duration::from_secs(1));
        }
        true
    }

    fn may_go_on(&self) -> Result<(), redb::Error> {
        let room = self.disk_room()?;
        if room.free < room.reserve + SPARE {
            return Err(redb::Error::Io(io::ErrorKind::StorageFull.into()));
        }
        if self.0.jobs.is_closed() || self.noted().as_ref().is_none_or(|noted| noted.lost) {
            return Err(busy());
        }
        Ok(())
    }
}

fn busy() -> redb::Error {
    redb::Error::Io(io::Error::other("too much was written meanwhile"))
}

/// Removes what a rewrite left behind that was cut off.
pub(super) fn sweep(folder: &Path) {
    let _ = fs::remove_file(folder.join(PART));
}

impl View {
    /// Bytes of all keys and values.
    fn stored_bytes(&self) -> TxResult<u64> {
        let mut bytes = 0;
        for table in &KEPT {
            bytes += in_redb!(table, definition => bytes_of(&self.0, definition))?;
        }
        Ok(bytes)
    }
}

fn bytes_of<K: redb::Key>(
    from: &ReadTransaction,
    table: TableDefinition<K, &'static [u8]>,
) -> Result<u64, redb::Error> {
    let Some(table) = if_there(from, table)? else { return Ok(0) };
    let mut bytes = 0;
    for row in table.range::<K::SelfType<'_>>(..)? {
        let (key, value) = row?;
        bytes += (K::as_bytes(&key.value()).as_ref().len() + value.value().len()) as u64;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use testing::Folder;

    use super::*;
    use crate::clock::Time;
    use crate::message::{State, Way};
    use crate::store::tests::{message, store};
    use crate::store::{BodyIn, IncomingMail};

    fn put(store: &Store, number: i64) {
        let body = BodyIn::Bytes(format!("word number {number} of many. ").repeat(100).into_bytes());
        store.put(IncomingMail { messages: vec![message(Way::Relay, State::Delivered, number)], body }).unwrap();
    }

    fn holds(file: &Path, words: &str) -> bool {
        fs::read(file).unwrap().windows(words.len()).any(|window| window == words.as_bytes())
    }

    /// Writers go on all the time; what was removed is nowhere afterwards, what was put is there, also after a start.
    #[test]
    fn a_rewritten_file_holds_what_was_put_and_no_word_of_what_was_removed() {
        let folder = Folder::new();
        let store = store(&folder);
        (0..100).for_each(|number| put(&store, number));
        store.rewrite().unwrap();
        let later = Time(1_790_000_000_001);
        store.write(move |tx| tx.prune(crate::message::Id(0), later, 90)).unwrap();
        let files = [folder.path(FILE), folder.path("satpost.redb.wal")];
        assert!(holds(&files[0], "word number 20 of many"), "free pages keep their bytes");
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (100..200).for_each(|number| put(&store, number)));
            for _ in 0..3 {
                store.rewrite().unwrap();
            }
            writer.join().unwrap();
        });
        put(&store, 200);
        for _ in 0..2 {
            let made = store.rewrite().unwrap();
            assert!(made.after > 0);
            assert!(!files.iter().any(|file| holds(file, "word number 20 of many")), "what was removed");
        }
        let all = |store: &Store| store.read(|view| view.message_count()).unwrap();
        assert_eq!(all(&store), 111);
        assert!(!folder.path(PART).exists());
        store.close();
        drop(store);
        let again = super::super::tests::store(&folder);
        assert_eq!(all(&again), 111);
        assert!(again.ledger().unwrap().totals["smtp"].balance());
    }

    /// A file of which most was removed becomes shorter, once; one that is in use throughout stays as it is.
    #[test]
    fn a_file_that_is_half_empty_is_rewritten_when_that_is_worth_it() {
        let folder = Folder::new();
        let store = store(&folder);
        (0..300).for_each(|number| put(&store, number));
        let when = |least| store.rewrite_when(least, Duration::ZERO, Duration::ZERO).unwrap();
        store.rewrite().unwrap();
        assert_eq!(when(1), None, "there is nothing to gain");
        let later = Time(1_790_000_000_001);
        store.write(move |tx| tx.prune(crate::message::Id(0), later, 280)).unwrap();
        assert_eq!(store.rewrite_when(1, EVERY, Duration::ZERO).unwrap(), None, "it is not time yet");
        assert_eq!(store.rewrite_when(1, Duration::ZERO, EVERY).unwrap(), None, "the box is not idle");
        assert_eq!(when(u64::MAX), None, "it is small");
        let made = when(1).unwrap();
        assert!(made.after < made.before / 2, "{made:?}");
        assert_eq!(when(1), None);
        assert_eq!(store.read(|view| view.message_count()).unwrap(), 20);
    }

    /// Without room on the disk, or with a second one under way, the file stays as it is.
    #[test]
    fn a_rewrite_that_cannot_be_made_changes_nothing() {
        let folder = Folder::new();
        let store = store(&folder);
        put(&store, 1);
        store.set("store.reserve", "1000000").unwrap();
        assert!(store.rewrite().is_err());
        assert!(!folder.path(PART).exists());
        store.set("store.reserve", "0").unwrap();
        let _one = store.0.rewriting.try_lock().unwrap();
        assert!(store.rewrite().unwrap_err().why().contains("already"));
        assert_eq!(store.read(|view| view.message_count()).unwrap(), 1);
    }
}
