//! A table of words and phrases, and how they are found in a text: each line of each mail is held against some thousand of them.

use std::sync::OnceLock;

/// Bytes of a phrase by which it is found.
const KEY: usize = 4;
/// Places for keys in [`Index::keys`], a power of two.
const PLACES: u32 = 4096;

/// Words and phrases, in lower case.
#[derive(Debug)]
pub struct Words {
    /// All of them, apart by `|`.
    all: &'static str,
    index: OnceLock<Index>,
}

impl Words {
    /// A table of what is apart by `|`.
    pub const fn new(all: &'static str) -> Self {
        Self { all, index: OnceLock::new() }
    }

    /// Gives the phrases one by one.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> {
        self.all.split('|')
    }

    /// True when `text` is one of them.
    pub fn has(&self, text: &str) -> bool {
        self.iter().any(|word| word == text)
    }

    /// True when one of them stands somewhere in `text`, be it within a word.
    pub fn within(&self, text: &str) -> bool {
        self.index().find(text, |_, _| true)
    }

    /// True when one of them stands in `text` as a word or words of its own.
    pub fn apart(&self, text: &str) -> bool {
        self.index().find(text, |at, word| {
            begins_word(text, at, word) && ends_word(text, at, word) || word.len() < KEY && has_word(text, word)
        })
    }

    /// True when a word of `text` begins with one of them.
    pub fn starts(&self, text: &str) -> bool {
        self.index().find(text, |at, word| begins_word(text, at, word))
    }

    /// Where the last of them begins in `text`.
    pub fn last(&self, text: &str) -> Option<usize> {
        let mut last = None;
        self.index().find(text, |at, _| {
            last = last.max(Some(at));
            false
        });
        last
    }

    /// Where each of those that stand somewhere in `text` begins for the last time, the latest first.
    pub fn last_of_each(&self, text: &str) -> Vec<usize> {
        let mut found: Vec<(&str, usize)> = Vec::new();
        self.index().find(text, |at, word| {
            match found.iter_mut().find(|(known, _)| *known == word) {
                Some((_, last)) => *last = at.max(*last),
                None => found.push((word, at)),
            }
            false
        });
        let mut places: Vec<_> = found.into_iter().map(|(_, at)| at).collect();
        places.sort_unstable_by(|one, other| other.cmp(one));
        places
    }

    /// True when `text` ends with one of them.
    pub fn ends(&self, text: &str) -> bool {
        self.iter().any(|word| text.ends_with(word))
    }

    /// True when `text` begins with one of them.
    pub fn begins(&self, text: &str) -> bool {
        self.iter().any(|word| text.starts_with(word))
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::of(self.all))
    }
}

/// Finds the phrases of a table in one pass over a text, by the four bytes with which they begin.
#[derive(Debug)]
struct Index {
    /// A bit for each key that a phrase begins with, at its [`place`]: nearly every place of a text is done with here.
    keys: [u64; PLACES as usize / 64],
    /// The phrases by their keys.
    long: Vec<(u32, &'static str)>,
    /// Those that are shorter than a key.
    short: Vec<&'static str>,
}

impl Index {
    fn of(all: &'static str) -> Self {
        let mut index = Self { keys: [0; PLACES as usize / 64], long: Vec::new(), short: Vec::new() };
        for word in all.split('|') {
            let Some(key) = word.as_bytes().first_chunk() else {
                index.short.push(word);
                continue;
            };
            let (at, bit) = place(key);
            index.keys[at] |= bit;
            index.long.push((u32::from_le_bytes(*key), word));
        }
        index.long.sort_unstable();
        index
    }

    /// Calls `found` with beginnings of the phrases in the text, the last of each among them, and the phrase, until it says true;
    /// whether it did.
    fn find(&self, text: &str, mut found: impl FnMut(usize, &'static str) -> bool) -> bool {
        for word in &self.short {
            if text.rfind(word).is_some_and(|at| found(at, word)) {
                return true;
            }
        }
        let bytes = text.as_bytes();
        for (at, key) in bytes.array_windows().enumerate() {
            let (place, bit) = place(key);
            if self.keys[place] & bit == 0 {
                continue;
            }
            let key = u32::from_le_bytes(*key);
            let first = self.long.partition_point(|(own, _)| *own < key);
            let same = self.long[first..].iter().take_while(|(own, _)| *own == key);
            for (_, word) in same {
                if bytes[at..].starts_with(word.as_bytes()) && found(at, word) {
                    return true;
                }
            }
        }
        false
    }
}

/// True when the word stands in the text as a word of its own.
pub fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| begins_word(text, at, word) && ends_word(text, at, word))
}

/// True when no letter stands before the word that was found at `at`; scripts without blanks have none to ask for.
fn begins_word(text: &str, at: usize, word: &str) -> bool {
    is_apart(text[..at].chars().next_back(), word)
}

/// True when no letter stands behind it.
fn ends_word(text: &str, at: usize, word: &str) -> bool {
    is_apart(text[at + word.len()..].chars().next(), word)
}

fn is_apart(beside: Option<char>, word: &str) -> bool {
    beside.is_none_or(|c| !c.is_alphabetic() || !word.is_ascii() && !c.is_ascii())
}

/// Where the bit of a key is. Two keys may have one: then a phrase is looked for in vain.
fn place(key: &[u8; KEY]) -> (usize, u64) {
    // The upper bits of a product depend on all bits of its factors.
    let place = u32::from_le_bytes(*key).wrapping_mul(0x9e37_79b1) / (u32::MAX / PLACES + 1);
    (place as usize / 64, 1 << (place % 64))
}

#[cfg(test)]
mod tests {
    use super::super::words::{CORPORATE, FORWARDED, OUTSIDE, SECRET, UNSUBSCRIBE, WROTE};
    use super::*;

    #[test]
    fn the_index_finds_what_a_search_finds() {
        let texts =
            ["", "a", "am 3. mai schrieb anna:", "が書きました 写道 wrote", "confidential and privileged; 原始邮件"];
        static SHORT: Words = Words::new("aa|b|ab|aab|abab");
        for table in [&WROTE, &FORWARDED, &SECRET, &CORPORATE, &UNSUBSCRIBE, &OUTSIDE, &SHORT] {
            let more =
                table.iter().map(|word| format!("x{word}y {word}")).chain(["aaab".to_owned(), "ababab".to_owned()]);
            for text in texts.into_iter().map(str::to_owned).chain(more) {
                let mut plain: Vec<_> = table.iter().filter_map(|word| text.rfind(word)).collect();
                plain.sort_unstable_by(|one, other| other.cmp(one));
                assert_eq!(table.last_of_each(&text), plain, "{text}");
                assert_eq!((table.last(&text), table.within(&text)), (plain.first().copied(), !plain.is_empty()));
            }
        }
    }
}
