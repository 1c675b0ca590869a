//! A body: the packets that belong together, with the letters in them. What becomes of the letters when their packets
//! are taken, sent, or gone is decided here, and written in one commit with the packets and the talk they are part of.
//!
//! The link's time limit of a packet is the earliest deadline of its letters. Of a later one the modem would send a
//! letter whose sender was told that it did not leave; by the earliest one the modem itself drops the packet, certainly
//! unsent, and the other letters are planned anew: nothing is lost, and nothing is paid for twice.

use super::peer;
use super::worker::LinkWorker;
use crate::clock::Time;
use crate::engine::outcome::Bounce;
use crate::fault::Fault;
use crate::message::{Id, Message, Packet, PacketState, Reference, State};
use crate::store::{Tx, TxResult};

/// Why a packet is gone: the link gave it back.
pub const WITHDRAWN: &str = "withdrawn before it was sent";
/// Why a packet is gone: it never came to the link, as the rest of its body was not wanted any more.
pub const DROPPED: &str = "not sent any more";

/// A body as the store knows it at one moment.
pub struct PacketGroup {
    /// Its packets, in order.
    pub packets: Vec<Packet>,
    /// Its letters to which something can still happen.
    pub letters: Vec<Message>,
    /// Some of its letters are finished, or unreadable.
    finished: bool,
}

/// What becomes of a letter whose packets will not be sent.
enum Resolution {
    /// It ends.
    Ends(Bounce),
    /// Withdrawn by its owner.
    Cancelled(Id, &'static str),
    /// It was in one packet with a letter that ends, and waits for another one.
    Again(Id),
}

impl PacketGroup {
    /// The body of a packet.
    pub fn of(air: &LinkWorker, packet: &Packet) -> Result<Self, Fault> {
        air.context.store.read(|view| {
            let packets = view.body_of(packet)?;
            let (mut letters, mut finished) = (Vec::new(), false);
            for id in &packet.messages {
                match view.message(*id).ok().flatten().filter(|message| !message.is_final()) {
                    Some(message) => letters.push(message),
                    None => finished = true,
                }
            }
            Ok(Self { packets, letters, finished })
        })
    }

    /// When the link has to give its packets up; those without letters after a time of their own.
    pub fn deadline(&self, otherwise: Time) -> Time {
        self.letters.iter().map(Message::limit).min().unwrap_or(otherwise)
    }

    /// The time of one of its letters is over.
    pub fn expired(&self, now: Time) -> bool {
        self.letters.iter().any(|letter| now >= letter.limit())
    }

    fn any(&self, is: fn(&PacketState) -> bool) -> bool {
        self.packets.iter().any(|packet| is(&packet.state))
    }

    /// Whether the link took one of its packets is not known.
    pub fn in_doubt(&self) -> bool {
        self.any(|state| matches!(state, PacketState::Handing(_)))
    }

    /// Some of it has left, now or when other pieces of the same letters went out.
    fn partly_sent(&self) -> bool {
        let pieces = self.packets.iter().find_map(|packet| packet.talk.as_ref()).map_or(0, |talk| talk.pieces);
        self.any(|state| matches!(state, PacketState::Sent(_))) || self.packets.len() < usize::from(pieces)
    }

    fn needless(&self) -> bool {
        self.packets.iter().any(|packet| packet.talk.as_ref().is_some_and(|talk| talk.needless))
    }

    /// True when what has not left should not leave any more: nobody waits for it, a part of it is gone, or one of its
    /// letters is wanted back or too late. Once a part of a body has left, such a letter goes along with the others.
    pub fn unwanted(&self, now: Time) -> bool {
        let carries_letters = self.packets.iter().any(|packet| !packet.messages.is_empty());
        let over = |letter: &Message| letter.recall || now >= letter.limit();
        let (some, all) = (self.letters.iter().any(over), self.letters.iter().all(over));
        let broken = self.any(|state| matches!(state, PacketState::Gone(_)));
        (carries_letters && all) || (some && !self.partly_sent()) || broken || self.needless()
    }

    /// Puts a changed packet in the place of the one that is known.
    pub fn put(&mut self, packet: Packet) {
        if let Some(known) = self.packets.iter_mut().find(|known| known.number == packet.number) {
            *known = packet;
        }
    }

    /// What of it has not reached the link is not sent, what the link holds is asked back.
    pub fn drop_rest(&mut self, now: Time) {
        for packet in &mut self.packets {
            match packet.state {
                PacketState::Planned => packet.state = PacketState::Gone(DROPPED.to_owned()),
                PacketState::Held(_) => packet.ask = now,
                _ => continue,
            }
            packet.at = now;
        }
    }

    /// Writes its packets, of which one at least is gone. When none of them is open any more its letters are settled:
    /// each on its own. `unclear` says in words why they may have been sent all the same.
    pub fn close(&self, air: &mut LinkWorker, unclear: Option<&str>) -> Result<(), Fault> {
        let open = self.packets.iter().any(Packet::is_open);
        let fates = if open || self.needless() { Vec::new() } else { self.fates(air, unclear) };
        for ending in fates.iter().filter_map(Resolution::ending) {
            ending.log();
        }
        let (packets, now, unclear) = (self.packets.clone(), air.context.now(), unclear.is_some());
        self.packets.iter().for_each(|packet| air.talks.changed(packet));
        air.context.store.write(move |tx| {
            for packet in &packets {
                let was_open = tx.packet(packet.number)?.is_some_and(|known| known.is_open());
                tx.put_packet(packet)?;
                if was_open && !packet.is_open() {
                    tell_gone(tx, packet, unclear, now)?;
                }
            }
            fates.iter().try_for_each(|fate| fate.apply(tx, &packets, now))
        })
    }

    fn fates(&self, air: &LinkWorker, unclear: Option<&str>) -> Vec<Resolution> {
        let now = air.context.now();
        let over = |letter: &Message| letter.recall || now >= letter.limit();
        let for_one = self.finished || self.letters.iter().any(over);
        let partly = self.partly_sent();
        // What failed, not what was taken back because of it.
        let failed = self.packets.iter().find_map(|packet| match &packet.state {
            PacketState::Gone(why) if ![WITHDRAWN, DROPPED].contains(&why.as_str()) => Some(why.as_str()),
            _ => None,
        });
        let fate = |letter: &Message| {
            let ends = |state, why: &str| Resolution::Ends(air.context.ending(letter, state, why));
            match unclear {
                Some(words) => ends(State::Expired, words),
                None if letter.recall && partly => Resolution::Cancelled(letter.id, "the rest was not sent"),
                None if letter.recall => Resolution::Cancelled(letter.id, "withdrawn from the link before it was sent"),
                None if now >= letter.deadline && partly => ends(State::Expired, "only a part of it left in time"),
                None if now >= letter.deadline => ends(State::Expired, "no satellite took it in time"),
                None if for_one => Resolution::Again(letter.id),
                None => ends(State::Returned, failed.unwrap_or("the link gave it back unsent")),
            }
        };
        // What was sent before waits for its receipt, whatever became of a repeat.
        self.letters.iter().filter(|letter| letter.state != State::Sent).map(fate).collect()
    }

    /// True when its packets may be forgotten while none of them has reached the link: those of a talk have names that
    /// are not given twice.
    pub fn can_unplan(&self) -> bool {
        self.packets.iter().all(|packet| packet.state == PacketState::Planned && packet.talk.is_none())
    }

    /// Removes its packets, none of which has reached the link: its letters wait for another plan, with this reason.
    pub fn unplan(&self, air: &LinkWorker, why: &str) -> Result<(), Fault> {
        let (packets, why, now) = (self.packets.clone(), why.to_owned(), air.context.now());
        let letters: Vec<_> = self.letters.iter().map(|letter| letter.id).collect();
        air.context.store.write(move |tx| {
            packets.iter().try_for_each(|packet| tx.drop_packet(packet))?;
            letters.iter().try_for_each(|id| waits_again(tx, *id, &why, now))
        })
    }
}

impl Resolution {
    fn ending(&self) -> Option<&Bounce> {
        if let Self::Ends(ending) = self { Some(ending) } else { None }
    }

    fn apply(&self, tx: &mut Tx, packets: &[Packet], now: Time) -> TxResult<()> {
        let talk = packets.iter().find(|packet| packet.talk.is_some()).map(|packet| packet.device);
        match self {
            Self::Ends(ending) => {
                talk.map_or(Ok(()), |device| peer::change(tx, device, |peer| peer.forget(ending.id().0)))?;
                ending.apply(tx, now)
            }
            Self::Cancelled(id, why) => {
                talk.map_or(Ok(()), |device| peer::change(tx, device, |peer| peer.forget(id.0)))?;
                tx.live(*id)?.map_or(Ok(()), |_| tx.step(*id, now, State::Cancelled, why, 0, Time::NEVER).map(drop))
            }
            Self::Again(id) => {
                let mut goes_on = false;
                talk.map_or(Ok(()), |device| peer::change(tx, device, |peer| goes_on = peer.carries(id.0)))?;
                match (goes_on, tx.live(*id)?) {
                    (true, Some(live)) => {
                        let why = "the link lost a piece of it, which goes once more";
                        tx.step(*id, now, State::OnLink, why, 0, live.deadline).map(drop)
                    }
                    _ => waits_again(tx, *id, "waits for the link again: another letter left its packet", now),
                }
            }
        }
    }
}

/// A letter goes back to its old place in the queue of the link.
fn waits_again(tx: &mut Tx, id: Id, why: &str, now: Time) -> TxResult<()> {
    let Some(live) = tx.live(id)?.filter(|live| live.state != State::Held) else { return Ok(()) };
    let place = live.accepted;
    match live.state == State::Queued && live.reason == why {
        true => tx.change(id, |message| message.next = place).map(drop),
        false => tx.step(id, now, State::Queued, why, 0, place).map(drop),
    }
}

/// The link took a packet.
pub fn mark_taken(tx: &mut Tx, packet: &Packet, reference: &Reference, how: &str, now: Time) -> TxResult<()> {
    tx.put_packet(packet)?;
    let all = tx.body_of(packet)?.iter().all(|packet| packet.reference().is_some());
    let cause = format!("{how}{} ({reference})", part(packet, ", "));
    for id in &packet.messages {
        let Some(live) = tx.live(*id)? else { continue };
        match all && live.state == State::Queued {
            true => tx.step(*id, now, State::OnLink, &cause, 0, live.deadline)?,
            false => tx.step(*id, now, live.state, &cause, 0, live.next)?,
        };
    }
    Ok(())
}

/// Marks a packet as acknowledged and counts it; its letters are sent once all packets of the body are.
pub fn mark_sent(tx: &mut Tx, mut packet: Packet, note: &str, now: Time) -> TxResult<()> {
    let Some(reference) = packet.reference().cloned() else { return Ok(()) };
    packet.state = PacketState::Sent(reference);
    packet.at = now;
    note.clone_into(&mut packet.note);
    tx.put_packet(&packet)?;
    tx.packet_went(&packet)?;
    if let Some(of) = packet.talk.clone() {
        peer::change(tx, packet.device, |peer| peer.sent(of.ticket, of.piece, now.0))?;
    }
    let body = tx.body_of(&packet)?;
    let done = body.iter().all(|packet| matches!(packet.state, PacketState::Sent(_)));
    let receipt = body.iter().any(|packet| packet.talk.as_ref().is_some_and(|talk| talk.receipt));
    if done {
        count_saved(tx, &packet.messages, body.len())?;
    }
    let words = part(&packet, "");
    let gap = if words.is_empty() { "" } else { " " };
    let cause = format!("{words}{gap}acknowledged by a satellite: {note}");
    for (at, id) in packet.messages.iter().enumerate() {
        let Some(live) = tx.live(*id)? else { continue };
        // Letters share the packet: it is paid for once, and shown at the first.
        let packets = u32::from(at == 0);
        if !done || live.state == State::Sent {
            tx.step(*id, now, live.state, &cause, packets, live.next)?;
            continue;
        }
        let until = receipt.then(|| now + peer::LONGEST);
        tx.change(*id, |message| message.receipt_until = until)?;
        tx.step(*id, now, State::Sent, &cause, packets, until.unwrap_or(Time::NEVER))?;
    }
    Ok(())
}

/// Counts what the letters of a body would have taken besides, each in classic packets of its own.
fn count_saved(tx: &mut Tx, letters: &[Id], packets: usize) -> TxResult<()> {
    let mut classic = 0;
    for id in letters {
        // A repeat saves nothing.
        let first = tx.live(*id)?.filter(|letter| letter.state != State::Sent);
        classic += first.and_then(|letter| letter.account).map_or(0, |account| account.classic_packets);
    }
    tx.packets_saved(classic.saturating_sub(packets))
}

/// The talk hears that a packet will not be sent, or that it may have been.
fn tell_gone(tx: &mut Tx, packet: &Packet, unclear: bool, now: Time) -> TxResult<()> {
    let Some(of) = &packet.talk else { return Ok(()) };
    if let Some(mut bill) = of.bill.clone().filter(|bill| bill.charged && !unclear) {
        let back = bill.wanted;
        tx.refund(&mut bill, back)?;
    }
    peer::change(tx, packet.device, |peer| match unclear {
        true => peer.sent(of.ticket, of.piece, now.0),
        false => peer.lost(of.ticket, of.piece, now.0),
    })
}

/// Which part a packet is, if there are several.
fn part(packet: &Packet, before: &str) -> String {
    match packet.parts {
        0 | 1 => String::new(),
        parts => format!("{before}part {} of {parts}", packet.part),
    }
}
