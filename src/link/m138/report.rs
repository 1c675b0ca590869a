//! The state of the link in words, reported when it changes.

use std::time::{Duration, Instant};

use super::escalation::{LISTEN, SLOW};
use super::session::SILENCE;
use super::{M138, Phase};
use crate::link::{Event, Health};
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
            Phase::Unresponsive { .. } if self.foreign().is_some() => {
                let what = self.foreign().map_or("", |what| what.words());
                format!(
                    "what is plugged in at {port} looks like {what}, not like an M138: name the modem's port in m138.port"
                )
            }
            Phase::Unresponsive { .. } if self.facts.other_reader.is_some() => {
                let reader = self.facts.other_reader.as_ref().map(ToString::to_string).unwrap_or_default();
                format!("{reader} reads {port} as well and takes the modem's answers: stop that program")
            }
            Phase::Unresponsive { .. } if self.is_cut_short() => {
                format!(
                    "what the modem at {port} says arrives incomplete: another program may read the same port \
                     ('sudo fuser -v {port}' names it), or the cable loses bytes"
                )
            }
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
        if let Some(reader) = &self.facts.other_reader {
            return format!(
                "ready, but {reader} has the modem's port open as well and takes some of what it says: stop that program"
            );
        }
        if self.facts.garbles && self.facts.cut_short {
            return "ready, but lines of the modem arrive incomplete: another program may read the same port \
                    ('sudo fuser -v' with its path names it), or the cable loses bytes"
                .to_owned();
        }
        if self.facts.garbles {
            return "ready, but many of the modem's lines arrive garbled: check cable and power".to_owned();
        }
        if let Some(patience) = self.wire.as_ref().map(|wire| wire.patience()).filter(|patience| *patience >= SLOW) {
            let seconds = patience.as_secs();
            return format!("ready, but the modem answers slowly: it is given {seconds} s for each answer");
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
        self.facts.cut_short = noisy <= self.facts.noisy_mark;
        match self.facts.garbled_mark {
            Some((before, at)) if at.elapsed() < GARBLE_SPAN => {
                self.facts.garbles |= now.saturating_sub(before) >= MANY_GARBLED;
            }
            Some((before, _)) => {
                self.facts.garbles = now.saturating_sub(before) >= MANY_GARBLED;
                (self.facts.garbled_mark, self.facts.noisy_mark) = (Some((now, Instant::now())), noisy);
            }
            None => (self.facts.garbled_mark, self.facts.noisy_mark) = (Some((now, Instant::now())), noisy),
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
        LISTEN => "a late answer is waited for; without one it is told to restart",
        4 => "it is told to restart",
        _ => "it is asked again every minute: check its power and cable, or switch it off and on",
    }
}
