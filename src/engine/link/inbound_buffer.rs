//! What came in and is not kept yet: offered to the store, and only then may the other side forget it (promise 1).
//!
//! In order, one after the other: while one cannot be kept (the disk is full, the coder is not ready), those behind it
//! wait, and the far side keeps its copies.

use std::collections::VecDeque;
use std::time::Duration;

use compact::peer::needs_coder;

use super::echo;
use super::inbound;
use crate::address::PeerId;
use crate::back_off::BackOff;
use crate::clock::Time;
use crate::engine::Context;
use crate::fault::Fault;
use crate::link::enclosed::packet_in;
use crate::link::{Inbound, Link, Token};
use crate::message::Reason;

/// At most so many wait here; more than a modem can hold. What is left out comes again, as it is not confirmed.
const MOST: usize = 4096;
/// First and longest wait before the store is offered it again.
const AGAIN: BackOff = BackOff::doubling(Duration::from_secs(1), Duration::from_secs(16));

/// Whoever makes the coder ready tells so; should nobody, it is looked for again after this.
const CODER: Duration = Duration::from_secs(60);

/// A packet, or what should have been one.
pub enum Incoming {
    /// A packet to be read and kept.
    Packet(Inbound),
    /// To be set aside.
    Poison {
        /// The bytes as they came.
        bytes: Vec<u8>,
        /// Why they could not be read.
        why: Reason,
        /// To let the other side forget it.
        token: Token,
    },
}

impl Incoming {
    /// Of a packet from a far box that went to another gateway: the name of that, and whether this box took the packet before.
    fn moved_out(&self, context: &Context) -> Option<(String, Token, bool)> {
        let Self::Packet(packet) = self else { return None };
        let moved = context.store.people().moved_out(packet.device?)?.shown();
        let taken = context.store.read(|view| view.was_taken(&packet.key)).unwrap_or_default();
        Some((moved, packet.token.clone(), taken))
    }

    /// It is in a coding that only the coder reads.
    fn needs_coder(&self, context: &Context) -> bool {
        matches!(self, Self::Packet(packet) if needs_coder(packet_in(&packet.payload))) && context.speaks_compact()
    }
}

/// The line of those that wait for the store.
#[derive(Default)]
pub struct InboundBuffer {
    line: VecDeque<Incoming>,
    failures: u32,
    /// How often the whole mails of the first one could not be kept.
    mails_failed: u32,
    again: Option<Time>,
    /// What is waited for is the coder: being ready ends the wait.
    for_coder: bool,
}

impl InboundBuffer {
    /// Puts one at the end of the line; it stays outside when too many wait.
    pub fn push(&mut self, incoming: Incoming) {
        if self.line.len() < MOST {
            self.line.push_back(incoming);
        } else {
            log::warn!("link: {MOST} packets wait for the store already, another one stays outside");
        }
    }

    /// When the store is offered them again; `None` when none waits.
    pub fn next(&self, now: Time) -> Option<Time> {
        (!self.line.is_empty()).then(|| self.again.unwrap_or(now))
    }

    /// Keeps what can be kept now, in order. Something that never can be is set aside instead.
    ///
    /// Gives back from which far boxes.
    pub fn keep_all(&mut self, context: &Context, link: &mut dyn Link) -> Vec<Option<PeerId>> {
        let mut from = Vec::new();
        // Also when others woke this worker before.
        if self.for_coder && context.coder().ready() {
            (self.for_coder, self.again) = (false, None);
        }
        if self.again.is_some_and(|again| again > context.now()) {
            return from;
        }
        while let Some(incoming) = self.line.front() {
            if let Some((moved, token, taken)) = incoming.moved_out(context) {
                match taken {
                    // It was taken before, and the confirmation did not get through.
                    true => link.confirm(&token).unwrap_or_else(|fault| log::warn!("link: not confirmed yet: {fault}")),
                    // Not confirmed: the far side keeps it for the gateway that the far box went to.
                    false => log::info!("link: a packet of {moved}, which has moved to another gateway, is not taken"),
                }
                self.line.pop_front();
                continue;
            }
            if incoming.needs_coder(context) && !context.coder().ready() {
                (self.for_coder, self.again) = (true, Some(context.now() + CODER));
                break;
            }
            match disk_has_room(context).and_then(|()| keep(context, incoming, &mut self.mails_failed)) {
                Ok((token, own)) => {
                    (self.failures, self.mails_failed, self.again) = (0, 0, None);
                    if let Err(fault) = link.confirm(&token) {
                        log::warn!("link: a packet is kept here and not confirmed yet: {fault}");
                    }
                    if let (Some(Incoming::Packet(packet)), false) = (self.line.pop_front(), own) {
                        let people = context.store.people();
                        from.push(packet.device.and_then(|address| people.at(address)).map(|far_box| far_box.id));
                    }
                }
                Err(fault) => {
                    log::warn!("link: {} packets wait outside: {fault}", self.line.len());
                    (self.for_coder, self.failures) = (false, self.failures.saturating_add(1));
                    self.again = Some(context.now() + AGAIN.wait(self.failures));
                    break;
                }
            }
        }
        from
    }
}

/// Keeps one; true beside its token where this box sent it itself, and there is nothing to keep.
fn keep(context: &Context, incoming: &Incoming, mails_failed: &mut u32) -> Result<(Token, bool), Fault> {
    match incoming {
        Incoming::Poison { bytes, why, token } => inbound::poison(context, bytes, why).map(|()| (token.clone(), false)),
        Incoming::Packet(packet) if echo::is_own(context, packet)? => Ok((packet.token.clone(), true)),
        Incoming::Packet(packet) => match inbound::take(context, packet, mails_failed) {
            Err(fault) if fault.is_permanent() => inbound::poison(context, &packet.payload, fault.reason()),
            kept => kept.map(drop),
        }
        .map(|()| (packet.token.clone(), false)),
    }
}

fn disk_has_room(context: &Context) -> Result<(), Fault> {
    match context.store.disk_room() {
        Ok(room) if room.is_short() => {
            Err(Fault::temporary(format!("{} MB are free on disk, less than store.reserve", room.free / 1_000_000)))
        }
        _ => Ok(()),
    }
}
