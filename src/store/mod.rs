//! The store: one redb file and a spool folder for large mails. The only module that knows redb.
//!
//! All writing goes through one thread that commits whatever is waiting together, with one fsync (group commit), and
//! answers each caller only after that. Most commits are synced as a record of the write-ahead log beside the file. Readers
//! see consistent snapshots and never wait for it. A storage error closes the file; it is opened again with back-off while
//! callers get a temporary fault. A ballast file keeps room for that on a full disk.

mod accounting;
mod audit;
mod backup;
mod backups;
mod clock_set;
mod commit;
mod conversations;
mod counts;
mod editions;
mod ended;
mod erase;
mod far_boxes;
mod fates;
mod file;
mod file_version;
mod inbound;
mod indexed;
mod journal;
mod kept;
mod links;
mod lists;
pub mod mailbox;
mod migrate;
mod old_tables;
mod on_disk;
mod opening;
mod overlay;
mod own_files;
mod own_flights;
mod packets;
mod paired;
mod people;
mod pieces;
mod queue;
mod record;
mod relocation;
mod repair;
mod replay;
mod restore;
mod rewrite;
pub mod running;
mod schema;
pub mod search;
mod sessions;
mod spool;
mod synced_file;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod texts;
mod totals;
mod tracks;
mod usage;
mod waiting;
mod wal;
mod wanted;
mod whole_notes;
mod wholes;
pub mod work;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redb::{Database, ReadableDatabase};
use smol::channel::{Receiver, Sender, bounded};

use crate::clock::Clock;
use crate::fault::Fault;
use crate::links::Links;
use crate::message::{Id, Way};
use crate::people::People;
use crate::settings::{Key, Settings};

pub use accounting::BUDGET_LOOK;
pub use audit::Record;
pub use backup::{Contents, contents};
pub use backups::Drill;
pub use editions::{Edition, Meaning};
pub use erase::Erased;
pub use inbound::PartIn;
pub use journal::Event;
pub use lists::ListFilter;
pub use opening::{Show, show_by as show_openings_by};
pub use own_files::OWN as OWN_FILES;
pub use own_flights::OwnPacket;
pub use packets::PacketQueue;
pub use paired::PairedBox;
pub use queue::{BodyIn, IncomingMail};
pub use relocation::{Belongings, MOVED_OUT};
pub use repair::repair;
pub use restore::{Kept, NotRestored, restore, restore_and, wait_until_unused};
pub use schema::{INLINE, StoreError, Tx, TxResult, View, reject};
pub use sessions::SessionRows;
pub use spool::Spooled;
#[cfg(test)]
pub use table::looks;
pub use texts::{OptOut, TextOut, TextState, Thread};
pub use totals::{Ledger, Totals};
pub use tracks::{Place, Track};
pub use usage::{Counts, Span, Usage};
pub use waiting::Queue;
pub use wanted::{WANTED, Wanted};
pub use whole_notes::{MailHere, MailThere, WholeNotes};

/// Limit for one write, with all that waits before it.
pub const WRITE_LIMIT: Duration = Duration::from_secs(60);
/// Callers that may wait for the writer at once; more wait for a place in this line.
const LINE: usize = 256;
/// Name of the file in the data folder.
pub const FILE: &str = "satpost.redb";

/// Proof that messages are on disk: only this module makes it, and only it makes a yes (promise 1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Committed {
    ids: Vec<Id>,
}

impl Committed {
    /// The messages, in the order they were given; empty for something that was known already.
    pub fn ids(&self) -> &[Id] {
        &self.ids
    }
}

/// Room on the disk of the data folder, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskRoom {
    /// What the box may still write.
    pub free: u64,
    /// What the setting `store.reserve` keeps free.
    pub reserve: u64,
}

impl DiskRoom {
    /// True when nothing may be taken in until there is more room.
    pub fn is_short(self) -> bool {
        self.free < self.reserve
    }
}

/// Handle to the store; clones share it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    clock: Clock,
    jobs: Sender<commit::Ask>,
    database: RwLock<Option<Arc<Database>>>,
    /// The file in which each table is there; it may be closed.
    complete: Mutex<Weak<Database>>,
    /// The write-ahead log of the file; none while that cannot be written, or has no room for one.
    log: Mutex<Option<replay::Log>>,
    /// Held by whoever writes the file anew.
    rewriting: Mutex<()>,
    /// One at a time takes what was erased out of the index.
    clearing: Mutex<()>,
    /// What is committed meanwhile.
    noted: Mutex<Option<rewrite::Noted>>,
    /// The counters of the last commit.
    saved: totals::SavedLedger,
    /// The day of the last commit.
    day: usage::LastDay,
    /// When something was written last.
    written: Mutex<Instant>,
    /// When it was weighed whether to write the file anew.
    weighed: Mutex<rewrite::Weighed>,
    /// What is known of the rows of far boxes.
    editions: editions::Editions,
    people: RwLock<Arc<People>>,
    settings: RwLock<Arc<Settings>>,
    links: RwLock<Arc<Links>>,
    wakes: Mutex<Vec<(Way, Sender<()>)>>,
    settings_watch: Mutex<Vec<Sender<()>>>,
    /// Who wants to hear of changes in a person's mailbox.
    mailbox_watch: Mutex<Vec<(String, Sender<()>)>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Why the store cannot be read now; shown on the failure page.
    broken: RwLock<Option<String>>,
    /// Why it cannot be written, while it can be read.
    read_only: RwLock<Option<String>>,
    /// The last commit found the disk full. Says which temporary failure it was; nothing else hangs on it.
    full: AtomicBool,
    /// The long work that is going on.
    works: running::Works,
    /// How often somebody wrote to whom they had not written to of late; only its changes mean anything.
    contacts: AtomicU64,
}

impl Drop for Inner {
    /// Who looks into a store for a moment need not close it.
    fn drop(&mut self) {
        let database = self.database.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        commit::end_log(&self.log, database.as_deref());
    }
}

/// What a failed look into the store means.
fn unread(trouble: StoreError) -> Fault {
    match trouble {
        StoreError::Rejected(fault) => fault,
        StoreError::Storage(error @ redb::Error::Corrupted(_)) => {
            Fault::temporary(format!("the store cannot be read: {error}. With the box stopped, {}", schema::REMEDIES))
        }
        StoreError::Storage(error) => Fault::temporary(format!("the store cannot be read: {error}")),
    }
}

impl Store {
    /// Opens (and on the first use makes) the store in `folder` and starts its writer.
    ///
    /// # Errors
    /// A sentence for the operator: folder not writable, in use by a running box, newer version, damaged.
    pub fn open(folder: &Path, clock: &Clock) -> Result<Self, Fault> {
        spool::may_begin(folder)?;
        let mut read_only = file::read_only_disk(folder);
        let (database, log) = match &read_only {
            Some(_) => (file::open_read_only(&folder.join(FILE))?, None),
            None => {
                writer::make_room(folder);
                spool::prepare(folder)?;
                let (database, full) = file::open_or_look(&folder.join(FILE))?;
                read_only = full;
                let log = read_only.is_none().then(|| replay::open_log(&folder.join(FILE))).flatten();
                (database, log)
            }
        };
        let (jobs, asks) = bounded(LINE);
        let store = Self(Arc::new(Inner {
            folder: folder.to_owned(),
            clock: clock.clone(),
            jobs,
            database: RwLock::new(Some(Arc::new(database))),
            complete: Mutex::default(),
            log: Mutex::new(log),
            rewriting: Mutex::default(),
            clearing: Mutex::default(),
            noted: Mutex::default(),
            saved: totals::SavedLedger::default(),
            day: usage::LastDay::default(),
            written: Mutex::new(Instant::now()),
            weighed: Mutex::new(rewrite::Weighed::now()),
            editions: editions::Editions::default(),
            people: RwLock::default(),
            settings: RwLock::default(),
            links: RwLock::default(),
            wakes: Mutex::default(),
            settings_watch: Mutex::default(),
            mailbox_watch: Mutex::default(),
            writer: Mutex::default(),
            broken: RwLock::default(),
            read_only: RwLock::new(read_only.clone()),
            full: AtomicBool::new(false),
            works: running::Works::default(),
            contacts: AtomicU64::new(0),
        }));
        *store.0.writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(writer::start(&store, asks)?);
        store.write_for_now(|tx| tx.first_use())?;
        store.write_for_now(|tx| tx.after_restore())?;
        clock.floor(store.ledger()?.last_time);
        store.reload_people()?;
        store.reload_settings()?;
        store.reload_links()?;
        if read_only.is_none() {
            store.sweep_spool()?;
            rewrite::sweep(folder);
            file_version::sweep(folder);
        }
        Ok(store)
    }

    /// Runs `job` in the next batch and returns once that is on disk. The job may run twice (when another job of its
    /// batch failed, the batch is undone and each runs alone): it must depend on the transaction only.
    ///
    /// # Errors
    /// What the job rejects, or a temporary fault when the disk or the time limit is in the way.
    pub fn write<T: Send + 'static>(
        &self,
        job: impl FnMut(&mut Tx) -> TxResult<T> + Send + 'static,
    ) -> Result<T, Fault> {
        self.ask(false, job)
    }

    /// As [`Store::write`], for what may be forgotten: while the disk cannot be written it is kept in memory, until the disk can
    /// be written again or the box ends.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_for_now<T: Send + 'static>(
        &self,
        job: impl FnMut(&mut Tx) -> TxResult<T> + Send + 'static,
    ) -> Result<T, Fault> {
        self.ask(true, job)
    }

    fn ask<T: Send + 'static>(
        &self,
        for_now: bool,
        mut job: impl FnMut(&mut Tx) -> TxResult<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let slot = Arc::new(Mutex::new(None));
        let fill = Arc::clone(&slot);
        self.run(
            Box::new(move |tx: &mut Tx| {
                let value = job(tx)?;
                *fill.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
                Ok(())
            }),
            for_now,
        )?;
        let value = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.ok_or_else(|| Fault::temporary("store: the job left no result"))
    }

    /// Has the writer run a job, and waits for it. Apart from [`Store::write`], which is made anew for each job.
    fn run(&self, job: commit::Job, for_now: bool) -> Result<(), Fault> {
        let (done, answer) = sync_channel(1);
        let closed = |_| Fault::temporary("the store is closed");
        self.0.jobs.send_blocking(commit::Ask { job, done, for_now }).map_err(closed)?;
        answer.recv_timeout(WRITE_LIMIT).map_err(|_| Fault::temporary("store: no answer of the disk in 60 s"))?
    }

    /// Reads at one moment.
    ///
    /// # Errors
    /// A temporary fault when the store is closed or the disk fails.
    pub fn read<T>(&self, job: impl FnOnce(&View) -> TxResult<T>) -> Result<T, Fault> {
        // The file stays open until the job is done.
        let (_open, view) = self.view()?;
        schema::guarded(|| job(&view)).map_err(unread)
    }

    /// The store as it is now, and the file that it is in.
    fn view(&self) -> Result<(Arc<Database>, View), Fault> {
        let database = self.0.database.read().unwrap_or_else(PoisonError::into_inner).clone();
        let database = database.ok_or_else(|| Fault::temporary(self.broken().unwrap_or_default()))?;
        let txn = database.begin_read().map_err(|error| unread(error.into()))?;
        Ok((database, View(txn)))
    }

    /// The counters and totals.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn ledger(&self) -> Result<Ledger, Fault> {
        self.read(|view| Ok(Ledger::load(&schema::META.read(&view.0)?)?))
    }

    /// The people, as last committed.
    pub fn people(&self) -> Arc<People> {
        Arc::clone(&self.0.people.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A number that changes whenever somebody writes to whom they had not written to of late.
    pub fn contacts_seen(&self) -> u64 {
        self.0.contacts.load(Ordering::Acquire)
    }

    /// The settings, as last committed.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.0.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The long work that is going on in this box.
    pub fn works(&self) -> &running::Works {
        &self.0.works
    }

    /// Gives the clock of this box.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Gives the path of the data folder.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Copies a large mail into the spool folder, with `front` before it.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn spool(&self, front: &[u8], from: &Path) -> std::io::Result<Spooled> {
        spool::keep(&self.0.folder, front, Some(from))
    }

    /// Writes a large mail into the spool folder.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn spool_bytes(&self, mail: &[u8]) -> std::io::Result<Spooled> {
        spool::keep(&self.0.folder, mail, None)
    }

    /// Gives a mail in the spool folder another file, which takes no room where the disk has links: messages that are kept by
    /// themselves remove their own.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn spool_again(&self, file: &Spooled) -> std::io::Result<Spooled> {
        spool::again(&self.0.folder, file)
    }

    /// Looks how much room the disk of the data folder has, and how much of it `store.reserve` keeps free.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn disk_room(&self) -> std::io::Result<DiskRoom> {
        let reserve = u64::try_from(self.settings().number(Key::DiskReserve)).unwrap_or(0).saturating_mul(1_000_000);
        Ok(DiskRoom { free: crate::sys::disk::free(&self.0.folder)?, reserve })
    }

    /// True when the last commit failed because the disk is full.
    pub fn disk_full(&self) -> bool {
        self.0.full.load(Ordering::Relaxed)
    }

    /// Why the store can be read and not written now, if so.
    pub fn read_only(&self) -> Option<String> {
        self.0.read_only.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why the store cannot be read now, if so.
    pub fn broken(&self) -> Option<String> {
        self.0.broken.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A channel that gets an item whenever a queue may have got work. Holds one item: a wake-up is not lost.
    pub fn wake_on(&self, way: Way) -> (Sender<()>, Receiver<()>) {
        let (sender, receiver) = bounded(1);
        self.0.wakes.lock().unwrap_or_else(PoisonError::into_inner).push((way, sender.clone()));
        (sender, receiver)
    }

    /// A channel that gets an item whenever settings of the box or of a link changed.
    pub fn settings_changed(&self) -> Receiver<()> {
        let (sender, receiver) = bounded(1);
        self.0.settings_watch.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    /// A channel that gets an item whenever something changed in a person's mailbox, or with the people. Holds one item: a
    /// wake-up is not lost.
    pub fn mailbox_changed(&self, person: &str) -> Receiver<()> {
        let (sender, receiver) = bounded(1);
        let mut watch = self.0.mailbox_watch.lock().unwrap_or_else(PoisonError::into_inner);
        watch.push((person.to_owned(), sender));
        receiver
    }

    /// Lets the writer finish what it has, and closes the file.
    pub fn close(&self) {
        self.0.jobs.close();
        let writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            log::error!("store: the writer had panicked");
        }
    }

    /// Wakes who watches the mailboxes of these people, or all of them.
    fn wake_mailboxes(&self, of: impl Fn(&str) -> bool) {
        let mut watch = self.0.mailbox_watch.lock().unwrap_or_else(PoisonError::into_inner);
        watch.retain(|(_, sender)| !sender.is_closed());
        for (_, sender) in watch.iter().filter(|(person, _)| of(person)) {
            // Full means that the wake-up is on its way already.
            let _ = sender.try_send(());
        }
    }

    fn wake(&self, way: Way) {
        let mut wakes = self.0.wakes.lock().unwrap_or_else(PoisonError::into_inner);
        wakes.retain(|(_, sender)| !sender.is_closed());
        for (_, sender) in wakes.iter().filter(|(other, _)| *other == way) {
            // Full means that the wake-up is on its way already.
            let _ = sender.try_send(());
        }
    }
}
