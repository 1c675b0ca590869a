//! What a link is given that only the box knows, and what it wants to have back in its next life.

use std::time::{Duration, Instant};

use crate::address::LinkAddress;
use crate::engine::Context;
use crate::fault::Fault;
use crate::link::ip::key::BoxKey;
use crate::link::{Driver, Equipment, Link, PairedWith, ip};
use crate::message::LinkId;
use crate::store::Store;

/// What a link wants kept is written this often.
const EVERY: Duration = Duration::from_secs(60);

/// What a link of this driver is given.
///
/// # Errors
/// When the store fails, or this box can have no key.
pub fn of(context: &Context, driver: &Driver) -> Result<Equipment, Fault> {
    let identity = context.store.identity(ip::key::generate)?;
    let (paired, taken_in, kept) = context.store.read(|view| {
        let prefix = format!("{}:", driver.name);
        Ok((view.all_paired()?, view.last_taken_in(&prefix)?, view.note(&note(context.link()))?))
    })?;
    let paired = paired.into_iter().filter_map(|paired| match paired.address {
        LinkAddress::Ip(key) => Some(PairedWith { key, name: paired.name, dialled: paired.dialled }),
        _ => None,
    });
    Ok(Equipment {
        key: crate::hex::decode(identity.key.as_bytes()).unwrap_or_default(),
        epoch: identity.epoch,
        paired: paired.collect(),
        taken_in,
        kept: kept.unwrap_or_default(),
        callers: context.callers.clone(),
    })
}

/// The key that this box proves itself with; made at the first call.
///
/// # Errors
/// When the store fails, or there can be none.
pub fn own_key(store: &Store) -> Result<BoxKey, Fault> {
    let identity = store.identity(ip::key::generate)?;
    BoxKey::read(&crate::hex::decode(identity.key.as_bytes()).unwrap_or_default())
}

fn note(link: LinkId) -> String {
    format!("link:{link}")
}

/// When what the link wants kept was last written.
#[derive(Debug)]
pub struct Kept(Instant);

impl Default for Kept {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Kept {
    /// Writes it, if it is time or the link ends.
    ///
    /// # Errors
    /// When the store fails.
    pub fn write(&mut self, context: &Context, link: &mut dyn Link, at_once: bool) -> Result<(), Fault> {
        if !at_once && self.0.elapsed() < EVERY {
            return Ok(());
        }
        self.0 = Instant::now();
        let Some(bytes) = link.keep() else { return Ok(()) };
        let name = note(context.link());
        context.store.write(move |tx| tx.put_note(&name, Some(&bytes)))
    }
}
