//! The IMAP listeners: mail programs read here (RFC 3501).
//!
//! [`framer`] splits what comes into commands, [`session`] answers them; the grammar is that of `imap-codec`, replies are made
//! here. A session has one thread, which sleeps at the socket; in IDLE it sleeps at the socket and at the news of the store
//! alike, and nothing polls.

pub mod answer;
mod criteria;
pub mod envelope;
pub mod framer;
mod last_opened;
pub mod mime;
mod people;
pub mod replies;
pub mod searched;
mod section;
mod selected;
pub mod session;
pub mod structure;

use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use framer::{Event, Framer};
pub use last_opened::LastOpened;
pub use people::PeopleOnline;
use replies::Replies;
use session::{ImapSession, Next, Services};

use super::connection::Connection;
use super::gate::{Caps, Service};
use super::stream::{Stream, Woken};
use super::tls::CertStore;
use crate::settings::Key;

/// Bytes that are read from a client at once.
const READ: usize = 16 * 1024;
/// A client logs in within this time.
const LOG_IN: Duration = Duration::from_secs(60);
/// A client that has logged in may be silent for so long (RFC 3501 section 5.4 asks for 30 minutes).
const IDLE: Duration = Duration::from_secs(1800);
/// An idle client hears something after this time: routers forget silent connections.
const STILL_HERE: Duration = Duration::from_secs(29 * 60);
/// A piece of a mail, or the rest of a command, comes within this time.
const PIECE: Duration = Duration::from_secs(120);
/// A client takes its replies within this time.
const WRITE: Duration = Duration::from_secs(60);
/// A TLS handshake is done within this time: who does not speak TLS is gone soon.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A listener for mail programs that read.
pub struct ImapListener {
    /// What a session works with.
    pub services: Services,
    /// The certificate; without one there is no encryption.
    pub tls: Option<Arc<CertStore>>,
    /// Everything is encrypted from the first byte on (RFC 8314).
    pub implicit_tls: bool,
}

impl Service for ImapListener {
    fn name(&self) -> &'static str {
        if self.implicit_tls { "imaps" } else { "imap" }
    }

    fn caps(&self) -> Caps {
        let settings = self.services.store.settings();
        Caps { total: settings.count(Key::ImapConnections), per_address: settings.count(Key::ImapPerAddress) }
    }

    fn refusal(&self) -> &[u8] {
        // Under TLS it would be noise.
        if self.implicit_tls { b"" } else { b"* BYE [LIMIT] too many connections, try later\r\n" }
    }

    fn serve(&self, stream: Stream, peer: IpAddr) {
        match self.session(stream, peer) {
            Ok(()) => {}
            Err(e) if matches!(e.kind(), ErrorKind::TimedOut | ErrorKind::UnexpectedEof) => {
                log::debug!("imap: a client went silent");
            }
            Err(e) => log::debug!("imap: a connection broke: {e}"),
        }
    }
}

/// What a round of commands came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Read,
    StartTls,
    Close,
}

impl ImapListener {
    fn session(&self, stream: Stream, peer: IpAddr) -> io::Result<()> {
        stream.keep_alive();
        let mut connection = Connection::Plain(stream);
        let mut session = ImapSession::new(&self.services, peer, self.tls.is_some());
        let mut framer = Framer::new();
        if self.implicit_tls {
            connection = self.encrypt(connection)?;
            session.encrypted();
        }
        say(&mut connection, |out| session.greet(out))?;
        let start = Instant::now();
        let mut input = vec![0; READ];
        loop {
            if session.is_idle() && !framer.is_inside() {
                let news = session.news().unwrap_or_else(|| smol::channel::bounded(1).1);
                match connection.wait(&news, STILL_HERE)? {
                    Woken::Input => {}
                    Woken::News => {
                        let mut gone = None;
                        say(&mut connection, |out| gone = session.tell_news(true, out).err())?;
                        if let Some(answer::Answer::Bye(why)) = gone {
                            return bye(connection, why);
                        }
                        continue;
                    }
                    Woken::Time => {
                        say(&mut connection, |out| out.line("* OK still here"))?;
                        continue;
                    }
                }
            }
            let limit = match (session.is_logged_in(), framer.is_inside()) {
                (false, _) => LOG_IN.saturating_sub(start.elapsed()),
                (true, true) => PIECE,
                (true, false) => IDLE,
            };
            connection.stream().allow(limit);
            if framer.is_inside() {
                connection.stream().acknowledge();
            }
            let read = match connection.read(&mut input) {
                Ok(0) if !connection.stream().stopping() => return Ok(()),
                Ok(read) => read,
                // What the end of input looks like under TLS.
                Err(_) if connection.stream().stopping() => 0,
                Err(e) if e.kind() == ErrorKind::TimedOut => return bye(connection, "too slow, closing"),
                Err(e) => return Err(e),
            };
            let mut turn = Turn::Read;
            say(&mut connection, |out| turn = take(&mut session, &mut framer, &input[..read], out))?;
            match turn {
                Turn::Close => return connection.close(&mut Vec::new()),
                _ if connection.stream().stopping() => return bye(connection, "shutting down, come back later"),
                Turn::StartTls => {
                    connection = self.encrypt(connection)?;
                    session.encrypted();
                    // Nothing that came before counts.
                    framer = Framer::new();
                }
                Turn::Read => {}
            }
        }
    }

    fn encrypt(&self, connection: Connection) -> io::Result<Connection> {
        let certificates = self.tls.as_ref().ok_or(ErrorKind::InvalidInput)?;
        connection.encrypt(certificates, HANDSHAKE)
    }
}

/// Takes what was read: each command that is whole is answered.
fn take(session: &mut ImapSession<'_>, framer: &mut Framer, mut input: &[u8], out: &mut Replies<'_>) -> Turn {
    loop {
        let next = match framer.next(&mut input) {
            Event::More => return Turn::Read,
            Event::Command(line) if framer.raw => session.line(&line, out),
            Event::Command(line) => session.command(&line, out),
            Event::GoAhead => {
                out.line("+ go ahead");
                Next::Command
            }
            Event::Append { command, size, waits } => match session.begin_append(&command, size, out) {
                (true, next) => {
                    framer.take_mail();
                    if waits {
                        out.line("+ go ahead");
                    }
                    next
                }
                // What is not waited for comes anyway; beyond a limit it is not read to its end.
                (false, _) if !waits && size > framer::SKIP => Next::Close,
                (false, next) => {
                    framer.skip_mail(!waits);
                    next
                }
            },
            Event::Mail(piece) => {
                session.append_piece(&piece);
                Next::Command
            }
            Event::MailEnd(clean) => session.end_append(clean, out),
            Event::Refused { tag, why, too_big } => session.refused(&tag, why, too_big, out),
            Event::Hopeless(why) => {
                out.line(&format!("* BYE {why}"));
                Next::Close
            }
        };
        if session.is_logged_in() {
            framer.logged_in();
        }
        framer.raw = next == Next::Line;
        match next {
            Next::Command | Next::Line if out.broken() => return Turn::Close,
            Next::Command | Next::Line => {}
            Next::StartTls => return Turn::StartTls,
            Next::Close => return Turn::Close,
        }
    }
}

/// Lets something be said, and sends it.
fn say(connection: &mut Connection, words: impl FnOnce(&mut Replies<'_>)) -> io::Result<()> {
    let mut send = |gathered: &mut Vec<u8>| connection.send(gathered, WRITE);
    let mut out = Replies::new(&mut send);
    words(&mut out);
    out.finish()
}

/// Says why and leaves; the client need not listen.
fn bye(connection: Connection, why: &str) -> io::Result<()> {
    connection.close(&mut format!("* BYE {why}\r\n").into_bytes())
}
