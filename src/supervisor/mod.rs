//! Wiring: opens the store, starts every thread of a box, opens its listeners, waits for the end, and shuts down in order.
//!
//! | thread | does | starts again |
//! |---|---|---|
//! | `store` | writes, all of it | opens the file anew after errors |
//! | `relay` | gives mail to the relay | after a fault, with back-off |
//! | `sms` | gives texts to the carrier, asks it for texts and reports | after a fault, with back-off |
//! | `links` | has a worker run for each link that is used | after a fault, with back-off |
//! | `link NAME` | drives one link | after a fault, with back-off |
//! | `housekeeping` | deadlines, clean-up | after a fault, with back-off |
//! | `gpsd` | asks gpsd for position and time | after a fault, with back-off |
//! | `first contact` | finds out what is plugged in that no link has | after a fault, with back-off |
//! | `search index` | makes what searches read | after a fault, with back-off |
//! | `smtp-gate`, `submission-gate`, `imap-gate`, `http-gate`, ... | accept; a thread for each connection | opened anew when a setting changes |
//! | web workers | answer requests that the gate has checked | |
//! | `control` | answers the command line | |
//! | main | this: signals, watchdog, listeners | |

mod contact;
mod failure;
mod indexer;
pub mod listeners;
pub mod restarts;
pub mod restore;
mod stops;
mod welcome;
mod workers;

use std::path::Path;
use std::process::ExitCode;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use smol::channel::bounded;
use smol::future::or;

use crate::clock::Clock;
use crate::engine::Context;
use crate::engine::link::coders::Coders;
use crate::fault::Fault;
use crate::link::callers::Callers;
use crate::message::events::EventKind;
use crate::status::StatusBoard;
use crate::store::Store;
use crate::sys::notify;
use crate::sys::signals::Stop;
use crate::sys::sockets::Sockets;

use failure::Ended;
use listeners::Listeners;
use restarts::Restarts;
use stops::Stops;
use welcome::Welcome;

/// Exit code for settings that are wrong, or a folder that cannot be used.
pub const WRONG_SETTINGS: u8 = 2;
/// A command line that works on the store without a box is done within this time.
const STORE_BUSY: Duration = Duration::from_secs(10);
/// A store that cannot be opened is tried again after this.
const STORE_AGAIN: Duration = Duration::from_secs(10);
/// Listeners that could not be opened are tried again after this, and what is said of them is looked at.
const LISTENERS_AGAIN: Duration = Duration::from_secs(15);
/// Everything has to be over this long after the signal.
const DRAIN: Duration = Duration::from_secs(8);

/// Runs a box in `data` until SIGTERM or SIGINT.
pub fn run(data: &Path) -> ExitCode {
    let mut restarts = Restarts::begin(data);
    let mut signals = match Stop::catch() {
        Ok(signals) => signals,
        Err(error) => {
            let fault = Fault::operator(format!("signals cannot be caught: {error}"));
            return given_up(&mut restarts, None, &fault);
        }
    };
    let sockets = match from_systemd() {
        Ok(sockets) => sockets,
        Err(fault) => return given_up(&mut restarts, Some(&mut signals), &fault),
    };
    let rested = rest(&restarts, &sockets, &mut signals);
    let restored = rested.and_then(|()| restore::at_start(data));
    // One that could not be removed is not a reason to start for ever.
    let left_over = restore::is_wanted(data);
    let store = match rested.and_then(|()| opened(data, &sockets, &mut signals).transpose()) {
        Some(Ok(store)) => store,
        Some(Err(fault)) => return given_up(&mut restarts, Some(&mut signals), &fault),
        None => {
            restarts.over();
            return ExitCode::SUCCESS;
        }
    };
    let (stop, stopped) = bounded(1);
    let context = Context {
        coders: Coders::shown_in(store.folder(), store.works().clone()),
        callers: Callers::default(),
        store,
        status: StatusBoard::default(),
        stop: stopped,
        link: None,
    };
    if let Some(words) = restored {
        say_restored(&context, &words);
    }
    if let Some(event) = restarts.event() {
        say_restart(&context, event);
    }
    let code = Supervisor { context, signals, sockets, restarts, stop, stops: Stops::default() }.supervise();
    // Where systemd runs it, it is started anew by itself.
    if !left_over && restore::is_wanted(data) && std::env::var_os("NOTIFY_SOCKET").is_none() {
        log::error!("the box cannot be started anew: {}", restore::start_anew());
    }
    code
}

fn given_up(restarts: &mut Restarts, signals: Option<&mut Stop>, fault: &Fault) -> ExitCode {
    log::error!("{fault}");
    restarts.because(&fault.why());
    rest_at_end(restarts, signals);
    ExitCode::from(if matches!(fault, Fault::Operator(_)) { WRONG_SETTINGS } else { 1 })
}

/// Rests before a run ends that knows what is wrong, where its end is not counted; a signal ends the rest.
fn rest_at_end(restarts: &Restarts, signals: Option<&mut Stop>) {
    let rest = restarts.rest_at_end();
    if rest.is_zero() {
        return;
    }
    log::error!("it ends in {} s", rest.as_secs());
    let until = Instant::now() + rest;
    match signals {
        Some(signals) => {
            failure::wait(signals, Duration::from_secs(1), || (Instant::now() >= until).then_some(()));
        }
        // A signal that is not caught ends the process.
        None => crate::clock::sleep(rest),
    }
}

/// Rests when the box ended too often, with a page that says why where there is one; `None` when it was told to end meanwhile.
fn rest(restarts: &Restarts, sockets: &Sockets, signals: &mut Stop) -> Option<()> {
    let Some(event) = restarts.event() else { return Some(()) };
    log::error!("{event}");
    let rest = restarts.rest();
    if rest.is_zero() {
        return Some(());
    }
    log::error!("the next try is in {} s", rest.as_secs());
    let (until, again) = (Instant::now() + rest, Duration::from_secs(1));
    let over = || (Instant::now() >= until).then_some(());
    let why = format!("{event}. It is tried again in {} s.", rest.as_secs());
    let ended = failure::show(&why, sockets, signals, again, over).unwrap_or_else(|_| {
        // There is no page to say it on, and the rest is needed all the same.
        notify::ready();
        notify::status(&why);
        failure::wait(signals, again, over)
    });
    match ended {
        Ended::Told => None,
        Ended::Over(()) => Some(()),
    }
}

/// Opens the store; while that fails the page says why, if there is one. `None` when the box was told to end meanwhile.
fn opened(data: &Path, sockets: &Sockets, signals: &mut Stop) -> Result<Option<Store>, Fault> {
    let fault = match patiently(data) {
        Ok(store) => return Ok(Some(store)),
        Err(fault) => fault,
    };
    log::error!("{fault}");
    let open = || Store::open(data, &Clock::system()).ok();
    match failure::show(&fault.why(), sockets, signals, STORE_AGAIN, open) {
        Ok(Ended::Over(store)) => {
            log::warn!("the store can be opened again");
            Ok(Some(store))
        }
        Ok(Ended::Told) => Ok(None),
        Err(_) => Err(fault),
    }
}

/// Says on the page, and to the owner by message, that the box had ended.
fn say_restart(context: &Context, event: EventKind) {
    let text = format!(
        "{event}.\n\nEverything that it had accepted is kept. Its log says more ('sudo journalctl -u satpost', or 'podman \
         logs satpost'). If this happens again, it rests longer before each new start, at most 15 minutes."
    );
    if let Err(fault) = context.tell_owner("restart", "The box was started again", event, &text) {
        log::warn!("the owner is not told of the restart: {fault}");
    }
}

/// Says in the log, and to the owner by message, what became of the backup that was left for this start.
fn say_restored(context: &Context, words: &str) {
    log::warn!("{words}");
    let event = EventKind::Done { what: words.to_owned(), by: String::new() };
    if let Err(fault) = context.tell_owner("restore", "A backup was to be put in place", event, words) {
        log::warn!("the owner is not told of it: {fault}");
    }
}

/// A folder for sockets that only this process uses: the one that systemd made for it, or another.
fn private_folder(other: &Path) -> std::path::PathBuf {
    std::env::var_os("RUNTIME_DIRECTORY").map_or_else(|| other.to_owned(), Into::into)
}

struct Supervisor {
    context: Context,
    signals: Stop,
    sockets: Sockets,
    restarts: Restarts,
    /// Closing it tells every wait of the box to end.
    stop: smol::channel::Sender<()>,
    /// The same for the workers.
    stops: Stops,
}

/// Gets the sockets that systemd may have opened.
fn from_systemd() -> Result<Sockets, Fault> {
    let sockets = Sockets::from_systemd().map_err(Fault::operator)?;
    for complaint in &sockets.complaints {
        log::warn!("{complaint}");
    }
    Ok(sockets)
}

/// Opens the store; a command that has it open for a moment is waited for.
fn patiently(data: &Path) -> Result<Store, Fault> {
    let limit = Instant::now() + STORE_BUSY;
    loop {
        match Store::open(data, &Clock::system()) {
            Err(Fault::Temporary(_)) if Instant::now() < limit => crate::clock::sleep(Duration::from_millis(20)),
            opened => return opened,
        }
    }
}

impl Supervisor {
    fn supervise(mut self) -> ExitCode {
        let workers = workers::start(&self.context, &self.stops);
        let changed = self.context.store.settings_changed();
        let mut listeners = match Listeners::open(&self.context, std::mem::take(&mut self.sockets)) {
            Ok(listeners) => listeners,
            Err(fault) => {
                log::error!("{fault}");
                self.restarts.because(&fault.why());
                self.end(workers, None);
                rest_at_end(&self.restarts, Some(&mut self.signals));
                return ExitCode::from(WRONG_SETTINGS);
            }
        };
        notify::ready();
        log::info!("satpost {} is up", crate::sys::process::version());
        let mut welcome = Welcome::default();
        welcome.say(&self.context);
        let watchdog = notify::watchdog_interval();
        let mut last_try = Instant::now();
        loop {
            let wait = watchdog.map_or(LISTENERS_AGAIN, |interval| interval.min(LISTENERS_AGAIN));
            match self.wait(&changed, wait) {
                Woken::Signal(name) => {
                    log::info!("{name}: ending");
                    break;
                }
                Woken::Settings => listeners.follow(&self.context),
                Woken::Time if !listeners.all_open() && last_try.elapsed() >= LISTENERS_AGAIN => {
                    last_try = Instant::now();
                    listeners.follow(&self.context);
                }
                Woken::Time => listeners.report(&self.context),
            }
            welcome.say(&self.context);
            if self.context.store.clock().was_settled() {
                // What they hold in memory has times of the clock as it was.
                self.stops.renew();
            }
            // The box is alive as long as its store answers; without that it can keep no promise.
            if watchdog.is_some() && (self.context.store.ledger().is_ok() || self.context.store.broken().is_some()) {
                notify::watchdog();
            }
        }
        self.restarts.over();
        self.end(workers, Some(listeners));
        ExitCode::SUCCESS
    }

    fn wait(&mut self, changed: &smol::channel::Receiver<()>, limit: Duration) -> Woken {
        let signal = async { Woken::Signal(self.signals.next().await) };
        let settings = async {
            // The store outlives this loop, so the channel stays open.
            let _ = changed.recv().await;
            Woken::Settings
        };
        let time = async {
            smol::Timer::after(limit).await;
            Woken::Time
        };
        smol::block_on(or(signal, or(settings, time)))
    }

    /// Listeners first, so that nothing new comes in; then the workers; the store last.
    fn end(&self, workers: Vec<JoinHandle<()>>, listeners: Option<Listeners>) {
        notify::stopping();
        let limit = Instant::now() + DRAIN;
        self.stop.close();
        self.stops.end();
        if let Some(listeners) = listeners {
            listeners.close(DRAIN / 2);
        }
        while workers.iter().any(|worker| !worker.is_finished()) && Instant::now() < limit {
            crate::clock::sleep(Duration::from_millis(10));
        }
        let late: Vec<_> =
            workers.iter().filter(|worker| !worker.is_finished()).filter_map(|w| w.thread().name()).collect();
        if !late.is_empty() {
            log::warn!("{} did not end in time; what they had in hand is on disk", late.join(", "));
        }
        self.context.store.close();
        log::info!("ended");
    }
}

enum Woken {
    Signal(&'static str),
    Settings,
    Time,
}
