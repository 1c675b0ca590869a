//! Messages for this box: counted, read oldest first, deleted only when the engine has them on disk.
//!
//! `$RD` names no id, so it is only a hint to look. Manuals differ on whether `R=O` and `R=N` look at unread messages
//! or at all of them; counting all (`C=*`) and remembering what was read but not yet deleted works with both.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::M138;
use super::command::Command;
use super::errors;
use super::sentence::{MM, Message, Sentence};
use super::wire::PortError;
use crate::back_off::BackOff;
use crate::clock::Time;
use crate::fault::Fault;
use crate::link::{Event, Inbound, Token};
use crate::message::reason::Unusable;

/// Waits after looks whose answer was lost, up to the regular look.
const AGAIN: BackOff = BackOff::doubling(Duration::from_secs(1), Duration::from_secs(60));

/// Messages that were read and are still on the modem.
#[derive(Debug, Default)]
pub struct Store {
    /// Given to the engine, not yet confirmed.
    reported: BTreeSet<u64>,
    /// Confirmed, but the delete did not work yet.
    confirmed: BTreeSet<u64>,
    /// So many messages the modem counted but did not show at the last look.
    hidden: u64,
    /// Ids tried in the search for them.
    pub ids_tried: u64,
    /// There are more between the oldest and the newest, which are both reported: no question names those.
    covered: bool,
    /// Looks that failed, in a row.
    failures: u32,
}

impl Store {
    /// Something may have been missed: what is not confirmed is given again.
    pub fn reopened(&mut self) {
        self.reported.clear();
        (self.ids_tried, self.covered) = (0, false);
    }

    /// Forgets all of it, as another modem is plugged in.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn knows(&self, id: u64) -> bool {
        self.reported.contains(&id) || self.confirmed.contains(&id)
    }

    fn len(&self) -> u64 {
        self.reported.union(&self.confirmed).count() as u64
    }
}

impl M138 {
    /// Looks for messages and reads one that was not given yet; the next look follows at once after that one.
    pub fn look_for_inbound(&mut self) {
        self.agenda.inbound_later();
        match self.try_inbound() {
            Ok(()) => self.inbound.failures = 0,
            // what the failure says of the modem was drawn in `ask`
            Err(trouble) => {
                log::debug!("m138: inbound: {}", trouble.reason());
                self.inbound.failures = self.inbound.failures.saturating_add(1);
                self.agenda.inbound = Instant::now() + AGAIN.wait(self.inbound.failures);
            }
        }
    }

    fn try_inbound(&mut self) -> Result<(), PortError> {
        for id in self.inbound.confirmed.clone() {
            match self.delete(id) {
                // other messages must still flow: this one stays known and is tried again
                Err(PortError::Refused(word)) => {
                    log::warn!("m138: message {id} cannot be deleted on the modem ({word})")
                }
                done => done?,
            }
        }
        let count = self.ask_twice(&Command::new("MM C=*"), |heard| match heard {
            Sentence::Count(tag, count) if *tag == MM => Some(*count),
            _ => None,
        })?;
        if count <= self.inbound.len() {
            return Ok(());
        }
        for which in ["MM R=O", "MM R=N"] {
            match self.read(which)? {
                Some(message) if self.inbound.knows(message.id) => {}
                Some(message) => {
                    self.take_message(message);
                    self.agenda.inbound = Instant::now();
                    return Ok(());
                }
                None => return self.look_for_hidden(count),
            }
        }
        self.inbound.covered = true;
        Ok(())
    }

    fn look_for_hidden(&mut self, count: u64) -> Result<(), PortError> {
        let hidden = count.saturating_sub(self.inbound.len());
        if hidden > self.inbound.hidden {
            self.inbound.ids_tried = 0;
            log::info!("m138: {hidden} messages on the modem were read before and are now searched by their ids");
        }
        self.inbound.hidden = hidden;
        self.search_ids()
    }

    /// Reads a message: `MM R=O`, `MM R=N` or `MM R=<id>`.
    pub fn read(&mut self, which: &str) -> Result<Option<Message>, PortError> {
        let message = |heard: &Sentence| match heard {
            Sentence::Message(tag, message) if *tag == MM => Some(message.clone()),
            _ => None,
        };
        match self.ask(&Command::new(which), message) {
            Ok(message) => Ok(Some(message)),
            Err(PortError::Refused(word)) if errors::unknown_id(&word) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Gives a message to the engine, once.
    pub fn take_message(&mut self, message: Message) {
        let Some(device) = self.facts.device else { return };
        if self.inbound.knows(message.id) {
            return;
        }
        self.inbound.reported.insert(message.id);
        if message.app.is_some_and(|app| app != self.app) {
            log::info!("m138: a packet came with application id {:?}, ours is {}", message.app, self.app);
        }
        let token = Token(message.id);
        let received = Some(message.at).filter(|at| *at > 0).map(Time::from_seconds);
        self.events.push(match message.payload {
            Ok(payload) => {
                let key = format!("m138:{device}:{}:{}", message.id, message.at);
                Event::Inbound(Inbound { device: None, payload, wholes: Vec::new(), key, received, token })
            }
            Err(data) => {
                let why = Unusable::NotHex { number: message.id }.into();
                Event::Poison { bytes: data.into_bytes(), why, token }
            }
        });
    }

    /// See [`crate::link::Link::confirm`]: the message is on disk here, the modem may forget it. If that fails now it is
    /// repeated at each look.
    pub fn delete_inbound(&mut self, token: &Token) -> Result<(), Fault> {
        self.inbound.reported.remove(&token.0);
        self.inbound.confirmed.insert(token.0);
        if std::mem::take(&mut self.inbound.covered) {
            self.agenda.inbound = Instant::now();
        }
        self.delete(token.0).map_err(|trouble| trouble.fault())
    }

    fn delete(&mut self, id: u64) -> Result<(), PortError> {
        let done = |heard: &Sentence| match heard {
            Sentence::Done(tag, named) if *tag == MM && named.is_none_or(|named| named == id) => Some(()),
            _ => None,
        };
        match self.ask(&Command::new(format!("MM D={id}")), done) {
            Ok(()) => {}
            Err(PortError::Refused(word)) if errors::unknown_id(&word) => {}
            Err(trouble) => return Err(trouble),
        }
        self.inbound.confirmed.remove(&id);
        Ok(())
    }
}
