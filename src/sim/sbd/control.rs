//! The control socket: one command a line; the words are listed in `satpost simulate sbd --help`.

use std::time::Duration;

use super::machine::{ERAS, Machine, Mode, Style};
use crate::clock::Time;
use crate::hex;
use crate::sim::device::{count, switch};
use crate::sim::engine::{Words, cable, dotted};
use crate::sim::pty::Port;

/// Most sessions for which a status can be planned at once.
const MAX_PLANNED: usize = 10_000;

/// Carries out a command.
///
/// # Errors
/// What is wrong with it.
pub(super) fn command(machine: &mut Machine, port: &mut Port, line: &str, now: Time) -> Words {
    let words: Vec<_> = line.split_whitespace().collect();
    if let Some(done) = cable(port, &words) {
        return done.map(|()| vec!["ok".to_owned()]);
    }
    match words.as_slice() {
        ["power", word] => machine.power(switch(word)?, now),
        ["mute", word] => machine.faults.mute = switch(word)?,
        ["noise", word] => machine.faults.noise = switch(word)?,
        ["core", word] => machine.core = switch(word)?,
        ["style", "spaced"] => machine.style = Style::Spaced,
        ["style", "tight"] => machine.style = Style::Tight,
        ["era", "2"] => machine.epoch = ERAS[0],
        ["era", "3"] => machine.epoch = ERAS[1],
        ["bars", bars] => match bars.parse() {
            Ok(bars @ 0..=5) => machine.bars = bars,
            _ => return Err("write a number of bars from 0 to 5".to_owned()),
        },
        ["session", time] => machine.session_time = milliseconds(time)?,
        ["status", status, rest @ ..] => {
            let status: u8 = status.parse().map_err(|_| "STATUS is a number from 0 to 255".to_owned())?;
            let times = rest.first().map_or(Ok(1), |count| count.parse().map_err(|_| "N is a number".to_owned()))?;
            machine.faults.statuses.extend(std::iter::repeat_n(status, usize::min(times, MAX_PLANNED)));
        }
        ["slow", time] => machine.faults.slow = milliseconds(time)?,
        ["late", time, rest @ ..] => {
            machine.faults.late = milliseconds(time)?;
            machine.faults.late_results = rest.first().map_or(Ok(1), |word| count(word))?;
        }
        ["down", data] => {
            let data = hex::decode(data.as_bytes()).ok_or("write the bytes as pairs of hex digits")?;
            machine.memory.local.push(hex::encode(&data));
        }
        ["known", "on"] => machine.memory.registered = 2,
        ["known", "off"] => machine.memory.registered = 0,
        ["ring"] => machine.alert(now),
        ["journal"] => return Ok(dotted(machine.memory.journal.clone())),
        ["show"] => return Ok(show(machine, port)),
        [name, word] => match machine.faults.counter(name) {
            Some(counter) => *counter = count(word)?,
            None => return Err(unknown(line)),
        },
        _ => return Err(unknown(line)),
    }
    Ok(vec!["ok".to_owned()])
}

fn show(machine: &Machine, port: &Port) -> Vec<String> {
    let mode = match machine.mode {
        Mode::Off => "off",
        Mode::Starting(_) => "starting",
        Mode::Command => "command",
        Mode::Data { .. } => "data",
        Mode::Session(_) => "session",
    };
    let slot = |data: Option<&Vec<u8>>| data.map_or_else(|| "empty".to_owned(), |data| hex::encode(data));
    dotted(vec![
        format!("imei {}", machine.imei),
        format!("port {}", port.words()),
        format!("mode {mode}"),
        format!("bars {}", machine.bars),
        format!("registered {}", machine.memory.registered),
        format!("momsn {}", machine.memory.momsn),
        format!("mo {}", slot(machine.mo.as_ref())),
        format!("mt {}", slot(machine.mt.as_ref().map(|(_, data)| data))),
        format!("ring {}", u8::from(machine.memory.ring)),
        format!("commands {}", machine.executed),
        format!("sessions {}", machine.memory.journal.len()),
        format!("faults {:?}", machine.faults),
    ])
}

fn milliseconds(word: &str) -> Result<Duration, String> {
    word.parse().map(Duration::from_millis).map_err(|_| "write a number of milliseconds".to_owned())
}

fn unknown(line: &str) -> String {
    format!("'{}' is no command: see satpost simulate sbd --help", line.trim().escape_debug())
}
