//! Makes records small: a primed model tells the probability of each bit, an arithmetic coder spends accordingly.
//!
//! Integers only, so both ends compute the same on any processor. After each message the model is back in its primed
//! state, by a journal of what the message changed. Behind each record stands its zero byte and one choice, whether
//! another follows; then the code ends with the fewest bytes that name its interval, and whoever reads on reads zeros.

mod apm;
mod arithmetic;
mod asking;
mod counted;
mod counting;
mod flat;
mod guess;
mod history;
mod mixer;
mod model;
mod once;
mod packed;
mod primed;
mod primer;
mod rows;
mod slots;
mod spec;
mod squash;
mod vocabulary;

use arithmetic::{Reader, Writer};
use model::Model;
pub use spec::{MODELS, Spec};

/// Probability that another record follows, of 65536.
const MORE: u32 = 65_536 / 16;
/// Bytes that the records of one code may have together, and how many records it may hold. No packet needs more; noise
/// may look as if it did.
pub const LONGEST: usize = 32 * 1024;
/// Most records of one code, see [`LONGEST`].
pub const MOST: usize = 64;

/// Salts that make other codes of the same records are below this.
pub const MOST_SALTS: u16 = 64;

/// Hears how many bytes of how many a model has learned.
pub type Tell<'a> = &'a dyn Fn(u64, u64);

/// A primed model that codes one message after another.
pub struct Coder {
    model: Model,
    spec: &'static Spec,
}

impl Coder {
    /// Primes a model: takes seconds. See also [`Coder::open`].
    pub fn new(spec: &'static Spec) -> Self {
        Self::new_telling(spec, &|_, _| ())
    }

    /// The same; says how many bytes of how many it has learned.
    pub fn new_telling(spec: &'static Spec, tell: Tell) -> Self {
        // Unpacking them takes some megabytes, which are free again when the model takes its own.
        let (lines, records) = (primer::lines(spec.make), primer::records(spec.make));
        let mut model = Model::new(spec.make, spec.rows);
        model.count(&lines);
        drop(lines);
        model.prime(&records, tell);
        Self { model, spec }
    }

    /// Gives the row of the table by which it was made.
    pub fn spec(&self) -> &'static Spec {
        self.spec
    }

    /// Whether records can be coded: one to 64 of them, without zero bytes, together at most 32 KiB.
    pub fn takes<R: AsRef<[u8]>>(records: &[R]) -> bool {
        let all: usize = records.iter().map(|record| record.as_ref().len() + 1).sum();
        (1..=MOST).contains(&records.len())
            && all <= LONGEST
            && !records.iter().any(|record| record.as_ref().contains(&0))
    }

    /// The code of records; those that it does not take have none that `decode` understands.
    pub fn encode<R: AsRef<[u8]>>(&mut self, records: &[R]) -> Vec<u8> {
        self.encode_after(&[], records, 1)
    }

    /// The code of records for who has those of the past as well; another code of the same records for most values of
    /// `salt`. The bits of the salt below its highest one follow the last choice, where no decoder looks: 1 adds nothing.
    pub fn encode_after<R: AsRef<[u8]>>(&mut self, past: &[Vec<u8>], records: &[R], salt: u16) -> Vec<u8> {
        self.recall(past);
        let mut writer = Writer::new();
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
        self.model.rewind();
        end(writer, salt)
    }

    /// The records of a code; `None` when it is none. Whatever comes, it ends within the limits of `takes`.
    pub fn decode(&mut self, code: &[u8]) -> Option<Vec<Vec<u8>>> {
        self.decode_after(&[], code)
    }

    /// The same of a code that comes after those of the past, and that [`encode_after`](Self::encode_after) makes: a check
    /// alone is short enough for another past to fit by chance.
    pub fn decode_after(&mut self, past: &[Vec<u8>], code: &[u8]) -> Option<Vec<Vec<u8>>> {
        self.recall(past);
        let mut records = Vec::new();
        let mut reader = Reader::new(code);
        // The last bytes of an interval may go without saying: four at most.
        let whole = self.read(&mut reader, &mut records, 4);
        self.model.rewind();
        let ours = || (1..MOST_SALTS).any(|salt| end(reader.written(), salt) == code);
        whole.filter(|()| past.is_empty() || ours()).map(|()| records)
    }

    /// What the front of a code says for certain, while the rest of it is missing; the last record may be incomplete.
    pub fn decode_front(&mut self, code: &[u8]) -> Vec<Vec<u8>> {
        self.front_after(&[], code)
    }

    /// The same of a code that comes after those of the past.
    pub fn front_after(&mut self, past: &[Vec<u8>], code: &[u8]) -> Vec<Vec<u8>> {
        self.recall(past);
        let mut records = Vec::new();
        // As soon as more bytes are looked at than there are, the choices are those of the zeros that stand for them.
        self.read(&mut Reader::new(code), &mut records, 0);
        self.model.rewind();
        records
    }

    /// Learns the records of the past, until the model is rewound.
    fn recall(&mut self, past: &[Vec<u8>]) {
        if !past.is_empty() {
            let text: Vec<u8> = past.iter().flat_map(|record| record.iter().copied().chain([0])).collect();
            self.model.recall(&text);
        }
    }

    /// Reads records until they end. When it has to look at more than `most` bytes beyond the code, or at more than a
    /// code may hold: `None`, and the last record is incomplete.
    fn read(&mut self, reader: &mut Reader, records: &mut Vec<Vec<u8>>, most: usize) -> Option<()> {
        let mut record = Vec::new();
        for _ in 0..LONGEST {
            let mut byte = 0_u8;
            for _ in 0..8 {
                let bit = reader.take(self.model.p());
                self.model.learn(bit);
                byte = byte << 1 | bit as u8;
            }
            if reader.beyond() > most {
                break;
            }
            if byte != 0 {
                record.push(byte);
                continue;
            }
            records.push(std::mem::take(&mut record));
            let more = reader.take(MORE) == 1;
            if reader.beyond() > most || records.len() == MOST && more {
                return None;
            }
            if !more {
                return Some(());
            }
        }
        records.push(record);
        None
    }
}

/// The code of all choices, and of the salt behind them.
fn end(mut writer: Writer, salt: u16) -> Vec<u8> {
    (0..salt.checked_ilog2().unwrap_or(0)).for_each(|bit| writer.put(u32::from(salt >> bit & 1), 1 << 15));
    writer.end()
}

#[cfg(test)]
mod tests;
