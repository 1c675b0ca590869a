//! Mailboxes as sessions and pages read them.

use std::collections::BTreeSet;

use super::changes::{MARKED, WENT, pages_of};
use super::flags::Flags;
use super::marks::{EntryReader, entries_of, flags_of};
use super::rows::{Entry, EntryFlags, Folder, Special, sound};
use super::uids::UidRanges;
use crate::message::{Id, Message};
use crate::store::schema::{self, Readable, TxResult, View};
use crate::store::search::Needle;
use crate::store::table::ReadTable;

type MarksTable = ReadTable<(&'static str, u32, u32), &'static [u8]>;

/// One entry of a folder that came, went, or has other flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Number of the change (MODSEQ).
    pub modseq: u64,
    /// The entry that it was about.
    pub uid: u32,
    /// It went; otherwise it came, or has other flags.
    pub removed: bool,
}

/// What happened in a folder since a number.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// The folder as it is after all of them.
    pub folder: Folder,
    /// The changes, in order: the last one of each entry that is there, and the removals.
    pub list: Vec<Change>,
    /// Not all removals are listed any more: the UIDs have to be read again.
    pub behind: bool,
}

impl View {
    /// All folders of a person, by number.
    pub fn folders(&self, person: &str) -> TxResult<Vec<Folder>> {
        let mut found = Vec::new();
        for row in schema::FOLDERS.read(&self.0)?.range((person, 0)..=(person, u32::MAX))? {
            let (key, row) = row?;
            found.push(sound(Folder::read(key.value().1, row.value()), "a folder")?);
        }
        Ok(found)
    }

    /// Finds the folder of this number; `None` when it was removed.
    pub fn folder(&self, person: &str, number: u32) -> TxResult<Option<Folder>> {
        let table = schema::FOLDERS.read(&self.0)?;
        let row = table.get((person, number))?;
        row.map(|row| sound(Folder::read(number, row.value()), "a folder")).transpose()
    }

    /// The folder of this name; INBOX in any case.
    pub fn folder_named(&self, person: &str, name: &str) -> TxResult<Option<Folder>> {
        if name.eq_ignore_ascii_case(Special::Inbox.name()) {
            return self.folder(person, Special::Inbox.number());
        }
        Ok(Folder::find(&self.folders(person)?, name).cloned())
    }

    /// Gives the UIDs of all entries in a folder.
    pub fn uids(&self, person: &str, folder: &Folder) -> TxResult<UidRanges> {
        let entries = schema::ENTRIES.read(&self.0)?;
        let all = || entries.range((person, folder.number, 0)..=(person, folder.number, u32::MAX));
        let first = all()?.next().transpose()?.map(|row| row.0.value().2);
        let last = all()?.next_back().transpose()?.map(|row| row.0.value().2);
        if let (Some(first), Some(last)) = (first, last)
            && last - first + 1 == folder.total
        {
            // Without a gap nothing in between has to be read.
            return Ok(UidRanges::all(first, last));
        }
        let mut uids = UidRanges::default();
        entries.each((person, folder.number, 0)..=(person, folder.number, u32::MAX), |(_, _, uid), _| {
            uids.push(uid);
            TxResult::Ok(())
        })?;
        Ok(uids)
    }

    /// How many entries there are from a UID on.
    pub fn count_from(&self, person: &str, folder: &Folder, uid: u32) -> TxResult<usize> {
        let entries = schema::ENTRIES.read(&self.0)?;
        let rows = entries.range((person, folder.number, uid)..(person, folder.number, folder.next))?;
        rows.map(|row| Ok(row.map(|_| 1)?)).sum()
    }

    /// Finds the entry of this UID; `None` when it is not there any more.
    pub fn entry(&self, person: &str, folder: u32, uid: u32) -> TxResult<Option<Entry>> {
        Ok(self.entries(person, folder, &[uid])?.pop())
    }

    /// The entries of these UIDs, which rise; those that are not there are left out.
    pub fn entries(&self, person: &str, folder: u32, uids: &[u32]) -> TxResult<Vec<Entry>> {
        let (entries, marks) = (schema::ENTRIES.read(&self.0)?, self.marks()?);
        entries_of(&entries, &marks, (person, folder), uids)
    }

    /// The flags that the entries of these UIDs have, which rise; those that are not there are left out.
    pub fn flags(&self, person: &str, folder: u32, uids: &[u32]) -> TxResult<Vec<EntryFlags>> {
        let (entries, marks) = (schema::ENTRIES.read(&self.0)?, self.marks()?);
        flags_of(&entries, &marks, (person, folder), uids)
    }

    fn marks(&self) -> TxResult<MarksTable> {
        Ok(schema::MARKS.read(&self.0)?)
    }

    /// The first entry that was not read, where it is one of the first so many.
    pub fn first_unseen(&self, person: &str, folder: &Folder, among: usize) -> TxResult<Option<u32>> {
        if folder.unseen == 0 {
            return Ok(None);
        }
        let range = (person, folder.number, 0)..=(person, folder.number, u32::MAX);
        let marks = self.marks()?;
        let mut reader = EntryReader::new(&marks, person, folder.number);
        for row in schema::ENTRIES.read(&self.0)?.range(range)?.take(among) {
            let (key, row) = row?;
            let entry = reader.read(key.value().2, row.value())?;
            if entry.flags & Flags::SEEN == 0 {
                return Ok(Some(entry.uid));
            }
        }
        Ok(None)
    }

    /// The youngest entries before a UID that are not marked as deleted, the last that came first.
    pub fn newest(&self, person: &str, folder: u32, before: u32, limit: usize) -> TxResult<Vec<Entry>> {
        let mut found = Vec::new();
        let marks = self.marks()?;
        let mut reader = EntryReader::new(&marks, person, folder);
        for row in schema::ENTRIES.read(&self.0)?.range((person, folder, 0)..(person, folder, before))?.rev() {
            if found.len() >= limit {
                break;
            }
            let (key, row) = row?;
            let entry = reader.read(key.value().2, row.value())?;
            found.extend(Some(entry).filter(|entry| entry.flags & Flags::DELETED == 0));
        }
        Ok(found)
    }

    /// Entries before a UID that may hold what is looked for, the last that came first: at most so many, out of at most so
    /// many looked at. With them, where to go on when there may be more.
    pub fn may_hold_in(
        &self,
        (person, folder, before): (&str, u32, u32),
        needle: &mut Needle,
        (looked_at, most): (usize, usize),
    ) -> TxResult<(Vec<Entry>, Option<u32>)> {
        let mut found = Vec::new();
        let (rows, marks) = (schema::ENTRIES.read(&self.0)?, self.marks()?);
        let mut reader = EntryReader::new(&marks, person, folder);
        for (looked, row) in rows.range((person, folder, 0)..(person, folder, before))?.rev().enumerate() {
            let (key, row) = row?;
            let uid = key.value().2;
            if looked == looked_at || found.len() == most {
                return Ok((found, Some(uid + 1)));
            }
            let entry = reader.read(uid, row.value())?;
            if entry.flags & Flags::DELETED == 0 && self.may_hold(needle, entry.content)? {
                found.push(entry);
            }
        }
        Ok((found, None))
    }

    /// What happened in a folder since its change of this number; `None` when the folder is gone.
    pub fn changes(&self, person: &str, number: u32, since: u64) -> TxResult<Option<Changes>> {
        self.changes_of_others(person, number, since, &BTreeSet::new())
    }

    /// The same without changes of flags that have these numbers: whoever made them knows them.
    pub fn changes_of_others(
        &self,
        person: &str,
        number: u32,
        since: u64,
        own: &BTreeSet<u64>,
    ) -> TxResult<Option<Changes>> {
        let Some(folder) = self.folder(person, number)? else { return Ok(None) };
        let mut changes = Changes { behind: since < folder.floor, folder, ..Changes::default() };
        if changes.folder.modseq == since {
            return Ok(Some(changes));
        }
        let (table, marks) = (schema::CHANGES.read(&self.0)?, self.marks()?);
        let mut reader = EntryReader::new(&marks, person, number);
        for row in table.range((person, number, since + 1)..=(person, number, u64::MAX))? {
            let (key, value) = row?;
            let modseq = key.value().2;
            match value.value() {
                (_, MARKED..) if own.contains(&modseq) => {}
                change @ (_, MARKED..) => {
                    for page in pages_of(change) {
                        let changed = reader.marks(page)?.changed_by(modseq);
                        changes.list.extend(changed.map(|uid| Change { modseq, uid, removed: false }));
                    }
                }
                (uid, kind) => changes.list.push(Change { modseq, uid, removed: kind == WENT }),
            }
        }
        Ok(Some(changes))
    }

    /// Finds the UID of a message in a folder of a person; `None` when it is not there.
    pub fn place(&self, person: &str, folder: u32, message: Id) -> TxResult<Option<u32>> {
        let range = (message.0, person, folder, 0)..=(message.0, person, folder, u32::MAX);
        Ok(schema::PLACES.read(&self.0)?.range(range)?.next().transpose()?.map(|row| row.0.value().3))
    }

    /// What tests ask for: the messages in a person's INBOX, the last that arrived first, and whether they were read; those that arrived before
    /// the one given.
    #[cfg(test)]
    pub fn mailbox(&self, person: &str, before: Option<Id>, limit: usize) -> TxResult<Vec<(Message, bool)>> {
        let (messages, inbox) = (self.messages()?, Special::Inbox.number());
        let end = match before {
            Some(id) => self.place(person, inbox, id)?.unwrap_or(0),
            None => u32::MAX,
        };
        let mut found = Vec::new();
        let marks = self.marks()?;
        let mut reader = EntryReader::new(&marks, person, inbox);
        for row in schema::ENTRIES.read(&self.0)?.range((person, inbox, 0)..(person, inbox, end))?.rev() {
            if found.len() >= limit {
                break;
            }
            let (key, row) = row?;
            let entry = reader.read(key.value().2, row.value())?;
            if let Some(bytes) = messages.get(entry.message)?
                && let Ok(message) = crate::store::queue::parse(bytes.value())
                && entry.flags & Flags::DELETED == 0
            {
                found.push((message, entry.flags & Flags::SEEN != 0));
            }
        }
        Ok(found)
    }

    /// A message in a person's INBOX, and whether it was read.
    pub fn in_mailbox(&self, person: &str, id: Id) -> TxResult<Option<(Message, bool)>> {
        let inbox = Special::Inbox.number();
        let Some(uid) = self.place(person, inbox, id)? else { return Ok(None) };
        let Some(entry) = self.entry(person, inbox, uid)? else { return Ok(None) };
        Ok(self.message(id)?.map(|message| (message, entry.flags & Flags::SEEN != 0)))
    }

    /// Unread messages of a mailbox.
    pub fn unread(&self, person: &str) -> TxResult<usize> {
        let inbox = self.folder(person, Special::Inbox.number())?;
        Ok(inbox.map_or(0, |inbox| inbox.unseen as usize))
    }

    /// Bytes of all folders of a person.
    pub fn mailbox_bytes(&self, person: &str) -> TxResult<u64> {
        Ok(self.folders(person)?.iter().map(|folder| folder.bytes).sum())
    }
}
