//! Rows of groups: what the blocks of a group have in a row, side by side. A search that finds nothing in the rows of a group
//! looks at none of its blocks, and reads no rows of blocks where it has those of their group.
//!
//! They may name what went: nothing is taken out of them but with all of the group, and when somebody is erased.

use super::rows::{Bits, sealed, unsealed};
use crate::store::indexed::{GROUP, first_of, group_of};
use crate::store::schema::{Readable, Tx, TxResult, View};
use crate::store::table::ReadTable;

/// Set in the key of a group, where a block has its number.
const MARK: u64 = 1 << 62;
/// Rows that one commit writes: half a megabyte at most.
pub const AT_ONCE: u64 = 64;
/// Rows of a group, as of a block.
pub const ROWS: u64 = crate::store::indexed::BLOCK;

/// The first part of the keys of a group.
fn key_of(group: u64) -> u64 {
    MARK | group
}

/// A row of a group: the rows of its blocks, where they have one. Others have several sets of places side by side as well.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupRow(Vec<(u32, Bits)>);

impl GroupRow {
    /// Adds what a block has; blocks come in any order.
    pub fn add(&mut self, at: u32, bits: &Bits) {
        match self.0.iter_mut().find(|(known, _)| *known == at) {
            Some((_, known)) => known.join(bits),
            None => {
                self.0.push((at, bits.clone()));
                self.0.sort_by_key(|(at, _)| *at);
            }
        }
    }

    /// Names all of all blocks.
    pub(super) fn all() -> Self {
        Self((0..GROUP as u32).map(|at| (at, Bits::ALL)).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is there of one.
    pub fn of(&self, at: u32) -> Bits {
        self.of_any(&[at])
    }

    /// What is there of any of these.
    pub fn of_any(&self, these: &[u32]) -> Bits {
        let mut all = Bits::NONE;
        self.0.iter().filter(|(at, _)| these.contains(at)).for_each(|(_, bits)| all.join(bits));
        all
    }

    /// Those that have a place.
    pub fn those_with(&self, place: usize) -> Vec<u32> {
        self.0.iter().filter(|(_, bits)| bits.has(place)).map(|(at, _)| *at).collect()
    }

    /// Takes out places of blocks; true where one of them was there.
    pub fn clear(&mut self, places: &[(u32, usize)]) -> bool {
        let mut cleared = false;
        for (at, bits) in &mut self.0 {
            for (_, place) in places.iter().filter(|(block, _)| block == at) {
                cleared |= bits.has(*place);
                bits.clear(*place);
            }
        }
        self.0.retain(|(_, bits)| *bits != Bits::NONE);
        cleared
    }

    fn has(&self, at: u32, bits: &Bits) -> bool {
        self.0.iter().any(|(known, all)| *known == at && all.holds(bits))
    }

    /// As bytes: a bit for each block that has something, the lengths of what follows, and the bits of these blocks.
    pub fn row(&self) -> Vec<u8> {
        let there = self.0.iter().fold(0_u32, |there, (at, _)| there | 1 << at);
        let bodies: Vec<_> = self.0.iter().map(|(_, bits)| bits.body()).collect();
        let mut row = there.to_le_bytes().to_vec();
        for body in &bodies {
            row.extend(u16::try_from(body.len()).unwrap_or_default().to_le_bytes());
        }
        bodies.iter().for_each(|body| row.extend_from_slice(body));
        sealed(row)
    }

    /// Reads a row; `None` when it is damaged.
    pub fn read(row: &[u8]) -> Option<Self> {
        Some(Self(bodies(row)?.map(|(at, body)| (at, Bits::of_body(body))).collect()))
    }

    /// Keeps what another row has as well; all of it when that one is damaged.
    fn keep_row(&mut self, row: &[u8]) {
        let Some(mut others) = bodies(row) else { return };
        let mut other = others.next();
        self.0.retain_mut(|(at, bits)| {
            while other.is_some_and(|(known, _)| known < *at) {
                other = others.next();
            }
            let Some((_, body)) = other.filter(|(known, _)| known == at) else { return false };
            bits.keep_body(body);
            *bits != Bits::NONE
        });
    }
}

/// The parts of a row, rising; `None` when it is damaged.
fn bodies(row: &[u8]) -> Option<impl Iterator<Item = (u32, &[u8])>> {
    let (there, rest) = unsealed(row)?.split_first_chunk::<4>()?;
    let there = u32::from_le_bytes(*there);
    let (lengths, mut rest) = rest.split_at_checked(there.count_ones() as usize * 2)?;
    let lengths = lengths.as_chunks().0.iter().map(|length| usize::from(u16::from_le_bytes(*length)));
    // What was sealed is whole, whatever it is.
    lengths.clone().sum::<usize>().eq(&rest.len()).then_some(())?;
    Some((0..u32::BITS).filter(move |at| there & 1 << at != 0).zip(lengths).map(move |(at, length)| {
        let (body, behind) = rest.split_at(length);
        rest = behind;
        (at, body)
    }))
}

/// What the blocks of a group have in all of these rows; one that cannot be read names all.
pub fn named_in(table: &ReadTable<(u64, u16), &'static [u8]>, group: u64, rows: &[u16]) -> TxResult<GroupRow> {
    let mut named: Option<GroupRow> = None;
    for row in rows {
        let Some(found) = table.get((key_of(group), *row))? else { return Ok(GroupRow::default()) };
        match &mut named {
            Some(named) => named.keep_row(found.value()),
            None => named = GroupRow::read(found.value()),
        }
        if named.as_ref().is_some_and(GroupRow::is_empty) {
            break;
        }
    }
    Ok(named.unwrap_or_else(GroupRow::all))
}

impl View {
    /// Rows of a group from `first` on, out of those of its blocks.
    pub(super) fn group_rows(&self, group: u64, first: u64) -> TxResult<Vec<(u16, Vec<u8>)>> {
        let table = crate::store::schema::SEARCH_ROWS.read(&self.0)?;
        let end = (first + AT_ONCE).min(ROWS);
        let mut rows = vec![GroupRow::default(); (end - first) as usize];
        for block in first_of(group)..first_of(group) + GROUP {
            let range = (block, first as u16)..(block, end as u16);
            for row in table.range(range)? {
                let (key, bits) = row?;
                let row = u64::from(key.value().1) - first;
                rows[row as usize].add(group_of(block).1, &Bits::read(bits.value()));
            }
        }
        let there = (first as u16..).zip(&rows).filter(|(_, row)| !row.0.is_empty());
        Ok(there.map(|(number, row)| (number, row.row())).collect())
    }
}

impl Tx<'_> {
    /// Writes rows of a group that is the next one, from `first` on, and says how far it is. They were read since so many who were
    /// erased were out of the index; nothing is written when somebody was erased since.
    pub(super) fn put_group(&mut self, group: u64, first: u64, rows: &[(u16, Vec<u8>)], cleared: u64) -> TxResult<()> {
        if !self.ledger.is_clear_since(cleared) {
            return Ok(());
        }
        if first == 0 {
            // What was left behind.
            self.search_rows.retain_in((key_of(group), 0)..=(key_of(group), u16::MAX), |_, _| false)?;
        }
        for (row, bytes) in rows {
            self.search_rows.insert((key_of(group), *row), bytes.as_slice())?;
        }
        let until = first + AT_ONCE;
        let (blocks, at) = self.ledger.search.of_mut(group);
        (blocks.groups, blocks.group_rows) = if until < ROWS { (at, until) } else { (at + 1, 0) };
        Ok(())
    }

    /// A block is written anew, with these rows: what they have, the group of the block has then as well.
    pub(super) fn follow_block(&mut self, block: u64, rows: &[(u16, Bits)]) -> TxResult<()> {
        let (group, at) = group_of(block);
        if !self.ledger.search.has_rows_of(group) {
            return Ok(());
        }
        for (row, bits) in rows {
            let before = self.search_rows.get((block, *row))?.and_then(|before| Bits::sound(before.value()));
            // What the block had, the group has; what it had in a row that is damaged, nobody knows.
            if before.is_some_and(|before| before.holds(bits)) {
                continue;
            }
            let key = (key_of(group), *row);
            let known = self.search_rows.get(key)?.map(|known| GroupRow::read(known.value()));
            // One that is damaged names all as it is.
            let Some(mut known) = known.unwrap_or_else(|| Some(GroupRow::default())) else { continue };
            if !known.has(at, bits) {
                known.add(at, bits);
                self.search_rows.insert(key, known.row().as_slice())?;
            }
        }
        Ok(())
    }

    /// Takes these places of its blocks out of rows of a group from `first` on.
    pub(super) fn clear_group(&mut self, group: u64, first: u64, places: &[(u32, usize)]) -> TxResult<()> {
        let (key, mut cleared) = (key_of(group), Vec::new());
        for row in self.search_rows.range((key, first as u16)..(key, (first + AT_ONCE) as u16))? {
            let (key, row) = row?;
            // One that is damaged names all, and what it had is nothing to keep.
            let (mut row, damaged) = match GroupRow::read(row.value()) {
                Some(row) => (row, false),
                None => (GroupRow::all(), true),
            };
            if row.clear(places) || damaged {
                cleared.push((key.value(), row));
            }
        }
        for (key, row) in cleared {
            match row.0.is_empty() {
                true => drop(self.search_rows.remove(key)?),
                false => drop(self.search_rows.insert(key, row.row().as_slice())?),
            }
        }
        Ok(())
    }

    /// Removes the rows of a group of which no block has any.
    pub(super) fn drop_empty_group(&mut self, block: u64) -> TxResult<()> {
        let (group, _) = group_of(block);
        let first = first_of(group);
        if !self.ledger.search.has_group(group)
            || self.search_rows.range((first, 0)..(first + GROUP, 0))?.next().is_some()
        {
            return Ok(());
        }
        self.search_rows.retain_in((key_of(group), 0)..=(key_of(group), u16::MAX), |_, _| false)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_groups_read_as_they_were_written_and_keep_what_all_have() {
        let bits = |step: usize| {
            let mut bits = Bits::NONE;
            (0..2048).step_by(step).for_each(|place| bits.set(place));
            bits
        };
        let mut one = GroupRow::default();
        (0..GROUP as u32).rev().for_each(|at| one.add(at, &bits(1 + at as usize)));
        let row = one.row();
        // With its key and what redb adds it has its place in a page of 8 KB.
        assert!(row.len() < 8192 - 64, "{}", row.len());
        assert_eq!(GroupRow::read(&row), Some(one.clone()));
        let mut full = GroupRow::default();
        (0..GROUP as u32).for_each(|at| full.add(at, &bits(1)));
        assert!(full.row().len() < 8192 - 64, "{}", full.row().len());
        let mut damaged = row;
        damaged[7] ^= 1;
        assert_eq!(GroupRow::read(&damaged), None);
        assert_eq!(GroupRow::read(&[]), None);
        let mut other = GroupRow::default();
        let mut odd = Bits::NONE;
        odd.set(7);
        other.add(3, &odd);
        other.add(0, &odd);
        one.keep_row(&other.row());
        assert_eq!(one.0, [(0, odd)], "every fourth place of block 3 is another one");
        assert!(full.has(5, &bits(3)) && !full.has(40, &bits(3)));
    }
}
