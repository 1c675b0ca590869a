//! Packets on a link, and how far each got.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{GoneReason, Id, LinkId, Reason};
use crate::address::{LinkAddress, PeerId};
use crate::clock::Time;
use crate::money::{Bill, Money};

/// What one transmission on a link carries; kept from the plan to the acknowledgement, so that none is sent twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    /// Given by the store; 0 before.
    pub number: u64,
    /// The messages that it carries, or a fragment of them, in order; none in one that only says something to the far box.
    #[serde(rename = "letters")]
    pub messages: Vec<Id>,
    /// Number of the first packet of those that belong together: all of them are sent, or their messages are not.
    #[serde(rename = "body")]
    pub group: u64,
    /// Part number, from 1.
    pub part: u16,
    /// Number of packets that belong together.
    pub parts: u16,
    /// The far box it is meant for; `None` for the one by which this box reaches the world.
    #[serde(default)]
    pub far_box: Option<PeerId>,
    /// Where it was, or is being, handed over to; `None` before, and where the link has one far end only.
    #[serde(default, alias = "device", skip_serializing_if = "Option::is_none")]
    pub address: Option<LinkAddress>,
    /// The link that it was made for, or given to: only that one tells what became of it.
    #[serde(default = "LinkId::first")]
    pub link: LinkId,
    /// What goes on air.
    pub payload: Vec<u8>,
    /// How far it got.
    pub state: PacketState,
    /// When it entered this state.
    pub at: Time,
    /// What happened to it last; empty at first.
    #[serde(default)]
    pub note: Reason,
    /// When the link is asked after it again, while it holds it.
    #[serde(default)]
    pub ask: Time,
    /// It is being taken back from the link: written before the command leaves. Until the link has answered, that it is not
    /// there any more does not mean that it was sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taking_back: bool,
    /// Its place in the session with the far box; `None` where there is none.
    #[serde(default, rename = "talk")]
    pub peer: Option<PeerFragment>,
    /// What was booked for it in the budget of its link when it was handed over; given back when it was certainly not taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<Charge>,
    /// Whole mails that it was, or is being, handed over with in one payload; empty where it goes as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mails: Vec<PacketMail>,
}

/// A whole mail that goes in one payload with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketMail {
    /// The message that was made from it.
    pub message: Id,
    /// Bytes that it adds to what goes on air.
    pub bytes: u32,
}

/// What a packet costs on its link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The day of the calendar on which it was booked, such as `2026-11-25`.
    pub day: String,
    /// Price that was booked for it, by the tariff of the link; 0 when free.
    pub money: Money,
    /// Of what its link charges for, where some of that is free in a month.
    #[serde(default, skip_serializing_if = "nothing")]
    pub units: u64,
    /// Credits that its network charges for it; 0 where it charges by something else.
    #[serde(default, skip_serializing_if = "nothing")]
    pub credits: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
fn nothing(units: &u64) -> bool {
    *units == 0
}

/// The place of a packet in the session with the far box: which fragment of which bundle it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerFragment {
    /// Number by which the session with the far box finds the bundle.
    pub ticket: u64,
    /// Index of the fragment in its bundle, from 0.
    #[serde(rename = "piece")]
    pub fragment: u8,
    /// How many fragments the bundle has; 1 for a whole one.
    #[serde(rename = "pieces")]
    pub fragments: u8,
    /// The far box is expected to say that it has it.
    pub receipt: bool,
    /// It need not go any more.
    #[serde(default)]
    pub needless: bool,
    /// It goes once more, as no receipt came.
    #[serde(default)]
    pub repeat: bool,
    /// The far box has it, while the link has not found out yet whether it took it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub arrived: bool,
    /// What it costs when no message pays for it, see [`Packet::is_extra`].
    #[serde(default)]
    pub bill: Option<Bill>,
}

/// How far a packet got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PacketState {
    /// Not yet handed over.
    Planned,
    /// Being handed over: written before the command leaves, so that a crash in between is known as such.
    Handing(Intent),
    /// The link cannot tell whether it took it. It is not free to go again on the link's word: the far box decides, or its
    /// owner.
    Unknown(Intent),
    /// The link holds it under this reference.
    Held(Reference),
    /// Acknowledged by a satellite (or on its way up, where the link says no more).
    Sent(Reference),
    /// The link let it expire, or it was withdrawn before it was sent.
    Gone(GoneReason),
}

/// What a link must know to find out later whether a hand-over happened; written to disk before the hand-over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// When the hand-over began.
    pub at: Time,
    /// What the link knew then; only the link reads it (JSON of its own).
    pub memo: String,
}

/// The name under which a link holds a packet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reference {
    /// `m138:0x001abe` or `hive`: whose number it is.
    pub holder: String,
    /// The number there (more than 32 bits on an M138).
    pub number: u64,
}

impl Packet {
    /// True while the link may hold it, or will be asked to.
    pub fn is_open(&self) -> bool {
        !matches!(self.state, PacketState::Sent(_) | PacketState::Gone(_))
    }

    /// Bytes that went, or go, on air for it: its own, and those of the mails around it.
    pub fn air_bytes(&self) -> usize {
        self.payload.len() + self.mails.iter().map(|mail| mail.bytes as usize).sum::<usize>()
    }

    /// Bytes of the whole mail of a message that go on air with it.
    pub fn mail_bytes(&self, message: Id) -> usize {
        self.mails.iter().filter(|mail| mail.message == message).map(|mail| mail.bytes as usize).sum()
    }

    /// True once the link took it, or nobody will know from it whether it did.
    pub fn is_handed(&self) -> bool {
        matches!(self.state, PacketState::Unknown(_) | PacketState::Held(_) | PacketState::Sent(_))
    }

    /// True for a packet that no message pays for: it carries none, or carries it once more.
    pub fn is_extra(&self) -> bool {
        self.is_repeat() || self.peer.is_some() && self.messages.is_empty()
    }

    /// True for one that goes once more, as no receipt of the first came.
    pub fn is_repeat(&self) -> bool {
        self.peer.as_ref().is_some_and(|place| place.repeat)
    }

    /// True when it has left, or nobody can tell.
    pub fn has_left(&self) -> bool {
        matches!(self.state, PacketState::Unknown(_) | PacketState::Sent(_))
    }

    /// The link's name for it, while the link holds it or after it left.
    pub fn reference(&self) -> Option<&Reference> {
        match &self.state {
            PacketState::Held(reference) | PacketState::Sent(reference) => Some(reference),
            _ => None,
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.holder.parse() {
            // The whole key is nothing for people.
            Ok(LinkAddress::Ip(key)) => write!(f, "box {}, packet {}", key.groups(), self.number),
            _ => write!(f, "{} {}", self.holder, self.number),
        }
    }
}

/// Where in the talk with a far box a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CameIn {
    /// That far box; `None` for the one by which this box reaches the world.
    #[serde(default)]
    pub far_box: Option<PeerId>,
    /// Name of the bundle in which it came.
    pub bundle: u16,
    /// Place of the message in that bundle, from 0.
    pub place: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_of_the_first_version_is_read_and_written_back_as_it_was() {
        let record = r#"{"number":7,"letters":[1,2],"body":6,"part":2,"parts":2,"far_box":null,"link":1,"payload":[145,1],
            "state":{"held":{"holder":"m138:0x001abe","number":9}},"at":5,"note":"","ask":8,
            "talk":{"ticket":3,"piece":1,"pieces":2,"receipt":true,"needless":false,"repeat":false,"bill":null}}"#;
        let packet: Packet = serde_json::from_str(record).unwrap();
        let fragment = packet.peer.as_ref().unwrap();
        assert_eq!((packet.group, fragment.fragment, fragment.fragments), (6, 1, 2));
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(json(&serde_json::to_string(&packet).unwrap()), json(record));
    }
}
