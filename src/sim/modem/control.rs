//! The control socket: one command a line; the words are listed in `satpost simulate modem --help`.
//!
//! An answer is one line that begins with `ok` or `error`, or any number of lines ended by a line with a single dot.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::rc::Rc;

use smol::channel::{Receiver, Sender, bounded};
use smol::future::or;
use smol::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use smol::{Async, LocalExecutor};

use super::dialect::Variants;
use super::machine::Machine;
use super::machine::power::{Cause, Phase};
use super::machine::radio::Passes;
use super::{Event, Words};
use crate::hex;
use crate::sim::device::{count, switch};
use crate::sim::pty::{Port, remove};

use crate::clock::Time;

/// Longest command line in bytes.
const MAX_LINE: u64 = 4096;
/// Connections at a time; more are closed at once.
const MAX_CONNECTIONS: usize = 16;

/// Carries out a command; the port is the only thing outside the machine that one can touch.
pub(super) fn command(machine: &mut Machine, port: &mut Port, line: &str, now: Time) -> Words {
    let words: Vec<_> = line.split_whitespace().collect();
    let failed = |error: io::Error| error.to_string();
    match words.as_slice() {
        ["unplug"] => port.unplug().map_err(failed)?,
        ["plug"] => port.plug().map_err(failed)?,
        ["lock", word] => port.lock(switch(word)?).map_err(failed)?,
        ["status"] => return Ok(machine.status(port.words(), now)),
        words => return machine.command(words, now),
    }
    ok("")
}

fn ok(text: &str) -> Words {
    Ok(vec![format!("ok {text}").trim_end().to_owned()])
}

impl Machine {
    fn command(&mut self, words: &[&str], now: Time) -> Words {
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
        self.radio.expect(super::uplink::Down { number, app, data }, now);
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

fn dotted(mut lines: Vec<String>) -> Vec<String> {
    lines.push(".".to_owned());
    lines
}

/// Binds the socket, over the remains of a simulator that was killed.
///
/// # Errors
/// When another program listens there, or the path will not do.
pub(super) fn bind(path: &Path) -> io::Result<Async<UnixListener>> {
    if UnixStream::connect(path).is_ok() {
        let why = format!("another program listens on {}: choose another --control", path.display());
        return Err(io::Error::new(io::ErrorKind::AddrInUse, why));
    }
    let socket = std::fs::symlink_metadata(path).is_ok_and(|found| {
        use std::os::unix::fs::FileTypeExt;
        found.file_type().is_socket()
    });
    if socket {
        remove(path)?;
    }
    Async::<UnixListener>::bind(path)
}

/// Serves the socket until `stop` is closed.
pub(super) fn serve(listener: Async<UnixListener>, events: &Sender<Event>, stop: &Receiver<()>) {
    let executor = LocalExecutor::new();
    let alive = Rc::new(());
    let accept = async {
        loop {
            match listener.accept().await {
                Ok((stream, _)) if Rc::strong_count(&alive) <= MAX_CONNECTIONS => {
                    let (events, guest) = (events.clone(), Rc::clone(&alive));
                    executor.spawn(async move { converse(stream, &events, guest).await }).detach();
                }
                Ok(_) => {}
                Err(error) => {
                    log::warn!("modem: the control socket: {error}");
                    smol::Timer::after(std::time::Duration::from_millis(200)).await;
                }
            }
        }
    };
    let stopped = async {
        let _ = stop.recv().await;
    };
    smol::block_on(executor.run(or(stopped, accept)));
}

async fn converse(stream: Async<UnixStream>, events: &Sender<Event>, _guest: Rc<()>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        let read = (&mut stream).take(MAX_LINE).read_line(&mut line).await;
        if read.is_err() || !line.ends_with('\n') {
            return;
        }
        let Some(mut text) = ask(events, line).await else {
            return;
        };
        text.push('\n');
        if stream.get_mut().write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Has the modem's thread carry out a command; `None` when it is gone.
pub(super) async fn ask(events: &Sender<Event>, line: String) -> Option<String> {
    let (answer, answered) = bounded(1);
    events.send(Event::Control(line, answer)).await.ok()?;
    let words: Words = answered.recv().await.ok()?;
    Some(match words {
        Ok(lines) => lines.join("\n"),
        Err(why) => format!("error {why}"),
    })
}
