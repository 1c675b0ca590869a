//! The queue at a glance: what waits, since when, in which state. Looked at no more than once in two seconds.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::admin::App;
use crate::admin::words::say;
use crate::clock::Time;
use crate::engine::actions::waits_for_budget;
use crate::message::State;
use crate::status::{LinkStatus, LiveStatus, PartStatus};
use crate::store::{self, ListFilter};

/// A look that is younger than this is still good.
const FRESH: Duration = Duration::from_secs(2);

/// Of more held messages nobody counts which wait for what.
const HELD_MOST: usize = 200;

/// What waits.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    /// Messages that wait for their way out, or on the link.
    pub waiting: usize,
    /// Messages that wait for the owner.
    pub held: usize,
    /// Of those the ones that go by themselves as soon as a budget has room; `None` where these are too many to be looked at.
    pub for_budget: Option<usize>,
    /// Count and oldest acceptance by state, in the order of the states.
    pub states: Vec<(State, usize, Time)>,
    /// Of those that wait: for a link, for the mail relay, for the carrier of text messages.
    pub ways: [usize; 3],
}

impl Queue {
    /// What keeps some of it from going on, if something does.
    pub fn stuck(&self, facts: &LiveStatus) -> Option<String> {
        let fails = |part: &Option<PartStatus>| part.as_ref().is_some_and(|part| !part.is_ok());
        let [link, relay, carrier] = self.ways.map(|waiting| waiting > 0);
        match () {
            () if link && !facts.links.values().any(LinkStatus::is_ready) => Some(say!("queue.no_link_is_ready")),
            () if relay && fails(&facts.relay) => Some(say!("queue.relay_takes_nothing")),
            () if carrier && fails(&facts.texts) => Some(say!("queue.carrier_takes_nothing")),
            () => None,
        }
    }
}

/// Looks what waits now. An unreadable queue looks empty here; the page has its failure banner from the store itself.
pub fn look(app: &App) -> Queue {
    let mut kept = app.queue.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, queue)) = &*kept
        && at.elapsed() < FRESH
    {
        return queue.clone();
    }
    let queue = read(app).unwrap_or_default();
    *kept = Some((Instant::now(), queue.clone()));
    queue
}

/// Forgets the last look, so that the next one sees what a form just changed.
pub fn forget(app: &App) {
    *app.queue.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

fn read(app: &App) -> Result<Queue, crate::fault::Fault> {
    let mut queue = Queue::default();
    for (queued, count, oldest) in app.store.read(|view| view.queues())? {
        let (state, count) = (queued.state(), usize::try_from(count).unwrap_or(usize::MAX));
        let Some(oldest) = oldest.filter(|_| count > 0) else { continue };
        match queued {
            store::Queue::Link => queue.ways[0] += count,
            store::Queue::Relay => queue.ways[1] += count,
            store::Queue::Carrier => queue.ways[2] += count,
            _ => {}
        }
        match queue.states.iter_mut().find(|(known, ..)| *known == state) {
            Some((_, sum, first)) => (*sum, *first) = (*sum + count, oldest.min(*first)),
            None => queue.states.push((state, count, oldest)),
        }
        match state {
            State::Held => queue.held += count,
            // It has left; only its receipt is waited for.
            State::Sent => {}
            _ => queue.waiting += count,
        }
    }
    queue.for_budget = (queue.held == 0).then_some(0);
    if (1..=HELD_MOST).contains(&queue.held) {
        let filter = ListFilter { states: vec![State::Held], limit: HELD_MOST, ..ListFilter::default() };
        let held = app.store.read(move |view| view.list(&filter))?;
        let for_budget = held.iter().filter(|message| waits_for_budget(message)).count();
        queue.for_budget = Some(for_budget.min(queue.held));
    }
    queue.states.sort_by_key(|(state, ..)| *state);
    Ok(queue)
}
