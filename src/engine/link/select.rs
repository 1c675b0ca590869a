//! Which link takes a message, and which it waits for: a pure function of what the message may, what the links offer, and
//! the time. Asked whenever a link has room, so a message in the queue has no link.
//!
//! 1. A link that may not take it at all is out ([`LinkBar`]).
//! 2. The others stand in order of what the message costs there. Those at the least price are its cheap links.
//! 3. A cheap link that is ready takes it.
//! 4. Else it waits for a cheap one as long as its patience lasts, which begins when the message came or the link was lost,
//!    whatever is later. Then the cheapest link that is ready takes it. Where the timetables of the cheap ones say that none
//!    comes in that time, there is nothing to wait for.
//! 5. A link that broke three times in ten minutes counts as down for ten, unless it is the only one that may take it.

use std::time::Duration;

use crate::clock::Time;
use crate::links::{LinkBudget, LinkTerms};
use crate::message::reason::{LinkBar, LinkReason};
use crate::message::{LinkId, LinkPreference, Message, Priority, Reason, State, Step};
use crate::money::{Money, Use};
use crate::settings::{Key, Settings};

/// What a choice looks at in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageFacts {
    /// It may use the reserve of a budget.
    pub urgent: bool,
    /// Which links it may take.
    pub preference: LinkPreference,
    /// How long it waits for a cheap link.
    pub patience: Duration,
    /// When it began to wait.
    pub since: Time,
    /// When it is given up, where somebody wants it by a time.
    pub by: Option<Time>,
    /// It may not cost more.
    pub at_most: Option<Money>,
}

impl MessageFacts {
    /// Of a message that waits, by these settings.
    pub fn of(message: &Message, settings: &Settings) -> Self {
        let patience = match message.terms.priority {
            Priority::Urgent => Key::PatienceUrgent,
            Priority::Normal => Key::PatienceNormal,
            Priority::Low => Key::PatienceLow,
            Priority::Bulk => Key::PatienceBulk,
        };
        // What a link gave back, or has while it is away, has waited all the time.
        let waits = |step: &&Step| matches!(step.state, State::Queued | State::OnLink);
        let queued = message.steps.iter().rev().take_while(waits).last();
        Self {
            urgent: message.terms.priority == Priority::Urgent,
            preference: if may_be_sent(message) { LinkPreference::Cheap } else { message.terms.links },
            patience: settings.span(patience),
            // The times of steps are those of a clock that may have been wrong.
            since: queued.map_or(message.accepted, |step| step.at.max(message.accepted)),
            by: message.terms.by.map(|_| message.deadline),
            at_most: message.terms.at_most,
        }
    }

    /// Until when it waits for a cheap link that was lost at a time.
    fn waits_until(&self, lost: Time) -> Time {
        let until = self.since.max(lost) + self.patience;
        match (self.preference, self.by) {
            (LinkPreference::Now, _) => self.since,
            // Half of its time is left for another way.
            (_, Some(by)) => until.min(self.since + by.since(self.since) / 2),
            (_, None) => until,
        }
    }
}

/// True for what a link may have sent already and that goes once more because a free link was there: nobody pays for it twice,
/// unless a person has it sent again.
fn may_be_sent(message: &Message) -> bool {
    let decision = |step: &Step| match &step.cause {
        Reason::Link(LinkReason::FreeWay { .. }) => Some(true),
        Reason::Action(_) => Some(false),
        _ => None,
    };
    message.steps.iter().rev().find_map(decision).unwrap_or(false)
}

/// What a message would take on one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Packets and money, alone.
    pub wanted: Use,
    /// It is cut into more packets than a message may take.
    pub too_large: bool,
}

/// What is known of a link at the moment of a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkState {
    /// What its driver and its owner say.
    pub terms: LinkTerms,
    /// It takes packets now.
    pub ready: bool,
    /// It broke too often a moment ago: used only where no other link may be.
    pub rests: bool,
    /// Since when it is not to be relied on; before now while it is ready again.
    pub lost: Time,
    /// Since when it takes packets, or takes none.
    pub since: Time,
    /// When it is there next by its timetable; `None` where it has none, or should be there now.
    pub next: Option<Time>,
    /// What it may cost, today and in this month.
    pub budget: LinkBudget,
    /// What it has cost today, where the box is.
    pub today: Use,
    /// What it has cost in this month.
    pub month: Use,
}

/// What a link offers for one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The link that makes the offer.
    pub link: LinkId,
    /// Why it may not take the message; `None` where it may.
    pub bar: Option<LinkBar>,
    /// What the message costs on it.
    pub price: Money,
    /// It takes packets now.
    pub ready: bool,
    /// See [`LinkState::rests`].
    pub rests: bool,
    /// Since when it is not to be relied on.
    pub lost: Time,
    /// See [`LinkState::since`].
    pub since: Time,
    /// See [`LinkState::next`].
    pub next: Option<Time>,
}

impl LinkState {
    /// True where its budget has room for so much more.
    pub fn has_room(&self, money: Money) -> bool {
        let wanted = Use::of_packets(1, money);
        let room = |used, limit: crate::money::Limit| limit.check(used, wanted, false).is_ok();
        room(self.today, self.budget.day) && room(self.month, self.budget.month)
    }

    /// What it offers for a message, where it `reaches` its far box; `quote` is `None` where it has no price.
    pub fn offer(&self, facts: &MessageFacts, reaches: bool, quote: Option<Quote>) -> Offer {
        let wanted = quote.map(|quote| quote.wanted).unwrap_or_default();
        let over = |used, limit: crate::money::Limit| limit.check(used, wanted, facts.urgent).is_err();
        let bar = match quote {
            _ if !self.terms.on => Some(LinkBar::Off),
            _ if !reaches => Some(LinkBar::OutOfReach),
            None => Some(LinkBar::NoPrice),
            Some(quote) if quote.too_large => Some(LinkBar::TooLarge),
            _ if facts.preference == LinkPreference::Cheap && wanted.money.0 > 0 => Some(LinkBar::Costs),
            _ if facts.at_most.is_some_and(|most| wanted.money > most) => Some(LinkBar::OverPrice),
            _ if over(self.today, self.budget.day) || over(self.month, self.budget.month) => Some(LinkBar::Budget),
            _ => None,
        };
        let (ready, rests, lost, since, next) = (self.ready, self.rests, self.lost, self.since, self.next);
        Offer { link: self.terms.id, bar, price: wanted.money, ready, rests, lost, since, next }
    }
}

/// Which link takes a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// This link takes it now.
    Now(LinkId),
    /// It waits for a cheaper link.
    Wait {
        /// For this link, the cheapest one that may take it.
        link: LinkId,
        /// Until then; [`Time::NEVER`] where no other one would take it.
        until: Time,
        /// The one that takes it after that, as things stand.
        then: Option<LinkId>,
    },
    /// No link may take it: why, link by link.
    Nowhere(Vec<(LinkId, LinkBar)>),
}

impl Choice {
    /// The link that takes it, or that it waits for.
    pub fn link(&self) -> Option<LinkId> {
        match self {
            Self::Now(link) | Self::Wait { link, .. } => Some(*link),
            Self::Nowhere(_) => None,
        }
    }
}

/// Chooses. Never gives a link that has a bar.
pub fn choose(facts: &MessageFacts, offers: &[Offer], now: Time) -> Choice {
    let may: Vec<_> = offers.iter().filter(|offer| offer.bar.is_none()).collect();
    // With no other way there is nothing to gain by letting it rest.
    let rest = may.len() > 1;
    let mut open: Vec<_> =
        may.into_iter().map(|offer| Offer { ready: offer.ready && !(rest && offer.rests), ..*offer }).collect();
    // Among equals the one that comes first, and of those the one that was added first.
    open.sort_by_key(|offer| (offer.price, !offer.ready, offer.next, offer.link));
    let Some(first) = open.first() else {
        return Choice::Nowhere(offers.iter().filter_map(|offer| Some((offer.link, offer.bar?))).collect());
    };
    let (cheap, dear): (Vec<&Offer>, Vec<&Offer>) = open.iter().partition(|offer| offer.price == first.price);
    if first.ready {
        return Choice::Now(first.link);
    }
    // The one that was there last is the likeliest to come back.
    let lost = cheap.iter().map(|offer| offer.lost).max().unwrap_or(now);
    let until = facts.waits_until(lost);
    let comes = cheap.iter().any(|offer| offer.next.is_none_or(|next| next < until));
    let until = if comes { until } else { now };
    let next = dear.iter().find(|offer| offer.ready);
    match next {
        Some(next) if now >= until => Choice::Now(next.link),
        Some(next) => Choice::Wait { link: first.link, until, then: Some(next.link) },
        None => {
            let then = dear.first().map(|offer| offer.link).filter(|_| now < until);
            Choice::Wait { link: first.link, until: if then.is_some() { until } else { Time::NEVER }, then }
        }
    }
}

/// Which link takes what a line has whose far box is away, with what it costs there: messages that share a packet go together.
/// `None` while they wait for the line, and where one of them may not take that link.
pub fn overtakes(line: LinkId, messages: &[(Choice, Vec<Offer>)]) -> Option<Offer> {
    let offer =
        |link: LinkId, offers: &[Offer]| offers.iter().find(|offer| offer.link == link && offer.bar.is_none()).copied();
    let taken = messages.iter().find_map(|(choice, offers)| match choice {
        Choice::Now(link) if *link != line => offer(*link, offers),
        _ => None,
    })?;
    messages.iter().all(|(_, offers)| offer(taken.link, offers).is_some()).then_some(taken)
}

#[cfg(test)]
mod tests;
