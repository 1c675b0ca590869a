//! Tables of rows that learn: what a message changes is written down once a row, and undone after it.

use std::io::{self, Read, Write};

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
    /// Which rows the message changed, each once, and what they were before it.
    changed: Vec<u32>,
    before: Vec<Row<W, N>>,
    touched: Vec<u64>,
    recording: bool,
    /// Words of a row that are written; the others never change.
    packed: usize,
}

impl<W: Word, const N: usize> Rows<W, N> {
    /// Makes `count` rows that are all `fresh`.
    pub fn new(count: usize, fresh: [W; N]) -> Self {
        let fresh = Row(fresh);
        let touched = vec![0; count.div_ceil(64)];
        Self {
            rows: vec![fresh; count],
            fresh,
            changed: Vec::new(),
            before: Vec::new(),
            touched,
            recording: false,
            packed: N,
        }
    }

    /// The same rows, of which only the first words ever change: a multiple of eight.
    pub fn packing(self, words: usize) -> Self {
        Self { packed: words, ..self }
    }

    #[inline(always)]
    pub fn get(&self, row: usize) -> &[W; N] {
        &self.rows[row].0
    }

    /// Gives a row to be changed, and notes what it was while that is recorded.
    #[inline(always)]
    pub fn change(&mut self, row: usize) -> &mut [W; N] {
        if self.recording {
            let (word, bit) = (row >> 6, 1 << (row & 63));
            if self.touched[word] & bit == 0 {
                self.touched[word] |= bit;
                self.changed.push(row as u32);
                self.before.push(self.rows[row]);
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
    /// Writes the rows: of each a bit for every word that is not as it started, then those words.
    fn pack(&self, to: &mut dyn Write) -> io::Result<()>;
    /// Reads the rows. Any bytes are rows; whether they are the right ones is for others to know.
    fn unpack(&mut self, from: &mut dyn Read) -> io::Result<()>;
}

impl<W: Word, const N: usize> Table for Rows<W, N> {
    fn record(&mut self) {
        self.recording = true;
    }

    fn undo(&mut self) {
        while let (Some(row), Some(old)) = (self.changed.pop(), self.before.pop()) {
            self.rows[row as usize] = old;
            self.touched[row as usize >> 6] = 0;
        }
    }

    fn pack(&self, to: &mut dyn Write) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(MOST_BYTES);
        for row in &self.rows {
            let changed = |at: &usize| row.0[*at] != self.fresh.0[*at];
            let mask = (0..self.packed).filter(changed).fold(0_u64, |mask, at| mask | 1 << at);
            bytes.clear();
            bytes.extend(&mask.to_le_bytes()[..self.packed / 8]);
            for at in (0..self.packed).filter(changed) {
                bytes.extend(&row.0[at].to_u32().to_le_bytes()[..W::BYTES]);
            }
            to.write_all(&bytes)?;
        }
        Ok(())
    }

    fn unpack(&mut self, from: &mut dyn Read) -> io::Result<()> {
        const { assert!(N.is_multiple_of(8) && N <= 64) };
        let mut bytes = [0; MOST_BYTES];
        for row in &mut self.rows {
            *row = self.fresh;
            from.read_exact(&mut bytes[..self.packed / 8])?;
            let mut mask = little(&bytes[..self.packed / 8]);
            let words = &mut bytes[..mask.count_ones() as usize * W::BYTES];
            from.read_exact(words)?;
            for word in words.chunks_exact(W::BYTES) {
                row.0[mask.trailing_zeros() as usize] = W::from_u32(little(word) as u32);
                mask &= mask - 1;
            }
        }
        Ok(())
    }
}

/// Bytes of a packed row: a mask of up to 64 bits, and as many words.
const MOST_BYTES: usize = 64 / 8 + 64 * 4;

fn little(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte))
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
        rows.pack(&mut bytes).unwrap();
        assert_eq!(bytes.len(), 100 + 2);
        let mut other = Rows::<u16, 8>::new(100, [7; 8]);
        other.change(50)[0] = 1;
        let mut rest = &bytes[..];
        other.unpack(&mut rest).unwrap();
        assert!(rest.is_empty());
        assert!((0..100).all(|row| other.get(row) == rows.get(row)));
        assert!(other.unpack(&mut &bytes[..50]).is_err());
    }
}
