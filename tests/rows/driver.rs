//! A link that takes nothing.

use std::time::Duration;

use smol::channel::Receiver;

use super::{Event, Intent, Link, LinkPacket, PacketStatus, PairedWith, SubmitResult, Token, Verdict};
use crate::clock::Clock;
use crate::fault::Fault;
use crate::message::Reference;
use crate::settings::Settings;

/// See [`super::Driver`].
pub fn check(_settings: &Settings, _: &[PairedWith]) -> Result<String, Vec<String>> {
    Ok("it takes nothing".to_owned())
}

/// See [`super::Driver`].
pub fn make(_settings: &Settings, _clock: &Clock) -> Box<dyn Link> {
    Box::new(Nothing)
}

struct Nothing;

impl Link for Nothing {
    fn poll(&mut self, _wake: &Receiver<()>, _wait: Duration) -> Vec<Event> {
        Vec::new()
    }

    fn prepare(&mut self, _packet: &LinkPacket) -> Result<Intent, Fault> {
        Err(Fault::temporary("it takes nothing"))
    }

    fn send(&mut self, _packet: &LinkPacket, _intent: &Intent) -> SubmitResult {
        SubmitResult::Refused(Fault::temporary("it takes nothing"))
    }

    fn reconcile(&mut self, _packet: &LinkPacket, _intent: &Intent) -> Verdict {
        Verdict::NotTaken(Fault::temporary("it takes nothing").reason().clone())
    }

    fn still_held(&mut self, _reference: &Reference) -> PacketStatus {
        PacketStatus::Sent
    }

    fn cancel(&mut self, _reference: &Reference) -> PacketStatus {
        PacketStatus::Sent
    }

    fn confirm(&mut self, _token: &Token) -> Result<(), Fault> {
        Ok(())
    }

    fn console(&mut self, _line: &str) -> Result<(), Fault> {
        Err(Fault::permanent("it has no console"))
    }
}
