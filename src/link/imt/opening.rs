//! Finding a port and setting up the modem behind it, whatever it was told before.
//!
//! ```text
//!   closed ──port──> quiet for a moment ──> lone return, version ──> SIM ──> on air ──> topics ──> running
//!     ^                     │ three questions without an answer        │ error          │ none
//!     └── back-off ─────────┘                                          └─> waiting <────┘ (asked again each minute)
//! ```

use std::time::{Duration, Instant};

use serde_json::Value;

use super::jspr::{Line, body, newest, number, topics};
use super::wire::{Trouble, Wire, speaks};
use super::{BAUD, Imt, Kept, Phase};
use crate::address::link::Imei;
use crate::back_off::BackOff;
use crate::link::serial::{self, Port};
use crate::link::turns::Conversation;
use crate::link::{Event, Series};
use crate::message::Reason;
use crate::message::reason::{DeviceReason, TransportReason};
use crate::sys::ports;

/// Questions to a modem before its port counts as mute.
const ASKS: u32 = 3;
/// After so many openings without an answer, and as many again, a modem is switched off and on where that is wired.
const SWITCH_EVERY: u32 = 4;
/// The wait before a mute port is opened again, in steps of [`super::ImtLimits::mute`].
const MUTE: BackOff = BackOff::doubling(Duration::from_secs(1), Duration::from_secs(120));
/// A modem needs a moment between going on air and messages.
const SETTLE: Duration = Duration::from_millis(150);

impl Imt {
    /// Opens the next port worth asking, and sets up what answers there.
    pub(super) fn look_for_port(&mut self, tries: u32) {
        let paths = serial::candidates(&self.named_port);
        let at = usize::try_from(tries).unwrap_or_default() % paths.len().max(1);
        let Some(path) = paths.get(at) else {
            let brltty = ports::brltty_runs();
            return self.close(DeviceReason::NoAdapter { brltty }.into(), tries.saturating_add(1));
        };
        let port = match Port::open(path, BAUD) {
            Ok(port) => port,
            Err(why) => return self.close(DeviceReason::from(why).into(), tries.saturating_add(1)),
        };
        self.facts.opened += 1;
        self.power.hold(&port);
        // Never while a message may be on air, nor while it says anything: that may be a message, which it says once.
        let idle = self.slot.is_none() && self.offer.is_none();
        let mute = self.facts.mute > 0 && self.facts.mute.is_multiple_of(SWITCH_EVERY);
        if idle && mute && self.power.is_wired() && !speaks(&port, self.limits.ask) {
            self.power.cycle(&port, self.limits.off);
        }
        let feed = self.offer.as_ref().map(|offer| offer.feed.clone());
        match Wire::new(port, feed, self.limits.quiet, 10 * self.limits.quiet) {
            Ok(wire) => self.wire = Some(wire),
            Err(trouble) => return self.close(trouble.reason(), tries.saturating_add(1)),
        }
        match self.set_up() {
            Ok(()) => self.facts.mute = 0,
            Err(Trouble::Silent { .. }) => {
                self.facts.mute = self.facts.mute.saturating_add(1);
                let named = paths.len() == 1;
                self.close(TransportReason::Mute.into(), tries.saturating_add(1));
                if let Phase::Closed { next, .. } = &mut self.phase
                    && named
                {
                    let steps = u32::try_from(MUTE.wait(self.facts.mute).as_secs()).unwrap_or(1);
                    *next = Instant::now() + self.limits.mute * steps;
                }
            }
            Err(trouble) => self.conclude(&trouble),
        }
    }

    /// Closes the port and looks for it again a little later.
    pub(super) fn close(&mut self, why: Reason, tries: u32) {
        if let Some(mut wire) = self.wire.take() {
            log::info!("imt: {why}");
            self.facts.skipped_before += wire.skipped();
            self.events.append(&mut wire.take_lines());
        }
        self.phase = Phase::Closed { next: Instant::now() + serial::next_look(tries), tries, why };
    }

    /// Draws the conclusion from a request that failed.
    pub(super) fn conclude(&mut self, trouble: &Trouble) {
        match trouble {
            Trouble::Gone(why) => {
                self.close(DeviceReason::PortGone { why: why.clone(), unplugged: true }.into(), 0);
            }
            Trouble::Restarted => self.restarted(),
            Trouble::Refused { .. } => {
                let next = Instant::now() + self.limits.look;
                self.phase = Phase::Waiting { next, why: trouble.reason() };
            }
            Trouble::Silent { .. } => self.phase = Phase::Waiting { next: Instant::now(), why: trouble.reason() },
        }
    }

    /// The modem has restarted: all that it was told is gone, and perhaps what it had.
    pub(super) fn restarted(&mut self) {
        self.new_boot();
        self.phase = Phase::Waiting { next: Instant::now(), why: DeviceReason::Restarts.into() };
    }

    /// A new start of the modem has a number of its own.
    fn new_boot(&mut self) {
        self.boot.boot += 1;
        // Nothing is handed over before that is on disk.
        self.events.push(Event::Keep);
        self.collect.clear();
        if let Some(wire) = &self.wire {
            wire.feed(None);
        }
        self.lose(&TransportReason::Restarted);
    }

    pub(super) fn ask(&mut self, verb: &str, target: &str, body: &str, limit: Duration) -> Result<Line, Trouble> {
        match &self.wire {
            Some(wire) => wire.ask(verb, target, body, limit),
            None => Err(Trouble::Gone("no port is open".to_owned())),
        }
    }

    /// Sets the modem up as far as it is not already.
    pub(super) fn set_up(&mut self) -> Result<(), Trouble> {
        let limit = self.limits.ask;
        if let Some(wire) = &self.wire {
            // Ends half a line of earlier times; whatever it draws is the answer to nothing.
            wire.say("")?;
        }
        let listed = self.versions()?;
        let Some(version) = newest(&listed) else {
            return Err(Trouble::Refused { target: "apiVersion".to_owned(), code: 407 });
        };
        let chosen = body(&[("active_version", &version.body())]);
        // What is so already is 402: the modem has not restarted since somebody chose.
        let fresh = self.ask("PUT", "apiVersion", &chosen, limit)?.code != 402;
        if self.ask("PUT", "simConfig", &body(&[("interface", &"\"internal\"")]), limit)?.code == 402 {
            let sim = self.ask("GET", "simStatus", "{}", limit)?.body;
            if sim["card_present"] == false {
                self.phase =
                    Phase::Waiting { next: Instant::now() + self.limits.look, why: TransportReason::NoSim.into() };
                return Ok(());
            }
        }
        self.go_on_air()?;
        crate::clock::sleep(SETTLE);
        let facts = self.ask("GET", "hwInfo", "{}", limit)?.body;
        self.learn_hardware(&facts);
        let imei = facts["imei"].as_str().and_then(|imei| imei.parse::<Imei>().ok());
        let imei = imei.map_or_else(|| "unknown".to_owned(), |imei| imei.to_string());
        if self.boot.imei != imei {
            // Another modem: numbers of its starts go on where those of the other one ended, so that none is used twice.
            self.boot = Kept { imei: imei.clone(), boot: self.boot.boot };
            self.facts.imei = Some(imei);
            self.new_boot();
        } else if fresh {
            self.new_boot();
        }
        self.facts.imei = Some(self.boot.imei.clone());
        if let Ok(firmware) = self.ask("GET", "firmware", &body(&[("slot", &"\"primary\"")]), limit) {
            let version = &firmware.body["version"];
            let part = |name| number(version, name, 1_000_000).map(|part| part.to_string());
            let parts: Option<Vec<_>> = ["major", "minor", "patch"].into_iter().map(part).collect();
            self.facts.firmware = parts.map(|parts| parts.join("."));
        }
        // Without a satellite some units do not answer this one.
        if let Ok(signal) = self.ask("GET", "constellationState", "{}", limit) {
            self.learn_signal(&signal.body);
        }
        let listed = self.ask("GET", "messageProvisioning", "{}", limit)?.body;
        self.learn_topics(topics(&listed));
        self.look_at = Instant::now() + self.limits.look;
        Ok(())
    }

    /// The list of versions: the first question, which a modem after an unclean end may need twice.
    fn versions(&mut self) -> Result<Value, Trouble> {
        let mut last = None;
        for _ in 0..ASKS {
            match self.ask("GET", "apiVersion", "{}", self.limits.ask) {
                Ok(answer) => return Ok(answer.body),
                Err(trouble @ (Trouble::Silent { .. } | Trouble::Refused { code: 405, .. })) => last = Some(trouble),
                Err(trouble) => return Err(trouble),
            }
        }
        Err(last.unwrap_or(Trouble::Restarted))
    }

    fn go_on_air(&mut self) -> Result<(), Trouble> {
        let (limit, target) = (self.limits.ask, "operationalState");
        let to = |state: &str| body(&[("state", &format!("\"{state}\""))]);
        match self.ask("PUT", target, &to("active"), limit) {
            Ok(_) => {}
            Err(Trouble::Refused { code: 406, .. }) => {
                let now = self.ask("GET", target, "{}", limit)?.body;
                if now["state"] != "active" {
                    // From any other state the way leads through this one.
                    self.ask("PUT", target, &to("inactive"), limit)?;
                    self.ask("PUT", target, &to("active"), limit)?;
                }
            }
            Err(trouble) => return Err(trouble),
        }
        self.facts.inactive = None;
        Ok(())
    }

    pub(super) fn learn_hardware(&mut self, facts: &Value) {
        if let Some(value) = facts["board_temp"].as_f64().filter(|value| value.abs() < 150.0) {
            self.events.push(Event::Sample { series: Series::Temperature, value });
        }
    }

    /// The modem has these topics, or none yet.
    pub(super) fn learn_topics(&mut self, known: Vec<u16>) {
        let next = Instant::now() + self.limits.look;
        self.phase = match () {
            () if known.is_empty() => Phase::Waiting { next, why: TransportReason::NotProvisioned.into() },
            () if !known.contains(&self.topic) => Phase::Waiting {
                next,
                why: TransportReason::NoTopic { topic: self.topic, known: known.clone() }.into(),
            },
            () => Phase::Running,
        };
        self.facts.topics = known;
    }

    pub(super) fn learn_signal(&mut self, state: &Value) {
        let Some(bars) = number(state, "signal_bars", 5).and_then(|bars| u8::try_from(bars).ok()) else { return };
        if state["constellation_visible"] == true {
            self.facts.last_satellite = Some(self.clock.now());
        }
        if self.facts.bars != Some(bars) {
            self.facts.bars = Some(bars);
            self.events.push(Event::Sample { series: Series::Bars, value: bars.into() });
        }
    }
}
