//! Tables, keys and the version of the file. Nothing outside `store` knows redb.

use std::panic::{AssertUnwindSafe, catch_unwind};

use redb::{ReadOnlyTable, ReadTransaction, Table, TableDefinition, TableError, WriteTransaction};

pub use super::record::{Unreadable, VERSION, json, record};
use crate::fault::Fault;

/// Mails up to this size live in the store; larger ones are files in the spool folder (values are rounded up to
/// powers of two inside redb, and a huge value would cost its size in memory).
pub const INLINE: usize = 72 * 1024;

/// Message number -> JSON of `Message`.
pub const MESSAGES: TableDefinition<u64, &[u8]> = TableDefinition::new("messages");
/// Number of the first message of a mail -> its bytes.
pub const BODIES: TableDefinition<u64, &[u8]> = TableDefinition::new("bodies");
/// (queue, next look in ms, message): everything that waits; in the queues of the link by the time of acceptance.
pub const DUE: TableDefinition<(u8, i64, u64), ()> = TableDefinition::new("due");
/// (person, folder) -> row of a [`Folder`](super::mailbox::Folder).
pub const FOLDERS: TableDefinition<(&str, u32), &[u8]> = TableDefinition::new("folders");
/// (person, folder, uid) -> row of an [`Entry`](super::mailbox::Entry).
pub const ENTRIES: TableDefinition<(&str, u32, u32), &[u8]> = TableDefinition::new("folder_entries");
/// (person, folder, number of the change) -> uid, and 1 when the entry went.
pub const CHANGES: TableDefinition<(&str, u32, u64), (u32, u8)> = TableDefinition::new("folder_changes");
/// Content -> row of what is known of its bytes; see `store::mailbox`.
pub const CONTENTS: TableDefinition<u64, &[u8]> = TableDefinition::new("folder_contents");
/// (message, person, folder, uid): the entries of a message.
pub const PLACES: TableDefinition<(u64, &str, u32, u32), ()> = TableDefinition::new("folder_places");
/// (person, hash of a Message-ID, folder, uid): entries by name.
pub const NAMES: TableDefinition<(&str, u64, u32, u32), ()> = TableDefinition::new("folder_names");
/// (block, row) -> which of its numbers have a run of the row; see `store::search`.
pub const SEARCH_ROWS: TableDefinition<(u64, u16), &[u8]> = TableDefinition::new("search_rows");
/// Number whose text changed since its block was written -> how often it did.
pub const SEARCH_LOOSE: TableDefinition<u64, u32> = TableDefinition::new("search_loose");
/// Up to version 6: (person, message) -> 1 once read.
pub const MAILBOX: TableDefinition<(&str, u64), u8> = TableDefinition::new("mailbox");
/// Packet number -> JSON of `Packet`.
pub const PACKETS: TableDefinition<u64, &[u8]> = TableDefinition::new("air_packets");
/// (message, packet) for each packet that carries the message, or a piece of it.
pub const CARRIED: TableDefinition<(u64, u64), ()> = TableDefinition::new("air_carried");
/// (stage, when the link is asked after it in ms, packet) of packets that are not settled.
pub const OPEN: TableDefinition<(u8, i64, u64), ()> = TableDefinition::new("air_open");
/// (link and holder, number) of a packet on a link -> packet.
pub const REFERENCES: TableDefinition<(&str, u64), u64> = TableDefinition::new("air_references");
/// (number of a far box, or nothing for the one by which this box reaches the world; part; id) -> a part of what the two boxes know
/// of each other, with its CRC-32.
pub const SESSION_ROWS: TableDefinition<(&str, &str, u64), &[u8]> = TableDefinition::new("air_sessions");
/// Up to version 8: the same as one JSON.
pub const PEERS: TableDefinition<&str, &[u8]> = TableDefinition::new("air_peers");
/// Number of a far box -> JSON of `FarBox`.
pub const FAR_BOXES: TableDefinition<u32, &[u8]> = TableDefinition::new("far_boxes");
/// Version 1: (message, part) -> JSON of a packet of one message.
pub const PACKETS_1: TableDefinition<(u64, u16), &[u8]> = TableDefinition::new("packets");
/// Version 1: (holder, number) of a packet on a link -> (message, part).
pub const REFERENCES_1: TableDefinition<(&str, u64), (u64, u16)> = TableDefinition::new("references");
/// Keys of inbound packets that were taken -> when (ms).
pub const SEEN: TableDefinition<&str, i64> = TableDefinition::new("seen");
/// Parts of messages from the air that are not complete: set / part number -> JSON of `PartIn`.
pub const PARTS: TableDefinition<(&str, u16), &[u8]> = TableDefinition::new("parts");
/// Message-ID of mails that went outside -> message.
pub const MESSAGE_IDS: TableDefinition<&str, u64> = TableDefinition::new("message_ids");
/// (person, [`correspondent`](crate::address::Address::correspondent)) -> when the person last wrote there (ms).
pub const CONTACTS: TableDefinition<(&str, &str), i64> = TableDefinition::new("contacts");
/// Message -> JSON of `TextOut`: what the carrier has, or may have, of it.
pub const TEXTS: TableDefinition<u64, &[u8]> = TableDefinition::new("texts");
/// Carrier and its name for a text, `twilio:SM...` -> message.
pub const TEXT_IDS: TableDefinition<&str, u64> = TableDefinition::new("text_ids");
/// (next look at the carrier's report in ms, message).
pub const TEXT_DUE: TableDefinition<(i64, u64), ()> = TableDefinition::new("text_due");
/// (service number, phone) -> JSON of `OptOut`.
pub const OPT_OUTS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("opt_outs");
/// (person, phone) -> JSON of `Thread`: the last mail between the two.
pub const THREADS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("threads");
/// (number of a far box or nothing, message that it sent) whose state changed: the far box may have to be told.
pub const FATES: TableDefinition<(&str, u64), ()> = TableDefinition::new("fates");
/// (two addresses in lower case, topic) -> the last message between the two about it.
pub const CONVERSATIONS: TableDefinition<(&str, &str), u64> = TableDefinition::new("conversations");
/// (month, account) -> packets, text messages, and money in millionths; the account of the box is the empty one.
pub const SPENT: TableDefinition<(&str, &str), (u64, u64, i64)> = TableDefinition::new("spent");
/// Person -> JSON of `Person`.
pub const PEOPLE: TableDefinition<&str, &[u8]> = TableDefinition::new("people");
/// Number of a link -> JSON of `LinkRecord`.
pub const LINKS: TableDefinition<u32, &[u8]> = TableDefinition::new("links");
/// (link, day or month) -> packets, and money in millionths, that were handed over to it.
pub const CHARGES: TableDefinition<(u32, &str), (u64, i64)> = TableDefinition::new("link_charges");
/// Setting -> value.
pub const SETTINGS: TableDefinition<&str, &str> = TableDefinition::new("settings");
/// Number -> JSON of `Event`; a ring.
pub const EVENTS: TableDefinition<u64, &[u8]> = TableDefinition::new("events");
/// Number -> JSON of an audit `Record`; a ring.
pub const AUDIT: TableDefinition<u64, &[u8]> = TableDefinition::new("audit");
/// (day such as `2026-11-25`, person) -> JSON of `Counts`; the box itself has the empty name.
pub const USAGE: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("usage");
/// (link and series, ms) -> value.
pub const SAMPLES: TableDefinition<(&str, i64), f64> = TableDefinition::new("samples");
/// Set aside: number -> JSON of `Quarantined`.
pub const QUARANTINE: TableDefinition<u64, &[u8]> = TableDefinition::new("quarantine");
/// Log-ins of the web page: hash of the token -> JSON of the session.
pub const SESSIONS: TableDefinition<&str, &[u8]> = TableDefinition::new("sessions");
/// Counters, books, version, last time: name -> JSON.
pub const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");

/// A table; `None` when the store never needed it.
pub(super) fn table_of<K: redb::Key + 'static, V: redb::Value + 'static>(
    from: &ReadTransaction,
    table: TableDefinition<K, V>,
) -> Result<Option<ReadOnlyTable<K, V>>, redb::Error> {
    match from.open_table(table) {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Why a job in the store did not happen.
#[derive(Debug)]
pub enum StoreError {
    /// The disk or the file: the store has to be opened anew.
    Storage(redb::Error),
    /// A rule of ours.
    Rejected(Fault),
}

impl<E: Into<redb::Error>> From<E> for StoreError {
    fn from(error: E) -> Self {
        Self::Storage(error.into())
    }
}

/// Shorthand for jobs in the store.
pub type TxResult<T> = Result<T, StoreError>;

/// A rule that was broken, as the end of a job.
pub fn reject<T>(fault: Fault) -> TxResult<T> {
    Err(StoreError::Rejected(fault))
}

/// What helps against a damaged file, as the end of a sentence.
pub const REMEDIES: &str =
    "'satpost restore' brings a backup back, and 'satpost repair' makes a new store of what can be read";

/// Does something with the file, with a panic as an error of its own: redb panics on some damaged pages.
///
/// # Errors
/// Those of `work`, or that a page cannot be read.
pub fn guarded<T>(work: impl FnOnce() -> TxResult<T>) -> TxResult<T> {
    let panicked = |_| Err(redb::Error::Corrupted("a page of it cannot be read".to_owned()).into());
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(panicked)
}

/// All tables of a write transaction, open. One batch of jobs shares it.
pub struct Tx<'t> {
    pub(super) messages: Table<'t, u64, &'static [u8]>,
    pub(super) bodies: Table<'t, u64, &'static [u8]>,
    pub(super) due: Table<'t, (u8, i64, u64), ()>,
    pub(super) folders: Table<'t, (&'static str, u32), &'static [u8]>,
    pub(super) entries: Table<'t, (&'static str, u32, u32), &'static [u8]>,
    pub(super) changes: Table<'t, (&'static str, u32, u64), (u32, u8)>,
    pub(super) contents: Table<'t, u64, &'static [u8]>,
    pub(super) places: Table<'t, (u64, &'static str, u32, u32), ()>,
    pub(super) names: Table<'t, (&'static str, u64, u32, u32), ()>,
    pub(super) search_rows: Table<'t, (u64, u16), &'static [u8]>,
    pub(super) search_loose: Table<'t, u64, u32>,
    pub(super) packets: Table<'t, u64, &'static [u8]>,
    pub(super) carried: Table<'t, (u64, u64), ()>,
    pub(super) open: Table<'t, (u8, i64, u64), ()>,
    pub(super) references: Table<'t, (&'static str, u64), u64>,
    pub(super) session_rows: Table<'t, (&'static str, &'static str, u64), &'static [u8]>,
    pub(super) far_boxes: Table<'t, u32, &'static [u8]>,
    pub(super) seen: Table<'t, &'static str, i64>,
    pub(super) parts: Table<'t, (&'static str, u16), &'static [u8]>,
    pub(super) message_ids: Table<'t, &'static str, u64>,
    pub(super) contacts: Table<'t, (&'static str, &'static str), i64>,
    pub(super) texts: Table<'t, u64, &'static [u8]>,
    pub(super) text_ids: Table<'t, &'static str, u64>,
    pub(super) text_due: Table<'t, (i64, u64), ()>,
    pub(super) opt_outs: Table<'t, (&'static str, &'static str), &'static [u8]>,
    pub(super) threads: Table<'t, (&'static str, &'static str), &'static [u8]>,
    pub(super) fates: Table<'t, (&'static str, u64), ()>,
    pub(super) conversations: Table<'t, (&'static str, &'static str), u64>,
    pub(super) spent: Table<'t, (&'static str, &'static str), (u64, u64, i64)>,
    pub(super) people: Table<'t, &'static str, &'static [u8]>,
    pub(super) links: Table<'t, u32, &'static [u8]>,
    pub(super) charges: Table<'t, (u32, &'static str), (u64, i64)>,
    pub(super) settings: Table<'t, &'static str, &'static str>,
    pub(super) events: Table<'t, u64, &'static [u8]>,
    pub(super) usage: Table<'t, (&'static str, &'static str), &'static [u8]>,
    pub(super) audit: Table<'t, u64, &'static [u8]>,
    pub(super) samples: Table<'t, (&'static str, i64), f64>,
    pub(super) quarantine: Table<'t, u64, &'static [u8]>,
    pub(super) sessions: Table<'t, &'static str, &'static [u8]>,
    pub(super) meta: Table<'t, &'static str, &'static [u8]>,
    /// Counters and books, loaded once and written back at the end of the batch.
    pub(super) ledger: super::books::Ledger,
    /// The day of the calendar at this commit, in the time zone of the box.
    pub(super) day: String,
    /// The mail domain of the box.
    pub(super) domain: String,
    /// What has to happen after the commit.
    pub(super) after: After,
}

/// What has to happen once a batch is on disk.
#[derive(Debug, Default)]
pub struct After {
    /// Queues that got work.
    pub ways: Vec<crate::message::Way>,
    /// People changed.
    pub people: bool,
    /// Settings of the box or of a link changed.
    pub settings: bool,
    /// The clock was set, and what is written down has moved along.
    pub clock: Option<crate::clock::ClockSet>,
    /// Spool files that a mail refers to now.
    pub keep: Vec<std::sync::Arc<super::spool::Spooled>>,
    /// Spool files that nothing refers to any more.
    pub unlink: Vec<String>,
    /// People in whose mailboxes something changed.
    pub mailboxes: std::collections::BTreeSet<String>,
}

impl<'t> Tx<'t> {
    /// Opens (and on the first use makes) all tables.
    pub(super) fn open(txn: &'t WriteTransaction) -> Result<Self, redb::Error> {
        let meta = txn.open_table(META)?;
        let ledger = super::books::Ledger::load(&meta)?;
        Ok(Self {
            messages: txn.open_table(MESSAGES)?,
            bodies: txn.open_table(BODIES)?,
            due: txn.open_table(DUE)?,
            folders: txn.open_table(FOLDERS)?,
            entries: txn.open_table(ENTRIES)?,
            changes: txn.open_table(CHANGES)?,
            contents: txn.open_table(CONTENTS)?,
            places: txn.open_table(PLACES)?,
            names: txn.open_table(NAMES)?,
            search_rows: txn.open_table(SEARCH_ROWS)?,
            search_loose: txn.open_table(SEARCH_LOOSE)?,
            packets: txn.open_table(PACKETS)?,
            carried: txn.open_table(CARRIED)?,
            open: txn.open_table(OPEN)?,
            references: txn.open_table(REFERENCES)?,
            session_rows: txn.open_table(SESSION_ROWS)?,
            far_boxes: txn.open_table(FAR_BOXES)?,
            seen: txn.open_table(SEEN)?,
            parts: txn.open_table(PARTS)?,
            message_ids: txn.open_table(MESSAGE_IDS)?,
            contacts: txn.open_table(CONTACTS)?,
            texts: txn.open_table(TEXTS)?,
            text_ids: txn.open_table(TEXT_IDS)?,
            text_due: txn.open_table(TEXT_DUE)?,
            opt_outs: txn.open_table(OPT_OUTS)?,
            threads: txn.open_table(THREADS)?,
            fates: txn.open_table(FATES)?,
            conversations: txn.open_table(CONVERSATIONS)?,
            spent: txn.open_table(SPENT)?,
            people: txn.open_table(PEOPLE)?,
            links: txn.open_table(LINKS)?,
            charges: txn.open_table(CHARGES)?,
            settings: txn.open_table(SETTINGS)?,
            events: txn.open_table(EVENTS)?,
            usage: txn.open_table(USAGE)?,
            audit: txn.open_table(AUDIT)?,
            samples: txn.open_table(SAMPLES)?,
            quarantine: txn.open_table(QUARANTINE)?,
            sessions: txn.open_table(SESSIONS)?,
            meta,
            ledger,
            day: String::new(),
            domain: String::new(),
            after: After::default(),
        })
    }

    /// Writes the counters back; the last act of a batch.
    pub(super) fn close(mut self) -> Result<After, redb::Error> {
        self.ledger.save(&mut self.meta)?;
        Ok(self.after)
    }
}

/// A consistent view of the store at one moment.
pub struct View(pub(super) ReadTransaction);

impl View {
    pub(super) fn messages(&self) -> Result<ReadOnlyTable<u64, &'static [u8]>, redb::Error> {
        Ok(self.0.open_table(MESSAGES)?)
    }
}
