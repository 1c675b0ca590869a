//! A simulated RockBLOCK 9704 (Iridium messaging transport, IMT) on a pseudo-terminal: its protocol, JSPR, as the seller's own
//! library speaks it.
//!
//! The machine ([`machine`]) knows the protocol and does no input or output.

mod control;
mod faults;
mod machine;
mod memory;
mod uplink;
mod wire;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};

use self::machine::Machine;
use crate::sim::device::factor;
pub use crate::sim::engine::Handle;
use crate::sim::engine::{self, Places};
use crate::sys::signals::Stop;

/// A simulated RockBLOCK 9704 (Iridium IMT modem) on a pseudo-terminal. It runs until SIGINT or SIGTERM.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq)]
#[argh(
    subcommand,
    name = "imt",
    example = "A modem and a ground service under one sky:

  satpost simulate cloudloop --sky /tmp/sky --imt 300258060000000 &
  satpost simulate imt --port /tmp/modem --sky /tmp/sky",
    note = "Each line on the --control socket gets a line 'ok' or 'error ...'; lists end with a line that holds a dot. N is a
number, `on` (for ever) or `off`.

  final STATUS [N]   how the next messages end: a final_mo_status of the protocol
  falsefail N        at the ground, and network_error to the host
  nofinal N          the end is never told             dupfinal N         the end is told twice
  late MS [N]        the next answers come late        held MS            a message waits so long before it is on air
  transit MS         how long a message is on air      provision MS       it starts, and its topics come so late
  topics             they come now                     noise on|off       as at a wrong line speed
  overflow N         message_discarded_on_overflow     subscription N     subscription_invalid
  e418 N             418 to messageOriginate           e405 N             405 MALFORMED to any request
  ignore N           requests are not heard            interleave N       lines of any kind before the answer
  segment BYTES      most bytes of a segment           order forward|backward
  twice N            a segment is asked for twice      limit MS           a segment has to come within this time
  toolate N          a cancel comes too late           nocancel N         a cancel is heard and forgotten
  unknown refuse|silent   a cancel of an unknown id    versions down|up   order of the list of versions
  rubbish N          NUL, DC1 and more before a line   long N             a line of 9000 bytes before a line
  pieces MS          each byte by itself, so far apart strict on|off      a comma needs a blank behind it
  mt-backward N, mt-double N, mt-badcrc N, mt-cut N    what happens to messages on their way down
  mute on|off        until the power is cycled
  bars 0..5          signal; 0 is no satellite         quiet on|off       no answer about it without a satellite
  reboot, crash      a restart with, and without a bootInfo
  power on|off       the supply                        unplug, plug       the USB cable
  lock on|off        another program locks the port    down TOPIC HEX     a message for a modem without --sky
  show, journal      several lines, then a line with a dot"
)]
pub struct Options {
    /// path of the serial port to make (a symbolic link)
    #[argh(option)]
    pub port: PathBuf,
    /// number of the terminal, 15 digits (default 300258060000000)
    #[argh(option, default = "IMEI.to_owned()", from_str_fn(imei))]
    pub imei: String,
    /// file for what the modem remembers without power, with the journal of its messages
    #[argh(option)]
    pub state: Option<PathBuf>,
    /// socket of the simulated sky; without one every message is taken and goes nowhere
    #[argh(option)]
    pub sky: Option<PathBuf>,
    /// control socket to make
    #[argh(option)]
    pub control: Option<PathBuf>,
    /// milliseconds that a message is on air, before the factor (default 12000)
    #[argh(option, default = "Duration::from_secs(12)", from_str_fn(milliseconds))]
    pub transit: Duration,
    /// how many times faster all times go but the limit of a segment (default 1)
    #[argh(option, default = "1", from_str_fn(factor))]
    pub factor: u32,
}

/// Number of the terminal where none is named.
const IMEI: &str = "300258060000000";

fn imei(text: &str) -> Result<String, String> {
    let is = text.len() == IMEI.len() && text.bytes().all(|c| c.is_ascii_digit());
    is.then(|| text.to_owned()).ok_or_else(|| format!("'{}' is not a number of 15 digits", text.escape_debug()))
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let value = text.parse().map(Duration::from_millis);
    value.map_err(|_| format!("'{}' is not a number of milliseconds", text.escape_debug()))
}

/// Starts a modem in threads of its own. When this returns, its port and its control socket are there.
///
/// # Errors
/// When the port, the control socket, the state file or a thread cannot be made; the sentence says which.
pub fn start(options: Options) -> io::Result<Handle> {
    let (port, state) = (options.port.clone(), options.state.clone());
    let places = Places { port, state, sky: options.sky.clone(), control: options.control.clone() };
    engine::start(places, |memory, now| Machine::new(&options, memory, now))
}

/// Runs a modem until SIGINT or SIGTERM.
///
/// # Errors
/// As for [`start`].
pub fn run(options: Options) -> io::Result<()> {
    let mut signals = Stop::catch()?;
    let imei = options.imei.clone();
    let handle = start(options)?;
    println!("imt {imei} on {}", handle.port().display());
    signals.wait();
    drop(handle);
    Ok(())
}
