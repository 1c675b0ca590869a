//! What the models learn first: words, then texts in the order in which they are to be remembered, the best last.

use brotli_decompressor::dictionary::{
    kBrotliDictionary, kBrotliDictionaryOffsetsByLength, kBrotliDictionarySizeBitsByLength,
};

use super::counted::counted;
use super::history::WORDS;
use super::spec::Make;
use crate::letter::{INDEXED, Kind, NAMED};
use crate::peer::book::index_of;

/// Texts written for this project: short messages a line, in English and in other languages; mails with a subject,
/// parted by lines of `===`; and made-up addresses.
const TEXTS: &str = include_str!("../primer/texts.txt");
const LANGUAGES: &str = include_str!("../primer/languages.txt");
const MAILS: &str = include_str!("../primer/mails.txt");
const ADDRESSES: &str = include_str!("../primer/addresses.txt");

/// What the second make learns beside them: mails of many hands, and texts a line.
const MORE_MAILS: [&str; 5] = [
    include_str!("../primer/mail-lists.txt"),
    include_str!("../primer/mail-office.txt"),
    include_str!("../primer/mail-family.txt"),
    include_str!("../primer/mail-mixed.txt"),
    include_str!("../primer/mail-replies.txt"),
];
const MORE_TEXTS: [&str; 1] = [include_str!("../primer/text-world.txt")];
const MORE_LANGUAGES: [&str; 1] = [include_str!("../primer/text-languages.txt")];

/// Each record of this number has an index in the place of its address, as messages have between boxes that know each
/// other.
const INDEXED_EVERY: usize = 3;
/// Each record of this number names the person on the box.
const NAMED_EVERY: usize = 8;

type Text = (Kind, &'static str);

/// What a model of this make learns first: lines of words, which only the big table learns.
pub fn lines(make: Make) -> Vec<u8> {
    match make {
        Make::First => Vec::new(),
        Make::Second => [words(), counted().into_bytes()].concat(),
    }
}

/// What it learns then: records, each ended by a zero byte.
pub fn records(make: Make) -> Vec<u8> {
    let mut records = Records::default();
    let in_lines = |file: &'static str| file.lines().map(|text| (Kind::Text, text));
    match make {
        Make::First => {
            records.bytes = [&[WORDS, b'\n'], &words()[..], &[0]].concat();
            let texts = in_lines(LANGUAGES).chain(in_mails(MAILS)).chain(in_lines(TEXTS));
            texts.for_each(|text| records.add(text));
        }
        Make::Second => {
            let more = MORE_LANGUAGES.iter().flat_map(|file| in_lines(file));
            more.chain(in_lines(LANGUAGES).step_by(2)).for_each(|text| records.add(text));
            let rest = in_lines(LANGUAGES).skip(1).step_by(2).collect();
            let mut kinds = vec![rest, in_mails(MAILS).collect(), in_lines(TEXTS).collect()];
            kinds.extend(MORE_MAILS.iter().map(|file| in_mails(file).collect::<Vec<_>>()));
            kinds.extend(MORE_TEXTS.iter().map(|file| in_lines(file).collect::<Vec<_>>()));
            mixed(kinds).for_each(|text| records.add(text));
        }
    }
    records.bytes
}

fn in_mails(file: &'static str) -> impl Iterator<Item = Text> {
    file.split("\n===\n").map(|mail| (Kind::Mail, mail.trim_matches('\n')))
}

/// All of these kinds, each spread evenly over the whole.
fn mixed(kinds: Vec<Vec<Text>>) -> impl Iterator<Item = Text> {
    let mut all = Vec::new();
    for texts in kinds {
        let count = texts.len() as u64;
        all.extend(texts.into_iter().enumerate().map(|(at, text)| (((2 * at as u64 + 1) << 32) / (2 * count), text)));
    }
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, text)| text)
}

/// Records with made-up addresses, each in its turn.
#[derive(Default)]
struct Records {
    bytes: Vec<u8>,
    count: usize,
    mails: usize,
    phones: usize,
    persons: usize,
}

impl Records {
    fn add(&mut self, (kind, text): Text) {
        let addresses = |mail: bool| ADDRESSES.lines().filter(move |line| line.contains('@') == mail).cycle();
        let mail = kind == Kind::Mail;
        let turn = if mail { &mut self.mails } else { &mut self.phones };
        let address = addresses(mail).nth(*turn).unwrap_or_default();
        *turn = (*turn + 1) % addresses_of(mail);
        self.count += 1;
        let (indexed, named) = (self.count.is_multiple_of(INDEXED_EVERY), self.count % NAMED_EVERY == 1);
        self.bytes.push(kind as u8 | if indexed { INDEXED } else { 0 } | if named { NAMED } else { 0 });
        if named {
            let name = addresses(true).nth(self.persons).unwrap_or_default();
            self.persons = (self.persons + 1) % addresses_of(true);
            self.bytes.extend(name.bytes().take_while(u8::is_ascii_alphabetic));
            self.bytes.push(b'\n');
        }
        match indexed {
            true => self.bytes.push(index_of(address)),
            false => self.bytes.extend(address.bytes()),
        }
        self.bytes.push(b'\n');
        self.bytes.extend(text.bytes());
        self.bytes.push(0);
    }
}

fn addresses_of(mail: bool) -> usize {
    ADDRESSES.lines().filter(|line| line.contains('@') == mail).count()
}

/// The dictionary of brotli (RFC 7932, appendix A): words and phrases of many languages, a line each; some end within a
/// character.
fn words() -> Vec<u8> {
    let mut lines = Vec::new();
    for length in 4..=24 {
        let count = 1_usize << kBrotliDictionarySizeBitsByLength[length];
        let start = kBrotliDictionaryOffsetsByLength[length] as usize;
        for word in kBrotliDictionary[start..start + count * length].chunks(length) {
            lines.extend(word.iter().filter(|byte| **byte != 0));
            lines.push(b'\n');
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Many hands write: what comes again and again was made in a mould, and teaches what nobody says.
    #[test]
    fn no_six_words_come_more_often_than_ten_times() {
        let mut often: HashMap<Vec<&str>, usize> = HashMap::new();
        let files = [TEXTS, LANGUAGES, MAILS];
        for file in files.iter().chain(&MORE_MAILS).chain(&MORE_TEXTS).chain(&MORE_LANGUAGES) {
            for mail in file.split(['\n']) {
                let words: Vec<_> = mail.split_whitespace().collect();
                words.windows(6).for_each(|six| *often.entry(six.to_vec()).or_default() += 1);
            }
        }
        let most = often.iter().max_by_key(|(_, times)| **times).unwrap();
        assert!(*most.1 <= 10, "{most:?}");
    }

    #[test]
    fn the_texts_are_whole() {
        for mail in MORE_MAILS.iter().flat_map(|file| in_mails(file)).map(|(_, mail)| mail) {
            assert!(mail.contains('\n') && !mail.contains(['\0', '\r', '\t']), "{mail}");
        }
        for text in MORE_TEXTS.iter().chain(&MORE_LANGUAGES).flat_map(|file| file.lines()) {
            assert!(!text.trim().is_empty() && text.trim() == text, "{text:?}");
        }
    }
}
