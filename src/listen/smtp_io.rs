//! Moves the bytes of an SMTP conversation: socket, TLS, time limits.

use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::MailIntake;
use super::connection::Connection;
use super::counters::ClientCounters;
use super::framer::{NextStep, SmtpFramer};
use super::gate::{Caps, Service};
use super::proxy_header::{self, Header};
use super::reply::say;
use super::smtp::front::{self, Naming};
use super::smtp::{SessionContext, SmtpSession};
use super::stream::Stream;
use super::tls::CertStore;
use crate::settings::Key;

/// Bytes of one read; also bounds the replies of one pipelined batch.
const READ: usize = 16 * 1024;
/// A client takes its replies, and does its TLS handshake, within this time (or smtp.idle, if that is less).
const PROMPT: Duration = Duration::from_secs(30);

/// The SMTP listeners: what a gate opens for mail servers, and for mail programs.
pub struct SmtpListener {
    /// Decides who may send, and takes the mails.
    pub intake: Arc<dyn MailIntake>,
    /// The certificate for STARTTLS; without one it is not offered.
    pub tls: Option<Arc<CertStore>>,
    /// An existing folder for large mails, on the disk of the store.
    pub spool: PathBuf,
    /// Shared with the other SMTP listener.
    pub counters: Arc<ClientCounters>,
    /// This is the listener for mail programs: MAIL needs a log-in or a trusted network.
    pub submission: bool,
    /// Everything is encrypted from the first byte on (RFC 8314).
    pub implicit_tls: bool,
}

impl Service for SmtpListener {
    fn name(&self) -> &'static str {
        match (self.submission, self.implicit_tls) {
            (true, true) => "submissions",
            (true, false) => "submission",
            (false, _) => "smtp",
        }
    }

    fn caps(&self) -> Caps {
        let settings = self.intake.settings();
        Caps { total: settings.count(Key::SmtpConnections), per_address: settings.count(Key::SmtpPerAddress) }
    }

    fn is_front(&self, peer: IpAddr) -> bool {
        front::naming(&self.intake.settings(), peer).is_some()
    }

    fn refusal(&self) -> &[u8] {
        b"421 too many connections, try later\r\n"
    }

    fn serve(&self, stream: Stream, peer: IpAddr) {
        match self.session(stream, peer) {
            Ok(()) => {}
            Err(e) if matches!(e.kind(), ErrorKind::TimedOut | ErrorKind::UnexpectedEof) => {
                log::debug!("smtp: a client went silent");
            }
            Err(e) => log::debug!("smtp: a connection broke: {e}"),
        }
    }
}

impl SmtpListener {
    fn session(&self, stream: Stream, peer: IpAddr) -> io::Result<()> {
        let settings = self.intake.settings();
        let limits = Limits { idle: settings.span(Key::SmtpIdle), session: settings.span(Key::SmtpSession) };
        let mut out = Vec::with_capacity(1024);
        let mut session = SmtpSession::new(peer, settings.clone(), self.tls.is_some(), self.submission);
        let mut connection = Connection::Plain(stream);
        let mut input = vec![0; READ];
        let mut early = Vec::new();
        if front::naming(&settings, peer) == Some(Naming::Proxy) {
            connection.stream().allow(limits.prompt());
            let (client, behind) = proxied_client(&mut connection, &mut input)?;
            early = behind;
            if client.is_some_and(|client| !session.proxied(client, &self.counters)) {
                return leave(connection, &mut out, "too many connections, try later");
            }
        }
        if self.implicit_tls {
            connection = self.encrypt(connection, limits)?;
        }
        let mut framer = SmtpFramer::new(session, self.spool.clone(), &mut out);
        if self.implicit_tls {
            framer.encrypted();
        }
        let mut patience = Patience::new(limits);
        loop {
            connection.send(&mut out, limits.prompt())?;
            connection.stream().set_deadline(patience.until(&framer));
            let waiting = std::mem::take(&mut early);
            let read = match if waiting.is_empty() { connection.read(&mut input) } else { Ok(waiting.len()) } {
                Ok(0) if !connection.stream().stopping() => return Ok(()),
                Ok(read) => read,
                // What the end of input looks like under TLS.
                Err(_) if connection.stream().stopping() => 0,
                Err(e) if e.kind() == ErrorKind::TimedOut => return leave(connection, &mut out, "too slow, closing"),
                Err(e) => return Err(e),
            };
            let context = SessionContext { intake: &*self.intake, counters: &self.counters, now: Instant::now() };
            let bytes = if waiting.is_empty() { &input[..read] } else { &waiting };
            let before = framer.progress();
            let turn = framer.take(bytes, context, &mut out);
            if framer.progress() != before {
                connection.stream().useful();
            }
            if framer.session().is_proven() {
                connection.stream().proven();
            }
            if turn == NextStep::Close {
                return connection.close(&mut out);
            }
            if connection.stream().stopping() {
                return leave(connection, &mut out, "shutting down, try later");
            }
            if turn == NextStep::StartTls {
                connection.send(&mut out, limits.prompt())?;
                connection = self.encrypt(connection, limits)?;
                framer.encrypted();
            }
        }
    }

    fn encrypt(&self, connection: Connection, limits: Limits) -> io::Result<Connection> {
        // The session offers STARTTLS only with a certificate.
        let certificates = self.tls.as_ref().ok_or(ErrorKind::InvalidInput)?;
        connection.encrypt(certificates, limits.prompt())
    }
}

/// Says why and leaves; the client need not listen.
fn leave(connection: Connection, out: &mut Vec<u8>, why: &str) -> io::Result<()> {
    say(out, 421, why);
    connection.close(out)
}

/// Reads the header of the PROXY protocol; gives the client that it names, and what came behind it.
fn proxied_client(connection: &mut Connection, input: &mut [u8]) -> io::Result<(Option<IpAddr>, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        match proxy_header::read(&bytes) {
            Header::Client(client, used) => return Ok((client.map(|ip| ip.to_canonical()), bytes.split_off(used))),
            Header::More if bytes.len() < READ => {}
            Header::More | Header::None => {
                log::warn!("smtp: a server in front sent no PROXY header: the connection is closed");
                return Err(ErrorKind::InvalidData.into());
            }
        }
        match connection.read(input)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&input[..read]),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    idle: Duration,
    session: Duration,
}

impl Limits {
    fn prompt(self) -> Duration {
        PROMPT.min(self.idle)
    }
}

/// Until when the client may be silent: renewed by each sign of progress, not by each byte. The whole session is
/// bounded as well, from its start or its last accepted mail.
struct Patience {
    limits: Limits,
    progress: u64,
    accepted: u64,
    idle_until: Instant,
    session_until: Instant,
}

impl Patience {
    fn new(limits: Limits) -> Self {
        let now = Instant::now();
        let (idle_until, session_until) = (now + limits.idle, now + limits.session);
        Self { limits, progress: 0, accepted: 0, idle_until, session_until }
    }

    fn until(&mut self, framer: &SmtpFramer) -> Instant {
        let now = Instant::now();
        if framer.progress() != self.progress {
            self.progress = framer.progress();
            self.idle_until = now + self.limits.idle;
        }
        if framer.session().accepted() != self.accepted {
            self.accepted = framer.session().accepted();
            self.session_until = now + self.limits.session;
        }
        self.idle_until.min(self.session_until)
    }
}
