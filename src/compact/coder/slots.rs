//! The big table: for each context, the probability of each next bit. Hashed and checked.

use super::rows::{Rows, Table};

/// Sixteen words of one context: a check, then a counter for each bit of half a byte, see [`counter`].
const WORDS: usize = 16;

/// A counter that has seen nothing: the probability of 12 bits above, how often it was seen in the low 4.
const FRESH: u16 = 2048 << 4;

/// How often a counter was seen, by its low four bits. Where the steps are wider than one, chance decides who goes on.
pub const COUNTS: [i32; 16] = [0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 24, 36, 60, 100, 160];

/// In a message counters are no slower than this step of `COUNTS`: what is said now counts more than what was learned.
const NIMBLE: usize = 8;

/// The big table: rows of counters that contexts find by their hash.
pub struct Slots {
    rows: Rows<u16, WORDS>,
    mask: usize,
    /// Rows that a context may have, beside each other; a power of two.
    choice: usize,
    /// Share of the way to the bit that a counter goes, of 65536, by its step.
    rates: [i32; 16],
    /// Chance that it goes on to the next step, of 65536.
    chances: [u32; 16],
    slowest: usize,
}

/// Mixes two words; all hashes of the model are made of it.
#[inline(always)]
pub fn hash(a: u32, b: u32) -> u32 {
    let mut x = a.wrapping_mul(0x9E37_79B1) ^ b.wrapping_mul(0x85EB_CA6B).rotate_left(13);
    x ^= x >> 15;
    x = x.wrapping_mul(0x2C1B_3C6D);
    x ^= x >> 12;
    x = x.wrapping_mul(0x297A_2D39);
    x ^ (x >> 15)
}

impl Slots {
    /// An empty table of `2^bits` rows of 32 bytes, of which each context may have one of `choice`: 4 or 16.
    pub fn new(bits: u32, choice: usize) -> Self {
        let mut fresh = [FRESH; WORDS];
        fresh[0] = 0;
        Self {
            rows: Rows::new(1 << bits, fresh),
            mask: (1 << bits) - 1,
            choice,
            rates: COUNTS.map(|count| 655_360 / (10 * count + 14)),
            chances: std::array::from_fn(|step| match COUNTS.get(step + 1) {
                Some(next) => 65_536 / (next - COUNTS[step]) as u32,
                None => 0,
            }),
            slowest: COUNTS.len() - 1,
        }
    }

    /// The table, to record, undo and keep it.
    pub fn table(&mut self) -> &mut dyn Table {
        &mut self.rows
    }

    /// From now on messages are coded, no primer is learned.
    pub fn hurry(&mut self) {
        self.slowest = NIMBLE;
    }

    /// What a row keeps of its context; never zero.
    #[inline(always)]
    fn check(&self, context: u32) -> u16 {
        if self.choice == 4 {
            return (context >> 16) as u16 | 1;
        }
        // The low bits say which of the sixteen it would be, and no row of another context that is near shares them.
        ((context >> 16) as u16 & 0xfff0 | context as u16 & 15).max(1)
    }

    /// Looks at the rows of contexts that are asked for soon, and changes nothing.
    #[inline(always)]
    pub fn touch<const N: usize>(&self, contexts: &[u32; N]) {
        let mut all = 0;
        for context in contexts {
            all ^= self.rows.get(*context as usize & self.mask)[0];
        }
        std::hint::black_box(all);
    }

    /// The same where a context may be beside its home, after that was touched.
    #[inline(always)]
    pub fn touch_choices<const N: usize>(&self, contexts: &[u32; N]) {
        for context in contexts {
            let home = *context as usize & self.mask;
            if self.rows.get(home)[0] != self.check(*context) {
                // Two rows lie in one line of the cache.
                let rows = (2..self.choice).step_by(2);
                std::hint::black_box(rows.fold(0, |all, step| all ^ self.rows.get(home ^ step)[0]));
            }
        }
    }

    /// The rows of contexts, each made in place of the least used of its choice when there is none.
    #[inline(always)]
    pub fn find<const N: usize>(&mut self, contexts: &[u32; N]) -> [usize; N] {
        // All homes are touched before the first is searched, so that the memory fetches them side by side.
        let homes = contexts.map(|context| self.rows.get(context as usize & self.mask)[0]);
        std::array::from_fn(|at| {
            let context = contexts[at];
            let check = self.check(context);
            let home = context as usize & self.mask;
            if homes[at] == check { home } else { self.search(home, check) }
        })
    }

    fn search(&mut self, home: usize, check: u16) -> usize {
        let (mut best, mut least) = (home, u16::MAX);
        for step in 0..self.choice {
            let row = self.rows.get(home ^ step);
            if row[0] == check {
                return home ^ step;
            }
            // The first counter sees every visit of its context; a row without a check was never seen.
            let seen = if row[0] == 0 { 0 } else { 1 + (row[1] & 15) };
            if seen < least {
                (best, least) = (home ^ step, seen);
            }
        }
        let row = self.rows.change(best);
        *row = [FRESH; WORDS];
        row[0] = check;
        best
    }

    /// A counter: its probability of 12 bits, and its step of `COUNTS`.
    #[inline(always)]
    pub fn get(&self, row: usize, slot: usize) -> (usize, usize) {
        let value = self.rows.get(row)[slot & (WORDS - 1)];
        (usize::from(value >> 4), usize::from(value & 15))
    }

    /// Moves a counter toward the bit that came, the slower the more often it was seen. What would be lost in rounding
    /// is decided by `luck`, an even spread over 32 bits.
    #[inline(always)]
    pub fn learn(&mut self, row: usize, slot: usize, bit: u32, luck: u32) {
        let target = if bit == 1 { 4095 } else { 0 };
        let counter = &mut self.rows.change(row)[slot & (WORDS - 1)];
        let (p, step) = (i32::from(*counter >> 4), usize::from(*counter & 15));
        // At most 4095 * 46811, so it fits; the way is never longer than to the target, so p stays in 12 bits.
        let way = (target - p) * self.rates[step.min(self.slowest)];
        let p = p + ((way + (luck & 0xffff) as i32) >> 16);
        *counter = (p as u16) << 4 | (step as u16 + u16::from(luck >> 16 < self.chances[step]));
    }
}
