//! The steps of packets, one at a time: what `track`, `reconcile` and `submit` find is carried out here.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{DOUBT, LinkWorker, UNKNOWN};
use crate::clock::Time;
use crate::engine::link::group::PacketGroup;
use crate::engine::link::lines::OnLink;
use crate::engine::link::reconcile::{self, Evidence};
use crate::engine::link::submit::{self, Submitted};
use crate::engine::link::track::{self, Tracked};
use crate::engine::link::{commit, give_back, process};
use crate::fault::Fault;
use crate::link::PacketStatus;
use crate::message::reason::{Acknowledged, LinkReason, Taken};
use crate::message::{GoneReason, Id, Intent, Packet, PacketState, Reason, Reference, State};
use crate::store::PacketQueue;

impl LinkWorker<'_> {
    /// Works on packets one by one. One whose records are in the way goes, and the link holds what is left.
    pub(super) fn each_packet(
        &mut self,
        items: Vec<Result<Packet, (u64, Reason)>>,
        mut work: impl FnMut(&mut Self, Packet) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        for item in items {
            if !process::packet(self.context, item, |packet| work(self, packet))? {
                self.outstanding = OnLink::count(self.context)?;
            }
        }
        Ok(())
    }

    /// Asks after packets whose acknowledgement may have been missed, and withdraws what is not wanted any more.
    pub(super) fn track(&mut self) -> Result<(), Fault> {
        if !self.health.ready {
            return Ok(());
        }
        let now = self.context.now();
        let limit = if std::mem::take(&mut self.ask_all) { Time::NEVER } else { now };
        let mut later: BTreeMap<Duration, Vec<u64>> = BTreeMap::new();
        let held = self.context.store.read(|view| view.open_on(self.id, PacketQueue::OnLink, limit))?;
        self.each_packet(held, |worker, packet| {
            let PacketState::Held(reference) = &packet.state else { return Ok(()) };
            let group = commit::group_of(worker.context, &packet)?;
            let (unwanted, begun) = (group.is_unwanted(now), worker.taken_back.contains(&packet.number));
            if packet.taking_back && !(unwanted && begun) {
                let found = worker.link.still_held(reference);
                // Its owner may want it back meanwhile: the link is told again.
                if found == PacketStatus::Held && unwanted {
                    worker.link.cancel(reference);
                }
                later.entry(track::AGAIN).or_default().push(packet.number);
                return worker.take_back(packet, found);
            }
            // On disk before the command leaves: a crash in between is known as such.
            let (context, taken_back) = (worker.context, &mut worker.taken_back);
            let begin = || match taken_back.insert(packet.number) {
                true => commit::put(context, &Packet { taking_back: true, ..packet.clone() }),
                false => Ok(()),
            };
            let tracked = track::ask(&mut *worker.link, &group, reference, now, begin)?;
            let packet = Packet { taking_back: false, ..packet.clone() };
            if !matches!(tracked, Tracked::Held(_) | Tracked::Misdirected(_)) {
                worker.taken_back.remove(&packet.number);
            }
            match tracked {
                Tracked::Held(wait) => later.entry(wait).or_default().push(packet.number),
                Tracked::Misdirected(wait) => {
                    later.entry(wait).or_default().push(packet.number);
                    commit::explain(worker.context, &group, &LinkReason::Misdirected.into())?;
                }
                Tracked::Sent { late, how } => {
                    worker.expire(&group, &late, LinkReason::LateOnLink)?;
                    worker.sent(&packet, how)?;
                }
                Tracked::Doubtful { memo, why } => worker.doubtful(packet, memo, why)?,
                Tracked::Unclear => worker.gone(group, packet, GoneReason::Late, Some(LinkReason::LateOnLink))?,
                Tracked::Gone(why) => worker.gone(group, packet, why, None)?,
            }
            Ok(())
        })?;
        if later.is_empty() {
            return Ok(());
        }
        // One write for all that is still there.
        self.context
            .store
            .write(move |tx| later.iter().try_for_each(|(wait, numbers)| tx.ask_later(numbers, now + *wait)))
    }

    /// Packets that the link held have left. A doubled acknowledgement changes nothing.
    pub(super) fn acknowledged(&mut self, sent: Vec<(Reference, Acknowledged)>) -> Result<(), Fault> {
        if sent.is_empty() {
            return Ok(());
        }
        for packet in commit::acknowledged(self.context, sent)? {
            self.has_left(&packet);
        }
        Ok(())
    }

    fn has_left(&mut self, packet: &Packet) {
        self.outstanding.remove(packet.far_box);
        self.gathering.heard_satellite(self.context.now());
        self.timers.packets_changed([packet]);
    }

    /// The link says by itself that it gave a packet up.
    pub(super) fn gave_up(&mut self, reference: &Reference, why: Reason) -> Result<(), Fault> {
        let Some(packet) = self.held_as(reference)? else { return Ok(()) };
        let group = commit::group_of(self.context, &packet)?;
        self.gone(group, packet, track::given_up(why), None)
    }

    /// A packet that the link held is certainly not at the far box: it goes again.
    pub(super) fn not_taken(&mut self, reference: &Reference, why: Reason) -> Result<(), Fault> {
        let Some(packet) = self.held_as(reference)? else { return Ok(()) };
        let packet = Packet { taking_back: false, ..packet };
        self.taken_back.remove(&packet.number);
        self.outstanding.remove(packet.far_box);
        self.timers.packets_changed([&packet]);
        give_back::not_taken(self.context, &packet, why)
    }

    /// The packet that the link holds under this reference, as far as this box knows.
    fn held_as(&self, reference: &Reference) -> Result<Option<Packet>, Fault> {
        let (link, reference) = (self.id, reference.clone());
        let packet = self.context.store.write(move |tx| tx.packet_at(link, &reference))?;
        Ok(packet.filter(|packet| matches!(packet.state, PacketState::Held(_))))
    }

    /// A packet that the link held has left.
    pub(super) fn sent(&mut self, packet: &Packet, how: Acknowledged) -> Result<(), Fault> {
        self.has_left(packet);
        commit::sent(self.context, packet, how)
    }

    /// The link cannot tell any more what became of a packet that it held.
    pub(super) fn doubtful(&mut self, packet: Packet, memo: String, why: Reason) -> Result<(), Fault> {
        self.outstanding.remove(packet.far_box);
        self.timers.packets_changed([&packet]);
        self.look_again(UNKNOWN);
        let state = PacketState::Handing(Intent { at: packet.at, memo });
        commit::unknown(self.context, Packet { state, taking_back: false, ..packet }, why)
    }

    /// A packet that the link held is gone; what the link holds of the same group is of no use any more. `unclear` says
    /// why it may have been sent all the same.
    pub(super) fn gone(
        &mut self,
        mut group: PacketGroup,
        packet: Packet,
        why: GoneReason,
        unclear: Option<LinkReason>,
    ) -> Result<(), Fault> {
        self.outstanding.remove(packet.far_box);
        group.put(Packet { state: PacketState::Gone(why), at: self.context.now(), ..packet });
        self.drop_rest(group, unclear)
    }

    /// What is still here of a group is not sent any more; what the link holds of it is asked back.
    fn drop_rest(&mut self, mut group: PacketGroup, unclear: Option<LinkReason>) -> Result<(), Fault> {
        group.drop_rest(self.context.now());
        self.timers.packets_changed(&group.packets);
        commit::close(self.context, &group, unclear)
    }

    /// The time of some messages of a group is over.
    fn expire(&self, group: &PacketGroup, late: &[Id], why: LinkReason) -> Result<(), Fault> {
        let late = group.messages.iter().filter(|message| late.contains(&message.id));
        late.into_iter().try_for_each(|message| self.context.give_back(message, State::Expired, why.clone()))
    }

    /// The link took a packet; `None` where it was closed or taken over meanwhile.
    fn taken(
        &mut self,
        group: &PacketGroup,
        mut packet: Packet,
        reference: Reference,
        how: Taken,
    ) -> Result<Option<Packet>, Fault> {
        let now = self.context.now();
        // The number that it got may tell what became of others.
        self.reconcile_at = self.reconcile_at.map(|_| now);
        packet.state = PacketState::Held(reference.clone());
        packet.ask = now + track::next_look(group, now);
        if !commit::taken(self.context, &packet, &reference, how)? {
            return Ok(None);
        }
        self.outstanding.add(packet.far_box);
        Ok(Some(packet))
    }

    /// Looks at hand-overs whose end is unknown.
    pub(super) fn reconcile(&mut self) -> Result<(), Fault> {
        if !self.health.ready || self.reconcile_at.is_none_or(|at| at > self.context.now()) {
            return Ok(());
        }
        self.reconcile_at = None;
        let mut open = self.context.store.read(|view| view.open_on(self.id, PacketQueue::Outbox, Time::NEVER))?;
        let is_open = |state: &PacketState| matches!(state, PacketState::Handing(_) | PacketState::Unknown(_));
        open.retain(|item| item.as_ref().map_or(true, |packet| is_open(&packet.state)));
        let doubts = self.doubts;
        self.each_packet(open, Self::settle)?;
        match self.doubts > doubts {
            true => self.doubts = doubts + 1,
            false => (self.doubts, self.paused) = (0, None),
        }
        Ok(())
    }

    fn settle(&mut self, mut packet: Packet) -> Result<(), Fault> {
        let mut group = commit::group_of(self.context, &packet)?;
        let found = reconcile::find_out(self.context, &mut *self.link, &group, &packet)?;
        let may_be_there = matches!(found, Some(Evidence::Taken(_) | Evidence::Sent(_) | Evidence::Undecidable(_)));
        if may_be_there && !self.carries_wholes() {
            self.note_wholes(&packet, &self.messages_of(&packet)?, &[])?;
        }
        match found {
            None => {
                if matches!(packet.state, PacketState::Unknown(_)) {
                    self.look_again(UNKNOWN);
                }
                Ok(())
            }
            Some(Evidence::Taken(reference)) => self.taken(&group, packet, reference, Taken::Found).map(drop),
            Some(Evidence::Sent(reference)) => {
                let packet = self.taken(&group, packet, reference, Taken::FoundGone)?;
                packet.map_or(Ok(()), |packet| self.sent(&packet, Acknowledged::NotSeen))
            }
            Some(Evidence::Undecidable(why)) => {
                self.timers.packets_changed([&packet]);
                self.look_again(UNKNOWN);
                commit::unknown(self.context, packet, why)
            }
            Some(Evidence::NotTaken(why)) => {
                self.timers.packets_changed([&packet]);
                give_back::not_taken(self.context, &packet, why)
            }
            Some(Evidence::Unknown { late, why }) => {
                self.expire(&group, &late, reconcile::never_known(&why))?;
                group.messages.retain(|message| !late.contains(&message.id));
                self.in_doubt(&group, &packet, why)
            }
            Some(Evidence::TooLate(why)) => {
                packet.state = PacketState::Gone(track::given_up(why.clone()));
                group.put(packet);
                self.timers.packets_changed(&group.packets);
                commit::close(self.context, &group, Some(reconcile::never_known(&why)))
            }
        }
    }

    /// A hand-over is open: it is looked at again after a while, and its messages say so.
    fn in_doubt(&mut self, group: &PacketGroup, packet: &Packet, why: Reason) -> Result<(), Fault> {
        let wait = DOUBT.wait(self.doubts.saturating_sub(1).max(1));
        self.look_again(wait);
        self.doubts += 1;
        let reason = LinkReason::Asking { part: packet.part, why: Box::new(why) };
        commit::explain(self.context, group, &reason.into())
    }

    /// Open hand-overs are looked at again after this, or earlier.
    fn look_again(&mut self, wait: Duration) {
        let at = self.context.now() + wait;
        self.reconcile_at = Some(self.reconcile_at.map_or(at, |known| known.min(at)));
    }

    pub(super) fn submit(&mut self, packet: Packet) -> Result<(), Fault> {
        let mut group = commit::group_of(self.context, &packet)?;
        // One that has ended goes along with the others.
        let messages = if group.finished { self.messages_of(&packet)? } else { group.messages.clone() };
        let wholes = self.whole_places(&packet, &messages)?;
        let mails = self.enclosures(&group, &packet, &messages)?;
        match submit::submit(self.context, self.driver, &mut *self.link, &group, packet, &wholes, mails)? {
            Submitted::NotNow | Submitted::Decided => Ok(()),
            Submitted::Unwanted => self.drop_rest(group, None),
            Submitted::Taken(packet, reference) => {
                self.note_wholes(&packet, &messages, &wholes)?;
                self.taken(&group, packet, reference, Taken::Handed).map(drop)
            }
            Submitted::Unknown(packet, why) => {
                self.note_wholes(&packet, &messages, &wholes)?;
                self.in_doubt(&group, &packet, why)
            }
            Submitted::Busy(packet, fault) => {
                log::debug!("link: {fault}");
                self.pause(fault.reason());
                group.put(packet);
                // Nothing of it is on the link: until that takes packets again people and rules may change.
                match group.can_unplan() {
                    true => commit::unplan(self.context, &group, fault.reason()),
                    false => commit::explain(self.context, &group, fault.reason()),
                }
            }
            Submitted::Refused(packet, fault) => {
                log::info!("link: {fault}");
                group.put(packet.clone());
                // Until it is tried again people and rules may change.
                if group.can_unplan() {
                    commit::unplan(self.context, &group, fault.reason())?;
                }
                self.refused(&packet, fault.reason())
            }
            Submitted::Never(packet) => {
                group.put(packet);
                self.drop_rest(group, None)
            }
        }
    }
}
