//! A body: the packets that belong together, with the letters in them. What becomes of the letters when their packets
//! are taken, sent, or gone is decided here, and written in one commit with the packets.
//!
//! The link's time limit of a packet is the earliest deadline of its letters. Of a later one the modem would send a
//! letter whose sender was told that it did not leave; by the earliest one the modem itself drops the packet, certainly
//! unsent, and the other letters are planned anew: nothing is lost, and nothing is paid for twice.

use super::air::Air;
use super::settle::Ending;
use crate::clock::Time;
use crate::fault::Fault;
use crate::message::{Id, Message, Packet, PacketState, Reference, State};
use crate::store::{Outcome, Tx};

/// Why a packet is gone: the link gave it back.
pub const WITHDRAWN: &str = "withdrawn before it was sent";
/// Likewise: it never came to the link, as the rest of its body was not wanted any more.
pub const DROPPED: &str = "not sent any more";

/// A body as the store knows it at one moment.
pub struct Body {
    /// Its packets, in order.
    pub packets: Vec<Packet>,
    /// Its letters to which something can still happen.
    pub letters: Vec<Message>,
    /// Some of its letters are finished, or unreadable.
    finished: bool,
}

/// What becomes of a letter whose packets will not be sent.
enum Fate {
    /// It ends.
    Ends(Ending),
    /// Withdrawn by its owner.
    Cancelled(Id, &'static str),
    /// It was in one packet with a letter that ends, and waits for another one.
    Again(Id),
}

impl Body {
    /// The body of a packet.
    pub fn of(air: &Air, packet: &Packet) -> Result<Self, Fault> {
        air.context.store.read(|view| {
            let packets = view.body_of(packet)?;
            let (mut letters, mut finished) = (Vec::new(), false);
            for id in &packet.letters {
                match view.message(*id).ok().flatten().filter(|message| !message.is_final()) {
                    Some(message) => letters.push(message),
                    None => finished = true,
                }
            }
            Ok(Self { packets, letters, finished })
        })
    }

    /// When the link has to give its packets up; packets without letters are dropped with their box's patience.
    pub fn deadline(&self, otherwise: Time) -> Time {
        self.letters.iter().map(|letter| letter.deadline).min().unwrap_or(otherwise)
    }

    /// The time of one of its letters is over.
    pub fn expired(&self, now: Time) -> bool {
        self.letters.iter().any(|letter| now >= letter.deadline)
    }

    fn any(&self, is: fn(&PacketState) -> bool) -> bool {
        self.packets.iter().any(|packet| is(&packet.state))
    }

    /// Whether the link took one of its packets is not known.
    pub fn in_doubt(&self) -> bool {
        self.any(|state| matches!(state, PacketState::Handing(_)))
    }

    /// Some of it has left.
    pub fn partly_sent(&self) -> bool {
        self.any(|state| matches!(state, PacketState::Sent(_)))
    }

    /// True when what has not left should not leave any more: nobody waits for it, a part of it is gone, or one of its
    /// letters is wanted back or too late. Once a part of a body has left, such a letter goes along with the others.
    pub fn unwanted(&self, now: Time) -> bool {
        let carries_letters = self.packets.iter().any(|packet| !packet.letters.is_empty());
        let over = |letter: &Message| letter.recall || now >= letter.deadline;
        let (some, all) = (self.letters.iter().any(over), self.letters.iter().all(over));
        (carries_letters && all)
            || (some && !self.partly_sent())
            || self.any(|state| matches!(state, PacketState::Gone(_)))
    }

    /// Puts a changed packet in the place of the one that is known.
    pub fn put(&mut self, packet: Packet) {
        if let Some(known) = self.packets.iter_mut().find(|known| known.number == packet.number) {
            *known = packet;
        }
    }

    /// Writes its packets, of which one at least is gone. When none of them is open any more its letters are settled:
    /// each on its own. `unclear` says in words why they may have been sent all the same.
    pub fn close(&self, air: &Air, unclear: Option<&str>) -> Result<(), Fault> {
        let open = self.packets.iter().any(Packet::is_open);
        let fates = if open { Vec::new() } else { self.fates(air, unclear) };
        let (packets, now) = (self.packets.clone(), air.context.now());
        for ending in fates.iter().filter_map(|fate| if let Fate::Ends(ending) = fate { Some(ending) } else { None }) {
            ending.log();
        }
        air.context.store.write(move |tx| {
            packets.iter().try_for_each(|packet| tx.put_packet(packet))?;
            fates.iter().try_for_each(|fate| fate.apply(tx, now))
        })
    }

    fn fates(&self, air: &Air, unclear: Option<&str>) -> Vec<Fate> {
        let now = air.context.now();
        let over = |letter: &Message| letter.recall || now >= letter.deadline;
        let for_one = self.finished || self.letters.iter().any(over);
        let partly = self.partly_sent();
        // What failed, not what was taken back because of it.
        let failed = self.packets.iter().find_map(|packet| match &packet.state {
            PacketState::Gone(why) if ![WITHDRAWN, DROPPED].contains(&why.as_str()) => Some(why.as_str()),
            _ => None,
        });
        let fate = |letter: &Message| {
            let ends = |state, why: &str| Fate::Ends(air.context.ending(letter, state, why));
            match unclear {
                Some(words) => ends(State::Expired, words),
                None if letter.recall && partly => Fate::Cancelled(letter.id, "the rest was not sent"),
                None if letter.recall => Fate::Cancelled(letter.id, "withdrawn from the link before it was sent"),
                None if now >= letter.deadline && partly => ends(State::Expired, "only a part of it left in time"),
                None if now >= letter.deadline => ends(State::Expired, "no satellite took it in time"),
                None if for_one => Fate::Again(letter.id),
                None => ends(State::Returned, failed.unwrap_or("the link gave it back unsent")),
            }
        };
        self.letters.iter().map(fate).collect()
    }

    /// Removes its packets, none of which has reached the link: its letters wait for another plan, with this reason.
    pub fn dissolve(&self, air: &Air, why: &str) -> Result<(), Fault> {
        let (packets, why, now) = (self.packets.clone(), why.to_owned(), air.context.now());
        let letters: Vec<_> = self.letters.iter().map(|letter| letter.id).collect();
        air.context.store.write(move |tx| {
            packets.iter().try_for_each(|packet| tx.drop_packet(packet))?;
            letters.iter().try_for_each(|id| waits_again(tx, *id, &why, now))
        })
    }
}

impl Fate {
    fn apply(&self, tx: &mut Tx, now: Time) -> Outcome<()> {
        match self {
            Self::Ends(ending) => ending.apply(tx, now),
            Self::Cancelled(id, why) => match tx.live(*id)? {
                Some(_) => tx.step(*id, now, State::Cancelled, why, 0, Time::NEVER).map(drop),
                None => Ok(()),
            },
            Self::Again(id) => waits_again(tx, *id, "waits for the link again: another letter left its packet", now),
        }
    }
}

/// A letter goes back to its old place in the queue of the link.
fn waits_again(tx: &mut Tx, id: Id, why: &str, now: Time) -> Outcome<()> {
    let Some(live) = tx.live(id)?.filter(|live| live.state != State::Held) else { return Ok(()) };
    let place = live.accepted;
    match live.state == State::Queued && live.reason == why {
        true => tx.change(id, |message| message.next = place).map(drop),
        false => tx.step(id, now, State::Queued, why, 0, place).map(drop),
    }
}

/// The link took a packet.
pub fn mark_taken(tx: &mut Tx, packet: &Packet, reference: &Reference, how: &str, now: Time) -> Outcome<()> {
    tx.put_packet(packet)?;
    let all = tx.body_of(packet)?.iter().all(|packet| packet.reference().is_some());
    let cause = format!("{how}{} ({reference})", part(packet, ", "));
    for id in &packet.letters {
        let Some(live) = tx.live(*id)? else { continue };
        match all && live.state == State::Queued {
            true => tx.step(*id, now, State::OnModem, &cause, 0, live.deadline)?,
            false => tx.step(*id, now, live.state, &cause, 0, live.next)?,
        };
    }
    Ok(())
}

/// Marks a packet as acknowledged and counts it; its letters are sent once all packets of the body are.
pub fn mark_sent(tx: &mut Tx, mut packet: Packet, note: &str, now: Time) -> Outcome<()> {
    let Some(reference) = packet.reference().cloned() else { return Ok(()) };
    packet.state = PacketState::Sent(reference);
    packet.at = now;
    note.clone_into(&mut packet.note);
    tx.put_packet(&packet)?;
    tx.packet_went(&packet)?;
    let done = tx.body_of(&packet)?.iter().all(|packet| matches!(packet.state, PacketState::Sent(_)));
    let words = part(&packet, "");
    let gap = if words.is_empty() { "" } else { " " };
    let cause = format!("{words}{gap}acknowledged by a satellite: {note}");
    for (at, id) in packet.letters.iter().enumerate() {
        let Some(live) = tx.live(*id)? else { continue };
        // Letters share the packet: it is paid for once, and shown at the first.
        let packets = u32::from(at == 0);
        match done {
            true => tx.step(*id, now, State::Sent, &cause, packets, Time::NEVER)?,
            false => tx.step(*id, now, live.state, &cause, packets, live.next)?,
        };
    }
    Ok(())
}

/// Which part a packet is, if there are several.
fn part(packet: &Packet, before: &str) -> String {
    match packet.parts {
        0 | 1 => String::new(),
        parts => format!("{before}part {} of {parts}", packet.part),
    }
}
