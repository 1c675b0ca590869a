//! The owner's words for a line over the internet, and for pairing.

use std::fmt::{Display, Formatter, Result};

use crate::message::reason::{ByeReason, CallFailure, LineReason, PairFailure};

/// What may be meant by an answer of somebody else.
const ELSE: &str = "something else answers under this address (a login page of the network?)";

impl Display for LineReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Starting => f.write_str("the link is being set up"),
            Self::NotPaired => f.write_str(
                "no other box is paired: make a code on the gateway (satpost pair new) and enter it on the station (satpost \
                 pair join)",
            ),
            Self::NoKey => f.write_str(
                "the address of the far box is set, and its key is not known: pair the two (satpost pair join)",
            ),
            Self::Called { connected, paired, kilobytes } => {
                write!(f, "{connected} of {paired} paired boxes are connected; about {kilobytes} kB today")
            }
            Self::Up { name, kilobytes } => {
                write!(f, "connected to {name} over the internet; about {kilobytes} kB today")
            }
            Self::Calling { name, address } => write!(f, "calling {name} at {address}"),
            Self::OnDemand { name, address } => {
                write!(f, "{name} at {address} is called when there is something to carry")
            }
            Self::BudgetUsed { until } => write!(
                f,
                "the budget for the bytes of this line is used up: until {until} it is opened for urgent messages only"
            ),
            Self::Down { why } => why.fmt(f),
            Self::NoSuchBox => f.write_str("it is for no box of this link"),
            Self::WentAway => f.write_str("the far box is not connected any more"),
            Self::NotThere => f.write_str("the far box does not have it"),
            Self::TellsLater => f.write_str("the far box tells once it is connected"),
            Self::OnItsWay => f.write_str("it is on its way"),
            Self::Refused { code: 1 } => f.write_str("the far box refuses it: it is too large"),
            Self::Refused { code: 2 } => f.write_str("the far box refuses it: it cannot be read there"),
            Self::Refused { code: 3 } => f.write_str("the far box takes nothing from this box"),
            Self::Refused { code } => write!(f, "the far box refuses it (reason {code})"),
            Self::NoConsole => f.write_str("this link has no console"),
        }
    }
}

impl Display for CallFailure {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Unresolved { why } => write!(f, "the name of the far box is not found: {why}"),
            Self::Unreachable { why } => write!(f, "the far box is not reached: {why}"),
            Self::OtherKey => write!(f, "{ELSE}, or the far box was set up anew"),
            Self::SomethingElse { why } if why.is_empty() => {
                write!(f, "{ELSE}: it is no satpost box, or takes no callers at present")
            }
            Self::SomethingElse { why } => write!(f, "{ELSE}: {why}"),
            Self::Broke { why } => write!(f, "the connection broke: {why}"),
            Self::Closed => f.write_str("the other side closed the connection"),
            Self::NoHello => f.write_str("the far box answers and does not say hello"),
            Self::NoAnswer => f.write_str("the far box does not answer any more"),
            Self::Unintelligible { why } => write!(f, "the far box cannot be understood: {why}"),
            Self::Bye { why } => why.fmt(f),
        }
    }
}

impl Display for ByeReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Stop => f.write_str("the far box has closed the connection: it stops, or rests"),
            Self::NotPaired => f.write_str("the far box does not know this box: pair the two (again)"),
            Self::Newer => f.write_str(
                "another box has connected with the key of this one: if a backup was put in place elsewhere, stop one of \
                 the two",
            ),
            Self::Budget => f.write_str("the far box has used up its budget for this line"),
            Self::Version => f.write_str("the far box speaks another version of this protocol: update the older one"),
            Self::Pairing(why) => why.fmt(f),
            Self::Other(code) => write!(f, "the far box has closed the connection (reason {code})"),
        }
    }
}

impl Display for PairFailure {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::NoCode => "the gateway waits for no pairing: make a code there",
            Self::WrongToken => "the last four characters of the code are wrong: compare them with the gateway's page",
            Self::Expired => "the code is older than 10 minutes: make a new one on the gateway",
            Self::Used => "the code was used already: make a new one on the gateway",
            Self::Spent => "the code was tried wrongly five times and is void: make a new one on the gateway",
        })
    }
}
