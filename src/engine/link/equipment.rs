//! What a link is given that only the box knows, and what it wants to have back in its next life.

use std::time::{Duration, Instant};

use super::{echo, post};
use crate::address::LinkAddress;
use crate::engine::Context;
use crate::fault::Fault;
use crate::link::ip::key::BoxKey;
use crate::link::{Driver, Equipment, Link, PairedWith, ip};
use crate::links::LinkRecord;
use crate::message::LinkId;
use crate::status::LiveStatus;
use crate::store::Store;

/// What a link wants kept is written this often.
const EVERY: Duration = Duration::from_secs(60);
/// That a link hears a modem of this box is shown for so long after the last time.
const HEARD: Duration = Duration::from_secs(3 * 86_400);

/// What a link of this driver is given: what is for boxes that are paired, only where it talks to them.
///
/// # Errors
/// When the store fails, or this box can have no key.
pub fn of(context: &Context, driver: &Driver) -> Result<Equipment, Fault> {
    let kept = context.store.read(|view| view.note(&note(context.link())))?;
    if !driver.paired {
        let (kept, callers) = (kept.unwrap_or_default(), context.callers.clone());
        return Ok(Equipment { kept, callers, post: Some(post::of(&context.store)), ..Equipment::default() });
    }
    let identity = context.store.identity(ip::key::generate)?;
    let prefix = format!("{}:", driver.name);
    let taken_in = context.store.read(|view| view.last_taken_in(&prefix))?;
    Ok(Equipment {
        key: crate::hex::decode(identity.key.as_bytes()).unwrap_or_default(),
        epoch: identity.epoch,
        paired: paired(&context.store)?,
        taken_in,
        kept: kept.unwrap_or_default(),
        callers: context.callers.clone(),
        post: Some(post::of(&context.store)),
    })
}

/// Whether what can be seen without the link is as it should be ([`Driver::check`]).
///
/// # Errors
/// What is wrong, in sentences.
pub fn check(store: &Store, driver: &Driver, link: &LinkRecord) -> Result<String, Vec<String>> {
    let paired = paired(store).map_err(|fault| vec![fault.to_string()])?;
    (driver.check)(&link.settings(&store.settings()), &paired)
}

/// The modem of this box that a link heard within some days, while both are in use here; a store that does not answer is told
/// elsewhere.
pub fn hears_itself(store: &Store, facts: &LiveStatus, link: &LinkRecord) -> Option<LinkAddress> {
    let since = store.clock().now() - HEARD;
    let modem = store.read(|view| view.hears_itself(link.id, since)).ok().flatten()?;
    (link.on && echo::plugged_in(facts).any(|here| here == modem)).then_some(modem)
}

/// The boxes that this one is paired with.
fn paired(store: &Store) -> Result<Vec<PairedWith>, Fault> {
    let paired = store.read(|view| view.all_paired())?.into_iter().filter_map(|paired| match paired.address {
        LinkAddress::Ip(key) => Some(PairedWith { key, name: paired.name }),
        _ => None,
    });
    Ok(paired.collect())
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
