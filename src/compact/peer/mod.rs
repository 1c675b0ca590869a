//! The session with a far box: which coding it reads, which of our messages it has, what it is owed, what both know.
//!
//! One [`Peer`] for each far box. Pure: bytes in, bytes and requests out; time is passed in. Whatever a call changes in
//! the peer goes to disk in one commit with what the call gave back (work on a copy, commit, then keep it): that is all
//! it takes to deliver each message once, whatever the channel and a power cut do.
//!
//! ```text
//!   message accepted    departure()  go now, or wait for more until a time
//!   it goes             plan()       packets of several messages, with notes; handed to the link after the commit
//!   link: sent          sent()       the wait for the receipt begins; the notes in it are no longer owed
//!   link: not taken     lost()       the packets of this ticket never went out: messages and notes wait again
//!   link: cannot tell   unknown()    the far box is asked whether it has it
//!   link: not taken     returned()   what was unknown is with the link again
//!   packet came in      receive()    messages to deliver, messages of ours that are delivered, or have to go again
//!   due() is over       tick()       repeats, notes that go alone, what is given up
//! ```
//!
//! A *bundle* is what one receipt is for: a packet, or up to 16 fragments. Both ends name it by sixteen bits of the hash
//! of its bytes, which costs nothing on air; so the sender never makes two bundles of one name within weeks (it varies
//! the bytes), and the receiver remembers the hash of what it took for weeks: what comes twice is not delivered twice.
//!
//! What is said between the messages is a *note* ([`notes`]): a receipt, a hello (my models, and how long I keep receipts
//! back), a question (I cannot read that), *replaces* (these messages are those of that bundle), the fragments that came, what became of a
//! message behind the far box, which people are behind a box ([`Answer`]), and where a box is ([`Position`]).
//!
//! # States
//!
//! The far box, as this one knows it (`agreement`); our first packets are classic and carry a hello where an old decoder
//! does not look:
//!
//! ```text
//!               hello of the far box                     it cannot read a form: the next one in common
//!   classic ─────────────────────────> compact, best ───────────────────────────────> ... ─> stored ─> classic
//!      ^                                   │
//!      └───────────────────────────────────┘ no answer for days, or classic packets without a mark
//! ```
//!
//! A bundle of ours (`outbox`):
//!
//! ```text
//!                      sent()                       receipt
//!   with the link ──────────────> waits for receipt ───────> delivered, forgotten
//!      │     ^                      │    │     │
//!      │     └──── due: repeated ───┘    │     └─ repeated often enough, or too old: unconfirmed, kept for a late receipt
//!      │ lost()                          └─ the far box cannot read it: replaced, its messages wait for another bundle
//!      └──> nothing of it left: forgotten, its messages are planned anew
//! ```
//!
//! The far box is asked about a bundle ([`inquiry`]) when the link cannot tell whether it left, and when it has later ones
//! and not this one. *Yes* is a receipt; *no* makes it go again as it is, so that what comes late is known to be the same.
//!
//! A bundle of the far box (`reassembly`, `memory`):
//!
//! ```text
//!   fragments ── all there ──> bundle ── readable ──> delivered, receipted; what comes again is receipted again
//!       │                        │ not readable here                ^
//!       │ others do not come     v                                  │ an address or a model came
//!       └──> what can be       parked, the far box is asked ────────┤
//!            read is shown       │                                  v
//!                                └─ weeks later: quarantined      replaced: another bundle brought its messages
//! ```

mod agreement;
pub mod book;
mod classic;
mod fate;
pub mod gather;
mod inquiry;
mod memory;
mod moved;
mod names;
pub mod notes;
mod outbox;
mod owed;
mod past;
mod people;
mod plan;
mod position;
mod reassembly;
mod receive;
pub mod record;
mod seal;
mod tick;
pub mod turn;

use serde::{Deserialize, Serialize};

use crate::letter::Letter;
use crate::packet::{Coding, Form};
use agreement::Agreement;
pub use agreement::Hello;
use book::AddressBook;
pub use fate::Fate;
use fate::Fates;
pub use memory::BundleName;
use memory::{TakenBundles, UsedNames};
use names::DisplayNames;
use outbox::OutboxBundle;
use owed::OwedNotes;
use past::SharedMessages;
pub use past::past_of;
pub use people::Answer;
use people::PeopleOfBox;
use position::Whereabouts;
pub use position::{Position, PositionRules};
use reassembly::{FragmentSet, ParkedBundle};
use turn::{PeerChange, PeerFlaw, PlanRefusal, ResendCause};

/// What this box and one far box know of each other. A record of the store: everything in it is bounded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Peer {
    agreement: Agreement,
    book: AddressBook,
    #[serde(skip_serializing_if = "DisplayNames::is_empty")]
    names: DisplayNames,
    owed: OwedNotes,
    #[serde(skip_serializing_if = "Fates::is_empty")]
    fates: Fates,
    #[serde(skip_serializing_if = "PeopleOfBox::is_empty")]
    people: PeopleOfBox,
    #[serde(skip_serializing_if = "Whereabouts::is_empty")]
    whereabouts: Whereabouts,
    out: Vec<OutboxBundle>,
    /// Messages that the far box could not read in the bundles of these names.
    recode: Vec<Recode>,
    /// Messages that both boxes have: ours that it acknowledged, and its own.
    #[serde(skip_serializing_if = "SharedMessages::is_empty")]
    there: SharedMessages,
    #[serde(skip_serializing_if = "SharedMessages::is_empty")]
    came: SharedMessages,
    /// Messages that went in compact bundles, ever.
    #[serde(skip_serializing_if = "past::is_zero")]
    went: u64,
    used: UsedNames,
    taken: TakenBundles,
    parked: Vec<ParkedBundle>,
    sets: Vec<FragmentSet>,
    /// When the far box last said something that only such a box says.
    alive: Option<i64>,
    /// Numbers of bundles, and ids of fragments, that were given.
    tickets: u64,
    ids: u8,
}

/// Messages that wait to replace those in other bundles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Recode {
    names: Vec<BundleName>,
    #[serde(rename = "letters")]
    messages: Vec<u64>,
    at: i64,
    /// When the first of those bundles was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
    /// Their owner wants it: they go as new ones when nothing can replace the others any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    wish: bool,
    /// They are on their way once more without their owner: they wait while nothing can replace the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    waits: bool,
}

impl Peer {
    /// The form in which the next messages go; `None`: classic.
    pub fn form(&self, codec: &dyn Codec) -> Option<Form> {
        self.agreement.form(&codec.models())
    }

    /// True when it reads messages as they are.
    pub fn reads_stored(&self) -> bool {
        self.agreement.reads_stored()
    }

    /// True when it takes packets that come together with whole mails.
    pub fn takes_mails(&self) -> bool {
        self.agreement.takes_mails()
    }

    /// Bundles that wait for a receipt.
    pub fn unconfirmed(&self) -> usize {
        self.out.iter().filter(|bundle| bundle.awaits()).count()
    }

    /// When the far box last said something that only such a box says, in milliseconds since 1970.
    pub fn heard(&self) -> Option<i64> {
        self.alive
    }

    /// True while the far box is believed to be one like this.
    pub fn is_known(&self) -> bool {
        self.agreement.knows_us()
    }
}

/// True for a packet that only a coder reads: one of notes alone, or of messages as they are, needs none.
pub fn needs_coder(packet: &[u8]) -> bool {
    let coded = |bundle: &[u8]| !bundle.is_empty() && reassembly::form_of(bundle) != Some(Form::Stored);
    // A classic one begins lower.
    packet.first().is_some_and(|first| *first >= 0x80) && notes::unwrap(packet).is_some_and(|(_, bundle)| coded(bundle))
}

/// What the session needs of its box at one moment.
pub struct PeerContext<'h> {
    /// The coders, and the classic coding.
    pub codec: &'h mut dyn Codec,
    /// Milliseconds since 1970; never runs backwards.
    pub now: i64,
    /// Bytes that a packet of this link holds; at least 100.
    pub room: usize,
    /// Bytes that are billed together on it, 50 for a credit; 0 where a packet has one price.
    pub step: usize,
    /// How this box wants it.
    pub rules: PeerRules,
}

/// The codings of this box.
pub trait Codec: Coding {
    /// The classic packets of a message, each of at most `room` bytes; `None` when it cannot be said classically.
    fn classic(&mut self, message: &Letter, room: usize) -> Option<Vec<Vec<u8>>>;

    /// True for a classic packet with a message that can be read, and so is receipted.
    fn reads_classic(&mut self, packet: &[u8]) -> bool;
}

/// How this box wants it; spans in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerRules {
    /// Receipts that found no packet to ride with leave alone after these hours; 0: never.
    pub receipt_hours: u8,
    /// Answers and questions leave alone after this.
    pub answer_wait: i64,
    /// Messages are coded after earlier ones that both boxes have, where the far box wants that too.
    pub past: bool,
    /// That a message did not arrive leaves alone as well; else it waits for a packet to ride with.
    pub fates_alone: bool,
    /// A packet costs next to nothing at this moment: what is owed leaves at once, receipts when there are many.
    pub prompt: bool,
    /// A link that leads there carries packets together with whole mails, and this box takes them.
    pub mails: bool,
    /// Bytes cost nothing at this moment and time does: messages are stored and not coded, where the far box reads that.
    pub plain: bool,
    /// The question whether a bundle is there of which the link cannot tell whether it left, leaves alone after this; its
    /// answer after a quarter of it.
    pub inquiry_wait: i64,
    /// What a link took, or may have taken, may still come to the far box for so long: that it is not there is not believed
    /// before.
    pub transit: i64,
    /// A bundle without a receipt is repeated this long after the receipt was due.
    pub patience: i64,
    /// Whether and how often it tells where it is.
    pub position: PositionRules,
    /// Missing fragments are asked for after this.
    pub fragments_wait: i64,
    /// Fragments, and packets that nobody here can read, are given up after this.
    pub parts_wait: i64,
}

impl PeerRules {
    /// Where a packet costs next to nothing, notes wait so long for others.
    const PROMPT: i64 = 1_000;

    /// How long answers and questions wait for a packet to ride with.
    fn notes_wait(&self, usual: i64) -> i64 {
        if self.prompt { usual.min(Self::PROMPT) } else { usual }
    }
}

impl Default for PeerRules {
    fn default() -> Self {
        const HOUR: i64 = 3_600_000;
        Self {
            receipt_hours: 24,
            answer_wait: HOUR / 4,
            past: true,
            fates_alone: false,
            prompt: false,
            mails: false,
            plain: false,
            inquiry_wait: HOUR / 180,
            transit: 0,
            patience: 24 * HOUR,
            position: PositionRules::default(),
            fragments_wait: 6 * HOUR,
            parts_wait: 14 * 24 * HOUR,
        }
    }
}

/// A message that waits to be put into a bundle.
#[derive(Debug, Clone, Copy)]
pub struct WaitingMessage<'l> {
    /// Its number on this box.
    pub key: u64,
    /// What it says; `other` is written out.
    pub message: &'l Letter,
    /// The message of the far box that it answers, where its subject does not tell: the bundle in which that came, and its
    /// place there. Said where a packet has room for it.
    pub answers: Option<(BundleName, u8)>,
    /// Nothing may delay it: it is not coded after earlier messages, which the far box might have lost.
    pub urgent: bool,
}

/// What [`Peer::plan`] made of the waiting messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SendPlan {
    /// The packets to hand to the link, in order.
    pub send: Vec<OutgoingPacket>,
    /// What each message takes.
    pub uses: Vec<AirUse>,
    /// Messages that cannot go, and why.
    pub refused: Vec<(u64, PlanRefusal)>,
}

/// What one message takes on air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AirUse {
    /// Number of the message on this box.
    pub key: u64,
    /// Bytes and packets in the classic coding; zero when it cannot be said classically.
    pub classic: (usize, usize),
    /// Packets that it would have taken alone.
    pub alone: usize,
    /// Its share of the bytes that go.
    pub bytes: usize,
    /// Packets of the bundle it travels in.
    pub packets: usize,
    /// How many messages share that bundle.
    pub messages: usize,
}

/// A packet to hand to the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingPacket {
    /// Names its bundle toward [`Peer::sent`] and [`Peer::lost`]; never used again.
    pub ticket: u64,
    /// Which fragment of the bundle, from 0.
    pub fragment: u8,
    /// Fragments of the bundle; 1 for most.
    pub fragments: u8,
    /// The bytes to hand to the link.
    pub payload: Vec<u8>,
    /// Numbers of the messages in it; none in a packet of notes.
    pub messages: Vec<u64>,
    /// The far box is expected to say that it has it; otherwise *sent* is all that will be known.
    pub receipt: bool,
    /// It went out before, and goes once more because nothing was heard of it.
    pub repeat: bool,
}

/// What a call asks of the box; most of it is empty most of the time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeerTurn {
    /// Messages that came in, to deliver now and once; the correspondent is written out.
    pub messages: Vec<Letter>,
    /// Where each of them came: its bundle, and its place there.
    pub places: Vec<(BundleName, u8)>,
    /// Messages that came in a bundle and had come before, in one that it replaces or that replaced it: where they came, and
    /// what they say.
    pub repeated: Vec<((BundleName, u8), Letter)>,
    /// Messages in it that answer one of ours: where they came, and the number of ours.
    pub answering: Vec<((BundleName, u8), u64)>,
    /// A classic packet that came in, without its notes, to be read and delivered.
    pub classic: Option<Vec<u8>>,
    /// Name of that packet, by which it is receipted; `None` where it is not.
    pub classic_name: Option<BundleName>,
    /// Whose it is, where it says so: the person on the station.
    pub classic_person: Option<String>,
    /// People whom the far box names: they want an address here.
    pub newcomers: Vec<String>,
    /// What the far box says about addresses for our people.
    pub answers: Vec<(String, Answer)>,
    /// Where the far box says that it was, and when: in milliseconds since 1970.
    pub position: Option<(Position, i64)>,
    /// Beginnings of messages whose rest did not come in time.
    pub truncated: Vec<Letter>,
    /// Messages of ours that the far box has.
    pub delivered: Vec<u64>,
    /// What became of messages of ours behind the far box.
    pub fates: Vec<(u64, Fate)>,
    /// Messages of ours that the far box could not read: they wait for the next plan, which says that they replace those.
    pub again: Vec<(u64, ResendCause)>,
    /// Messages of ours of which nothing was heard: they may have arrived.
    pub unconfirmed: Vec<u64>,
    /// Packets to hand to the link: repeats, and notes alone.
    pub send: Vec<OutgoingPacket>,
    /// Tickets of packets that need not go any more, if they have not gone.
    pub needless: Vec<u64>,
    /// Tickets of bundles that the far box has: their packets have left, whatever the link can tell.
    pub arrived: Vec<u64>,
    /// Packets of which the link cannot tell whether they left, by ticket and fragment; the far box has them.
    pub arrived_fragments: Vec<(u64, u8)>,
    /// The same, and the far box does not have them: they go to the link once more, as they are.
    pub not_there: Vec<(u64, u8)>,
    /// Bytes that could not be read, and why.
    pub quarantine: Vec<(Vec<u8>, PeerFlaw)>,
    /// What changed between the boxes.
    pub news: Vec<PeerChange>,
    /// More could be read with a model that is made ready at this moment: the next tick tries it.
    pub waits_for_model: bool,
}

#[cfg(test)]
mod tests;
