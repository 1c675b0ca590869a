//! What happened in a folder, by number: where each entry changed last, and the last removals.
//!
//! | value in `CHANGES` | |
//! |---|---|
//! | UID, [`CAME`] | the entry came, and has its flags since |
//! | UID, [`WENT`] | the entry went |
//! | row of `MARKS`, [`MARKED`] | those entries in it whose last change has this number have other flags |
//! | row of `MARKS`, [`MARKED`] and n | the same of that row and the n behind it |

use std::cmp::Reverse;

use super::marks::{Marks, marks_of};
use super::rows::Folder;
use crate::store::schema::{Readable, Tx, TxResult};

/// The entry of this UID came into the folder.
pub(super) const CAME: u8 = 0;
/// The entry of this UID went from the folder.
pub(super) const WENT: u8 = 1;
/// The flags of entries changed. This and what is above it.
pub(super) const MARKED: u8 = 2;
/// Rows of marks that one change has at most.
const MOST: u32 = (u8::MAX - MARKED) as u32 + 1;

/// Removals of a folder that are listed; a session that knows an older state compares all UIDs.
const REMOVALS: u64 = 2000;
/// They are looked through after so many.
const CLEAN_EVERY: u64 = 512;

/// The rows of marks that a change is in; none of one that is no change of flags.
pub(super) fn pages_of((page, kind): (u32, u8)) -> impl Iterator<Item = u32> {
    let more = kind.checked_sub(MARKED).map(u32::from);
    more.into_iter().flat_map(move |more| page..=page.saturating_add(more))
}

/// A change of flags in rows that follow each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// Its number.
    pub modseq: u64,
    first: u32,
    more: u8,
}

impl Run {
    /// A change in this row.
    pub fn new(modseq: u64, page: u32) -> Self {
        Self { modseq, first: page, more: 0 }
    }

    /// Takes a row in as well; false where it does not follow the others.
    pub fn take(&mut self, page: u32) -> bool {
        let follows = page.checked_sub(self.first).is_some_and(|more| more == u32::from(self.more) + 1 && more < MOST);
        self.more += u8::from(follows);
        follows
    }
}

impl Tx<'_> {
    /// Notes a change of flags under its number.
    pub(super) fn note_run(&mut self, person: &str, folder: u32, run: Run) -> TxResult<()> {
        self.changes.insert((person, folder, run.modseq), (run.first, MARKED + run.more))?;
        Ok(())
    }

    /// Changes of these numbers are not the last ones of some entries any more; those that are the last one of no entry are forgotten. The
    /// marks `at_hand`, whose rows rise, are as they are now, also where these are not written yet.
    pub(super) fn forget_changes(
        &mut self,
        person: &str,
        folder: u32,
        mut numbers: Vec<u64>,
        at_hand: &[Marks],
    ) -> TxResult<()> {
        // From the last on: what goes from the end of a page leaves the rest of it in place.
        numbers.sort_unstable_by_key(|modseq| Reverse(*modseq));
        numbers.dedup();
        for modseq in numbers {
            let key = (person, folder, modseq);
            let Some(change) = self.changes.remove(key)?.map(|row| row.value()) else { continue };
            if self.is_last(key, change, at_hand)? {
                self.changes.insert(key, change)?;
            }
        }
        Ok(())
    }

    /// True while a change of flags is the last one of an entry.
    fn is_last(
        &self,
        (person, folder, modseq): (&str, u32, u64),
        change: (u32, u8),
        at_hand: &[Marks],
    ) -> TxResult<bool> {
        let has = |marks: &Marks| marks.changed_by(modseq).next().is_some();
        let here = |page: u32| at_hand.binary_search_by_key(&page, Marks::page).ok().map(|at| &at_hand[at]);
        if pages_of(change).filter_map(here).any(has) {
            return Ok(true);
        }
        for page in pages_of(change).filter(|page| here(*page).is_none()) {
            if marks_of(&self.marks, (person, folder, page))?.is_some_and(|marks| has(&marks)) {
                return Ok(true);
            }
        }
        Ok(false)
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
            self.forget_changes(person, folder.number, vec![modseq], std::slice::from_ref(marks))?;
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
