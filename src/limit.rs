//! How often somebody may guess: five times, then once each 30 s for an address, and 60 times an hour in all.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Tries an address has at once, and the time after which it gets another.
const ADDRESS: (f64, Duration) = (5.0, Duration::from_secs(30));
/// The same for all addresses together.
const ALL: (f64, Duration) = (60.0, Duration::from_secs(60));
/// Addresses that are remembered; those that have all their tries back go first.
const ADDRESSES: usize = 1024;

/// A bucket of tries.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    fn refill(&mut self, (most, each): (f64, Duration), now: Instant) {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() / each.as_secs_f64();
        self.left = (self.left + gained).min(most);
        self.at = now;
    }

    fn wait(&self, (_, each): (f64, Duration)) -> Duration {
        each.mul_f64((1.0 - self.left).max(0.0))
    }
}

/// All tries of this box.
#[derive(Debug)]
pub struct Tries {
    addresses: HashMap<String, Bucket>,
    all: Bucket,
}

impl Tries {
    /// Everybody has all their tries.
    pub fn new(now: Instant) -> Self {
        Self { addresses: HashMap::new(), all: Bucket { left: ALL.0, at: now } }
    }

    /// Takes one try.
    ///
    /// # Errors
    /// How long to wait when there is none.
    pub fn take(&mut self, address: &str, now: Instant) -> Result<(), Duration> {
        self.all.refill(ALL, now);
        if !self.addresses.contains_key(address) && self.addresses.len() >= ADDRESSES {
            self.addresses.retain(|_, bucket| {
                bucket.refill(ADDRESS, now);
                bucket.left < ADDRESS.0
            });
            if self.addresses.len() >= ADDRESSES {
                return Err(ADDRESS.1);
            }
        }
        let bucket = self.addresses.entry(address.to_owned()).or_insert(Bucket { left: ADDRESS.0, at: now });
        bucket.refill(ADDRESS, now);
        let wait = bucket.wait(ADDRESS).max(self.all.wait(ALL));
        if !wait.is_zero() {
            return Err(wait);
        }
        bucket.left -= 1.0;
        self.all.left -= 1.0;
        Ok(())
    }

    /// Gives a try back: it was right.
    pub fn give_back(&mut self, address: &str) {
        self.all.left = (self.all.left + 1.0).min(ALL.0);
        self.addresses.remove(address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_becomes_slow() {
        let start = Instant::now();
        let mut tries = Tries::new(start);
        assert!((0..5).all(|_| tries.take("a", start).is_ok()));
        assert_eq!(tries.take("a", start), Err(Duration::from_secs(30)));
        assert!(tries.take("b", start).is_ok());
        assert!(tries.take("a", start + Duration::from_secs(29)).is_err());
        assert!(tries.take("a", start + Duration::from_secs(31)).is_ok());
        assert!(tries.take("a", start + Duration::from_secs(31)).is_err());
    }

    #[test]
    fn many_addresses_share_sixty_an_hour() {
        let start = Instant::now();
        let mut tries = Tries::new(start);
        let passed = (0..5000).filter(|n| tries.take(&n.to_string(), start).is_ok()).count();
        assert_eq!(passed, 60);
        assert!(tries.addresses.len() <= ADDRESSES);
        assert!(tries.take("x", start + Duration::from_secs(40_000)).is_ok());
    }

    #[test]
    fn the_right_password_costs_nothing() {
        let start = Instant::now();
        let mut tries = Tries::new(start);
        for _ in 0..200 {
            tries.take("a", start).unwrap();
            tries.give_back("a");
        }
    }
}
