//! The modem: bytes and time in, bytes out. No input or output of its own.
//!
//! After Iridium's AT command reference (MAN0009) and the developers' guide of the 9603. Two slots, one message each way: a
//! session sends what is in the one and fetches at most one message into the other. Nothing clears the slot of what goes up
//! but the host, and power.

mod commands;
mod session;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

pub(super) use self::session::{Answer, Down};
use super::Options;
use super::faults::Faults;
use super::memory::Memory;
use crate::clock::Time;
use crate::sim::device::take;
use crate::sim::sky::Ask;

/// Longest command in bytes, without its `AT`: the longest text that `+SBDWT=` takes fits.
const MAX_COMMAND: usize = 128;
/// The host has so long to send the data that it announced.
const DATA_LIMIT: Duration = Duration::from_secs(60);
/// A ring alert that nobody answers comes once more after this.
const RING_AGAIN: Duration = Duration::from_secs(20);

/// What the modem is doing.
#[derive(Debug)]
pub(super) enum Mode {
    /// No power, or radio and all switched off by `*F`.
    Off,
    /// It starts, and hears nothing until then.
    Starting(Time),
    /// It takes commands.
    Command,
    /// It takes the data of `+SBDWB` (so many bytes, and a sum), or of `+SBDWT` (none: up to a carriage return).
    Data { length: Option<usize>, until: Time, got: Vec<u8> },
    /// A session runs, and input is ignored.
    Session(session::Session),
}

/// How results of sessions and ring alerts are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `+SBDIX: 0, 1, 0, 0, 0, 0`
    Spaced,
    /// `+SBDIX:0,1,0,0,0,0`
    Tight,
}

/// The whole modem.
pub(super) struct Machine {
    pub(super) imei: String,
    pub(super) memory: Memory,
    pub(super) faults: Faults,
    pub(super) mode: Mode,
    /// How many times faster all times go.
    factor: u32,
    /// How long a session takes, before the factor.
    pub(super) session_time: Duration,
    /// It knows only the commands that every clone has.
    pub(super) core: bool,
    pub(super) style: Style,
    pub(super) bars: u8,
    /// Signal and service as they were last told to the host.
    told: (u8, bool),
    /// Seconds from the epoch of the network's time, in use since 2026 or before.
    pub(super) epoch: i64,
    echo: bool,
    verbose: bool,
    quiet: bool,
    /// `+CIER`: on, signal, service.
    events: (bool, bool, bool),
    rings: bool,
    radio: bool,
    limit: u32,
    pub(super) mo: Option<Vec<u8>>,
    pub(super) mt: Option<(u16, Vec<u8>)>,
    /// What waited at the gateway after the last session.
    waiting: u32,
    /// A satellite has been seen since power-up.
    seen: bool,
    line: Vec<u8>,
    out: Vec<u8>,
    /// Bytes that leave later.
    later: Vec<(Time, Vec<u8>)>,
    /// All that was said while it answers slowly, in its order.
    delayed: VecDeque<(Time, Vec<u8>)>,
    /// A ring alert is to be printed once the modem is in command mode.
    to_ring: bool,
    ring_again: Option<Time>,
    /// Whether the gateway is asked what waits, and what it said last.
    pub(super) known_waiting: u32,
    look: Time,
    /// Questions for the sky.
    pub(super) asks: VecDeque<Ask>,
    pub(super) executed: u64,
}

impl Machine {
    pub(super) fn new(options: &Options, memory: Memory, now: Time) -> Self {
        let mut machine = Self {
            imei: options.imei.clone(),
            memory,
            faults: Faults::default(),
            mode: Mode::Off,
            factor: options.factor,
            session_time: options.session,
            core: options.core,
            style: Style::Spaced,
            bars: 4,
            told: (0, false),
            epoch: ERAS[1],
            echo: true,
            verbose: true,
            quiet: false,
            events: (false, false, false),
            rings: true,
            radio: true,
            limit: 0,
            mo: None,
            mt: None,
            waiting: 0,
            seen: false,
            line: Vec::new(),
            out: Vec::new(),
            later: Vec::new(),
            delayed: VecDeque::new(),
            to_ring: false,
            ring_again: None,
            known_waiting: 0,
            look: now,
            asks: VecDeque::new(),
            executed: 0,
        };
        machine.power(true, now);
        machine
    }

    /// Switches the supply. What is not in the memory is gone without it.
    pub(super) fn power(&mut self, on: bool, now: Time) {
        (self.mo, self.mt, self.waiting, self.seen) = (None, None, 0, false);
        (self.limit, self.events, self.radio) = (0, (false, false, false), true);
        self.defaults();
        self.line.clear();
        self.later.clear();
        self.delayed.clear();
        (self.to_ring, self.ring_again, self.known_waiting) = (false, None, 0);
        self.faults.mute = false;
        self.mode = if on { Mode::Starting(now + self.scaled(Duration::from_secs(2))) } else { Mode::Off };
    }

    /// What `&F` sets.
    fn defaults(&mut self) {
        (self.echo, self.verbose, self.quiet, self.rings) = (true, true, false, true);
    }

    /// A time of the manual, as fast as this modem goes.
    pub(super) fn scaled(&self, time: Duration) -> Duration {
        time / self.factor.max(1)
    }

    /// Takes what the host sends.
    pub(super) fn hear_bytes(&mut self, bytes: &[u8], now: Time) {
        for byte in bytes {
            match &mut self.mode {
                _ if self.faults.mute => {}
                Mode::Off | Mode::Starting(_) | Mode::Session(_) => {}
                Mode::Data { .. } => self.hear_data(*byte),
                Mode::Command => self.hear_command(byte & 0x7f, now),
            }
        }
    }

    fn hear_command(&mut self, byte: u8, now: Time) {
        match byte {
            b'\r' => {
                let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
                if take(&mut self.faults.ignore) {
                    return;
                }
                if self.echo {
                    self.out.extend_from_slice(line.as_bytes());
                    self.out.push(b'\r');
                }
                let upper = line.to_ascii_uppercase().replace(' ', "");
                match upper.find("AT") {
                    Some(at) if line.len() <= "AT".len() + MAX_COMMAND => {
                        self.executed += 1;
                        // The text of `+SBDWT=` keeps its case and its spaces.
                        let text = line.split_once('=').map_or("", |(_, text)| text).to_owned();
                        self.carry_out(&upper[at + 2..], &text, now);
                    }
                    Some(_) => self.result(false),
                    None => {}
                }
            }
            b'\n' => {}
            // Ctrl-X
            0x18 => self.line.clear(),
            byte => self.line.push(byte),
        }
    }

    fn hear_data(&mut self, byte: u8) {
        let Mode::Data { length, got, .. } = &mut self.mode else { return };
        if take(&mut self.faults.shortwrite) {
            return;
        }
        got.push(byte);
        match *length {
            Some(length) if got.len() == length + 2 => {
                let mut data = std::mem::take(got);
                let sum = data.split_off(length);
                self.mode = Mode::Command;
                let good = sum == sum_of(&data).to_be_bytes() && !take(&mut self.faults.badwrite);
                match good {
                    true => self.mo = Some(data),
                    false => self.mo = None,
                }
                self.info(if good { "0" } else { "2" });
                self.result(true);
            }
            None if byte == b'\r' => {
                got.pop();
                let data = std::mem::take(got);
                self.mode = Mode::Command;
                self.write_text(data);
                self.info("0");
                self.result(true);
            }
            _ => {}
        }
    }

    /// What is due.
    pub(super) fn do_due(&mut self, now: Time) {
        match &mut self.mode {
            Mode::Starting(until) if *until <= now => {
                self.mode = Mode::Command;
                self.seen = self.bars > 0;
            }
            // Acknowledged as a fault of the real one: no OK follows.
            Mode::Data { until, .. } if *until <= now => {
                self.mode = Mode::Command;
                self.info("1");
            }
            Mode::Session(session) if !session.asked && session.ends <= now => self.end_session(now),
            _ => {}
        }
        self.tend_ring(now);
        self.tell_signal();
        let due = self.later.extract_if(.., |(at, _)| *at <= now);
        let due: Vec<u8> = due.flat_map(|(_, bytes)| bytes).collect();
        self.out.extend(due);
        self.delay(now);
    }

    /// A modem that answers slowly says everything later, and nothing before what it said first.
    fn delay(&mut self, now: Time) {
        if !self.out.is_empty() && (self.faults.slow > Duration::ZERO || !self.delayed.is_empty()) {
            let said = std::mem::take(&mut self.out);
            self.delayed.push_back((now + self.faults.slow, said));
        }
        while self.delayed.front().is_some_and(|(at, _)| *at <= now) {
            self.out.extend(self.delayed.pop_front().into_iter().flat_map(|(_, said)| said));
        }
    }

    /// When the next thing is due.
    pub(super) fn next_due(&self) -> Time {
        let mode = match &self.mode {
            Mode::Starting(until) | Mode::Data { until, .. } => *until,
            Mode::Session(session) if !session.asked => session.ends,
            _ => Time::NEVER,
        };
        let later = self.later.iter().map(|(at, _)| *at).min().unwrap_or(Time::NEVER);
        let later = later.min(self.delayed.front().map_or(Time::NEVER, |(at, _)| *at));
        let ring = self.ring_again.unwrap_or(Time::NEVER);
        let look = if self.listens() { self.look } else { Time::NEVER };
        mode.min(later).min(ring).min(look)
    }

    /// What leaves for the host now.
    pub(super) fn leaves(&mut self) -> Vec<u8> {
        let mut out = std::mem::take(&mut self.out);
        if self.faults.mute {
            return Vec::new();
        }
        if self.faults.noise {
            out.iter_mut().for_each(|byte| *byte = byte.rotate_left(3) | 0x81);
        }
        out
    }

    fn info(&mut self, text: &str) {
        match self.verbose {
            true => self.out.extend_from_slice(format!("\r\n{text}\r\n").as_bytes()),
            false => self.out.extend_from_slice(format!("{text}\r\n").as_bytes()),
        }
    }

    fn result(&mut self, good: bool) {
        if self.quiet {
            return;
        }
        if take(&mut self.faults.glue) {
            self.ring();
        }
        match (self.verbose, good) {
            (true, true) => self.out.extend_from_slice(b"\r\nOK\r\n"),
            (true, false) => self.out.extend_from_slice(b"\r\nERROR\r\n"),
            (false, true) => self.out.extend_from_slice(b"0\r"),
            (false, false) => self.out.extend_from_slice(b"4\r"),
        }
    }

    /// Tells of a ring alert: a line of its own without a line end before it, which clones have.
    fn ring(&mut self) {
        match (self.verbose, self.style) {
            (true, Style::Spaced) => self.out.extend_from_slice(b"SBDRING\r\n"),
            (true, Style::Tight) => self.info("SBDRING"),
            (false, _) => self.out.extend_from_slice(b"126\r"),
        }
    }

    /// Puts a text into the slot of what goes up. An empty one empties it: the next session is a look into the mailbox.
    fn write_text(&mut self, text: Vec<u8>) {
        self.mo = Some(text).filter(|text| !text.is_empty());
    }

    fn tell_signal(&mut self) {
        let now = (self.bars, self.bars > 0);
        if !matches!(self.mode, Mode::Command) || now == self.told {
            return;
        }
        let before = std::mem::replace(&mut self.told, now);
        self.seen |= now.1;
        let (on, signal, service) = self.events;
        if on && signal && before.0 != now.0 {
            self.info(&format!("+CIEV:0,{}", now.0));
        }
        if on && service && before.1 != now.1 {
            self.info(&format!("+CIEV:1,{}", u8::from(now.1)));
        }
    }
}

/// Epochs of the network's time: until 2026, and since (seconds since 1970).
pub(super) const ERAS: [i64; 2] = [1_399_818_235, 1_739_556_857];

/// The sum of all bytes, modulo 65536.
pub(super) fn sum_of(data: &[u8]) -> u16 {
    data.iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)))
}
