//! What the links of the box offer at this moment, for whatever message: for the worker that chooses, and for pages and
//! commands that show the choice before something is sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::echo;
use super::select::{Choice, LinkState, MessageFacts, Offer, Quote, choose};
use crate::address::{LinkAddress, PeerId};
use crate::clock::Time;
use crate::engine::{Context, policy};
use crate::fault::Fault;
use crate::links::{LinkTerms, Uptime};
use crate::message::reason::{LinkBar, Reason, Waits};
use crate::message::{LinkId, Message};
use crate::route::choose::{Policy, Route};
use crate::route::price;
use crate::settings::{Key, Settings};
use crate::status::LinkStatus;

/// All links at one moment.
pub struct Market {
    links: Vec<LinkState>,
    /// Far boxes that come and go on a link that is ready.
    far_boxes: BTreeMap<(LinkId, PeerId), Reached>,
    /// Modems that are plugged in here: what goes to one of them comes back.
    modems: Vec<LinkAddress>,
    policy: Policy,
}

/// How a far box is reached by a link now, as [`LinkState`] says it of the link.
struct Reached {
    ready: bool,
    rests: bool,
    lost: Time,
    since: Time,
}

impl Default for Market {
    /// Of a box without links.
    fn default() -> Self {
        Self {
            links: Vec::new(),
            far_boxes: BTreeMap::new(),
            modems: Vec::new(),
            policy: Policy::new(Arc::default(), Arc::default(), Vec::new()),
        }
    }
}

impl Market {
    /// As they are now.
    ///
    /// # Errors
    /// When the store fails.
    pub fn now(context: &Context) -> Result<Self, Fault> {
        let (policy, facts, now) = (policy(&context.store), context.status.facts(), context.now());
        let reserve = u64::try_from(policy.settings.number(Key::BudgetReserve)).unwrap_or_default();
        let (records, today) = (context.store.links(), context.store.today());
        let mut links = Vec::new();
        for terms in policy.links.iter() {
            let Some(record) = records.get(terms.id) else { continue };
            let up = facts.links.get(&terms.id).map_or_else(|| Uptime::new(now), |link| link.up);
            let month = today.get(..7).unwrap_or_default();
            let (today, month) =
                context.store.read(|view| Ok((view.charged(terms.id, &today)?, view.charged(terms.id, month)?)))?;
            let (terms, budget) = (terms.clone(), record.budget(reserve));
            let (rests, next) = (up.rests(now).is_some(), record.schedule().and_then(|schedule| schedule.next(now)));
            let next = next.filter(|_| !up.ready);
            let (ready, lost, since) = (up.ready, up.lost, up.since);
            links.push(LinkState { terms, ready, rests, lost, since, next, budget, today, month });
        }
        let reached = |up: &Uptime| {
            let (ready, lost, since) = (up.ready, up.lost, up.since);
            Reached { ready, rests: up.rests(now).is_some(), lost, since }
        };
        let each = |(id, link): (&LinkId, &LinkStatus)| {
            let of_link = |(far_box, up): (&PeerId, &Uptime)| ((*id, *far_box), reached(up));
            link.far_boxes.iter().map(of_link).collect::<Vec<_>>()
        };
        let far_boxes = facts.links.iter().flat_map(each).collect();
        let modems = echo::plugged_in(&facts).collect();
        Ok(Self { links, far_boxes, modems, policy })
    }

    /// What a message takes on each link.
    pub fn quotes(&self, message: &Message, far_box: Option<PeerId>) -> Vec<(LinkId, Option<Quote>)> {
        let most = self.policy.max_parts(message);
        let quote = |link: &LinkState| {
            let price = link.terms.price?;
            let policy = self.policy.for_link(link.terms.id);
            let extent = policy.size_of(message, far_box).best()?;
            Some(Quote { wanted: price.quote(extent), too_large: extent.packets > most && !message.released })
        };
        self.links.iter().map(|link| (link.terms.id, quote(link))).collect()
    }

    /// What the links offer for a message that takes so much on each.
    pub fn offers(
        &self,
        facts: &MessageFacts,
        far_box: Option<PeerId>,
        quotes: &[(LinkId, Option<Quote>)],
    ) -> Vec<Offer> {
        let quote = |id| quotes.iter().find(|(link, _)| *link == id).and_then(|(_, quote)| *quote);
        let offer = |link: &LinkState| {
            let mut offer = link.offer(facts, self.policy.reaches(&link.terms, far_box), quote(link.terms.id));
            if link.terms.on && self.comes_back(&link.terms, far_box) {
                offer.bar = Some(LinkBar::OwnModem);
            }
            if let Some(reached) = self.reached(link, far_box) {
                if offer.ready && !reached.ready {
                    offer.since = reached.since;
                }
                offer.ready &= reached.ready;
                offer.rests |= reached.rests;
                offer.lost = offer.lost.max(reached.lost);
            }
            offer
        };
        self.links.iter().map(offer).collect()
    }

    /// True where a link leads to a far box, and not back to this one.
    fn reaches(&self, link: &LinkTerms, far_box: Option<PeerId>) -> bool {
        self.policy.reaches(link, far_box) && !self.comes_back(link, far_box)
    }

    /// True where the address that a far box has on a link is that of a modem of this box.
    fn comes_back(&self, link: &LinkTerms, far_box: Option<PeerId>) -> bool {
        let known = far_box.filter(|_| !self.modems.is_empty()).and_then(|id| self.policy.people.far_box(id));
        let address = known.and_then(|far_box| link.reach.address(&far_box.addresses));
        address.is_some_and(|address| self.modems.contains(&address))
    }

    /// How a far box is reached, where that is not the same for all that a link leads to.
    fn reached(&self, link: &LinkState, far_box: Option<PeerId>) -> Option<&Reached> {
        self.far_boxes.get(&(link.terms.id, far_box?))
    }

    /// The facts of a message for the choice.
    pub fn facts(&self, message: &Message) -> MessageFacts {
        MessageFacts::of(message, &self.policy.settings)
    }

    /// The links in order of their numbers.
    pub fn links(&self) -> impl Iterator<Item = &LinkState> {
        self.links.iter()
    }

    /// True while the far box of a station is reached by a link that costs less than this one.
    pub fn relieves(&self, id: LinkId) -> bool {
        let price = |link: &LinkState| link.terms.price.map(|price| price.of(100));
        let Some(own) = self.links.iter().find(|link| link.terms.id == id).and_then(price) else { return false };
        let reaches = |link: &LinkState| link.terms.on && link.ready && !link.rests && link.terms.reach.far_box;
        self.links.iter().filter(|link| reaches(link)).filter_map(price).any(|price| price < own)
    }

    /// Since when a link has not reached a far box, while another one does; `None` where there is no such other one.
    pub fn away(&self, id: LinkId, far_box: Option<PeerId>) -> Option<Time> {
        let ready = |link: &LinkState| link.ready && self.reached(link, far_box).is_none_or(|reached| reached.ready);
        let other = |link: &LinkState| {
            let used = link.terms.id != id && link.terms.on && link.terms.price.is_some();
            used && ready(link) && self.reaches(&link.terms, far_box)
        };
        let own = self.links.iter().find(|link| link.terms.id == id)?;
        let lost = self.reached(own, far_box).map_or(own.lost, |reached| own.lost.max(reached.lost));
        self.links.iter().any(other).then_some(lost)
    }

    /// True when this link looks after the session with a far box: the cheapest of those that reach it and are ready, or of
    /// those that reach it while none is.
    pub fn leads(&self, id: LinkId, far_box: Option<PeerId>) -> bool {
        let reach = self.links.iter().filter(|link| link.terms.on && self.reaches(&link.terms, far_box));
        let priced = reach.filter_map(|link| Some((link.terms.price?.of(100), link)));
        let ready = |link: &LinkState| link.ready && self.reached(link, far_box).is_none_or(|reached| reached.ready);
        let first = priced.min_by_key(|(price, link)| (!ready(link), *price, link.terms.id));
        first.is_some_and(|(_, link)| link.terms.id == id)
    }

    /// The link that says at a message what it waits for: the one that it waits for, or the first that is used.
    pub fn speaks(&self, id: LinkId, choice: &Choice) -> bool {
        let first = || self.links.iter().find(|link| link.terms.on).map(|link| link.terms.id);
        choice.link().or_else(first) == Some(id)
    }

    /// Why a message waits, where the choice is what keeps it; `None` where it could go.
    pub fn why(&self, choice: &Choice, offers: &[Offer]) -> Option<(Reason, Option<Time>)> {
        let name = |id: LinkId| {
            self.links.iter().find(|link| link.terms.id == id).map_or_else(String::new, |link| link.terms.name.clone())
        };
        match choice {
            Choice::Now(_) => None,
            // With one link there is nothing to choose: it says itself how it is.
            Choice::Wait { .. } if self.links.iter().filter(|link| link.terms.on).count() == 1 => None,
            Choice::Wait { link, until, then } => {
                let costs =
                    then.and_then(|then| offers.iter().find(|offer| offer.link == then)).map(|offer| offer.price);
                let price = costs
                    .filter(|money| money.0 > 0)
                    .map(|money| Box::new(price::amount(&self.policy.settings, money)));
                let rests = offers.iter().any(|offer| offer.link == *link && offer.ready);
                let why = Waits::Cheaper { link: name(*link), until: *until, rests, then: then.map(name), price };
                Some((why.into(), Some(*until).filter(|until| *until != Time::NEVER)))
            }
            Choice::Nowhere(bars) => Some((self.barred(bars, &name), None)),
        }
    }

    fn barred(&self, bars: &[(LinkId, LinkBar)], name: &dyn Fn(LinkId) -> String) -> Reason {
        let used = || bars.iter().filter(|(_, bar)| *bar != LinkBar::Off);
        match used().count() {
            0 => Waits::NoLink.into(),
            count if used().filter(|(_, bar)| *bar == LinkBar::OutOfReach).count() == count => {
                // What is for the far box of a station is reached by any link that reaches it.
                let device = self.links.iter().any(|link| link.terms.on && link.terms.reach.far_box);
                Waits::NoReach { device }.into()
            }
            _ => Waits::NoLinkMay { why: bars.iter().map(|(link, bar)| (name(*link), *bar)).collect() }.into(),
        }
    }
}

/// What one link offers for a message that is not sent yet, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Name of the link.
    pub link: String,
    /// What the message costs on it.
    pub offer: Offer,
    /// The choice falls on it.
    pub chosen: bool,
    /// It takes the message now; else the message waits for it.
    pub takes: bool,
}

impl Shown {
    /// Its line below a message that is not sent yet.
    pub fn words(&self, settings: &Settings) -> String {
        let price = price::amount(settings, self.offer.price);
        let state = match (self.offer.ready, self.offer.next) {
            (true, _) if self.offer.rests => "there again, and rests, as it broke too often".to_owned(),
            (true, _) => "ready".to_owned(),
            (false, Some(next)) => format!("down, comes at {next}"),
            (false, None) => format!("down since {}", self.offer.since),
        };
        let chosen = match (self.chosen, self.takes) {
            (true, true) => ": takes it",
            (true, false) => ": the message waits for it",
            (false, _) => "",
        };
        match self.offer.bar {
            Some(bar) => format!("{} {bar}", self.link),
            None => format!("{}: {price}, {state}{chosen}", self.link),
        }
    }
}

impl Context {
    /// What each link offers for a message, and which one takes it or is waited for; by the function that chooses when it is
    /// sent. Nothing for one that goes another way.
    ///
    /// # Errors
    /// When the store fails.
    pub fn shown_links(&self, message: &Message) -> Result<(Vec<Shown>, Option<Reason>), Fault> {
        let Route::Link(device) = self.policy().choose(&message.to) else { return Ok((Vec::new(), None)) };
        let market = Market::now(self)?;
        let facts = market.facts(message);
        let offers = market.offers(&facts, device, &market.quotes(message, device));
        let choice = choose(&facts, &offers, self.now());
        let why = market.why(&choice, &offers).map(|(why, _)| why);
        let shown = offers.iter().zip(market.links()).map(|(offer, link)| {
            let (chosen, takes) = (choice.link() == Some(offer.link), choice == Choice::Now(offer.link));
            Shown { link: link.terms.name.clone(), offer: *offer, chosen, takes }
        });
        Ok((shown.collect(), why))
    }
}
