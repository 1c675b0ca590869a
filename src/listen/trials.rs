//! Passwords that are being tried at the listeners for mail programs.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::limit::log_ins::{Attempt, LogIns};
use crate::limit::network_of;
use crate::limit::proven::Proven;

/// Who finds no try left waits so long for those of the same client that are not over. A program opens several connections at
/// once, and each password takes its time.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whose tries: the network, and the account as it was typed.
type Who = (IpAddr, String);

#[derive(Debug)]
struct Inner {
    log_ins: LogIns,
    /// Tries that are not over.
    running: HashMap<Who, usize>,
}

/// Passwords that are being tried, and how many may be.
#[derive(Debug)]
pub struct Trials {
    inner: Mutex<Inner>,
    over: Condvar,
}

/// A password that is being tried: wrong, unless [`Trial::right`] says otherwise.
#[derive(Debug)]
pub struct Trial<'a> {
    trials: &'a Trials,
    client: IpAddr,
    who: Who,
}

impl Trials {
    /// Begins without any; `proven` is shared by all listeners.
    pub fn new(proven: Arc<Proven>) -> Self {
        let inner = Inner { log_ins: LogIns::new(proven), running: HashMap::new() };
        Self { inner: Mutex::new(inner), over: Condvar::new() }
    }

    // Counts are plain numbers: a panic elsewhere cannot leave them half changed.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a try of `client` for `account`; `None` when there were too many wrong ones.
    pub fn begin(&self, client: IpAddr, account: &str, now: Instant) -> Option<Trial<'_>> {
        let attempt = Attempt { client, account, known_browser: false };
        let who = (network_of(client), account.trim().to_lowercase());
        let began = Instant::now();
        let mut inner = self.lock();
        while inner.log_ins.take(attempt, now + began.elapsed()).is_err() {
            let left = PATIENCE.checked_sub(began.elapsed()).filter(|_| inner.running.contains_key(&who))?;
            inner = self.over.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *inner.running.entry(who.clone()).or_default() += 1;
        Some(Trial { trials: self, client, who })
    }
}

impl Trial<'_> {
    /// Gives the try back, and the wrong ones of this client for this account before it.
    pub fn right(self, now: Instant) {
        let attempt = Attempt { client: self.client, account: &self.who.1, known_browser: false };
        self.trials.lock().log_ins.right(attempt, now);
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        let mut inner = self.trials.lock();
        match inner.running.get_mut(&self.who) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(inner.running.remove(&self.who)),
        }
        self.trials.over.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUSE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn connections_at_once_wait_for_each_other_and_guesses_do_not() {
        let (trials, now) = (Trials::new(Arc::default()), Instant::now());
        let mut first: Vec<_> = (0..5).map(|_| trials.begin(HOUSE, "olga", now).unwrap()).collect();
        std::thread::scope(|scope| {
            let others: Vec<_> = (0..7)
                .map(|_| scope.spawn(|| trials.begin(HOUSE, " Olga ", now).map(|trial| trial.right(now)).is_some()))
                .collect();
            first.pop().unwrap().right(now);
            assert!(others.into_iter().all(|other| other.join().unwrap()));
        });
        drop(first);
        let wrong: Vec<_> = (0..5).map_while(|_| trials.begin(HOUSE, "olga", now)).collect();
        drop(wrong);
        assert!(trials.begin(HOUSE, "olga", now).is_none());
        assert!(trials.begin(HOUSE, "ben", now).is_some());
    }
}
