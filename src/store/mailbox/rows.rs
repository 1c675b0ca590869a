//! Rows of the mailbox tables as bytes: numbers in little-endian order, strings behind their length, CRC-32 at the end.

use crate::clock::Time;
use crate::fault::Fault;
use crate::store::schema::{TxResult, reject};

/// The folders that each mailbox has, by their numbers (RFC 6154).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Special {
    /// What arrives, by mail or over a link.
    Inbox = 1,
    /// What left, once for each mail.
    Sent = 2,
    /// What a mail program keeps while it is written.
    Drafts = 3,
    /// What somebody wants out of the way.
    Archive = 4,
    /// What goes for good after 30 days.
    Trash = 5,
}

impl Special {
    /// All special folders, by number.
    pub const ALL: [Self; 5] = [Self::Inbox, Self::Sent, Self::Drafts, Self::Archive, Self::Trash];

    /// Gives the number of the folder, 1 to 5.
    pub fn number(self) -> u32 {
        self as u32
    }

    /// Gives the name by which IMAP and the pages know the folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inbox => "INBOX",
            Self::Sent => "Sent",
            Self::Drafts => "Drafts",
            Self::Archive => "Archive",
            Self::Trash => "Trash",
        }
    }
}

/// One folder of a person, with its totals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folder {
    /// Its number; those up to 5 are of [`Special`] folders.
    pub number: u32,
    /// Its name, levels separated by `/`.
    pub name: String,
    /// UIDVALIDITY: as long as it stays, a UID names the same bytes.
    pub validity: u32,
    /// The UID that the next entry gets.
    pub next: u32,
    /// Entries from this UID on were seen by no session.
    pub recent: u32,
    /// The number of the last change; the first is 1.
    pub modseq: u64,
    /// Removals up to this change are no longer listed.
    pub floor: u64,
    /// Entries in the folder.
    pub total: u32,
    /// Entries that were not read.
    pub unseen: u32,
    /// Bytes of all entries, each counted in full.
    pub bytes: u64,
    /// Mail programs shall show it.
    pub subscribed: bool,
    /// Keywords of its entries; the place of one is its bit in [`Entry::keywords`].
    pub keywords: Vec<String>,
}

impl Folder {
    /// Its name for people: that of the protocol is in capitals for the one folder that every mailbox has.
    pub fn shown(&self) -> &str {
        if self.special() == Some(Special::Inbox) { "Inbox" } else { &self.name }
    }

    /// Which of the folders of each mailbox it is, if it is one.
    pub fn special(&self) -> Option<Special> {
        Special::ALL.into_iter().find(|special| special.number() == self.number)
    }
}

/// One mail as a folder shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Entry {
    /// Its number in the folder.
    pub uid: u32,
    /// Number of the content that it shows.
    pub content: u64,
    /// The message of this box that it belongs to, which may be pruned; 0: none.
    pub message: u64,
    /// Bits of [`Flags`](super::Flags).
    pub flags: u8,
    /// Bits of [`Folder::keywords`].
    pub keywords: u64,
    /// When it arrived (INTERNALDATE), in seconds.
    pub arrived: i64,
    /// When it was put into this folder, in seconds.
    pub saved: i64,
    /// The number of its last change.
    pub modseq: u64,
    /// Size of the mail in bytes.
    pub size: u64,
    /// Length of the header with the empty line; 0: not known.
    pub header: u32,
    /// Hash of its Message-ID; 0: none.
    pub name: u64,
}

/// The number of a change that is not known: the first of a folder has the next one.
const NOT_KNOWN: u64 = 1;

impl Entry {
    /// What is left of an entry whose row is damaged.
    pub(super) fn lost(uid: u32) -> Self {
        Self { uid, modseq: NOT_KNOWN, ..Self::default() }
    }

    /// True where the row of the entry is damaged: but for flags that changed since it came nothing is known of it.
    pub fn is_lost(&self) -> bool {
        // Contents have numbers from 1 on.
        self.content == 0
    }

    /// When it arrived.
    pub fn at(&self) -> Time {
        Time::from_seconds(self.arrived)
    }
}

/// What an entry of a folder is marked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EntryFlags {
    /// Its number in the folder.
    pub uid: u32,
    /// Bits of [`Flags`](super::Flags).
    pub flags: u8,
    /// Bits of [`Folder::keywords`].
    pub keywords: u64,
    /// The number of the change that gave it these.
    pub modseq: u64,
}

impl From<&Entry> for EntryFlags {
    fn from(entry: &Entry) -> Self {
        Self { uid: entry.uid, flags: entry.flags, keywords: entry.keywords, modseq: entry.modseq }
    }
}

/// The bytes behind entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContentRow {
    /// Entries that show them.
    pub count: u32,
    /// Size of the content in bytes.
    pub size: u64,
    /// CRC-32 of the content.
    pub check: u32,
    /// Length of the header with the empty line; 0: not known.
    pub header: u32,
    /// Messages with numbers from the content's on whose mail these bytes are; 0: they belong to entries only.
    pub copies: u32,
    /// Hash of the Message-ID; 0: none.
    pub name: u64,
    /// File in the spool folder; empty: in the store itself.
    pub file: String,
}

/// Writes the fields of a row one after the other, little endian.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub fn new(room: usize) -> Self {
        Self(Vec::with_capacity(room))
    }

    pub fn number(&mut self, value: u64, bytes: usize) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes()[..bytes]);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        // Names of folders, keywords and files are short.
        self.number(text.len() as u64, 2);
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    pub fn done(mut self) -> Vec<u8> {
        let check = crc32fast::hash(&self.0);
        self.0.extend_from_slice(&check.to_le_bytes());
        self.0
    }
}

/// Reads a row; `None` at its first flaw.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(row: &'a [u8]) -> Option<Self> {
        let (body, check) = row.split_last_chunk::<4>()?;
        (crc32fast::hash(body) == u32::from_le_bytes(*check)).then_some(Self(body))
    }

    /// Bytes that were not read yet.
    pub fn left(&self) -> usize {
        self.0.len()
    }

    pub fn number(&mut self, bytes: usize) -> Option<u64> {
        let (value, rest) = self.0.split_at_checked(bytes)?;
        let mut number = [0; 8];
        number.get_mut(..bytes)?.copy_from_slice(value);
        self.0 = rest;
        Some(u64::from_le_bytes(number))
    }

    fn pass(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }

    fn short(&mut self) -> Option<u32> {
        self.number(4).and_then(|value| u32::try_from(value).ok())
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number(2)?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}

impl Folder {
    pub(in crate::store) fn row(&self) -> Vec<u8> {
        let mut row = Writer::new(64);
        row.number(self.validity.into(), 4).number(self.next.into(), 4).number(self.recent.into(), 4);
        row.number(self.modseq, 8).number(self.floor, 8).number(self.total.into(), 4).number(self.unseen.into(), 4);
        row.number(self.bytes, 8).number(self.subscribed.into(), 1).text(&self.name);
        row.number(self.keywords.len() as u64, 1);
        for keyword in &self.keywords {
            row.text(keyword);
        }
        row.done()
    }

    pub(in crate::store) fn read(number: u32, row: &[u8]) -> Option<Self> {
        let mut row = Reader::new(row)?;
        let mut folder = Self {
            number,
            validity: row.short()?,
            next: row.short()?,
            recent: row.short()?,
            modseq: row.number(8)?,
            floor: row.number(8)?,
            total: row.short()?,
            unseen: row.short()?,
            bytes: row.number(8)?,
            subscribed: row.number(1)? != 0,
            name: row.text()?,
            keywords: Vec::new(),
        };
        for _ in 0..row.number(1)? {
            folder.keywords.push(row.text()?);
        }
        Some(folder)
    }
}

impl Entry {
    pub(in crate::store) fn row(&self) -> Vec<u8> {
        let mut row = Writer::new(80);
        row.number(self.content, 8).number(self.message, 8).number(self.flags.into(), 1).number(self.keywords, 8);
        row.number(self.arrived.cast_unsigned(), 8).number(self.saved.cast_unsigned(), 8).number(self.modseq, 8);
        row.number(self.size, 8).number(self.header.into(), 4).number(self.name, 8);
        row.done()
    }

    pub(in crate::store) fn read(uid: u32, row: &[u8]) -> Option<Self> {
        let mut row = Reader::new(row)?;
        Some(Self {
            uid,
            content: row.number(8)?,
            message: row.number(8)?,
            flags: row.number(1)?.try_into().ok()?,
            keywords: row.number(8)?,
            arrived: row.number(8)?.cast_signed(),
            saved: row.number(8)?.cast_signed(),
            modseq: row.number(8)?,
            size: row.number(8)?,
            header: row.short()?,
            name: row.number(8)?,
        })
    }
}

impl EntryFlags {
    /// Those of an entry whose row is damaged.
    pub(super) fn lost(uid: u32) -> Self {
        Self { uid, modseq: NOT_KNOWN, ..Self::default() }
    }

    /// True where neither the entry nor a later change of it says what it is marked with.
    pub(super) fn is_lost(&self) -> bool {
        self.modseq == NOT_KNOWN
    }

    /// What the entry of a row came with.
    pub(super) fn read(uid: u32, row: &[u8]) -> Option<Self> {
        let mut row = Reader::new(row)?;
        // Behind content and message; dates lie between them and the number of the change.
        row.pass(16)?;
        let (flags, keywords) = (row.number(1)?.try_into().ok()?, row.number(8)?);
        row.pass(16)?;
        Some(Self { uid, flags, keywords, modseq: row.number(8)? })
    }
}

impl ContentRow {
    pub(in crate::store) fn row(&self) -> Vec<u8> {
        let mut row = Writer::new(56);
        row.number(self.count.into(), 4).number(self.size, 8).number(self.check.into(), 4);
        row.number(self.header.into(), 4).number(self.copies.into(), 4).number(self.name, 8).text(&self.file);
        row.done()
    }

    pub(in crate::store) fn read(row: &[u8]) -> Option<Self> {
        let mut row = Reader::new(row)?;
        Some(Self {
            count: row.short()?,
            size: row.number(8)?,
            check: row.short()?,
            header: row.short()?,
            copies: row.short()?,
            name: row.number(8)?,
            file: row.text()?,
        })
    }
}

/// A row that was read, or the end of a job at one that is damaged. That is temporary: a fault of this box bounces nobody's mail.
pub(super) fn sound<T>(row: Option<T>, what: &str) -> TxResult<T> {
    row.map_or_else(|| reject(Fault::temporary(format!("{what} is damaged on the disk of this box"))), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_as_they_were_written_and_every_flipped_bit_is_noticed() {
        let folder = Folder {
            number: 17,
            name: "Work/Öl".into(),
            validity: 7,
            next: 9,
            recent: 8,
            modseq: 1 << 40,
            floor: 3,
            total: 4,
            unseen: 2,
            bytes: 5_000_000_000,
            subscribed: true,
            keywords: vec!["$Sent".into(), "urgent".into()],
        };
        let entry = Entry {
            uid: 5,
            content: 1 << 63 | 4,
            message: 12,
            flags: 3,
            keywords: 1 << 50,
            arrived: -7,
            saved: 1_800_000_000,
            modseq: 6,
            size: 700,
            header: 300,
            name: u64::MAX,
        };
        let content =
            ContentRow { count: 2, size: 9, check: 1, header: 4, copies: 3, name: 5, file: "00ff".to_owned() };
        assert_eq!(Folder::read(17, &folder.row()), Some(folder.clone()));
        assert_eq!(Entry::read(5, &entry.row()), Some(entry));
        assert_eq!(EntryFlags::read(5, &entry.row()), Some(EntryFlags::from(&entry)));
        assert_eq!(ContentRow::read(&content.row()), Some(content));
        let row = folder.row();
        for bit in 0..row.len() * 8 {
            let mut damaged = row.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Folder::read(17, &damaged), None, "bit {bit}");
        }
    }
}
