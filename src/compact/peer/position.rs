//! Where a box is, as a note of eight bytes behind a head of two: a ten-thousandth of a degree, which is 11 metres, and the minute
//! in which that was found out. It is told when the other box asks, by hand, and as the rules of the box have it: with a packet
//! that costs no more for it, and alone on a schedule. A box that does not say that it takes positions is told none.
//!
//! ```text
//! E0  8; north (21 bits, from -90 degrees), east (22 bits, from -180), minute (21 bits of those since 1970)
//! E1  0; where are you?
//! ```

use serde::{Deserialize, Serialize};

use super::notes::Note;
use super::{Peer, PeerRules};

/// Steps in a degree.
const STEPS: f64 = 10_000.0;
/// Steps from the middle to the pole, and to the other side of the earth.
const NORTH: i64 = 900_000;
const EAST: i64 = 1_800_000;
/// Bits of the three numbers on air: together eight bytes.
const EAST_BITS: u32 = 22;
const MINUTE_BITS: u32 = 21;
const MINUTE: i64 = 60_000;
/// So far has a box moved that tells its place with a packet that leaves anyway, in steps: a hundred metres; or after this time.
const MOVED: u32 = 10;
const AGAIN: i64 = 3_600_000;

/// Where a box was, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Steps north and east.
    north: i32,
    east: i32,
    /// The low bits of the minute since 1970.
    minute: u32,
}

impl Position {
    /// Bytes that it takes in a packet that leaves anyway.
    pub const NOTE: usize = 10;
    /// Bytes of a packet that carries nothing else.
    pub const ALONE: usize = 12;
    /// Bytes of a packet that carries nothing but the question for one.
    pub const QUESTION: usize = 4;

    /// Degrees north and east, at a moment in milliseconds since 1970. `None` for what is no place on earth.
    pub fn new(at: i64, north: f64, east: f64) -> Option<Self> {
        let steps = |degrees: f64, most: i64| {
            let steps = (degrees * STEPS).round();
            (steps.abs() <= most as f64).then_some(steps as i32)
        };
        let minute = at.div_euclid(MINUTE).rem_euclid(1 << MINUTE_BITS) as u32;
        Some(Self { north: steps(north, NORTH)?, east: steps(east, EAST)?, minute })
    }

    /// Degrees north.
    pub fn north(&self) -> f64 {
        f64::from(self.north) / STEPS
    }

    /// Degrees east.
    pub fn east(&self) -> f64 {
        f64::from(self.east) / STEPS
    }

    /// When that was, in milliseconds since 1970: the minute of these bits that is nearest to `now`, and not after it.
    pub fn at(&self, now: i64) -> i64 {
        let (span, minute) = (1_i64 << MINUTE_BITS, now.div_euclid(MINUTE));
        let ahead = (i64::from(self.minute) - minute).rem_euclid(span);
        let ago = if ahead < span / 2 { 0 } else { span - ahead };
        now.min((minute - ago) * MINUTE)
    }

    pub(super) fn bytes(self) -> [u8; 8] {
        let (north, east) = (i64::from(self.north) + NORTH, i64::from(self.east) + EAST);
        let word = ((north as u64) << EAST_BITS | east as u64) << MINUTE_BITS | u64::from(self.minute);
        word.to_be_bytes()
    }

    pub(super) fn of_bytes(bytes: [u8; 8]) -> Option<Self> {
        let word = u64::from_be_bytes(bytes);
        let bits = |shift: u32, count: u32| (word >> shift & ((1 << count) - 1)) as i64;
        let north = bits(MINUTE_BITS + EAST_BITS, 64 - MINUTE_BITS - EAST_BITS) - NORTH;
        let east = bits(MINUTE_BITS, EAST_BITS) - EAST;
        let minute = bits(0, MINUTE_BITS) as u32;
        (north <= NORTH && east <= EAST).then_some(Self { north: north as i32, east: east as i32, minute })
    }

    fn is_far_from(&self, other: &Self) -> bool {
        self.north.abs_diff(other.north) >= MOVED || self.east.abs_diff(other.east) >= MOVED
    }
}

/// What the box says of its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PositionRules {
    /// It knows what to make of positions, and says so to the other box.
    pub known: bool,
    /// It tells its own with packets that leave anyway and cost no more for it, ...
    pub rides: bool,
    /// ... when the other box asks, ...
    pub answers: bool,
    /// ... and alone after so many milliseconds; 0: never.
    pub every: i64,
}

/// What was told of positions, and asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Whereabouts {
    /// Where this box is.
    #[serde(skip)]
    here: Option<Position>,
    /// What the other box was told last, and when.
    told: Option<(Position, i64)>,
    /// It has to be told since then: it asked, or somebody here wants it.
    wanted: Option<i64>,
    /// What it was told last was wanted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    wish: bool,
    /// It has to be asked since then, and was asked then.
    ask: Option<i64>,
    asked: Option<i64>,
}

impl Whereabouts {
    /// True when there is nothing to keep.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self { here: self.here, ..Self::default() }
    }

    /// When something has to leave alone.
    pub(super) fn due(&self, rules: &PeerRules) -> Option<i64> {
        let soon = |since: i64| since.saturating_add(rules.notes_wait(rules.inquiry_wait / 4));
        let wanted = self.wanted.filter(|_| self.here.is_some()).map(soon);
        let again = self.news().filter(|_| rules.position.every > 0);
        let again = again.map(|_| self.told.map_or(0, |(_, at)| at.saturating_add(rules.position.every)));
        [wanted, self.ask.map(soon), again].into_iter().flatten().min()
    }

    /// Where this box is, unless that was told.
    fn news(&self) -> Option<Position> {
        self.here.filter(|here| self.told.is_none_or(|(told, _)| told != *here))
    }

    /// What is to be said now.
    pub(super) fn notes(&self, rules: &PeerRules, now: i64) -> impl Iterator<Item = Note> {
        let every = rules.position.every;
        let after = |span: i64| self.told.is_none_or(|(_, at)| at.saturating_add(span) <= now);
        let gap = if every > 0 { AGAIN.min(every / 2) } else { AGAIN };
        let moved = self.here.is_some_and(|here| self.told.is_none_or(|(told, _)| here.is_far_from(&told)));
        let rides = rules.position.rides && self.news().is_some() && (moved || after(gap));
        let again = every > 0 && self.news().is_some() && after(every);
        let here = self.here.filter(|_| self.wanted.is_some() || rides || again);
        here.map(Note::Position).into_iter().chain(self.ask.map(|_| Note::WhereAreYou))
    }

    pub(super) fn was_told(&mut self, position: Position, now: i64) {
        (self.told, self.wish) = (Some((position, now)), self.wanted.take().is_some());
    }

    /// That packet did not go out: where the box is by now takes its place.
    pub(super) fn was_not_told(&mut self, now: i64) {
        self.told = None;
        if std::mem::take(&mut self.wish) {
            self.wanted.get_or_insert(now);
        }
    }

    pub(super) fn was_asked(&mut self, now: i64) {
        (self.ask, self.asked) = (None, Some(now));
    }

    pub(super) fn was_not_asked(&mut self, now: i64) {
        (self.ask, self.asked) = (Some(now), None);
    }
}

impl Peer {
    /// Says where this box is, as far as that is known, before anything is asked of the session.
    pub fn is_here(&mut self, position: Option<Position>) {
        self.whereabouts.here = position;
    }

    /// True when the other box says that it knows what to make of positions; one that is asked tells its own.
    pub fn knows_positions(&self) -> bool {
        self.agreement.knows_positions()
    }

    /// The other box is told where this one is, soon.
    pub fn tell_position(&mut self, now: i64) {
        self.whereabouts.wanted.get_or_insert(now);
    }

    /// The other box is asked where it is, soon.
    pub fn ask_position(&mut self, now: i64) {
        self.whereabouts.ask.get_or_insert(now);
        self.whereabouts.asked = None;
    }

    /// What the other box was told last, and when; in milliseconds since 1970.
    pub fn told_position(&self) -> Option<(Position, i64)> {
        self.whereabouts.told
    }

    /// Since when the other box is asked where it is, and has not answered; in milliseconds since 1970.
    pub fn asks_position(&self) -> Option<i64> {
        self.whereabouts.ask.or(self.whereabouts.asked)
    }

    /// The other box asks where this one is.
    pub(super) fn position_asked(&mut self, rules: &PeerRules, now: i64) {
        if rules.position.answers {
            self.tell_position(now);
        }
    }

    /// The other box tells where it is.
    pub(super) fn position_came(&mut self) {
        self.whereabouts.asked = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_430_510_000;

    #[test]
    fn a_position_is_eight_bytes_and_comes_back_to_eleven_metres_and_a_minute() {
        for (north, east) in [(38.5312, -28.6243), (-90.0, 180.0), (90.0, -180.0), (0.0, 0.0), (-0.00004, 0.00004)] {
            let position = Position::new(NOW, north, east).unwrap();
            let back = Position::of_bytes(position.bytes()).unwrap();
            assert_eq!(back, position);
            assert!((back.north() - north).abs() <= 0.000_05 && (back.east() - east).abs() <= 0.000_05, "{back:?}");
            for later in [0, 3_600_000, 400 * 86_400_000] {
                let at = back.at(NOW + later);
                assert!((0..60_000).contains(&(NOW - at)), "{later}: {at}");
            }
            // A clock that is behind shows no position from the future.
            assert!((0..60_000).contains(&(NOW - 120_000 - back.at(NOW - 120_000))));
        }
        for (north, east) in [(90.1, 0.0), (0.0, 180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(Position::new(NOW, north, east), None);
        }
        assert_eq!(Position::of_bytes([0xFF; 8]), None);
    }

    fn rules(position: PositionRules) -> PeerRules {
        PeerRules { position, ..PeerRules::default() }
    }

    #[test]
    fn it_is_told_when_wanted_on_a_schedule_and_for_nothing_where_there_is_room() {
        let place = |minutes: i64, north: f64| Position::new(NOW + minutes * MINUTE, north, 5.0);
        let (off, rides) = (rules(PositionRules::default()), PositionRules { rides: true, ..PositionRules::default() });
        let every = rules(PositionRules { every: 6 * AGAIN, ..rides });
        let rides = rules(rides);
        let mut here = Whereabouts { here: place(0, 1.0), ..Whereabouts::default() };
        let said = |here: &Whereabouts, rules: &PeerRules, now: i64| here.notes(rules, now).count();
        assert_eq!(
            (said(&here, &off, NOW), here.due(&off), said(&here, &rides, NOW), here.due(&rides)),
            (0, None, 1, None)
        );
        assert_eq!((said(&here, &every, NOW), here.due(&every)), (1, Some(0)));
        here.was_told(place(0, 1.0).unwrap(), NOW);
        assert_eq!((said(&here, &every, NOW + 7 * AGAIN), here.due(&every)), (0, None), "it is no news");
        here.here = place(5, 1.0);
        assert_eq!((said(&here, &rides, NOW + MINUTE), said(&here, &rides, NOW + AGAIN)), (0, 1));
        assert_eq!(here.due(&every), Some(NOW + 6 * AGAIN));
        here.here = place(5, 1.01);
        assert_eq!(said(&here, &rides, NOW + MINUTE), 1, "it moved");
        assert_eq!((said(&here, &off, NOW + MINUTE), here.due(&off)), (0, None));
        here.wanted = Some(NOW);
        assert_eq!(said(&here, &off, NOW), 1);
        assert!(here.due(&off).is_some_and(|due| due < NOW + MINUTE));
        here.was_told(place(5, 1.01).unwrap(), NOW);
        assert_eq!((said(&here, &off, NOW), here.due(&off)), (0, None));
        here.was_not_told(NOW);
        assert_eq!(said(&here, &off, NOW), 1, "what was wanted and did not leave is still wanted");
        here.here = None;
        assert_eq!((said(&here, &off, NOW), here.due(&off)), (0, None), "what is not known is not told");
    }
}
