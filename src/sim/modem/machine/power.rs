//! Life and death: power, boot, GPS, sleep, shutdown. All of it is a script of stages with their times.

use std::str::FromStr;
use std::time::Duration;

use super::super::dialect::Firmware;
use super::super::receiver::sentence;
use super::Machine;
use super::utc;
use crate::clock::Time;

/// Power to the first boot sentence, in milliseconds of the modem.
const LOADER: u64 = 10_000;
/// First boot sentence to `RUNNING`.
const BOOT: u64 = 3_000;
/// From the byte that wakes a sleeping modem until it hears again; what comes in between is lost.
const WAKE: u64 = 50;

/// How the modem begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Without power, until the control command `power on`.
    Off,
    /// Power has just been applied.
    Boot,
    /// It has been running for a while, with time and position.
    Running,
}

impl FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "boot" => Ok(Self::Boot),
            "running" => Ok(Self::Running),
            _ => Err(format!("'{}' is no way to start: write off, boot or running", text.escape_debug())),
        }
    }
}

/// Where the modem is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::sim::modem) enum Phase {
    #[default]
    Off,
    /// Loader and boot sentences; deaf.
    Booting,
    Running,
    /// Deaf until a byte, an edge or the time wakes it.
    Asleep,
    /// After `$PO`: deaf until power is removed.
    Shutdown,
}

/// Why it boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim::modem) enum Cause {
    PowerOn,
    Software,
    Crash,
}

/// What a command makes the modem do once its reply is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim::modem) enum Then {
    Restart,
    Shutdown,
    Sleep(Duration),
}

/// A step of the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim::modem) enum BootPhase {
    /// Free text of the boot loader.
    Noise(&'static str),
    Say(String),
    Running,
    /// GPS gives time.
    Time,
    /// GPS gives a position.
    Fix,
    Wake(&'static str),
    Then(Then),
}

/// Power, GPS and what happens next.
#[derive(Debug, Default)]
pub(in crate::sim::modem) struct Power {
    pub(in crate::sim::modem) phase: Phase,
    /// GPS gave time since power-up.
    pub(in crate::sim::modem) time: bool,
    /// GPS gave a position since power-up.
    pub(in crate::sim::modem) fix: bool,
    /// When the modem began to boot.
    pub(in crate::sim::modem) since: Time,
    /// Level of the GPIO1 pin; the board pulls it up.
    pub(in crate::sim::modem) pin_low: bool,
    script: Vec<(Time, BootPhase)>,
}

impl Power {
    /// Adds a step.
    pub(in crate::sim::modem) fn schedule(&mut self, at: Time, stage: BootPhase) {
        let place = self.script.partition_point(|(due, _)| *due <= at);
        self.script.insert(place, (at, stage));
    }

    /// When the next step is due.
    pub(in crate::sim::modem) fn next(&self) -> Time {
        self.script.first().map_or(Time::NEVER, |(at, _)| *at)
    }

    fn forget_wakes(&mut self) {
        self.script.retain(|(_, stage)| !matches!(stage, BootPhase::Wake(_)));
    }
}

impl Machine {
    /// Begins as the options say.
    pub(in crate::sim::modem) fn start(&mut self, start: Start, now: Time) {
        match start {
            Start::Off => {}
            Start::Boot => self.boot(Cause::PowerOn, now),
            Start::Running => {
                self.power = Power { phase: Phase::Running, time: true, fix: true, since: now, ..Power::default() };
            }
        }
    }

    /// GPS time is known.
    pub(in crate::sim::modem) fn has_time(&self) -> bool {
        self.power.time && !self.faults.no_time
    }

    /// The position is known.
    pub(in crate::sim::modem) fn has_fix(&self) -> bool {
        self.power.fix && !self.faults.no_fix
    }

    /// Does the steps that are due.
    pub(in crate::sim::modem) fn follow_script(&mut self, now: Time) {
        while self.power.next() <= now {
            let (at, stage) = self.power.script.remove(0);
            self.step(stage, at, now);
        }
    }

    fn step(&mut self, stage: BootPhase, at: Time, now: Time) {
        match stage {
            BootPhase::Noise(text) => self.wire.say(now, text.as_bytes().to_vec()),
            BootPhase::Say(body) => self.say(now, &body),
            BootPhase::Running => {
                self.power.phase = Phase::Running;
                self.say(now, "M138 BOOT,RUNNING");
            }
            BootPhase::Time | BootPhase::Fix if self.power.phase == Phase::Asleep => {
                let later = now + self.scaled(1000);
                self.power.schedule(later, stage);
            }
            BootPhase::Time => {
                self.power.time = true;
                self.announce_time(now);
            }
            BootPhase::Fix => {
                self.power.fix = true;
                self.announce_fix(now);
            }
            BootPhase::Wake(cause) => self.awake(cause, now),
            BootPhase::Then(Then::Restart) => {
                self.say(now, "M138 BOOT,RESTART");
                self.boot(Cause::Software, at);
            }
            BootPhase::Then(Then::Shutdown) => {
                self.say(now, "M138 BOOT,SHUTDOWN");
                self.halt(Phase::Shutdown);
            }
            BootPhase::Then(Then::Sleep(time)) => {
                self.power.phase = Phase::Asleep;
                self.forget();
                self.power.schedule(at + time, BootPhase::Wake("TIME"));
            }
        }
    }

    /// `DATETIME`, if time is there.
    pub(in crate::sim::modem) fn announce_time(&mut self, now: Time) {
        if self.has_time() && self.power.phase == Phase::Running {
            self.say(now, "M138 DATETIME");
        }
    }

    /// `POSITION`, if there is one.
    pub(in crate::sim::modem) fn announce_fix(&mut self, now: Time) {
        if self.has_fix() && self.power.phase == Phase::Running {
            self.say(now, "M138 POSITION");
        }
    }

    /// Power goes: what was not said yet is lost.
    pub(in crate::sim::modem) fn power_off(&mut self) {
        self.wire.clear();
        self.halt(Phase::Off);
    }

    /// A reset from within, at once: what was not said yet is lost.
    pub(in crate::sim::modem) fn reset(&mut self, cause: Cause, now: Time) {
        self.wire.clear();
        self.boot(cause, now);
    }

    fn halt(&mut self, phase: Phase) {
        self.power = Power { phase, pin_low: self.power.pin_low, ..Power::default() };
        self.forget();
    }

    /// Writes the script of a boot: loader noise, boot sentences, then GPS in either order.
    fn boot(&mut self, cause: Cause, now: Time) {
        self.halt(Phase::Booting);
        self.power.since = now;
        self.plan(now, 0, BootPhase::Noise("Swarm Bootloader v1.4\r\nSwarm application found"));
        for second in 1..10 {
            self.plan(now, second * 1000, BootPhase::Noise("."));
        }
        let lines = self.boot_lines(cause);
        let step = BOOT / (lines.len() as u64 + 1);
        for (at, line) in (LOADER..).step_by(usize::try_from(step).unwrap_or(1).max(1)).zip(lines) {
            self.plan(now, at, BootPhase::Say(line));
        }
        let running = LOADER + BOOT;
        self.plan(now, running, BootPhase::Running);
        let (time, fix) = (self.weather.between(2000, 7000), self.weather.between(4000, 10_000));
        self.plan(now, running + time.unsigned_abs(), BootPhase::Time);
        self.plan(now, running + fix.unsigned_abs(), BootPhase::Fix);
    }

    fn plan(&mut self, now: Time, after: u64, stage: BootPhase) {
        let at = now + self.scaled(after);
        self.power.schedule(at, stage);
    }

    /// The sentences from the first to the one before `RUNNING`, as captured on firmware 3.0.1.
    fn boot_lines(&self, cause: Cause) -> Vec<String> {
        let (soft, brown) = if cause == Cause::PowerOn { ('n', 'Y') } else { ('Y', 'n') };
        let flags = format!("LPWR=n,WWDG=n,IWDG=n,SFT={soft},BOR={brown},PIN=Y,OBL=n");
        let mut lines = Vec::new();
        if cause == Cause::Crash {
            lines.push("M138 BOOT,ABORT".to_owned());
        }
        lines.push("M138 BOOT,POWERON,Copyright (c) 2019-22 Swarm Technologies, Inc".to_owned());
        lines.push(format!("M138 BOOT,POWERON,{flags}"));
        lines.push(format!("M138 BOOT,VERSION,{}", self.firmware.version()));
        if self.firmware != Firmware::One {
            lines.push(format!("M138 BOOT,DEVICEID,DI={},RDP=0(0xaa)", self.device));
            let (unread, stored, unsent) =
                (self.memory.unread(), self.memory.incoming.len(), self.memory.outgoing.len());
            lines.push(format!("M138 BOOT,MSGS,IN={unread}/{stored},OUT={unsent}/{unsent}"));
        }
        lines
    }

    /// Begins to wake a sleeping modem.
    pub(in crate::sim::modem) fn wake(&mut self, cause: &'static str, now: Time) {
        let waking = self.power.script.iter().any(|(_, stage)| matches!(stage, BootPhase::Wake("SERIAL" | "GPIO")));
        if self.power.phase == Phase::Asleep && !waking {
            self.power.forget_wakes();
            self.plan(now, WAKE, BootPhase::Wake(cause));
        }
    }

    fn awake(&mut self, cause: &str, now: Time) {
        self.power.forget_wakes();
        self.power.phase = Phase::Running;
        let tail =
            if self.variants.wake_tail { format!(" @ {}", utc(now, "%Y-%m-%d %H:%M:%S")) } else { String::new() };
        self.wire.say(now, sentence(&format!("SL WAKE,{cause}{tail}")));
    }
}
