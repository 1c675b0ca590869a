//! What the models learn first: words, then texts in the order in which they are to be remembered, the best last.

use brotli_decompressor::dictionary::{
    kBrotliDictionary, kBrotliDictionaryOffsetsByLength, kBrotliDictionarySizeBitsByLength,
};

use super::counted::counted;
use super::history::WORDS;
use super::spec::Make;
use crate::letter::{INDEXED, Kind, NAMED};
use crate::peer::book::index_of;

/// Texts written for this project: short messages a line, in English and in other languages; letters with a subject,
/// parted by lines of `===`; and made-up addresses.
const TEXTS: &str = include_str!("../primer/texts.txt");
const LANGUAGES: &str = include_str!("../primer/languages.txt");
const LETTERS: &str = include_str!("../primer/letters.txt");
const ADDRESSES: &str = include_str!("../primer/addresses.txt");

/// What the second make learns beside them: letters of many hands, and texts a line.
const MORE_LETTERS: [&str; 3] = [
    include_str!("../primer/mail-lists.txt"),
    include_str!("../primer/mail-office.txt"),
    include_str!("../primer/mail-family.txt"),
];
const MORE_TEXTS: [&str; 0] = [];
const MORE_LANGUAGES: [&str; 1] = [include_str!("../primer/text-languages.txt")];

/// Each record of this number has an index in the place of its address, as letters have between boxes that know each
/// other.
const INDEXED_EVERY: usize = 3;
/// Likewise one that names the person on the box.
const NAMED_EVERY: usize = 8;

/// What a model learns, in this order.
pub struct Primer {
    /// Lines of words, which only the big table learns.
    pub lines: Vec<Vec<u8>>,
    /// Records, each ended by a zero byte.
    pub records: Vec<u8>,
}

type Text = (Kind, &'static str);

/// What a model of this make learns.
pub fn primer(make: Make) -> Primer {
    let mut records = Records::default();
    let texts = || TEXTS.lines().map(|text| (Kind::Text, text));
    let languages = || LANGUAGES.lines().map(|text| (Kind::Text, text));
    let letters = || in_letters(LETTERS);
    match make {
        Make::First => {
            records.bytes.extend([WORDS, b'\n']);
            words().iter().for_each(|word| records.bytes.extend([&word[..], b"\n"].concat()));
            records.bytes.push(0);
            languages().chain(letters()).chain(texts()).for_each(|text| records.add(text));
            Primer { lines: Vec::new(), records: records.bytes }
        }
        Make::Second => {
            let more = |files: &[&'static str]| -> Vec<Vec<Text>> {
                files.iter().map(|file| file.lines().map(|text| (Kind::Text, text)).collect()).collect()
            };
            more(&MORE_LANGUAGES).into_iter().flatten().for_each(|text| records.add(text));
            languages().step_by(2).for_each(|text| records.add(text));
            let rest = languages().skip(1).step_by(2);
            let mut kinds = vec![rest.collect(), letters().collect(), texts().collect()];
            kinds.extend(MORE_LETTERS.iter().map(|file| in_letters(file).collect::<Vec<_>>()));
            kinds.extend(more(&MORE_TEXTS));
            mixed(kinds).for_each(|text| records.add(text));
            let counted = counted().into_iter().map(String::into_bytes);
            Primer { lines: words().into_iter().chain(counted).collect(), records: records.bytes }
        }
    }
}

fn in_letters(file: &'static str) -> impl Iterator<Item = Text> {
    file.split("\n===\n").map(|letter| (Kind::Mail, letter.trim_matches('\n')))
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
        let (indexed, named) = (self.count % INDEXED_EVERY == 0, self.count % NAMED_EVERY == 1);
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

/// The dictionary of brotli (RFC 7932, appendix A): words and phrases of many languages; some end within a character.
fn words() -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    for length in 4..=24 {
        let count = 1_usize << kBrotliDictionarySizeBitsByLength[length];
        let start = kBrotliDictionaryOffsetsByLength[length] as usize;
        let all = kBrotliDictionary[start..start + count * length].chunks(length);
        words.extend(all.map(|word| word.iter().copied().filter(|byte| *byte != 0).collect()));
    }
    words
}
