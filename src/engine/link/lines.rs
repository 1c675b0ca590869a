//! Who waits for the link: which far box each message goes to, whose turn it is, and what each waits for.
//!
//! Far boxes take turns: the one that was served longest ago is next, among those whose next message is of the highest
//! priority. A far box for which the link holds as many packets as it may is passed over, so that one which is silent
//! keeps nobody else waiting.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::market::Market;
use super::select::{Choice, MessageFacts, Offer, Quote, choose};
use super::{process, schedule};
use crate::address::PeerId;
use crate::back_off::BackOff;
use crate::clock::Time;
use crate::engine::Context;
use crate::fault::Fault;
use crate::links::Links;
use crate::message::{Id, LinkId, Message, Reason};
use crate::people::People;
use crate::settings::Settings;
use crate::store::Queue;

/// Messages whose far box is looked up in one turn of the link.
const LEARN: usize = 256;
/// What is known of waiting messages is looked up anew after this.
const FRESH: Duration = Duration::from_secs(20);
/// The wait before a message that the link refused is tried again.
const REST: BackOff = BackOff::doubling(Duration::from_secs(5), Duration::from_secs(600));

/// The messages that wait for one far box, in order, with the part of the queue that each stands in.
pub type Line = VecDeque<(Queue, Id)>;

/// What is known of a waiting message.
pub struct Known {
    /// The far box that it goes to; `None` for the one of a station.
    pub far_box: Option<PeerId>,
    /// Why it waits, as its record says.
    pub said: Reason,
    /// When it is looked at next, whatever the link does.
    pub next: Time,
    /// What the choice of its link looks at.
    facts: MessageFacts,
    /// What it takes on each link.
    quotes: Vec<(LinkId, Option<Quote>)>,
}

impl Known {
    /// Which link takes it, and what each offers.
    pub fn choice(&self, market: &Market, now: Time) -> (Choice, Vec<Offer>) {
        let offers = market.offers(&self.facts, self.far_box, &self.quotes);
        (choose(&self.facts, &offers, now), offers)
    }
}

/// The link refused a message, for a reason that is its own or that of its far box.
struct Rest {
    why: Reason,
    until: Time,
    refusals: u32,
}

/// People, rules and links at one moment.
type Rules = (Arc<People>, Arc<Settings>, Arc<Links>);

/// All that waits for the link.
#[derive(Default)]
pub struct Lines {
    known: BTreeMap<Id, Known>,
    /// People, rules and links by which it was looked up, and when.
    by: Option<(Rules, Time)>,
    rests: BTreeMap<Id, Rest>,
    /// Far boxes that refused something a moment ago are left alone until then.
    shy: BTreeMap<Option<PeerId>, Time>,
    /// The number of the last turn of each far box.
    served: BTreeMap<Option<PeerId>, u64>,
    turns: u64,
}

impl Lines {
    /// Looks up the messages of the queue of which nothing is known yet; `planned` have packets already. True when there are
    /// more of them than are looked up at once.
    ///
    /// # Errors
    /// When the store fails.
    pub fn learn(
        &mut self,
        context: &Context,
        market: &Market,
        queue: &[(Queue, Id)],
        planned: &BTreeSet<Id>,
    ) -> Result<bool, Fault> {
        let (people, settings, links) = (context.store.people(), context.store.settings(), context.store.links());
        let now = context.now();
        let same = self.by.as_ref().is_some_and(|((by, with, among), at)| {
            let same = Arc::ptr_eq(by, &people) && Arc::ptr_eq(with, &settings) && Arc::ptr_eq(among, &links);
            same && now < *at + FRESH && now >= *at
        });
        if !same {
            self.known.clear();
            self.by = Some(((people, settings, links), now));
        }
        let there: BTreeSet<_> = queue.iter().map(|(_, id)| *id).collect();
        self.known.retain(|id, _| there.contains(id));
        self.rests.retain(|id, _| there.contains(id));
        self.shy.retain(|_, until| now < *until);
        let new: Vec<_> = queue.iter().map(|(_, id)| *id).filter(|id| self.is_new(*id, planned)).collect();
        for id in new.iter().take(LEARN) {
            self.look_up(context, market, *id)?;
        }
        Ok(new.len() > LEARN)
    }

    fn is_new(&self, id: Id, planned: &BTreeSet<Id>) -> bool {
        !planned.contains(&id) && !self.known.contains_key(&id)
    }

    /// Looks up one message, as it is now; `None` when it waits for no far box any more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn look_up(
        &mut self,
        context: &Context,
        market: &Market,
        id: Id,
    ) -> Result<Option<(Option<PeerId>, Message)>, Fault> {
        self.known.remove(&id);
        let item = match context.store.message(id) {
            Ok(None) => return Ok(None),
            Ok(Some(message)) => Ok(message),
            Err(fault) if fault.is_permanent() => Err((id, fault.reason().clone())),
            Err(fault) => return Err(fault),
        };
        let mut found = None;
        process::message(context, item, |message| {
            if let Some(far_box) = schedule::far_box(context, message)? {
                // With the size and the quote that it may have been given just now.
                found = context.store.message(id)?.map(|message| (far_box, message));
            }
            Ok(())
        })?;
        if let Some((far_box, message)) = &found {
            let next = context.policy().look_after(message, context.now());
            let (facts, quotes) = (market.facts(message), market.quotes(message, *far_box));
            self.known.insert(id, Known { far_box: *far_box, said: message.reason.clone(), next, facts, quotes });
        }
        Ok(found)
    }

    /// What is known of a message.
    pub fn known(&mut self, id: Id) -> Option<&mut Known> {
        self.known.get_mut(&id)
    }

    /// The messages that may go now by a link, by far box; and when the next of those may that wait for another link now.
    pub fn ahead(
        &self,
        link: LinkId,
        market: &Market,
        queue: &[(Queue, Id)],
        now: Time,
    ) -> (BTreeMap<Option<PeerId>, Line>, Option<Time>) {
        let mut next = None;
        let mut lines: BTreeMap<Option<PeerId>, Line> = BTreeMap::new();
        for (part, id) in queue {
            if let Some(known) = self.known.get(id)
                && self.resting(*id, now).is_none()
                && !self.is_shy(known.far_box, now)
            {
                match known.choice(market, now).0 {
                    Choice::Now(taker) if taker == link => {
                        lines.entry(known.far_box).or_default().push_back((*part, *id));
                    }
                    Choice::Wait { until, then, .. } if then == Some(link) => {
                        next = Some(next.map_or(until, |known: Time| known.min(until)));
                    }
                    _ => {}
                }
            }
        }
        (lines, next)
    }

    /// The far box whose turn it is, of those that `may` take their next message (true: an urgent one).
    pub fn next(
        &self,
        ahead: &BTreeMap<Option<PeerId>, Line>,
        may: impl Fn(Option<PeerId>, bool) -> bool,
    ) -> Option<Option<PeerId>> {
        let rank = |part: Queue| match part {
            Queue::LinkUrgent => 0,
            Queue::LinkLow => 2,
            Queue::LinkBulk => 3,
            _ => 1,
        };
        let waiting = ahead.iter().filter_map(|(far_box, line)| Some((*far_box, line.front()?.0)));
        let open = waiting.filter(|(far_box, part)| may(*far_box, *part == Queue::LinkUrgent));
        open.min_by_key(|(far_box, part)| (rank(*part), self.last_turn(*far_box))).map(|(far_box, _)| far_box)
    }

    /// The far box had its turn.
    pub fn serve(&mut self, far_box: Option<PeerId>) {
        self.turns += 1;
        self.served.insert(far_box, self.turns);
    }

    /// The number of the last turn of a far box; 0 when it had none.
    pub fn last_turn(&self, far_box: Option<PeerId>) -> u64 {
        self.served.get(&far_box).copied().unwrap_or_default()
    }

    /// The link refuses these messages, for a reason that is theirs or that of their far box. Gives when they are tried
    /// again.
    pub fn refuse(&mut self, messages: &[Id], far_box: Option<PeerId>, why: &Reason, now: Time) -> Time {
        self.shy.insert(far_box, now + REST.first);
        self.rest(messages, why, now)
    }

    /// These messages cannot go now, for a reason that is theirs alone. Gives when they are tried again.
    pub fn rest(&mut self, messages: &[Id], why: &Reason, now: Time) -> Time {
        let before = messages.iter().filter_map(|id| self.rests.get(id)).map(|rest| rest.refusals).max();
        let refusals = before.unwrap_or(0).saturating_add(1);
        let until = now + REST.wait(refusals);
        for id in messages {
            self.rests.insert(*id, Rest { why: why.clone(), until, refusals });
        }
        until
    }

    /// Why a message rests, and until when.
    pub fn resting(&self, id: Id, now: Time) -> Option<(&Reason, Time)> {
        self.rests.get(&id).filter(|rest| now < rest.until).map(|rest| (&rest.why, rest.until))
    }

    /// True while a far box is left alone because it refused something a moment ago.
    pub fn is_shy(&self, far_box: Option<PeerId>, now: Time) -> bool {
        self.shy.get(&far_box).is_some_and(|until| now < *until)
    }

    /// When the next rest is over.
    pub fn rested(&self, now: Time) -> Option<Time> {
        self.rests.values().map(|rest| rest.until).chain(self.shy.values().copied()).filter(|at| *at > now).min()
    }
}

/// Packets that this link holds, by far box.
#[derive(Debug, Default)]
pub struct OnLink(BTreeMap<Option<PeerId>, usize>);

impl OnLink {
    /// Counts them in the store.
    ///
    /// # Errors
    /// When the store fails.
    pub fn count(context: &Context) -> Result<Self, Fault> {
        context.store.read(|view| view.on_link(context.link())).map(Self)
    }

    /// For one far box.
    pub fn of(&self, far_box: Option<PeerId>) -> usize {
        self.0.get(&far_box).copied().unwrap_or_default()
    }

    /// Counts the packets for all far boxes.
    #[cfg(test)]
    pub fn all(&self) -> usize {
        self.0.values().sum()
    }

    /// The link took one.
    pub fn add(&mut self, far_box: Option<PeerId>) {
        *self.0.entry(far_box).or_default() += 1;
    }

    /// One has left, or is gone.
    pub fn remove(&mut self, far_box: Option<PeerId>) {
        if let Some(count) = self.0.get_mut(&far_box) {
            *count = count.saturating_sub(1);
        }
    }
}
