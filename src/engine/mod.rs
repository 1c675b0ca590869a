//! Moves what the store keeps, and settles what becomes of it: the only writer of states after acceptance.
//!
//! Its workers, each one thread that the supervisor starts again when it ends: [`relay`] hands mail to the relay, [`link`]
//! drives a link in both directions (a thread for each), [`sms`] the carrier of text messages, [`gpsd`] listens to a receiver of
//! positions, [`housekeeping`] looks after deadlines, held messages, and what has grown old.
//! [`judge`] has what waits follow people and rules, [`actions`] are what the owner may do to a message, [`admit`] gives
//! people of far boxes their addresses.

pub mod actions;
pub mod admit;
mod full_mailboxes;
pub mod gpsd;
pub mod housekeeping;
pub mod judge;
pub mod link;
pub mod outcome;
mod owner;
pub mod position;
pub mod relay;
pub mod sms;

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use smol::channel::Receiver;
use smol::future::or;

use crate::clock::Time;
use crate::fault::Fault;
use crate::link::callers::Callers;
use crate::links::{LinkRecord, LinkTerms, Price};
use crate::message::{LinkId, LinkSize, Message, Reason, State};
use crate::route::choose::{Policy, Route};
use crate::route::plan::NewMessage;
use crate::route::size::{classic_size, coded_size};
use crate::status::StatusBoard;
use crate::store::Store;
use crate::sys::sleep;

/// What a worker works with.
#[derive(Clone)]
pub struct Context {
    /// The store of the box.
    pub store: Store,
    /// Live facts that pages and commands show.
    pub status: StatusBoard,
    /// Closed when the box stops: every wait hears it.
    pub stop: Receiver<()>,
    /// The coder of the compact coding.
    pub coders: link::coders::Coders,
    /// The link whose worker works with it: sizes and prices are those of this one. `None` for all others.
    pub link: Option<LinkId>,
    /// The way from the listener for other boxes to the link that serves them.
    pub callers: Callers,
}

impl Context {
    /// The link whose worker works with it; the first one where that is not said.
    pub fn link(&self) -> LinkId {
        self.link.unwrap_or(LinkId::FIRST)
    }

    /// People, rules and links at this moment; for the worker of a link that link alone.
    pub fn policy(&self) -> Policy {
        let policy = policy(&self.store);
        self.link.map_or_else(|| policy.clone(), |link| policy.for_link(link))
    }

    /// The message that a draft becomes, with what it takes on the link: this is where a message is measured, once. It may
    /// wait some seconds for the coder, so nobody calls it within a transaction.
    pub fn plan(&self, policy: &Policy, draft: NewMessage) -> Message {
        let (now, believed) = (self.now(), self.store.clock().believable());
        let message = policy.plan(draft.clone(), None, now, believed);
        // What no size can save is not measured: mail of machines would keep the coder busy for nothing.
        if message.state == State::Refused && !matches!(message.reason, Reason::OverPrice(_)) {
            return message;
        }
        match self.size_of(policy, &message) {
            Some(size) if size.compact.is_some() => policy.plan(draft, Some(size), now, believed),
            size => Message { size, ..message },
        }
    }

    /// What a message takes on the link, by the coding that its far box reads; `None` for one that goes another way.
    pub fn size_of(&self, policy: &Policy, message: &Message) -> Option<LinkSize> {
        self.size(policy, message, true)
    }

    /// The same without a wait for the coder.
    pub fn measured_now(&self, policy: &Policy, message: &Message) -> Option<LinkSize> {
        self.size(policy, message, false)
    }

    fn size(&self, policy: &Policy, message: &Message, patient: bool) -> Option<LinkSize> {
        let Route::Link(device) = policy.choose(&message.to) else { return None };
        let mut size = classic_size(message, device.is_some(), policy.max_payload(device));
        // One packet is the least there is: that needs no waiting, where it is one on each link, and has one price there.
        let least = |link: &LinkTerms| {
            let one = size.classic.is_some_and(|classic| classic.packets == 1 && classic.bytes <= link.max_payload);
            one && link.price.is_none_or(|price| price.is_by_packet())
        };
        let patient = patient && !policy.links.iter().filter(|link| link.on && policy.reaches(link, device)).all(least);
        size.compact = self.measure(message, patient).and_then(|bytes| coded_size(bytes, policy.room(device)));
        Some(size)
    }

    /// Gives the time by the clock of the box.
    pub fn now(&self) -> Time {
        self.store.clock().now()
    }

    /// True once the box stops.
    pub fn stopping(&self) -> bool {
        self.stop.is_closed()
    }

    /// Waits for an item on `wake`, for `limit`, or for the end of the box.
    pub fn rest(&self, wake: &Receiver<()>, limit: Duration) {
        self.rest_or_read(wake, None, limit);
    }

    /// The same, and for `input` to have something to read.
    pub fn rest_or_read(&self, wake: &Receiver<()>, input: Option<BorrowedFd<'_>>, limit: Duration) {
        let woken = async {
            let _ = wake.recv().await;
        };
        let stopped = async {
            let _ = self.stop.recv().await;
        };
        sleep::until_ready(or(woken, stopped), input, Instant::now() + limit);
    }

    /// Does something at the end of the box, in a thread of its own; unless what is given back goes before that.
    ///
    /// # Errors
    /// When there is no room for another thread.
    pub fn at_end(&self, name: &str, act: impl FnOnce() + Send + 'static) -> Result<Ender, Fault> {
        let (over, needless) = smol::channel::bounded::<()>(1);
        let stop = self.stop.clone();
        let work = move || {
            // Nothing is ever sent on these channels: they end.
            let stopped = async { stop.recv().await.is_err() };
            let needless = async { needless.recv().await.is_ok() };
            if smol::block_on(or(stopped, needless)) {
                act();
            }
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(Fault::temporary)?;
        Ok(Ender { _over: over })
    }

    /// Time from now to `at`, within a bound.
    pub fn until(&self, at: Option<Time>, most: Duration) -> Duration {
        at.map_or(most, |at| at.since(self.now()).min(most))
    }
}

/// Keeps what [`Context::at_end`] is to do from being forgotten.
pub struct Ender {
    _over: smol::channel::Sender<()>,
}

/// People, rules and links of a store at this moment.
pub fn policy(store: &Store) -> Policy {
    Policy::new(store.people(), store.settings(), terms(store))
}

/// What packets cost on a link now, by what is left of what is free in this month.
pub fn price_now(store: &Store, link: &LinkRecord) -> Option<Price> {
    let price = link.price()?;
    if price.free == 0 || price.is_nothing() {
        return Some(price);
    }
    let (id, today) = (link.id, store.today());
    let used = store.read(|view| view.units(id, today.get(..7).unwrap_or_default()));
    // What cannot be counted is not given away.
    Some(price.after(used.unwrap_or(u64::MAX)))
}

/// What links offer, as far as their drivers and their owner say; one whose driver this version does not have is left out.
pub fn terms(store: &Store) -> Vec<LinkTerms> {
    let terms = |link: &LinkRecord| {
        let driver = crate::link::driver(&link.driver)?;
        let (price, max_payload, reach) = (price_now(store, link), driver.max_payload, driver.reach);
        Some(LinkTerms { id: link.id, name: link.name.clone(), on: link.on, price, max_payload, reach })
    };
    store.links().iter().filter_map(terms).collect()
}
