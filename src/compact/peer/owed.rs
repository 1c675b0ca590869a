//! Notes that are owed to the other box, and when they may not wait any longer for a packet to ride with.

use serde::{Deserialize, Serialize};

use super::memory::Name;
use super::notes::Note;
use super::outbox::{Body, Part};
use super::{Peer, PeerContext, Rules, Turn};

/// Receipts that are owed at most; of more the other box hears when it repeats the packet.
const MOST: usize = 256;
const HOUR: i64 = 3_600_000;
/// A question that found no answer is asked again after this.
pub const ASK_AGAIN: i64 = 72 * HOUR;
/// Missing pieces are asked for again after this.
const PIECES_AGAIN: i64 = 24 * HOUR;

/// What is owed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Owed {
    receipts: Vec<Receipt>,
    questions: Vec<(Note, i64)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Receipt {
    name: Name,
    since: i64,
    /// An earlier one was lost: it does not wait for hours.
    soon: bool,
}

impl Owed {
    /// A body is taken; `again` when it came before.
    pub fn receipt(&mut self, name: Name, now: i64, again: bool) {
        match self.receipts.iter_mut().find(|receipt| receipt.name == name) {
            Some(receipt) => receipt.soon |= again,
            None => self.receipts.push(Receipt { name, since: now, soon: again }),
        }
        let over = self.receipts.len().saturating_sub(MOST);
        self.receipts.drain(..over);
    }

    /// A body cannot be read.
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

    fn due(&self, rules: &Rules) -> Option<i64> {
        let alone = (rules.receipt_hours > 0).then_some(i64::from(rules.receipt_hours) * HOUR);
        let receipt = |receipt: &Receipt| {
            let wait = if receipt.soon { alone?.min(rules.answer_wait) } else { alone? };
            Some(receipt.since.saturating_add(wait))
        };
        let receipts = self.receipts.iter().filter_map(receipt);
        receipts.chain(self.questions.iter().map(|(_, since)| since.saturating_add(rules.answer_wait))).min()
    }
}

impl Peer {
    /// When notes have to leave alone.
    pub(super) fn notes_due(&self, rules: &Rules) -> Option<i64> {
        if !self.agreement.understands_notes {
            return None;
        }
        let hello = self.agreement.owed.map(|since| since.saturating_add(rules.answer_wait));
        let pieces = self.sets.iter().map(|set| set.ask_at).min();
        [self.owed.due(rules), hello, pieces].into_iter().flatten().min()
    }

    /// What is owed now, the most urgent first.
    pub(super) fn owed_notes(&self, here: &mut PeerContext) -> Vec<Note> {
        let hello = self.agreement.hello(&here.codec.models(), here.rules.receipt_hours, here.now).map(Note::Hello);
        let questions = self.owed.questions.iter().map(|(note, _)| note.clone());
        let waiting = self.sets.iter().filter(|set| set.ask_at <= here.now);
        let pieces = waiting.map(|set| Note::Pieces(set.id, set.there()));
        let receipts = self.owed.receipts.iter().map(|receipt| Note::Receipt(receipt.name));
        hello.into_iter().chain(questions).chain(pieces).chain(receipts).collect()
    }

    /// These notes ride in a packet for the link.
    pub(super) fn said(&mut self, notes: &[Note], now: i64) {
        for note in notes {
            match note {
                Note::Receipt(name) => self.owed.receipts.retain(|receipt| receipt.name != *name),
                Note::Hello(_) => self.agreement.said(now),
                Note::Lacks(..) | Note::Check(_) => self.owed.answered(note),
                Note::Pieces(id, _) => self.ask_for_pieces(*id, now.saturating_add(PIECES_AGAIN)),
                Note::Replaces(_) => {}
            }
        }
    }

    /// That packet did not go out.
    pub(super) fn unsaid(&mut self, notes: Vec<Note>, now: i64) {
        for note in notes {
            match note {
                Note::Receipt(name) => self.owed.receipt(name, now, true),
                Note::Hello(_) => self.agreement.unsaid(now),
                Note::Lacks(..) | Note::Check(_) => self.owed.question(note, now),
                Note::Pieces(id, _) => self.ask_for_pieces(id, now),
                Note::Replaces(_) => {}
            }
        }
    }

    fn ask_for_pieces(&mut self, id: u8, at: i64) {
        self.sets.iter_mut().filter(|set| set.id == id).for_each(|set| set.ask_at = at);
    }

    /// Sends what may not wait any longer in packets of its own.
    pub(super) fn send_notes(&mut self, here: &mut PeerContext, turn: &mut Turn) {
        while self.notes_due(&here.rules).is_some_and(|due| due <= here.now) {
            let ticket = self.next_ticket();
            let nobody = Body { wait: None, packets: vec![Part::default()], ..self.record(here, ticket, Vec::new()) };
            self.out.push(nobody);
            let packet = self.emit(here, ticket, 0);
            let sense = packet.as_ref().is_some_and(|packet| !packet.payload.is_empty());
            turn.send.extend(packet.filter(|_| sense));
            if !sense {
                // A link whose packets hold no note at all.
                self.out.retain(|body| body.ticket != ticket);
                return;
            }
        }
    }
}
