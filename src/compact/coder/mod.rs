//! Makes records small: a primed model tells the probability of each bit, an arithmetic coder spends accordingly.
//!
//! Integers only, so both ends compute the same on any processor. After each message the model is back in its primed
//! state. Behind each record stands its zero byte and one choice, whether another follows; then the code ends with the
//! fewest bytes that name its interval, and whoever reads on reads zeros.

mod history;
mod model;
mod slots;
mod squash;

use brotli_decompressor::dictionary::{
    kBrotliDictionary, kBrotliDictionaryOffsetsByLength, kBrotliDictionarySizeBitsByLength,
};

use crate::letter::Kind;
use model::Model;

/// Texts written for this project: short messages, the same in other languages, letters with a subject (parted by
/// lines of `===`), and made-up addresses.
const TEXTS: &str = include_str!("../primer/texts.txt");
const LANGUAGES: &str = include_str!("../primer/languages.txt");
const LETTERS: &str = include_str!("../primer/letters.txt");
const ADDRESSES: &str = include_str!("../primer/addresses.txt");

/// Number of the model on air. Any change of a primer byte, context or constant makes a new number.
pub const NUMBER: u8 = 1;
/// Buckets of the big table: 2 to this, of 64 bytes each.
const TABLE_BITS: u32 = 19;
/// Probability that another record follows, of 65536.
const MORE: u32 = 65_536 / 16;
/// Bytes that one record may decode to.
const LONGEST: usize = 16 * 1024;
/// Records in one code.
const MOST: usize = 64;

/// A primed model that codes one message after another.
pub struct Coder {
    model: Model,
}

impl Default for Coder {
    fn default() -> Self {
        Self::new()
    }
}

impl Coder {
    /// Primes the model: takes about a second, and 40 MB.
    pub fn new() -> Self {
        let mut model = Model::new(TABLE_BITS);
        model.prime(&primer());
        Self { model }
    }

    /// Every word of the primed state, for its hash.
    pub fn state(&self) -> impl Iterator<Item = u32> {
        self.model.state()
    }

    /// The code of records, none of which holds a zero byte.
    pub fn encode<R: AsRef<[u8]>>(&mut self, records: &[R]) -> Vec<u8> {
        self.encode_varied(records, 1)
    }

    /// The same; another code of the same records for each `salt`. The bits of the salt below its highest one follow
    /// the last choice, where no decoder looks: 1 adds nothing.
    pub fn encode_varied<R: AsRef<[u8]>>(&mut self, records: &[R], salt: u16) -> Vec<u8> {
        let mut writer = Writer { low: 0, high: u32::MAX, code: Vec::new() };
        for (at, record) in records.iter().enumerate() {
            for byte in record.as_ref().iter().copied().chain([0]) {
                for shift in (0..8).rev() {
                    let bit = u32::from(byte >> shift & 1);
                    writer.put(bit, self.model.p());
                    self.model.learn(bit);
                }
            }
            writer.put(u32::from(at + 1 < records.len()), MORE);
        }
        (0..salt.checked_ilog2().unwrap_or(0)).for_each(|bit| writer.put(u32::from(salt >> bit & 1), 1 << 15));
        self.model.rewind();
        writer.end()
    }

    /// The records of a code; `None` when it is none. Whatever comes, it ends within limits.
    pub fn decode(&mut self, code: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut reader = Reader::new(code);
        let mut records = Vec::new();
        let whole = self.read(&mut reader, &mut records, code.len() + 64);
        self.model.rewind();
        (whole.is_some() && reader.at <= code.len() + 4).then_some(records)
    }

    /// What the front of a code says for certain, while the rest of it is missing; the last record may be incomplete.
    pub fn decode_front(&mut self, code: &[u8]) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        // As soon as more bytes are looked at than there are, the choices are those of the zeros that stand for them.
        self.read(&mut Reader::new(code), &mut records, code.len());
        self.model.rewind();
        records
    }

    /// Reads records until they end, or until the reader is past `most` bytes: `None`, and the last one is incomplete.
    fn read(&mut self, reader: &mut Reader, records: &mut Vec<Vec<u8>>, most: usize) -> Option<()> {
        while records.len() < MOST {
            let mut record = Vec::new();
            loop {
                let mut byte = 0_u8;
                for _ in 0..8 {
                    let bit = reader.take(self.model.p());
                    self.model.learn(bit);
                    byte = byte << 1 | bit as u8;
                }
                if reader.at > most || (byte != 0 && record.len() == LONGEST) {
                    records.push(record);
                    return None;
                }
                if byte == 0 {
                    break;
                }
                record.push(byte);
            }
            records.push(record);
            if reader.take(MORE) == 0 {
                return Some(());
            }
        }
        None
    }
}

/// What the model learns first: the words of brotli's dictionary, by length, then what was written for this project.
fn primer() -> Vec<u8> {
    let mut primer = Vec::new();
    for length in 4..=24 {
        let count = 1_usize << kBrotliDictionarySizeBitsByLength[length];
        let start = kBrotliDictionaryOffsetsByLength[length] as usize;
        for word in kBrotliDictionary[start..start + count * length].chunks(length) {
            primer.extend(word.iter().filter(|byte| **byte != 0));
            primer.push(b'\n');
        }
    }
    primer.push(0);
    let mut addresses = ADDRESSES.lines().filter(|line| !line.is_empty()).cycle();
    let mut address = |at: bool| addresses.find(|line| line.contains('@') == at).unwrap_or("a@b.c");
    let mut add = |kind: Kind, text: &str| {
        primer.push(kind as u8);
        primer.extend(address(kind == Kind::Mail).bytes());
        primer.push(b'\n');
        primer.extend(text.bytes());
        primer.push(0);
    };
    // What is said last is remembered best.
    LANGUAGES.lines().for_each(|text| add(Kind::Text, text));
    LETTERS.split("\n===\n").for_each(|letter| add(Kind::Mail, letter.trim_matches('\n')));
    TEXTS.lines().for_each(|text| add(Kind::Text, text));
    primer
}

/// The interval of an arithmetic code, while it is written.
struct Writer {
    low: u32,
    high: u32,
    code: Vec<u8>,
}

/// The last value of the lower part of an interval. Never the last of the interval, as `p` is below 65536.
fn split(low: u32, high: u32, p: u32) -> u32 {
    low + ((u64::from(high - low) * u64::from(p)) >> 16) as u32
}

impl Writer {
    fn put(&mut self, bit: u32, p: u32) {
        let middle = split(self.low, self.high, p);
        if bit == 1 {
            self.high = middle
        } else {
            self.low = middle + 1
        }
        while (self.low ^ self.high) >> 24 == 0 {
            self.code.push((self.high >> 24) as u8);
            self.low <<= 8;
            self.high = self.high << 8 | 255;
        }
    }

    /// The fewest bytes that name a value of the interval; zeros at the end go without saying.
    fn end(mut self) -> Vec<u8> {
        for bytes in 0..=4_u32 {
            let free = u32::MAX.checked_shr(8 * bytes).unwrap_or(0);
            let Some(value) = self.low.checked_add(free).map(|value| value & !free) else { continue };
            if value <= self.high {
                self.code.extend(&value.to_be_bytes()[..bytes as usize]);
                break;
            }
        }
        while self.code.last() == Some(&0) {
            self.code.pop();
        }
        self.code
    }
}

/// The same while it is read.
struct Reader<'c> {
    low: u32,
    high: u32,
    value: u32,
    code: &'c [u8],
    at: usize,
}

impl<'c> Reader<'c> {
    fn new(code: &'c [u8]) -> Self {
        let mut reader = Self { low: 0, high: u32::MAX, value: 0, code, at: 0 };
        (0..4).for_each(|_| reader.shift());
        reader
    }

    fn shift(&mut self) {
        self.value = self.value << 8 | u32::from(self.code.get(self.at).copied().unwrap_or(0));
        self.at += 1;
    }

    fn take(&mut self, p: u32) -> u32 {
        let middle = split(self.low, self.high, p);
        let bit = u32::from(self.value <= middle);
        if bit == 1 {
            self.high = middle
        } else {
            self.low = middle + 1
        }
        while (self.low ^ self.high) >> 24 == 0 {
            self.low <<= 8;
            self.high = self.high << 8 | 255;
            self.shift();
        }
        bit
    }
}

#[cfg(test)]
mod tests;
