//! Rows of a block: for each of its numbers one bit, written as the bits or, where few are set, as their places.

use crate::store::indexed::BLOCK;

const WORDS: usize = (BLOCK / 64) as usize;
/// As many places take as much room as the bits.
const FEW: usize = WORDS * 8 / 2;

/// One bit for each number of a block, or for each row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bits([u64; WORDS]);

impl Bits {
    pub const NONE: Self = Self([0; WORDS]);
    pub const ALL: Self = Self([u64::MAX; WORDS]);

    /// This place alone.
    pub fn of(place: usize) -> Self {
        let mut bits = Self::NONE;
        bits.set(place);
        bits
    }

    pub fn set(&mut self, place: usize) {
        self.0[place / 64] |= 1 << (place % 64);
    }

    pub fn has(&self, place: usize) -> bool {
        self.0[place / 64] & 1 << (place % 64) != 0
    }

    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub fn keep(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= other);
    }

    /// Keeps what [`Bits::body`] gave has as well.
    pub fn keep_body(&mut self, body: &[u8]) {
        if body.len() == WORDS * 8 {
            let others = body.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
            self.0.iter_mut().zip(others).for_each(|(word, other)| *word &= other);
        } else {
            self.keep(&Self::of_body(body));
        }
    }

    /// The numbers of a block whose places are set, rising.
    pub fn numbers_in(&self, block: u64) -> impl Iterator<Item = u64> + '_ {
        self.places().map(move |place| block * BLOCK + place as u64)
    }

    /// The places that are set, rising.
    pub fn places(&self) -> impl Iterator<Item = usize> + '_ {
        let words = self.0.iter().enumerate().filter(|(_, word)| **word != 0);
        words.flat_map(|(at, word)| (0..64).filter(move |bit| word & 1 << bit != 0).map(move |bit| at * 64 + bit))
    }

    /// Adds those of the other one.
    pub fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }

    /// True where all of the other one are set.
    pub fn holds(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(word, other)| word & other == *other)
    }

    /// Takes out a place.
    pub fn clear(&mut self, place: usize) {
        self.0[place / 64] &= !(1 << (place % 64));
    }

    /// The same without these places.
    pub fn without(&self, places: &[usize]) -> Self {
        let mut bits = self.clone();
        places.iter().for_each(|place| bits.clear(*place));
        bits
    }

    /// Sets all places from one on.
    pub fn set_from(&mut self, first: usize) {
        (first..BLOCK as usize).for_each(|place| self.set(place));
    }

    /// As bytes, without a checksum: the bits, or their places where those are fewer bytes.
    pub fn body(&self) -> Vec<u8> {
        match self.count() < FEW {
            true => self.places().flat_map(|place| u16::try_from(place).unwrap_or_default().to_le_bytes()).collect(),
            false => self.0.iter().flat_map(|word| word.to_le_bytes()).collect(),
        }
    }

    /// As a row, with a checksum.
    pub fn row(&self) -> Vec<u8> {
        sealed(self.body())
    }

    /// Reads a row; one that is damaged names all numbers.
    pub fn read(row: &[u8]) -> Self {
        Self::sound(row).unwrap_or(Self::ALL)
    }

    /// Reads a row; `None` when it is damaged.
    pub fn sound(row: &[u8]) -> Option<Self> {
        unsealed(row).map(Self::of_body)
    }

    /// Reads what [`Bits::body`] gave.
    pub fn of_body(body: &[u8]) -> Self {
        let mut bits = Self::NONE;
        if body.len() == WORDS * 8 {
            for (word, bytes) in bits.0.iter_mut().zip(body.as_chunks().0) {
                *word = u64::from_le_bytes(*bytes);
            }
        } else {
            for place in body.as_chunks().0 {
                bits.set(usize::from(u16::from_le_bytes(*place)) % BLOCK as usize);
            }
        }
        bits
    }
}

/// A row of these bytes, with a checksum.
pub fn sealed(mut body: Vec<u8>) -> Vec<u8> {
    body.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
    body
}

/// The bytes of a row; `None` when it is damaged.
pub fn unsealed(row: &[u8]) -> Option<&[u8]> {
    let (body, check) = row.split_last_chunk::<4>()?;
    (crc32fast::hash(body) == u32::from_le_bytes(*check)).then_some(body)
}

/// The rows of a text in small letters: one for each run of three bytes.
pub fn rows_of(text: &str) -> impl Iterator<Item = usize> + '_ {
    text.as_bytes().windows(3).map(|run| {
        let run = u32::from(run[0]) << 16 | u32::from(run[1]) << 8 | u32::from(run[2]);
        // Fibonacci hashing: the upper bits of the product depend on all of the run.
        (run.wrapping_mul(0x9E37_79B1) >> (u32::BITS - BLOCK.trailing_zeros())) as usize
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_as_they_were_written_and_damage_names_all() {
        for step in [1, 2, 16, 17, 500, 2047] {
            let mut bits = Bits::NONE;
            (0..BLOCK as usize).step_by(step).for_each(|place| bits.set(place));
            let row = bits.row();
            assert!(row.len() <= 260, "{}", row.len());
            assert_eq!(Bits::read(&row), bits);
            let mut damaged = row;
            damaged[0] ^= 1;
            assert_eq!(Bits::read(&damaged), Bits::ALL);
        }
        assert_eq!(Bits::read(&Bits::NONE.row()), Bits::NONE);
    }

    #[test]
    fn runs_of_natural_text_spread_over_the_rows() {
        let text = include_str!("../../../README.md").to_lowercase();
        let mut used = Bits::NONE;
        rows_of(&text).for_each(|row| used.set(row));
        assert!(used.count() > 1500, "{}", used.count());
        assert!(rows_of("ab").next().is_none());
    }
}
