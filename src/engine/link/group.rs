//! A packet group: the packets that belong together, with the messages in them, and what becomes of both. Pure: who calls
//! writes what is decided here, in one commit ([`commit`](super::commit)).
//!
//! # States of a packet
//!
//! ```text
//!             command leaves        the link has it        a satellite has it
//!   Planned ────────────────> Handing ────────────> Held ────────────────> Sent
//! ```
//!
//! | from | to | when |
//! |---|---|---|
//! | `Handing` | `Planned` | it certainly was not taken |
//! | `Handing` | `Unknown` | the link cannot tell how the hand-over ended |
//! | `Unknown` | `Held`, `Sent` | the link finds out after all, or the far box says that it has it |
//! | `Unknown` | `Planned` | the link, or the far box, does not have it: it goes again, as it was |
//! | `Held` | `Planned` | it was taken back, so that an urgent message goes first |
//! | `Held` | `Unknown` | it is not there any more, and this box stopped while it was being taken back; the link cannot tell any more what became of it |
//! | `Handing`, `Held` | `Gone` | its line is away for longer than its messages wait: they go by another link |
//! | any of the open | `Gone` | not wanted any more, refused for good, withdrawn, given up, sent again by its owner, or its time is over |
//!
//! A packet is `Planned`, `Handing`, `Unknown` or `Held` while it is open. All packets of a group are sent, or its messages are not:
//! once one is `Gone`, those that are still here go too, and those that the link holds are withdrawn. When none is open
//! any more each message gets its [`Resolution`].
//!
//! The link's time limit of a packet is the earliest deadline of its messages. Of a later one the modem would send a
//! message whose sender was told that it did not leave; by the earliest one the modem itself drops the packet, certainly
//! unsent, and the other messages are planned anew: nothing is lost, and nothing is paid for twice.

use crate::clock::Time;
use crate::message::reason::LinkReason;
use crate::message::{GoneReason, Id, Message, Packet, PacketState, State};

/// A packet group as the store knows it at one moment.
pub struct PacketGroup {
    /// Its packets, by part.
    pub packets: Vec<Packet>,
    /// Its messages to which something can still happen.
    pub messages: Vec<Message>,
    /// Some of its messages are finished, or unreadable.
    pub finished: bool,
    /// Messages whose reader is not at this far box any more: they go elsewhere if that is still possible.
    pub moved: Vec<Id>,
}

/// What becomes of a message whose packets will not be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// This message ends in this state, for this reason.
    Ends(Id, State, LinkReason),
    /// Its owner withdrew it.
    Cancelled(Id, LinkReason),
    /// It was in one packet with a message that ends, and waits for another packet.
    PlanAgain(Id),
}

impl PacketGroup {
    /// When the link has to give its packets up; `None` without messages.
    pub fn deadline(&self) -> Option<Time> {
        self.messages.iter().map(Message::limit).min()
    }

    /// Lists its messages whose time is over.
    pub fn late(&self, now: Time) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(move |message| now >= message.limit())
    }

    fn any(&self, is: fn(&PacketState) -> bool) -> bool {
        self.packets.iter().any(|packet| is(&packet.state))
    }

    /// Whether the link took one of its packets is not known.
    pub fn in_doubt(&self) -> bool {
        self.any(|state| matches!(state, PacketState::Handing(_)))
    }

    /// Nothing of it was handed over.
    pub fn is_unhanded(&self) -> bool {
        self.packets.iter().all(|packet| packet.state == PacketState::Planned)
    }

    /// One of its packets is open.
    pub fn is_open(&self) -> bool {
        self.packets.iter().any(Packet::is_open)
    }

    /// Some of it has left, now or when other fragments of the same bundle went out.
    fn partly_sent(&self) -> bool {
        let fragments = self.packets.iter().find_map(|packet| packet.peer.as_ref()).map_or(0, |place| place.fragments);
        let left = |state: &PacketState| matches!(state, PacketState::Sent(_) | PacketState::Unknown(_));
        self.any(left) || self.packets.len() < usize::from(fragments)
    }

    /// The far box has its messages already.
    pub fn is_needless(&self) -> bool {
        self.packets.iter().any(|packet| packet.peer.as_ref().is_some_and(|place| place.needless))
    }

    /// True when what has not left should not leave any more: nobody waits for it, a part of it is gone, or one of its
    /// messages is wanted back or too late. Once a part of a group has left, such a message goes along with the others.
    pub fn is_unwanted(&self, now: Time) -> bool {
        let carries_messages = self.packets.iter().any(|packet| !packet.messages.is_empty());
        let over = |message: &Message| self.is_over(message, now) || self.moved.contains(&message.id);
        // Without a message that something can still happen to, `all` is true: nobody waits for it.
        let (some, all) = (self.messages.iter().any(over), self.messages.iter().all(over));
        let broken = self.any(|state| matches!(state, PacketState::Gone(_)));
        (carries_messages && all) || (some && !self.partly_sent()) || broken || self.is_needless()
    }

    fn is_over(&self, message: &Message, now: Time) -> bool {
        message.recall || now >= message.limit()
    }

    /// True when all that is wrong with it is that readers are at another far box now.
    pub fn is_misdirected(&self, now: Time) -> bool {
        !self.moved.is_empty() && !self.is_needless() && !self.messages.iter().any(|message| self.is_over(message, now))
    }

    /// Puts a changed packet in the place of the one that is known.
    pub fn put(&mut self, packet: Packet) {
        if let Some(known) = self.packets.iter_mut().find(|known| known.number == packet.number) {
            *known = packet;
        }
    }

    /// What of it has not reached the link is not sent, what the link holds is to be asked back now.
    pub fn drop_rest(&mut self, now: Time) {
        for packet in &mut self.packets {
            match packet.state {
                PacketState::Planned => packet.state = PacketState::Gone(GoneReason::Dropped),
                PacketState::Held(_) => packet.ask = now,
                // A hand-over whose end is unknown is settled by evidence, and by nothing else (promise 2).
                PacketState::Handing(_) | PacketState::Unknown(_) | PacketState::Sent(_) | PacketState::Gone(_) => {
                    continue;
                }
            }
            packet.at = now;
        }
    }

    /// True when its packets may be forgotten while none of them has reached the link: those of a peer session have names
    /// that are not given twice.
    pub fn can_unplan(&self) -> bool {
        self.packets.iter().all(|packet| packet.state == PacketState::Planned && packet.peer.is_none())
    }

    /// What becomes of each of its messages now that none of its packets is open and one at least is gone; nothing while
    /// one is open. `unclear` says why they may have been sent all the same.
    pub fn resolutions(&self, unclear: Option<&LinkReason>, now: Time) -> Vec<Resolution> {
        if self.is_open() || self.is_needless() {
            return Vec::new();
        }
        let over = |message: &Message| self.is_over(message, now) || self.moved.contains(&message.id);
        let for_one = self.finished || self.messages.iter().any(over);
        let partly = self.partly_sent();
        // What failed, not what was taken back because of it.
        let failed = self.packets.iter().find_map(|packet| match &packet.state {
            PacketState::Gone(why) if why.is_failure() => Some(why.clone()),
            _ => None,
        });
        let resolution = |message: &Message| {
            let ends = |state, why| Resolution::Ends(message.id, state, why);
            match unclear {
                Some(why) => ends(State::Expired, why.clone()),
                None if message.recall && partly => Resolution::Cancelled(message.id, LinkReason::RestWithdrawn),
                None if message.recall => Resolution::Cancelled(message.id, LinkReason::Withdrawn),
                None if now >= message.deadline && partly => ends(State::Expired, LinkReason::PartInTime),
                None if now >= message.deadline => ends(State::Expired, LinkReason::NoSatellite),
                None if for_one => Resolution::PlanAgain(message.id),
                None => {
                    let why = failed.clone().map(|why| LinkReason::PacketGone { why });
                    ends(State::Returned, why.unwrap_or(LinkReason::GivenBack))
                }
            }
        };
        // What was sent before waits for its receipt, whatever became of a repeat.
        self.messages.iter().filter(|message| message.state != State::Sent).map(resolution).collect()
    }
}
