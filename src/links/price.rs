//! What a link charges. Pure.

use crate::message::Extent;
use crate::money::{Money, Use};

/// Bytes of a credit, as the networks of short bursts sell them.
const CREDIT: usize = 50;

/// What a link charges for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Each packet, whatever its size.
    Packet,
    /// Each 50 bytes of a packet that were begun.
    Credit,
    /// Each byte of a packet, for a least number of them.
    Byte,
    /// Each session, which carries one packet.
    Session,
    /// Nothing is charged for.
    Free,
}

impl Unit {
    /// As the setting `link.unit` names it.
    pub(super) fn of(word: &str) -> Self {
        match word {
            "credit" => Self::Credit,
            "byte" => Self::Byte,
            "session" => Self::Session,
            "free" => Self::Free,
            _ => Self::Packet,
        }
    }
}

/// What packets cost on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// What the network or its owner charges for.
    pub unit: Unit,
    /// Price of one of them.
    pub each: Money,
    /// Bytes that are charged for at least, of a packet that is charged by the byte.
    pub least: usize,
    /// So many of what is charged for cost nothing in a month; [`Price::after`] has what is left of them.
    pub free: u64,
}

impl Price {
    /// Bytes of a packet that are charged for together; 0 where that is not so.
    pub fn step(&self) -> usize {
        if self.unit == Unit::Credit { CREDIT } else { 0 }
    }

    /// True where a packet has one price, however many bytes it has.
    pub fn is_by_packet(&self) -> bool {
        !matches!(self.unit, Unit::Credit | Unit::Byte)
    }

    /// What is charged for of one packet of so many bytes, free or not.
    fn units(&self, bytes: usize) -> u64 {
        let units = match self.unit {
            Unit::Packet | Unit::Session => 1,
            Unit::Credit => bytes.div_ceil(CREDIT).max(1),
            Unit::Byte => bytes.max(self.least),
            Unit::Free => 0,
        };
        units as u64
    }

    /// What one packet of so many bytes costs.
    pub fn of(&self, bytes: usize) -> Money {
        self.each.times(self.units(bytes).saturating_sub(self.free))
    }

    /// What is charged for of what takes so much, free or not.
    pub fn units_of(&self, extent: Extent) -> u64 {
        let packets = extent.packets.max(1);
        match self.credits(extent) {
            Some(credits) => credits as u64,
            None => self.units(extent.bytes.div_ceil(packets)).saturating_mul(packets as u64),
        }
    }

    /// What a message costs that takes so much alone, by packets and money.
    pub fn quote(&self, extent: Extent) -> Use {
        let money = self.each.times(self.units_of(extent).saturating_sub(self.free));
        Use { packets: extent.packets.max(1) as u64, texts: 0, money }
    }

    /// The price once so many units of this month are used.
    pub fn after(self, used: u64) -> Self {
        Self { free: self.free.saturating_sub(used), ..self }
    }

    /// True where nothing is ever charged.
    pub fn is_nothing(&self) -> bool {
        self.unit == Unit::Free || self.each == Money(0)
    }

    /// The credits of a message that takes so much alone: it is cut where one ends. `None` where none are charged.
    pub fn credits(&self, extent: Extent) -> Option<usize> {
        (self.unit == Unit::Credit).then(|| extent.bytes.div_ceil(CREDIT).max(extent.packets).max(1))
    }
}
