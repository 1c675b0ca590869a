//! What two boxes say between the messages.
//!
//! ```text
//! 1011 nnnn | n receipts | bundle         n 1 to 15; the bundle may be missing
//! 1011 0000 | length | notes | bundle
//! classic packet | C2 3E | length | notes       field 1000 of a MessageDataPB, which decoders that do not know it skip
//! ```
//!
//! Notes, each behind a byte `kkkk nnnn`:
//!
//! ```text
//! 1n  receipts: n names                      2n  hello: hours, echo, n models of number and mark
//! 3m  lacks model m for the bundle: name       4m  the same for fragments: id
//! 50  check failed: name                     51  check failed: id of fragments
//! 6n  replaces: n names                      70  fragments that came: id, 16 bits
//! 80  length; have you these? names          81  length; have you these? names, each with the id of its fragments
//! 90  length; I have none of these: names
//! C0  length; a person of this box, who wants an address: name
//! C1  length; about an address for a person of yours: 0 has it, 1 the owner is asked, 2 refused; name, line feed, address
//! C2  length; the messages in this classic packet are of, or for, this person: name
//! A0  length; what became of messages: name, place in the bundle and fate (four bits each)
//! D0  length; messages of this packet, or of its fragments, answer those of yours: the two places (four bits each), name
//! E0  8; where this box is (`position`)          E1  0; where are you?
//! B0  length; the mark of an address (24 bits of its hash), and the display name of who writes from it
//! others of 8x and above: a length and what it says, skipped
//! ```

use serde::{Deserialize, Serialize};

use super::Hello;
use super::fate::Fate;
use super::memory::BundleName;
use super::names::{AddressMark, LONGEST};
use super::people::Answer;
use super::position::Position;
use crate::packet::ModelId;

/// First byte of an envelope: the high four bits.
const ENVELOPE: u8 = 0xB0;
/// Key of field 1000, length-delimited, in protobuf.
const NOTES: [u8; 2] = [0xC2, 0x3E];
/// Key of field 1001, varint: makes a classic packet another one that says the same.
const SALT: [u8; 2] = [0xC8, 0x3E];
/// Bytes that an empty field of notes takes in a classic packet.
pub const MARK: usize = 3;
/// Kind of the note that tells fates.
const FATES: u8 = 0xA0;
/// Kinds of the notes about people.
const PERSON: u8 = 0xC0;
const ANSWER: u8 = 0xC1;
const OF: u8 = 0xC2;
/// Kind of the note with a display name.
const NAME: u8 = 0xB0;
/// Kind of the note that tells what messages answer.
const ANSWERS: u8 = 0xD0;
/// Kinds of the notes about positions.
const POSITION: u8 = 0xE0;
const WHERE: u8 = 0xE1;
/// Bytes of notes at most in one packet.
const MOST: usize = 127;

/// One thing that a box says to the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// I have it, all of it, for good.
    Receipt(BundleName),
    /// Which codings and models this box reads.
    Hello(Hello),
    /// I have no model of this number.
    #[serde(rename = "Lacks")]
    NoModel(u8, NoteSubject),
    /// Its check is wrong: noise, another address book, fragments of two bundles.
    #[serde(rename = "Check")]
    BadCheck(NoteSubject),
    /// The messages in this packet are some of those of that bundle.
    Replaces(BundleName),
    /// Of these fragments I have those whose bits are set, and wait for the others.
    #[serde(rename = "Pieces")]
    Fragments(u8, u16),
    /// This became of the message at that place of the bundle.
    Fate(BundleName, u8, Fate),
    /// Do you have this bundle, which may be cut in fragments of this id?
    Have(BundleName, Option<u8>),
    /// I do not have that bundle, and nothing of it.
    NotHere(BundleName),
    /// A person of this box, who wants an address.
    Person(String),
    /// About an address for a person of yours.
    Answer(String, Answer),
    /// Of this person, or for them, are the messages in this classic packet.
    Of(String),
    /// Who writes from the address with this mark is called so.
    Name(AddressMark, String),
    /// The message at this place of the packet answers the one of yours at that place of that bundle.
    Answers(u8, BundleName, u8),
    /// Where this box is.
    Position(Position),
    /// Asks where the other box is.
    WhereAreYou,
}

/// What a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoteSubject {
    /// A bundle, by its name.
    #[serde(rename = "Body")]
    Bundle(BundleName),
    /// All fragments of this id, which make up one bundle.
    #[serde(rename = "Pieces")]
    Fragments(u8),
}

/// Finds the hello among notes.
pub fn hello_in(notes: &[Note]) -> Option<&Hello> {
    notes.iter().find_map(|note| if let Note::Hello(hello) = note { Some(hello) } else { None })
}

/// Notes as bytes, those of one kind together.
fn write(notes: &[Note]) -> Vec<u8> {
    let mut block: Vec<u8> = Vec::new();
    // The byte that counts the names behind it, while more may follow.
    let mut counting: Option<usize> = None;
    for note in notes {
        if let Note::Receipt(name) | Note::Replaces(name) = note {
            let kind = if matches!(note, Note::Receipt(_)) { 0x10 } else { 0x60 };
            match counting.filter(|at| block[*at] & 0xF0 == kind && block[*at] & 15 < 15) {
                Some(at) => block[at] += 1,
                None => {
                    counting = Some(block.len());
                    block.push(kind | 1);
                }
            }
            block.extend(name.0.to_be_bytes());
            continue;
        }
        if let Note::Fate(name, place, fate) = note {
            let length = open(&mut block, &mut counting, FATES);
            block[length] += 3;
            block.extend(name.0.to_be_bytes());
            block.push(place << 4 | *fate as u8);
            continue;
        }
        if let Note::Answers(place, name, theirs) = note {
            let length = open(&mut block, &mut counting, ANSWERS);
            block[length] += 3;
            block.push(place << 4 | theirs & 15);
            block.extend(name.0.to_be_bytes());
            continue;
        }
        counting = None;
        match note {
            Note::Hello(hello) => {
                let models = &hello.models[..hello.models.len().min(15)];
                block.extend([0x20 | models.len() as u8, hello.hours, hello.echo]);
                models.iter().for_each(|model| {
                    block.push(model.number);
                    block.extend(model.mark);
                });
            }
            Note::NoModel(model, subject) => about(&mut block, 0x30 | model & 15, 0x40 | model & 15, *subject),
            Note::BadCheck(subject) => about(&mut block, 0x50, 0x51, *subject),
            Note::Fragments(id, there) => {
                block.extend([0x70, *id]);
                block.extend(there.to_be_bytes());
            }
            Note::Have(name, None) => lengthy(&mut block, 0x80, *name, None),
            Note::Have(name, id) => lengthy(&mut block, 0x81, *name, *id),
            Note::NotHere(name) => lengthy(&mut block, 0x90, *name, None),
            Note::Person(name) => words(&mut block, PERSON, name.as_bytes()),
            Note::Answer(name, answer) => words(&mut block, ANSWER, &answer_bytes(name, answer)),
            Note::Of(name) => words(&mut block, OF, name.as_bytes()),
            Note::Name(mark, name) => {
                let name = &name.as_bytes()[..name.len().min(LONGEST)];
                block.extend([NAME, (mark.len() + name.len()) as u8]);
                block.extend(mark.iter().chain(name));
            }
            Note::Position(position) => {
                block.extend([POSITION, 8]);
                block.extend(position.bytes());
            }
            Note::WhereAreYou => block.extend([WHERE, 0]),
            Note::Receipt(_) | Note::Replaces(_) | Note::Fate(..) | Note::Answers(..) => {}
        }
    }
    block
}

/// Where the length stands of a note that holds several of a kind, three bytes each: of the last one, as long as it takes
/// more, or of a new one.
fn open(block: &mut Vec<u8>, last: &mut Option<usize>, kind: u8) -> usize {
    if let Some(at) = last.filter(|at| block[*at] == kind && block[at + 1] < u8::MAX - 3) {
        return at + 1;
    }
    *last = Some(block.len());
    block.extend([kind, 0]);
    block.len() - 1
}

fn about(block: &mut Vec<u8>, bundle: u8, fragments: u8, subject: NoteSubject) {
    match subject {
        NoteSubject::Bundle(name) => {
            block.push(bundle);
            block.extend(name.0.to_be_bytes());
        }
        NoteSubject::Fragments(id) => block.extend([fragments, id]),
    }
}

/// A note with its length, which boxes that do not know it skip.
fn lengthy(block: &mut Vec<u8>, kind: u8, name: BundleName, id: Option<u8>) {
    block.extend([kind, 2 + u8::from(id.is_some())]);
    block.extend(name.0.to_be_bytes());
    block.extend(id);
}

/// Words with their length; too long ones are cut, and then say nothing to anybody.
fn words(block: &mut Vec<u8>, kind: u8, words: &[u8]) {
    let words = &words[..words.len().min(usize::from(u8::MAX))];
    block.extend([kind, words.len() as u8]);
    block.extend(words);
}

fn answer_bytes(name: &str, answer: &Answer) -> Vec<u8> {
    match answer {
        Answer::Address(address) => [&[0], name.as_bytes(), b"\n", address.as_bytes()].concat(),
        Answer::Asked => [&[1], name.as_bytes()].concat(),
        Answer::Refused => [&[2], name.as_bytes()].concat(),
    }
}

fn read_words(kind: u8, content: &[u8]) -> Option<Note> {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    match kind {
        PERSON => text(content).map(Note::Person),
        OF => text(content).map(Note::Of),
        _ => {
            let (&status, rest) = content.split_first()?;
            let rest = text(rest)?;
            Some(match (status, rest.split_once('\n')) {
                (0, Some((name, address))) => Note::Answer(name.to_owned(), Answer::Address(address.to_owned())),
                (1, None) => Note::Answer(rest, Answer::Asked),
                (2, None) => Note::Answer(rest, Answer::Refused),
                _ => return None,
            })
        }
    }
}

/// The notes of a block, up to what cannot be read.
fn read(mut block: &[u8]) -> Vec<Note> {
    let mut notes = Vec::new();
    while let Some((&first, rest)) = block.split_first() {
        block = rest;
        if read_one(first, &mut block, &mut notes).is_none() {
            break;
        }
    }
    notes
}

fn read_one(first: u8, rest: &mut &[u8], notes: &mut Vec<Note>) -> Option<()> {
    let count = first & 15;
    match first >> 4 {
        1 => (0..count).try_for_each(|_| name(rest).map(|name| notes.push(Note::Receipt(name))))?,
        2 => {
            let [hours, echo] = take::<2>(rest)?;
            let model = |_| {
                let [number, mark @ ..] = take::<5>(rest)?;
                Some(ModelId { number, mark })
            };
            let models = (0..count).map(model).collect::<Option<_>>()?;
            notes.push(Note::Hello(Hello { hours, echo, models }));
        }
        3 => notes.push(Note::NoModel(count, NoteSubject::Bundle(name(rest)?))),
        4 => notes.push(Note::NoModel(count, NoteSubject::Fragments(take::<1>(rest)?[0]))),
        5 if count == 0 => notes.push(Note::BadCheck(NoteSubject::Bundle(name(rest)?))),
        5 if count == 1 => notes.push(Note::BadCheck(NoteSubject::Fragments(take::<1>(rest)?[0]))),
        6 => (0..count).try_for_each(|_| name(rest).map(|name| notes.push(Note::Replaces(name))))?,
        7 => {
            let [id, high, low] = take::<3>(rest)?;
            notes.push(Note::Fragments(id, u16::from_be_bytes([high, low])));
        }
        8.. => {
            let [length] = take::<1>(rest)?;
            let (mut content, after) = rest.split_at_checked(usize::from(length))?;
            *rest = after;
            if matches!(first, PERSON | ANSWER | OF) {
                notes.extend(read_words(first, content));
                return Some(());
            }
            if first == NAME {
                let named = take(&mut content).zip(std::str::from_utf8(content).ok());
                notes.extend(named.map(|(mark, name)| Note::Name(mark, name.to_owned())));
                return Some(());
            }
            if first == ANSWERS {
                while let Some([places, high, low]) = take(&mut content) {
                    let name = BundleName(u16::from_be_bytes([high, low]));
                    notes.push(Note::Answers(places >> 4, name, places & 15));
                }
                return Some(());
            }
            if first == POSITION {
                notes.extend(take(&mut content).and_then(Position::of_bytes).map(Note::Position));
                return Some(());
            }
            if first == WHERE {
                notes.push(Note::WhereAreYou);
                return Some(());
            }
            while let Some(name) = name(&mut content) {
                match first {
                    0x80 => notes.push(Note::Have(name, None)),
                    0x81 => notes.push(Note::Have(name, Some(take::<1>(&mut content)?[0]))),
                    0x90 => notes.push(Note::NotHere(name)),
                    FATES => {
                        let [fate] = take::<1>(&mut content)?;
                        notes.extend(Fate::of(fate & 15).map(|known| Note::Fate(name, fate >> 4, known)));
                    }
                    _ => break,
                }
            }
        }
        _ => return None,
    }
    Some(())
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*taken)
}

fn name(rest: &mut &[u8]) -> Option<BundleName> {
    take::<2>(rest).map(|bytes| BundleName(u16::from_be_bytes(bytes)))
}

/// A packet with these notes before it; `None` when there are too many.
pub fn wrap(notes: &[Note], bundle: &[u8]) -> Option<Vec<u8>> {
    let block = write(notes);
    match block.first() {
        None => Some(bundle.to_vec()),
        // Nothing but up to fifteen receipts.
        Some(first) if first >> 4 == 1 && block.len() == 1 + 2 * usize::from(first & 15) => {
            Some([&[ENVELOPE | first & 15], &block[1..], bundle].concat())
        }
        Some(_) if block.len() <= MOST => Some([&[ENVELOPE, block.len() as u8], &block[..], bundle].concat()),
        Some(_) => None,
    }
}

/// The notes before a packet, and the packet.
pub fn unwrap(packet: &[u8]) -> Option<(Vec<Note>, &[u8])> {
    let (&first, rest) = packet.split_first()?;
    if first & 0xF0 != ENVELOPE {
        return Some((Vec::new(), packet));
    }
    let (block, bundle) = match usize::from(first & 15) {
        0 => {
            let (&length, rest) = rest.split_first()?;
            let (block, bundle) = rest.split_at_checked(usize::from(length))?;
            (read(block), bundle)
        }
        count => {
            let (names, bundle) = rest.split_at_checked(2 * count)?;
            let pair = |pair: &[u8]| Note::Receipt(BundleName(u16::from_be_bytes([pair[0], pair[1]])));
            (names.chunks_exact(2).map(pair).collect(), bundle)
        }
    };
    Some((block, bundle))
}

/// A classic packet with these notes, maybe none, in a field of its own; `None` when there are too many.
pub fn append_to_classic(packet: &[u8], notes: &[Note]) -> Option<Vec<u8>> {
    let block = write(notes);
    (block.len() <= MOST).then(|| [packet, &NOTES, &[block.len() as u8], &block].concat())
}

/// Another classic packet that says the same.
pub fn vary_classic(packet: &[u8], salt: u16) -> Vec<u8> {
    let (low, high) = (salt as u8 & 127, (salt >> 7) as u8 & 127);
    let value: &[u8] = if high == 0 { &[low] } else { &[low | 128, high] };
    [packet, &SALT, value].concat()
}

/// A classic packet without its notes, and the notes; `None` when it has no field for them.
pub fn find_in_classic(packet: &[u8]) -> (&[u8], Option<Vec<Note>>) {
    let mut rest = packet;
    while !rest.is_empty() {
        let core = &packet[..packet.len() - rest.len()];
        let ours = rest.starts_with(&NOTES);
        let Some(content) = field(&mut rest) else { break };
        if ours && rest.is_empty() {
            return (core, Some(read(content)));
        }
    }
    (packet, None)
}

/// Passes one field of protobuf; the content of a length-delimited one.
fn field<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let key = varint(rest)?;
    let length = match key & 7 {
        0 => {
            varint(rest)?;
            0
        }
        1 => 8,
        2 => usize::try_from(varint(rest)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(content)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let [byte] = take::<1>(rest)?;
        value |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests;
