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

/// Steps in a degree, in which positions are told: one is 11 m of latitude.
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
/// Two answers have this between them at least, and a packet that did not go out is not followed by another one before.
const SHORTEST: i64 = 600_000;
/// What was wanted and could not be told for so long is not wanted any more.
const WISHED: i64 = 86_400_000;
/// Positions of the other box that are kept within an hour: one for each minute.
const MOST_CAME: u8 = 60;

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

    /// Gives the latitude in degrees, north positive.
    pub fn north(&self) -> f64 {
        f64::from(self.north) / STEPS
    }

    /// Gives the longitude in degrees, east positive.
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

/// What the other box was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    position: Position,
    at: i64,
    /// What that settled: somebody here wanted it since then, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wanted: Option<i64>,
    /// ... and the other box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    question: Option<i64>,
}

/// Positions that came within an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Came {
    /// When the other box was there, of the last.
    at: i64,
    hour: i64,
    count: u8,
}

/// What was told of positions, and asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Whereabouts {
    /// Where this box is now, if it may be told; not kept.
    #[serde(skip)]
    here: Option<Position>,
    /// What the other box was told last, and before that.
    told: Option<Told>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Told>,
    /// Somebody here wants it told since then.
    wanted: Option<i64>,
    /// The other box asks since then, and was answered last then.
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<i64>,
    /// It has to be asked since then, and was asked then.
    ask: Option<i64>,
    asked: Option<i64>,
    /// A packet with any of this did not go out then.
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    came: Option<Came>,
}

/// Since when something is wanted that is wanted now as well.
fn since(before: Option<i64>, now: i64) -> i64 {
    before.filter(|at| *at <= now && is_young(*at, now)).unwrap_or(now)
}

/// A wish is meant for the place of its day.
fn is_young(at: i64, now: i64) -> bool {
    at.saturating_add(WISHED) > now
}

impl Whereabouts {
    /// True when there is nothing to keep.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self { here: self.here, ..Self::default() }
    }

    /// Forgets what nobody wants any more.
    pub(super) fn age(&mut self, rules: &PeerRules, now: i64) {
        self.wanted.take_if(|at| !is_young(*at, now));
        self.question.take_if(|at| !rules.position.answers || !is_young(*at, now));
    }

    /// When something has to leave alone.
    pub(super) fn due(&self, rules: &PeerRules) -> Option<i64> {
        let soon = |since: i64| since.saturating_add(rules.notes_wait(rules.inquiry_wait / 4));
        let wanted = self.wanted.filter(|_| self.here.is_some()).map(soon);
        let question = self.question.filter(|_| self.here.is_some() && rules.position.answers);
        let question = question.map(|since| soon(since).max(after(self.answered)));
        let again = self.news().filter(|_| rules.position.every > 0);
        let again = again.map(|_| self.told.map_or(0, |told| told.at.saturating_add(rules.position.every)));
        let first = [wanted, question, self.ask.map(soon), again].into_iter().flatten().min()?;
        Some(first.max(after(self.lost)))
    }

    /// Where this box is, unless that was told.
    fn news(&self) -> Option<Position> {
        self.here.filter(|here| self.told.is_none_or(|told| told.position != *here))
    }

    /// Gives the notes that are due now: where this box is, and the question where the other one is.
    pub(super) fn notes(&self, rules: &PeerRules, now: i64) -> impl Iterator<Item = Note> {
        let every = rules.position.every;
        let is_over = |span: i64| self.told.is_none_or(|told| told.at.saturating_add(span) <= now);
        let gap = if every > 0 { AGAIN.min(every / 2) } else { AGAIN };
        let moved = self.here.is_some_and(|here| self.told.is_none_or(|told| here.is_far_from(&told.position)));
        let rides = rules.position.rides && self.news().is_some() && (moved || is_over(gap));
        let again = every > 0 && self.news().is_some() && is_over(every);
        let wanted = self.wanted.is_some_and(|at| is_young(at, now));
        let question = rules.position.answers && self.question.is_some_and(|at| is_young(at, now));
        let question = question && after(self.answered) <= now;
        let here = self.here.filter(|_| wanted || question || rides || again);
        here.map(Note::Position).into_iter().chain(self.ask.map(|_| Note::WhereAreYou))
    }

    pub(super) fn was_told(&mut self, position: Position, now: i64) {
        let (wanted, question) = (self.wanted.take(), self.question.take());
        self.before = self.told.replace(Told { position, at: now, wanted, question });
        self.answered = question.map(|_| now).or(self.answered);
        self.lost = None;
    }

    /// That packet did not go out: where the box is by then takes its place, and none leaves for that at once.
    pub(super) fn was_not_told(&mut self, position: Position, now: i64) {
        self.lost = Some(now);
        let Some(lost) = self.told.take_if(|told| told.position == position) else {
            self.before.take_if(|before| before.position == position);
            return;
        };
        self.told = self.before.take();
        self.wanted = self.wanted.or(lost.wanted);
        if lost.question.is_some() {
            (self.question, self.answered) = (self.question.or(lost.question), None);
        }
    }

    pub(super) fn was_asked(&mut self, now: i64) {
        (self.ask, self.asked, self.lost) = (None, Some(now), None);
    }

    pub(super) fn was_not_asked(&mut self, now: i64) {
        (self.ask, self.asked, self.lost) = (Some(now), None, Some(now));
    }

    /// True for a position that is kept: those of so many minutes within an hour.
    fn is_kept(&mut self, at: i64, now: i64) -> bool {
        let hour = now.div_euclid(AGAIN);
        let count = match self.came.filter(|came| came.hour == hour) {
            Some(came) if came.at == at => came.count,
            Some(came) if came.count == MOST_CAME => return false,
            Some(came) => came.count + 1,
            None => 1,
        };
        self.came = Some(Came { at, hour, count });
        true
    }
}

/// When the next packet may leave after one at a moment.
fn after(last: Option<i64>) -> i64 {
    last.map_or(0, |at| at.saturating_add(SHORTEST))
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

    /// The other box is told where this one is, soon; after a day without a place it is not wanted any more.
    pub fn tell_position(&mut self, now: i64) {
        let here = &mut self.whereabouts;
        (here.wanted, here.lost) = (Some(since(here.wanted, now)), None);
    }

    /// The other box is asked where it is, soon.
    pub fn ask_position(&mut self, now: i64) {
        let there = &mut self.whereabouts;
        (there.ask, there.asked, there.lost) = (Some(there.ask.map_or(now, |at| at.min(now))), None, None);
    }

    /// What the other box was told last, and when; in milliseconds since 1970.
    pub fn told_position(&self) -> Option<(Position, i64)> {
        self.whereabouts.told.map(|told| (told.position, told.at))
    }

    /// Since when the other box is asked where it is, and has not answered; in milliseconds since 1970.
    pub fn asks_position(&self) -> Option<i64> {
        self.whereabouts.ask.or(self.whereabouts.asked)
    }

    /// The other box asks where this one is.
    pub(super) fn position_asked(&mut self, rules: &PeerRules, now: i64) {
        if rules.position.answers {
            self.whereabouts.question = Some(since(self.whereabouts.question, now));
        }
    }

    /// The other box tells where it was. True where that is kept.
    pub(super) fn position_came(&mut self, at: i64, now: i64) -> bool {
        self.whereabouts.asked = None;
        self.whereabouts.is_kept(at, now)
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
        here.was_not_told(place(5, 1.01).unwrap(), NOW);
        assert_eq!(said(&here, &off, NOW), 1, "what was wanted and did not leave is still wanted");
        assert_eq!(here.due(&off), Some(NOW + SHORTEST), "a link that refuses it is not asked again at once");
        assert_eq!(said(&here, &off, NOW + WISHED), 0, "it was meant for the place of that day");
        here.here = None;
        assert_eq!((said(&here, &off, NOW), here.due(&off)), (0, None), "what is not known is not told");
    }

    #[test]
    fn a_packet_that_was_lost_brings_no_other_before_its_time() {
        let place = |minutes: i64| Position::new(NOW + minutes * MINUTE, 1.0, 5.0);
        let every = rules(PositionRules { every: 6 * AGAIN, rides: true, ..PositionRules::default() });
        let mut here = Whereabouts { here: place(0), ..Whereabouts::default() };
        here.was_told(place(0).unwrap(), NOW);
        here.here = place(60);
        here.was_told(place(60).unwrap(), NOW + AGAIN);
        here.was_not_told(place(60).unwrap(), NOW + AGAIN);
        assert_eq!(here.due(&every), Some(NOW + 6 * AGAIN), "it was told of the first, and that one counts");
        assert_eq!(here.notes(&every, NOW + AGAIN).count(), 1, "with a packet that leaves anyway it goes");
        // The question that a box asks of another one.
        let mut there = Whereabouts { ask: Some(NOW), ..Whereabouts::default() };
        there.was_asked(NOW);
        there.was_not_asked(NOW);
        assert_eq!(there.due(&every), Some(NOW + SHORTEST));
    }

    #[test]
    fn of_what_a_box_says_of_its_place_one_a_minute_is_kept() {
        let mut there = Whereabouts::default();
        let kept = (0..1_000).filter(|minute| there.is_kept(NOW - minute * MINUTE, NOW)).count();
        assert_eq!(kept, usize::from(MOST_CAME));
        assert!(there.is_kept(NOW, NOW + AGAIN));
        let mut there = Whereabouts::default();
        assert!((0..1_000).all(|_| there.is_kept(NOW, NOW)), "the newest takes the place of the others of its minute");
    }
}
