//! The wire to the relay, with absolute limits.
//!
//! lettre hides its socket and limits each read by itself only, so a relay that sends one byte a second would hold a
//! worker for ever. Therefore lettre speaks to this line, over a loopback connection within the process, and a thread
//! carries the bytes on: it holds the socket to the relay, knows its true address, cuts both ends when a limit has
//! passed, and lets nothing through that an attacker slips in behind the answer to STARTTLS. TLS goes through it
//! end to end. The loopback connection is taken from one random address in 127/8 only, so that no other
//! program on the machine can step in.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use smol::Timer;
use smol::channel::{Receiver, Sender, bounded};
use smol::future::{or, pending, yield_now};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};

use super::config::RelayConfig;
use crate::fault::Fault;

/// No relay has so much to say within one step, in bytes.
const MOST_PER_STEP: usize = 1 << 20;

/// An open wire. It ends when this is dropped.
pub(super) struct Line {
    /// Where lettre connects to.
    pub(super) entrance: SocketAddr,
    /// Where lettre connects from.
    pub(super) source: IpAddr,
    /// The relay.
    pub(super) peer: SocketAddr,
    /// Our end toward the relay.
    pub(super) local: IpAddr,
    steps: Sender<Step>,
    cut: Arc<Mutex<Option<String>>>,
}

struct Step {
    limit: Duration,
    until: Instant,
}

impl Line {
    /// Finds and connects the relay, each within `limit`. Closing `stop` cuts the line at once.
    pub(super) fn open(config: &RelayConfig, stop: &Receiver<()>) -> Result<Self, Fault> {
        let (relay, limit) = (config.name(), config.timeout);
        let end = async {
            let why = stopped(stop).await;
            Err(Fault::temporary(format!("{relay}: {why}")))
        };
        let remote = smol::block_on(or(connect(&relay, &config.host, config.port, limit), end))?;
        let broken = |error: std::io::Error| Fault::temporary(format!("{relay}: {error}"));
        let (peer, local) = (remote.peer_addr().map_err(broken)?, remote.local_addr().map_err(broken)?.ip());
        let mut random = [0; 3];
        getrandom::fill(&mut random).map_err(|error| Fault::temporary(format!("no random numbers: {error}")))?;
        // The second byte is never 0, so that this is not 127.0.0.x, which others use.
        let source = IpAddr::V4(Ipv4Addr::new(127, random[0] | 1, random[1], random[2].clamp(1, 254)));
        let listener = smol::block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).map_err(broken)?;
        let entrance = listener.local_addr().map_err(broken)?;
        let (steps, orders) = bounded(8);
        let cut = Arc::new(Mutex::new(None));
        let wire = Wire {
            remote,
            orders,
            cut: Arc::clone(&cut),
            stop: stop.clone(),
            gate: Cell::new(Gate::Open),
            heard: Cell::new(0),
        };
        let carry = move || smol::block_on(wire.carry(&listener, source, limit));
        std::thread::Builder::new().name("relay-line".to_owned()).spawn(carry).map_err(broken)?;
        Ok(Self { entrance, source, peer, local, steps, cut })
    }

    /// Begins a step: the line is cut when it lasts longer than `limit`.
    pub(super) fn limit(&self, limit: Duration) {
        // Fails only when the line has ended, which lettre is about to notice.
        let _ = self.steps.send_blocking(Step { limit, until: Instant::now() + limit });
    }

    /// Why the line ended, in words; `None` while it stands.
    pub(super) fn cut(&self) -> Option<String> {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn connect(relay: &str, host: &str, port: u16, limit: Duration) -> Result<TcpStream, Fault> {
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
            let stream = TcpStream::connect(address).await;
            stream.map_err(|error| Fault::temporary(format!("{relay}: no connection to {address}: {error}")))
        };
        match or(try_it, late).await {
            Ok(stream) => return Ok(stream),
            Err(fault) => why = fault,
        }
    }
    Err(why)
}

/// Waits until the channel is closed; nothing is ever sent on it.
async fn stopped(stop: &Receiver<()>) -> String {
    while stop.recv().await.is_ok() {}
    "given up, because this box is stopping".to_owned()
}

/// Waits for lettre's connection and drops those of others.
async fn admit(listener: &TcpListener, source: IpAddr) -> std::io::Result<TcpStream> {
    loop {
        let (stream, from) = listener.accept().await?;
        if from.ip() == source {
            return Ok(stream);
        }
    }
}

fn seconds(span: Duration) -> String {
    let digits = usize::from(span < Duration::from_secs(10));
    format!("{:.digits$} s", span.as_secs_f64())
}

/// What may come from the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// Anything.
    Open,
    /// One answer, to STARTTLS.
    Answer,
    /// Nothing until we have spoken: it would be clear text that the TLS side takes for an answer.
    Shut,
}

struct Wire {
    remote: TcpStream,
    orders: Receiver<Step>,
    stop: Receiver<()>,
    cut: Arc<Mutex<Option<String>>>,
    gate: Cell<Gate>,
    /// Bytes from the relay within this step.
    heard: Cell<usize>,
}

impl Wire {
    /// Runs until a limit passes, lettre closes its end, or the line breaks a rule; then both ends are closed.
    async fn carry(self, listener: &TcpListener, source: IpAddr, limit: Duration) {
        let talk = async {
            match admit(listener, source).await {
                // These are the only two users of the stream, one for each direction.
                Ok(local) => or(self.told(self.up(local.clone())), self.told(self.down(local))).await,
                Err(error) => self.say(error.to_string()),
            }
        };
        or(talk, or(self.told(self.watch(limit)), self.told(stopped(&self.stop)))).await;
        let _ = self.remote.shutdown(Shutdown::Both);
    }

    /// Notes the reason while the streams are still open: lettre must find it when it finds the end.
    async fn told(&self, end: impl Future<Output = String>) {
        let why = end.await;
        self.say(why);
    }

    fn say(&self, why: String) {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }

    /// Ends when the limit of a step passes.
    async fn watch(&self, limit: Duration) -> String {
        let mut step = Step { limit, until: Instant::now() + limit };
        loop {
            let next = async { self.orders.recv().await.map_err(|_| "closed by us".to_owned()) };
            let late = async {
                Timer::at(step.until).await;
                Err(format!("no complete answer in {}", seconds(step.limit)))
            };
            match or(next, late).await {
                Ok(order) => {
                    self.heard.set(0);
                    step = order;
                }
                Err(why) => return why,
            }
        }
    }

    /// From lettre to the relay. A relay that no longer reads may still have something to say, so the rest of a text
    /// is then thrown away.
    async fn up(&self, mut local: TcpStream) -> String {
        let mut remote = self.remote.clone();
        let mut deaf = false;
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let got = match local.read(&mut buffer).await {
                Ok(0) => return "closed by us".to_owned(),
                Ok(got) => &buffer[..got],
                Err(error) => return error.to_string(),
            };
            self.gate.set(match self.gate.get() {
                Gate::Open if got == b"STARTTLS\r\n" => Gate::Answer,
                Gate::Shut => Gate::Open,
                gate => gate,
            });
            deaf = deaf || remote.write_all(got).await.is_err();
            // However fast both ends are, the clock is looked at too.
            yield_now().await;
        }
    }

    /// From the relay to lettre.
    async fn down(&self, mut local: TcpStream) -> String {
        let mut remote = self.remote.clone();
        let mut answer = Vec::new();
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let got = match remote.read(&mut buffer).await {
                Ok(0) => break self.say("it closed the connection".to_owned()),
                Ok(got) => &buffer[..got],
                Err(error) => break self.say(error.to_string()),
            };
            self.heard.set(self.heard.get() + got.len());
            if self.heard.get() > MOST_PER_STEP {
                return "it sends without end".to_owned();
            }
            if !self.may_pass(got, &mut answer) {
                return "something spoke behind the answer to STARTTLS: the connection may be under attack".to_owned();
            }
            if let Err(error) = local.write_all(got).await {
                return error.to_string();
            }
            yield_now().await;
        }
        // lettre still has to read what came before the end, and finds the end then.
        let _ = local.shutdown(Shutdown::Write);
        pending().await
    }

    fn may_pass(&self, got: &[u8], answer: &mut Vec<u8>) -> bool {
        match self.gate.get() {
            Gate::Open => true,
            Gate::Shut => false,
            Gate::Answer => {
                answer.extend_from_slice(got);
                let Some(end) = answer_end(answer) else { return true };
                let alone = end == answer.len();
                let yes = answer.starts_with(b"2");
                answer.clear();
                self.gate.set(if yes { Gate::Shut } else { Gate::Open });
                alone
            }
        }
    }
}

/// Where the first complete answer ends: behind the first line without a hyphen after its code.
fn answer_end(bytes: &[u8]) -> Option<usize> {
    let mut start = 0;
    for (at, _) in bytes.iter().enumerate().filter(|&(_, &byte)| byte == b'\n') {
        if bytes[start..at].get(3) != Some(&b'-') {
            return Some(at + 1);
        }
        start = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_with_its_last_line() {
        assert_eq!(answer_end(b"220 go\r\n"), Some(8));
        assert_eq!(answer_end(b"220-go\r\n220 on\r\nmore"), Some(16));
        assert_eq!(answer_end(b"220-go\r\n"), None);
        assert_eq!(answer_end(b"220 go"), None);
        assert_eq!(answer_end(b"\n"), Some(1));
    }
}
