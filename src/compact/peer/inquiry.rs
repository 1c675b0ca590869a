//! Whether the far box has a bundle: asked when the link cannot tell whether it left, and when the far box has later ones
//! and has not said that it has this one.
//!
//! ```text
//!   unknown(), or a gap ──> owed: rides in the next packet, or leaves alone
//!                             │ ^
//!                             v │ later and later; at once when its own packet did not go
//!                           asked ── receipt ────────────> there
//!                             │   ├─ not here, and it may be on its way still: asked again once that is over
//!                             │   └─ not here ───────────> it goes again, as it is
//!                             └─ no answer: the far box knows no such question; the wait for the receipt goes on
//! ```
//!
//! Only an answer to a question counts: a *no* that nobody asked for any more says nothing about what went since.

use serde::{Deserialize, Serialize};

use super::memory::{BundleName, Reception};
use super::notes::Note;
use super::outbox::OutboxBundle;
use super::receive::MOST_ROUNDS;
use super::{Peer, PeerContext, PeerRules, PeerTurn};

const HOUR: i64 = 3_600_000;
/// A question without an answer is asked again after this, then after four times as long ...
const AGAIN: i64 = 6 * HOUR;
/// ... and so many times in all.
const MOST_TIMES: u8 = 4;
/// What was sent crosses an answer for so long in any case.
pub(super) const CROSSING: i64 = HOUR;

/// So many bundles wait for their receipts at most ...
const MOST_AWAITING: usize = 192;
/// ... and of so many the far box is asked for them, in a packet of its own after a minute.
const MANY_AWAITING: usize = 96;
const MANY_WAIT: i64 = HOUR / 60;

/// The question whether the far box has a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inquiry {
    /// From then on it rides in packets.
    since: i64,
    /// Then it leaves alone.
    alone: i64,
    /// How long after `since` that is.
    wait: i64,
    /// How often it was asked.
    times: u8,
    /// When it was asked first of those times to which no answer came: the answer may be one to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<i64>,
}

impl OutboxBundle {
    /// What was unknown is known: nothing is left to ask, unless the far box was to be asked for another reason.
    pub(super) fn settle_inquiry(&mut self) {
        if !self.is_unknown() {
            self.inquiry = None;
        }
    }

    /// The far box has not forgotten by then what it took; later its *no* says nothing.
    fn is_remembered(&self, at: i64) -> bool {
        !self.is_old(at)
    }

    /// When to ask again, as the far box answered while it may have been on its way, or may have been asked then; `None` where
    /// its answer is to be believed.
    pub(super) fn answered_early(&self, rules: &PeerRules, now: i64) -> Option<i64> {
        let until = self.arrives_until(rules, now)?;
        let asked = self.inquiry.as_ref().and_then(|inquiry| inquiry.asked).unwrap_or(now);
        (now.min(asked) < until).then_some(until.max(now))
    }

    /// Until when it may be on its way; `None` for one that never left.
    fn arrives_until(&self, rules: &PeerRules, now: i64) -> Option<i64> {
        let doubted = self.doubted.map(|at| at.min(now).saturating_add(self.transit));
        let sent = self.last_sent.map(|at| at.min(now).saturating_add(CROSSING.max(rules.transit)));
        if self.is_unknown() { doubted } else { doubted.max(sent) }
    }

    /// True while it may be on its way.
    pub(super) fn on_its_way(&self, rules: &PeerRules, now: i64) -> bool {
        self.arrives_until(rules, now).is_some_and(|until| now < until)
    }

    /// The answer came too early to be believed: it is asked again then.
    fn ask_after(&mut self, until: i64) {
        if let Some(inquiry) = self.inquiry.as_mut().filter(|inquiry| inquiry.times > 0) {
            (inquiry.since, inquiry.alone) = (until, until.saturating_add(inquiry.wait));
            (inquiry.times, inquiry.asked) = (0, None);
        }
    }

    fn inquiry(&mut self, since: i64, wait: i64) {
        self.inquiry.get_or_insert(Inquiry { since, alone: since.saturating_add(wait), wait, times: 0, asked: None });
    }
}

impl Peer {
    /// The link cannot tell whether a packet left: the far box is asked. The transit time is that of this link.
    pub fn unknown(&mut self, rules: &PeerRules, ticket: u64, fragment: u8, now: i64) {
        let Some(at) = self.out.iter().position(|bundle| bundle.ticket == ticket) else { return };
        let bundle = &mut self.out[at];
        let Some(packet) = bundle.packets.get_mut(usize::from(fragment)) else { return };
        (packet.with_link, packet.unknown) = (false, true);
        let ends = |at: i64, transit: i64| at.min(now).saturating_add(transit);
        if bundle.doubted.is_none_or(|at| ends(at, bundle.transit) <= ends(now, rules.transit)) {
            (bundle.doubted, bundle.transit) = (Some(now), rules.transit);
        }
        let carried = std::mem::take(&mut packet.carries);
        if bundle.name.is_some() && !bundle.messages.is_empty() && !bundle.replaced {
            bundle.inquiry(now, rules.inquiry_wait);
        }
        self.notes_unknown(carried, now);
        self.sweep();
    }

    /// What was unknown has certainly not left. True when it is with the link again, as it was; false when it need not go
    /// any more.
    pub fn returned(&mut self, ticket: u64, fragment: u8) -> bool {
        let Some(bundle) = self.out.iter_mut().find(|bundle| bundle.ticket == ticket) else { return false };
        let wanted = !bundle.replaced && !bundle.messages.is_empty();
        let packet = bundle.packets.get_mut(usize::from(fragment)).filter(|packet| wanted && packet.unknown);
        let Some(packet) = packet else { return false };
        (packet.with_link, packet.unknown) = (true, false);
        bundle.settle_inquiry();
        true
    }

    /// When a question has to leave alone.
    pub(super) fn inquiries_due(&self) -> Option<i64> {
        self.open_inquiries().map(|(_, inquiry)| inquiry.alone).min()
    }

    /// The questions that ride in a packet that leaves now.
    pub(super) fn inquiries(&self, now: i64) -> Vec<Note> {
        let due = self.open_inquiries().filter(|(_, inquiry)| inquiry.since <= now);
        due.filter_map(|(bundle, _)| Some(Note::Have(bundle.name?, bundle.id))).collect()
    }

    fn open_inquiries(&self) -> impl Iterator<Item = (&OutboxBundle, &Inquiry)> {
        let open = |bundle: &OutboxBundle| !bundle.replaced && !bundle.messages.is_empty();
        let asks = |bundle: &OutboxBundle, it: &Inquiry| it.times < MOST_TIMES && bundle.is_remembered(it.alone);
        let asked = self.out.iter().filter(move |bundle| open(bundle));
        asked.filter_map(move |bundle| Some((bundle, bundle.inquiry.as_ref().filter(|it| asks(bundle, it))?)))
    }

    /// A packet with this question is with the link.
    pub(super) fn inquired(&mut self, name: BundleName, now: i64) {
        if let Some(inquiry) = self.inquiry_about(name) {
            inquiry.since = now.saturating_add(AGAIN << (2 * inquiry.times.min(MOST_TIMES)));
            inquiry.alone = inquiry.since.saturating_add(inquiry.wait);
            inquiry.times += 1;
            inquiry.asked.get_or_insert(now);
        }
    }

    /// That packet did not go out, or may not have.
    pub(super) fn inquire_again(&mut self, name: BundleName, now: i64) {
        if let Some(inquiry) = self.inquiry_about(name) {
            (inquiry.since, inquiry.alone) = (now, now.saturating_add(inquiry.wait));
            // It stays one that was asked: the packet may have gone.
            inquiry.times = inquiry.times.saturating_sub(1).max(1);
        }
    }

    fn inquiry_about(&mut self, name: BundleName) -> Option<&mut Inquiry> {
        self.out.iter_mut().find(|bundle| bundle.name == Some(name))?.inquiry.as_mut()
    }

    /// The far box has a bundle that was sent at that time: what was sent well before it, and has no receipt, is asked
    /// for.
    pub(super) fn notice_gaps(&mut self, sent: i64, rules: &PeerRules, now: i64) {
        for bundle in &mut self.out {
            let before = bundle.last_sent.is_some_and(|at| at < sent);
            if !before || !bundle.awaits() || bundle.with_link() || bundle.is_unknown() || bundle.form.is_none() {
                continue;
            }
            let crossing = CROSSING.max(rules.transit);
            let since = now.max(bundle.last_sent.unwrap_or(now).saturating_add(crossing));
            bundle.inquiry(since, rules.answer_wait);
        }
    }

    /// As many bundles wait for their receipts as are kept: no more are planned before some came.
    pub fn is_full(&self) -> bool {
        self.awaiting() >= MOST_AWAITING
    }

    fn awaiting(&self) -> usize {
        self.out.iter().filter(|bundle| bundle.awaits()).count()
    }

    /// Many bundles wait for their receipts: the far box is asked for the last one, and the packet that answers has room
    /// for the receipts that it holds back.
    pub(super) fn ask_when_many(&mut self, now: i64) {
        if self.awaiting() < MANY_AWAITING || self.out.iter().any(|bundle| bundle.inquiry.is_some()) {
            return;
        }
        let waits = |bundle: &&mut OutboxBundle| bundle.awaits() && !bundle.with_link() && bundle.name.is_some();
        if let Some(last) = self.out.iter_mut().rev().find(waits) {
            last.inquiry(now, MANY_WAIT);
        }
    }

    /// The far box asks whether this one has a bundle.
    pub(super) fn answer(&mut self, name: BundleName, id: Option<u8>, now: i64) {
        match self.taken.reception(name) {
            Some(Reception::Delivered) => self.owed.receipt_asked(name, now),
            Some(reception) => self.received_again(name, reception, now),
            None => match self.sets.iter_mut().find(|set| Some(set.id) == id) {
                Some(set) => set.ask_at = now,
                None => self.owed.question(Note::NotHere(name), now),
            },
        }
    }

    /// The far box does not have a bundle that it was asked for: it goes again, as it is.
    pub(super) fn not_here(&mut self, context: &mut PeerContext, turn: &mut PeerTurn, name: BundleName) {
        let Some(bundle) = self.out.iter_mut().find(|bundle| bundle.name == Some(name) && !bundle.replaced) else {
            return;
        };
        if let Some(until) = bundle.answered_early(&context.rules, context.now) {
            return bundle.ask_after(until);
        }
        if bundle.inquiry.take_if(|inquiry| inquiry.times > 0).is_none() || !bundle.is_remembered(context.now) {
            return;
        }
        let ticket = bundle.ticket;
        for (fragment, packet) in (0..).zip(&mut bundle.packets).filter(|(_, packet)| packet.unknown) {
            (packet.with_link, packet.unknown) = (true, false);
            turn.not_there.push((ticket, fragment));
            // It may be on its way still: it never goes under another name.
            bundle.first_sent.get_or_insert(context.now);
        }
        // Of a classic one that left, a copy may come late, to a box with older software, which takes it for another.
        let ended = bundle.form.is_none() || bundle.repeats >= MOST_ROUNDS;
        if bundle.with_link() || ended || !bundle.fits(context.room) {
            return;
        }
        bundle.repeats += 1;
        bundle.last_sent = Some(context.now);
        for fragment in 0..bundle.packets.len() {
            turn.send.extend(self.emit(context, ticket, fragment));
        }
    }

    /// The far box says which fragments it has: what was unknown of them is known, if it was asked.
    pub(super) fn settle_fragments(&mut self, context: &PeerContext, turn: &mut PeerTurn, id: u8, there: u16) {
        let now = context.now;
        let Some(bundle) = self.out.iter_mut().find(|bundle| bundle.id == Some(id) && !bundle.replaced) else { return };
        let early = bundle.answered_early(&context.rules, now);
        if let Some(until) = early {
            bundle.ask_after(until);
        }
        let asked = early.is_none() && bundle.inquiry.take_if(|inquiry| inquiry.times > 0).is_some();
        let asked = asked && bundle.is_remembered(now);
        for (fragment, packet) in (0..).zip(&mut bundle.packets).filter(|(_, packet)| packet.unknown) {
            if there >> fragment & 1 == 1 {
                (packet.unknown, packet.sent) = (false, Some(now));
                bundle.first_sent.get_or_insert(now);
                bundle.last_sent = Some(now);
                turn.arrived_fragments.push((bundle.ticket, fragment));
            } else if asked {
                (packet.with_link, packet.unknown) = (true, false);
                bundle.first_sent.get_or_insert(now);
                turn.not_there.push((bundle.ticket, fragment));
            }
        }
    }
}
