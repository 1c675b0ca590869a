//! When something is due in the sessions with far boxes: repeats, notes that leave alone, what is given up. Plain values;
//! what is due then, [`inbound::tick`](super::inbound::tick) does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::address::PeerId;
use crate::clock::Time;
use crate::message::Packet;

/// A session in which something stays due is not looked at more often, ...
pub const PAUSE: Duration = Duration::from_secs(5);
/// ... and where packets cost next to nothing: hundreds of messages a second may have news.
pub const SHORT_PAUSE: Duration = Duration::from_secs(1);

/// When something is due with each far box (its device; `None` for the one that a station writes to).
#[derive(Default)]
pub struct Timers {
    due: BTreeMap<Option<PeerId>, Time>,
    /// Something happened with these: when the next thing is due has to be found out.
    stale: BTreeSet<Option<PeerId>>,
    /// All were looked at since the start.
    begun: bool,
}

impl Timers {
    /// Something happened in the session with this far box.
    pub fn touch(&mut self, far_box: Option<PeerId>) {
        self.stale.insert(far_box);
    }

    /// Something became of these packets; those of no session say nothing.
    pub fn packets_changed<'p>(&mut self, packets: impl IntoIterator<Item = &'p Packet>) {
        self.stale.extend(packets.into_iter().filter(|packet| packet.peer.is_some()).map(|packet| packet.far_box));
    }

    /// When something is due.
    pub fn next(&self) -> Option<Time> {
        self.due.values().min().copied()
    }

    /// True once: a box that starts may have other models, or other rules, than before, so all sessions are looked at.
    pub fn begins(&mut self) -> bool {
        !std::mem::replace(&mut self.begun, true)
    }

    /// The far boxes with which something happened since this was asked last.
    pub fn take_stale(&mut self) -> BTreeSet<Option<PeerId>> {
        std::mem::take(&mut self.stale)
    }

    /// The far boxes with which something is due now.
    pub fn due(&self, now: Time) -> Vec<Option<PeerId>> {
        self.due.iter().filter(|(_, at)| **at <= now).map(|(device, _)| *device).collect()
    }

    /// Notes when something is due with a far box, which is not looked at before `least`.
    pub fn set(&mut self, far_box: Option<PeerId>, at: Option<Time>, least: Time) {
        match at {
            Some(at) => self.due.insert(far_box, at.max(least)),
            None => self.due.remove(&far_box),
        };
    }

    /// Forgets all: there are no sessions any more.
    pub fn clear(&mut self) {
        self.due.clear();
    }
}
