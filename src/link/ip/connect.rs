//! Opens a connection to a far box: its addresses, TCP, and both keys.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use smol::future::or;
use smol::{Async, Timer};

use super::dial::DialError;
use super::key::{BoxKey, Pin};
use super::traffic;
use super::wire::{Wire, WireError, Woken};

/// A connection is open by then, a name is found.
const CONNECT: Duration = Duration::from_secs(20);
/// Both keys are proved by then.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// Connects to `host:port` and proves both keys; what is to be said `first` goes out with the last piece of the handshake, once
/// the other key is proved. Gives how long the way there and back takes; `spent` is told bytes as they
/// go over the internet, about.
///
/// # Errors
/// What was in the way. A key that does not fit the pin is found out before anything is said.
pub async fn connect(
    key: &BoxKey,
    pin: Pin,
    address: &str,
    first: &[u8],
    spent: impl Fn(u64),
) -> Result<(Wire, Duration), DialError> {
    let mut why = DialError::Unreachable("it has no address".to_owned());
    for address in resolve(address, &spent).await? {
        let began = Instant::now();
        let opened = async { Async::<TcpStream>::connect(address).await.map_err(|error| error.to_string()) };
        let late = async {
            Timer::after(CONNECT).await;
            Err("nobody answers".to_owned())
        };
        match or(opened, late).await {
            Ok(socket) => {
                let round_trip = began.elapsed();
                let mut wire = shake(socket, key, pin, first, &spent).await?;
                wire.takes(round_trip);
                return Ok((wire, round_trip));
            }
            Err(error) => {
                spent(traffic::unanswered());
                why = DialError::Unreachable(format!("{address}: {error}"));
            }
        }
    }
    Err(why)
}

/// The addresses of `host:port`, those of IPv6 first: there is no translation on that way.
async fn resolve(name: &str, spent: impl Fn(u64)) -> Result<Vec<SocketAddr>, DialError> {
    if let Ok(address) = name.parse() {
        return Ok(vec![address]);
    }
    spent(traffic::looked_up());
    let found = async { smol::net::resolve(name).await.map_err(|error| error.to_string()) };
    let late = async {
        Timer::after(CONNECT).await;
        Err("the name server does not answer".to_owned())
    };
    let mut addresses = or(found, late).await.map_err(DialError::Unresolved)?;
    addresses.sort_by_key(|address| !address.is_ipv6());
    Ok(addresses)
}

async fn shake(
    socket: Async<TcpStream>,
    key: &BoxKey,
    pin: Pin,
    first: &[u8],
    spent: impl Fn(u64),
) -> Result<Wire, DialError> {
    let tls = key.client(pin).map_err(|error| DialError::Wire(error.into()))?;
    let socket = socket.into_inner().map_err(|error| DialError::Wire(error.into()))?;
    let mut wire = Wire::new(socket, tls.into()).map_err(|error| DialError::Wire(error.into()))?;
    wire.push(first).map_err(DialError::Wire)?;
    let until = Instant::now() + HANDSHAKE;
    let (_never, silent) = smol::channel::bounded(1);
    let shaken = loop {
        if let Err(error) = wire.flush() {
            break Err(DialError::Wire(error));
        }
        if !wire.is_handshaking() {
            break Ok(());
        }
        if wire.wait(&silent, Some(until), true).await == Woken::Time {
            break Err(DialError::Slow);
        }
        match wire.pull() {
            Ok(_) => {}
            // Who closes in the middle of the handshake is no box, or one that takes no callers at present.
            Err(WireError::Closed) => break Err(DialError::Slow),
            Err(error) => break Err(DialError::Wire(error)),
        }
    };
    spent(wire.collect_cost());
    shaken.map(|()| wire)
}
