//! What each household at the doors has done lately: failed log-ins and mails a minute.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::household;

/// Wrong passwords a household may try at will.
const FREE_TRIES: u32 = 5;
/// Then one in this time.
const TRY_EVERY: Duration = Duration::from_secs(30);
/// What happened this long ago is forgotten.
const MEMORY: Duration = Duration::from_secs(3600);
/// Households remembered; the one silent for longest makes room.
const MOST: usize = 4096;
const MINUTE: Duration = Duration::from_secs(60);

/// Counts by household; shared by all doors of a kind.
#[derive(Debug, Default)]
pub struct ClientCounters(Mutex<HashMap<IpAddr, Entry>>);

#[derive(Debug, Clone, Copy)]
struct Entry {
    seen: Instant,
    tries: u32,
    last_try: Instant,
    minute: Instant,
    mails: usize,
}

impl ClientCounters {
    /// Whether `ip` may try a password now. A try counts as wrong until [`ClientCounters::right`] says otherwise, so
    /// that parallel guesses gain nothing.
    pub fn may_try(&self, ip: IpAddr, now: Instant) -> bool {
        self.with(ip, now, |entry| {
            if entry.tries >= FREE_TRIES && now.duration_since(entry.last_try) < TRY_EVERY {
                return false;
            }
            entry.tries += 1;
            entry.last_try = now;
            true
        })
    }

    /// The last try of `ip` was right: its wrong ones are forgiven.
    pub fn right(&self, ip: IpAddr, now: Instant) {
        self.with(ip, now, |entry| entry.tries = 0);
    }

    /// Whether `ip` may send a mail now, of `most` a minute (0: no limit); counts it.
    pub fn may_send(&self, ip: IpAddr, most: usize, now: Instant) -> bool {
        most == 0
            || self.with(ip, now, |entry| {
                if now.duration_since(entry.minute) >= MINUTE {
                    (entry.minute, entry.mails) = (now, 0);
                }
                entry.mails += 1;
                entry.mails <= most
            })
    }

    fn with<T>(&self, ip: IpAddr, now: Instant, change: impl FnOnce(&mut Entry) -> T) -> T {
        // An entry is plain numbers: a panic elsewhere cannot leave it half changed.
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = household(ip);
        if entries.len() >= MOST && !entries.contains_key(&key) {
            make_room(&mut entries, now);
        }
        let fresh = Entry { seen: now, tries: 0, last_try: now, minute: now, mails: 0 };
        let entry = entries.entry(key).or_insert(fresh);
        if now.duration_since(entry.seen) > MEMORY {
            *entry = fresh;
        }
        entry.seen = now;
        change(entry)
    }
}

fn make_room(entries: &mut HashMap<IpAddr, Entry>, now: Instant) {
    entries.retain(|_, entry| now.duration_since(entry.seen) <= MEMORY);
    if entries.len() >= MOST
        && let Some(&oldest) = entries.iter().min_by_key(|(_, entry)| entry.seen).map(|(ip, _)| ip)
    {
        entries.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUESSER: &str = "2001:db8::1";

    #[test]
    fn after_five_wrong_passwords_one_try_each_half_minute() {
        let (counters, start) = (ClientCounters::default(), Instant::now());
        let ip: IpAddr = GUESSER.parse().unwrap();
        assert!((0..5).all(|_| counters.may_try(ip, start)));
        assert!(!counters.may_try(ip, start));
        assert!(!counters.may_try("2001:db8::ffff".parse().unwrap(), start), "the same /64");
        assert!(counters.may_try("2001:db8:0:1::1".parse().unwrap(), start), "another /64");
        assert!(counters.may_try(ip, start + TRY_EVERY));
        assert!(!counters.may_try(ip, start + TRY_EVERY));
        counters.right(ip, start + TRY_EVERY);
        assert!(counters.may_try(ip, start + TRY_EVERY));
        assert!((0..5).all(|_| counters.may_try(ip, start + TRY_EVERY + MEMORY * 2)), "forgotten");
    }

    #[test]
    fn mails_are_counted_by_the_minute() {
        let (counters, start) = (ClientCounters::default(), Instant::now());
        let ip: IpAddr = "192.0.2.1".parse().unwrap();
        assert!((0..2).all(|_| counters.may_send(ip, 2, start)));
        assert!(!counters.may_send(ip, 2, start + MINUTE / 2));
        assert!(counters.may_send("::ffff:192.0.2.2".parse().unwrap(), 2, start));
        assert!(counters.may_send(ip, 2, start + MINUTE));
        assert!((0..100).all(|_| counters.may_send(ip, 0, start)));
    }

    #[test]
    fn many_strangers_use_no_memory() {
        let (counters, start) = (ClientCounters::default(), Instant::now());
        for n in 0..5000_u32 {
            counters.may_try(IpAddr::V4(n.into()), start + Duration::from_millis(n.into()));
        }
        assert_eq!(counters.0.lock().unwrap().len(), MOST);
    }
}
