//! Reads what a command needs: a message or a password, from a terminal only where there is one.

use std::fs::{self, File};
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use smol::future::or;

use super::session::Failure;
use crate::sys::signals::Stop;

/// A message has at most so many bytes; more would not fit a request.
const TEXT_MOST: u64 = 1024 * 1024;
/// Standard input that is no terminal has to bring a password, or end, within this time.
const PATIENCE: Duration = Duration::from_secs(60);

/// A secret line that a command wants.
#[derive(Debug, Clone, Default)]
pub struct Secret {
    /// What it is, for the prompt.
    pub what: String,
    /// A file to read it from; `-` or none: standard input.
    pub file: Option<String>,
    /// Nothing will do as well.
    pub optional: bool,
}

/// Copies a file to a place where there is none, readable by its owner only. Where root makes it in a folder of somebody else, it is
/// theirs.
///
/// # Errors
/// When one of them cannot be read or written; what was begun is removed.
pub fn copy_new(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(to)?;
    let copied = io::copy(&mut source, &mut file).and_then(|_| file.sync_all()).and_then(|()| {
        let folder = to.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        let owner = fs::metadata(folder)?;
        match rustix::process::geteuid().is_root() && to.extension().is_some_and(|end| end == "part") {
            true => chown(to, Some(owner.uid()), Some(owner.gid())),
            false => Ok(()),
        }
    });
    if copied.is_err() {
        let _ = fs::remove_file(to);
    }
    copied
}

/// Reads all of standard input.
///
/// # Errors
/// When it is not text, or more than a megabyte.
pub fn text() -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        super::say(&mut io::stderr(), "Write the message, and Ctrl-D on a line of its own at its end.\n");
    }
    let mut bytes = Vec::new();
    io::stdin().lock().take(TEXT_MOST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > TEXT_MOST {
        return Err(Failure::usage("the message has more than a megabyte"));
    }
    String::from_utf8(bytes).map_err(|_| Failure::usage("the message is not UTF-8 text"))
}

/// Reads a secret: from the file, typed without echo on a terminal, or the first line of standard input. `None` when
/// there is nothing and that will do.
///
/// # Errors
/// When there is nothing and it is needed, or it cannot be read.
pub fn secret(wanted: &Secret) -> Result<Option<String>, Failure> {
    // A child that took another user may not be able to open the file: its parent read it already.
    let file = wanted.file.as_deref().filter(|_| !super::reach::as_owner_now());
    let line = match file {
        Some(file) if file != "-" => Some(first_line(file)?),
        _ if io::stdin().is_terminal() => Some(typed(wanted)?),
        _ => piped()?,
    };
    match line.filter(|line| !line.is_empty()) {
        None if !wanted.optional => Err(Failure::usage(format!(
            "no {}: type it on a terminal, pipe it into standard input, or name a file",
            wanted.what
        ))),
        found => Ok(found),
    }
}

fn unreadable(error: io::Error) -> Failure {
    Failure::failed(format!("standard input cannot be read: {error}"))
}

fn first_line(file: &str) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::failed(format!("{file}: {error}")))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Reads the first line of what is piped in; `None` when that ends without one, or there is no standard input at all.
fn piped() -> Result<Option<String>, Failure> {
    let (line, read) = sync_channel(1);
    let work = move || drop(line.send(read_line()));
    std::thread::Builder::new().name("stdin".to_owned()).spawn(work).map_err(unreadable)?;
    match read.recv_timeout(PATIENCE) {
        Ok(Ok(line)) => Ok(line),
        // EBADF: started with standard input closed.
        Ok(Err(error)) if error.raw_os_error() == Some(rustix::io::Errno::BADF.raw_os_error()) => Ok(None),
        Ok(Err(error)) => Err(unreadable(error)),
        Err(_) => Err(Failure::failed("standard input brought no line in 60 s: close it with '< /dev/null'")),
    }
}

fn read_line() -> io::Result<Option<String>> {
    let mut line = String::new();
    let count = io::stdin().lock().take(TEXT_MOST).read_line(&mut line)?;
    Ok((count > 0).then(|| line.trim_end_matches(['\n', '\r']).to_owned()))
}

/// Reads two lines from the terminal that have to be the same.
fn typed(wanted: &Secret) -> Result<String, Failure> {
    let hint = if wanted.optional { " (empty for none)" } else { "" };
    let first = without_echo(&format!("{}{hint}: ", wanted.what))?;
    if first.is_empty() {
        return Ok(first);
    }
    match without_echo("again: ")? == first {
        true => Ok(first),
        false => Err(Failure::usage("the two were not the same")),
    }
}

fn without_echo(prompt: &str) -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::failed(format!("the terminal cannot be used: {error}"));
    let mut signals = Stop::catch().map_err(failed)?;
    let before = tcgetattr(io::stdin()).map_err(|error| failed(error.into()))?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    super::say(&mut io::stderr(), prompt);
    tcsetattr(io::stdin(), OptionalActions::Flush, &silent).map_err(|error| failed(error.into()))?;
    let (line, read) = smol::channel::bounded(1);
    let work = move || drop(line.send_blocking(read_line()));
    let thread = std::thread::Builder::new().name("stdin".to_owned()).spawn(work);
    let interrupted = async {
        signals.next().await;
        None
    };
    let answered = async { read.recv().await.ok() };
    let line = thread.map(|_| smol::block_on(or(answered, interrupted)));
    // Whatever happened, the terminal shows again what is typed.
    let restored = tcsetattr(io::stdin(), OptionalActions::Flush, &before);
    let _ = io::stderr().write_all(b"\n");
    restored.map_err(|error| failed(error.into()))?;
    match line.map_err(failed)? {
        Some(Ok(line)) => Ok(line.unwrap_or_default()),
        Some(Err(error)) => Err(failed(error)),
        None => Err(Failure { code: 130, why: "interrupted".to_owned() }),
    }
}
