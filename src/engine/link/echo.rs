//! What the box itself sent and hears again: by the account of a ground service that reports its own modem, too.
//!
//! Taken for a packet of a far box it would be sent on, or answered, heard again, and sent on without an end, each time for
//! money. What tells it: the modem that the service names is one that this box gave these very bytes, and it is plugged in here,
//! or this is the one packet of them that was still to come back. Nothing of any other modem is left out, whatever it says; nor
//! what another box sends by a modem that was here before, even where that is the same word for word.

use crate::address::LinkAddress;
use crate::clock::Time;
use crate::engine::Context;
use crate::fault::Fault;
use crate::link::{Health, Inbound};
use crate::message::events::EventKind;
use crate::status::LiveStatus;
use crate::store::{OwnPacket, Tx, TxResult};

/// What goes up by a modem of this box: it is known again if it comes back.
#[derive(Debug, Clone)]
pub struct Flight {
    modem: LinkAddress,
    payload: Vec<u8>,
    /// Number of the packet: handed over again it is the same flight.
    number: u64,
}

impl Flight {
    /// Remembers it, in the commit that is on disk before its first byte leaves.
    ///
    /// # Errors
    /// When the store fails.
    pub fn note(&self, tx: &mut Tx, now: Time) -> TxResult<()> {
        tx.note_flight(OwnPacket { modem: self.modem, payload: &self.payload }, self.number, now)
    }
}

/// True for a packet that this box sent; its owner is told.
///
/// # Errors
/// When the store fails.
pub fn is_own(context: &Context, packet: &Inbound) -> Result<bool, Fault> {
    let Some(modem) = packet.device else { return Ok(false) };
    let (link, now) = (context.link(), context.now());
    let (received, here) = (packet.received.unwrap_or(now), is_here(context, modem));
    let known = context.store.read(|view| {
        let own = OwnPacket { modem, payload: &packet.payload };
        // One that was taken as somebody's stays theirs, however often it is told.
        Ok(!view.was_taken(&packet.key)? && view.is_own_flight(own, &packet.key, received, here)?)
    })?;
    if !known {
        return Ok(false);
    }
    let (key, payload) = (packet.key.clone(), packet.payload.clone());
    let note = move |tx: &mut Tx| tx.heard_itself(link, (OwnPacket { modem, payload: &payload }, &key), now);
    if context.store.write(note)? {
        log::warn!("{}", EventKind::HearsItself { name: context.store.links().name(link), modem });
    }
    Ok(true)
}

/// What a link is about to send by a modem; `None` where it has none.
pub fn flight(context: &Context, number: u64, payload: &[u8]) -> Option<Flight> {
    let modem = context.status.with(|facts| facts.links.get(&context.link())?.health.as_ref()?.modem())?;
    Some(Flight { modem, payload: payload.to_vec(), number })
}

/// True for the address of a modem that is plugged in at this box now, whether it sees the sky or not: what is sent there comes
/// back here.
pub fn is_here(context: &Context, address: LinkAddress) -> bool {
    context.status.with(|facts| plugged_in(facts).any(|modem| modem == address))
}

/// The modems that are plugged in, of links that are on.
pub fn plugged_in(facts: &LiveStatus) -> impl Iterator<Item = LinkAddress> {
    let open = facts.links.values().filter_map(|link| link.health.as_ref()).filter(|health| health.port.is_some());
    open.filter_map(Health::modem)
}
