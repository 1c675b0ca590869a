//! The talk of two boxes: which coding the other one reads, which of our letters it has, what it is owed, what both know.
//!
//! One [`Peer`] for each far box. Pure: bytes in, bytes and wishes out; time is passed in. Whatever a call changes in the
//! peer goes to disk in one commit with what the call gave back (work on a copy, commit, then keep it): that is all it
//! takes to deliver each letter once, whatever the channel and a power cut do.
//!
//! ```text
//!   letter accepted     when()    go now, or wait for more until a time
//!   it goes             plan()    packets of several letters, with notes; handed to the link after the commit
//!   link: sent          sent()    the wait for the receipt begins; the notes in it are no longer owed
//!   link: not taken     lost()    the packets of this ticket never went out: the letters wait again, the notes are owed again
//!   packet came in      heard()   letters to deliver, letters of ours that are delivered, letters to send again
//!   due() is over       tick()    repeats, notes that go alone, what is given up
//! ```
//!
//! A *body* is what one receipt is for: a packet, or up to 16 pieces. Both ends name it by sixteen bits of the hash of
//! its bytes, which costs nothing on air; so the sender never makes two bodies of one name within weeks (it varies the
//! bytes), and the receiver remembers the hash of what it took for weeks: what comes twice is not delivered twice.
//!
//! What is said between the letters is a *note* ([`notes`]): a receipt, a hello (my models, and how long I keep receipts
//! back), a question (I cannot read that), *replaces* (these letters are those of that body), the pieces that came.

mod agreement;
pub mod book;
mod classic;
pub mod gather;
mod memory;
pub mod notes;
mod outbox;
mod owed;
mod plan;
mod reassembly;
mod receive;
mod seal;
mod tick;

use serde::{Deserialize, Serialize};

use crate::letter::Letter;
use crate::packet::{Coding, Form};
use agreement::Agreement;
pub use agreement::Hello;
use book::Book;
pub use memory::Name;
use memory::{Taken, Used};
use outbox::Body;
use owed::Owed;
pub use plan::{Account, Plan, Waiting};
use reassembly::{Parked, Set};

/// What this box and one far box know of each other. A record of the store: everything in it is bounded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Peer {
    agreement: Agreement,
    book: Book,
    owed: Owed,
    out: Vec<Body>,
    /// Letters that the far box could not read in the bodies of these names.
    recode: Vec<Recode>,
    used: Used,
    taken: Taken,
    parked: Vec<Parked>,
    sets: Vec<Set>,
    /// When the far box last said something that only such a box says.
    alive: Option<i64>,
    /// Numbers of bodies, and ids of pieces, that were given.
    tickets: u64,
    ids: u8,
}

/// Letters that wait to replace those in other bodies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Recode {
    names: Vec<Name>,
    letters: Vec<u64>,
    at: i64,
}

impl Peer {
    /// The form in which the next letters go; `None`: classic.
    pub fn form(&self, codec: &dyn Codec) -> Option<Form> {
        self.agreement.form(&codec.models())
    }

    /// True while the far box is believed to be one like this.
    pub fn is_known(&self) -> bool {
        self.agreement.knows_us()
    }
}

/// What the talk needs of its box at one moment.
pub struct PeerContext<'h> {
    /// The coders, and the classic coding.
    pub codec: &'h mut dyn Codec,
    /// Milliseconds since 1970; never runs backwards.
    pub now: i64,
    /// Bytes that a packet of this link holds; at least 100.
    pub room: usize,
    /// How this box wants it.
    pub rules: Rules,
}

/// The codings of this box.
pub trait Codec: Coding {
    /// The classic packets of a letter, each of at most `room` bytes; `None` when it cannot be said classically.
    fn classic(&mut self, letter: &Letter, room: usize) -> Option<Vec<Vec<u8>>>;

    /// True for a classic packet that can be read, and so is receipted.
    fn reads_classic(&mut self, packet: &[u8]) -> bool;
}

/// How this box wants it; spans in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Receipts that found no packet to ride with leave alone after these hours; 0: never.
    pub receipt_hours: u8,
    /// Answers and questions leave alone after this.
    pub answer_wait: i64,
    /// A body without a receipt is repeated this long after the receipt was due.
    pub patience: i64,
    /// Missing pieces are asked for after this.
    pub pieces_wait: i64,
    /// Pieces, and packets that nobody here can read, are given up after this.
    pub parts_wait: i64,
}

impl Default for Rules {
    fn default() -> Self {
        const HOUR: i64 = 3_600_000;
        Self {
            receipt_hours: 24,
            answer_wait: HOUR / 4,
            patience: 24 * HOUR,
            pieces_wait: 6 * HOUR,
            parts_wait: 14 * 24 * HOUR,
        }
    }
}

/// A packet to hand to the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Names its body toward [`Peer::sent`] and [`Peer::lost`]; never used again.
    pub ticket: u64,
    /// Which piece of the body, from 0.
    pub piece: u8,
    /// Pieces of the body; 1 for most.
    pub pieces: u8,
    /// The bytes.
    pub payload: Vec<u8>,
    /// Numbers of the letters in it; none in a packet of notes.
    pub letters: Vec<u64>,
    /// The far box is expected to say that it has it; otherwise *sent* is all that will be known.
    pub receipt: bool,
    /// It went out before, and goes once more because nothing was heard of it.
    pub repeat: bool,
}

/// What a call asks of the box; most of it is empty most of the time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Turn {
    /// Letters that came in, to deliver now and once; the correspondent is written out.
    pub letters: Vec<Letter>,
    /// A classic packet that came in, without its notes, to be read and delivered.
    pub classic: Option<Vec<u8>>,
    /// Beginnings of letters whose rest did not come in time.
    pub fronts: Vec<Letter>,
    /// Letters of ours that the far box has.
    pub delivered: Vec<u64>,
    /// Letters of ours that the far box could not read: they wait for the next plan, which says that they replace those.
    pub again: Vec<(u64, String)>,
    /// Letters of ours of which nothing was heard: they may have arrived.
    pub unconfirmed: Vec<u64>,
    /// Packets to hand to the link: repeats, and notes alone.
    pub send: Vec<Outgoing>,
    /// Tickets of packets that need not go any more, if they have not gone.
    pub needless: Vec<u64>,
    /// Bytes that could not be read, and why.
    pub aside: Vec<(Vec<u8>, String)>,
    /// What changed between the boxes, in words for the log.
    pub news: Vec<String>,
}

#[cfg(test)]
mod tests;
