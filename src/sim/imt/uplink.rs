//! The modem as the engine of simulated modems drives it, and its side of the shared sky.

use std::io;

use super::control;
use super::machine::{Answer, Down, Machine};
use super::memory::Memory;
use crate::clock::Time;
use crate::sim::engine::{self, Words, data, is_yes};
use crate::sim::pty::Port;
use crate::sim::sky::{Ask, Sky};

impl engine::Machine for Machine {
    type Memory = Memory;
    type Ask = Ask;
    type Answer = Answer;

    const NAME: &'static str = "imt";

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

    fn take_output(&mut self, now: Time) -> Vec<u8> {
        self.leaves(now)
    }

    fn next_ask(&mut self) -> Option<Ask> {
        self.asks.pop_front()
    }

    fn answer(&mut self, answer: Answer, now: Time) {
        self.hear_sky(answer, now);
    }

    fn alone(&mut self, ask: &Ask) -> Answer {
        self.of_own_gateway(ask)
    }

    fn unheard(ask: &Ask) -> Answer {
        if matches!(ask, Ask::Message { .. }) { Answer::Unheard } else { Answer::Yes }
    }

    fn consult(ask: &Ask, sky: &mut Sky) -> io::Result<Answer> {
        let reply = sky.ask(ask)?;
        Ok(match ask {
            Ask::Message { .. } if is_yes(&reply) => Answer::Taken,
            Ask::Message { .. } => Answer::Unheard,
            Ask::Fetch(_) => {
                let down = reply
                    .packet
                    .map(|packet| data(&packet).map(|data| Down { number: packet.packet_id, topic: packet.app, data }));
                Answer::Down(down.transpose()?)
            }
            _ => Answer::Yes,
        })
    }

    fn command(&mut self, port: &mut Port, line: &str, now: Time) -> Words {
        control::command(self, port, line, now)
    }
}
