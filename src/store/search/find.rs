//! Looks into the index.

use std::collections::BTreeMap;

use super::groups::{self, GroupRow};
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
    groups: BTreeMap<u64, GroupRow>,
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
        // In turns: whichever of them names little ends the look at a block or group.
        let mut marks = marks.iter().flat_map(|mark| rows_to_read(mark));
        let mut all: Vec<_> = text.iter().flat_map(|row| marks.next().into_iter().chain([*row])).collect();
        all.extend(marks);
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
pub(in crate::store) struct Index {
    rows: ReadTable<(u64, u16), &'static [u8]>,
    loose: ReadTable<u64, u32>,
    progress: Progress,
}

impl Index {
    /// The numbers of the blocks of a group that may hold what is looked for; `None` where it is not written.
    fn in_group<'n>(&self, needle: &'n mut Needle, group: u64) -> TxResult<Option<&'n GroupRow>> {
        if !self.progress.has_group(group) {
            return Ok(None);
        }
        if !needle.groups.contains_key(&group) {
            let mut named = groups::named_in(&self.rows, group, &needle.all)?;
            let first = first_of(group);
            for row in self.loose.range(first * BLOCK..(first + GROUP).saturating_mul(BLOCK))? {
                let number = row?.0.value();
                named.add(group_of(block_of(number)).1, &Bits::of(place_in(number)));
            }
            needle.groups.insert(group, named);
        }
        Ok(needle.groups.get(&group))
    }

    /// The numbers of a block among these that may hold what is looked for; `None` where it is not written.
    fn in_block(&self, needle: &mut Needle, block: u64, among: &Bits) -> TxResult<Option<Bits>> {
        let covered = self.progress.covered(block);
        let (group, at) = group_of(block);
        if !needle.is_blank()
            && let Some(named) = self.in_group(needle, group)?
        {
            let mut named = named.of(at);
            named.keep(among);
            return Ok(Some(named));
        }
        let wanted = if self.progress.is_marked(block) { &needle.all } else { &needle.text };
        if covered == 0 || wanted.is_empty() {
            return Ok(None);
        }
        let mut named = among.clone();
        for row in wanted {
            if named == Bits::NONE {
                break;
            }
            match self.rows.get((block, *row))? {
                Some(bits) => named.keep(&Bits::read(bits.value())),
                None => named = Bits::NONE,
            }
        }
        let mut changed = Bits::NONE;
        for row in self.loose.range(block * BLOCK..(block + 1).saturating_mul(BLOCK))? {
            changed.set(place_in(row?.0.value()));
        }
        changed.set_from(covered);
        changed.keep(among);
        named.join(&changed);
        Ok(Some(named))
    }
}

impl View {
    pub(in crate::store) fn index(&self, needle: &mut Needle) -> TxResult<Index> {
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
        let named = self.index(needle)?.in_block(needle, block, &Bits::ALL)?;
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
                match self.step(needle, here) {
                    Ok((next, named)) => {
                        block = next;
                        found.extend(named.numbers_in(here).filter(|number| (first..before).contains(number)));
                    }
                    Err(error) => {
                        block = None;
                        return Some(Err(error));
                    }
                }
            }
        })
    }

    /// The numbers of a block that may hold what is looked for, and the block to look at next, downwards.
    fn step(&self, needle: &mut Needle, block: u64) -> TxResult<(Option<u64>, Bits)> {
        let (group, _) = group_of(block);
        if !needle.is_blank() && self.in_group(needle, group)?.is_some_and(GroupRow::is_empty) {
            return Ok((first_of(group).checked_sub(1), Bits::NONE));
        }
        let named = self.in_block(needle, block, &Bits::ALL)?.unwrap_or(Bits::ALL);
        Ok((block.checked_sub(1), named))
    }

    /// The same of those that another table has in its row of the block: `others` says what that is, `None` where there is none,
    /// and `next` the next block below in which there are some. Whichever is known with less work is asked first.
    pub(in crate::store) fn step_among(
        &self,
        needle: &mut Needle,
        block: u64,
        others: impl Fn() -> TxResult<Option<Bits>>,
        next: impl FnOnce() -> TxResult<Option<u64>>,
    ) -> TxResult<(Option<u64>, Bits)> {
        let (mut below, mut among) = (block.checked_sub(1), Bits::ALL);
        let (group, _) = group_of(block);
        if self.progress.has_group(group) {
            // Where there are few others, most groups are not asked.
            if !needle.groups.contains_key(&group) && others()?.is_none() {
                return Ok((next()?, Bits::NONE));
            }
            (below, among) = self.step(needle, block)?;
            if among == Bits::NONE {
                return Ok((below, among));
            }
        }
        let Some(others) = others()? else { return Ok((next()?, Bits::NONE)) };
        among.keep(&others);
        if among == Bits::NONE {
            return Ok((below, among));
        }
        let named = self.in_block(needle, block, &among)?.unwrap_or(among);
        Ok((below, named))
    }
}
