//! Packets that the link holds: asked after, as acknowledgements may be missed, and withdrawn when they are not wanted
//! any more.

use std::time::Duration;

use super::group::PacketGroup;
use crate::clock::Time;
use crate::fault::Fault;
use crate::link::{Link, PacketStatus};
use crate::message::reason::Acknowledged;
use crate::message::{GoneReason, Id, Reason, Reference};

/// A packet on the link is asked after this often.
pub const AGAIN: Duration = Duration::from_secs(60);
/// What is being withdrawn is looked at again after this.
const WITHDRAWING: Duration = Duration::from_secs(3);

/// Where a packet is that the link took.
#[derive(Debug, PartialEq, Eq)]
pub enum Tracked {
    /// Still there, as far as can be told: asked after again when this time is over.
    Held(Duration),
    /// The same, and its readers are at another far box now: the link cannot take it back, as far as can be told.
    Misdirected(Duration),
    /// It left; nobody was told so. The time of these messages was over by then, so whether they went is not known.
    Sent {
        /// The messages whose time was over.
        late: Vec<Id>,
        /// The evidence that it left.
        how: Acknowledged,
    },
    /// It left the link when the time of all its messages was over: sent or given up, nobody knows.
    Unclear,
    /// It may have left, and the link does not find out: the far box or the owner decides.
    Doubtful {
        /// What the link is given when it is asked later.
        memo: String,
        /// What keeps the link from telling.
        why: Reason,
    },
    /// It certainly was not sent.
    Gone(GoneReason),
}

/// Asks the link after one of its packets, and withdraws that when it is not wanted any more; `begin` comes before the
/// command to do so.
///
/// # Errors
/// When `begin` fails: no command was given then.
pub fn ask(
    link: &mut dyn Link,
    group: &PacketGroup,
    reference: &Reference,
    now: Time,
    begin: impl FnOnce() -> Result<(), Fault>,
) -> Result<Tracked, Fault> {
    let unwanted = group.is_unwanted(now);
    let mut found = link.still_held(reference);
    if found == PacketStatus::Held && unwanted {
        begin()?;
        found = link.cancel(reference);
    }
    Ok(match found {
        PacketStatus::Held | PacketStatus::Unknown(_) if unwanted && group.is_misdirected(now) => {
            Tracked::Misdirected(next_look(group, now))
        }
        PacketStatus::Held | PacketStatus::Unknown(_) if unwanted => Tracked::Held(WITHDRAWING),
        PacketStatus::Held | PacketStatus::Unknown(_) => Tracked::Held(next_look(group, now)),
        PacketStatus::Sent => left(group, now),
        PacketStatus::Doubtful { memo, why } => Tracked::Doubtful { memo, why },
        PacketStatus::Withdrawn => Tracked::Gone(GoneReason::Withdrawn),
        PacketStatus::GaveUp(why) => Tracked::Gone(given_up(why)),
    })
}

/// What the link says of a packet that it gave up.
pub fn given_up(why: Reason) -> GoneReason {
    GoneReason::GivenUp { why: Box::new(why) }
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
        0 => Tracked::Sent { late, how: Acknowledged::NotSeen },
        all if all == group.messages.len() => Tracked::Unclear,
        _ => Tracked::Sent { late, how: Acknowledged::Late },
    }
}
