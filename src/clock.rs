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

/// A clock that goes ahead of the running time by more than this at once was wrong before, and has been set.
const LEAP: Duration = Duration::from_secs(60);

/// The clock was set ahead, and nobody has moved the times along yet: until then [`Clock::now`] goes on as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leap {
    /// By how much.
    pub by: Duration,
    /// The machine runs since then, by the clock as it was: what was written down later has a wrong time.
    pub since: Time,
}

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
    /// Time less the running time of the machine, in milliseconds, as last seen; `i64::MIN` before. Read and written by
    /// `steady` and `settle`; a lost update only delays by one reading what the next one sees again.
    pace: AtomicI64,
    /// Tests: milliseconds that the fake clock was moved; `i64::MIN` in a real clock.
    fake: AtomicI64,
}

#[allow(clippy::disallowed_methods, reason = "the one place that reads the system's clocks")]
fn wall() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time(0) + since
}

/// How long the machine runs, with the time that it slept.
pub fn running() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0));
    Duration::new(seconds, nanos)
}

impl Clock {
    /// The real clock.
    pub fn system() -> Self {
        Self(Arc::new(Inner {
            start: Instant::now(),
            base: AtomicI64::new(EARLIEST.0),
            gps: AtomicI64::new(0),
            pace: AtomicI64::new(i64::MIN),
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
        // It was not set; it is only known now.
        self.0.pace.store(i64::MIN, Ordering::Relaxed);
    }

    /// A modem's GPS says that it is `now`. Believed only while the wall clock is not.
    pub fn learn(&self, now: Time) {
        if now >= EARLIEST {
            let at_start = now - self.0.start.elapsed();
            self.0.gps.store(at_start.0, Ordering::Relaxed);
        }
    }

    /// Now. A clock that is set ahead is followed only once the times of what waits are moved along, see [`Clock::leap`].
    pub fn now(&self) -> Time {
        let fake = self.0.fake.load(Ordering::Relaxed);
        if fake != i64::MIN {
            return Time(fake);
        }
        let (time, running) = (self.told(), running());
        time - self.steady(time, running)
    }

    /// What the clocks say, whether it was set or not.
    fn told(&self) -> Time {
        let (wall, base) = (wall(), Time(self.0.base.load(Ordering::Relaxed)));
        if wall >= base {
            return wall;
        }
        let gps = Time(self.0.gps.load(Ordering::Relaxed));
        base.max(gps) + self.0.start.elapsed()
    }

    /// By how much `time` is ahead of where it would be had nobody set the clock.
    fn steady(&self, time: Time, running: Duration) -> Duration {
        let pace = time - running;
        let known = Time(self.0.pace.load(Ordering::Relaxed));
        let ahead = pace.since(known);
        if known.0 == i64::MIN || ahead <= LEAP {
            self.0.pace.store(pace.0, Ordering::Relaxed);
            return Duration::ZERO;
        }
        ahead
    }

    /// Tells whether the clock was set ahead; the times of what waits are to be moved, and [`Clock::settle`] called then.
    pub fn leap(&self) -> Option<Leap> {
        if self.0.fake.load(Ordering::Relaxed) != i64::MIN {
            return None;
        }
        let (time, running) = (self.told(), running());
        let by = self.steady(time, running);
        (!by.is_zero()).then(|| Leap { by, since: time - by - running })
    }

    /// Follows the clock that was set.
    pub fn settle(&self, leap: Leap) {
        let by = i64::try_from(leap.by.as_millis()).unwrap_or(i64::MAX);
        self.0.pace.fetch_add(by, Ordering::Relaxed);
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
        clock.learn(later + Duration::from_secs(600));
        assert!(clock.believable());
        let leap = clock.leap().unwrap();
        assert!(clock.now() < later + Duration::from_secs(600), "before the times of what waits are moved");
        clock.settle(leap);
        assert!(clock.now() >= later + Duration::from_secs(600));
    }

    #[test]
    fn a_clock_that_was_set_is_followed_when_the_times_are_moved() {
        let (clock, seconds) = (Clock::system(), Duration::from_secs);
        let at = |second: u64| Time::from_seconds(1_790_000_000) + seconds(second);
        assert_eq!(clock.steady(at(0), seconds(100)), Duration::ZERO);
        // The network sets it right by little steps, back and forth.
        assert_eq!(clock.steady(at(65), seconds(110)), Duration::ZERO);
        assert_eq!(clock.steady(at(10), seconds(111)), Duration::ZERO);
        // Twenty days at once; then it goes on, and still nobody took notice.
        let days = seconds(20 * 86_400);
        assert_eq!(clock.steady(at(11) + days, seconds(112)), days);
        assert_eq!(clock.steady(at(21) + days, seconds(122)), days);
        clock.settle(Leap { by: days, since: at(0) });
        assert_eq!(clock.steady(at(22) + days, seconds(123)), Duration::ZERO);
        // A machine that slept ran all the while.
        assert_eq!(clock.steady(at(9022) + days, seconds(9123)), Duration::ZERO);
        assert!(Clock::fake(at(0)).leap().is_none() && Clock::system().leap().is_none());
    }

    #[test]
    fn times_print_for_people_and_scripts() {
        assert_eq!(Time::from_seconds(1_605_639_598).to_string(), "2020-11-17T18:59:58Z");
        assert_eq!(Time(5).since(Time(9)), Duration::ZERO);
    }
}
