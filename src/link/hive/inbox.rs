//! Packets from devices: listed, reported once, listed until they are confirmed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::Hive;
use super::api::Trouble;
use super::item::Item;
use crate::link::{Event, Inbound, Token};

/// More pages are left to the next round.
const MAX_PAGES: usize = 100;

/// What was reported and is not yet confirmed, by packet number.
pub struct Shown {
    remind: Duration,
    since: HashMap<u64, Instant>,
}

impl Shown {
    /// An item may be reported again after `remind`.
    pub fn new(remind: Duration) -> Self {
        Self { remind, since: HashMap::new() }
    }

    /// True, and remembered, when the packet should be reported now.
    fn admit(&mut self, packet: u64) -> bool {
        let fresh = self.since.get(&packet).is_none_or(|since| since.elapsed() >= self.remind);
        if fresh {
            self.since.insert(packet, Instant::now());
        }
        fresh
    }

    /// The packet may be reported again when it is listed.
    pub fn forget(&mut self, packet: u64) {
        self.since.remove(&packet);
    }

    fn tidy(&mut self) {
        self.since.retain(|_, since| since.elapsed() < self.remind);
    }
}

impl Hive {
    /// Lists what is new and reports it, oldest first; after a failure what was listed before it.
    pub(super) fn collect(&mut self) -> Result<(), Trouble> {
        self.shown.tidy();
        let filter = format!("status=0&direction=fromdevice&userApplicationId={}", self.app);
        let (mut found, mut nameless) = (Vec::new(), 0);
        let done = self.api.pages(&filter, MAX_PAGES, |items, without| {
            found.extend(items);
            nameless += without;
            false
        });
        if nameless > 0 {
            log::warn!("hive: {nameless} listed items without a packet number, which cannot be acknowledged");
        }
        found.retain(|item| self.is_ours(item));
        found.sort_by_key(|item| item.packet);
        for item in found {
            if self.shown.admit(item.packet) {
                self.receive(item);
            }
        }
        done.map(drop)
    }

    /// False for what a server lists that does not heed all filters. Packets of other applications stay there for
    /// whoever reads those.
    fn is_ours(&self, item: &Item) -> bool {
        let app = item.app.is_none_or(|app| app == u64::from(self.app));
        app && item.from_device && item.status.is_none_or(|status| status == 0)
    }

    fn receive(&mut self, item: Item) {
        self.health.last_satellite = self.health.last_satellite.max(item.received);
        let token = Token(item.packet);
        self.events.push(match (item.device, item.data) {
            (Ok(device), Ok(payload)) => Event::Inbound(Inbound {
                device: Some(device),
                payload,
                key: format!("hive:{}", item.message),
                received: item.received,
                token,
            }),
            (Err(why), Ok(bytes)) | (_, Err((bytes, why))) => {
                Event::Poison { bytes, why: format!("packet {} of the Hive: {why}", item.packet), token }
            }
        });
    }
}
