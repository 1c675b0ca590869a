//! Contexts that were seen once: of each what followed, in three bytes instead of two rows of counters.

use super::rows::{Rows, Table};

/// Contexts of a row, the newest first.
const CONTEXTS: usize = 10;
/// Its words: 16 bits of each context, then what followed, two in a word.
const WORDS: usize = 16;

/// Rows of what followed contexts.
pub struct Once {
    rows: Rows<u16, WORDS>,
    count: u64,
}

impl Once {
    /// So many rows of ten contexts, of 32 bytes.
    pub fn new(count: usize) -> Self {
        Self { rows: Rows::new(count, [0; WORDS]), count: count as u64 }
    }

    /// The rows, to record, undo and keep them.
    pub fn table(&mut self) -> &mut dyn Table {
        &mut self.rows
    }

    /// The row of a context, by its upper bits, and the lower ones that a row keeps of it: never zero.
    #[inline(always)]
    fn place(&self, context: u32) -> (usize, u16) {
        (((u64::from(context) * self.count) >> 32) as usize, (context as u16).max(1))
    }

    /// Looks at the rows of contexts that are asked for soon, and changes nothing.
    #[inline(always)]
    pub fn touch<const N: usize>(&self, contexts: &[u32; N]) {
        let mut all = 0;
        for context in contexts {
            all ^= self.rows.get(self.place(*context).0)[0];
        }
        std::hint::black_box(all);
    }

    /// What followed a context, which is forgotten here; `None` where it was not seen.
    pub fn take(&mut self, context: u32) -> Option<u8> {
        let (row, check) = self.place(context);
        let at = self.rows.get(row)[..CONTEXTS].iter().position(|known| *known == check)?;
        let (mut checks, mut followed) = read(self.rows.get(row));
        let found = followed[at];
        checks.copy_within(at + 1.., at);
        followed.copy_within(at + 1.., at);
        (checks[CONTEXTS - 1], followed[CONTEXTS - 1]) = (0, 0);
        *self.rows.change(row) = written(checks, followed);
        Some(found)
    }

    /// Keeps what followed a context; the oldest of its row is forgotten.
    pub fn put(&mut self, context: u32, byte: u8) {
        let (row, check) = self.place(context);
        let (mut checks, mut followed) = read(self.rows.get(row));
        checks.copy_within(..CONTEXTS - 1, 1);
        followed.copy_within(..CONTEXTS - 1, 1);
        (checks[0], followed[0]) = (check, byte);
        *self.rows.change(row) = written(checks, followed);
    }
}

fn read(row: &[u16; WORDS]) -> ([u16; CONTEXTS], [u8; CONTEXTS]) {
    let followed = |at: usize| (row[CONTEXTS + at / 2] >> (at % 2 * 8)) as u8;
    (std::array::from_fn(|at| row[at]), std::array::from_fn(followed))
}

fn written(checks: [u16; CONTEXTS], followed: [u8; CONTEXTS]) -> [u16; WORDS] {
    let mut row = [0; WORDS];
    row[..CONTEXTS].copy_from_slice(&checks);
    for (word, two) in row[CONTEXTS..].iter_mut().zip(followed.chunks_exact(2)) {
        *word = u16::from_le_bytes([two[0], two[1]]);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_taken_once_and_the_oldest_of_a_row_goes() {
        let mut once = Once::new(3);
        // The upper bits choose the row, the lower ones tell its contexts apart.
        for context in 1..12_u32 {
            once.put(context, context as u8 + 100);
        }
        assert_eq!(once.take(1), None);
        assert_eq!((once.take(4), once.take(4)), (Some(104), None));
        once.put(0x8000_0004, 7);
        assert_eq!((once.take(8), once.take(2), once.take(0x8000_0004)), (Some(108), Some(102), Some(7)));
    }
}
