//! What clients of the SMTP listeners did lately: wrong passwords, and mails a minute; and the connections of clients for whom
//! a server in front speaks, which the gate cannot tell apart.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::trials::Trials;
use crate::limit::proven::Proven;
use crate::limit::{Limiter, Rate, network_of};

/// Counts by network of the client; shared by both SMTP listeners.
#[derive(Debug)]
pub struct ClientCounters {
    /// Passwords that are being tried.
    pub passwords: Trials,
    mails: Mutex<Limiter<IpAddr>>,
    places: Places,
}

/// The connections of clients for whom a server in front speaks, by network.
#[derive(Debug, Default)]
pub struct Places(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// The place of a client among the connections, until this is dropped.
#[derive(Debug)]
pub struct Place {
    network: IpAddr,
    connections: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Places {
    /// A place for a connection of `ip`, or none when its network has `most` of them.
    pub fn enter(&self, ip: IpAddr, most: usize) -> Option<Place> {
        let network = network_of(ip);
        // No code that holds the lock can leave the map half changed.
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = connections.entry(network).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { network, connections: Arc::clone(&self.0) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let left = connections.get(&self.network).map_or(0, |count| count.saturating_sub(1));
        match left {
            0 => connections.remove(&self.network),
            left => connections.insert(self.network, left),
        };
    }
}

impl Default for ClientCounters {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl ClientCounters {
    /// Makes the counters; `proven` is shared by all listeners.
    pub fn new(proven: Arc<Proven>) -> Self {
        Self { passwords: Trials::new(proven), mails: Mutex::default(), places: Places::default() }
    }

    /// Takes a place for a connection, see [`Places::enter`].
    pub fn enter(&self, ip: IpAddr, most: usize) -> Option<Place> {
        self.places.enter(ip, most)
    }

    /// Tells whether `ip` may send a mail now, of `most` a minute (0: no limit), and counts it.
    pub fn may_send(&self, ip: IpAddr, most: usize, now: Instant) -> bool {
        most == 0
            || self
                .mails
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(network_of(ip), Rate::a_minute(most), now)
                .is_ok()
    }
}
