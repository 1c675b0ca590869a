//! Usage: messages, packets and bytes by day and person, counted in the same commit as what they count.
//!
//! The counts of the present day stand in the row of the ledger, which every commit writes anyway; when the day is over
//! they move into a table. A day is one of the calendar in the time zone of the box at the moment of the commit.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::Ledger;
pub use super::counts::{Counts, Today};
use super::schema::{self, Tx, TxResult, View, json};
use crate::clock::Time;
use crate::fault::UnknownWord;
use crate::message::{Column, Message, Packet};
use crate::money::{BOX, Money, OWN};
use crate::settings::{Key, Settings, row};
use crate::store::schema::Readable;

/// What counts are put together by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// One line for each day.
    Day,
    /// One line for each month.
    Month,
    /// One line for each year.
    Year,
    /// All of the time, by person.
    Person,
}

impl Span {
    /// All spans, in the order in which pages offer them.
    pub const ALL: [Self; 4] = [Self::Day, Self::Month, Self::Year, Self::Person];

    /// The word of the pages and commands.
    pub fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
            Self::Person => "person",
        }
    }

    fn of(self, day: &str) -> &str {
        let length = match self {
            Self::Day => 10,
            Self::Month => 7,
            Self::Year => 4,
            Self::Person => 0,
        };
        day.get(..length).unwrap_or(day)
    }
}

impl std::str::FromStr for Span {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|span| span.word() == word);
        let known = "day, month, year or person";
        found.ok_or_else(|| UnknownWord { what: "span", word: word.to_owned(), known })
    }
}

/// A row of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// The day, month or year, such as `2026-11`; empty for all of the time.
    pub period: String,
    /// The person; empty for the whole box.
    pub person: String,
    /// What was counted in that time for them.
    #[serde(flatten)]
    pub counts: Counts,
}

/// What of a packet is counted for somebody.
pub(super) struct PacketShare {
    /// The person; empty for the box.
    pub person: String,
    /// 1 for whom the packet is counted, 0 for the others in it.
    pub packets: u64,
    /// Bytes of it that are counted for them.
    pub bytes: u64,
    /// Credits of it that are counted for them.
    pub credits: u64,
}

/// The day of the calendar of a box at this moment.
pub(super) fn day(settings: &Settings, now: Time) -> String {
    day_in(settings.text(Key::TimeZone), now)
}

/// The day as it was found last: each commit asks for it.
#[derive(Debug, Default)]
pub(super) struct LastDay(Mutex<Option<(String, i64, String)>>);

impl LastDay {
    /// Gives the day of a moment by the time zone of the box, looked up once a quarter of an hour.
    pub fn day(&self, settings: &Settings, now: Time) -> String {
        // Days begin at whole quarters of an hour, in whatever time zone.
        let (zone, quarter) = (settings.text(Key::TimeZone), now.seconds().div_euclid(15 * 60));
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known, at, day)) if (known.as_str(), *at) == (zone, quarter) => day.clone(),
            _ => {
                let day = day_in(zone, now);
                *last = Some((zone.to_owned(), quarter, day.clone()));
                day
            }
        }
    }
}

fn day_in(zone: &str, now: Time) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let at = Timestamp::from_second(now.seconds()).unwrap_or_default();
    at.to_zoned(zone).strftime("%Y-%m-%d").to_string()
}

impl Tx<'_> {
    fn count(&mut self, person: &str, add: impl FnOnce(&mut Counts)) -> TxResult<()> {
        if self.ledger.today.day != self.day {
            self.close_day()?;
        }
        add(self.ledger.today.people.entry(person.to_owned()).or_default());
        Ok(())
    }

    /// The day of the calendar of this box at this moment.
    pub(super) fn day_of(&self, now: Time) -> TxResult<String> {
        let row = row(Key::TimeZone);
        let zone = self.settings.get(row.name)?;
        Ok(day_in(zone.as_ref().map_or(row.default, |zone| zone.value()), now))
    }

    /// Moves the counts of the day that was into the table, and takes those of the day that is from there: a clock that
    /// was set back comes to a day again that has counts.
    pub(super) fn close_day(&mut self) -> TxResult<()> {
        let before = std::mem::take(&mut self.ledger.today);
        for (person, counts) in &before.people {
            self.usage.insert((before.day.as_str(), person.as_str()), json(counts).as_slice())?;
        }
        let mut today = Today { day: self.day.clone(), people: BTreeMap::new() };
        for row in self.usage.range((self.day.as_str(), "")..)? {
            let (key, bytes) = row?;
            let (day, person) = key.value();
            if day != self.day {
                break;
            }
            if let Ok(counts) = super::schema::record(bytes.value()) {
                today.people.insert(person.to_owned(), counts);
            }
        }
        self.ledger.today = today;
        Ok(())
    }

    /// Counts packets that the compact coding saved.
    pub fn packets_saved(&mut self, packets: usize) -> TxResult<()> {
        self.ledger.packets_saved += packets as u64;
        self.count(BOX, |counts| counts.packets_saved += packets as u64)
    }

    /// Counts a message that was taken in, for each account that it is in.
    pub(super) fn count_taken(&mut self, message: &Message) -> TxResult<()> {
        let (origin, size) = (message.origin.word(), size(message));
        for person in accounts(message) {
            self.count(&person, |counts| {
                *counts.taken.entry(origin.to_owned()).or_default() += 1;
                counts.bytes_in += size;
            })?;
        }
        match message.column() {
            Column::Waiting => Ok(()),
            column => self.count_moved(message, None, column),
        }
    }

    /// Counts a message that came from one column of the totals into another.
    pub(super) fn count_moved(&mut self, message: &Message, from: Option<Column>, to: Column) -> TxResult<()> {
        let (way, size) = (message.way.word(), size(message));
        for person in accounts(message) {
            self.count(&person, |counts| {
                counts.came_back += u64::from(from.is_some_and(|from| from != Column::Waiting));
                match to {
                    Column::Waiting => {}
                    Column::Delivered => {
                        *counts.left.entry(way.to_owned()).or_default() += 1;
                        counts.bytes_out += size;
                    }
                    Column::Returned => counts.returned += 1,
                    Column::Refused => counts.refused += 1,
                }
            })?;
        }
        let reader = message.reader(&self.domain).filter(|_| to == Column::Delivered);
        let Some(reader) = reader else { return Ok(()) };
        for person in [BOX, &reader] {
            self.count(person, |counts| counts.got += 1)?;
        }
        Ok(())
    }

    /// Counts a message that cannot be read any more as given back.
    pub(super) fn count_lost(&mut self) -> TxResult<()> {
        self.count(BOX, |counts| counts.returned += 1)
    }

    /// Counts a packet that went on air: for the box, and for people as it is billed, each with their part of it.
    pub(super) fn count_packet(&mut self, packet: &Packet, people: &[PacketShare]) -> TxResult<()> {
        let credits = packet.charge.as_ref().map_or(0, |charge| charge.credits);
        let whole = PacketShare { person: BOX.to_owned(), packets: 1, bytes: packet.air_bytes() as u64, credits };
        for share in std::iter::once(&whole).chain(people) {
            self.count(&share.person, |counts| {
                counts.packets_sent += share.packets;
                counts.bytes_air += share.bytes;
                counts.credits += share.credits;
            })?;
        }
        Ok(())
    }

    /// Counts the credits of a session that carried no packet, for the box.
    pub fn count_credits(&mut self, credits: u64) -> TxResult<()> {
        if credits == 0 {
            return Ok(());
        }
        self.count(BOX, |counts| counts.credits += credits)
    }

    /// Counts what was spent for an account.
    pub(super) fn count_money(&mut self, account: &str, money: Money) -> TxResult<()> {
        // Receipts and repeats are nobody's: the box has them in its own account.
        if money == Money::default() || account == OWN {
            return Ok(());
        }
        self.count(account, |counts| counts.money = counts.money.plus(money))
    }

    /// Counts a packet from the air.
    pub(super) fn count_packet_in(&mut self) -> TxResult<()> {
        self.count(BOX, |counts| counts.packets_in += 1)
    }
}

/// Who a message is counted for: the box, and whoever wrote it here.
fn accounts(message: &Message) -> impl Iterator<Item = String> + use<> {
    std::iter::once(BOX.to_owned()).chain(message.author.clone())
}

fn size(message: &Message) -> u64 {
    message.mail.as_ref().map_or(message.text.len() as u64, |mail| mail.size)
}

impl View {
    /// The counts by period, newest first; of the box, of one person, or (by person) of each person.
    pub fn usage(&self, span: Span, person: Option<&str>) -> TxResult<Vec<Usage>> {
        let today = Ledger::load(&schema::META.read(&self.0)?)?.today;
        let mut sums: BTreeMap<(String, String), Counts> = BTreeMap::new();
        let wanted = |name: &str| match person {
            Some(person) => name == person,
            None => span == Span::Person || name == BOX,
        };
        let mut add = |day: &str, name: &str, counts: &Counts| {
            if wanted(name) {
                sums.entry((span.of(day).to_owned(), name.to_owned())).or_default().add(counts);
            }
        };
        for row in schema::USAGE.read(&self.0)?.iter()? {
            let (key, bytes) = row?;
            let (day, name) = key.value();
            if day != today.day
                && let Ok(counts) = super::schema::record::<Counts>(bytes.value())
            {
                add(day, name, &counts);
            }
        }
        today.people.iter().for_each(|(name, counts)| add(&today.day, name, counts));
        let mut rows: Vec<_> =
            sums.into_iter().map(|((period, person), counts)| Usage { period, person, counts }).collect();
        rows.sort_by(|a, b| b.period.cmp(&a.period).then_with(|| a.person.cmp(&b.person)));
        Ok(rows)
    }
}

#[cfg(test)]
mod tests;
