//! A simulated SBD modem (9602, 9603, RockBLOCK) on a pseudo-terminal, faithful enough that any program for a real one
//! works with it.
//!
//! The machine ([`machine`]) knows the protocol and does no input or output.

mod control;
mod faults;
mod machine;
mod memory;
mod uplink;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};

use self::machine::Machine;
use crate::sim::device::factor;
pub use crate::sim::engine::Handle;
use crate::sim::engine::{self, Places};
use crate::sys::signals::Stop;

/// A simulated Iridium SBD modem on a pseudo-terminal. It runs until SIGINT or SIGTERM.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq)]
#[argh(
    subcommand,
    name = "sbd",
    example = "A modem and the ground service under one sky:

  satpost simulate rockblock --sky /tmp/sky --terminal 300234010753370 &
  satpost simulate sbd --port /tmp/modem --sky /tmp/sky",
    note = "Each line on the --control socket gets a line 'ok' or 'error ...'; lists end with a line that holds a dot. N is a
number, `on` (for ever) or `off`.

  status CODE [N]  MO status of the next sessions     falsefail N   taken at the gateway, failed to the modem
  mtfail N         the mailbox part fails             lost N        the result is never printed
  late MS [N]      the next results come late         residue N     rubbish before the result
  glue N           SBDRING stuck to a reply           ignore N      commands are not heard
  badsum N         wrong sum in +SBDRB                dropbyte N    a byte less in +SBDRB
  badwrite N       +SBDWB finds the sum wrong         shortwrite N  a byte of the data is lost
  noclear N        +SBDD answers 1                    mute on|off   until the power is cycled
  noise on|off     as at a wrong line speed           bars 0..5     signal; 0 is no network
  slow MS          all answers leave so much later
  session MS       how long a session takes           core on|off   only the commands of every clone
  style spaced|tight   how it prints, as a clone's    era 2|3       epoch of the network's time
  power on|off     the supply                         unplug, plug  the USB cable
  lock on|off      another program locks the port     ring          a ring alert without a message
  known on|off     whether the network knows it (on): one that it does not know hears no ring alerts until a session
  down HEX         a message at a gateway of its own (without --sky)
  show, journal    several lines, then a line with a dot"
)]
pub struct Options {
    /// path of the serial port to make (a symbolic link)
    #[argh(option)]
    pub port: PathBuf,
    /// number of the terminal, 15 digits (default 300234010753370)
    #[argh(option, default = "IMEI.to_owned()", from_str_fn(imei))]
    pub imei: String,
    /// file for what the modem remembers without power, with the journal of its sessions
    #[argh(option)]
    pub state: Option<PathBuf>,
    /// socket of the simulated sky; without one every message is taken and goes nowhere
    #[argh(option)]
    pub sky: Option<PathBuf>,
    /// control socket to make
    #[argh(option)]
    pub control: Option<PathBuf>,
    /// milliseconds that a session takes, before the factor (default 12000)
    #[argh(option, default = "Duration::from_secs(12)", from_str_fn(milliseconds))]
    pub session: Duration,
    /// how many times faster all times go (default 1)
    #[argh(option, default = "1", from_str_fn(factor))]
    pub factor: u32,
    /// know only the commands that every clone has
    #[argh(switch)]
    pub core: bool,
}

/// Number of the terminal where none is named.
const IMEI: &str = "300234010753370";

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
    println!("sbd {imei} on {}", handle.port().display());
    signals.wait();
    drop(handle);
    Ok(())
}
