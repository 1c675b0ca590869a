//! What is known of the ids that a modem gives to the packets it takes. Pure.
//!
//! Ids seen in manuals and captures all read as: bits 0-14 a counter, bits 15-23 the day of the year, bits 24-39 the
//! low half of the device id, above that 0x04. No manual promises it, so it is used only for a modem whose own ids
//! were seen to follow it, and only to find a packet or to count; a payload is always compared where one can be.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Time;

const COUNTER_BITS: u64 = 0x7fff;
const DAY_BITS: u64 = 0x1ff;
const FROM_DEVICE: u64 = 0x04;
/// Ids kept; the modem itself holds at most 2048 packets.
const MAX_IDS: usize = 4096;
/// A step of the counter beyond this means that the counter does not count packets.
const MAX_STEP: u64 = 16;

/// What became of an id, as far as this program saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketFate {
    /// Taken by the modem.
    Queued,
    /// Acknowledged by a satellite.
    Sent,
    /// Its hold time ran out on the modem.
    Expired,
    /// Withdrawn by this box, or about to be.
    Withdrawn,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    fate: PacketFate,
    /// The modem's `$TD OK` for it was heard, as the so manieth thing noted; 0 if it was not.
    queued_at: u64,
    /// A `$TD OK` that nobody waited for was heard, as the so manieth thing noted; 0 if it was not.
    overheard_at: u64,
    /// It is known which packet this is.
    accounted: bool,
    /// It was seen to leave the queue, as the so manieth thing noted; 0 if it was not.
    left_at: u64,
    acked: bool,
}

/// The ids of one modem.
#[derive(Debug, Default)]
pub struct Ledger {
    device: u64,
    ids: BTreeMap<u64, Entry>,
    last: Option<u64>,
    /// The newest id heard of in any other way: a later one may have been given.
    observed: Option<u64>,
    irregular: bool,
    moment: u64,
}

impl Ledger {
    /// A ledger of the modem with this device id, nothing known yet.
    pub fn new(device: u64) -> Self {
        Self { device, ..Self::default() }
    }

    /// The newest id known: the modem gave it, and perhaps later ones. `None` for a modem whose ids do not follow the
    /// layout.
    pub fn last(&self) -> Option<u64> {
        self.last.or(self.observed).filter(|_| !self.irregular)
    }

    /// Packets that are known to wait in the modem's queue, and to be others than any that is asked after.
    pub fn waiting(&self) -> Vec<u64> {
        let waits = |entry: &Entry| entry.accounted && entry.fate == PacketFate::Queued;
        self.ids.iter().filter(|(_, entry)| waits(entry)).map(|(id, _)| *id).collect()
    }

    /// A count of the things noted: a later thing has a higher one.
    pub fn moment(&self) -> u64 {
        self.moment
    }

    /// Tells what became of the packet with this id; `None` while nothing was heard of it.
    pub fn fate(&self, id: u64) -> Option<PacketFate> {
        self.ids.get(&id).map(|entry| entry.fate)
    }

    /// `$TD OK,<id>` answered the hand-over of a known packet.
    pub fn queued(&mut self, id: u64) {
        self.note_newest(id);
        let moment = self.moment;
        let entry = self.entry(id, PacketFate::Queued);
        entry.queued_at = moment;
        entry.accounted = true;
    }

    /// `$TD OK,<id>` came when nobody waited for it: perhaps the answer to a hand-over that was given up.
    pub fn overheard(&mut self, id: u64) {
        self.note_newest(id);
        let moment = self.moment;
        self.entry(id, PacketFate::Queued).overheard_at = moment;
    }

    /// The answer with this id was not that of the packet it was taken for.
    pub fn doubt(&mut self, id: u64) {
        let moment = self.moment;
        let entry = self.entry(id, PacketFate::Queued);
        (entry.queued_at, entry.overheard_at, entry.accounted) = (0, moment, false);
    }

    fn note_newest(&mut self, id: u64) {
        self.moment += 1;
        if let Some(last) = self.last {
            let ahead = step(last, id);
            self.irregular |= (MAX_STEP + 1..COUNTER_BITS - MAX_STEP).contains(&ahead) || !self.has_layout(id);
        }
        if self.has_layout(id) && self.last.is_none_or(|last| step(last, id) <= MAX_STEP) {
            self.last = Some(id);
        }
    }

    /// `$TD SENT` with this id was heard.
    pub fn acked(&mut self, id: u64) {
        self.moment += 1;
        let moment = self.moment;
        let entry = self.entry(id, PacketFate::Sent);
        entry.fate = PacketFate::Sent;
        entry.acked = true;
        if entry.left_at == 0 {
            entry.left_at = moment;
        }
    }

    /// The modem said, or was told, that it no longer holds it.
    pub fn gone(&mut self, id: u64, fate: PacketFate) {
        self.moment += 1;
        let moment = self.moment;
        let entry = self.entry(id, fate);
        entry.fate = fate;
        if entry.left_at == 0 {
            entry.left_at = moment;
        }
    }

    /// It is known from elsewhere which packet has this id.
    pub fn known(&mut self, id: u64) {
        let newer = |than: u64| (1..=COUNTER_BITS / 2).contains(&step(than, id));
        if self.has_layout(id) && self.observed.is_none_or(newer) {
            self.observed = Some(id);
        }
        self.entry(id, PacketFate::Queued).accounted = true;
    }

    /// An earlier run knew which packet has this id, and whether it had left.
    pub fn recall(&mut self, id: u64, left: bool) {
        self.known(id);
        if left {
            self.entry(id, PacketFate::Sent).fate = PacketFate::Sent;
        }
    }

    /// A packet whose answer was never heard was found to have this id.
    pub fn found(&mut self, id: u64) {
        self.note_newest(id);
        self.known(id);
    }

    /// Ids overheard after a moment of which it is not known which packet they are.
    pub fn overheard_since(&self, moment: u64) -> Vec<u64> {
        let open = |entry: &Entry| entry.overheard_at > moment && !entry.accounted;
        self.ids.iter().filter(|(_, entry)| open(entry)).map(|(id, _)| *id).collect()
    }

    /// True when it is known which packet has this id.
    pub fn is_accounted(&self, id: u64) -> bool {
        self.ids.get(&id).is_some_and(|entry| entry.accounted)
    }

    /// Packets seen to leave the queue after a moment.
    pub fn left_since(&self, moment: u64) -> u64 {
        self.ids.values().filter(|entry| entry.left_at > moment).count() as u64
    }

    /// The first id that a packet of ours got after a moment.
    pub fn first_queued_since(&self, moment: u64) -> Option<u64> {
        let later = self.ids.iter().filter(|(_, entry)| entry.queued_at > moment);
        later.min_by_key(|(_, entry)| entry.queued_at).map(|(id, _)| *id)
    }

    /// Ids acknowledged after a moment of which it is not known which packet they were.
    pub fn unattributed_since(&self, moment: u64) -> Vec<u64> {
        let stray = |entry: &Entry| entry.acked && entry.left_at > moment && !entry.accounted;
        self.ids.iter().filter(|(_, entry)| stray(entry)).map(|(id, _)| *id).collect()
    }

    /// How many ids between two are not accounted for; `None` when the ids do not follow the layout.
    pub fn unaccounted(&self, after: u64, before: u64) -> Option<u64> {
        if self.irregular || !self.has_layout(after) || !self.has_layout(before) {
            return None;
        }
        let span = step(after, before);
        if !(1..=MAX_STEP).contains(&span) {
            return None;
        }
        let between = |id: u64| self.has_layout(id) && (1..span).contains(&step(after, id));
        let accounted = self.ids.iter().filter(|(id, entry)| entry.accounted && between(**id)).count() as u64;
        Some((span - 1).saturating_sub(accounted))
    }

    /// Ids that the next few packets after `last` can have got on one of these days of the year.
    pub fn candidates(&self, last: u64, days: &[u64]) -> Vec<u64> {
        let at = |day: u64, step: u64| self.compose(day, (last + step) & COUNTER_BITS);
        (1..=4).flat_map(|step| days.iter().map(move |day| (*day, step))).map(|(day, step)| at(day, step)).collect()
    }

    /// Ids that the last few packets before `next` can have got on one of these days of the year, nearest first.
    pub fn candidates_before(&self, next: u64, days: &[u64]) -> Vec<u64> {
        let at = |day: u64, step: u64| self.compose(day, next.wrapping_sub(step) & COUNTER_BITS);
        (1..=4).flat_map(|step| days.iter().map(move |day| (*day, step))).map(|(day, step)| at(day, step)).collect()
    }

    /// True when an id can be that of one of the next few packets after `last`.
    pub fn plausible(&self, last: u64, id: u64) -> bool {
        self.has_layout(id) && (1..=4).contains(&step(last, id))
    }

    /// True when an id has the layout of this modem's own packets.
    pub fn has_layout(&self, id: u64) -> bool {
        id >> 40 == FROM_DEVICE && id >> 24 & 0xffff == self.device & 0xffff
    }

    fn compose(&self, day: u64, counter: u64) -> u64 {
        FROM_DEVICE << 40 | (self.device & 0xffff) << 24 | (day & DAY_BITS) << 15 | counter
    }

    fn entry(&mut self, id: u64, fate: PacketFate) -> &mut Entry {
        if self.ids.len() >= MAX_IDS && !self.ids.contains_key(&id) {
            self.ids.pop_first();
        }
        self.ids.entry(id).or_insert(Entry {
            fate,
            queued_at: 0,
            overheard_at: 0,
            accounted: false,
            left_at: 0,
            acked: false,
        })
    }
}

/// Steps of the counter from one id to another.
fn step(from: u64, to: u64) -> u64 {
    to.wrapping_sub(from) & COUNTER_BITS
}

/// The days of the year on which a packet can have been taken that was handed over at this time, most likely first:
/// more than one around midnight. `slack` is how far the clocks may differ and how long it may have taken.
pub fn days_around(at: Time, slack: Duration) -> Vec<u64> {
    let mut days = vec![day_of_year(at), day_of_year(at + slack), day_of_year(at - slack)];
    days.dedup();
    if days.len() > 1 && days.first() == days.last() {
        days.pop();
    }
    days
}

/// 1 on 1 January, UTC.
pub fn day_of_year(at: Time) -> u64 {
    let stamp = jiff::Timestamp::from_second(at.seconds()).unwrap_or_default();
    u64::try_from(stamp.to_zoned(jiff::tz::TimeZone::UTC).day_of_year()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: u64 = 0xdeaf;
    const FIRST: u64 = 5_354_468_575_916;

    #[test]
    fn published_ids_follow_the_layout() {
        let ledger = Ledger::new(DEVICE);
        for id in [5_354_468_575_855, FIRST, FIRST + 1, FIRST + 3] {
            assert!(ledger.has_layout(id));
        }
        assert!(Ledger::new(0x6c0e).has_layout(4_862_137_892_975));
        assert!(!ledger.has_layout(4_862_137_892_975));
        assert!(!ledger.has_layout(21_990_235_111_426));
        assert!(ledger.candidates(FIRST, &[101]).contains(&(FIRST + 1)));
        let days = |seconds| days_around(Time::from_seconds(seconds), Duration::from_secs(60));
        assert_eq!(days(1_618_140_000), [101]);
        assert_eq!(days(1_609_459_200), [1, 366]);
        assert_eq!(days(1_609_459_199), [366, 1]);
    }

    #[test]
    fn the_next_id_tells_whether_one_was_taken_before() {
        let mut ledger = Ledger::new(DEVICE);
        ledger.queued(FIRST);
        let moment = ledger.moment();
        ledger.queued(FIRST + 1);
        assert_eq!(ledger.first_queued_since(moment), Some(FIRST + 1));
        assert_eq!(ledger.unaccounted(FIRST, FIRST + 1), Some(0));
        assert_eq!(ledger.unaccounted(FIRST, FIRST + 2), Some(0));
        assert_eq!(ledger.unaccounted(FIRST, FIRST + 3), Some(1));
        // one that was overheard may be the very packet in question
        let mut doubtful = Ledger::new(DEVICE);
        doubtful.overheard(FIRST + 1);
        doubtful.queued(FIRST + 2);
        assert_eq!(doubtful.unaccounted(FIRST, FIRST + 2), Some(1));
        assert_eq!(doubtful.overheard_since(0), [FIRST + 1]);
        // over midnight and over the end of the counter
        let next_day = FIRST + 1 + (1 << 15);
        assert_eq!(ledger.unaccounted(FIRST, next_day + 1), Some(0));
        let wrapped = Ledger::new(DEVICE);
        assert_eq!(wrapped.unaccounted(FIRST | COUNTER_BITS, FIRST & !COUNTER_BITS), Some(0));
    }

    #[test]
    fn ids_of_another_kind_prove_nothing() {
        let mut ledger = Ledger::new(DEVICE);
        ledger.queued(17);
        assert_eq!(ledger.last(), None);
        assert_eq!(ledger.unaccounted(17, 18), None);
        ledger.queued(FIRST);
        assert_eq!(ledger.last(), Some(FIRST));
        ledger.queued(FIRST + 500);
        assert_eq!(ledger.last(), None);
    }

    #[test]
    fn strays_are_acknowledged_but_were_never_seen_queued() {
        let mut ledger = Ledger::new(DEVICE);
        ledger.queued(FIRST);
        let moment = ledger.moment();
        ledger.acked(FIRST);
        ledger.acked(FIRST + 1);
        ledger.acked(FIRST + 1);
        assert_eq!(ledger.unattributed_since(moment), [FIRST + 1]);
        assert_eq!(ledger.left_since(moment), 2);
        assert!(ledger.plausible(FIRST, FIRST + 1));
    }
}
