//! A simulated internet line between two boxes: a proxy that delays, narrows, cuts, stalls, lies, and counts bytes.
//!
//! Everything it does can be changed while it runs, by lines of text:
//!
//! | line | from now on |
//! |---|---|
//! | `delay 300` | each direction takes 300 ms |
//! | `rate 500000` | each direction carries that many bits in a second; 0: as many as come |
//! | `cut` | every connection is reset now |
//! | `cut-after up 120` | the connection that carries the 120th byte from here on, in that direction, is reset behind it |
//! | `refuse` | new connections are reset at once |
//! | `stall`, `stall up`, `stall down` | takes bytes and passes none, in both directions or one |
//! | `drip` | passes one byte each 20 ms |
//! | `portal` | answers new connections with a page of HTML, as a login page of a network does |
//! | `keep` | when the far side is gone, the near side does not hear of it |
//! | `to ADDRESS` | new connections go there: another box has another key |
//! | `clear` | nothing of this any more, but delay, rate and address stay |

mod faults;
mod pipe;
mod program;

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use faults::Faults;
pub use program::{Options as Program, run};

/// More connections at once are closed.
const MOST_CONNECTIONS: usize = 256;
/// A connection to the far side is open by then.
const CONNECT: Duration = Duration::from_secs(5);
/// What a portal says, whatever it is asked.
const PORTAL: &[u8] = b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Type: text/html\r\n\
                        Content-Length: 43\r\nConnection: close\r\n\r\n<html><body>Please log in.</body></html>\r\n\r\n";

/// How a line is started.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// A loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the far box listens.
    pub to: SocketAddr,
    /// Each direction takes so long.
    pub delay: Duration,
    /// Bits in a second, in each direction; 0: as many as come.
    pub rate: u64,
}

/// What went over the line so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were opened.
    pub connections: u64,
    /// Bytes from the near side to the far side.
    pub up: u64,
    /// Bytes the other way.
    pub down: u64,
    /// Pieces in which they came, up and down.
    pub pieces: u64,
}

/// A running line; it ends when this is dropped.
pub struct Handle {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What all threads of a line share.
struct Shared {
    state: Mutex<State>,
    /// Tells that the state changed.
    changed: Condvar,
    /// Set once; the accept loop reads it after each connection. Sequentially consistent as nothing here is fast.
    stop: AtomicBool,
}

struct State {
    faults: Faults,
    counts: Counts,
    /// Both ends of every connection.
    live: Vec<(u64, TcpStream, TcpStream)>,
}

/// Starts a line on threads of its own.
///
/// # Errors
/// When the address is not a loopback one, or is taken.
pub fn start(options: Options) -> io::Result<Handle> {
    if !options.listen.ip().is_loopback() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the line listens on loopback addresses only"));
    }
    let listener = TcpListener::bind(options.listen)?;
    let address = listener.local_addr()?;
    let state = State {
        faults: Faults::new(options.to, options.delay, options.rate),
        counts: Counts::default(),
        live: Vec::new(),
    };
    let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), stop: AtomicBool::new(false) });
    let mine = Arc::clone(&shared);
    let thread = std::thread::Builder::new().name("line".to_owned()).spawn(move || accept(&listener, &mine))?;
    Ok(Handle { address, shared, thread: Some(thread) })
}

impl Handle {
    /// Carries out a line of the table above.
    ///
    /// # Errors
    /// A sentence when it cannot be read.
    pub fn tell(&self, line: &str) -> Result<(), String> {
        let cut = self.shared.lock().faults.set(line)?;
        if cut {
            self.shared.reset_all();
        }
        self.shared.changed.notify_all();
        Ok(())
    }

    /// What went over it so far.
    pub fn counts(&self) -> Counts {
        self.shared.lock().counts
    }

    fn end(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.reset_all();
        self.shared.changed.notify_all();
        // Wakes the accept loop; if that fails, the listener is gone already.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        let _ = thread.join();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    /// A thread that died with the lock left whole values behind: every change is one assignment.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Resets a connection.
    fn reset(&self, number: u64) {
        let mut state = self.lock();
        state.live.iter().filter(|(known, ..)| *known == number).for_each(|(_, near, far)| both_reset(near, far));
        state.live.retain(|(known, ..)| *known != number);
    }

    fn reset_all(&self) {
        let live = std::mem::take(&mut self.lock().live);
        live.iter().for_each(|(_, near, far)| both_reset(near, far));
    }
}

/// Closes both ends at once, so that their peers see a reset and not an orderly end.
fn both_reset(near: &TcpStream, far: &TcpStream) {
    for socket in [near, far] {
        let _ = rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO));
        let _ = socket.shutdown(Shutdown::Both);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for near in listener.incoming() {
        if shared.stopping() {
            return;
        }
        let Ok(near) = near else {
            crate::clock::sleep(Duration::from_millis(100));
            continue;
        };
        let (refuses, portal, to) = {
            let mut state = shared.lock();
            state.counts.connections += 1;
            (state.faults.refuse || state.live.len() >= MOST_CONNECTIONS, state.faults.portal, state.faults.to)
        };
        if refuses {
            let _ = rustix::net::sockopt::set_socket_linger(&near, Some(Duration::ZERO));
            continue;
        }
        let mine = Arc::clone(shared);
        let serve = move || if portal { answer_as_portal(near, &mine) } else { connect(near, to, &mine) };
        if let Err(error) = std::thread::Builder::new().name("line-connection".to_owned()).spawn(serve) {
            log::warn!("line: a connection cannot be served: {error}");
        }
    }
}

fn answer_as_portal(mut near: TcpStream, shared: &Shared) {
    let _ = near.set_read_timeout(Some(CONNECT));
    let mut asked = [0; 4096];
    let read = near.read(&mut asked).unwrap_or(0);
    let _ = near.write_all(PORTAL);
    let _ = near.shutdown(Shutdown::Write);
    // Read to its end, so that the answer is not lost in a reset.
    let _ = near.read(&mut asked);
    let mut state = shared.lock();
    state.counts.up += u64::try_from(read).unwrap_or_default();
    state.counts.down += u64::try_from(PORTAL.len()).unwrap_or_default();
}

fn connect(near: TcpStream, to: SocketAddr, shared: &Arc<Shared>) {
    // A far side that is not there looks as one that refuses.
    let Ok(far) = TcpStream::connect_timeout(&to, CONNECT) else {
        let _ = rustix::net::sockopt::set_socket_linger(&near, Some(Duration::ZERO));
        return;
    };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (Ok(near_end), Ok(far_end)) = (near.try_clone(), far.try_clone()) else { return };
    let number = {
        let mut state = shared.lock();
        let number = state.counts.connections;
        state.live.push((number, near_end, far_end));
        number
    };
    pipe::run(near, far, number, shared);
}

#[cfg(test)]
mod tests;
