//! The links of the box, and what each has cost: booked when a packet is handed over, and given back when it was certainly
//! not taken.

use std::sync::{Arc, PoisonError};

use super::Store;
use super::journal::Event;
use super::schema::{self, Tx, TxResult, View, json, record, reject};
use crate::clock::Time;
use crate::fault::Fault;
use crate::links::{LinkBudget, LinkRecord, Links, Price};
use crate::message::events::EventKind;
use crate::message::{Charge, Extent, LinkId};
use crate::money::{Exceeded, Money, Use};
use crate::store::schema::Readable;

impl Tx<'_> {
    /// The links, as of this transaction; an unreadable one is left out.
    pub fn links(&self) -> TxResult<Links> {
        let mut found = Vec::new();
        for row in self.links.iter()? {
            found.extend(record::<LinkRecord>(row?.1.value()));
        }
        Ok(Links::new(found))
    }

    /// Writes a new link and gives it its number.
    pub fn add_link(&mut self, link: &LinkRecord) -> TxResult<LinkId> {
        self.links()?.check_name(&link.name).or_else(|why| reject(Fault::permanent(why)))?;
        let id = LinkId(self.ledger.next_link);
        self.ledger.next_link += 1;
        self.put_link(&LinkRecord { id, ..link.clone() })?;
        Ok(id)
    }

    /// Writes a link that has its number.
    pub fn put_link(&mut self, link: &LinkRecord) -> TxResult<()> {
        self.links.insert(link.id.0, json(link).as_slice())?;
        self.after.settings = true;
        Ok(())
    }

    /// Forgets a link. What it was given stays as it is.
    pub fn remove_link(&mut self, id: LinkId) -> TxResult<()> {
        self.links.remove(id.0)?;
        self.after.settings = true;
        Ok(())
    }

    /// Charges one packet, or what takes so much, at the price of a link, if its budget allows it; otherwise says which limit is
    /// in the way. A budget that is nearly used up, or is now, is told.
    pub fn charge(
        &mut self,
        link: LinkId,
        budget: &LinkBudget,
        (price, extent): (Option<Price>, Extent),
        (urgent, now): (bool, Time),
    ) -> TxResult<Result<Charge, Exceeded>> {
        let day = self.day.clone();
        let counts = price.is_some_and(|price| price.free > 0 && !price.is_nothing());
        let used = if counts { self.charged(link, &units_of(month(&day)))?.packets } else { 0 };
        let money = price.map(|price| price.after(used).quote(extent).money).unwrap_or_default();
        let wanted = Use::of_packets(1, money);
        for (period, limit) in [(day.as_str(), budget.day), (month(&day), budget.month)] {
            if let Err(why) = limit.check(self.charged(link, period)?, wanted, urgent) {
                return Ok(Err(why));
            }
        }
        for (period, limit) in [(day.as_str(), budget.day), (month(&day), budget.month)] {
            let used = self.charged(link, period)?;
            self.warn_of_link(link, period, &limit.passed(used, used.plus(wanted)), now)?;
        }
        let units = price.filter(|_| counts).map(|price| price.units_of(extent)).unwrap_or_default();
        self.recharge(link, &day, |used| used.plus(wanted), |used| used.saturating_add(units))?;
        let credits = price.and_then(|price| price.credits(extent)).unwrap_or_default() as u64;
        Ok(Ok(Charge { day, money, units, credits }))
    }

    fn warn_of_link(&mut self, link: LinkId, period: &str, passed: &[(u64, Option<u64>)], now: Time) -> TxResult<()> {
        for (percent, reserve) in passed {
            let (name, period) = (self.links()?.name(link), period.to_owned());
            let kind = EventKind::LinkBudget { name, period, percent: *percent, reserve: *reserve };
            self.event(&Event { at: now, part: "budget".to_owned(), link: Some(link), kind, alarm: true })?;
        }
        Ok(())
    }

    /// Gives back what was booked for a packet that was certainly not taken.
    pub fn uncharge(&mut self, link: LinkId, charge: &Charge) -> TxResult<()> {
        let (wanted, units) = (Use::of_packets(1, charge.money), charge.units);
        self.recharge(link, &charge.day, |used| used.minus(wanted), |used| used.saturating_sub(units))
    }

    fn recharge(
        &mut self,
        link: LinkId,
        day: &str,
        change: impl Fn(Use) -> Use,
        count: impl Fn(u64) -> u64,
    ) -> TxResult<()> {
        let period = units_of(month(day));
        let before = self.charged(link, &period)?.packets;
        if count(before) != before {
            self.charges.insert((link.0, period.as_str()), (count(before), 0))?;
        }
        for period in [day, month(day)] {
            let used = change(self.charged(link, period)?);
            self.charges.insert((link.0, period), (used.packets, used.money.0))?;
        }
        Ok(())
    }

    fn charged(&self, link: LinkId, period: &str) -> TxResult<Use> {
        Ok(self.charges.get((link.0, period))?.map_or(Use::default(), |row| read(row.value())))
    }

    /// Removes the days before this one from what links have cost; the months stay.
    pub fn drop_charges_before(&mut self, day: &str) -> TxResult<()> {
        self.charges.retain(|(_, period), _| period.len() < 10 || period >= day)?;
        Ok(())
    }
}

/// Where the units of a month are counted of which some are free, beside what the month has cost.
fn units_of(month: &str) -> String {
    format!("{month}/units")
}

/// Gives the month of a day: `2026-11` of `2026-11-25`.
fn month(day: &str) -> &str {
    day.get(..7).unwrap_or_default()
}

fn read((packets, money): (u64, i64)) -> Use {
    Use { packets, texts: 0, money: Money(money) }
}

impl View {
    /// Units that went by a link in a month, such as `2026-11`, where some of them are free.
    pub fn units(&self, link: LinkId, month: &str) -> TxResult<u64> {
        Ok(self.charged(link, &units_of(month))?.packets)
    }

    /// What was booked on a link in a day, such as `2026-11-25`, or a month.
    pub fn charged(&self, link: LinkId, period: &str) -> TxResult<Use> {
        let row = schema::CHARGES.read(&self.0)?.get((link.0, period))?.map(|row| row.value());
        Ok(row.map_or(Use::default(), read))
    }
}

impl Store {
    /// The links, as last committed.
    pub fn links(&self) -> Arc<Links> {
        Arc::clone(&self.0.links.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The day of the calendar where the box is, as `2026-11-25`.
    pub fn today(&self) -> String {
        self.day_of(self.clock().now())
    }

    /// Gives the day of a time where the box is, as `2026-11-25`.
    pub fn day_of(&self, at: Time) -> String {
        super::usage::day(&self.settings(), at)
    }

    pub(super) fn reload_links(&self) -> Result<(), Fault> {
        let links = self.read(|view| {
            let mut found = Vec::new();
            for row in schema::LINKS.read(&view.0)?.iter()? {
                let (number, bytes) = row?;
                match record::<LinkRecord>(bytes.value()) {
                    Ok(link) => found.push(link),
                    Err(error) => log::error!("link {} is unreadable and left out: {error}", number.value()),
                }
            }
            Ok(found)
        })?;
        *self.0.links.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Links::new(links));
        Ok(())
    }
}
