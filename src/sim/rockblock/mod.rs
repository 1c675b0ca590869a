//! A simulated RockBLOCK service: its interface for messages to terminals on loopback, its calls of a webhook, the sky for
//! simulated SBD modems, what it charges, and faults on demand.

mod control;
mod faults;
mod hook;
mod key;
mod state;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};

use self::state::Service;
use super::http::server::Server;
use super::lines::Lines;
use crate::sys::signals::Stop;

/// How often calls that are due are looked for.
const TICK: Duration = Duration::from_millis(50);

/// A simulated RockBLOCK service on a loopback port, with a sky for simulated SBD modems.
#[derive(ArgsInfo, FromArgs, Debug, Clone)]
#[argh(subcommand, name = "rockblock")]
#[argh(
    example = "A modem and the ground service under one sky:

  satpost simulate rockblock --sky /tmp/sky --terminal 300234010753370 &
  satpost simulate sbd --port /tmp/modem --sky /tmp/sky",
    note = "Each line on the control socket gets a line 'ok ...' or 'error ...'; lists end with a line that holds a dot.
  hook URL|none                 where messages from terminals are told
  up IMEI MOMSN [HEX]           a message comes from a terminal, or a look into its mailbox
  again                         all that was told is told once more
  fail ENDPOINT KIND [N]        the next N calls (1) go wrong
      ENDPOINT  mt hook
      KIND      of mt: 400 401 403 429 500 502 503 504 timeout trickle truncated reset-before reset-after
                10 11 12 13 14 15 16 99 html; of hook: forged none hs256 differs old twice form
  clear-faults                  nothing goes wrong any more
  messages                      what came from terminals, as JSON lines
  queue                         what waits for terminals, as JSON lines
  credits                       what was charged: mo, mt and mailbox
  journal                       calls and their answers, as JSON lines"
)]
pub struct Options {
    /// address to listen on; port 0 takes any free one. Default 127.0.0.1:0
    #[argh(option, default = "SocketAddr::from(([127, 0, 0, 1], 0))")]
    pub listen: SocketAddr,

    /// log-in name. Default demo
    #[argh(option, default = "\"demo\".to_owned()")]
    pub user: String,

    /// password. Default demo
    #[argh(option, default = "\"demo\".to_owned()")]
    pub password: String,

    /// number of a terminal of the account, 15 digits; may be repeated
    #[argh(option)]
    pub terminal: Vec<String>,

    /// webhook to call
    #[argh(option)]
    pub hook: Option<String>,

    /// unix socket to serve for simulated modems
    #[argh(option)]
    pub sky: Option<PathBuf>,

    /// unix socket to take commands on
    #[argh(option)]
    pub control: Option<PathBuf>,
}

/// The service behind its sockets.
struct Sim {
    service: Mutex<Service>,
    stop: AtomicBool,
}

impl Sim {
    fn service(&self) -> MutexGuard<'_, Service> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running simulated service; ends when dropped.
pub struct Handle {
    sim: Arc<Sim>,
    server: Server,
    caller: Option<JoinHandle<()>>,
    _sockets: Vec<Lines>,
}

/// Starts a simulated service in threads of this process.
///
/// # Errors
/// When a socket cannot be opened.
pub fn start(options: Options) -> io::Result<Handle> {
    let mut service = Service::new(options.user, options.password, options.terminal);
    service.hook = options.hook;
    let sim = Arc::new(Sim { service: Mutex::new(service), stop: AtomicBool::new(false) });
    let inner = sim.clone();
    let server = Server::start(options.listen, Box::new(move |request| inner.service().handle(request)))?;
    let mut sockets = Vec::new();
    if let Some(path) = options.sky {
        let inner = sim.clone();
        sockets.push(Lines::start(&path, "rockblock-sky", Box::new(move |line| inner.service().heard(line) + "\n"))?);
    }
    if let Some(path) = options.control {
        let inner = sim.clone();
        let handler = move |line: &str| inner.service().command(line) + "\n";
        sockets.push(Lines::start(&path, "rockblock-control", Box::new(handler))?);
    }
    let inner = sim.clone();
    let caller = std::thread::Builder::new().name("rockblock-hook".to_owned()).spawn(move || call(&inner))?;
    Ok(Handle { sim, server, caller: Some(caller), _sockets: sockets })
}

/// Calls the webhook until the end.
fn call(sim: &Sim) {
    while !sim.stop.load(Ordering::SeqCst) {
        let due = sim.service().due_calls();
        for call in due {
            let yes = hook::make(&call);
            sim.service().made(&call, yes);
        }
        crate::clock::sleep(TICK);
    }
}

impl Handle {
    /// The address, as the setting `rockblock.url` wants it.
    pub fn url(&self) -> String {
        format!("http://{}/rockblock/MT", self.server.address())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.sim.stop.store(true, Ordering::SeqCst);
        self.server.stop();
        if let Some(caller) = self.caller.take() {
            let _ = caller.join();
        }
    }
}

/// Runs a simulated service until SIGINT or SIGTERM; its address is the first line on stdout, the key of its signatures the
/// second.
///
/// # Errors
/// When it cannot start.
pub fn run(options: Options) -> io::Result<()> {
    let mut signals = Stop::catch()?;
    let handle = start(options)?;
    let mut out = io::stdout().lock();
    writeln!(out, "rockblock {}\nkey {}", handle.url(), key::PUBLIC)?;
    out.flush()?;
    drop(out);
    signals.wait();
    drop(handle);
    Ok(())
}
