//! What a line has while its far box is away: once the patience of its messages is over they go by another link. Whether they
//! arrived is told when the line is back. This is the one place where money may be spent twice for the same words, and the history
//! of each message says so; the far box drops the later of the two.

use std::collections::BTreeSet;

use super::LinkWorker;
use crate::address::PeerId;
use crate::clock::Time;
use crate::engine::link::group::PacketGroup;
use crate::engine::link::lines::OnLink;
use crate::engine::link::select::{Choice, Offer, choose, overtakes};
use crate::engine::link::{commit, give_back, peer, session};
use crate::fault::Fault;
use crate::link::PacketStatus;
use crate::message::reason::{GoneReason, LinkBar, LinkReason};
use crate::message::{Message, Packet, PacketState, Reason, State};
use crate::money::{Bill, Money};
use crate::route::price;
use crate::settings::Key;
use crate::store::PacketQueue;

/// What was overtaken so often stays with the line: a bundle names all those that it replaces.
const MOST: usize = 4;

impl LinkWorker<'_> {
    /// Lets other links have what this one holds for far boxes that are away. Only a line tells for certain, later, and sends
    /// nothing by itself while it is away: of all other links what they hold is theirs.
    pub(super) fn let_overtake(&mut self) -> Result<(), Fault> {
        self.overtake_at = None;
        if !self.driver.paired || self.market.links().count() == 1 {
            return Ok(());
        }
        let mut open = Vec::new();
        for queue in [PacketQueue::OnLink, PacketQueue::Outbox] {
            open.extend(
                self.context.store.read(|view| view.open_on(self.id, queue, Time::NEVER))?.into_iter().flatten(),
            );
        }
        self.overtake(open)
    }

    /// The same for packets that were open on this link when they were read: another may have taken some over since.
    pub(super) fn overtake(&mut self, open: Vec<Packet>) -> Result<(), Fault> {
        let mut done = BTreeSet::new();
        let on_line = |packet: &Packet| is_with_line(&packet.state) || packet.state == PacketState::Planned;
        for packet in open.into_iter().filter(on_line) {
            if self.reaches(packet.far_box, true).is_ok() || done.contains(&packet.group) {
                continue;
            }
            let group = commit::group_of(self.context, &packet)?;
            // What another link took over meanwhile is in that link's hands, and in no doubt here.
            if group.packets.iter().any(|other| other.is_open() && other.link != self.id) {
                continue;
            }
            // Of what is left of a group nobody else takes care.
            if !is_with_line(&packet.state) && (packet.is_extra() || group.is_unhanded()) {
                continue;
            }
            done.insert(packet.group);
            if packet.is_extra() {
                self.let_notes_go(&group, &packet)?;
            } else if group.messages.iter().all(waits) {
                self.let_messages_go(&group, &packet)?;
            }
        }
        if !done.is_empty() {
            self.outstanding = OnLink::count(self.context)?;
        }
        Ok(())
    }

    /// Messages that wait go by the link on which the choice falls now.
    fn let_messages_go(&mut self, group: &PacketGroup, packet: &Packet) -> Result<(), Fault> {
        let often = |message: &Message| {
            let overtaken = |cause: &Reason| matches!(cause, Reason::Link(LinkReason::Overtaken { .. }));
            message.steps.iter().filter(|step| overtaken(&step.cause)).count() >= MOST
        };
        if group.messages.iter().any(often) {
            return Ok(());
        }
        if self.rests(packet.group) {
            return Ok(());
        }
        let Some(by) = self.overtaken_by(group, packet.far_box) else { return Ok(()) };
        self.give_back_unwritten(group)?;
        let group = commit::group_of(self.context, packet)?;
        let open = group.packets.iter().find(|packet| packet.is_open());
        // What has not left at all goes another way without any doubt.
        let Some(packet) = open.filter(|packet| packet.peer.is_some() && !group.is_unhanded()) else { return Ok(()) };
        let (links, settings) = (self.context.store.links(), self.context.store.settings());
        let (line, other) = (links.name(self.id), links.name(by.link));
        log::debug!("link: what packet {} carries may go by {other}: the line is away", packet.number);
        let reason = move |bill: Option<&Bill>| {
            let money = bill.map_or(Money(0), |bill| bill.wanted.money);
            let price = (money > Money(0)).then(|| price::amount(&settings, money));
            LinkReason::Overtaken { line: line.clone(), by: other.clone(), price }
        };
        // What it costs there is in the budgets of its person and of the box.
        let policy = crate::engine::policy(&self.context.store).for_link(by.link);
        let own = self.id;
        self.plan_anew(&group, packet, policy, reason, move |packet| packet.link == own)
    }

    /// What a group costs on the link that takes one of its messages now, and may take all others; `None` while they wait for
    /// this line.
    fn overtaken_by(&mut self, group: &PacketGroup, far_box: Option<PeerId>) -> Option<Offer> {
        let now = self.context.now();
        let known: Vec<_> = group
            .messages
            .iter()
            .map(|message| {
                let facts = self.market.facts(message);
                let mut offers = self.market.offers(&facts, far_box, &self.market.quotes(message, far_box));
                // What it has here is booked already: its own charge is not in its way.
                let own = |offer: &&mut Offer| offer.link == self.id && offer.bar == Some(LinkBar::Budget);
                offers.iter_mut().filter(own).for_each(|offer| offer.bar = None);
                (choose(&facts, &offers, now), offers)
            })
            .collect();
        let until = known.iter().filter_map(|(choice, _)| match choice {
            Choice::Wait { until, .. } if *until < Time::NEVER => Some(*until),
            _ => None,
        });
        self.overtake_at = self.overtake_at.into_iter().chain(until).min();
        overtakes(self.id, &known)
    }

    /// Notes, and repeats of what was sent before, are owed again once a message would not wait any longer either: they ride in what
    /// goes by another link.
    fn let_notes_go(&mut self, group: &PacketGroup, packet: &Packet) -> Result<(), Fault> {
        let Some(away) = self.market.away(self.id, packet.far_box) else { return Ok(()) };
        let until = away + self.context.store.settings().span(Key::PatienceNormal);
        if self.context.now() < until {
            self.overtake_at = Some(self.overtake_at.map_or(until, |at| at.min(until)));
            return Ok(());
        }
        if self.give_back_unwritten(group)? {
            return Ok(());
        }
        let (numbers, now): (Vec<_>, _) =
            (group.packets.iter().map(|packet| packet.number).collect(), self.context.now());
        let links = self.context.store.links();
        let rules = session::rules_by(&self.context.store.settings(), links.get(packet.link));
        let own = self.id;
        self.timers.touch(packet.far_box);
        self.context.store.write(move |tx| {
            for number in &numbers {
                let of_line = |packet: &Packet| packet.link == own && packet.is_extra() && is_with_line(&packet.state);
                let Some(packet) = tx.packet(*number)?.filter(of_line) else {
                    continue;
                };
                let packet = Packet { state: PacketState::Gone(GoneReason::Dropped), at: now, ..packet };
                tx.put_packet(&packet)?;
                // It may have arrived.
                tx.packet_went(&packet)?;
                if let Some(place) = &packet.peer {
                    // A repeat is waited for as if it had been sent; notes alone are said once more.
                    peer::change(tx, packet.far_box, |peer| match packet.messages.is_empty() {
                        true => peer.unknown(&rules, place.ticket, place.fragment, now.0),
                        false => peer.sent(place.ticket, place.fragment, now.0),
                    })?;
                }
            }
            Ok(())
        })
    }

    /// Takes back what the line has not written yet: that goes another way without any doubt. True when that is all of the group.
    fn give_back_unwritten(&mut self, group: &PacketGroup) -> Result<bool, Fault> {
        let mut all = true;
        for packet in group.packets.iter().filter(|packet| packet.link == self.id) {
            match &packet.state {
                PacketState::Held(reference) if self.link.cancel(reference) == PacketStatus::Withdrawn => {
                    self.taken_back.remove(&packet.number);
                    let packet = Packet { state: PacketState::Planned, taking_back: false, ..packet.clone() };
                    give_back::made_way(self.context, &packet)?;
                }
                PacketState::Held(_) | PacketState::Handing(_) => all = false,
                _ => {}
            }
        }
        Ok(all)
    }
}

/// The line has it, or may have it.
fn is_with_line(state: &PacketState) -> bool {
    matches!(state, PacketState::Held(_) | PacketState::Handing(_))
}

/// It waits for a link, and its owner wants that.
fn waits(message: &Message) -> bool {
    matches!(message.state, State::OnLink | State::Queued) && !message.recall
}
