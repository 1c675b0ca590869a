//! How the model learns without weighing: words that were counted elsewhere, and what both ends have said before.

use super::flat::price;
use super::model::{Model, OLDER, OWN, OWN_TABLE_AFTER, salt};

/// How many bytes before it is learned the rows of one are looked at: first where each context is at home, then the
/// others that it may have, where it is not there.
const HOMES_AHEAD: usize = 6;
const CHOICES_AHEAD: usize = 2;

/// The contexts that learn words that were counted: orders 2, 3 and 4, the word, the word and the one before.
const COUNTING: [usize; 5] = [1, 2, 3, 5, 6];

impl Model {
    /// Shows lines of words to the big table alone: only what stood where is learned, not how far to trust it. Of a pair
    /// of words the second one is learned behind the first.
    pub fn count(&mut self, lines: &[u8]) {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let second = line.iter().position(|byte| *byte == b' ').unwrap_or(0);
            self.history.start_line();
            self.start_contexts();
            for (at, byte) in line.iter().copied().enumerate() {
                if at >= second {
                    self.count_byte(byte, &COUNTING);
                }
                self.history.push_word(byte);
                self.start_contexts();
            }
        }
        self.history.end_lines();
        self.start_byte();
    }

    /// Learns what both ends have said before, until it is rewound: records, each ended by a zero. It is counted and may be
    /// repeated; to weigh it as well would take four times as long, and a few words say little about whom to trust.
    pub fn recall(&mut self, text: &[u8]) {
        // All of it is zero as long as it is not used.
        self.own_used = OWN_TABLE_AFTER;
        self.history.remember();
        // Where a byte is looked for does not depend on what was learned, so all is known before, and the memory fetches what
        // later bytes need while one is learned.
        let mut asked = Vec::with_capacity(text.len());
        for byte in text.iter().copied() {
            if self.flat.is_none() || price(&self.history).is_none() {
                self.start_contexts();
                asked.push((byte, self.contexts, halves(byte).map(|(first, _)| self.salted(first))));
                for (at, shift) in (0..OWN).flat_map(|at| (0..8).map(move |shift| (at, 7 - shift))) {
                    self.learn_own(at, (256 | u32::from(byte)) >> (shift + 1), u32::from(byte >> shift & 1));
                }
            }
            self.history.push(byte);
        }
        let ahead = |at: usize| asked.get(at).into_iter().flat_map(|(_, _, salted)| salted);
        for (at, (byte, contexts, salted)) in asked.iter().enumerate() {
            ahead(at + HOMES_AHEAD).for_each(|contexts| self.slots.touch(contexts));
            ahead(at + CHOICES_AHEAD).for_each(|contexts| self.slots.touch_choices(contexts));
            if self.primed == OLDER {
                self.learn_rows(*byte, &salted.map(|all| std::array::from_fn::<_, OLDER, _>(|at| all[at])));
            } else {
                self.learn_again(*byte, salted, |at, half| salt(contexts[at], at, u32::from(half) | 16));
            }
        }
        self.start_byte();
    }

    fn count_byte<const N: usize>(&mut self, byte: u8, contexts: &[usize; N]) {
        let salted = halves(byte).map(|(first, _)| {
            let salted = self.salted(first);
            contexts.map(|at| salted[at])
        });
        // The memory fetches the rows of both halves side by side.
        self.slots.touch(&salted[1]);
        if self.primed == OLDER {
            self.learn_rows(byte, &salted);
        } else {
            let all = self.contexts;
            self.learn_again(byte, &salted, |at, half| salt(all[contexts[at]], contexts[at], u32::from(half) | 16));
        }
    }

    /// Counts a byte in the rows of these contexts of both halves.
    #[inline(always)]
    fn learn_rows<const N: usize>(&mut self, byte: u8, salted: &[[u32; N]; 2]) {
        for ((_, half), salted) in halves(byte).into_iter().zip(salted) {
            let rows = self.slots.find(salted);
            self.learn_half(half, rows);
        }
    }

    /// The same where contexts that were seen once have none; `second` as in [`find_first`](super::slots::Slots::find_first).
    #[inline(always)]
    fn learn_again<const N: usize>(&mut self, byte: u8, salted: &[[u32; N]; 2], second: impl Fn(usize, u8) -> u32) {
        let (rows, first) = self.slots.find_first(&salted[0], second);
        self.learn_half(byte >> 4, rows);
        let (rows, second) = self.slots.find_second(&salted[1], first);
        self.learn_half(byte & 15, rows);
        self.slots.keep(salted, [first, second], byte);
    }

    #[inline(always)]
    fn learn_half<const N: usize>(&mut self, half: u8, rows: [usize; N]) {
        let mut slot = 1;
        for shift in (0..4).rev() {
            let bit = u32::from(half >> shift & 1);
            for row in rows {
                let luck = self.throw();
                self.slots.learn(row, slot, bit, luck);
            }
            slot = slot << 1 | bit as usize;
        }
    }
}

/// What the contexts of each half of a byte are salted with, and its bits.
fn halves(byte: u8) -> [(u32, u8); 2] {
    [(0, byte >> 4), (u32::from(byte >> 4) | 16, byte & 15)]
}
