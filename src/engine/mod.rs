//! Moves what the store keeps, and settles what becomes of it: the only writer of states after acceptance.
//!
//! Four workers, each one thread that the house starts again when it ends: [`relay`] hands mail to the relay, [`link`]
//! drives the link in both directions, [`sms`] the carrier of text messages, [`housekeeping`] looks after deadlines, held
//! messages, and what has grown old.
//! [`actions`] are what the owner may do to a message.

pub mod actions;
pub mod housekeeping;
pub mod link;
pub mod outcome;
pub mod relay;
pub mod sms;

use std::time::Duration;

use smol::channel::Receiver;
use smol::future::or;

use crate::clock::Time;
use crate::fault::Fault;
use crate::route::choose::{Measure, Policy};
use crate::status::StatusBoard;
use crate::store::Store;

/// What a worker works with.
#[derive(Clone)]
pub struct Context {
    /// The store.
    pub store: Store,
    /// Live facts.
    pub status: StatusBoard,
    /// Closed when the box stops: every wait hears it.
    pub stop: Receiver<()>,
    /// The coder of the compact coding.
    pub coders: link::coders::Coders,
}

impl Context {
    /// People and rules at this moment.
    pub fn policy(&self) -> Policy {
        let measured = self.clone();
        let measure = Measure::new(move |message| measured.measure(message).map(|(_, packets)| packets));
        Policy { people: self.store.people(), settings: self.store.settings(), measure }
    }

    /// Now.
    pub fn now(&self) -> Time {
        self.store.clock().now()
    }

    /// True once the box stops.
    pub fn stopping(&self) -> bool {
        self.stop.is_closed()
    }

    /// Waits for an item on `wake`, for `limit`, or for the end of the box.
    pub fn rest(&self, wake: &Receiver<()>, limit: Duration) {
        let woken = async {
            let _ = wake.recv().await;
        };
        let stopped = async {
            let _ = self.stop.recv().await;
        };
        let late = async {
            smol::Timer::after(limit).await;
        };
        smol::block_on(or(woken, or(stopped, late)));
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

/// Largest payload of the link of this box, in bytes; of the smallest known link when the box has none yet.
pub fn max_payload(settings: &crate::settings::Settings) -> usize {
    crate::link::driver(settings).map_or(192, |driver| driver.max_payload)
}
