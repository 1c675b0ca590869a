//! What is due when: sessions, ring alerts, messages that came down, and looks at an idle modem, which cost nothing. No
//! session begins without something to send, a ring alert, something that waits, a look that the owner asked for, or a modem
//! that has to be made known to the network before it hears ring alerts.

use std::time::{Duration, Instant};

use super::codec::SessionResult;
use super::slot::{Fate, Slot};
use super::status::{self, Step};
use super::wire::{Heard, Trouble, Wire};
use super::{Phase, Sbd};
use crate::link::turns::Turns;
use crate::link::{Event, Series};
use crate::message::Reason;
use crate::message::reason::{DeviceReason, SessionReason, TrackingReason};

/// A slot that is not emptied is tried again after this.
const CLEAR_AGAIN: Duration = Duration::from_secs(30);
/// A pause of unknown length that the network asks for.
const PAUSE: Duration = Duration::from_secs(300);
/// A wait as long as this is nothing for a message that could take another link.
const LONG: Duration = Duration::from_secs(180);

/// What is to be done, and what runs.
#[derive(Debug)]
pub struct Plan {
    answers_rings: bool,
    /// Zero: the mailbox is never looked at unasked.
    check_every: Duration,
    check_at: Option<Instant>,
    /// The far box comes by a link that costs less: nobody looks for what it handed to this one.
    relieved: bool,
    /// Until when the session that runs has to have ended.
    pub session: Option<Instant>,
    /// No session begins before.
    next: Instant,
    failures: u32,
    pub(super) ring: bool,
    /// The budget has room for a session that sends nothing.
    pub(super) may_look: bool,
    /// Messages that wait at the gateway, as the last session told.
    queued: u32,
    pub(super) look_at: Instant,
    /// What came down and is not kept yet.
    pub(super) inbound: Option<u64>,
    pub(super) last_token: u64,
    /// What came down arrives damaged: its number, and when it is read again.
    pub(super) unread: Option<(Option<i32>, Instant)>,
    /// Why nothing is taken, and until when.
    blocked: Option<(Reason, Instant)>,
    /// A message at the gateway is too large.
    pub too_large: bool,
    /// A hand-over whose result never came.
    lost: Option<Slot>,
}

impl Plan {
    pub(super) fn new(answers_rings: bool, check_every: Duration) -> Self {
        let now = Instant::now();
        Self {
            answers_rings,
            check_every,
            check_at: (check_every > Duration::ZERO).then(|| now + check_every),
            relieved: false,
            session: None,
            next: now,
            failures: 0,
            ring: false,
            may_look: true,
            queued: 0,
            look_at: now,
            inbound: None,
            last_token: 0,
            unread: None,
            blocked: None,
            too_large: false,
            lost: None,
        }
    }

    /// See [`crate::link::Link::relieve`]: once it is over the time until the next look begins anew.
    pub(super) fn relieve(&mut self, relieved: bool) {
        if std::mem::replace(&mut self.relieved, relieved) && !relieved {
            self.check_at = self.check_at.map(|_| Instant::now() + self.check_every);
        }
    }

    /// When the mailbox is looked at although nothing is known to be in it.
    fn check_due(&self) -> Option<Instant> {
        self.check_at.filter(|_| !self.relieved)
    }

    /// Why nothing is taken at present.
    pub(super) fn blocked(&self) -> Option<&Reason> {
        self.blocked.as_ref().filter(|(_, until)| Instant::now() < *until).map(|(why, _)| why)
    }

    /// A modem was taken over.
    pub(super) fn adopted(&mut self, ring: bool) {
        self.session = None;
        self.ring |= ring;
        self.look_at = Instant::now();
    }

    /// The mailbox is to be looked at.
    fn wants_mailbox(&self, now: Instant) -> bool {
        let wants =
            (self.ring && self.answers_rings) || self.queued > 0 || self.check_due().is_some_and(|at| at <= now);
        wants && self.may_look
    }

    /// True where what the network announces is fetched.
    pub(super) fn answers_rings(&self) -> bool {
        self.answers_rings
    }

    /// What the network announced stays there, as the budget has no room.
    pub(super) fn is_short(&self) -> bool {
        !self.may_look && ((self.ring && self.answers_rings) || self.queued > 0)
    }
}

impl Turns for Sbd {
    type Wire = Wire;

    fn wire(&mut self) -> Option<&mut Wire> {
        self.wire.as_mut()
    }

    fn events(&mut self) -> &mut Vec<Event> {
        &mut self.events
    }

    fn hear(&mut self, heard: Heard) {
        self.on_heard(heard);
    }

    fn failed(&mut self, trouble: &Trouble) {
        self.on_trouble(trouble);
    }

    fn report(&mut self) -> bool {
        self.report_health()
    }

    fn step(&mut self) {
        let now = Instant::now();
        match self.phase {
            Phase::Closed { next, tries, .. } if next <= now => self.look_for_port(tries),
            Phase::Silent { next, tries } if next <= now => self.ask_again(tries, false),
            Phase::Running => self.keep_running(now),
            _ => {}
        }
    }

    fn due(&self) -> Instant {
        match &self.phase {
            Phase::Closed { next, .. } | Phase::Silent { next, .. } => *next,
            Phase::Running => {
                let plan = &self.plan;
                let session = plan.session.or_else(|| self.session_due());
                let blocked = plan.blocked.as_ref().map(|(_, until)| *until);
                let look = Some(plan.look_at).filter(|_| plan.session.is_none());
                let unread = plan.unread.as_ref().map(|(_, at)| *at);
                let times = [session, blocked, look, unread];
                times.into_iter().flatten().min().unwrap_or_else(|| Instant::now() + self.limits.look)
            }
        }
    }
}

impl Sbd {
    fn on_heard(&mut self, heard: Heard) {
        let now = Instant::now();
        match heard {
            Heard::Ring => self.plan.ring = true,
            Heard::Bars(bars) => {
                self.facts.bars = Some(bars);
                self.sample_bars();
            }
            Heard::Service(on) => {
                self.facts.service = Some(on);
                if on {
                    self.facts.last_satellite = Some(self.clock.now());
                    // The sky came back: what waits for that need not wait longer.
                    let sky = |why: &Reason| matches!(why, Reason::Session(SessionReason::Failed { status: 32, .. }));
                    if self.plan.blocked.as_ref().is_some_and(|(why, _)| sky(why)) {
                        self.plan.blocked = None;
                        self.plan.next = self.plan.next.min(now + self.limits.rest);
                    }
                }
            }
            Heard::AntennaFault(on) => self.facts.antenna_fault = on,
            Heard::Session(result) => self.on_result(result),
            Heard::Refused if self.plan.session.take().is_some() => {
                self.session_failed(Step::Operator(PAUSE), DeviceReason::Refused { word: "ERROR".to_owned() }.into());
            }
            Heard::Refused => {}
        }
    }

    pub(super) fn sample_bars(&mut self) {
        if let Some(bars) = self.facts.bars {
            self.events.push(Event::Sample { series: Series::Bars, value: bars.into() });
        }
    }

    fn keep_running(&mut self, now: Instant) {
        if let Some(until) = self.plan.session {
            if until <= now {
                self.overdue();
            }
            return;
        }
        if self.plan.blocked.as_ref().is_some_and(|(_, until)| *until <= now) {
            self.plan.blocked = None;
        }
        if self.slot.as_ref().is_some_and(|slot| slot.deadline <= self.clock.now())
            && self.clear_slot()
            && let Some(slot) = self.slot.take()
        {
            self.gave_up(&slot, TrackingReason::HoldTimeOver.into());
        }
        if let Some((mtmsn, _)) = self.plan.unread.take_if(|(_, at)| *at <= now) {
            // What that says about the modem was followed up.
            let _ = self.fetch(mtmsn);
        }
        match self.session_due() {
            Some(at) if at <= now => self.begin_session(),
            _ if self.plan.look_at <= now => self.look(),
            _ => {}
        }
    }

    /// When a session is due; `None` when there is nothing for one, or something is in its way.
    fn session_due(&self) -> Option<Instant> {
        let plan = &self.plan;
        let unsure = self.slot.as_ref().is_some_and(|slot| !slot.sure);
        if unsure || plan.session.is_some() || plan.inbound.is_some() || plan.unread.is_some() {
            return None;
        }
        let wanted = self.slot.is_some() || plan.wants_mailbox(Instant::now());
        match wanted {
            true => Some(plan.next),
            false => {
                let looks = [plan.check_due(), self.register_due()].into_iter().flatten().min();
                looks.filter(|_| plan.may_look).map(|at| at.max(plan.next))
            }
        }
    }

    fn begin_session(&mut self) {
        let now = Instant::now();
        if self.slot.is_none() && !self.slot_clear && !self.clear_slot() {
            self.plan.next = now + CLEAR_AGAIN;
            self.plan.blocked = Some((SessionReason::NotCleared.into(), self.plan.next));
            return;
        }
        if self.slot.is_none() && !self.plan.wants_mailbox(now) {
            self.begins_to_register();
        }
        let answers = self.plan.ring && self.facts.tells_slots;
        let Some(wire) = &mut self.wire else { return };
        if let Err(trouble) = wire.begin_session(if answers { "AT+SBDIXA" } else { "AT+SBDIX" }, self.limits.local) {
            return self.on_trouble(&trouble);
        }
        if let Some(slot) = &mut self.slot {
            slot.tried = Some(now);
        }
        self.plan.session = Some(now + self.limits.session);
    }

    /// Takes in the result of a session that has ended.
    fn on_result(&mut self, result: SessionResult) {
        // One whose result was given up already, while another one runs.
        let late = self.plan.session.is_some()
            && self.slot.as_ref().and_then(|slot| slot.momsn).is_some_and(|momsn| momsn != result.momsn);
        if late || self.plan.session.take().is_none() {
            return;
        }
        if let Some(slot) = &mut self.slot {
            slot.tried = None;
        }
        self.learn_of_lost(result.momsn);
        if result.mt < 2 {
            (self.plan.ring, self.plan.queued) = (false, result.queued);
        }
        if result.mt == 1 {
            // What a failure says about the modem was followed up; the slot is read again then.
            let _ = self.fetch(Some(result.mtmsn));
        }
        match status::step(result.mo) {
            Step::Sent => self.succeeded(result),
            step => {
                self.facts.momsn = Some(result.momsn);
                let (status, tries) = (result.mo, self.plan.failures + 1);
                let why = match step {
                    Step::Operator(_) => SessionReason::NeedsOwner { status, firmware: self.facts.firmware.clone() },
                    Step::Never => SessionReason::NeverTaken { status },
                    _ => SessionReason::Failed { status, tries },
                };
                self.session_failed(step, why.into());
            }
        }
    }

    fn succeeded(&mut self, result: SessionResult) {
        let now = Instant::now();
        // Some clones do not count a session without a message: their next number is known again after the next one.
        let counted = self.slot.is_some() || self.facts.tells_slots;
        self.facts.momsn = counted.then(|| result.momsn.wrapping_add(1));
        self.facts.registered = Some(true);
        self.known.done();
        self.facts.last_satellite = Some(self.clock.now());
        let plan = &mut self.plan;
        (plan.failures, plan.blocked, plan.too_large) = (0, None, result.mo == 1);
        plan.next = now + self.limits.rest;
        plan.check_at = plan.check_at.map(|_| now + plan.check_every);
        match self.slot.take() {
            Some(slot) => {
                self.sent(&slot);
                self.slot_clear = false;
                // A failure is tried again before the next session.
                self.clear_slot();
            }
            None => self.events.push(Event::Mailbox),
        }
        self.learn_time(now);
    }

    /// Counts a failed session and plans the next one.
    fn session_failed(&mut self, step: Step, why: Reason) {
        if self.known.failed(step, self.limits.rest) {
            self.plan.next = Instant::now() + self.limits.rest;
            return;
        }
        self.plan.failures += 1;
        let failures = self.plan.failures;
        let wait = match step {
            Step::Sent | Step::Never | Step::Retry => status::wait(failures),
            Step::Wait(least) => least.max(status::wait(failures)),
            Step::RadioOn => {
                // A failure shows at the next session.
                let _ = self.command("*R1");
                status::wait(failures)
            }
            Step::LockedOut => self.lock_out(),
            Step::Operator(wait) => wait,
        };
        let wait = wait.max(self.limits.rest);
        self.plan.next = Instant::now() + wait;
        let long = failures >= status::GIVE_BACK || matches!(step, Step::Operator(_)) || wait >= LONG;
        if step == Step::Never {
            if self.clear_slot()
                && let Some(slot) = self.slot.take()
            {
                self.gave_up(&slot, why);
            }
        } else if long || self.slot.as_ref().is_some_and(|slot| slot.back) {
            // Proven not to have left: another link may have it, or its sender may take it back.
            if self.slot.is_some()
                && self.clear_slot()
                && let Some(slot) = self.slot.take()
            {
                self.remember(slot.number, Fate::NotTaken(SessionReason::CounterStands));
                self.events.push(Event::NotTaken { reference: slot.reference(), why: why.clone() });
            }
            self.plan.blocked = long.then_some((why, self.plan.next));
        }
    }

    /// How long the pause is that the network asks for.
    fn lock_out(&mut self) -> Duration {
        let lines = self.command("+SBDLOE").unwrap_or_default();
        let fields = lines.iter().find_map(|line| line.strip_prefix("+SBDLOE:"));
        match fields.map(|fields| fields.split(',').map(|field| field.trim().parse::<u64>()).collect::<Vec<_>>()) {
            Some(fields) if matches!(fields.as_slice(), [Ok(0), Ok(_)]) => {
                fields[1].as_ref().map_or(PAUSE, |seconds| Duration::from_secs(seconds + 1))
            }
            _ => PAUSE,
        }
    }

    /// The time of a session is over, and its result did not come: the counter tells.
    fn overdue(&mut self) {
        if self.command("").is_err() {
            // It is asked again and again, and its counter looked at then.
            self.plan.session = None;
            return;
        }
        self.plan.session = None;
        self.plan.next = Instant::now() + self.limits.rest;
        let before = self.facts.momsn;
        let Some(slots) = self.slots() else {
            self.known.done();
            match self.slot.take() {
                Some(slot) => self.lost_result(slot),
                // It may have been charged for.
                None => self.events.push(Event::Mailbox),
            }
            // What it may have brought is read.
            let _ = self.fetch(None);
            return;
        };
        if slots.mt {
            let _ = self.fetch(Some(slots.mtmsn));
        }
        let moved = before.is_some_and(|before| before.wrapping_add(1) == slots.momsn);
        if moved && self.slot.is_none() {
            self.events.push(Event::Mailbox);
        }
        match moved {
            true => {
                self.facts.registered = Some(true);
                self.known.done();
            }
            false if self.known.failed(Step::Retry, self.limits.rest) => {}
            false => self.plan.failures += 1,
        }
        self.plan.ring = slots.ring;
        self.slot_clear = !slots.mo;
        self.settle_slot(Some(slots.mo));
    }

    /// Whether a message left whose result never came is not known; a later session may tell.
    pub(super) fn lost_result(&mut self, slot: Slot) {
        self.remember(slot.number, Fate::Unknown(SessionReason::ResultLost));
        self.events.push(Event::Evidence);
        // Whether the counter moved is not known either, until a modem tells.
        self.facts.momsn = self.facts.momsn.filter(|_| self.facts.tells_slots);
        self.clear_slot();
        self.plan.lost = Some(slot);
    }

    /// The number of a later session tells what became of one whose result never came.
    fn learn_of_lost(&mut self, momsn: u16) {
        let Some(lost) = self.plan.lost.take() else { return };
        let number = lost.number;
        match lost.momsn {
            Some(before) if before == momsn => {
                self.fates.retain(|(known, _)| *known != number);
                self.remember(number, Fate::NotTaken(SessionReason::CounterStands));
                self.events.push(Event::Evidence);
            }
            Some(before) if before.wrapping_add(1) == momsn => {
                self.fates.retain(|(known, _)| *known != number);
                self.remember(number, Fate::Sent);
                self.events.push(Event::Evidence);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_a_cheaper_link_is_there_nobody_looks_unasked() {
        let mut plan = Plan::new(true, Duration::from_secs(60));
        let later = Instant::now() + Duration::from_secs(61);
        assert!(plan.wants_mailbox(later));
        plan.relieve(true);
        assert!(!plan.wants_mailbox(later) && plan.check_due().is_none());
        // Who rings has something.
        plan.ring = true;
        assert!(plan.wants_mailbox(later));
        plan.ring = false;
        plan.check_at = Some(Instant::now());
        plan.relieve(false);
        assert!(!plan.wants_mailbox(Instant::now()), "the time until the next look begins anew");
        assert!(plan.wants_mailbox(later));
        assert!(Plan::new(true, Duration::ZERO).check_due().is_none());
    }
}
