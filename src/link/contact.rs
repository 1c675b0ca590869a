//! First contact: finds out what is at a serial port that no link has. Each driver of a modem has its own question
//! ([`FirstContact`]); what answers none of them is listened to at the speeds of receivers, and asked as a Zigbee stick.
//!
//! Nothing that is asked costs money, or changes what a modem holds.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::foreign::{self, Foreign};
use super::serial::{self, Port};
use super::{DRIVERS, Driver};
use crate::message::reason::{Contact, Obstacle};
use crate::settings::{Key, Settings};

/// After a port is opened, what was on its way is read away for this time.
const SETTLE: Duration = Duration::from_millis(100);
/// A modem that is there answers a question within this time.
const ANSWER: Duration = Duration::from_millis(700);
/// Receivers tell something each second.
const LISTEN: Duration = Duration::from_millis(1200);
/// Most bytes that are kept of what is heard.
const HEARD: usize = 16 * 1024;
/// Speeds of GPS and AIS receivers and of instruments; the first one is that of Zigbee sticks too.
const SPEEDS: [u32; 4] = [115_200, 9_600, 4_800, 38_400];
/// A question to Zigbee sticks that changes nothing, and how its answer begins: `SYS_PING` of TI's Z-Stack (MT interface).
/// Sticks of Silicon Labs answer a reset alone (ASH, UG101), which would cut off whoever works with them.
const ZIGBEE: (&[u8], &[u8]) = (&[0xfe, 0x00, 0x21, 0x01, 0x20], &[0xfe, 0x02, 0x61, 0x01]);

/// How the modem of a driver is recognised, and what its link begins with.
pub struct FirstContact {
    /// Speed of the line.
    pub baud: u32,
    /// Asks who is there: what the modem is, in words; `None` when it is none of this driver.
    pub ask: fn(&mut Line) -> Option<String>,
    /// The setting that holds its port.
    pub port: Key,
}

/// A port that is asked.
pub struct Line {
    port: Port,
    /// What was heard since the last question.
    heard: Vec<u8>,
    /// What was heard before it.
    earlier: Vec<u8>,
    asked: Vec<String>,
}

impl Line {
    fn open(path: &Path, baud: u32) -> Result<Self, serial::Unopened> {
        let mut line =
            Self { port: Port::open(path, baud)?, heard: Vec::new(), earlier: Vec::new(), asked: Vec::new() };
        line.read(SETTLE, |_| false);
        Ok(line)
    }

    /// Reads for `limit`, or until what was heard fits.
    fn read(&mut self, limit: Duration, fits: impl Fn(&[u8]) -> bool) {
        let until = Instant::now() + limit;
        let mut buffer = [0; 512];
        while Instant::now() < until && !fits(&self.heard) {
            self.port.wait_readable(until);
            match self.port.read(&mut buffer) {
                Ok(count) => self.heard.extend(&buffer[..count]),
                Err(_) => return,
            }
            newest(&mut self.heard);
        }
    }

    /// Puts away what was heard so far, and asks; false when the port has gone.
    fn say(&mut self, question: &[u8]) -> bool {
        self.earlier.append(&mut self.heard);
        newest(&mut self.earlier);
        self.port.write_all(question, Instant::now() + ANSWER).is_ok()
    }

    /// Asks, and gives the first line that `fits` makes something of; lines end with a return or a line feed.
    pub fn ask<T>(&mut self, question: &str, fits: impl Fn(&str) -> Option<T>) -> Option<T> {
        // A port that has gone answers nothing either.
        self.say(question.as_bytes()).then_some(())?;
        self.asked.push(question.to_owned());
        let found = |heard: &[u8]| lines(heard).find_map(|line| fits(&line));
        self.read(ANSWER, |heard| found(heard).is_some());
        found(&self.heard)
    }

    /// What it looks like by all that was heard.
    fn looks_like(&self) -> Option<Foreign> {
        let of = |line: String| match self.asked.iter().any(|asked| asked.trim() == line.trim()) {
            true => Some(Foreign::Echo),
            false => foreign::recognise(&line),
        };
        lines(&[&self.earlier[..], &self.heard].concat()).filter_map(of).max()
    }

    /// Asks what only a Zigbee stick answers.
    fn is_zigbee(&mut self) -> bool {
        let (question, answer) = ZIGBEE;
        let is = |heard: &[u8]| heard.windows(answer.len()).any(|part| part == answer);
        let asked = self.say(question);
        self.read(ANSWER / 2, is);
        asked && is(&self.heard)
    }
}

/// Forgets the oldest of what was heard: of one that never stops only the newest counts.
fn newest(heard: &mut Vec<u8>) {
    heard.drain(..heard.len().saturating_sub(HEARD));
}

/// The whole lines of what was heard.
fn lines(heard: &[u8]) -> impl Iterator<Item = String> {
    let end = heard.iter().rposition(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(0);
    let lines = heard[..end].split(|byte| matches!(byte, b'\r' | b'\n')).filter(|line| !line.is_empty());
    lines.map(|line| String::from_utf8_lossy(line).into_owned())
}

/// The drivers that recognise their modem.
pub fn drivers() -> impl Iterator<Item = (&'static Driver, &'static FirstContact)> {
    DRIVERS.iter().filter_map(|driver| Some((driver, driver.contact.as_ref()?)))
}

/// The ports that a link with these settings names, by their devices.
pub fn named(own: &Settings) -> impl Iterator<Item = PathBuf> {
    drivers().filter_map(|(_, contact)| Path::new(own.text(contact.port).trim()).canonicalize().ok())
}

/// Asks what is at this port. Takes up to nine seconds, modems are asked first; ends early, with what is known then, once
/// `over` says so.
pub fn ask(path: &Path, over: impl Fn() -> bool) -> Contact {
    ask_all(path, over).unwrap_or_else(|why| Contact::Unopened {
        // A link took it between two questions.
        obstacle: if why.obstacle == Obstacle::Asked { Obstacle::Held(None) } else { why.obstacle },
    })
}

fn ask_all(path: &Path, over: impl Fn() -> bool) -> Result<Contact, serial::Unopened> {
    // Whoever has it keeps it; then a link that wants it meanwhile is told why it has to wait.
    drop(Port::open(path, SPEEDS[0])?);
    let _asked = serial::Asked::new(path);
    // Any modem says OK to AT: only when none is recognised does that tell something.
    let mut looks_like = None;
    for (driver, contact) in drivers().take_while(|_| !over()) {
        let mut line = Line::open(path, contact.baud)?;
        if let Some(model) = (contact.ask)(&mut line) {
            return Ok(Contact::Modem { driver: driver.name.to_owned(), model });
        }
        looks_like = looks_like.max(line.looks_like());
    }
    for baud in SPEEDS.into_iter().take_while(|_| !over()) {
        if let Some(looks_like) = looks_like {
            return Ok(Contact::Other { looks_like });
        }
        let mut line = Line::open(path, baud)?;
        if baud == SPEEDS[0] && line.is_zigbee() {
            return Ok(Contact::Other { looks_like: Foreign::Zigbee });
        }
        line.read(LISTEN, |heard| lines(heard).any(|line| foreign::recognise(&line).is_some()));
        looks_like = line.looks_like();
    }
    Ok(looks_like.map_or(Contact::Silent, |looks_like| Contact::Other { looks_like }))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};

    use super::super::serial::tests::terminal;
    use super::*;

    /// What is found at a terminal whose other side gives these answers.
    fn found(answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static) -> Contact {
        let (master, path) = terminal();
        let (mut master, held) = (File::from(master), File::open(&path).unwrap());
        let speaks = std::thread::spawn(move || {
            let mut buffer = [0; 512];
            // Ends when the terminal does.
            while let Ok(count @ 1..) = master.read(&mut buffer) {
                if let Some(said) = answer(&buffer[..count]) {
                    master.write_all(&said).unwrap();
                }
            }
        });
        let contact = ask(&path, || false);
        // With it goes the last open end, and the other side with that.
        drop(held);
        speaks.join().unwrap();
        contact
    }

    fn looks_like(looks_like: Foreign) -> Contact {
        Contact::Other { looks_like }
    }

    #[test]
    fn an_answer_is_found_however_much_was_heard_before() {
        let (master, path) = terminal();
        let _held = File::open(&path).unwrap();
        let mut line = Line::open(&path, 115_200).unwrap();
        line.heard = b"$GPGSV,x\r\n".repeat(2000);
        let answers = std::thread::spawn(move || {
            let mut master = File::from(master);
            master.read_exact(&mut [0; 3]).unwrap();
            master.write_all(b"yes\r\n").unwrap();
            master
        });
        assert_eq!(line.ask("AT\r", |said| (said == "yes").then_some(())), Some(()));
        assert_eq!(line.looks_like(), Some(Foreign::Gps), "what was heard before counts");
        assert!(line.earlier.len() <= HEARD);
        drop(answers.join().unwrap());
    }

    #[test]
    fn nothing_of_a_model_is_taken_from_the_wire_as_it_is() {
        let named = |hardware: &'static str| {
            let contact = found(move |heard: &[u8]| match String::from_utf8_lossy(heard).trim() {
                "GET apiVersion {}" => Some(b"200 apiVersion {}\r".to_vec()),
                "GET hwInfo {}" => Some(format!("200 hwInfo {hardware}\r").into_bytes()),
                _ => None,
            });
            let Contact::Modem { model, .. } = contact else { panic!("{contact:?}") };
            model
        };
        let imt = named(r#"{"imei":"300234010753370"}"#);
        assert_eq!(imt, "RockBLOCK 9704 (Iridium IMT), terminal 300234010753370");
        assert_eq!(named(r#"{"imei":"\u001b]0;x\u0007 23401"}"#), "RockBLOCK 9704 (Iridium IMT)");
        // A checksum does not make it a number.
        let modem = |heard: &[u8]| heard.starts_with(b"$CS").then(|| b"$CS DI=\x1b[2J,DN=M138*54\n".to_vec());
        assert!(!matches!(found(modem), Contact::Modem { .. }));
    }

    #[test]
    fn no_question_changes_what_is_asked() {
        let (say, asked) = std::sync::mpsc::channel();
        // It answers whatever a modem with AT commands answers, and nothing that tells what it is.
        let modem = move |heard: &[u8]| {
            say.send(heard.to_vec()).unwrap();
            (heard == b"AT\r").then(|| b"\r\nOK\r\n".to_vec())
        };
        assert_eq!(found(modem), looks_like(Foreign::AtModem));
        let questions: Vec<_> = asked.iter().map(|asked| String::from_utf8_lossy(&asked).into_owned()).collect();
        assert!(questions.contains(&"AT+SBDS\r".to_owned()), "{questions:?}");
        assert!(questions.iter().all(|asked| !asked.contains('=')), "one sets something: {questions:?}");
    }

    #[test]
    fn what_answers_is_named() {
        let said = |heard: &[u8]| String::from_utf8_lossy(heard).trim().to_owned();
        let m138 = move |heard: &[u8]| (said(heard) == "$CS*10").then(|| b"$CS DI=0x006c0e,DN=M138*24\n".to_vec());
        let Contact::Modem { driver, model } = found(m138) else { panic!() };
        assert!(driver == "m138" && model.contains("0x006c0e"), "{driver} {model}");
        // A phone modem says OK as well.
        let phone = move |heard: &[u8]| match said(heard).as_str() {
            "AT" => Some(b"\r\nOK\r\n".to_vec()),
            line if line.starts_with("AT") => Some(b"\r\nERROR\r\n".to_vec()),
            _ => None,
        };
        assert_eq!(found(phone), looks_like(Foreign::AtModem));
        let stick = |heard: &[u8]| heard.starts_with(&[0xfe, 0, 0x21]).then(|| vec![0xfe, 2, 0x61, 1, 0x79, 7, 0x1c]);
        assert_eq!(found(stick), looks_like(Foreign::Zigbee));
        assert_eq!(found(|heard| Some(heard.to_vec())), looks_like(Foreign::Echo));
    }
}
