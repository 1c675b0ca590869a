//! Looks into the index.

use std::collections::BTreeMap;

use super::groups;
use super::rows::{Bits, rows_of};
use crate::store::Ledger;
use crate::store::indexed::{BLOCK, GROUP, OWN, Progress, block_of, first_of, group_of, place_in};
use crate::store::schema::Readable;
use crate::store::schema::{self, TxResult, View};
use crate::store::table::ReadTable;

/// Rows of one text that are read; more would name hardly less.
const ROWS: usize = 16;

/// What is looked for, with what the index said of it so far.
#[derive(Debug, Default)]
pub struct Needle {
    /// Rows of the text.
    text: Vec<u16>,
    /// The same and the rows of marks, which some blocks of an old store do not have.
    all: Vec<u16>,
    progress: Option<Progress>,
    blocks: BTreeMap<u64, Option<Bits>>,
    groups: BTreeMap<u64, u32>,
}

fn rows_to_read(text: &str) -> Vec<u16> {
    let mut rows: Vec<_> = rows_of(text).map(|row| u16::try_from(row).unwrap_or_default()).collect();
    rows.sort_unstable();
    rows.dedup();
    rows.truncate(ROWS);
    rows
}

impl Needle {
    /// For a text in small letters. One of less than three bytes is not in the index: all may hold it.
    pub fn new(text: &str) -> Self {
        Self::with_marks(text, &[])
    }

    /// For a text, or nothing, in messages that have these [marks](super::marks_of).
    pub(in crate::store) fn with_marks(text: &str, marks: &[String]) -> Self {
        let text = rows_to_read(text);
        // Those of marks first: most of them name less than those of a word.
        let all = marks.iter().flat_map(|mark| rows_to_read(mark)).chain(text.iter().copied()).collect();
        Self { text, all, ..Self::default() }
    }

    /// True where the index is asked nothing.
    pub(in crate::store) fn is_blank(&self) -> bool {
        self.all.is_empty()
    }

    /// What is known of a number without asking the index again.
    pub fn known(&self, number: u64) -> Option<bool> {
        if self.all.is_empty() {
            return Some(true);
        }
        let named = self.blocks.get(&block_of(number))?;
        Some(named.as_ref().is_none_or(|named| named.has(place_in(number))))
    }
}

/// The tables of the index.
struct Index {
    rows: ReadTable<(u64, u16), &'static [u8]>,
    loose: ReadTable<u64, u32>,
    progress: Progress,
}

impl Index {
    /// True where changes are noted in these blocks.
    fn is_loose(&self, blocks: std::ops::Range<u64>) -> TxResult<bool> {
        let numbers = blocks.start * BLOCK..blocks.end.saturating_mul(BLOCK);
        Ok(self.loose.range(numbers)?.next().transpose()?.is_some())
    }

    /// The blocks of a group that may hold what is looked for, but for changes; `None` where it is not written.
    fn in_group(&self, needle: &mut Needle, group: u64) -> TxResult<Option<u32>> {
        if !self.progress.has_group(group) {
            return Ok(None);
        }
        if let Some(known) = needle.groups.get(&group) {
            return Ok(Some(*known));
        }
        let named = groups::named_in(&self.rows, group, &needle.all)?;
        needle.groups.insert(group, named);
        Ok(Some(named))
    }

    /// The numbers of a block that may hold what is looked for; `None` where it is not written.
    fn in_block(&self, needle: &mut Needle, block: u64) -> TxResult<Option<Bits>> {
        let covered = self.progress.covered(block);
        let (group, at) = group_of(block);
        let elsewhere = self.in_group(needle, group)?.is_some_and(|blocks| blocks & 1 << at == 0);
        let wanted = if self.progress.is_marked(block) { &needle.all } else { &needle.text };
        if covered == 0 || wanted.is_empty() {
            return Ok(None);
        }
        let mut named = if elsewhere { Bits::NONE } else { Bits::ALL };
        for row in wanted {
            if named == Bits::NONE {
                break;
            }
            match self.rows.get((block, *row))? {
                Some(bits) => named.keep(&Bits::read(bits.value())),
                None => named = Bits::NONE,
            }
        }
        for row in self.loose.range(block * BLOCK..(block + 1).saturating_mul(BLOCK))? {
            named.set(place_in(row?.0.value()));
        }
        named.set_from(covered);
        Ok(Some(named))
    }
}

impl View {
    fn index(&self, needle: &mut Needle) -> TxResult<Index> {
        let progress = match needle.progress {
            Some(progress) => progress,
            None => Ledger::load(&schema::META.read(&self.0)?)?.search,
        };
        needle.progress = Some(progress);
        Ok(Index { rows: schema::SEARCH_ROWS.read(&self.0)?, loose: schema::SEARCH_LOOSE.read(&self.0)?, progress })
    }

    /// False where the text behind a number cannot hold what is looked for.
    ///
    /// # Errors
    /// As [`Store::read`](crate::store::Store::read).
    pub fn may_hold(&self, needle: &mut Needle, number: u64) -> TxResult<bool> {
        if let Some(known) = needle.known(number) {
            return Ok(known);
        }
        let block = block_of(number);
        let named = self.index(needle)?.in_block(needle, block)?;
        needle.blocks.insert(block, named);
        Ok(needle.known(number).unwrap_or(true))
    }

    /// Numbers of messages before one that may hold what is looked for, the youngest first.
    pub(in crate::store) fn may_hold_before<'n>(
        &self,
        needle: &'n mut Needle,
        before: u64,
    ) -> TxResult<impl Iterator<Item = TxResult<u64>> + 'n> {
        let index = self.index(needle)?;
        Ok(index.named_before(needle, 0, before))
    }

    /// Contents that may hold what is looked for, if they are no more than so many.
    pub(in crate::store) fn few_contents(&self, needle: &mut Needle, most: usize) -> TxResult<Option<Vec<u64>>> {
        let ledger = Ledger::load(&schema::META.read(&self.0)?)?;
        let mut found = Vec::new();
        for (first, end) in [(0, ledger.next_message), (OWN, OWN | (ledger.next_content + 1))] {
            for number in self.index(needle)?.named_before(needle, first, end) {
                if found.len() == most {
                    return Ok(None);
                }
                found.push(number?);
            }
        }
        Ok(Some(found))
    }
}

impl Index {
    /// Numbers from one on and before another that may hold what is looked for, the highest first.
    fn named_before(self, needle: &mut Needle, first: u64, before: u64) -> impl Iterator<Item = TxResult<u64>> {
        let mut block = before.checked_sub(1).map(block_of);
        let mut found: Vec<u64> = Vec::new();
        std::iter::from_fn(move || {
            loop {
                if let Some(number) = found.pop() {
                    return Some(Ok(number));
                }
                let here = block.filter(|block| *block >= block_of(first))?;
                block = here.checked_sub(1);
                match self.step(needle, here) {
                    Ok(None) => block = first_of(group_of(here).0).checked_sub(1),
                    Ok(Some(named)) => {
                        let numbers = named.places().map(|place| here * BLOCK + place as u64);
                        found.extend(numbers.filter(|number| (first..before).contains(number)));
                    }
                    Err(error) => {
                        block = None;
                        return Some(Err(error));
                    }
                }
            }
        })
    }

    /// The numbers of a block that may hold what is looked for; `None` where that is no number of the group that it ends.
    fn step(&self, needle: &mut Needle, block: u64) -> TxResult<Option<Bits>> {
        let (group, at) = group_of(block);
        // Asked once, where the look at a group begins.
        if u64::from(at) == GROUP - 1
            && self.in_group(needle, group)? == Some(0)
            && !self.is_loose(first_of(group)..first_of(group) + GROUP)?
        {
            return Ok(None);
        }
        Ok(Some(self.in_block(needle, block)?.unwrap_or(Bits::ALL)))
    }
}
