//! The simulator's HTTP server: one request per connection, one thread each, and a port that can be closed.
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
/// Opening and closing the port takes at most this long.
const TURN: Duration = Duration::from_secs(5);

/// Makes an answer of a request.
pub type Handler = dyn Fn(&Request) -> Answer + Send + Sync;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Open,
    Closed,
    Stop,
}

/// What the port should do, and what it does.
struct PortState {
    target: Target,
    open: bool,
}

struct Shared {
    address: SocketAddr,
    state: Mutex<PortState>,
    turned: Condvar,
    handler: Box<Handler>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, PortState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
            state: Mutex::new(PortState { target: Target::Open, open: true }),
            turned: Condvar::new(),
            handler,
        });
        let inner = shared.clone();
        let thread = std::thread::Builder::new().name("sim-http".to_owned()).spawn(move || keep(&inner, listener))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Closes the port (connections are refused) or opens it again; returns when that is so.
    pub fn down(&self, down: bool) {
        self.turn(if down { Target::Closed } else { Target::Open });
    }

    fn turn(&self, target: Target) {
        let mut state = self.shared.state();
        state.target = target;
        self.shared.turned.notify_all();
        let open = target == Target::Open;
        if state.open && !open {
            drop(state);
            // Only to wake the thread in `accept`; whether it succeeds does not matter.
            let _ = TcpStream::connect_timeout(&self.shared.address, TURN);
            state = self.shared.state();
        }
        let _ = self.shared.turned.wait_timeout_while(state, TURN, |state| state.open != open);
    }

    /// Stops; hung answers end as well.
    pub fn stop(&mut self) {
        self.turn(Target::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Keeps the port as it was asked to be until it should stop.
fn keep(shared: &Arc<Shared>, first: TcpListener) {
    let mut listener = Some(first);
    loop {
        let mut state = shared.state();
        state.open = listener.is_some() && state.target == Target::Open;
        if !state.open {
            listener = None;
        }
        shared.turned.notify_all();
        match (state.target, &listener) {
            (Target::Stop, _) => return,
            (Target::Closed, _) => drop(shared.turned.wait_while(state, |state| state.target == Target::Closed)),
            (Target::Open, None) => {
                drop(state);
                match TcpListener::bind(shared.address) {
                    Ok(opened) => listener = Some(opened),
                    Err(why) => {
                        log::warn!("simulator: cannot open {} again: {why}", shared.address);
                        crate::clock::sleep(TRICKLE);
                    }
                }
            }
            (Target::Open, Some(listener)) => {
                drop(state);
                if let Ok((stream, _)) = listener.accept()
                    && shared.state().target == Target::Open
                {
                    let shared = shared.clone();
                    let _ = std::thread::Builder::new()
                        .name("sim-request".to_owned())
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
        log::debug!("simulator: the client left: {why}");
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
    let waited = shared.turned.wait_timeout_while(shared.state(), time, |state| state.target != Target::Stop);
    waited.map_or(true, |(state, _)| state.target == Target::Stop)
}
