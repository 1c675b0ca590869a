//! What is due when. [`Turns::poll_until`] sleeps until the modem speaks, the engine calls, or something is due, and a
//! healthy idle modem makes nothing due: its own lines (`RATES` in `escalation`) prove that it lives.

use std::time::{Duration, Instant};

use super::command::Command;
use super::sentence::Sentence;
use super::wire::{PortError, Wire};
use super::{M138, Phase, codec};
use crate::fault::Fault;
use crate::link::turns::{Conversation, Turns};
use crate::link::{Event, serial};
use crate::message::reason::DeviceReason;

/// A running modem that said nothing for this long is asked. With the limit of the question (1.5 s) a modem that
/// fell silent shows within 5 s of its last line.
pub const SILENCE: Duration = Duration::from_millis(2700);
/// How often the modem's stores are counted although nothing points to a change.
const COUNT_EVERY: Duration = Duration::from_secs(60);
/// A modem that answers nothing although it speaks by itself (our line to it may be broken) counts as unresponsive after so many
/// questions.
const MAX_UNANSWERED: u32 = 2;

/// Times at which things are due in a running modem.
#[derive(Debug)]
pub struct Agenda {
    /// Count what waits to be sent.
    count: Instant,
    /// Look for inbound messages.
    pub inbound: Instant,
}

impl Default for Agenda {
    fn default() -> Self {
        let now = Instant::now();
        Self { count: now, inbound: now }
    }
}

impl Agenda {
    /// All at once, after the modem was adopted.
    pub fn restart(&mut self) {
        let now = Instant::now();
        *self = Self { count: now + COUNT_EVERY, inbound: now };
    }

    /// The next regular look for inbound messages.
    pub fn inbound_later(&mut self) {
        self.inbound = Instant::now() + COUNT_EVERY;
    }
}

impl Turns for M138 {
    type Wire = Wire;

    fn wire(&mut self) -> Option<&mut Wire> {
        self.wire.as_mut()
    }

    fn events(&mut self) -> &mut Vec<Event> {
        &mut self.events
    }

    fn hear(&mut self, heard: Sentence) {
        self.on_sentence(heard);
    }

    fn failed(&mut self, trouble: &PortError) {
        self.on_failure(trouble);
    }

    fn report(&mut self) -> bool {
        self.report_health()
    }

    fn step(&mut self) {
        let now = Instant::now();
        match self.phase {
            Phase::Closed { next, tries, .. } if next <= now => self.look_for_port(tries),
            Phase::Unresponsive { step, next } if next <= now => self.escalate(step),
            Phase::Off { next } if next <= now => self.escalate(0),
            Phase::Starting { ask, step } if ask <= now => self.escalate(step),
            Phase::Running => self.keep_running(now),
            _ => {}
        }
    }
    fn due(&self) -> Instant {
        match (&self.phase, &self.wire) {
            (Phase::Closed { next, .. } | Phase::Unresponsive { next, .. } | Phase::Off { next }, _) => *next,
            (Phase::Starting { ask, .. }, _) => *ask,
            (Phase::Running, Some(_)) if self.unanswered > 0 => Instant::now(),
            (Phase::Running, Some(wire)) => {
                let silent = Instant::now() + SILENCE.saturating_sub(wire.silence());
                silent.min(self.agenda.count).min(self.agenda.inbound)
            }
            (Phase::Running, None) => Instant::now(),
        }
    }
}

impl M138 {
    /// Asks, and follows up on what the failure of a question says about the modem.
    pub fn ask<T>(&mut self, command: &Command, fits: impl FnMut(&Sentence) -> Option<T>) -> Result<T, PortError> {
        let Some(wire) = &mut self.wire else {
            return Err(PortError::NotAsked(Box::new(PortError::Closed)));
        };
        let answer = wire.ask(command, fits);
        match &answer {
            Ok(_) | Err(PortError::Refused(_)) => self.unanswered = 0,
            Err(trouble) => self.on_failure(trouble),
        }
        answer
    }

    /// A line of the console page, written as it stands but for `$`, checksum and line feed, which are added.
    pub fn say(&mut self, line: &str) -> Result<(), Fault> {
        let body = line.trim().trim_start_matches('$');
        let body = body.rsplit_once('*').filter(|(_, sum)| sum.len() == 2).map_or(body, |(body, _)| body);
        let fits = !body.is_empty() && body.len() <= 500 && body.bytes().all(|b| (0x20..0x7f).contains(&b));
        if !fits || body.contains('$') {
            return Err(Fault::permanent("write one command of printable ASCII, for example $FV"));
        }
        let Some(wire) = &mut self.wire else {
            return Err(PortError::Closed.fault());
        };
        wire.say(&codec::sentence(body)).map_err(|trouble| trouble.fault())
    }

    fn keep_running(&mut self, now: Instant) {
        if self.wire.as_ref().is_some_and(|wire| wire.silence() >= SILENCE) {
            self.ask_time();
            if self.phase != Phase::Running {
                return;
            }
        }
        if self.unanswered > 0 && self.check_hearing().is_err() {
            return;
        }
        if self.agenda.inbound <= now {
            self.look_for_inbound();
        }
        if self.agenda.count <= now && self.phase == Phase::Running {
            self.agenda.count = now + COUNT_EVERY;
            self.look_for_readers();
            // a failure is followed up by `ask`
            let _ = self.count_waiting();
        }
    }

    /// The question that proves life: `$DT @`, as its answer also tells whether GPS time is valid.
    fn ask_time(&mut self) {
        let clock = |heard: &Sentence| matches!(heard, Sentence::Clock { .. }).then(|| heard.clone());
        match self.ask(&Command::new("DT @"), clock) {
            Ok(heard) => self.on_sentence(heard),
            Err(PortError::Refused(_)) => self.facts.time_valid = Some(false),
            Err(_) => {}
        }
    }

    /// After a question without an answer: asks what is never said unasked, so that a modem that speaks and does not
    /// hear is known at once, not at the next message.
    pub fn check_hearing(&mut self) -> Result<(), PortError> {
        self.ask(&Command::new("CS"), |heard| matches!(heard, Sentence::Identity { .. }).then_some(()))
    }

    /// Draws the conclusion from a failed question.
    pub fn on_failure(&mut self, trouble: &PortError) {
        match trouble {
            PortError::Gone(why) => self.close(DeviceReason::PortGone { why: why.clone(), unplugged: true }, 0),
            PortError::Closed => self.close(DeviceReason::NoPort, 0),
            PortError::Silent { .. } | PortError::Stalled => {
                self.unanswered += 1;
                self.look_for_readers();
                let ignored = self.unanswered >= MAX_UNANSWERED;
                let silent = self.wire.as_ref().is_none_or(|wire| wire.silence() >= SILENCE);
                if self.phase == Phase::Running && (silent || ignored) {
                    self.gap();
                    self.phase = Phase::Unresponsive { step: 0, next: Instant::now() };
                }
            }
            PortError::NotAsked(why) => self.on_failure(why),
            // the boot lines are still to be heard, and say the rest
            PortError::Rebooted | PortError::Refused(_) => {}
        }
    }

    /// Closes the port and looks for it again a little later.
    pub fn close(&mut self, why: DeviceReason, tries: u32) {
        if let Some(mut wire) = self.wire.take() {
            log::info!("m138: {why}");
            self.facts.garbled_before += wire.garbled();
            self.events.append(&mut wire.take_lines());
            self.gap();
            self.inbound.reopened();
            self.facts.time_valid = None;
        }
        let next = Instant::now() + serial::next_look(tries);
        self.phase = Phase::Closed { next, tries, why };
    }
}
