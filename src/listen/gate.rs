//! The gate before every network listener: how many clients may connect, from where, and how their sessions end at stop.
//!
//! One named thread accepts; each connection gets a thread of its own with a small stack. The gate holds every live
//! socket, so that stop is heard by a session that waits for its peer.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};
use smol::channel::{Receiver, Sender, bounded};
use smol::future::or;
use smol::{Async, Timer};

use super::stream::Stream;
use crate::limit::network_of;

/// Stack of a session thread, in bytes. Debug builds do a TLS handshake in less than half of it.
pub const STACK: usize = 256 * 1024;

/// How long the gate rests when the process has no file descriptor (or memory) for another connection.
const EXHAUSTED: Duration = Duration::from_millis(100);
/// Where a newcomer takes the place of another, that one had so long to say who it is.
const SAY_WHO: Duration = Duration::from_secs(2);
/// One warning in this time.
const QUIET: Duration = Duration::from_secs(60);
/// Descriptors that callers may not take: the store, the modem and the web server need some too. A quarter of all where
/// there are few.
const RESERVE: usize = 48;

/// How many connections may live at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// In all.
    pub total: usize,
    /// From one address; from one /64 for IPv6.
    pub per_address: usize,
}

/// What stands behind a gate.
pub trait Service: Send + Sync + 'static {
    /// Gives one word, for the names of threads and for the log.
    fn name(&self) -> &'static str;
    /// Gives the limits; asked at each connection.
    fn caps(&self) -> Caps;
    /// True for a peer that speaks for many clients: the cap per address is not for it, but for each of them.
    fn is_front(&self, _peer: IpAddr) -> bool {
        false
    }
    /// True where a client over the limits takes the place of the one that has been here for longest, if that has had time
    /// to say who it is: strangers that say nothing keep nobody out then.
    fn makes_room(&self) -> bool {
        false
    }
    /// Gives what a client over the limits gets before the connection closes.
    fn refusal(&self) -> &[u8];
    /// Serves one connection to its end. Has to set the stream's deadline before it reads or writes; may panic.
    fn serve(&self, stream: Stream, peer: IpAddr);
}

/// An open gate. Dropping it stops accepting, but leaves sessions alone; [`Gate::stop`] ends them too.
#[derive(Debug)]
pub struct Gate {
    addresses: Vec<SocketAddr>,
    stop: Sender<()>,
    /// Closed once the listeners are.
    closed: Receiver<()>,
    connections: Arc<Connections>,
}

impl Gate {
    /// Serves connections on `listeners`, which the caller has bound or got from systemd.
    ///
    /// # Errors
    /// When a listener cannot be watched or the thread not started.
    pub fn open(listeners: Vec<TcpListener>, service: Arc<dyn Service>) -> io::Result<Self> {
        let addresses = listeners.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;
        let listeners = listeners.into_iter().map(Async::new).collect::<io::Result<Vec<_>>>()?;
        let (stop, stopped) = bounded(1);
        let (closing, closed) = bounded(1);
        let connections = Arc::new(Connections::default());
        let acceptor = Acceptor { listeners, service, connections: connections.clone(), stopped, warned: None };
        thread::Builder::new().name(format!("{}-gate", acceptor.service.name())).spawn(move || {
            acceptor.run();
            drop(closing);
        })?;
        Ok(Self { addresses, stop, closed, connections })
    }

    /// Gives the addresses it listens on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Connections that live now.
    #[cfg(test)]
    pub fn live(&self) -> usize {
        self.connections.lock().len()
    }

    /// Stops accepting and ends all sessions within `limit`: first they hear the end of input and may finish what
    /// they have in hand, after half the time their sockets are shut. Returns how many were still there at the end.
    pub fn stop(&self, limit: Duration) -> usize {
        let start = Instant::now();
        self.stop.close();
        let late = async {
            Timer::after(limit / 4).await;
            Ok(())
        };
        // Ends with an error when the accepting thread lets go of its end, which is what is waited for.
        let _ = smol::block_on(or(self.closed.recv(), late));
        self.connections.stopping.store(true, Ordering::Relaxed);
        self.connections.shut(Shutdown::Read);
        if self.connections.empty_by(start + limit / 2) > 0 {
            self.connections.shut(Shutdown::Both);
        }
        self.connections.empty_by(start + limit)
    }
}

/// The connections that live.
#[derive(Debug, Default)]
struct Connections {
    stopping: Arc<AtomicBool>,
    live: Mutex<HashMap<u64, Connection>>,
    left: Condvar,
}

#[derive(Debug)]
struct Connection {
    socket: Arc<TcpStream>,
    network: IpAddr,
    since: Instant,
    leaving: Arc<AtomicBool>,
}

impl Connections {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Connection>> {
        // No code that holds the lock can leave the map half changed.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admits(&self, network: IpAddr, caps: Caps) -> bool {
        let live = self.lock();
        let stays =
            |connection: &&Connection| connection.network == network && !connection.leaving.load(Ordering::Relaxed);
        live.len() < caps.total && live.values().filter(stays).count() < caps.per_address
    }

    /// Ends the connection that is in the way of one from `network` for longest, if it had time enough. Its session ends by
    /// itself, so the list is over the limits for a moment.
    fn make_room(&self, network: IpAddr, caps: Caps) -> bool {
        let live = self.lock();
        let full = live.len() >= caps.total;
        let in_the_way = |connection: &&Connection| {
            let stays = !connection.leaving.load(Ordering::Relaxed) && connection.since.elapsed() >= SAY_WHO;
            stays && (full || connection.network == network)
        };
        let oldest = live.values().filter(in_the_way).min_by_key(|connection| connection.since);
        oldest.is_some_and(|connection| {
            connection.leaving.store(true, Ordering::Relaxed);
            // A peer that is gone already is as good as shut.
            let _ = connection.socket.shutdown(Shutdown::Both);
            true
        })
    }

    fn shut(&self, how: Shutdown) {
        for connection in self.lock().values() {
            // A peer that is gone already is as good as shut.
            let _ = connection.socket.shutdown(how);
        }
    }

    fn empty_by(&self, until: Instant) -> usize {
        let left = until.saturating_duration_since(Instant::now());
        let waited = self.left.wait_timeout_while(self.lock(), left, |live| !live.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.len()
    }
}

/// The number of a connection; takes it off the list when the session ends, however it ends.
struct Ticket {
    connections: Arc<Connections>,
    number: u64,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // With the connection goes the last handle of the socket: who sees the connections empty sees all sockets closed.
        self.connections.lock().remove(&self.number);
        self.connections.left.notify_all();
    }
}

/// The accepting thread.
struct Acceptor {
    listeners: Vec<Async<TcpListener>>,
    service: Arc<dyn Service>,
    connections: Arc<Connections>,
    stopped: Receiver<()>,
    warned: Option<Instant>,
}

impl Acceptor {
    fn run(mut self) {
        let mut number = 0;
        while self.wait() {
            for at in 0..self.listeners.len() {
                while let Some((socket, peer)) = self.accept(at) {
                    number += 1;
                    let admitted = AssertUnwindSafe(|| self.admit(socket, peer.ip().to_canonical(), number));
                    // A fault behind the gate costs one caller, not the gate.
                    if catch_unwind(admitted).is_err() {
                        log::error!("{}: a caller could not be admitted; this is a fault", self.service.name());
                    }
                }
            }
        }
    }

    /// Waits for a caller; false when the gate closes.
    fn wait(&self) -> bool {
        let caller = poll_fn(|context| {
            // An error here is met again, and named, by accept.
            let ready = self.listeners.iter().any(|listener| listener.poll_readable(context).is_ready());
            if ready { Poll::Ready(true) } else { Poll::Pending }
        });
        smol::block_on(or(self.closed(), caller))
    }

    /// Ends with false when the gate closes.
    async fn closed(&self) -> bool {
        let _ = self.stopped.recv().await;
        false
    }

    fn accept(&mut self, at: usize) -> Option<(TcpStream, SocketAddr)> {
        if self.stopped.is_closed() {
            return None;
        }
        match self.listeners[at].get_ref().accept() {
            Ok(caller) => Some(caller),
            Err(e) if e.kind() == ErrorKind::WouldBlock => None,
            // The client left before its connection was taken.
            Err(e) if matches!(e.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => None,
            Err(e) => {
                self.warn(&format!("cannot accept a connection: {e}"));
                let rest = async {
                    Timer::after(EXHAUSTED).await;
                    true
                };
                smol::block_on(or(self.closed(), rest));
                None
            }
        }
    }

    fn admit(&mut self, socket: TcpStream, peer: IpAddr, number: u64) {
        // Replies are written whole, so nothing is gained by waiting for more. Failure costs only speed.
        let _ = socket.set_nodelay(true);
        let network = network_of(peer);
        if spare_descriptors() < RESERVE.min(descriptor_limit() / 4) {
            self.warn("file descriptors run out, callers are sent away");
            return refuse(&socket, self.service.refusal());
        }
        let mut caps = self.service.caps();
        if self.service.is_front(peer) {
            caps.per_address = caps.total;
        }
        let admitted = self.connections.admits(network, caps)
            || self.service.makes_room() && self.connections.make_room(network, caps);
        if !admitted {
            return refuse(&socket, self.service.refusal());
        }
        let socket = Arc::new(socket);
        let leaving = Arc::new(AtomicBool::new(false));
        let stream = Stream::new(socket.clone(), self.connections.stopping.clone(), leaving.clone());
        self.connections
            .lock()
            .insert(number, Connection { socket: socket.clone(), network, since: Instant::now(), leaving });
        let ticket = Ticket { connections: self.connections.clone(), number };
        let service = self.service.clone();
        let name = self.service.name();
        let thread = thread::Builder::new().name(format!("{name}-{number}")).stack_size(STACK);
        let started = thread.spawn(move || {
            if catch_unwind(AssertUnwindSafe(|| service.serve(stream, peer))).is_err() {
                log::error!("{name}: a session failed; this is a fault in satpost, the others go on");
            }
            drop(ticket);
        });
        if let Err(e) = started {
            self.warn(&format!("cannot start a session: {e}"));
            refuse(&socket, self.service.refusal());
        }
    }

    fn warn(&mut self, what: &str) {
        if self.warned.is_none_or(|at| at.elapsed() > QUIET) {
            log::warn!(
                "{}: {what}; trying again, the next {} s without saying so",
                self.service.name(),
                QUIET.as_secs()
            );
            self.warned = Some(Instant::now());
        }
    }
}

/// Gives file descriptors that this process can still open.
pub fn spare_descriptors() -> usize {
    // Not being able to look means that there is none to look with.
    let used = std::fs::read_dir("/proc/self/fd").map_or(usize::MAX, Iterator::count);
    descriptor_limit().saturating_sub(used)
}

fn descriptor_limit() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// Says no without waiting for anybody: what does not fit into the socket's buffer is not said.
fn refuse(mut socket: &TcpStream, words: &[u8]) {
    if socket.set_nonblocking(true).is_ok() {
        let _ = socket.write(words);
        let _ = socket.shutdown(Shutdown::Write);
        // A request left unread would turn the close into a reset, and the answer would be lost with it.
        let _ = socket.read(&mut [0; 4096]);
    }
}
