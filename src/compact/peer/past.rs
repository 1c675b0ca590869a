//! Messages that both boxes have: what was said in a correspondence tells much of what will be said. A message is coded
//! after those of the same person to the same correspondent that the far box has acknowledged.
//!
//! Nothing is agreed beforehand. A packet says by eight bits which messages it comes after, and the far box looks among
//! those that came for some that fit: mostly the last ones, sometimes without one whose receipt is on its way. Its check
//! says whether they were the right ones. Should it find none, as it lost its memory, the message goes again without.

use serde::{Deserialize, Serialize};

use super::book::index_of;
use super::memory::hash;
use crate::letter::{Letter, Other, to_record};
use crate::packet::Past;

/// Messages that one comes after at most.
const TOGETHER: usize = 8;
/// Bytes that each of them is remembered by.
const LONGEST: usize = 600;
/// Messages of one correspondence that are remembered of the far box, and of all: more than it may mean, as it counts only those
/// whose receipts it has. Of our own no more than can be meant.
const OF_ONE: usize = TOGETHER + 8;
const OF_ALL: usize = 96;
/// How long one is remembered that the far box sent, and one of ours: less long, so that what is meant is still there.
const CAME_KEPT: i64 = 45 * DAY;
const THERE_KEPT: i64 = 30 * DAY;
const DAY: i64 = 24 * 3_600_000;
/// Pasts that are tried for one bundle.
const MOST_TRIES: usize = 12;

/// A message that both boxes have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedMessage {
    /// Counts them.
    serial: u64,
    /// When it was acknowledged, or came.
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<String>,
    other: String,
    /// Its record, cut off where it is long.
    record: String,
}

impl SharedMessage {
    /// What is remembered of a message that is written out; `None` for one that has no record.
    pub fn of(letter: &Letter) -> Option<Self> {
        let Other::Address(other) = &letter.other else { return None };
        let end =
            (0..=LONGEST.min(letter.text.len())).rev().find(|end| letter.text.is_char_boundary(*end)).unwrap_or(0);
        let (index, text) = (Other::Index(index_of(other)), letter.text[..end].to_owned());
        let record = to_record(&Letter { other: index, text, ..letter.clone() })?;
        let record = String::from_utf8(record).ok()?;
        Some(Self { serial: 0, at: 0, person: letter.person.clone(), other: other.clone(), record })
    }

    fn is_of_one_with(&self, other: &Self) -> bool {
        (&self.person, &self.other) == (&other.person, &other.other)
    }
}

/// Messages that both boxes have, the last one last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SharedMessages(Vec<SharedMessage>);

impl SharedMessages {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The far box has one of ours.
    pub fn add(&mut self, message: SharedMessage, now: i64) {
        self.keep(SharedMessage { at: now, ..message }, TOGETHER);
    }

    /// One of the far box came.
    pub fn take(&mut self, letter: &Letter, now: i64) {
        let message = SharedMessage::of(letter).map(|message| SharedMessage { at: now, ..message });
        message.into_iter().for_each(|message| self.keep(message, OF_ONE));
    }

    /// Forgets what is too old.
    pub fn age(there: &mut Self, came: &mut Self, now: i64) {
        there.0.retain(|known| known.at.saturating_add(THERE_KEPT) > now);
        came.0.retain(|known| known.at.saturating_add(CAME_KEPT) > now);
    }

    fn keep(&mut self, message: SharedMessage, of_one: usize) {
        let serial = self.0.last().map_or(0, |last| last.serial + 1);
        // What is said once more counts once, at both ends.
        self.0.retain(|known| known.record != message.record || !known.is_of_one_with(&message));
        let alike = self.0.iter().filter(|known| known.is_of_one_with(&message)).count();
        let oldest = self.0.iter().position(|known| alike >= of_one && known.is_of_one_with(&message));
        oldest.into_iter().for_each(|at| drop(self.0.remove(at)));
        self.0.push(SharedMessage { serial, ..message });
        let over = self.0.len().saturating_sub(OF_ALL);
        self.0.drain(..over);
    }

    /// What a message of ours may come after; nothing where there is nothing of its correspondence.
    pub fn past(&self, letter: &Letter) -> Past {
        let Some(message) = SharedMessage::of(letter) else { return Past::default() };
        past(self.0.iter().rev().filter(|known| known.is_of_one_with(&message)).take(TOGETHER))
    }

    /// What a bundle with this mark may come after, the likeliest first.
    pub fn pasts(&self, mark: u8) -> Vec<Past> {
        let mut correspondences: Vec<Vec<&SharedMessage>> = Vec::new();
        for message in self.0.iter().rev() {
            match correspondences.iter_mut().find(|own| own[0].is_of_one_with(message)) {
                Some(own) => own.push(message),
                None => correspondences.push(vec![message]),
            }
        }
        let mut found: Vec<Past> = Vec::new();
        for way in [all, without_one, fewer] {
            for own in &correspondences {
                // The receipts of the last ones may be on their way.
                for skip in 0..own.len().min(OF_ONE - TOGETHER) {
                    for some in way(&own[skip..]) {
                        let past = past(some.into_iter());
                        if past.mark == mark && !found.contains(&past) {
                            found.push(past);
                        }
                        if found.len() >= MOST_TRIES {
                            return found;
                        }
                    }
                }
            }
        }
        found
    }
}

/// What a message comes after between boxes that have these of its correspondence, written out.
pub fn past_of(letters: &[Letter]) -> Past {
    let messages: Vec<_> = letters.iter().filter_map(SharedMessage::of).collect();
    past(messages.iter().rev().take(TOGETHER))
}

/// Messages of one correspondence that may be meant, the last one first.
type Ways<'s> = Vec<Vec<&'s SharedMessage>>;

/// As many as can be meant.
fn all<'s>(own: &[&'s SharedMessage]) -> Ways<'s> {
    vec![own.iter().take(TOGETHER).copied().collect()]
}

/// The same without one of them, whose receipt was lost.
fn without_one<'s>(own: &[&'s SharedMessage]) -> Ways<'s> {
    let without = |hole| own.iter().enumerate().filter(move |(at, _)| *at != hole).map(|(_, message)| *message);
    (1..own.len().min(TOGETHER)).map(|hole| without(hole).take(TOGETHER).collect()).collect()
}

/// Fewer, as the far box began anew.
fn fewer<'s>(own: &[&'s SharedMessage]) -> Ways<'s> {
    (1..own.len().min(TOGETHER)).rev().map(|count| own[..count].to_vec()).collect()
}

/// These messages in an order that does not depend on when they came.
fn past<'s>(messages: impl Iterator<Item = &'s SharedMessage>) -> Past {
    let mut all: Vec<(u64, &str)> =
        messages.map(|message| (hash(message.record.as_bytes()), message.record.as_str())).collect();
    all.sort_unstable();
    let hashes: Vec<u8> = all.iter().flat_map(|(hash, _)| hash.to_be_bytes()).collect();
    let records = all.into_iter().map(|(_, record)| record.as_bytes().to_vec()).collect();
    Past { mark: hash(&hashes) as u8, records }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letter::Kind;

    fn letter(other: &str, text: &str) -> Letter {
        let other = Other::Address(other.into());
        Letter { kind: Kind::Mail, person: None, other, subject: "Boat".into(), text: text.into() }
    }

    fn both(count: usize) -> [SharedMessages; 2] {
        let mut both = [SharedMessages::default(), SharedMessages::default()];
        for n in 0..count {
            for other in ["a@b.c", "d@e.f"] {
                let letter = letter(other, &format!("message {n}"));
                SharedMessage::of(&letter).into_iter().for_each(|message| both[0].add(message, 0));
                both[1].take(&letter, 0);
            }
        }
        both
    }

    #[test]
    fn the_far_box_finds_what_is_meant() {
        for count in [1, 3, TOGETHER, TOGETHER + 3, 40] {
            let [there, came] = both(count);
            let next = letter("a@b.c", "next");
            let past = there.past(&next);
            assert_eq!(past.records.len(), count.min(TOGETHER));
            assert!(came.pasts(past.mark).contains(&past), "{count}");
            assert!(there.past(&letter("nobody@b.c", "next")).records.is_empty());
        }
    }

    #[test]
    fn it_finds_it_while_receipts_are_on_their_way_and_after_one_was_lost() {
        let [mut there, mut came] = both(20);
        for n in 0..5 {
            came.take(&letter("a@b.c", &format!("later {n}")), 0);
        }
        let past = there.past(&letter("a@b.c", "next"));
        assert!(came.pasts(past.mark).contains(&past));
        // The receipt of the first one never came, and then the memory of the sender began anew.
        for n in 1..5 {
            SharedMessage::of(&letter("a@b.c", &format!("later {n}"))).into_iter().for_each(|one| there.add(one, 0));
        }
        let past = there.past(&letter("a@b.c", "next"));
        assert!(came.pasts(past.mark).contains(&past));
        there.clear();
        SharedMessage::of(&letter("a@b.c", "later 4")).into_iter().for_each(|one| there.add(one, 0));
        let past = there.past(&letter("a@b.c", "next"));
        assert!(past.records.len() == 1 && came.pasts(past.mark).contains(&past));
        came.clear();
        assert!(came.pasts(past.mark).is_empty());
    }

    #[test]
    fn it_is_bounded_and_what_is_said_twice_counts_once() {
        let mut came = SharedMessages::default();
        for n in 0..1000 {
            came.take(&letter(&format!("{}@b.c", n % 40), &"ü".repeat(n)), n as i64 * DAY);
            came.take(&letter("same@b.c", "OK"), n as i64 * DAY);
        }
        assert_eq!(came.0.len(), OF_ALL);
        assert_eq!(came.past(&letter("same@b.c", "x")).records.len(), 1);
        assert!(came.0.iter().all(|message| message.record.len() <= LONGEST + 20));
        assert!((0..=255).all(|mark| came.pasts(mark).len() <= MOST_TRIES));
        let mut there = came.clone();
        SharedMessages::age(&mut there, &mut came, 1000 * DAY);
        assert_eq!((there.0.len(), came.0.len()), (30, 41));
        let unwritten = Letter { other: Other::Index(40), ..letter("a@b.c", "x") };
        assert!(SharedMessage::of(&unwritten).is_none() && SharedMessage::of(&letter("a@b.c", "\0")).is_none());
    }
}
