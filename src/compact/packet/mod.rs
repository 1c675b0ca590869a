//! What a transmission carries.
//!
//! ```text
//! 10FF MMMM | check | bundle              whole messages: FF 0 stored, 1 coded by model MMMM with CRC-8, 2 with CRC-16
//! 1010 1MMM | mark | check | bundle       the same with CRC-16, coded after messages that both ends have
//! 1011 ....                             notes before a packet, see `peer::notes`
//! 11II IIII | index, last | a fragment     one of up to 16 fragments of a bundle with CRC-16, four bits each
//! ```
//!
//! A classic packet (`MessageDataPB`) starts with a byte below 0x80, so one byte tells them apart. The check is over
//! the plain records with their closing zeros, every address written out, not over the code: it finds a wrong model and
//! a wrong address book as well as a wrong fragment.

pub mod bundle;
pub mod check;
pub mod fragments;

use crate::coder::Coder;
use crate::letter::Letter;
use fragments::{Fragment, Room, cut, join};

/// Number and mark of a model. The number stands in each packet; the mark (the start of the hash of the primed state)
/// is told once, so that no two builds take different models for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct ModelId {
    /// Number of the model, 0 to 15.
    pub number: u8,
    /// First bytes of the hash of its primed state.
    pub mark: [u8; 4],
}

/// Codes and decodes records with the models that are ready.
pub trait Coding {
    /// Those there are, the best first.
    fn models(&self) -> Vec<ModelId>;

    /// True where a code of this model is read at once, or never: nothing is waited for.
    fn is_settled(&self, model: u8) -> bool;

    /// The code of records, after those of the past; another one of the same records for each `salt`, 1 being the shortest.
    fn encode(&mut self, model: u8, past: &[Vec<u8>], records: &[Vec<u8>], salt: u16) -> Vec<u8>;

    /// The records of a code that comes after these; `None` when it is none, or comes after some and is not the code that
    /// `encode` makes with any salt.
    fn decode(&mut self, model: u8, past: &[Vec<u8>], code: &[u8]) -> Option<Vec<Vec<u8>>>;

    /// What can be read of the front of a code that is cut off; the last record may be incomplete.
    fn front(&mut self, model: u8, past: &[Vec<u8>], code: &[u8]) -> Vec<Vec<u8>>;
}

/// What both ends have of a correspondence: a code may come after it, and is shorter then.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Past {
    /// Names it toward who has several.
    pub mark: u8,
    /// Records, in the order in which both ends take them; none: there is no past.
    pub records: Vec<Vec<u8>>,
}

/// How messages are written in a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Form {
    /// As they are, without a model.
    Stored,
    /// Coded by the model of this number, or stored where that is smaller.
    Model(u8),
}

/// Why a packet could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// It is not of this coding.
    Foreign,
    /// It needs this model, and there is none of this number here.
    Model(u8),
    /// Its check is wrong: noise, another primer, or fragments of two messages.
    Check,
    /// No address known here fits its check, or more than one.
    Book,
    /// It comes after messages that are not here.
    Past,
    /// Some fragments of it are missing.
    Incomplete,
}

impl Coding for Coder {
    fn models(&self) -> Vec<ModelId> {
        vec![ModelId { number: self.spec().number, mark: self.spec().mark() }]
    }

    fn is_settled(&self, _: u8) -> bool {
        true
    }

    fn encode(&mut self, _: u8, past: &[Vec<u8>], records: &[Vec<u8>], salt: u16) -> Vec<u8> {
        self.encode_after(past, records, salt)
    }

    fn decode(&mut self, model: u8, past: &[Vec<u8>], code: &[u8]) -> Option<Vec<Vec<u8>>> {
        if model == self.spec().number { self.decode_after(past, code) } else { None }
    }

    fn front(&mut self, model: u8, past: &[Vec<u8>], code: &[u8]) -> Vec<Vec<u8>> {
        if model == self.spec().number { self.front_after(past, code) } else { Vec::new() }
    }
}

/// The packets of messages that leave together, each at most `most` bytes; `None` when they take more than 16 fragments.
/// `id` names the fragments, below 64.
pub fn pack<C: Coding + ?Sized>(coding: &mut C, messages: &[Letter], id: u8, most: usize) -> Option<Vec<Vec<u8>>> {
    let form = coding.models().first().map_or(Form::Stored, |model| Form::Model(model.number));
    let room = Room { bytes: most, step: 0 };
    cut(&bundle::encode(coding, form, messages, messages, &Past::default(), most, 1), id, room)
}

/// The messages of all packets of one bundle, in any order. There is no address book and no past: an index cannot be read.
///
/// # Errors
/// Why it cannot be read.
pub fn unpack<C: Coding + ?Sized, P: AsRef<[u8]>>(coding: &mut C, packets: &[P]) -> Result<Vec<Letter>, Unreadable> {
    let (no_book, no_past) = (|_| Vec::new(), |_| Vec::new());
    match packets {
        [whole] if Fragment::parse(whole.as_ref()).is_none() => {
            bundle::decode(coding, whole.as_ref(), &no_book, &no_past)
        }
        fragments => bundle::decode(coding, &join(fragments)?, &no_book, &no_past),
    }
    .map(|(messages, _)| messages)
}

#[cfg(test)]
mod tests;
