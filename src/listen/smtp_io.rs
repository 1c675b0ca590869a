//! Moves the bytes of an SMTP conversation: socket, TLS, time limits.

use std::io::{self, ErrorKind, Read, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ServerConnection, StreamOwned};

use super::MailIntake;
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
/// How long a client that is sent away may take to hear why.
const FAREWELL: Duration = Duration::from_secs(1);

/// The SMTP listeners: what a gate opens for mail servers, and for mail programs.
pub struct SmtpListener {
    /// Who decides.
    pub intake: Arc<dyn MailIntake>,
    /// The certificate for STARTTLS; without one it is not offered.
    pub tls: Option<Arc<CertStore>>,
    /// An existing folder for large mails, on the disk of the store.
    pub spool: PathBuf,
    /// Shared with the other SMTP listener.
    pub counters: Arc<ClientCounters>,
    /// This is the listener for mail programs: MAIL needs a log-in or a trusted network.
    pub submission: bool,
}

impl Service for SmtpListener {
    fn name(&self) -> &'static str {
        if self.submission { "submission" } else { "smtp" }
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
                return connection.leave(&mut out, "too many connections, try later");
            }
        }
        let mut framer = SmtpFramer::new(session, self.spool.clone(), &mut out);
        let mut patience = Patience::new(limits);
        loop {
            connection.send(&mut out, limits)?;
            connection.stream().set_deadline(patience.until(&framer));
            let waiting = std::mem::take(&mut early);
            let read = match if waiting.is_empty() { connection.read(&mut input) } else { Ok(waiting.len()) } {
                Ok(0) if !connection.stream().stopping() => return Ok(()),
                Ok(read) => read,
                // What the end of input looks like under TLS.
                Err(_) if connection.stream().stopping() => 0,
                Err(e) if e.kind() == ErrorKind::TimedOut => return connection.leave(&mut out, "too slow, closing"),
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
                return connection.leave(&mut out, "shutting down, try later");
            }
            if turn == NextStep::StartTls {
                connection.send(&mut out, limits)?;
                connection = self.encrypt(connection, limits)?;
                framer.encrypted();
            }
        }
    }

    fn encrypt(&self, connection: Connection, limits: Limits) -> io::Result<Connection> {
        let (Connection::Plain(mut stream), Some(certificates)) = (connection, &self.tls) else {
            // The session offers STARTTLS only once, and only with a certificate.
            return Err(ErrorKind::InvalidInput.into());
        };
        let mut connection = ServerConnection::new(certificates.current()).map_err(io::Error::other)?;
        stream.allow(limits.prompt());
        connection.complete_io(&mut stream)?;
        Ok(Connection::Tls(Box::new(StreamOwned::new(connection, stream))))
    }
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

enum Connection {
    Plain(Stream),
    Tls(Box<StreamOwned<ServerConnection, Stream>>),
}

impl Connection {
    fn stream(&mut self) -> &mut Stream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(tls) => &mut tls.sock,
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }

    /// Sends what has gathered, in one piece.
    fn send(&mut self, out: &mut Vec<u8>, limits: Limits) -> io::Result<()> {
        self.send_within(out, limits.prompt())
    }

    fn send_within(&mut self, out: &mut Vec<u8>, limit: Duration) -> io::Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        self.stream().allow(limit);
        match self {
            Self::Plain(stream) => stream.write_all(out)?,
            Self::Tls(tls) => {
                tls.write_all(out)?;
                tls.flush()?;
            }
        }
        out.clear();
        Ok(())
    }

    /// Sends the last replies and closes so that they arrive. A client may come again as soon as it has read them.
    fn close(mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.stream().leaving();
        self.send_within(out, FAREWELL)?;
        self.hang_up()
    }

    /// Says why and leaves; the client need not listen.
    fn leave(self, out: &mut Vec<u8>, why: &str) -> io::Result<()> {
        say(out, 421, why);
        self.close(out)
    }

    fn hang_up(mut self) -> io::Result<()> {
        if let Self::Tls(tls) = &mut self {
            tls.conn.send_close_notify();
            tls.sock.allow(FAREWELL);
            tls.flush()?;
        }
        self.stream().close_gently(4 * READ, FAREWELL);
        Ok(())
    }
}
