//! The listener for other boxes: proves their keys, pairs who has a code, and hands those that are paired to the link.
//!
//! Nothing is taken from a stranger but one frame of at most [`MAX_FIRST`] bytes, within [`FIRST`]. Who is not paired is told
//! so in a frame, for the page at the far end.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection};

use super::gate::{Caps, Service};
use super::stream::Stream;
use crate::address::{KeyId, LinkAddress};
use crate::fault::Fault;
use crate::limit::proven::Proven;
use crate::link::callers::{Call, Caller, Callers};
use crate::link::ip::frame::{Decoder, Frame, MAX_FIRST};
use crate::link::ip::key::{self, BoxKey};
use crate::link::ip::pairing::{Introduction, OpenCode};
use crate::message::events::EventKind;
use crate::message::reason::{ByeReason, PairFailure};
use crate::settings::Key;
use crate::store::{Event, PairedBox, Store};

/// Who connects has proved a key and said the first frame by then.
const FIRST: Duration = Duration::from_secs(10);
/// A box that is sent away hears why within this.
const FAREWELL: Duration = Duration::from_secs(2);
/// Connections that are not handed over yet.
const CAPS: Caps = Caps { total: 48, per_address: 16 };
/// The same stranger is written down once in this time.
const QUIET: Duration = Duration::from_secs(3600);
/// Strangers that are remembered for that.
const STRANGERS: usize = 256;
/// Bytes read at once: a first flight fits.
const READ: usize = 2048;

/// Takes the calls of other boxes and hands them to the link.
pub struct BoxListener {
    store: Store,
    callers: Callers,
    proven: Arc<Proven>,
    tls: Arc<ServerConfig>,
    /// Strangers that were written down, and when.
    written: Mutex<HashMap<KeyId, Instant>>,
}

impl BoxListener {
    /// Makes the listener of the box with this key.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(store: &Store, callers: &Callers, proven: Arc<Proven>, key: &BoxKey) -> Result<Self, Fault> {
        let tls = key.server().map_err(|error| Fault::operator(format!("TLS cannot be set up: {error}")))?;
        Ok(Self { store: store.clone(), callers: callers.clone(), proven, tls, written: Mutex::default() })
    }
}

impl Service for BoxListener {
    fn name(&self) -> &'static str {
        "ip"
    }

    fn caps(&self) -> Caps {
        CAPS
    }

    fn refusal(&self) -> &[u8] {
        b""
    }

    fn serve(&self, stream: Stream, peer: IpAddr) {
        if let Err(error) = self.session(stream, peer) {
            log::debug!("ip: somebody at {peer} was not a box: {error}");
        }
    }
}

impl BoxListener {
    fn session(&self, mut stream: Stream, peer: IpAddr) -> io::Result<()> {
        stream.set_deadline(Instant::now() + FIRST);
        let mut tls = ServerConnection::new(Arc::clone(&self.tls)).map_err(io::Error::other)?;
        let (first, said) = first_frame(&mut tls, &mut stream)?;
        let key = key::proved(&tls).ok_or(ErrorKind::InvalidData)?;
        let answer = match first {
            Frame::Hello(_) => match self.known(key)? {
                Some(paired) => {
                    // Its network keeps its place when room is short.
                    stream.proven();
                    self.proven.note(peer, Instant::now());
                    let socket = stream.hand_over()?;
                    let caller = Caller { key, name: paired.name, socket, tls, said };
                    // Without a link that answers, the connection ends here; the box calls again.
                    self.callers.call(Call::Connected(Box::new(caller)));
                    return Ok(());
                }
                None => {
                    self.write_down(key, peer);
                    Frame::Bye(ByeReason::NotPaired)
                }
            },
            Frame::Pair(introduction) => match self.pair(key, &introduction, peer)? {
                Ok(own) => Frame::Pair(own),
                Err(why) => Frame::Bye(ByeReason::Pairing(why)),
            },
            _ => return Err(ErrorKind::InvalidData.into()),
        };
        stream.allow(FAREWELL);
        tls.writer().write_all(&answer.bytes())?;
        tls.send_close_notify();
        while tls.wants_write() {
            tls.write_tls(&mut stream)?;
        }
        stream.close_gently(READ, FAREWELL);
        Ok(())
    }

    fn known(&self, key: KeyId) -> io::Result<Option<PairedBox>> {
        self.store.read(|view| view.paired(LinkAddress::Ip(key))).map_err(|fault| io::Error::other(fault.to_string()))
    }

    /// Pairs with a box that has the token of the open code; the code, and the box, are written in one commit.
    fn pair(&self, key: KeyId, said: &Introduction, peer: IpAddr) -> io::Result<Result<Introduction, PairFailure>> {
        let (settings, now) = (self.store.settings(), self.store.clock().now());
        let paired = PairedBox {
            address: LinkAddress::Ip(key),
            name: if said.name.is_empty() { format!("box {}", key.groups()) } else { said.name.clone() },
            domain: said.domain.clone(),
            dialled: false,
            since: now,
        };
        let (token, person) = (said.token, said.person.clone());
        let done = self.store.write(move |tx| {
            let code = tx.note(OpenCode::NOTE)?.and_then(|bytes| serde_json::from_slice::<OpenCode>(&bytes).ok());
            let Some(mut code) = code else { return Ok(Err(PairFailure::NoCode)) };
            let fits = code.try_token(token, now);
            let bytes = serde_json::to_vec(&code).unwrap_or_default();
            tx.put_note(OpenCode::NOTE, Some(&bytes))?;
            let (name, from) = (paired.name.clone(), peer.to_string());
            let why = fits.err().map(ByeReason::Pairing);
            let wanted = code.far_box.filter(|_| fits.is_ok());
            let apart = wanted.map(|far_box| tx.add_address(far_box, paired.address)).transpose()? == Some(false);
            let what = EventKind::Called { name, key: key.groups(), from, why, apart };
            tx.event(&Event { at: now, part: "ip".to_owned(), link: None, kind: what, alarm: fits.is_err() || apart })?;
            if fits.is_ok() {
                tx.pair(&paired, &person)?;
                // Without such a link whoever calls is not heard.
                tx.line(now)?;
            }
            Ok(fits)
        });
        let fits = done.map_err(|fault| io::Error::other(fault.to_string()))?;
        log::info!(
            "ip: pairing with a box at {peer}: {}",
            fits.map_or_else(|why| why.to_string(), |()| "done".to_owned())
        );
        let text = |key| settings.text(key).to_owned();
        let own = Introduction { token: 0, name: text(Key::BoxName), domain: text(Key::Domain), person: String::new() };
        Ok(fits.map(|()| own))
    }

    /// Tells the owner of a stranger, but not at each of its tries.
    fn write_down(&self, key: KeyId, peer: IpAddr) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.retain(|_, at| at.elapsed() < QUIET);
        if written.len() >= STRANGERS || written.insert(key, Instant::now()).is_some() {
            return;
        }
        drop(written);
        let (name, from, why) = (String::new(), peer.to_string(), Some(ByeReason::NotPaired));
        let what = EventKind::Called { name, key: key.groups(), from, why, apart: false };
        log::warn!("ip: {what}");
        let event = Event { at: self.store.clock().now(), part: "ip".to_owned(), link: None, kind: what, alarm: false };
        if let Err(fault) = self.store.write(move |tx| tx.event(&event)) {
            log::warn!("ip: {fault}");
        }
    }
}

/// Does the handshake and reads one frame; with it the bytes that it was in.
fn first_frame(tls: &mut ServerConnection, stream: &mut Stream) -> io::Result<(Frame, Vec<u8>)> {
    let (mut decoder, mut said) = (Decoder::new(MAX_FIRST), Vec::new());
    let mut piece = [0; READ];
    loop {
        while tls.wants_write() {
            tls.write_tls(stream)?;
        }
        match tls.reader().read(&mut piece) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                said.extend_from_slice(&piece[..count]);
                decoder.push(&piece[..count]);
                if let Some(frame) = decoder.next().map_err(|why| io::Error::other(why.to_string()))? {
                    return Ok((frame, said));
                }
                if said.len() > MAX_FIRST {
                    return Err(ErrorKind::InvalidData.into());
                }
                continue;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if tls.read_tls(stream)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if let Err(error) = tls.process_new_packets() {
            // The alert tells the other side what is wrong.
            let _ = tls.write_tls(stream);
            return Err(io::Error::other(error));
        }
    }
}
