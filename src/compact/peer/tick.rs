//! What time brings: repeats, notes that leave alone, what is given up.

use super::{Peer, PeerContext, Rules, Turn};

const HOUR: i64 = 3_600_000;
/// A body without a receipt goes again this often.
const MOST_REPEATS: u8 = 2;
/// Compact bodies without any answer after which the far box seems to have unlearned, and how long they wait.
const SILENT_BODIES: usize = 3;
const SILENCE: i64 = 48 * HOUR;
/// The same where receipts never leave alone.
const LONG_SILENCE: i64 = 14 * 24 * HOUR;
/// A body is not repeated when it is older than this: the far box may have forgotten that it took it.
pub(super) const REPEATABLE: i64 = 20 * 24 * HOUR;
/// Letters that the far box could not read wait at most this long, and are remembered far longer.
pub(super) const REPLACEABLE: i64 = 14 * 24 * HOUR;
const RECODE_KEPT: i64 = 90 * 24 * HOUR;
/// A receipt that comes later than this says nothing any more.
const LATEST: i64 = 21 * 24 * HOUR;
/// Bodies kept for their receipts.
const MOST_BODIES: usize = 128;

impl Peer {
    /// When [`tick`](Self::tick) has something to do, in milliseconds since 1970; in the past: now.
    pub fn due(&self, rules: &Rules) -> Option<i64> {
        let bodies = self.out.iter().filter_map(|body| body.due());
        let notes = self.notes_due(rules);
        bodies.chain(notes).chain(self.intake_due(rules.parts_wait)).min()
    }

    /// Does what is due. To be called also when the box starts, and when its models or rules changed.
    pub fn tick(&mut self, here: &mut PeerContext) -> Turn {
        let mut turn = Turn::default();
        self.taken.age(here.now);
        self.used.age(here.now);
        self.retry(here, &mut turn);
        self.age_intake(here, &mut turn);
        self.notice_silence(here.now, &mut turn);
        self.repeat(here, &mut turn);
        self.forget_old(here.now, &mut turn);
        self.send_notes(here, &mut turn);
        self.sweep();
        turn
    }

    /// Bodies of which nothing was heard go again, then their letters are reported.
    fn repeat(&mut self, here: &mut PeerContext, turn: &mut Turn) {
        let speaks = self.agreement.form(&here.codec.models()).is_some();
        for at in 0..self.out.len() {
            let body = &mut self.out[at];
            if body.due().is_none_or(|due| due > here.now) {
                continue;
            }
            // A classic box would take a repeat for another letter, and reads no compact one.
            let old = body.planned.saturating_add(REPEATABLE) <= here.now;
            if body.form.is_none() || !speaks || old || body.repeats >= MOST_REPEATS {
                body.given_up = true;
                turn.unconfirmed
                    .extend(body.letters.iter().filter(|key| !turn.unconfirmed.contains(key)).collect::<Vec<_>>());
                continue;
            }
            body.repeats += 1;
            let ticket = body.ticket;
            let unsent: Vec<_> = (0..body.packets.len()).filter(|piece| body.packets[*piece].sent.is_none()).collect();
            // One piece is enough to hear which others are missing.
            let pieces = if unsent.is_empty() { vec![0] } else { unsent };
            for piece in pieces {
                turn.send.extend(self.emit(here, ticket, piece));
            }
        }
    }

    /// Many bodies and no answer at all: the far box may be another one by now.
    fn notice_silence(&mut self, now: i64, turn: &mut Turn) {
        if !self.agreement.knows_us() {
            return;
        }
        let wait = match self.agreement.receipt_hours() {
            Some(hours) => SILENCE.saturating_add(i64::from(hours) * HOUR),
            None => LONG_SILENCE,
        };
        let unheard = |at: i64| self.alive.is_none_or(|alive| alive < at) && at.saturating_add(wait) <= now;
        let silent = self.out.iter().filter(|body| body.form.is_some() && body.first_sent.is_some_and(unheard));
        if silent.count() >= SILENT_BODIES && self.agreement.unlearned() {
            turn.news.push("the far box has not answered for long: it gets classic packets".to_owned());
        }
    }

    fn forget_old(&mut self, now: i64, turn: &mut Turn) {
        let over = self.out.len().saturating_sub(MOST_BODIES);
        let free: Vec<_> =
            self.out.iter().filter(|body| !body.with_link()).map(|body| body.ticket).take(over).collect();
        let old = |body: &super::outbox::Body| {
            let last = body.last_sent.unwrap_or(body.planned);
            !body.with_link() && !body.awaits() && last.saturating_add(LATEST) <= now || free.contains(&body.ticket)
        };
        for body in self.out.iter().filter(|body| old(body) && body.awaits()) {
            turn.unconfirmed.extend(&body.letters);
        }
        self.out.retain(|body| !old(body));
        self.recode.retain(|group| group.at.saturating_add(RECODE_KEPT) > now);
    }
}
