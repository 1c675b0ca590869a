//! What happened in a folder, by number: where each entry changed last, and the last removals.
//!
//! | value in `CHANGES` | |
//! |---|---|
//! | UID, [`CAME`] | the entry came, and has its flags since |
//! | UID, [`WENT`] | the entry went |
//! | row of `MARKS`, [`MARKED`] | those entries in it whose last change has this number have other flags |

use std::cmp::Reverse;

use super::marks::Marks;
use super::rows::Folder;
use crate::store::schema::{Readable, Tx, TxResult};

/// The entry of this UID came into the folder.
pub(super) const CAME: u8 = 0;
/// The entry of this UID went from the folder.
pub(super) const WENT: u8 = 1;
/// The flags of entries changed.
pub(super) const MARKED: u8 = 2;

/// Removals of a folder that are listed; a session that knows an older state compares all UIDs.
const REMOVALS: u64 = 2000;
/// They are looked through after so many.
const CLEAN_EVERY: u64 = 512;

impl Tx<'_> {
    /// Writes marks of which some have the folder's last number.
    pub(super) fn note_changes(&mut self, person: &str, folder: &Folder, marks: &Marks) -> TxResult<()> {
        self.changes.insert((person, folder.number, folder.modseq), (marks.page(), MARKED))?;
        self.put_marks(person, folder.number, marks)
    }

    /// Changes of these numbers are not the last ones of any entry any more.
    pub(super) fn forget_changes(&mut self, person: &str, folder: u32, mut numbers: Vec<u64>) -> TxResult<()> {
        // From the last on: what goes from the end of a page leaves the rest of it in place.
        numbers.sort_unstable_by_key(|modseq| Reverse(*modseq));
        numbers.dedup();
        for modseq in numbers {
            self.changes.remove((person, folder, modseq))?;
        }
        Ok(())
    }

    /// The number of the last change of an entry that is damaged: of its mark, or of its coming; 0 where neither is known.
    pub(super) fn last_change(&self, (person, folder): (&str, u32), uid: u32, marks: &Marks) -> TxResult<u64> {
        if let Some(mark) = marks.of(uid) {
            return Ok(mark.modseq);
        }
        for row in self.changes.range((person, folder, 0)..=(person, folder, u64::MAX))? {
            let (key, value) = row?;
            if value.value() == (uid, CAME) {
                return Ok(key.value().2);
            }
        }
        Ok(0)
    }

    /// Lists the removal of an entry, which is no longer among the marks of its row; with the number of its last change.
    pub(super) fn note_removal(
        &mut self,
        person: &str,
        folder: &mut Folder,
        (uid, modseq): (u32, u64),
        marks: &Marks,
    ) -> TxResult<()> {
        if marks.changed_by(modseq).next().is_none() {
            self.changes.remove((person, folder.number, modseq))?;
        }
        folder.modseq += 1;
        self.changes.insert((person, folder.number, folder.modseq), (uid, WENT))?;
        if folder.modseq.is_multiple_of(CLEAN_EVERY) {
            self.forget_removals(person, folder)?;
        }
        Ok(())
    }

    fn forget_removals(&mut self, person: &str, folder: &mut Folder) -> TxResult<()> {
        let range = (person, folder.number, folder.floor + 1)..=(person, folder.number, u64::MAX);
        let mut removals = Vec::new();
        for row in self.changes.range(range)? {
            let (key, value) = row?;
            if value.value().1 == WENT {
                removals.push(key.value().2);
            }
        }
        let over = removals.len().saturating_sub(usize::try_from(REMOVALS).unwrap_or(usize::MAX));
        for modseq in &removals[..over] {
            self.changes.remove((person, folder.number, *modseq))?;
            folder.floor = *modseq;
        }
        Ok(())
    }
}
