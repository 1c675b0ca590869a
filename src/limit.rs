//! How often somebody may try: one count for passwords, codes and mails, whoever asks.
//!
//! A client starts with all its tries (the burst) and gets one back each time the period is over (a token bucket). What is
//! counted is the client's network, as one IPv6 household has a /64 to choose addresses from.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Clients that are remembered; the one that was silent for longest makes room.
const CLIENTS: usize = 4096;

/// How many tries there are at once, and the time after which one comes back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Tries at once; 1 or more.
    pub burst: u32,
    /// After this another one.
    pub period: Duration,
}

/// Wrong passwords and codes of one client: five, then one each 30 s.
pub const PASSWORDS: Rate = Rate { burst: 5, period: Duration::from_secs(30) };
/// The same of all clients together: sixty an hour.
pub const ALL_PASSWORDS: Rate = Rate { burst: 60, period: Duration::from_secs(60) };

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
    fn full(rate: Rate, now: Instant) -> Self {
        Self { left: f64::from(rate.burst), at: now }
    }

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

/// Counts the tries of clients by their network, and of all of them together where that is limited.
#[derive(Debug, Default)]
pub struct Limiter {
    clients: HashMap<IpAddr, Bucket>,
    /// Only with a rate for all.
    all: Option<(Rate, Bucket)>,
}

impl Limiter {
    /// Makes a limiter with a rate for all clients together.
    pub fn with_total(rate: Rate, now: Instant) -> Self {
        Self { clients: HashMap::new(), all: Some((rate, Bucket::full(rate, now))) }
    }

    /// Takes one try. It counts as used until [`Limiter::give_back`], so that parallel guesses gain nothing.
    ///
    /// # Errors
    /// How long to wait when there is none.
    pub fn take(&mut self, client: IpAddr, rate: Rate, now: Instant) -> Result<(), Duration> {
        let mut wait = Duration::ZERO;
        if let Some((rate, bucket)) = &mut self.all {
            bucket.refill(*rate, now);
            wait = bucket.wait(*rate);
        }
        let client = network_of(client);
        if self.clients.len() >= CLIENTS && !self.clients.contains_key(&client) {
            self.make_room();
        }
        let bucket = self.clients.entry(client).or_insert(Bucket::full(rate, now));
        bucket.refill(rate, now);
        wait = wait.max(bucket.wait(rate));
        if !wait.is_zero() {
            return Err(wait);
        }
        bucket.left -= 1.0;
        if let Some((_, bucket)) = &mut self.all {
            bucket.left -= 1.0;
        }
        Ok(())
    }

    /// Gives the last try of a client back, and all it lost before: it was right.
    pub fn give_back(&mut self, client: IpAddr) {
        if let Some((rate, bucket)) = &mut self.all {
            bucket.left = (bucket.left + 1.0).min(f64::from(rate.burst));
        }
        self.clients.remove(&network_of(client));
    }

    fn make_room(&mut self) {
        // One at a time: who comes with many addresses pushes out their own before those of others.
        let oldest = self.clients.iter().min_by_key(|(_, bucket)| bucket.at).map(|(client, _)| *client);
        if let Some(oldest) = oldest {
            self.clients.remove(&oldest);
        }
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
    fn guessing_becomes_slow() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let mut take =
            |client: &str, after: u64| limiter.take(ip(client), PASSWORDS, start + Duration::from_secs(after));
        assert!((0..5).all(|_| take("2001:db8::1", 0).is_ok()));
        assert_eq!(take("2001:db8::1", 0), Err(Duration::from_secs(30)));
        assert!(take("2001:db8::ffff", 0).is_err(), "the same /64");
        assert!(take("2001:db8:0:1::1", 0).is_ok(), "another /64");
        assert!(take("::ffff:192.0.2.1", 0).is_ok());
        assert!(take("2001:db8::1", 29).is_err());
        assert!(take("2001:db8::1", 31).is_ok());
        assert!(take("2001:db8::1", 31).is_err());
    }

    #[test]
    fn all_clients_together_have_sixty_an_hour_and_use_no_memory() {
        let start = Instant::now();
        let mut limiter = Limiter::with_total(ALL_PASSWORDS, start);
        let passed = (0..5000_u32).filter(|n| limiter.take(IpAddr::V4((*n).into()), PASSWORDS, start).is_ok()).count();
        assert_eq!(passed, 60);
        assert_eq!(limiter.clients.len(), CLIENTS);
        assert!(limiter.take(ip("192.0.2.1"), PASSWORDS, start + Duration::from_secs(61)).is_ok());
    }

    #[test]
    fn the_right_password_costs_nothing() {
        let start = Instant::now();
        let mut limiter = Limiter::with_total(ALL_PASSWORDS, start);
        for _ in 0..200 {
            limiter.take(ip("192.0.2.1"), PASSWORDS, start).unwrap();
            limiter.give_back(ip("192.0.2.1"));
        }
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
