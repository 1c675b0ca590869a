//! What became of messages behind the far box: it tells by a note that rides with other packets. A note of its own costs a
//! packet, and leaves only where the rules of the box say so, and only for a message that did not arrive.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::memory::BundleName;
use super::notes::Note;
use super::{Peer, PeerRules, PeerTurn};

/// What became of a message; the number is the one on air.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fate {
    /// It arrived: the mail relay, the phone or a mailbox has it.
    Delivered = 0,
    /// It waits for the decision of who owns the far box.
    Held = 1,
    /// Its recipient does not exist there.
    NoRecipient = 2,
    /// It was refused: by rule, or by the server of its recipient.
    Refused = 3,
    /// It is too large, or of a kind that is not taken.
    Content = 4,
    /// Its time ran out.
    TooLate = 5,
    /// The owner of the far box took it back.
    Cancelled = 6,
    /// It was sent on, and nobody will say whether it arrived.
    Unconfirmed = 7,
    /// It failed for another reason.
    Failed = 8,
}

impl Fate {
    /// All fates, by their numbers on the wire.
    pub const ALL: [Self; 9] = [
        Self::Delivered,
        Self::Held,
        Self::NoRecipient,
        Self::Refused,
        Self::Content,
        Self::TooLate,
        Self::Cancelled,
        Self::Unconfirmed,
        Self::Failed,
    ];

    /// True when the message has not arrived and will not.
    pub fn is_failure(self) -> bool {
        !matches!(self, Self::Delivered | Self::Held | Self::Unconfirmed)
    }

    /// The fate of this number; `None` for one of a later version.
    pub(super) fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|fate| *fate as u8 == number)
    }
}

/// Fates that are told, and heard of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Fates {
    /// Fates that the far box is still to be told.
    owed: Vec<OwedFate>,
    /// Bundles that the far box has: it may tell what became of their messages.
    there: Vec<BundleThere>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OwedFate {
    name: BundleName,
    /// Place of the message in its bundle.
    place: u8,
    fate: Fate,
    since: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct BundleThere {
    name: BundleName,
    /// Its messages, in their order.
    keys: Vec<u64>,
    /// When it went, in ms.
    at: i64,
}

/// Fates that are owed, and bundles that are remembered, at most.
const MOST: usize = 512;
/// So many may be owed at once besides [`Peer::owes_many_fates`].
const ROOM: usize = 128;
/// How long a bundle is remembered: a name is given anew only later.
const KEPT: i64 = 40 * 24 * 3_600_000;

impl Fates {
    /// True when there is nothing to tell, and nothing may be heard.
    pub(super) fn is_empty(&self) -> bool {
        self.owed.is_empty() && self.there.is_empty()
    }

    /// Forgets what is too old.
    pub(super) fn age(&mut self, now: i64) {
        self.owed.retain(|owed| owed.since.saturating_add(KEPT) > now);
        self.there.retain(|bundle| bundle.at.saturating_add(KEPT) > now);
    }

    /// When a failure has to leave alone; where packets cost next to nothing, any of them.
    pub(super) fn due(&self, rules: &PeerRules) -> Option<i64> {
        let alone = |owed: &&OwedFate| rules.prompt || (rules.fates_alone && owed.fate.is_failure());
        let since = self.owed.iter().filter(alone).map(|owed| owed.since).min()?;
        Some(since.saturating_add(rules.notes_wait(rules.answer_wait)))
    }

    /// What is to be told, failures first.
    pub(super) fn notes(&self) -> impl Iterator<Item = Note> + '_ {
        let note = |owed: &OwedFate| Note::Fate(owed.name, owed.place, owed.fate);
        let failed = self.owed.iter().filter(|owed| owed.fate.is_failure());
        failed.chain(self.owed.iter().filter(|owed| !owed.fate.is_failure())).map(note)
    }

    /// Notes that this fate was told.
    pub(super) fn told(&mut self, name: BundleName, place: u8) {
        self.owed.retain(|owed| (owed.name, owed.place) != (name, place));
    }

    /// It has to be told, unless something newer has.
    pub(super) fn again(&mut self, name: BundleName, place: u8, fate: Fate, now: i64) {
        if !self.owed.iter().any(|owed| (owed.name, owed.place) == (name, place)) {
            self.owe(name, place, fate, now);
        }
    }

    fn owe(&mut self, name: BundleName, place: u8, fate: Fate, now: i64) {
        self.told(name, place);
        self.owed.push(OwedFate { name, place, fate, since: now });
        let over = self.owed.len().saturating_sub(MOST);
        self.owed.drain(..over);
    }

    /// The far box has this bundle.
    pub(super) fn there(&mut self, name: BundleName, keys: &[u64], at: i64) {
        if keys.is_empty() || self.there.iter().any(|bundle| bundle.name == name) {
            return;
        }
        self.there.push(BundleThere { name, keys: keys.to_vec(), at });
        // By their times: they stand in the order of receipts, and in another one once their rows were read.
        while self.there.len() > MOST
            && let Some((oldest, _)) = self.there.iter().enumerate().min_by_key(|(_, bundle)| (bundle.at, bundle.name))
        {
            self.there.remove(oldest);
        }
    }

    /// All that is owed, and of the bundles those that another one does not have as they are here.
    pub(super) fn without(&self, other: &Self) -> Self {
        let known: HashMap<BundleName, &BundleThere> = other.there.iter().map(|there| (there.name, there)).collect();
        let new = |there: &&BundleThere| known.get(&there.name) != Some(there);
        Self { owed: self.owed.clone(), there: self.there.iter().filter(new).cloned().collect() }
    }

    /// The numbers of the messages in the bundles that the far box has.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.there.iter().flat_map(|bundle| bundle.keys.iter().copied())
    }

    /// Gives those messages other numbers.
    pub(super) fn renumber(&mut self, number: &dyn Fn(u64) -> u64) {
        self.there.iter_mut().flat_map(|bundle| &mut bundle.keys).for_each(|key| *key = number(*key));
    }

    /// The message of ours at this place of that bundle.
    pub(super) fn key(&self, name: BundleName, place: u8) -> Option<u64> {
        let bundle = self.there.iter().find(|bundle| bundle.name == name)?;
        bundle.keys.get(usize::from(place)).copied()
    }
}

impl Peer {
    /// The message that came at this place of that bundle has this fate: the far box is told with the next packet.
    pub fn tell_fate(&mut self, name: BundleName, place: u8, fate: Fate, now: i64) {
        self.fates.owe(name, place & 15, fate, now);
    }

    /// So many fates wait to be told that more of them could push the oldest out.
    pub fn owes_many_fates(&self) -> bool {
        self.fates.owed.len() > MOST - ROOM
    }

    /// The far box tells what became of a message of ours; so it has the bundle, whatever became of its receipt.
    pub(super) fn hear_fate(&mut self, name: BundleName, place: u8, fate: Fate, turn: &mut PeerTurn) {
        self.receipted(name, turn);
        if let Some(key) = self.fates.key(name, place) {
            turn.fates.push((key, fate));
        }
    }
}
