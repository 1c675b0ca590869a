//! The modem's own queue of packets to send: put in, looked up, taken out.

use std::time::Duration;

use super::M138;
use super::command::Command;
use super::errors;
use super::sentence::{MT, Sentence};
use super::wire::PortError;

impl M138 {
    /// The modem's own queue, counted.
    pub fn count_waiting(&mut self) -> Result<u64, PortError> {
        let count = self.ask(&Command::new("MT C=U"), |heard| match heard {
            Sentence::Count(tag, count) if *tag == MT => Some(*count),
            _ => None,
        })?;
        if self.facts.waiting.is_none_or(|before| count < before) {
            self.facts.full = None;
        }
        self.facts.waiting = Some(count);
        Ok(count)
    }

    /// `$TD` and the id it gets.
    pub fn transmit(&mut self, command: &Command) -> Result<u64, PortError> {
        let id = self.ask(command, |heard| match heard {
            Sentence::Queued(id) => Some(*id),
            _ => None,
        })?;
        self.ledger.queued(id);
        self.facts.waiting = self.facts.waiting.map(|count| count + 1);
        Ok(id)
    }

    /// True if it was there.
    pub fn delete_outgoing(&mut self, id: u64) -> Result<bool, PortError> {
        let done = |heard: &Sentence| match heard {
            Sentence::Done(tag, named) if *tag == MT && named.is_none_or(|named| named == id) => Some(()),
            _ => None,
        };
        match self.ask(&Command::new(format!("MT D={id}")), done) {
            Ok(()) => Ok(true),
            Err(PortError::Refused(word)) if errors::unknown_id(&word) => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    /// The payload of a packet in the modem's queue. Firmware 1.x lists all, later firmware shows one.
    pub fn find(&mut self, id: u64) -> Result<Option<Vec<u8>>, PortError> {
        if self.dialect().lists_queue() {
            let listed = self.list()?;
            return Ok(listed.into_iter().find(|(listed, _)| *listed == id).map(|(_, payload)| payload));
        }
        let message = |heard: &Sentence| match heard {
            Sentence::Message(tag, message) if *tag == MT && message.id == id => Some(message.clone()),
            _ => None,
        };
        match self.ask_twice(&Command::new(format!("MT L={id}")), message) {
            Ok(message) => Ok(Some(message.payload.unwrap_or_default())),
            Err(PortError::Refused(word)) if errors::unknown_id(&word) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// The whole queue, from firmware that lists it. The list has no end mark, so it is complete when it has as many
    /// messages as the modem counts.
    pub fn list(&mut self) -> Result<Vec<(u64, Vec<u8>)>, PortError> {
        let count = usize::try_from(self.count_waiting()?).unwrap_or(usize::MAX);
        let mut listed: Vec<(u64, Vec<u8>)> = Vec::new();
        if count == 0 {
            return Ok(listed);
        }
        let mut command = Command::new("MT L=U");
        // one line takes up to 40 ms
        command.limit += Duration::from_millis(60) * u32::try_from(count.min(2048)).unwrap_or(2048);
        self.ask(&command, |heard| {
            if let Sentence::Message(tag, message) = heard
                && *tag == MT
            {
                listed.push((message.id, message.payload.clone().unwrap_or_default()));
            }
            (listed.len() >= count).then_some(())
        })?;
        Ok(listed)
    }
}
