//! The modem: bytes and time in, bytes out. No input or output of its own.
//!
//! What it was told lasts until it restarts, whoever has the port meanwhile. It keeps nothing that came down: a host that
//! does not read has lost it.

mod originate;
mod requests;
mod terminate;

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use self::originate::Originate;
use super::Options;
use super::faults::Faults;
use super::memory::Memory;
use super::wire::{self, Request};
use crate::clock::Time;
use crate::sim::device::take;
use crate::sim::sky::Ask;

/// Longest line of a host, in bytes.
const MAX_LINE: usize = 3500;
/// From power to the first words.
const START: Duration = Duration::from_millis(930);
/// How often the gateway is asked for messages.
const LOOK: Duration = Duration::from_secs(5);
/// The shortest time between two of these questions.
const LOOK_LEAST: Duration = Duration::from_millis(50);

/// A message that comes down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Down {
    /// The sky's number of it.
    pub(super) number: u64,
    pub(super) topic: u16,
    pub(super) data: Vec<u8>,
}

/// What the sky says to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It has the message.
    Taken,
    /// It did not hear it.
    Unheard,
    /// What waits.
    Down(Option<Down>),
    /// Done.
    Yes,
}

/// The whole modem.
pub(super) struct Machine {
    pub(super) imei: String,
    pub(super) memory: Memory,
    pub(super) faults: Faults,
    /// Has power, and has started by then.
    pub(super) runs: Option<Time>,
    factor: u32,
    pub(super) transit: Duration,
    pub(super) held: Duration,
    pub(super) provision: Duration,
    pub(super) segment: usize,
    pub(super) backward: bool,
    pub(super) limit: Duration,
    pub(super) strict: bool,
    pub(super) refuses_unknown: bool,
    pub(super) versions_up: bool,
    pub(super) quiet: bool,
    pub(super) bars: u8,
    pub(super) pieces: Duration,
    told_bars: u8,
    /// It says that it has started.
    to_boast: bool,
    /// Which version was chosen since the start.
    pub(super) version: Option<Value>,
    sim: &'static str,
    pub(super) active: bool,
    activity: bool,
    pub(super) originates: Vec<Originate>,
    last_id: u8,
    provisioned_at: Time,
    line: Vec<u8>,
    /// Lines that leave then, in this order.
    later: Vec<(Time, Vec<u8>)>,
    look: Time,
    pub(super) asks: VecDeque<Ask>,
    pub(super) requests: u64,
}

impl Machine {
    pub(super) fn new(options: &Options, memory: Memory, now: Time) -> Self {
        let mut machine = Self {
            imei: options.imei.clone(),
            memory,
            faults: Faults::default(),
            runs: None,
            factor: options.factor,
            transit: options.transit,
            held: Duration::ZERO,
            provision: Duration::ZERO,
            segment: 1446,
            backward: false,
            limit: Duration::from_millis(300),
            strict: true,
            refuses_unknown: true,
            versions_up: false,
            quiet: false,
            bars: 4,
            pieces: Duration::ZERO,
            told_bars: 0,
            to_boast: false,
            version: None,
            sim: "none",
            active: false,
            activity: false,
            originates: Vec::new(),
            last_id: 0,
            provisioned_at: now,
            line: Vec::new(),
            later: Vec::new(),
            look: now,
            asks: VecDeque::new(),
            requests: 0,
        };
        machine.power(true, now);
        machine
    }

    /// Switches the supply. What is not in the memory is gone without it.
    pub(super) fn power(&mut self, on: bool, now: Time) {
        self.restart(now, true);
        self.faults.mute = false;
        if !on {
            self.runs = None;
        }
    }

    /// Starts anew, and says so or not.
    pub(super) fn restart(&mut self, now: Time, boasts: bool) {
        (self.version, self.sim, self.active, self.activity) = (None, "none", false, false);
        (self.last_id, self.told_bars) = (0, 0);
        self.originates.clear();
        self.line.clear();
        self.later.clear();
        self.runs = Some(now + self.scaled(START));
        self.to_boast = boasts;
        self.provisioned_at = now + self.scaled(self.provision);
    }

    /// A time of the network, as fast as this modem goes.
    pub(super) fn scaled(&self, time: Duration) -> Duration {
        time / self.factor.max(1)
    }

    pub(super) fn is_on(&self, now: Time) -> bool {
        self.runs.is_some_and(|at| at <= now)
    }

    /// The topics come now.
    pub(super) fn topics_come(&mut self, now: Time) {
        self.provisioned_at = now;
    }

    /// The topics are there.
    pub(super) fn is_provisioned(&self, now: Time) -> bool {
        self.memory.provisioned || self.provisioned_at <= now
    }

    /// Takes what the host sends.
    pub(super) fn hear_bytes(&mut self, bytes: &[u8], now: Time) {
        if !self.is_on(now) || self.faults.mute {
            return;
        }
        for byte in bytes {
            match byte {
                b'\r' => {
                    let line = std::mem::take(&mut self.line);
                    self.hear_line(&String::from_utf8_lossy(&line), now);
                }
                b'\n' => {}
                byte if self.line.len() <= MAX_LINE => self.line.push(*byte),
                _ => {}
            }
        }
    }

    fn hear_line(&mut self, line: &str, now: Time) {
        if take(&mut self.faults.ignore) {
            return;
        }
        self.requests += 1;
        if line.is_empty() || take(&mut self.faults.e405) {
            return self.say(405, "MALFORMED", "{}", now);
        }
        if line.len() > MAX_LINE {
            return self.say(403, "MALFORMED", "{}", now);
        }
        let at = now + if take(&mut self.faults.late_answers) { self.faults.late } else { Duration::ZERO };
        if take(&mut self.faults.interleave) {
            let state = self.constellation();
            self.say(299, "constellationState", &state, now);
            self.say(299, "newAndUnknown", "{\"what\":[1,{\"x\":null}],\"topic_id\":-3}", now);
        }
        match wire::read(line, self.strict) {
            Ok(Request { verb, target, body }) => self.carry_out(verb, &target, &body, at),
            Err((code, target)) => self.say(code, &target, "{}", at),
        }
    }

    /// Says a line, at this time or once those before it were said.
    pub(super) fn say(&mut self, code: u16, target: &str, body: &str, at: Time) {
        let mut bytes = Vec::new();
        if take(&mut self.faults.long) {
            bytes.extend(wire::line(299, "constellationState", &format!("{{\"x\":\"{}\"}}", "x".repeat(9000))));
        }
        if take(&mut self.faults.rubbish) {
            bytes.extend([0, 0, 0x11, 0xff, 0xfe]);
        }
        bytes.extend(wire::line(code, target, body));
        if self.pieces.is_zero() {
            self.later.push((at, bytes));
            return;
        }
        let mut at = self.later.last().map_or(at, |(last, _)| at.max(*last + self.pieces));
        for byte in bytes {
            self.later.push((at, vec![byte]));
            at = at + self.pieces;
        }
    }

    /// What is due.
    pub(super) fn do_due(&mut self, now: Time) {
        if !self.is_on(now) {
            return;
        }
        if std::mem::take(&mut self.to_boast) {
            let version = "{\"major\":1,\"minor\":5,\"patch\":5,\"build_info\":\"SX-7\"}";
            let body = format!("{{\"image_type\":\"production\",\"version\":{version},\"boot_source\":\"primary\"}}");
            self.say(299, "bootInfo", &body, now);
        }
        if self.active && self.bars > 0 && !self.memory.provisioned && self.provisioned_at <= now {
            self.memory.provisioned = true;
            let topics = requests::topics(true);
            self.say(299, "messageProvisioning", &topics, now);
        }
        if self.active && self.bars != self.told_bars {
            self.told_bars = self.bars;
            let state = self.constellation();
            self.say(299, "constellationState", &state, now);
        }
        self.tend_originates(now);
        if self.look <= now && self.listens(now) {
            self.look = now + self.scaled(LOOK).max(LOOK_LEAST);
            self.asks.push_back(Ask::Fetch(self.imei.clone()));
        }
    }

    /// True while messages can come down.
    fn listens(&self, now: Time) -> bool {
        self.is_on(now) && self.active && self.bars > 0 && self.memory.provisioned
    }

    /// When the next thing is due.
    pub(super) fn next_due(&self) -> Time {
        let Some(runs) = self.runs else { return Time::NEVER };
        let starts = if self.to_boast { runs } else { Time::NEVER };
        let topics = self.active && self.bars > 0 && !self.memory.provisioned;
        let topics = if topics { self.provisioned_at } else { Time::NEVER };
        let says = self.later.iter().map(|(at, _)| *at).min().unwrap_or(Time::NEVER);
        let look = if self.active && self.bars > 0 && self.memory.provisioned { self.look } else { Time::NEVER };
        let messages = self.originates.iter().map(|it| self.due_of(it)).min().unwrap_or(Time::NEVER);
        [starts, topics, says, look, messages].into_iter().min().unwrap_or(Time::NEVER)
    }

    /// What leaves for the host now.
    pub(super) fn leaves(&mut self, now: Time) -> Vec<u8> {
        // An answer that is late does not hold up the lines behind it.
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.later).into_iter().partition(|(at, _)| *at <= now);
        self.later = later;
        let mut out = due.into_iter().flat_map(|(_, bytes)| bytes).collect::<Vec<_>>();
        if self.faults.mute {
            return Vec::new();
        }
        if self.faults.noise {
            out.iter_mut().for_each(|byte| *byte = byte.rotate_left(3) | 0x81);
        }
        out
    }
}
