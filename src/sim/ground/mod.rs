//! What simulated ground services have in common: terminals with messages that wait for them, what came from terminals and
//! is told by a webhook, the sky for simulated modems, what is charged, and faults on demand.

mod control;
mod hook;
pub mod terminals;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use self::hook::Call;
use self::terminals::{Terminals, Up};
use super::faults::{Fault, Menu};
use super::http::server::Server;
use super::http::{Answer, Request};
use super::lines::Lines;
use crate::clock::Time;

/// How often calls that are due are looked for.
const TICK: Duration = Duration::from_millis(50);

/// A ground service, as others see it.
pub trait Platform: Send + Sync + 'static {
    /// Its name, for threads and help.
    const NAME: &'static str;
    /// What can go wrong with it.
    const MENU: &'static Menu;
    /// It waits for the answer of a webhook for so long.
    const LIMIT: Duration;

    /// Answers a request of its interface.
    fn answer(&self, terminals: &mut Terminals, request: &Request) -> Answer;

    /// The calls that tell of a message, spoiled as the fault says: mostly one.
    fn calls(&self, up: &Up, fault: Option<Fault>, now: Time) -> Vec<Call>;

    /// Makes a call; true when the answer was a yes.
    fn tell(&self, url: &str, call: &Call) -> bool {
        hook::make(url, call, Self::LIMIT)
    }

    /// Does what is due, many times in a second.
    fn turn(&self, _terminals: &mut Terminals) {}
}

/// Where a service listens, and whom it serves.
#[derive(Debug, Default)]
pub struct Place {
    /// Address of its interface; port 0 takes any free one.
    pub listen: Option<SocketAddr>,
    /// Terminals of the account.
    pub terminals: Vec<String>,
    /// Those of them that are IMT modems.
    pub imt: Vec<String>,
    /// Webhook to call.
    pub hook: Option<String>,
    /// Unix socket to serve for simulated modems.
    pub sky: Option<PathBuf>,
    /// Unix socket to take commands on.
    pub control: Option<PathBuf>,
}

/// The service behind its sockets.
struct Sim<P> {
    platform: P,
    terminals: Mutex<Terminals>,
    stop: AtomicBool,
}

impl<P> Sim<P> {
    fn terminals(&self) -> MutexGuard<'_, Terminals> {
        self.terminals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running simulated service; ends when dropped.
pub struct Handle<P> {
    sim: Arc<Sim<P>>,
    server: Server,
    caller: Option<JoinHandle<()>>,
    _sockets: Vec<Lines>,
}

/// Starts a simulated service in threads of this process.
///
/// # Errors
/// When a socket cannot be opened.
pub fn start<P: Platform>(platform: P, place: Place) -> io::Result<Handle<P>> {
    let mut terminals = Terminals::new(P::MENU, place.terminals, place.imt);
    terminals.hook = place.hook;
    let sim = Arc::new(Sim { platform, terminals: Mutex::new(terminals), stop: AtomicBool::new(false) });
    let inner = sim.clone();
    let answer = move |request: &Request| inner.platform.answer(&mut inner.terminals(), request);
    let listen = place.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = Server::start(listen, Box::new(answer))?;
    let mut sockets = Vec::new();
    if let Some(path) = place.sky {
        let (inner, name) = (sim.clone(), format!("{}-sky", P::NAME));
        sockets.push(Lines::start(&path, &name, Box::new(move |line| inner.terminals().heard(line) + "\n"))?);
    }
    if let Some(path) = place.control {
        let (inner, name) = (sim.clone(), format!("{}-control", P::NAME));
        let handler = move |line: &str| inner.terminals().command(line, P::NAME) + "\n";
        sockets.push(Lines::start(&path, &name, Box::new(handler))?);
    }
    let inner = sim.clone();
    let caller = std::thread::Builder::new().name(format!("{}-hook", P::NAME)).spawn(move || call(&inner))?;
    Ok(Handle { sim, server, caller: Some(caller), _sockets: sockets })
}

/// Calls the webhook until the end.
fn call<P: Platform>(sim: &Sim<P>) {
    while !sim.stop.load(Ordering::SeqCst) {
        sim.platform.turn(&mut sim.terminals());
        let due = sim.terminals().due(|up, fault, now| sim.platform.calls(up, fault, now));
        for (url, at, call) in due {
            let yes = sim.platform.tell(&url, &call);
            sim.terminals().made(at, &call, yes);
        }
        crate::clock::sleep(TICK);
    }
}

impl<P> Handle<P> {
    /// The address of its interface, without a path.
    pub fn base(&self) -> String {
        format!("http://{}", self.server.address())
    }
}

impl<P> Drop for Handle<P> {
    fn drop(&mut self) {
        self.sim.stop.store(true, Ordering::SeqCst);
        self.server.stop();
        if let Some(caller) = self.caller.take() {
            let _ = caller.join();
        }
    }
}
