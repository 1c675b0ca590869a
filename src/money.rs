//! Money: what a packet costs, what a month may cost, and what it did cost. Pure; the store keeps the sums.
//!
//! A message is billed when it enters the queue of a way that costs, for what it takes alone; a message that never left is
//! given back, one of which only a part left pays for that part, and one that has to go again pays again. Packets that
//! belong to no message (receipts, repeats) are billed to the box. So what is billed is never less than what was spent,
//! and a limit that bills cannot pass is a limit that nothing passes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The account of the whole box; a person's is their name.
pub const BOX: &str = "";

/// An amount in millionths of the currency of the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Money(pub i64);

impl Money {
    /// So many times the amount.
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX)))
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
        let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
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
    /// How much.
    pub money: Money,
    /// Of what; empty where the owner named none.
    #[serde(default)]
    pub currency: String,
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.currency.as_str() {
            "" => self.money.fmt(f),
            currency => write!(f, "{} {currency}", self.money),
        }
    }
}

/// A message costs more than it may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverPrice {
    /// What it costs.
    pub costs: Amount,
    /// What it may cost.
    pub most: Amount,
}

/// A budget has no room for a message in this month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverBudget {
    /// Whose it is: a person's name, or [`BOX`].
    pub account: String,
    /// The limit in the way.
    pub limit: Exceeded,
}

/// A limit that a message would pass, with what was used at the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Exceeded {
    /// Packets of a month.
    Packets {
        /// Used.
        used: u64,
        /// Allowed.
        most: u64,
        /// This part of them, in hundredths, is kept for urgent messages, of which this is none.
        reserve: u64,
    },
    /// Money of a month.
    Money {
        /// Spent.
        used: Money,
        /// Allowed.
        most: Money,
        /// This part of it, in hundredths, is kept for urgent messages, of which this is none.
        reserve: u64,
    },
}

/// What an account used in a month, or what one message uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Use {
    /// Packets on a link.
    pub packets: u64,
    /// Text messages (segments) at a carrier.
    #[serde(default)]
    pub texts: u64,
    /// Money.
    pub money: Money,
}

impl Use {
    /// Packets at the price of one.
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
    /// Packets on a link.
    pub packets: Option<u64>,
    /// Money.
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

/// What a message costs, and who pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// The month it counts in: `2026-11`, in the time zone of the box.
    pub month: String,
    /// The person whose account it is; `None` for messages of nobody here.
    pub person: Option<String>,
    /// What it uses alone.
    pub wanted: Use,
    /// What it used before, when it went and has to go again: in the accounts of that time, and never given back.
    #[serde(default)]
    pub paid: Use,
    /// `wanted` is in the accounts now.
    #[serde(default)]
    pub charged: bool,
    /// Steps that the time line had when it was charged: what left by later ones is paid by `wanted`.
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
    /// For this use, counted in this month; not charged yet.
    pub fn new(month: String, wanted: Use, limits: Limits) -> Self {
        Self {
            month,
            person: None,
            wanted,
            paid: Use::default(),
            charged: false,
            begun: 0,
            short: false,
            urgent: false,
            limits,
        }
    }

    /// What is in the accounts for it.
    pub fn total(&self) -> Use {
        if self.charged { self.paid.plus(self.wanted) } else { self.paid }
    }

    /// The accounts that it is in.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(BOX).chain(self.person.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_they_print() {
        for (text, shown) in
            [("0.07", "0.07"), ("12", "12.00"), ("1.5", "1.50"), ("0.000001", "0.000001"), (".5", "0.50")]
        {
            assert_eq!(text.parse::<Money>().unwrap().to_string(), shown);
        }
        for bad in ["", ".", "-1", "1,5", "1.0000001", "a", "9999999999"] {
            assert!(bad.parse::<Money>().is_err(), "{bad}");
        }
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
}
