//! What the modem says unasked: state, measurements, and what became of packets.

use std::time::{Duration, Instant};

use super::ledger::PacketFate;
use super::sentence::{MM, MT, Sentence, Signal, TD};
use super::{M138, Phase, errors};
use crate::clock::Time;
use crate::link::{Event, Series};
use crate::message::reason::{Acknowledged, GpsFix, SignalFigures, TrackingReason};

/// A modem that starts is asked when this has passed without `BOOT,RUNNING`; starts of 13 s are usual.
const START_LIMIT: Duration = Duration::from_secs(30);
/// A modem that was shut down is asked this often, in case its power came back unheard.
const OFF_ASK: Duration = Duration::from_secs(60);
/// A modem that is not in use, but speaks, is asked after this.
const SOON: Duration = Duration::from_secs(5);
/// Samples of the noise are means over this time.
const NOISE_SPAN: Duration = Duration::from_secs(60);

impl M138 {
    /// Takes one sentence that was no answer, or is handled like one that was not.
    pub fn on_sentence(&mut self, heard: Sentence) {
        self.hasten(&heard);
        if heard.is_answer() && self.wire.as_mut().is_some_and(super::wire::Wire::late_answer) {
            self.on_late_answer();
        }
        match heard {
            Sentence::Boot { what, text } => self.on_boot(&what, &text),
            Sentence::TimeGate => self.facts.time_valid = Some(true),
            Sentence::Clock { time, valid } => self.on_clock(time, valid),
            Sentence::Notice(text) => log::warn!("m138: the modem says: {text}"),
            Sentence::Position(lat, lon, alt) => {
                // before its first fix the modem gives zeros
                let known = lat != 0.0 || lon != 0.0;
                self.facts.position = known.then_some((lat, lon, alt));
            }
            Sentence::Fix { satellites, kind } => {
                self.facts.fix = Some(fix(&kind));
                self.sample(Series::Gps, Some(f64::from(satellites)));
            }
            Sentence::Power(volts, temperature) => {
                // early firmware does not measure its supply
                self.sample(Series::Volts, Some(volts).filter(|volts| *volts > 0.0));
                self.sample(Series::Temperature, Some(temperature));
            }
            Sentence::Noise(level) => self.on_noise(level),
            Sentence::Satellite(signal) => self.on_satellite(&signal),
            Sentence::Acked(id, signal) => self.on_acked(id, &signal),
            Sentence::Queued(id) => self.on_queued(id),
            Sentence::Error { tag, word, id: Some(id) } if tag == TD && errors::expired(&word) => {
                self.on_expired(id);
            }
            Sentence::Done(tag, Some(id)) if tag == MT && self.withdrawing.contains(&id) => {
                self.withdrawing.retain(|known| *known != id);
                self.ledger.gone(id, PacketFate::Withdrawn);
            }
            Sentence::Received(signal) => {
                self.on_satellite(&signal);
                self.agenda.inbound = Instant::now();
            }
            Sentence::Message(tag, message) if tag == MM => self.take_message(message),
            _ => {}
        }
    }

    /// A modem that speaks is asked soon, whatever it was thought to be.
    fn hasten(&mut self, heard: &Sentence) {
        if self.wire.as_ref().is_some_and(|wire| wire.foreign().is_some()) {
            return;
        }
        let soon = Instant::now() + SOON;
        match &mut self.phase {
            Phase::Starting { ask, .. } if !matches!(heard, Sentence::Boot { .. }) => *ask = soon.min(*ask),
            Phase::Unresponsive { next, .. } | Phase::Off { next } => *next = soon.min(*next),
            _ => {}
        }
    }

    /// It is slow, not silent: it is asked again with more patience, and not told to restart.
    fn on_late_answer(&mut self) {
        let patience = self.wire.as_ref().map_or(Duration::ZERO, |wire| wire.patience());
        log::info!("m138: the modem answers late; it is given {} s from now on", patience.as_secs());
        if matches!(self.phase, Phase::Unresponsive { .. }) {
            self.phase = Phase::Unresponsive { step: 0, next: Instant::now() };
        }
    }

    fn on_boot(&mut self, what: &str, text: &str) {
        if self.phase == Phase::Running {
            log::warn!("m138: the modem restarts ({what} {text})");
        }
        self.epoch = super::fresh();
        self.wire.iter_mut().for_each(super::wire::Wire::restarted);
        self.facts.time_valid = Some(false);
        self.facts.clock = None;
        self.facts.fix = None;
        self.unanswered = 0;
        let now = Instant::now();
        self.phase = match what {
            "RUNNING" => Phase::Starting { ask: now, step: 0 },
            "SHUTDOWN" => Phase::Off { next: now + OFF_ASK },
            _ => Phase::Starting { ask: now + START_LIMIT, step: 0 },
        };
    }

    fn on_clock(&mut self, time: Time, valid: bool) {
        self.facts.time_valid = Some(valid);
        if valid {
            self.facts.clock = Some(time);
            self.clock.learn(time);
        }
    }

    fn on_noise(&mut self, level: f64) {
        let mean = self.facts.noise.map_or(level, |mean| mean + (level - mean) / 4.0);
        self.facts.noise = Some(mean);
        if self.facts.noise_reported.is_none_or(|at| at.elapsed() >= NOISE_SPAN) {
            self.facts.noise_reported = Some(Instant::now());
            self.sample(Series::Noise, Some((mean * 10.0).round() / 10.0));
        }
    }

    fn on_satellite(&mut self, signal: &Signal) {
        let at = signal.at.unwrap_or_else(|| self.clock.now());
        self.facts.last_satellite = self.facts.last_satellite.max(Some(at));
        self.sample(Series::Rssi, signal.rssi);
        self.sample(Series::Snr, signal.snr);
    }

    fn on_acked(&mut self, id: u64, signal: &Signal) {
        if self.ledger.fate(id) != Some(PacketFate::Sent) {
            self.facts.waiting = self.facts.waiting.map(|count| count.saturating_sub(1));
        }
        self.ledger.acked(id);
        self.facts.full = None;
        self.on_satellite(signal);
        if let Some(reference) = self.reference(id) {
            self.events.push(Event::Sent { reference, how: Acknowledged::Signal(figures(signal)) });
        }
    }

    /// `$TD OK` that nobody waits for: the late answer to a hand-over, or to a line of the console.
    fn on_queued(&mut self, id: u64) {
        if self.ledger.fate(id).is_none() {
            self.facts.waiting = self.facts.waiting.map(|count| count + 1);
        }
        self.ledger.overheard(id);
    }

    fn on_expired(&mut self, id: u64) {
        self.ledger.gone(id, PacketFate::Expired);
        self.facts.full = None;
        self.facts.waiting = self.facts.waiting.map(|count| count.saturating_sub(1));
        if let Some(reference) = self.reference(id) {
            let why = TrackingReason::HoldTimeOver.into();
            self.events.push(Event::Lost { reference, why });
        }
    }

    fn sample(&mut self, series: Series, value: Option<f64>) {
        if let Some(value) = value {
            self.events.push(Event::Sample { series, value });
        }
    }
}

/// Signal figures for the time line.
fn figures(signal: &Signal) -> SignalFigures {
    // A cast of a float saturates; what the modem says is far within the range.
    let tenths = |value: Option<f64>| value.map(|value| (value * 10.0).round() as i32);
    SignalFigures { rssi: tenths(signal.rssi), snr: tenths(signal.snr), fdev: tenths(signal.fdev) }
}

/// The modem's two letters for the kind of fix.
fn fix(kind: &str) -> GpsFix {
    match kind {
        "NF" => GpsFix::None,
        "DR" => GpsFix::DeadReckoning,
        "G2" => GpsFix::Flat { differential: false },
        "G3" => GpsFix::Full { differential: false },
        "D2" => GpsFix::Flat { differential: true },
        "D3" => GpsFix::Full { differential: true },
        "RK" => GpsFix::Combined,
        "TT" => GpsFix::TimeOnly,
        other => GpsFix::Other(other.to_owned()),
    }
}
