//! What the models learn first: words, then texts in the order in which they are to be remembered, the best last.

use super::counted::{counted, rarer};
use super::history::WORDS;
use super::packed::Texts;
use super::spec::Make;
use crate::letter::{INDEXED, Kind, NAMED};
use crate::peer::book::index_of;

/// Texts written for this project: short messages a line, in English and in other languages; mails with a subject,
/// parted by lines of `===`; and made-up addresses.
const TEXTS: &str = "texts.txt";
const LANGUAGES: &str = "languages.txt";
const MAILS: &str = "mails.txt";
const ADDRESSES: &str = "addresses.txt";
/// The dictionary of brotli, a word a line.
const BROTLI: &str = "words";

/// What the second make learns beside them: mails of many hands, and texts a line.
const MORE_MAILS: [&str; 5] =
    ["mail-lists.txt", "mail-office.txt", "mail-family.txt", "mail-mixed.txt", "mail-replies.txt"];
const MORE_TEXTS: [&str; 1] = ["text-world.txt"];
const MORE_LANGUAGES: [&str; 1] = ["text-languages.txt"];

/// What the third make learns beside all of these.
const THIRD_MAILS: [&str; 5] =
    ["mail-staff.txt", "mail-debate.txt", "mail-policy.txt", "mail-systems.txt", "mail-news.txt"];
const THIRD_TEXTS: [&str; 4] = ["text-asia.txt", "text-isles.txt", "text-daily.txt", "text-more.txt"];
const THIRD_LANGUAGES: [&str; 3] = ["text-romance.txt", "text-others.txt", "text-voices.txt"];

/// What the fifth make learns beside all of these, the languages amid the others.
const FIFTH_MAILS: [&str; 3] = ["mail-notes.txt", "mail-help.txt", "mail-world.txt"];
const FIFTH_TEXTS: [&str; 2] = ["text-many.txt", "text-tongues.txt"];
/// Mails that the third make and later ones leave out, by their subjects: they have the form of a news service;
/// `mail-news.txt` tells the same as people do.
const LEFT_OUT: [&str; 7] = [
    "Liberal Dutch coalition falls",
    "Bits: a robot vacuum cleaner",
    "Football: Late goal breaks Rovers' hearts",
    "[spam-dev] [Bug 614] New: HTML parser chokes on broken tags",
    "Tiny servers, big ideas",
    "Open-source office suite goes 1.1 beta",
    "Scientists find water under desert",
];
/// Lists that it is shown as often as this: names and phrases a line, words of other languages.
const NAMES: &str = "names.txt";
const PHRASES: &str = "phrases.txt";
const FOREIGN: &str = "words.txt";
const LIST_TIMES: usize = 3;

/// Each record of this number has an index in the place of its address, as messages have between boxes that know each
/// other.
const INDEXED_EVERY: usize = 3;
/// Each record of this number names the person on the box.
const NAMED_EVERY: usize = 8;

type Text<'t> = (Kind, &'t str);

/// What a model of this make learns first: lines of words, which only the big table learns.
pub fn lines(make: Make) -> Vec<u8> {
    match make {
        Make::First => Vec::new(),
        Make::Second => [Texts::unpack().bytes(BROTLI), counted().as_bytes()].concat(),
        Make::Third | Make::Fourth | Make::Fifth => {
            let texts = Texts::unpack();
            let foreign: String = texts.get(FOREIGN).split_whitespace().flat_map(|word| [word, "\n"]).collect();
            let lists = [texts.get(NAMES), texts.get(PHRASES), &foreign].concat().repeat(LIST_TIMES);
            let rarer = if make == Make::Fifth { rarer() } else { String::new() };
            [texts.bytes(BROTLI), rarer.as_bytes(), counted().as_bytes(), lists.as_bytes()].concat()
        }
    }
}

/// What it learns then: records, each ended by a zero byte.
pub fn records(make: Make) -> Vec<u8> {
    let texts = Texts::unpack();
    let mut records = Records::new(texts.get(ADDRESSES));
    match make {
        Make::First => {
            records.bytes = [&[WORDS, b'\n'], texts.bytes(BROTLI), &[0]].concat();
            let languages = in_lines(texts.get(LANGUAGES));
            let all = languages.chain(in_mails(texts.get(MAILS))).chain(in_lines(texts.get(TEXTS)));
            all.for_each(|text| records.add(text));
        }
        Make::Second => {
            mixed(&texts, &MORE_LANGUAGES, &MORE_MAILS, &MORE_TEXTS, &[]).for_each(|text| records.add(text));
        }
        Make::Third | Make::Fourth | Make::Fifth => {
            let with = |more: &[&'static str], third: &[&'static str]| [more, third].concat();
            let languages = with(&MORE_LANGUAGES, &THIRD_LANGUAGES);
            let (mut mails, mut short) = (with(&MORE_MAILS, &THIRD_MAILS), with(&MORE_TEXTS, &THIRD_TEXTS));
            if make == Make::Fifth {
                mails.extend(FIFTH_MAILS);
                short.extend(FIFTH_TEXTS);
            }
            mixed(&texts, &languages, &mails, &short, &LEFT_OUT).for_each(|text| records.add(text));
        }
    }
    records.bytes
}

fn in_lines(file: &str) -> impl Iterator<Item = Text<'_>> {
    file.lines().map(|text| (Kind::Text, text))
}

fn in_mails(file: &str) -> impl Iterator<Item = Text<'_>> {
    file.split("\n===\n").map(|mail| (Kind::Mail, mail.trim_matches('\n')))
}

/// These languages and half of the first ones, then everything else mixed: the other half, and mails and texts of the
/// first make and of these files; but none of the mails with these subjects.
fn mixed<'t>(
    texts: &'t Texts,
    languages: &[&str],
    mails: &[&str],
    short: &[&str],
    left_out: &[&str],
) -> impl Iterator<Item = Text<'t>> {
    let lines = |file: &str| in_lines(texts.get(file)).collect::<Vec<_>>();
    let left_out = |mail: &str| left_out.iter().any(|subject| mail.lines().next() == Some(subject));
    let first_mails = in_mails(texts.get(MAILS)).filter(|(_, mail)| !left_out(mail)).collect();
    let first = languages.iter().flat_map(|file| lines(file)).chain(in_lines(texts.get(LANGUAGES)).step_by(2));
    let first: Vec<_> = first.collect();
    let mut kinds = vec![in_lines(texts.get(LANGUAGES)).skip(1).step_by(2).collect(), first_mails, lines(TEXTS)];
    kinds.extend(mails.iter().map(|file| in_mails(texts.get(file)).collect::<Vec<_>>()));
    kinds.extend(short.iter().map(|file| lines(file)));
    first.into_iter().chain(spread(kinds))
}

/// All of these kinds, each spread evenly over the whole.
fn spread(kinds: Vec<Vec<Text<'_>>>) -> impl Iterator<Item = Text<'_>> {
    let mut all = Vec::new();
    for texts in kinds {
        let count = texts.len() as u64;
        all.extend(texts.into_iter().enumerate().map(|(at, text)| (((2 * at as u64 + 1) << 32) / (2 * count), text)));
    }
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, text)| text)
}

/// Records with made-up addresses, each in its turn.
struct Records<'t> {
    addresses: &'t str,
    bytes: Vec<u8>,
    count: usize,
    mails: usize,
    phones: usize,
    persons: usize,
}

impl<'t> Records<'t> {
    fn new(addresses: &'t str) -> Self {
        Self { addresses, bytes: Vec::new(), count: 0, mails: 0, phones: 0, persons: 0 }
    }

    fn addresses_of(&self, mail: bool) -> usize {
        self.addresses.lines().filter(|line| line.contains('@') == mail).count()
    }

    fn add(&mut self, (kind, text): Text<'_>) {
        let all = self.addresses;
        let addresses = |mail: bool| all.lines().filter(move |line| line.contains('@') == mail).cycle();
        let mail = kind == Kind::Mail;
        let of_kind = self.addresses_of(mail);
        let turn = if mail { &mut self.mails } else { &mut self.phones };
        let address = addresses(mail).nth(*turn).unwrap_or_default();
        *turn = (*turn + 1) % of_kind.max(1);
        self.count += 1;
        let (indexed, named) = (self.count.is_multiple_of(INDEXED_EVERY), self.count % NAMED_EVERY == 1);
        self.bytes.push(kind as u8 | if indexed { INDEXED } else { 0 } | if named { NAMED } else { 0 });
        if named {
            let name = addresses(true).nth(self.persons).unwrap_or_default();
            self.persons = (self.persons + 1) % self.addresses_of(true).max(1);
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Many hands write: what comes again and again was made in a mould, and teaches what nobody says.
    #[test]
    fn no_six_words_come_more_often_than_ten_times() {
        let unpacked = Texts::unpack();
        let mut often: HashMap<Vec<&str>, usize> = HashMap::new();
        let files = [TEXTS, LANGUAGES, MAILS];
        let second = MORE_MAILS.iter().chain(&MORE_TEXTS).chain(&MORE_LANGUAGES);
        let third = THIRD_MAILS.iter().chain(&THIRD_TEXTS).chain(&THIRD_LANGUAGES);
        let fifth = FIFTH_MAILS.iter().chain(&FIFTH_TEXTS);
        for file in files.iter().chain(second).chain(third).chain(fifth) {
            assert!(!unpacked.bytes(file).is_empty(), "{file}");
            for mail in unpacked.get(file).split(['\n']) {
                let words: Vec<_> = mail.split_whitespace().collect();
                words.windows(6).for_each(|six| *often.entry(six.to_vec()).or_default() += 1);
            }
        }
        let most = often.iter().max_by_key(|(_, times)| **times).unwrap();
        assert!(*most.1 <= 10, "{most:?}");
    }

    #[test]
    fn the_texts_are_whole() {
        let unpacked = Texts::unpack();
        let mails = MORE_MAILS.iter().chain(&THIRD_MAILS).chain(&FIFTH_MAILS);
        for (_, mail) in mails.flat_map(|file| in_mails(unpacked.get(file))) {
            assert!(mail.contains('\n') && !mail.contains(['\0', '\r', '\t']), "{mail}");
        }
        let lines = MORE_TEXTS.iter().chain(&MORE_LANGUAGES).chain(&THIRD_TEXTS).chain(&THIRD_LANGUAGES);
        for text in
            lines.chain(&FIFTH_TEXTS).chain(&[NAMES, PHRASES, FOREIGN]).flat_map(|file| unpacked.get(file).lines())
        {
            assert!(!text.trim().is_empty() && text.trim() == text, "{text:?}");
        }
        for subject in LEFT_OUT {
            assert!(
                in_mails(unpacked.get(MAILS)).any(|(_, mail)| mail.starts_with(&format!("{subject}\n"))),
                "{subject}"
            );
        }
    }
}
