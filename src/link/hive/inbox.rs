//! Packets from devices: listed, reported once, listed until they are confirmed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::error::HiveError;
use super::item::Item;
use super::{Hive, service};
use crate::link::{Event, Inbound, Token};
use crate::message::reason::Unusable;

/// With more packets of other applications than this, only ours are listed for a time.
const CROWD: usize = 100;
/// For how long only ours are listed then.
const CROWDED: Duration = Duration::from_secs(3600);
/// From here on, application ids are the Hive's own (trackers, pings).
const OWN_APPS: u64 = 65_000;

/// Packets of other applications in the account, which are none of our business but tell of a wrong setting.
#[derive(Default)]
pub struct Foreign {
    example: Option<u64>,
    crowded: Option<Instant>,
}

impl Foreign {
    fn is_crowded(&self) -> bool {
        self.crowded.is_some_and(|since| since.elapsed() < CROWDED)
    }

    fn note(&mut self, apps: &[u64]) {
        self.example = apps.iter().copied().find(|app| *app < OWN_APPS);
        self.crowded = (apps.len() > CROWD).then(Instant::now);
    }

    /// An application whose packets lie there; `None` when there are none.
    pub fn example(&self) -> Option<u64> {
        self.example
    }
}

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
    pub(super) fn collect(&mut self) -> Result<(), HiveError> {
        self.shown.tidy();
        let mut filter = "status=0&direction=fromdevice".to_owned();
        if self.foreign.is_crowded() {
            filter.push_str(&format!("&userApplicationId={}", self.app));
        }
        let (mut found, mut nameless) = (Vec::new(), 0);
        // What does not fit into the budget is listed again when these are acknowledged.
        let until = self.budget();
        let done = self.api.pages(&filter, until, |items, without| {
            found.extend(items);
            nameless += without;
            false
        });
        if nameless > 0 {
            log::warn!("hive: {nameless} listed items without a packet number, which cannot be acknowledged");
        }
        found.retain(|item| item.from_device && item.status.is_none_or(|status| status == 0));
        let ours = u64::from(self.app);
        if !self.foreign.is_crowded() {
            let foreign: Vec<_> = found.iter().filter_map(|item| item.app.filter(|app| *app != ours)).collect();
            self.foreign.note(&foreign);
        }
        found.retain(|item| item.app.is_none_or(|app| app == ours));
        found.sort_by_key(|item| item.packet);
        for item in found {
            if self.shown.admit(item.packet) {
                self.receive(item);
            }
        }
        done.map(drop)
    }

    fn receive(&mut self, item: Item) {
        self.health.last_satellite = self.health.last_satellite.max(item.received);
        let token = Token(item.packet);
        self.events.push(match (item.device, item.data) {
            (Ok(device), Ok(payload)) => Event::Inbound(Inbound {
                device: Some(device.into()),
                payload,
                wholes: Vec::new(),
                key: format!("hive:{}", item.message),
                received: item.received,
                token,
            }),
            (Err(why), Ok(bytes)) | (_, Err((bytes, why))) => {
                let why = Unusable::Listed { service: service(), number: item.packet, flaw: why.to_string() };
                Event::Poison { bytes, why: why.into(), token }
            }
        });
    }
}
