//! Entries: put into a folder, copied, moved, removed. Each change gets a number of its own and keeps the sums true.

use super::changes::CAME;
use super::flags::Flags;
use super::marks::{EntryReader, entries_of, flags_of, page_of};
use super::rows::{Entry, EntryFlags, Folder};
use crate::store::schema::Readable;
use crate::store::schema::{Tx, TxResult};

/// An entry that is to be put into a folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewEntry {
    /// What it shows; a content that is there.
    pub content: u64,
    /// The message of this box that it belongs to; 0: none.
    pub message: u64,
    /// Flags and keywords that it begins with.
    pub flags: Flags,
    /// When the mail arrived (INTERNALDATE), in seconds since 1970.
    pub arrived: i64,
}

/// Entries that were copied or moved: their UIDs there and here.
pub type Copied = Vec<(u32, u32)>;

impl Tx<'_> {
    /// Finds the entry of this UID; `None` when it is not there any more.
    pub(super) fn entry(&self, person: &str, folder: u32, uid: u32) -> TxResult<Option<Entry>> {
        let row = self.entries.get((person, folder, uid))?;
        row.map(|row| EntryReader::new(&self.marks, person, folder).read(uid, row.value())).transpose()
    }

    pub(super) fn all_uids(&self, person: &str, folder: u32) -> TxResult<Vec<u32>> {
        let rows = self.entries.range((person, folder, 0)..=(person, folder, u32::MAX))?;
        rows.map(|row| Ok(row?.0.value().2)).collect()
    }

    /// Puts an entry into a folder and gives its UID.
    pub fn add_entry(&mut self, person: &str, folder: u32, new: &NewEntry) -> TxResult<u32> {
        let mut folder = self.folder(person, folder)?;
        let keywords = folder.learn_what_fits(&new.flags.keywords);
        let entry = Entry {
            content: new.content,
            message: new.message,
            flags: new.flags.system,
            keywords,
            arrived: new.arrived,
            ..Entry::default()
        };
        let uid = self.put_in(person, &mut folder, entry)?;
        self.put_folder(person, &folder)?;
        Ok(uid)
    }

    /// Puts an entry back whose folder is made anew; its keywords are those of the folder.
    pub(super) fn restore_entry(&mut self, person: &str, number: u32, entry: Entry) -> TxResult<()> {
        let mut folder = self.folder(person, number)?;
        // Under a new UIDVALIDITY the numbers may change.
        self.put_in(person, &mut folder, entry)?;
        self.put_folder(person, &folder)
    }

    /// Puts a copy of an entry into a folder, which its caller writes.
    fn put_in(&mut self, person: &str, folder: &mut Folder, entry: Entry) -> TxResult<u32> {
        let content = self.hold_content(entry.content)?;
        let mut entry = Entry {
            uid: folder.next,
            saved: self.ledger.last_time.seconds(),
            modseq: 0,
            size: content.size,
            header: content.header,
            name: content.name,
            ..entry
        };
        folder.next = folder.next.saturating_add(1);
        folder.total += 1;
        folder.unseen += u32::from(entry.flags & Flags::SEEN == 0);
        folder.bytes += entry.size;
        folder.modseq += 1;
        entry.modseq = folder.modseq;
        self.changes.insert((person, folder.number, entry.modseq), (entry.uid, CAME))?;
        self.entries.insert((person, folder.number, entry.uid), entry.row().as_slice())?;
        self.put_places(person, folder.number, &entry)?;
        self.put_name(person, folder.number, &entry)?;
        Ok(entry.uid)
    }

    /// Removes entries, for good. UIDs without an entry are passed over; gives those that went.
    pub fn remove_entries(&mut self, person: &str, number: u32, uids: &[u32]) -> TxResult<Vec<u32>> {
        let mut folder = self.folder(person, number)?;
        let mut gone = Vec::new();
        for some in uids.chunk_by(|one, next| page_of(*one) == page_of(*next)) {
            let mut marks = self.marks_in(person, &mut folder, page_of(some[0]))?;
            for uid in some {
                // One that is damaged goes as well.
                let Some(row) = self.entries.remove((person, number, *uid))?.map(|row| row.value().to_vec()) else {
                    continue;
                };
                folder.total = folder.total.saturating_sub(1);
                let mut entry = Entry::read(*uid, &row).unwrap_or_else(|| Entry::lost(*uid));
                marks.put_over(&mut entry);
                marks.forget(*uid);
                // What a damaged one added to the sums is not known.
                folder.unseen = folder.unseen.saturating_sub(u32::from(entry.flags & Flags::SEEN == 0));
                folder.bytes = folder.bytes.saturating_sub(entry.size);
                let modseq = self.last_change((person, number), &EntryFlags::from(&entry))?;
                self.note_removal(person, &mut folder, (*uid, modseq), &marks)?;
                self.remove_places(person, number, &entry)?;
                self.remove_name(person, number, &entry)?;
                if !entry.is_lost() {
                    self.release_content(entry.content)?;
                }
                gone.push(*uid);
            }
            self.put_marks(person, number, &marks)?;
        }
        self.put_folder(person, &folder)?;
        Ok(gone)
    }

    /// Removes the entries of these UIDs, which rise, that are marked as deleted.
    pub fn expunge(&mut self, person: &str, number: u32, uids: &[u32]) -> TxResult<Vec<u32>> {
        let entries = flags_of(&self.entries, &self.marks, (person, number), uids)?;
        let deleted = entries.iter().filter(|entry| entry.flags & Flags::DELETED != 0);
        let deleted: Vec<_> = deleted.map(|entry| entry.uid).collect();
        self.remove_entries(person, number, &deleted)
    }

    /// Copies the entries of these UIDs, which rise, into another folder, or the same, all in one commit. Those that are not there, or
    /// are damaged, are passed over.
    ///
    /// # Errors
    /// When the other folder has no place for the keywords that they have.
    pub fn copy_entries(&mut self, person: &str, from: u32, uids: &[u32], to: u32) -> TxResult<Copied> {
        let source = self.folder(person, from)?;
        let mut target = self.folder(person, to)?;
        let mut entries = entries_of(&self.entries, &self.marks, (person, from), uids)?;
        entries.retain(|entry| !entry.is_lost());
        let learned = target.learn_from(&source, entries.iter().fold(0, |bits, entry| bits | entry.keywords))?;
        let mut copied = Vec::with_capacity(entries.len());
        for entry in entries {
            let keywords = learned.iter().filter(|(there, _)| entry.keywords & there != 0);
            let keywords = keywords.fold(0, |bits, (_, here)| bits | here);
            copied.push((entry.uid, self.put_in(person, &mut target, Entry { keywords, ..entry })?));
        }
        self.put_folder(person, &target)?;
        Ok(copied)
    }

    /// Moves entries into another folder, or the same, where they get new UIDs.
    ///
    /// # Errors
    /// As [`Tx::copy_entries`].
    pub fn move_entries(&mut self, person: &str, from: u32, uids: &[u32], to: u32) -> TxResult<Copied> {
        let copied = self.copy_entries(person, from, uids, to)?;
        let old: Vec<_> = copied.iter().map(|(old, _)| *old).collect();
        self.remove_entries(person, from, &old)?;
        Ok(copied)
    }
}
