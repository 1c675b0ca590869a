//! The listeners of a box: opened at the start, opened anew when their settings change, tried again when a port was taken.
//!
//! [`LISTENERS`] has a row for each. A new one is a row here, a socket unit in `systemd/`, and a [`Service`] of its own.

use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Context;
use crate::engine::link::equipment;
use crate::fault::Fault;
use crate::intake::Intake;
use crate::limit::proven::Proven;
use crate::listen::closed::Closed;
use crate::listen::counters::ClientCounters;
use crate::listen::directip::DirectIpListener;
use crate::listen::gate::{Gate, Service};
use crate::listen::http::HttpFront;
use crate::listen::http_rules::{Rules, Upload};
use crate::listen::imap::session::Services;
use crate::listen::imap::{ImapListener, LastOpened, PeopleOnline};
use crate::listen::ip::BoxListener;
use crate::listen::smtp_io::SmtpListener;
use crate::listen::tls::CertStore;
use crate::listen::{MailIntake, data};
use crate::settings::Key;
use crate::status::{PartState, PartStatus};
use crate::sys::process;
use crate::sys::sockets::Sockets;

/// What serves the clients of a listener, or why there is nothing.
type Made = Result<Arc<dyn Service>, Fault>;

/// A row: what a listener is called, where it listens, and who serves its clients.
struct Row {
    /// Its name on the pages, in the log, and as `FileDescriptorName=` of its socket unit.
    name: &'static str,
    /// The setting with its addresses.
    ports: Key,
    /// It offers TLS: a new certificate opens it anew.
    tls: bool,
    /// What answers there while the box cannot work, called by the name of the host; `None`: nothing, or the page that says why.
    closed: Option<fn(&str) -> Closed>,
    /// Makes what serves its clients.
    service: fn(&Shared, &Context) -> Made,
}

static LISTENERS: &[Row] = &[
    Row {
        name: "smtp",
        ports: Key::SmtpListen,
        tls: true,
        closed: Some(Closed::new),
        service: |shared, context| Ok(shared.smtp(context, false, false)),
    },
    Row {
        name: "submission",
        ports: Key::SubmissionListen,
        tls: true,
        closed: Some(Closed::new),
        service: |shared, context| Ok(shared.smtp(context, true, false)),
    },
    Row {
        name: "submissions",
        ports: Key::SubmissionsListen,
        tls: true,
        closed: Some(|_| Closed::silent()),
        service: |shared, context| Ok(shared.smtp(context, true, true)),
    },
    Row {
        name: "imap",
        ports: Key::ImapListen,
        tls: true,
        closed: Some(Closed::imap),
        service: |shared, context| Ok(shared.imap(context, false)),
    },
    Row {
        name: "imaps",
        ports: Key::ImapsListen,
        tls: true,
        closed: Some(|_| Closed::silent()),
        service: |shared, context| Ok(shared.imap(context, true)),
    },
    Row {
        name: WEB,
        ports: Key::WebListen,
        tls: false,
        closed: None,
        service: |shared, context| shared.web(context, None),
    },
    Row { name: WEBS, ports: Key::WebsListen, tls: true, closed: Some(|_| Closed::silent()), service: Shared::webs },
    Row {
        name: "directip",
        ports: Key::DirectipListen,
        tls: false,
        closed: None,
        service: |_, context| Ok(Arc::new(DirectIpListener::new(&context.store, &context.callers))),
    },
    Row { name: "ip", ports: Key::IpListen, tls: false, closed: None, service: Shared::ip },
];

/// The listener of the page.
pub const WEB: &str = "web";
/// The listener of the page under TLS.
pub const WEBS: &str = "webs";
/// Gives what answers at each listener while the box cannot work, by the name of the listener.
pub fn while_closed(host: &str) -> impl Iterator<Item = (&'static str, Closed)> {
    LISTENERS.iter().filter_map(move |row| row.closed.map(|closed| (row.name, closed(host))))
}

/// Gives the name of each listener, and the setting with its addresses.
pub fn names() -> impl Iterator<Item = (&'static str, Key)> {
    LISTENERS.iter().map(|row| (row.name, row.ports))
}

/// How long the sessions of a listener may take to end before it is opened anew.
const REOPEN: Duration = Duration::from_secs(2);

/// All listeners of a box, opened and closed as the settings say.
pub struct Listeners {
    listeners: Vec<Listener>,
    shared: Shared,
    pages: crate::admin::Handle,
    control: Option<crate::control::Handle>,
}

/// What the services of several listeners share.
struct Shared {
    intake: Arc<Intake>,
    counters: Arc<ClientCounters>,
    online: Arc<PeopleOnline>,
    opened: Arc<LastOpened>,
    /// Networks from which somebody logged in.
    proven: Arc<Proven>,
    /// For large mails and uploads that are still coming in.
    incoming: PathBuf,
    web_socket: PathBuf,
}

struct Listener {
    row: &'static Row,
    /// Sockets that systemd handed over: they stay, whatever the settings say.
    given: Vec<TcpListener>,
    gate: Option<Gate>,
    /// The setting it was opened with.
    opened_with: String,
    /// The TLS settings it was opened with.
    certificate: String,
    error: Option<String>,
}

impl Listeners {
    /// Opens all listeners. A port that is taken costs that listener only, and is tried again.
    ///
    /// # Errors
    /// When the web server or the control socket cannot be set up at all.
    pub fn open(context: &Context, mut sockets: Sockets) -> Result<Self, Fault> {
        let incoming = context.store.folder().join("incoming");
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&incoming);
        // One of an earlier version may be open to others.
        let closed = made.and_then(|()| std::fs::set_permissions(&incoming, std::fs::Permissions::from_mode(0o700)));
        let usable = closed.and_then(|()| data::sweep(&incoming));
        // Nothing comes in while the disk can only be read.
        usable.or_else(|error| context.store.read_only().map(drop).ok_or(error)).map_err(|error| {
            Fault::operator(format!("{} cannot be used for large mails: {error}", incoming.display()))
        })?;
        let sockets_in = super::private_folder(&match context.store.read_only() {
            None => context.store.folder().to_owned(),
            Some(_) => temporary_folder()?,
        });
        let web_socket = sockets_in.join("web.sock");
        let proven: Arc<Proven> = Arc::default();
        let pages = crate::admin::serve(context, &web_socket, Arc::clone(&proven))?;
        let control = crate::control::serve(context, &sockets_in);
        // On a disk that can only be read, started by hand, there may be no place for it.
        let control = match control {
            Err(fault) if context.store.read_only().is_some() => {
                log::error!("{fault}");
                None
            }
            control => Some(control?),
        };
        let closed = |row: &'static Row| Listener {
            row,
            given: sockets.take(row.name),
            gate: None,
            opened_with: String::new(),
            certificate: String::new(),
            error: None,
        };
        let counters = Arc::new(ClientCounters::new(Arc::clone(&proven)));
        let shared = Shared {
            intake: Intake::new(context),
            counters,
            proven,
            online: Arc::default(),
            opened: Arc::default(),
            incoming,
            web_socket,
        };
        let mut listeners = Self { listeners: LISTENERS.iter().map(closed).collect(), shared, pages, control };
        listeners.follow(context);
        Ok(listeners)
    }

    /// True when every listener that should be open is.
    pub fn all_open(&self) -> bool {
        self.listeners.iter().all(|listener| listener.error.is_none())
    }

    /// Opens, and closes, what the settings ask for now.
    pub fn follow(&mut self, context: &Context) {
        let settings = context.store.settings();
        let certificate = format!("{} {}", settings.text(Key::TlsCert), settings.text(Key::TlsKey));
        for listener in &mut self.listeners {
            let wanted = settings.text(listener.row.ports);
            if listener.is_as(wanted, &certificate) {
                continue;
            }
            if let Some(gate) = listener.gate.take() {
                gate.stop(REOPEN);
            }
            let service = (listener.row.service)(&self.shared, context);
            listener.open(wanted, &certificate, service, &self.shared.proven);
        }
        self.report(context);
    }

    /// Puts what is open, and what is not, on the status board.
    pub fn report(&self, context: &Context) {
        let errors: Vec<_> = self.listeners.iter().filter_map(|listener| listener.error.clone()).collect();
        let state = match context.store.disk_room() {
            _ if !errors.is_empty() => PartState::Closed(errors),
            _ if context.store.read_only().is_some() => {
                PartState::Closed(context.store.read_only().into_iter().collect())
            }
            Ok(room) if room.is_short() => PartState::DiskShort { free: room.free, reserve: room.reserve },
            _ => PartState::TakesMail,
        };
        let now = context.now();
        context.status.set(|facts| {
            if facts.smtp.as_ref().is_none_or(|before| before.state != state) {
                facts.smtp = Some(PartStatus { state, at: now });
            }
            facts.given = self.listeners.iter().filter(|row| !row.given.is_empty()).map(|row| row.row.name).collect();
            facts.listen.clear();
            for listener in &self.listeners {
                let addresses = listener.gate.as_ref().map(|gate| gate.addresses().to_vec());
                facts.listen.insert(listener.row.name.to_owned(), addresses.unwrap_or_default());
            }
        });
    }

    /// Closes all listeners within `limit`.
    pub fn close(self, limit: Duration) {
        std::thread::scope(|scope| {
            for listener in &self.listeners {
                if let Some(gate) = &listener.gate {
                    scope.spawn(move || gate.stop(limit));
                }
            }
        });
        self.pages.stop();
        self.control.into_iter().for_each(crate::control::Handle::stop);
    }
}

impl Shared {
    fn webs(&self, context: &Context) -> Made {
        match Self::certificates(context) {
            Some(certificates) => self.web(context, Some(certificates)),
            None => Err(Fault::operator("there is no certificate: see tls.certificate and tls.key")),
        }
    }

    fn web(&self, context: &Context, tls: Option<Arc<CertStore>>) -> Made {
        let (store, status) = (context.store.clone(), context.status.clone());
        let rules = Box::new(move || {
            let mut rules = Rules::new(&store.settings(), &host_name());
            let ((path, shown), (most, time)) = (crate::admin::UPLOAD, crate::admin::UPLOAD_LIMITS);
            rules.uploads.push(Upload { path, shown, most, time });
            if store.settings().on(Key::WebHttps) {
                let facts = status.facts();
                rules.https = facts.listen.get(WEBS).and_then(|open| open.first()).map(std::net::SocketAddr::port);
            }
            rules.names.extend(new_host_name().into_iter().flat_map(|name| [format!("{name}.local"), name]));
            rules
        });
        let mut front = HttpFront::new(self.web_socket.clone(), self.incoming.clone(), rules);
        front.tls = tls;
        let store = context.store.clone();
        front.fronts = Box::new(move |peer| store.settings().contains(Key::WebFront, peer));
        Ok(Arc::new(front))
    }

    fn ip(&self, context: &Context) -> Made {
        let key = equipment::own_key(&context.store)?;
        Ok(Arc::new(BoxListener::new(&context.store, &context.callers, Arc::clone(&self.proven), &key)?))
    }

    fn certificates(context: &Context) -> Option<Arc<CertStore>> {
        match CertStore::new(&context.store.settings(), context.store.folder()) {
            Ok(certificates) => Some(Arc::new(certificates)),
            Err(why) => {
                log::error!("tls: {why}; there is no encryption until that is fixed");
                None
            }
        }
    }

    fn imap(&self, context: &Context, implicit_tls: bool) -> Arc<dyn Service> {
        let services = Services {
            intake: self.intake.clone() as Arc<dyn MailIntake>,
            store: context.store.clone(),
            spool: self.incoming.clone(),
            counters: self.counters.clone(),
            online: self.online.clone(),
            opened: self.opened.clone(),
        };
        Arc::new(ImapListener { services, tls: Self::certificates(context), implicit_tls })
    }

    fn smtp(&self, context: &Context, submission: bool, implicit_tls: bool) -> Arc<dyn Service> {
        Arc::new(SmtpListener {
            intake: self.intake.clone() as Arc<dyn MailIntake>,
            tls: Self::certificates(context),
            spool: self.incoming.clone(),
            counters: self.counters.clone(),
            submission,
            implicit_tls,
        })
    }
}

impl Listener {
    /// True when it is open with these settings already.
    fn is_as(&self, wanted: &str, certificate: &str) -> bool {
        let same_tls = !self.row.tls || self.certificate == certificate;
        self.error.is_none() && self.gate.is_some() && self.opened_with == wanted && same_tls
    }

    fn open(&mut self, wanted: &str, certificate: &str, service: Made, proven: &Arc<Proven>) {
        wanted.clone_into(&mut self.opened_with);
        certificate.clone_into(&mut self.certificate);
        let before = self.error.take();
        let service = service.map_err(|fault| fault.to_string());
        let opened = service.and_then(|service| Ok((self.sockets(wanted)?, service)));
        let opened = opened.and_then(|(sockets, service)| {
            Gate::open(sockets, service, Arc::clone(proven)).map_err(|error| error.to_string())
        });
        match opened {
            Ok(gate) => {
                for address in gate.addresses() {
                    log::info!("{} listens on {address}", self.row.name);
                }
                self.gate = Some(gate);
            }
            Err(why) => {
                // It is tried again every few seconds: the same error is said once.
                if before.as_ref() != Some(&why) {
                    log::error!("{}: {why}", self.row.name);
                }
                self.error = Some(why);
            }
        }
    }

    fn sockets(&self, wanted: &str) -> Result<Vec<TcpListener>, String> {
        if !self.given.is_empty() {
            let copies: Result<Vec<_>, _> = self.given.iter().map(TcpListener::try_clone).collect();
            return copies.map_err(|error| error.to_string());
        }
        let bind = |address: &str| TcpListener::bind(address).map_err(|error| process::port_refused(address, &error));
        wanted.split_whitespace().map(bind).collect()
    }
}

/// Makes a folder among the temporary files that only this user can read.
fn temporary_folder() -> Result<PathBuf, Fault> {
    let folder = std::env::temp_dir().join(format!("satpost-{}", std::process::id()));
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(|error| Fault::operator(format!("{}: {error}", folder.display())))?;
    Ok(folder)
}

/// Gives the name that this machine got while the box runs: the sandbox keeps the one that it had at the start.
fn new_host_name() -> Option<String> {
    let name = std::fs::read_to_string("/etc/hostname").ok()?;
    Some(name.trim().to_lowercase()).filter(|name| !name.is_empty())
}

/// Gives the name of this machine.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
