//! Finding a port, adopting the modem behind it whether it has long been running or boots, and the escalation for
//! one that does not answer: ask again, flush, open anew, wait for a late answer, reset it, then ask more and more rarely.
//!
//! A device that looks like something else (`foreign`) gets the question who it is, once a minute, and nothing more.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::command::{Command, Dialect};
use super::ledger::Ledger;
use super::sentence::{MM, Sentence, Tag};
use super::wire::{PortError, Wire};
use super::{M138, Phase};
use crate::address::DeviceId;
use crate::back_off::BackOff;
use crate::link::foreign::Foreign;
use crate::link::serial::{self, Port, Unopened};
use crate::message::reason::DeviceReason;
use crate::sys::ports;

/// The modem's only speed.
pub(super) const BAUD: u32 = 115_200;

/// Rates in seconds of what the modem shall report by itself. The clock is the heartbeat: it tells that the modem
/// lives and that its time is valid, with half a wake-up a second.
const RATES: &[(&str, u64)] = &[("DT", 2), ("RT", 10), ("GS", 60), ("GN", 60), ("PW", 60)];
/// Last values of these are asked for once, so that the page need not wait for the first report.
const FIRST_VALUES: &[&str] = &["DT @", "GS @", "GN @", "PW @", "RT @"];

/// Steps of the escalation.
const ASK: u32 = 0;
const FLUSH: u32 = 1;
const REOPEN: u32 = 2;
pub const LISTEN: u32 = 3;
const RESTART: u32 = 4;
/// From here on each step opens the port anew, later and later.
const PATIENCE: u32 = 5;

/// A modem that is only slow has answered by then.
const LATE_WITHIN: Duration = Duration::from_secs(25);
/// Until then it is asked so often, in case it can answer again.
const LISTEN_EVERY: Duration = Duration::from_secs(3);
/// A device that looks like something else is asked so often.
const FOREIGN_EVERY: Duration = Duration::from_secs(60);
/// Programs that take adapters away are looked for at each so manieth look for a port.
const LOOKS: u32 = 30;

/// A modem that needs this long for an answer is slow.
pub const SLOW: Duration = Duration::from_secs(3);
/// A modem is not restarted more often than this.
const RESTART_EVERY: Duration = Duration::from_secs(600);
/// A restart may take this long (manuals and drivers allow 30 s).
const RESTART_LIMIT: Duration = Duration::from_secs(30);
/// Waits between the later steps.
const WAITS: BackOff = BackOff::doubling(Duration::from_secs(5), Duration::from_secs(60));

impl M138 {
    /// Opens the next port worth asking.
    pub fn look_for_port(&mut self, tries: u32) {
        let paths = serial::candidates(&self.named_port);
        let at = usize::try_from(tries).unwrap_or_default() % paths.len().max(1);
        let Some(path) = paths.get(at) else {
            if tries.is_multiple_of(LOOKS) {
                self.facts.brltty = ports::brltty_runs();
            }
            self.close(DeviceReason::NoAdapter { brltty: self.facts.brltty }, tries.saturating_add(1));
            return;
        };
        match self.open(path.clone()) {
            Ok(()) => self.escalate_from(ASK, tries),
            Err(why) => self.close(why.into(), tries.saturating_add(1)),
        }
    }

    /// Takes one step of the escalation, and the next one later if that did not help.
    pub fn escalate(&mut self, step: u32) {
        self.escalate_from(step, 0);
    }

    fn escalate_from(&mut self, step: u32, tries: u32) {
        let Some(path) = self.wire.as_ref().map(|wire| wire.port().path().to_owned()) else {
            self.close(DeviceReason::NoPort, 0);
            return;
        };
        let proven = self.facts.proven.as_ref() == Some(&path);
        let ours = proven || !self.named_port.is_empty();
        let wait_for_late = ours || serial::candidates(&self.named_port).len() == 1;
        let step = if step == REOPEN && !ours && wait_for_late { LISTEN } else { step };
        match step {
            ASK => {}
            FLUSH => self.wire.iter_mut().for_each(Wire::flush),
            LISTEN if wait_for_late => {}
            _ if !ours => {
                self.close(self.what_is_wrong(&path), tries.saturating_add(1));
                return;
            }
            // one that never answered here and says something may be anything
            RESTART if self.may_restart() && (proven || !self.heard_anything()) => {
                self.restart();
                return;
            }
            _ => {
                self.close(DeviceReason::Reopened, 0);
                if let Err(why) = self.open(path.clone()) {
                    self.close(why.into(), 1);
                    return;
                }
            }
        }
        match self.adopt() {
            Ok(()) => {}
            // the phase is already set: closed, or starting
            Err(why) if matches!(why.cause(), PortError::Gone(_) | PortError::Closed | PortError::Rebooted) => {}
            Err(_) if self.foreign().is_some() => {
                let (now, named) = (Instant::now(), !self.named_port.is_empty());
                self.phase = Phase::Unresponsive { step: ASK, next: now + FOREIGN_EVERY };
                if !named {
                    self.close(self.what_is_wrong(&path), tries.saturating_add(1));
                }
            }
            Err(trouble) => {
                log::debug!("m138: step {step}: {}", trouble.reason());
                self.look_for_readers();
                self.phase = self.next_step(step);
            }
        }
    }

    /// A late answer is waited for on one step; the others are taken once.
    fn next_step(&mut self, step: u32) -> Phase {
        let now = Instant::now();
        if step == LISTEN && now < *self.listening.get_or_insert(now + LATE_WITHIN) {
            return Phase::Unresponsive { step, next: now + LISTEN_EVERY };
        }
        self.listening = None;
        Phase::Unresponsive { step: step.saturating_add(1), next: now + pause(step) }
    }

    /// What the device looks like, unless it answered like an M138 before.
    pub fn foreign(&self) -> Option<Foreign> {
        let wire = self.wire.as_ref()?;
        wire.foreign().filter(|_| self.facts.proven.as_deref() != Some(wire.port().path()))
    }

    fn heard_anything(&self) -> bool {
        self.wire.as_ref().is_some_and(Wire::heard_anything)
    }

    fn what_is_wrong(&self, path: &Path) -> DeviceReason {
        DeviceReason::NotAModem { port: path.display().to_string(), looks_like: self.foreign() }
    }

    fn open(&mut self, path: PathBuf) -> Result<(), Unopened> {
        let port = Port::open(&path, BAUD)?;
        self.wire = Some(Wire::new(port));
        self.facts.opened += 1;
        self.facts.garbled_mark = None;
        self.phase = Phase::Unresponsive { step: ASK, next: Instant::now() };
        Ok(())
    }

    fn may_restart(&self) -> bool {
        self.restarted.is_none_or(|at| at.elapsed() >= RESTART_EVERY)
    }

    /// `$RS`: the queues survive it.
    fn restart(&mut self) {
        self.restarted = Some(Instant::now());
        self.gap();
        let Some(wire) = &mut self.wire else { return };
        let said = wire.nudge().and_then(|()| wire.say("$RS*01\n"));
        match said {
            Ok(()) => self.phase = Phase::Starting { ask: Instant::now() + RESTART_LIMIT, step: PATIENCE },
            Err(trouble) if matches!(trouble.cause(), PortError::Gone(_)) => self.on_failure(&trouble),
            Err(_) => self.phase = Phase::Unresponsive { step: PATIENCE, next: Instant::now() + pause(PATIENCE) },
        }
    }

    /// Gets to know the modem and gives it our settings.
    fn adopt(&mut self) -> Result<(), PortError> {
        if let Some(wire) = &mut self.wire
            && let Err(trouble) = wire.nudge()
        {
            self.on_failure(&trouble);
            return Err(trouble);
        }
        let device = self.ask(&Command::new("CS"), |heard| match heard {
            Sentence::Identity { device, .. } => Some(*device),
            _ => None,
        })?;
        self.wire.iter_mut().for_each(Wire::is_no_foreign);
        self.meet(device);
        let firmware = self.ask_twice(&Command::new("FV"), |heard| match heard {
            Sentence::Firmware(text) => Some(text.clone()),
            _ => None,
        })?;
        self.facts.dialect = Some(Dialect::of(&firmware));
        self.facts.firmware = Some(firmware);
        for (sentences, rate) in RATES {
            tolerate(self.set_rate(sentences, *rate))?;
        }
        tolerate(self.ask_for_notices())?;
        // a slow modem would take minutes over them, and tells them by itself
        let slow = self.wire.as_ref().is_some_and(|wire| wire.patience() >= SLOW);
        for query in FIRST_VALUES.iter().filter(|_| !slow) {
            tolerate(self.ask_for_value(query))?;
        }
        tolerate(self.count_waiting().map(drop))?;
        self.facts.proven = self.wire.as_ref().map(|wire| wire.port().path().to_owned());
        self.agenda.restart();
        self.inbound.reopened();
        self.listening = None;
        self.phase = Phase::Running;
        Ok(())
    }

    /// A modem with this id answers: whatever was known of another one is forgotten.
    fn meet(&mut self, device: u64) {
        let id = DeviceId::new(device).ok();
        let is_new = id.is_none() || self.facts.device != id;
        if is_new {
            self.ledger = Ledger::new(device);
            self.life = super::fresh();
            self.claims.clear();
            self.unsettled.clear();
            self.withdrawing.clear();
            self.inbound.clear();
            self.facts = super::Facts {
                opened: self.facts.opened,
                garbled_before: self.facts.garbled_before,
                ..super::Facts::default()
            };
        }
        self.facts.bad_device = id.is_none().then_some(device);
        self.facts.device = id;
        // What it took in earlier runs of the program: from its ids later ones are told.
        for (reference, left) in self.earlier.iter().rev().filter(|_| is_new) {
            if self.reference(reference.number).is_some_and(|own| own == *reference) {
                self.ledger.recall(reference.number, *left);
            }
        }
    }

    fn set_rate(&mut self, sentences: &str, wanted: u64) -> Result<(), PortError> {
        let tag = Tag::new(sentences);
        let now = self.ask_twice(&Command::new(format!("{sentences} ?")), |heard| match heard {
            Sentence::Rate(about, seconds) if *about == tag => Some(*seconds),
            _ => None,
        });
        match now {
            // settings survive a power cycle: writing them each time would wear the modem's memory
            Ok(seconds) if seconds == wanted => return Ok(()),
            Ok(_) | Err(PortError::Refused(_)) => {}
            Err(trouble) => return Err(trouble),
        }
        let ok = |heard: &Sentence| (*heard == Sentence::Ok(tag)).then_some(());
        self.ask_twice(&Command::new(format!("{sentences} {wanted}")), ok)
    }

    fn ask_for_notices(&mut self) -> Result<(), PortError> {
        let on = self.ask_twice(&Command::new("MM N=?"), |heard| match heard {
            Sentence::Notices(on) => Some(*on),
            _ => None,
        });
        match on {
            Ok(true) => return Ok(()),
            Ok(false) | Err(PortError::Refused(_)) => {}
            Err(trouble) => return Err(trouble),
        }
        let ok = |heard: &Sentence| (*heard == Sentence::Ok(MM)).then_some(());
        self.ask_twice(&Command::new("MM N=E"), ok)
    }

    fn ask_for_value(&mut self, query: &str) -> Result<(), PortError> {
        let tag = query.get(..2).unwrap_or_default();
        let is_value = |heard: &Sentence| match heard {
            Sentence::Clock { .. } => tag == "DT",
            Sentence::Fix { .. } => tag == "GS",
            Sentence::Position(..) => tag == "GN",
            Sentence::Power(..) => tag == "PW",
            Sentence::Noise(_) | Sentence::Satellite(_) => tag == "RT",
            _ => false,
        };
        let heard = self.ask_twice(&Command::new(query), |heard| is_value(heard).then(|| heard.clone()))?;
        if let Sentence::Satellite(signal) = &heard {
            // an old packet: no sample, just the time
            self.facts.last_satellite = self.facts.last_satellite.max(signal.at);
            return Ok(());
        }
        self.on_sentence(heard);
        Ok(())
    }

    /// Asks, and once more after silence: one answer may have been garbled. A modem that ran is first asked whether it
    /// hears at all, as two long limits in a row would hide that it does not.
    pub fn ask_twice<T>(&mut self, command: &Command, fits: impl Fn(&Sentence) -> Option<T>) -> Result<T, PortError> {
        let was_running = self.phase == Phase::Running;
        match self.ask(command, &fits) {
            Err(silent) if matches!(silent.cause(), PortError::Silent { .. } | PortError::Stalled) => {
                // the escalation deals with one that does not answer
                if was_running && (self.phase != Phase::Running || self.check_hearing().is_err()) {
                    return Err(silent);
                }
                self.ask(command, fits)
            }
            answer => answer,
        }
    }
}

/// A refused setting or an unknown command does not stop an adoption.
fn tolerate(done: Result<(), PortError>) -> Result<(), PortError> {
    match done {
        Err(PortError::Refused(word)) => {
            log::info!("m138: the modem refused a setting or question ({word})");
            Ok(())
        }
        done => done,
    }
}

/// The pause after a step that did not help.
fn pause(step: u32) -> Duration {
    WAITS.wait((step + 1).saturating_sub(PATIENCE))
}
