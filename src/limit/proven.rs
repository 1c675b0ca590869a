//! Networks from which somebody proved who they are: when room is short, these keep their place.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::network_of;

/// Networks that are remembered; the one whose proof is oldest makes room.
const MOST: usize = 1024;
/// A proof holds so long.
const HOLDS: Duration = Duration::from_secs(7 * 86_400);

/// The networks of people who logged in lately. Lost with a restart: then all begin as strangers again.
#[derive(Debug, Default)]
pub struct Proven(Mutex<HashMap<IpAddr, Instant>>);

impl Proven {
    /// Notes that somebody at this address proved who they are.
    pub fn note(&self, client: IpAddr, now: Instant) {
        // Plain numbers: a panic elsewhere cannot leave them half changed.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let network = network_of(client);
        if known.len() >= MOST && !known.contains_key(&network) {
            let oldest = known.iter().min_by_key(|(_, at)| **at).map(|(network, _)| *network);
            oldest.and_then(|oldest| known.remove(&oldest));
        }
        known.insert(network, now);
    }

    /// True for this machine, and for an address in whose network somebody proved who they are.
    pub fn knows(&self, client: IpAddr, now: Instant) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |at: &Instant| now.saturating_duration_since(*at) < HOLDS;
        client.to_canonical().is_loopback() || known.get(&network_of(client)).is_some_and(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_for_its_network_and_its_time() {
        let (proven, start) = (Proven::default(), Instant::now());
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        proven.note(ip("2001:db8::1"), start);
        assert!(proven.knows(ip("2001:db8::2"), start) && !proven.knows(ip("2001:db8:0:1::1"), start));
        assert!(!proven.knows(ip("2001:db8::2"), start + HOLDS));
        assert!(proven.knows(ip("::1"), start) && proven.knows(ip("::ffff:127.0.0.1"), start));
        for n in 0..5000_u32 {
            proven.note(IpAddr::V4(n.into()), start + Duration::from_millis(u64::from(n)));
        }
        assert!(proven.0.lock().unwrap().len() <= MOST && !proven.knows(ip("2001:db8::1"), start));
    }
}
