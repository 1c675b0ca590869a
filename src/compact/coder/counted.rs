//! The commonest English words and pairs of words, as they were counted elsewhere: `tests/bench/counted` says where from,
//! and packs them. Two files: what models learn as lines, and the rarer ones, which [`super::guess`] asks beside them and
//! the latest model learns too.

use super::arithmetic::Reader;
use super::slots::hash;

const COMMON: &[u8] = include_bytes!("../primer/counted.bin");
const WORDS: usize = 30_000;
/// No word is as long.
const LONGEST: usize = 31;
const RARER: &[u8] = include_bytes!("../primer/rarer.bin");
const RARER_WORDS: usize = 50_000;
/// The first classes of the rarer ones: behind all of the common ones.
const RARER_WORD_CLASS: u8 = WORD_TIMES.len() as u8;
const RARER_PAIR_CLASS: u8 = PAIR_TIMES.len() as u8;
/// How often a word of each class is shown, the commonest first; and a pair.
const WORD_TIMES: [usize; 8] = [12, 12, 8, 4, 4, 2, 2, 1];
const PAIR_TIMES: [usize; 4] = [8, 4, 2, 1];

/// A word and its class; without a string of its own, of which there would be as many as words.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word {
    class: u8,
    letters: [u8; LONGEST],
}

impl Word {
    pub fn class(&self) -> usize {
        usize::from(self.class)
    }

    /// Its letters, small ones and apostrophes, with zeros behind them.
    pub fn letters(&self) -> &[u8; LONGEST] {
        &self.letters
    }

    /// The lists are in small letters, and there is one word that nobody writes so.
    fn written(&self) -> String {
        let word: String =
            self.letters.iter().take_while(|letter| **letter != 0).map(|letter| char::from(*letter)).collect();
        match word.strip_prefix('i') {
            Some(rest) if rest.is_empty() || rest.starts_with('\'') => format!("I{rest}"),
            _ => word,
        }
    }
}

/// Words and pairs with their classes, the commonest first.
pub struct Lists {
    /// By class, then by alphabet.
    pub words: Vec<Word>,
    /// Class, and the places of the first and the second word.
    pub pairs: Vec<(u8, u32, u32)>,
}

impl Lists {
    /// Those that models learn as lines.
    fn common() -> Self {
        let mut packed = Packed::new(COMMON);
        let words = packed.words(WORDS);
        let pairs = packed.pairs(words.len());
        Self { words, pairs }
    }

    /// The common ones and those that only model 5 and later ones ask: both packed lists, one behind the other.
    pub fn all() -> Self {
        let Self { mut words, mut pairs } = Self::common();
        let mut packed = Packed::new(RARER);
        let rarer = packed.words(RARER_WORDS);
        words.extend(rarer.into_iter().map(|word| Word { class: word.class + RARER_WORD_CLASS, ..word }));
        pairs.extend(
            packed.pairs(words.len()).into_iter().map(|(class, one, two)| (class + RARER_PAIR_CLASS, one, two)),
        );
        Self { words, pairs }
    }
}

/// Words, then pairs with a blank between, each as often as it is to be shown, in an order that has no meaning; a line
/// each.
pub fn counted() -> String {
    let Lists { words, pairs } = Lists::common();
    let mut lines = String::new();
    let written: Vec<_> = words.iter().map(Word::written).collect();
    for at in shuffled(words.iter().map(|word| WORD_TIMES[word.class()])) {
        lines.extend([&written[at], "\n"]);
    }
    for at in shuffled(pairs.iter().map(|(class, ..)| PAIR_TIMES[usize::from(*class)])) {
        let (_, one, two) = pairs[at];
        lines.extend([&written[one as usize], " ", &written[two as usize], "\n"]);
    }
    lines
}

/// The rarer ones, each once, in an order that has no meaning.
pub fn rarer() -> String {
    let (common, all) = (Lists::common(), Lists::all());
    let written: Vec<_> = all.words.iter().map(Word::written).collect();
    let (words, pairs) = (&written[common.words.len()..], &all.pairs[common.pairs.len()..]);
    let mut lines = String::new();
    for at in shuffled(words.iter().map(|_| 1)) {
        lines.extend([&words[at], "\n"]);
    }
    for at in shuffled(pairs.iter().map(|_| 1)) {
        let (_, one, two) = pairs[at];
        lines.extend([&written[one as usize], " ", &written[two as usize], "\n"]);
    }
    lines
}

/// Places, each as often as it is said, in an order that has no meaning.
fn shuffled(times: impl Iterator<Item = usize>) -> impl Iterator<Item = usize> {
    let mut places: Vec<_> = times.enumerate().flat_map(|(at, times)| std::iter::repeat_n(at as u32, times)).collect();
    for at in (1..places.len()).rev() {
        let other = (u64::from(hash(at as u32, 77)) * (at as u64 + 1)) >> 32;
        places.swap(at, other as usize);
    }
    places.into_iter().map(|at| at as usize)
}

struct Packed {
    reader: Reader<'static>,
    /// The probability of each choice, by its context and the choices before it: see [`place`].
    learned: Vec<u16>,
}

impl Packed {
    fn new(code: &'static [u8]) -> Self {
        Self { reader: Reader::new(code), learned: vec![1 << 15; place(3072, 0)] }
    }

    fn bit(&mut self, context: usize, node: usize) -> usize {
        let p = &mut self.learned[place(context, node)];
        let bit = self.reader.take(u32::from(*p));
        // Stays between 31 and 65504.
        *p = if bit == 1 { *p + ((65_535 - *p) >> 5) } else { *p - (*p >> 5) };
        bit as usize
    }

    /// A value of so many bits.
    fn bits(&mut self, context: usize, width: usize) -> usize {
        let node = (0..width).fold(1, |node, _| node << 1 | self.bit(context, node));
        node - (1 << width)
    }

    /// A number: how many bits it has, then those bits; the upper two are learned.
    fn number(&mut self, context: usize) -> usize {
        let mut width = 0;
        while width < 24 && self.bit(context, 256 + width) == 1 {
            width += 1;
        }
        let mut value = 1;
        for place in 1..=width {
            let bit = match place {
                1 | 2 => self.bit(context, 512 + 8 * width + 2 * place + (value & 1)),
                _ => self.bit(EVEN, 1),
            };
            value = value << 1 | bit;
        }
        value - 1
    }

    /// Words by class, then by alphabet: the order in which pairs count them.
    fn words(&mut self, count: usize) -> Vec<Word> {
        let mut words = Vec::with_capacity(count);
        let (mut letters, mut same) = ([0; LONGEST], 0);
        while words.len() < count {
            same = self.bits(1024 + same, 4);
            letters[same..].fill(0);
            for at in same..LONGEST {
                let two = [1, 2].map(|back| at.checked_sub(back).map_or(0, |at| symbol(letters[at])));
                match self.bits(2048 + 32 * two[0] + two[1], 5) {
                    letter @ 1..=26 => letters[at] = 96 + letter as u8,
                    27 => letters[at] = b'\'',
                    _ => break,
                }
            }
            words.push(Word { class: self.bits(1040, 3) as u8, letters });
        }
        words.sort_unstable();
        words
    }

    /// Pairs: class, first and second word.
    fn pairs(&mut self, words: usize) -> Vec<(u8, u32, u32)> {
        let mut pairs = Vec::new();
        for first in 0..words {
            let count = self.number(bit_length(first));
            let (context, mut next) = (16 + bit_length(count), 0);
            for _ in 0..count {
                let second = next + self.number(context);
                let class = self.bits(1041 + bit_length(second), 2) as u8;
                pairs.push((class, first as u32, second as u32));
                next = second + 1;
            }
        }
        pairs
    }
}

/// The context of the lower bits of numbers, behind those of numbers by how long another one is.
const EVEN: usize = 32;
/// Where the contexts of letters and classes begin.
const LETTERS: usize = 1024;

/// Where a choice of a context is: of numbers there are 1024, of letters and classes 32.
fn place(context: usize, node: usize) -> usize {
    match context.checked_sub(LETTERS) {
        None => context << 10 | node,
        Some(context) => ((EVEN + 1) << 10) + (context << 5 | node),
    }
}

fn symbol(letter: u8) -> usize {
    if letter == b'\'' { 27 } else { usize::from(letter - 96) }
}

/// How many bits a number has, up to 15.
fn bit_length(number: usize) -> usize {
    (usize::BITS - number.leading_zeros()).min(15) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_pairs_come_out_of_their_file() {
        let shown = counted();
        let shown: Vec<_> = shown.lines().collect();
        let times = |line: &str| shown.iter().filter(|other| **other == line).count();
        for (line, often) in [("the", 12), ("I", 12), ("don't", 8), ("of the", 8), ("I am", 4), ("i", 0), ("", 0)] {
            assert_eq!(times(line), often, "{line}");
        }
        let pairs = shown.iter().position(|line| line.contains(' ')).unwrap();
        assert!(shown[pairs..].iter().all(|line| line.split(' ').count() == 2));
        let mut words = shown[..pairs].to_vec();
        words.sort();
        words.dedup();
        assert_eq!((words.len(), shown.len() - pairs), (WORDS, 112_000));
        assert_eq!(words.iter().filter(|word| word.contains('\'')).count(), 65);
    }

    #[test]
    fn rarer_ones_come_behind_them_and_none_comes_twice() {
        let (common, all) = (Lists::common(), Lists::all());
        assert!(all.words.starts_with(&common.words) && all.pairs.starts_with(&common.pairs));
        assert!(all.words.is_sorted_by_key(|word| (word.class, word.letters)));
        let mut words: Vec<_> = all.words.iter().map(Word::letters).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!((words.len(), all.words.len()), (WORDS + RARER_WORDS, WORDS + RARER_WORDS));
        let mut pairs: Vec<_> = all.pairs.iter().map(|(_, one, two)| (one, two)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        assert_eq!((pairs.len(), all.pairs.len()), (170_000, 170_000));
        assert!(all.pairs.iter().all(|(_, one, two)| (*one.max(two) as usize) < words.len()));
        assert!(words.iter().all(|word| word[0] != 0 && word[LONGEST - 1] == 0));
    }
}
