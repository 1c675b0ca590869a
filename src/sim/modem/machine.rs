//! The modem itself, without any input or output: bytes and time in, bytes and questions to the sky out.

mod commands;
mod mailbox;
pub(super) mod power;
pub(super) mod radio;
mod reply;
pub(super) mod telemetry;
mod transmit;

use std::collections::VecDeque;
use std::time::Duration;

use super::Options;
use super::dialect::{Firmware, Variants};
use super::faults::Faults;
use super::journal::Journal;
use super::memory::Memory;
use super::receiver::{Heard, Receiver, sentence};
use super::weather::Weather;
use super::wire::{Wire, noise};
use crate::address::DeviceId;
use crate::clock::Time;
use crate::sim::device::take;
use power::{BootPhase, Phase, Power};
use radio::Radio;
use reply::Reply;
use telemetry::Telemetry;

/// Commands that wait while another is carried out; more are lost.
const INBOX: usize = 8;
/// Time between two bursts of garbage.
const NOISE_EVERY: Duration = Duration::from_millis(50);
/// How often the queue is searched for expired messages, in milliseconds of the modem.
const EXPIRY_SCAN: u64 = 60_000;

/// The state of one modem. Every method takes the present time; nothing here waits.
pub(super) struct Machine {
    pub(super) device: DeviceId,
    pub(super) firmware: Firmware,
    pub(super) variants: Variants,
    pub(super) memory: Memory,
    pub(super) journal: Journal,
    pub(super) faults: Faults,
    pub(super) weather: Weather,
    pub(super) power: Power,
    pub(super) telemetry: Telemetry,
    pub(super) radio: Radio,
    pub(super) wire: Wire,
    /// Commands executed since the simulator started.
    pub(super) executed: u64,
    factor: u32,
    receiver: Receiver,
    inbox: VecDeque<Heard>,
    /// The reply to the last command leaves then; the next command waits for it.
    busy_until: Time,
    next_scan: Time,
    next_noise: Time,
}

impl Machine {
    pub(super) fn new(options: &Options, memory: Memory, journal: Journal, now: Time) -> Self {
        let mut machine = Self {
            device: options.device,
            firmware: options.firmware,
            variants: Variants::default(),
            memory,
            journal,
            faults: Faults { loss: options.loss.min(100), ..Faults::default() },
            weather: Weather::new(options.seed),
            power: Power::default(),
            telemetry: Telemetry::default(),
            radio: Radio::new(options),
            wire: Wire::default(),
            executed: 0,
            factor: options.factor.max(1),
            receiver: Receiver::default(),
            inbox: VecDeque::new(),
            busy_until: now,
            next_scan: now,
            next_noise: now,
        };
        machine.start(options.start, now);
        machine
    }

    /// A time of the modem, made shorter by the factor.
    pub(super) fn scaled(&self, milliseconds: u64) -> Duration {
        Duration::from_micros(milliseconds.saturating_mul(1000) / u64::from(self.factor))
    }

    /// Says a sentence, unless the modem is off or asleep.
    pub(super) fn say(&mut self, at: Time, body: &str) {
        if matches!(self.power.phase, Phase::Booting | Phase::Running) {
            self.wire.say(at, sentence(body));
        }
    }

    /// Bytes came over the wire.
    pub(super) fn hear_bytes(&mut self, bytes: &[u8], now: Time) {
        match self.power.phase {
            _ if self.faults.silent => self.receiver.reset(),
            Phase::Asleep => self.wake("SERIAL", now),
            Phase::Off | Phase::Booting | Phase::Shutdown => {}
            Phase::Running => {
                self.receiver.strict_cr = self.variants.strict_cr;
                for byte in bytes {
                    if let Some(heard) = self.receiver.push(*byte, now)
                        && self.inbox.len() < INBOX
                    {
                        self.inbox.push_back(heard);
                    }
                }
            }
        }
    }

    /// Does everything that is due.
    pub(super) fn do_due(&mut self, now: Time) {
        self.follow_script(now);
        while self.power.phase == Phase::Running
            && self.busy_until <= now
            && let Some(heard) = self.inbox.pop_front()
        {
            self.obey(heard, now);
            self.follow_script(now);
        }
        self.report(now);
        self.run_radio(now);
        if self.next_scan <= now {
            self.scan_expired(now);
        }
        if self.faults.noise && self.next_noise <= now {
            let burst = noise(&mut self.weather);
            self.wire.say(now, burst);
            self.next_noise = now + NOISE_EVERY;
        }
    }

    /// When [`Machine::do_due`] is due again.
    pub(super) fn next_due(&self) -> Time {
        let command = if self.inbox.is_empty() { Time::NEVER } else { self.busy_until };
        let garbage = if self.faults.noise { self.next_noise } else { Time::NEVER };
        let due = [
            command,
            garbage,
            self.next_scan,
            self.wire.next(),
            self.power.next(),
            self.next_report(),
            self.radio_due(),
        ];
        due.into_iter().fold(Time::NEVER, Time::min)
    }

    /// The bytes that leave now.
    pub(super) fn leaves(&mut self, now: Time) -> Vec<u8> {
        self.wire.take(now, &mut self.faults, &mut self.weather)
    }

    /// Drops what has expired. Firmware 2 and later says nothing about it.
    pub(super) fn scan_expired(&mut self, now: Time) -> usize {
        self.next_scan = now + self.scaled(EXPIRY_SCAN);
        let gone = self.memory.expire(now);
        if self.firmware == Firmware::One && self.power.phase == Phase::Running {
            for id in &gone {
                self.say(now, &format!("TD ERR,HOLDTIMEEXPIRED,{id}"));
            }
        }
        gone.len()
    }

    /// Forgets all that a restart forgets, apart from the memory.
    pub(super) fn forget(&mut self) {
        self.receiver.reset();
        self.inbox.clear();
        self.telemetry.reset();
        self.radio.reset();
    }

    /// Carries out one command and schedules its reply.
    fn obey(&mut self, heard: Heard, now: Time) {
        if take(&mut self.faults.ignore) {
            return;
        }
        self.executed += 1;
        let mute = match &heard {
            Heard::BadChecksum => self.faults.noreply_to.is_empty(),
            Heard::Command(body) => body.starts_with(self.faults.noreply_to.as_bytes()),
        };
        let (tag, reply) = match heard {
            Heard::BadChecksum => ("CMD?".to_owned(), Reply::line("CMD? ERR,CMD_NMEACHECKSUMFAIL")),
            Heard::Command(body) => self.execute(&body, now),
        };
        let slow = self.weather.chance(1);
        let usual = if slow { self.weather.between(1100, 1400).unsigned_abs() } else { reply.milliseconds };
        let mut at = now + self.scaled(usual);
        if take(&mut self.faults.late_replies) {
            at = now + self.faults.late;
        }
        self.busy_until = at;
        if take(&mut self.faults.interleave) {
            let line = self.interruption(&tag, now);
            self.say(now, &line);
        }
        if !(mute && take(&mut self.faults.noreply)) {
            reply.lines.iter().for_each(|line| self.say(at, line));
        }
        if let Some(stage) = reply.then {
            self.power.schedule(at, BootPhase::Then(stage));
        }
    }
}

/// A moment in UTC, in the format of `strftime`.
fn utc(time: Time, format: &str) -> String {
    jiff::Timestamp::from_second(time.seconds()).unwrap_or_default().strftime(format).to_string()
}

#[cfg(test)]
mod tests;
