//! The control socket: one command a line; the words are listed in `satpost simulate imt --help`.

use std::time::Duration;

use super::faults::{NEVER_ON_AIR, ON_AIR};
use super::machine::Machine;
use crate::clock::Time;
use crate::hex;
use crate::sim::device::{count, switch};
use crate::sim::engine::{Words, cable, dotted};
use crate::sim::pty::Port;

/// Most messages whose end can be planned at once.
const MAX_PLANNED: usize = 10_000;
/// Largest message, in bytes.
const MOST: usize = 100_000;

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
        ["reboot"] => machine.restart(now, true),
        ["crash"] => machine.restart(now, false),
        ["mute", word] => machine.faults.mute = switch(word)?,
        ["noise", word] => machine.faults.noise = switch(word)?,
        ["strict", word] => machine.strict = switch(word)?,
        ["quiet", word] => machine.quiet = switch(word)?,
        ["order", "forward"] => machine.backward = false,
        ["order", "backward"] => machine.backward = true,
        ["unknown", "refuse"] => machine.refuses_unknown = true,
        ["unknown", "silent"] => machine.refuses_unknown = false,
        ["versions", "down"] => machine.versions_up = false,
        ["versions", "up"] => machine.versions_up = true,
        ["bars", bars] => match bars.parse() {
            Ok(bars @ 0..=5) => machine.bars = bars,
            _ => return Err("write a number of bars from 0 to 5".to_owned()),
        },
        ["segment", bytes] => match bytes.parse() {
            Ok(bytes @ 1..=1446) => machine.segment = bytes,
            _ => return Err("write a number of bytes from 1 to 1446".to_owned()),
        },
        ["held", time] => machine.held = milliseconds(time)?,
        ["transit", time] => machine.transit = milliseconds(time)?,
        ["provision", time] => {
            (machine.provision, machine.memory.provisioned) = (milliseconds(time)?, false);
            machine.restart(now, true);
        }
        ["topics"] => machine.topics_come(now),
        ["limit", time] => machine.limit = milliseconds(time)?,
        ["pieces", time] => machine.pieces = milliseconds(time)?,
        ["late", time, rest @ ..] => {
            machine.faults.late = milliseconds(time)?;
            machine.faults.late_answers = rest.first().map_or(Ok(1), |word| count(word))?;
        }
        ["final", status, rest @ ..] => {
            let known = NEVER_ON_AIR.iter().chain(ON_AIR).find(|known| *known == status);
            let known = *known.ok_or("write a final_mo_status of the protocol")?;
            let times = rest.first().map_or(Ok(1), |count| count.parse().map_err(|_| "N is a number".to_owned()))?;
            machine.faults.finals.extend(std::iter::repeat_n(known, usize::min(times, MAX_PLANNED)));
        }
        ["down", topic, data] => {
            let topic = topic.parse().ok().filter(|topic| *topic >= 64).ok_or("TOPIC is a number from 64 to 65535")?;
            let data = hex::decode(data.as_bytes()).filter(|data| (1..=MOST).contains(&data.len()));
            let data = data.ok_or("write 1 to 100,000 bytes as pairs of hex digits")?;
            machine.memory.local.push((topic, hex::encode(&data)));
        }
        ["journal"] => return Ok(dotted(machine.memory.journal.clone())),
        ["show"] => return Ok(show(machine, port, now)),
        [name, word] => match machine.faults.counter(name) {
            Some(counter) => *counter = count(word)?,
            None => return Err(unknown(line)),
        },
        _ => return Err(unknown(line)),
    }
    Ok(vec!["ok".to_owned()])
}

fn show(machine: &Machine, port: &Port, now: Time) -> Vec<String> {
    let yes = |is| if is { "yes" } else { "no" };
    dotted(vec![
        format!("imei {}", machine.imei),
        format!("port {}", port.words()),
        format!("on {}", yes(machine.is_on(now))),
        format!("version {}", yes(machine.version.is_some())),
        format!("active {}", yes(machine.active)),
        format!("provisioned {}", yes(machine.is_provisioned(now))),
        format!("bars {}", machine.bars),
        format!("messages {}", machine.originates.len()),
        format!("stage {}", machine.stage()),
        format!("billed {}", machine.memory.billed),
        format!("billed-down {}", machine.memory.billed_down),
        format!("requests {}", machine.requests),
        format!("faults {:?}", machine.faults),
    ])
}

fn milliseconds(word: &str) -> Result<Duration, String> {
    word.parse().map(Duration::from_millis).map_err(|_| "write a number of milliseconds".to_owned())
}

fn unknown(line: &str) -> String {
    format!("'{}' is no command: see satpost simulate imt --help", line.trim().escape_debug())
}
