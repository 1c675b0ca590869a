//! Commands of the host: which there are, and the short ones.

use std::time::Duration;

use super::super::dialect::{Firmware, Refusal};
use super::Machine;
use super::power::Then;
use super::reply::{Reply, number};
use super::telemetry::Subject;
use crate::clock::Time;

/// Sleep in seconds.
const SLEEP: std::ops::RangeInclusive<u64> = 5..=31_536_000;

impl Machine {
    /// Carries out the command between `$` and `*xx`, and gives its tag and the reply.
    pub(in crate::sim::modem) fn execute(&mut self, body: &[u8], now: Time) -> (String, Reply) {
        let (tag, args) = match body.iter().position(|byte| *byte == b' ') {
            Some(space) => (&body[..space], Some(&body[space + 1..])),
            None => (body, None),
        };
        let tag = match std::str::from_utf8(tag) {
            Ok(text) if (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) => text,
            _ => "CMD?",
        };
        let result = self.dispatch(tag, args, now);
        let reply =
            result.unwrap_or_else(|refusal| Reply::line(format!("{tag} {}", self.firmware.error(tag, refusal))));
        (tag.to_owned(), reply)
    }

    fn dispatch(&mut self, tag: &str, args: Option<&[u8]>, now: Time) -> Result<Reply, Refusal> {
        if let Some(subject) = Subject::of(tag) {
            return self.rate_command(subject, args, now);
        }
        match (tag, args) {
            ("CS", None) => Ok(Reply::line(format!("CS DI={},DN=M138", self.device))),
            ("FV", None) => Ok(Reply::line(format!("FV {}", self.firmware.version()))),
            ("PO", None) => Ok(Reply { then: Some(Then::Shutdown), ..Reply::line("PO OK") }),
            ("CS" | "FV" | "PO", Some(_)) => Err(Refusal::BadParam),
            ("RS", _) => self.restart(args),
            ("GP", Some(args)) => self.gpio(args),
            ("SL", Some(args)) => self.sleep(args, now),
            ("MM", Some(args)) => self.received(args),
            ("MT", Some(args)) => self.unsent(args),
            ("TD", Some(args)) => self.transmit(args, now),
            ("GP" | "SL" | "MM" | "MT" | "TD", None) => Err(Refusal::Missing),
            _ => Err(Refusal::NotImplemented),
        }
    }

    fn restart(&mut self, args: Option<&[u8]>) -> Result<Reply, Refusal> {
        match args {
            None => {}
            Some(word) if word == self.firmware.erase_word() => self.memory.erase(),
            Some(_) => return Err(Refusal::BadParam),
        }
        Ok(Reply { then: Some(Then::Restart), ..Reply::line("RS OK") })
    }

    fn gpio(&mut self, args: &[u8]) -> Result<Reply, Refusal> {
        let mode = self.memory.gpio;
        match args {
            b"?" => Ok(Reply::line(format!("GP {mode}"))),
            b"@" if self.firmware == Firmware::One => Err(Refusal::BadParam),
            b"@" => Ok(Reply::line(match (mode, self.power.pin_low) {
                (1, low) => format!("GP {}V", if low { "0.00" } else { "3.30" }),
                (2, low) => format!("GP {}", if low { 'L' } else { 'H' }),
                _ => format!("GP Cannot read in mode {mode}"),
            })),
            digits => match number(digits).map(u8::try_from) {
                None => Err(Refusal::BadParam),
                Some(Ok(mode)) if mode <= self.firmware.gpio_modes() => {
                    self.memory.gpio = mode;
                    Ok(Reply::line("GP OK"))
                }
                Some(_) => Err(Refusal::BadValue),
            },
        }
    }

    /// `$SL`. The time asleep is made shorter by the factor.
    fn sleep(&mut self, args: &[u8], now: Time) -> Result<Reply, Refusal> {
        let seconds = match args {
            [b'S', b'=', digits @ ..] => match number(digits) {
                None => return Err(Refusal::BadParam),
                Some(seconds) if SLEEP.contains(&seconds) => seconds,
                Some(_) => return Err(Refusal::BadValue),
            },
            [b'U', b'=', ..] if !self.has_time() => return Err(Refusal::TimeNotSet),
            [b'U', b'=', text @ ..] => {
                let until = until(text, self.firmware.delimiter(), now).ok_or(Refusal::BadParam)?;
                until.since(now).as_secs()
            }
            _ => return Err(Refusal::Missing),
        };
        let time = self.scaled(seconds.saturating_mul(1000));
        Ok(Reply { then: Some(Then::Sleep(time)), ..Reply::line("SL OK") })
    }

    /// An unsolicited line that could be taken for the reply to a command with this tag.
    pub(in crate::sim::modem) fn interruption(&mut self, tag: &str, now: Time) -> String {
        match Subject::of(tag) {
            Some(subject) => self.reading(subject, now),
            None if tag == "TD" => {
                let signal = self.weather.signal(300);
                let id = self.radio.last_sent.unwrap_or(0x04_0000_0000_0001 | u64::from(self.device.number()) << 24);
                self.sent_sentence(signal, id)
            }
            None => self.reading(Subject::Noise, now),
        }
    }

    /// The host side of the pin changes its level; an edge may wake the modem.
    pub(in crate::sim::modem) fn set_pin(&mut self, low: bool, now: Time) {
        let (rising, falling) = self.firmware.wake_edges();
        let waking = if low { falling } else { rising };
        if self.power.pin_low != low && self.memory.gpio == waking {
            self.wake("GPIO", now);
        }
        self.power.pin_low = low;
    }
}

/// The moment that `[YYYY-MM-DD<delimiter>]hh:mm:ss` names: without a date the next time it is that late.
fn until(text: &[u8], delimiter: char, now: Time) -> Option<Time> {
    let text = std::str::from_utf8(text).ok()?;
    let zone = jiff::tz::TimeZone::UTC;
    if let Some((date, time)) = text.split_once(delimiter) {
        let date: jiff::civil::Date = date.parse().ok()?;
        let stamp = date.to_datetime(clock_time(time)?).to_zoned(zone).ok()?;
        return Some(Time::from_seconds(stamp.timestamp().as_second()));
    }
    let today = jiff::Timestamp::from_second(now.seconds()).ok()?.to_zoned(zone.clone()).date();
    let stamp = today.to_datetime(clock_time(text)?).to_zoned(zone).ok()?;
    let at = Time::from_seconds(stamp.timestamp().as_second());
    Some(if at < now { at + Duration::from_secs(86_400) } else { at })
}

fn clock_time(text: &str) -> Option<jiff::civil::Time> {
    let fields: Vec<_> = text.split(':').map(|field| number(field.as_bytes())).collect();
    match fields.as_slice() {
        [Some(hour), Some(minute), Some(second)] => {
            let field = |value: u64| i8::try_from(value).ok();
            jiff::civil::Time::new(field(*hour)?, field(*minute)?, field(*second)?, 0).ok()
        }
        _ => None,
    }
}
