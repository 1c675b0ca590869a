//! The doors of a box: opened at the start, opened anew when their settings change, tried again when a port was taken.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Context;
use crate::fault::Fault;
use crate::intake::Intake;
use crate::listen::gate::{Gate, Service};
use crate::listen::http::{HttpFront, Rules};
use crate::listen::smtp_io::SmtpListener;
use crate::listen::tally::ClientCounters;
use crate::listen::tls::CertStore;
use crate::listen::{MailIntake, data};
use crate::settings::Key;
use crate::status::{PartState, PartStatus};
use crate::sys::process;
use crate::sys::sockets::Sockets;

/// Name of a door for systemd and for people, and the setting with its addresses.
const DOORS: [(&str, Key); 3] =
    [("smtp", Key::SmtpListen), ("submission", Key::SubmissionListen), ("web", Key::WebListen)];

/// All doors of a box.
pub struct Doors {
    doors: Vec<Origin>,
    office: Arc<Intake>,
    tally: Arc<ClientCounters>,
    incoming: PathBuf,
    web: crate::admin::Handle,
    web_socket: PathBuf,
    control: crate::control::Handle,
}

struct Origin {
    name: &'static str,
    key: Key,
    /// Sockets that systemd handed over: they stay, whatever the settings say.
    given: Vec<TcpListener>,
    gate: Option<Gate>,
    /// The setting it was opened with.
    opened_with: String,
    /// TLS settings it was opened with.
    certificate: String,
    trouble: Option<String>,
}

impl Doors {
    /// Opens all doors. A port that is taken costs that door only, and is tried again.
    ///
    /// # Errors
    /// When the web server or the control socket cannot be set up at all.
    pub fn open(context: &Context, mut sockets: Sockets) -> Result<Self, Fault> {
        let incoming = context.store.folder().join("incoming");
        std::fs::create_dir_all(&incoming).and_then(|()| data::sweep(&incoming)).map_err(|error| {
            Fault::operator(format!("{} cannot be used for large mails: {error}", incoming.display()))
        })?;
        let doors = DOORS.map(|(name, key)| Origin {
            name,
            key,
            given: sockets.take(name),
            gate: None,
            opened_with: String::new(),
            certificate: String::new(),
            trouble: None,
        });
        let web_socket = context.store.folder().join("web.sock");
        let web = crate::admin::serve(context, &web_socket)?;
        let control = crate::control::serve(context)?;
        let mut doors = Self {
            doors: doors.into_iter().collect(),
            office: Intake::new(context),
            tally: Arc::default(),
            incoming,
            web,
            web_socket,
            control,
        };
        doors.settle(context);
        Ok(doors)
    }

    /// True when every door that should be open is.
    pub fn all_open(&self) -> bool {
        self.doors.iter().all(|door| door.trouble.is_none())
    }

    /// Opens, and closes, what the settings ask for now.
    pub fn settle(&mut self, context: &Context) {
        let settings = context.store.settings();
        let certificate = format!("{} {}", settings.text(Key::TlsCert), settings.text(Key::TlsKey));
        for at in 0..self.doors.len() {
            let wanted = settings.text(self.doors[at].key);
            let door = &self.doors[at];
            let tls_changed = door.name != "web" && door.certificate != certificate;
            if door.trouble.is_none() && door.gate.is_some() && door.opened_with == wanted && !tls_changed {
                continue;
            }
            if let Some(gate) = self.doors[at].gate.take() {
                gate.stop(Duration::from_secs(2));
            }
            let service = self.service(context, self.doors[at].name);
            let door = &mut self.doors[at];
            wanted.clone_into(&mut door.opened_with);
            certificate.clone_into(&mut door.certificate);
            let had_trouble = door.trouble.take();
            match door.listeners(wanted).and_then(|l| Gate::open(l, service).map_err(|error| error.to_string())) {
                Ok(gate) => {
                    for address in gate.addresses() {
                        log::info!("{} listens on {address}", door.name);
                    }
                    door.gate = Some(gate);
                }
                Err(why) => {
                    if had_trouble.as_ref() != Some(&why) {
                        log::error!("{}: {why}", door.name);
                    }
                    door.trouble = Some(why);
                }
            }
        }
        self.tell(context);
    }

    fn tell(&self, context: &Context) {
        let trouble: Vec<_> = self.doors.iter().filter_map(|door| door.trouble.clone()).collect();
        let state = if trouble.is_empty() { PartState::TakesMail } else { PartState::Closed(trouble) };
        let rung = PartStatus { state, at: context.now() };
        context.status.set(|facts| {
            facts.smtp = Some(rung);
            facts.listen.clear();
            for door in &self.doors {
                let addresses = door.gate.as_ref().map(|gate| gate.addresses().to_vec());
                facts.listen.insert(door.name.to_owned(), addresses.unwrap_or_default());
            }
        });
    }

    fn service(&self, context: &Context, name: &str) -> Arc<dyn Service> {
        if name == "web" {
            let store = context.store.clone();
            let host = host_name();
            let rules = Box::new(move || Rules::new(&store.settings(), &host));
            return Arc::new(HttpFront::new(self.web_socket.clone(), self.incoming.clone(), rules));
        }
        let tls = match CertStore::new(&context.store.settings(), context.store.folder()) {
            Ok(keeper) => Some(Arc::new(keeper)),
            Err(why) => {
                log::error!("tls: {why}; mail is taken without encryption until that is mended");
                None
            }
        };
        Arc::new(SmtpListener {
            intake: self.office.clone() as Arc<dyn MailIntake>,
            tls,
            spool: self.incoming.clone(),
            counters: self.tally.clone(),
            submission: name == "submission",
        })
    }

    /// Closes all doors within `limit`.
    pub fn close(self, limit: Duration) {
        std::thread::scope(|scope| {
            for door in &self.doors {
                if let Some(gate) = &door.gate {
                    scope.spawn(move || gate.stop(limit));
                }
            }
        });
        self.web.stop();
        self.control.stop();
    }
}

impl Origin {
    fn listeners(&self, wanted: &str) -> Result<Vec<TcpListener>, String> {
        if !self.given.is_empty() {
            let copies: Result<Vec<_>, _> = self.given.iter().map(TcpListener::try_clone).collect();
            return copies.map_err(|error| error.to_string());
        }
        wanted.split_whitespace().map(bind).collect()
    }
}

/// The name of this machine.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn bind(address: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|error| {
        let port = address.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0);
        match error.kind() {
            std::io::ErrorKind::AddrInUse => process::port_taken(port),
            std::io::ErrorKind::PermissionDenied => {
                format!("port {port} may not be opened by this user: use the systemd sockets, or a port above 1023")
            }
            _ => format!("{address} cannot be listened on: {error}"),
        }
    })
}
