//! What is under way to one far box, and what came from it; it outlives connections. Pure.
//!
//! # Numbers
//!
//! Each direction counts its packets, and no number is used twice in the life of a store. A packet is *waiting* until it is
//! written, then *under way* until the far box says that it is committed there. When the connection ends, nothing is known
//! of what is under way; the hello of the next connection tells, for certain, so it is always settled then:
//!
//! ```text
//!  take ──> waiting ──> under way ──┬─ receipt ────────────────────> arrived
//!             │             │       ├─ refusal ────────────────────> refused
//!             │             │       └─ hello ──┬─ has it ──────────> arrived
//!          withdraw      (no end)              └─ has it not ──────> not there: free to go again, under another number
//! ```
//!
//! Four things make that hold. A box says hello only when all that came before is committed or gone, so that what it tells
//! stays true. It hands over nothing new until all that was open is settled, on disk, so a gap in the numbers means that nobody
//! waits for what is missing. One connection keeps the order, so the highest number that is committed stands for all before. And
//! who refuses a packet takes none behind it, so that the next hello tells that it is not there, should the refusal be lost.

use std::collections::{BTreeMap, VecDeque};

use super::frame::{Got, Hello, Refusal};
use super::questions::Questions;
use crate::link::whole::{WholeFrame, WholePlace};

/// Most packets, and most bytes of them, that are under way at once: a packet of short messages has less than 2 kB, and on a
/// way of 600 ms there and back a line of 0.5 Mbit/s holds 40 kB besides what waits for its commit.
const WINDOW: (usize, usize) = (64, 128 * 1024);
/// The far box may have so many packets here that are not committed; then it is not read.
const UNCOMMITTED: usize = 2 * WINDOW.0;
/// The numbers of what is under way lie within so many: the last byte of one tells which.
const SPAN: u32 = 256;
/// Bytes of pieces of whole mails that wait here to be written; the rest waits in the engine, where it can be changed.
const PIECES: usize = 128 * 1024;
/// So many packets share a receipt, where commits follow one another.
const TOGETHER: usize = 8;

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is committed at the far box.
    Arrived,
    /// The far box certainly does not have it.
    NotThere,
    /// The far box will never take it.
    Refused(Refusal),
}

/// How far a packet got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Here, not written yet.
    Waiting,
    /// Written, and nothing heard of it.
    UnderWay,
    /// The far box has told, of a packet of an earlier life of this link.
    Told(Fate),
    /// What became of it was told already, or will be with the next news.
    Settled,
    /// The far box has not been heard since this link was made.
    Unknown,
}

/// What is under way to and from one far box.
#[derive(Debug, Default)]
pub struct FarEnd {
    /// Highest number that was used.
    last: u32,
    waiting: VecDeque<(u32, Vec<u8>)>,
    /// Number and size of what is under way.
    under_way: BTreeMap<u32, usize>,
    /// The first number of this life of the link.
    life: Option<u32>,
    /// What the far box had when it was first heard: it decides about packets of earlier lives.
    first: Option<Got>,
    /// Name of its store.
    epoch: u32,
    /// Highest number of it that is committed here.
    committed: u32,
    /// Highest number that it has used.
    heard: u32,
    /// Its packets that came and are not committed yet.
    uncommitted: usize,
    /// Its packets that were committed since it was last told.
    untold: usize,
    /// The whole mails of messages in packets that wait.
    wholes: BTreeMap<u32, Vec<WholePlace>>,
    /// What is to be said of whole mails; lost with the connection, as the next one begins with what both have.
    said: VecDeque<WholeFrame>,
    /// Pieces of them, behind all else.
    pieces: VecDeque<WholeFrame>,
    /// What the two ask each other; lost with the connection.
    pub questions: Questions,
    /// An offer or a piece was written, and nothing heard of a whole mail since.
    asks: bool,
    /// It is to be called, as a whole mail waits to be offered.
    called: bool,
    /// It takes whole mails, by its last hello.
    takes_wholes: bool,
    /// It pays for its bytes, by its last hello.
    metered: bool,
}

impl FarEnd {
    /// A far box of which this was committed here: the name of its store, and its highest number.
    pub fn new(epoch: u32, committed: u32) -> Self {
        Self { epoch, committed, heard: committed, ..Self::default() }
    }

    /// This number was used in an earlier life.
    pub fn used(&mut self, number: u32) {
        self.last = self.last.max(number);
    }

    /// Takes a packet; its number.
    pub fn take(&mut self, payload: Vec<u8>) -> u32 {
        // At one packet a millisecond the numbers last for 49 days of nothing else; a new store begins anew.
        self.last = self.last.saturating_add(1);
        self.life.get_or_insert(self.last);
        self.waiting.push_back((self.last, payload));
        self.last
    }

    /// The number that the next packet gets.
    pub fn next_number(&self) -> u32 {
        self.last.saturating_add(1)
    }

    /// Takes a packet back that was not written yet; false when it was, or is not there.
    pub fn withdraw(&mut self, number: u32) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(known, _)| *known != number);
        self.wholes.remove(&number);
        self.waiting.len() < before
    }

    /// The next packet to write, if more may be under way; it is under way then.
    pub fn next_to_write(&mut self) -> Option<(u32, Vec<u8>)> {
        let bytes: usize = self.under_way.values().sum();
        if self.under_way.len() >= WINDOW.0 || bytes >= WINDOW.1 {
            return None;
        }
        let next = self.waiting.front()?.0;
        if self.under_way.keys().next().is_some_and(|first| next.saturating_sub(*first) >= SPAN) {
            return None;
        }
        let (number, payload) = self.waiting.pop_front()?;
        self.under_way.insert(number, payload.len());
        Some((number, payload))
    }

    /// The whole mails of messages in a packet that was taken; see [`FarEnd::wholes_of`].
    pub fn carry(&mut self, number: u32, wholes: Vec<WholePlace>) {
        if !wholes.is_empty() {
            self.wholes.insert(number, wholes);
        }
    }

    /// Gives what was carried for a packet that is written now; nothing for a box that would not understand it.
    pub fn wholes_of(&mut self, number: u32) -> Vec<WholePlace> {
        self.wholes.remove(&number).filter(|_| self.takes_wholes).unwrap_or_default()
    }

    /// True where it takes whole mails, by what it said last.
    pub fn takes_wholes(&self) -> bool {
        self.takes_wholes
    }

    /// True where it pays for its bytes, by what it said last.
    pub fn is_metered(&self) -> bool {
        self.metered
    }

    /// It is to be called, though no packet waits.
    pub fn call(&mut self) {
        self.called = true;
    }

    /// Takes something to say of whole mails; false for a piece while enough wait.
    pub fn say(&mut self, frame: WholeFrame) -> bool {
        let size = |frame: &WholeFrame| if let WholeFrame::Piece { bytes, .. } = frame { bytes.len() } else { 0 };
        match size(&frame) {
            0 => self.said.push_back(frame),
            bytes if self.pieces.iter().map(size).sum::<usize>() + bytes > PIECES => return false,
            _ => self.pieces.push_back(frame),
        }
        true
    }

    /// The next of it to write; pieces only where no packet waits.
    pub fn next_said(&mut self) -> Option<WholeFrame> {
        let piece = if self.waiting.is_empty() { self.pieces.front() } else { None };
        let next = if self.said.is_empty() {
            piece.is_some().then(|| self.pieces.pop_front())?
        } else {
            self.said.pop_front()
        };
        self.asks |= matches!(next, Some(WholeFrame::Offer { .. } | WholeFrame::Piece { .. }));
        next
    }

    /// It says something of whole mails: it is there.
    pub fn heard_of_wholes(&mut self) {
        self.asks = false;
    }

    /// True when something waits to be written or for its receipt.
    pub fn is_busy(&self) -> bool {
        let wholes = self.called || self.asks || !self.said.is_empty() || !self.pieces.is_empty();
        wholes || self.questions.wait() || !self.waiting.is_empty() || !self.under_way.is_empty()
    }

    /// True when a receipt, or an answer about a whole mail, is waited for.
    pub fn awaits_receipt(&self) -> bool {
        self.asks || !self.under_way.is_empty()
    }

    /// Packets that the link holds for it.
    pub fn held(&self) -> usize {
        self.waiting.len() + self.under_way.len()
    }

    /// Payload bytes of the packets that the link holds for it.
    pub fn bytes_held(&self) -> usize {
        self.waiting.iter().map(|(_, payload)| payload.len()).chain(self.under_way.values().copied()).sum()
    }

    /// True when this box may say hello: all that came is committed.
    pub fn may_greet(&self) -> bool {
        self.uncommitted == 0
    }

    /// True while more may be read from it.
    pub fn may_read(&self) -> bool {
        self.uncommitted < UNCOMMITTED
    }

    /// True when it should be told what was committed: nothing else soon will be, or much was.
    pub fn owes_receipt(&self) -> bool {
        self.untold > 0 && (self.uncommitted == 0 || self.untold >= TOGETHER)
    }

    /// What this box has of it, to be told now.
    pub fn receipted(&mut self) -> Got {
        self.untold = 0;
        self.got()
    }

    /// What this box has of it.
    pub fn got(&self) -> Got {
        Got { upto: self.committed, behind: 0 }
    }

    /// The name of its store.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// It says hello. What became of all that was under way.
    pub fn greeted(&mut self, hello: &Hello) -> Vec<(u32, Fate)> {
        self.said.clear();
        self.pieces.clear();
        self.questions = Questions::default();
        (self.asks, self.called, self.takes_wholes, self.metered) = (false, false, hello.wholes, hello.metered);
        if hello.epoch != self.epoch {
            (self.epoch, self.committed, self.heard) = (hello.epoch, 0, 0);
        }
        // Numbers that it has are used, even if this box was put back to an earlier state.
        self.used(hello.got.upto);
        self.first.get_or_insert(hello.got);
        let told = |number: u32| if hello.got.has(number) { Fate::Arrived } else { Fate::NotThere };
        let mut settled: Vec<_> =
            std::mem::take(&mut self.under_way).into_keys().map(|number| (number, told(number))).collect();
        // Written now, what waits would come to stand for what is not there, should this box stop before that is on disk.
        let gap = settled.iter().any(|(_, fate)| *fate == Fate::NotThere);
        // This box was put back to an earlier state, and the number was another packet's: it needs a new one.
        let taken = |number: &u32| gap || *number <= hello.got.upto;
        settled.extend(
            self.waiting.iter().map(|(number, _)| *number).filter(taken).map(|number| (number, Fate::NotThere)),
        );
        self.waiting.retain(|(number, _)| !taken(number));
        settled
    }

    /// It says what it has committed by now. What arrived with that.
    pub fn receipt(&mut self, got: Got) -> Vec<u32> {
        let arrived: Vec<u32> = self.under_way.keys().copied().filter(|number| got.has(*number)).collect();
        self.under_way.retain(|number, _| !got.has(*number));
        arrived
    }

    /// The same, where it says the last byte of the number up to which all is there.
    pub fn receipt_up_to(&mut self, last: u8) -> Vec<u32> {
        let upto = self.under_way.keys().copied().find(|number| number.to_be_bytes()[3] == last);
        upto.map_or_else(Vec::new, |upto| self.receipt(Got { upto, behind: 0 }))
    }

    /// It will never take a packet. What is settled with that: nothing when that was not under way.
    pub fn refused(&mut self, number: u32, why: Refusal) -> Vec<(u32, Fate)> {
        if self.under_way.remove(&number).is_none() {
            return Vec::new();
        }
        // What waits goes under a higher number once the refusal is on disk.
        let waiting = std::mem::take(&mut self.waiting).into_iter().map(|(number, _)| (number, Fate::NotThere));
        std::iter::once((number, Fate::Refused(why))).chain(waiting).collect()
    }

    /// A packet of it came in; false when its number was used before, so that its store was put back to an earlier state.
    pub fn came(&mut self, number: u32) -> bool {
        let new = number > self.heard;
        self.heard = self.heard.max(number);
        self.uncommitted += 1;
        new
    }

    /// A packet that came in is committed.
    pub fn commit(&mut self, epoch: u32, number: u32) {
        self.uncommitted = self.uncommitted.saturating_sub(1);
        self.untold += 1;
        if epoch == self.epoch {
            self.committed = self.committed.max(number);
        }
    }

    /// Tells how far the packet of this number got.
    pub fn place(&self, number: u32) -> Place {
        if self.waiting.iter().any(|(known, _)| *known == number) {
            return Place::Waiting;
        }
        if self.under_way.contains_key(&number) {
            return Place::UnderWay;
        }
        if self.life.is_some_and(|life| number >= life) {
            return Place::Settled;
        }
        match self.first {
            None => Place::Unknown,
            Some(got) if got.has(number) => Place::Told(Fate::Arrived),
            Some(_) => Place::Told(Fate::NotThere),
        }
    }
}

#[cfg(test)]
mod tests;
