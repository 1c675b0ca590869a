//! The owner's words for events, and for what was set aside.

use std::fmt::{Display, Formatter, Result};

use crate::message::events::{Ashore, EventKind, FarBoxChange, PhoneChange, SetAside};
use crate::message::reason::{ByeReason, Unusable};
use crate::money::BOX;

impl Display for EventKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Link { state } => state.fmt(f),
            Self::SetAside { what, why } => write!(f, "{what}: {why}"),
            Self::HearsItself { name, modem } => write!(
                f,
                "link {name} hears this box's own modem ({}): what the box itself sent is left out, and is not sent on. A modem and \
                 the service ashore that hears it belong to two boxes: switch one of the two off here, as with 'satpost link off \
                 {name}'",
                modem.shown()
            ),
            Self::FarBox { what, device } => {
                what.fmt(f)?;
                device.map_or(Ok(()), |device| write!(f, " ({})", device.shown()))
            }
            Self::NewAtSea { name, shown, here: None } => {
                write!(f, "{name} of {shown} asks for an address here: admit or refuse them there")
            }
            Self::NewAtSea { name, shown, here: Some(here) } => write!(f, "{name} of {shown} is {here} here"),
            Self::Ashore { name, what: Ashore::Has } => write!(f, "{name} has an address ashore"),
            Self::Ashore { name, what: Ashore::Asked } => {
                write!(f, "the owner of the box ashore is asked whether {name} gets an address there")
            }
            Self::Ashore { name, what: Ashore::Refused } => write!(f, "the box ashore gives {name} no address"),
            Self::QuarantineFull { source, deleted } => {
                write!(f, "the quarantine is full: the {deleted} oldest items from {source} were deleted")
            }
            Self::Phone { word, what } => write!(f, "a phone sent {word}: {what}"),
            Self::Budget { account, month, percent, reserve } => {
                write!(f, "{percent} % ")?;
                if reserve.is_some() {
                    f.write_str("of what normal messages may use ")?;
                }
                let whose = if account == BOX { "this box" } else { account };
                write!(f, "of the budget of {whose} for {month} are used")?;
                reserve.map_or(Ok(()), |reserve| write!(f, "; {reserve} % are kept for urgent ones"))
            }
            Self::LinkBudget { name, period, percent, reserve } => {
                write!(f, "{percent} % ")?;
                if reserve.is_some() {
                    f.write_str("of what normal messages may use ")?;
                }
                write!(f, "of the budget of {name}")?;
                if !period.is_empty() {
                    write!(f, " for {period}")?;
                }
                f.write_str(" are used")?;
                reserve.map_or(Ok(()), |reserve| write!(f, "; {reserve} % are kept for urgent ones"))
            }
            Self::Called { name, key, why: None, apart: true, .. } => write!(
                f,
                "{name} ({key}) is paired with this box now, as a far box of its own: the one that the code was for cannot have this \
                 line too (satpost far-box set NAME --add-address)"
            ),
            Self::Called { name, key, why: None, .. } => write!(f, "{name} ({key}) is paired with this box now"),
            Self::Called { key, from, why: Some(ByeReason::NotPaired), .. } => {
                write!(f, "a box called from {from} that is not paired: {key}")
            }
            Self::Called { name, from, why: Some(why), .. } => {
                write!(f, "a box at {from} that calls itself {name} tried to pair and could not: {why}")
            }
            Self::Restarted { ends: 0 | 1, why } => {
                write!(f, "the box ended without being told to and was started again: {why}")
            }
            Self::Restarted { ends, why } => {
                write!(f, "the box ended {ends} times in a row without being told to, the last time: {why}")
            }
            Self::ClockSet { seconds } => {
                let (far, way) = (span(seconds.unsigned_abs()), if *seconds < 0 { "back" } else { "ahead" });
                write!(
                    f,
                    "the clock was set {way} by {far}: what waits keeps its age, what was dated wrong is dated right"
                )
            }
            Self::Done { what, by } if by.is_empty() => f.write_str(what),
            Self::Done { what, by } => write!(f, "{what}, by {by}"),
            Self::Old(words) => f.write_str(words),
            Self::Unknown(_) => f.write_str("unknown: a newer version of satpost wrote this down"),
        }
    }
}

impl Display for SetAside {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Packet(None) => f.write_str("a packet from the air is in quarantine"),
            Self::Packet(Some(device)) => write!(f, "a packet from {} is in quarantine", device.shown()),
            Self::Text => f.write_str("a text from a phone is in quarantine"),
            Self::Message(id) => write!(f, "{id} is in quarantine"),
        }
    }
}

impl Display for FarBoxChange {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Reads(model) => write!(f, "the far box reads the compact coding, model {model}"),
            Self::NoCommonModel => {
                f.write_str("the far box reads the compact coding, but has no model in common with this one")
            }
            Self::Unlearned => {
                f.write_str("the far box writes classic packets without a mark: it gets classic ones too")
            }
            Self::Silent => f.write_str("the far box has not answered for long: it gets classic packets"),
            Self::Unread => f.write_str("a packet that cannot be read here is kept, and the far box is asked about it"),
        }
    }
}

impl Display for PhoneChange {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::OptedOut => "it gets no more texts from that number",
            Self::OptedIn => "it may be texted again",
            Self::CarrierAnswers => "the carrier answers",
            Self::Answered => "it is answered",
        })
    }
}

impl Display for Unusable {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::NotOurs => f.write_str("it is no packet of ours"),
            Self::CompactOff => f.write_str("it is in the compact coding, which is off here (air.compact)"),
            Self::NoModel { model } => write!(f, "it needs the model {model}, which is not here"),
            Self::BadCheck => f.write_str("its check is wrong: noise, or the boxes know different addresses"),
            Self::LoneFragment { of } => write!(f, "a fragment of {of} whose others did not come"),
            Self::NotClassic { why } | Self::BadAddress { why } | Self::Record { why } => f.write_str(why),
            Self::WrongWay => f.write_str("the packet says that it goes the other way"),
            Self::NoRecipient => f.write_str("it does not say to whom it goes"),
            Self::NoDomain => f.write_str("this box has no mail domain yet: set box.domain"),
            Self::NotHex { number } => write!(f, "message {number} on the modem is not written in hex"),
            Self::Listed { service, number, flaw } => write!(f, "packet {number} of {service}: {flaw}"),
            Self::CarrierWords => f.write_str("what the carrier told cannot be read"),
            Self::NoNumber => f.write_str("it came to something that is no phone number"),
            Self::TooLong { bytes } => write!(f, "it has {bytes} bytes, more than any text"),
            Self::Sender => f.write_str("its sender is neither a phone nor a name"),
            Self::Nowhere { what } => write!(f, "{what} is in a queue and nowhere else"),
            Self::Part { why } => write!(f, "a part of a message is unreadable: {why}"),
        }
    }
}

fn span(seconds: u64) -> String {
    match seconds {
        0..7200 => format!("{seconds} s"),
        7200..172_800 => format!("{} h", (seconds + 1800) / 3600),
        _ => format!("{} days", (seconds + 43_200) / 86_400),
    }
}
