//! The model: the probability of the next bit, from many contexts, mixed.
//!
//! Ten contexts of the big table and two of this message alone each give what they saw, once as it is and once
//! refined by what such a state was worth before; two matches add what followed the same words before. Five mixers,
//! each chosen by another view of where we are, weigh them; a sixth weighs those. All of it is integers, and all of it
//! learns.

use std::io::{self, Read, Write};

use super::apm::Apm;
use super::flat::{Flat, Price, price};
use super::history::{Field, History, MATCHES, class};
use super::mixer::{Mixer, ONE};
use super::rows::{Rows, Table};
use super::slots::{Slots, hash};
use super::spec::Make;
use super::squash::{self, Squash};

pub(super) const PRIMED: usize = 10;
pub(super) const OWN: usize = 2;
/// Two of each context and match, and a constant.
const INPUTS: usize = 2 * (PRIMED + OWN + MATCHES) + 1;
/// The same, filled up for vector instructions.
const LANES: usize = INPUTS.next_multiple_of(8);
const MIXERS: usize = 6;
/// How many mixers a model of each make has.
const MIXERS_OF: [usize; 3] = [5, MIXERS, MIXERS];
/// Sets of weights of each mixer.
const SETS: [usize; MIXERS] = [5 * 256, 4 * 512, 4 * 3 * 8 * 8, 14 * 14 * 8 * 2, 256 * 8, 32 * 256];
/// Contexts of the stages behind the last mixer.
const APM: usize = 1 << 16;
/// Trust in a counter of this message by how often it was seen, of 256.
const OWN_TRUST: [i32; 8] = [0, 80, 120, 150, 180, 200, 220, 240];
/// Counters of this message.
const OWN_TABLE: usize = 1 << 12;
/// The same where it comes after others. Both are powers of two.
pub(super) const OWN_TABLE_AFTER: usize = 1 << 17;
/// How fast mixers learn: at the start of the primer, at its end, and in a message.
const FAST: i32 = 10;
const SLOW: i32 = 3;
const NIMBLE: i32 = 10;
/// How fast the last mixer learns.
const LAST: i32 = 2;
/// A place of a refining table, sixteen counters a row; `NONE` for nothing to learn.
const NONE: usize = usize::MAX;

/// Counters of 16 bits of probability above and how often they were seen below, sixteen a row.
type Counters = Rows<u32, 16>;

/// The model in the middle of a byte.
pub struct Model {
    squash: Squash,
    rates: Vec<i32>,
    pub(super) history: History,
    pub(super) slots: Slots,
    refined: Counters,
    matched: Counters,
    pub(super) own: Vec<u32>,
    own_refined: Counters,
    /// The mixers, as many as its make has.
    mixers: Vec<Mixer<LANES, 2>>,
    last: Mixer<8, 6>,
    /// The stages behind the last mixer, two or none.
    apms: Vec<Apm>,
    /// Fixed prices, where its make has them.
    pub(super) flat: Option<Flat>,
    priming: bool,
    speed: i32,
    luck: u32,
    // of this byte
    price: Option<Price>,
    contexts: [u32; PRIMED],
    own_contexts: [u32; OWN],
    rows: [usize; PRIMED],
    bits: u32,
    bit: usize,
    // of this bit
    slot: usize,
    refined_at: [usize; PRIMED],
    matched_at: [usize; MATCHES],
    own_at: [usize; OWN],
    own_refined_at: [usize; OWN],
    inputs: [i16; LANES],
    outputs: [i16; 8],
    /// The probability of the last mixer, and what became of it.
    mixed: u32,
    p: u32,
}

/// What the choice of weights looks at, beside the history.
#[derive(Clone, Copy, Default)]
struct View {
    /// How many of the orders 3, 4 and 6 were seen before.
    long: usize,
    /// How well the orders 4 and 6 and both word contexts are known, two bits each.
    known: usize,
    /// Length of the first match, in steps.
    length: usize,
    /// The bit that it expects, plus one.
    expected: usize,
}

impl Model {
    /// Knows nothing yet; `bits` is the size of the big table, in rows of 32 bytes.
    pub fn new(make: Make, bits: u32) -> Self {
        let squash = Squash::new();
        let mixers = MIXERS_OF[make as usize];
        let second = make != Make::First;
        let mut model = Self {
            rates: (0..1024).map(|seen| 1_638_400 / (100 * seen + 180)).collect(),
            history: History::new(),
            slots: Slots::new(bits, if second { 16 } else { 4 }),
            refined: Rows::new(PRIMED * 64, [0; 16]),
            matched: Rows::new(MATCHES * 64, [1 << 31; 16]),
            own: vec![0; OWN_TABLE],
            own_refined: Rows::new(OWN * 64, [0; 16]),
            mixers: SETS[..mixers].iter().map(|sets| Mixer::new(*sets, ONE * 14 / 100)).collect(),
            last: Mixer::new(8, ONE / mixers as i32),
            apms: (0..if second { 2 } else { 0 }).map(|_| Apm::new(APM, &squash)).collect(),
            flat: second.then(Flat::new),
            squash,
            priming: true,
            speed: FAST,
            luck: 0,
            price: None,
            contexts: [0; PRIMED],
            own_contexts: [0; OWN],
            rows: [0; PRIMED],
            bits: 1,
            bit: 0,
            slot: 1,
            refined_at: [0; PRIMED],
            matched_at: [NONE; MATCHES],
            own_at: [0; OWN],
            own_refined_at: [NONE; OWN],
            inputs: [0; LANES],
            outputs: [0; 8],
            mixed: 32_768,
            p: 32_768,
        };
        for at in 0..PRIMED * 1024 {
            model.refined.change(at >> 4)[at & 15] = (model.squash.squash(bin_middle(at & 63)) as u32) << 16;
        }
        for at in 0..OWN * 1024 {
            model.own_refined.change(at >> 4)[at & 15] = ((at as u32 & 31) * 2048 + 1024) << 16;
        }
        model.start_byte();
        model
    }

    /// Learns the primer: records, each ended by a zero. After it every message starts from the same state.
    pub fn prime(&mut self, text: &[u8], tell: super::Tell) {
        let all = text.len().max(1);
        for (at, byte) in text.iter().enumerate() {
            if at % 4096 == 0 {
                tell(at as u64, all as u64);
            }
            self.speed = (FAST * (all - at) as i32 + SLOW * at as i32) / all as i32;
            for shift in (0..8).rev() {
                self.learn(u32::from(byte >> shift & 1));
            }
        }
        self.be_primed();
    }

    /// Takes what was learned from this primer instead of learning it.
    ///
    /// # Errors
    /// Those of reading.
    pub fn unpack(&mut self, text: &[u8], from: &mut dyn Read) -> io::Result<()> {
        for table in self.tables() {
            table.unpack(from)?;
        }
        text.iter().for_each(|byte| self.history.push(*byte));
        self.be_primed();
        Ok(())
    }

    /// Writes what was learned; the same on every processor.
    ///
    /// # Errors
    /// Those of writing.
    pub fn pack(&mut self, to: &mut dyn Write) -> io::Result<()> {
        self.tables().iter().try_for_each(|table| table.pack(to))
    }

    fn be_primed(&mut self) {
        self.tables().iter_mut().for_each(|table| table.record());
        self.history.freeze();
        self.slots.hurry();
        self.speed = NIMBLE;
        self.priming = false;
        self.rewind();
    }

    /// Back to the primed state.
    pub fn rewind(&mut self) {
        self.tables().iter_mut().for_each(|table| table.undo());
        self.history.forget();
        if self.own.len() == OWN_TABLE {
            self.own.fill(0);
        } else {
            self.own = vec![0; OWN_TABLE];
        }
        (self.bits, self.bit, self.luck) = (1, 0, 0);
        self.start_byte();
    }

    fn tables(&mut self) -> Vec<&mut dyn Table> {
        let mut tables: Vec<&mut dyn Table> =
            vec![self.slots.table(), &mut self.refined, &mut self.matched, &mut self.own_refined, self.last.table()];
        tables.extend(self.mixers.iter_mut().map(Mixer::table));
        tables.extend(self.apms.iter_mut().map(Apm::table));
        tables
    }

    /// The probability that the next bit is set, of 65536, neither 0 nor 65536.
    #[inline(always)]
    pub fn p(&self) -> u32 {
        self.p
    }

    pub(super) fn start_byte(&mut self) {
        self.price = self.flat.as_ref().and_then(|_| price(&self.history));
        if self.price.is_some() {
            self.predict();
            return;
        }
        self.start_contexts();
        self.find(0);
        self.predict();
    }

    pub(super) fn start_contexts(&mut self) {
        let history = &self.history;
        let (one, two) = (history.back(1), history.back(2));
        let three = one | two << 8 | history.back(3) << 16;
        let four = three | history.back(4) << 24;
        let kind = u32::from(history.kind);
        let place = kind * 8 + history.field as u32;
        let word = history.word;
        self.contexts = [
            hash(place, 15 | history.column.min(3) << 8),
            hash(one | two << 8, 2 | (kind & 2) << 8),
            hash(three, 3),
            hash(four, 4),
            hash(four, hash(history.back(5) | history.back(6) << 8, 6)),
            hash(word, 8 | class(one as u8) << 8),
            hash(word, hash(history.word_before, 9)),
            hash(history.expected(), one | (history.matches[0].1.min(15) as u32) << 8),
            hash(word, 18 | place << 8),
            hash(history.classes, hash(history.word_length, 19)),
        ];
        self.own_contexts = [hash(one | two << 8, 902), hash(word, 904)];
    }

    /// The rows for this half of the byte.
    fn find(&mut self, first_half: u32) {
        let salted = self.salted(first_half);
        self.rows = self.slots.find(&salted);
    }

    #[inline(always)]
    pub(super) fn salted(&self, first_half: u32) -> [u32; PRIMED] {
        let salt = first_half.wrapping_mul(0x3D4D_51CB);
        let mut at = 0;
        self.contexts.map(|context| {
            at += 1;
            hash(context.wrapping_add(salt), at * 77)
        })
    }

    /// Chance: the same on every processor, and the same again in each message.
    #[inline(always)]
    pub(super) fn throw(&mut self) -> u32 {
        self.luck = self.luck.wrapping_mul(0x915F_77F5).wrapping_add(0x2545_F491);
        self.luck
    }

    fn predict(&mut self) {
        if let (Some(flat), Some(price)) = (&self.flat, self.price) {
            self.p = flat.p(price, self.bits);
            return;
        }
        let half = self.bit.saturating_sub(4);
        self.slot = if self.bit < 4 { self.bits } else { self.bits & ((1 << half) - 1) | 1 << half } as usize;
        let mut view = View::default();
        self.ask_slots(&mut view);
        self.ask_matches(&mut view);
        self.ask_own();
        self.inputs[INPUTS - 1] = 256;
        self.choose(view);
        for (mixer, output) in self.mixers.iter_mut().zip(&mut self.outputs) {
            *output = mixer.mix(&self.inputs) as i16;
        }
        let mixed = self.last.mix(&self.outputs);
        self.mixed = self.squash.squash(mixed) as u32;
        self.p = self.mixed;
        let curves = [
            (self.history.back(1) << 8 | self.bits) as usize,
            hash(self.bits | self.history.word << 8, self.history.word >> 3) as usize % APM,
        ];
        if let [one, two] = &mut self.apms[..] {
            // Each is below 2^16, and the mixed one at least 6 from both ends, so the mean is neither 0 nor 65536.
            let refined = one.refine(curves[0], mixed) + two.refine(curves[1], mixed);
            self.p = (2 * self.mixed + refined as u32) / 4;
        }
    }

    /// Asks the big table.
    fn ask_slots(&mut self, view: &mut View) {
        for at in 0..PRIMED {
            let (p, step) = self.slots.get(self.rows[at], self.slot);
            let bin = ((i32::from(self.squash.stretch(p)) + squash::MOST) * 63 / (2 * squash::MOST)) as usize;
            let place = at * 1024 + step * 64 + bin;
            self.refined_at[at] = place;
            let refined = self.refined.get(place >> 4)[place & 15] >> 16;
            (self.inputs[2 * at], self.inputs[2 * at + 1]) = if step == 0 {
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
    fn ask_matches(&mut self, view: &mut View) {
        for which in 0..MATCHES {
            let input = 2 * (PRIMED + which);
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

    /// Asks the contexts of this message alone.
    fn ask_own(&mut self) {
        for at in 0..OWN {
            let place = self.own_place(at, self.bits);
            let (p, seen) = (self.own[place] >> 16, (self.own[place] >> 10 & 63) as usize);
            self.own_at[at] = place;
            let input = 2 * (PRIMED + MATCHES + at);
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
        let (place, tag) = (mixed as usize & (self.own.len() - 1), mixed >> 22);
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

    /// Which set of weights each mixer uses.
    fn choose(&mut self, view: View) {
        let (bits, bit) = (self.bits as usize, self.bit);
        let kind = usize::from(self.history.kind);
        let last = class(self.history.back(1) as u8) as usize;
        let before = (self.history.classes >> 4 & 15).min(13) as usize;
        let field: Field = self.history.field;
        let sets = [
            bits + 256 * kind.min(4),
            (view.length * 3 + view.expected) * 8 + bit + 512 * kind.min(3),
            ((view.long * 3 + view.expected) * 8 + field as usize) * 8 + bit,
            ((last * 14 + before) * 8 + bit) * 2 + (kind & 1),
            view.known * 8 + bit,
            self.history.word_length.min(31) as usize * 256 + bits,
        ];
        for (mixer, set) in self.mixers.iter_mut().zip(sets) {
            mixer.set = set;
        }
        self.last.set = kind;
    }

    /// Takes the next bit, and learns from it.
    pub fn learn(&mut self, bit: u32) {
        if self.price.is_some() {
            self.advance(bit);
            return;
        }
        let target = if bit == 1 { 65_535 } else { 0 };
        for apm in &mut self.apms {
            apm.learn(target);
        }
        self.last.learn(&self.outputs, target - self.mixed as i32, LAST);
        for mixer in &mut self.mixers {
            let error = target - self.squash.squash(mixer.output);
            mixer.learn(&self.inputs, error, self.speed);
        }
        let rates = &self.rates;
        for at in self.refined_at {
            adapt(&mut self.refined.change(at >> 4)[at & 15], target, rates, 2, 255);
        }
        for at in self.matched_at.into_iter().filter(|at| *at != NONE) {
            adapt(&mut self.matched.change(at >> 4)[at & 15], target, rates, 1, 1023);
        }
        for at in self.own_refined_at.into_iter().filter(|at| *at != NONE) {
            adapt(&mut self.own_refined.change(at >> 4)[at & 15], target, rates, 2, 1023);
        }
        for at in self.own_at {
            learn_own(&mut self.own[at], target, rates);
        }
        for row in self.rows {
            let luck = self.throw();
            self.slots.learn(row, self.slot, bit, luck);
        }
        self.advance(bit);
    }

    fn advance(&mut self, bit: u32) {
        self.bits = self.bits << 1 | bit;
        self.bit += 1;
        match self.bit {
            4 => {
                if self.price.is_none() {
                    self.find(self.bits);
                }
                self.predict();
            }
            8 => {
                let byte = self.bits as u8;
                (self.bits, self.bit) = (1, 0);
                self.history.push(byte);
                if byte == 0 && self.priming {
                    self.own.fill(0);
                }
                self.start_byte();
            }
            _ => self.predict(),
        }
    }
}

/// The middle of one of 64 equal parts of the stretched domain.
fn bin_middle(bin: usize) -> i32 {
    (bin as i32 * 2 * squash::MOST + squash::MOST) / 63 - squash::MOST
}

/// Moves a counter toward the bit that came, the slower the more often it was seen.
#[inline(always)]
fn adapt(counter: &mut u32, target: i32, rates: &[i32], least: u32, limit: u32) {
    let (seen, p) = (*counter & 1023, (*counter >> 16) as i32);
    // At most 65535 * 9102, so it fits.
    let moved = p + (((target - p) * rates[seen.max(least) as usize]) >> 14);
    *counter = (moved.clamp(16, 65_519) as u32) << 16 | if seen < limit { seen + 1 } else { seen };
}

/// The same for a counter of this message: 16 bits of probability, 6 of count, 10 of tag.
#[inline(always)]
fn learn_own(counter: &mut u32, target: i32, rates: &[i32]) {
    let (seen, p) = (*counter >> 10 & 63, (*counter >> 16) as i32);
    let moved = p + (((target - p) * rates[seen as usize]) >> 14);
    let seen = if seen < 40 { seen + 1 } else { seen };
    *counter = (moved.clamp(16, 65_519) as u32) << 16 | seen << 10 | *counter & 0x3ff;
}
