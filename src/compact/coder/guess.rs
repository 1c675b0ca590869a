//! What the word at hand may be, by the counted words and by the one before it.

use std::ops::Range;

use super::vocabulary::Vocabulary;

/// Two guesses: by the words alone, and by the word before.
pub const GUESSES: usize = 2;
/// Situations that a guess is trusted in by: how many letters the word has, up to five, and how much of it the pairs say;
/// times how many of the last words were known.
pub const SITUATIONS: usize = 6 * 5 * 4;
/// Kinds of bits: whether it is a letter, whether a capital, which letter.
pub const BITS: usize = 3;
/// Steps of how sure the likeliest letter is.
pub const SURE: usize = 8;
/// The part of a count that is left to words without a pair, at least.
const LEAST_REST: u64 = 8;
/// Of sixteen: a capital at the start of a sentence, at the start of another word, behind one capital, behind several.
const CAPITALS: [u64; 4] = [12, 2, 2, 15];

/// Follows the text, and knows how likely each next letter is.
pub struct Guess {
    vocabulary: Vocabulary,
    /// Where the letters of this word lead; none where no word begins so.
    node: Option<u32>,
    /// The words and the pairs that are still possible.
    words: Range<u32>,
    pairs: Range<usize>,
    /// The word before and how often it was counted, where it is known and nothing parts them.
    before: Option<(u32, u64)>,
    /// What a word without a pair may have behind that one, of each count: in 1/2^24.
    rest: u64,
    length: usize,
    capitals: usize,
    opening: bool,
    /// Whether each of the last three words was known, a bit each.
    known: usize,
    /// How likely the letters are, by the bits of their low five: 1 is all of them.
    trees: [[u64; 64]; GUESSES],
    /// How likely it is that the word ends.
    ends: [u64; GUESSES],
    /// What it is to be trusted by, below [`SITUATIONS`].
    pub situation: usize,
    /// How sure the likeliest byte is, below [`SURE`].
    pub sure: usize,
    /// The likeliest byte, plus one; 0 where nothing is known.
    pub expected: u32,
}

impl Guess {
    /// At the start of a record.
    pub fn new() -> Self {
        let mut guess = Self {
            vocabulary: Vocabulary::new(),
            node: None,
            words: 0..0,
            pairs: 0..0,
            before: None,
            rest: 0,
            length: 0,
            capitals: 0,
            opening: true,
            known: 0,
            trees: [[0; 64]; GUESSES],
            ends: [0; GUESSES],
            situation: 0,
            sure: 0,
            expected: 0,
        };
        guess.start();
        guess
    }

    /// A record begins.
    pub fn start(&mut self) {
        (self.before, self.opening, self.known) = (None, true, 7);
        self.start_word();
        self.weigh();
    }

    /// Takes the next byte.
    pub fn push(&mut self, byte: u8) {
        if byte == 0 {
            self.start();
            return;
        }
        let small = byte.to_ascii_lowercase();
        if small.is_ascii_lowercase() || byte == b'\'' && self.length > 0 {
            self.follow(small);
            self.length += 1;
            self.capitals += usize::from(byte.is_ascii_uppercase());
        } else {
            if self.length > 0 {
                self.before = self.node.and_then(|node| self.vocabulary.word(node));
                self.known = (self.known << 1 | usize::from(self.before.is_some())) & 7;
                self.opening = false;
            }
            if !matches!(byte, b' ' | b'\n') {
                self.before = None;
            }
            self.opening |= matches!(byte, b'.' | b'!' | b'?' | b'\n');
            self.start_word();
        }
        self.weigh();
    }

    fn start_word(&mut self) {
        (self.length, self.capitals, self.node) = (0, 0, Some(Vocabulary::ROOT));
        let vocabulary = &self.vocabulary;
        self.words = 0..vocabulary.len();
        (self.pairs, self.rest) = match self.before {
            Some((word, count)) => {
                let pairs = vocabulary.pairs(word);
                let rest = count.saturating_sub(vocabulary.paired(&pairs)).max(count / LEAST_REST).max(1);
                (pairs, (rest << 24) / vocabulary.counted(&self.words))
            }
            // Without a word before it this guess is as the other.
            None => (0..0, (1 << 24) / 64),
        };
    }

    fn follow(&mut self, letter: u8) {
        let Some(node) = self.node else { return };
        let next = self.vocabulary.children(node, &self.words, &self.pairs).find(|(known, ..)| *known == letter);
        match next {
            Some((_, child, words, pairs)) => (self.node, self.words, self.pairs) = (Some(child), words, pairs),
            None => self.node = None,
        }
    }

    /// Weighs what may come next.
    fn weigh(&mut self) {
        (self.situation, self.sure, self.expected) = (0, 0, 0);
        self.trees = [[0; 64]; GUESSES];
        self.ends = [0; GUESSES];
        let Some(node) = self.node else { return };
        let vocabulary = &self.vocabulary;
        let mut best = (0, 0);
        for (letter, _, words, pairs) in vocabulary.children(node, &self.words, &self.pairs) {
            let count = vocabulary.counted(&words);
            // At most 2^38 and 2^39, so that they fit with twelve bits more.
            let weights = [count << 8, (vocabulary.paired(&pairs) << 8) + ((count * self.rest) >> 16)];
            if weights[1] > best.0 {
                best = (weights[1], letter);
            }
            for (which, weight) in weights.into_iter().enumerate() {
                match letter {
                    b'a'..=b'z' => self.trees[which][32 | usize::from(letter & 31)] = weight,
                    _ => self.ends[which] += weight,
                }
            }
        }
        for tree in &mut self.trees {
            for at in (1..32).rev() {
                tree[at] = tree[2 * at] + tree[2 * at + 1];
            }
        }
        let all = self.trees[1][1] + self.ends[1];
        let paired = vocabulary.paired(&self.pairs) << 8;
        let by_pairs = if paired == 0 { 0 } else { 1 + (4 * paired / all.max(1)).min(3) as usize };
        let known = [0, 1, 1, 2, 1, 2, 2, 3][self.known];
        self.situation = (known * 6 + self.length.min(5)) * 5 + by_pairs;
        self.sure = match 64 * best.0 / all.max(1) {
            0..8 => 0,
            8..14 => 1,
            14..24 => 2,
            24..36 => 3,
            36..48 => 4,
            48..58 => 5,
            58..63 => 6,
            _ => 7,
        };
        let capital = self.length == self.capitals && CAPITALS[self.case()] > 8;
        self.expected = match best.1 {
            0 => u32::from(b' ') + 1,
            letter if capital => u32::from(letter.to_ascii_uppercase()) + 1,
            letter => u32::from(letter) + 1,
        };
    }

    fn case(&self) -> usize {
        match (self.length, self.capitals) {
            (0, _) => usize::from(!self.opening),
            (1, 1) => 2,
            _ => 3,
        }
    }

    /// Which weights fit: by the situation without what the pairs say, how sure it is, and what it expects of this bit.
    pub fn set(&self, bits: u32, bit: usize) -> usize {
        let byte = self.expected.wrapping_sub(1) | 256;
        let expects =
            if self.expected == 0 || byte >> (8 - bit) != bits { 0 } else { 1 + (byte >> (7 - bit) & 1) as usize };
        ((self.situation / 5 * SURE + self.sure) * 3 + expects) * 8 + bit
    }

    /// The probability of 12 bits that the next bit is set, behind these of the byte; `None` where it knows nothing.
    #[inline(always)]
    pub fn p(&self, which: usize, bits: u32, bit: usize) -> Option<usize> {
        let tree = &self.trees[which];
        let (zero, one) = match (bit, bits) {
            (1, 0b10) => (self.ends[which], tree[1]),
            (2, 0b101) if self.length > self.capitals => (0, 1),
            (2, 0b101) => (CAPITALS[self.case()], 16 - CAPITALS[self.case()]),
            (3.., _) if bits >> (bit - 2) == 0b101 => {
                let node = ((bits & ((1 << (bit - 3)) - 1)) | 1 << (bit - 3)) as usize;
                (tree[2 * node], tree[2 * node + 1])
            }
            _ => return None,
        };
        ((zero | one) != 0).then(|| (((one << 12) / (zero + one)) as usize).clamp(1, 4095))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> Guess {
        let mut guess = Guess::new();
        text.bytes().for_each(|byte| guess.push(byte));
        guess
    }

    /// The byte that a guess holds for the likeliest, bit by bit; where it knows nothing of a bit, that of `otherwise`.
    fn byte(guess: &Guess, which: usize, otherwise: u8) -> u8 {
        let mut bits = 1_u32;
        for bit in 0..8 {
            let known = guess.p(which, bits, bit).map(|p| u32::from(p >= 2048));
            bits = bits << 1 | known.unwrap_or(u32::from(otherwise >> (7 - bit) & 1));
        }
        bits as u8
    }

    #[test]
    fn the_word_before_says_what_comes() {
        for (text, next) in [
            ("we are a part of t", b'h'),
            ("as soon as pos", b's'),
            ("\nT", b'h'),
            ("because", b' '),
            ("they live in the united st", b'a'),
            ("THE UNITED STAT", b'E'),
        ] {
            let guess = after(text);
            let expected = guess.expected.checked_sub(1).and_then(char::from_u32);
            assert!(expected.is_some_and(|byte| byte.eq_ignore_ascii_case(&char::from(next))), "{text}: {expected:?}");
            if next != b' ' {
                assert_eq!(byte(&guess, 1, next), next, "{text}");
            }
        }
    }

    #[test]
    fn of_what_is_no_word_it_knows_nothing() {
        for text in ["zzqx", "q7 zzqx", "\u{43e}\u{43d} zzqx"] {
            let guess = after(text);
            assert_eq!((guess.expected, guess.sure, guess.situation), (0, 0, 0), "{text}");
            // But that a letter behind small ones is a small one.
            let says = |bit: &usize| guess.p(0, 1 << bit | u32::from(b'a') >> (8 - bit), *bit).is_some();
            assert_eq!((0..8).filter(says).collect::<Vec<_>>(), [2], "{text}");
        }
        let mut guess = after("all that was said before");
        guess.push(0);
        let fresh = Guess::new();
        assert_eq!((guess.situation, guess.sure, guess.expected), (fresh.situation, fresh.sure, fresh.expected));
        assert!(guess.trees == fresh.trees && guess.ends == fresh.ends);
    }

    #[test]
    fn whatever_comes_it_stays_within_its_bounds() {
        let mut dice = testing::Dice::new(5);
        let mut guess = Guess::new();
        for _ in 0..20_000 {
            let byte = if dice.chance(70) { b'a' + dice.index(26) as u8 } else { dice.index(256) as u8 };
            for bit in 0..8 {
                let bits = 1 << bit | u32::from(byte) >> (8 - bit);
                assert!(guess.set(bits, bit) < SITUATIONS / 5 * SURE * 3 * 8);
                for which in 0..GUESSES {
                    assert!(guess.p(which, bits, bit).is_none_or(|p| bit > 0 && (1..4096).contains(&p)));
                }
            }
            assert!(guess.situation < SITUATIONS && guess.sure < SURE && guess.expected <= 256);
            guess.push(byte);
        }
    }
}
