//! Words and pairs of words as a tree of letters: how often each was counted, of all words.

use std::collections::VecDeque;
use std::ops::Range;

use super::counted::{Lists, Word};

/// How often a word of each class was counted, of 2^30 words, and a pair.
const WORD_COUNTS: [u32; 11] = [2_965_821, 524_288, 185_364, 92_682, 46_341, 16_384, 5793, 2048, 1024, 362, 128];
const PAIR_COUNTS: [u32; 6] = [65_536, 11_585, 2896, 724, 362, 181];

/// The tree. Nodes are numbered so that the children of one lie beside each other; words are numbered by alphabet.
pub struct Vocabulary {
    /// The letter that leads to a node; 0 where a word ends.
    letters: Vec<u8>,
    /// Where the children of a node begin; they end where those of the next one begin.
    children: Vec<u32>,
    /// The first word below a node.
    words: Vec<u32>,
    /// How often all words before one were counted.
    counts: Vec<u32>,
    /// Where the pairs of each word begin.
    pairs: Vec<u32>,
    /// The second word of each pair; by alphabet behind each first one.
    seconds: Vec<u32>,
    /// How often all pairs before one were counted.
    sums: Vec<u32>,
}

impl Vocabulary {
    /// The node where every word begins.
    pub const ROOT: u32 = 0;

    /// Unpacks the lists and makes the tree: a tenth of a second.
    pub fn new() -> Self {
        let lists = Lists::all();
        let mut order: Vec<u32> = (0..lists.words.len() as u32).collect();
        order.sort_unstable_by_key(|at| lists.words[*at as usize].letters());
        let mut tree = Self {
            letters: vec![0],
            children: Vec::new(),
            words: Vec::new(),
            counts: vec![0],
            pairs: vec![0; order.len() + 1],
            seconds: Vec::new(),
            sums: vec![0],
        };
        tree.grow(&order.iter().map(|at| lists.words[*at as usize]).collect::<Vec<_>>());
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, word)| place[*word as usize] = at as u32);
        let pairs = lists.pairs.iter();
        let mut pairs: Vec<_> =
            pairs.map(|(class, one, two)| (place[*one as usize], place[*two as usize], *class)).collect();
        pairs.sort_unstable();
        for (first, second, class) in pairs {
            tree.pairs[first as usize + 1] += 1;
            tree.seconds.push(second);
            tree.sums.push(tree.sums[tree.sums.len() - 1] + PAIR_COUNTS[usize::from(class)]);
        }
        for word in 0..order.len() {
            tree.pairs[word + 1] += tree.pairs[word];
        }
        for numbers in [&mut tree.children, &mut tree.words, &mut tree.counts, &mut tree.seconds, &mut tree.sums] {
            numbers.shrink_to_fit();
        }
        tree.letters.shrink_to_fit();
        tree
    }

    /// Adds the nodes of all words, level by level.
    fn grow(&mut self, words: &[Word]) {
        for word in words {
            self.counts.push(self.counts[self.counts.len() - 1] + WORD_COUNTS[word.class()]);
        }
        let mut waiting = VecDeque::from([(0..words.len(), 0)]);
        // Each has a zero at its end.
        let letter = |at: usize, depth: usize| words[at].letters()[depth];
        while let Some((below, depth)) = waiting.pop_front() {
            self.children.push(self.letters.len() as u32);
            self.words.push(below.start as u32);
            // Below the end of a word there is nothing.
            let mut at = if depth > 0 && letter(below.start, depth - 1) == 0 { below.end } else { below.start };
            while at < below.end {
                let next = letter(at, depth);
                let end = at + words[at..below.end].partition_point(|word| word.letters()[depth] <= next);
                self.letters.push(next);
                waiting.push_back((at..end, depth + 1));
                at = end;
            }
        }
        self.children.push(self.letters.len() as u32);
    }

    /// How many words there are.
    pub fn len(&self) -> u32 {
        self.counts.len() as u32 - 1
    }

    /// The children of a node below which are these words, some of which are the second ones of these pairs: the letter, the
    /// node, its words and its pairs, by alphabet.
    #[inline(always)]
    pub fn children(
        &self,
        node: u32,
        words: &Range<u32>,
        pairs: &Range<usize>,
    ) -> impl Iterator<Item = (u8, u32, Range<u32>, Range<usize>)> {
        let children = self.children[node as usize]..self.children[node as usize + 1];
        let (words_end, pairs_end, mut from) = (words.end, pairs.end, pairs.start);
        let last = children.end;
        children.map(move |child| {
            let (mut word, mut pair) = (words_end, pairs_end);
            if child + 1 < last {
                word = self.words[child as usize + 1];
                pair = from + self.seconds[from..pairs_end].partition_point(|second| *second < word);
            }
            let pairs = from..pair;
            from = pair;
            (self.letters[child as usize], child, self.words[child as usize]..word, pairs)
        })
    }

    /// The word that ends at a node, and how often it was counted.
    pub fn word(&self, node: u32) -> Option<(u32, u64)> {
        let first = self.children[node as usize];
        // The end stands before all letters, and nothing is below it.
        let ends = first < self.children[node as usize + 1] && self.letters[first as usize] == 0;
        let word = self.words[first as usize..].first().copied().filter(|_| ends)?;
        Some((word, self.counted(&(word..word + 1))))
    }

    /// How often these words were counted.
    #[inline(always)]
    pub fn counted(&self, words: &Range<u32>) -> u64 {
        u64::from(self.counts[words.end as usize] - self.counts[words.start as usize])
    }

    /// The pairs that a word is the first of.
    pub fn pairs(&self, word: u32) -> Range<usize> {
        self.pairs[word as usize] as usize..self.pairs[word as usize + 1] as usize
    }

    /// How often these pairs were counted.
    #[inline(always)]
    pub fn paired(&self, pairs: &Range<usize>) -> u64 {
        u64::from(self.sums[pairs.end] - self.sums[pairs.start])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_their_pairs_are_found_letter_by_letter() {
        let tree = Vocabulary::new();
        assert_eq!((tree.len(), tree.seconds.len()), (80_000, 170_000));
        let find = |word: &str, first: Option<u32>| {
            let pairs = first.map_or(0..0, |first| tree.pairs(first));
            let (mut node, mut words, mut pairs) = (Vocabulary::ROOT, 0..tree.len(), pairs);
            for letter in word.bytes() {
                let next = tree.children(node, &words, &pairs).find(|(known, ..)| *known == letter)?;
                (_, node, words, pairs) = next;
            }
            Some((tree.word(node)?.0, tree.word(node)?.1, words.len(), tree.paired(&pairs)))
        };
        let (of, often, ..) = find("of", None).unwrap();
        let (the, most, begin, none) = find("the", None).unwrap();
        assert!(most >= often && begin > 50 && none == 0, "{most} {often} {begin} {none}");
        assert!(find("don't", None).is_some() && find("linux", None).is_some());
        assert!(find("zzqx", None).is_none());
        let all = tree.paired(&tree.pairs(of));
        let (same, .., paired) = find("the", Some(of)).unwrap();
        assert!(same == the && paired > all / 64 && paired < all, "{paired} of {all}");
        let every: u64 = (0..tree.len()).map(|word| tree.counted(&(word..word + 1))).sum();
        assert_eq!(every, tree.counted(&(0..tree.len())));
    }
}
