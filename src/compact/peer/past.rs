//! Messages that both boxes have: what was said in a correspondence tells much of what will be said. A message is coded
//! after one of the same person to the same correspondent that the far box has acknowledged, and after those that this
//! one came after in its turn: its *line*.
//!
//! Nothing is agreed beforehand, and nothing depends on the order in which messages or receipts come: of a message that
//! it acknowledged the far box knows the line, as it could not have read it otherwise. A packet says by eight bits which
//! line is meant, and its check whether that was the right one. The far box remembers as many messages as came last;
//! the sender knows how many may have come behind one, and means none that may be forgotten. Should the far box have lost
//! its memory all the same, the message goes again without.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::book::index_of;
use super::memory::hash;
use crate::letter::{Letter, Other, from_record, to_record};
use crate::packet::Past;

/// Messages of a line, and bytes of their records together, at most: each byte costs time wherever the line is used.
const TOGETHER: usize = 8;
const BYTES: usize = 1600;
/// A beginning of fewer bytes may be that of any message.
const LEAST_BEGINNING: usize = 40;
/// Bytes of text that each of them is remembered by.
const LONGEST: usize = 600;
/// Messages that are remembered of each direction, and how many of them may have come behind one that is meant: the others
/// are for those that overtake the packet that means it.
const MOST: usize = 192;
const MEANT: u64 = 64;
/// How long one is remembered that the far box sent, and one of ours: less long, so that what is meant is still there.
const CAME_KEPT: i64 = 45 * DAY;
const THERE_KEPT: i64 = 30 * DAY;
const DAY: i64 = 24 * 3_600_000;
/// Lines that are tried for one bundle.
const MOST_TRIES: usize = 24;

/// A message that both boxes have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedMessage {
    /// Running number among such messages: a later one has a higher one.
    serial: u64,
    /// When it was acknowledged, or came.
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<String>,
    other: String,
    /// Its record, cut off where it is long.
    record: String,
    /// Hashes of the records that it came after, the last one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    line: Vec<u64>,
    /// Of ours: how many messages went before all those that may arrive later than it.
    #[serde(default, skip_serializing_if = "is_zero")]
    before: u64,
}

impl SharedMessage {
    /// What is remembered of a message that is written out; `None` for one that has no record.
    fn of(letter: &Letter) -> Option<Self> {
        let Other::Address(other) = &letter.other else { return None };
        let end =
            (0..=LONGEST.min(letter.text.len())).rev().find(|end| letter.text.is_char_boundary(*end)).unwrap_or(0);
        let (index, text) = (Other::Index(index_of(other)), letter.text[..end].to_owned());
        let record = to_record(&Letter { other: index, text, ..letter.clone() })?;
        let record = String::from_utf8(record).ok()?;
        let (person, other) = (letter.person.clone(), other.clone());
        Some(Self { serial: 0, at: 0, person, other, record, line: Vec::new(), before: 0 })
    }

    /// What is remembered of the messages of a bundle that came after this, in their order: the same at both ends, but
    /// for `before`, see there.
    pub fn of_bundle(letters: &[Letter], past: &Past, before: u64) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for mut message in letters.iter().filter_map(Self::of) {
            message.before = before;
            let own = correspondence(message.record.as_bytes());
            let last = all.iter().rev().find(|other| correspondence(other.record.as_bytes()) == own);
            message.line = match (last, past.records.last()) {
                (Some(last), _) => [&[last.hash()], &last.line[..]].concat(),
                (None, Some(last)) if correspondence(last) == own => {
                    past.records.iter().rev().map(|record| hash(record)).collect()
                }
                _ => Vec::new(),
            };
            let itself = message.hash();
            message.line.retain(|other| *other != itself);
            message.line.truncate(TOGETHER - 1);
            all.push(message);
        }
        all
    }

    fn hash(&self) -> u64 {
        hash(self.record.as_bytes())
    }
}

/// Who writes to whom, as a record says it: the person, and the place in the address book.
fn correspondence(record: &[u8]) -> Option<(Option<String>, Other)> {
    from_record(record).map(|letter| (letter.person, letter.other))
}

/// For fields that are left out while they say nothing.
pub fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}

/// Messages that both boxes have, the last one last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SharedMessages(Vec<SharedMessage>);

/// Messages by the hashes of their records.
type ByHash<'s> = HashMap<u64, &'s SharedMessage>;

impl SharedMessages {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The far box has one of ours, or one of the far box came.
    pub fn add(&mut self, message: SharedMessage, now: i64) {
        let serial = self.0.last().map_or(0, |last| last.serial + 1);
        self.0.push(SharedMessage { serial, at: now, ..message });
        let over = self.0.len().saturating_sub(MOST);
        self.0.drain(..over);
    }

    /// True where one of them, heard within `span` of `heard`, is this message: the same where it is whole, and otherwise one that
    /// begins as this does. Short beginnings are those of many.
    pub fn has_whole(&self, beginning: &Letter, whole: bool, (heard, span): (i64, i64)) -> bool {
        let text = beginning.text.trim_end_matches(char::REPLACEMENT_CHARACTER);
        let other = match &beginning.other {
            Other::Address(address) => Other::Index(index_of(address)),
            index => index.clone(),
        };
        let begins = |known: &Letter| {
            let same = (&known.kind, &known.person, &known.subject, &known.other);
            let cut = known.text.len() + 4 > LONGEST && text.starts_with(&known.text);
            let begun = !whole && text.len() >= LEAST_BEGINNING && known.text.starts_with(text);
            same == (&beginning.kind, &beginning.person, &beginning.subject, &other)
                && (cut || begun || known.text == text)
        };
        let near = self.0.iter().filter(|known| known.at.abs_diff(heard) <= span.unsigned_abs());
        let mut known = near.filter_map(|known| from_record(known.record.as_bytes()));
        !text.is_empty() && known.any(|known| begins(&known))
    }

    /// Those that another list does not have as they are here.
    pub fn without(&self, other: &Self) -> Self {
        let known: HashMap<u64, &SharedMessage> = other.0.iter().map(|known| (known.serial, known)).collect();
        Self(self.0.iter().filter(|own| known.get(&own.serial) != Some(own)).cloned().collect())
    }

    /// Forgets what is too old.
    pub fn age(there: &mut Self, came: &mut Self, now: i64) {
        there.0.retain(|known| known.at.saturating_add(THERE_KEPT) > now);
        came.0.retain(|known| known.at.saturating_add(CAME_KEPT) > now);
    }

    /// What a message of ours may come after, when so many went: the longest line of its correspondence of which nothing may
    /// be forgotten, among equals the last one; nothing where there is none.
    pub fn past(&self, letter: &Letter, went: u64) -> Past {
        let Some(message) = SharedMessage::of(letter) else { return Past::default() };
        let all = self.by_hash();
        let of_one = |known: &SharedMessage| known.person == message.person && known.other == message.other;
        let remembered = |(_, known): &(u64, &SharedMessage)| went.saturating_sub(known.before) <= MEANT;
        let mut longest = Vec::new();
        for known in self.0.iter().filter(|known| of_one(known)) {
            let line: Vec<_> = line(&all, known).into_iter().take_while(remembered).collect();
            if line.len() >= longest.len() {
                longest = line;
            }
        }
        past(&longest)
    }

    /// What a bundle with this mark may come after, the likeliest first.
    pub fn pasts(&self, mark: u8) -> Vec<Past> {
        let all = self.by_hash();
        let lines: Vec<_> = self.0.iter().rev().map(|known| line(&all, known)).collect();
        let mut found: Vec<Past> = Vec::new();
        for less in 0..TOGETHER {
            // The far box may have forgotten the end of it.
            let shorter = lines.iter().filter_map(|line| line.get(..line.len().checked_sub(less)?));
            for line in shorter.filter(|line| !line.is_empty() && self::mark(line) == mark) {
                let past = past(line);
                if !found.contains(&past) {
                    found.push(past);
                }
                if found.len() >= MOST_TRIES {
                    return found;
                }
            }
        }
        found
    }

    fn by_hash(&self) -> ByHash<'_> {
        self.0.iter().map(|known| (known.hash(), known)).collect()
    }
}

/// Messages with their hashes, the last one first.
type Line<'s> = Vec<(u64, &'s SharedMessage)>;

/// A message and those that it came after, as far as they are known without a gap and are not too much.
fn line<'s>(all: &ByHash<'s>, last: &'s SharedMessage) -> Line<'s> {
    let mut bytes = 0;
    let before = last.line.iter().map_while(|hash| Some((*hash, *all.get(hash)?)));
    let whole = [(last.hash(), last)].into_iter().chain(before);
    let small = |(_, known): &(u64, &SharedMessage)| {
        bytes += known.record.len();
        bytes <= BYTES
    };
    whole.take_while(small).collect()
}

/// What is said of a line on air.
fn mark(line: &[(u64, &SharedMessage)]) -> u8 {
    let hashes: Vec<u8> = line.iter().flat_map(|(hash, _)| hash.to_be_bytes()).collect();
    hash(&hashes) as u8
}

/// What comes after this line.
fn past(line: &[(u64, &SharedMessage)]) -> Past {
    let records = line.iter().rev().map(|(_, known)| known.record.as_bytes().to_vec()).collect();
    Past { mark: mark(line), records }
}

/// What a message comes after between boxes that have these of its correspondence, written out, one after the other.
pub fn past_of(letters: &[Letter]) -> Past {
    let mut there = SharedMessages::default();
    SharedMessage::of_bundle(letters, &Past::default(), 0).into_iter().for_each(|message| there.add(message, 0));
    letters.last().map_or_else(Past::default, |last| there.past(last, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letter::Kind;

    fn letter(other: &str, text: &str) -> Letter {
        let other = Other::Address(other.into());
        Letter { kind: Kind::Mail, person: None, other, subject: "Boat".into(), text: text.into() }
    }

    /// What both boxes remember, and how many messages went.
    #[derive(Default)]
    struct Both {
        there: SharedMessages,
        came: SharedMessages,
        went: u64,
    }

    impl Both {
        /// A bundle goes: what the sender adds when its receipt comes, and what it came after.
        fn goes(&mut self, letters: &[Letter], open: u64) -> (Vec<SharedMessage>, Past) {
            let past = self.there.past(&letters[0], self.went);
            let says = SharedMessage::of_bundle(letters, &past, self.went - open);
            self.went += letters.len() as u64;
            (says, past)
        }

        /// It comes, and can be read.
        fn comes(&mut self, letters: &[Letter], past: &Past) {
            assert!(past.records.is_empty() || self.came.pasts(past.mark).contains(past), "{past:?}");
            SharedMessage::of_bundle(letters, past, 0).into_iter().for_each(|message| self.came.add(message, 0));
        }

        fn receipted(&mut self, says: Vec<SharedMessage>) {
            says.into_iter().for_each(|message| self.there.add(message, 0));
        }

        fn round(&mut self, letters: &[Letter]) -> Past {
            let (says, past) = self.goes(letters, 0);
            self.comes(letters, &past);
            self.receipted(says);
            past
        }
    }

    #[test]
    fn a_line_grows_and_the_far_box_finds_it() {
        let mut both = Both::default();
        for n in 0..40 {
            for other in ["a@b.c", "d@e.f"] {
                let past = both.round(&[letter(other, &format!("message {n}"))]);
                assert_eq!(past.records.len(), n.min(TOGETHER), "{n}");
                let last = past.records.last().map(|record| String::from_utf8_lossy(record).into_owned());
                assert!(last.is_none_or(|last| last.ends_with(&format!("message {}", n - 1))));
            }
        }
        assert!(both.there.past(&letter("nobody@b.c", "next"), both.went).records.is_empty());
    }

    /// Bundles arrive in any order, and so do their receipts.
    #[test]
    fn it_finds_it_whatever_overtakes_what() {
        let mut dice = testing::Dice::new(16);
        for _ in 0..10 {
            let (mut both, mut air, mut receipts) = (Both::default(), Vec::new(), Vec::new());
            let (mut after, mut open) = (0, 0);
            for n in 0..400 {
                let other = ["a@b.c", "d@e.f", "g@h.i"][dice.index(3)];
                let text = |at| if dice.chance(10) { "OK".to_owned() } else { format!("{n} {at}") };
                let texts: Vec<String> = (0..=n % 3).map(text).collect();
                let letters: Vec<_> = texts.iter().map(|text| letter(other, text)).collect();
                let (says, past) = both.goes(&letters, open);
                open += letters.len() as u64;
                after += usize::from(past.records.len() > 1);
                air.push((n, letters, says, past));
                while air.len() > 12 || !air.is_empty() && dice.chance(50) {
                    // None is overtaken by more than so many.
                    let old = air.first().is_some_and(|(planned, ..)| *planned + 40 < n);
                    let (_, letters, says, past) = air.remove(if old { 0 } else { dice.index(air.len()) });
                    both.comes(&letters, &past);
                    receipts.push(says);
                }
                while receipts.len() > 12 || !receipts.is_empty() && dice.chance(50) {
                    let says: Vec<SharedMessage> = receipts.swap_remove(dice.index(receipts.len()));
                    open -= says.len() as u64;
                    both.receipted(says);
                }
            }
            assert!(after > 100, "{after}");
        }
    }

    /// What is not known to be there stands between: the far box may have forgotten what came before it.
    #[test]
    fn nothing_is_meant_that_may_be_forgotten() {
        let mut both = Both::default();
        both.round(&[letter("a@b.c", "first")]);
        both.round(&[letter("a@b.c", "second")]);
        let open: Vec<_> = (0..MEANT).map(|n| both.goes(&[letter("d@e.f", &n.to_string())], n)).collect();
        assert!(both.there.past(&letter("a@b.c", "third"), both.went - 2).records.len() == 2);
        assert!(both.there.past(&letter("a@b.c", "third"), both.went - 1).records.len() == 1);
        assert!(both.there.past(&letter("a@b.c", "third"), both.went).records.is_empty());
        // Their receipts change nothing: they may have come before it or behind it.
        open.into_iter().for_each(|(says, _)| both.receipted(says));
        assert!(both.there.past(&letter("a@b.c", "third"), both.went).records.is_empty());
    }

    #[test]
    fn it_is_bounded() {
        let mut came = SharedMessages::default();
        for n in 0..1000 {
            let letters = [letter(&format!("{}@b.c", n % 40), &"ü".repeat(n)), letter("same@b.c", "OK")];
            let all = SharedMessage::of_bundle(&letters, &Past::default(), 0);
            all.into_iter().for_each(|message| came.add(message, n as i64 * DAY));
        }
        assert_eq!(came.0.len(), MOST);
        assert!(came.0.iter().all(|message| message.record.len() <= LONGEST + 20 && message.line.len() < TOGETHER));
        let tried = (0..=255).flat_map(|mark| came.pasts(mark)).collect::<Vec<_>>();
        assert!(tried.iter().all(|past| past.records.iter().map(Vec::len).sum::<usize>() <= BYTES));
        let mut there = came.clone();
        SharedMessages::age(&mut there, &mut came, 1000 * DAY);
        assert_eq!((there.0.len(), came.0.len()), (58, 88));
        let unwritten = Letter { other: Other::Index(40), ..letter("a@b.c", "x") };
        let none = [unwritten, letter("a@b.c", "\0")];
        assert!(SharedMessage::of_bundle(&none, &Past::default(), 0).is_empty());
    }
}
