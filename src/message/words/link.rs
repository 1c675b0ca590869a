//! The owner's words about a link: what it did with packets, and what became of them.

use std::fmt::{Display, Formatter, Result};

use crate::message::Packet;
use crate::message::reason::{Acknowledged, GoneReason, LinkReason, Part, Reason, Taken};

/// Says what is known of a packet; of one that went a second time first why it did, whatever became of it.
pub fn packet_note(packet: &Packet) -> String {
    let (again, note) = (Reason::from(LinkReason::NoReceipt), packet.note.to_string());
    match packet.is_repeat() && packet.note != again {
        true if note.is_empty() => again.to_string(),
        true => format!("{again}; {note}"),
        false => note,
    }
}

impl Display for Part {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "part {} of {}", self.number, self.of)
    }
}

impl Display for LinkReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Taken { how, part, by } => {
                f.write_str(match how {
                    Taken::Handed => "handed to the link",
                    Taken::Found => "found on the link",
                    Taken::FoundGone => "found to be taken",
                    Taken::NotKnown => "not known whether the link took it",
                })?;
                part.map_or(Ok(()), |part| write!(f, ", {part}"))?;
                write!(f, " ({by})")
            }
            Self::Acknowledged { part, how } => {
                part.map_or(Ok(()), |part| write!(f, "{part} "))?;
                let by = match how {
                    Acknowledged::NotKnown | Acknowledged::Arrived | Acknowledged::NotSeen | Acknowledged::Late => "",
                    _ => "acknowledged by a satellite: ",
                };
                write!(f, "{by}{how}")
            }
            Self::Asking { part, why } => write!(f, "finding out whether the link took part {part}: {why}"),
            Self::LeftUnknown { part, why, asks } => {
                part.map_or(Ok(()), |part| write!(f, "{part}: "))?;
                match asks {
                    true => write!(f, "it is not known whether it left ({why}): the far box is asked"),
                    false => write!(
                        f,
                        "it is not known whether it left ({why}), and nobody can be asked: send it again if it matters"
                    ),
                }
            }
            Self::NotThere { part } => {
                part.map_or(Ok(()), |part| write!(f, "{part}: "))?;
                f.write_str("it had not left: the far box does not have it, and it goes again")
            }
            Self::NotClassic => f.write_str("it cannot be written in the classic coding"),
            Self::TooManyPackets => f.write_str("it takes more than 16 packets"),
            Self::NotTaken { why } => write!(f, "certainly not taken: {why}"),
            Self::NoReceipt => f.write_str("once more: no receipt came"),
            Self::Withdrawn => f.write_str("withdrawn from the link before it was sent"),
            Self::RestWithdrawn => f.write_str("the rest was not sent"),
            Self::NoSatellite => f.write_str("no satellite took it in time"),
            Self::PartInTime => f.write_str("only a part of it left in time"),
            Self::GivenBack => f.write_str("the link gave it back unsent"),
            Self::PacketGone { why } => why.fmt(f),
            Self::PieceAgain => f.write_str("the link lost a piece of it, which goes once more"),
            Self::Regrouped => f.write_str("waits for the link again: another message left its packet"),
            Self::FreeWay { not_known } => {
                write!(f, "whether {not_known} sent it is not known: it goes once more, by a link that costs nothing")
            }
            Self::Overtaken { line, by, price } => {
                write!(f, "{line} is away and has not told whether it arrived: it goes by {by}")?;
                price.as_ref().map_or(Ok(()), |price| write!(f, ", for {price}"))
            }
            Self::LinkRemoved { link } => write!(f, "the link {link} was removed while it had it, or may have had it"),
            Self::MadeWay => f.write_str("taken back from the link: an urgent message goes first, or it goes another way"),
            Self::Overdue => f.write_str(
                "its time is over, and the link that has it, or a part of it, does not answer: it may have been sent",
            ),
            Self::TakenUnknown { why } => {
                write!(f, "its time ran out, and whether the link took it is not known ({why}): it may have been sent")
            }
            Self::Misdirected => f.write_str(
                "its reader is not at that far box any more, and the link cannot take it back: whoever reads there gets it",
            ),
            Self::LateOnLink => f.write_str("its time ran out on the link; it may have been sent"),
            Self::NotSeenSince { part: false } => {
                f.write_str("the link that took it has not been seen since; it may have been sent")
            }
            Self::NotSeenSince { part: true } => {
                f.write_str("the link that may have taken a part has not been seen since; it may have been sent")
            }
            Self::Unconfirmed => {
                f.write_str("it was sent, and the far box has not said that it has it: it may have arrived")
            }
        }
    }
}

impl Display for Acknowledged {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Signal(figures) => figures.fmt(f),
            Self::OnSatellite => f.write_str("on a satellite"),
            Self::OnGround => f.write_str("on a ground station"),
            Self::Said(note) => f.write_str(note),
            Self::NotSeen => {
                f.write_str("it is not on the link any more, so a satellite took it: its acknowledgement was not seen")
            }
            Self::Arrived => f.write_str("sent: the far box has it"),
            Self::Late => f.write_str("gone from the link after its time had run out"),
            Self::NotKnown => f.write_str("not known whether it was sent: only a receipt of the far box tells"),
        }
    }
}

impl Display for GoneReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Withdrawn => f.write_str("withdrawn before it was sent"),
            Self::Dropped => f.write_str("not sent any more"),
            Self::Refused { part: Some(part), why } => write!(f, "{part}: {why}"),
            Self::Refused { part: None, why } | Self::GivenUp { why } => why.fmt(f),
            Self::Late => Acknowledged::Late.fmt(f),
            Self::Unknown(_) => f.write_str("unknown: a newer version of satpost wrote down why"),
        }
    }
}
