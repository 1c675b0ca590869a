//! The six things that the modem reports on request or at a rate: `$DT $GJ $GN $GS $PW $RT`.

use std::time::Duration;

use super::super::dialect::{Firmware, Refusal};
use super::super::weather::Signal;
use super::Machine;
use super::power::Phase;
use super::reply::{Reply, number};
use super::utc;
use crate::clock::Time;

/// The satellite of all examples.
const SATELLITE: &str = "0x000568";

/// What is reported; the order is that of the stored rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim::modem) enum Subject {
    DateTime,
    Jamming,
    Position,
    Fix,
    Power,
    Noise,
}

impl Subject {
    const ALL: [Self; 6] = [Self::DateTime, Self::Jamming, Self::Position, Self::Fix, Self::Power, Self::Noise];

    fn tag(self) -> &'static str {
        match self {
            Self::DateTime => "DT",
            Self::Jamming => "GJ",
            Self::Position => "GN",
            Self::Fix => "GS",
            Self::Power => "PW",
            Self::Noise => "RT",
        }
    }

    /// The subject of a tag; `None` for all other commands.
    pub(in crate::sim::modem) fn of(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|subject| subject.tag() == tag)
    }
}

/// When each subject is due, and the last packet heard.
#[derive(Debug, Default)]
pub(in crate::sim::modem) struct Telemetry {
    due: [Option<Time>; 6],
    /// The last satellite packet, until the next reading of background noise replaces it.
    last_packet: Option<String>,
}

impl Telemetry {
    /// Forgets what a restart forgets.
    pub(in crate::sim::modem) fn reset(&mut self) {
        *self = Self::default();
    }
}

impl Machine {
    /// `@`, `?` or a rate.
    pub(in crate::sim::modem) fn rate_command(
        &mut self,
        subject: Subject,
        args: Option<&[u8]>,
        now: Time,
    ) -> Result<Reply, Refusal> {
        let tag = subject.tag();
        let rate = &mut self.memory.rates[subject as usize];
        match args {
            None | Some(b"") => Err(Refusal::Missing),
            Some(b"?") => Ok(Reply::line(format!("{tag} {rate}"))),
            Some(b"@") => Ok(Reply::line(match (&self.telemetry.last_packet, subject) {
                (Some(packet), Subject::Noise) => packet.clone(),
                _ => self.reading(subject, now),
            })),
            Some(digits) => {
                let seconds = number(digits).ok_or(Refusal::BadParam)?;
                *rate = u32::try_from(seconds).ok().filter(|rate| *rate <= 2_147_483_647).ok_or(Refusal::BadValue)?;
                self.telemetry.due[subject as usize] = None;
                Ok(Reply::line(format!("{tag} OK")))
            }
        }
    }

    /// Says what is due by its rate.
    pub(in crate::sim::modem) fn report(&mut self, now: Time) {
        if self.power.phase != Phase::Running {
            return;
        }
        for subject in Subject::ALL {
            let rate = self.memory.rates[subject as usize];
            let every = Duration::from_secs(rate.into());
            match self.telemetry.due[subject as usize] {
                _ if rate == 0 => {}
                None => self.telemetry.due[subject as usize] = Some(now + every),
                Some(due) if due <= now => {
                    self.telemetry.due[subject as usize] = Some(now + every);
                    if self.allowed(subject) {
                        let line = self.reading(subject, now);
                        self.say(now, &line);
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// When [`Machine::report`] has something to do.
    pub(in crate::sim::modem) fn next_report(&self) -> Time {
        if self.power.phase != Phase::Running {
            return Time::NEVER;
        }
        let rates = self.memory.rates.iter().zip(self.telemetry.due);
        let due = rates.filter(|(rate, _)| **rate > 0).map(|(_, due)| due.unwrap_or_default());
        due.min().unwrap_or(Time::NEVER)
    }

    /// Unsolicited sentences are held back until GPS has what they tell.
    fn allowed(&self, subject: Subject) -> bool {
        match subject {
            Subject::DateTime => self.has_time(),
            Subject::Position | Subject::Fix => self.has_fix(),
            _ => true,
        }
    }

    /// The sentence as of now.
    pub(in crate::sim::modem) fn reading(&mut self, subject: Subject, now: Time) -> String {
        let (time, fix, weather) = (self.has_time(), self.has_fix(), &mut self.weather);
        match subject {
            Subject::DateTime if time => format!("DT {},V", utc(now, "%Y%m%d%H%M%S")),
            Subject::DateTime => {
                let since = Time(0) + now.since(self.power.since);
                format!("DT {},I", utc(since, "%Y%m%d%H%M%S"))
            }
            Subject::Jamming => format!("GJ 1,{}", weather.between(18, 28)),
            Subject::Position if fix => {
                let (north, east) = self.faults.place.unwrap_or((37.8921, -122.0155));
                format!("GN {north:.4},{east:.4},77,89,2")
            }
            Subject::Position => "GN 0.0000,0.0000,0,0,0".to_owned(),
            Subject::Fix if fix => {
                format!(
                    "GS {},{},{},0,G3",
                    weather.between(120, 160),
                    weather.between(150, 190),
                    weather.between(6, 11)
                )
            }
            Subject::Fix => "GS 0,0,0,0,NF".to_owned(),
            Subject::Power => {
                let old = self.firmware == Firmware::One;
                let millivolts = if old { 0 } else { weather.between(3270, 3300) };
                let tenths = weather.between(275, 285);
                let (volts, degrees) = (millivolts as f64 / 1000.0, tenths as f64 / 10.0);
                format!("PW {volts:.5},0.00000,0.00000,0.00000,{degrees:.1}")
            }
            Subject::Noise => {
                self.telemetry.last_packet = None;
                format!("RT RSSI={}", weather.noise())
            }
        }
    }

    /// A satellite packet was heard: reported whenever the rate is not 0.
    pub(in crate::sim::modem) fn heard_packet(&mut self, signal: Signal, now: Time) {
        let time = format!("{}{}{}", utc(now, "%Y-%m-%d"), self.firmware.delimiter(), utc(now, "%H:%M:%S"));
        let line = format!("RT {signal},TS={time},DI={SATELLITE}");
        if self.memory.rates[Subject::Noise as usize] > 0 {
            self.say(now, &line);
        }
        self.telemetry.last_packet = Some(line);
    }
}
