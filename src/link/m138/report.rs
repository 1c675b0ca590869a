//! The state of the link, reported when it changes.

use std::time::{Duration, Instant};

use super::escalation::{LISTEN, SLOW};
use super::session::SILENCE;
use super::{M138, Phase};
use crate::link::{Event, Health};
use crate::message::reason::{Caution, DeviceReason, Remedy};
use crate::sys::process;

/// Changes that a person need not see at once (counts, position) are reported no more often than this.
const MINOR_EVERY: Duration = Duration::from_secs(5);
/// Garbled lines are judged over this time ...
const GARBLE_SPAN: Duration = Duration::from_secs(30);
/// ... and so many of them are many: one may be a line that was cut when the port was opened.
const MANY_GARBLED: u64 = 2;
/// Another program that reads the port is looked for no more often than this.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A modem that said that it is full is tried again after this: one more refusal costs nothing, and what has left the queue
/// unheard is not waited for.
const FULL_FOR: Duration = Duration::from_secs(5);
/// Above this noise, in dBm, the modem will not work reliably (M138 manual rev 1.20, `$RT`).
const NOISE_ALARM: f64 = -93.0;
/// Above this it is at best marginal.
const NOISE_WARNING: f64 = -97.0;

impl M138 {
    /// Adds an [`Event::Health`] if there is news; true then.
    pub fn report_health(&mut self) -> bool {
        self.judge_garbling();
        let health = self.health();
        if let Some((reported, at)) = &self.reported {
            let minor = is_minor(reported, &health);
            if *reported == health || minor && at.elapsed() < MINOR_EVERY {
                return false;
            }
        }
        self.reported = Some((health.clone(), Instant::now()));
        self.events.push(Event::Health(health));
        true
    }

    fn health(&self) -> Health {
        Health {
            ready: self.is_ready(),
            state: self.state().into(),
            port: self.wire.as_ref().map(|wire| wire.port().path().display().to_string()),
            device: self.facts.device,
            firmware: self.facts.firmware.clone(),
            position: self.facts.position,
            fix: self.facts.fix.clone(),
            last_satellite: self.facts.last_satellite,
            waiting: self.facts.waiting,
            garbled: self.garbled(),
            reopened: self.facts.opened.saturating_sub(1),
            ..Health::default()
        }
    }

    /// Garbled lines since start.
    pub fn garbled(&self) -> u64 {
        self.facts.garbled_before + self.wire.as_ref().map_or(0, |wire| wire.garbled())
    }

    /// The modem takes packets.
    pub fn is_ready(&self) -> bool {
        let can_send = self.facts.time_valid == Some(true) && !self.is_full() && self.facts.device.is_some();
        self.phase == Phase::Running && can_send
    }

    fn is_full(&self) -> bool {
        self.facts.full.is_some_and(|at| at.elapsed() < FULL_FOR)
    }

    /// Gives the sentence that the page shows for the modem.
    pub fn state(&self) -> DeviceReason {
        let port = self.wire.as_ref().map(|wire| wire.port().path().display().to_string()).unwrap_or_default();
        match &self.phase {
            Phase::Closed { why, .. } => why.clone(),
            Phase::Unresponsive { .. } if self.foreign().is_some() => {
                DeviceReason::NotAModem { port, looks_like: self.foreign() }
            }
            Phase::Unresponsive { step, .. } => match &self.facts.other_reader {
                Some(reader) => DeviceReason::OtherReader { port, reader: reader.to_string() },
                // One that was slow and says nothing more is silent in the end.
                None if let Some(patience) = self.slowness().filter(|_| *step <= LISTEN) => {
                    DeviceReason::AnswersSlowly { port, seconds: patience.as_secs() }
                }
                None if self.is_cut_short() => DeviceReason::CutShort { port },
                None if self.wire.as_ref().is_some_and(|wire| wire.is_noisy()) => DeviceReason::Noise { port },
                None if self.wire.as_ref().is_some_and(|wire| wire.silence() < SILENCE) => {
                    DeviceReason::Deaf { port, so_far: *step <= LISTEN }
                }
                None => DeviceReason::Silent { port, next: remedy(*step) },
            },
            Phase::Starting { step: 0, .. } => DeviceReason::Starting,
            Phase::Starting { .. } => DeviceReason::ToldToRestart,
            Phase::Off { .. } => DeviceReason::ShutDown,
            Phase::Running => self.state_running(),
        }
    }

    fn state_running(&self) -> DeviceReason {
        if let Some(number) = self.facts.bad_device {
            return DeviceReason::BadNumber { number };
        }
        if self.facts.time_valid != Some(true) {
            return DeviceReason::NoTime;
        }
        if self.is_full() {
            return DeviceReason::QueueFull;
        }
        self.caution().map_or(DeviceReason::Ready, |but| DeviceReason::ReadyBut { but })
    }

    /// What is not as it should be with a modem that takes packets: what harms most.
    fn caution(&self) -> Option<Caution> {
        if let Some(reader) = &self.facts.other_reader {
            return Some(Caution::OtherReader(reader.to_string()));
        }
        if self.facts.garbles {
            return Some(if self.facts.cut_short { Caution::CutShort } else { Caution::Garbled });
        }
        if let Some(patience) = self.slowness() {
            return Some(Caution::Slow(patience.as_secs()));
        }
        match self.facts.noise.map(f64::round) {
            Some(noise) if noise > NOISE_ALARM => Some(Caution::TooNoisy),
            Some(noise) if noise > NOISE_WARNING => Some(Caution::Noisy),
            _ => None,
        }
    }

    /// The time that a slow modem is given for each answer.
    fn slowness(&self) -> Option<Duration> {
        self.wire.as_ref().map(|wire| wire.patience()).filter(|patience| *patience >= SLOW)
    }

    /// Bytes come, none of them noise, and no whole sentence among them.
    fn is_cut_short(&self) -> bool {
        self.wire.as_ref().is_some_and(|wire| wire.is_noisy() && wire.garbled() > 0 && wire.noisy_lines() == 0)
    }

    /// Looks whether another program has the port open: it takes bytes that are meant for this one.
    pub fn look_for_readers(&mut self) {
        if self.facts.looked_for_readers.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return;
        }
        self.facts.looked_for_readers = Some(Instant::now());
        let reader = self.wire.as_ref().and_then(|wire| process::device_holder(wire.port().path()));
        if let Some(reader) = reader.as_ref().filter(|reader| self.facts.other_reader.as_ref() != Some(reader)) {
            log::warn!("m138: {reader} has the modem's port open as well");
        }
        self.facts.other_reader = reader;
    }

    fn judge_garbling(&mut self) {
        let now = self.garbled();
        let noisy = self.wire.as_ref().map_or(0, |wire| wire.noisy_lines());
        if self.facts.garbled_mark.is_some_and(|(before, _)| now > before) || self.facts.other_reader.is_some() {
            self.look_for_readers();
        }
        // What was noise in its own time is not called theft once the noise is over.
        let only_cut = noisy <= self.facts.noisy_mark;
        match self.facts.garbled_mark {
            Some((before, at)) if at.elapsed() < GARBLE_SPAN => match now.saturating_sub(before) >= MANY_GARBLED {
                true => (self.facts.garbles, self.facts.cut_short) = (true, only_cut),
                false => self.facts.cut_short &= only_cut,
            },
            Some((before, _)) => {
                self.facts.garbles = now.saturating_sub(before) >= MANY_GARBLED;
                self.facts.cut_short = only_cut;
                (self.facts.garbled_mark, self.facts.noisy_mark) = (Some((now, Instant::now())), noisy);
            }
            None => (self.facts.garbled_mark, self.facts.noisy_mark) = (Some((now, Instant::now())), noisy),
        }
    }
}

/// True when nothing changed that a person should see at once.
fn is_minor(old: &Health, new: &Health) -> bool {
    old.ready == new.ready
        && old.state == new.state
        && old.port == new.port
        && old.device == new.device
        && old.firmware == new.firmware
}

/// What is being tried.
fn remedy(next_step: u32) -> Remedy {
    match next_step {
        0 | 1 => Remedy::Ask,
        2 => Remedy::Reopen,
        LISTEN => Remedy::Listen,
        4 => Remedy::Restart,
        _ => Remedy::Wait,
    }
}
