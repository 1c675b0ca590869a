//! How the model learns words that were counted elsewhere.

use super::model::Model;

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
                    self.count_byte(byte);
                }
                self.history.push_word(byte);
                self.start_contexts();
            }
        }
        self.history.end_lines();
        self.start_byte();
    }

    fn count_byte(&mut self, byte: u8) {
        for (salt, half) in [(0, byte >> 4), (u32::from(byte >> 4) | 16, byte & 15)] {
            let salted = self.salted(salt);
            let rows = self.slots.find(&COUNTING.map(|at| salted[at]));
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
