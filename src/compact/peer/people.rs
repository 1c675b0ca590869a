//! People behind a far box: each has an address ashore. A box names its people once to the box by which it reaches the world,
//! with a packet that goes anyway, and hears what address each of them has there, or that they have none.
//!
//! ```text
//!   never named ──> named ──(a receipt or an answer; else again on another day, three times at most)──> answered
//!                                                                        asked | refused | address
//! ```
//!
//! The name itself, in a message of theirs, says the same and costs two to three bytes there, however long it is: the models
//! know names. An index in its place would save nothing (measured over eight messages: 20 bytes for `bob`, 24 for an index).

use serde::{Deserialize, Serialize};

use super::Peer;
use super::notes::Note;

/// What the box ashore says about an address for somebody.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Answer {
    /// They have this address there.
    Address(String),
    /// The owner of that box is asked.
    Asked,
    /// They get no address there.
    Refused,
}

/// Who was named, and what was answered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PeopleOfBox {
    /// Ours: they want an address ashore.
    named: Vec<Named>,
    /// Answers about theirs that are owed, and since when.
    answers: Vec<(String, Answer, i64)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Named {
    name: String,
    /// When that was said last, and how often.
    said: Option<i64>,
    times: u8,
    answer: Option<Answer>,
}

/// People that are named at most, and answers that are owed at most.
const MOST: usize = 64;
/// Longest name and address in a note, in bytes.
const LONGEST: usize = 80;
/// One who found no answer is named again after this, so often.
const AGAIN: i64 = 24 * 3_600_000;
const MOST_TIMES: u8 = 3;

impl PeopleOfBox {
    /// True when nobody was named and no answer is owed.
    pub(super) fn is_empty(&self) -> bool {
        self.named.is_empty() && self.answers.is_empty()
    }

    /// Gives the notes that are due now: answers that are owed, and people to be named.
    pub(super) fn notes(&self, now: i64) -> impl Iterator<Item = Note> + '_ {
        let due = move |named: &&Named| {
            named.answer.is_none()
                && named.times < MOST_TIMES
                && named.said.is_none_or(|at| at.saturating_add(AGAIN) <= now)
        };
        let answers = self.answers.iter().map(|(name, answer, _)| Note::Answer(name.clone(), answer.clone()));
        answers.chain(self.named.iter().filter(due).map(|named| Note::Person(named.name.clone())))
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.named.retain(|named| named.name != name);
        self.answered(name);
    }

    pub(super) fn said(&mut self, name: &str, now: i64) {
        for named in self.named.iter_mut().filter(|named| named.name == name) {
            (named.said, named.times) = (Some(now), named.times.saturating_add(1));
        }
    }

    /// That packet did not go out.
    pub(super) fn not_said(&mut self, name: &str) {
        for named in self.named.iter_mut().filter(|named| named.name == name) {
            (named.said, named.times) = (None, named.times.saturating_sub(1));
        }
    }

    pub(super) fn answered(&mut self, name: &str) {
        self.answers.retain(|(known, ..)| known != name);
    }

    /// It has to be said, unless something newer has.
    pub(super) fn answer_again(&mut self, name: String, answer: Answer, now: i64) {
        if !self.answers.iter().any(|(known, ..)| *known == name) {
            self.answers.push((name, answer, now));
        }
    }
}

impl Peer {
    /// These are the people of this box who want an address ashore. Who is not among them any more is forgotten.
    pub fn name_people<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        let names: Vec<_> = names.into_iter().filter(|name| name.len() <= LONGEST).take(MOST).collect();
        let named = &mut self.people.named;
        named.retain(|known| names.contains(&known.name.as_str()));
        for name in names {
            if !named.iter().any(|known| known.name == name) {
                named.push(Named { name: name.to_owned(), said: None, times: 0, answer: None });
            }
        }
    }

    /// True when the far box knows what to make of names of people.
    pub fn knows_people(&self) -> bool {
        self.agreement.knows_people()
    }

    /// What the far box said about an address for one of our people.
    pub fn address_of(&self, name: &str) -> Option<&Answer> {
        self.people.named.iter().find(|named| named.name == name)?.answer.as_ref()
    }

    /// The far box is told this about one of its people, with the next packet.
    pub fn answer_person(&mut self, name: &str, answer: Answer, now: i64) {
        let fits = match &answer {
            Answer::Address(address) => address.len() <= LONGEST,
            Answer::Asked | Answer::Refused => true,
        };
        self.people.answered(name);
        if fits && name.len() <= LONGEST {
            self.people.answers.push((name.to_owned(), answer, now));
        }
        let over = self.people.answers.len().saturating_sub(MOST);
        self.people.answers.drain(..over);
    }

    /// The far box answers about one of ours; true when that is news.
    pub(super) fn hear_answer(&mut self, name: &str, answer: &Answer) -> bool {
        let Some(named) = self.people.named.iter_mut().find(|named| named.name == name) else { return false };
        let news = named.answer.as_ref() != Some(answer);
        named.answer = Some(answer.clone());
        news
    }
}
