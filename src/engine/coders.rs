//! The coder of this box: primed in the background when it is first needed, dropped when it was idle for long.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use compact::coder::{Coder, MODELS};
use compact::packet::{Coding, ModelId};

/// A coder that was not used for this long goes: it takes 40 MB.
const IDLE: Duration = Duration::from_secs(600);

/// A question that somebody waits for waits at most so long for the coder.
const PATIENCE: Duration = Duration::from_secs(3);

/// Handle to the coder; clones share it.
#[derive(Clone, Default)]
pub struct Coders(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
enum State {
    /// Not there.
    #[default]
    Absent,
    /// Its thread primes it.
    Priming,
    /// There. The sender ends with the last handle, and its thread with that.
    Ready { coder: Box<Coder>, used: Instant, _alive: Sender<()> },
}

impl Coders {
    /// True when it is there; if it is not, it will be soon.
    pub fn ready(&self) -> bool {
        let mut state = self.0.lock();
        self.prime(&mut state);
        matches!(*state, State::Ready { .. })
    }

    /// True when it is there within the time that somebody at a page or a mail program will wait.
    pub fn ready_soon(&self) -> bool {
        let mut state = self.0.lock();
        self.prime(&mut state);
        let priming = |state: &mut State| !matches!(state, State::Ready { .. });
        let wait = self.0.changed.wait_timeout_while(state, PATIENCE, priming);
        matches!(*wait.unwrap_or_else(PoisonError::into_inner).0, State::Ready { .. })
    }

    /// Uses the coder, and waits for it if need be.
    fn with<T>(&self, use_it: impl FnOnce(&mut Coder) -> T) -> T {
        let mut state = self.0.lock();
        loop {
            if let State::Ready { coder, used, .. } = &mut *state {
                *used = Instant::now();
                return use_it(coder);
            }
            self.prime(&mut state);
            state = self.0.changed.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn prime(&self, state: &mut State) {
        if !matches!(state, State::Absent) {
            return;
        }
        let weak = Arc::downgrade(&self.0);
        let spawned = std::thread::Builder::new().name("coder".to_owned()).spawn(move || look_after(&weak));
        match spawned {
            Ok(_) => *state = State::Priming,
            Err(error) => {
                log::warn!("coder: primed where it is needed, as there is no thread for it: {error}");
                *state =
                    State::Ready { coder: Box::new(Coder::new(&MODELS[0])), used: Instant::now(), _alive: channel().0 };
            }
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Primes the coder, and drops it once it was idle.
fn look_after(inner: &Weak<Inner>) {
    let began = Instant::now();
    let coder = Box::new(Coder::new(&MODELS[0]));
    let (alive, ends) = channel();
    match inner.upgrade() {
        Some(inner) => {
            *inner.lock() = State::Ready { coder, used: Instant::now(), _alive: alive };
            inner.changed.notify_all();
        }
        None => return,
    }
    log::info!("coder: primed in {} ms", began.elapsed().as_millis());
    while ends.recv_timeout(IDLE) == Err(RecvTimeoutError::Timeout) {
        let Some(inner) = inner.upgrade() else { return };
        let mut state = inner.lock();
        if matches!(&*state, State::Ready { used, .. } if used.elapsed() >= IDLE) {
            *state = State::Absent;
            log::info!("coder: not needed for now");
            return;
        }
    }
}

impl Coding for Coders {
    fn models(&self) -> Vec<ModelId> {
        vec![ModelId { number: MODELS[0].number, mark: MODELS[0].mark() }]
    }

    fn encode(&mut self, model: u8, records: &[Vec<u8>], salt: u16) -> Vec<u8> {
        self.with(|coder| Coding::encode(coder, model, records, salt))
    }

    fn decode(&mut self, model: u8, code: &[u8]) -> Option<Vec<Vec<u8>>> {
        self.with(|coder| Coding::decode(coder, model, code))
    }

    fn front(&mut self, model: u8, code: &[u8]) -> Vec<Vec<u8>> {
        self.with(|coder| Coding::front(coder, model, code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_primed_once_and_ends_with_its_box() {
        let coders = Coders::default();
        assert!(!coders.ready());
        let code = coders.clone().encode(1, &[b"hello".to_vec()], 1);
        assert!(coders.ready());
        assert_eq!(coders.clone().decode(1, &code), Some(vec![b"hello".to_vec()]));
        let weak = Arc::downgrade(&coders.0);
        drop(coders);
        assert!(weak.upgrade().is_none());
    }
}
