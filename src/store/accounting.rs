//! The accounts and their budgets: what the box and each person spent in each month, and what is reserved for what has not left, in the same
//! commit as the messages.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Ledger;
use super::journal::Event;
use super::schema::{self, Tx, TxResult, View};
use super::texts::TextState;
use super::usage::PacketShare;
use crate::clock::Time;
use crate::message::events::EventKind;
use crate::message::{Id, Message, Packet, PacketState, State};
use crate::money::{Bill, Limit, Money, OverBudget, Use};
use crate::store::schema::Readable;

/// A message that a budget keeps back is looked at again after this: others may have given back what they reserved.
pub const BUDGET_LOOK: Duration = Duration::from_secs(60);

impl Tx<'_> {
    /// Reserves what a bill asks for, if all its limits allow it; otherwise says which is in the way.
    pub fn reserve(&mut self, bill: &mut Bill, now: Time) -> TxResult<Result<(), OverBudget>> {
        for (account, limit) in &bill.limits {
            let used = self.used(account)?;
            if let Err(limit) = limit.check(used, bill.wanted, bill.urgent) {
                return Ok(Err(OverBudget { account: account.clone(), limit }));
            }
        }
        let accounts: Vec<_> = bill.accounts().map(str::to_owned).collect();
        for account in accounts {
            let before = self.used(&account)?;
            let reserved = self.ledger.reserved.entry(account.clone()).or_default();
            *reserved = reserved.plus(bill.wanted);
            let limit = bill.limits.iter().find(|(name, _)| *name == account).map(|(_, limit)| *limit);
            self.warn(&account, limit.unwrap_or_default(), before, before.plus(bill.wanted), now)?;
        }
        (bill.reserved, bill.short) = (bill.reserved.plus(bill.wanted), false);
        Ok(Ok(()))
    }

    /// Gives back what is reserved for a bill.
    pub fn release(&mut self, bill: &mut Bill) {
        let back = std::mem::take(&mut bill.reserved);
        for account in bill.accounts() {
            if let Some(reserved) = self.ledger.reserved.get_mut(account) {
                *reserved = reserved.minus(back);
            }
        }
    }

    /// Spends something for a bill, out of what is reserved for it as far as that goes; in the month of this commit.
    pub fn spend(&mut self, bill: &mut Bill, what: Use) -> TxResult<()> {
        let left = bill.reserved.minus(what);
        let back = bill.reserved.minus(left);
        for account in bill.accounts() {
            if let Some(reserved) = self.ledger.reserved.get_mut(account) {
                *reserved = reserved.minus(back);
            }
            let month = self.month().to_owned();
            let after = self.spent_in(&month, account)?.plus(what);
            self.put_spent(&month, account, after)?;
            self.count_money(account, what.money)?;
        }
        (bill.reserved, bill.spent) = (left, bill.spent.plus(what));
        Ok(())
    }

    /// Spends what a packet costs that left: by the messages in it, or by the box. Gives what of it is counted
    /// in other accounts than that of the box.
    pub(super) fn spend_packet(&mut self, packet: &Packet) -> TxResult<Vec<PacketShare>> {
        let mut found = Vec::new();
        for id in packet.messages.iter().filter(|_| !packet.is_extra()) {
            found.extend(self.find(*id)?);
        }
        if found.is_empty() {
            let own = packet.peer.as_ref().and_then(|place| place.bill.clone());
            let mut bill = own.unwrap_or_else(|| Bill::own(Use::of_packets(1, Money::default()), Vec::new()));
            let all = bill.wanted;
            self.spend(&mut bill, all)?;
            return Ok(Vec::new());
        }
        let text = |message: &Message| message.account.map_or(1, |account| account.bytes);
        let bytes: Vec<_> = found.iter().map(|message| text(message) + packet.mail_bytes(message.id)).collect();
        // What its link charges for it; in records from before there were several, what its messages were quoted.
        let quoted = || found.iter().filter_map(|message| message.bill.as_ref()).map(Bill::packet_price).max();
        let price = packet.charge.as_ref().map(|charge| charge.money).or_else(quoted);
        let part = packet.peer.as_ref().filter(|place| place.fragments > 1);
        let part = part.map_or(usize::from(packet.part), |place| usize::from(place.fragment) + 1);
        let shares = crate::money::shares(&bytes, part, price.unwrap_or_default());
        // Credits are shared as the price is.
        let credits = packet.charge.as_ref().map_or(0, |charge| i64::try_from(charge.credits).unwrap_or(i64::MAX));
        let credits = crate::money::shares(&bytes, part, Money(credits));
        let total = bytes.iter().sum::<usize>().max(1);
        let (mut counted, mut of_box) = (Vec::new(), Money::default());
        for (((message, mut share), mut credits), bytes) in found.iter().zip(shares).zip(credits).zip(&bytes) {
            let mut bill = message.bill.clone().unwrap_or_default();
            // What waits pays no more than was reserved for it: what else rides in the packet, and makes it dearer, is the box's.
            if matches!(message.state, State::Queued | State::OnLink) {
                let most = share.money.min(bill.reserved.money);
                of_box.0 += share.money.0 - most.0;
                credits.money.0 = credits.money.0 * most.0 / share.money.0.max(1);
                share.money = most;
            }
            self.spend(&mut bill, share)?;
            let bytes = (packet.air_bytes() * bytes / total) as u64;
            counted.extend(bill.people().map(|person| PacketShare {
                person: person.to_owned(),
                packets: share.packets,
                bytes,
                credits: u64::try_from(credits.money.0).unwrap_or_default(),
            }));
            self.change(message.id, |message| message.bill = Some(bill))?;
        }
        self.spend_own(of_box)?;
        Ok(counted)
    }

    /// Spends money for what carried no message of anybody: it is the box's own.
    pub fn spend_own(&mut self, money: Money) -> TxResult<()> {
        if money == Money::default() {
            return Ok(());
        }
        let what = Use { money, ..Use::default() };
        self.spend(&mut Bill::own(what, Vec::new()), what)
    }

    /// Puts another bill in the place of that of a message which enters a queue now, or goes once more: what is reserved for
    /// the old one is given back, what was spent stays. When a budget does not allow the new one, nothing is changed, and
    /// the error says which.
    pub fn rebill(&mut self, message: &mut Message, new: Option<Bill>, now: Time) -> TxResult<Result<(), OverBudget>> {
        let mut old = message.bill.clone().unwrap_or_default();
        let held = old.reserved;
        self.release(&mut old);
        let Some(mut new) = new else {
            message.bill = Some(old).filter(|old| old.spent != Use::default());
            return Ok(Ok(()));
        };
        (new.spent, new.begun) = (old.spent, message.steps.len());
        let reserved = self.reserve(&mut new, now)?;
        match reserved {
            Ok(()) => message.bill = Some(new),
            Err(_) => {
                for account in old.accounts() {
                    let sum = self.ledger.reserved.entry(account.to_owned()).or_default();
                    *sum = sum.plus(held);
                }
            }
        }
        Ok(reserved)
    }

    /// A message that would enter a queue beyond a budget is held instead.
    pub(super) fn bill_new(&mut self, message: &mut Message) -> TxResult<()> {
        if message.state != State::Queued {
            return Ok(());
        }
        let Some(mut bill) = message.bill.take() else { return Ok(()) };
        if let Err(why) = self.reserve(&mut bill, message.accepted)? {
            bill.short = true;
            (message.state, message.reason) = (State::Held, why.into());
            message.next = message.next.min(message.accepted + BUDGET_LOOK);
        }
        message.bill = Some(bill);
        Ok(())
    }

    fn warn(&mut self, account: &str, limit: Limit, before: Use, after: Use, now: Time) -> TxResult<()> {
        let month = self.month().to_owned();
        limit.passed(before, after).into_iter().try_for_each(|(percent, reserve)| {
            let kind = EventKind::Budget { account: account.to_owned(), month: month.clone(), percent, reserve };
            self.event(&Event { at: now, part: "budget".to_owned(), link: None, kind, alarm: true })
        })
    }

    /// Brings the bill of a message in line with its state: what is reserved for one that has left, has ended or is held is
    /// given back, unless the link may still have a packet of it; what a carrier took is spent.
    pub(super) fn settle_bill(&mut self, message: &mut Message) -> TxResult<()> {
        let waits = matches!(message.state, State::Queued | State::OnLink);
        let Some(mut bill) = message.bill.clone().filter(|bill| bill.reserved != Use::default() && !waits) else {
            return Ok(());
        };
        if bill.reserved.texts > 0 {
            if self.carrier_took(message, &bill)? {
                let all = bill.reserved;
                self.spend(&mut bill, all)?;
            }
        } else if self.may_leave(message)? {
            return Ok(());
        }
        self.release(&mut bill);
        message.bill = Some(bill);
        Ok(())
    }

    /// Gives back what is reserved for messages that nothing can leave of any more.
    pub fn settle(&mut self, messages: &[Id]) -> TxResult<()> {
        for id in messages {
            let Some(message) = self.find(*id)? else { continue };
            if message.bill.is_some_and(|bill| bill.reserved != Use::default()) {
                self.change(*id, |_| ())?;
            }
        }
        Ok(())
    }

    /// True while the link has, or may have, a packet that this message pays for.
    fn may_leave(&self, message: &Message) -> TxResult<bool> {
        let there = |packet: &Packet| {
            matches!(packet.state, PacketState::Held(_) | PacketState::Handing(_) | PacketState::Unknown(_))
        };
        Ok(self.packets_of(message.id)?.iter().any(|packet| there(packet) && !packet.is_extra()))
    }

    /// True when the carrier took the text, or may have: it is paid for that, whatever came of it.
    fn carrier_took(&self, message: &Message, bill: &Bill) -> TxResult<bool> {
        let steps = message.steps.get(bill.begun..).unwrap_or_default();
        // A record from before this bill is about an earlier sending, which is paid.
        let before = bill.begun.checked_sub(1).and_then(|last| message.steps.get(last)).map(|step| step.at);
        let text = self.text(message.id)?.filter(|text| before.is_none_or(|before| text.at > before));
        let taken = text
            .is_some_and(|text| matches!(text.state, TextState::Handing | TextState::Unknown | TextState::Taken(_)));
        let sent = matches!(message.state, State::Sent | State::Delivered);
        Ok(taken || sent || steps.iter().any(|step| step.state == State::Sent))
    }

    /// Adds up anew what is reserved: a record that cannot be read reserves nothing.
    pub(super) fn recount_reserved(&mut self) -> TxResult<()> {
        // Something can still leave of what waits, and of what has ended while the link has a packet of it.
        let open = self.open_packets()?;
        let mut ids: BTreeSet<_> = open.iter().flat_map(|packet| packet.messages.iter().copied()).collect();
        for row in self.due.iter()? {
            ids.insert(Id(row?.0.value().2));
        }
        let mut bills: Vec<_> = open.into_iter().filter_map(|packet| packet.peer?.bill).collect();
        for id in ids {
            bills.extend(self.find(id)?.and_then(|message| message.bill));
        }
        let mut sums: BTreeMap<String, Use> = BTreeMap::new();
        for bill in bills.iter().filter(|bill| bill.reserved != Use::default()) {
            for account in bill.accounts() {
                let sum = sums.entry(account.to_owned()).or_default();
                *sum = sum.plus(bill.reserved);
            }
        }
        self.ledger.reserved = sums;
        Ok(())
    }

    /// What an account used of this month: spent, and reserved.
    fn used(&self, account: &str) -> TxResult<Use> {
        let reserved = self.ledger.reserved.get(account).copied().unwrap_or_default();
        Ok(self.spent_in(self.month(), account)?.plus(reserved))
    }

    /// The month of this commit, as `2026-11`.
    fn month(&self) -> &str {
        self.day.get(..7).unwrap_or_default()
    }

    pub(super) fn spent_in(&self, month: &str, account: &str) -> TxResult<Use> {
        let row = self.spent.get((month, account))?.map(|row| row.value());
        Ok(row.map_or(Use::default(), read))
    }

    pub(super) fn put_spent(&mut self, month: &str, account: &str, used: Use) -> TxResult<()> {
        self.spent.insert((month, account), (used.packets, used.texts, used.money.0))?;
        Ok(())
    }
}

fn read((packets, texts, money): (u64, u64, i64)) -> Use {
    Use { packets, texts, money: Money(money) }
}

impl View {
    /// What is reserved in each account for messages that have not left; the box under the name of [`BOX`].
    pub fn reserved(&self) -> TxResult<BTreeMap<String, Use>> {
        Ok(Ledger::load(&schema::META.read(&self.0)?)?.reserved)
    }

    /// What each account spent in a month; the box under the name of [`BOX`].
    pub fn spent_in(&self, month: &str) -> TxResult<Vec<(String, Use)>> {
        let mut found = Vec::new();
        for row in schema::SPENT.read(&self.0)?.range((month, "")..)? {
            let (key, value) = row?;
            if key.value().0 != month {
                break;
            }
            found.push((key.value().1.to_owned(), read(value.value())));
        }
        Ok(found)
    }

    /// What each account used in a month: spent in it, and reserved now.
    pub fn used_in(&self, month: &str) -> TxResult<BTreeMap<String, Use>> {
        let mut used = self.reserved()?;
        for (account, spent) in self.spent_in(month)? {
            let sum = used.entry(account).or_default();
            *sum = sum.plus(spent);
        }
        Ok(used)
    }

    /// What an account used, month by month, oldest first.
    pub fn used_by(&self, account: &str) -> TxResult<Vec<(String, Use)>> {
        let mut found = Vec::new();
        for row in schema::SPENT.read(&self.0)?.iter()? {
            let (key, value) = row?;
            let (month, whose) = key.value();
            if whose == account {
                found.push((month.to_owned(), read(value.value())));
            }
        }
        Ok(found)
    }

    /// The months that have accounts, oldest first.
    pub fn months(&self) -> TxResult<Vec<String>> {
        let mut months: Vec<String> = Vec::new();
        for row in schema::SPENT.read(&self.0)?.iter()? {
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
