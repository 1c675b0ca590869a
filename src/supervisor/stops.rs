//! Tells workers to end: for good when the box ends, or to begin anew.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smol::channel::{Receiver, Sender, bounded};

/// The ends of all workers of a box; clones share them.
#[derive(Clone, Default)]
pub struct Stops(Arc<Mutex<Running>>);

#[derive(Default)]
struct Running {
    over: bool,
    workers: Vec<Sender<()>>,
}

impl Stops {
    fn running(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the next run of a worker listens to: it is closed when that run has to end. `None` when the box ends.
    pub fn next(&self) -> Option<Receiver<()>> {
        let mut running = self.running();
        if running.over {
            return None;
        }
        let (sender, receiver) = bounded(1);
        running.workers.retain(|sender| !sender.is_closed());
        running.workers.push(sender);
        Some(receiver)
    }

    /// Has every worker end, and begin anew.
    pub fn renew(&self) {
        for worker in self.running().workers.drain(..) {
            worker.close();
        }
    }

    /// Has every worker end for good.
    pub fn end(&self) {
        self.running().over = true;
        self.renew();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_told_to_begin_anew_and_to_end() {
        let stops = Stops::default();
        let first = stops.next().unwrap();
        assert!(!first.is_closed());
        stops.renew();
        assert!(first.is_closed());
        let second = stops.next().unwrap();
        assert!(!second.is_closed());
        stops.end();
        assert!(second.is_closed() && stops.next().is_none());
    }
}
