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
//! | `smtp-gate`, `submission-gate`, `http-gate` | accept; a thread for each connection | opened anew when a setting changes |
//! | web workers | answer requests that the gate has checked | |
//! | `control` | answers the command line | |
//! | main | this: signals, watchdog, listeners | |

mod failure;
pub mod listeners;
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
use crate::status::StatusBoard;
use crate::store::Store;
use crate::sys::notify;
use crate::sys::signals::Stop;
use crate::sys::sockets::Sockets;

use listeners::Listeners;

/// Exit code for settings that are wrong: systemd does not start the box again until somebody corrects them.
pub const WRONG_SETTINGS: u8 = 2;
/// A command line that works on the store without a box is done within this time.
const STORE_BUSY: Duration = Duration::from_secs(10);
/// Listeners that could not be opened are tried again after this.
const LISTENERS_AGAIN: Duration = Duration::from_secs(15);
/// Everything has to be over this long after the signal.
const DRAIN: Duration = Duration::from_secs(8);

/// Runs a box in `data` until SIGTERM or SIGINT.
pub fn run(data: &Path) -> ExitCode {
    let (signals, mut sockets) = match from_system() {
        Ok(from_system) => from_system,
        Err(fault) => {
            log::error!("{fault}");
            return ExitCode::from(WRONG_SETTINGS);
        }
    };
    let store = match patiently(data) {
        Ok(store) => store,
        Err(fault) => return failure::tell(&fault, data, sockets.take("web"), signals),
    };
    let (stop, stopped) = bounded(1);
    let context = Context {
        coders: Coders::new(store.folder()),
        store,
        status: StatusBoard::default(),
        stop: stopped,
        link: None,
    };
    Supervisor { context, signals, sockets, stop }.supervise()
}

struct Supervisor {
    context: Context,
    signals: Stop,
    sockets: Sockets,
    /// Dropping it tells every wait of the box to end.
    stop: smol::channel::Sender<()>,
}

/// Gets what the system has to give: signals, and the sockets that systemd may have opened.
fn from_system() -> Result<(Stop, Sockets), Fault> {
    let signals = Stop::catch().map_err(|error| Fault::operator(format!("signals cannot be caught: {error}")))?;
    let sockets = Sockets::from_systemd().map_err(Fault::operator)?;
    for complaint in &sockets.complaints {
        log::warn!("{complaint}");
    }
    Ok((signals, sockets))
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
        let workers = workers::start(&self.context);
        let changed = self.context.store.settings_changed();
        let mut listeners = match Listeners::open(&self.context, std::mem::take(&mut self.sockets)) {
            Ok(listeners) => listeners,
            Err(fault) => {
                log::error!("{fault}");
                return self.end(workers, None, ExitCode::from(WRONG_SETTINGS));
            }
        };
        notify::ready();
        log::info!("satpost {} is up", crate::cli::version());
        welcome::say(&self.context);
        let watchdog = notify::watchdog_interval();
        let mut last_try = Instant::now();
        loop {
            let wait = if listeners.all_open() { Duration::from_secs(3600) } else { LISTENERS_AGAIN };
            let wait = watchdog.map_or(wait, |interval| interval.min(wait));
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
                Woken::Time => {}
            }
            // The box is alive as long as its store answers; without that it can keep no promise.
            if watchdog.is_some() && (self.context.store.ledger().is_ok() || self.context.store.broken().is_some()) {
                notify::watchdog();
            }
        }
        self.end(workers, Some(listeners), ExitCode::SUCCESS)
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
    fn end(self, workers: Vec<JoinHandle<()>>, listeners: Option<Listeners>, code: ExitCode) -> ExitCode {
        notify::stopping();
        let limit = Instant::now() + DRAIN;
        self.stop.close();
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
        code
    }
}

enum Woken {
    Signal(&'static str),
    Settings,
    Time,
}
