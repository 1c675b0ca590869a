//! The commonest English words and pairs of words, as they were counted elsewhere: `tests/bench/counted` says where from,
//! and packs them.

use super::arithmetic::Reader;
use super::slots::hash;

const PACKED: &[u8] = include_bytes!("../primer/counted.bin");
const WORDS: usize = 30_000;
/// How often a word of each class is shown, the commonest first; and a pair.
const WORD_TIMES: [usize; 8] = [12, 12, 8, 4, 4, 2, 2, 1];
const PAIR_TIMES: [usize; 4] = [8, 4, 2, 1];

/// Words, then pairs with a blank between, each as often as it is to be shown, in an order that has no meaning; a line
/// each.
pub fn counted() -> String {
    let mut packed = Packed { reader: Reader::new(PACKED), learned: vec![1 << 15; 1 << 22] };
    let words = packed.words();
    let pairs = packed.pairs(&words);
    drop(packed);
    let mut lines = String::new();
    let written: Vec<_> = words.iter().map(|(_, word)| as_written(word)).collect();
    for at in shuffled(words.iter().map(|(class, _)| WORD_TIMES[*class])) {
        lines.extend([&written[at], "\n"]);
    }
    for at in shuffled(pairs.iter().map(|(class, ..)| PAIR_TIMES[*class])) {
        let (_, one, two) = pairs[at];
        lines.extend([&written[one], " ", &written[two], "\n"]);
    }
    lines
}

/// The lists are in small letters, and there is one word that nobody writes so.
fn as_written(word: &str) -> String {
    match word.strip_prefix('i') {
        Some(rest) if rest.is_empty() || rest.starts_with('\'') => format!("I{rest}"),
        _ => word.to_owned(),
    }
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
    /// The probability of each choice, by its context and the choices before it.
    learned: Vec<u16>,
}

impl Packed {
    fn bit(&mut self, context: usize, node: usize) -> usize {
        let p = &mut self.learned[context << 10 | node];
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
                _ => self.bit(1023, 1),
            };
            value = value << 1 | bit;
        }
        value - 1
    }

    /// Words and their classes, by class, then by alphabet: the order in which pairs count them.
    fn words(&mut self) -> Vec<(usize, String)> {
        let (mut words, mut before, mut same) = (Vec::new(), String::new(), 0);
        while words.len() < WORDS {
            same = self.bits(1024 + same, 4);
            let (mut word, mut two) = (before[..same.min(before.len())].to_owned(), [0, 0]);
            loop {
                if two == [0, 0] {
                    let letters: Vec<_> = word.bytes().rev().map(symbol).chain([0, 0]).take(2).collect();
                    two = [letters[0], letters[1]];
                }
                let letter = self.bits(2048 + 32 * two[0] + two[1], 5);
                match letter {
                    1..=26 => word.push(char::from(96 + letter as u8)),
                    27 => word.push('\''),
                    _ => break,
                }
                two = [letter, two[0]];
            }
            before.clone_from(&word);
            words.push((self.bits(1040, 3), word));
        }
        words.sort();
        words
    }

    /// Pairs: class, first and second word.
    fn pairs(&mut self, words: &[(usize, String)]) -> Vec<(usize, usize, usize)> {
        let mut pairs = Vec::new();
        for first in 0..words.len() {
            let count = self.number(bit_length(first));
            let (context, mut next) = (16 + bit_length(count), 0);
            for _ in 0..count {
                let second = next + self.number(context);
                let class = self.bits(1041 + bit_length(second), 2);
                pairs.push((class, first, second));
                next = second + 1;
            }
        }
        pairs
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
}
