//! A simulated RockBLOCK service: its interface for messages to terminals on loopback, its calls of a webhook, the sky for
//! simulated SBD modems, what it charges, and faults on demand.

mod faults;
mod hook;
mod key;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use super::faults::{Fault, Menu};
use super::ground::terminals::{NotQueued, Terminals, Up};
use super::ground::{self, Call, Place, Platform};
use super::http::{Answer, Request};
use super::serve::serve;
use crate::clock::Time;

/// A simulated RockBLOCK service on a loopback port, with a sky for simulated SBD modems.
#[derive(ArgsInfo, FromArgs, Debug, Clone)]
#[argh(subcommand, name = "rockblock")]
#[argh(
    example = "A modem and the ground service under one sky:

  satpost simulate rockblock --sky /tmp/sky --terminal 300234010753370 &
  satpost simulate sbd --port /tmp/modem --sky /tmp/sky",
    note = "Each line on the control socket gets a line 'ok ...' or 'error ...'; lists end with a line that holds a dot.
  hook URL|none                 where messages from terminals are told
  up IMEI MOMSN [HEX]           a message comes from a terminal, or a look into its mailbox
  again                         all that was told is told once more
  fail ENDPOINT KIND [N]        the next N calls (1) go wrong
      ENDPOINT  mt hook
      KIND      of mt: 400 401 403 429 500 502 503 504 timeout trickle truncated reset-before reset-after
                10 11 12 13 14 15 16 99 html; of hook: forged none hs256 differs old twice form
  clear-faults                  nothing goes wrong any more
  messages                      what came from terminals, as JSON lines
  queue                         what waits for terminals, as JSON lines
  credits                       what was charged: mo, mt and mailbox
  journal                       calls and their answers, as JSON lines"
)]
pub struct Options {
    /// address to listen on; port 0 takes any free one. Default 127.0.0.1:0
    #[argh(option, default = "SocketAddr::from(([127, 0, 0, 1], 0))")]
    pub listen: SocketAddr,

    /// log-in name. Default demo
    #[argh(option, default = "\"demo\".to_owned()")]
    pub user: String,

    /// password. Default demo
    #[argh(option, default = "\"demo\".to_owned()")]
    pub password: String,

    /// number of a terminal of the account, 15 digits; may be repeated
    #[argh(option)]
    pub terminal: Vec<String>,

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
struct Rockblock {
    user: String,
    password: String,
}

impl Platform for Rockblock {
    const NAME: &'static str = "rockblock";
    const MENU: &'static Menu = &faults::MENU;
    const LIMIT: Duration = Duration::from_secs(3);

    fn answer(&self, terminals: &mut Terminals, request: &Request) -> Answer {
        if (request.method.as_str(), request.path.as_str()) != ("POST", "/rockblock/MT") {
            return Answer::new(404, "text/plain", b"no such page".to_vec());
        }
        let fault = terminals.faults.next("mt");
        if let Some(answer) = fault.and_then(faults::instead) {
            return answer;
        }
        let said = self.queue(terminals, &request.body);
        terminals.journal.push(json!({"mt": said, "fault": fault.map(Fault::name)}).to_string());
        let answer = Answer::new(200, "text/plain", said.into_bytes());
        match fault {
            Some(fault) => fault.spoil(answer),
            None => answer,
        }
    }

    fn calls(&self, up: &Up, fault: Option<Fault>, now: Time) -> Vec<Call> {
        hook::calls(up, fault, now)
    }
}

impl Rockblock {
    /// Queues a message for a terminal.
    fn queue(&self, terminals: &mut Terminals, form: &[u8]) -> String {
        let field = |name: &str| {
            let found = form_urlencoded::parse(form).find(|(known, _)| known == name);
            found.map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        if field("username") != self.user || field("password") != self.password {
            return "FAILED,10,Invalid login credentials".to_owned();
        }
        let imei = field("imei");
        if field("flush") == "yes" {
            terminals.flush(&imei);
        }
        match terminals.queue(&imei, &field("data")) {
            Ok(id) => format!("OK,{id}"),
            Err(NotQueued::NoTerminal) => "FAILED,11,No RockBLOCK with this IMEI found on your account".to_owned(),
            Err(NotQueued::Empty) => "FAILED,16,No data".to_owned(),
            Err(NotQueued::NotHex) => "FAILED,14,Could not decode hex data".to_owned(),
            Err(NotQueued::TooLong) => "FAILED,15,Data too long".to_owned(),
            Err(NotQueued::Full) => "FAILED,99,System error, the queue is full".to_owned(),
        }
    }
}

/// Runs a simulated service until SIGINT or SIGTERM; its address is the first line on stdout, the key of its signatures the
/// second.
///
/// # Errors
/// When it cannot start.
pub fn run(options: Options) -> io::Result<()> {
    let Options { listen, user, password, terminal: terminals, hook, sky, control } = options;
    let place = Place { listen: Some(listen), terminals, imt: Vec::new(), hook, sky, control };
    serve(
        || ground::start(Rockblock { user, password }, place),
        |handle| format!("rockblock {}/rockblock/MT\nkey {}", handle.base(), key::PUBLIC),
    )
}
