//! What clients of the SMTP listeners did lately: wrong passwords, and mails a minute.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::limit::{Limiter, PASSWORDS, Rate};

/// Counts by network of the client; shared by both SMTP listeners.
#[derive(Debug, Default)]
pub struct ClientCounters {
    passwords: Mutex<Limiter>,
    mails: Mutex<Limiter>,
}

impl ClientCounters {
    /// Tells whether `ip` may try a password now, and counts the try as a wrong one until [`ClientCounters::right`].
    pub fn may_try(&self, ip: IpAddr, now: Instant) -> bool {
        // Buckets are plain numbers: a panic elsewhere cannot leave them half changed.
        self.passwords.lock().unwrap_or_else(PoisonError::into_inner).take(ip, PASSWORDS, now).is_ok()
    }

    /// Forgives the wrong passwords of `ip`: the last one was right.
    pub fn right(&self, ip: IpAddr) {
        self.passwords.lock().unwrap_or_else(PoisonError::into_inner).give_back(ip);
    }

    /// Tells whether `ip` may send a mail now, of `most` a minute (0: no limit), and counts it.
    pub fn may_send(&self, ip: IpAddr, most: usize, now: Instant) -> bool {
        most == 0
            || self.mails.lock().unwrap_or_else(PoisonError::into_inner).take(ip, Rate::a_minute(most), now).is_ok()
    }
}
