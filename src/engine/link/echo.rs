//! What the box itself sent and hears again: by the account of a ground service that reports its own modem, too.
//!
//! Taken for a packet of a far box it would be sent on, or answered, heard again, and sent on without an end, each time for
//! money. What tells it: the modem that the service names is one that this box gave these very bytes. Nothing of any other
//! modem is left out, whatever it says; nor what another box sends by a modem that was here before.

use crate::address::LinkAddress;
use crate::clock::Time;
use crate::engine::Context;
use crate::fault::Fault;
use crate::link::Inbound;
use crate::message::events::EventKind;
use crate::store::{Tx, TxResult};

/// What goes up by a modem of this box: it is known again if it comes back.
#[derive(Debug, Clone)]
pub struct Flight {
    modem: LinkAddress,
    payload: Vec<u8>,
}

impl Flight {
    /// Remembers it, in the commit that is on disk before its first byte leaves.
    ///
    /// # Errors
    /// When the store fails.
    pub fn note(&self, tx: &mut Tx, now: Time) -> TxResult<()> {
        tx.note_flight(self.modem, &self.payload, now)
    }
}

/// True for a packet that this box sent; its owner is told.
///
/// # Errors
/// When the store fails.
pub fn is_own(context: &Context, packet: &Inbound) -> Result<bool, Fault> {
    let Some(modem) = packet.device else { return Ok(false) };
    if !context.store.read(|view| view.is_own_flight(modem, &packet.payload))? {
        return Ok(false);
    }
    let (link, now) = (context.link(), context.now());
    if context.store.write(move |tx| tx.heard_itself(link, modem, now))? {
        log::warn!("{}", EventKind::HearsItself { name: context.store.links().name(link), modem });
    }
    Ok(true)
}

/// What a link is about to send by a modem; `None` where it has none.
pub fn flight(context: &Context, payload: &[u8]) -> Option<Flight> {
    let modem = context.status.with(|facts| facts.links.get(&context.link())?.health.as_ref()?.modem())?;
    Some(Flight { modem, payload: payload.to_vec() })
}

/// True for the address of a modem that is at this box now: what is sent there comes back here.
pub fn is_here(context: &Context, address: LinkAddress) -> bool {
    context.status.with(|facts| {
        let mut ready = facts.links.values().filter_map(|link| link.health.as_ref()).filter(|health| health.ready);
        ready.any(|health| health.modem() == Some(address))
    })
}
