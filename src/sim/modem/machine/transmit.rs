//! `$TD`: what the host wants to send.

use std::time::Duration;

use super::super::dialect::{Firmware, Refusal};
use super::Machine;
use super::reply::{Reply, number};
use crate::clock::Time;
use crate::hex;

/// Largest payload in bytes.
const MAX_PAYLOAD: usize = 192;
/// Hold time when the host names none, in seconds.
const DEFAULT_HOLD: u64 = 172_800;
/// Shortest hold time in seconds.
const MIN_HOLD: u64 = 60;
/// Application ids from here on are the operator's own; the modem takes them all the same.
const RESERVED_APPS: u16 = 65_000;
/// The fixed range of ET in firmware 1.x, Unix seconds.
const OLD_EXPIRY: std::ops::RangeInclusive<u64> = 1_577_836_800..=2_147_483_647;

/// A `$TD` that is well formed.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    app: u16,
    /// Seconds from now.
    hold: u64,
    payload: Vec<u8>,
}

impl Machine {
    /// The checks in their order: time, options, payload, its length, room.
    pub(in crate::sim::modem) fn transmit(&mut self, args: &[u8], now: Time) -> Result<Reply, Refusal> {
        if !self.has_time() {
            return Err(Refusal::TimeNotSet);
        }
        let Request { app, hold, payload } = parse(args, self.firmware, now)?;
        if self.faults.full || self.memory.outgoing.len() >= self.firmware.capacity() {
            return Err(Refusal::Full);
        }
        if app >= RESERVED_APPS {
            log::warn!("modem: application id {app} is reserved; a real network may lose the message");
        }
        let expires = now + self.scaled(hold.saturating_mul(1000));
        let id = self.memory.queue(self.device, app, payload, now, expires);
        Ok(Reply::line(format!("TD OK,{id}")))
    }
}

/// `[AI=<app>,][HD=<seconds>,][ET=<epoch>,]<payload>`
fn parse(args: &[u8], firmware: Firmware, now: Time) -> Result<Request, Refusal> {
    let (mut app, mut hold, mut expiry) = (None, None, None);
    let mut rest = args;
    while let [name @ (b'A' | b'H' | b'E'), second, b'=', tail @ ..] = rest {
        let (slot, wrong) = match (name, second) {
            (b'A', b'I') => (&mut app, Refusal::AppNotInt),
            (b'H', b'D') => (&mut hold, Refusal::HoldNotInt),
            (b'E', b'T') => (&mut expiry, Refusal::ExpiryNotInt),
            _ => break,
        };
        let comma = tail.iter().position(|byte| *byte == b',').ok_or(Refusal::Missing)?;
        if slot.is_some() {
            return Err(Refusal::Duplicate);
        }
        *slot = Some(number(&tail[..comma]).ok_or(wrong)?);
        rest = &tail[comma + 1..];
    }
    let app = u16::try_from(app.unwrap_or(0)).map_err(|_| Refusal::AppTooLarge)?;
    let hold = hold_time(hold, expiry, firmware, now)?;
    Ok(Request { app, hold, payload: payload(rest)? })
}

/// Seconds until the message is dropped. ET wins over HD.
fn hold_time(hold: Option<u64>, expiry: Option<u64>, firmware: Firmware, now: Time) -> Result<u64, Refusal> {
    let seconds = match (expiry, hold) {
        (Some(expiry), _) => {
            let ahead = Time::from_seconds(i64::try_from(expiry).unwrap_or(i64::MAX)).since(now);
            if firmware == Firmware::One {
                return match ahead.as_secs() {
                    _ if !OLD_EXPIRY.contains(&expiry) => Err(Refusal::ExpiryNotInt),
                    0 => Err(Refusal::Expired),
                    seconds => Ok(seconds),
                };
            }
            // The modem's clock counts whole seconds: an expiry "now + 60" is not too short within this second.
            ahead.saturating_add(Duration::from_millis(999)).as_secs()
        }
        (None, Some(hold)) => hold,
        (None, None) => DEFAULT_HOLD,
    };
    match seconds {
        _ if seconds < MIN_HOLD => Err(Refusal::HoldTooShort),
        _ if seconds > firmware.max_hold() => Err(Refusal::HoldTooLong),
        _ => Ok(seconds),
    }
}

/// Quoted text of printable ASCII, or pairs of hexadecimal digits.
fn payload(text: &[u8]) -> Result<Vec<u8>, Refusal> {
    let bytes = match text {
        [] => return Err(Refusal::Missing),
        [b'"', inner @ .., b'"'] => {
            if !inner.iter().all(|byte| (0x20..=0x7e).contains(byte)) {
                return Err(Refusal::InvalidChar);
            }
            inner.to_vec()
        }
        digits if !digits.iter().all(u8::is_ascii_hexdigit) => return Err(Refusal::BadValue),
        digits => hex::decode(digits).ok_or(Refusal::BadLength)?,
    };
    match bytes.len() {
        0 => Err(Refusal::BadLength),
        1..=MAX_PAYLOAD => Ok(bytes),
        _ => Err(Refusal::TooLong),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::weather::Weather;
    use super::*;

    const NOW: Time = Time(1_800_000_000_000);

    fn td(args: &str) -> Result<Request, Refusal> {
        parse(args.as_bytes(), Firmware::Three, NOW)
    }

    fn ok(app: u16, hold: u64, payload: &[u8]) -> Result<Request, Refusal> {
        Ok(Request { app, hold, payload: payload.to_vec() })
    }

    #[test]
    fn requests_of_the_manual_are_understood() {
        assert_eq!(td("68656c6C6f"), ok(0, DEFAULT_HOLD, b"hello"));
        assert_eq!(td("AI=40,HD=7200,\"say \"*\" twice\""), ok(40, 7200, b"say \"*\" twice"));
        assert_eq!(td("AI=65535,HD=1,ET=1800000060,00"), ok(65_535, 60, &[0]));
        assert_eq!(td("\"AI=1,x\""), ok(0, DEFAULT_HOLD, b"AI=1,x"));
    }

    #[test]
    fn each_mistake_has_its_word() {
        let long = "00".repeat(193);
        for (args, refusal) in [
            ("", Refusal::Missing),
            ("AI=1", Refusal::Missing),
            ("AI=1,", Refusal::Missing),
            ("AI=x,00", Refusal::AppNotInt),
            ("AI=-1,00", Refusal::AppNotInt),
            ("AI=65536,00", Refusal::AppTooLarge),
            ("AI=1,AI=1,00", Refusal::Duplicate),
            ("HD=1.5,00", Refusal::HoldNotInt),
            ("HD=59,00", Refusal::HoldTooShort),
            ("HD=34819201,00", Refusal::HoldTooLong),
            ("ET=tomorrow,00", Refusal::ExpiryNotInt),
            ("ET=1800000059,00", Refusal::HoldTooShort),
            ("ET=5,00", Refusal::HoldTooShort),
            ("ET=1834819201,00", Refusal::HoldTooLong),
            ("abc", Refusal::BadLength),
            ("SGVsbG8h", Refusal::BadValue),
            ("\"\"", Refusal::BadLength),
            ("\"", Refusal::BadValue),
            ("\"a\tb\"", Refusal::InvalidChar),
            (long.as_str(), Refusal::TooLong),
        ] {
            assert_eq!(td(args), Err(refusal), "{args}");
        }
        assert!(td(&long[2..]).is_ok());
    }

    #[test]
    fn firmware_one_has_its_own_expiry() {
        let td = |args: &str| parse(args.as_bytes(), Firmware::One, NOW);
        assert_eq!(td("ET=1700000000,00"), Err(Refusal::Expired));
        assert_eq!(td("ET=5,00"), Err(Refusal::ExpiryNotInt));
        assert_eq!(td("ET=1800000001,00"), ok(0, 1, &[0]));
        assert_eq!(td("HD=31536001,00"), Err(Refusal::HoldTooLong));
    }

    #[test]
    fn any_arguments_are_survived() {
        let seeds = ["AI=40,HD=7200,\"Hello\"", "ET=1800000060,00ff", "AI=1,AI=2,", "\"\""];
        let mut weather = Weather::new(11);
        for round in 0..100_000 {
            let mut bytes = seeds[round % seeds.len()].as_bytes().to_vec();
            let spot = weather.below(bytes.len() as u64) as usize;
            bytes[spot] = weather.below(256) as u8;
            bytes.truncate(weather.below(30) as usize);
            if let Ok(request) = parse(&bytes, Firmware::Two, NOW) {
                assert!((1..=MAX_PAYLOAD).contains(&request.payload.len()));
            }
        }
    }
}
