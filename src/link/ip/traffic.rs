//! What a line costs: bytes as they go over the internet, counted from what we read and write, and a budget for them. Pure.
//!
//! Rules measured with two network namespaces: each write and each read that moved bytes is a segment with a head of 52
//! bytes (72 on IPv6, TCP time stamps on), a large one several of them, each answered by an acknowledgement of the same size,
//! unless something said the other way soon after carries it ([`Acks`]);
//! opening and closing a connection takes 300, a question to the DNS 200. This fits within a tenth where nothing is lost,
//! and nothing is added for repeats: the figure is shown as "about".

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::clock::Time;

/// A system waits so long for something that carries its acknowledgement.
const DELAY: Duration = Duration::from_millis(40);
/// Bytes of data in one segment.
const SEGMENT: u64 = 1448;
/// Opening and closing a connection.
const OPEN: u64 = 300;
/// A question to the DNS with its answer.
const DNS: u64 = 200;
/// A dial that nobody answers: three tries to open.
const UNANSWERED: u64 = 180;

/// Heads of one segment of this kind of address.
fn head(ipv6: bool) -> u64 {
    if ipv6 { 72 } else { 52 }
}

/// Bytes on the way for data that was written, or read, in one call: segments, and their acknowledgements.
pub fn moved(bytes: usize, ipv6: bool) -> u64 {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    let segments = bytes.div_ceil(SEGMENT).max(1);
    // Of many segments every second one is acknowledged.
    bytes + head(ipv6) * (segments + segments.div_ceil(2))
}

/// Acknowledgements that are due on a connection, of either side.
#[derive(Debug, Default)]
pub struct Acks {
    /// Data was written then, and nothing was read since.
    written: Option<Instant>,
    /// Data was read then, and nothing was written since.
    read: Option<Instant>,
}

impl Acks {
    /// Bytes on the way for data that was written now, and for what did not ride on it.
    pub fn wrote(&mut self, bytes: usize, ipv6: bool, now: Instant) -> u64 {
        let late = self.read.take().is_some_and(|at| now.duration_since(at) >= DELAY);
        let alone = u64::from(late) + u64::from(self.written.replace(now).is_some());
        moved(bytes, ipv6) - head(ipv6) + head(ipv6) * alone
    }

    /// The same for data that was read now; the way there and back takes so long.
    pub fn read(&mut self, bytes: usize, ipv6: bool, round_trip: Duration, now: Instant) -> u64 {
        let late = self.written.take().is_some_and(|at| now.duration_since(at) >= round_trip + DELAY);
        let alone = u64::from(late) + u64::from(self.read.replace(now).is_some());
        moved(bytes, ipv6) - head(ipv6) + head(ipv6) * alone
    }
}

/// Opening and closing a connection.
pub fn opened(ipv6: bool) -> u64 {
    if ipv6 { OPEN + 6 * 20 } else { OPEN }
}

/// Gives the bytes that looking up a name takes, about.
pub fn looked_up() -> u64 {
    DNS
}

/// A dial that nobody answered.
pub fn unanswered() -> u64 {
    UNANSWERED
}

/// Bytes of a day and of a month; kept over a restart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Number of the day, by UTC, that `today` belongs to.
    pub day: i64,
    /// Bytes of that day, both ways.
    pub today: u64,
    /// Number of the month, by UTC: twelve times the year, and the month from 0.
    pub month: i64,
    /// Bytes of that month, both ways.
    pub this_month: u64,
}

/// Most bytes; 0 is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// Most bytes of a day by UTC.
    pub day: u64,
    /// Most bytes of a month by UTC.
    pub month: u64,
}

/// How much of the budget is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Less than four fifths are used.
    Free,
    /// Four fifths are used: the line is kept alive as rarely as can be.
    Short,
    /// All of it: urgent packets only, until then.
    Over {
        /// The start of the next day or month.
        until: Time,
    },
}

const DAY: i64 = 86_400_000;

/// Number of the day and of the month of a moment, by UTC.
fn date(at: Time) -> (i64, i64) {
    let month = jiff::Timestamp::from_millisecond(at.0).map(|at| {
        let date = at.to_zoned(jiff::tz::TimeZone::UTC);
        i64::from(date.year()) * 12 + i64::from(date.month()) - 1
    });
    (at.0.div_euclid(DAY), month.unwrap_or_default())
}

/// When the month after this one begins.
fn next_month(month: i64) -> Time {
    let (year, month) = ((month + 1).div_euclid(12), (month + 1).rem_euclid(12) + 1);
    let date = i16::try_from(year).ok().zip(i8::try_from(month).ok());
    let start = date.and_then(|(year, month)| jiff::civil::Date::new(year, month, 1).ok());
    let start = start.and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok());
    start.map_or(Time::NEVER, |start| Time(start.timestamp().as_millisecond()))
}

impl Traffic {
    /// Counts bytes of this moment; a new day or month begins at 0.
    pub fn add(&mut self, bytes: u64, now: Time) {
        self.turn(now);
        self.today += bytes;
        self.this_month += bytes;
    }

    /// Begins a new day or month.
    fn turn(&mut self, now: Time) {
        let (day, month) = date(now);
        if day != self.day {
            (self.day, self.today) = (day, 0);
        }
        if month != self.month {
            (self.month, self.this_month) = (month, 0);
        }
    }

    /// How much of a budget is used by now.
    pub fn of(mut self, budget: Budget, now: Time) -> Use {
        self.turn(now);
        let over = |used: u64, limit: u64| limit > 0 && used >= limit;
        let until_day = over(self.today, budget.day).then(|| Time((self.day + 1) * DAY));
        let until_month = over(self.this_month, budget.month).then(|| next_month(self.month));
        if let Some(until) = until_day.max(until_month) {
            return Use::Over { until };
        }
        let short = |used: u64, limit: u64| limit > 0 && used >= limit / 5 * 4;
        match short(self.today, budget.day) || short(self.this_month, budget.month) {
            true => Use::Short,
            false => Use::Free,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        Time(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    /// Figures of `ip-link.md` section 3 that were measured: within a tenth.
    #[test]
    fn counted_bytes_fit_those_on_the_wire() {
        let near = |counted: u64, measured: u64| {
            assert!(counted.abs_diff(measured) * 10 <= measured, "{counted} counted, {measured} measured");
        };
        // A ping of 3 bytes is a record of 25.
        near(moved(25, false), 130);
        // Handshake and close: two flights each way.
        near(opened(false) + moved(190, false) + moved(350, false) + moved(189, false) + moved(24, false), 1549);
    }

    /// As `tests/bench/line` shows them: what is answered at once takes no acknowledgement of its own.
    #[test]
    fn acknowledgements_ride_where_they_can() {
        let (begun, trip) = (Instant::now(), Duration::from_millis(600));
        let at = |milliseconds| begun + Duration::from_millis(milliseconds);
        // A message of 30 bytes and its receipt, twice; then a sign of life.
        let mut acks = Acks::default();
        let first = acks.wrote(55, false, at(0)) + acks.read(26, false, trip, at(620));
        assert_eq!(first, 55 + 26 + 2 * 52);
        let second = acks.wrote(55, false, at(60_000)) + acks.read(26, false, trip, at(60_620));
        assert_eq!(second, first + 52, "with the acknowledgement of the first receipt");
        let alive = acks.wrote(25, false, at(300_000)) + acks.wrote(25, false, at(540_000));
        assert_eq!(alive, 2 * (25 + 52) + 2 * 52, "that of the second one, and that of the first sign of life");
        // A far box that takes its time acknowledges first.
        assert_eq!(acks.read(26, false, trip, at(550_000)), 26 + 2 * 52);
    }

    #[test]
    fn a_budget_is_used_up_and_comes_back() {
        let budget = Budget { day: 1000, month: 2500 };
        let mut traffic = Traffic::default();
        let noon = at("2026-11-29T12:00:00Z");
        traffic.add(799, noon);
        assert_eq!(traffic.of(budget, noon), Use::Free);
        traffic.add(1, noon);
        assert_eq!(traffic.of(budget, noon), Use::Short);
        traffic.add(200, noon);
        assert_eq!(traffic.of(budget, noon), Use::Over { until: at("2026-11-30T00:00:00Z") });
        let next = at("2026-11-30T00:00:00Z");
        assert_eq!(traffic.of(budget, next), Use::Free);
        traffic.add(1500, next);
        assert_eq!(traffic.of(budget, next), Use::Over { until: at("2026-12-01T00:00:00Z") });
        assert_eq!(traffic.of(budget, at("2026-12-01T00:00:00Z")), Use::Free);
        assert_eq!(traffic.of(Budget::default(), next), Use::Free);
        assert_eq!(next_month(2026 * 12 + 11), at("2027-01-01T00:00:00Z"));
    }

    #[test]
    fn a_month_that_is_used_up_outlasts_the_day() {
        let mut traffic = Traffic::default();
        let now = at("2026-12-05T12:00:00Z");
        traffic.add(5000, now);
        let budget = Budget { day: 1000, month: 5000 };
        assert_eq!(traffic.of(budget, now), Use::Over { until: at("2027-01-01T00:00:00Z") });
    }
}
