//! The pin by which a modem is switched on and off, where a board has it wired to a control line of the serial adapter. Only a
//! person knows how that is wired: without the setting no line is touched.
//!
//! A modem that answers nothing, whatever is tried, is switched off by it, and on again. RockBLOCK boards and the 9603 want two
//! seconds between (developers' guide of the 9603; shorter ones can hang its reset); a 9704 tells by another pin that it is off
//! after 40 ms at most and on within a second, which no adapter hears, so the same two seconds pass each way.

use std::time::Duration;

use super::serial::Port;
use crate::message::reason::DeviceReason;
use crate::settings::{Key, Settings};
use crate::sys::control_lines::{self, ControlLine};

/// A modem stays off, and is left alone once it is on again, for so long.
pub const REST: Duration = Duration::from_millis(2500);

/// Something that switches a modem on and off.
pub trait Pin: Send {
    /// Switches it.
    ///
    /// # Errors
    /// What the system says.
    fn switch(&mut self, port: &Port, on: bool) -> std::io::Result<()>;
}

/// A control line that is wired to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wired {
    line: ControlLine,
    /// The modem is on while the line is set.
    on_while_set: bool,
}

impl Wired {
    fn of(word: &str) -> Option<Self> {
        let (name, on_while_set) = word.strip_prefix("not-").map_or((word, true), |name| (name, false));
        let line = match name {
            "dtr" => ControlLine::Dtr,
            "rts" => ControlLine::Rts,
            _ => return None,
        };
        Some(Self { line, on_while_set })
    }
}

impl Pin for Wired {
    fn switch(&mut self, port: &Port, on: bool) -> std::io::Result<()> {
        control_lines::switch(port, self.line, on == self.on_while_set)
    }
}

/// The pin of a modem, if one is wired, and what was wrong with it.
#[derive(Default)]
pub struct Power {
    pin: Option<Box<dyn Pin>>,
    fault: Option<String>,
}

impl Power {
    /// As the setting of a link has it.
    pub fn of(settings: &Settings, key: Key) -> Self {
        let pin = Wired::of(settings.text(key)).map(|wired| Box::new(wired) as Box<dyn Pin>);
        Self { pin, fault: None }
    }

    /// Works with another pin, as tests do.
    #[cfg(test)]
    pub fn with(pin: impl Pin + 'static) -> Self {
        Self { pin: Some(Box::new(pin)), fault: None }
    }

    /// True where a modem can be switched off and on.
    pub fn is_wired(&self) -> bool {
        self.pin.is_some() && self.fault.is_none()
    }

    /// What the system said when the line was switched last.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// A port was opened: its modem is on, and stays on when the port is closed.
    pub fn hold(&mut self, port: &Port) {
        if self.pin.is_some() {
            let kept = port.keep_lines().and_then(|()| self.switch(port, true));
            self.note(port, kept);
        }
    }

    /// Switches the modem off and on; it takes five seconds, and some more until the modem answers. False where that cannot be
    /// done.
    pub fn cycle(&mut self, port: &Port, rest: Duration) -> bool {
        if !self.is_wired() {
            return false;
        }
        log::warn!("link: the modem at {} answers nothing: it is switched off and on", port.path().display());
        let mut done = self.switch(port, false);
        crate::clock::sleep(rest);
        done = done.and(self.switch(port, true));
        crate::clock::sleep(rest);
        self.note(port, done)
    }

    fn switch(&mut self, port: &Port, on: bool) -> std::io::Result<()> {
        self.pin.as_mut().map_or(Ok(()), |pin| pin.switch(port, on))
    }

    fn note(&mut self, port: &Port, done: std::io::Result<()>) -> bool {
        let fault = done.err().map(|why| why.to_string());
        if let Some(why) = fault.as_ref().filter(|_| self.fault.is_none()) {
            log::warn!("link: {}", no_lines(port, why));
        }
        self.fault = fault;
        self.fault.is_none()
    }
}

fn no_lines(port: &Port, why: &str) -> DeviceReason {
    DeviceReason::NoControlLines { port: port.path().display().to_string(), why: why.to_owned() }
}

/// Whether the ports have the line that a setting names; no line is switched for that.
///
/// # Errors
/// A sentence for each that has none.
pub fn check(settings: &Settings, key: Key, named: Key, baud: u32) -> Result<(), Vec<String>> {
    if Wired::of(settings.text(key)).is_none() {
        return Ok(());
    }
    let ports = super::serial::candidates(settings.text(named).trim());
    let open = ports.iter().filter_map(|path| Port::open(path, baud).ok());
    let wrong: Vec<_> =
        open.filter_map(|port| Some(no_lines(&port, &control_lines::are_there(&port).err()?.to_string()))).collect();
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.iter().map(ToString::to_string).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::serial::tests::terminal;
    use crate::settings::{Kind, row};

    #[test]
    fn a_setting_names_a_line_and_which_way_it_is_wired() {
        let of = |line, on_while_set| Some(Wired { line, on_while_set });
        let Kind::Choice(words) = row(Key::SbdPower).kind else { panic!() };
        let known: Vec<_> = words.iter().map(|word| Wired::of(word)).collect();
        let (dtr, rts) = (ControlLine::Dtr, ControlLine::Rts);
        assert_eq!(known, [None, of(dtr, true), of(rts, true), of(dtr, false), of(rts, false)]);
    }

    /// A pseudo-terminal has no such lines: that is a fault which is told, and nothing is tried again.
    #[test]
    fn a_port_without_control_lines_is_told() {
        let (_master, path) = terminal();
        let port = Port::open(&path, 19_200).unwrap();
        let settings = Settings::default().with(Key::SbdPower, "dtr").unwrap();
        let mut power = Power::of(&settings, Key::SbdPower);
        assert!(power.is_wired());
        power.hold(&port);
        assert!(power.fault().is_some() && !power.is_wired() && !power.cycle(&port, Duration::ZERO));
        drop(port);
        let settings = settings.with(Key::SbdPort, path.to_str().unwrap()).unwrap();
        let said = check(&settings, Key::SbdPower, Key::SbdPort, 19_200).unwrap_err();
        assert!(said[0].contains("no control lines"), "{said:?}");
        let without = settings.with(Key::SbdPower, "none").unwrap();
        assert_eq!(check(&without, Key::SbdPower, Key::SbdPort, 19_200), Ok(()));
    }
}
