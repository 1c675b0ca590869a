//! A simulated Cloudloop service: its Data API on loopback, its calls of a webhook, the sky for simulated modems, what it
//! charges, and faults on demand.

mod api;
mod faults;
mod lingo;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};

use super::faults::{Fault, Menu};
use super::ground::terminals::{Terminals, Up};
use super::ground::{self, Call, Place, Platform};
use super::http::{Answer, Request};
use super::serve::serve;
use crate::clock::Time;

/// A simulated Cloudloop service on a loopback port, with a sky for simulated modems.
#[derive(ArgsInfo, FromArgs, Debug, Clone)]
#[argh(subcommand, name = "cloudloop")]
#[argh(
    example = "A modem and the ground service under one sky:

  satpost simulate cloudloop --sky /tmp/sky --terminal 300234010753370 &
  satpost simulate sbd --port /tmp/modem --sky /tmp/sky",
    note = "It prints its address, and a line 'thing IMEI NAME' for each terminal: what the service calls it.
Each line on the control socket gets a line 'ok ...' or 'error ...'; lists end with a line that holds a dot.
  hook URL|none                 where messages from terminals are told
  up IMEI MOMSN [HEX]           a message comes from a terminal, or a look into its mailbox
  again                         all that was told is told once more
  fail ENDPOINT KIND [N]        the next N calls (1) go wrong
      ENDPOINT  mt list hook
      KIND      of mt and list: 400 401 403 404 429 500 502 503 504 timeout trickle truncated reset-before reset-after
                html; of hook: crc twice core form test garbage
  clear-faults                  nothing goes wrong any more
  messages                      what came from terminals, as JSON lines
  queue                         what waits for terminals, as JSON lines
  credits                       what was charged: mo, mt and mailbox; credits, and bytes for IMT
  journal                       calls and their answers, as JSON lines"
)]
pub struct Options {
    /// address to listen on; port 0 takes any free one. Default 127.0.0.1:0
    #[argh(option, default = "SocketAddr::from(([127, 0, 0, 1], 0))")]
    pub listen: SocketAddr,

    /// token of the account. Default demo
    #[argh(option, default = "\"demo\".to_owned()")]
    pub token: String,

    /// number of an SBD terminal of the account, 15 digits; may be repeated
    #[argh(option)]
    pub terminal: Vec<String>,

    /// number of an IMT terminal of the account, 15 digits; may be repeated
    #[argh(option)]
    pub imt: Vec<String>,

    /// webhook to call
    #[argh(option)]
    pub hook: Option<String>,

    /// unix socket to serve for simulated modems
    #[argh(option)]
    pub sky: Option<PathBuf>,

    /// unix socket to take commands on
    #[argh(option)]
    pub control: Option<PathBuf>,
}

/// The service, as others see it.
struct Cloudloop {
    token: String,
}

impl Platform for Cloudloop {
    const NAME: &'static str = "cloudloop";
    const MENU: &'static Menu = &faults::MENU;
    const LIMIT: Duration = Duration::from_secs(5);

    fn answer(&self, terminals: &mut Terminals, request: &Request) -> Answer {
        api::answer(&self.token, terminals, request)
    }

    fn calls(&self, up: &Up, fault: Option<Fault>, now: Time) -> Vec<Call> {
        lingo::calls(up, fault, now)
    }
}

/// What the service calls a terminal: 32 letters and digits.
fn thing(imei: &str) -> String {
    format!("ThingOfTerminal00{imei}")
}

/// Runs a simulated service until SIGINT or SIGTERM; its address is the first line on stdout, and its names of the
/// terminals the next ones.
///
/// # Errors
/// When it cannot start.
pub fn run(options: Options) -> io::Result<()> {
    let Options { listen, token, terminal: terminals, imt, hook, sky, control } = options;
    let names: String = terminals.iter().chain(&imt).map(|imei| format!("\nthing {imei} {}", thing(imei))).collect();
    let place = Place { listen: Some(listen), terminals, imt, hook, sky, control };
    serve(|| ground::start(Cloudloop { token }, place), |handle| format!("cloudloop {}{names}", handle.base()))
}
