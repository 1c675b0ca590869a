//! All time of the box comes from here, so that tests can own it and a board without a battery clock does no harm.
//!
//! One rule for a clock that is set, ahead or back: the box goes on counting by the running time of the machine until the
//! times that it wrote down under the clock that was wrong are moved along, and only then follows ([`Clock::set`],
//! [`Clock::settle`]). So nothing expires, and nothing waits for years, because somebody set a clock.
//!
//! Which time is right, the first that there is:
//!
//! 1. the system's clock while the network keeps it right, or the owner says that it is right;
//! 2. the time of the satellites that a modem gives, where the system's clock is more than an hour away from it;
//! 3. the system's clock when it was set while the box looked on, or is not behind what the store remembers;
//! 4. what the store remembers, and the time that the machine runs since then: nobody vouches for that.

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// 1 January 2026, in milliseconds: no box that runs this program can honestly be earlier.
pub const EARLIEST: Time = Time(1_767_225_600_000);

/// So far behind what the store remembers a wall clock is still called right, and so far from it the satellites are not asked.
const NEAR: Duration = Duration::from_secs(3600);

/// A clock that is further than this from where it would be by the running time of the machine was set.
const LEAP: Duration = Duration::from_secs(60);

/// systemd's time service makes it once the network has set the clock of this boot.
const BY_NETWORK: &str = "/run/systemd/timesync/synchronized";

/// The clock was set, and nobody has moved the times along yet: until then [`Clock::now`] goes on as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSet {
    /// By how much, in milliseconds; negative when it was set back.
    pub by: i64,
    /// When the machine started, by the clock as it was: what was written down later has a wrong time.
    pub since: Time,
    /// The time by the clock as it is.
    pub now: Time,
}

impl ClockSet {
    /// True for a moment that was written down under the clock that was wrong.
    pub fn was_wrong(&self, at: Time) -> bool {
        at != Time::NEVER && (at >= self.since || at > self.now)
    }

    /// A time to come, moved along.
    pub fn moved(&self, at: Time) -> Time {
        if at == Time::NEVER { at } else { Time(at.0.saturating_add(self.by)) }
    }

    /// A moment in the past, put right.
    pub fn mended(&self, at: Time) -> Time {
        if self.was_wrong(at) { self.moved(at).min(self.now) } else { at }
    }
}

/// A moment, in milliseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Time(pub i64);

impl Time {
    /// Later than everything: what waits for it is never due.
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

/// All are times less the running time of the machine, in milliseconds: such a difference stays as it is until somebody sets
/// a clock. Relaxed order suffices: nothing else is published through them, and a lost update only delays by one reading
/// what the next one sees again.
#[derive(Debug)]
struct Inner {
    /// That of [`Clock::now`]; `UNKNOWN` before the first reading.
    pace: AtomicI64,
    /// That of the wall clock, as last read.
    wall: AtomicI64,
    /// That of the satellites; `UNKNOWN` before the first reading.
    satellites: AtomicI64,
    /// A time, this one: the latest that the store remembers.
    floor: AtomicI64,
    /// The wall clock was set while this program looked on, to a time that can be.
    was_set: AtomicBool,
    /// The owner says that the wall clock is right.
    vouched: AtomicBool,
    /// It was followed, and nobody asked yet.
    settled: AtomicBool,
    /// Tests: a time, milliseconds that the fake clock was moved; `UNKNOWN` in a real clock.
    fake: AtomicI64,
}

const UNKNOWN: i64 = i64::MIN;

fn known(value: &AtomicI64) -> Option<Time> {
    Some(value.load(Ordering::Relaxed)).filter(|value| *value != UNKNOWN).map(Time)
}

fn apart(one: Time, other: Time) -> Duration {
    one.since(other).max(other.since(one))
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

/// What the clocks of the machine say at one moment.
#[derive(Debug, Clone, Copy)]
struct Reading {
    wall: Time,
    running: Duration,
    /// The network keeps the wall clock right.
    by_network: bool,
}

impl Reading {
    fn take(by_network: bool) -> Self {
        loop {
            let (running_before, wall, running) = (running(), wall(), running());
            // A program that was stopped in between would read two moments.
            if running - running_before < Duration::from_secs(1) {
                return Self { wall, running, by_network };
            }
        }
    }
}

impl Clock {
    /// Makes the clock that follows the system's.
    pub fn system() -> Self {
        let unknown = || AtomicI64::new(UNKNOWN);
        Self(Arc::new(Inner {
            pace: unknown(),
            wall: unknown(),
            satellites: unknown(),
            floor: AtomicI64::new(EARLIEST.0),
            was_set: AtomicBool::new(false),
            vouched: AtomicBool::new(false),
            settled: AtomicBool::new(false),
            fake: unknown(),
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
        self.0.floor.store(last_known.max(EARLIEST).0, Ordering::Relaxed);
        // It was not set; it is only known now.
        self.0.pace.store(UNKNOWN, Ordering::Relaxed);
        if known(&self.0.fake).is_none() {
            self.at(Reading::take(by_network()));
        }
    }

    /// A modem says that it is `now` by the satellites.
    pub fn learn(&self, now: Time) {
        if now >= EARLIEST {
            self.0.satellites.store((now - running()).0, Ordering::Relaxed);
        }
    }

    /// The owner says that the system's clock is right now, whatever the box remembers. Until it is set again.
    pub fn vouch(&self) {
        self.0.vouched.store(true, Ordering::Relaxed);
    }

    /// Now. A clock that is set is followed only once the times that were written down are moved along, see [`Clock::set`].
    pub fn now(&self) -> Time {
        known(&self.0.fake).unwrap_or_else(|| self.at(Reading::take(false)).0)
    }

    /// What it is, and how far from that the clock is that is right.
    fn at(&self, reading: Reading) -> (Time, Option<Time>) {
        let right = self.right(reading).0 - reading.running;
        match known(&self.0.pace) {
            Some(pace) if apart(pace, right) > LEAP => (pace + reading.running, Some(right + reading.running)),
            _ => {
                self.0.pace.store(right.0, Ordering::Relaxed);
                (right + reading.running, None)
            }
        }
    }

    /// The time that is right by the rule above, and whether anybody vouches for it.
    fn right(&self, reading: Reading) -> (Time, bool) {
        let Reading { wall, running, by_network } = reading;
        let before = Some(self.0.wall.swap((wall - running).0, Ordering::Relaxed)).filter(|before| *before != UNKNOWN);
        if before.is_some_and(|before| apart(Time(before), wall - running) > LEAP) {
            self.0.was_set.store(wall >= EARLIEST, Ordering::Relaxed);
            self.0.vouched.store(false, Ordering::Relaxed);
        }
        if by_network && wall >= EARLIEST {
            self.0.vouched.store(true, Ordering::Relaxed);
        }
        let floor = Time(self.0.floor.load(Ordering::Relaxed));
        let satellites = known(&self.0.satellites).map(|satellites| satellites + running);
        let believed = self.0.was_set.load(Ordering::Relaxed) || wall >= floor;
        match satellites {
            _ if self.0.vouched.load(Ordering::Relaxed) => (wall, true),
            Some(satellites) if !believed || apart(satellites, wall) > NEAR => (satellites, true),
            _ if believed => (wall, true),
            _ => (known(&self.0.pace).map_or(floor, |pace| pace + running), wall + NEAR >= floor),
        }
    }

    /// Tells whether the clock was set; what was written down is to be mended, and [`Clock::settle`] called then.
    pub fn set(&self) -> Option<ClockSet> {
        if known(&self.0.fake).is_some() {
            return None;
        }
        let reading = Reading::take(by_network());
        let (time, right) = self.at(reading);
        right.map(|now| ClockSet { by: now.0 - time.0, since: time - reading.running, now })
    }

    /// Follows the clock that was set.
    pub fn settle(&self, set: ClockSet) {
        self.0.pace.fetch_add(set.by, Ordering::Relaxed);
        self.0.floor.fetch_min(set.now.0, Ordering::Relaxed);
        self.0.settled.store(true, Ordering::Relaxed);
    }

    /// True once after the clock was followed.
    pub fn was_settled(&self) -> bool {
        self.0.settled.swap(false, Ordering::Relaxed)
    }

    /// True when somebody vouches for the time: the network, the owner, satellites, or a wall clock that can be right.
    pub fn believable(&self) -> bool {
        known(&self.0.fake).is_some() || self.right(Reading::take(by_network())).1
    }

    /// What the system's clock says, right or not.
    pub fn of_system(&self) -> Time {
        wall()
    }
}

fn by_network() -> bool {
    std::path::Path::new(BY_NETWORK).exists()
}

/// Sleeps; only for supervisors' back-off and simulators. Everything else waits on a channel with a limit.
#[allow(clippy::disallowed_methods, reason = "the one place that sleeps")]
pub fn sleep(time: Duration) {
    std::thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAYS: Duration = Duration::from_secs(20 * 86_400);

    fn second(second: u64) -> Time {
        Time::from_seconds(1_790_000_000) + Duration::from_secs(second)
    }

    fn reading(wall: Time, running: u64) -> Reading {
        Reading { wall, running: Duration::from_secs(running), by_network: false }
    }

    /// What the clock gives, and by how many seconds it wants to be moved.
    fn look(clock: &Clock, reading: Reading) -> (Time, i64) {
        let (time, right) = clock.at(reading);
        (time, right.map_or(0, |right| (right.0 - time.0) / 1000))
    }

    fn follow(clock: &Clock, reading: Reading) {
        let (time, right) = clock.at(reading);
        let now = right.unwrap();
        clock.settle(ClockSet { by: now.0 - time.0, since: time - reading.running, now });
    }

    #[test]
    fn time_without_a_battery_starts_where_the_store_left_off() {
        let clock = Clock::system();
        let later = Clock::system().now() + Duration::from_secs(86_400);
        clock.floor(later);
        assert!(!clock.believable());
        assert!(clock.now() >= later);
        clock.learn(later + Duration::from_secs(600));
        assert!(clock.believable());
        let set = clock.set().unwrap();
        assert!(clock.now() < later + Duration::from_secs(600), "before the times of what waits are moved");
        clock.settle(set);
        assert!(clock.now() >= later + Duration::from_secs(600));
    }

    #[test]
    fn a_clock_that_was_set_is_followed_when_the_times_are_moved() {
        let clock = Clock::system();
        assert_eq!(look(&clock, reading(second(0), 100)), (second(0), 0));
        // The network sets it right by little steps, back and forth.
        assert_eq!(look(&clock, reading(second(65), 110)), (second(65), 0));
        assert_eq!(look(&clock, reading(second(10), 111)), (second(10), 0));
        // Twenty days at once; then it goes on, and still nobody took notice.
        let days = DAYS.as_secs() as i64;
        assert_eq!(look(&clock, reading(second(11) + DAYS, 112)), (second(11), days));
        assert_eq!(look(&clock, reading(second(21) + DAYS, 122)), (second(21), days));
        follow(&clock, reading(second(21) + DAYS, 122));
        assert_eq!(look(&clock, reading(second(22) + DAYS, 123)), (second(22) + DAYS, 0));
        // A machine that slept ran all the while.
        assert_eq!(look(&clock, reading(second(9022) + DAYS, 9123)), (second(9022) + DAYS, 0));
        assert!(Clock::fake(second(0)).set().is_none() && Clock::system().set().is_none());
    }

    #[test]
    fn a_clock_that_was_ahead_is_followed_back_by_the_same_rule() {
        let (clock, days) = (Clock::system(), DAYS.as_secs() as i64);
        assert_eq!(look(&clock, reading(second(0) + DAYS, 100)), (second(0) + DAYS, 0));
        assert_eq!(look(&clock, reading(second(1), 101)), (second(1) + DAYS, -days));
        follow(&clock, reading(second(1), 101));
        assert_eq!(look(&clock, reading(second(2), 102)), (second(2), 0));
        // To a time that cannot be: the box goes on by itself, and believes nobody.
        assert_eq!(look(&clock, reading(Time(0), 103)), (second(3), 0));
        assert!(!clock.right(reading(Time(0), 103)).1);
    }

    #[test]
    fn a_box_that_remembers_a_later_time_follows_whoever_vouches_for_an_earlier_one() {
        let start = || {
            let clock = Clock::system();
            clock.0.floor.store((second(0) + DAYS).0, Ordering::Relaxed);
            assert_eq!(look(&clock, reading(second(0), 100)), (second(0) + DAYS, 0));
            assert!(!clock.right(reading(second(0), 100)).1);
            clock
        };
        let days = DAYS.as_secs() as i64;
        let by_network = start();
        assert_eq!(
            look(&by_network, Reading { by_network: true, ..reading(second(1), 101) }),
            (second(1) + DAYS, -days)
        );
        let owner = start();
        owner.vouch();
        assert_eq!(look(&owner, reading(second(1), 101)).1, -days);
        let satellites = start();
        satellites.0.satellites.store((second(9) - Duration::from_secs(101)).0, Ordering::Relaxed);
        assert_eq!(look(&satellites, reading(second(1), 101)).1, 8 - days);
        // They are not believed against the network.
        assert_eq!(look(&satellites, Reading { by_network: true, ..reading(second(1), 101) }).1, -days);
    }

    #[test]
    fn satellites_are_believed_against_a_clock_that_is_far_away() {
        let clock = Clock::system();
        look(&clock, reading(second(0) + DAYS, 100));
        clock.0.satellites.store((second(1) - Duration::from_secs(101)).0, Ordering::Relaxed);
        assert_eq!(look(&clock, reading(second(1) + DAYS, 101)).1, -(DAYS.as_secs() as i64));
        clock.0.satellites.store((second(3000) + DAYS - Duration::from_secs(101)).0, Ordering::Relaxed);
        assert_eq!(look(&clock, reading(second(1) + DAYS, 101)).1, 0, "within the hour the system's clock counts");
    }

    #[test]
    fn moments_of_a_wrong_clock_are_mended_and_others_are_not() {
        let back = ClockSet { by: -1_000_000, since: Time(5_000_000), now: Time(4_500_000) };
        let mended = [4_000_000, 4_600_000, 5_200_000, 9_000_000].map(|at| back.mended(Time(at)).0);
        assert_eq!(mended, [4_000_000, 3_600_000, 4_200_000, 4_500_000]);
        assert_eq!((back.mended(Time::NEVER), back.moved(Time::NEVER)), (Time::NEVER, Time::NEVER));
        let ahead = ClockSet { by: 1_000_000, since: Time(5_000_000), now: Time(6_500_000) };
        assert_eq!([4_000_000, 5_200_000].map(|at| ahead.mended(Time(at)).0), [4_000_000, 6_200_000]);
    }

    #[test]
    fn times_print_for_people_and_scripts() {
        assert_eq!(Time::from_seconds(1_605_639_598).to_string(), "2020-11-17T18:59:58Z");
        assert_eq!(Time(5).since(Time(9)), Duration::ZERO);
    }
}
