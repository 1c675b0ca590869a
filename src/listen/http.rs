//! The HTTP front: takes one complete, checked request from a connection and has the web server answer it.
//!
//! The server (tiny_http on a Unix socket in a private folder) never meets a slow, huge, malformed or idle client: it
//! is connected only when the request is there in full, and a browser that does not read its answer is cut off here.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Body;
use super::connection::Connection;
use super::counters::Places;
use super::data::Spool;
use super::gate::{Caps, Service, spare_descriptors};
use super::http_head::{self, Answer, Origin, Request};
use super::http_rules::{MAX_BODY, Rules, Upload};
use super::stream::Stream;
use super::tls::CertStore;
use crate::settings::Key;
use crate::sys::disk;

/// Connections at once. A browser opens six, each for one request, and the next six may arrive before the gate has seen
/// the end of the last.
pub const CAPS: Caps = Caps { total: 32, per_address: 12 };
/// During an endless answer, how often to look whether the browser is still there.
const STILL_THERE: Duration = Duration::from_secs(1);
const PIECE: usize = 16 * 1024;
/// File descriptors of one request behind this listener, counted generously.
const DESCRIPTORS: usize = 5;

/// The HTTP listener: what a gate opens for browsers.
pub struct HttpFront {
    /// Where the web server listens.
    pub socket: PathBuf,
    /// An existing folder for large bodies.
    pub spool: PathBuf,
    /// Connections at once; [`CAPS`] unless there is a reason.
    pub caps: Caps,
    /// How long things may take.
    pub times: Times,
    /// The rules in force; asked at each request.
    pub rules: Box<dyn Fn() -> Rules + Send + Sync>,
    /// True for a web server in front; asked at each connection, so it costs less than all rules.
    pub fronts: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// Certificates of a listener that speaks TLS from the first byte on.
    pub tls: Option<Arc<CertStore>>,
    /// Requests on their way to the server that it has not begun to answer.
    waiting: Mutex<usize>,
    /// Connections of browsers behind a web server in front, which has the cap per address for each of them.
    behind: Places,
}

/// Absolute limits of one connection.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// From the connection to the end of the head.
    pub head: Duration,
    /// From there to the end of the body.
    pub body: Duration,
    /// From there to the end of the answer.
    pub answer: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let [head, body, answer] = [10, 30, 60].map(Duration::from_secs);
        Self { head, body, answer }
    }
}

/// How often what is uploaded may lie on the disk at once: as it came, taken apart, and in use.
const COPIES: u64 = 3;

impl Service for HttpFront {
    fn name(&self) -> &'static str {
        "http"
    }

    fn caps(&self) -> Caps {
        self.caps
    }

    fn is_front(&self, peer: IpAddr) -> bool {
        (self.fronts)(peer)
    }

    fn front_is_proven(&self) -> bool {
        // Anybody in the world comes through it, with a body that never ends as well.
        false
    }

    fn refusal(&self) -> &[u8] {
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 1\r\nContent-Length: 46\r\n\
          Connection: close\r\n\r\nToo many connections, try again in a moment.\r\n"
    }

    fn serve(&self, stream: Stream, peer: IpAddr) {
        let mut connection = Connection::Plain(stream);
        if let Some(certificates) = &self.tls {
            connection = match connection.encrypt(certificates, self.times.head) {
                Ok(encrypted) => encrypted,
                Err(e) => return log::debug!("https: a handshake failed: {e}"),
            };
        }
        if let Err(e) = self.connection(&mut connection, peer) {
            log::debug!("http: a connection ended early: {e}");
        }
    }
}

impl HttpFront {
    /// Makes the front of the server on `socket`, with the usual caps and times, and no other web server before it.
    pub fn new(socket: PathBuf, spool: PathBuf, rules: Box<dyn Fn() -> Rules + Send + Sync>) -> Self {
        Self {
            socket,
            spool,
            caps: CAPS,
            times: Times::default(),
            rules,
            fronts: Box::new(|_| false),
            tls: None,
            waiting: Mutex::default(),
            behind: Places::default(),
        }
    }

    fn connection(&self, stream: &mut Connection, peer: IpAddr) -> io::Result<()> {
        stream.stream().allow(self.times.head);
        let (mut request, rest) = match read_head(stream) {
            Ok(Some(head)) => head,
            Ok(None) => return Ok(()),
            Err(answer) => return self.refuse(stream, &answer, false),
        };
        stream.stream().useful();
        let rules = (self.rules)();
        let head_only = request.method == "HEAD";
        let origin = match rules.origin(&mut request, peer, self.tls.is_some()) {
            Ok(origin) => origin,
            Err(answer) => return self.refuse(stream, &answer, head_only),
        };
        let place = (origin.client != peer).then(|| self.behind.enter(origin.client, self.caps.per_address));
        if place.as_ref().is_some_and(Option::is_none) {
            return self.refuse(stream, &crowded(), head_only);
        }
        let checked = rules.check(&request, origin.client, stream.stream().local_ip()?);
        if let Some(answer) = checked.err().or_else(|| rules.to_https(&request, &origin)) {
            return self.refuse(stream, &answer, head_only);
        }
        let may = rules.upload(&request).map_or(Ok(()), |upload| self.may_upload(upload, &request, &origin, &rules));
        if let Err(answer) = may {
            return self.refuse(stream, &answer, head_only);
        }
        match self.read_body(stream, &request, &rest, &rules) {
            Ok(body) => self.exchange(stream, &request, body, &origin, &rules),
            Err(answer) => self.refuse(stream, &answer, head_only),
        }
    }

    fn refuse(&self, stream: &mut Connection, answer: &Answer, head_only: bool) -> io::Result<()> {
        stream.stream().allow(self.times.head);
        stream.write_all(&answer.bytes(head_only))?;
        stream.farewell(1 << 20);
        Ok(())
    }

    /// Looks whether a large body may come, before any of it is taken: the pages say who asks.
    fn may_upload(&self, upload: &Upload, request: &Request, origin: &Origin, rules: &Rules) -> Result<(), Answer> {
        if request.length > upload.most {
            // Refused where it would be read.
            return Ok(());
        }
        let mut look = request.clone();
        (look.method, look.target, look.length) = ("GET".to_owned(), upload.shown.to_owned(), 0);
        match self.status(&look, origin) {
            Ok(true) => {}
            Ok(false) => return Err(Answer::new("403 Forbidden", "Log in as an owner of this box to send this.")),
            Err(error) => {
                log::warn!("http: an upload was not taken: {error}");
                return Err(no_answer());
            }
        }
        let reserve = u64::try_from(rules.settings.number(Key::DiskReserve)).unwrap_or(0).saturating_mul(1_000_000);
        let needed = request.length.saturating_mul(COPIES).saturating_add(reserve);
        match disk::free(&self.spool) {
            Ok(free) if free >= needed => Ok(()),
            Ok(free) => {
                let text = format!("There is no space to take this: {needed} bytes are needed, {free} are free.");
                Err(Answer::new("507 Insufficient Storage", text))
            }
            Err(error) => Err(no_room(&error)),
        }
    }

    /// True if the server answers a request without a body with 200.
    fn status(&self, request: &Request, origin: &Origin) -> io::Result<bool> {
        const GOOD: &[u8] = b"HTTP/1.1 200 ";
        let until = Instant::now() + self.times.answer;
        let _place = Place::take(&self.waiting)?;
        let mut server = UnixStream::connect(&self.socket)?;
        push(&mut server, &request.clean_head(origin), until)?;
        server.set_read_timeout(Some(self.times.answer))?;
        let mut start = [0; GOOD.len()];
        server.read_exact(&mut start)?;
        // All of it, so that the server is done with it before the upload comes.
        io::copy(&mut server, &mut io::sink())?;
        Ok(start == *GOOD)
    }

    fn read_body(
        &self,
        stream: &mut Connection,
        request: &Request,
        rest: &[u8],
        rules: &Rules,
    ) -> Result<Body, Answer> {
        let upload = rules.upload(request);
        let (most, time) = upload.map_or((MAX_BODY, self.times.body), |upload| (upload.most, upload.time));
        if request.length > most {
            return Err(Answer::new("413 Content Too Large", format!("A body may have {most} bytes here.")));
        }
        let no_room = |e: io::Error| no_room(&e);
        let mut body = Spool::new(&self.spool);
        stream.stream().allow(time);
        // What stands behind the body is no business of this request, and the connection ends with it.
        let at_once = usize::try_from(request.length).map_or(rest.len(), |length| rest.len().min(length));
        body.write(&rest[..at_once]).map_err(no_room)?;
        if request.waits && body.size() < request.length {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(|e| too_slow(&e))?;
        }
        let mut buffer = vec![0; PIECE];
        while body.size() < request.length {
            let missing = usize::try_from(request.length - body.size()).unwrap_or(PIECE).min(PIECE);
            match stream.read(&mut buffer[..missing]) {
                Ok(0) => return Err(Answer::new("400 Bad Request", "the body is shorter than its Content-Length")),
                Ok(read) => body.write(&buffer[..read]).map_err(no_room)?,
                Err(e) => return Err(too_slow(&e)),
            }
        }
        body.finish().map_err(no_room)
    }

    /// Has the server answer, and copies what it says.
    fn exchange(
        &self,
        stream: &mut Connection,
        request: &Request,
        body: Body,
        origin: &Origin,
        rules: &Rules,
    ) -> io::Result<()> {
        let endless = rules.streams.iter().find(|(path, _)| request.target.starts_with(path)).map(|&(_, time)| time);
        // What is done with an upload takes its time too.
        let long = endless.or_else(|| rules.upload(request).map(|upload| upload.time));
        let until = Instant::now() + long.unwrap_or(self.times.answer);
        let asked = Place::take(&self.waiting).and_then(|place| {
            let mut server = UnixStream::connect(&self.socket)?;
            ask(&mut server, request, body, origin, until)?;
            Ok((server, place))
        });
        let Ok((server, place)) = asked else {
            return self.refuse(stream, &no_answer(), request.method == "HEAD");
        };
        if self.copy_back(stream, server, place, until, endless.is_some())? {
            stream.farewell(4 * PIECE);
            return Ok(());
        }
        let answer = Answer::new("502 Bad Gateway", "The page gave no answer. The log of satpost says why.");
        self.refuse(stream, &answer, request.method == "HEAD")
    }

    /// Copies the answer to its end, at most until `until`; false if there was none. The server does not say that the
    /// connection ends with it: a client that did not know would send its next request into the end (RFC 9112 section 9.6).
    fn copy_back(
        &self,
        stream: &mut Connection,
        mut server: UnixStream,
        place: Place<'_>,
        until: Instant,
        endless: bool,
    ) -> io::Result<bool> {
        let mut buffer = vec![0; PIECE];
        let mut start = Vec::new();
        let mut place = Some(place);
        while let Some(left) = left(until) {
            server.set_read_timeout(Some(if endless { left.min(STILL_THERE) } else { left }))?;
            match server.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    stream.stream().set_deadline(until.min(Instant::now() + self.times.answer));
                    if place.is_none() {
                        stream.write_all(&buffer[..read])?;
                        continue;
                    }
                    start.extend_from_slice(&buffer[..read]);
                    let Some(line) = start.windows(2).position(|pair| pair == b"\r\n") else { continue };
                    let rest = start.split_off(line);
                    place = None;
                    start.extend_from_slice(b"\r\nConnection: close");
                    start.extend_from_slice(&rest);
                    stream.write_all(&start)?;
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                    if endless && (stream.stream().hung_up() || stream.stream().stopping()) {
                        return Ok(true);
                    }
                }
                Err(e) => return Err(e),
            }
        }
        // Given up with the first line of the answer.
        Ok(place.is_none())
    }
}

/// Reads the head and what came behind it; `None` when the client left, or never said anything.
fn read_head(stream: &mut Connection) -> Result<Option<(Request, Vec<u8>)>, Answer> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
            Err(_) if bytes.is_empty() => return Ok(None),
            Err(e) => return Err(too_slow(&e)),
        }
        if let Some((request, length)) = http_head::read(&bytes)? {
            return Ok(Some((request, bytes.split_off(length))));
        }
    }
}

fn no_room(e: &io::Error) -> Answer {
    log::warn!("http: cannot spool an upload: {e}");
    Answer::new("507 Insufficient Storage", "There is no space to take this.")
}

fn no_answer() -> Answer {
    Answer::new("503 Service Unavailable", "The page cannot answer now. Try again in a moment.")
}

fn crowded() -> Answer {
    Answer::new("503 Service Unavailable", "Too many connections from there, try again in a moment.")
}

fn too_slow(e: &io::Error) -> Answer {
    Answer::new("408 Request Timeout", format!("the request did not arrive in time: {e}"))
}

/// A place at the web server, from before the connection is made until its first word. tiny_http takes three
/// descriptors for a connection, and its accepting thread ends for good when it does not get them: nobody is sent there
/// unless there are enough for all who are on their way.
struct Place<'a>(&'a Mutex<usize>);

impl<'a> Place<'a> {
    fn take(waiting: &'a Mutex<usize>) -> io::Result<Self> {
        // A plain number: nothing can leave it half changed.
        let mut count = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if spare_descriptors() < DESCRIPTORS * (*count + 2) {
            return Err(io::Error::other("file descriptors run out"));
        }
        *count += 1;
        Ok(Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

fn ask(server: &mut UnixStream, request: &Request, body: Body, origin: &Origin, until: Instant) -> io::Result<()> {
    push(server, &request.clean_head(origin), until)?;
    match body {
        Body::Memory(bytes) => push(server, &bytes, until),
        Body::File(spooled) => {
            let mut file = File::open(spooled.path())?;
            let mut buffer = vec![0; PIECE];
            loop {
                match file.read(&mut buffer)? {
                    0 => return Ok(()),
                    read => push(server, &buffer[..read], until)?,
                }
            }
        }
    }
}

fn push(server: &mut UnixStream, mut bytes: &[u8], until: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        server.set_write_timeout(Some(left(until).ok_or(ErrorKind::TimedOut)?))?;
        match server.write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn left(until: Instant) -> Option<Duration> {
    until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
}
