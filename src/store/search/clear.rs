//! Takes out of the rows what they know of texts that changed or went, when somebody is erased: what three bytes a text has of
//! each row tells much of it.
//!
//! What is noted as changed counts as named by every row, so no search finds less. While this is owed no block and no group is
//! written: what a group has of a place goes with what its block has.

use std::sync::{Arc, PoisonError};

use super::groups::{AT_ONCE, ROWS};
use super::rows::Bits;
use crate::fault::Fault;
use crate::store::Store;
use crate::store::indexed::{BLOCK, block_of, group_of, place_in};
use crate::store::schema::{self, Readable, Tx, TxResult, View};

impl View {
    /// The first block from one on of which something changed since it was written.
    fn changed_block(&self, from: u64) -> TxResult<Option<u64>> {
        let table = schema::SEARCH_LOOSE.read(&self.0)?;
        let first = table.range(from.saturating_mul(BLOCK)..)?.next().transpose()?;
        Ok(first.map(|row| block_of(row.0.value())))
    }
}

impl Store {
    /// Takes all that changed out of the rows of blocks and groups, if somebody was erased since this was done last.
    ///
    /// # Errors
    /// As [`Store::write`]: it stays owed.
    pub(in crate::store) fn clear_erased(&self) -> Result<(), Fault> {
        let _one = self.0.clearing.lock().unwrap_or_else(PoisonError::into_inner);
        let ledger = self.ledger()?;
        if ledger.cleared >= ledger.erasures {
            return Ok(());
        }
        let mut places = Vec::new();
        let mut next = self.read(|view| view.changed_block(0))?;
        while let Some(block) = next {
            let (group, at) = group_of(block);
            places.extend(self.write(move |tx| tx.clear_block(block))?.into_iter().map(|place| (at, place)));
            next = self.read(|view| view.changed_block(block + 1))?;
            if next.is_none_or(|next| group_of(next).0 != group) {
                let places: Arc<[_]> = std::mem::take(&mut places).into();
                for first in (0..ROWS).step_by(AT_ONCE as usize) {
                    let places = Arc::clone(&places);
                    self.write(move |tx| tx.clear_group(group, first, &places))?;
                }
            }
        }
        // Whoever is erased meanwhile may be in rows that were looked at before.
        self.write(move |tx| {
            tx.ledger.cleared = tx.ledger.cleared.max(ledger.erasures);
            Ok(())
        })
    }
}

impl Tx<'_> {
    /// Takes what changed out of the rows of a block, and gives the places.
    fn clear_block(&mut self, block: u64) -> TxResult<Vec<usize>> {
        let mut changed = Vec::new();
        for row in self.search_loose.range(block * BLOCK..(block + 1).saturating_mul(BLOCK))? {
            changed.push(place_in(row?.0.value()));
        }
        let mut cleared = Vec::new();
        for row in self.search_rows.range((block, 0)..=(block, u16::MAX))? {
            let (key, row) = row?;
            let before = Bits::sound(row.value());
            // One that is damaged names all, and what it had is nothing to keep.
            let after = before.as_ref().unwrap_or(&Bits::ALL).without(&changed);
            if before.as_ref() != Some(&after) {
                cleared.push((key.value(), after));
            }
        }
        for (key, bits) in cleared {
            match bits == Bits::NONE {
                true => drop(self.search_rows.remove(key)?),
                false => drop(self.search_rows.insert(key, bits.row().as_slice())?),
            }
        }
        Ok(changed)
    }
}
