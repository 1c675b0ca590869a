//! A socket with one absolute deadline.
//!
//! Time-outs per read do not bound a peer that sends one byte at a time, least of all inside the loops of a TLS
//! handshake. Here each system call may take only what is left until the deadline.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use smol::channel::Receiver;
use smol::future::or;
use smol::{Async, Timer};

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// The peer sent something, or is gone.
    Input,
    /// Something happened on this box.
    News,
    /// The limit has passed.
    Time,
}

/// A connected socket that fails with [`ErrorKind::TimedOut`] once its deadline has passed.
#[derive(Debug)]
pub struct Stream {
    socket: Arc<TcpStream>,
    until: Instant,
    stopping: Arc<AtomicBool>,
    standing: Arc<Standing>,
    /// The time-outs that the socket has now, for reading and for writing.
    armed: [Duration; 2],
}

/// What a session tells the gate of itself, so that the gate knows who has to go when room is short.
#[derive(Debug)]
pub struct Standing {
    leaving: AtomicBool,
    proven: AtomicBool,
    began: Instant,
    /// When the session last did something useful, in milliseconds after its beginning.
    useful: AtomicU64,
}

impl Standing {
    /// Makes the standing of a session that begins.
    pub fn new(proven: bool) -> Self {
        let (leaving, proven) = (AtomicBool::new(false), AtomicBool::new(proven));
        Self { leaving, proven, began: Instant::now(), useful: AtomicU64::new(0) }
    }

    /// True once its work is done.
    pub fn is_leaving(&self) -> bool {
        // Relaxed, here and below: these flags guard no other data.
        self.leaving.load(Ordering::Relaxed)
    }

    /// True when its client proved who they are, or comes from where somebody did.
    pub fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    /// Tells for how long it did nothing useful.
    pub fn idle(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.useful.load(Ordering::Relaxed)))
    }

    /// Takes its place away: it is as good as gone.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }
}

/// Places in [`Stream::armed`].
const READ: usize = 0;
const WRITE: usize = 1;

impl Stream {
    /// Makes a stream around a socket that the gate can shut down; the gate raises `stopping` when it does, and reads in
    /// `standing` how the session is. The deadline is now.
    pub fn new(socket: Arc<TcpStream>, stopping: Arc<AtomicBool>, standing: Arc<Standing>) -> Self {
        Self { socket, until: Instant::now(), stopping, standing, armed: [Duration::ZERO; 2] }
    }

    /// Notes that the client proved who they are: the connection keeps its place when room is short.
    pub fn proven(&self) {
        self.standing.proven.store(true, Ordering::Relaxed);
    }

    /// Notes that the session came on: a command was complete, a request was there.
    pub fn useful(&self) {
        let since = u64::try_from(self.standing.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.standing.useful.store(since, Ordering::Relaxed);
    }

    /// Notes that only the farewell is left: the peer may come again before this connection is quite gone, and the cap
    /// for its address no longer counts it.
    pub fn leaving(&self) {
        self.standing.leave();
    }

    /// Sets the moment after which reading and writing fail.
    pub fn set_deadline(&mut self, until: Instant) {
        self.until = until;
    }

    /// Sets the deadline to `span` from now.
    pub fn allow(&mut self, span: Duration) {
        self.until = Instant::now() + span;
    }

    /// True once the gate is closing: finish what is in hand and leave.
    pub fn stopping(&self) -> bool {
        // Relaxed: the flag guards no other data.
        self.stopping.load(Ordering::Relaxed)
    }

    /// Has the system notice a peer that is gone, within some minutes. Failure costs only that.
    pub fn keep_alive(&self) {
        let _ = rustix::net::sockopt::set_socket_keepalive(&self.socket, true);
        let _ = rustix::net::sockopt::set_tcp_keepidle(&self.socket, Duration::from_secs(300));
        let _ = rustix::net::sockopt::set_tcp_keepintvl(&self.socket, Duration::from_secs(60));
    }

    /// Has the next piece acknowledged at once: many clients send the end of a command behind its literal by itself, and their
    /// system holds it back until then, some 40 ms. Failure costs only that.
    pub fn acknowledge(&self) {
        let _ = rustix::net::sockopt::set_tcp_quickack(&self.socket, true);
    }

    /// Gives the socket to somebody who keeps it after the session: the gate knows it no longer. It does not block.
    ///
    /// # Errors
    /// When the process has no descriptor for it.
    pub fn hand_over(self) -> io::Result<TcpStream> {
        let socket = self.socket.try_clone()?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    /// Gives the address of this box that the peer connected to.
    ///
    /// # Errors
    /// When the socket is no longer connected.
    pub fn local_ip(&self) -> io::Result<std::net::IpAddr> {
        Ok(self.socket.local_addr()?.ip().to_canonical())
    }

    /// True when the peer has closed its side or is gone; looks without waiting and takes nothing.
    pub fn hung_up(&self) -> bool {
        if self.socket.set_nonblocking(true).is_err() {
            return true;
        }
        let seen = self.socket.peek(&mut [0]);
        let restored = self.socket.set_nonblocking(false);
        restored.is_err() || !matches!(seen, Ok(1..)) && !matches!(&seen, Err(e) if e.kind() == ErrorKind::WouldBlock)
    }

    /// Waits for input, for news, or for the limit; nothing of this polls.
    ///
    /// # Errors
    /// When the system cannot watch the socket.
    pub fn wait(&self, news: &Receiver<()>, limit: Duration) -> io::Result<Woken> {
        let socket = Async::new(self.socket.clone())?;
        let input = async { socket.readable().await.map(|()| Woken::Input) };
        let news = async {
            // A closed channel means that the store is closing, and so are the listeners.
            let _ = news.recv().await;
            Ok(Woken::News)
        };
        let time = async {
            Timer::after(limit).await;
            Ok(Woken::Time)
        };
        let woken = smol::block_on(or(input, or(news, time)));
        drop(socket);
        self.socket.set_nonblocking(false)?;
        woken
    }

    /// Ends the connection so that the last answer arrives: a socket closed with unread input would be reset, and
    /// the answer lost with it. Reads away what still comes, up to `most` bytes and `limit`.
    pub fn close_gently(&mut self, most: usize, limit: Duration) {
        self.leaving();
        if self.socket.shutdown(Shutdown::Write).is_err() {
            return;
        }
        self.allow(limit);
        let mut waste = [0; 4096];
        let mut left = most;
        while left > 0 {
            match self.read(&mut waste) {
                Ok(0) | Err(_) => return,
                Ok(n) => left = left.saturating_sub(n),
            }
        }
    }

    /// Has the connection reset when it ends, and not closed in order: the peer learns that what it sent was not taken.
    pub fn reset(&self) {
        // Failure means that the peer is gone already.
        let _ = rustix::net::sockopt::set_socket_linger(&self.socket, Some(Duration::ZERO));
    }

    /// Sees to it that the next system call ends by the deadline. A time-out that is somewhat too short does as well,
    /// as the caller asks again; that saves most of the calls on a busy connection.
    fn arm(&mut self, way: usize) -> io::Result<()> {
        let left = match self.until.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => left.max(Duration::from_millis(1)),
            _ => return Err(ErrorKind::TimedOut.into()),
        };
        if self.armed[way] > left || self.armed[way] < left / 2 {
            match way {
                READ => self.socket.set_read_timeout(Some(left))?,
                _ => self.socket.set_write_timeout(Some(left))?,
            }
            self.armed[way] = left;
        }
        Ok(())
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.arm(READ)?;
            match (&*self.socket).read(buffer) {
                // What a passed SO_RCVTIMEO looks like; `arm` decides whether it is over.
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                done => return done,
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.arm(WRITE)?;
            match (&*self.socket).write(bytes) {
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                done => return done,
            }
        }
    }

    /// What TLS has ready in several pieces leaves in one segment, where it fits one.
    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            self.arm(WRITE)?;
            match (&*self.socket).write_vectored(pieces) {
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                done => return done,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
