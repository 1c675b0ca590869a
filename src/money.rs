//! Money: what a packet costs, what a month may cost, and what it did cost. Pure; the store keeps the sums.
//!
//! A message that enters the queue of a way that costs reserves its quote: what it takes alone, by the cheapest link. A
//! dearer one reserves what it costs there when it takes the message, or the budget holds it. When a packet leaves, its
//! price is shared among the messages in it by their bytes and is spent then; what is left of the reservations is given
//! back. Packets of no message (receipts, repeats) are the box's own. So what is spent is what left, packet by packet, and
//! a limit that reservations cannot pass is a limit that nothing passes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The account of the whole box; a person's is their name.
pub const BOX: &str = "";

/// The account of packets that belong to no message: receipts, and what goes once more. They are in that of the box as
/// well. No person has such a name.
pub const OWN: &str = "(own)";

/// A warning is written when a budget passes one of these, in hundredths.
const WARN_AT: [u64; 2] = [80, 100];

/// An amount in millionths of the currency of the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Money(pub i64);

impl Money {
    /// Multiplies the amount; stops at the largest there is.
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX)))
    }

    /// What is told of what is left: never more than that.
    pub fn rounded_down(self) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(FINEST)))
    }

    /// What is told of a sum that was spent: four places, to the nearest.
    pub fn rounded(self) -> Self {
        Self(self.0.saturating_add(FINEST / 2)).rounded_down()
    }

    /// True for an amount of 0, which serde leaves out.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    pub fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// The sum of both.
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, never below zero.
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).max(0))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 1_000_000, (self.0 % 1_000_000).abs());
        let part = format!("{part:06}");
        let cut = part.trim_end_matches('0');
        write!(f, "{whole}.{cut:0<2}")
    }
}

/// What was read is no amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoneyError(String);

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is no amount: write 0.07 or 12", self.0.escape_debug())
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let wrong = || MoneyError(text.to_owned());
        let text = text.trim();
        // Three digits behind a comma may be thousands: that is not guessed.
        let comma =
            text.split_once(',').filter(|(whole, part)| part.len() != 3 || whole.bytes().all(|byte| byte == b'0'));
        let (whole, part) = text.split_once('.').or(comma).unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && part.is_empty()) || !digits(whole) || !digits(part) || part.len() > 6 || whole.len() > 9
        {
            return Err(wrong());
        }
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| wrong())? };
        let part: i64 = format!("{part:0<6}").parse().map_err(|_| wrong())?;
        Ok(Self(whole * 1_000_000 + part))
    }
}

/// An amount with the currency that the box had at the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// The amount, in millionths of the currency.
    pub money: Money,
    /// Of what; empty where the owner named none.
    #[serde(default)]
    pub currency: String,
}

/// What people read has four places at most: a text costs less than a hundredth.
const FINEST: i64 = 100;

/// As a price, which is rounded up to four places, so that none is told too low; with `#` to the last place.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let money = Money(match self.money.0.rem_euclid(FINEST) {
            over if over > 0 && !f.alternate() => self.money.0.saturating_add(FINEST - over),
            _ => self.money.0,
        });
        match self.currency.as_str() {
            "" => money.fmt(f),
            currency => write!(f, "{money} {currency}"),
        }
    }
}

/// A message costs more than it may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverPrice {
    /// What it would cost.
    pub costs: Amount,
    /// What it may cost.
    pub most: Amount,
}

/// A budget has no room for a message in this month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverBudget {
    /// Whose it is: a person's name, or [`BOX`].
    pub account: String,
    /// The limit in the way, with what was used of it.
    pub limit: Exceeded,
}

/// A limit that a message would pass, with what was used at the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Exceeded {
    /// The budget in packets of this month.
    Packets {
        /// Packets that were used or reserved in the month.
        used: u64,
        /// Packets that the owner allows in a month.
        most: u64,
        /// This part of them, in hundredths, is kept for urgent messages, of which this is none.
        reserve: u64,
    },
    /// The budget in money of this month.
    Money {
        /// Money that was spent or reserved in the month.
        used: Money,
        /// Money that the owner allows in a month.
        most: Money,
        /// This part of it, in hundredths, is kept for urgent messages, of which this is none.
        reserve: u64,
    },
}

/// What an account used in a month, or what one message uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Use {
    /// How many packets go, or went, over links.
    pub packets: u64,
    /// Text messages (segments) at a carrier.
    #[serde(default)]
    pub texts: u64,
    /// What they cost together.
    pub money: Money,
}

impl Use {
    /// Gives the use of some packets at the price of one.
    pub fn of_packets(packets: u64, price: Money) -> Self {
        Self { packets, texts: 0, money: price.times(packets) }
    }

    /// Text messages at the price of one.
    pub fn of_texts(texts: u64, price: Money) -> Self {
        Self { packets: 0, texts, money: price.times(texts) }
    }

    /// The sum of both.
    pub fn plus(self, other: Self) -> Self {
        Self {
            packets: self.packets.saturating_add(other.packets),
            texts: self.texts.saturating_add(other.texts),
            money: self.money.plus(other.money),
        }
    }

    /// The difference, nowhere below zero.
    pub fn minus(self, other: Self) -> Self {
        Self {
            packets: self.packets.saturating_sub(other.packets),
            texts: self.texts.saturating_sub(other.texts),
            money: self.money.minus(other.money),
        }
    }
}

/// What an account may use in a month; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limit {
    /// Most packets in the time of the budget.
    pub packets: Option<u64>,
    /// Most money in the time of the budget.
    pub money: Option<Money>,
    /// This part of it, in hundredths, is kept for urgent messages.
    pub reserve: u64,
}

impl Limit {
    /// Whether a message may be billed on top of what was used.
    ///
    /// # Errors
    /// The limit that is in the way.
    pub fn check(&self, used: Use, wanted: Use, urgent: bool) -> Result<(), Exceeded> {
        let reserve = if urgent { 0 } else { self.reserve.min(100) };
        let open = |whole: u64| whole - whole / 100 * reserve - whole % 100 * reserve / 100;
        if let Some(most) = self.packets
            && used.packets.saturating_add(wanted.packets) > open(most)
        {
            return Err(Exceeded::Packets { used: used.packets, most, reserve });
        }
        if let Some(most) = self.money
            && u64::try_from(used.money.plus(wanted.money).0).unwrap_or_default()
                > open(u64::try_from(most.0).unwrap_or_default())
        {
            return Err(Exceeded::Money { used: used.money, most, reserve });
        }
        Ok(())
    }

    /// What is left for a message, in packets and in money; `None` without a limit.
    pub fn left(&self, used: Use, urgent: bool) -> (Option<u64>, Option<Money>) {
        let reserve = if urgent { 0 } else { self.reserve.min(100) };
        let open = |whole: u64| whole - whole / 100 * reserve - whole % 100 * reserve / 100;
        let spent = u64::try_from(used.money.0).unwrap_or_default();
        let money = self.money.map(|most| open(u64::try_from(most.0).unwrap_or_default()).saturating_sub(spent));
        (
            self.packets.map(|most| open(most).saturating_sub(used.packets)),
            money.map(|left| Money(i64::try_from(left).unwrap_or(i64::MAX))),
        )
    }

    /// The steps at which a warning is written that lie between two states: hundredths, and the part that is kept for urgent
    /// messages where they are of what the others may use.
    pub fn passed(&self, before: Use, after: Use) -> Vec<(u64, Option<u64>)> {
        let mut passed = Vec::new();
        let mut passes = |was: Option<u64>, is: Option<u64>, steps: &[u64], reserve: Option<u64>| {
            let crossed = |step: &&u64| was.is_some_and(|was| was < **step) && is.is_some_and(|is| is >= **step);
            passed.extend(steps.iter().filter(crossed).map(|step| (*step, reserve)));
        };
        match self.reserve {
            0 => passes(self.percent(before), self.percent(after), &WARN_AT, None),
            reserve => {
                passes(self.open_percent(before), self.open_percent(after), &WARN_AT, Some(reserve));
                passes(self.percent(before), self.percent(after), &WARN_AT[1..], None);
            }
        }
        passed
    }

    /// How much is used where that is worth a warning now: in hundredths, with the part that is kept for urgent messages where
    /// they are of what the others may use.
    pub fn nearly_used(&self, used: Use) -> Option<(u64, Option<u64>)> {
        let [much, all] = WARN_AT;
        let whole = self.percent(used).filter(|percent| *percent >= all).map(|percent| (percent, None));
        let reserve = Some(self.reserve).filter(|reserve| *reserve > 0);
        whole.or_else(|| self.open_percent(used).filter(|percent| *percent >= much).map(|percent| (percent, reserve)))
    }

    /// How much of what normal messages may use is used, in hundredths; `None` without a limit.
    pub fn open_percent(&self, used: Use) -> Option<u64> {
        let open = |whole: u64| whole - whole / 100 * self.reserve.min(100) - whole % 100 * self.reserve.min(100) / 100;
        let money = self.money.map(|most| open(u64::try_from(most.0).unwrap_or_default()));
        let money = money.map(|most| Money(i64::try_from(most).unwrap_or(i64::MAX)));
        Self { packets: self.packets.map(open), money, reserve: 0 }.percent(used)
    }

    /// How much of the tighter limit is used, in hundredths; `None` without a limit.
    pub fn percent(&self, used: Use) -> Option<u64> {
        let packets = self.packets.map(|most| used.packets.saturating_mul(100) / most.max(1));
        let part = |money: Money| u64::try_from(money.0).unwrap_or_default();
        let money = self.money.map(|most| part(used.money).saturating_mul(100) / part(most).max(1));
        packets.into_iter().chain(money).max()
    }
}

/// The limits that a message has to keep: those of the box, and those of its person.
pub type Limits = Vec<(String, Limit)>;

/// What a message costs, and whose budgets it is in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bill {
    /// The person whose account it is in: who wrote it, or else who reads it; `None` for messages of nobody here.
    pub person: Option<String>,
    /// The person who reads it, where somebody else of this box wrote it: it is in the accounts of both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader: Option<String>,
    /// Its quote: what it uses alone.
    pub wanted: Use,
    /// What was spent for it so far.
    #[serde(default, rename = "paid")]
    pub spent: Use,
    /// What is reserved for it now, on top of what was spent.
    #[serde(default)]
    pub reserved: Use,
    /// Steps that the time line had when it was reserved: what the carrier took before is paid.
    #[serde(default)]
    pub begun: usize,
    /// The message is held because a budget did not allow it.
    #[serde(default)]
    pub short: bool,
    /// Urgent messages may use the reserve.
    #[serde(default)]
    pub urgent: bool,
    /// The limits of the moment; not kept.
    #[serde(skip)]
    pub limits: Limits,
}

impl Bill {
    /// For this use; nothing is reserved yet.
    pub fn new(wanted: Use, limits: Limits) -> Self {
        Self { wanted, limits, ..Self::default() }
    }

    /// For a packet that belongs to no message.
    pub fn own(wanted: Use, limits: Limits) -> Self {
        Self { person: Some(OWN.to_owned()), ..Self::new(wanted, limits) }
    }

    /// What is in the accounts for it: spent, and reserved.
    pub fn total(&self) -> Use {
        self.spent.plus(self.reserved)
    }

    /// The people whose accounts it is in.
    pub fn people(&self) -> impl Iterator<Item = &str> {
        self.person.as_deref().into_iter().chain(self.reader.as_deref())
    }

    /// Names the accounts that it is in: the box first, then people.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(BOX).chain(self.people())
    }

    /// The price of one packet in its quote.
    pub fn packet_price(&self) -> Money {
        let packets = i64::try_from(self.wanted.packets).unwrap_or(i64::MAX).max(1);
        Money(if self.wanted.packets == 0 { 0 } else { self.wanted.money.0 / packets })
    }

    /// Which budget has no room for `wanted` in the place of its quote, on top of what the accounts `used`.
    pub fn over(&self, wanted: Use, used: &BTreeMap<String, Use>) -> Option<OverBudget> {
        self.limits.iter().find_map(|(account, limit)| {
            let used = used.get(account).copied().unwrap_or_default();
            let limit = limit.check(used, wanted, self.urgent).err()?;
            Some(OverBudget { account: account.clone(), limit })
        })
    }

    /// True when it asks for the same, of the same people.
    pub fn same_quote(&self, other: &Self) -> bool {
        self.wanted == other.wanted && self.people().eq(other.people())
    }
}

/// What each of several messages with so many bytes pays of one packet that all of them are in: the first number is whether
/// the packet is counted for it, the second its share of the price. Of the packets of a group of `parts` each is counted
/// for one message, and each message for as many as its bytes are worth. The sums are exact.
pub fn shares(bytes: &[usize], part: usize, price: Money) -> Vec<Use> {
    let weight = |bytes: usize| i128::try_from(bytes.max(1)).unwrap_or(i128::MAX >> 32);
    let total: i128 = bytes.iter().map(|bytes| weight(*bytes)).sum();
    let mut shares: Vec<_> = bytes
        .iter()
        .map(|bytes| {
            // A share is never more than the price.
            let money = i64::try_from(i128::from(price.0) * weight(*bytes) / total).unwrap_or_default();
            Use { money: Money(money), ..Use::default() }
        })
        .collect();
    let shared: i64 = shares.iter().map(|share| share.money.0).sum();
    let mut counted = vec![0_i128; bytes.len()];
    for number in 1..=part.max(1) {
        let number = i128::try_from(number).unwrap_or(i128::MAX >> 64);
        let owed = |at: &usize| (number * weight(bytes[*at]) - counted[*at] * total, std::cmp::Reverse(*at));
        let Some(next) = (0..bytes.len()).max_by_key(owed) else { return shares };
        counted[next] += 1;
        if number == i128::try_from(part.max(1)).unwrap_or_default() {
            shares[next].packets = 1;
            shares[next].money.0 += price.0 - shared;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_they_print() {
        for (text, shown) in [
            ("0.07", "0.07"),
            ("12", "12.00"),
            ("1.5", "1.50"),
            ("0.000001", "0.000001"),
            (".5", "0.50"),
            ("0,125", "0.125"),
            ("1,5", "1.50"),
        ] {
            assert_eq!(text.parse::<Money>().unwrap().to_string(), shown);
        }
        for bad in ["", ".", "-1", "1,000", "1,5.0", "1.0000001", "a", "9999999999"] {
            assert!(bad.parse::<Money>().is_err(), "{bad}");
        }
    }

    #[test]
    fn prices_are_rounded_up_and_what_is_left_is_rounded_down() {
        let told = |money| Amount { money, currency: "USD".into() }.to_string();
        let money = Money(43_910);
        assert_eq!(told(money), "0.044 USD");
        assert_eq!((told(money.rounded_down()), told(money.rounded())), ("0.0439 USD".into(), "0.0439 USD".into()));
        assert_eq!(told(Money(43_950).rounded()), "0.044 USD");
        // A message is not said to cost what it may.
        let amount = |money| Amount { money: Money(money), currency: "USD".into() };
        let over = OverPrice { costs: amount(43_950), most: amount(43_910) };
        assert_eq!(over.to_string(), "it costs 0.044 USD, and 0.04391 USD at most are allowed");
    }

    #[test]
    fn a_limit_keeps_its_reserve_for_urgent_messages() {
        let limit = Limit { packets: Some(10), money: None, reserve: 20 };
        let used = |packets| Use { packets, ..Use::default() };
        assert!(limit.check(used(7), used(1), false).is_ok());
        let exceeded = Exceeded::Packets { used: 8, most: 10, reserve: 20 };
        assert_eq!(limit.check(used(8), used(1), false), Err(exceeded));
        assert!(limit.check(used(8), used(2), true).is_ok());
        assert!(limit.check(used(8), used(3), true).is_err());
        assert_eq!(limit.percent(used(8)), Some(80));
        assert_eq!(Limit::default().percent(used(8)), None);
        assert!(Limit::default().check(used(u64::MAX), used(1), false).is_ok());
    }

    #[test]
    fn a_packet_is_shared_to_the_last_millionth_and_counted_once() {
        for bytes in [&[10][..], &[70, 30, 20], &[1, 1, 1], &[150, 140], &[0, 5], &[190, 1, 1, 1]] {
            let parts = 4;
            let mut counted = vec![0; bytes.len()];
            for part in 1..=parts {
                let shares = shares(bytes, part, Money(70_001));
                assert_eq!(shares.iter().map(|share| share.money.0).sum::<i64>(), 70_001, "{bytes:?}");
                assert_eq!(shares.iter().map(|share| share.packets).sum::<u64>(), 1, "{bytes:?}");
                counted.iter_mut().zip(&shares).for_each(|(sum, share)| *sum += share.packets);
            }
            let total: usize = bytes.iter().map(|bytes| (*bytes).max(1)).sum();
            for (counted, bytes) in counted.iter().zip(bytes) {
                assert!(*counted as usize <= (parts * (*bytes).max(1)).div_ceil(total), "{bytes} of {total}");
            }
        }
        assert_eq!(shares(&[150, 140], 1, Money(7))[0].packets, 1);
        assert_eq!(shares(&[150, 140], 2, Money(7))[1].packets, 1);
    }
}
