//! The model: the probability of the next bit, from many contexts, mixed.
//!
//! Eight contexts of the big table and four of this message alone each give what they saw; two matches add what
//! followed the same words before. Six mixers, each chosen by another view of where we are, weigh them; a seventh
//! weighs those; three corrections of the result close. All of it is integers, and all of it learns.

use super::history::{Field, History, MATCHES, class};
use super::slots::{Slots, hash};
use super::squash::Squash;

const PRIMED: usize = 8;
const OWN: usize = 4;
const INPUTS: usize = 2 * PRIMED + 2 * MATCHES + 2 * OWN;
const MIXERS: usize = 6;
/// Sets of weights of each mixer.
const SETS: [usize; MIXERS] = [256 * 5, 2048, 16 * 3 * 8 * 8, 256 * 8, 14 * 14 * 8 * 2, 2048];
/// Trust in a counter by how often it was seen (in ten steps), of 256.
const TRUST: [i32; 10] = [0, 96, 140, 170, 190, 215, 235, 250, 256, 256];
const OWN_TRUST: [i32; 8] = [0, 80, 120, 150, 180, 200, 220, 240];
/// Counters of the big table stop slowing down here.
const LIMIT: u32 = 250;
const CORRECTIONS: usize = 33 * (1024 + 2 * 65_536);
const NONE: usize = usize::MAX;
const FAST: i32 = 14;
const SLOW: i32 = 4;

/// What is small enough to be copied back after each message.
#[derive(Clone)]
struct Small {
    refined: Vec<u32>,
    own_refined: Vec<u32>,
    matched: Vec<u32>,
    weights: Vec<Vec<i32>>,
    last_weights: Vec<i32>,
    corrections: Vec<u16>,
}

/// The model in the middle of a byte.
pub struct Model {
    tables: Squash,
    slots: Slots,
    history: History,
    small: Small,
    primed: Option<Small>,
    rates: Vec<i64>,
    speed: i32,
    contexts: [u32; PRIMED],
    buckets: [usize; PRIMED],
    slot: usize,
    refined: [usize; PRIMED],
    own_table: Vec<u32>,
    own_contexts: [u32; OWN],
    own: [usize; OWN],
    own_refined: [usize; OWN],
    matched: [usize; MATCHES],
    inputs: [i32; INPUTS],
    chosen: [usize; MIXERS],
    outputs: [i32; MIXERS],
    guesses: [i32; MIXERS],
    last_set: usize,
    mixed: i32,
    corrected: [usize; 3],
    bits: u32,
    bit: usize,
    p: u32,
}

impl Model {
    /// Knows nothing yet; `bits` is the size of the big table, in buckets of 64 bytes.
    pub fn new(bits: u32) -> Self {
        let tables = Squash::new();
        let mut refined = vec![0; PRIMED * 1024];
        for (at, value) in refined.iter_mut().enumerate() {
            *value = ((at as u32 & 63) * 1024 + 512) << 16;
        }
        let mut own_refined = vec![0; OWN * 1024];
        for (at, value) in own_refined.iter_mut().enumerate() {
            *value = ((at as u32 & 31) * 2048 + 1024) << 16;
        }
        let corrections = (0..CORRECTIONS).map(|at| tables.squash((at as i32 % 33 - 16) * 144) as u16).collect();
        let small = Small {
            refined,
            own_refined,
            matched: vec![1 << 31; MATCHES * 1024],
            weights: SETS.iter().map(|sets| vec![14_418; sets * INPUTS]).collect(),
            last_weights: vec![65_536 / MIXERS as i32; 2048 * MIXERS],
            corrections,
        };
        let mut model = Self {
            tables,
            slots: Slots::new(bits),
            history: History::new(),
            small,
            primed: None,
            rates: (0..1024).map(|seen| 6_553_600 / (100 * seen + 180)).collect(),
            speed: FAST,
            contexts: [0; PRIMED],
            buckets: [0; PRIMED],
            slot: 1,
            refined: [NONE; PRIMED],
            own_table: vec![0; 1 << 14],
            own_contexts: [0; OWN],
            own: [0; OWN],
            own_refined: [NONE; OWN],
            matched: [NONE; MATCHES],
            inputs: [0; INPUTS],
            chosen: [0; MIXERS],
            outputs: [0; MIXERS],
            guesses: [0; MIXERS],
            last_set: 0,
            mixed: 32_768,
            corrected: [0; 3],
            bits: 1,
            bit: 0,
            p: 32_768,
        };
        model.start_byte();
        model
    }

    /// Learns the primer: records, each ended by a zero. After it every message starts from the same state.
    pub fn prime(&mut self, text: &[u8]) {
        let all = text.len().max(1) as i64;
        for (at, byte) in text.iter().enumerate() {
            if at % 4096 == 0 {
                let (left, done) = (all - at as i64, at as i64);
                self.speed = ((i64::from(FAST) * left + i64::from(SLOW) * done) / all) as i32;
            }
            for shift in (0..8).rev() {
                self.learn(u32::from(byte >> shift & 1));
            }
        }
        self.speed = SLOW;
        self.slots.record();
        self.history.freeze();
        self.primed = Some(self.small.clone());
    }

    /// Back to the primed state.
    pub fn rewind(&mut self) {
        self.slots.undo();
        if let Some(primed) = &self.primed {
            self.small.clone_from(primed);
        }
        self.history.forget();
        self.own_table.fill(0);
        (self.bits, self.bit) = (1, 0);
        self.start_byte();
    }

    /// The probability that the next bit is set, of 16 bits, never 0 and never 1.
    #[inline(always)]
    pub fn p(&self) -> u32 {
        self.p
    }

    /// Every word of what was learned, for the hash of the primed state.
    pub fn state(&self) -> impl Iterator<Item = u32> {
        let small = &self.small;
        let signed = small.weights.iter().flatten().chain(&small.last_weights).map(|weight| *weight as u32);
        let counters = small.refined.iter().chain(&small.own_refined).chain(&small.matched).copied();
        self.slots.words().chain(counters).chain(signed).chain(small.corrections.iter().map(|p| u32::from(*p)))
    }

    fn start_byte(&mut self) {
        let history = &self.history;
        let (one, two, three) = (history.back(1), history.back(2), history.back(3));
        let three = one | two << 8 | three << 16;
        let four = three | history.back(4) << 24;
        let kind = u32::from(history.kind);
        let place = kind * 8 + history.field as u32;
        let word = history.word;
        self.contexts = [
            one | place << 9 | 1 << 24,
            one | two << 8 | (kind & 2) << 20 | 2 << 24,
            three | 3 << 24,
            hash(four, 4),
            hash(four, hash(history.back(5) | history.back(6) << 8, 6)),
            hash(word, 8 + (class(one as u8) << 8)),
            hash(word, hash(history.word_before, 9)),
            hash(history.classes & 0xff_ffff, 14 + (one << 8)),
        ];
        self.own_contexts = [hash(one, 901), hash(one | two << 8, 902), hash(three, 903), hash(word, 904)];
        self.find(0);
        self.predict();
    }

    /// The buckets for this half of the byte.
    fn find(&mut self, first_half: u32) {
        for (at, context) in self.contexts.iter().enumerate() {
            let salted = hash(context.wrapping_add(first_half.wrapping_mul(0x3D4D_51CB)), at as u32 * 77 + 5);
            self.buckets[at] = self.slots.find(salted);
        }
    }

    fn predict(&mut self) {
        let half = self.bit.saturating_sub(4);
        self.slot = if self.bit < 4 { self.bits } else { self.bits & ((1 << half) - 1) | 1 << half } as usize;
        let (long, trust) = self.ask_slots();
        let (length, expected) = self.ask_matches();
        self.ask_own();
        self.choose(long, trust, length, expected);
        self.mix();
        self.correct();
    }

    /// Asks the big table; how many of the longer contexts are known, and how well.
    fn ask_slots(&mut self) -> (usize, usize) {
        let (mut long, mut known) = (0, 0);
        for at in 0..PRIMED {
            let (p, seen) = self.slots.get(self.buckets[at], self.slot);
            if seen == 0 {
                self.inputs[2 * at] = 0;
                self.inputs[2 * at + 1] = 0;
                self.refined[at] = NONE;
                continue;
            }
            let step = match seen {
                0..=3 => seen as usize,
                4..=5 => 4,
                6..=9 => 5,
                10..=20 => 6,
                21..=60 => 7,
                61..LIMIT => 8,
                _ => 9,
            };
            long += usize::from((2..5).contains(&at));
            if (3..7).contains(&at) {
                let level = if step < 3 {
                    1
                } else if step < 6 {
                    2
                } else {
                    3
                };
                known |= level << (2 * (at - 3));
            }
            let stretched = self.tables.stretch(p);
            self.inputs[2 * at] = (stretched * TRUST[step]) >> 8;
            let bin = ((stretched + 2304) * 63 / 4608).clamp(0, 63) as usize;
            self.refined[at] = at * 1024 + step * 64 + bin;
            self.inputs[2 * at + 1] = self.tables.stretch(self.small.refined[self.refined[at]] >> 16);
        }
        (long, known)
    }

    /// Asks the matches; the length of the first in steps, and the bit that it expects plus one.
    fn ask_matches(&mut self) -> (usize, usize) {
        let (mut first, mut expected) = (0, 0);
        for which in 0..MATCHES {
            let input = 2 * PRIMED + 2 * which;
            (self.matched[which], self.inputs[input], self.inputs[input + 1]) = (NONE, 0, 0);
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
            self.matched[which] = which * 1024 + step * 16 + self.bit * 2 + bit;
            self.inputs[input] = self.tables.stretch(self.small.matched[self.matched[which]] >> 16);
            let sure = (step as i32 * 24).min(512);
            self.inputs[input + 1] = if bit == 1 { sure } else { -sure };
            if which == 0 {
                (first, expected) = (step.min(15), bit + 1);
            }
        }
        (first, expected)
    }

    /// Asks the contexts of this message alone.
    fn ask_own(&mut self) {
        for at in 0..OWN {
            let mixed = hash(self.own_contexts[at].wrapping_add(self.bits.wrapping_mul(0x9E37_79B1)), at as u32);
            let (place, tag) = ((mixed & 0x3fff) as usize, mixed >> 22);
            if self.own_table[place] & 0x3ff != tag || self.own_table[place] == 0 {
                self.own_table[place] = 32_768 << 16 | tag;
            }
            let value = self.own_table[place];
            let (seen, p) = ((value >> 10 & 63) as usize, value >> 16);
            self.own[at] = place;
            let input = 2 * (PRIMED + MATCHES + at);
            if seen == 0 {
                (self.inputs[input], self.inputs[input + 1], self.own_refined[at]) = (0, 0, NONE);
                continue;
            }
            self.own_refined[at] = at * 1024 + seen.min(31) * 32 + (p >> 11) as usize;
            self.inputs[input] = (self.tables.stretch(p) * OWN_TRUST[seen.min(7)]) >> 8;
            self.inputs[input + 1] = self.tables.stretch(self.small.own_refined[self.own_refined[at]] >> 16);
        }
    }

    /// Which set of weights each mixer uses.
    fn choose(&mut self, long: usize, known: usize, length: usize, expected: usize) {
        let (bits, bit) = (self.bits as usize, self.bit);
        let kind = usize::from(self.history.kind);
        let last = self.history.back(1);
        let before = (self.history.classes >> 4 & 15).min(13) as usize;
        let field: Field = self.history.field;
        self.chosen = [
            bits + 256 * kind.min(4),
            (length * 3 + expected) * 8 + bit + 512 * kind.min(3),
            ((long * 3 + expected) * 8 + field as usize) * 8 + bit,
            last as usize * 8 + bit,
            ((class(last as u8) as usize * 14 + before) * 8 + bit) * 2 + (kind & 1),
            known * 8 + bit,
        ];
        self.last_set = kind.min(7) * 256 + bits;
    }

    fn mix(&mut self) {
        let mut sum = 0_i64;
        for mixer in 0..MIXERS {
            let weights = &self.small.weights[mixer][self.chosen[mixer] * INPUTS..][..INPUTS];
            let dot: i64 = weights.iter().zip(&self.inputs).map(|(w, x)| i64::from(*w) * i64::from(*x)).sum();
            let output = ((dot >> 16) as i32).clamp(-3071, 3071);
            self.outputs[mixer] = output;
            self.guesses[mixer] = self.tables.squash(output);
            sum += i64::from(self.small.last_weights[self.last_set * MIXERS + mixer]) * i64::from(output);
        }
        self.mixed = ((sum >> 16) as i32).clamp(-3071, 3071);
    }

    /// Corrects the mixed guess by what it was worth in three views.
    fn correct(&mut self) {
        let shifted = self.mixed.clamp(-2303, 2303) + 2304;
        let (low, part) = ((shifted / 144) as usize, shifted % 144);
        let (bits, last, kind) = (self.bits as usize, self.history.back(1) as usize, usize::from(self.history.kind));
        let word = self.history.word;
        let views = [
            bits | kind.min(3) << 8,
            1024 + (bits | last << 8),
            1024 + 65_536 + (hash(self.bits | word << 8, word >> 3) & 0xffff) as usize,
        ];
        let mut said = [0; 3];
        for (view, place) in views.into_iter().enumerate() {
            let at = place * 33 + low;
            self.corrected[view] = at + usize::from(part >= 72);
            let (below, above) = (i32::from(self.small.corrections[at]), i32::from(self.small.corrections[at + 1]));
            said[view] = (below * (144 - part) + above * part) / 144;
        }
        let mixed = self.tables.squash(self.mixed);
        self.mixed = mixed;
        self.p = ((mixed * 4 + said[0] + said[1] * 2 + said[2]) / 8).clamp(2, 65_534) as u32;
    }

    /// Takes the next bit, and learns from it.
    pub fn learn(&mut self, bit: u32) {
        let target = if bit == 1 { 65_535 } else { 0 };
        for at in self.corrected {
            let p = i32::from(self.small.corrections[at]);
            self.small.corrections[at] = (p + ((target - p) >> 6)) as u16;
        }
        self.learn_weights(target);
        let rates = &self.rates;
        let known = |at: &&usize| **at != NONE;
        self.refined.iter().filter(known).for_each(|at| adapt(&mut self.small.refined[*at], target, rates, 2, 1023));
        self.matched.iter().filter(known).for_each(|at| adapt(&mut self.small.matched[*at], target, rates, 1, 1023));
        for at in self.own_refined.iter().filter(known) {
            adapt(&mut self.small.own_refined[*at], target, rates, 2, 1023);
        }
        for at in self.own {
            learn_own(&mut self.own_table[at], target, rates);
        }
        for bucket in self.buckets {
            adapt(self.slots.change(bucket, self.slot), target, rates, 0, LIMIT);
        }
        self.advance(bit);
    }

    fn learn_weights(&mut self, target: i32) {
        let error = i64::from(target - self.mixed);
        for mixer in 0..MIXERS {
            let weight = &mut self.small.last_weights[self.last_set * MIXERS + mixer];
            *weight = weight.wrapping_add(((i64::from(self.outputs[mixer]) * error * 3) >> 20) as i32);
            let error = i64::from(target - self.guesses[mixer]) * i64::from(self.speed);
            let weights = &mut self.small.weights[mixer][self.chosen[mixer] * INPUTS..][..INPUTS];
            for (weight, input) in weights.iter_mut().zip(&self.inputs) {
                *weight = weight.wrapping_add(((i64::from(*input) * error + (1 << 17)) >> 18) as i32);
            }
        }
    }

    fn advance(&mut self, bit: u32) {
        self.bits = self.bits << 1 | bit;
        self.bit += 1;
        match self.bit {
            4 => {
                self.find(self.bits);
                self.predict();
            }
            8 => {
                let byte = self.bits as u8;
                (self.bits, self.bit) = (1, 0);
                self.history.push(byte);
                if byte == 0 && self.primed.is_none() {
                    self.own_table.fill(0);
                }
                self.start_byte();
            }
            _ => self.predict(),
        }
    }
}

/// Moves a counter toward the bit that came, the slower the more often it was seen.
#[inline(always)]
fn adapt(counter: &mut u32, target: i32, rates: &[i64], least: u32, limit: u32) {
    let (seen, p) = (*counter & 1023, (*counter >> 16) as i32);
    let moved = p + ((i64::from(target - p) * rates[seen.max(least) as usize]) >> 16) as i32;
    *counter = (moved.clamp(16, 65_519) as u32) << 16 | if seen < limit { seen + 1 } else { seen };
}

/// The same for a counter of this message: 16 bits of probability, 6 of count, 10 of tag.
#[inline(always)]
fn learn_own(counter: &mut u32, target: i32, rates: &[i64]) {
    let (seen, p) = (*counter >> 10 & 63, (*counter >> 16) as i32);
    let moved = p + ((i64::from(target - p) * rates[seen as usize]) >> 16) as i32;
    let seen = if seen < 40 { seen + 1 } else { seen };
    *counter = (moved.clamp(16, 65_519) as u32) << 16 | seen << 10 | *counter & 0x3ff;
}
