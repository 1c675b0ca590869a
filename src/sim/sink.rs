//! A simulated mail server at the end of the road: takes every mail, keeps it with its envelope, and fails on demand.
//!
//! Faults are lines of text, so that a script can set them:
//!
//! | line | from now on |
//! |---|---|
//! | `code RCPT 550 [text]` | answers that command so; `GREETING` and `END` (after the last dot) count as commands |
//! | `drop-after-dot 2` | keeps the next two mails and closes without an answer |
//! | `close` | closes each new connection at once |
//! | `slow 200` | sends its answers one byte each 200 ms (1000 if no number is given) |
//! | `hide SMTPUTF8` | does not offer that extension |
//! | `clear` | nothing of this any more |

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

mod program;
mod session;

/// More connections at once are closed unanswered.
const MOST_CONNECTIONS: usize = 64;

pub use program::{Options as Program, run};

/// How a sink is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// A loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where mails are kept as `0001.eml`, with the envelope in the first two header lines.
    pub dir: Option<PathBuf>,
}

/// A mail that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Envelope sender, without brackets.
    pub from: String,
    /// Envelope recipients, without brackets.
    pub to: Vec<String>,
    /// The mail as it came, dots unstuffed.
    pub data: Vec<u8>,
}

impl Mail {
    /// The value of a header field, unfolded; the first one of that name.
    pub fn header(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.data);
        let head = text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ").replace("\r\n\t", " ");
        let mut fields = head.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    }

    /// What follows the header.
    #[cfg(test)]
    pub fn body(&self) -> &[u8] {
        let end = self.data.windows(4).position(|four| four == b"\r\n\r\n").map_or(self.data.len(), |at| at + 4);
        &self.data[end..]
    }
}

/// A running sink; it stops when this is dropped.
pub struct Handle {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    dir: Option<PathBuf>,
    state: Mutex<State>,
    /// Set once; the accept loop reads it after each connection. Sequentially consistent as nothing here is fast.
    stop: AtomicBool,
}

#[derive(Default)]
struct State {
    mails: Vec<Mail>,
    faults: Faults,
    commands: Vec<String>,
    connections: usize,
    live: Vec<(usize, TcpStream)>,
}

#[derive(Debug, Clone, Default)]
struct Faults {
    codes: Vec<(String, String)>,
    drops: usize,
    close: bool,
    slow: Option<Duration>,
    hidden: Vec<String>,
}

/// Starts a sink on a thread of its own.
///
/// # Errors
/// When the address is not a loopback one or is taken, or the folder cannot be made.
pub fn start(options: Options) -> io::Result<Handle> {
    if !options.listen.ip().is_loopback() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the mail sink listens on loopback addresses only"));
    }
    if let Some(dir) = &options.dir {
        std::fs::create_dir_all(dir)?;
    }
    let listener = TcpListener::bind(options.listen)?;
    let address = listener.local_addr()?;
    let state = Mutex::new(State::default());
    let shared = Shared { dir: options.dir, state, stop: AtomicBool::new(false) };
    let shared = Arc::new(shared);
    let mine = Arc::clone(&shared);
    let thread = std::thread::Builder::new().name("sink".to_owned()).spawn(move || accept(&listener, &mine))?;
    Ok(Handle { address, shared, thread: Some(thread) })
}

impl Handle {
    /// All mails that arrived, in order.
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.lock().mails.clone()
    }

    /// The commands that it heard, without their arguments.
    pub fn commands(&self) -> Vec<String> {
        self.shared.lock().commands.clone()
    }

    /// Connections since the start.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections
    }

    /// Sets a fault; see the table above.
    ///
    /// # Errors
    /// A sentence when the line cannot be read.
    pub fn fault(&self, line: &str) -> Result<(), String> {
        self.shared.lock().faults.set(line)
    }

    /// Closes the listener and every connection, and waits for the accept thread.
    fn end(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.shared.stop.store(true, Ordering::SeqCst);
        for (_, live) in &self.shared.lock().live {
            let _ = live.shutdown(Shutdown::Both);
        }
        // Wakes the accept loop; if that fails, the listener is gone already.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        let _ = thread.join();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    /// A thread that died with the lock left whole values behind: every change is one push or one assignment.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, mail: Mail) -> io::Result<()> {
        let mut state = self.lock();
        if let Some(dir) = &self.dir {
            write(dir, state.mails.len() + 1, &mail)?;
        }
        state.mails.push(mail);
        Ok(())
    }
}

fn write(dir: &Path, number: usize, mail: &Mail) -> io::Result<()> {
    let mut file = format!("Return-Path: <{}>\r\nX-Envelope-To: {}\r\n", mail.from, mail.to.join(", ")).into_bytes();
    file.extend_from_slice(&mail.data);
    std::fs::write(dir.join(format!("{number:04}.eml")), file)
}

impl Faults {
    fn set(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["code", command, code, ..] if is_code(code) => {
                self.codes.retain(|(known, _)| !known.eq_ignore_ascii_case(command));
                self.codes.push((command.to_ascii_uppercase(), answer(&words[2..])));
            }
            ["drop-after-dot", count] => self.drops = count.parse().map_err(|_| unreadable(line))?,
            ["close"] => self.close = true,
            ["slow"] => self.slow = Some(Duration::from_secs(1)),
            ["slow", millis] => self.slow = Some(Duration::from_millis(millis.parse().map_err(|_| unreadable(line))?)),
            ["hide", word] => self.hidden.push(word.to_ascii_uppercase()),
            ["clear"] => *self = Self::default(),
            _ => return Err(unreadable(line)),
        }
        Ok(())
    }

    fn code(&self, command: &str) -> Option<String> {
        self.codes.iter().find(|(known, _)| known == command).map(|(_, answer)| answer.clone())
    }
}

fn is_code(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit())
}

fn answer(words: &[&str]) -> String {
    if words.len() > 1 { words.join(" ") } else { format!("{} simulated", words.concat()) }
}

fn unreadable(line: &str) -> String {
    format!(
        "'{}' is no fault: code COMMAND NNN [text], drop-after-dot N, close, slow [MS], hide EXTENSION, or clear",
        line.escape_debug()
    )
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else {
            crate::clock::sleep(Duration::from_millis(100));
            continue;
        };
        if let Some(number) = admit(shared, &stream) {
            let mine = Arc::clone(shared);
            let serve = move || {
                // A client that goes away is no failure of a mail server.
                let _ = session::serve(&stream, &mine);
                let _ = stream.shutdown(Shutdown::Both);
                mine.lock().live.retain(|(known, _)| *known != number);
            };
            if std::thread::Builder::new().name("sink-session".to_owned()).spawn(serve).is_err() {
                shared.lock().live.retain(|(known, _)| *known != number);
            }
        }
    }
}

fn admit(shared: &Shared, stream: &TcpStream) -> Option<usize> {
    let mut state = shared.lock();
    state.connections += 1;
    if state.faults.close || state.live.len() >= MOST_CONNECTIONS {
        return None;
    }
    let number = state.connections;
    state.live.push((number, stream.try_clone().ok()?));
    Some(number)
}

#[cfg(test)]
mod tests;
