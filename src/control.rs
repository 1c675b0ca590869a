//! The control socket: the command line asks a running box through it.
//!
//! `control.sock` in the data folder, for root and the user of the box only. A connection carries one request and one
//! answer, each one line of JSON (`cli::session::Request` and `Answer`).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::cli::session::{self, Answer, Request};
use crate::engine::Context;
use crate::fault::Fault;

/// Name of the socket in the data folder; in that of `RuntimeDirectory=` while the disk of the data folder cannot be written.
pub const SOCKET: &str = "control.sock";
/// Longest request, in bytes: a message of a megabyte.
const REQUEST_MOST: u64 = 1024 * 1024 + 4096;
/// Longest answer, in bytes.
const ANSWER_MOST: u64 = 64 * 1024 * 1024;
/// A request has to be complete after this, an answer read.
const LINE_LIMIT: Duration = Duration::from_secs(5);
/// A piece of a long answer: somebody may read it page by page on a terminal.
const PIECE_LIMIT: Duration = Duration::from_secs(600);
/// Commands at work at once; more are told to come again.
const AT_ONCE: usize = 8;

/// The control socket at work.
pub struct Handle {
    path: PathBuf,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    context: Context,
    /// Set once; the accept loop reads it after each connection. Sequentially consistent as nothing here is fast.
    stop: AtomicBool,
    /// Commands at work; only kept under `AT_ONCE`, nothing is published through it.
    busy: AtomicUsize,
}

/// Starts answering, in `other` where the disk of the data folder can only be read.
///
/// # Errors
/// For the operator, when the socket cannot be made.
pub fn serve(context: &Context, other: &Path) -> Result<Handle, Fault> {
    let folder = if context.store.read_only().is_some() { other } else { context.store.folder() };
    let path = folder.join(SOCKET);
    let listener = bind(&path)
        .map_err(|error| Fault::operator(format!("the control socket {} cannot be made: {error}", path.display())))?;
    let shared = Shared { context: context.clone(), stop: AtomicBool::new(false), busy: AtomicUsize::new(0) };
    let shared = Arc::new(shared);
    let mine = Arc::clone(&shared);
    let thread = Builder::new().name("control".to_owned()).spawn(move || accept(&listener, &mine));
    Ok(Handle { path, shared, thread: Some(thread.map_err(Fault::operator)?) })
}

/// Makes the socket. What is there already was left by a box that was killed: the lock of the store says that none
/// runs.
fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

impl Handle {
    /// Ends it. Commands at work hear the end of the box by themselves.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the accept loop; if that fails, the socket is gone already.
        let woken = UnixStream::connect(&self.path).is_ok();
        if woken && thread.join().is_err() {
            log::error!("control: the thread had panicked");
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.end();
    }
}

fn accept(listener: &UnixListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else {
            // Out of descriptors, most likely: there will be some again.
            crate::clock::sleep(Duration::from_millis(100));
            continue;
        };
        if shared.busy.fetch_add(1, Ordering::SeqCst) >= AT_ONCE {
            shared.busy.fetch_sub(1, Ordering::SeqCst);
            refuse(&stream, "the box has too many commands at work, try again");
            continue;
        }
        let place = Place(Arc::clone(shared));
        let work = move || {
            if let Err(why) = converse(&stream, &place.0) {
                refuse(&stream, &why);
            }
        };
        if let Err(error) = Builder::new().name("control-command".to_owned()).spawn(work) {
            log::warn!("control: a command cannot be started: {error}");
        }
    }
}

/// A command's place among those at work; given back however it ends.
struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::SeqCst);
    }
}

fn converse(stream: &UnixStream, shared: &Shared) -> Result<(), String> {
    let uid = may_command(stream)?;
    let line = read_line(stream).map_err(|error| format!("the request cannot be read: {error}"))?;
    let request: Request =
        serde_json::from_slice(&line).map_err(|error| format!("the request is no JSON of ours: {error}"))?;
    let mut pieces = |piece: Answer| write_line(stream, &piece, PIECE_LIMIT).is_ok();
    let answer = session::carry_out(&shared.context, true, uid, request, &mut pieces);
    // A client that went away has its command carried out all the same.
    let _ = write_line(stream, &answer, LINE_LIMIT);
    Ok(())
}

/// Tells who asks. The file's mode keeps others out already; this holds where a folder was opened too wide.
fn may_command(stream: &UnixStream) -> Result<u32, String> {
    let peer =
        rustix::net::sockopt::socket_peercred(stream).map_err(|error| format!("who asks is unknown: {error}"))?;
    if peer.uid.is_root() || peer.uid == rustix::process::geteuid() {
        return Ok(peer.uid.as_raw());
    }
    Err("only root and the user of the box may command it".to_owned())
}

fn refuse(stream: &UnixStream, why: &str) {
    let answer = Answer { code: 1, err: format!("satpost: {why}\n"), ..Answer::default() };
    // Nobody is there to tell when this fails.
    let _ = write_line(stream, &answer, LINE_LIMIT);
}

/// Reads one line within [`LINE_LIMIT`], however slowly it drips in.
fn read_line(stream: &UnixStream) -> io::Result<Vec<u8>> {
    let until = Instant::now() + LINE_LIMIT;
    let mut line = Vec::new();
    let mut piece = [0; 8192];
    let mut from = stream;
    while !line.ends_with(b"\n") {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it was not complete in 5 s"));
        }
        stream.set_read_timeout(Some(left))?;
        match from.read(&mut piece) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => line.extend_from_slice(&piece[..count]),
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            Err(error) => return Err(error),
        }
        if line.len() as u64 > REQUEST_MOST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is longer than a megabyte"));
        }
    }
    Ok(line)
}

fn write_line(stream: &UnixStream, answer: &Answer, limit: Duration) -> io::Result<()> {
    stream.set_write_timeout(Some(limit))?;
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    let mut to = stream;
    to.write_all(&line)
}

/// Asks the box and waits at most `patience` for its answer, and for each piece of one; the last is given back, those before it
/// are passed on until that fails.
///
/// # Errors
/// Those of the socket; `TimedOut` or `WouldBlock` when the box does not answer in time.
pub fn ask(
    stream: UnixStream,
    request: &Request,
    patience: Duration,
    mut pass_on: impl FnMut(&Answer) -> io::Result<()>,
) -> io::Result<Answer> {
    stream.set_write_timeout(Some(LINE_LIMIT))?;
    stream.set_read_timeout(Some(patience))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    if line.len() as u64 > REQUEST_MOST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "that is more than a megabyte"));
    }
    (&stream).write_all(&line)?;
    let mut from = BufReader::new(stream);
    loop {
        let mut said = Vec::new();
        from.by_ref().take(ANSWER_MOST).read_until(b'\n', &mut said)?;
        if !said.ends_with(b"\n") {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the box hung up before its answer was complete"));
        }
        let answer: Answer = serde_json::from_slice(&said)?;
        if !answer.more {
            return Ok(answer);
        }
        pass_on(&answer)?;
    }
}
