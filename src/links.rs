//! The links of a box as their owner set them up: who they are and what they may cost, without knowing how one works or
//! where that is written down.

mod price;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::price::{Price, Unit};
use crate::address::LinkAddress;
use crate::clock::Time;
use crate::message::LinkId;
use crate::money::{Limit, Money};
use crate::settings::{Key, Settings};

/// Longest name of a link, in characters.
const NAME_MOST: usize = 24;

/// One link as its owner has configured it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRecord {
    /// Its number for good.
    pub id: LinkId,
    /// What its owner calls it.
    pub name: String,
    /// The driver that it is driven by, by name.
    pub driver: String,
    /// It is used. While it is not, what it holds stays with it.
    pub on: bool,
    /// When its owner added it.
    pub added: Time,
    /// Its settings that differ from their defaults, by name in the table of settings: those of its driver, its price, and
    /// its budget.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
}

/// When a link is there, where its owner knows: every so often for so long, counted from midnight UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    every: Duration,
    lasts: Duration,
}

impl Schedule {
    /// When it is there next; `None` while it is.
    pub fn next(&self, now: Time) -> Option<Time> {
        let every = i64::try_from(self.every.as_secs()).unwrap_or(i64::MAX).max(1);
        let begun = now.seconds() - now.seconds().rem_euclid(every);
        let there = now.since(Time::from_seconds(begun)) < self.lasts;
        (!there).then(|| Time::from_seconds(begun.saturating_add(every)))
    }
}

/// What a link offers, as far as its driver and its owner say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkTerms {
    /// Number of the link.
    pub id: LinkId,
    /// What its owner calls it.
    pub name: String,
    /// It is used; else it takes no messages.
    pub on: bool,
    /// What packets cost; `None` until its owner has written a price.
    pub price: Option<Price>,
    /// Largest payload of one packet, in bytes.
    pub max_payload: usize,
    /// Which far boxes it reaches.
    pub reach: Reach,
}

/// Which far boxes links of a driver reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// The one far box that a station writes to.
    pub far_box: bool,
    /// Those with an address of one of these kinds.
    pub kinds: &'static [&'static str],
}

impl Reach {
    /// True for the far box of a station (`None`), or one with one of these addresses.
    pub fn includes(&self, addresses: Option<&[LinkAddress]>) -> bool {
        addresses.map_or(self.far_box, |addresses| self.address(addresses).is_some())
    }

    /// Which of the addresses of a far box is the one that it has on such a link.
    pub fn address(&self, addresses: &[LinkAddress]) -> Option<LinkAddress> {
        addresses.iter().find(|address| self.kinds.contains(&address.kind())).copied()
    }
}

/// A link that was ready for so long without a break is relied on: messages wait for it when it is lost.
const STEADY: Duration = Duration::from_secs(300);

/// So many breaks within the time below, and a link rests for that time: it is used only where no other one may be.
const BREAKS: usize = 3;
/// For so long such a link rests, see [`BREAKS`].
const REST: Duration = Duration::from_secs(600);

/// How a link came and went: what says since when it is not to be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uptime {
    /// It takes packets now.
    pub ready: bool,
    /// Since when it takes packets, or takes none.
    pub since: Time,
    /// When it was lost after it had been steady, or when it was first looked for. One that comes and goes was lost at its
    /// first break.
    pub lost: Time,
    /// When it broke last, the newest first; `Time(0)` for never.
    breaks: [Time; BREAKS],
}

impl Uptime {
    /// Of a link that is looked for from now on.
    pub fn new(now: Time) -> Self {
        Self { ready: false, since: now, lost: now, breaks: [Time(0); BREAKS] }
    }

    /// It is ready now, or not.
    pub fn heard(&mut self, ready: bool, now: Time) {
        if ready == self.ready {
            return;
        }
        if !ready {
            self.breaks.rotate_right(1);
            self.breaks[0] = now;
        }
        self.change(ready, now);
    }

    /// It is not driven any more, as its owner changed something: that is no break.
    pub fn ended(&mut self, now: Time) {
        if self.ready {
            self.change(false, now);
        }
    }

    fn change(&mut self, ready: bool, now: Time) {
        if !ready && now.since(self.since) >= STEADY {
            self.lost = now;
        }
        (self.ready, self.since) = (ready, now);
    }

    /// Until when it rests, as it broke too often; `None` where it does not.
    pub fn rests(&self, now: Time) -> Option<Time> {
        let [last, .., first] = self.breaks;
        let often = first > Time(0) && last.since(first) < REST;
        Some(last + REST).filter(|until| often && now < *until)
    }
}

/// How a link stands, as it is noted in its history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is driven and takes packets.
    Ready,
    /// It is driven, and takes none.
    NotReady,
    /// Its owner or the box stopped it.
    Off,
}

impl Standing {
    /// It is noted at each change, and again after this time: an older note says nothing of the present.
    pub const NOTED: Duration = Duration::from_secs(3600);

    /// Gives the number by which the history has it.
    pub fn value(self) -> f64 {
        match self {
            Self::Ready => 1.0,
            Self::NotReady => 0.0,
            Self::Off => -1.0,
        }
    }

    /// What such a value means.
    pub fn of(value: f64) -> Self {
        match value {
            value if value > 0.5 => Self::Ready,
            value if value > -0.5 => Self::NotReady,
            _ => Self::Off,
        }
    }
}

/// What a link may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkBudget {
    /// In a day of the calendar.
    pub day: Limit,
    /// Most that it may cost in a month of the calendar.
    pub month: Limit,
}

/// Why a link cannot be called so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkNameError {
    /// It is no name.
    NotAName(String),
    /// Another one is called so.
    Taken(String),
}

impl fmt::Display for LinkNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAName(name) => write!(
                f,
                "'{}' is no name for a link: write 1 to {NAME_MOST} of a-z, 0-9 and the hyphen, one of a-z first",
                name.escape_debug()
            ),
            Self::Taken(name) => write!(f, "there is a link {name} already"),
        }
    }
}

impl LinkRecord {
    /// The settings that its driver works with: those of the box, and its own.
    pub fn settings(&self, of_box: &Settings) -> Settings {
        of_box.of_link(&self.values)
    }

    /// What packets cost on it; `None` until its owner has written a price.
    pub fn price(&self) -> Option<Price> {
        let own = self.settings(&Settings::default());
        let unit = Unit::of(own.text(Key::LinkUnit));
        let each = match unit {
            Unit::Free => Money::default(),
            _ => own.text(Key::LinkPrice).parse().ok()?,
        };
        let free = u64::try_from(own.number(Key::LinkFree)).unwrap_or_default();
        Some(Price { unit, each, least: own.count(Key::LinkLeast), free })
    }

    /// When it is there; `None` where that is not known.
    pub fn schedule(&self) -> Option<Schedule> {
        let own = self.settings(&Settings::default());
        let (every, lasts) = (own.span(Key::LinkEvery), own.span(Key::LinkLasts));
        (every > lasts).then_some(Schedule { every, lasts })
    }

    /// What it may cost; `reserve` is the part in hundredths that is kept for urgent messages.
    pub fn budget(&self, reserve: u64) -> LinkBudget {
        let own = self.settings(&Settings::default());
        let limit = |packets, money| Limit {
            packets: u64::try_from(own.number(packets)).ok().filter(|most| *most > 0),
            money: own.text(money).parse().ok().filter(|most: &Money| most.0 > 0),
            reserve,
        };
        LinkBudget {
            day: limit(Key::LinkDayPackets, Key::LinkDayMoney),
            month: limit(Key::LinkMonthPackets, Key::LinkMonthMoney),
        }
    }
}

/// All links of a box, in the order in which they were added: a snapshot that is replaced as a whole when one changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links(Vec<LinkRecord>);

impl Links {
    /// Makes a snapshot of these records.
    pub fn new(mut records: Vec<LinkRecord>) -> Self {
        records.sort_by_key(|record| record.id);
        Self(records)
    }

    /// Lists all links, by number.
    pub fn iter(&self) -> impl Iterator<Item = &LinkRecord> {
        self.0.iter()
    }

    /// True when the box has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Finds the link of this number; `None` when it was removed.
    pub fn get(&self, id: LinkId) -> Option<&LinkRecord> {
        self.0.iter().find(|record| record.id == id)
    }

    /// Finds the link that its owner calls so.
    pub fn named(&self, name: &str) -> Option<&LinkRecord> {
        self.0.iter().find(|record| record.name == name)
    }

    /// What people are shown for a number: the name of its link, or that it is gone.
    pub fn name(&self, id: LinkId) -> String {
        self.get(id).map_or_else(|| format!("link {id}, which was removed"), |record| record.name.clone())
    }

    /// Whether a new link may have this name.
    ///
    /// # Errors
    /// Why not.
    pub fn check_name(&self, name: &str) -> Result<(), LinkNameError> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
        match name.len() <= NAME_MOST && begins && name.chars().all(fits) {
            false => Err(LinkNameError::NotAName(name.to_owned())),
            true if self.named(name).is_some() => Err(LinkNameError::Taken(name.to_owned())),
            true => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Extent;
    use crate::money::Use;

    fn link(values: &[(&str, &str)]) -> LinkRecord {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        LinkRecord { id: LinkId(1), name: "one".into(), driver: "m138".into(), on: true, added: Time(0), values }
    }

    #[test]
    fn a_price_is_what_its_owner_wrote() {
        assert_eq!(link(&[]).price(), None, "nobody wrote one");
        assert_eq!(link(&[("link.price", "0")]).price().unwrap().of(192), Money(0));
        assert_eq!(link(&[("link.unit", "free")]).price().unwrap().of(192), Money(0));
        let of = |unit, bytes| {
            link(&[("link.unit", unit), ("link.price", "0.01"), ("link.least", "30")]).price().unwrap().of(bytes)
        };
        assert_eq!(of("packet", 192), Money(10_000));
        assert_eq!(of("session", 192), Money(10_000));
        assert_eq!(
            (of("credit", 1), of("credit", 50), of("credit", 51)),
            (Money(10_000), Money(10_000), Money(20_000))
        );
        assert_eq!((of("byte", 10), of("byte", 40)), (Money(300_000), Money(400_000)));
        let some = link(&[("link.unit", "credit"), ("link.price", "0.01"), ("link.free", "5")]).price().unwrap();
        let six = Extent { bytes: 300, packets: 2 };
        let money = |used| some.after(used).quote(six).money;
        assert_eq!(
            (some.units_of(six), money(0), money(4), money(9)),
            (6, Money(10_000), Money(50_000), Money(60_000))
        );
        assert_eq!((some.of(250), some.after(5).of(250), some.is_nothing()), (Money(0), Money(50_000), false));
        let price = link(&[("link.unit", "credit"), ("link.price", "0.01")]).price().unwrap();
        assert_eq!(price.quote(Extent { bytes: 300, packets: 2 }), Use::of_packets(2, Money(30_000)));
    }

    #[test]
    fn a_long_message_is_quoted_by_the_credits_that_its_packets_fill() {
        let price = link(&[("link.unit", "credit"), ("link.price", "0.01")]).price().unwrap();
        // 300, 300 and 20 bytes.
        assert_eq!(price.credits(Extent { bytes: 620, packets: 3 }), Some(13));
        assert_eq!([1, 50, 51].map(|bytes| price.credits(Extent { bytes, packets: 1 })), [1, 1, 2].map(Some));
        assert_eq!(link(&[("link.price", "0.01")]).price().unwrap().credits(Extent { bytes: 9, packets: 1 }), None);
    }

    #[test]
    fn a_link_that_comes_and_goes_was_lost_at_its_first_break() {
        let at = |seconds| Time::from_seconds(seconds);
        let mut up = Uptime::new(at(0));
        up.heard(true, at(10));
        up.heard(false, at(400));
        assert_eq!(up.lost, at(400));
        for round in 0..20 {
            up.heard(true, at(420 + round * 40));
            up.heard(false, at(440 + round * 40));
        }
        assert_eq!((up.ready, up.lost), (false, at(400)));
        up.heard(true, at(2000));
        up.heard(false, at(2300));
        assert_eq!(up.lost, at(2300));
    }

    #[test]
    fn three_breaks_within_ten_minutes_and_it_rests_for_ten() {
        let at = |seconds: i64| Time::from_seconds(1_790_000_000 + seconds);
        let mut up = Uptime::new(at(0));
        for round in 0..3 {
            assert_eq!(up.rests(at(round * 40)), None);
            up.heard(true, at(round * 40));
            up.heard(false, at(round * 40 + 20));
        }
        assert_eq!(up.rests(at(101)), Some(at(700)));
        up.heard(true, at(110));
        assert_eq!((up.ready, up.rests(at(699)), up.rests(at(700))), (true, Some(at(700)), None));
        // Once it has rested, one break more is not three.
        up.heard(false, at(701));
        assert_eq!(up.rests(at(702)), None);
        // What its owner does is no break.
        let mut up = Uptime::new(at(0));
        for round in 0..9 {
            up.heard(true, at(round));
            up.ended(at(round));
        }
        assert_eq!((up.ready, up.rests(at(9))), (false, None));
    }

    #[test]
    fn a_schedule_says_when_a_link_is_there_next() {
        let hour = |hour: i64| Time::from_seconds(hour * 3600);
        let line = link(&[("link.every", "3h"), ("link.lasts", "10m")]);
        let schedule = line.schedule().unwrap();
        assert_eq!(schedule.next(hour(6)), None);
        assert_eq!(schedule.next(hour(6) + Duration::from_secs(599)), None);
        assert_eq!(schedule.next(hour(6) + Duration::from_secs(600)), Some(hour(9)));
        assert_eq!(schedule.next(hour(8)), Some(hour(9)));
        assert_eq!(link(&[]).schedule(), None);
        assert_eq!(link(&[("link.every", "10m"), ("link.lasts", "10m")]).schedule(), None, "it is always there");
    }

    #[test]
    fn names_are_short_and_given_once() {
        let links = Links::new(vec![link(&[])]);
        for bad in ["", "1a", "Boat", "a b", "a/b", "one", &"a".repeat(25)] {
            assert!(links.check_name(bad).is_err(), "{bad}");
        }
        assert_eq!(links.check_name("boat-2"), Ok(()));
        assert!(links.name(LinkId(9)).contains("removed"));
    }
}
