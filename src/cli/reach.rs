//! Reaches a box: through its control socket, or its store when no box runs.

use std::cell::OnceCell;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use smol::channel::bounded;

use super::progress::{Bar, is_stopped};
use super::session::{Answer, Failure, Request, carry_out};
use super::{Command, FAILED, INTERRUPTED};
use crate::clock::Clock;
use crate::control::{self, SOCKET};
use crate::engine::Context;
use crate::engine::link::coders::Coders;
use crate::fault::Fault;
use crate::link::callers::Callers;
use crate::status::StatusBoard;
use crate::store::{FILE, Store};

/// A store that is in use while nobody answers at the socket: a box starts or ends, or another command is at work.
const BETWEEN: Duration = Duration::from_secs(5);
/// The folder of `RuntimeDirectory=` of the unit.
const RUNTIME: &str = "/run/satpost";
/// Set in a child that took the user of the data folder, so that it does not start a child again.
const AS_OWNER: &str = "SATPOST_AS_OWNER";

/// True in a child that took the user of the data folder: its parent did all that needs the caller's own rights.
pub fn as_owner_now() -> bool {
    std::env::var_os(AS_OWNER).is_some()
}

/// Has a command carried out, by the running box or on its store.
///
/// # Errors
/// When neither can be reached, with what to do.
pub fn ask(data: &Path, request: &Request, command: &Command) -> Result<Answer, Failure> {
    let until = Instant::now() + BETWEEN;
    loop {
        if let Some(answer) = ask_box(data, request, command.patience())? {
            return Ok(answer);
        }
        if !data.join(FILE).exists() && !command.makes_store() {
            let folder = data.display();
            let sudo = if super::data::not_instead_of_service(data).is_err() { "put sudo in front, or " } else { "" };
            return Err(Failure::failed(format!("there is no box in {folder}: {sudo}name its folder with --data DIR")));
        }
        if let Some(owner) = foreign_owner(data) {
            return as_owner(data, request, owner);
        }
        if !data.join(FILE).exists()
            && let Some(answer) = try_out(request)?
        {
            return Ok(answer);
        }
        match ask_store(data, request) {
            Err(Fault::Temporary(_)) if Instant::now() < until => {
                crate::clock::sleep(Duration::from_millis(100));
            }
            other => return Ok(other?),
        }
    }
}

/// Asks the running box; `None` when none runs.
///
/// # Errors
/// When it runs and cannot be asked.
pub fn ask_box(data: &Path, request: &Request, patience: Duration) -> Result<Option<Answer>, Failure> {
    let mut path = data.join(SOCKET);
    let mut connected = UnixStream::connect(&path);
    if connected.is_err() && super::service::is_of_service(data) {
        // Where the disk can only be read.
        let other = Path::new(RUNTIME).join(SOCKET);
        if let Ok(stream) = UnixStream::connect(&other) {
            (path, connected) = (other, Ok(stream));
        }
    }
    let stream = match connected {
        Ok(stream) => stream,
        Err(error) => {
            return match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(None),
                io::ErrorKind::PermissionDenied => Err(Failure::failed(format!(
                    "{} is for root and the user of the box: put sudo in front",
                    path.display()
                ))),
                _ => Err(Failure::failed(format!("{}: {error}", path.display()))),
            };
        }
    };
    let (mut stopped, bar) = (None, OnceCell::<Bar>::new());
    let asked = control::ask(stream, request, patience, |piece| {
        stopped = piece.print_piece(&bar);
        stopped.map_or(Ok(()), |_| Err(io::ErrorKind::Other.into()))
    });
    match (asked, stopped) {
        (_, Some(code)) => Ok(Some(Answer::stopped(code))),
        (Ok(answer), None) => Ok(Some(answer)),
        (Err(error), None) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            Err(Failure::failed(format!("the box in {} does not answer in {} s", data.display(), patience.as_secs())))
        }
        (Err(error), None) => Err(Failure::failed(format!("the box in {}: {error}", data.display()))),
    }
}

/// Tries a command on a box that is thrown away, so that one that fails makes no box where there was none; gives back
/// its answer if it failed.
fn try_out(request: &Request) -> Result<Option<Answer>, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(format!("no place to try the command in: {error}"));
    let folder = new_folder(&std::env::temp_dir(), "satpost-try").map_err(|error| failed(&error))?;
    let answer = ask_store(&folder, request);
    // What cannot be removed does no harm: it is in the folder for such things, and nobody else's to read.
    let _ = std::fs::remove_dir_all(&folder);
    Ok(Some(answer?).filter(|answer| answer.code != 0))
}

/// Makes a folder that was not there, for its owner alone, under a name that nobody can guess.
///
/// # Errors
/// When it cannot be made, or there are no random numbers.
pub fn new_folder(within: &Path, prefix: &str) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let folder = within.join(format!("{prefix}-{}", crate::hex::encode(&random)));
    std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}

/// Gives number of the user who gave the command; root's stays known to a child that took another user.
fn asker() -> u32 {
    let told = std::env::var(AS_OWNER).ok().and_then(|uid| uid.parse().ok());
    told.unwrap_or_else(|| rustix::process::getuid().as_raw())
}

/// Opens the store and carries the command out here.
fn ask_store(data: &Path, request: &Request) -> Result<Answer, Fault> {
    let store = Store::open(data, &Clock::system())?;
    if is_stopped() {
        // Who stopped it while the store was brought up to date wants no command carried out.
        store.close();
        return Ok(Answer::stopped(INTERRUPTED));
    }
    let (_stop, stopped) = bounded(1);
    let context = Context {
        coders: Coders::new(store.folder()),
        callers: Callers::default(),
        store,
        status: StatusBoard::default(),
        stop: stopped,
        link: None,
    };
    let (mut stopped, bar) = (None, OnceCell::<Bar>::new());
    let answer = carry_out(&context, false, asker(), request.clone(), &mut |piece| {
        stopped = piece.print_piece(&bar);
        stopped.is_none()
    });
    context.store.close();
    Ok(stopped.map_or(answer, Answer::stopped))
}

/// Gives the user and group that the data folder belongs to, when we are root and it is somebody else's: files made by
/// root would lock the service out of its own folder.
fn foreign_owner(data: &Path) -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() || as_owner_now() {
        return None;
    }
    let folder = std::fs::metadata(data).ok()?;
    (folder.uid() != 0).then(|| (folder.uid(), folder.gid()))
}

/// Has the command carried out by a process of the owner of the data folder.
fn as_owner(data: &Path, request: &Request, (uid, gid): (u32, u32)) -> Result<Answer, Failure> {
    let failed = |error: io::Error| Failure::failed(format!("a process of user {uid} cannot be started: {error}"));
    // It hears of Ctrl-C on a terminal itself; this process waits until it has ended in order.
    super::progress::catch();
    let mut child = Process::new("/proc/self/exe");
    child
        .arg("--data")
        .arg(data)
        .args(&request.args)
        .env(AS_OWNER, rustix::process::getuid().as_raw().to_string())
        .uid(uid)
        .gid(gid);
    let mut child =
        child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().map_err(failed)?;
    super::progress::pass_on_to(&child);
    if let Some(mut stdin) = child.stdin.take() {
        // A command that wants no input does not read it.
        let _ = stdin.write_all(request.input.as_deref().unwrap_or_default().as_bytes());
    }
    let ended = child.wait_with_output().map_err(failed)?;
    let bytes = Some(STANDARD.encode(ended.stdout));
    let by_signal = ended.status.signal().and_then(Signal::from_named_raw);
    if matches!(by_signal, Some(Signal::INT | Signal::TERM)) {
        return Ok(Answer { bytes, ..Answer::stopped(INTERRUPTED) });
    }
    let code = ended.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILED);
    Ok(Answer { code, bytes, ..Answer::default() })
}
