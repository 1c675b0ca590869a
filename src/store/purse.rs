//! The accounts of each month: what the box and each person used, in the same commit as the letters.

use redb::ReadableTable;

use super::journal::Event;
use super::schema::{self, Outcome, Tx, View};
use crate::clock::Time;
use crate::message::{Message, State};
use crate::money::{BOX, Bill, Limit, Money, Use};

/// A warning is written when an account passes one of these, in hundredths.
const WARN_AT: [u64; 2] = [80, 100];

impl Tx<'_> {
    /// Puts a bill into the accounts, if all its limits allow it; otherwise which is in the way, in words.
    pub fn charge(&mut self, bill: &mut Bill, now: Time) -> Outcome<Result<(), String>> {
        if bill.charged {
            return Ok(Ok(()));
        }
        for (account, limit) in &bill.limits {
            let used = self.used(&bill.month, account)?;
            if let Err(why) = limit.check(used, bill.wanted, bill.urgent) {
                let whose = if account == BOX {
                    "the budget of this box".to_owned()
                } else {
                    format!("the budget of {account}")
                };
                return Ok(Err(format!("{whose} is used up: {why}")));
            }
        }
        for account in bill.accounts().map(str::to_owned).collect::<Vec<_>>() {
            let limit = bill.limits.iter().find(|(name, _)| *name == account).map(|(_, limit)| *limit);
            self.add_use(&bill.month, &account, bill.wanted, limit.unwrap_or_default(), now)?;
        }
        (bill.charged, bill.short) = (true, false);
        Ok(Ok(()))
    }

    /// A letter that would enter a queue beyond a budget is held instead.
    pub(super) fn bill_new(&mut self, message: &mut Message) -> Outcome<()> {
        if message.state != State::Queued {
            return Ok(());
        }
        let Some(mut bill) = message.bill.take() else { return Ok(()) };
        if let Err(why) = self.charge(&mut bill, message.accepted)? {
            bill.short = true;
            (message.state, message.reason) = (State::Held, why);
        }
        message.bill = Some(bill);
        Ok(())
    }

    fn add_use(&mut self, month: &str, account: &str, more: Use, limit: Limit, now: Time) -> Outcome<()> {
        let before = self.used(month, account)?;
        let after = Use { packets: before.packets + more.packets, money: before.money.plus(more.money) };
        self.spent.insert((month, account), (after.packets, after.money.0))?;
        let (was, is) = (limit.percent(before), limit.percent(after));
        for step in WARN_AT {
            if was.is_some_and(|was| was < step) && is.is_some_and(|is| is >= step) {
                let whose = if account == BOX { "this box" } else { account };
                let words = format!("{step} % of the budget of {whose} for {month} are used");
                self.event(&Event { at: now, part: "budget".to_owned(), words, alarm: true })?;
            }
        }
        Ok(())
    }

    /// Brings the bill of a message in line with its state: what never left is given back, what left in part is paid in
    /// part.
    pub(super) fn settle_bill(&mut self, message: &mut Message) -> Outcome<()> {
        let sent: u64 = message.steps.iter().map(|step| u64::from(step.packets)).sum();
        let ended = match message.state {
            State::Returned | State::Expired | State::Cancelled | State::Refused | State::Held => true,
            State::Queued | State::OnModem | State::Sent | State::Delivered => false,
        };
        let Some(bill) = message.bill.as_mut().filter(|bill| bill.charged && ended) else { return Ok(()) };
        let whole = bill.wanted.packets;
        if sent >= whole {
            return Ok(());
        }
        // Packets of a letter all cost the same.
        let left = Use {
            packets: sent,
            money: Money(
                bill.wanted.money.0 / i64::try_from(whole).unwrap_or(1).max(1) * i64::try_from(sent).unwrap_or(0),
            ),
        };
        let back = Use { packets: whole - sent, money: bill.wanted.money.minus(left.money) };
        for account in bill.accounts().map(str::to_owned).collect::<Vec<_>>() {
            let before = self.used(&bill.month, &account)?;
            let after = (before.packets.saturating_sub(back.packets), before.money.minus(back.money).0);
            self.spent.insert((bill.month.as_str(), account.as_str()), after)?;
        }
        bill.charged = sent > 0;
        if sent > 0 {
            bill.wanted = left;
        }
        Ok(())
    }

    fn used(&self, month: &str, account: &str) -> Outcome<Use> {
        let row = self.spent.get((month, account))?.map(|row| row.value());
        Ok(row.map_or(Use::default(), |(packets, money)| Use { packets, money: Money(money) }))
    }
}

impl View {
    /// What each account used in a month; the box under the name of [`BOX`].
    pub fn used_in(&self, month: &str) -> Outcome<Vec<(String, Use)>> {
        let mut found = Vec::new();
        for row in self.0.open_table(schema::SPENT)?.range((month, "")..)? {
            let (key, value) = row?;
            if key.value().0 != month {
                break;
            }
            let (packets, money) = value.value();
            found.push((key.value().1.to_owned(), Use { packets, money: Money(money) }));
        }
        Ok(found)
    }

    /// The months that have accounts, oldest first.
    pub fn months(&self) -> Outcome<Vec<String>> {
        let mut months: Vec<String> = Vec::new();
        for row in self.0.open_table(schema::SPENT)?.iter()? {
            let month = row?.0.value().0.to_owned();
            if months.last() != Some(&month) {
                months.push(month);
            }
        }
        Ok(months)
    }
}

#[cfg(test)]
mod tests;
