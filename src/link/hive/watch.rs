//! What the link remembers of the packets that the Hive took: which of them wait, and when to ask after them.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Packets asked after in one round.
const LOOKS: usize = 20;
/// Longest time between two questions about a packet that waits.
const SELDOM: Duration = Duration::from_secs(300);
/// The Hive lists nothing older.
const KEPT: Duration = Duration::from_secs(30 * 86_400);
/// So many hand-overs are remembered to tell equal payloads apart.
const MAX_TAKEN: usize = 1024;

/// The packets that wait for their devices, and the last hand-overs.
pub struct Watch {
    every: Duration,
    waiting: BTreeMap<u64, Waiting>,
    taken: VecDeque<Taken>,
}

struct Waiting {
    since: Instant,
    due: Instant,
}

/// A hand-over that the Hive accepted.
struct Taken {
    /// Of device and payload.
    hash: String,
    /// The tag of its intent, see `Memo`.
    tag: u64,
    packet: u64,
}

impl Watch {
    /// A packet is asked after at most once in `every`.
    pub fn new(every: Duration) -> Self {
        Self { every, waiting: BTreeMap::new(), taken: VecDeque::new() }
    }

    /// How many packets wait to be heard of.
    pub fn len(&self) -> u64 {
        u64::try_from(self.waiting.len()).unwrap_or(u64::MAX)
    }

    /// Notes that the Hive took a packet.
    pub fn took(&mut self, hash: String, tag: u64, packet: u64) {
        if self.taken.len() == MAX_TAKEN {
            self.taken.pop_front();
        }
        self.taken.push_back(Taken { hash, tag, packet });
        self.add(packet);
    }

    /// The packet that an intent is known to have become; a tag of 0 names none.
    pub fn outcome(&self, tag: u64) -> Option<u64> {
        self.taken.iter().find(|taken| taken.tag == tag && tag != 0).map(|taken| taken.packet)
    }

    /// The packet became of an intent that is not known any more.
    pub fn exclude_match(&mut self, packet: u64) {
        self.taken.iter_mut().filter(|taken| taken.packet == packet).for_each(|taken| taken.tag = 0);
    }

    /// The packets of this hash that the Hive took.
    pub fn with_hash(&self, hash: &str) -> Vec<u64> {
        self.taken.iter().filter(|taken| taken.hash == hash).map(|taken| taken.packet).collect()
    }

    /// The packet waits for its device.
    pub fn add(&mut self, packet: u64) {
        let now = Instant::now();
        self.waiting.entry(packet).or_insert(Waiting { since: now, due: now + self.every });
    }

    /// The packet waits no more.
    pub fn done(&mut self, packet: u64) {
        self.waiting.remove(&packet);
    }

    /// Those to ask after now, the longest due first.
    pub fn due(&mut self) -> Vec<u64> {
        self.waiting.retain(|_, waiting| waiting.since.elapsed() < KEPT);
        let now = Instant::now();
        let mut due: Vec<_> = self.waiting.iter().filter(|(_, waiting)| waiting.due <= now).collect();
        due.sort_by_key(|(_, waiting)| waiting.due);
        due.into_iter().take(LOOKS).map(|(packet, _)| *packet).collect()
    }

    /// Still waiting: the older a packet, the less often it is asked after.
    pub fn later(&mut self, packet: u64) {
        if let Some(waiting) = self.waiting.get_mut(&packet) {
            let gap = (waiting.since.elapsed() / 4).min(SELDOM).max(self.every);
            waiting.due = Instant::now() + gap;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_waiting_packets_take_turns() {
        let mut watch = Watch::new(Duration::ZERO);
        (0..50).for_each(|packet| watch.add(packet));
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..3 {
            for packet in watch.due() {
                seen.insert(packet);
                watch.waiting.get_mut(&packet).unwrap().due = Instant::now() + SELDOM;
            }
        }
        assert_eq!(seen.len(), 50);
        assert!(watch.due().is_empty());
    }

    #[test]
    fn hand_overs_are_remembered_within_bounds() {
        let mut watch = Watch::new(Duration::ZERO);
        for number in 0..2000 {
            watch.took("a".to_owned(), number, number + 1);
        }
        assert_eq!(watch.with_hash("a").len(), MAX_TAKEN);
        assert_eq!(watch.outcome(1999), Some(2000));
        assert_eq!(watch.outcome(0), None);
        assert!(watch.with_hash("b").is_empty());
    }
}
