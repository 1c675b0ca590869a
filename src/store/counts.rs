//! What is counted of a day, as it is stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::money::Money;

/// What was counted. Over all days of the box: taken = left - came back + returned + refused + what waits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Messages taken in, by origin; of a person those that they wrote.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub taken: BTreeMap<String, u64>,
    /// Messages that left for good or were put into a mailbox, by way; of a person those that they wrote.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left: BTreeMap<String, u64>,
    /// Messages that reached a person of this box.
    #[serde(default, skip_serializing_if = "none")]
    pub got: u64,
    /// Messages given back to their senders.
    #[serde(default, skip_serializing_if = "none")]
    pub returned: u64,
    /// Messages that had left, or ended, and did so once more or went back into a queue.
    #[serde(default, skip_serializing_if = "none")]
    pub came_back: u64,
    /// Messages not carried, by rule or by wish.
    #[serde(default, skip_serializing_if = "none")]
    pub refused: u64,
    /// Packets that went on air; of a person those that are in their account.
    #[serde(default, skip_serializing_if = "none")]
    pub packets_sent: u64,
    /// Packets from the air, repeats not counted; known for the box only.
    #[serde(default, skip_serializing_if = "none")]
    pub packets_in: u64,
    /// Packets that the compact coding saved; known for the box only.
    #[serde(default, skip_serializing_if = "none")]
    pub packets_saved: u64,
    /// Bytes of the messages taken in.
    #[serde(default, skip_serializing_if = "none")]
    pub bytes_in: u64,
    /// Bytes of the messages that left.
    #[serde(default, skip_serializing_if = "none")]
    pub bytes_out: u64,
    /// Bytes of the packets that went on air.
    #[serde(default, skip_serializing_if = "none")]
    pub bytes_air: u64,
    /// Credits that networks charge for what went on air, which some sell in place of packets; of a person their share.
    #[serde(default, skip_serializing_if = "none")]
    pub credits: u64,
    /// What was spent, in millionths of the currency of the box; not known of days before this was counted.
    #[serde(default, skip_serializing_if = "Money::is_zero")]
    pub money: Money,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn none(count: &u64) -> bool {
    *count == 0
}

impl Counts {
    /// Adds the other counts to these.
    pub fn add(&mut self, other: &Self) {
        for (origin, count) in &other.taken {
            *self.taken.entry(origin.clone()).or_default() += count;
        }
        for (way, count) in &other.left {
            *self.left.entry(way.clone()).or_default() += count;
        }
        self.got += other.got;
        self.returned += other.returned;
        self.came_back += other.came_back;
        self.refused += other.refused;
        self.packets_sent += other.packets_sent;
        self.packets_in += other.packets_in;
        self.packets_saved += other.packets_saved;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.bytes_air += other.bytes_air;
        self.credits += other.credits;
        self.money = self.money.plus(other.money);
    }
}

/// The counts of the present day by person; the box itself has the empty name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Today {
    /// Such as `2026-11-25`; empty before anything was counted.
    pub day: String,
    /// The counts of each person, by name; those of the box have the empty name.
    pub people: BTreeMap<String, Counts>,
}
