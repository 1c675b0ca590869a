//! The control socket: one command a line; the words are listed in `satpost simulate modem --help`.
//!
//! An answer is one line that begins with `ok` or `error`, or any number of lines ended by a line with a single dot.

use super::dialect::Variants;
use super::machine::Machine;
use super::machine::power::{Cause, Phase};
use super::machine::radio::Passes;
use crate::clock::Time;
use crate::hex;
use crate::sim::device::{count, switch};
use crate::sim::engine::{Words, cable, dotted};
use crate::sim::pty::Port;

/// Carries out a command; the port is the only thing outside the machine that one can touch.
pub(super) fn command(machine: &mut Machine, port: &mut Port, line: &str, now: Time) -> Words {
    let words: Vec<_> = line.split_whitespace().collect();
    if let Some(done) = cable(port, &words) {
        done?;
        return ok("");
    }
    match words.as_slice() {
        ["status"] => Ok(machine.status(port.words(), now)),
        words => machine.obey_control(words, now),
    }
}

fn ok(text: &str) -> Words {
    Ok(vec![format!("ok {text}").trim_end().to_owned()])
}

impl Machine {
    fn obey_control(&mut self, words: &[&str], now: Time) -> Words {
        match words {
            ["reboot" | "abort"] if matches!(self.power.phase, Phase::Off | Phase::Shutdown) => {
                return Err("the modem does not run".to_owned());
            }
            ["reboot"] => self.reset(Cause::Software, now),
            ["abort"] => self.reset(Cause::Crash, now),
            ["power", word] => match (switch(word)?, self.power.phase) {
                (true, Phase::Off) => self.start(super::Start::Boot, now),
                (true, _) => return Err("the power is on".to_owned()),
                (false, _) => self.power_off(),
            },
            ["notime", word] => {
                self.faults.no_time = switch(word)?;
                self.announce_time(now);
            }
            ["nofix", word] => {
                self.faults.no_fix = switch(word)?;
                self.announce_fix(now);
            }
            ["place", north, east] => match (north.parse(), east.parse()) {
                (Ok(north @ -90.0..=90.0), Ok(east @ -180.0..=180.0)) => self.faults.place = Some((north, east)),
                _ => return Err("write place NORTH EAST, in degrees".to_owned()),
            },
            ["pin", "high"] => self.set_pin(false, now),
            ["pin", "low"] => self.set_pin(true, now),
            ["late", rest @ ..] => self.late(rest)?,
            ["loss", percent] => match percent.parse() {
                Ok(percent @ 0..=100) => self.faults.loss = percent,
                _ => return Err("write a number of percent from 0 to 100".to_owned()),
            },
            ["pass", "begin"] => self.radio.decide(Passes::Always, now),
            ["pass", "end"] => self.radio.decide(Passes::Never, now),
            ["pass", "auto"] => self.radio.decide(Passes::Auto, now),
            ["variant", name, word] => self.variants.set(name, switch(word)?)?,
            ["down", app, data] => self.inject(app, data, now)?,
            ["expire"] => return ok(&format!("{} expired", self.scan_expired(now))),
            ["journal"] => return Ok(dotted(self.journal.lines().to_vec())),
            ["queue"] => {
                let line = |m: &super::memory::QueuedPacket| {
                    format!("{} {} {} {}", m.id, m.app, hex::encode(&m.data), m.expires)
                };
                return Ok(dotted(self.memory.outgoing.iter().map(line).collect()));
            }
            ["inbox"] => {
                let state = |read| if read { "read" } else { "unread" };
                let line = |m: &super::memory::ReceivedPacket| {
                    format!("{} {} {} {}", m.id, m.app, hex::encode(&m.data), state(m.read))
                };
                return Ok(dotted(self.memory.incoming.iter().map(line).collect()));
            }
            ["noreply", word, what @ ..] => {
                (self.faults.noreply, self.faults.noreply_to) = (count(word)?, what.join(" "));
            }
            [name, word] => {
                if let Some(switched) = self.faults.switch(name) {
                    *switched = switch(word)?;
                } else if let Some(counter) = self.faults.counter(name) {
                    *counter = count(word)?;
                } else {
                    return Err(unknown(words));
                }
            }
            _ => return Err(unknown(words)),
        }
        ok("")
    }

    /// `late MS [N]`: the next replies come that late.
    fn late(&mut self, words: &[&str]) -> Result<(), String> {
        let (time, replies) = match words {
            [time] => (time, 1),
            [time, replies] => (time, count(replies)?),
            _ => return Err("write late MILLISECONDS [REPLIES]".to_owned()),
        };
        let milliseconds = time.parse().map_err(|_| "write late MILLISECONDS [REPLIES]".to_owned())?;
        self.faults.late = std::time::Duration::from_millis(milliseconds);
        self.faults.late_replies = replies;
        Ok(())
    }

    /// `down APP HEX`: a packet for this modem that the next pass brings.
    fn inject(&mut self, app: &str, data: &str, now: Time) -> Result<(), String> {
        let app = app.parse().map_err(|_| "write an application id from 0 to 65535".to_owned())?;
        let data = hex::decode(data.as_bytes()).filter(|data| (1..=192).contains(&data.len()));
        let data = data.ok_or("write 1 to 192 bytes as hex digits")?;
        let number = self.memory.local_number();
        self.radio.expect(super::air::Down { number, app, data }, now);
        Ok(())
    }

    fn status(&self, port: &str, now: Time) -> Vec<String> {
        let yes = |is| if is { "yes" } else { "no" };
        let phase = format!("{:?}", self.power.phase).to_lowercase();
        dotted(vec![
            format!("device {}", self.device),
            format!("firmware {}", self.firmware.version()),
            format!("port {port}"),
            format!("phase {phase}"),
            format!("time {}", yes(self.has_time())),
            format!("fix {}", yes(self.has_fix())),
            format!("pass {}", yes(self.radio.pass(now).is_some())),
            format!("commands {}", self.executed),
            format!("unsent {}", self.memory.outgoing.len()),
            format!("unread {}", self.memory.unread()),
            format!("stored {}", self.memory.incoming.len()),
            format!("transmissions {}", self.journal.lines().len()),
            format!("faults {:?}", self.faults),
        ])
    }
}

fn unknown(words: &[&str]) -> String {
    let line = words.join(" ");
    let (line, variants) = (line.escape_debug(), Variants::NAMES);
    format!("'{line}' is no command: see satpost simulate modem --help (variants: {variants})")
}
