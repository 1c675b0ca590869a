//! The model: the probability of the next bit, from many contexts, mixed.
//!
//! Ten or twelve contexts of the big table and two of this message alone each give what they saw, once as it is and once
//! refined by what such a state was worth before; two matches add what followed the same words before. Five to seven mixers,
//! each chosen by another view of where we are, weigh them; one more weighs those. All of it is integers, and all of it
//! learns.

use std::io::{self, Read, Write};

use super::apm::Apm;
use super::asking::learn_own;
use super::flat::{Flat, Price, price};
use super::guess::{BITS, GUESSES, Guess, SITUATIONS, SURE};
use super::history::{Field, History, MATCHES, class};
use super::mixer::{Mixer, ONE};
use super::rows::{Rows, Table};
use super::slots::{Slots, hash};
use super::spec::Make;
use super::squash::{self, Squash};

/// Contexts of the big table, of which older makes have the first ten.
pub(super) const PRIMED: usize = 12;
pub(super) const OLDER: usize = 10;
pub(super) const OWN: usize = 2;
/// Two of each of the first contexts and matches, and a constant.
pub(super) const INPUTS: usize = 2 * (OLDER + OWN + MATCHES) + 1;
/// With three of the guesses; behind them are two of each further context.
pub(super) const GUESSED: usize = INPUTS + GUESSES + 1;
/// Filled up for vector instructions.
const LANES: usize = 40;
const MIXERS: usize = 7;
/// How many mixers a model of each make has.
const MIXERS_OF: [usize; 5] = [5, 6, 6, MIXERS, MIXERS];
/// Sets of weights of each mixer.
const SETS: [usize; MIXERS] =
    [5 * 256, 4 * 512, 4 * 3 * 8 * 8, 14 * 14 * 8 * 2, 256 * 8, 32 * 256, SITUATIONS / 5 * SURE * 3 * 8];
/// Contexts of the stages behind the last mixer, in a model of each make.
const APMS_OF: [&[usize]; 5] = [&[], &TWO_APMS, &TWO_APMS, &THREE_APMS, &[1 << 15, 1 << 15, 1 << 13]];
const TWO_APMS: [usize; 2] = [1 << 16, 1 << 16];
const THREE_APMS: [usize; 3] = [1 << 16, 1 << 15, 1 << 13];
/// Trust in a counter of this message by how often it was seen, of 256.
pub(super) const OWN_TRUST: [i32; 8] = [0, 80, 120, 150, 180, 200, 220, 240];
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
/// Rows of contexts that were seen once, of 32 bytes, where a make tells them apart.
const ONCE: usize = 5 << 16;
/// A place of a refining table, sixteen counters a row; `NONE` for nothing to learn.
pub(super) const NONE: usize = usize::MAX;

/// Counters of 16 bits of probability above and how often they were seen below, sixteen a row.
type Counters = Rows<u32, 16>;

/// The model in the middle of a byte.
pub struct Model {
    pub(super) squash: Squash,
    pub(super) rates: Vec<i32>,
    pub(super) history: History,
    pub(super) slots: Slots,
    pub(super) refined: Counters,
    pub(super) matched: Counters,
    /// Counters of this message, of which so many are used.
    pub(super) own: Vec<u32>,
    pub(super) own_used: usize,
    pub(super) own_refined: Counters,
    pub(super) guess: Option<Guess>,
    pub(super) guessed: Counters,
    /// The mixers, as many as its make has.
    mixers: Vec<Mixer<LANES, 2>>,
    last: Mixer<8, 6>,
    /// The stages behind the last mixer, two or none.
    apms: Vec<Apm>,
    /// Fixed prices, where its make has them.
    pub(super) flat: Option<Flat>,
    /// How many contexts of the big table its make has.
    pub(super) primed: usize,
    priming: bool,
    speed: i32,
    luck: u32,
    // of this byte
    price: Option<Price>,
    pub(super) contexts: [u32; PRIMED],
    /// Of both halves: for which contexts rows were looked for, and a bit for each that was never seen.
    asked: [[u32; PRIMED]; 2],
    unseen: [u32; 2],
    pub(super) own_contexts: [u32; OWN],
    pub(super) rows: [usize; PRIMED],
    pub(super) bits: u32,
    pub(super) bit: usize,
    // of this bit
    pub(super) slot: usize,
    pub(super) refined_at: [usize; PRIMED],
    pub(super) matched_at: [usize; MATCHES],
    pub(super) own_at: [usize; OWN],
    pub(super) own_refined_at: [usize; OWN],
    pub(super) guessed_at: [usize; GUESSES],
    pub(super) inputs: [i16; LANES],
    outputs: [i16; 8],
    /// The probability of the last mixer, and what became of it.
    mixed: u32,
    p: u32,
}

/// What the choice of weights looks at, beside the history.
#[derive(Clone, Copy, Default)]
pub(super) struct View {
    /// How many of the orders 3, 4 and 6 were seen before.
    pub(super) long: usize,
    /// How well the orders 4 and 6 and both word contexts are known, two bits each.
    pub(super) known: usize,
    /// Length of the first match, in steps.
    pub(super) length: usize,
    /// The bit that it expects, plus one.
    pub(super) expected: usize,
}

impl Model {
    /// Knows nothing yet; `rows` is the size of the big table, of 32 bytes each.
    pub fn new(make: Make, rows: usize) -> Self {
        let squash = Squash::new();
        let mixers = MIXERS_OF[make as usize];
        let second = make != Make::First;
        // Unpacking the words takes some megabytes, which are free again when the tables take their own.
        let guess = matches!(make, Make::Fourth | Make::Fifth).then(Guess::new);
        let once = (make == Make::Fifth).then_some(ONCE);
        let (primed, lanes) = if once.is_some() { (PRIMED, LANES) } else { (OLDER, GUESSED) };
        let guesses = if guess.is_some() { GUESSES * SITUATIONS * BITS * 2 } else { 0 };
        let mut model = Self {
            rates: (0..1024).map(|seen| 1_638_400 / (100 * seen + 180)).collect(),
            history: History::new(),
            slots: Slots::new(rows, if second { 16 } else { 4 }, once),
            refined: Rows::new(primed * 64, [0; 16]),
            matched: Rows::new(MATCHES * 64, [1 << 31; 16]),
            own: vec![0; OWN_TABLE_AFTER],
            own_used: OWN_TABLE,
            own_refined: Rows::new(OWN * 64, [0; 16]),
            guess,
            guessed: Rows::new(guesses, [0; 16]),
            mixers: SETS[..mixers].iter().map(|sets| Mixer::new(*sets, ONE * 14 / 100, lanes)).collect(),
            last: Mixer::new(8, ONE / mixers as i32, 8),
            apms: APMS_OF[make as usize].iter().map(|contexts| Apm::new(*contexts, &squash)).collect(),
            flat: second.then(Flat::new),
            squash,
            primed,
            priming: true,
            speed: FAST,
            luck: 0,
            price: None,
            contexts: [0; PRIMED],
            asked: [[0; PRIMED]; 2],
            unseen: [0; 2],
            own_contexts: [0; OWN],
            rows: [0; PRIMED],
            bits: 1,
            bit: 0,
            slot: 1,
            refined_at: [0; PRIMED],
            matched_at: [NONE; MATCHES],
            own_at: [0; OWN],
            own_refined_at: [NONE; OWN],
            guessed_at: [NONE; GUESSES],
            inputs: [0; LANES],
            outputs: [0; 8],
            mixed: 32_768,
            p: 32_768,
        };
        for at in 0..primed * 1024 {
            model.refined.change(at >> 4)[at & 15] = (model.squash.squash(bin_middle(at & 63)) as u32) << 16;
        }
        for at in 0..OWN * 1024 {
            model.own_refined.change(at >> 4)[at & 15] = ((at as u32 & 31) * 2048 + 1024) << 16;
        }
        for at in 0..guesses * 16 {
            let middle = ((at as i32 & 31) * 2 + 1) * squash::MOST / 31 - squash::MOST;
            model.guessed.change(at >> 4)[at & 15] = (model.squash.squash(middle) as u32) << 16;
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
        if let Some(guess) = &mut self.guess {
            guess.start();
        }
        self.own[..self.own_used].fill(0);
        self.own_used = OWN_TABLE;
        (self.bits, self.bit, self.luck) = (1, 0, 0);
        self.start_byte();
    }

    fn tables(&mut self) -> Vec<&mut dyn Table> {
        let mut tables: Vec<&mut dyn Table> = self.slots.tables().collect();
        tables.extend([&mut self.refined as &mut dyn Table, &mut self.matched, &mut self.own_refined]);
        tables.extend([&mut self.guessed as &mut dyn Table, self.last.table()]);
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
            hash(word, hash(history.word_second, 21)),
            hash(word, hash(history.word_before, hash(history.word_second, 23))),
        ];
        self.own_contexts = [hash(one | two << 8, 902), hash(word, 904)];
    }

    /// The rows for this half of the byte, behind the first half and its leading one; 0: for the first.
    fn find(&mut self, first_half: u32) {
        let which = usize::from(first_half != 0);
        let salted = self.salted(first_half);
        self.asked[which] = salted;
        if self.primed == OLDER {
            let (older, rows) = (salted.first_chunk::<OLDER>(), self.rows.first_chunk_mut::<OLDER>());
            if let (Some(older), Some(rows)) = (older, rows) {
                *rows = self.slots.find(older);
            }
            return;
        }
        let contexts = &self.contexts;
        (self.rows, self.unseen[which]) = match which {
            0 => self.slots.find_first(&salted, |at, half| salt(contexts[at], at, u32::from(half) | 16)),
            _ => self.slots.find_second(&salted, self.unseen[0]),
        };
    }

    #[inline(always)]
    pub(super) fn salted(&self, first_half: u32) -> [u32; PRIMED] {
        std::array::from_fn(|at| salt(self.contexts[at], at, first_half))
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
        self.ask_guess();
        self.inputs[INPUTS - 1] = 256;
        self.choose(view);
        for (mixer, output) in self.mixers.iter_mut().zip(&mut self.outputs) {
            *output = mixer.mix(&self.inputs) as i16;
        }
        let mixed = self.last.mix(&self.outputs);
        self.mixed = self.squash.squash(mixed) as u32;
        self.p = self.mixed;
        let last = (self.history.back(1) << 8 | self.bits) as usize;
        let word = hash(self.bits | self.history.word << 8, self.history.word >> 3) as usize;
        if let [one, two, rest @ ..] = &mut self.apms[..] {
            // Each is below 2^16, and the mixed one at least 6 from both ends, so the mean is neither 0 nor 65536.
            let refined = one.refine(last, mixed) + two.refine(word, mixed);
            self.p = (2 * self.mixed + refined as u32) / 4;
            if let ([three], Some(guess)) = (rest, &self.guess) {
                let sure = (guess.sure | guess.situation << 3) as u32;
                let guessed = hash(guess.expected << 8 | self.bits, sure) as usize;
                self.p = (2 * self.mixed + (refined + 2 * three.refine(guessed, mixed)) as u32) / 6;
            }
        }
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
            self.guess.as_ref().map_or(0, |guess| guess.set(self.bits, bit)),
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
        for at in self.refined_at.into_iter().take(self.primed) {
            adapt(&mut self.refined.change(at >> 4)[at & 15], target, rates, 2, 255);
        }
        for at in self.matched_at.into_iter().filter(|at| *at != NONE) {
            adapt(&mut self.matched.change(at >> 4)[at & 15], target, rates, 1, 1023);
        }
        for at in self.own_refined_at.into_iter().filter(|at| *at != NONE) {
            adapt(&mut self.own_refined.change(at >> 4)[at & 15], target, rates, 2, 1023);
        }
        for at in self.guessed_at.into_iter().filter(|at| *at != NONE) {
            adapt(&mut self.guessed.change(at >> 4)[at & 15], target, rates, 2, 1023);
        }
        for at in self.own_at {
            learn_own(&mut self.own[at], target, rates);
        }
        for row in self.rows.into_iter().take(self.primed) {
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
                if self.price.is_none() {
                    self.slots.keep(&self.asked, self.unseen, byte);
                }
                self.history.push(byte);
                if let Some(guess) = &mut self.guess {
                    guess.push(byte);
                }
                if byte == 0 && self.priming {
                    self.own[..OWN_TABLE].fill(0);
                }
                self.start_byte();
            }
            _ => self.predict(),
        }
    }
}

/// Where a context of this place is looked for, behind the first half of a byte and its leading one; 0: for the first.
#[inline(always)]
pub(super) fn salt(context: u32, at: usize, first_half: u32) -> u32 {
    hash(context.wrapping_add(first_half.wrapping_mul(0x3D4D_51CB)), (at as u32 + 1) * 77)
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
