//! A small HTTP/1.1 server for the simulator, on loopback: one request per connection, one thread each.
//!
//! Written on the bare socket because the faults worth having (a cut body, a reset, a trickle, silence) need it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Patience with a client that does not send.
const PATIENCE: Duration = Duration::from_secs(10);
/// A hung answer ends after this time at the latest.
const HANG: Duration = Duration::from_secs(120);
/// Pause between two bytes of a trickled answer.
const TRICKLE: Duration = Duration::from_millis(300);
/// Opening and closing the door takes at most this long.
const TURN: Duration = Duration::from_secs(5);
const MAX_HEAD: usize = 16 * 1024;
const MAX_BODY: usize = 64 * 1024;

/// A request as it came in.
#[derive(Debug, Default)]
pub struct Request {
    /// `GET`, `POST`.
    pub method: String,
    /// Without the query.
    pub path: String,
    /// What stands behind the `?`.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// How an answer travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// As it should.
    Whole,
    /// A byte at a time.
    Trickle,
    /// Half of the body, then the connection ends.
    Cut,
    /// Not at all: silence.
    Hang,
    /// Not at all: the connection ends.
    Drop,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Content type.
    pub kind: &'static str,
    /// A `Set-Cookie` value.
    pub cookie: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// How it travels.
    pub wire: Wire,
}

impl Answer {
    /// A JSON answer.
    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json", value.to_string().into_bytes())
    }

    /// Any answer.
    pub fn new(status: u16, kind: &'static str, body: Vec<u8>) -> Self {
        Self { status, kind, cookie: None, body, wire: Wire::Whole }
    }
}

/// Makes an answer of a request.
pub type Handler = dyn Fn(&Request) -> Answer + Send + Sync;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Open,
    Closed,
    Stop,
}

/// What the door should do, and what it does.
struct Door {
    wish: Wish,
    open: bool,
}

struct Shared {
    address: SocketAddr,
    door: Mutex<Door>,
    turned: Condvar,
    handler: Box<Handler>,
}

impl Shared {
    fn door(&self) -> MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The running server.
pub struct Server {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens and serves.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn start(address: SocketAddr, handler: Box<Handler>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let shared = Arc::new(Shared {
            address: listener.local_addr()?,
            door: Mutex::new(Door { wish: Wish::Open, open: true }),
            turned: Condvar::new(),
            handler,
        });
        let inner = shared.clone();
        let thread = std::thread::Builder::new().name("hive-http".to_owned()).spawn(move || keep(&inner, listener))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Closes the port (connections are refused) or opens it again; returns when that is so.
    pub fn down(&self, down: bool) {
        self.turn(if down { Wish::Closed } else { Wish::Open });
    }

    fn turn(&self, wish: Wish) {
        let mut door = self.shared.door();
        door.wish = wish;
        self.shared.turned.notify_all();
        let open = wish == Wish::Open;
        if door.open && !open {
            drop(door);
            // Only to wake the thread in `accept`; whether it succeeds does not matter.
            let _ = TcpStream::connect_timeout(&self.shared.address, TURN);
            door = self.shared.door();
        }
        let _ = self.shared.turned.wait_timeout_while(door, TURN, |door| door.open != open);
    }

    /// Stops; hung answers end as well.
    pub fn stop(&mut self) {
        self.turn(Wish::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Keeps the door as it is wished until it should stop.
fn keep(shared: &Arc<Shared>, first: TcpListener) {
    let mut listener = Some(first);
    loop {
        let mut door = shared.door();
        door.open = listener.is_some() && door.wish == Wish::Open;
        if !door.open {
            listener = None;
        }
        shared.turned.notify_all();
        match (door.wish, &listener) {
            (Wish::Stop, _) => return,
            (Wish::Closed, _) => drop(shared.turned.wait_while(door, |door| door.wish == Wish::Closed)),
            (Wish::Open, None) => {
                drop(door);
                match TcpListener::bind(shared.address) {
                    Ok(opened) => listener = Some(opened),
                    Err(why) => {
                        log::warn!("simulated Hive: cannot open {} again: {why}", shared.address);
                        crate::clock::sleep(TRICKLE);
                    }
                }
            }
            (Wish::Open, Some(listener)) => {
                drop(door);
                if let Ok((stream, _)) = listener.accept()
                    && shared.door().wish == Wish::Open
                {
                    let shared = shared.clone();
                    let _ = std::thread::Builder::new()
                        .name("hive-request".to_owned())
                        .spawn(move || serve(&shared, stream));
                }
            }
        }
    }
}

fn serve(shared: &Shared, mut stream: TcpStream) {
    let limits = stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
    if limits.is_err() {
        return;
    }
    let answer = match read(&mut stream) {
        Ok(request) => (shared.handler)(&request),
        Err(why) if why.kind() == io::ErrorKind::InvalidData => {
            Answer::new(400, "text/plain", why.to_string().into_bytes())
        }
        Err(_) => return,
    };
    if let Err(why) = write(shared, &mut stream, &answer) {
        log::debug!("simulated Hive: the client left: {why}");
    }
}

fn read(stream: &mut TcpStream) -> io::Result<Request> {
    let bad = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let mut bytes = Vec::new();
    let (mut request, head) = loop {
        more(stream, &mut bytes)?;
        match parse(&bytes).map_err(|why| bad(&why))? {
            Some(parsed) => break parsed,
            None if bytes.len() > MAX_HEAD => return Err(bad("the head is too long")),
            None => {}
        }
    };
    let length = request.header("content-length").map_or(Ok(0), str::parse).map_err(|_| bad("no such length"))?;
    if length > MAX_BODY {
        return Err(bad("the body is too long"));
    }
    while bytes.len() < head + length {
        more(stream, &mut bytes)?;
    }
    request.body = bytes[head..head + length].to_vec();
    Ok(request)
}

fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = [0; 4096];
    match stream.read(&mut chunk)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        count => {
            bytes.extend_from_slice(&chunk[..count]);
            Ok(())
        }
    }
}

/// The head and its length once it is complete.
fn parse(bytes: &[u8]) -> Result<Option<(Request, usize)>, String> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut headers);
    let length = match head.parse(bytes).map_err(|why| why.to_string())? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return Ok(None),
    };
    let (path, query) = head.path.unwrap_or_default().split_once('?').unwrap_or((head.path.unwrap_or_default(), ""));
    let headers = head.headers.iter();
    let request = Request {
        method: head.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: headers
            .map(|header| (header.name.to_lowercase(), String::from_utf8_lossy(header.value).trim().to_owned()))
            .collect(),
        body: Vec::new(),
    };
    Ok(Some((request, length)))
}

fn write(shared: &Shared, stream: &mut TcpStream, answer: &Answer) -> io::Result<()> {
    let cookie = answer.cookie.as_ref().map(|cookie| format!("Set-Cookie: {cookie}\r\n")).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{cookie}Connection: close\r\n\r\n",
        answer.status,
        reason(answer.status),
        answer.kind,
        answer.body.len(),
    );
    match answer.wire {
        Wire::Drop => Ok(()),
        Wire::Hang => {
            pause(shared, HANG);
            Ok(())
        }
        Wire::Whole => stream.write_all(&[head.as_bytes(), &answer.body].concat()),
        Wire::Cut => stream.write_all(&[head.as_bytes(), &answer.body[..answer.body.len() / 2]].concat()),
        Wire::Trickle => [head.as_bytes(), &answer.body].concat().chunks(1).try_for_each(|byte| {
            if pause(shared, TRICKLE) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            stream.write_all(byte)
        }),
    }
}

/// Waits; true when the server should stop.
fn pause(shared: &Shared, time: Duration) -> bool {
    let waited = shared.turned.wait_timeout_while(shared.door(), time, |door| door.wish != Wish::Stop);
    waited.map_or(true, |(door, _)| door.wish == Wish::Stop)
}

/// The reason phrase of a status.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        _ => "Status",
    }
}
