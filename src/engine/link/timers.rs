//! The talks with far boxes, as time goes by: repeats, notes that leave alone, what is given up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::worker::LinkWorker;
use super::{inbound, peer};
use crate::address::DeviceId;
use crate::clock::Time;
use crate::fault::Fault;
use crate::message::Packet;

/// A talk in which something stays due is not looked at more often.
const PAUSE: Duration = Duration::from_secs(5);

/// When something is due in each talk.
#[derive(Default)]
pub struct Talks {
    due: BTreeMap<Option<DeviceId>, Time>,
    /// Something happened in these.
    stale: BTreeSet<Option<DeviceId>>,
    /// All were looked at since the start.
    begun: bool,
}

impl Talks {
    /// Something happened in the talk with this far box.
    pub fn touch(&mut self, device: Option<DeviceId>) {
        self.stale.insert(device);
    }

    /// Notes that something happened to a packet, if it is part of a talk.
    pub fn changed(&mut self, packet: &Packet) {
        if packet.talk.is_some() {
            self.touch(packet.device);
        }
    }

    /// When something is due.
    pub fn next(&self) -> Option<Time> {
        self.due.values().min().copied()
    }
}

/// Does what is due in the talks. What they want to say waits in the outbox then.
pub fn tend(air: &mut LinkWorker) -> Result<(), Fault> {
    if !air.context.talks() {
        air.talks.due.clear();
        return Ok(());
    }
    let now = air.context.now();
    if !std::mem::replace(&mut air.talks.begun, true) {
        // A box that starts may have other models, or other rules, than before.
        let all = air.context.store.read(|view| view.peers())?;
        air.talks.due.extend(all.into_iter().map(|(name, _)| (peer::device(&name), now)));
    }
    for device in std::mem::take(&mut air.talks.stale) {
        note_due(air, device, now)?;
    }
    let due: Vec<_> = air.talks.due.iter().filter(|(_, at)| **at <= now).map(|(device, _)| *device).collect();
    for device in due {
        inbound::tick(air.context, device)?;
        note_due(air, device, now + PAUSE)?;
    }
    Ok(())
}

fn note_due(air: &mut LinkWorker, device: Option<DeviceId>, least: Time) -> Result<(), Fault> {
    let rules = peer::rules(&air.context.store.settings());
    match air.context.peer(device)?.due(&rules) {
        Some(at) => air.talks.due.insert(device, Time(at).max(least)),
        None => air.talks.due.remove(&device),
    };
    Ok(())
}
