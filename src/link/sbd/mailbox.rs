//! What came down, and looks at a modem between sessions, which cost nothing.

use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::wire::Trouble;
use super::{Sbd, codec, time};
use crate::fault::Fault;
use crate::hex;
use crate::link::{Event, Inbound, Token};
use crate::message::reason::{DeviceReason, SessionReason};

/// Reads of one message before it is left for later.
const READS: u32 = 3;
/// A message that arrives damaged is read again after this.
const READ_AGAIN: Duration = Duration::from_secs(10);
/// The network is asked for the time this often at most, and only after a session.
const TIME_EVERY: Duration = Duration::from_secs(3600);

impl Sbd {
    /// Both slots, from a modem that tells of them.
    pub(super) fn slots(&mut self) -> Option<codec::Slots> {
        if !self.facts.tells_slots {
            return None;
        }
        let slots = self.command("+SBDSX").ok()?.iter().find_map(|line| codec::slots(line))?;
        self.facts.momsn = Some(slots.momsn);
        Some(slots)
    }

    /// Looks at an idle modem.
    pub(super) fn look(&mut self) {
        self.plan.look_at = Instant::now() + self.limits.look;
        match self.facts.tells_slots {
            true => {
                if let Some(slots) = self.slots() {
                    self.plan.ring |= slots.ring;
                }
                // The last value that it measured by itself, which takes no time.
                if let Ok(lines) = self.command("+CSQF") {
                    self.facts.bars = lines.iter().find_map(|line| codec::bars(line)).or(self.facts.bars);
                }
                self.sample_bars();
            }
            // A failure was followed up.
            false => drop(self.command("")),
        }
    }

    /// Asks for the network's time, which a modem has only after it was registered.
    pub(super) fn learn_time(&mut self, now: Instant) {
        let recent = self.facts.asked_time.is_some_and(|at| now.duration_since(at) < TIME_EVERY);
        if recent || self.facts.registered != Some(true) || !self.facts.tells_slots {
            return;
        }
        self.facts.asked_time = Some(now);
        let near = self.clock.believable().then(|| self.clock.now());
        let lines = self.command("-MSSTM").unwrap_or_default();
        if let Some(time) = lines.iter().find_map(|line| time::read(line, near)) {
            self.clock.learn(time);
        }
    }

    /// Reads what came down, and reports it. `mtmsn` is its number, where that is known.
    ///
    /// # Errors
    /// [`Trouble`], which was followed up. What arrives damaged is no error: it is read again later.
    pub(super) fn fetch(&mut self, mtmsn: Option<i32>) -> Result<(), Trouble> {
        let limit = self.limits.local;
        for _ in 0..READS {
            let Some(wire) = &mut self.wire else { return Ok(()) };
            match wire.read_slot(limit) {
                Ok(payload) if payload.is_empty() => return Ok(()),
                Ok(payload) => {
                    self.plan.last_token += 1;
                    self.plan.inbound = Some(self.plan.last_token);
                    let imei = self.facts.imei.as_deref().unwrap_or_default();
                    let number = mtmsn.map_or_else(|| "-".to_owned(), |mtmsn| mtmsn.to_string());
                    let hash = hex::encode(&Sha256::digest(&payload)[..8]);
                    let key = format!("sbd:{imei}:{number}:{hash}");
                    let token = Token(self.plan.last_token);
                    self.events.push(Event::Inbound(Inbound {
                        device: None,
                        payload,
                        wholes: Vec::new(),
                        key,
                        received: None,
                        token,
                    }));
                    return Ok(());
                }
                Err(Trouble::Damaged) => {}
                Err(trouble) => {
                    self.plan.unread = Some((mtmsn, Instant::now() + READ_AGAIN));
                    self.on_trouble(&trouble);
                    return Err(trouble);
                }
            }
        }
        log::warn!("sbd: a message in the modem arrives damaged");
        self.plan.unread = Some((mtmsn, Instant::now() + READ_AGAIN));
        Ok(())
    }

    /// See [`crate::link::Link::confirm`].
    pub(super) fn delete_inbound(&mut self, token: &Token) -> Result<(), Fault> {
        // An older token is of a message that was read again since.
        if self.plan.inbound.take_if(|known| *known == token.0).is_none() {
            return Ok(());
        }
        // Where that fails the next session overwrites it, and a look before that recognises it.
        self.command("+SBDD1").map(drop).map_err(|trouble| Fault::Temporary(trouble.reason().into()))
    }

    /// A line of the console page.
    pub(super) fn say(&mut self, line: &str) -> Result<(), Fault> {
        let body = line.trim();
        let upper = body.to_ascii_uppercase().replace(' ', "");
        let printable = body.len() <= 120 && body.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if !printable || !upper.starts_with("AT") {
            return Err(Fault::permanent("write one command, for example AT+CSQF"));
        }
        if ["+SBDI", "+SBDW", "+SBDD", "+SBDT", "+SBDC", "+SBDREG", "*F", "+IPR", "E1", "V0", "Q1"]
            .iter()
            .any(|own| upper[2..].starts_with(own))
        {
            return Err(Fault::permanent("sessions, slots and settings of the line are changed by the driver alone"));
        }
        if self.plan.session.is_some() {
            return Err(Fault::Temporary(SessionReason::Running.into()));
        }
        let limit = self.limits.local;
        let Some(wire) = &mut self.wire else { return Err(Fault::Temporary(DeviceReason::NoPort.into())) };
        wire.say(body, limit).map_err(|trouble| Fault::Temporary(trouble.reason().into()))
    }
}
