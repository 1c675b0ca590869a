//! What a simulated service knows: messages that wait for terminals, messages that came from them, and what was charged.

use std::collections::{BTreeMap, VecDeque};

use serde_json::json;

use crate::clock::{Clock, Time};
use crate::hex;
use crate::sim::faults::{Faults, Menu};
use crate::sim::sky::{Ask, Down, Reply};

/// Largest message for an SBD terminal, in bytes.
pub const MAX_SBD: usize = 270;
/// Largest message for an IMT terminal, in bytes.
pub const MAX_IMT: usize = 100_000;
/// Messages that wait for one terminal at most.
const MAX_WAITING: usize = 50;
/// The topic of messages for IMT terminals.
const RAW: u16 = 244;
/// Bytes of a credit.
const CREDIT: usize = 50;

/// A message from a terminal.
#[derive(Debug, Clone)]
pub struct Up {
    /// The terminal.
    pub imei: String,
    /// It is an IMT modem.
    pub imt: bool,
    /// Number of the session, or of the message.
    pub momsn: u16,
    /// In hex.
    pub data: String,
    /// When it came.
    pub at: Time,
    /// The webhook said yes.
    pub told: bool,
}

/// A message for a terminal.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its number at the service.
    pub id: u64,
    /// The terminal.
    pub imei: String,
    /// In hex.
    pub data: String,
    /// When it was queued.
    pub at: Time,
}

/// Why a message for a terminal is not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotQueued {
    /// The account has no such terminal.
    NoTerminal,
    /// There is nothing in it.
    Empty,
    /// It is not hex.
    NotHex,
    /// It is too long.
    TooLong,
    /// Too many wait.
    Full,
}

/// The terminals of an account.
pub struct Terminals {
    /// Its clock.
    pub clock: Clock,
    known: Vec<String>,
    imt: Vec<String>,
    /// What goes wrong.
    pub faults: Faults,
    /// Where messages from terminals are told.
    pub hook: Option<String>,
    /// Messages from terminals whose webhook is to be called.
    pub(super) to_tell: VecDeque<(Time, usize)>,
    /// All that came from terminals.
    pub ups: Vec<Up>,
    waiting: Vec<Waiting>,
    /// All that was ever queued for them.
    pub downs: Vec<Waiting>,
    next: u64,
    /// What was charged, by what for: `mo`, `mt`, `mailbox`; in credits, and in bytes for IMT.
    pub(super) charged: BTreeMap<&'static str, u64>,
    /// Calls and their answers.
    pub journal: Vec<String>,
}

/// Credits of a message.
fn credits(bytes: usize) -> u64 {
    bytes.div_ceil(CREDIT).max(1) as u64
}

impl Terminals {
    /// Of an account with these terminals, some of them IMT modems.
    pub fn new(menu: &'static Menu, known: Vec<String>, imt: Vec<String>) -> Self {
        let clock = Clock::system();
        // A service started anew gives no number twice.
        let next = u64::try_from(clock.now().seconds()).unwrap_or(1);
        Self {
            clock,
            known,
            imt,
            faults: Faults::new(menu),
            hook: None,
            to_tell: VecDeque::new(),
            ups: Vec::new(),
            waiting: Vec::new(),
            downs: Vec::new(),
            next,
            charged: BTreeMap::new(),
            journal: Vec::new(),
        }
    }

    /// The terminals, in their order.
    pub fn known(&self) -> impl Iterator<Item = &str> {
        self.known.iter().chain(&self.imt).map(String::as_str)
    }

    /// True for an IMT modem.
    pub fn is_imt(&self, imei: &str) -> bool {
        self.imt.iter().any(|known| known == imei)
    }

    fn charge(&mut self, what: &'static str, imei: &str, bytes: usize) {
        let amount = if self.is_imt(imei) { bytes as u64 } else { credits(bytes) };
        *self.charged.entry(what).or_default() += amount;
    }

    /// Queues a message for a terminal, in hex; its number.
    ///
    /// # Errors
    /// Why it is not queued.
    pub fn queue(&mut self, imei: &str, data: &str) -> Result<u64, NotQueued> {
        if !self.known().any(|known| known == imei) {
            return Err(NotQueued::NoTerminal);
        }
        if data.is_empty() {
            return Err(NotQueued::Empty);
        }
        let bytes = hex::decode(data.as_bytes()).ok_or(NotQueued::NotHex)?;
        if bytes.len() > if self.is_imt(imei) { MAX_IMT } else { MAX_SBD } {
            return Err(NotQueued::TooLong);
        }
        if self.count(imei) >= MAX_WAITING {
            return Err(NotQueued::Full);
        }
        self.charge("mt", imei, bytes.len());
        let id = self.next;
        self.next += 1;
        let waiting = Waiting { id, imei: imei.to_owned(), data: data.to_owned(), at: self.clock.now() };
        self.downs.push(waiting.clone());
        self.waiting.push(waiting);
        Ok(id)
    }

    /// Forgets what waits for a terminal.
    pub fn flush(&mut self, imei: &str) {
        self.waiting.retain(|waiting| waiting.imei != imei);
    }

    /// How many messages wait for a terminal.
    pub fn count(&self, imei: &str) -> usize {
        self.waiting.iter().filter(|waiting| waiting.imei == imei).count()
    }

    /// Answers a question of a simulated modem.
    pub(super) fn sky(&mut self, ask: Ask) -> Reply {
        let refused = |why: &str| Reply { error: Some(why.to_owned()), ..Reply::default() };
        let count = |count: usize| Some(u32::try_from(count).unwrap_or(u32::MAX));
        match ask {
            Ask::Session { imei, .. } | Ask::Waiting(imei) | Ask::Message { imei, .. } | Ask::Fetch(imei)
                if !self.known().any(|known| known == imei) =>
            {
                refused("no such terminal")
            }
            Ask::Session { imei, momsn, data } => {
                match &data {
                    Some(data) => self.charge("mo", &imei, data.len() / 2),
                    None => self.charge("mailbox", &imei, 0),
                }
                self.tell(&imei, momsn, data.unwrap_or_default());
                let waiting = self.waiting.iter().find(|waiting| waiting.imei == imei);
                let packet = waiting.map(|waiting| Down { packet_id: waiting.id, app: 0, data: waiting.data.clone() });
                let behind = self.count(&imei).saturating_sub(usize::from(packet.is_some()));
                Reply { ok: Some(true), packet, waiting: count(behind), ..Reply::default() }
            }
            Ask::Message { imei, data, id, .. } => {
                let number = u16::try_from(id % 65_536).unwrap_or_default();
                let known = self.ups.iter().any(|up| (up.imei.as_str(), up.momsn, &up.data) == (&imei, number, &data));
                if !known {
                    self.charge("mo", &imei, data.len() / 2);
                    self.tell(&imei, number, data);
                }
                Reply { ok: Some(true), ..Reply::default() }
            }
            Ask::Fetch(imei) => {
                let waiting = self.waiting.iter().find(|waiting| waiting.imei == imei);
                let packet = waiting.map(|it| Down { packet_id: it.id, app: RAW, data: it.data.clone() });
                Reply { packet, ..Reply::default() }
            }
            Ask::Waiting(imei) => Reply { waiting: count(self.count(&imei)), ..Reply::default() },
            Ask::Arrived(id) => {
                self.waiting.retain(|waiting| waiting.id != id);
                Reply { ok: Some(true), ..Reply::default() }
            }
            Ask::Up { .. } | Ask::Take(_) => refused("no modem of that network"),
        }
    }

    /// A message came from a terminal; empty for a look into its mailbox.
    pub(super) fn tell(&mut self, imei: &str, momsn: u16, data: String) {
        let at = self.clock.now();
        let imt = self.is_imt(imei);
        self.ups.push(Up { imei: imei.to_owned(), imt, momsn, data, at, told: false });
        self.to_tell.push_back((at, self.ups.len() - 1));
    }

    /// All that came from terminals, as JSON.
    pub(super) fn shown(&self) -> Vec<String> {
        let show = |up: &Up| json!({"imei": up.imei, "momsn": up.momsn, "data": up.data, "told": up.told}).to_string();
        self.ups.iter().map(show).collect()
    }

    /// All that waits for terminals, as JSON.
    pub(super) fn queued(&self) -> Vec<String> {
        let show = |it: &Waiting| json!({"id": it.id, "imei": it.imei, "data": it.data}).to_string();
        self.waiting.iter().map(show).collect()
    }
}
