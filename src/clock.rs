//! All time of the box comes from here, so that tests can own it and a board without a battery clock does no harm.
//!
//! Time never runs backwards within a box: [`Clock::now`] is the wall clock once that is believable, and until then
//! the last time the store remembers plus the monotonic time since start. A modem's GPS time may vouch for it too.

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

/// 1 January 2026, in milliseconds: no box that runs this program can honestly be earlier.
pub const EARLIEST: Time = Time(1_767_225_600_000);

/// A wall clock that NTP set back by less than this is still believed.
const STEP_BACK: Duration = Duration::from_secs(3600);

/// A moment, in milliseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Time(pub i64);

impl Time {
    /// Later than everything.
    pub const NEVER: Self = Self(i64::MAX);

    /// Whole seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// From whole seconds since 1970; saturates.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Time {
    /// RFC 3339 in UTC, whole seconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.seconds()) {
            Ok(stamp) => write!(f, "{stamp}"),
            Err(_) => f.write_str("never"),
        }
    }
}

/// The clock of a box. Clones share one state.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: Instant,
    /// Wall time at `start` as far as anybody vouched for it, in milliseconds; only grows. Written by
    /// `floor` and `learn`, read by `now`; relaxed order suffices, as nothing else is published through it.
    base: AtomicI64,
    /// 0 unknown, else the difference (true time at `start`) that GPS gave; same ordering.
    gps: AtomicI64,
    /// Tests: milliseconds that the fake clock was moved; `i64::MIN` in a real clock.
    fake: AtomicI64,
}

#[allow(clippy::disallowed_methods, reason = "the one place that reads the system's clocks")]
fn wall() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time(0) + since
}

impl Clock {
    /// The real clock.
    pub fn system() -> Self {
        Self(Arc::new(Inner {
            start: Instant::now(),
            base: AtomicI64::new(EARLIEST.0),
            gps: AtomicI64::new(0),
            fake: AtomicI64::new(i64::MIN),
        }))
    }

    /// A clock that stands at `at` until [`Clock::advance`] moves it.
    #[cfg(test)]
    pub fn fake(at: Time) -> Self {
        let clock = Self::system();
        clock.0.fake.store(at.0, Ordering::Relaxed);
        clock
    }

    /// Moves a fake clock.
    #[cfg(test)]
    pub fn advance(&self, by: Duration) {
        self.0.fake.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }

    /// The time it was at least when this program started: what the store remembers.
    pub fn floor(&self, last_known: Time) {
        self.0.base.fetch_max(last_known.0, Ordering::Relaxed);
    }

    /// A modem's GPS says that it is `now`. Believed only while the wall clock is not.
    pub fn learn(&self, now: Time) {
        if now >= EARLIEST {
            let at_start = now - self.0.start.elapsed();
            self.0.gps.store(at_start.0, Ordering::Relaxed);
        }
    }

    /// Now.
    pub fn now(&self) -> Time {
        let fake = self.0.fake.load(Ordering::Relaxed);
        if fake != i64::MIN {
            return Time(fake);
        }
        let wall = wall();
        let base = Time(self.0.base.load(Ordering::Relaxed));
        if wall >= base {
            return wall;
        }
        let gps = Time(self.0.gps.load(Ordering::Relaxed));
        base.max(gps) + self.0.start.elapsed()
    }

    /// True once the wall clock, or the modem's GPS, gave a time that can be true.
    pub fn believable(&self) -> bool {
        self.0.fake.load(Ordering::Relaxed) != i64::MIN
            || wall() + STEP_BACK >= Time(self.0.base.load(Ordering::Relaxed))
            || self.0.gps.load(Ordering::Relaxed) != 0
    }
}

/// Sleeps; only for supervisors' back-off and simulators. Everything else waits on a channel with a limit.
#[allow(clippy::disallowed_methods, reason = "the one place that sleeps")]
pub fn sleep(time: Duration) {
    std::thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_without_a_battery_starts_where_the_store_left_off() {
        let clock = Clock::system();
        let later = Clock::system().now() + Duration::from_secs(86_400);
        clock.floor(later);
        assert!(!clock.believable());
        assert!(clock.now() >= later);
        clock.learn(later + Duration::from_secs(60));
        assert!(clock.believable());
        assert!(clock.now() >= later + Duration::from_secs(60));
    }

    #[test]
    fn times_print_for_people_and_scripts() {
        assert_eq!(Time::from_seconds(1_605_639_598).to_string(), "2020-11-17T18:59:58Z");
        assert_eq!(Time(5).since(Time(9)), Duration::ZERO);
    }
}
