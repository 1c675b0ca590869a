//! Driver of Iridium's DirectIP: the gateway of the network itself, for whoever has a contract that opens it. Messages from
//! terminals come over a connection each to the box's own listener, messages for terminals go over a connection each to the
//! gateway; both are plain TCP, and who may speak is told by addresses.
//!
//! After Iridium's DirectIP guide, as several programs of others have it.

pub mod frame;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use smol::future::or;

use crate::clock::{Clock, Time};
use crate::fault::Fault;
use crate::link::ground::calls::{Heard, Unheard, heard};
use crate::link::ground::{ERROR_AGAIN, Ground, Handed, LOGIN_AGAIN, Service, UNSENT_AGAIN};
use crate::link::hooks::HookCall;
use crate::link::{Link, PairedWith};
use crate::message::Reason;
use crate::settings::{Key, Settings};

/// Where its listener leaves what it was sent. No path of the web is like it, as each of those has a slash in it.
pub const PATH: &str = "directip";
/// A connection to the gateway is there within this time, and its answer within the same again.
const LIMIT: Duration = Duration::from_secs(8);
/// A message from a terminal waits no longer than this for one that is on its way to another.
pub const BUSY: Duration = LIMIT.saturating_mul(2);

/// See [`super::Driver::check`].
pub fn check(settings: &Settings, _: &[PairedWith]) -> Result<String, Vec<String>> {
    let (gateway, peers) = (settings.text(Key::DirectipGateway), settings.text(Key::DirectipPeers));
    let mut wrong = Vec::new();
    if !is_address(gateway) {
        wrong.push("set directip.gateway to the address and port of the gateway, as the contract names it".to_owned());
    }
    if peers.is_empty() {
        wrong.push("nobody may send messages here: set directip.peers to the addresses of the gateway".to_owned());
    }
    match wrong.is_empty() {
        false => Err(wrong),
        true => Ok(format!(
            "have the messages of the terminals sent to this box, to the port of directip.listen ({}); messages go to {gateway}",
            match settings.text(Key::DirectipListen) {
                "" => "not set: the socket that systemd passes",
                listen => listen,
            }
        )),
    }
}

/// Tells whether this is a host and a port.
fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// Makes the link; it opens nothing before the first poll.
pub fn make(settings: &Settings, clock: &Clock) -> Box<dyn Link> {
    Box::new(Ground::new(DirectIp::new(settings), clock))
}

struct DirectIp {
    gateway: String,
    /// Our number of the last message.
    last: u32,
}

impl DirectIp {
    fn new(settings: &Settings) -> Self {
        let mut random = [0; 4];
        // Without random numbers the numbers of two lives are the same ones, which only makes answers harder to read.
        let _ = getrandom::fill(&mut random);
        Self { gateway: settings.text(Key::DirectipGateway).to_owned(), last: u32::from_be_bytes(random) }
    }

    /// What the gateway's status of a message means (`ground.md` section 6).
    fn outcome(&self, said: &frame::Confirmation, imei: &str) -> Handed {
        let status = said.status;
        let fault = |words: &str| format!("{words} (DirectIP: {status})");
        match status {
            1.. => Handed::Queued(said.reference.into()),
            -1 | -2 => Handed::Refused(Fault::operator(fault(&format!(
                "terminal {imei} is not known to the gateway: check its number here, and its contract"
            )))),
            -5 => Handed::Refused(Fault::temporary(fault(&format!(
                "as many messages wait for terminal {imei} as the gateway keeps: it has to fetch some"
            )))),
            -6 => Handed::Stopped(Fault::temporary(fault("the gateway has no room")), ERROR_AGAIN),
            -8 | -9 => Handed::Refused(Fault::operator(fault(&format!(
                "terminal {imei} is not rung by the gateway: have ring alerts switched on, or let it register"
            )))),
            -10 => Handed::Stopped(
                Fault::operator(fault("the gateway takes nothing from the address of this box: have it allowed there")),
                LOGIN_AGAIN,
            ),
            -12 => {
                Handed::Stopped(Fault::operator(fault("the gateway refuses the certificate of this box")), LOGIN_AGAIN)
            }
            -3 | -4 | -7 | -11 => {
                Handed::Refused(Fault::permanent(fault("the gateway never takes this message, please report it")))
            }
            // Done, and no message was in it; or what no guide has.
            _ => Handed::Unknown(Reason::said(fault("the gateway says something about a message that nobody knows"))),
        }
    }
}

impl Service for DirectIp {
    const TITLE: &'static str = "DirectIP";
    const NAME: &'static str = PATH;

    fn address(&self) -> &str {
        &self.gateway
    }

    fn user(&self) -> &'static str {
        "the address of this box"
    }

    fn hook(&self) -> Option<String> {
        Some(PATH.to_owned())
    }

    fn read(&mut self, call: &HookCall, _now: Option<Time>) -> Result<Heard, Unheard> {
        let mo = frame::mo(&call.body).map_err(|damage| Unheard::Unusable(damage.to_string()))?;
        let parts = format!("{PATH}:{}:{}:{}", mo.imei.shown(), mo.momsn, mo.record);
        Ok(heard(&parts, mo.imei, mo.payload, Some(mo.at)))
    }

    fn complete(&self) -> Result<(), Fault> {
        match is_address(&self.gateway) {
            true => Ok(()),
            false => Err(Fault::operator("no gateway is set: set directip.gateway")),
        }
    }

    fn queue(&mut self, imei: &str, payload: &[u8]) -> Handed {
        self.last = self.last.wrapping_add(1);
        let until = Instant::now() + LIMIT;
        let mut socket = match resolve(&self.gateway, until).and_then(|found| connect(&found, until)) {
            Ok(socket) => socket,
            Err(error) => {
                let fault = Fault::temporary(format_args!("{} cannot be reached: {error}", self.gateway));
                return Handed::Stopped(fault, UNSENT_AGAIN);
            }
        };
        // From the first byte on nobody knows, unless the gateway says.
        let until = Instant::now() + LIMIT;
        let written =
            socket.set_write_timeout(Some(LIMIT)).and_then(|()| socket.write_all(&frame::mt(self.last, imei, payload)));
        let answer = written.and_then(|()| read(&mut socket, until));
        let said = answer
            .map_err(|error| error.to_string())
            .and_then(|bytes| frame::confirmation(&bytes).map_err(|damage| damage.to_string()));
        match said {
            Ok(said) if said.id == self.last && said.imei == imei => self.outcome(&said, imei),
            Ok(_) => {
                Handed::Unknown(Reason::said("the gateway confirmed another message, and may have taken this one"))
            }
            Err(why) => Handed::Unknown(Reason::said(format_args!(
                "the gateway gave no confirmation, and may have taken the message: {why}"
            ))),
        }
    }
}

/// Looks up the addresses of the gateway, until then at most.
fn resolve(gateway: &str, until: Instant) -> io::Result<Vec<SocketAddr>> {
    let late = async {
        smol::Timer::at(until).await;
        Err(io::Error::new(io::ErrorKind::TimedOut, "the name server does not answer"))
    };
    smol::block_on(or(smol::net::resolve(gateway), late))
}

/// Connects to the first that answers. The time that is left is shared out evenly, so that a dead one leaves some for the next.
fn connect(gateway: &[SocketAddr], until: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name leads nowhere");
    for (at, address) in gateway.iter().enumerate() {
        let others = u32::try_from(gateway.len() - at).unwrap_or(u32::MAX);
        let share = until.saturating_duration_since(Instant::now()) / others;
        if share.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(address, share) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Reads a frame, to the length that it says.
fn read(socket: &mut TcpStream, until: Instant) -> io::Result<Vec<u8>> {
    let mut frame = Vec::new();
    let mut whole = frame::HEAD;
    while frame.len() < whole {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        let mut buffer = [0; 512];
        let most = buffer.len().min(whole - frame.len());
        match socket.read(&mut buffer[..most])? {
            0 => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it closed the connection")),
            count => frame.extend_from_slice(&buffer[..count]),
        }
        if let (true, Ok(head)) = (frame.len() == frame::HEAD, <[u8; frame::HEAD]>::try_from(frame.as_slice())) {
            whole += frame::rest(head).ok_or_else(|| io::Error::other("its answer is no frame"))?;
        }
    }
    Ok(frame)
}

/// Reads this as each frame that may come, for the fuzzers.
#[cfg(fuzzing)]
pub fn fuzz(body: &[u8]) {
    let _ = (frame::mo(body), frame::confirmation(body));
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const IMEI: &str = "300234010753370";

    fn link(gateway: &str) -> DirectIp {
        DirectIp::new(&Settings::default().with(Key::DirectipGateway, gateway).unwrap())
    }

    #[test]
    fn each_status_has_its_consequence() {
        let outcome = |status| {
            let said = frame::Confirmation { id: 1, imei: IMEI.to_owned(), reference: 7, status };
            link("gateway.example.net:10800").outcome(&said, IMEI)
        };
        assert!((1..=50).all(|place| outcome(place) == Handed::Queued(7)));
        for status in [-1, -2, -3, -4, -5, -7, -8, -9, -11] {
            assert!(matches!(outcome(status), Handed::Refused(_)), "{status}");
        }
        for status in [-6, -10, -12] {
            assert!(matches!(outcome(status), Handed::Stopped(..)), "{status}");
        }
        for status in [0, -13, i16::MIN] {
            assert!(matches!(outcome(status), Handed::Unknown(_)), "{status}");
        }
    }

    #[test]
    fn an_address_that_is_dead_leaves_time_for_the_next() {
        // One whose queue of connections is full answers nothing, like a machine that is off.
        let full = TcpListener::bind("127.0.0.1:0").unwrap();
        rustix::net::listen(&full, 0).unwrap();
        let dead = full.local_addr().unwrap();
        let soon = Duration::from_millis(200);
        let _queued: Vec<_> = std::iter::from_fn(|| TcpStream::connect_timeout(&dead, soon).ok()).collect();
        let alive = TcpListener::bind("127.0.0.1:0").unwrap();
        let found = [dead, alive.local_addr().unwrap()];
        assert_eq!(connect(&found, Instant::now() + LIMIT).unwrap().peer_addr().unwrap(), found[1]);
        assert_eq!(connect(&found[..1], Instant::now() + soon).unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn what_certainly_did_not_arrive_is_told_from_what_may_have() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answers = std::thread::spawn(move || {
            for answer in [&b"\x01\x00\x04\x05\x00\x01\x01"[..], b"\x01\x00\x1c", b"HTTP/1.1 400", b""] {
                let (mut socket, _) = listener.accept().unwrap();
                socket.read_exact(&mut [0; 35]).unwrap();
                socket.write_all(answer).unwrap();
            }
        });
        for _ in 0..4 {
            assert!(matches!(link(&address).queue(IMEI, b"hello"), Handed::Unknown(_)));
        }
        answers.join().unwrap();
        assert!(matches!(link(&address).queue(IMEI, b"hello"), Handed::Stopped(..)), "nobody listens any more");
        assert!(link("gateway.example.net").complete().is_err() && link("").complete().is_err());
    }
}
