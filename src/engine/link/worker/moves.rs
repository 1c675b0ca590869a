//! From link to link: what was planned for a link and never handed to it, what a link certainly gave back, and what nobody
//! knows of while a link that costs nothing is there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use compact::peer::Peer;

use super::LinkWorker;
use crate::address::PeerId;
use crate::clock::Time;
use crate::engine::link::group::PacketGroup;
use crate::engine::link::select::{Choice, choose};
use crate::engine::link::{commit, give_back, peer, session};
use crate::engine::outcome;
use crate::fault::Fault;
use crate::message::reason::{GoneReason, LinkReason};
use crate::message::{Id, Message, Packet, PacketState, Reason, State};
use crate::money::Bill;
use crate::route::choose::Policy;
use crate::settings::Settings;
use crate::store::{PacketQueue, Tx, TxResult, reject};

/// How long what no budget lets go another way is left alone.
const REST: Duration = Duration::from_secs(3600);

impl LinkWorker<'_> {
    /// The choice for a message as things stand, whatever was planned for it.
    fn choice(&self, message: &Message, far_box: Option<PeerId>) -> Choice {
        let facts = self.market.facts(message);
        let offers = self.market.offers(&facts, far_box, &self.market.quotes(message, far_box));
        choose(&facts, &offers, self.context.now())
    }

    /// This link takes all messages of a group, or leads the session that a group without messages belongs to.
    fn is_ours(&self, group: &PacketGroup, packet: &Packet) -> bool {
        let device = packet.far_box;
        match packet.messages.is_empty() {
            true => self.ready() && self.market.leads(self.id, device),
            false => {
                !group.messages.is_empty()
                    && group.messages.iter().all(|it| self.choice(it, device) == Choice::Now(self.id))
            }
        }
    }

    /// Another link takes a packet of the outbox over, of whose group nothing was handed over.
    pub(super) fn goes_elsewhere(&self, packet: &Packet) -> Result<bool, Fault> {
        if self.market.links().count() == 1 || packet.messages.is_empty() {
            return Ok(false);
        }
        let group = commit::group_of(self.context, packet)?;
        let elsewhere =
            |message: &Message| matches!(self.choice(message, packet.far_box), Choice::Now(link) if link != self.id);
        Ok(group.is_unhanded() && !group.messages.is_empty() && group.messages.iter().all(elsewhere))
    }

    /// Takes over what waits in the outbox for other links and was never handed to them, where the choice falls on this link
    /// now. What was made for larger packets is planned anew.
    pub(super) fn adopt(&mut self) -> Result<(), Fault> {
        if !self.ready() {
            return Ok(());
        }
        let outbox = self.context.store.read(|view| view.open(PacketQueue::Outbox, Time::NEVER))?;
        let (mut done, own) = (BTreeSet::new(), self.id);
        for packet in outbox.into_iter().flatten().filter(|packet| packet.link != own) {
            let group = commit::group_of(self.context, &packet)?;
            if matches!(packet.state, PacketState::Unknown(_)) {
                // What the far box has need not go again.
                if !self.awaits_any(&group)? && done.insert(packet.group) {
                    self.rescue(&group, &packet)?;
                }
                continue;
            }
            if group.is_unhanded() && done.insert(packet.group) && self.is_ours(&group, &packet) {
                let max_payload = self.context.policy().max_payload(packet.far_box);
                let fits = group.packets.iter().all(|packet| packet.payload.len() <= max_payload);
                // Nothing plans anew what was sent before: its repeat stays with its link.
                if fits || !group.packets.iter().any(|it| it.peer.as_ref().is_some_and(|place| place.repeat)) {
                    self.take_over(group, packet.far_box, fits)?;
                }
            }
        }
        Ok(())
    }

    /// True while the far box is asked about one of the packets of a group.
    fn awaits_any(&mut self, group: &PacketGroup) -> Result<bool, Fault> {
        let mut awaits = false;
        for packet in group.packets.iter().filter(|packet| matches!(packet.state, PacketState::Unknown(_))) {
            awaits |= self.awaits_answer(packet)?;
        }
        Ok(awaits)
    }

    fn take_over(&mut self, group: PacketGroup, far_box: Option<PeerId>, fits: bool) -> Result<(), Fault> {
        let (id, now) = (self.id, self.context.now());
        self.timers.touch(far_box);
        self.context.store.write(move |tx| {
            for packet in &group.packets {
                // Its own link may have begun to hand it over.
                if tx.packet(packet.number)?.as_ref() != Some(packet) {
                    return Ok(());
                }
            }
            if fits {
                // On this link it costs something else.
                return group.packets.iter().try_for_each(|packet| {
                    let mut packet = Packet { link: id, ..packet.clone() };
                    give_back::release(tx, &mut packet);
                    tx.put_packet(&packet)
                });
            }
            // The body is planned anew, and names the one that it replaces.
            if let Some(first) = group.packets.iter().find(|packet| packet.peer.is_some()) {
                let known = peer::in_tx(tx, first.far_box)?;
                if !first.messages.iter().all(|id| known.is_replaceable(id.0)) {
                    return Ok(());
                }
                replan(tx, first, |peer, key| peer.again_unsent(key, now.0))?;
            }
            for packet in &group.packets {
                match packet.peer {
                    None => tx.drop_packet(packet)?,
                    Some(_) => drop_planned(tx, packet, now)?,
                }
            }
            Ok(())
        })
    }

    /// What a link cannot tell of goes by a link that costs nothing: the far box, which is one that talks, drops what it has
    /// already. Its messages say so.
    fn rescue(&mut self, group: &PacketGroup, packet: &Packet) -> Result<(), Fault> {
        let device = packet.far_box;
        let (Some(_), true) = (&packet.peer, self.context.peer(device)?.is_known()) else { return Ok(()) };
        let free = |message: &Message| {
            let quotes = self.market.quotes(message, device);
            let own = quotes.iter().find(|(link, _)| *link == self.id).and_then(|(_, quote)| *quote);
            own.is_some_and(|quote| quote.wanted.money.0 == 0) && self.choice(message, device) == Choice::Now(self.id)
        };
        let waits = |message: &Message| matches!(message.state, State::OnLink | State::Queued) && !message.recall;
        if group.messages.is_empty() || !group.messages.iter().all(|message| waits(message) && free(message)) {
            return Ok(());
        }
        let not_known = self.context.store.links().name(packet.link);
        let reason = move |_: Option<&Bill>| LinkReason::FreeWay { not_known: not_known.clone() };
        // What a link holds for certain is not in doubt.
        let may = |packet: &Packet| !matches!(packet.state, PacketState::Held(_) | PacketState::Handing(_));
        self.plan_anew(group, packet, self.context.policy(), reason, may)
    }

    /// True for a group that no budget let go another way lately.
    pub(super) fn rests(&self, group: u64) -> bool {
        let now = self.context.now();
        let same = |settings: &Arc<Settings>| Arc::ptr_eq(settings, &self.context.store.settings());
        self.resting.get(&group).is_some_and(|(until, settings)| *until > now && same(settings))
    }

    /// Has the messages of a group planned anew, in bodies that replace the old one, for this `reason`, at the price of this
    /// `policy`; unless one of its packets `may` not be let go as it is by then, or the budget of a person or of the
    /// box does not allow it. What its link has, or may have, may have arrived.
    pub(super) fn plan_anew(
        &mut self,
        group: &PacketGroup,
        packet: &Packet,
        policy: Policy,
        reason: impl Fn(Option<&Bill>) -> LinkReason + Send + 'static,
        may: impl Fn(&Packet) -> bool + Send + 'static,
    ) -> Result<(), Fault> {
        let (first, now) = (packet.clone(), self.context.now());
        let links = self.context.store.links();
        let rules = session::rules_by(&self.context.store.settings(), links.get(packet.link));
        let group: Vec<_> = group.packets.iter().map(|packet| packet.number).collect();
        self.timers.touch(packet.far_box);
        if self.rests(packet.group) {
            return Ok(());
        }
        let done = self.context.store.write(move |tx| {
            // Its own link may have heard of it a moment ago.
            if tx.packet(first.number)?.as_ref() != Some(&first) {
                return Ok(());
            }
            for number in &group {
                let Some(packet) = tx.packet(*number)?.filter(Packet::is_open) else { continue };
                if !may(&packet) {
                    return Ok(());
                }
            }
            // It may have unlearned a moment ago: it would take the second one for another message.
            let known = peer::in_tx(tx, first.far_box)?;
            if !known.is_known() || !first.messages.iter().all(|id| known.may_go_by_itself(id.0, now.0)) {
                return Ok(());
            }
            for number in &group {
                let Some(packet) = tx.packet(*number)?.filter(Packet::is_open) else { continue };
                if packet.state == PacketState::Planned {
                    drop_planned(tx, &packet, now)?;
                    continue;
                }
                if let (PacketState::Held(_) | PacketState::Handing(_), Some(place)) = (&packet.state, &packet.peer) {
                    // The notes in it are said once more.
                    peer::change(tx, packet.far_box, |peer| {
                        peer.unknown(&rules, place.ticket, place.fragment, now.0);
                    })?;
                }
                let packet =
                    Packet { state: PacketState::Gone(GoneReason::Dropped), at: now, taking_back: false, ..packet };
                tx.put_packet(&packet)?;
                tx.packet_went(&packet)?;
            }
            for id in replan(tx, &first, |peer, key| peer.again_by_itself(key, now.0))? {
                let Some(live) = tx.live(id)?.filter(|live| !tx_open(tx, live.id)) else { continue };
                let (bill, next) = (policy.bill(&live), policy.look_after(&live, now));
                let why = reason(bill.as_ref());
                outcome::requeue(tx, id, bill, why, now, next)?;
                // Then nothing of this is written, and it waits for its own link.
                if let Some(Reason::AgainOverBudget { budget, .. }) = tx.live(id)?.map(|live| live.reason) {
                    return reject(Fault::permanent(budget.to_string()));
                }
            }
            Ok(())
        });
        match done {
            Err(fault) if fault.is_permanent() => {
                log::info!("link: packet {} stays where it is for now: {fault}", packet.number);
                let settings = self.context.store.settings();
                self.resting.retain(|_, (until, _)| *until > now);
                self.resting.insert(packet.group, (now + REST, settings));
                Ok(())
            }
            done => done,
        }
    }

    /// Gives back to the queue what this link holds and has not sent, where a cheaper link takes it now: only what the link
    /// certainly gives back goes another way.
    pub(super) fn give_way(&mut self) -> Result<(), Fault> {
        if !self.driver.withdraws || !self.health.ready || self.market.links().count() == 1 {
            return Ok(());
        }
        let held = self.context.store.read(|view| view.open_on(self.id, PacketQueue::OnLink, Time::NEVER))?;
        let mut back = Vec::new();
        for packet in held.into_iter().flatten().filter(|packet| !packet.taking_back) {
            let group = commit::group_of(self.context, &packet)?;
            let begun = group.packets.iter().any(|packet| packet.has_left() || !packet.is_handed() && packet.is_open());
            let elsewhere = |message: &Message| matches!(self.choice(message, packet.far_box), Choice::Now(link) if link != self.id);
            if !begun && !group.messages.is_empty() && group.messages.iter().all(elsewhere) {
                back.push(Packet { taking_back: true, ..packet });
            }
        }
        if back.is_empty() { Ok(()) } else { self.withdraw(back) }
    }
}

/// Has the session plan the messages of a packet anew, in bodies that replace the old one; gives all that go.
fn replan(tx: &mut Tx, packet: &Packet, again: impl Fn(&mut Peer, u64) -> Vec<u64>) -> TxResult<Vec<Id>> {
    let mut all = BTreeSet::new();
    for id in &packet.messages {
        peer::change(tx, packet.far_box, |peer| all.extend(again(peer, id.0).into_iter().map(Id)))?;
    }
    Ok(all.into_iter().collect())
}

/// Drops a packet that was never handed over: the notes in it are owed again.
fn drop_planned(tx: &mut Tx, packet: &Packet, now: Time) -> TxResult<()> {
    let mut packet = Packet { state: PacketState::Gone(GoneReason::Dropped), at: now, ..packet.clone() };
    give_back::release(tx, &mut packet);
    tx.put_packet(&packet)?;
    let Some(place) = &packet.peer else { return Ok(()) };
    peer::change(tx, packet.far_box, |peer| peer.lost(place.ticket, place.fragment, now.0))
}

/// True while a message has a packet that is not settled.
fn tx_open(tx: &Tx, id: Id) -> bool {
    tx.packets_of(id).is_ok_and(|packets| packets.iter().any(Packet::is_open))
}
