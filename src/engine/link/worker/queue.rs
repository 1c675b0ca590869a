//! From the queue to the link: whose messages become packets next, in which order packets leave the outbox, and what all
//! that wait are waiting for.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{AGAIN, BATCH, LinkWorker, WIDE_BATCH};
use crate::address::{LinkAddress, PeerId};
use crate::clock::Time;
use crate::engine::link::explain::{self, Why};
use crate::engine::link::lines::Line;
use crate::engine::link::schedule::{self, Quoted, Scheduled};
use crate::engine::link::select::Choice;
use crate::engine::link::{commit, give_back, telemetry, track};
use crate::fault::Fault;
use crate::link::PacketStatus;
use crate::message::reason::{Acknowledged, TrackingReason, Waits};
use crate::message::{Id, Message, Packet, PacketState, Priority, Reason, State};
use crate::money::Bill;
use crate::store::{PacketQueue, Queue};

/// Messages whose mails are on their way, or wait for that, which others may pass in one turn.
const PASSED_OVER: usize = 128;

/// A packet of the outbox, or why its record cannot be read.
type Item = Result<Packet, (u64, Reason)>;

impl LinkWorker<'_> {
    /// Makes packets of waiting messages and hands them over, far box by far box; true when there is more that could go at
    /// once.
    pub(super) fn schedule(&mut self) -> Result<bool, Fault> {
        let (context, now) = (self.context, self.context.now());
        let (queue, outbox) =
            context.store.read(|view| Ok((view.line(Queue::Link)?, view.open(PacketQueue::Outbox, Time::NEVER)?)))?;
        let planned = outbox.iter().flatten().flat_map(|packet| packet.messages.iter().copied()).collect();
        let more = self.lines.learn(context, &self.market, &queue, &planned)?;
        let (mut ahead, choose_at) = self.lines.ahead(self.id, &self.market, &queue, now);
        self.choose_at = choose_at;
        self.floods.retain(|far_box| ahead.contains_key(far_box));
        let goes: HashSet<Id> = ahead.values().flatten().map(|(_, id)| *id).collect();
        let (mut gathering, mut left) = (BTreeMap::new(), WIDE_BATCH);
        while left > 0
            && self.ready()
            && let Some(far_box) = self.lines.next(&ahead, |far_box, urgent| self.takes_more(far_box, urgent))
        {
            self.gathering.idle = self.is_idle(far_box);
            self.gathering.many = self.is_flood(far_box, ahead.get(&far_box).map_or(0, Line::len));
            let messages = self.take(&mut ahead, far_box)?;
            self.lines.serve(far_box);
            // One that is coded takes the place of several that go as they are.
            let each = if self.gathering.idle { 1 } else { WIDE_BATCH / BATCH };
            left = left.saturating_sub(messages.len() * each);
            if let Some((until, why)) = self.plan(far_box, &messages)? {
                ahead.remove(&far_box);
                gathering.insert(far_box, (until, why));
            }
        }
        self.gather_until = gathering.values().map(|(until, _)| *until).min();
        self.explain(&queue, &goes, &gathering)?;
        Ok((more || left == 0) && self.ready())
    }

    /// True where so many wait for a far box that nobody should wait for the coder, until all of them have gone: what is left of
    /// them, or comes in small groups as the whole mails arrive before, would hold up the line for as long.
    fn is_flood(&mut self, far_box: Option<PeerId>, waiting: usize) -> bool {
        if waiting > schedule::TOGETHER {
            self.floods.insert(far_box);
        }
        self.floods.contains(&far_box)
    }

    /// The next messages of a far box, as people and rules are now.
    fn take(
        &mut self,
        ahead: &mut BTreeMap<Option<PeerId>, Line>,
        far_box: Option<PeerId>,
    ) -> Result<Vec<Message>, Fault> {
        let most = schedule::together(self.context, &self.gathering, far_box)?;
        let (mut taken, mut passed_over) = (Vec::new(), 0);
        while taken.len() < most
            && let Some((part, id)) = ahead.get_mut(&far_box).and_then(Line::pop_front)
        {
            let found = self.lines.look_up(self.context, &self.market, id)?;
            // One that goes elsewhere since a moment ago has its turn there.
            let Some((_, message)) = found.filter(|(now, _)| *now == far_box) else { continue };
            // A line whose budget is used up is opened for urgent ones alone.
            if !is_urgent(&message) && self.reaches(far_box, false).is_err() {
                continue;
            }
            if taken.first().is_some_and(|first| !self.may_share(first, &message)) {
                ahead.entry(far_box).or_default().push_front((part, id));
                break;
            }
            if self.waits_for_whole(far_box, &message) {
                passed_over += 1;
                if passed_over >= PASSED_OVER {
                    ahead.remove(&far_box);
                }
                continue;
            }
            taken.extend(self.at_our_price(far_box, message)?);
        }
        ahead.retain(|_, line| !line.is_empty());
        Ok(taken)
    }

    /// Two messages may share a packet. On a line that costs nothing, with a link behind it that takes what waits too long, those
    /// do not that wait unequally long, or of which one is never paid for: what goes by the other link goes with all that
    /// shares its packet.
    fn may_share(&self, one: &Message, other: &Message) -> bool {
        let kind = |message: &Message| (message.terms.priority, message.terms.links);
        !self.gathering.prompt || self.market.links().count() == 1 || kind(one) == kind(other)
    }

    /// A message that this link takes, with what it costs on this link reserved; `None` when a budget does not allow that: it
    /// waits for a cheaper link, or is held where there is none.
    fn at_our_price(&mut self, far_box: Option<PeerId>, message: Message) -> Result<Option<Message>, Fault> {
        let now = self.context.now();
        let chosen = self.lines.known(message.id).map(|known| known.choice(&self.market, now).0);
        if chosen != Some(Choice::Now(self.id)) {
            return Ok(None);
        }
        let policy = self.context.policy();
        Ok(match schedule::quoted(self.context, &policy, &message)? {
            Quoted::Known => Some(message),
            Quoted::Reserved => self.context.store.message(message.id)?,
            Quoted::Held => None,
            Quoted::Over(budget) => {
                let cheapest = crate::engine::policy(&self.context.store).bill(&message);
                let dear = |bill: Bill| policy.bill(&message).is_some_and(|own| own.wanted.money > bill.wanted.money);
                match cheapest.is_some_and(dear) {
                    true => {
                        let why = budget.into();
                        let until = self.lines.refuse(&[message.id], far_box, &why, now);
                        explain::write(self.context, vec![(message.id, why, until)])?;
                    }
                    false => schedule::short(self.context, &message, budget)?,
                }
                None
            }
        })
    }

    /// Plans messages for one far box and hands over what the link takes of them. Gives until when they wait instead, and
    /// for what.
    pub(super) fn plan(
        &mut self,
        far_box: Option<PeerId>,
        messages: &[Message],
    ) -> Result<Option<(Time, Waits)>, Fault> {
        if messages.is_empty() {
            return Ok(None);
        }
        let planned = schedule::plan(self.context, &self.gathering, far_box, messages);
        self.timers.touch(far_box);
        match planned {
            Err(fault) if fault.is_permanent() => {
                let back = |message| self.context.give_back(message, State::Returned, &fault);
                messages.iter().try_for_each(back).map(|()| None)
            }
            Err(fault) => Err(fault),
            Ok(Scheduled::Planned) => {
                if messages.iter().any(is_urgent) {
                    self.make_way(far_box)?;
                }
                self.empty_outbox().map(|()| None)
            }
            Ok(Scheduled::Waits(until, what)) => Ok(Some((until, what))),
            Ok(Scheduled::NoCoding(ids)) => {
                let why: Reason = Waits::Coding.into();
                let until = self.lines.rest(&ids, &why, self.context.now());
                explain::write(self.context, ids.into_iter().map(|id| (id, why.clone(), until)).collect())?;
                Ok(None)
            }
            Ok(Scheduled::Decided) => Ok(None),
        }
    }

    /// Takes back what the link holds for a far box and has not sent, so that an urgent message goes first; it is handed over
    /// again behind that one. What cannot be taken back for certain stays where it is.
    fn make_way(&mut self, far_box: Option<PeerId>) -> Result<(), Fault> {
        if !self.driver.withdraws {
            return Ok(());
        }
        let held = self.context.store.read(|view| view.open_on(self.id, PacketQueue::OnLink, Time::NEVER))?;
        let mut back = Vec::new();
        for packet in held.into_iter().flatten().filter(|packet| packet.far_box == far_box && !packet.taking_back) {
            let group = commit::group_of(self.context, &packet)?;
            if !group.messages.iter().any(is_urgent) && !group.is_unwanted(self.context.now()) {
                back.push(Packet { taking_back: true, ..packet });
            }
        }
        self.withdraw(back)
    }

    /// Takes packets back that this link holds.
    pub(super) fn withdraw(&mut self, back: Vec<Packet>) -> Result<(), Fault> {
        // On disk before the first command leaves: a crash in between is known as such.
        commit::put_all(self.context, &back)?;
        self.taken_back.extend(back.iter().map(|packet| packet.number));
        let back = back.into_iter().map(Ok).collect();
        self.each_packet(back, |worker, packet| {
            let PacketState::Held(reference) = packet.state.clone() else { return Ok(()) };
            let found = worker.link.cancel(&reference);
            worker.take_back(packet, found)
        })
    }

    /// What became of a packet that is being taken back.
    pub(super) fn take_back(&mut self, packet: Packet, found: PacketStatus) -> Result<(), Fault> {
        // Only who gave the command, and heard all since, knows that it was not the command that took it away.
        let heard = self.taken_back.contains(&packet.number);
        let there = matches!(found, PacketStatus::Held | PacketStatus::Unknown(_));
        if there && heard {
            // Asked after again, as anything that the link holds.
            return Ok(());
        }
        self.taken_back.remove(&packet.number);
        let packet = Packet { taking_back: false, ..packet };
        match found {
            PacketStatus::Unknown(_) => Ok(()),
            PacketStatus::Held => commit::put(self.context, &packet),
            PacketStatus::Withdrawn => {
                self.outstanding.remove(packet.far_box);
                give_back::made_way(self.context, &Packet { state: PacketState::Planned, ..packet })
            }
            PacketStatus::GaveUp(why) => {
                let group = commit::group_of(self.context, &packet)?;
                self.gone(group, packet, track::given_up(why), None)
            }
            PacketStatus::Sent if heard => self.sent(&packet, Acknowledged::NotSeen),
            PacketStatus::Sent => self.doubtful(packet, String::new(), TrackingReason::TakingBack.into()),
            PacketStatus::Doubtful { memo, why } => self.doubtful(packet, memo, why),
        }
    }

    /// Hands over the packets that are planned, as far as the link takes them: urgent ones first, then far box by far box.
    pub(super) fn empty_outbox(&mut self) -> Result<(), Fault> {
        if !self.ready() {
            return Ok(());
        }
        let outbox = self.context.store.read(|view| view.open_on(self.id, PacketQueue::Outbox, Time::NEVER))?;
        let (outbox, urgent) = self.in_turns(outbox)?;
        let now = self.context.now();
        self.each_packet(outbox, |worker, packet| {
            let rests = packet.messages.iter().any(|id| worker.lines.resting(*id, now).is_some());
            let urgent = urgent.contains(&packet.number);
            let open = worker.takes_more(packet.far_box, urgent) && !rests && !worker.lines.is_shy(packet.far_box, now);
            match open && !worker.goes_elsewhere(&packet)? && !worker.packet_waits(&packet)? {
                true => worker.submit(packet),
                false => Ok(()),
            }
        })
    }

    fn carries_urgent(&self, packet: &Packet) -> Result<bool, Fault> {
        let ids = packet.messages.clone();
        self.context.store.read(move |view| {
            Ok(ids.iter().any(|id| view.message(*id).ok().flatten().is_some_and(|message| is_urgent(&message))))
        })
    }

    /// The outbox in the order in which it leaves: urgent packets before others, one of each far box in turn; and the numbers of
    /// the urgent ones.
    fn in_turns(&self, outbox: Vec<Item>) -> Result<(Vec<Item>, BTreeSet<u64>), Fault> {
        let mut round: BTreeMap<(bool, Option<PeerId>), u64> = BTreeMap::new();
        let (mut keyed, mut all_urgent) = (Vec::new(), BTreeSet::new());
        for item in outbox {
            let key = match &item {
                Ok(packet) => {
                    let urgent = self.carries_urgent(packet)?;
                    all_urgent.extend(urgent.then_some(packet.number));
                    let round = round.entry((urgent, packet.far_box)).or_default();
                    *round += 1;
                    (!urgent, *round, self.lines.last_turn(packet.far_box))
                }
                Err(_) => (false, 0, 0),
            };
            keyed.push((key, item));
        }
        keyed.sort_by_key(|(key, _)| *key);
        Ok((keyed.into_iter().map(|(_, item)| item).collect(), all_urgent))
    }

    /// The link does not take a packet, and would take none: the rest of the queue need not find that out again.
    pub(super) fn pause(&mut self, why: &Reason) {
        self.paused = Some((self.context.now() + AGAIN, why.clone()));
    }

    /// Says at each message that waits what it waits for, and on the page which far boxes are silent. What `goes` by this link has
    /// been chosen in this turn: it may only wait for its turn, of which nothing is said.
    fn explain(
        &mut self,
        queue: &[(Queue, Id)],
        goes: &HashSet<Id>,
        gathering: &BTreeMap<Option<PeerId>, (Time, Waits)>,
    ) -> Result<(), Fault> {
        let (context, now) = (self.context, self.context.now());
        let mut news = Vec::new();
        let mut waiting: BTreeMap<Option<PeerId>, BTreeSet<Id>> = BTreeMap::new();
        for (part, id) in queue {
            let Some(known) = self.lines.known(*id) else { continue };
            let far_box = known.far_box;
            let urgent = *part == Queue::LinkUrgent;
            let clear = goes.contains(id) && !self.waits_whole.contains(id) && !gathering.contains_key(&far_box);
            if clear && self.lines.resting(*id, now).is_none() && self.in_the_way(far_box, urgent).is_none() {
                waiting.entry(far_box).or_default().insert(*id);
                continue;
            }
            let Some(known) = self.lines.known(*id) else { continue };
            let (said, next) = (known.said.clone(), known.next);
            let (choice, offers) = known.choice(&self.market, now);
            if !self.market.speaks(self.id, &choice) {
                continue;
            }
            let chosen = self.market.why(&choice, &offers).map(|(why, until)| Why { why, until });
            waiting.entry(far_box).or_default().insert(*id);
            let rest = self.lines.resting(*id, now).map(|(why, until)| Why { why: why.clone(), until: Some(until) });
            let gathers =
                gathering.get(&far_box).map(|(until, what)| Why { why: what.clone().into(), until: Some(*until) });
            let whole = self.waits_whole.contains(id).then(|| Why { why: Waits::Whole.into(), until: None });
            let why = rest.or(chosen).or(whole).or_else(|| self.in_the_way(far_box, urgent)).or(gathers);
            let Some(Why { why, until }) = why.filter(|why| why.why != said) else { continue };
            if let Some(known) = self.lines.known(*id) {
                known.said = why.clone();
            }
            news.push((*id, why, until.unwrap_or(next).min(next)));
        }
        // Those that have packets which the link does not take at present.
        let outbox = context.store.read(|view| view.open_on(self.id, PacketQueue::Outbox, Time::NEVER))?;
        let packets = || outbox.iter().flatten();
        let is_asked = |state: &PacketState| matches!(state, PacketState::Handing(_) | PacketState::Unknown(_));
        let asked = packets().filter(|packet| is_asked(&packet.state));
        let asked: BTreeSet<_> = asked.flat_map(|packet| packet.messages.clone()).collect();
        for packet in packets() {
            for id in packet.messages.iter().filter(|id| !asked.contains(id)) {
                waiting.entry(packet.far_box).or_default().insert(*id);
                let Some(message) = context.store.message(*id).ok().flatten() else { continue };
                let rest =
                    self.lines.resting(*id, now).map(|(why, until)| Why { why: why.clone(), until: Some(until) });
                let whole = self.waits_whole.contains(id).then(|| Why { why: Waits::Whole.into(), until: None });
                let why = rest.or(whole).or_else(|| self.in_the_way(packet.far_box, is_urgent(&message)));
                if let Some(Why { why, until }) = why.filter(|why| why.why != message.reason)
                    && message.state == State::Queued
                {
                    let next = context.policy().look_after(&message, now);
                    news.push((*id, why, until.unwrap_or(next).min(next)));
                }
            }
        }
        explain::write(context, news)?;
        let waiting = waiting.into_iter().map(|(far_box, messages)| (far_box, messages.len())).collect();
        telemetry::silent(context, self.window, &self.outstanding, &waiting)
    }

    /// What keeps the messages of a far box from going now; `None` when they may go.
    fn in_the_way(&self, far_box: Option<PeerId>, urgent: bool) -> Option<Why> {
        let packets = self.outstanding.of(far_box);
        let why = match self.paused() {
            _ if !self.health.ready => Waits::LinkDown.into(),
            Some(why) => why.clone(),
            None if let Err(why) = self.reaches(far_box, urgent) => why.into(),
            None if !self.takes_more(far_box, urgent) => {
                Waits::FarBox { device: self.address(far_box), packets }.into()
            }
            None if self.lines.is_shy(far_box, self.context.now()) => {
                Waits::Refusing { device: self.address(far_box) }.into()
            }
            None => return None,
        };
        Some(Why { why, until: None })
    }

    /// Whether the link leads to a far box now; what it waits for, if not. One that has no address on this link is refused
    /// with that reason when a packet is handed over.
    pub(super) fn reaches(&self, far_box: Option<PeerId>, urgent: bool) -> Result<(), Waits> {
        let address = self.address(far_box);
        if far_box.is_some() && address.is_none() { Ok(()) } else { self.link.reaches(address, urgent) }
    }

    /// The address of a far box on this link.
    pub(super) fn address(&self, far_box: Option<PeerId>) -> Option<LinkAddress> {
        let people = self.context.store.people();
        people.far_box(far_box?).and_then(|far_box| self.driver.reach.address(&far_box.addresses))
    }

    /// The link refuses a packet, for a reason of its own or of its far box: only its messages wait for that.
    pub(super) fn refused(&mut self, packet: &Packet, why: &Reason) -> Result<(), Fault> {
        let until = self.lines.refuse(&packet.messages, packet.far_box, why, self.context.now());
        let news = packet.messages.iter().map(|id| (*id, why.clone(), until)).collect();
        explain::write(self.context, news)
    }
}

fn is_urgent(message: &Message) -> bool {
    message.terms.priority == Priority::Urgent
}
