//! Finding a port, adopting the modem behind it, and what is done about one that does not answer.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::wire::{Trouble, Wire};
use super::{BAUD, Phase, Sbd};
use crate::back_off::BackOff;
use crate::link::serial::{self, Port};
use crate::link::turns::Conversation;
use crate::message::reason::{DeviceReason, Foreign, Remedy, SessionReason};
use crate::sys::ports;

/// A modem that does not answer is asked so often before its port is opened anew.
const ASKS: u32 = 5;
/// Waits between questions to a modem that does not answer. One in a session hears nothing until that is over.
const WAITS: BackOff = BackOff::doubling(Duration::from_secs(1), Duration::from_secs(30));
/// What is plugged in is something else: it is asked no more often than this.
const FOREIGN_EVERY: Duration = Duration::from_secs(60);
/// Most characters of the name of its firmware.
const FIRMWARE: usize = 40;
/// The modem ends a session by itself after so many seconds.
const SESSION_SECONDS: u32 = 90;

/// What is tried after so many questions without an answer.
pub fn remedy(tries: u32, wired: bool) -> Remedy {
    match tries {
        ..ASKS => Remedy::Ask,
        ASKS => Remedy::Reopen,
        _ if wired => Remedy::Switch,
        _ => Remedy::Wait,
    }
}

impl Sbd {
    /// Opens the next port worth asking.
    pub(super) fn look_for_port(&mut self, tries: u32) {
        let paths = serial::candidates(&self.named_port);
        let at = usize::try_from(tries).unwrap_or_default() % paths.len().max(1);
        let Some(path) = paths.get(at) else {
            let brltty = ports::brltty_runs();
            return self.close(DeviceReason::NoAdapter { brltty }, tries.saturating_add(1));
        };
        match Port::open(path, BAUD) {
            Ok(port) => {
                port.flush();
                self.power.hold(&port);
                self.wire = Some(Wire::new(port, self.limits.session));
                self.facts.opened += 1;
                self.ask_again(0, paths.len() > 1);
            }
            Err(why) => self.close(why.into(), tries.saturating_add(1)),
        }
    }

    /// Asks a modem that has not answered so far; on a port of several the next one is tried instead.
    pub(super) fn ask_again(&mut self, tries: u32, others: bool) {
        match self.adopt() {
            Ok(()) => self.silent_since = None,
            Err(trouble) if matches!(trouble.cause(), Trouble::Gone(_)) => self.on_trouble(&trouble),
            Err(Trouble::Refused) => {
                let port = self.path().display().to_string();
                self.close(DeviceReason::NotAModem { port, looks_like: Some(Foreign::AtModem) }, tries + 1);
                if let Phase::Closed { next, .. } = &mut self.phase
                    && !others
                {
                    *next = Instant::now() + FOREIGN_EVERY;
                }
            }
            Err(_) if others && tries > 0 => self.close(DeviceReason::Reopened, tries + 1),
            Err(trouble) => {
                log::debug!("sbd: {}", trouble.reason());
                if tries == ASKS {
                    self.reopen();
                }
                self.switch_off_and_on();
                match self.wire {
                    Some(_) => {
                        let next = Instant::now() + WAITS.wait(tries.saturating_sub(2).max(1));
                        self.phase = Phase::Silent { tries: tries.saturating_add(1), next };
                    }
                    None => self.close(DeviceReason::NoPort, 1),
                }
            }
        }
    }

    /// The last step with a modem that answers nothing. One in a session answers nothing either, so it is waited for as long
    /// as one takes.
    fn switch_off_and_on(&mut self) {
        let since = *self.silent_since.get_or_insert_with(Instant::now);
        let begun = self.slot.as_ref().and_then(|slot| slot.tried);
        if since.elapsed() < self.limits.silent || begun.is_some_and(|begun| begun.elapsed() < self.limits.session) {
            return;
        }
        let Some(wire) = &mut self.wire else { return };
        if self.power.cycle(wire.port(), self.limits.off) {
            wire.restarted();
            // Nothing reads it out of a modem that answers nothing, and its slots are empty after a start.
            if self.plan.unread.take().is_some() {
                log::warn!(
                    "sbd: a message that had come down and was not read is lost: its sender sends it again if it waits for a receipt"
                );
            }
        }
        self.silent_since = Some(Instant::now());
    }

    fn path(&self) -> PathBuf {
        self.wire.as_ref().map(|wire| wire.port().path().to_owned()).unwrap_or_default()
    }

    /// Opens the port anew; what the modem owes stays known.
    fn reopen(&mut self) {
        let path = self.path();
        let Some(mut wire) = self.wire.take() else { return };
        self.facts.noise_before += wire.noise;
        self.events.append(&mut wire.take_lines());
        let owed = wire.closed();
        if let Ok(port) = Port::open(&path, BAUD) {
            self.power.hold(&port);
            self.wire = Some(Wire::over(port, owed, self.limits.session));
            self.facts.opened += 1;
        }
    }

    fn drop_wire(&mut self) {
        if let Some(mut wire) = self.wire.take() {
            self.facts.noise_before += wire.noise;
            self.events.append(&mut wire.take_lines());
        }
    }

    /// Closes the port and looks for it again a little later.
    pub(super) fn close(&mut self, why: DeviceReason, tries: u32) {
        if self.wire.is_some() {
            log::info!("sbd: {why}");
        }
        self.drop_wire();
        // Another one may be there when a port is found again, or the same one after a rest.
        self.silent_since = None;
        self.phase = Phase::Closed { next: Instant::now() + serial::next_look(tries), tries, why };
    }

    /// Gives a command that needs no network.
    ///
    /// # Errors
    /// [`Trouble`]; what it says about the modem is followed up.
    pub(super) fn command(&mut self, body: &str) -> Result<Vec<String>, Trouble> {
        let limit = self.limits.local;
        let Some(wire) = &mut self.wire else { return Err(Trouble::Gone("no port is open".to_owned())) };
        let answer = wire.command(body, limit);
        if let Err(trouble) = &answer {
            self.on_trouble(trouble);
        }
        answer
    }

    /// Draws the conclusion from a failed command.
    pub(super) fn on_trouble(&mut self, trouble: &Trouble) {
        match trouble.cause() {
            Trouble::Gone(why) => self.close(DeviceReason::PortGone { why: why.clone(), unplugged: true }, 0),
            Trouble::Silent { .. } if self.phase == Phase::Running => {
                self.phase = Phase::Silent { tries: 0, next: Instant::now() };
            }
            _ => {}
        }
    }

    /// Takes a modem over, whatever it was told before: only the core of commands has to succeed.
    fn adopt(&mut self) -> Result<(), Trouble> {
        let limit = self.limits.ask;
        let Some(wire) = &mut self.wire else { return Err(Trouble::Gone("no port is open".to_owned())) };
        wire.command("", limit)?;
        wire.command("E0", limit)?;
        let mut told = |body: &str| match wire.command(body, limit) {
            Ok(lines) => Ok(Some(lines)),
            Err(Trouble::Refused) => Ok(None),
            Err(trouble) => Err(trouble),
        };
        for setting in ["V1", "Q0", "&K0", "&D0", "+SBDMTA=1"] {
            told(setting)?;
        }
        if told("+CIER=1,1,1,1")?.is_none() {
            told("+CIER=1,1,1")?;
        }
        told(&format!("+SBDST={SESSION_SECONDS}"))?;
        let imei = told("+CGSN")?
            .and_then(|lines| lines.iter().find_map(|line| super::codec::imei(line).map(str::to_owned)))
            .unwrap_or_else(|| "unknown".into());
        let version = told("+CGMR")?.and_then(|lines| {
            let first = lines.into_iter().next()?;
            let named = first.rsplit(':').next()?.trim();
            Some(named.chars().filter(|c| !c.is_control()).take(FIRMWARE).collect())
        });
        let registered =
            told("+SBDREG?")?.and_then(|lines| lines.iter().find_map(|line| super::codec::registered(line)));
        let bars = told("+CSQF")?.and_then(|lines| lines.iter().find_map(|line| super::codec::bars(line)));
        let slots = told("+SBDSX")?.and_then(|lines| lines.iter().find_map(|line| super::codec::slots(line)));
        self.facts.imei = Some(imei.clone());
        self.facts.registered = registered;
        self.facts.firmware = version;
        self.facts.tells_slots = slots.is_some();
        self.facts.momsn = slots.map(|slots| slots.momsn);
        (self.facts.bars, self.facts.service, self.facts.antenna_fault) = (bars, None, false);
        self.slot_clear = slots.is_some_and(|slots| !slots.mo);
        if self.facts.found.as_ref().is_none_or(|(known, _)| *known != imei) {
            self.facts.found = Some((imei, self.facts.momsn));
        }
        // A clone does not tell whether its slot holds something: it is read, which also tells an SBD modem from others.
        match slots {
            Some(slots) if !slots.mt => {}
            Some(slots) => self.fetch(Some(slots.mtmsn))?,
            None => self.fetch(None)?,
        }
        self.phase = Phase::Running;
        self.plan.adopted(slots.is_some_and(|slots| slots.ring));
        self.settle_slot(slots.map(|slots| slots.mo));
        Ok(())
    }

    /// A modem was lost and is found again: what became of the message in its slot.
    pub(super) fn settle_slot(&mut self, holds: Option<bool>) {
        let Some(slot) = self.slot.take() else { return };
        let same = self.facts.imei.as_ref() == Some(&slot.imei);
        match (holds, slot.momsn, self.facts.momsn) {
            // Another modem is in its place: nothing can be told while that is so.
            _ if !same => {}
            (Some(holds), Some(before), Some(now)) if before == now && slot.sure => match holds {
                true => self.slot = Some(slot),
                false => self.not_taken(&slot, SessionReason::SlotLost),
            },
            (Some(_), Some(before), Some(now)) if before.wrapping_add(1) == now => self.sent(&slot),
            (None, ..) if slot.tried.is_none() => self.slot = Some(slot),
            (None, ..) => self.lost_result(slot),
            (Some(_), Some(before), Some(now)) if before == now => self.slot = Some(slot),
            _ => self.lost_result(slot),
        }
    }
}
