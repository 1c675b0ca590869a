//! Looks into the index.

use std::collections::BTreeMap;

use super::rows::{Bits, rows_of};
use crate::store::Ledger;
use crate::store::indexed::{BLOCK, Progress, block_of, place_in};
use crate::store::schema::Readable;
use crate::store::schema::{self, TxResult, View};

/// Rows of one search that are read; more would name hardly less.
const ROWS: usize = 16;

/// A text that is looked for, with what the index said of it so far.
#[derive(Debug, Default)]
pub struct Needle {
    rows: Vec<u16>,
    progress: Option<Progress>,
    blocks: BTreeMap<u64, Option<Bits>>,
}

impl Needle {
    /// For a text in small letters. One of less than three bytes is not in the index: all may hold it.
    pub fn new(text: &str) -> Self {
        let mut rows: Vec<_> = rows_of(text).map(|row| u16::try_from(row).unwrap_or_default()).collect();
        rows.sort_unstable();
        rows.dedup();
        rows.truncate(ROWS);
        Self { rows, ..Self::default() }
    }

    /// What is known of a number without asking the index again.
    pub fn known(&self, number: u64) -> Option<bool> {
        if self.rows.is_empty() {
            return Some(true);
        }
        let named = self.blocks.get(&block_of(number))?;
        Some(named.as_ref().is_none_or(|named| named.has(place_in(number))))
    }
}

impl View {
    /// False where the text behind a number cannot hold what is looked for.
    ///
    /// # Errors
    /// As [`Store::read`](crate::store::Store::read).
    pub fn may_hold(&self, needle: &mut Needle, number: u64) -> TxResult<bool> {
        if let Some(known) = needle.known(number) {
            return Ok(known);
        }
        let block = block_of(number);
        let named = self.named_in(needle, block)?;
        needle.blocks.insert(block, named);
        Ok(needle.known(number).unwrap_or(true))
    }

    /// Messages before a number that may hold all that is looked for, the youngest first.
    pub(in crate::store) fn may_hold_all<'n>(
        &'n self,
        needles: &'n mut [Needle],
        before: u64,
    ) -> impl Iterator<Item = TxResult<u64>> + 'n {
        let mut block = before.checked_sub(1).map(block_of);
        let mut found: Vec<u64> = Vec::new();
        std::iter::from_fn(move || {
            loop {
                if let Some(number) = found.pop() {
                    return Some(Ok(number));
                }
                let here = block?;
                block = here.checked_sub(1);
                match self.all_named(needles, here) {
                    Ok(named) => {
                        found.extend(named.places().map(|place| here * BLOCK + place as u64).filter(|n| *n < before));
                    }
                    Err(error) => {
                        block = None;
                        return Some(Err(error));
                    }
                }
            }
        })
    }

    fn all_named(&self, needles: &mut [Needle], block: u64) -> TxResult<Bits> {
        let mut all = Bits::ALL;
        for needle in needles.iter_mut().filter(|needle| !needle.rows.is_empty()) {
            if let Some(named) = self.named_in(needle, block)? {
                all.keep(&named);
            }
        }
        Ok(all)
    }

    /// The numbers of a block that its rows name; `None` where it is not written.
    fn named_in(&self, needle: &mut Needle, block: u64) -> TxResult<Option<Bits>> {
        let progress = match needle.progress {
            Some(progress) => progress,
            None => Ledger::load(&schema::META.read(&self.0)?)?.search,
        };
        needle.progress = Some(progress);
        if !progress.is_built(block) {
            return Ok(None);
        }
        let rows = schema::SEARCH_ROWS.read(&self.0)?;
        let mut named = Bits::ALL;
        for row in &needle.rows {
            match rows.get((block, *row))? {
                Some(bits) => named.keep(&Bits::read(bits.value())),
                None => named = Bits::NONE,
            }
            if named == Bits::NONE {
                break;
            }
        }
        for row in schema::SEARCH_LOOSE.read(&self.0)?.range(block * BLOCK..(block + 1).saturating_mul(BLOCK))? {
            named.set(place_in(row?.0.value()));
        }
        Ok(Some(named))
    }
}
