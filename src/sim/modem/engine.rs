//! The modem's own thread: joins the machine with its port, the sky and the control socket.

use smol::channel::{Receiver, Sender};

use super::Event;
use super::control;
use super::machine::Machine;
use super::memory::Memory;
use super::uplink::{self, Answer, Ask, empty_sky};
use crate::clock::{Clock, Time};
use crate::sim::device::{self, Backing};
use crate::sim::pty::Port;

/// The modem's own thread.
pub(super) struct Engine {
    pub(super) clock: Clock,
    pub(super) machine: Machine,
    pub(super) backing: Backing<Memory>,
    pub(super) port: Port,
    pub(super) inbox: Receiver<Event>,
    /// Questions to the sky; `None` for the empty sky.
    pub(super) sky: Option<Sender<(u64, Ask)>>,
}

impl Engine {
    /// Runs until [`Event::Stop`].
    pub(super) fn run(mut self) {
        loop {
            self.turn();
            let now = self.clock.now();
            let event = smol::block_on(device::wait(&self.inbox, &self.port, self.machine.next().since(now)));
            let now = self.clock.now();
            match event {
                None => {}
                Some(Event::Stop) => break,
                Some(Event::Sky(ticket, answer)) => self.machine.answer(ticket, answer, now),
                Some(Event::Control(line, answer)) => {
                    // What the host sent before the command was given counts as before it.
                    self.turn();
                    let said = control::command(&mut self.machine, &mut self.port, &line, now);
                    self.turn();
                    // Nobody waits for the answer of a command that took too long.
                    let _ = answer.try_send(said);
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
        self.consult_sky(now);
        self.save();
        let out = self.machine.take_output(now);
        if !out.is_empty() {
            self.port.write(&out);
        }
    }

    fn consult_sky(&mut self, now: Time) {
        while let Some((ticket, ask)) = self.machine.radio.asks.pop_front() {
            match &self.sky {
                None => self.machine.answer(ticket, empty_sky(&ask), now),
                Some(sky) if uplink::pass_on(sky, ticket, ask) => {}
                Some(_) => self.machine.answer(ticket, Answer::No, now),
            }
        }
    }

    fn save(&mut self) {
        if let Err(error) = self.backing.save(&self.machine.memory) {
            log::error!("modem: its memory cannot be saved: {error}");
        }
    }
}
