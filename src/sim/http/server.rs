//! The simulator's HTTP server: one request per connection, one thread each, and a door that can be closed.
//!
//! On the bare socket, because the faults worth having (a cut body, a reset, a trickle, silence) need it.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Answer, Request, Wire, read};

/// Patience with a client that does not send.
const PATIENCE: Duration = Duration::from_secs(10);
/// A hung answer ends after this time at the latest.
const HANG: Duration = Duration::from_secs(120);
/// Pause between two bytes of a trickled answer.
const TRICKLE: Duration = Duration::from_millis(300);
/// Opening and closing the door takes at most this long.
const TURN: Duration = Duration::from_secs(5);

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

fn write(shared: &Shared, stream: &mut TcpStream, answer: &Answer) -> io::Result<()> {
    let head = answer.head();
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
