//! A simulated gateway of the Iridium network (DirectIP): it sends what comes from terminals over a connection each, takes
//! messages for them over a connection each, and serves the sky for simulated modems.

mod faults;
mod frame;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use super::faults::{Fault, Menu};
use super::ground::terminals::{NotQueued, Terminals, Up};
use super::ground::{self, Call, Handle, Place, Platform};
use super::http::{Answer, Request};
use super::serve::serve;
use crate::clock::Time;
use crate::hex;

/// A message that somebody begins to send is there within this time.
const READ: Duration = Duration::from_secs(2);

/// A simulated gateway of the Iridium network (DirectIP), with a sky for simulated modems.
#[derive(ArgsInfo, FromArgs, Debug, Clone)]
#[argh(subcommand, name = "directip")]
#[argh(note = "It prints where it takes messages for terminals.
Each line on the control socket gets a line 'ok ...' or 'error ...'; lists end with a line that holds a dot.
  hook tcp://HOST:PORT|none     where messages from terminals go
  up IMEI MOMSN [HEX]           a message comes from a terminal, or a look into its mailbox
  again                         all that was told is told once more
  fail ENDPOINT KIND [N]        the next N connections (1) go wrong
      ENDPOINT  mt hook
      KIND      of mt: -1 to -12 other timeout reset-before reset-after; of hook: order twice cut long garbage
  clear-faults                  nothing goes wrong any more
  messages                      what came from terminals, as JSON lines
  queue                         what waits for terminals, as JSON lines
  credits                       what was charged: mo, mt and mailbox
  journal                       connections and how they ended, as JSON lines")]
pub struct Options {
    /// address to take messages for terminals on; port 0 takes any free one. Default 127.0.0.1:0
    #[argh(option, default = "SocketAddr::from(([127, 0, 0, 1], 0))")]
    pub listen: SocketAddr,

    /// number of a terminal of the contract, 15 digits; may be repeated
    #[argh(option)]
    pub terminal: Vec<String>,

    /// where messages from terminals go, as tcp://HOST:PORT
    #[argh(option)]
    pub hook: Option<String>,

    /// the contract has no confirmations: whoever closes a connection in order has taken the message
    #[argh(switch)]
    pub unconfirmed: bool,

    /// unix socket to serve for simulated modems
    #[argh(option)]
    pub sky: Option<PathBuf>,

    /// unix socket to take commands on
    #[argh(option)]
    pub control: Option<PathBuf>,
}

/// The gateway, as others see it.
pub struct DirectIp {
    listener: TcpListener,
    unconfirmed: bool,
    /// Connections that are left without an answer.
    left: Mutex<Vec<TcpStream>>,
}

impl Platform for DirectIp {
    const NAME: &'static str = "directip";
    const MENU: &'static Menu = &faults::MENU;
    const LIMIT: Duration = Duration::from_secs(20);

    fn answer(&self, _: &mut Terminals, _: &Request) -> Answer {
        Answer::new(404, "text/plain", b"there is nothing here".to_vec())
    }

    fn calls(&self, up: &Up, fault: Option<Fault>, _now: Time) -> Vec<Call> {
        // The record of a session has one number, however often it is sent.
        let record = 2_000_000 + u32::from(up.momsn);
        let [header, place, payload] = frame::pieces(up, record);
        let body = |pieces: &[&[u8]]| hex::encode(&frame::piece(1, &pieces.concat()));
        let call = |body: String, counts| Call { kind: "", agent: "", body, counts };
        let good = body(&[&header, &place, &payload]);
        let before = match fault {
            Some(Fault::Own(faults::ORDER)) => {
                return vec![call(body(&[&payload, &frame::piece(0x77, b"new"), &place, &header]), true)];
            }
            Some(Fault::Own(faults::TWICE)) => good.clone(),
            Some(Fault::Own(faults::CUT)) => good.chars().take(good.len() / 4 * 2).collect(),
            Some(Fault::Own(faults::LONG)) => good.chars().take(good.len() - 2).collect(),
            Some(Fault::Own(faults::GARBAGE)) => body(&[&frame::piece(1, &[0; 28]), &payload]),
            _ => return vec![call(good, true)],
        };
        vec![call(before, false), call(good, true)]
    }

    fn tell(&self, url: &str, call: &Call) -> bool {
        let bytes = hex::decode(call.body.as_bytes()).unwrap_or_default();
        self.send(url, &bytes).unwrap_or(false)
    }

    fn turn(&self, terminals: &mut Terminals) {
        while let Ok((socket, _)) = self.listener.accept() {
            if let Err(error) = self.take(terminals, socket) {
                terminals.journal.push(json!({"mt": error.to_string()}).to_string());
            }
        }
    }
}

impl DirectIp {
    /// Sends a message from a terminal; true when it was taken.
    fn send(&self, url: &str, bytes: &[u8]) -> io::Result<bool> {
        let address = url.strip_prefix("tcp://").unwrap_or(url);
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(Self::LIMIT))?;
        socket.write_all(bytes)?;
        // One that is shorter than it says is left alone for as long as the other side waits.
        let whole = bytes.len() >= 3 && usize::from(u16::from_be_bytes([bytes[1], bytes[2]])) + 3 == bytes.len();
        if !whole {
            socket.shutdown(std::net::Shutdown::Write)?;
        }
        let mut answer = Vec::new();
        socket.take(64).read_to_end(&mut answer)?;
        Ok(whole && (self.unconfirmed || answer == frame::TAKEN))
    }

    /// Takes a message for a terminal.
    fn take(&self, terminals: &mut Terminals, mut socket: TcpStream) -> io::Result<()> {
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(READ))?;
        let fault = terminals.faults.next("mt");
        if fault == Some(Fault::ResetBefore) {
            terminals.journal.push(json!({"mt": "nothing was read", "fault": "reset-before"}).to_string());
            return Ok(());
        }
        let mut head = [0; 3];
        socket.read_exact(&mut head)?;
        let mut frame = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
        socket.read_exact(&mut frame)?;
        let frame = [&head[..], &frame].concat();
        let mt = frame::mt(&frame).filter(|_| head[0] == 1).ok_or_else(|| io::Error::other("no message"))?;
        let imei = String::from_utf8_lossy(&mt.imei).into_owned();
        if mt.flags & 1 != 0 {
            terminals.flush(&imei);
        }
        let (reference, status) = match fault.and_then(faults::status) {
            Some(status) => (0, status),
            None => match terminals.queue(&imei, &hex::encode(&mt.payload)) {
                Ok(id) => {
                    let place = terminals.count(&imei);
                    (u32::try_from(id).unwrap_or_default(), i16::try_from(place).unwrap_or(i16::MAX))
                }
                Err(NotQueued::NoTerminal) => (0, -2),
                Err(NotQueued::TooLong) => (0, -3),
                Err(NotQueued::Empty | NotQueued::NotHex) => (0, -4),
                Err(NotQueued::Full) => (0, -5),
            },
        };
        terminals.journal.push(json!({"mt": status, "fault": fault.map(Fault::name)}).to_string());
        match fault {
            Some(Fault::Timeout) => self.left.lock().map_err(|_| io::Error::other("lost"))?.push(socket),
            Some(Fault::ResetAfter) => {}
            Some(Fault::Own(faults::OTHER)) => {
                let other = frame::Mt { id: [0xff; 4], ..mt };
                socket.write_all(&frame::confirmation(&other, reference, status))?;
            }
            _ => socket.write_all(&frame::confirmation(&mt, reference, status))?,
        }
        Ok(())
    }
}

/// Starts a simulated gateway in threads of this process; with it the address that takes messages for terminals.
///
/// # Errors
/// When a socket cannot be opened.
pub fn start(options: Options) -> io::Result<(Handle<DirectIp>, SocketAddr)> {
    let Options { listen, terminal: terminals, hook, unconfirmed, sky, control } = options;
    let listener = TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let place = Place { terminals, hook, sky, control, ..Place::default() };
    Ok((ground::start(DirectIp { listener, unconfirmed, left: Mutex::default() }, place)?, address))
}

/// Runs a simulated gateway until SIGINT or SIGTERM; where it takes messages for terminals is the first line on stdout.
///
/// # Errors
/// When it cannot start.
pub fn run(options: Options) -> io::Result<()> {
    serve(|| start(options), |(_, address)| format!("directip {address}"))
}
