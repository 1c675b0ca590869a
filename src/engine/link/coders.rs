//! The coder of this box: made ready in the background when it is first needed, dropped when it was idle for long.

use std::cell::{Cell, OnceCell};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use compact::coder::{Coder, MODELS, Spec, Tell};
use compact::packet::{Coding, ModelId};

use crate::store::running::{Job, Running, Works};
use crate::store::work::Stage;

/// A coder that was not used for this long goes: it takes tens of megabytes.
const IDLE: Duration = Duration::from_secs(600);
/// A question that somebody waits for waits at most so long for the coder.
const PATIENCE: Duration = Duration::from_secs(3);
/// Time between two lines of the log that say how far a model is that learns.
const TOLD: Duration = Duration::from_secs(5);

/// Handle to the coders of a box; clones share them.
#[derive(Clone)]
pub struct Coders(Arc<Inner>);

struct Inner {
    /// Where primed models are kept.
    folder: PathBuf,
    /// How far the model of each row of [`MODELS`] is.
    states: Mutex<[State; MODELS.len()]>,
    changed: Condvar,
    /// Who is woken when a model has become ready.
    told: Mutex<Vec<smol::channel::Sender<()>>>,
    /// Where a model that learns is noted.
    works: Works,
}

#[derive(Default)]
enum State {
    /// Nobody asked for it yet, or it was dropped.
    #[default]
    Absent,
    /// Its thread makes it ready.
    Priming,
    /// It came out other than published: nobody would understand it.
    Broken,
    /// There. The sender ends with the last handle, and its thread with that.
    Ready { coder: Box<Coder>, used: Instant, _alive: Sender<()> },
}

impl State {
    /// Nothing is to be waited for.
    fn is_settled(&self) -> bool {
        matches!(self, Self::Ready { .. } | Self::Broken)
    }
}

/// The models that a setting of `air.compact` stands for, the best first. A box that has the large one has the small
/// one too, for peers that have no other.
pub fn models(word: &str) -> &'static [Spec] {
    match word {
        "normal" => &MODELS,
        "small" => &MODELS[5..],
        _ => &[],
    }
}

impl Coders {
    /// Makes an empty set that keeps primed models in this data folder.
    pub fn new(folder: &Path) -> Self {
        Self::shown_in(folder, Works::default())
    }

    /// The same; a model that learns is noted among the long work of the box.
    pub fn shown_in(folder: &Path, works: Works) -> Self {
        let inner = Inner {
            folder: folder.to_owned(),
            states: Mutex::default(),
            changed: Condvar::new(),
            told: Mutex::default(),
            works,
        };
        Self(Arc::new(inner))
    }

    /// Has this channel told whenever a coder is there that was not, until it is closed.
    pub fn tell(&self, waker: smol::channel::Sender<()>) {
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|known| !known.is_closed());
        told.push(waker);
    }

    /// What speaks these models.
    pub fn of(&self, models: &'static [Spec]) -> CoderHandle {
        CoderHandle { coders: self.clone(), models }
    }
}

/// The coders that speak some of the models.
#[derive(Clone)]
pub struct CoderHandle {
    coders: Coders,
    models: &'static [Spec],
}

impl CoderHandle {
    /// True when the coder of the best model is there, or never will be; if not, it will be soon.
    pub fn ready(&self) -> bool {
        self.models.first().is_none_or(|model| self.has(model.number))
    }

    /// True when the coder of this model is there, or never will be; if not, it will be soon.
    pub fn has(&self, number: u8) -> bool {
        let Some(at) = place(number) else { return true };
        let mut states = self.coders.0.lock();
        self.coders.0.prime(&mut states[at], at);
        states[at].is_settled()
    }

    /// Waits for the coder of a model, within the time that somebody at a page or a mail program will wait.
    pub fn has_soon(&self, number: u8) -> bool {
        let Some(at) = place(number) else { return true };
        let mut states = self.coders.0.lock();
        self.coders.0.prime(&mut states[at], at);
        let wait = self.coders.0.changed.wait_timeout_while(states, PATIENCE, |states| !states[at].is_settled());
        wait.unwrap_or_else(PoisonError::into_inner).0[at].is_settled()
    }

    /// Uses the coder of a model, and waits for it if need be; nothing when there is none.
    fn with<T: Default>(&self, number: u8, use_it: impl FnOnce(&mut Coder) -> T) -> T {
        let ours = self.models.iter().any(|model| model.number == number);
        let Some(at) = place(number).filter(|_| ours) else { return T::default() };
        let mut states = self.coders.0.lock();
        loop {
            match &mut states[at] {
                State::Ready { coder, used, .. } => {
                    *used = Instant::now();
                    return use_it(coder);
                }
                State::Broken => return T::default(),
                State::Absent | State::Priming => {}
            }
            self.coders.0.prime(&mut states[at], at);
            states = self.coders.0.changed.wait_timeout(states, IDLE).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn place(number: u8) -> Option<usize> {
    MODELS.iter().position(|model| model.number == number)
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, [State; MODELS.len()]> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a coder made ready that is not there.
    fn prime(self: &Arc<Self>, state: &mut State, at: usize) {
        if !matches!(state, State::Absent) {
            return;
        }
        let weak = Arc::downgrade(self);
        *state = State::Priming;
        let spawned = std::thread::Builder::new().name("coder".to_owned()).spawn(move || look_after(&weak, at));
        if let Err(error) = spawned {
            log::warn!("coder: made ready where it is needed, as there is no thread for it: {error}");
            let coder = Box::new(Coder::new(&MODELS[at]));
            *state = State::Ready { coder, used: Instant::now(), _alive: channel().0 };
        }
    }
}

/// A model that learns: it is shown on the page, and in the log where it takes long. One that is read from its file is over before.
struct Learning {
    number: u8,
    works: Works,
    running: OnceCell<Running>,
    told: Cell<Instant>,
}

impl Learning {
    fn new(number: u8, works: Works) -> Self {
        Self { number, works, running: OnceCell::new(), told: Cell::new(Instant::now()) }
    }

    fn at(&self, done: u64, total: u64) {
        self.running.get_or_init(|| self.works.begin(Job::Coder(self.number))).at(Stage::Priming, done, total);
        if self.told.get().elapsed() >= TOLD {
            self.told.set(Instant::now());
            log::info!("coder: model {} learns, {} % done", self.number, done * 100 / total.max(1));
        }
    }
}

/// Makes a coder ready, and drops it once it was idle.
fn look_after(inner: &Weak<Inner>, at: usize) {
    let (began, spec) = (Instant::now(), &MODELS[at]);
    let Some((folder, works)) = inner.upgrade().map(|inner| (inner.folder.clone(), inner.works.clone())) else {
        return;
    };
    let learning = Learning::new(spec.number, works);
    let tell: Tell = &|done, total| learning.at(done, total);
    let coder = match Coder::open_telling(spec, &folder, tell) {
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            log::error!("coder: {error}");
            None
        }
        Err(error) => {
            log::warn!("coder: it is made ready at each start, as it cannot be kept: {error}");
            Some(Coder::new_telling(spec, tell))
        }
        Ok(coder) => Some(coder),
    };
    drop(learning);
    let (alive, ends) = channel();
    let Some(strong) = inner.upgrade() else { return };
    let ready = |coder| State::Ready { coder: Box::new(coder), used: Instant::now(), _alive: alive };
    strong.lock()[at] = coder.map_or(State::Broken, ready);
    strong.changed.notify_all();
    for waker in strong.told.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        // A full channel wakes its reader as well.
        let _ = waker.try_send(());
    }
    drop(strong);
    log::info!("coder: model {} ready in {} ms", spec.number, began.elapsed().as_millis());
    while ends.recv_timeout(IDLE) == Err(RecvTimeoutError::Timeout) {
        let Some(inner) = inner.upgrade() else { return };
        let state = &mut inner.lock()[at];
        if matches!(state, State::Ready { used, .. } if used.elapsed() >= IDLE) {
            *state = State::Absent;
            log::info!("coder: model {} is not needed for now", spec.number);
            return;
        }
    }
}

impl Coding for CoderHandle {
    fn models(&self) -> Vec<ModelId> {
        let states = self.coders.0.lock();
        let whole = self.models.iter().filter(|model| {
            let state = place(model.number).map(|at| &states[at]);
            !matches!(state, Some(State::Broken))
        });
        whole.map(|model| ModelId { number: model.number, mark: model.mark() }).collect()
    }

    fn is_settled(&self, model: u8) -> bool {
        !self.models.iter().any(|ours| ours.number == model) || self.has(model)
    }

    fn encode(&mut self, model: u8, past: &[Vec<u8>], records: &[Vec<u8>], salt: u16) -> Vec<u8> {
        self.with(model, |coder| Coding::encode(coder, model, past, records, salt))
    }

    fn decode(&mut self, model: u8, past: &[Vec<u8>], code: &[u8]) -> Option<Vec<Vec<u8>>> {
        self.with(model, |coder| Coding::decode(coder, model, past, code))
    }

    fn front(&mut self, model: u8, past: &[Vec<u8>], code: &[u8]) -> Vec<Vec<u8>> {
        self.with(model, |coder| Coding::front(coder, model, past, code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_ready_once_and_ends_with_its_box() {
        let folder = testing::Folder::new();
        let works = Works::default();
        let coders = Coders::shown_in(&folder, works.clone());
        let mut coder = coders.of(models("small"));
        let mut shown = false;
        while !coder.ready() {
            shown |= works.all().iter().any(|work| work.job == Job::Coder(MODELS[5].number) && work.percent.is_some());
            std::thread::yield_now();
        }
        assert!(shown && works.all().is_empty(), "it is among the long work while it learns");
        assert_eq!(coder.models().len(), 1);
        assert!(coder.encode(MODELS[0].number, &[], &[b"hello".to_vec()], 1).is_empty(), "not a model of this handle");
        let code = coder.encode(MODELS[5].number, &[], &[b"hello".to_vec()], 1);
        assert!(coder.ready() && coder.has_soon(MODELS[5].number));
        assert_eq!(coders.of(models("normal")).decode(MODELS[5].number, &[], &code), Some(vec![b"hello".to_vec()]));
        let weak = Arc::downgrade(&coders.0);
        drop((coders, coder));
        // Its thread may just be telling that it is ready, and lets go then.
        let end = Instant::now() + Duration::from_secs(60);
        while weak.upgrade().is_some() {
            assert!(Instant::now() < end, "its thread stays");
            std::thread::yield_now();
        }
    }
}
