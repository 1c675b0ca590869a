//! A simulated carrier of text messages: the interfaces of Twilio and of Bandwidth on loopback, phones that texts can be
//! sent from and arrive at, the carrier's calls, and faults on demand.

mod bandwidth;
mod calls;
mod control;
mod faults;
mod phones;
mod twilio;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use self::phones::Phones;
use super::faults::{Fault, Faults};
use super::http::server::Server;
use super::http::{Answer, Request, Wire};
use super::lines::Lines;
use super::serve::serve;

/// Requests that are remembered.
const JOURNAL: usize = 10_000;
/// How often the network moves texts on.
const TICK: Duration = Duration::from_millis(50);

/// A simulated carrier of text messages on a loopback port, with the interfaces of Twilio and of Bandwidth.
#[derive(ArgsInfo, FromArgs, Debug, Clone)]
#[argh(subcommand, name = "carrier")]
#[argh(
    example = "A phone that texts a service number, and what arrived at phones, with curl:

  curl --data-urlencode From=+14155550123 --data-urlencode To=+14155550199 --data-urlencode Body=Hello http://127.0.0.1:PORT/phone
  curl http://127.0.0.1:PORT/phone",
    note = "Each line on the control socket gets a line 'ok ...' or 'error ...'; lists end with a line that holds a dot.
  text FROM TO WORDS            a phone texts a service number
  media N FROM TO WORDS         the same, with N pictures
  phones                        texts from and to phones, as JSON lines
  fail ENDPOINT KIND [N]        the next N calls (1) go wrong
      ENDPOINT  send list fetch call
      KIND      400 401 403 429 500 502 503 504 timeout trickle truncated reset-before reset-after late (send)
                twice never forged slow (call: the carrier's webhook)
  clear-faults                  nothing goes wrong any more
  reject NUMBER CODE            texts to this number fail with this code, at once or in the report
  report STATUS                 the end of texts from now on: delivered, undelivered or never
  hook URL PUBLIC [get]         call URL, by GET if told so; sign as if it were PUBLIC
  again ID                      tell a text from a phone, or a report, once more
  journal                       the requests so far, as JSON lines"
)]
pub struct Options {
    /// address to listen on; port 0 takes any free one. Default 127.0.0.1:0
    #[argh(option, default = "SocketAddr::from(([127, 0, 0, 1], 0))")]
    pub listen: SocketAddr,

    /// whose service numbers phones text: twilio or bandwidth. Default twilio
    #[argh(option, default = "\"twilio\".to_owned()")]
    pub carrier: String,

    /// account, and for Bandwidth also user and application. Default ACdemo
    #[argh(option, default = "\"ACdemo\".to_owned()")]
    pub account: String,

    /// token or password. Default demo
    #[argh(option, default = "\"demo\".to_owned()")]
    pub token: String,

    /// user and password of Bandwidth's callbacks, as user:password
    #[argh(option, default = "String::new()")]
    pub hook_login: String,

    /// a service number of the account; may be repeated. Default: any number is one
    #[argh(option)]
    pub number: Vec<String>,

    /// unix socket to take commands on
    #[argh(option)]
    pub control: Option<PathBuf>,
}

/// The carrier and what is around it.
pub(super) struct Carrier {
    options: Options,
    phones: Phones,
    faults: Faults,
    calls: calls::Calls,
    journal: VecDeque<String>,
}

/// The carrier behind its sockets.
struct Sim {
    carrier: Mutex<Carrier>,
    stop: AtomicBool,
}

impl Sim {
    fn carrier(&self) -> MutexGuard<'_, Carrier> {
        self.carrier.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running simulated carrier; ends when dropped.
pub struct Handle {
    sim: Arc<Sim>,
    server: Server,
    network: Option<JoinHandle<()>>,
    _control: Option<Lines>,
}

/// Starts a simulated carrier in threads of this process.
///
/// # Errors
/// When a socket cannot be opened.
pub fn start(options: Options) -> io::Result<Handle> {
    let (listen, control) = (options.listen, options.control.clone());
    let carrier = Carrier {
        options,
        phones: Phones::default(),
        faults: Faults::new(&faults::MENU),
        calls: calls::Calls::default(),
        journal: VecDeque::new(),
    };
    let sim = Arc::new(Sim { carrier: Mutex::new(carrier), stop: AtomicBool::new(false) });
    let inner = sim.clone();
    let server = Server::start(listen, Box::new(move |request| inner.carrier().handle(request)))?;
    let inner = sim.clone();
    let control = control
        .map(|path| Lines::start(&path, "carrier-control", Box::new(move |line| inner.carrier().command(line) + "\n")))
        .transpose()?;
    let inner = sim.clone();
    let network = std::thread::Builder::new().name("carrier-net".to_owned()).spawn(move || network(&inner))?;
    Ok(Handle { sim, server, network: Some(network), _control: control })
}

/// Moves texts on and calls webhooks until the end.
fn network(sim: &Sim) {
    while !sim.stop.load(Ordering::SeqCst) {
        let due = {
            let mut carrier = sim.carrier();
            let moved = carrier.phones.tick();
            for id in moved {
                carrier.tell_report(&id);
            }
            carrier.due_calls()
        };
        for call in due {
            let done = calls::make(&call);
            sim.carrier().calls.made(call, done);
        }
        crate::clock::sleep(TICK);
    }
}

impl Handle {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// A phone texts a service number.
    pub fn text(&self, from: &str, to: &str, words: &str) {
        self.sim.carrier().phone_texts(from, to, words);
    }

    /// Texts that arrived at phones: phone and words, oldest first.
    pub fn arrived(&self) -> Vec<(String, String)> {
        let carrier = self.sim.carrier();
        let arrived = carrier.phones.all().filter(|text| text.outbound && text.status == "delivered");
        arrived.map(|text| (text.to.clone(), text.body.clone())).collect()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.sim.stop.store(true, Ordering::SeqCst);
        self.server.stop();
        if let Some(network) = self.network.take() {
            let _ = network.join();
        }
    }
}

/// Runs a simulated carrier until SIGINT or SIGTERM; its address is the first line on stdout.
///
/// # Errors
/// When it cannot start.
pub fn run(options: Options) -> io::Result<()> {
    serve(|| start(options), |handle| format!("carrier http://{}", handle.address()))
}

impl Carrier {
    /// Answers a request.
    fn handle(&mut self, request: &Request) -> Answer {
        let parts: Vec<&str> = request.path.split('/').filter(|part| !part.is_empty()).collect();
        let endpoint = match (request.method.as_str(), parts.as_slice()) {
            (_, ["phone"]) => return self.phone(request),
            ("POST", [.., "Messages.json" | "messages"]) => "send",
            ("GET", [.., "Messages.json" | "messages"]) => "list",
            _ => "fetch",
        };
        let fault = self.faults.next(endpoint);
        let answer = match fault.and_then(faults::instead) {
            Some(answer) => answer,
            None => {
                let late = fault == Some(Fault::Own(faults::LATE));
                let answer = match parts.as_slice() {
                    ["2010-04-01", "Accounts", account, rest @ ..] => self.twilio(request, account, rest, late),
                    ["api", "v2", "users", account, "messages"] => self.bandwidth(request, account, late),
                    _ => Answer::json(404, &json!({"message": "no such page", "status": 404})),
                };
                match fault {
                    Some(fault) => faults::spoil(fault, answer),
                    None => answer,
                }
            }
        };
        let entry = json!({
            "method": request.method, "path": request.path, "query": request.query,
            "body": String::from_utf8_lossy(&request.body), "status": answer.status,
            "lost": answer.wire != Wire::Whole,
        });
        self.journal.push_back(entry.to_string());
        if self.journal.len() > JOURNAL {
            self.journal.pop_front();
        }
        answer
    }

    /// The phones themselves, over HTTP: POST sends a text, GET shows what there is.
    fn phone(&mut self, request: &Request) -> Answer {
        if request.method != "POST" {
            return Answer::json(200, &self.phones.all().map(phones::Text::shown).collect());
        }
        let form = twilio::form(&request.body);
        let field = |name: &str| form.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
        for name in ["From", "To"] {
            if !phones::is_e164(field(name)) {
                let words = format!("{name} is no number such as +14155550123 (a plus in a form is written %2B)");
                return Answer::json(400, &json!({"message": words, "status": 400}));
            }
        }
        let id = self.phone_texts(field("From"), field("To"), field("Body"));
        Answer::json(201, &json!({"id": id}))
    }

    /// True when this is a service number of the account.
    fn owns(&self, number: &str) -> bool {
        self.options.number.is_empty() || self.options.number.iter().any(|known| known == number)
    }

    /// A phone texts a service number.
    fn phone_texts(&mut self, from: &str, to: &str, text: &str) -> String {
        self.phone_sends(from, to, text, 0)
    }

    fn phone_sends(&mut self, from: &str, to: &str, text: &str, media: usize) -> String {
        let id = self.phones.inbound(from, to, text);
        self.phones.attach(&id, media);
        self.tell_incoming(&id);
        id
    }
}

/// True when the request carries this user and password.
fn logged_in(request: &Request, user: &str, password: &str) -> bool {
    use base64::Engine as _;
    let wanted = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    request.header("authorization") == Some(&format!("Basic {wanted}"))
}
