//! Packets that the link holds: asked after, as acknowledgements may be missed, and withdrawn when they are not wanted
//! any more.

use std::time::Duration;

use super::group::{PacketGroup, WITHDRAWN};
use crate::clock::Time;
use crate::link::{Link, PacketStatus};
use crate::message::{Id, Reference};

/// A packet on the link is asked after this often.
pub const AGAIN: Duration = Duration::from_secs(60);
/// What is being withdrawn is looked at again after this.
const WITHDRAWING: Duration = Duration::from_secs(3);
/// What the sender of a message hears whose packet left the link when its time was over.
pub const LEFT_LATE: &str = "its time ran out on the link; it may have been sent";

/// Where a packet is that the link took.
#[derive(Debug, PartialEq, Eq)]
pub enum Tracked {
    /// Still there, as far as can be told: asked after again when this time is over.
    Held(Duration),
    /// It left; nobody was told so. The time of these messages was over by then, so whether they went is not known.
    Sent {
        /// The messages whose time was over.
        late: Vec<Id>,
        /// What is noted at the packet.
        note: &'static str,
    },
    /// It left the link when the time of all its messages was over: sent or given up, nobody knows.
    Unclear(&'static str),
    /// It certainly was not sent.
    Gone(String),
}

/// Asks the link after one of its packets, and withdraws that when it is not wanted any more.
pub fn ask(link: &mut dyn Link, group: &PacketGroup, reference: &Reference, now: Time) -> Tracked {
    let unwanted = group.is_unwanted(now);
    let mut found = link.still_held(reference);
    if found == PacketStatus::Held && unwanted {
        found = link.cancel(reference);
    }
    match found {
        PacketStatus::Held | PacketStatus::Unknown(_) if unwanted => Tracked::Held(WITHDRAWING),
        PacketStatus::Held | PacketStatus::Unknown(_) => Tracked::Held(next_look(group, now)),
        PacketStatus::Sent => left(group, now),
        PacketStatus::Withdrawn => Tracked::Gone(WITHDRAWN.to_owned()),
        PacketStatus::GaveUp(why) => Tracked::Gone(why),
    }
}

/// When a packet that the link took is asked after: often enough, and at the end of its time.
pub fn next_look(group: &PacketGroup, now: Time) -> Duration {
    group.deadline().unwrap_or(Time::NEVER).since(now).clamp(WITHDRAWING, AGAIN)
}

/// The packet is not on the link any more. Before the end of its time that means that it was sent. Later the link may
/// have given it up: messages whose time is over end with that, the others count as sent, and the far box tells whether
/// they are.
fn left(group: &PacketGroup, now: Time) -> Tracked {
    let late: Vec<_> = group.late(now).map(|message| message.id).collect();
    match late.len() {
        0 => Tracked::Sent { late, note: "its acknowledgement was not seen" },
        all if all == group.messages.len() => Tracked::Unclear("gone from the link after its time had run out"),
        _ => Tracked::Sent { late, note: "gone from the link after its time had run out" },
    }
}
