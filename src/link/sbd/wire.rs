//! One conversation with a modem: commands and their answers, data in both directions, and what comes unasked in between.

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

/// What comes unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// A ring alert.
    Ring,
    /// Signal, 0 to 5.
    Bars(u8),
    /// The network is heard, or not any more.
    Service(bool),
    /// The antenna has a fault, or not any more.
    AntennaFault(bool),
    /// A session has ended.
    Session(SessionResult),
    /// A command that nobody waits for was refused: a session did not begin.
    Refused,
}

/// How a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The port has gone.
    Gone(String),
    /// No answer came within the limit.
    Silent {
        /// To this command.
        command: String,
        /// The limit.
        waited: Duration,
    },
    /// The modem said `ERROR`.
    Refused,
    /// Data arrived damaged.
    Damaged,
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
        }
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
    /// Bytes that were no text.
    pub noise: u64,
}

impl Wire {
    /// Over an open port.
    pub fn new(port: Port) -> Self {
        Self { port, buffer: Vec::new(), heard: VecDeque::new(), shown: Vec::new(), noise: 0 }
    }

    /// Its port.
    pub fn port(&self) -> &Port {
        &self.port
    }

    /// Says a line and waits for nothing.
    ///
    /// # Errors
    /// When the port has gone, or takes nothing.
    pub fn say(&mut self, body: &str) -> Result<(), Trouble> {
        self.show(true, body);
        self.write(format!("{body}\r").as_bytes(), body)
    }

    /// Gives a command, without its `AT`, and returns the lines of its answer.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn command(&mut self, body: &str, limit: Duration) -> Result<Vec<String>, Trouble> {
        self.pump()?;
        let command = format!("AT{body}");
        self.say(&command)?;
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
        self.pump()?;
        let command = format!("AT+SBDWB={}", data.len());
        self.say(&command)?;
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
        self.pump()?;
        let command = "AT+SBDRB";
        self.say(command)?;
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
            if self.unasked(&line) == Some(Line::Error) {
                self.heard.push_back(Heard::Refused);
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
