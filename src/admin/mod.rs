//! The web page of the box, and the service behind it, which the commands use as well.
//!
//! ```text
//!  browser -> gate (listen) -> Unix socket -> server -> route::answer -> pages/* -> service -> store
//! ```
//!
//! The gate in front lets only complete, checked requests through, one to a connection, and tells the browser's
//! address in `X-Satpost-Peer`. Everything behind [`server`] works on a [`request::Request`] and a
//! [`response::Response`], without sockets. Every change is a POST that carries its session's token and ends in a 303.

mod assets;
mod auth;
mod bars;
mod chart;
mod map;
mod metrics;
mod pages;
mod request;
mod response;
mod route;
mod server;
pub mod service;
mod strip;
#[cfg(test)]
mod tests;
mod view;
mod words;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Time;
use crate::engine::Context;
use crate::fault::Fault;
use crate::limit::log_ins::{Attempt, LogIns};
use crate::limit::proven::Proven;
use crate::status::StatusBoard;
use crate::store::Store;
use request::Request;
use service::{Actor, Service};

pub use pages::help::{TOPICS as HELP_TOPICS, plain as plain_help};
pub use server::Handle;

/// The fields of a form, for the fuzzers.
#[cfg(fuzzing)]
pub fn fields(form: &[u8]) -> Vec<(String, String)> {
    request::Fields::parse(form).pairs().to_vec()
}

/// Starts the pages on a Unix socket at `socket` (made with mode 0600; an old one is replaced). Networks from which
/// somebody logs in are noted in `proven`.
///
/// Returns once the socket takes connections. The pages end with [`Handle::stop`], or when the handle is dropped.
///
/// # Errors
/// For the operator, when the socket or the threads cannot be made.
pub fn serve(context: &Context, socket: &Path, proven: Arc<Proven>) -> Result<Handle, Fault> {
    let app = App::new(context, proven);
    let (store, status) = (context.store.clone(), context.status.clone());
    let changes = move || {
        let commits = store.ledger().map(|ledger| ledger.commits).unwrap_or_default();
        (commits, status.changes() + store.works().changes())
    };
    let incoming = context.store.folder().join("incoming");
    let (sessions, cookies) = (context.store.clone(), app.cookies.clone());
    let whose = move |request: &Request| auth::whose(&sessions, &cookies, request);
    server::start(socket, &incoming, move |request| route::answer(&app, request), whose, changes)
}

/// The page that takes a file, and the page with its form: whoever sees that may send one.
pub const UPLOAD: (&str, &str) = (server::upload::PAGE, "/about");
/// Most bytes of its body, and how long that may take.
pub const UPLOAD_LIMITS: (u64, Duration) = (server::upload::MOST + 64 * 1024, Duration::from_secs(1800));

/// Serves one page on every path that says why the box cannot work; for a store that cannot be opened.
///
/// # Errors
/// As [`serve`].
pub fn serve_failure(why: &str, socket: &Path) -> Result<Handle, Fault> {
    let why = why.to_owned();
    let beside = socket.parent().unwrap_or(socket);
    server::start(socket, beside, move |request| route::answer_broken(&why, request), |it| it.peer.clone(), || (0, 0))
}

/// What a session is told on its next page.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
struct Told {
    /// The sentence, shown once.
    words: String,
    /// A mail that was moved, by its path, and the number of the folder where it lay: it can be put back from here.
    undo: Option<(String, u32)>,
}

/// What the pages share.
struct App {
    context: Context,
    store: Store,
    status: StatusBoard,
    /// Counts wrong passwords and codes of networks, which have to wait then.
    tries: Mutex<LogIns>,
    /// Networks of those who are logged in.
    proven: Arc<Proven>,
    /// What a session is told on its next page.
    flashes: Mutex<BTreeMap<String, Told>>,
    queue: Mutex<Option<(Instant, pages::queue::Queue)>>,
    cookies: auth::Cookies,
    /// When the pages, and with them the box, started.
    started: Time,
}

impl App {
    fn new(context: &Context, proven: Arc<Proven>) -> Self {
        Self {
            context: context.clone(),
            store: context.store.clone(),
            status: context.status.clone(),
            tries: Mutex::new(LogIns::new(Arc::clone(&proven))),
            proven,
            flashes: Mutex::default(),
            queue: Mutex::default(),
            started: context.now(),
            // A box that cannot be read has no log-ins either.
            cookies: auth::Cookies::of(&context.store.ledger().unwrap_or_default().box_token),
        }
    }

    /// Makes the service by which somebody acts, with their rights.
    fn service(&self, by: Actor) -> Service {
        Service::new(&self.store, by)
    }

    /// Makes the service for somebody who did not log in.
    fn nobody(&self, request: &Request) -> Service {
        self.service(Actor::nobody(&request.peer))
    }

    /// Takes one try for a password or a code.
    ///
    /// # Errors
    /// How long to wait when there is none left.
    fn try_once(&self, request: &Request, account: &str) -> Result<(), Duration> {
        let attempt = self.attempt(request, account);
        self.tries.lock().unwrap_or_else(PoisonError::into_inner).take(attempt, Instant::now())
    }

    /// Gives the try back: it was right.
    fn was_right(&self, request: &Request, account: &str) {
        let attempt = self.attempt(request, account);
        self.tries.lock().unwrap_or_else(PoisonError::into_inner).right(attempt, Instant::now());
    }

    fn attempt<'a>(&self, request: &Request, account: &'a str) -> Attempt<'a> {
        let known_browser = self.store.people().get(account).is_some_and(|person| self.cookies.knows(request, person));
        Attempt { client: client(&request.peer), account, known_browser }
    }

    /// Tells a session something on its next page.
    fn tell(&self, session: &str, told: Told) {
        let mut flashes = self.flashes.lock().unwrap_or_else(PoisonError::into_inner);
        if flashes.len() > 100 {
            // Sessions that never came back for theirs.
            flashes.clear();
        }
        flashes.insert(session.to_owned(), told);
    }

    fn told(&self, session: &str) -> Option<Told> {
        self.flashes.lock().unwrap_or_else(PoisonError::into_inner).remove(session)
    }
}

/// Gives the address of a browser as the gate wrote it; all that came without one share an allowance.
fn client(peer: &str) -> IpAddr {
    peer.parse().unwrap_or(Ipv4Addr::UNSPECIFIED.into())
}
