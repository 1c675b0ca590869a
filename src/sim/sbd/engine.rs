//! The modem's own thread: joins the machine with its port, the sky and the control socket.

use std::io;
use std::path::Path;

use smol::channel::{Receiver, Sender};

use super::control;
use super::machine::{Answer, Down, Machine};
use super::memory::Memory;
use super::{Event, Words};
use crate::clock::Clock;
use crate::hex;
use crate::sim::device::{self, Backing};
use crate::sim::pty::Port;
use crate::sim::sky::{Ask, Reply, Sky};

/// The modem's own thread.
pub(super) struct Engine {
    pub(super) clock: Clock,
    pub(super) machine: Machine,
    pub(super) backing: Backing<Memory>,
    pub(super) port: Port,
    pub(super) inbox: Receiver<Event>,
    /// Questions to the sky; `None` for a gateway of its own.
    pub(super) sky: Option<Sender<Ask>>,
}

impl Engine {
    /// Runs until [`Event::Stop`].
    pub(super) fn run(mut self) {
        loop {
            self.turn();
            let due = self.machine.next().since(self.clock.now());
            let event = smol::block_on(device::wait(&self.inbox, &self.port, due));
            let now = self.clock.now();
            match event {
                None => {}
                Some(Event::Stop) => break,
                Some(Event::Sky(answer)) => self.machine.answer(answer, now),
                Some(Event::Control(line, answer)) => {
                    self.turn();
                    let said: Words = control::command(&mut self.machine, &mut self.port, &line, now);
                    self.turn();
                    let text = said.map_or_else(|why| format!("error {why}"), |lines| lines.join("\n"));
                    // Nobody waits for the answer of a command that took too long.
                    let _ = answer.try_send(text);
                }
            }
        }
        self.save();
    }

    /// One turn: hear, do what is due, remember it, and only then speak.
    fn turn(&mut self) {
        let heard = self.port.read();
        let now = self.clock.now();
        if !heard.is_empty() {
            self.machine.hear(&heard, now);
        }
        self.machine.tick(now);
        while let Some(ask) = self.machine.asks.pop_front() {
            match &self.sky {
                None => {
                    let answer = self.of_own_gateway(&ask);
                    self.machine.answer(answer, now);
                }
                Some(sky) if sky.try_send(ask.clone()).is_ok() => {}
                Some(_) => self.machine.answer(Answer::No, now),
            }
        }
        self.save();
        let out = self.machine.take_output();
        if !out.is_empty() {
            self.port.write(&out);
        }
    }

    /// The gateway of a modem without a sky takes everything, and has what the control socket left there.
    fn of_own_gateway(&mut self, ask: &Ask) -> Answer {
        let local = &mut self.machine.memory.local;
        let left = |local: &[String]| u32::try_from(local.len()).unwrap_or(u32::MAX);
        match ask {
            Ask::Session { .. } => {
                let data = local.first().and_then(|data| hex::decode(data.as_bytes()));
                let behind = left(local).saturating_sub(1);
                Answer::Session(data.map(|data| Down { number: 0, data }), behind)
            }
            Ask::Arrived(_) => {
                if !local.is_empty() {
                    local.remove(0);
                }
                Answer::Yes
            }
            Ask::Waiting(_) => Answer::Waiting(left(local)),
            Ask::Up { .. } | Ask::Take(_) => Answer::No,
        }
    }

    fn save(&mut self) {
        if let Err(error) = self.backing.save(&self.machine.memory) {
            log::error!("sbd: its memory cannot be saved: {error}");
        }
    }
}

/// Carries questions to the sky, one at a time, until their channel closes.
pub(super) fn carry(path: &Path, asks: &Receiver<Ask>, events: &Sender<Event>) {
    let mut sky = None;
    while let Ok(ask) = asks.recv_blocking() {
        let said = consult(&mut sky, path, &ask);
        let answer = said.unwrap_or_else(|error| {
            log::debug!("sbd: the sky at {} does not answer: {error}", path.display());
            // A look at the mailbox that failed says nothing about it.
            if matches!(ask, Ask::Session { .. }) { Answer::No } else { Answer::Yes }
        });
        // Fails only when the modem has stopped; then its questions end too.
        let _ = events.send_blocking(Event::Sky(answer));
    }
}

fn consult(sky: &mut Option<Sky>, path: &Path, ask: &Ask) -> io::Result<Answer> {
    let mut open = match sky.take() {
        Some(open) => open,
        None => Sky::connect(path)?,
    };
    let answer = understand(ask, open.ask(ask)?)?;
    *sky = Some(open);
    Ok(answer)
}

fn understand(ask: &Ask, reply: Reply) -> io::Result<Answer> {
    let waiting = reply.waiting.unwrap_or_default();
    Ok(match ask {
        Ask::Waiting(_) if reply.error.is_none() => Answer::Waiting(waiting),
        Ask::Session { .. } if reply.ok == Some(true) => {
            let down = reply.packet.map(|packet| match hex::decode(packet.data.as_bytes()) {
                Some(data) => Ok(Down { number: packet.packet_id, data }),
                None => Err(io::Error::new(io::ErrorKind::InvalidData, "the data of a message is not hex")),
            });
            Answer::Session(down.transpose()?, waiting)
        }
        Ask::Session { .. } => Answer::No,
        _ => Answer::Yes,
    })
}
