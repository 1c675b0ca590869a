//! The gate before every network listener: how many clients may connect, from where, and how their sessions end at stop.
//!
//! One named thread accepts; each connection gets a thread of its own with a small stack. The gate holds every live
//! socket, so that stop is heard by a session that waits for its peer.
//!
//! When room is short, who proved themselves comes first. A quarter of all places is for networks from which somebody
//! logged in; and a connection that proved nothing gives its place to a newcomer, when the newcomer comes from such a network,
//! or the connection was idle for [`IDLE`], or its network holds more places than the newcomer's. The network with the most
//! connections gives first, and there the one that was idle for longest. So silent connections, from however many places,
//! cost those who hold them their own places and nobody else's.

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

use super::stream::{Standing, Stream};
use crate::limit::network_of;
use crate::limit::proven::Proven;

/// Stack of a session thread, in bytes. Debug builds do a TLS handshake in less than half of it.
pub const STACK: usize = 256 * 1024;

/// How long the gate rests when the process has no file descriptor (or memory) for another connection.
const EXHAUSTED: Duration = Duration::from_millis(100);
/// A connection that did nothing useful for so long gives its place to anybody who comes.
const IDLE: Duration = Duration::from_secs(5);
/// One warning in this time.
const QUIET: Duration = Duration::from_secs(60);
/// Descriptors that callers may not take: the store, the modem and the web server need some too. A quarter of all where
/// there are few.
const RESERVE: usize = 48;

/// How many connections may live at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Most connections of all clients together.
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
    /// True where a front itself keeps its places when room is short; otherwise those for whom it speaks have to prove themselves.
    fn front_is_proven(&self) -> bool {
        true
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
    /// Serves connections on `listeners`, which the caller has bound or got from systemd. Networks in `proven` keep their
    /// places when room is short.
    ///
    /// # Errors
    /// When a listener cannot be watched or the thread not started.
    pub fn open(listeners: Vec<TcpListener>, service: Arc<dyn Service>, proven: Arc<Proven>) -> io::Result<Self> {
        let addresses = listeners.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;
        let listeners = listeners.into_iter().map(Async::new).collect::<io::Result<Vec<_>>>()?;
        let (stop, stopped) = bounded(1);
        let (closing, closed) = bounded(1);
        let connections = Arc::new(Connections::default());
        let acceptor = Acceptor { listeners, service, connections: connections.clone(), proven, stopped, warned: None };
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

    /// Counts the connections that live now.
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

/// The connections that live now, by number.
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
    standing: Arc<Standing>,
}

impl Connections {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Connection>> {
        // No code that holds the lock can leave the map half changed.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes sure of a place for one more from `network`; false when there is none.
    fn admits(&self, network: IpAddr, caps: Caps, proven: bool) -> bool {
        let live = self.lock();
        let stay = || live.values().filter(|connection| !connection.standing.is_leaving());
        let of = |network: IpAddr| stay().filter(|connection| connection.network == network).count();
        // Threads of connections that are on their way out are bounded too.
        if of(network) >= caps.per_address || live.len() >= 2 * caps.total {
            return false;
        }
        let strangers = || stay().filter(|connection| !connection.standing.is_proven());
        let reserve = if proven { 0 } else { caps.total / 4 };
        if stay().count() < caps.total && (proven || strangers().count() < caps.total - reserve) {
            return true;
        }
        let Some(last) = strangers().max_by_key(|other| (of(other.network), other.standing.idle())) else {
            return false;
        };
        let gives = proven || of(last.network) > of(network) + 1 || last.standing.idle() >= IDLE;
        if gives {
            last.standing.leave();
            // A peer that is gone already is as good as shut.
            let _ = last.socket.shutdown(Shutdown::Both);
        }
        gives
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

/// What the thread that accepts connections works with.
struct Acceptor {
    listeners: Vec<Async<TcpListener>>,
    service: Arc<dyn Service>,
    connections: Arc<Connections>,
    proven: Arc<Proven>,
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
        let front = self.service.is_front(peer);
        if front {
            caps.per_address = caps.total;
        }
        let proven = front && self.service.front_is_proven() || self.proven.knows(peer, Instant::now());
        if !self.connections.admits(network, caps, proven) {
            return refuse(&socket, self.service.refusal());
        }
        let socket = Arc::new(socket);
        let standing = Arc::new(Standing::new(proven));
        let stream = Stream::new(socket.clone(), self.connections.stopping.clone(), standing.clone());
        self.connections.lock().insert(number, Connection { socket: socket.clone(), network, standing });
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

#[cfg(test)]
mod tests {
    use super::*;

    const CAPS: Caps = Caps { total: 8, per_address: 4 };

    /// Connections, all to one listener, from networks that are only said to be theirs.
    struct Room {
        listener: TcpListener,
        connections: Connections,
        number: u64,
    }

    impl Room {
        fn new() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            Self { listener, connections: Connections::default(), number: 0 }
        }

        /// Lets one in, if there is a place; gives the other end of it.
        fn enter(&mut self, network: u8, proven: bool) -> Option<TcpStream> {
            // Who gave a place up is gone by now.
            self.connections.lock().retain(|_, one| !one.standing.is_leaving());
            let network = IpAddr::from([192, 0, 2, network]);
            if !self.connections.admits(network, CAPS, proven) {
                return None;
            }
            let client = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
            let socket = Arc::new(self.listener.accept().unwrap().0);
            let standing = Arc::new(Standing::new(proven));
            self.connections.lock().insert(self.number, Connection { socket, network, standing });
            self.number += 1;
            Some(client)
        }

        /// Connections of a network that have a place.
        fn of(&self, network: u8) -> usize {
            let network = IpAddr::from([192, 0, 2, network]);
            let live = self.connections.lock();
            live.values().filter(|one| one.network == network && !one.standing.is_leaving()).count()
        }
    }

    #[test]
    fn silent_connections_cost_the_places_of_those_who_hold_them() {
        let mut room = Room::new();
        let held: Vec<_> = (1..=3).flat_map(|network| (0..4).map(move |_| network)).collect();
        let held: Vec<_> = held.into_iter().filter_map(|network| room.enter(network, false)).collect();
        assert_eq!(
            [1, 2, 3].map(|network| room.of(network)),
            [2, 2, 2],
            "a quarter of the places is not for strangers"
        );
        // A stranger with one connection takes a place of a network that holds more.
        assert!(room.enter(9, false).is_some());
        assert_eq!([1, 2, 3, 9].map(|network| room.of(network)), [1, 2, 2, 1]);
        // Their own next connections do not drive out others.
        assert!((1..=3).all(|network| room.enter(network, false).is_none()));
        // Who is known gets the reserve, and then the places of strangers, until only known ones are left.
        let known: Vec<_> = (0..4).filter_map(|_| room.enter(10, true)).collect();
        assert_eq!((known.len(), room.of(10)), (4, 4));
        assert!(room.enter(10, true).is_none(), "the cap of one address stays");
        let more: Vec<_> = (0..4).filter_map(|_| room.enter(11, true)).collect();
        assert_eq!((more.len(), room.of(10), room.of(11), room.of(9)), (4, 4, 4, 0));
        assert!(room.enter(12, true).is_none(), "nobody who proved themselves goes");
        let mut end = [0];
        assert_eq!((&held[0]).read(&mut end).unwrap(), 0, "who gave the place hears the end");
    }
}
