//! What a link did with the packets of a message.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::{Packet, Reference};
use super::Reason;
use crate::money::Amount;

/// What happened to a message on a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum LinkReason {
    /// The link holds one of its packets.
    Taken {
        /// The evidence that the link holds it.
        how: Taken,
        /// Which of its packets; `None` when it has but one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<Part>,
        /// The link's name for it.
        by: Reference,
    },
    /// A satellite has one of its packets.
    Acknowledged {
        /// Which of its packets; `None` when it has but one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<Part>,
        /// The evidence that a satellite has it.
        how: Acknowledged,
    },
    /// Whether the link took a packet is being found out.
    Asking {
        /// Which of its packets, from 1.
        part: u16,
        /// What keeps the link from telling now.
        why: Box<Reason>,
    },
    /// The link cannot tell whether it took a packet: only the far box knows.
    LeftUnknown {
        /// Which of its packets; `None` when it has but one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<Part>,
        /// What kept the link from telling.
        why: Box<Reason>,
        /// The far box is asked; else nobody can be.
        asks: bool,
    },
    /// The far box does not have a packet of which the link could not tell: it goes again.
    NotThere {
        /// Which of its packets; `None` when it has but one, or the far box did not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<Part>,
    },
    /// It cannot be written in the classic coding, and the far box reads no other.
    NotClassic,
    /// It takes more packets than may belong together.
    TooManyPackets,
    /// The link certainly did not take a packet.
    NotTaken {
        /// The evidence that the link does not have it.
        why: Box<Reason>,
    },
    /// No receipt of the far box came for a packet: it goes once more.
    NoReceipt,
    /// It was withdrawn before it was sent.
    Withdrawn,
    /// It was withdrawn after a part of it had left.
    RestWithdrawn,
    /// No satellite took it in time.
    NoSatellite,
    /// Only a part of it left in time.
    PartInTime,
    /// The link gave it back unsent.
    GivenBack,
    /// One of its packets will not be sent.
    PacketGone {
        /// What became of that packet.
        why: GoneReason,
    },
    /// The link lost a piece of it, which goes once more.
    PieceAgain,
    /// Whether a link sent it is not known, and a link that costs nothing is there: it goes once more by that.
    FreeWay {
        /// The link of which it is not known.
        not_known: String,
    },
    /// The line that has it, or may have it, has been away for longer than it waits: it goes by another link. The far box drops the
    /// later of the two.
    Overtaken {
        /// Name of the link that is left.
        line: String,
        /// Name of the link that it takes now.
        by: String,
        /// What it costs there; `None` where that is nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        price: Option<Amount>,
    },
    /// It leaves in another packet: a message that shared its packet ended.
    Regrouped,
    /// The link gave it back, so that an urgent message goes first.
    MadeWay,
    /// The link that has it, or may have it, was removed.
    LinkRemoved {
        /// What its owner called it.
        link: String,
    },
    /// Its time is over, and the link that has it, or may have a part of it, is not there to be asked.
    Overdue,
    /// Its time ran out, and whether the link took it is not known.
    TakenUnknown {
        /// What kept the link from telling.
        why: Box<Reason>,
    },
    /// Its time ran out on the link, which may have sent it.
    LateOnLink,
    /// Its reader is not at the far box any more, and the link that holds it cannot take it back.
    Misdirected,
    /// The link that took it, or a part of it, was not seen since.
    NotSeenSince {
        /// It may have taken a part only.
        #[serde(default)]
        part: bool,
    },
    /// The far box did not say that it has it.
    Unconfirmed,
}

impl LinkReason {
    /// True where it may have left, or may have arrived, and nobody knows.
    pub fn may_have_arrived(&self) -> bool {
        matches!(
            self,
            Self::LeftUnknown { .. }
                | Self::TakenUnknown { .. }
                | Self::LateOnLink
                | Self::NotSeenSince { .. }
                | Self::Unconfirmed
        )
    }
}

/// How the link came to hold a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taken {
    /// It was handed over and taken.
    Handed,
    /// It was found on the link after a hand-over whose end was not seen.
    Found,
    /// It was found to have been taken, and has left.
    FoundGone,
    /// Nobody can tell: it may have been taken, and sent.
    NotKnown,
}

/// How it is known that a packet has left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acknowledged {
    /// The modem said so, with figures of the satellite's signal.
    Signal(SignalFigures),
    /// A satellite has it, says the service.
    OnSatellite,
    /// A ground station has it, says the service.
    OnGround,
    /// The sentence in a record of an older version: read, never written anew.
    Said(String),
    /// It is not on the link any more, and the acknowledgement was not seen.
    NotSeen,
    /// The far box has it.
    Arrived,
    /// It is not on the link any more after its time had run out.
    Late,
    /// Nobody can tell on this side: only a receipt of the far box does.
    NotKnown,
}

/// How well a satellite was heard when it took a packet, in tenths of the unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalFigures {
    /// Strength of the signal (RSSI), in tenths of a dBm; `None` when it was not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rssi: Option<i32>,
    /// Signal to noise ratio, dB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snr: Option<i32>,
    /// Frequency deviation, in tenths of a Hz; `None` when it was not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fdev: Option<i32>,
}

/// One of several packets that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Number of the packet in the message, from 1.
    pub number: u16,
    /// How many packets the message has.
    pub of: u16,
}

impl Part {
    /// Which part a packet is; `None` when it is all there is.
    pub fn of(packet: &Packet) -> Option<Self> {
        (packet.parts > 1).then_some(Self { number: packet.part, of: packet.parts })
    }
}

/// Why a packet will not be sent. Older records have a sentence in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", tag = "gone", rename_all = "snake_case")]
pub enum GoneReason {
    /// The link gave it back when it was asked to.
    Withdrawn,
    /// It never came to the link: the rest of its group was not wanted any more.
    Dropped,
    /// The link does not take it, ever.
    Refused {
        /// Which of several packets.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<Part>,
        /// What the link says.
        why: Box<Reason>,
    },
    /// The link gave it up, or nobody knows what became of it.
    GivenUp {
        /// What the link says.
        why: Box<Reason>,
    },
    /// It is not on the link any more after its time had run out.
    Late,
    /// What a newer version wrote.
    #[serde(untagged)]
    Unknown(Value),
}

impl GoneReason {
    /// True where this packet is what failed: the others were taken back because of it.
    pub fn is_failure(&self) -> bool {
        !matches!(self, Self::Withdrawn | Self::Dropped)
    }
}

/// The forms in which the store may have it, the sentence of older versions among them.
#[derive(Deserialize)]
#[serde(tag = "gone", rename_all = "snake_case")]
enum Stored {
    Withdrawn,
    Dropped,
    Refused {
        #[serde(default)]
        part: Option<Part>,
        why: Box<Reason>,
    },
    GivenUp {
        why: Box<Reason>,
    },
    Late,
    #[serde(untagged)]
    Old(String),
    #[serde(untagged)]
    Unknown(Value),
}

impl From<Stored> for GoneReason {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Withdrawn => Self::Withdrawn,
            Stored::Dropped => Self::Dropped,
            Stored::Refused { part, why } => Self::Refused { part, why },
            Stored::GivenUp { why } => Self::GivenUp { why },
            Stored::Late => Self::Late,
            // The sentences of the versions that kept sentences.
            Stored::Old(words) => match words.as_str() {
                "withdrawn before it was sent" => Self::Withdrawn,
                "not sent any more" => Self::Dropped,
                "gone from the link after its time had run out" => Self::Late,
                _ => Self::GivenUp { why: Box::new(Reason::Old(words)) },
            },
            Stored::Unknown(value) => Self::Unknown(value),
        }
    }
}
