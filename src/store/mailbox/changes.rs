//! What happened in a folder, by number: where each entry changed last, and the last removals.

use super::rows::{Entry, Folder};
use crate::store::schema::Readable;
use crate::store::schema::{Tx, TxResult};

/// Removals of a folder that are listed; a session that knows an older state compares all UIDs.
const REMOVALS: u64 = 2000;
/// They are looked through after so many.
const CLEAN_EVERY: u64 = 512;

impl Tx<'_> {
    /// Lists the removal of an entry.
    pub(super) fn note_removal(&mut self, person: &str, folder: &mut Folder, entry: &Entry) -> TxResult<()> {
        self.changes.remove((person, folder.number, entry.modseq))?;
        folder.modseq += 1;
        self.changes.insert((person, folder.number, folder.modseq), (entry.uid, 1))?;
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
            if value.value().1 == 1 {
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
