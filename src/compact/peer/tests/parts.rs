//! What the world of the histories is made of: dice, weather, two boxes, and what is under way.

use std::collections::{BTreeMap, BTreeSet};

use super::codec::Fake;
use crate::letter::Letter;
use crate::peer::{Outgoing, Peer, Rules};

pub const HOUR: i64 = 3_600_000;
pub const DAY: i64 = 24 * HOUR;

/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit.max(1)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low).max(1) as u64) as i64
    }
}

/// What its sender is told of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    Waiting,
    OnItsWay,
    /// No receipt is expected.
    Sent,
    /// It may have arrived.
    Unconfirmed,
    Refused,
    Expired,
    Delivered,
}

pub struct Accepted {
    pub from: usize,
    pub letter: Letter,
    pub told: Told,
    pub at: i64,
    pub urgent: bool,
}

#[derive(Clone)]
pub struct Row {
    /// `None`: from an old box, which knows no tickets.
    pub packet: Outgoing,
    pub ticketed: bool,
    /// When the link sends it, or gives it up.
    pub ends: Option<i64>,
    pub lost: bool,
    /// When the box is told.
    pub told_at: Option<i64>,
}

pub struct Flight {
    pub at: i64,
    pub to: usize,
    pub key: u64,
    pub payload: Vec<u8>,
}

pub struct Post {
    pub peer: Peer,
    pub codec: Fake,
    pub rules: Rules,
    /// The software is an old one, which speaks classic only.
    pub old: bool,
    pub rows: Vec<Row>,
    pub keys: BTreeSet<u64>,
    pub parts: BTreeMap<(String, String), BTreeMap<usize, String>>,
}

impl Post {
    pub fn new(models: &[crate::packet::ModelId], rules: Rules) -> Self {
        Self {
            peer: Peer::default(),
            codec: Fake(models.to_vec()),
            rules,
            old: false,
            rows: Vec::new(),
            keys: BTreeSet::new(),
            parts: BTreeMap::new(),
        }
    }
}

/// How bad the channel is, in per cent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    pub loss: u64,
    pub double: u64,
    pub crash: u64,
    /// The link gives a packet up before it is sent.
    pub give_up: u64,
    /// Longest way, in milliseconds.
    pub delay: i64,
    /// A doubled classic packet arrives as a new one.
    pub double_classic: bool,
}
