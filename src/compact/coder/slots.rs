//! The big table: for each context, the probability of each next bit. Hashed and checked.

use super::once::Once;
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
    /// What is known of contexts that were seen once; without it they have rows as all others.
    once: Option<Once>,
    /// How many rows there are beside nobody's.
    count: usize,
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
    /// An empty table of `count` rows of 32 bytes, of which each context may have one of `choice`: 4 or 16; and `once` rows for
    /// contexts that were seen once. A table without these has a power of two of rows, one with them a multiple of
    /// sixteen.
    pub fn new(count: usize, choice: usize, once: Option<usize>) -> Self {
        let mut fresh = [FRESH; WORDS];
        fresh[0] = 0;
        Self {
            // One row more is nobody's: contexts that were never seen are counted in it.
            rows: Rows::new(count + usize::from(once.is_some()), fresh),
            once: once.map(Once::new),
            count,
            choice,
            rates: COUNTS.map(|count| 655_360 / (10 * count + 14)),
            chances: std::array::from_fn(|step| match COUNTS.get(step + 1) {
                Some(next) => 65_536 / (next - COUNTS[step]) as u32,
                None => 0,
            }),
            slowest: COUNTS.len() - 1,
        }
    }

    /// The tables, to record, undo and keep them.
    pub fn tables(&mut self) -> impl Iterator<Item = &mut dyn Table> {
        let once = self.once.as_mut().map(Once::table);
        std::iter::once(&mut self.rows as &mut dyn Table).chain(once)
    }

    /// From now on messages are coded, no primer is learned.
    pub fn hurry(&mut self) {
        self.slowest = NIMBLE;
    }

    /// The row of a context that is looked at first. Its others are beside it, in the lower bits.
    #[inline(always)]
    fn home(&self, context: u32) -> usize {
        match self.once {
            None => context as usize & (self.count - 1),
            Some(_) => {
                let sixteens = (u64::from(context) * (self.count as u64 / 16)) >> 32;
                sixteens as usize * 16 + (context as usize & 15)
            }
        }
    }

    /// What a row keeps of its context; never zero.
    #[inline(always)]
    fn check(&self, context: u32) -> u16 {
        if self.once.is_some() {
            // The upper bits say which sixteen rows it may have.
            return (context as u16).max(1);
        }
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
            all ^= self.rows.get(self.home(*context))[0];
        }
        std::hint::black_box(all);
        if let Some(once) = &self.once {
            once.touch(contexts);
        }
    }

    /// The same where a context may be beside its home, after that was touched.
    #[inline(always)]
    pub fn touch_choices<const N: usize>(&self, contexts: &[u32; N]) {
        for context in contexts {
            let home = self.home(*context);
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
        let homes = contexts.map(|context| self.rows.get(self.home(context))[0]);
        std::array::from_fn(|at| {
            let context = contexts[at];
            let check = self.check(context);
            let home = self.home(context);
            if homes[at] == check { home } else { self.search(home, check) }
        })
    }

    fn search(&mut self, home: usize, check: u16) -> usize {
        self.known(home, check).unwrap_or_else(|least| self.make(least, check))
    }

    /// The row of a context; where it has none, the least used of those that it may have.
    #[inline(always)]
    fn known(&self, home: usize, check: u16) -> Result<usize, usize> {
        let (mut best, mut least) = (home, u16::MAX);
        for step in 0..self.choice {
            let row = self.rows.get(home ^ step);
            if row[0] == check {
                return Ok(home ^ step);
            }
            // The first counter sees every visit of its context; a row without a check was never seen.
            let seen = if row[0] == 0 { 0 } else { 1 + (row[1] & 15) };
            if seen < least {
                (best, least) = (home ^ step, seen);
            }
        }
        Err(best)
    }

    /// Gives a row to a context, nothing of which was counted.
    #[inline(always)]
    fn make(&mut self, row: usize, check: u16) -> usize {
        let fresh = self.rows.change(row);
        *fresh = [FRESH; WORDS];
        fresh[0] = check;
        row
    }

    /// The rows of contexts of the first half of a byte, where contexts that were seen once have none: whoever comes again is
    /// given one, in which the first time is counted. `second` is the context of the second half behind a first one. A
    /// bit for each that was never seen, for [`keep`](Self::keep).
    pub fn find_first<const N: usize>(
        &mut self,
        contexts: &[u32; N],
        second: impl Fn(usize, u8) -> u32,
    ) -> ([usize; N], u32) {
        self.find_again(contexts, 0, |byte| byte >> 4, |once, at, byte| once.put(second(at, byte >> 4), byte & 15))
    }

    /// The same of the second half; `fresh` are those of which the first one was never seen.
    pub fn find_second<const N: usize>(&mut self, contexts: &[u32; N], fresh: u32) -> ([usize; N], u32) {
        self.find_again(contexts, fresh, |half| half, |_, _, _| ())
    }

    #[inline(always)]
    fn find_again<const N: usize>(
        &mut self,
        contexts: &[u32; N],
        fresh: u32,
        half: impl Fn(u8) -> u8,
        rest: impl Fn(&mut Once, usize, u8),
    ) -> ([usize; N], u32) {
        // As in `find`.
        self.touch(contexts);
        let nobodys = self.count;
        self.make(nobodys, 0);
        let (mut rows, mut unseen) = ([nobodys; N], 0);
        for at in (0..N).filter(|at| fresh >> at & 1 == 0) {
            let (home, check) = (self.home(contexts[at]), self.check(contexts[at]));
            let least = match self.known(home, check) {
                Ok(row) => {
                    rows[at] = row;
                    continue;
                }
                Err(least) => least,
            };
            let followed = self.once.as_mut().and_then(|once| {
                let followed = once.take(contexts[at])?;
                rest(once, at, followed);
                Some(followed)
            });
            match followed {
                Some(followed) => {
                    rows[at] = self.make(least, check);
                    self.count(least, half(followed));
                }
                None => unseen |= 1 << at,
            }
        }
        (rows, unseen)
    }

    /// Counts half a byte in a row.
    fn count(&mut self, row: usize, half: u8) {
        let mut slot = 1;
        for shift in (0..4).rev() {
            let bit = half >> shift & 1;
            self.learn(row, slot, u32::from(bit), 0x8000);
            slot = slot << 1 | usize::from(bit);
        }
    }

    /// Keeps what followed contexts that were seen for the first time: of the first half, or of the second one alone.
    pub fn keep<const N: usize>(&mut self, contexts: &[[u32; N]; 2], unseen: [u32; 2], byte: u8) {
        let Some(once) = &mut self.once else { return };
        for (at, (first, second)) in contexts[0].iter().zip(&contexts[1]).enumerate() {
            if unseen[0] >> at & 1 == 1 {
                once.put(*first, byte);
            } else if unseen[1] >> at & 1 == 1 {
                once.put(*second, byte & 15);
            }
        }
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
