//! `$MM` and `$MT`: the stores of received and of outgoing messages.

use super::super::dialect::{Firmware, Refusal};
use super::Machine;
use super::reply::{Reply, number};
use crate::clock::Time;
use crate::hex;

impl Machine {
    /// `$MM`: received messages.
    pub(in crate::sim::modem) fn received(&mut self, args: &[u8]) -> Result<Reply, Refusal> {
        let incoming = &mut self.memory.incoming;
        let count = |n: usize| Ok(Reply::line(format!("MM {n}")).slowly());
        match args {
            b"C=U" => count(self.memory.unread()),
            b"C=*" => count(incoming.len()),
            b"R=O" => self.read(self.end_of_store(false).ok_or(Refusal::NoMore)?, true),
            b"R=N" => self.read(self.end_of_store(true).ok_or(Refusal::NoMore)?, true),
            b"M=*" => {
                incoming.iter_mut().for_each(|message| message.read = true);
                count(incoming.len())
            }
            b"D=R" => count(incoming.extract_if(.., |message| message.read).count()),
            b"D=*" => count(std::mem::take(incoming).len()),
            b"N=E" | b"N=D" => {
                self.memory.notify = args == b"N=E";
                Ok(Reply::line("MM OK"))
            }
            b"N=?" => Ok(Reply::line(if self.memory.notify { "MM N=E" } else { "MM N=D" })),
            [verb @ (b'R' | b'L' | b'M' | b'D'), b'=', digits @ ..] => self.received_by_id(*verb, digits),
            _ => Err(Refusal::BadParam),
        }
    }

    fn received_by_id(&mut self, verb: u8, digits: &[u8]) -> Result<Reply, Refusal> {
        if verb == b'L' && self.firmware == Firmware::One {
            return Err(Refusal::BadParam);
        }
        let id = number(digits).ok_or(Refusal::BadParam)?;
        let incoming = &mut self.memory.incoming;
        let at = incoming.iter().position(|message| message.id == id).ok_or(Refusal::NoSuchId)?;
        match verb {
            b'M' => {
                incoming[at].read = true;
                Ok(Reply::line(self.done("MM MARKED", id)))
            }
            b'D' => {
                incoming.remove(at);
                Ok(Reply::line(self.done("MM DELETED", id)).slowly())
            }
            verb => self.read(at, verb == b'R'),
        }
    }

    /// Where the oldest or newest message stands that `R=O` and `R=N` mean.
    fn end_of_store(&self, newest: bool) -> Option<usize> {
        let incoming = &self.memory.incoming;
        let wanted = |at: &usize| !self.variants.unread_only || !incoming[*at].read;
        if newest { (0..incoming.len()).rev().find(wanted) } else { (0..incoming.len()).find(wanted) }
    }

    fn read(&mut self, at: usize, mark: bool) -> Result<Reply, Refusal> {
        let message = self.memory.incoming.get_mut(at).ok_or(Refusal::NoMore)?;
        message.read |= mark;
        let message = message.clone();
        Ok(Reply::line(self.message("MM", message.app, &message.data, message.id, message.received)))
    }

    /// `$MT`: messages to transmit.
    pub(in crate::sim::modem) fn unsent(&mut self, args: &[u8]) -> Result<Reply, Refusal> {
        match args {
            b"C=U" => Ok(Reply::line(format!("MT {}", self.memory.outgoing.len())).slowly()),
            b"L=U" if self.firmware == Firmware::One => self.list_outgoing(),
            b"D=U" => {
                let locked = self.radio.awaited();
                let gone = self.memory.outgoing.extract_if(.., |message| Some(message.id) != locked).count();
                Ok(Reply::line(format!("MT {gone}")).slowly())
            }
            [verb @ (b'L' | b'D'), b'=', digits @ ..] => {
                let id = number(digits).ok_or(Refusal::BadParam)?;
                let outgoing = &self.memory.outgoing;
                let at = outgoing.iter().position(|message| message.id == id).ok_or(Refusal::NoSuchId)?;
                if *verb == b'L' {
                    let message = outgoing[at].clone();
                    return Ok(Reply::line(self.message("MT", message.app, &message.data, id, message.made)));
                }
                // What a satellite may hold already cannot be withdrawn.
                if self.radio.awaited() == Some(id) {
                    return Err(Refusal::NoSuchId);
                }
                self.memory.outgoing.remove(at);
                Ok(Reply::line(self.done("MT DELETED", id)).slowly())
            }
            _ => Err(Refusal::BadParam),
        }
    }

    fn list_outgoing(&self) -> Result<Reply, Refusal> {
        let outgoing = self.memory.outgoing.iter();
        let lines: Vec<_> =
            outgoing.map(|message| self.message("MT", message.app, &message.data, message.id, message.made)).collect();
        if lines.is_empty() {
            return Err(Refusal::NoMore);
        }
        Ok(Reply { lines, ..Reply::line("") }.slowly())
    }

    fn message(&self, tag: &str, app: u16, data: &[u8], id: u64, at: Time) -> String {
        let key = if self.variants.bare_app { "" } else { "AI=" };
        format!("{tag} {key}{app},{},{id},{}", hex::encode(data), at.seconds())
    }

    fn done(&self, what: &str, id: u64) -> String {
        if self.variants.no_ids { what.to_owned() } else { format!("{what},{id}") }
    }
}
