//! A simulated M138 on a pseudo-terminal, faithful enough that any program for a real one works with it.
//!
//! The machine ([`machine`]) knows the protocol and does no input or output. What it does from a manual is marked by the manual's revision; where the manuals
//! are silent it does what is hardest on the host.
//!
//! The control socket takes one command a line and answers with one line `ok ...` or `error ...`, or with several
//! lines ended by a line with a single dot. They are listed in the help of [`Options`].

mod air;
mod control;
mod dialect;
mod faults;
mod journal;
mod machine;
mod memory;
mod receiver;
mod uplink;
mod weather;
mod wire;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};

pub use self::dialect::Firmware;
pub use self::machine::power::Start;

use self::machine::Machine;
use crate::address::DeviceId;
use crate::sim::device::factor;
pub use crate::sim::engine::Handle;
use crate::sim::engine::{self, Places, about};
use crate::sys::signals::Stop;

/// A simulated M138 modem on a pseudo-terminal. It runs until SIGINT or SIGTERM.
#[derive(ArgsInfo, FromArgs, Debug, Clone, PartialEq)]
#[argh(
    subcommand,
    name = "modem",
    note = "Control words, one command a line on the --control socket. N is a number, `on` (for ever) or `off`.

  silent on|off    hear and say nothing      noise on|off     garbage all the time
  ignore N         commands are not heard    noreply N        obey, but do not answer
  late MS [N]      the next replies are late interleave N     a line before the reply
  corrupt N        a wrong byte in a line    droplf N         no line feed
  glue N           two lines arrive as one   nosent N         swallow $TD SENT
  dupsent N        $TD SENT comes twice      ackloss N        sky has it, modem hears no ack
  noreply N BEGIN  the same of commands that begin so, as with noreply 1 TD
  loss PERCENT     nobody hears a packet     brownout N       a transmission resets the modem
  full on|off      the queue is full         notime on|off    GPS time lost, gained
  nofix on|off     position lost, gained     pin high|low     level of GPIO1
  place NORTH EAST degrees of the position
  reboot           restart                   abort            crash (BOOT,ABORT)
  power on|off     the supply                pass begin|end|auto
  unplug, plug     the USB cable; the modem keeps its power
  lock on|off      another program locks the port
  variant NAME on|off   sentspace, bareapp, waketail, noids, unreadonly, strictcr
  down APP HEX     a packet for the modem    expire           drop what has expired now
  status, queue, inbox, journal              several lines, then a line with a dot"
)]
pub struct Options {
    /// path of the serial port to make (a symbolic link)
    #[argh(option)]
    pub port: PathBuf,
    /// device id (default 0x001abe)
    #[argh(option, default = "default_device()")]
    pub device: DeviceId,
    /// file for what the modem remembers without power; a journal of all transmissions lies beside it
    #[argh(option)]
    pub state: Option<PathBuf>,
    /// socket of the simulated sky; without one every packet is acknowledged and goes nowhere
    #[argh(option)]
    pub sky: Option<PathBuf>,
    /// control socket to make
    #[argh(option)]
    pub control: Option<PathBuf>,
    /// seconds from one pass to the next (default 10)
    #[argh(option, default = "Duration::from_secs(10)", from_str_fn(seconds))]
    pub pass_every: Duration,
    /// seconds that a pass lasts (default 5); as long as --pass-every or longer: always in view
    #[argh(option, default = "Duration::from_secs(5)", from_str_fn(seconds))]
    pub pass_length: Duration,
    /// how many times faster boot, answers, sleep, hold and expiry go (default 1)
    #[argh(option, default = "1", from_str_fn(factor))]
    pub factor: u32,
    /// generation of firmware: 1, 2 or 3 (default 3)
    #[argh(option, default = "Firmware::Three")]
    pub firmware: Firmware,
    /// off, boot or running (default boot)
    #[argh(option, default = "Start::Boot")]
    pub start: Start,
    /// seed of the weather; the same seed gives the same signals and delays (default 1)
    #[argh(option, default = "1")]
    pub seed: u64,
    /// air time of a packet in milliseconds (default 2000 / factor)
    #[argh(option)]
    pub air_ms: Option<u64>,
    /// transmissions that no satellite hears, in percent (default 0)
    #[argh(option, default = "0", from_str_fn(percent))]
    pub loss: u8,
}

impl Options {
    /// A modem with this port and all defaults of the command line.
    pub fn new(port: impl Into<PathBuf>) -> Self {
        Self {
            port: port.into(),
            device: default_device(),
            state: None,
            sky: None,
            control: None,
            pass_every: Duration::from_secs(10),
            pass_length: Duration::from_secs(5),
            factor: 1,
            firmware: Firmware::Three,
            start: Start::Boot,
            seed: 1,
            air_ms: None,
            loss: 0,
        }
    }
}

fn default_device() -> DeviceId {
    DeviceId::new(0x1abe).expect("0x1abe has less than 18 bits")
}

/// Seconds with or without a fraction.
fn seconds(text: &str) -> Result<Duration, String> {
    let value = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    value.ok_or_else(|| format!("'{}' is not a number of seconds", text.escape_debug()))
}

fn percent(text: &str) -> Result<u8, String> {
    let value = text.parse().ok().filter(|percent| *percent <= 100);
    value.ok_or_else(|| format!("'{}' is not a number of percent", text.escape_debug()))
}

/// Starts a modem in threads of its own. When this returns, its port and its control socket are there.
///
/// # Errors
/// When the port, the control socket, the state file or a thread cannot be made; the sentence says which.
pub fn start(options: Options) -> io::Result<Handle> {
    let state = options.state.clone();
    let journal = journal::Journal::open(state.as_deref())
        .map_err(|error| about("journal of", &state.clone().unwrap_or_default(), error))?;
    let port = options.port.clone();
    let places = Places { port, state, sky: options.sky.clone(), control: options.control.clone() };
    engine::start(places, |memory, now| Machine::new(&options, memory, journal, now))
}

/// Runs a modem until SIGINT or SIGTERM.
///
/// # Errors
/// As for [`start`].
pub fn run(options: Options) -> io::Result<()> {
    let mut signals = Stop::catch()?;
    let device = options.device;
    let handle = start(options)?;
    println!("modem {device} on {}", handle.port().display());
    signals.wait();
    drop(handle);
    Ok(())
}

#[cfg(test)]
mod tests;
