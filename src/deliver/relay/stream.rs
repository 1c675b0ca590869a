//! The stream to the relay, in clear text or in TLS. Each step of the conversation has an absolute limit, however
//! slowly the bytes trickle, and a stop of the box is heard in every wait.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustls::ClientConnection;
use smol::channel::Receiver;
use smol::future::or;
use smol::{Async, Timer};

use super::config::RelayConfig;
use super::reply::Replies;
use crate::fault::Fault;

/// Bytes handed to the socket, or taken from it, at once.
const BLOCK: usize = 16 * 1024;

/// Why nothing more comes over the stream.
#[derive(Debug)]
pub(super) enum Lost {
    /// The limit of the step has passed.
    Late(Duration),
    /// The box is stopping: nothing more is waited for.
    Stopped,
    /// The relay closed the connection.
    Closed,
    /// The system reports this.
    Broken(io::Error),
    /// TLS failed, or was ended.
    Tls(rustls::Error),
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Late(limit) => write!(f, "no complete answer in {}", seconds(*limit)),
            Self::Stopped => f.write_str("given up, because this box is stopping"),
            Self::Closed => f.write_str("it closed the connection"),
            Self::Broken(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
        }
    }
}

/// An open connection to the relay, in clear text or with TLS.
pub(super) struct Stream {
    /// The relay's end.
    pub(super) peer: SocketAddr,
    /// Address of this box on that connection.
    pub(super) local: IpAddr,
    socket: Async<TcpStream>,
    tls: Option<Box<ClientConnection>>,
    /// In clear text: what the socket has not taken yet. In TLS the connection keeps it.
    unsent: Vec<u8>,
    /// The relay reads no more. It may still have something to say.
    deaf: bool,
    /// Found while reading, told at the next wait: what came and went before it counts first.
    ended: Option<Lost>,
    stop: Receiver<()>,
    limit: Duration,
    until: Instant,
}

impl Stream {
    /// Finds the relay and connects to it, each within `limit`. Closing `stop` ends this wait and all later ones.
    pub(super) fn open(config: &RelayConfig, stop: &Receiver<()>) -> Result<Self, Fault> {
        let (relay, limit) = (config.name(), config.timeout);
        let end = async {
            stopped(stop).await;
            Err(Fault::temporary(format!("{relay}: {}", Lost::Stopped)))
        };
        let socket = smol::block_on(or(connect(&relay, &config.host, config.port, limit), end))?;
        let broken = |error: io::Error| Fault::temporary(format!("{relay}: {error}"));
        let (peer, local) = (socket.get_ref().peer_addr(), socket.get_ref().local_addr());
        // A command waits for its answer: nothing is gained by collecting bytes.
        socket.get_ref().set_nodelay(true).map_err(broken)?;
        Ok(Self {
            peer: peer.map_err(broken)?,
            local: local.map_err(broken)?.ip(),
            socket,
            tls: None,
            unsent: Vec::new(),
            deaf: false,
            ended: None,
            stop: stop.clone(),
            limit,
            until: Instant::now() + limit,
        })
    }

    /// Begins a step, which may last so long.
    pub(super) fn limit(&mut self, limit: Duration) {
        (self.limit, self.until) = (limit, Instant::now() + limit);
    }

    /// True once TLS is spoken.
    pub(super) fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Shakes hands. `replies` is empty before, and may hold the greeting of a fast relay afterwards.
    pub(super) fn encrypt(&mut self, connection: ClientConnection, replies: &mut Replies) -> Result<(), Lost> {
        self.tls = Some(Box::new(connection));
        while self.tls.as_ref().is_some_and(|tls| tls.is_handshaking() || tls.wants_write()) {
            self.turn(replies)?;
            if self.deaf {
                return Err(Lost::Closed);
            }
        }
        Ok(())
    }

    /// Sends these bytes. False when they did not all go, because the relay spoke before the end or reads no more: what
    /// it says is then no answer to the whole.
    pub(super) fn send(&mut self, bytes: &[u8], replies: &mut Replies) -> Result<bool, Lost> {
        for block in bytes.chunks(BLOCK) {
            if self.deaf || !replies.is_empty() {
                return Ok(false);
            }
            match &mut self.tls {
                Some(tls) => tls.writer().write_all(block).map_err(Lost::Broken)?,
                None => self.unsent.extend_from_slice(block),
            }
            while self.wants_write() {
                self.turn(replies)?;
                if self.wants_write() && !replies.is_empty() {
                    return Ok(false);
                }
            }
        }
        Ok(!self.deaf)
    }

    /// Waits for more bytes from the relay.
    pub(super) fn fill(&mut self, replies: &mut Replies) -> Result<(), Lost> {
        self.turn(replies)
    }

    /// Says good-bye in TLS, if the socket takes it at once: to a relay a connection that just ends looks cut off.
    pub(super) fn close(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = self.write();
        }
    }

    fn wants_write(&self) -> bool {
        !self.deaf && self.tls.as_ref().map_or(!self.unsent.is_empty(), |tls| tls.wants_write())
    }

    /// Waits until bytes can go one way or the other, and moves those that can.
    fn turn(&mut self, replies: &mut Replies) -> Result<(), Lost> {
        // However busy both ends are, the clock is looked at.
        if Instant::now() >= self.until {
            return Err(Lost::Late(self.limit));
        }
        if let Some(lost) = self.ended.take() {
            return Err(lost);
        }
        let write = self.wants_write();
        let ready = async {
            let readable = self.socket.readable();
            let ready = if write { or(self.socket.writable(), readable).await } else { readable.await };
            ready.map_err(Lost::Broken)
        };
        let late = async {
            Timer::at(self.until).await;
            Err(Lost::Late(self.limit))
        };
        let stop = async {
            stopped(&self.stop).await;
            Err(Lost::Stopped)
        };
        smol::block_on(or(ready, or(late, stop)))?;
        if write && self.write().is_err() {
            (self.deaf, self.unsent) = (true, Vec::new());
        }
        self.ended = self.read(replies).err();
        Ok(())
    }

    /// As much as the socket takes without waiting.
    fn write(&mut self) -> io::Result<()> {
        let mut socket = self.socket.get_ref();
        loop {
            let result = match &mut self.tls {
                Some(tls) if tls.wants_write() => tls.write_tls(&mut socket).map(drop),
                None if !self.unsent.is_empty() => {
                    socket.write(&self.unsent).map(|written| drop(self.unsent.drain(..written)))
                }
                _ => return Ok(()),
            };
            match result {
                Err(error) if waits(&error) => return Ok(()),
                result => result?,
            }
        }
    }

    /// One read of what is there; the error is the end of the stream.
    fn read(&mut self, replies: &mut Replies) -> Result<(), Lost> {
        let (mut socket, mut block) = (self.socket.get_ref(), [0; BLOCK]);
        let Some(tls) = &mut self.tls else {
            return match socket.read(&mut block) {
                Ok(0) => Err(Lost::Closed),
                Ok(read) => {
                    replies.push(&block[..read]);
                    Ok(())
                }
                Err(error) if waits(&error) => Ok(()),
                Err(error) => Err(Lost::Broken(error)),
            };
        };
        let got = match tls.read_tls(&mut socket) {
            Ok(got) => got,
            Err(error) if waits(&error) => return Ok(()),
            Err(error) => return Err(Lost::Broken(error)),
        };
        if let Err(error) = tls.process_new_packets() {
            // The other end is told why, if it still listens.
            let _ = tls.write_tls(&mut socket);
            return Err(Lost::Tls(error));
        }
        loop {
            match tls.reader().read(&mut block) {
                Ok(0) => return Err(Lost::Closed),
                Ok(read) => replies.push(&block[..read]),
                Err(error) if waits(&error) => break,
                // Cut off without the good-bye of TLS, as many servers do.
                Err(_) => return Err(Lost::Closed),
            }
        }
        if got == 0 { Err(Lost::Closed) } else { Ok(()) }
    }
}

fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Waits until the channel is closed; nothing is ever sent on it.
async fn stopped(stop: &Receiver<()>) {
    while stop.recv().await.is_ok() {}
}

async fn connect(relay: &str, host: &str, port: u16, limit: Duration) -> Result<Async<TcpStream>, Fault> {
    let late = async {
        Timer::after(limit).await;
        Err(Fault::temporary(format!("{relay}: its name was not found in {}", seconds(limit))))
    };
    let find = async {
        let found = smol::net::resolve((host, port)).await;
        found.map_err(|error| Fault::temporary(format!("{relay}: its name was not found ({error}); check relay.host")))
    };
    let addresses = or(find, late).await?;
    let mut why = Fault::temporary(format!("{relay}: its name has no address; check relay.host"));
    let until = Instant::now() + limit;
    for (at, &address) in addresses.iter().enumerate() {
        // A dead address leaves time for the next.
        let share = until.saturating_duration_since(Instant::now()) / u32::try_from(addresses.len() - at).unwrap_or(1);
        let late = async {
            Timer::after(share).await;
            Err(Fault::temporary(format!("{relay}: no connection to {address} in {}", seconds(share))))
        };
        let try_it = async {
            let stream = Async::<TcpStream>::connect(address).await;
            stream.map_err(|error| Fault::temporary(format!("{relay}: no connection to {address}: {error}")))
        };
        match or(try_it, late).await {
            Ok(stream) => return Ok(stream),
            Err(fault) => why = fault,
        }
    }
    Err(why)
}

fn seconds(span: Duration) -> String {
    let digits = usize::from(span < Duration::from_secs(10));
    format!("{:.digits$} s", span.as_secs_f64())
}
