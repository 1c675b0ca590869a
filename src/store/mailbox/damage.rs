//! Rows of a mailbox that the disk spoiled: each costs what was in it, and nothing else. Nothing is said of a mail whose entry is
//! damaged but that it is there, so that no program takes it for deleted; it can be marked and removed as any other.

use super::changes::{CAME, Run};
use super::flags::Flags;
use super::marks::{Marks, flags_of, marks_of};
use super::rows::{EntryFlags, Folder};
use crate::store::schema::{Readable, Tx, TxResult};

impl Tx<'_> {
    /// The marks of a row that is about to change. One that is damaged begins anew with the flags that the entries came with, which is
    /// a change of each of them.
    pub(super) fn marks_in(&mut self, person: &str, folder: &mut Folder, page: u32) -> TxResult<Marks> {
        let place = (person, folder.number);
        if let Some(marks) = marks_of(&self.marks, (person, folder.number, page))? {
            return Ok(marks);
        }
        let mut marks = Marks::none(page);
        let all: Vec<_> = marks.uids().collect();
        let (entries, mut over) = (self.flags_in(place, &marks, &all)?, Vec::new());
        folder.modseq += 1;
        for entry in entries {
            over.push(self.last_change(place, &entry)?);
            marks.keep(&EntryFlags { modseq: folder.modseq, ..entry });
        }
        self.note_run(person, folder.number, Run::new(folder.modseq, page))?;
        self.put_marks(person, folder.number, &marks)?;
        self.forget_changes(person, folder.number, over, &[])?;
        // The sum was that of other flags.
        let now = flags_of(&self.entries, &self.marks, place, &self.all_uids(person, folder.number)?)?;
        folder.unseen = now.iter().map(|entry| u32::from(entry.flags & Flags::SEEN == 0)).sum();
        Ok(marks)
    }

    /// The number of the last change of an entry: also of one that is damaged, when it came; 0 where that is not known.
    pub(super) fn last_change(&self, (person, folder): (&str, u32), entry: &EntryFlags) -> TxResult<u64> {
        if !entry.is_lost() {
            return Ok(entry.modseq);
        }
        for row in self.changes.range((person, folder, 0)..=(person, folder, u64::MAX))? {
            let (key, value) = row?;
            if value.value() == (entry.uid, CAME) {
                return Ok(key.value().2);
            }
        }
        Ok(0)
    }
}
