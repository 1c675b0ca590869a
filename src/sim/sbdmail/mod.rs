//! A simulated service of SBD by e-mail: it sends what comes from terminals as mails, takes mails with messages for them,
//! and serves the sky for simulated modems.

mod letter;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use super::faults::{Fault, Menu};
use super::ground::terminals::{Terminals, Up};
use super::ground::{self, Call, Place, Platform};
use super::http::{Answer, Request};
use super::serve::serve;
use super::sink;
use crate::clock::Time;
use crate::hex;

/// A mail comes under another sender's name.
const FORGED: &str = "forged";
/// A mail was passed on by somebody who marks subjects.
const FORWARDED: &str = "forwarded";
/// A mail comes twice.
const TWICE: &str = "twice";
static MENU: Menu = Menu { endpoints: &["hook"], own: &[FORGED, FORWARDED, TWICE] };

/// A simulated service of SBD by e-mail, with a sky for simulated modems.
#[derive(ArgsInfo, FromArgs, Debug, Clone)]
#[argh(subcommand, name = "sbdmail")]
#[argh(note = "It prints where it takes mails with messages for terminals, at any address.
Each line on the control socket gets a line 'ok ...' or 'error ...'; lists end with a line that holds a dot.
  hook smtp://HOST:PORT/ADDRESS|none   where mails with messages from terminals go
  up IMEI MOMSN [HEX]           a message comes from a terminal, or a look into its mailbox
  again                         all that was told is told once more
  fail hook KIND [N]            the next N mails (1) go wrong: forged forwarded twice
  clear-faults                  nothing goes wrong any more
  messages                      what came from terminals, as JSON lines
  queue                         what waits for terminals, as JSON lines
  credits                       what was charged: mo, mt and mailbox
  journal                       mails and their answers, as JSON lines")]
pub struct Options {
    /// address to take mails on; port 0 takes any free one. Default 127.0.0.1:0
    #[argh(option, default = "SocketAddr::from(([127, 0, 0, 1], 0))")]
    pub listen: SocketAddr,

    /// number of a terminal of the account, 15 digits; may be repeated
    #[argh(option)]
    pub terminal: Vec<String>,

    /// where mails go, as smtp://HOST:PORT/ADDRESS
    #[argh(option)]
    pub hook: Option<String>,

    /// where mails for others go on to, as HOST:PORT. Default: nowhere
    #[argh(option)]
    pub onward: Option<String>,

    /// unix socket to serve for simulated modems
    #[argh(option)]
    pub sky: Option<PathBuf>,

    /// unix socket to take commands on
    #[argh(option)]
    pub control: Option<PathBuf>,
}

/// The service, as others see it.
struct Sbdmail {
    post: sink::Handle,
    onward: Option<String>,
    /// Mails that were looked at.
    seen: Mutex<usize>,
}

impl Platform for Sbdmail {
    const NAME: &'static str = "sbdmail";
    const MENU: &'static Menu = &MENU;
    const LIMIT: Duration = Duration::from_secs(20);

    fn answer(&self, _: &mut Terminals, _: &Request) -> Answer {
        Answer::new(404, "text/plain", b"write a mail".to_vec())
    }

    fn calls(&self, up: &Up, fault: Option<Fault>, _now: Time) -> Vec<Call> {
        let call = |from, before, counts| Call { kind: "", agent: "", body: letter::write(up, from, before), counts };
        match fault {
            Some(Fault::Own(FORGED)) => vec![call("mallory@world.example", "", false), call(letter::SERVICE, "", true)],
            Some(Fault::Own(FORWARDED)) => vec![call(letter::SERVICE, "[SPAM?] Fwd: ", true)],
            Some(Fault::Own(TWICE)) => vec![call(letter::SERVICE, "", false), call(letter::SERVICE, "", true)],
            _ => vec![call(letter::SERVICE, "", true)],
        }
    }

    fn tell(&self, url: &str, call: &Call) -> bool {
        // It writes where it delivers to, as the service does.
        let to = url.rsplit_once('/').map_or(letter::OWNER, |(_, to)| to);
        let body = call.body.replacen(letter::OWNER, to, 1);
        letter::send(url, letter::SERVICE, body.as_bytes(), Self::LIMIT).is_ok()
    }

    fn turn(&self, terminals: &mut Terminals) {
        let Ok(mut seen) = self.seen.lock() else { return };
        for mail in self.post.mails().into_iter().skip(*seen) {
            *seen += 1;
            let said = match (letter::read(&mail), &self.onward) {
                (Some((imei, payload)), _) => format!("{:?}", terminals.queue(&imei, &hex::encode(&payload))),
                (None, Some(onward)) => {
                    let sent = mail.to.iter().try_for_each(|to| {
                        letter::send(&format!("smtp://{onward}/{to}"), &mail.from, &mail.data, Self::LIMIT)
                    });
                    format!("passed on: {sent:?}")
                }
                (None, None) => "no message for a terminal".to_owned(),
            };
            terminals.journal.push(json!({"mt": said, "from": mail.from}).to_string());
        }
    }
}

/// Runs a simulated service until SIGINT or SIGTERM; where it takes mails is the first line on stdout.
///
/// # Errors
/// When it cannot start.
pub fn run(options: Options) -> io::Result<()> {
    let Options { listen, terminal: terminals, hook, onward, sky, control } = options;
    let post = sink::start(sink::Options { listen, dir: None })?;
    let address = post.address;
    let place = Place { terminals, hook, sky, control, ..Place::default() };
    serve(|| ground::start(Sbdmail { post, onward, seen: Mutex::new(0) }, place), |_| format!("sbdmail {address}"))
}
