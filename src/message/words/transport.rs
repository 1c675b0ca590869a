//! The owner's words for a modem of Iridium's messaging transport.

use std::fmt::{Display, Formatter, Result};

use crate::message::reason::TransportReason;

impl Display for TransportReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::NotProvisioned => f.write_str(
                "not provisioned yet: the topics of a new modem come over the air, which takes 10 to 30 minutes or more with power \
                 and a free view of the sky",
            ),
            Self::NoTopic { topic, known } => {
                let known: Vec<_> = known.iter().map(u16::to_string).collect();
                write!(f, "topic {topic} is not among those of this modem ({}): set imt.topic", known.join(", "))
            }
            Self::NoSubscription => {
                f.write_str("the network takes no messages of this modem: its plan is not active, or does not have this topic")
            }
            Self::Overflow => f.write_str("the modem's queue is full"),
            Self::Code { target, code } => write!(f, "the modem answered {code} to {target}: {}", means(*code)),
            Self::NoVersion => f.write_str("the modem speaks no version of its protocol that this program knows"),
            Self::NoSim => f.write_str("the modem has no SIM that works: its seller has to look at it"),
            Self::Inactive { state, reason } => {
                write!(f, "the modem is not on the air ({state}, reason {reason}{})", why(*reason))
            }
            Self::Mute => f.write_str(
                "the modem does not answer: unplug its USB cable and plug it in again; messages that it may have are not sent anew",
            ),
            Self::Ended { status } => f.write_str(ended(status)),
            Self::Restarted => f.write_str("the modem restarted while it had the message"),
            Self::NoNews => f.write_str("the modem said nothing of the message for more than six hours"),
            Self::CancelUnanswered => f.write_str("the modem was asked to take it back, and did not say how that ended"),
            Self::Forgotten => f.write_str("the modem does not know the message any more, and did not say how it ended"),
            Self::Cancelling => f.write_str("the modem was asked to take it back"),
            Self::Damaged => f.write_str("a message came down damaged, and the modem keeps none"),
        }
    }
}

/// What a code means, as far as that helps.
fn means(code: u16) -> &'static str {
    match code {
        406 => "not now",
        408 => "it failed",
        409 => "not allowed",
        410 => "its SIM is not set up",
        414 => "its hardware is not set up",
        415 => "its radio is not set up",
        418 => "it is not provisioned, or not ready yet",
        500 => "its serial port has an error",
        _ => "it does not take that",
    }
}

fn why(reason: u64) -> &'static str {
    match reason {
        1 => ": its test of itself failed",
        2 => ": its temperature",
        3 => ": its radio protects itself",
        6 => ": its supply is too weak",
        _ => "",
    }
}

/// What the end of a message means.
fn ended(status: &str) -> &str {
    match status {
        "message_discarded_on_overflow" => "the modem's queue was full",
        "subscription_invalid" => "its plan is not active, or does not have this topic",
        "segment_not_supplied" => "the modem did not get its bytes in time",
        "segment_incorrect" | "user_supplied_crc_error" => "the modem found its bytes wrong",
        "message_dropped_local_crc_error" => "the modem lost some of its bytes",
        "message_cancelled_pre_transit" => "it was taken back before it was on air",
        "message_cancelled_in_transit" => "it was taken back while it was on air",
        "message_expired" => "the modem gave it up, and a part may have been on air",
        "message_transfer_timeout" => "it was not through in time, and a part was on air",
        "network_error" => "the network reports an error, and may have it",
        "protocol_error" => "its way ended with an error of protocol, and a part was on air",
        "crc_error_in_transfer" => "it was damaged on the air",
        other => other,
    }
}
