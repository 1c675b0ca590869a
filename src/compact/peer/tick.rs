//! What time brings: repeats, notes that leave alone, what is given up.

use super::outbox::OutboxBundle;
use super::past::SharedMessages;
use super::turn::PeerChange;
use super::{Peer, PeerContext, PeerRules, PeerTurn};

const HOUR: i64 = 3_600_000;
/// A bundle without a receipt goes again this often.
const MOST_REPEATS: u8 = 2;
/// Compact bundles without any answer after which the far box seems to have unlearned, and how long they wait.
const SILENT_BUNDLES: usize = 3;
const SILENCE: i64 = 48 * HOUR;
/// The same where receipts never leave alone.
const LONG_SILENCE: i64 = 14 * 24 * HOUR;
/// A bundle is not repeated when it is older than this: the far box may have forgotten that it took it.
pub(super) const REPEATABLE: i64 = 20 * 24 * HOUR;
/// Messages that the far box could not read wait at most this long, and are remembered far longer.
pub(super) const REPLACEABLE: i64 = 14 * 24 * HOUR;
const RECODE_KEPT: i64 = 90 * 24 * HOUR;
/// A receipt that comes later than this says nothing any more.
const LATEST: i64 = 21 * 24 * HOUR;
/// Bundles kept beside those that wait for their receipts: for late ones.
const MOST_GIVEN_UP: usize = 64;

impl Peer {
    /// When [`tick`](Self::tick) has something to do, in milliseconds since 1970; in the past: now.
    pub fn due(&self, rules: &PeerRules) -> Option<i64> {
        let bundles = self.out.iter().filter_map(|bundle| bundle.due());
        let notes = self.notes_due(rules);
        bundles.chain(notes).chain(self.intake_due(rules.parts_wait)).min()
    }

    /// Does what is due. To be called also when the box starts, and when its models or rules changed.
    pub fn tick(&mut self, context: &mut PeerContext) -> PeerTurn {
        let mut turn = PeerTurn::default();
        self.taken.age(context.now);
        self.used.age(context.now);
        self.fates.age(context.now);
        self.whereabouts.age(&context.rules, context.now);
        SharedMessages::age(&mut self.there, &mut self.came, context.now);
        self.retry(context, &mut turn);
        self.age_intake(context, &mut turn);
        self.notice_silence(context.now, &mut turn);
        self.repeat(context, &mut turn);
        self.forget_old(context.now);
        self.send_notes(context, &mut turn);
        self.sweep();
        turn
    }

    /// Bundles of which nothing was heard go again, then their messages are reported.
    fn repeat(&mut self, context: &mut PeerContext, turn: &mut PeerTurn) {
        let speaks = self.agreement.form(&context.codec.models()).is_some();
        for at in 0..self.out.len() {
            let bundle = &mut self.out[at];
            if bundle.due().is_none_or(|due| due > context.now) {
                continue;
            }
            // A classic box would take a repeat for another message, and reads no compact one.
            if bundle.form.is_none() || !speaks || bundle.is_old(context.now) || bundle.repeats >= MOST_REPEATS {
                bundle.given_up = true;
                let told = std::mem::take(&mut bundle.fates);
                turn.unconfirmed
                    .extend(bundle.messages.iter().filter(|key| !turn.unconfirmed.contains(key)).collect::<Vec<_>>());
                self.notes_lost(told, context.now);
                continue;
            }
            // Too large for the link of now: it waits for one that takes it.
            if !bundle.fits(context.room) {
                continue;
            }
            bundle.repeats += 1;
            let (ticket, told) = (bundle.ticket, std::mem::take(&mut bundle.fates));
            let unsent: Vec<_> = (0..bundle.packets.len()).filter(|at| bundle.packets[*at].waits_for_link()).collect();
            self.notes_lost(told, context.now);
            // One fragment is enough to hear which others are missing.
            let fragments = if unsent.is_empty() { vec![0] } else { unsent };
            for fragment in fragments {
                turn.send.extend(self.emit(context, ticket, fragment));
            }
        }
    }

    /// Many bundles and no answer at all: the far box may be another one by now.
    fn notice_silence(&mut self, now: i64, turn: &mut PeerTurn) {
        if !self.agreement.knows_us() {
            return;
        }
        let wait = match self.agreement.receipt_hours() {
            Some(hours) => SILENCE.saturating_add(i64::from(hours) * HOUR),
            None => LONG_SILENCE,
        };
        let unheard = |at: i64| self.alive.is_none_or(|alive| alive < at) && at.saturating_add(wait) <= now;
        let silent = self.out.iter().filter(|bundle| bundle.form.is_some() && bundle.first_sent.is_some_and(unheard));
        if silent.count() >= SILENT_BUNDLES && self.agreement.unlearned() {
            turn.news.push(PeerChange::Silent);
        }
    }

    fn forget_old(&mut self, now: i64) {
        // One that waits for its receipt is never forgotten: of too many no more are planned (`is_full`).
        let is_free = |bundle: &OutboxBundle| !bundle.with_link() && !bundle.is_unknown() && !bundle.awaits();
        let free = self.out.iter().filter(|bundle| is_free(bundle)).count();
        let mut over = free.saturating_sub(MOST_GIVEN_UP);
        let gone = self.out.extract_if(.., |bundle| {
            let last = bundle.last_sent.unwrap_or(bundle.planned);
            let old = last.saturating_add(LATEST) <= now || over > 0;
            let goes = is_free(bundle) && old;
            over = over.saturating_sub(usize::from(goes));
            goes
        });
        let parts: Vec<u64> = gone.filter(|bundle| bundle.form.is_none()).flat_map(|bundle| bundle.messages).collect();
        self.lacks_part(&parts);
        self.recode.retain(|group| group.at.saturating_add(RECODE_KEPT) > now);
    }
}
