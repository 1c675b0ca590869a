//! The owner's words for the sessions of a satellite modem.

use std::fmt::{Display, Formatter, Result};

use crate::message::reason::SessionReason;

impl Display for SessionReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Running => f.write_str("the modem is in a session"),
            Self::Failed { status, tries } => {
                let times = if *tries == 1 { "once".to_owned() } else { format!("{tries} times in a row") };
                write!(
                    f,
                    "no session came about, {times}: {} (status {status}); it is tried again later",
                    means(*status)
                )
            }
            Self::NeverTaken { status } => {
                write!(f, "the gateway takes no such message: {} (status {status})", means(*status))
            }
            Self::NeedsOwner { status, firmware } => {
                write!(f, "{} (status {status})", means(*status))?;
                firmware.as_ref().map_or(Ok(()), |firmware| write!(f, "; firmware {firmware}"))
            }
            Self::TooLargeWaits => f.write_str(
                "ready, but a message that waits at the gateway is too large for the modem and blocks those behind it: \
                 have the service empty the queue of this terminal",
            ),
            Self::NoBudget => f.write_str(
                "ready; a message waits at the gateway and is not fetched, as the budget of this link is used up: it comes with the next \
                 message that goes up, or when the budget has room",
            ),
            Self::NotCleared => f.write_str(
                "the modem does not empty its slot: no session begins, as that would send the last message once more",
            ),
            Self::Unread => f.write_str("a message in the modem arrives damaged here: check the cable"),
            Self::CounterStands => f.write_str("the modem's counter of sessions did not move"),
            Self::SlotCleared => f.write_str("it was taken out of the modem before a session"),
            Self::SlotLost => f.write_str("the modem lost its power before a session"),
            Self::CounterMoved => f.write_str("the modem had sessions that this box does not know of"),
            Self::NoCounter => f.write_str("this modem does not tell how many sessions it had"),
            Self::ResultLost => f.write_str("the modem never told how its session ended"),
            Self::Forwards => f.write_str("it begins with RB, which the service takes for an order to pass it on"),
        }
    }
}

/// What a status means, and what to do where a person can.
fn means(status: u8) -> &'static str {
    match status {
        10 | 17 => "the gateway did not answer in time",
        11 => "the gateway's queue is full",
        12 => "it has too many segments",
        13 => "the session was not completed",
        14 => "a segment has a size that the gateway does not take",
        15 => "the network denies access: the terminal is not activated, or its rental is not paid",
        16 => "the modem is locked: its seller has to unlock it",
        18 => "the radio link broke",
        19 => "the session ended with an error of protocol",
        32 => "no satellite is heard: the antenna needs a free view of the sky",
        33 => "the modem finds a fault at its antenna: check the plug and the cable",
        34 => "the radio was switched off",
        35 => "the modem was busy with its registration",
        36 => "the network wants three minutes between two registrations",
        37 => "the network has switched the service off for now",
        38 => "the network asks for a pause",
        64 => "the modem would send outside of its band: it needs repair",
        65 => "the modem's radio does not lock: switch its power off and on",
        _ => "the session failed",
    }
}
