//! Tables, keys and the version of the file. Nothing outside `store` knows redb.

use std::panic::{AssertUnwindSafe, catch_unwind};

use redb::ReadTransaction;

pub use super::record::{Unreadable, VERSION, json, record};
pub use super::table::Readable;
use super::table::{Access, AnyTable, Definition, ReadTable, Table, since_9};
use super::totals::{Ledger, SavedLedger};
use crate::fault::Fault;

/// Mails up to this size live in the store; larger ones are files in the spool folder (values are rounded up to
/// powers of two inside redb, and a huge value would cost its size in memory).
pub const INLINE: usize = 72 * 1024;

/// Message number -> JSON of `Message`.
pub const MESSAGES: Definition<u64, &[u8]> = Definition::new("messages");
/// Number of the first message of a mail -> its bytes.
pub const BODIES: Definition<u64, &[u8]> = Definition::new("bodies");
/// (queue, next look in ms, message): everything that waits; in the queues of the link by the time of acceptance.
pub const DUE: Definition<(u8, i64, u64), ()> = Definition::new(since_9!("due"));
/// (0, block) -> which of its messages are in which of the states that are neither open nor delivered; see `store::ended`.
pub const ENDED: Definition<(u8, u64), &[u8]> = Definition::new("ended");
/// (person, folder) -> row of a [`Folder`](super::mailbox::Folder).
pub const FOLDERS: Definition<(&str, u32), &[u8]> = Definition::new(since_9!("folders"));
/// (person, folder, uid) -> row of an [`Entry`](super::mailbox::Entry).
pub const ENTRIES: Definition<(&str, u32, u32), &[u8]> = Definition::new(since_9!("folder_entries"));
/// (person, folder, uid / 64) -> row of flags that changed since their entries came; see `store::mailbox::marks`.
pub const MARKS: Definition<(&str, u32, u32), &[u8]> = Definition::new("folder_marks");
/// (person, folder, number of the change) -> what changed, and how; see `store::mailbox::changes`.
pub const CHANGES: Definition<(&str, u32, u64), (u32, u8)> = Definition::new(since_9!("folder_changes"));
/// Content -> row of what is known of its bytes; see `store::mailbox`.
pub const CONTENTS: Definition<u64, &[u8]> = Definition::new("folder_contents");
/// (message, or content that is of none; person, folder, uid): the entries that show it.
pub const PLACES: Definition<(u64, &str, u32, u32), ()> = Definition::new(since_9!("folder_places"));
/// (person, hash of a Message-ID, folder, uid): entries by name.
pub const NAMES: Definition<(&str, u64, u32, u32), ()> = Definition::new(since_9!("folder_names"));
/// (block, row) -> which of its numbers have a run of the row; see `store::search`.
pub const SEARCH_ROWS: Definition<(u64, u16), &[u8]> = Definition::new(since_9!("search_rows"));
/// Number whose text changed since its block was written -> how often it did.
pub const SEARCH_LOOSE: Definition<u64, u32> = Definition::new(since_9!("search_loose"));
/// Up to version 6: (person, message) -> 1 once read.
pub const MAILBOX: Definition<(&str, u64), u8> = Definition::new(since_9!("mailbox"));
/// Packet number -> JSON of `Packet`.
pub const PACKETS: Definition<u64, &[u8]> = Definition::new("air_packets");
/// (message, packet) for each packet that carries the message, or a piece of it.
pub const CARRIED: Definition<(u64, u64), ()> = Definition::new(since_9!("air_carried"));
/// (stage, when the link is asked after it in ms, packet) of packets that are not settled.
pub const OPEN: Definition<(u8, i64, u64), ()> = Definition::new(since_9!("air_open"));
/// (link and holder, number) of a packet on a link -> packet.
pub const REFERENCES: Definition<(&str, u64), u64> = Definition::new(since_9!("air_references"));
/// (number of a far box, or nothing for the one by which this box reaches the world; part; id) -> a part of what the two boxes know
/// of each other, with its CRC-32.
pub const SESSION_ROWS: Definition<(&str, &str, u64), &[u8]> = Definition::new(since_9!("air_sessions"));
/// Up to version 8: the same as one JSON.
pub const PEERS: Definition<&str, &[u8]> = Definition::new("air_peers");
/// Number of a far box -> JSON of `FarBox`.
pub const FAR_BOXES: Definition<u32, &[u8]> = Definition::new(since_9!("far_boxes"));
/// Version 1: (message, part) -> JSON of a packet of one message.
pub const PACKETS_1: Definition<(u64, u16), &[u8]> = Definition::new(since_9!("packets"));
/// Version 1: (holder, number) of a packet on a link -> (message, part).
pub const REFERENCES_1: Definition<(&str, u64), (u64, u16)> = Definition::new(since_9!("references"));
/// Keys of inbound packets that were taken -> when (ms).
pub const SEEN: Definition<&str, i64> = Definition::new(since_9!("seen"));
/// Parts of messages from the air that are not complete: set / part number -> JSON of `PartIn`.
pub const PARTS: Definition<(&str, u16), &[u8]> = Definition::new(since_9!("parts"));
/// Message-ID of mails that went outside -> message.
pub const MESSAGE_IDS: Definition<&str, u64> = Definition::new(since_9!("message_ids"));
/// (person, [`correspondent`](crate::address::Address::correspondent)) -> when the person last wrote there (ms).
pub const CONTACTS: Definition<(&str, &str), i64> = Definition::new(since_9!("contacts"));
/// Message -> JSON of `TextOut`: what the carrier has, or may have, of it.
pub const TEXTS: Definition<u64, &[u8]> = Definition::new("texts");
/// Carrier and its name for a text, `twilio:SM...` -> message.
pub const TEXT_IDS: Definition<&str, u64> = Definition::new(since_9!("text_ids"));
/// (next look at the carrier's report in ms, message).
pub const TEXT_DUE: Definition<(i64, u64), ()> = Definition::new(since_9!("text_due"));
/// (service number, phone) -> JSON of `OptOut`.
pub const OPT_OUTS: Definition<(&str, &str), &[u8]> = Definition::new(since_9!("opt_outs"));
/// (person, phone) -> JSON of `Thread`: the last mail between the two.
pub const THREADS: Definition<(&str, &str), &[u8]> = Definition::new(since_9!("threads"));
/// (number of a far box or nothing, message that it sent) whose state changed: the far box may have to be told.
pub const FATES: Definition<(&str, u64), ()> = Definition::new(since_9!("fates"));
/// (two addresses in lower case, topic) -> the last message between the two about it.
pub const CONVERSATIONS: Definition<(&str, &str), u64> = Definition::new(since_9!("conversations"));
/// (month, account) -> packets, text messages, and money in millionths; the account of the box is the empty one.
pub const SPENT: Definition<(&str, &str), (u64, u64, i64)> = Definition::new(since_9!("spent"));
/// Person -> JSON of `Person`.
pub const PEOPLE: Definition<&str, &[u8]> = Definition::new("people");
/// Number of a link -> JSON of `LinkRecord`.
pub const LINKS: Definition<u32, &[u8]> = Definition::new(since_9!("links"));
/// (link, day or month) -> packets, and money in millionths, that were handed over to it.
pub const CHARGES: Definition<(u32, &str), (u64, i64)> = Definition::new(since_9!("link_charges"));
/// Name of a setting -> its value as text.
pub const SETTINGS: Definition<&str, &str> = Definition::new(since_9!("settings"));
/// Number -> JSON of `Event`; a ring.
pub const EVENTS: Definition<u64, &[u8]> = Definition::new("events");
/// Number -> JSON of an audit `Record`; a ring.
pub const AUDIT: Definition<u64, &[u8]> = Definition::new("audit");
/// (day such as `2026-11-25`, person) -> JSON of `Counts`; the box itself has the empty name.
pub const USAGE: Definition<(&str, &str), &[u8]> = Definition::new(since_9!("usage"));
/// (link and series, ms) -> value.
pub const SAMPLES: Definition<(&str, i64), f64> = Definition::new(since_9!("samples"));
/// Set aside: number -> JSON of `Quarantined`.
pub const QUARANTINE: Definition<u64, &[u8]> = Definition::new("quarantine");
/// Log-ins of the web page: hash of the token -> JSON of the session.
pub const SESSIONS: Definition<&str, &[u8]> = Definition::new("sessions");
/// Counters, totals, version, last time: name -> JSON.
pub const META: Definition<&str, &[u8]> = Definition::new("meta");

/// Which records of the write-ahead log belong to this file: number of their generation, bytes of the log, and the CRC-32 of both.
/// One row at most; none when the file is whole without a log.
pub const WAL: Definition<&str, (u64, u64, u32)> = Definition::new("wal");

/// Everything that a backup holds: all tables but the log-ins and the generation of the log. The seal of a backup is over them
/// in this order.
pub const KEPT: [AnyTable; 45] = [
    MESSAGES.any(),
    BODIES.any(),
    DUE.any(),
    ENDED.any(),
    FOLDERS.any(),
    ENTRIES.any(),
    MARKS.any(),
    CHANGES.any(),
    CONTENTS.any(),
    PLACES.any(),
    NAMES.any(),
    SEARCH_ROWS.any(),
    SEARCH_LOOSE.any(),
    MAILBOX.any(),
    PACKETS.any(),
    CARRIED.any(),
    OPEN.any(),
    REFERENCES.any(),
    PEERS.any(),
    SESSION_ROWS.any(),
    FAR_BOXES.any(),
    PACKETS_1.any(),
    REFERENCES_1.any(),
    SEEN.any(),
    PARTS.any(),
    MESSAGE_IDS.any(),
    CONTACTS.any(),
    TEXTS.any(),
    TEXT_IDS.any(),
    TEXT_DUE.any(),
    OPT_OUTS.any(),
    THREADS.any(),
    FATES.any(),
    CONVERSATIONS.any(),
    SPENT.any(),
    PEOPLE.any(),
    LINKS.any(),
    CHARGES.any(),
    SETTINGS.any(),
    EVENTS.any(),
    USAGE.any(),
    AUDIT.any(),
    SAMPLES.any(),
    QUARANTINE.any(),
    META.any(),
];

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

/// All tables of a write transaction. One batch of jobs shares it.
pub struct Tx<'t> {
    pub(super) messages: Table<'t, u64, &'static [u8]>,
    pub(super) bodies: Table<'t, u64, &'static [u8]>,
    pub(super) due: Table<'t, (u8, i64, u64), ()>,
    pub(super) ended: Table<'t, (u8, u64), &'static [u8]>,
    pub(super) folders: Table<'t, (&'static str, u32), &'static [u8]>,
    pub(super) entries: Table<'t, (&'static str, u32, u32), &'static [u8]>,
    pub(super) marks: Table<'t, (&'static str, u32, u32), &'static [u8]>,
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
    /// Counters and totals, loaded once and written back at the end of the batch.
    pub(super) ledger: Ledger,
    saved: Option<&'t SavedLedger>,
    /// The day of the calendar at this commit, in the time zone of the box.
    pub(super) day: String,
    /// The mail domain of the box.
    pub(super) domain: String,
    /// What is known of the rows of far boxes as they were before; nothing where nobody keeps that.
    pub(super) editions: Option<&'t super::editions::Editions>,
    /// What has to happen after the commit.
    pub(super) after: After,
}

/// What has to happen once a batch is on disk.
#[derive(Debug, Default)]
pub struct After {
    /// Queues that got work.
    pub ways: Vec<crate::message::Way>,
    /// People were added, changed or removed.
    pub people: bool,
    /// Somebody wrote to whom they had not written to of late.
    pub contacts: bool,
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
    /// Far boxes whose rows changed, and what those mean now.
    pub sessions: std::collections::BTreeMap<String, Option<super::editions::Meaning>>,
}

impl<'t> Tx<'t> {
    /// Begins to work on a transaction. Counters that were `saved` by the one before are not read again.
    pub(super) fn open(access: Access<'t>, saved: Option<&'t SavedLedger>) -> Result<Self, redb::Error> {
        let meta = META.open_by(access)?;
        let ledger = match saved {
            Some(saved) => saved.take(&meta)?,
            None => Ledger::load(&meta)?,
        };
        Ok(Self {
            messages: MESSAGES.open_by(access)?,
            bodies: BODIES.open_by(access)?,
            due: DUE.open_by(access)?,
            ended: ENDED.open_by(access)?,
            folders: FOLDERS.open_by(access)?,
            entries: ENTRIES.open_by(access)?,
            marks: MARKS.open_by(access)?,
            changes: CHANGES.open_by(access)?,
            contents: CONTENTS.open_by(access)?,
            places: PLACES.open_by(access)?,
            names: NAMES.open_by(access)?,
            search_rows: SEARCH_ROWS.open_by(access)?,
            search_loose: SEARCH_LOOSE.open_by(access)?,
            packets: PACKETS.open_by(access)?,
            carried: CARRIED.open_by(access)?,
            open: OPEN.open_by(access)?,
            references: REFERENCES.open_by(access)?,
            session_rows: SESSION_ROWS.open_by(access)?,
            far_boxes: FAR_BOXES.open_by(access)?,
            seen: SEEN.open_by(access)?,
            parts: PARTS.open_by(access)?,
            message_ids: MESSAGE_IDS.open_by(access)?,
            contacts: CONTACTS.open_by(access)?,
            texts: TEXTS.open_by(access)?,
            text_ids: TEXT_IDS.open_by(access)?,
            text_due: TEXT_DUE.open_by(access)?,
            opt_outs: OPT_OUTS.open_by(access)?,
            threads: THREADS.open_by(access)?,
            fates: FATES.open_by(access)?,
            conversations: CONVERSATIONS.open_by(access)?,
            spent: SPENT.open_by(access)?,
            people: PEOPLE.open_by(access)?,
            links: LINKS.open_by(access)?,
            charges: CHARGES.open_by(access)?,
            settings: SETTINGS.open_by(access)?,
            events: EVENTS.open_by(access)?,
            usage: USAGE.open_by(access)?,
            audit: AUDIT.open_by(access)?,
            samples: SAMPLES.open_by(access)?,
            quarantine: QUARANTINE.open_by(access)?,
            sessions: SESSIONS.open_by(access)?,
            meta,
            ledger,
            saved,
            day: String::new(),
            domain: String::new(),
            editions: None,
            after: After::default(),
        })
    }

    /// Writes the counters back; the last act of a batch.
    pub(super) fn close(mut self) -> Result<After, redb::Error> {
        let row = self.ledger.save(&mut self.meta)?;
        if let Some(saved) = self.saved {
            saved.keep(row, self.ledger);
        }
        Ok(self.after)
    }
}

/// A consistent view of the store at one moment.
pub struct View(pub(super) ReadTransaction);

impl View {
    pub(super) fn messages(&self) -> Result<ReadTable<u64, &'static [u8]>, redb::Error> {
        MESSAGES.read(&self.0)
    }
}
