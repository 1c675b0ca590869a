//! Workers: each in a thread of its own, started again with back-off when it fails or panics (promise 6). Those that a box
//! always has, and one for each link that is used.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use smol::channel::bounded;

use super::stops::Stops;
use crate::back_off::BackOff;
use crate::engine::{self, Context};
use crate::fault::Fault;
use crate::message::{LinkId, Way};

/// A worker that failed rests so long before it starts again.
const REST: BackOff = BackOff::doubling(Duration::from_millis(200), Duration::from_millis(12_800));
/// A worker that ran so long has recovered.
const RECOVERED: Duration = Duration::from_secs(60);
/// Links are looked at again after this, should nobody tell that they changed.
const LINKS: Duration = Duration::from_secs(60);

type Worker = fn(&Context) -> Result<(), Fault>;
const WORKERS: [(&str, Worker); 7] = [
    ("relay", engine::relay::run),
    ("sms", engine::sms::run),
    ("links", links),
    ("housekeeping", engine::housekeeping::run),
    ("gpsd", engine::gpsd::run),
    ("first contact", super::contact::run),
    ("search index", super::indexer::run),
];

/// Starts the workers that a box always has. They begin anew when [`Stops::renew`] says so.
pub fn start(context: &Context, stops: &Stops) -> Vec<JoinHandle<()>> {
    let one = |(name, run): &(&'static str, Worker)| {
        let (mut context, stops, name, run) = (context.clone(), stops.clone(), *name, *run);
        let work = move || {
            while let Some(stop) = stops.next() {
                context.stop = stop;
                // None of them ends before its box.
                keep_running(name, &context, run, || false);
            }
        };
        spawn(name, work)
    };
    WORKERS.iter().filter_map(one).collect()
}

/// Runs a worker in a thread of its own, again and again until the box stops, or `over` says that it is not needed any more.
fn start_one(
    name: &str,
    context: &Context,
    run: impl Fn(&Context) -> Result<(), Fault> + Send + 'static,
    over: impl Fn() -> bool + Send + 'static,
) -> Option<JoinHandle<()>> {
    let (context, shown) = (context.clone(), name.to_owned());
    spawn(name, move || keep_running(&shown, &context, run, over))
}

fn keep_running(name: &str, context: &Context, run: impl Fn(&Context) -> Result<(), Fault>, over: impl Fn() -> bool) {
    let (_never, nothing) = bounded(1);
    let mut failures = 0;
    while !context.stopping() && !over() {
        let began = Instant::now();
        let why = match catch_unwind(AssertUnwindSafe(|| run(context))) {
            Ok(Ok(())) if over() => break,
            Ok(Ok(())) => "it ended by itself".to_owned(),
            Ok(Err(fault)) => fault.to_string(),
            Err(panic) => format!("it panicked: {}", panic_words(&*panic)),
        };
        if context.stopping() {
            break;
        }
        log::error!("{name} failed and starts again: {why}");
        context.status.set(|facts| drop(facts.failing.insert(name.to_owned(), why)));
        failures = if began.elapsed() >= RECOVERED { 1 } else { failures + 1 };
        context.rest(&nothing, REST.wait(failures));
        context.status.set(|facts| drop(facts.failing.remove(name)));
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Option<JoinHandle<()>> {
    match Builder::new().name(name.to_owned()).spawn(work) {
        Ok(handle) => Some(handle),
        Err(error) => {
            log::error!("thread {name} cannot be started: {error}");
            None
        }
    }
}

/// Has a worker run for each link that is used, until the box stops.
fn links(context: &Context) -> Result<(), Fault> {
    let (_waker, changed) = context.store.wake_on(Way::Mailbox);
    let mut running: BTreeMap<LinkId, JoinHandle<()>> = BTreeMap::new();
    while !context.stopping() {
        running.retain(|_, worker| !worker.is_finished());
        for link in context.store.links().iter().filter(|link| link.on) {
            if running.contains_key(&link.id) {
                continue;
            }
            let (id, store) = (link.id, context.store.clone());
            let over = move || store.links().get(id).is_none_or(|link| !link.on);
            let run = move |context: &Context| engine::link::worker::run(context, id);
            if let Some(worker) = start_one(&format!("link {}", link.name), context, run, over) {
                running.insert(id, worker);
            }
        }
        // One that was switched off and on again may be about to end.
        let all = context.store.links().iter().filter(|link| link.on).all(|link| running.contains_key(&link.id));
        context.rest(&changed, if all { LINKS } else { REST.first });
    }
    for worker in running.into_values() {
        // Each hears the end of the box; what panicked was told where it happened.
        let _ = worker.join();
    }
    Ok(())
}

fn panic_words(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Time};
    use crate::engine::link::coders::Coders;
    use crate::store::Store;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use testing::{Folder, wait_for};

    const LIMIT: Duration = Duration::from_secs(20);

    /// A driver that panics each time it is asked is named, with its words; the worker beside it goes on.
    #[test]
    fn a_worker_that_panics_in_a_loop_is_named_and_stops_no_other() {
        let folder = Folder::new();
        let store = Store::open(&folder, &Clock::fake(Time(1_790_000_000_000))).unwrap();
        let (end, stop) = bounded(1);
        let coders = Coders::new(store.folder());
        let (callers, status) = Default::default();
        let context = Context { coders, callers, store, status, stop, link: None };
        let (turns, panics) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let good = {
            let turns = Arc::clone(&turns);
            move |context: &Context| {
                let (_never, nothing) = bounded(1);
                while !context.stopping() {
                    turns.fetch_add(1, Ordering::Relaxed);
                    context.rest(&nothing, Duration::from_millis(5));
                }
                Ok(())
            }
        };
        let bad = {
            let panics = Arc::clone(&panics);
            move |_: &Context| -> Result<(), Fault> {
                panics.fetch_add(1, Ordering::Relaxed);
                panic!("the driver is broken")
            }
        };
        let workers =
            [start_one("link good", &context, good, || false), start_one("link bad", &context, bad, || false)];
        wait_for("the name of the one that panics", LIMIT, || {
            let failing = context.status.facts().failing;
            (failing.get("link bad")? == "it panicked: the driver is broken").then_some(())
        });
        wait_for("it to be started again", LIMIT, || (panics.load(Ordering::Relaxed) > 2).then_some(()));
        let before = turns.load(Ordering::Relaxed);
        wait_for("the other one to go on", LIMIT, || (turns.load(Ordering::Relaxed) > before + 3).then_some(()));
        assert!(!context.status.facts().failing.contains_key("link good"));
        drop(end);
        workers.into_iter().flatten().for_each(|worker| worker.join().unwrap());
    }
}
