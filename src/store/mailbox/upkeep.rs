//! Mailboxes looked after: Trash is emptied, a mailbox goes with its person, and what cannot be vouched for gets a new
//! UIDVALIDITY.

use super::flags::{FlagChange, Flags};
use super::marks::EntryReader;
use super::rows::{ContentRow, Entry, Folder, Special};
use crate::clock::Time;
use crate::message::Id;
use crate::store::schema::Readable;
use crate::store::schema::{Tx, TxResult};

/// What was put into Trash can be put back for so many days.
pub const TRASH_DAYS: u64 = 30;
/// Name of the note that a restored backup was put in place: what the folders say of UIDs may be older than what mail
/// programs know.
pub const RESTORED: &str = "restored";

/// Name of the note that a person was told that their mailbox is nearly full.
pub fn full_note(person: &str) -> String {
    format!("mailbox-full:{person}")
}

impl Tx<'_> {
    /// True while an entry of a mailbox belongs to this message.
    pub(in crate::store) fn is_filed(&self, message: Id) -> TxResult<bool> {
        let mut rows = self.places.range((message.0, "", 0, 0)..(message.0 + 1, "", 0, 0))?;
        Ok(rows.next().transpose()?.is_some())
    }

    /// Removes what was put into Trash before `limit`; at most so many entries. Gives how many.
    pub fn empty_trash(&mut self, limit: Time, most: usize) -> TxResult<usize> {
        let mut people: Vec<String> = Vec::new();
        for row in self.folders.iter()? {
            let (key, _) = row?;
            let (person, folder) = key.value();
            if folder == Special::Trash.number() {
                people.push(person.to_owned());
            }
        }
        let (mut gone, trash) = (0, Special::Trash.number());
        for person in people {
            let mut old = Vec::new();
            for row in self.entries.range((person.as_str(), trash, 0)..=(person.as_str(), trash, u32::MAX))? {
                let (key, row) = row?;
                let entry = Entry::read(key.value().2, row.value());
                match entry {
                    // They lie in the order in which they were put there.
                    Some(entry) if entry.saved >= limit.seconds() || gone + old.len() >= most => break,
                    Some(entry) => old.push(entry.uid),
                    None => {}
                }
            }
            if !old.is_empty() {
                gone += self.remove_entries(&person, trash, &old)?.len();
            }
        }
        Ok(gone)
    }

    /// Removes all folders of a person, with what only they show.
    pub(in crate::store) fn remove_mailbox(&mut self, person: &str) -> TxResult<()> {
        for folder in self.all_folders(person)? {
            self.drop_folder(person, &folder)?;
        }
        self.put_note(&full_note(person), None)
    }

    /// Marks a message of a mailbox as read, in whatever folder of this person it lies.
    pub fn mark_read(&mut self, person: &str, id: Id) -> TxResult<()> {
        for (owner, folder, uid) in self.places_of(id)? {
            if owner == person {
                self.mark(person, folder, &[uid], FlagChange::Add, &Flags::of(Flags::SEEN), None)?;
            }
        }
        Ok(())
    }

    /// Gives each folder a new UIDVALIDITY, after a restore.
    pub(in crate::store) fn after_restore(&mut self) -> TxResult<()> {
        if self.note(RESTORED)?.is_none() {
            return Ok(());
        }
        self.put_note(RESTORED, None)?;
        self.renew_validities()
    }

    fn renew_validities(&mut self) -> TxResult<()> {
        let mut all = Vec::new();
        for row in self.folders.iter()? {
            let (key, row) = row?;
            let (person, number) = key.value();
            all.extend(Folder::read(number, row.value()).map(|folder| (person.to_owned(), folder)));
        }
        for (person, mut folder) in all {
            folder.validity = self.next_validity();
            self.put_folder(&person, &folder)?;
        }
        Ok(())
    }

    /// Makes folders, sums and indexes anew from the entries, after a repair: what is damaged, or shows what is lost, goes.
    pub(in crate::store) fn rebuild_mailboxes(&mut self) -> TxResult<()> {
        let mut entries: Vec<(String, u32, Entry)> = Vec::new();
        for row in self.entries.iter()? {
            let (key, row) = row?;
            let (person, folder, uid) = key.value();
            let entry = EntryReader::new(&self.marks, person, folder).read(uid, row.value())?;
            entries.push((person.to_owned(), folder, entry));
        }
        let mut folders: Vec<(String, Folder)> = Vec::new();
        for row in self.folders.iter()? {
            let (key, row) = row?;
            let (person, number) = key.value();
            folders.extend(Folder::read(number, row.value()).map(|folder| (person.to_owned(), folder)));
        }
        let mut contents = std::collections::BTreeMap::new();
        for row in self.contents.iter()? {
            let (key, row) = row?;
            contents.extend(ContentRow::read(row.value()).map(|row| (key.value(), ContentRow { count: 0, ..row })));
        }
        self.entries.retain(|_, _| false)?;
        self.folders.retain(|_, _| false)?;
        self.contents.retain(|_, _| false)?;
        self.changes.retain(|_, _| false)?;
        self.marks.retain(|_, _| false)?;
        self.places.retain(|_, ()| false)?;
        self.names.retain(|_, ()| false)?;
        for (content, row) in contents {
            if !row.file.is_empty() || self.bodies.get(content)?.is_some() {
                self.contents.insert(content, row.row().as_slice())?;
            }
        }
        for (person, folder) in folders {
            let validity = self.next_validity();
            let blank =
                Folder { validity, next: 1, recent: 1, modseq: 1, floor: 0, total: 0, unseen: 0, bytes: 0, ..folder };
            self.put_folder(&person, &blank)?;
        }
        for (person, number, entry) in entries {
            if self.contents.get(entry.content)?.is_none() {
                continue;
            }
            self.open_mailbox(&person)?;
            // Of a folder whose row is lost nobody knows the name any more.
            let number =
                if self.folders.get((person.as_str(), number))?.is_some() { number } else { Special::Archive.number() };
            self.restore_entry(&person, number, entry)?;
        }
        Ok(())
    }
}
