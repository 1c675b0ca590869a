//! TLS over a socket that never blocks, with a count of what it costs.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use rustls::Connection;
use smol::channel::Receiver;
use smol::future::or;
use smol::{Async, Timer};

use super::key;
use super::traffic::{self, Acks};
use crate::address::KeyId;

/// What the other side does not acknowledge for so long ends the connection (TCP_USER_TIMEOUT).
const UNACKNOWLEDGED: Duration = Duration::from_secs(60);
/// The way there and back, where nobody measured it.
const ROUND_TRIP: Duration = Duration::from_secs(1);
/// Bytes read at once.
const READ: usize = 16 * 1024;

/// Why a wire is of no use any more.
#[derive(Debug)]
pub enum WireError {
    /// The other side closed it.
    Closed,
    /// The socket failed, as the system says.
    Io(io::Error),
    /// Another key than the pinned one.
    OtherKey,
    /// What came is no TLS, or not such as two boxes speak.
    Tls(rustls::Error),
}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<rustls::Error> for WireError {
    fn from(error: rustls::Error) -> Self {
        if key::is_other_key(&error) { Self::OtherKey } else { Self::Tls(error) }
    }
}

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// The socket can be read or written.
    Socket,
    /// The bell of the connection was rung: there is something to write.
    Bell,
    /// The time limit was reached.
    Time,
}

/// A TCP connection with TLS on it, and what it cost in bytes.
pub struct Wire {
    socket: Async<TcpStream>,
    tls: Connection,
    ipv6: bool,
    /// Bytes as they went over the internet, not collected yet.
    cost: u64,
    acks: Acks,
    /// The way there and back takes about so long.
    round_trip: Duration,
    /// The other side has ended it.
    ended: bool,
}

impl Wire {
    /// Makes a wire of a connected socket and what has been said on it.
    ///
    /// # Errors
    /// When the socket cannot be watched.
    pub fn new(socket: TcpStream, mut tls: Connection) -> io::Result<Self> {
        let ipv6 = socket.peer_addr()?.ip().to_canonical().is_ipv6();
        // Frames are written whole, and the next one is often an answer.
        socket.set_nodelay(true)?;
        thrifty(&socket);
        let limit = u32::try_from(UNACKNOWLEDGED.as_millis()).unwrap_or(u32::MAX);
        rustix::net::sockopt::set_tcp_user_timeout(&socket, limit)?;
        tls.set_buffer_limit(None);
        let (cost, acks, round_trip) = (traffic::opened(ipv6), Acks::default(), ROUND_TRIP);
        Ok(Self { socket: Async::new(socket)?, tls, ipv6, cost, acks, round_trip, ended: false })
    }

    /// The way there and back was found to take so long.
    pub fn takes(&mut self, round_trip: Duration) {
        self.round_trip = round_trip;
    }

    /// Bytes as they went over the internet since the last call, about.
    pub fn collect_cost(&mut self) -> u64 {
        std::mem::take(&mut self.cost)
    }

    /// The name of the key that the other side has proved.
    pub fn far_key(&self) -> Option<KeyId> {
        key::proved(&self.tls)
    }

    /// True until both keys are proved.
    pub fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// True while bytes wait for the socket to take them.
    pub fn is_clogged(&self) -> bool {
        self.tls.wants_write()
    }

    /// Takes bytes to write; [`Wire::flush`] writes them.
    ///
    /// # Errors
    /// When the connection was closed.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        Ok(self.tls.writer().write_all(bytes)?)
    }

    /// Writes what the socket takes now.
    ///
    /// # Errors
    /// When the socket failed.
    pub fn flush(&mut self) -> Result<(), WireError> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket.get_ref()) {
                Ok(0) => return Err(WireError::Closed),
                Ok(count) => self.cost += self.acks.wrote(count, self.ipv6, Instant::now()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads what is there now, some kilobytes at most. Nothing is no error.
    ///
    /// # Errors
    /// When the connection is over, or what came cannot be read.
    pub fn pull(&mut self) -> Result<Vec<u8>, WireError> {
        let mut found = Vec::new();
        match self.tls.read_tls(&mut self.socket.get_ref()) {
            Ok(0) => return Err(WireError::Closed),
            Ok(count) => self.cost += self.acks.read(count, self.ipv6, self.round_trip, Instant::now()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(found),
            Err(error) => return Err(error.into()),
        }
        thrifty(self.socket.get_ref());
        let done = self.tls.process_new_packets();
        self.ended |= done.as_ref().is_ok_and(|state| state.peer_has_closed());
        if done.is_err() {
            // The alert says why, to whom it may concern.
            let _ = self.flush();
        }
        self.drain(&mut found)?;
        done?;
        Ok(found)
    }

    /// What was read and not taken out.
    ///
    /// # Errors
    /// When the other side has closed the connection.
    pub fn drain(&mut self, into: &mut Vec<u8>) -> Result<(), WireError> {
        let mut piece = [0; READ];
        loop {
            match self.tls.reader().read(&mut piece) {
                Ok(0) if into.is_empty() => return Err(WireError::Closed),
                // What came before the end is taken first; the end is met again.
                Ok(0) => return Ok(()),
                Ok(count) => into.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for the socket, a ring of the bell, or a moment. The socket is read from only if `reads`.
    pub async fn wait(&self, bell: &Receiver<()>, until: Option<Instant>, reads: bool) -> Woken {
        let readable = async {
            match reads {
                true => {
                    // An error is met again at the next read.
                    let _ = self.socket.readable().await;
                }
                false => smol::future::pending().await,
            }
            Woken::Socket
        };
        let writable = async {
            match self.is_clogged() {
                true => {
                    let _ = self.socket.writable().await;
                }
                false => smol::future::pending().await,
            }
            Woken::Socket
        };
        let rung = async {
            // Closed, it means that another connection has taken the place of this one, or that the link is at its end.
            let _ = bell.recv().await;
            Woken::Bell
        };
        let late = async {
            match until {
                Some(until) => {
                    Timer::at(until).await;
                }
                None => smol::future::pending().await,
            }
            Woken::Time
        };
        or(or(readable, writable), or(rung, late)).await
    }

    /// Ends the connection: the last words go out with the end itself, as far as the socket takes them at once. Who hung up
    /// first gets none.
    pub fn close(&mut self, last_words: &[u8]) {
        if !self.ended {
            // One segment carries the last words and the end.
            let _ = rustix::net::sockopt::set_tcp_cork(self.socket.get_ref(), true);
            let _ = self.push(last_words);
            self.tls.send_close_notify();
            let _ = self.flush();
        }
        let _ = self.socket.get_ref().shutdown(Shutdown::Write);
    }
}

/// Has the next answer carry the acknowledgement of what was read, where there is one within some 40 ms: a segment of its own
/// has 52 bytes. The system goes back to acknowledging at once by itself, so this is said after each read; failure costs only
/// those bytes.
fn thrifty(socket: &TcpStream) {
    let _ = rustix::net::sockopt::set_tcp_quickack(socket, false);
}
