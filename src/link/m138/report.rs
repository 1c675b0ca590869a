//! The state of the link in words, reported when it changes.

use std::time::{Duration, Instant};

use super::session::SILENCE;
use super::{M138, Phase};
use crate::link::{Event, Health};

/// Changes that a person need not see at once (counts, position) are reported no more often than this.
const MINOR_EVERY: Duration = Duration::from_secs(5);
/// Garbled lines are judged over this time ...
const GARBLE_SPAN: Duration = Duration::from_secs(30);
/// ... and so many of them are many.
const MANY_GARBLED: u64 = 5;
/// A modem that said that it is full is tried again after this, if nothing left it before.
const FULL_FOR: Duration = Duration::from_secs(60);
/// Above this noise, in dBm, the modem will not work reliably (M138 manual rev 1.20, `$RT`).
const NOISE_ALARM: f64 = -93.0;
/// Above this it is at best marginal.
const NOISE_WARNING: f64 = -97.0;

impl M138 {
    /// Adds an [`Event::Health`] if there is news; true then.
    pub fn report(&mut self) -> bool {
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
            words: self.words(),
            port: self.wire.as_ref().map(|wire| wire.port().path().display().to_string()),
            device: self.facts.device,
            firmware: self.facts.firmware.clone(),
            position: self.facts.position,
            fix: self.facts.fix.clone(),
            last_satellite: self.facts.last_satellite,
            waiting: self.facts.waiting,
            garbled: self.garbled(),
            reopened: self.facts.opened.saturating_sub(1),
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

    /// One sentence: what is going on and what to do.
    pub fn words(&self) -> String {
        let port = self.wire.as_ref().map(|wire| wire.port().path().display().to_string()).unwrap_or_default();
        match &self.phase {
            Phase::Closed { why, .. } => why.clone(),
            Phase::Unresponsive { .. } if self.wire.as_ref().is_some_and(|wire| wire.is_noisy()) => {
                format!(
                    "only garbage comes from the modem at {port}: check cable, ground and power; satpost keeps asking"
                )
            }
            Phase::Unresponsive { .. } if self.wire.as_ref().is_some_and(|wire| wire.silence() < SILENCE) => {
                format!("the modem at {port} speaks but answers nothing: check the line that leads to it")
            }
            Phase::Unresponsive { step, .. } => format!("the modem at {port} does not answer, {}", attempt(*step)),
            Phase::Starting { step: 0, .. } => "the modem starts".to_owned(),
            Phase::Starting { .. } => "the modem did not answer and was told to restart".to_owned(),
            Phase::Off { .. } => "the modem was shut down: switch its power off and on".to_owned(),
            Phase::Running => self.words_running(),
        }
    }

    fn words_running(&self) -> String {
        if let Some(id) = self.facts.bad_device {
            return format!("the modem says that its device id is 0x{id:x}, which cannot be: replace the modem");
        }
        if self.facts.time_valid != Some(true) {
            return "the modem has no GPS time yet and cannot send: its GPS antenna needs a free view of the sky"
                .to_owned();
        }
        if self.is_full() {
            return "the modem's queue is full: packets wait here until a satellite takes some".to_owned();
        }
        if self.facts.garbles {
            return "ready, but many of the modem's lines arrive garbled: check cable and power".to_owned();
        }
        match self.facts.noise.map(f64::round) {
            Some(noise) if noise > NOISE_ALARM => {
                "ready, but the noise at the antenna is too strong for satellites: move it away from electronics"
                    .to_owned()
            }
            Some(noise) if noise > NOISE_WARNING => {
                "ready; the noise at the antenna is strong, a better place for it would help".to_owned()
            }
            _ => "ready".to_owned(),
        }
    }

    fn judge_garbling(&mut self) {
        let now = self.garbled();
        match self.facts.garbled_mark {
            Some((before, at)) if at.elapsed() < GARBLE_SPAN => {
                self.facts.garbles |= now.saturating_sub(before) >= MANY_GARBLED;
            }
            Some((before, _)) => {
                self.facts.garbles = now.saturating_sub(before) >= MANY_GARBLED;
                self.facts.garbled_mark = Some((now, Instant::now()));
            }
            None => self.facts.garbled_mark = Some((now, Instant::now())),
        }
    }
}

/// True when nothing changed that a person should see at once.
fn is_minor(old: &Health, new: &Health) -> bool {
    old.ready == new.ready
        && old.words == new.words
        && old.port == new.port
        && old.device == new.device
        && old.firmware == new.firmware
}

/// What is being tried.
fn attempt(next_step: u32) -> &'static str {
    match next_step {
        0 | 1 => "it is asked again",
        2 => "its port is opened anew",
        3 => "it is told to restart",
        _ => "it is asked again every minute: check its power and cable, or switch it off and on",
    }
}
