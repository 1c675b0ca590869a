//! One conversation with a modem: commands and their answers, data in both directions, and what comes unasked in between.
//!
//! `OK` says not to what. A modem works off one command after the other, so what is *owed* is kept: the commands whose answer
//! did not come in time and may still come. While something is owed nothing is asked but what only that command is answered
//! with; that answer shows that nothing older comes any more. So a late answer is never taken for another one.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use smol::channel::Receiver;

use super::codec::{self, Line, SessionResult};
use crate::link::Event;
use crate::link::serial::{self, Gone, Port, Unwritten};
use crate::link::turns::Conversation;
use crate::message::reason::DeviceReason;

/// Bytes without a line end that are kept; more are noise.
const MAX_LINE: usize = 2048;
/// The longest message that comes down, in bytes: more is no length.
const MAX_MT: usize = 1960;
/// A write ends within this time.
const WRITE_LIMIT: Duration = Duration::from_secs(3);
/// A line that is quiet for this long has nothing more to say.
const QUIET: Duration = Duration::from_millis(200);
/// Lines for the console are cut after so many characters.
const SHOWN: usize = 200;
/// Reads the slot of what came down; its answer alone begins with bytes that are no text.
const READ: &str = "+SBDRB";
/// Asked to see that nothing older is answered any more: each has an answer of its own shape.
const BETWEEN: [&str; 2] = ["+CGSN", "+SBDS"];
/// Stands for a session among the commands that are owed an answer.
const SESSION: &str = "+SBDIX";
/// Questions in a row to see that.
const ROUNDS: usize = 3;

/// What the modem says without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// A message waits at the gateway (`SBDRING`).
    Ring,
    /// Signal, 0 to 5.
    Bars(u8),
    /// The network is heard, or not any more.
    Service(bool),
    /// The antenna has a fault, or not any more.
    AntennaFault(bool),
    /// A session has ended, with this result.
    Session(SessionResult),
    /// A session did not begin.
    Refused,
}

/// How a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The port was closed by the system, which says why.
    Gone(String),
    /// No answer came within the limit.
    Silent {
        /// The command that was not answered.
        command: String,
        /// How long its answer was waited for.
        waited: Duration,
    },
    /// The modem said `ERROR`.
    Refused,
    /// An answer arrived incomplete, or its checksum is wrong.
    Damaged,
    /// An older answer is still owed and did not come either: nothing was asked.
    NotAsked(Box<Trouble>),
}

impl Trouble {
    /// The same as a fact.
    pub fn reason(&self) -> DeviceReason {
        match self {
            Self::Gone(why) => DeviceReason::PortGone { why: why.clone(), unplugged: false },
            Self::Silent { command, waited } => {
                let waited = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
                DeviceReason::NoAnswer { command: command.clone(), waited }
            }
            Self::Refused => DeviceReason::Refused { word: "ERROR".to_owned() },
            Self::Damaged => DeviceReason::Refused { word: "its data arrived damaged".to_owned() },
            Self::NotAsked(why) => why.reason(),
        }
    }

    /// What went wrong, be it before anything was asked.
    pub fn cause(&self) -> &Self {
        match self {
            Self::NotAsked(why) => why.cause(),
            why => why,
        }
    }

    /// The same, of a question that was not asked for it.
    fn before(self) -> Self {
        Self::NotAsked(Box::new(self))
    }
}

impl From<Gone> for Trouble {
    fn from(gone: Gone) -> Self {
        Self::Gone(gone.0)
    }
}

/// An open port with a modem behind it.
pub struct Wire {
    port: Port,
    buffer: Vec<u8>,
    heard: VecDeque<Heard>,
    shown: Vec<Event>,
    /// Commands whose answer may still come, the oldest first, and when each was given.
    owed: VecDeque<(String, Instant)>,
    /// So long after a command its answer may come.
    latest: Duration,
    /// Bytes that were no text.
    pub noise: u64,
}

impl Wire {
    /// Over an open port, to a modem whose answers come within `latest`, or not at all.
    pub fn new(port: Port, latest: Duration) -> Self {
        let (heard, owed) = (VecDeque::new(), VecDeque::new());
        Self { port, buffer: Vec::new(), heard, shown: Vec::new(), owed, latest, noise: 0 }
    }

    /// The same over a port that was opened anew, to a modem that owes answers.
    pub fn over(port: Port, owed: VecDeque<(String, Instant)>, latest: Duration) -> Self {
        Self { owed, ..Self::new(port, latest) }
    }

    /// The modem was switched off: it answers nothing from before.
    pub fn restarted(&mut self) {
        self.owed.clear();
        self.buffer.clear();
    }

    /// Closes the port: the answers that are still owed.
    pub fn closed(self) -> VecDeque<(String, Instant)> {
        self.owed
    }

    /// Gives the port that it talks by.
    pub fn port(&self) -> &Port {
        &self.port
    }

    /// Gives a command whose answer nobody waits for, once nothing older is owed.
    ///
    /// # Errors
    /// When the port has gone, or takes nothing; `NotAsked` while an older answer may still come.
    pub fn say(&mut self, line: &str, limit: Duration) -> Result<(), Trouble> {
        self.catch_up(limit)?;
        self.write_line(line)?;
        self.owes(line.trim_start_matches("AT"));
        Ok(())
    }

    /// Begins a session: its end is heard of as [`Heard::Session`], or [`Heard::Refused`].
    ///
    /// # Errors
    /// As [`Wire::say`].
    pub fn begin_session(&mut self, line: &str, limit: Duration) -> Result<(), Trouble> {
        self.catch_up(limit)?;
        self.write_line(line)?;
        self.owes(SESSION);
        Ok(())
    }

    fn write_line(&mut self, line: &str) -> Result<(), Trouble> {
        self.show(true, line);
        self.write(format!("{line}\r").as_bytes(), line)
    }

    fn owes(&mut self, body: &str) {
        self.owed.push_back((body.to_owned(), Instant::now()));
    }

    /// Notes that no answer came in time: it may still come.
    fn late<T>(&mut self, body: &str, asked: Instant, answer: Result<T, Trouble>) -> Result<T, Trouble> {
        if matches!(answer, Err(Trouble::Silent { .. })) {
            self.owed.push_back((body.to_owned(), asked));
        }
        answer
    }

    /// An answer came that nobody waits for any more: it may tell that a session did not begin.
    fn settled(&mut self, refused: bool) {
        let first = self.owed.pop_front();
        if refused && first.is_some_and(|(body, _)| body == SESSION) {
            self.heard.push_back(Heard::Refused);
        }
    }

    /// Asks something else until an answer shows that nothing older comes any more.
    fn catch_up(&mut self, limit: Duration) -> Result<(), Trouble> {
        self.pump()?;
        let soon = Instant::now() + QUIET;
        while !self.owed.is_empty() && Instant::now() < soon {
            self.port.wait_readable(soon);
            self.pump()?;
        }
        for _ in 0..ROUNDS {
            self.owed.retain(|(_, asked)| asked.elapsed() < self.latest);
            if self.owed.is_empty() {
                return Ok(());
            }
            self.ask_between(limit).map_err(Trouble::before)?;
        }
        let waited = limit * ROUNDS as u32;
        Err(Trouble::Silent { command: format!("AT{}", BETWEEN[0]), waited }.before())
    }

    /// Asks what only this is answered with.
    fn ask_between(&mut self, limit: Duration) -> Result<(), Trouble> {
        let open = |body: &&str| !self.owed.iter().any(|(owed, _)| owed == body);
        let body = BETWEEN.into_iter().find(open).unwrap_or(BETWEEN[0]);
        // Data that was not read in time may hold any line: then these do not count, and only the answer proves.
        let counts = !self.owed.iter().any(|(owed, _)| owed == READ);
        let command = format!("AT{body}");
        self.write_line(&command)?;
        self.owes(body);
        let until = Instant::now() + limit;
        let mut fits = false;
        loop {
            match self.answer(until, &command, limit)? {
                Line::Other(text) => fits |= is_answer(body, &text),
                Line::Ok if fits => {
                    let first = self.owed.iter().position(|(owed, _)| owed == body);
                    self.owed.drain(..=first.unwrap_or_default());
                    return Ok(());
                }
                line @ (Line::Ok | Line::Error) if counts => {
                    self.settled(line == Line::Error);
                    if self.owed.is_empty() {
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
    }

    /// Gives a command, without its `AT`, and returns the lines of its answer.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn command(&mut self, body: &str, limit: Duration) -> Result<Vec<String>, Trouble> {
        self.catch_up(limit)?;
        let asked = Instant::now();
        let answer = self.ask(body, limit);
        self.late(body, asked, answer)
    }

    fn ask(&mut self, body: &str, limit: Duration) -> Result<Vec<String>, Trouble> {
        let command = format!("AT{body}");
        self.write_line(&command)?;
        let until = Instant::now() + limit;
        let mut lines = Vec::new();
        loop {
            match self.answer(until, &command, limit)? {
                Line::Ok => return Ok(lines),
                Line::Error => return Err(Trouble::Refused),
                // Its echo, while that is still on.
                Line::Other(text) if text == command => {}
                Line::Other(text) => lines.push(text),
                _ => {}
            }
        }
    }

    /// Writes data into the slot of what goes up; the modem's digit.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn write_slot(&mut self, data: &[u8], limit: Duration) -> Result<u8, Trouble> {
        self.catch_up(limit)?;
        let asked = Instant::now();
        let answer = self.write_data(data, limit);
        self.late("+SBDWB", asked, answer)
    }

    fn write_data(&mut self, data: &[u8], limit: Duration) -> Result<u8, Trouble> {
        let command = format!("AT+SBDWB={}", data.len());
        self.write_line(&command)?;
        let mut until = Instant::now() + limit;
        let mut digit = None;
        loop {
            match self.answer(until, &command, limit)? {
                Line::Ready => {
                    let bytes = [data, &codec::sum(data)].concat();
                    self.write(&bytes, &command)?;
                    until = Instant::now() + limit;
                }
                Line::Error => return Err(Trouble::Refused),
                // No OK follows a 1: fewer bytes arrived than were announced.
                Line::Other(text) if text == "1" => return Ok(1),
                Line::Other(text) => digit = text.parse().ok().or(digit),
                Line::Ok => return digit.ok_or(Trouble::Damaged),
                _ => {}
            }
        }
    }

    /// Reads the slot of what came down; empty when it holds nothing.
    ///
    /// # Errors
    /// [`Trouble`]; reading again is allowed, as the slot stays as it is.
    pub fn read_slot(&mut self, limit: Duration) -> Result<Vec<u8>, Trouble> {
        self.catch_up(limit)?;
        let asked = Instant::now();
        let answer = self.read_data(limit);
        self.late(READ, asked, answer)
    }

    fn read_data(&mut self, limit: Duration) -> Result<Vec<u8>, Trouble> {
        let command = "AT+SBDRB";
        self.write_line(command)?;
        let until = Instant::now() + limit;
        // The data begins without a line end, and its first byte, the high one of its length, is no printable one.
        loop {
            self.fill_to(2, until, command, limit)?;
            match self.buffer[0] {
                b'\r' | b'\n' => drop(self.buffer.remove(0)),
                0x20.. => match self.take_line() {
                    None => self.fill_to(self.buffer.len() + 1, until, command, limit)?,
                    Some(text) => match self.unasked(&text) {
                        Some(Line::Error) => return Err(Trouble::Refused),
                        Some(Line::Ok) => return Err(Trouble::Damaged),
                        _ => {}
                    },
                },
                _ => break,
            }
        }
        let length = usize::from(u16::from_be_bytes([self.buffer[0], self.buffer[1]]));
        if length > MAX_MT {
            self.settle();
            return Err(Trouble::Damaged);
        }
        self.fill_to(length + 4, until, command, limit).inspect_err(|_| self.buffer.clear())?;
        let read: Vec<u8> = self.buffer.drain(..length + 4).collect();
        let (data, sum) = read[2..].split_at(length);
        if sum != codec::sum(data) {
            self.settle();
            return Err(Trouble::Damaged);
        }
        loop {
            match self.answer(until, command, limit)? {
                Line::Ok => return Ok(data.to_vec()),
                Line::Error => return Err(Trouble::Damaged),
                _ => {}
            }
        }
    }

    /// Throws away what still comes, until the line is quiet.
    fn settle(&mut self) {
        let until = Instant::now() + QUIET;
        while Instant::now() < until {
            self.port.wait_readable(until);
            let mut chunk = [0; 512];
            if !matches!(self.port.read(&mut chunk), Ok(count) if count > 0) {
                break;
            }
        }
        self.buffer.clear();
    }

    fn write(&mut self, bytes: &[u8], command: &str) -> Result<(), Trouble> {
        self.port.write_all(bytes, Instant::now() + WRITE_LIMIT).map_err(|why| match why {
            Unwritten::Gone(gone) => gone.into(),
            Unwritten::Stalled => Trouble::Silent { command: command.to_owned(), waited: WRITE_LIMIT },
        })
    }

    /// The next line that is not one of those that come unasked.
    fn answer(&mut self, until: Instant, command: &str, limit: Duration) -> Result<Line, Trouble> {
        loop {
            while let Some(text) = self.next_line() {
                if let Some(line) = self.unasked(&text) {
                    return Ok(line);
                }
            }
            self.fill_to(self.buffer.len() + 1, until, command, limit)?;
        }
    }

    /// Notes a line that comes unasked; gives any other back.
    fn unasked(&mut self, text: &str) -> Option<Line> {
        self.show(false, text);
        let heard = match codec::line(text) {
            Line::Ring => Heard::Ring,
            Line::Bars(bars) => Heard::Bars(bars),
            Line::Service(on) => Heard::Service(on),
            Line::AntennaFault(on) => Heard::AntennaFault(on),
            Line::Session(result) => Heard::Session(result),
            line => return Some(line),
        };
        self.heard.push_back(heard);
        None
    }

    /// The next whole line that is not empty.
    fn next_line(&mut self) -> Option<String> {
        loop {
            let text = self.take_line()?;
            if !text.is_empty() {
                return Some(text);
            }
        }
    }

    /// Takes a line with its end out of what came.
    fn take_line(&mut self) -> Option<String> {
        let end = self.buffer.iter().position(|byte| b"\r\n".contains(byte))?;
        let line: Vec<u8> = self.buffer.drain(..=end).collect();
        let line = &line[..end];
        let strange = |byte: &u8| !(0x20..0x7f).contains(byte);
        self.noise += line.iter().filter(|byte| strange(byte)).count() as u64;
        // Rubbish in front of a line does not belong to it.
        let clean = line.iter().rposition(strange).map_or(line, |at| &line[at + 1..]);
        Some(String::from_utf8_lossy(clean).trim().to_owned())
    }

    fn fill(&mut self) -> Result<usize, Trouble> {
        let mut chunk = [0; 1024];
        let count = self.port.read(&mut chunk)?;
        self.buffer.extend_from_slice(&chunk[..count]);
        if self.buffer.len() > MAX_LINE {
            self.noise += self.buffer.len() as u64;
            self.buffer.clear();
        }
        Ok(count)
    }

    /// Waits until so many bytes are here.
    fn fill_to(&mut self, count: usize, until: Instant, command: &str, limit: Duration) -> Result<(), Trouble> {
        while self.buffer.len() < count {
            if self.fill()? == 0 {
                if Instant::now() >= until {
                    return Err(Trouble::Silent { command: command.to_owned(), waited: limit });
                }
                self.port.wait_readable(until);
            }
        }
        Ok(())
    }

    fn show(&mut self, sent: bool, text: &str) {
        let text = text.chars().take(SHOWN).collect();
        self.shown.push(Event::Line { sent, text });
    }
}

impl Conversation for Wire {
    type Heard = Heard;
    type Trouble = Trouble;

    fn pump(&mut self) -> Result<(), Trouble> {
        self.fill()?;
        while let Some(line) = self.next_line() {
            match self.unasked(&line) {
                Some(Line::Ok) => self.settled(false),
                Some(Line::Error) => self.settled(true),
                _ => {}
            }
        }
        Ok(())
    }

    fn next_heard(&mut self) -> Option<Heard> {
        self.heard.pop_front()
    }

    fn take_lines(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.shown)
    }

    fn wait(&self, wake: &Receiver<()>, until: Instant) -> bool {
        serial::wait(Some(&self.port), wake, until)
    }
}

/// True for the line by which a question of [`BETWEEN`] is answered.
fn is_answer(body: &str, text: &str) -> bool {
    match body {
        "+CGSN" => codec::imei(text).is_some(),
        _ => text.trim_start().to_ascii_uppercase().starts_with("+SBDS:"),
    }
}

#[cfg(test)]
mod tests;
