//! What each part of the model says of the next bit: two inputs of the mixers each.

use super::guess::{BITS, GUESSES, SITUATIONS};
use super::history::{Field, MATCHES};
use super::model::{GUESSED, INPUTS, Model, NONE, OLDER, OWN, OWN_TRUST, View};
use super::slots::hash;
use super::squash;

impl Model {
    /// Asks the big table.
    pub(super) fn ask_slots(&mut self, view: &mut View) {
        for at in 0..self.primed {
            let (p, step) = self.slots.get(self.rows[at], self.slot);
            let bin = ((i32::from(self.squash.stretch(p)) + squash::MOST) * 63 / (2 * squash::MOST)) as usize;
            let place = at * 1024 + step * 64 + bin;
            self.refined_at[at] = place;
            let refined = self.refined.get(place >> 4)[place & 15] >> 16;
            let input = if at < OLDER { 2 * at } else { GUESSED + 2 * (at - OLDER) };
            (self.inputs[input], self.inputs[input + 1]) = if step == 0 {
                (0, 0)
            } else {
                (self.squash.stretch(refined as usize >> 4), ((refined as i32 - 32_768) / 48) as i16)
            };
            view.long += usize::from((2..5).contains(&at) && step > 0);
            if (3..7).contains(&at) {
                let level = match step {
                    0 => 0,
                    1 | 2 => 1,
                    3..7 => 2,
                    _ => 3,
                };
                view.known |= level << (2 * (at - 3));
            }
        }
    }

    /// Asks the matches which bit they expect, and how sure they are.
    pub(super) fn ask_matches(&mut self, view: &mut View) {
        for which in 0..MATCHES {
            let input = 2 * (OLDER + which);
            (self.matched_at[which], self.inputs[input], self.inputs[input + 1]) = (NONE, 0, 0);
            let (at, length) = self.history.matches[which];
            let byte = u32::from(self.history.bytes.get(at).copied().unwrap_or(0)) | 256;
            if length == 0 || byte >> (8 - self.bit) != self.bits {
                continue;
            }
            let bit = (byte >> (7 - self.bit) & 1) as usize;
            let step = match length {
                0..16 => length,
                16..32 => 16 + (length - 16) / 4,
                _ => 20 + ((length - 32) / 16).min(8),
            };
            let place = which * 1024 + step * 16 + self.bit * 2 + bit;
            self.matched_at[which] = place;
            self.inputs[input] = self.squash.stretch(self.matched.get(place >> 4)[place & 15] as usize >> 20);
            let sure = (step as i16 * 24).min(512);
            self.inputs[input + 1] = if bit == 1 { sure } else { -sure };
            if which == 0 {
                (view.length, view.expected) = (step.min(15), bit + 1);
            }
        }
    }

    /// Asks what the word at hand may be.
    pub(super) fn ask_guess(&mut self) {
        let Some(guess) = &self.guess else { return };
        let words = matches!(self.history.field, Field::Text | Field::Subject);
        self.inputs[INPUTS..GUESSED].fill(0);
        for which in 0..GUESSES {
            let Some(p) = guess.p(which, self.bits, self.bit).filter(|_| words) else {
                self.guessed_at[which] = NONE;
                continue;
            };
            let stretched = i32::from(self.squash.stretch(p));
            let bin = ((stretched + squash::MOST) * 31 / (2 * squash::MOST)) as usize;
            let situation = (which * SITUATIONS + guess.situation) * BITS + (self.bit - 1).min(BITS - 1);
            let place = situation * 32 + bin;
            self.guessed_at[which] = place;
            self.inputs[INPUTS + which] = self.squash.stretch(self.guessed.get(place >> 4)[place & 15] as usize >> 20);
            // The second one says it as it is, too.
            self.inputs[INPUTS + GUESSES] = (stretched / 2) as i16;
        }
    }

    /// Asks the contexts of this message alone.
    pub(super) fn ask_own(&mut self) {
        for at in 0..OWN {
            let place = self.own_place(at, self.bits);
            let (p, seen) = (self.own[place] >> 16, (self.own[place] >> 10 & 63) as usize);
            self.own_at[at] = place;
            let input = 2 * (OLDER + MATCHES + at);
            if seen == 0 {
                (self.inputs[input], self.inputs[input + 1], self.own_refined_at[at]) = (0, 0, NONE);
                continue;
            }
            let place = at * 1024 + seen.min(31) * 32 + (p >> 11) as usize;
            self.own_refined_at[at] = place;
            let stretched = i32::from(self.squash.stretch(p as usize >> 4));
            self.inputs[input] = ((stretched * OWN_TRUST[seen.min(7)]) >> 8) as i16;
            self.inputs[input + 1] = self.squash.stretch(self.own_refined.get(place >> 4)[place & 15] as usize >> 20);
        }
    }

    /// The counter of a context of this message, for the next bit behind these of the byte.
    fn own_place(&mut self, at: usize, bits: u32) -> usize {
        let mixed = hash(self.own_contexts[at].wrapping_add(bits.wrapping_mul(0x9E37_79B1)), at as u32);
        let (place, tag) = (mixed as usize & (self.own_used - 1), mixed >> 22);
        if self.own[place] & 0x3ff != tag || self.own[place] == 0 {
            self.own[place] = 32_768 << 16 | tag;
        }
        place
    }

    /// The same counter learns.
    pub(super) fn learn_own(&mut self, at: usize, bits: u32, bit: u32) {
        let place = self.own_place(at, bits);
        learn_own(&mut self.own[place], if bit == 1 { 65_535 } else { 0 }, &self.rates);
    }
}

/// The same for a counter of this message: 16 bits of probability, 6 of count, 10 of tag.
#[inline(always)]
pub(super) fn learn_own(counter: &mut u32, target: i32, rates: &[i32]) {
    let (seen, p) = (*counter >> 10 & 63, (*counter >> 16) as i32);
    let moved = p + (((target - p) * rates[seen as usize]) >> 14);
    let seen = if seen < 40 { seen + 1 } else { seen };
    *counter = (moved.clamp(16, 65_519) as u32) << 16 | seen << 10 | *counter & 0x3ff;
}
