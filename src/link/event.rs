//! What a link reports to the engine.

use super::whole::{WholeFrame, WholePlace};
use super::{Health, Series};
use crate::address::LinkAddress;
use crate::clock::Time;
use crate::message::reason::Acknowledged;
use crate::message::{Reason, Reference};

/// What a link reports.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A packet came in. It comes again until it is confirmed.
    Inbound(Inbound),
    /// A far box says something of a whole mail.
    Whole {
        /// Which far box; `None` where the link has one far end.
        device: Option<LinkAddress>,
        /// What it says of that mail.
        frame: WholeFrame,
    },
    /// A far box asks whether packets of these names are here.
    Asked {
        /// Which far box; `None` where the link has one far end.
        device: Option<LinkAddress>,
        /// Names of packets, which hold on whatever link they came.
        names: Vec<u64>,
    },
    /// A far box says whether packets of these names are there.
    Known {
        /// Which far box; `None` where the link has one far end.
        device: Option<LinkAddress>,
        /// Each name that was asked for, and whether it is there.
        known: Vec<(u64, bool)>,
    },
    /// So much of a budget that the driver counts by itself is used, in hundredths; told once.
    Spent(u64),
    /// A packet was acknowledged by a satellite.
    Sent {
        /// The link's name for that packet.
        reference: Reference,
        /// The evidence that a satellite has it.
        how: Acknowledged,
    },
    /// The other side gave a packet up (expired on the modem, failed in the Hive).
    Lost {
        /// The link's name for that packet.
        reference: Reference,
        /// What the other side says of it.
        why: Reason,
    },
    /// A packet that the link held has certainly not reached the far box: it may be handed over again.
    NotTaken {
        /// The link's name for that packet.
        reference: Reference,
        /// The evidence that it did not arrive.
        why: Reason,
    },
    /// What became of earlier hand-overs can be told now: the link is to be asked about all that are open.
    Evidence,
    /// What [`Link::keep`] gives has changed, and is needed after a crash as well.
    Keep,
    /// A session carried no packet up, and is charged like the smallest one.
    Mailbox,
    /// The state of the link changed.
    Health(Health),
    /// A measured value, kept as history for the page.
    Sample {
        /// The series that the value belongs to.
        series: Series,
        /// In the unit of the series.
        value: f64,
    },
    /// A line on the wire, for the console page.
    Line {
        /// True for lines to the modem.
        sent: bool,
        /// The line without its line feed, made printable.
        text: String,
    },
    /// The link could not read something that came in; it is set aside with the reason, then confirmed.
    Poison {
        /// The bytes as they came, or their beginning.
        bytes: Vec<u8>,
        /// Why they could not be read.
        why: Reason,
        /// To let the other side forget it.
        token: Token,
    },
}

/// A packet that came in, as its driver hands it to the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// The far box it came from; `None` where the link has one far end, the box that the world writes by.
    pub device: Option<LinkAddress>,
    /// The bytes that went through the air.
    pub payload: Vec<u8>,
    /// The whole mails of messages in it, which came before.
    pub wholes: Vec<WholePlace>,
    /// Names the packet for good, whatever channel repeats it: the store remembers it.
    pub key: String,
    /// When the other side received it, if it says so.
    pub received: Option<Time>,
    /// To let the other side forget it.
    pub token: Token,
}

/// Handle to confirm an inbound packet with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token(pub u64);
