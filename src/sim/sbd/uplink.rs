//! The modem as the engine of simulated modems drives it, and its side of the shared sky.

use std::io;

use super::control;
use super::machine::{Answer, Down, Machine};
use super::memory::Memory;
use crate::clock::Time;
use crate::hex;
use crate::sim::engine::{self, Words, data, is_yes};
use crate::sim::pty::Port;
use crate::sim::sky::{Ask, Sky};

impl engine::Machine for Machine {
    type Memory = Memory;
    type Ask = Ask;
    type Answer = Answer;

    const NAME: &'static str = "sbd";

    fn memory(&self) -> &Memory {
        &self.memory
    }

    fn hear(&mut self, bytes: &[u8], now: Time) {
        self.hear_bytes(bytes, now);
    }

    fn tick(&mut self, now: Time) {
        self.do_due(now);
    }

    fn next(&self) -> Time {
        self.next_due()
    }

    fn take_output(&mut self, _: Time) -> Vec<u8> {
        self.leaves()
    }

    fn next_ask(&mut self) -> Option<Ask> {
        self.asks.pop_front()
    }

    fn answer(&mut self, answer: Answer, now: Time) {
        self.hear_sky(answer, now);
    }

    /// The gateway of a modem without a sky takes everything, and has what the control socket left there.
    fn alone(&mut self, ask: &Ask) -> Answer {
        let local = &mut self.memory.local;
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
            _ => Answer::No,
        }
    }

    /// A look at the mailbox that failed says nothing about it.
    fn unheard(ask: &Ask) -> Answer {
        if matches!(ask, Ask::Session { .. }) { Answer::No } else { Answer::Yes }
    }

    fn consult(ask: &Ask, sky: &mut Sky) -> io::Result<Answer> {
        let reply = sky.ask(ask)?;
        let waiting = reply.waiting.unwrap_or_default();
        Ok(match ask {
            Ask::Waiting(_) if reply.error.is_none() => Answer::Waiting(waiting),
            Ask::Session { .. } if is_yes(&reply) => {
                let down = reply.packet.map(|packet| data(&packet).map(|data| Down { number: packet.packet_id, data }));
                Answer::Session(down.transpose()?, waiting)
            }
            Ask::Session { .. } => Answer::No,
            _ => Answer::Yes,
        })
    }

    fn command(&mut self, port: &mut Port, line: &str, now: Time) -> Words {
        control::command(self, port, line, now)
    }
}
