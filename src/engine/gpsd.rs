//! Position and time from gpsd, the daemon of a GPS receiver (gpsd_json(5)), for boxes whose modem has no receiver.
//!
//! It is asked twice a minute: reports are switched on, and off again once two that follow each other were heard. A single one
//! may be an old one that gpsd has kept, and would set the clock back.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Context;
use crate::clock::Time;
use crate::fault::Fault;
use crate::message::LinkId;
use crate::settings::Key;
use crate::status::{Gps, GpsState};
use crate::store::Track;

/// gpsd is asked this often.
const EVERY: Duration = Duration::from_secs(30);
/// It accepts a connection within this time.
const LIMIT: Duration = Duration::from_secs(4);
/// It reports within this time. Receivers do once a second, but one that nobody watched is opened first, and gpsd tries what
/// kind it is: it took five seconds for a serial line (3.22), in which it answers nothing.
const REPORTS: Duration = Duration::from_secs(15);
/// Whether the box stops is looked at this often meanwhile.
const LOOK: Duration = Duration::from_millis(500);
/// A place is noted when it is so far from the last one, in degrees: a kilometre; or after this time.
const MOVED: f64 = 0.01;
const NOTED: Duration = Duration::from_secs(3600);
/// Longest report that is read, in bytes: one with all satellites has a third of it.
const MAX_REPORT: usize = 16 * 1024;

/// A place at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Fix {
    at: Time,
    north: f64,
    east: f64,
}

/// What a line of gpsd says.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Report {
    Fix(Fix),
    /// The receiver works and knows no place.
    NoFix,
    /// There is no receiver.
    Nobody,
    Other,
}

/// Reads a line. A place counts with its time only.
fn report(line: &[u8]) -> Report {
    let Ok(said) = serde_json::from_slice::<Value>(line) else { return Report::Other };
    match said["class"].as_str() {
        Some("TPV") => {}
        Some("DEVICES") if said["devices"].as_array().is_some_and(Vec::is_empty) => return Report::Nobody,
        _ => return Report::Other,
    }
    let degrees = |name: &str, most: f64| said[name].as_f64().filter(|value| value.abs() <= most);
    let moment = said["time"].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    match (said["mode"].as_u64(), moment, degrees("lat", 90.0), degrees("lon", 180.0)) {
        (Some(2 | 3), Some(moment), Some(north), Some(east)) => {
            Report::Fix(Fix { at: Time(moment.as_millisecond()), north, east })
        }
        _ => Report::NoFix,
    }
}

/// A connection to gpsd on which reports are watched.
struct Gpsd {
    address: String,
    socket: TcpStream,
}

impl Gpsd {
    fn connect(address: &str) -> io::Result<Self> {
        let to = address.to_socket_addrs()?.next().ok_or(ErrorKind::NotFound)?;
        let socket = TcpStream::connect_timeout(&to, LIMIT)?;
        socket.set_write_timeout(Some(LIMIT))?;
        Ok(Self { address: address.to_owned(), socket })
    }

    fn watch(&mut self, reports: bool) -> io::Result<()> {
        self.socket.write_all(format!("?WATCH={{\"enable\":true,\"json\":{reports}}};\n").as_bytes())
    }

    /// What it reports now: a place that is newer than another that it reported before it; `None` where it knows none.
    fn look(&mut self, stopping: impl Fn() -> bool) -> io::Result<Option<Fix>> {
        // What came since the last look is old.
        self.socket.set_read_timeout(Some(Duration::from_millis(1)))?;
        let mut buffer = [0; 2048];
        while matches!(self.socket.read(&mut buffer), Ok(1..)) {}
        self.watch(true)?;
        let heard = self.listen(&mut buffer, stopping);
        self.watch(false)?;
        heard
    }

    fn listen(&mut self, buffer: &mut [u8], stopping: impl Fn() -> bool) -> io::Result<Option<Fix>> {
        let until = Instant::now() + REPORTS;
        let (mut heard, mut first, mut receiver): (Vec<u8>, Option<Fix>, bool) = (Vec::new(), None, false);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || heard.len() > MAX_REPORT {
                return match receiver {
                    true => Ok(None),
                    false => Err(io::Error::new(ErrorKind::TimedOut, "it reports nothing: its receiver is silent")),
                };
            }
            if stopping() {
                return Err(ErrorKind::Interrupted.into());
            }
            self.socket.set_read_timeout(Some(left.clamp(Duration::from_millis(1), LOOK)))?;
            match self.socket.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => heard.extend_from_slice(&buffer[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
                Err(error) => return Err(error),
            }
            while let Some(end) = heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = heard.drain(..=end).collect();
                match report(&line) {
                    Report::Fix(fix) if first.is_some_and(|first| fix.at > first.at) => return Ok(Some(fix)),
                    Report::Fix(fix) => (first, receiver) = (Some(fix), true),
                    Report::NoFix => receiver = true,
                    Report::Nobody => {
                        let why = "it reports nothing: no receiver is attached to it";
                        return Err(io::Error::new(ErrorKind::NotFound, why));
                    }
                    Report::Other => {}
                }
            }
        }
    }
}

/// Runs until the box stops.
///
/// # Errors
/// When the store fails.
pub fn run(context: &Context) -> Result<(), Fault> {
    let changed = context.store.settings_changed();
    let (mut gpsd, mut noted): (Option<Gpsd>, Option<(Fix, Instant)>) = (None, None);
    while !context.stopping() {
        let address = context.store.settings().text(Key::GpsdAddress).trim().to_owned();
        gpsd = gpsd.filter(|gpsd| gpsd.address == address);
        match address.is_empty() {
            true if context.status.facts().gps.is_some() => context.status.set(|facts| facts.gps = None),
            true => {}
            false => {
                let stopping = || context.stopping();
                let looked = match &mut gpsd {
                    Some(gpsd) => gpsd.look(stopping),
                    None => Gpsd::connect(&address).and_then(|fresh| gpsd.insert(fresh).look(stopping)),
                };
                if looked.is_err() {
                    gpsd = None;
                }
                tell(context, &address, looked, &mut noted)?;
            }
        }
        context.rest(&changed, EVERY);
    }
    Ok(())
}

/// Shows what was found, sets the clock by it, and keeps the place for the track.
fn tell(
    context: &Context,
    address: &str,
    looked: io::Result<Option<Fix>>,
    noted: &mut Option<(Fix, Instant)>,
) -> Result<(), Fault> {
    let state = match &looked {
        Ok(Some(fix)) => {
            context.store.clock().learn(fix.at);
            GpsState::Fix
        }
        Ok(None) => GpsState::NoFix,
        Err(error) => GpsState::Unreachable(format!("{address}: {error}")),
    };
    let now = context.now();
    let place = looked.ok().flatten().map(|fix| (fix.north, fix.east, now));
    let mut first = false;
    context.status.set(|facts| {
        let last = facts.gps.take().and_then(|gps| gps.place);
        first = last.is_none();
        facts.gps = Some(Gps { state, place: place.or(last) });
    });
    let Some((north, east, _)) = place else { return Ok(()) };
    let stays = noted.is_some_and(|(fix, at)| {
        (fix.north - north).abs() < MOVED && (fix.east - east).abs() < MOVED && at.elapsed() < NOTED
    });
    if !stays || first {
        *noted = Some((Fix { at: now, north, east }, Instant::now()));
        context.store.write(move |tx| {
            tx.note_place(Track::Link(LinkId::BOX), (now, north, east))?;
            // Who wanted to know where this box is can be told now.
            if first { tx.look_at_sessions() } else { Ok(()) }
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read_and_a_place_counts_with_its_time_only() {
        let tpv =
            |more: &str| report(format!("{{\"class\":\"TPV\",\"device\":\"/dev/ttyACM0\",{more}}}\r\n").as_bytes());
        let time = "\"time\":\"2026-11-23T10:41:50.000Z\"";
        let at = Time::from_seconds(1_795_430_510);
        let fix = tpv(&format!("\"mode\":3,{time},\"lat\":38.5312,\"lon\":-28.6243,\"altHAE\":52.1"));
        assert_eq!(fix, Report::Fix(Fix { at, north: 38.5312, east: -28.6243 }));
        for none in [
            "\"mode\":1".to_owned(),
            format!("\"mode\":1,{time},\"lat\":38.5,\"lon\":-28.6"),
            "\"mode\":3,\"lat\":38.5,\"lon\":-28.6".to_owned(),
            format!("\"mode\":3,{time},\"lat\":95.0,\"lon\":-28.6"),
            format!("\"mode\":2,{time},\"lat\":\"38\",\"lon\":-28.6"),
        ] {
            assert_eq!(tpv(&none), Report::NoFix, "{none}");
        }
        assert_eq!(report(b"{\"class\":\"DEVICES\",\"devices\":[]}\r\n"), Report::Nobody);
        for other in [&b"{\"class\":\"VERSION\",\"release\":\"3.22\"}"[..], b"", b"{", b"\xff", b"[1]"] {
            assert_eq!(report(other), Report::Other);
        }
    }
}
