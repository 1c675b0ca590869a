//! How the model learns without weighing: words that were counted elsewhere, and what both ends have said before.

use super::flat::price;
use super::model::{Model, OWN, OWN_TABLE_AFTER, PRIMED};

/// The contexts that learn words that were counted: orders 2, 3 and 4, the word, the word and the one before.
const COUNTING: [usize; 5] = [1, 2, 3, 5, 6];
/// Those that learn what was said.
const SAYING: [usize; PRIMED] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

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
        for byte in text.iter().copied() {
            if self.flat.is_none() || price(&self.history).is_none() {
                self.start_contexts();
                self.count_byte(byte, &SAYING);
                for (at, shift) in (0..OWN).flat_map(|at| (0..8).map(move |shift| (at, 7 - shift))) {
                    self.learn_own(at, (256 | u32::from(byte)) >> (shift + 1), u32::from(byte >> shift & 1));
                }
            }
            self.history.push(byte);
        }
        self.start_byte();
    }

    fn count_byte<const N: usize>(&mut self, byte: u8, contexts: &[usize; N]) {
        let halves = [(0, byte >> 4), (u32::from(byte >> 4) | 16, byte & 15)];
        let salted = halves.map(|(salt, _)| {
            let salted = self.salted(salt);
            contexts.map(|at| salted[at])
        });
        // The memory fetches the rows of both halves side by side.
        self.slots.touch(&salted[1]);
        for ((_, half), salted) in halves.into_iter().zip(salted) {
            let rows = self.slots.find(&salted);
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
}
