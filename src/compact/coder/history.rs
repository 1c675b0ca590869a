//! What was coded so far: the bytes, where in a record we are, the word at hand, and two pointers to where the same
//! was said before.

use super::slots::hash;
use crate::letter::{INDEXED, Kind, NAMED};

/// Contexts that repeat: the last bytes were seen before, and this is what followed.
pub const MATCHES: usize = 2;
/// Bytes that have to agree before a match is followed.
const LEAST: [usize; MATCHES] = [5, 10];
/// A match is measured up to this many bytes.
const MEASURED: usize = 60;
const TABLE_BITS: u32 = 18;

/// First byte of the list of words that the primer starts with, in a kind byte's place.
pub const WORDS: u8 = 3;

/// The part of a record that a byte stands in; the model's contexts include it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The kind byte that a record begins with.
    Kind = 0,
    /// The address, or the index.
    Other = 1,
    /// The subject of a mail.
    Subject = 2,
    /// The text of the message.
    Text = 3,
    /// The address behind its at sign.
    Domain = 4,
    /// The name of the person on the station.
    Person = 5,
}

/// The bytes so far and what is known of them.
pub struct History {
    /// All bytes, the primer's included; never empty.
    pub bytes: Vec<u8>,
    /// Low bits of the kind byte.
    pub kind: u8,
    /// Low bits of the kind byte of the record before in this code; 0: there is none.
    pub kind_before: u8,
    /// Where the next byte stands.
    pub field: Field,
    /// Where that part began.
    pub field_at: usize,
    /// Hash of the letters of the word at hand, small and capital the same; 0 between words.
    pub word: u32,
    /// How many bytes the word at hand has.
    pub word_length: u32,
    /// Hash of the word before it.
    pub word_before: u32,
    /// Hash of the word before that one.
    pub word_second: u32,
    /// Bytes since the line began.
    pub column: u32,
    /// Classes of the last eight bytes, four bits each.
    pub classes: u32,
    /// Where each match points to, and how many bytes agree; 0 for none.
    pub matches: [(usize, usize); MATCHES],
    tables: [Vec<u32>; MATCHES],
    learning: bool,
    primed: usize,
    /// Places of the tables that changed after the primer, and what was there.
    journal: Vec<(usize, usize, u32)>,
}

/// A class of bytes, below 14: what kind of character it is, not which.
pub fn class(byte: u8) -> u32 {
    match byte {
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        b'0'..=b'9' => 3,
        b' ' => 4,
        b'\n' => 5,
        b'.' | b'!' | b'?' => 6,
        b',' | b';' | b':' => 7,
        b'\'' | b'"' => 8,
        0..=8 => 9,
        128..=191 => 10,
        192..=255 => 11,
        b'@' => 12,
        _ => 13,
    }
}

impl History {
    /// At the start of the first record.
    pub fn new() -> Self {
        Self {
            bytes: vec![0],
            kind: 0,
            kind_before: 0,
            field: Field::Kind,
            field_at: 1,
            word: 0,
            word_length: 0,
            word_before: 0,
            word_second: 0,
            column: 0,
            classes: 0,
            matches: [(0, 0); MATCHES],
            tables: [vec![0; 1 << TABLE_BITS], vec![0; 1 << TABLE_BITS]],
            learning: true,
            primed: 0,
            journal: Vec::new(),
        }
    }

    /// The byte `back` places ago, from 1; zero before the beginning.
    #[inline(always)]
    pub fn back(&self, back: usize) -> u32 {
        self.bytes.len().checked_sub(back).map_or(0, |at| u32::from(self.bytes[at]))
    }

    /// The byte that the longest match expects, plus one; 0 without a match.
    pub fn expected(&self) -> u32 {
        let longest = self.matches.iter().rev().find(|(_, length)| *length > 0);
        longest.map_or(0, |(at, _)| u32::from(self.bytes[*at]) + 1)
    }

    /// From here on everything can be forgotten again.
    pub fn freeze(&mut self) {
        self.learning = false;
        self.primed = self.bytes.len();
    }

    /// What comes now may be matched as well, until everything after the primer is forgotten.
    pub fn remember(&mut self) {
        self.learning = true;
    }

    /// Forgets what came after the primer.
    pub fn forget(&mut self) {
        self.learning = false;
        while let Some((which, place, old)) = self.journal.pop() {
            self.tables[which][place] = old;
        }
        self.bytes.truncate(self.primed);
        self.new_record();
        self.kind_before = 0;
    }

    /// A line of a list of words, none of which is remembered, begins.
    pub fn start_line(&mut self) {
        (self.kind, self.field) = (WORDS, Field::Text);
        self.forget_words();
        (self.column, self.classes) = (0, 5);
        self.bytes.truncate(1);
        self.bytes.push(b'\n');
    }

    /// Takes the next byte of a line.
    pub fn push_word(&mut self, byte: u8) {
        self.bytes.push(byte);
        self.next_word(byte);
    }

    /// The first record begins.
    pub fn end_lines(&mut self) {
        self.bytes.truncate(1);
        self.new_record();
        self.kind_before = 0;
    }

    /// Takes the next byte.
    pub fn push(&mut self, byte: u8) {
        for (at, length) in &mut self.matches {
            if *length > 0 && self.bytes[*at] == byte {
                (*at, *length) = (*at + 1, *length + 1);
            } else {
                *length = 0;
            }
        }
        self.bytes.push(byte);
        self.classes = self.classes << 4 | class(byte);
        if byte == 0 {
            self.new_record();
            return;
        }
        let field = self.field;
        if field == Field::Kind {
            self.kind = byte & 7;
            self.field = if byte & NAMED != 0 { Field::Person } else { Field::Other };
        } else {
            self.next_field(byte);
            self.next_word(byte);
        }
        if self.field != field {
            self.field_at = self.bytes.len();
        }
        self.find_matches();
    }

    fn next_field(&mut self, byte: u8) {
        let mail = self.kind & 3 == Kind::Mail as u8;
        let indexed = self.kind & INDEXED != 0;
        self.field = match (self.field, byte) {
            (Field::Person, b'\n') => Field::Other,
            (Field::Other, _) if indexed => {
                if mail {
                    Field::Subject
                } else {
                    Field::Text
                }
            }
            (Field::Other, b'@') => Field::Domain,
            (Field::Other | Field::Domain, b'\n') => {
                if mail {
                    Field::Subject
                } else {
                    Field::Text
                }
            }
            (Field::Subject, b'\n') => Field::Text,
            (field, _) => field,
        };
    }

    fn next_word(&mut self, byte: u8) {
        self.column = if byte == b'\n' { 0 } else { self.column + 1 };
        if byte == b'\n' && self.kind == WORDS {
            // In a list no word has one before it.
            self.forget_words();
            return;
        }
        let letter = byte.to_ascii_lowercase();
        if letter.is_ascii_alphabetic() || byte >= 128 || (byte == b'\'' && self.word != 0) {
            self.word = hash(self.word, u32::from(letter) + 1);
            self.word_length += 1;
        } else if self.word != 0 {
            (self.word_second, self.word_before) = (self.word_before, self.word);
            (self.word, self.word_length) = (0, 0);
        }
        if matches!(byte, b'.' | b'!' | b'?' | b'\n') {
            self.word_before = hash(self.word_before, u32::from(byte));
        }
    }

    fn forget_words(&mut self) {
        (self.word, self.word_length, self.word_before, self.word_second) = (0, 0, 0, 0);
    }

    fn find_matches(&mut self) {
        let end = self.bytes.len();
        if end <= 12 {
            return;
        }
        let (mut mixed, mut places) = (0, [0; MATCHES]);
        for back in 1..=LEAST[1] {
            mixed = hash(mixed, self.back(back));
            if back == LEAST[0] {
                places[0] = (mixed >> (32 - TABLE_BITS)) as usize;
            }
        }
        places[1] = (mixed >> (32 - TABLE_BITS)) as usize;
        for which in 0..MATCHES {
            if self.matches[which].1 == 0 {
                let at = self.tables[which][places[which]] as usize;
                let length = self.common(at, end);
                if length >= LEAST[which] {
                    self.matches[which] = (at, length);
                }
            }
            if self.learning {
                let old = std::mem::replace(&mut self.tables[which][places[which]], end as u32);
                if self.primed > 0 {
                    self.journal.push((which, places[which], old));
                }
            }
        }
    }

    /// How many bytes before `at` and before `end` agree.
    fn common(&self, at: usize, end: usize) -> usize {
        let most = MEASURED.min(at);
        (0..most).take_while(|back| self.bytes[at - 1 - back] == self.bytes[end - 1 - back]).count()
    }

    fn new_record(&mut self) {
        (self.kind, self.kind_before) = (0, self.kind);
        (self.field, self.field_at) = (Field::Kind, self.bytes.len());
        self.forget_words();
        (self.column, self.classes) = (0, 0);
        self.matches = [(0, 0); MATCHES];
    }
}
