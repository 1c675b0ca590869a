//! Notes that are owed to the other box, and when they may not wait any longer for a packet to ride with.

use serde::{Deserialize, Serialize};

use super::memory::BundleName;
use super::notes::Note;
use super::outbox::{OutboxBundle, OutboxFragment};
use super::{Peer, PeerContext, PeerRules, PeerTurn};

/// Receipts that are owed at most; of more the other box hears when it repeats the packet.
const MOST: usize = 256;
/// So many are worth a packet that costs next to nothing.
const MANY: usize = 32;
const HOUR: i64 = 3_600_000;
/// A question that found no answer is asked again after this.
pub const ASK_AGAIN: i64 = 72 * HOUR;
/// Missing fragments are asked for again after this.
const FRAGMENTS_AGAIN: i64 = 24 * HOUR;

/// Receipts and questions that the far box is still to get.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OwedNotes {
    receipts: Vec<OwedReceipt>,
    questions: Vec<(Note, i64)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OwedReceipt {
    name: BundleName,
    since: i64,
    /// An earlier one was lost: it does not wait for hours.
    soon: bool,
    /// The other box asks for it, and waits.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    asked: bool,
}

impl OwedNotes {
    /// A bundle is taken; `again` when it came before.
    pub fn receipt(&mut self, name: BundleName, now: i64, again: bool) {
        self.answered(&Note::NotHere(name));
        match self.receipts.iter_mut().find(|receipt| receipt.name == name) {
            Some(receipt) => receipt.soon |= again,
            None => self.receipts.push(OwedReceipt { name, since: now, soon: again, asked: false }),
        }
        let over = self.receipts.len().saturating_sub(MOST);
        self.receipts.drain(..over);
    }

    /// The other box asks about a bundle that was taken.
    pub fn receipt_asked(&mut self, name: BundleName, now: i64) {
        self.receipt(name, now, true);
        for receipt in self.receipts.iter_mut().filter(|receipt| receipt.name == name && !receipt.asked) {
            (receipt.asked, receipt.since) = (true, now);
        }
    }

    /// A bundle cannot be read.
    pub fn question(&mut self, note: Note, now: i64) {
        if !self.questions.iter().any(|(asked, _)| *asked == note) {
            self.questions.push((note, now));
        }
        let over = self.questions.len().saturating_sub(MOST);
        self.questions.drain(..over);
    }

    /// A question has become needless.
    pub fn answered(&mut self, note: &Note) {
        self.questions.retain(|(asked, _)| asked != note);
    }

    fn due(&self, rules: &PeerRules) -> Option<i64> {
        let alone = (rules.receipt_hours > 0).then_some(i64::from(rules.receipt_hours) * HOUR);
        let many = rules.prompt && self.receipts.len() >= MANY;
        let receipt = |receipt: &OwedReceipt| {
            let wait = match receipt.soon || rules.prompt {
                _ if receipt.asked => rules.notes_wait(rules.inquiry_wait / 4),
                _ if many => rules.notes_wait(rules.answer_wait),
                true => rules.answer_wait,
                false => i64::MAX,
            };
            Some(receipt.since.saturating_add(alone?.min(wait)))
        };
        let question = |(note, since): &(Note, i64)| {
            let answers = matches!(note, Note::NotHere(_));
            let usual = if answers { rules.inquiry_wait / 4 } else { rules.answer_wait };
            since.saturating_add(rules.notes_wait(usual))
        };
        let receipts = self.receipts.iter().filter_map(receipt);
        receipts.chain(self.questions.iter().map(question)).min()
    }
}

impl Note {
    /// True for what may as well be said with a later packet: nobody waits for it, and it leaves alone at last.
    pub fn can_wait(&self) -> bool {
        matches!(
            self,
            Self::Receipt(_)
                | Self::Fate(..)
                | Self::Person(_)
                | Self::Answer(..)
                | Self::Name(..)
                | Self::Answers(..)
                | Self::Position(_)
                | Self::WhereAreYou
        )
    }
}

impl Peer {
    /// When notes have to leave alone.
    pub(super) fn notes_due(&self, rules: &PeerRules) -> Option<i64> {
        if !self.agreement.understands_notes {
            return None;
        }
        let hello = self.agreement.owed.map(|since| since.saturating_add(rules.notes_wait(rules.answer_wait)));
        let fragments = self.sets.iter().map(|set| set.ask_at).min();
        let positions = if self.agreement.knows_positions() { self.whereabouts.due(rules) } else { None };
        let others = [hello, fragments, self.fates.due(rules), self.inquiries_due(), positions];
        others.into_iter().chain([self.owed.due(rules)]).flatten().min()
    }

    /// What is owed now, the most urgent first.
    pub(super) fn owed_notes(&self, context: &mut PeerContext) -> Vec<Note> {
        let hello = self.agreement.hello(&context.codec.models(), &context.rules, context.now).map(Note::Hello);
        let questions = self.owed.questions.iter().map(|(note, _)| note.clone()).chain(self.inquiries(context.now));
        let waiting = self.sets.iter().filter(|set| set.ask_at <= context.now);
        let fragments = waiting.map(|set| Note::Fragments(set.id, set.there()));
        let receipts = self.owed.receipts.iter().map(|receipt| Note::Receipt(receipt.name));
        let people = self.people.notes(context.now).filter(|_| self.agreement.knows_people());
        let positions = self.whereabouts.notes(&context.rules, context.now);
        let positions = positions.filter(|_| self.agreement.knows_positions());
        hello
            .into_iter()
            .chain(questions)
            .chain(fragments)
            .chain(receipts)
            .chain(self.fates.notes())
            .chain(people)
            .chain(self.names.notes())
            .chain(positions)
            .collect()
    }

    /// These notes ride in a packet for the link.
    pub(super) fn notes_sent(&mut self, notes: &[Note], now: i64) {
        for note in notes {
            match note {
                Note::Receipt(name) => self.owed.receipts.retain(|receipt| receipt.name != *name),
                Note::Hello(_) => self.agreement.hello_sent(now),
                Note::NoModel(..) | Note::BadCheck(_) | Note::NotHere(_) => self.owed.answered(note),
                Note::Fragments(id, _) => self.ask_for_fragments(*id, now.saturating_add(FRAGMENTS_AGAIN)),
                Note::Fate(name, place, _) => self.fates.told(*name, *place),
                Note::Have(name, _) => self.inquired(*name, now),
                Note::Person(name) => self.people.said(name, now),
                Note::Answer(name, _) => self.people.answered(name),
                Note::Name(mark, name) => self.names.passed(*mark, name),
                Note::Position(position) => self.whereabouts.was_told(*position, now),
                Note::WhereAreYou => self.whereabouts.was_asked(now),
                Note::Replaces(_) | Note::Of(_) | Note::Answers(..) => {}
            }
        }
    }

    /// That packet did not go out.
    pub(super) fn notes_lost(&mut self, notes: Vec<Note>, now: i64) {
        for note in notes {
            match note {
                Note::Receipt(name) => self.owed.receipt(name, now, true),
                Note::Hello(_) => self.agreement.hello_lost(now),
                Note::NoModel(..) | Note::BadCheck(_) | Note::NotHere(_) => self.owed.question(note, now),
                Note::Fragments(id, _) => self.ask_for_fragments(id, now),
                Note::Fate(name, place, fate) => self.fates.again(name, place, fate, now),
                Note::Have(name, _) => self.inquire_again(name, now),
                Note::Person(name) => self.people.not_said(&name),
                Note::Answer(name, answer) => self.people.answer_again(name, answer, now),
                Note::Name(mark, name) => self.names.owe(mark, &name),
                Note::Position(position) => self.whereabouts.was_not_told(position, now),
                Note::WhereAreYou => self.whereabouts.was_not_asked(now),
                Note::Replaces(_) | Note::Of(_) | Note::Answers(..) => {}
            }
        }
    }

    /// Nobody can tell whether that packet went out. Its receipts ride along once more; what nothing else would bring up
    /// again is said once more.
    pub(super) fn notes_unknown(&mut self, notes: Vec<Note>, now: i64) {
        for note in notes {
            match note {
                Note::Receipt(name) => self.owed.receipt(name, now, false),
                Note::NotHere(_) => self.owed.question(note, now),
                Note::Fate(name, place, fate) => self.fates.again(name, place, fate, now),
                Note::Have(name, _) => self.inquire_again(name, now),
                Note::Name(mark, name) => self.names.owe(mark, &name),
                Note::Answer(name, answer) => self.people.answer_again(name, answer, now),
                Note::Hello(_)
                | Note::NoModel(..)
                | Note::BadCheck(_)
                | Note::Fragments(..)
                | Note::Person(_)
                | Note::Of(_)
                | Note::Replaces(_)
                | Note::Position(_)
                | Note::WhereAreYou
                | Note::Answers(..) => {}
            }
        }
    }

    fn ask_for_fragments(&mut self, id: u8, at: i64) {
        self.sets.iter_mut().filter(|set| set.id == id).for_each(|set| set.ask_at = at);
    }

    /// Sends what may not wait any longer in packets of its own.
    pub(super) fn send_notes(&mut self, context: &mut PeerContext, turn: &mut PeerTurn) {
        while self.notes_due(&context.rules).is_some_and(|due| due <= context.now) {
            let ticket = self.next_ticket();
            let nobody = OutboxBundle {
                wait: None,
                packets: vec![OutboxFragment::default()],
                ..self.record(context, ticket, Vec::new())
            };
            self.out.push(nobody);
            let packet = self.emit(context, ticket, 0);
            let sense = packet.as_ref().is_some_and(|packet| !packet.payload.is_empty());
            turn.send.extend(packet.filter(|_| sense));
            if !sense {
                // A link whose packets hold no note at all.
                self.out.retain(|bundle| bundle.ticket != ticket);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_leave_alone_in_time_however_many_there_are() {
        let rules = PeerRules::default();
        let prompt = PeerRules { prompt: true, ..rules };
        let (mut owed, hours) = (OwedNotes::default(), i64::from(rules.receipt_hours) * HOUR);
        for number in 1..=2 * MANY {
            owed.receipt(BundleName(number as _), 0, false);
            let soon = if number < MANY { rules.answer_wait } else { PeerRules::PROMPT };
            assert_eq!((owed.due(&rules), owed.due(&prompt)), (Some(hours), Some(soon)), "{number}");
        }
        // The far box repeats what it sent: an earlier receipt was lost.
        owed.receipt(BundleName(1), 0, true);
        assert_eq!(owed.due(&rules), Some(rules.answer_wait));
    }
}
