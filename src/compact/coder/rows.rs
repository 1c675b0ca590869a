//! Tables of rows that learn: what a message changes is written down once a row, and undone after it.

/// A value that rows are made of.
pub trait Word: Copy + PartialEq {
    /// Its bytes in the kept state, little-endian.
    const BYTES: usize;
    /// The value in the low bits.
    fn to_u32(self) -> u32;
    /// The value of these low bits.
    fn from_u32(bits: u32) -> Self;
}

impl Word for u16 {
    const BYTES: usize = 2;
    fn to_u32(self) -> u32 {
        u32::from(self)
    }
    fn from_u32(bits: u32) -> Self {
        bits as Self
    }
}

impl Word for u32 {
    const BYTES: usize = 4;
    fn to_u32(self) -> u32 {
        self
    }
    fn from_u32(bits: u32) -> Self {
        bits
    }
}

impl Word for i32 {
    const BYTES: usize = 4;
    fn to_u32(self) -> u32 {
        self as u32
    }
    fn from_u32(bits: u32) -> Self {
        bits as Self
    }
}

/// A row; aligned, so that it lies in as few lines of the cache as it can.
#[repr(align(32))]
#[derive(Clone, Copy, PartialEq)]
pub struct Row<W, const N: usize>(pub [W; N]);

/// A table of rows, all of which start alike.
pub struct Rows<W: Word, const N: usize> {
    rows: Vec<Row<W, N>>,
    fresh: Row<W, N>,
    /// What rows were before the message, each once.
    journal: Vec<(u32, Row<W, N>)>,
    touched: Vec<u64>,
    recording: bool,
}

impl<W: Word, const N: usize> Rows<W, N> {
    /// `count` rows, fresh.
    pub fn new(count: usize, fresh: [W; N]) -> Self {
        let fresh = Row(fresh);
        let touched = vec![0; count.div_ceil(64)];
        Self { rows: vec![fresh; count], fresh, journal: Vec::new(), touched, recording: false }
    }

    #[inline(always)]
    pub fn get(&self, row: usize) -> &[W; N] {
        &self.rows[row].0
    }

    /// The row, to change it.
    #[inline(always)]
    pub fn change(&mut self, row: usize) -> &mut [W; N] {
        if self.recording {
            let (word, bit) = (row >> 6, 1 << (row & 63));
            if self.touched[word] & bit == 0 {
                self.touched[word] |= bit;
                self.journal.push((row as u32, self.rows[row]));
            }
        }
        &mut self.rows[row].0
    }
}

/// What the model does with all its tables, whatever their rows are.
pub trait Table {
    /// From now on changes can be undone.
    fn record(&mut self);
    /// Undoes all changes since `record` or the last call.
    fn undo(&mut self);
    /// Appends the rows: of each a bit for every word that is not as it started, then those words.
    fn pack(&self, bytes: &mut Vec<u8>);
    /// Takes the rows from the front of `bytes`; `None` when they end too early.
    fn unpack(&mut self, bytes: &mut &[u8]) -> Option<()>;
}

impl<W: Word, const N: usize> Table for Rows<W, N> {
    fn record(&mut self) {
        self.recording = true;
    }

    fn undo(&mut self) {
        while let Some((row, old)) = self.journal.pop() {
            self.rows[row as usize] = old;
            self.touched[row as usize >> 6] = 0;
        }
    }

    fn pack(&self, bytes: &mut Vec<u8>) {
        const { assert!(N.is_multiple_of(8) && N <= 64) };
        for row in &self.rows {
            let changed = |at: &usize| row.0[*at] != self.fresh.0[*at];
            let mask = (0..N).filter(changed).fold(0_u64, |mask, at| mask | 1 << at);
            bytes.extend(&mask.to_le_bytes()[..N / 8]);
            for at in (0..N).filter(changed) {
                bytes.extend(&row.0[at].to_u32().to_le_bytes()[..W::BYTES]);
            }
        }
    }

    fn unpack(&mut self, bytes: &mut &[u8]) -> Option<()> {
        for row in &mut self.rows {
            *row = self.fresh;
            let mut mask = little(bytes, N / 8)?;
            while mask != 0 {
                row.0[mask.trailing_zeros() as usize] = W::from_u32(little(bytes, W::BYTES)? as u32);
                mask &= mask - 1;
            }
        }
        Some(())
    }
}

/// A number of this many bytes, little-endian.
fn little(bytes: &mut &[u8], width: usize) -> Option<u64> {
    let (number, rest) = bytes.split_at_checked(width)?;
    *bytes = rest;
    Some(number.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_undone_and_rows_come_back_from_their_bytes() {
        let mut rows = Rows::<u16, 8>::new(100, [7; 8]);
        rows.change(3)[5] = 9;
        rows.record();
        for _ in 0..2 {
            rows.change(3)[5] = 1;
            rows.change(99)[0] = 2;
            rows.change(3)[6] = 3;
            rows.undo();
            assert!(rows.get(3)[5] == 9 && rows.get(3)[6] == 7 && *rows.get(99) == [7; 8]);
        }
        let mut bytes = Vec::new();
        rows.pack(&mut bytes);
        assert_eq!(bytes.len(), 100 + 2);
        let mut other = Rows::<u16, 8>::new(100, [7; 8]);
        other.change(50)[0] = 1;
        let mut rest = &bytes[..];
        assert!(other.unpack(&mut rest).is_some() && rest.is_empty());
        assert!((0..100).all(|row| other.get(row) == rows.get(row)));
        assert!(other.unpack(&mut &bytes[..50]).is_none());
    }
}
