//! Where the listener leaves connections of paired boxes for the driver that serves them.

use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConnection;
use smol::channel::{Receiver, Sender, TrySendError, bounded};

use super::hooks::Hooks;
use crate::address::KeyId;

/// Connections that wait for the driver to take them; it does so at once.
const WAITING: usize = 64;

/// A paired box that has connected and said hello.
pub struct Caller {
    /// The name of its key, which it has proved.
    pub key: KeyId,
    /// What people here call it.
    pub name: String,
    /// The connection that it made, accepted by the listener.
    pub socket: TcpStream,
    /// TLS on that connection, with the handshake done.
    pub tls: ServerConnection,
    /// What it has said, from its hello on.
    pub said: Vec<u8>,
}

/// What the driver is told.
pub enum Call {
    /// A paired box has connected: the driver serves it from now on.
    Connected(Box<Caller>),
    /// This box was paired with the one that it dials.
    Paired,
    /// A box is not paired any more.
    Forgotten(KeyId),
}

/// The ways from the listeners to the drivers; clones share them.
#[derive(Clone, Default)]
pub struct Callers {
    boxes: Arc<Mutex<Option<Sender<Call>>>>,
    /// Calls of ground services.
    pub hooks: Hooks,
}

impl Callers {
    /// Becomes the one who is called, as long as the receiver lives.
    pub fn answer(&self) -> Receiver<Call> {
        let (sender, receiver) = bounded(WAITING);
        *self.boxes.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }

    /// Hands a call over; false when nobody answers: the box has no such link at present.
    pub fn call(&self, call: Call) -> bool {
        let sender = self.boxes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Full means that the driver is stuck; the caller comes again.
        sender.is_some_and(|sender| {
            !matches!(sender.try_send(call), Err(TrySendError::Full(_) | TrySendError::Closed(_)))
        })
    }
}
