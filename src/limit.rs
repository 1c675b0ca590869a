//! How often somebody may try: one count for passwords, codes and mails, whoever asks.
//!
//! A client starts with all its tries (the burst) and gets one back each time the period is over (a token bucket). What is
//! counted is the client's network, as one IPv6 household has a /64 to choose addresses from.

pub mod log_ins;
pub mod proven;

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Names that are remembered; the one that was silent for longest makes room.
const REMEMBERED: usize = 4096;

/// How many tries there are at once, and the time after which one comes back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Tries at once; 1 or more.
    pub burst: u32,
    /// After this another one.
    pub period: Duration,
}

impl Rate {
    /// Allows `count` a minute, all of them at once if need be; `count` is 1 or more.
    pub fn a_minute(count: usize) -> Self {
        let burst = u32::try_from(count).unwrap_or(u32::MAX).max(1);
        Self { burst, period: Duration::from_secs(60) / burst }
    }
}

/// The tries that are left at one moment.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    fn refill(&mut self, rate: Rate, now: Instant) {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() / rate.period.as_secs_f64();
        self.left = (self.left + gained).min(f64::from(rate.burst));
        self.at = now;
    }

    /// Tells how long it takes until there is a whole try.
    fn wait(&self, rate: Rate) -> Duration {
        rate.period.mul_f64((1.0 - self.left).max(0.0))
    }
}

/// Counts tries by whatever names who tries.
#[derive(Debug)]
pub struct Limiter<K> {
    buckets: HashMap<K, Bucket>,
}

impl<K> Default for Limiter<K> {
    fn default() -> Self {
        Self { buckets: HashMap::new() }
    }
}

impl<K: Clone + Eq + Hash> Limiter<K> {
    /// Takes one try. It counts as used until it is given back, so that parallel guesses gain nothing.
    ///
    /// # Errors
    /// How long to wait when there is none.
    pub fn take(&mut self, who: K, rate: Rate, now: Instant) -> Result<(), Duration> {
        let wait = self.wait(who.clone(), rate, now);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.spend(&who);
        Ok(())
    }

    /// Tells how long it takes until there is a try; zero when there is one.
    fn wait(&mut self, who: K, rate: Rate, now: Instant) -> Duration {
        if self.buckets.len() >= REMEMBERED && !self.buckets.contains_key(&who) {
            self.make_room();
        }
        let bucket = self.buckets.entry(who).or_insert(Bucket { left: f64::from(rate.burst), at: now });
        bucket.refill(rate, now);
        bucket.wait(rate)
    }

    /// Uses a try that there is.
    fn spend(&mut self, who: &K) {
        if let Some(bucket) = self.buckets.get_mut(who) {
            bucket.left -= 1.0;
        }
    }

    /// Gives one try back.
    fn give_back(&mut self, who: &K, rate: Rate) {
        if let Some(bucket) = self.buckets.get_mut(who) {
            bucket.left = (bucket.left + 1.0).min(f64::from(rate.burst));
        }
    }

    /// Gives all tries back.
    fn forget(&mut self, who: &K) {
        self.buckets.remove(who);
    }

    fn make_room(&mut self) {
        // One at a time: who comes with many names pushes out their own before those of others.
        let oldest = self.buckets.iter().min_by_key(|(_, bucket)| bucket.at).map(|(who, _)| who.clone());
        oldest.and_then(|oldest| self.buckets.remove(&oldest));
    }
}

/// Gives the network that shares one allowance: an IPv4 address, or the /64 that one IPv6 household has.
pub fn network_of(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() & (u128::MAX << 64)).into()),
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn tries_come_back_with_time_and_use_no_memory() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let rate = Rate { burst: 5, period: Duration::from_secs(30) };
        let mut take =
            |client: &str, after: u64| limiter.take(network_of(ip(client)), rate, start + Duration::from_secs(after));
        assert!((0..5).all(|_| take("2001:db8::1", 0).is_ok()));
        assert_eq!(take("2001:db8::1", 0), Err(Duration::from_secs(30)));
        assert!(take("2001:db8::ffff", 0).is_err(), "the same /64");
        assert!(take("2001:db8:0:1::1", 0).is_ok(), "another /64");
        assert!(take("::ffff:192.0.2.1", 0).is_ok());
        assert!(take("2001:db8::1", 29).is_err());
        assert!(take("2001:db8::1", 31).is_ok());
        assert!(take("2001:db8::1", 31).is_err());
        for n in 0..10_000_u32 {
            let _ = limiter.take(IpAddr::V4(n.into()), rate, start);
        }
        assert!(limiter.buckets.len() <= REMEMBERED);
    }

    #[test]
    fn so_many_a_minute() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let mut take =
            |after: u64| limiter.take(ip("192.0.2.1"), Rate::a_minute(2), start + Duration::from_secs(after));
        assert!(take(0).is_ok() && take(0).is_ok());
        assert!(take(29).is_err());
        assert!(take(30).is_ok());
        assert!(take(31).is_err());
        assert_eq!(Rate::a_minute(0).burst, 1);
    }
}
