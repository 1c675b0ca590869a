//! The one thread that writes: takes what waits, commits it together, answers each; opens the file anew after errors.
//!
//! A commit whose end is not known is in doubt: its callers are answered only after the file is open again and says
//! whether the commit survived. Each commit writes its number, so that is one look.
//!
//! ```text
//!  batch -> commit -> ok ------------------------------------> yes
//!              |
//!              +----> error: in doubt -> file closed, opened -> number there?  yes -> yes
//!                                                                 no  -> a temporary no
//! ```

use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use redb::Database;
use smol::channel::{Receiver, TrySendError};

use super::commit::{self, Ask, Attempt, end_log};
use super::file::{full_words, open, open_read_only, read_only_words};
use super::schema::{After, REMEDIES, StoreError, guarded};
use super::{FILE, Store, replay};
use crate::back_off::BackOff;
use crate::fault::Fault;
use crate::message::Way;
use crate::sys::disk::{self, Ballast};

/// Jobs in one commit.
const BATCH: usize = 64;
/// The wait before the file is opened anew.
const REOPEN: BackOff = BackOff::doubling(Duration::from_millis(200), Duration::from_secs(15));
/// Room, in KiB, that is kept for opening the file anew and deleting from it when the disk is full.
const BALLAST: u64 = 4 * 1024;
/// On a disk with less free bytes there is no ballast: what is left is of more use to the store itself.
const ROOMY: u64 = 64 * 1024 * 1024;
/// How often a ballast that was given is looked after.
const BALLAST_EVERY: Duration = Duration::from_secs(60);

/// One sentence on a disk that cannot be written: whether it is full, read-only, or what it says.
fn disk_words(error: &redb::Error, folder: &Path) -> String {
    let shown = folder.display();
    match error {
        redb::Error::Io(why) if why.kind() == ErrorKind::StorageFull => full_words(folder),
        redb::Error::Io(why) if why.kind() == ErrorKind::ReadOnlyFilesystem => read_only_words(folder),
        redb::Error::Corrupted(why) => {
            format!("{} is damaged ({why}): with the box stopped, {REMEDIES}", folder.join(FILE).display())
        }
        error => format!("the disk of {shown} does not take what is written: {error}"),
    }
}

/// Starts the writer thread. It ends when the last handle is gone or the store is closed.
pub fn start(store: &Store, asks: Receiver<Ask>) -> Result<std::thread::JoinHandle<()>, Fault> {
    // A weak handle: the thread must not keep the store open after its last user.
    let weak = Arc::downgrade(&store.0);
    let (folder, ballast) = (store.0.folder.clone(), Ballast::new(&store.0.folder, BALLAST));
    let run = move || {
        let mut looked = Instant::now();
        if let Some(store) = weak.upgrade().map(Store).filter(|store| store.read_only().is_some()) {
            store.reopen(&asks, None);
        }
        take_up(&ballast, &folder);
        while let Ok(first) = asks.recv_blocking() {
            let Some(inner) = weak.upgrade() else { break };
            let store = Store(inner);
            let mut batch = vec![first];
            while batch.len() < BATCH
                && let Ok(next) = asks.try_recv()
            {
                batch.push(next);
            }
            if let Err(doubt) = store.run_batch(batch) {
                log::error!("store: {}; opening the file anew", doubt.error);
                let given = ballast.release().inspect_err(|error| log::warn!("store: the ballast stays: {error}"));
                // The room that it gives is for this: to end in order what was begun, to log in, and to delete.
                let again = given.unwrap_or(false) && store.disk_full();
                store.reopen(&asks, Some((doubt, again)));
                looked = Instant::now();
            } else if looked.elapsed() >= BALLAST_EVERY {
                take_up(&ballast, &folder);
                looked = Instant::now();
            }
        }
        if let Some(store) = weak.upgrade().map(Store) {
            end_log(&store.0.log, store.database().as_deref());
            store.shut();
        }
    };
    std::thread::Builder::new().name("store".to_owned()).spawn(run).map_err(Fault::operator)
}

/// Gives the ballast before the file is opened where the disk is nearly full: what its log has takes room in it.
pub fn make_room(folder: &Path) {
    if disk::free(folder).is_ok_and(|free| free < commit::ROOMY)
        && let Err(error) = Ballast::new(folder, BALLAST).release()
    {
        log::warn!("store: the ballast stays: {error}");
    }
}

/// Takes the ballast up where there is room for it. Without it the store works as well, until the disk is full.
fn take_up(ballast: &Ballast, folder: &Path) {
    if !ballast.is_kept()
        && disk::free(folder).is_ok_and(|free| free >= ROOMY)
        && let Err(error) = ballast.keep()
    {
        log::warn!("store: no ballast for a full disk: {error}");
    }
}

/// A commit that ended with an error of the disk: it may have been kept.
struct Doubt {
    error: redb::Error,
    attempt: Attempt,
    /// The jobs of the batch, whose callers wait for its end.
    batch: Vec<Ask>,
    /// Who was not tried yet.
    unheard: Vec<Ask>,
}

impl Store {
    /// Commits a batch. A job that fails by rule undoes the batch; then each job runs in a commit of its own.
    fn run_batch(&self, mut batch: Vec<Ask>) -> Result<(), Box<Doubt>> {
        let mut attempt = Attempt::default();
        match guarded(|| self.commit(&mut batch, &mut attempt)) {
            Ok(()) => {
                self.0.full.store(false, Ordering::Relaxed);
                for ask in batch {
                    let _ = ask.done.send(Ok(()));
                }
                Ok(())
            }
            Err(StoreError::Rejected(fault)) if batch.len() == 1 => {
                let _ = batch[0].done.send(Err(fault));
                Ok(())
            }
            Err(StoreError::Rejected(_)) => {
                let mut rest = batch.into_iter();
                while let Some(ask) = rest.next() {
                    self.run_batch(vec![ask])
                        .map_err(|doubt| Box::new(Doubt { unheard: rest.by_ref().collect(), ..*doubt }))?;
                }
                Ok(())
            }
            Err(StoreError::Storage(error)) => {
                let full = matches!(&error, redb::Error::Io(why) if why.kind() == ErrorKind::StorageFull);
                self.0.full.store(full, Ordering::Relaxed);
                Err(Box::new(Doubt { error, attempt, batch, unheard: Vec::new() }))
            }
        }
    }

    /// Tells the callers of a commit in doubt what became of it, now that the file is open; with `again` one that was not kept
    /// is tried once more.
    fn resolve(&self, doubt: Box<Doubt>, again: bool) {
        let Doubt { error, attempt, batch, unheard } = *doubt;
        let kept = match (attempt.number, self.ledger()) {
            (Some(number), Ok(ledger)) => ledger.commits >= number,
            (None, _) => false,
            // The file is open and cannot be read: the callers keep what they have.
            (Some(_), Err(fault)) => {
                log::error!("store: whether the last commit was kept cannot be read: {fault}");
                false
            }
        };
        if kept {
            log::warn!("store: the commit that failed with '{error}' was kept all the same");
            self.follow_up(attempt.after);
        }
        let no = Fault::temporary(format!("the store cannot be written: {}", disk_words(&error, &self.0.folder)));
        if again && !kept {
            let both = [batch, unheard].into_iter().filter(|asks| !asks.is_empty());
            let failed = both.filter_map(|asks| self.run_batch(asks).err());
            for ask in failed.flat_map(|doubt| doubt.batch.into_iter().chain(doubt.unheard)) {
                let _ = ask.done.send(Err(no.clone()));
            }
            return;
        }
        for ask in batch {
            let _ = ask.done.send(if kept { Ok(()) } else { Err(no.clone()) });
        }
        for ask in unheard {
            let _ = ask.done.send(Err(no.clone()));
        }
    }

    pub(super) fn follow_up(&self, after: After) {
        let reload = |what: &str, result: Result<(), Fault>| {
            if let Err(fault) = result {
                log::error!("store: {what} cannot be read: {fault}");
            }
        };
        after.keep.iter().for_each(|file| file.keep());
        self.0.editions.changed(after.sessions);
        if let Some(set) = after.clock {
            self.0.clock.settle(set);
        }
        if after.people {
            reload("people", self.reload_people());
        }
        if after.contacts {
            self.0.contacts.fetch_add(1, Ordering::AcqRel);
            self.wake(Way::Mailbox);
        }
        if after.settings {
            reload("settings", self.reload_settings());
            reload("links", self.reload_links());
            let mut watchers = self.0.settings_watch.lock().unwrap_or_else(PoisonError::into_inner);
            // Full means that the news is on its way already.
            watchers.retain(|watcher| !matches!(watcher.try_send(()), Err(TrySendError::Closed(()))));
        }
        if after.people || after.settings {
            // Everything that waits may have another way, or a better chance, now.
            [Way::Mailbox, Way::Relay, Way::Link, Way::Carrier].into_iter().for_each(|way| self.wake(way));
        }
        if after.people || !after.mailboxes.is_empty() {
            self.wake_mailboxes(|person| after.people || after.mailboxes.contains(person));
        }
        for name in after.unlink {
            let file = super::spool::folder(&self.0.folder).join(name);
            if let Err(error) = std::fs::remove_file(&file) {
                log::warn!("store: {} stays behind: {error}", file.display());
            }
        }
        for way in after.ways {
            self.wake(way);
        }
    }

    /// Closes the file and opens it again, with back-off. Meanwhile it is read as it is, where that works, and callers get a
    /// temporary fault unless what they want written may be forgotten.
    fn reopen(&self, asks: &Receiver<Ask>, mut doubt: Option<(Box<Doubt>, bool)>) {
        let why = match &doubt {
            Some((doubt, _)) => disk_words(&doubt.error, &self.0.folder),
            None => self.read_only().unwrap_or_default(),
        };
        for tries in 1.. {
            // Asked by a small file first where it is only looked at, as those who read now would be disturbed.
            if self.read_only().is_none() || disk::try_to_write(&self.0.folder).is_ok() {
                *self.0.broken.write().unwrap_or_else(PoisonError::into_inner) = Some(why.clone());
                self.shut();
                match open(&self.0.folder.join(FILE)) {
                    Ok(database) => {
                        self.use_file(database, None);
                        *self.0.log.lock().unwrap_or_else(PoisonError::into_inner) =
                            replay::open_log(&self.0.folder.join(FILE));
                        log::warn!("store: open again");
                        if let Some((doubt, again)) = doubt.take() {
                            self.resolve(doubt, again);
                        }
                        return;
                    }
                    Err(fault) => log::error!("store: {fault}"),
                }
                self.look_only(&why);
            }
            self.serve_for_now(asks, &why, Instant::now() + REOPEN.wait(tries));
            if asks.is_closed() {
                return;
            }
        }
    }

    fn use_file(&self, database: Database, read_only: Option<String>) {
        self.note_other_file();
        self.0.editions.clear();
        *self.0.database.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(database));
        *self.0.read_only.write().unwrap_or_else(PoisonError::into_inner) = read_only;
        *self.0.broken.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Puts a copy of the file that is written in memory in the place of the file itself; nothing where that does not open.
    fn look_only(&self, why: &str) {
        match open_read_only(&self.0.folder.join(FILE)) {
            Ok(database) => self.use_file(database, Some(why.to_owned())),
            Err(fault) => {
                *self.0.read_only.write().unwrap_or_else(PoisonError::into_inner) = None;
                log::error!("store: it cannot be read either: {fault}");
            }
        }
    }

    /// Answers callers until a time: what may be forgotten is done in memory, the rest is refused.
    fn serve_for_now(&self, asks: &Receiver<Ask>, why: &str, until: Instant) {
        let next = || {
            let late = async {
                smol::Timer::at(until).await;
                None
            };
            smol::block_on(smol::future::or(async { asks.recv().await.ok() }, late))
        };
        while let Some(ask) = next() {
            let no = || Err(Fault::temporary(format!("the store cannot be written: {why}")));
            if !ask.for_now || self.read_only().is_none() {
                let _ = ask.done.send(no());
                continue;
            }
            let (done, mut one) = (ask.done.clone(), [ask]);
            let _ = done.send(match guarded(|| self.commit(&mut one, &mut Attempt::default())) {
                Ok(()) => Ok(()),
                Err(StoreError::Rejected(fault)) => Err(fault),
                Err(StoreError::Storage(_)) => no(),
            });
        }
    }

    /// Drops the file once the readers that have it are done; they are short.
    fn shut(&self) {
        *self.0.log.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let mut database = self.0.database.write().unwrap_or_else(PoisonError::into_inner).take();
        for _ in 0..500 {
            match database.map(Arc::try_unwrap) {
                None => return,
                Some(Ok(file)) => {
                    // That of a damaged file may panic.
                    let _ = guarded(|| {
                        drop(file);
                        Ok(())
                    });
                    return;
                }
                Some(Err(shared)) => database = Some(shared),
            }
            crate::clock::sleep(Duration::from_millis(10));
        }
        log::error!("store: a reader holds the file for over 5 s");
    }
}
