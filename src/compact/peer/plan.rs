//! Which messages go in which packets. Messages share a bundle when that takes fewer packets; among equals, bundles that
//! stand alone go before one that is cut in fragments, as one lost packet then costs only its own messages.

use super::classic;
use super::memory::BundleName;
use super::notes::{Note, wrap};
use super::outbox::MOST_REPLACED;
use super::tick::REPLACEABLE;
use super::turn::PlanRefusal;
use super::{Peer, PeerContext, Recode, SendPlan, WaitingMessage};
use crate::letter::{Letter, Other};
use crate::packet::bundle::encode;
use crate::packet::fragments::{MOST_FRAGMENTS, Room};
use crate::packet::{Form, Past};

/// Most messages in one bundle.
const MOST_MESSAGES: usize = 16;
/// Bytes of a bundle of several that are not coded: on the wire no other packet comes between.
const PLAIN: usize = 8_000;

/// Messages that go in one bundle.
pub struct DraftBundle {
    /// Places in the batch.
    pub messages: Vec<usize>,
    /// Bytes of the bundle, where it comes after nothing.
    pub size: usize,
}

/// Messages on their way into bundles.
pub struct Batch<'l> {
    pub form: Form,
    /// Bundles whose messages these are.
    pub names: Vec<BundleName>,
    /// When the first of those was planned.
    pub since: Option<i64>,
    /// What a packet holds beside the notes that say so.
    pub room: Room,
    pub waiting: Vec<WaitingMessage<'l>>,
    /// The messages, with an index where the far box knows it.
    pub on_air: Vec<Letter>,
    /// The same messages with all addresses written out.
    pub written: Vec<Letter>,
    /// Bytes that each takes alone.
    pub alone: Vec<usize>,
}

impl Batch<'_> {
    /// The bundle of some of the messages.
    pub fn bundle(&self, context: &mut PeerContext, messages: &[usize], past: &Past, salt: u16) -> Vec<u8> {
        let some = |all: &[Letter]| messages.iter().map(|at| all[*at].clone()).collect::<Vec<_>>();
        encode(context.codec, self.form, &some(&self.on_air), &some(&self.written), past, self.room.bytes, salt)
    }

    /// Its bytes, where it comes after nothing.
    fn size(&self, context: &mut PeerContext, messages: &[usize]) -> usize {
        self.bundle(context, messages, &Past::default(), 1).len()
    }

    /// Packets that a bundle of this size takes.
    pub fn packets(&self, size: usize) -> usize {
        self.room.packets(size)
    }
}

impl Peer {
    /// Packets for all these messages. Those of messages that the far box could not read say so.
    pub fn plan(&mut self, context: &mut PeerContext, waiting: &[WaitingMessage<'_>]) -> SendPlan {
        let mut plan = SendPlan::default();
        let form = self.agreement.form(&context.codec.models());
        let group = |key: u64| self.recode.iter().position(|group| group.messages.contains(&key));
        let (again, mut fresh): (Vec<WaitingMessage>, Vec<WaitingMessage>) =
            waiting.iter().copied().partition(|waiting| group(waiting.key).is_some());
        for mut group in std::mem::take(&mut self.recode) {
            let some: Vec<WaitingMessage> =
                again.iter().copied().filter(|one| group.messages.contains(&one.key)).collect();
            let young = group.at.saturating_add(REPLACEABLE) > context.now;
            if form.is_none() && group.waits && young {
                self.recode.push(group);
                continue;
            }
            group.messages.retain(|key| !some.iter().any(|waiting| waiting.key == *key));
            match form.filter(|_| young) {
                Some(form) => self.plan_compact(context, form, (&group.names, group.since), &some, &mut plan),
                None if group.wish => fresh.extend(some),
                // In a classic packet nothing would tell that they replace others.
                None => {
                    plan.refused.extend(some.iter().map(|waiting| (waiting.key, PlanRefusal::NoOtherCoding)));
                }
            }
            self.recode.push(group);
        }
        let plain = context.rules.plain && self.agreement.reads_stored();
        match form.map(|form| if plain { Form::Stored } else { form }) {
            Some(form) => self.plan_compact(context, form, (&[], None), &fresh, &mut plan),
            None => fresh.iter().for_each(|waiting| self.plan_classic(context, *waiting, &mut plan)),
        }
        self.sweep();
        plan
    }

    /// True where the next bundle of a message has to say that it replaces one which may have arrived, and nobody asked for it:
    /// it waits while there is no coding in which that can be said.
    pub fn replaces_by_itself(&self, key: u64, now: i64) -> bool {
        let waits = |group: &Recode| group.waits && group.at.saturating_add(REPLACEABLE) > now;
        self.recode.iter().any(|group| waits(group) && group.messages.contains(&key))
    }

    /// True for a message that the far box could not read, or may not have: its next bundle says what it replaces.
    pub fn is_planned_anew(&self, key: u64) -> bool {
        self.recode.iter().any(|group| group.messages.contains(&key))
    }

    /// Bytes and packets that a message takes alone, as things stand.
    pub fn measure(&self, context: &mut PeerContext, message: &Letter) -> (usize, usize) {
        let waiting = [WaitingMessage { key: 0, message, answers: None, urgent: false }];
        let form = self.agreement.form(&context.codec.models());
        match form.and_then(|form| self.batch(context, form, (&[], None), &waiting)) {
            Some(batch) => (batch.alone[0], batch.packets(batch.alone[0])),
            None => classic::size(context, message).unwrap_or_default(),
        }
    }

    /// `None` where more names are replaced than one bundle may say.
    fn batch<'l>(
        &self,
        context: &mut PeerContext,
        form: Form,
        (names, since): (&[BundleName], Option<i64>),
        waiting: &[WaitingMessage<'l>],
    ) -> Option<Batch<'l>> {
        let written: Vec<Letter> = waiting.iter().map(|waiting| waiting.message.clone()).collect();
        let notes: Vec<_> = names.iter().copied().map(Note::Replaces).collect();
        let head = wrap(&notes, &[]).filter(|_| names.len() <= MOST_REPLACED)?.len();
        let room = Room { bytes: context.room.saturating_sub(head), step: context.step };
        let mut batch = Batch {
            form,
            names: names.to_vec(),
            since,
            room,
            waiting: waiting.to_vec(),
            on_air: written.clone(),
            written,
            alone: Vec::new(),
        };
        for message in &mut batch.on_air {
            let Other::Address(address) = &message.other else { continue };
            let known = self.book.index(address).filter(|_| message.kind.takes(address));
            if let Some(index) = known.filter(|_| matches!(form, Form::Model(_))) {
                message.other = Other::Index(index);
            }
        }
        batch.alone = (0..waiting.len()).map(|at| batch.size(context, &[at])).collect();
        Some(batch)
    }

    fn plan_compact(
        &mut self,
        context: &mut PeerContext,
        form: Form,
        (names, since): (&[BundleName], Option<i64>),
        waiting: &[WaitingMessage<'_>],
        plan: &mut SendPlan,
    ) {
        let Some(batch) = self.batch(context, form, (names, since), waiting) else {
            return plan.refused.extend(waiting.iter().map(|waiting| (waiting.key, PlanRefusal::TooLong)));
        };
        for message in &batch.written {
            if let Other::Address(address) = &message.other {
                self.book.used(address);
            }
        }
        let (fitting, long): (Vec<_>, Vec<_>) =
            (0..waiting.len()).partition(|at| batch.packets(batch.alone[*at]) <= MOST_FRAGMENTS);
        let drafts = match context.rules.plain && form == Form::Stored {
            true => in_order(context, &batch, &fitting),
            false => drafts(context, &batch, &fitting),
        };
        for draft in drafts {
            self.seal(context, &batch, &draft, plan);
        }
        for at in long {
            match names {
                [] => self.plan_classic(context, waiting[at], plan),
                _ => plan.refused.push((waiting[at].key, PlanRefusal::TooLong)),
            }
        }
    }
}

/// The messages as they come, as many in a bundle as go in one packet that is not in the way of others for long.
fn in_order(context: &mut PeerContext, batch: &Batch<'_>, messages: &[usize]) -> Vec<DraftBundle> {
    let most = batch.room.bytes.min(PLAIN);
    let mut drafts: Vec<DraftBundle> = Vec::new();
    for &at in messages {
        match drafts.last_mut() {
            // A bundle of several has what each has alone, but one head.
            Some(last) if last.messages.len() < MOST_MESSAGES && last.size + batch.alone[at] <= most => {
                last.messages.push(at);
                last.size += batch.alone[at];
            }
            _ => drafts.push(DraftBundle { messages: vec![at], size: batch.alone[at] }),
        }
    }
    drafts.iter_mut().for_each(|draft| draft.size = batch.size(context, &draft.messages));
    drafts
}

/// The messages for as little as is found: packets, or steps of the bill. Together, where a packet has room for all; else a message
/// goes to the bundle in which it costs least.
fn drafts(context: &mut PeerContext, batch: &Batch<'_>, messages: &[usize]) -> Vec<DraftBundle> {
    let (room, cost) = (batch.room.bytes, |size: usize| batch.room.cost(size));
    let several = (2..=MOST_MESSAGES).contains(&messages.len());
    let alone: usize = messages.iter().map(|at| batch.alone[*at]).sum();
    let together = |context: &mut PeerContext| {
        let size = batch.size(context, messages);
        DraftBundle { messages: messages.to_vec(), size }
    };
    // Most of coding is time: on a wide link one attempt takes the place of one for each message.
    let whole = match (several && alone * 3 / 4 <= room).then(|| together(context)) {
        Some(whole) if whole.size <= room => return vec![whole],
        whole => whole,
    };
    let mut standing: Vec<DraftBundle> = Vec::new();
    for &at in messages {
        let size = batch.alone[at];
        let mut best: Option<(usize, usize, usize)> = None;
        for (place, draft) in standing.iter().enumerate() {
            // A bundle rarely takes less than this: then there is no need to code it.
            let full = draft.messages.len() == MOST_MESSAGES;
            if full || draft.size > room || draft.size + size * 3 / 4 > room + 8 {
                continue;
            }
            let together = batch.size(context, &[&draft.messages[..], &[at]].concat());
            let more = cost(together).saturating_sub(cost(draft.size));
            if together <= room && best.is_none_or(|(least, ..)| more < least) {
                best = Some((more, place, together));
            }
            if best.is_some_and(|(least, ..)| least == 0) {
                break;
            }
        }
        match best.filter(|(more, ..)| *more <= cost(size)) {
            Some((_, place, size)) => {
                standing[place].messages.push(at);
                standing[place].size = size;
            }
            None => standing.push(DraftBundle { messages: vec![at], size }),
        }
    }
    if standing.len() > 1 && several {
        let whole = whole.unwrap_or_else(|| together(context));
        let apart: usize = standing.iter().map(|draft| cost(draft.size)).sum();
        if cost(whole.size) < apart && batch.packets(whole.size) <= MOST_FRAGMENTS {
            return vec![whole];
        }
    }
    standing
}
