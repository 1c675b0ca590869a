//! A Unix socket on which each line gets an answer: for the sky and for control.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Longest line taken, in bytes: the largest message in hex, and what is said of it.
pub const MAX_LINE: u64 = 256 * 1024;

/// Pause after a connection that could not be accepted (no file descriptor left).
const PAUSE: Duration = Duration::from_millis(200);

/// Makes the answer (with its line feeds) of a line (without).
pub type Handler = dyn Fn(&str) -> String + Send + Sync;

/// A served socket.
pub struct Lines {
    path: PathBuf,
    /// Written by `stop`, read by the accepting thread; the connection that wakes it orders both.
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    /// Serves a socket; one that nobody serves any more is replaced.
    ///
    /// # Errors
    /// When the socket cannot be made, or another process serves it.
    pub fn start(path: &Path, name: &str, handler: Box<Handler>) -> io::Result<Self> {
        if UnixStream::connect(path).is_ok() {
            let why = format!("another program listens on {}: choose another path", path.display());
            return Err(io::Error::new(io::ErrorKind::AddrInUse, why));
        }
        // What is no socket stays: binding fails then.
        if std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
            std::fs::remove_file(path)?;
        }
        let listener = UnixListener::bind(path)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (inner, handler): (_, Arc<Handler>) = (stop.clone(), handler.into());
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            for stream in listener.incoming() {
                if inner.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else {
                    crate::clock::sleep(PAUSE);
                    continue;
                };
                let handler = handler.clone();
                let _ =
                    std::thread::Builder::new().name("control-line".to_owned()).spawn(move || talk(stream, &*handler));
            }
        })?;
        Ok(Self { path: path.to_owned(), stop, thread: Some(thread) })
    }
}

impl Drop for Lines {
    /// Stops serving and removes the socket.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread in `accept`.
        if UnixStream::connect(&self.path).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

fn talk(stream: UnixStream, handler: &Handler) {
    let Ok(mut writer) = stream.try_clone() else { return };
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    loop {
        line.clear();
        match reader.by_ref().take(MAX_LINE).read_line(&mut line) {
            Ok(count) if count > 0 && line.ends_with('\n') => {}
            _ => return,
        }
        if writer.write_all(handler(line.trim()).as_bytes()).is_err() {
            return;
        }
    }
}
