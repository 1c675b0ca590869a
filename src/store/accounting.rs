//! The accounts of each month: what the box and each person used, in the same commit as the messages.

use redb::ReadableTable;

use super::journal::Event;
use super::schema::{self, Tx, TxResult, View};
use super::texts::TextState;
use crate::clock::Time;
use crate::message::{Message, State};
use crate::money::{BOX, Bill, Limit, Money, OverBudget, Use};

/// A warning is written when an account passes one of these, in hundredths.
const WARN_AT: [u64; 2] = [80, 100];

impl Tx<'_> {
    /// Puts a bill into the accounts, if all its limits allow it; otherwise which is in the way.
    pub fn charge(&mut self, bill: &mut Bill, now: Time) -> TxResult<Result<(), OverBudget>> {
        if bill.charged {
            return Ok(Ok(()));
        }
        for (account, limit) in &bill.limits {
            let used = self.used(&bill.month, account)?;
            if let Err(limit) = limit.check(used, bill.wanted, bill.urgent) {
                return Ok(Err(OverBudget { account: account.clone(), limit }));
            }
        }
        let limit = |account: &str| bill.limits.iter().find(|(name, _)| name == account).map(|(_, limit)| *limit);
        for account in bill.accounts() {
            self.add_use(&bill.month, account, bill.wanted, limit(account).unwrap_or_default(), now)?;
        }
        (bill.charged, bill.short) = (true, false);
        Ok(Ok(()))
    }

    /// Takes what was not used of a bill out of the accounts again; the rest stays as what it came to.
    pub fn refund(&mut self, bill: &mut Bill, back: Use) -> TxResult<()> {
        for account in bill.accounts() {
            let after = self.used(&bill.month, account)?.minus(back);
            self.put_used(&bill.month, account, after)?;
        }
        bill.wanted = bill.wanted.minus(back);
        bill.charged = bill.wanted != Use::default();
        Ok(())
    }

    /// Puts another bill in the place of that of a message which enters a queue now, or goes once more: what the old one
    /// was charged and did not use is given back, what it used stays paid. When a budget does not allow the new one,
    /// nothing is changed, and the error says which.
    pub fn rebill(&mut self, message: &mut Message, new: Option<Bill>, now: Time) -> TxResult<Result<(), OverBudget>> {
        let (mut old, mut back) = (message.bill.clone(), Use::default());
        if let Some(old) = old.as_mut().filter(|old| old.charged) {
            back = self.unused(message, old)?;
            self.refund(old, back)?;
        }
        let paid = old.as_ref().map(Bill::total).unwrap_or_default();
        let Some(mut new) = new else {
            message.bill = old.filter(|_| paid != Use::default());
            return Ok(Ok(()));
        };
        (new.paid, new.begun) = (paid, message.steps.len());
        let charged = self.charge(&mut new, now)?;
        match (&charged, &old) {
            (Ok(()), _) => message.bill = Some(new),
            (Err(_), Some(old)) => {
                for account in old.accounts() {
                    let after = self.used(&old.month, account)?.plus(back);
                    self.put_used(&old.month, account, after)?;
                }
            }
            (Err(_), None) => {}
        }
        Ok(charged)
    }

    /// A message that would enter a queue beyond a budget is held instead.
    pub(super) fn bill_new(&mut self, message: &mut Message) -> TxResult<()> {
        if message.state != State::Queued {
            return Ok(());
        }
        let Some(mut bill) = message.bill.take() else { return Ok(()) };
        if let Err(why) = self.charge(&mut bill, message.accepted)? {
            bill.short = true;
            (message.state, message.reason) = (State::Held, why.into());
        }
        message.bill = Some(bill);
        Ok(())
    }

    fn add_use(&mut self, month: &str, account: &str, more: Use, limit: Limit, now: Time) -> TxResult<()> {
        let before = self.used(month, account)?;
        let after = before.plus(more);
        self.put_used(month, account, after)?;
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
    pub(super) fn settle_bill(&mut self, message: &mut Message) -> TxResult<()> {
        let ended = match message.state {
            State::Returned | State::Expired | State::Cancelled | State::Refused | State::Held => true,
            State::Queued | State::OnLink | State::Sent | State::FarBox | State::Delivered => false,
        };
        let Some(mut bill) = message.bill.clone().filter(|bill| bill.charged && ended) else { return Ok(()) };
        let back = self.unused(message, &bill)?;
        self.refund(&mut bill, back)?;
        message.bill = Some(bill);
        Ok(())
    }

    /// The part of a charged bill that certainly was not used.
    fn unused(&self, message: &Message, bill: &Bill) -> TxResult<Use> {
        let steps = message.steps.get(bill.begun..).unwrap_or_default();
        // A record from before this bill is about an earlier sending, which is paid.
        let before = bill.begun.checked_sub(1).and_then(|last| message.steps.get(last)).map(|step| step.at);
        let text = self.text(message.id)?.filter(|text| before.is_none_or(|before| text.at > before));
        let text = text.map(|text| text.state);
        // A carrier is paid for what it took, whatever came of it, and may have taken what nobody knows about.
        let taken = matches!(text, Some(TextState::Handing | TextState::Unknown | TextState::Taken(_)));
        if steps.iter().any(|step| step.state == State::Sent) || taken {
            return Ok(Use::default());
        }
        let sent: u64 = steps.iter().map(|step| u64::from(step.packets)).sum();
        let Use { packets, money, .. } = bill.wanted;
        let each = money.0 / i64::try_from(packets).unwrap_or(i64::MAX).max(1);
        // Packets of a message all cost the same.
        Ok(bill.wanted.minus(Use::of_packets(sent.min(packets), Money(each))))
    }

    fn used(&self, month: &str, account: &str) -> TxResult<Use> {
        let row = self.spent.get((month, account))?.map(|row| row.value());
        Ok(row.map_or(Use::default(), read))
    }

    fn put_used(&mut self, month: &str, account: &str, used: Use) -> TxResult<()> {
        self.spent.insert((month, account), (used.packets, used.texts, used.money.0))?;
        Ok(())
    }
}

fn read((packets, texts, money): (u64, u64, i64)) -> Use {
    Use { packets, texts, money: Money(money) }
}

impl View {
    /// What each account used in a month; the box under the name of [`BOX`].
    pub fn used_in(&self, month: &str) -> TxResult<Vec<(String, Use)>> {
        let mut found = Vec::new();
        for row in self.0.open_table(schema::SPENT)?.range((month, "")..)? {
            let (key, value) = row?;
            if key.value().0 != month {
                break;
            }
            found.push((key.value().1.to_owned(), read(value.value())));
        }
        Ok(found)
    }

    /// The months that have accounts, oldest first.
    pub fn months(&self) -> TxResult<Vec<String>> {
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
