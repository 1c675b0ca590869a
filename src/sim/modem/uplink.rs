//! The modem as the engine of simulated modems drives it, and its side of the shared sky.

use std::io;

use super::air::{Answer, Ask, Down, empty_sky};
use super::control;
use super::machine::Machine;
use super::memory::Memory;
use crate::clock::Time;
use crate::sim::engine::{self, Words, data, is_yes};
use crate::sim::pty::Port;
use crate::sim::sky::{self, Reply, Sky};

impl engine::Machine for Machine {
    type Memory = Memory;
    /// With the number that its answer is known by.
    type Ask = (u64, Ask);
    type Answer = (u64, Answer);

    const NAME: &'static str = "modem";

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

    fn next_ask(&mut self) -> Option<(u64, Ask)> {
        self.radio.asks.pop_front()
    }

    fn answer(&mut self, (ticket, answer): (u64, Answer), now: Time) {
        self.hear_sky(ticket, answer, now);
    }

    fn alone(&mut self, (ticket, ask): &(u64, Ask)) -> (u64, Answer) {
        (*ticket, empty_sky(ask))
    }

    fn unheard((ticket, _): &(u64, Ask)) -> (u64, Answer) {
        (*ticket, Answer::No)
    }

    fn consult((ticket, ask): &(u64, Ask), sky: &mut Sky) -> io::Result<(u64, Answer)> {
        Ok((*ticket, understand(ask, sky.ask(ask)?)?))
    }

    fn command(&mut self, port: &mut Port, line: &str, now: Time) -> Words {
        control::command(self, port, line, now)
    }
}

fn understand(ask: &Ask, reply: Reply) -> io::Result<Answer> {
    let decode = |packet: sky::Down| data(&packet).map(|data| Down { number: packet.packet_id, app: packet.app, data });
    Ok(match ask {
        _ if reply.error.is_some() => Answer::No,
        Ask::Take(_) => Answer::Packet(reply.packet.map(decode).transpose()?),
        _ if is_yes(&reply) => Answer::Yes,
        _ => Answer::No,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood() {
        let said = |ask: &Ask, line: &str| understand(ask, serde_json::from_str(line).unwrap());
        let (take, arrived) = (Ask::Take(6846), Ask::Arrived(55));
        let packet = Down { number: 55, app: 1000, data: vec![0, 255] };
        let line = r#"{"packet":{"packetId":55,"app":1000,"data":"00ff"}}"#;
        assert_eq!(said(&take, line).unwrap(), Answer::Packet(Some(packet)));
        assert_eq!(said(&take, r#"{"packet":null}"#).unwrap(), Answer::Packet(None));
        assert_eq!(said(&take, r#"{"error":"no"}"#).unwrap(), Answer::No);
        assert_eq!(said(&arrived, r#"{"ok":true}"#).unwrap(), Answer::Yes);
        assert_eq!(said(&arrived, r#"{"ok":false}"#).unwrap(), Answer::No);
        assert!(said(&take, r#"{"packet":{"packetId":55,"app":1000,"data":"0"}}"#).is_err());
    }
}
