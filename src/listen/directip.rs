//! The listener for the gateway of the Iridium network (DirectIP): one message of a terminal in each connection. Only the named
//! peers are heard; who else connects is sent away before a byte is read.
//!
//! The message is handed to the link, and confirmed once that has it on disk. Where it is not, the connection is reset, and the
//! gateway sends it again.

use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::gate::{Caps, Service};
use super::stream::Stream;
use crate::link::callers::Callers;
use crate::link::directip::{self, PATH, frame};
use crate::link::hooks::HookCall;
use crate::settings::Key;
use crate::store::Store;

/// A message has come within this time.
const FIRST: Duration = Duration::from_secs(30);
/// The link has it on disk within this time, also when it hands a message over first.
const KEPT: Duration = Duration::from_secs(20);
const _: () = assert!(directip::BUSY.as_secs() < KEPT.as_secs(), "a message would wait for one that hangs");
/// The confirmation is written within this time.
const FAREWELL: Duration = Duration::from_secs(5);
/// One connection a message.
const CAPS: Caps = Caps { total: 32, per_address: 16 };
/// A stranger is written down once in this time.
const QUIET: Duration = Duration::from_secs(3600);

/// Takes the calls of the gateway, one message each.
pub struct DirectIpListener {
    store: Store,
    callers: Callers,
    /// When a stranger was last written down.
    warned: Mutex<Option<Instant>>,
}

impl DirectIpListener {
    /// Makes the listener of a box.
    pub fn new(store: &Store, callers: &Callers) -> Self {
        Self { store: store.clone(), callers: callers.clone(), warned: Mutex::default() }
    }

    fn session(&self, stream: &mut Stream, peer: IpAddr) -> io::Result<()> {
        stream.set_deadline(Instant::now() + FIRST);
        let mut head = [0; frame::HEAD];
        stream.read_exact(&mut head)?;
        let rest = frame::rest(head).ok_or_else(|| io::Error::other("it is no frame, or too long"))?;
        let mut frame = head.to_vec();
        frame.resize(frame::HEAD + rest, 0);
        stream.read_exact(&mut frame[frame::HEAD..])?;
        stream.useful();
        let call = |answer| HookCall { from: Some(peer), kind: PATH.to_owned(), form: Vec::new(), body: frame, answer };
        match self.callers.hooks.call(PATH, call, KEPT) {
            Some(200) => {}
            Some(status) => return Err(io::Error::other(format!("it could not be kept now ({status})"))),
            None => return Err(io::Error::other("the box has no link of driver directip")),
        }
        stream.allow(FAREWELL);
        if self.store.settings().on(Key::DirectipConfirm) {
            stream.write_all(&frame::kept())?;
        }
        stream.close_gently(frame::MAX_FRAME, FAREWELL);
        Ok(())
    }

    /// Tells the owner of strangers, but not of each.
    fn warn(&self, peer: IpAddr) {
        let Ok(mut warned) = self.warned.lock() else { return };
        if warned.is_none_or(|at| at.elapsed() >= QUIET) {
            *warned = Some(Instant::now());
            log::warn!("directip: somebody at {peer} is none of directip.peers, and is not heard");
        }
    }
}

impl Service for DirectIpListener {
    fn name(&self) -> &'static str {
        PATH
    }

    fn caps(&self) -> Caps {
        CAPS
    }

    fn refusal(&self) -> &[u8] {
        b""
    }

    fn serve(&self, mut stream: Stream, peer: IpAddr) {
        if !self.store.settings().contains(Key::DirectipPeers, peer) {
            self.warn(peer);
            return stream.reset();
        }
        stream.proven();
        if let Err(error) = self.session(&mut stream, peer) {
            log::warn!("directip: a message from the gateway at {peer} was not taken: {error}");
            stream.reset();
        }
    }
}
