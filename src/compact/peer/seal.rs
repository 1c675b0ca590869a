//! Bundles and their packets: named so that the far box takes them for nothing that it had before.

use super::classic::size;
use super::memory::{HexBytes, MOST_SALTS, hash, name_of};
use super::notes::Note;
use super::outbox::{OutboxBundle, OutboxFragment};
use super::past::SharedMessage;
use super::plan::{Batch, DraftBundle};
use super::turn::PlanRefusal;
use super::{AirUse, Peer, PeerContext, SendPlan, WaitingMessage};
use crate::letter::{Letter, Other};
use crate::packet::fragments::{IDS, Room, cut};
use crate::packet::{Form, Past};

/// A receipt is not waited for longer, however long the far box keeps it: the far box forgets what it took.
const LONGEST_WAIT: i64 = 12 * 24 * 3_600_000;

impl Peer {
    /// Makes the bundle of a bundle, one whose name the far box does not know, and its packets.
    pub(super) fn seal(
        &mut self,
        context: &mut PeerContext,
        batch: &Batch<'_>,
        draft: &DraftBundle,
        plan: &mut SendPlan,
    ) {
        let past = self.past(context, batch, draft);
        let sealed = (1..MOST_SALTS).find_map(|salt| {
            let bundle = batch.bundle(context, &draft.messages, &past, salt);
            let (id, packets) = self.name_freely(&bundle, batch.room)?;
            Some((bundle, id, packets))
        });
        let keys: Vec<u64> = draft.messages.iter().map(|at| batch.waiting[*at].key).collect();
        let Some((bundle, id, packets)) = sealed else {
            return plan.refused.extend(keys.iter().map(|key| (*key, PlanRefusal::TooLong)));
        };
        let of = |all: &[Letter], index: bool| -> Vec<String> {
            let some = draft.messages.iter().filter(|at| !index || matches!(all[**at].other, Other::Index(_)));
            some.filter_map(|at| {
                if let Other::Address(address) = &batch.written[*at].other { Some(address.clone()) } else { None }
            })
            .collect()
        };
        let name = name_of(hash(&bundle));
        packets.iter().for_each(|packet| self.used.add(name_of(hash(packet)), context.now));
        self.used.add(name, context.now);
        // A stored bundle has no index in it.
        let indexed = if bundle[0] >> 4 == 0b1010 { of(&batch.on_air, true) } else { Vec::new() };
        let (ticket, count) = (self.next_ticket(), packets.len());
        let mut record = self.record(context, ticket, keys);
        (record.name, record.form, record.id) = (Some(name), Some(batch.form), id);
        record.answers = answers(draft.messages.iter().map(|at| &batch.waiting[*at]));
        record.since = batch.since;
        (record.replaces, record.indexed, record.addresses) = (batch.names.clone(), indexed, of(&batch.written, false));
        record.after = !past.records.is_empty();
        if context.rules.past && self.agreement.knows_past() && batch.form != Form::Stored {
            let letters: Vec<Letter> = draft.messages.iter().map(|at| batch.written[*at].clone()).collect();
            // What waits for its receipt may arrive later than these, and everything that goes from now on.
            let open: usize = self.out.iter().filter(|it| it.form.is_some()).map(|it| it.messages.len()).sum();
            record.says = SharedMessage::of_bundle(&letters, &past, self.went.saturating_sub(open as u64));
        }
        record.packets = packets
            .iter()
            .map(|packet| OutboxFragment { bytes: HexBytes(packet.clone()), ..OutboxFragment::default() })
            .collect();
        self.went += draft.messages.len() as u64;
        self.out.push(record);
        for fragment in 0..count {
            plan.send.extend(self.emit(context, ticket, fragment));
        }
        let bytes = packets.iter().map(Vec::len).sum();
        account(context, batch, draft, bytes, count, plan);
    }

    /// What the far box has of the correspondence of the longest of these messages, where that makes the bundle shorter.
    fn past(&self, context: &mut PeerContext, batch: &Batch<'_>, draft: &DraftBundle) -> Past {
        let urgent = draft.messages.iter().any(|at| batch.waiting[*at].urgent);
        // What the far box could not read goes without, so that it can be read.
        if urgent
            || !context.rules.past
            || !self.agreement.knows_past()
            || !batch.names.is_empty()
            || batch.form == Form::Stored
        {
            return Past::default();
        }
        let letters = draft.messages.iter().map(|at| &batch.written[*at]);
        let past = letters.max_by_key(|letter| letter.text.len()).map(|letter| self.there.past(letter, self.went));
        let shorter = |past: &Past| batch.bundle(context, &draft.messages, past, 1).len() < draft.size;
        past.filter(|past| !past.records.is_empty()).filter(shorter).unwrap_or_default()
    }

    /// A bundle of these messages of which nothing else is known yet.
    pub(super) fn record(&self, context: &PeerContext, ticket: u64, messages: Vec<u64>) -> OutboxBundle {
        let hours = self.agreement.receipt_hours().map(|hours| i64::from(hours) * 3_600_000);
        OutboxBundle {
            ticket,
            name: None,
            form: None,
            keys: messages.clone(),
            fates: Vec::new(),
            messages,
            countable: true,
            wait: hours.map(|hours| hours.saturating_add(context.rules.patience).min(LONGEST_WAIT)),
            replaces: Vec::new(),
            answers: Vec::new(),
            id: None,
            packets: Vec::new(),
            addresses: Vec::new(),
            indexed: Vec::new(),
            says: Vec::new(),
            after: false,
            hello: None,
            planned: context.now,
            since: None,
            first_sent: None,
            last_sent: None,
            doubted: None,
            transit: 0,
            repeats: 0,
            given_up: false,
            replaced: false,
            inquiry: None,
        }
    }

    /// The packets of a bundle, when neither it nor any of its fragments has a name that was used.
    fn name_freely(&mut self, bundle: &[u8], room: Room) -> Option<(Option<u8>, Vec<Vec<u8>>)> {
        let free = |bytes: &[u8]| !self.used.has(name_of(hash(bytes)));
        if !free(bundle) {
            return None;
        }
        if bundle.len() <= room.bytes {
            return Some((None, vec![bundle.to_vec()]));
        }
        let busy = |id: u8| self.out.iter().any(|bundle| bundle.id == Some(id) && !bundle.messages.is_empty());
        let ids = (1..=IDS).map(|step| (self.ids + step) % IDS);
        // When all are in use, which takes more bundles than wait for receipts, the one used longest ago has to do.
        let (unused, used): (Vec<u8>, Vec<u8>) = ids.partition(|id| !busy(*id));
        let found = unused.into_iter().chain(used).find_map(|id| {
            let packets = cut(bundle, id, room)?;
            packets.iter().all(|packet| free(packet)).then_some((id, packets))
        });
        let (id, packets) = found?;
        self.ids = id;
        Some((Some(id), packets))
    }
}

/// What the messages of a bundle answer, by their places.
pub(super) fn answers<'w>(waiting: impl Iterator<Item = &'w WaitingMessage<'w>>) -> Vec<Note> {
    let answers = (0..).zip(waiting).map(|(place, waiting)| (place, waiting.answers));
    answers.filter_map(|(place, answers)| answers.map(|(name, theirs)| Note::Answers(place, name, theirs))).collect()
}

fn account(
    context: &mut PeerContext,
    batch: &Batch<'_>,
    draft: &DraftBundle,
    bytes: usize,
    packets: usize,
    plan: &mut SendPlan,
) {
    let whole: usize = draft.messages.iter().map(|at| batch.alone[*at]).sum();
    let mut left = bytes;
    for (nth, &at) in draft.messages.iter().enumerate() {
        let last = nth + 1 == draft.messages.len();
        let share = if last { left } else { (bytes * batch.alone[at] / whole.max(1)).min(left) };
        left -= share;
        let WaitingMessage { key, message, .. } = batch.waiting[at];
        plan.uses.push(AirUse {
            key,
            classic: size(context, message).unwrap_or_default(),
            alone: batch.packets(batch.alone[at]),
            bytes: share,
            packets,
            messages: draft.messages.len(),
        });
    }
}
