//! A simulated Swarm Hive: its HTTP interface on loopback, the sky behind it, and faults on demand.

mod api;
mod control;
mod faults;
mod state;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};

use self::api::Hive;
use self::state::State;
use crate::address::DeviceId;
use crate::sim::faults::Faults;
use crate::sim::http::server::Server;
use crate::sim::lines::Lines;
use crate::sim::serve::serve;

/// A simulated Swarm Hive on a loopback port, with a sky for simulated modems and faults on demand.
#[derive(ArgsInfo, FromArgs, Debug, Clone)]
#[argh(subcommand, name = "hive")]
#[argh(
    note = "Each line on the control socket gets a line 'ok ...' or 'error ...'; lists end with a line that holds a dot.
  uplink DEVICE HEX [MESSAGE]   a packet comes in from a device; MESSAGE repeats an earlier message
  expire-tokens                 everybody has to log in again
  fail ENDPOINT KIND [N]        the next N calls (1) go wrong
      ENDPOINT  login list ack send
      KIND      400 401 403 429 500 502 503 504 timeout trickle reset-before reset-after truncated object
                201 error200 no-message-id string-message-id garbage duplicate unsorted
  clear-faults                  nothing goes wrong any more
  down on|off                   connections are refused, or taken again
  status PACKET N               0 new, 1 waiting, 2 acknowledged, 3 on a satellite, -1 error, -3 failed, -4 given up
  journal                       the requests so far, as JSON lines
  messages                      all packets, as JSON lines"
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

    /// a two-way enabled device, for example 0x001abe or 6846; may be repeated
    #[argh(option)]
    pub device: Vec<DeviceId>,

    /// unix socket to serve for simulated modems
    #[argh(option)]
    pub sky: Option<PathBuf>,

    /// unix socket to take commands on
    #[argh(option)]
    pub control: Option<PathBuf>,

    /// file that keeps the messages over a restart
    #[argh(option)]
    pub state: Option<PathBuf>,

    /// seconds until a log-in has to be renewed. Default 3600
    #[argh(option, default = "3600")]
    pub token_life: u64,
}

/// The Hive behind its sockets, and the door that can be closed.
struct Sim {
    hive: Mutex<Hive>,
    /// Set once, right after the server started.
    server: OnceLock<Mutex<Server>>,
}

impl Sim {
    fn hive(&self) -> MutexGuard<'_, Hive> {
        self.hive.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn server(&self) -> Option<MutexGuard<'_, Server>> {
        self.server.get().map(|server| server.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn down(&self, down: bool) {
        if let Some(server) = self.server() {
            server.down(down);
        }
    }
}

/// A running simulated Hive; ends when dropped.
pub struct Handle {
    sim: Arc<Sim>,
    address: SocketAddr,
    sky: Option<Lines>,
    control: Option<Lines>,
}

/// Starts a simulated Hive in threads of this process.
///
/// # Errors
/// When a socket cannot be opened or the file cannot be read.
pub fn start(options: Options) -> io::Result<Handle> {
    let two_way = options.device.iter().map(|device| device.number()).collect();
    let life = Duration::from_secs(options.token_life.min(10 * 365 * 86_400));
    let hive = Hive {
        user: options.user,
        password: options.password,
        state: State::new(options.state, two_way, life)?,
        faults: Faults::new(&faults::MENU),
        journal: std::collections::VecDeque::new(),
    };
    let sim = Arc::new(Sim { hive: Mutex::new(hive), server: OnceLock::new() });

    // The server lives inside `sim`, so its handler must not keep `sim` alive.
    let weak: Weak<Sim> = Arc::downgrade(&sim);
    let handler = move |request: &crate::sim::http::Request| match weak.upgrade() {
        Some(sim) => sim.hive().handle(request),
        None => faults::error(500, "the simulated Hive is stopping"),
    };
    let server = Server::start(options.listen, Box::new(handler))?;
    let address = server.address();
    let _ = sim.server.set(Mutex::new(server));

    let inner = sim.clone();
    let sky = options.sky.map(|path| Lines::start(&path, "hive-sky", Box::new(move |line| inner.sky(line) + "\n")));
    let inner = sim.clone();
    let control = options
        .control
        .map(|path| Lines::start(&path, "hive-control", Box::new(move |line| inner.command(line) + "\n")));
    let mut handle = Handle { sim, address, sky: None, control: None };
    handle.sky = sky.transpose()?;
    handle.control = control.transpose()?;
    Ok(handle)
}

impl Handle {
    /// The base address, as the setting `hive.url` wants it.
    pub fn url(&self) -> String {
        format!("http://{}/hive", self.address)
    }

    /// Carries out a line of the control socket.
    #[cfg(test)]
    pub fn command(&self, line: &str) -> String {
        self.sim.command(line)
    }

    /// Stops it and removes its sockets; what it keeps in a file is there already.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.sim.server() {
            server.stop();
        }
        self.sky = None;
        self.control = None;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs a simulated Hive until SIGINT or SIGTERM; its address is the first line on stdout.
///
/// # Errors
/// When it cannot start.
pub fn run(options: Options) -> io::Result<()> {
    serve(|| start(options), |handle| format!("hive {}", handle.url()))
}

#[cfg(test)]
mod tests;
