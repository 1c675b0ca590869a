//! What the models learn first: words, then texts in the order in which they are to be remembered, the best last.

use brotli_decompressor::dictionary::{
    kBrotliDictionary, kBrotliDictionaryOffsetsByLength, kBrotliDictionarySizeBitsByLength,
};

use super::history::WORDS;
use crate::letter::{INDEXED, Kind, NAMED};
use crate::peer::book::index_of;

/// Texts written for this project: short messages a line, in English and in other languages; letters with a subject,
/// parted by lines of `===`; and made-up addresses.
const TEXTS: &str = include_str!("../primer/texts.txt");
const LANGUAGES: &str = include_str!("../primer/languages.txt");
const LETTERS: &str = include_str!("../primer/letters.txt");
const ADDRESSES: &str = include_str!("../primer/addresses.txt");

/// Each record of this number has an index in the place of its address, as letters have between boxes that know each
/// other.
const INDEXED_EVERY: usize = 3;
/// Each record of this number names the person on the box.
const NAMED_EVERY: usize = 8;

/// Records, each ended by a zero byte.
pub fn primer() -> Vec<u8> {
    let mut primer = vec![WORDS, b'\n'];
    words(&mut primer);
    primer.push(0);
    let mut mails = ADDRESSES.lines().filter(|line| line.contains('@')).cycle();
    let mut phones = ADDRESSES.lines().filter(|line| line.starts_with('+')).cycle();
    let mut persons = ADDRESSES.lines().filter(|line| line.contains('@')).cycle();
    let mut number = 0;
    let mut add = |kind: Kind, text: &str| {
        let address = if kind == Kind::Mail { mails.next() } else { phones.next() }.unwrap_or_default();
        number += 1;
        let (indexed, named) = (number % INDEXED_EVERY == 0, number % NAMED_EVERY == 1);
        primer.push(kind as u8 | if indexed { INDEXED } else { 0 } | if named { NAMED } else { 0 });
        if named {
            let name = persons.next().unwrap_or_default();
            primer.extend(name.bytes().take_while(u8::is_ascii_alphabetic));
            primer.push(b'\n');
        }
        match indexed {
            true => primer.push(index_of(address)),
            false => primer.extend(address.bytes()),
        }
        primer.push(b'\n');
        primer.extend(text.bytes());
        primer.push(0);
    };
    LANGUAGES.lines().for_each(|text| add(Kind::Text, text));
    LETTERS.split("\n===\n").for_each(|letter| add(Kind::Mail, letter.trim_matches('\n')));
    TEXTS.lines().for_each(|text| add(Kind::Text, text));
    primer
}

/// The dictionary of brotli (RFC 7932, appendix A): words and phrases of many languages, one a line.
fn words(primer: &mut Vec<u8>) {
    for length in 4..=24 {
        let count = 1_usize << kBrotliDictionarySizeBitsByLength[length];
        let start = kBrotliDictionaryOffsetsByLength[length] as usize;
        for word in kBrotliDictionary[start..start + count * length].chunks(length) {
            primer.extend(word.iter().filter(|byte| **byte != 0));
            primer.push(b'\n');
        }
    }
}
