//! What the simulated modems have in common: their memory without power, their counted faults, the words of their control
//! sockets and of their command lines, and what their threads wait for.

use std::path::PathBuf;
use std::time::Duration;
use std::{fs, io};

use serde::Serialize;
use serde::de::DeserializeOwned;
use smol::channel::Receiver;
use smol::future::or;

use super::pty::{Port, beside};

/// A counter of faults that does not run out.
pub const ALWAYS: u32 = u32::MAX;
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Uses up one of a counter of faults; false when none is left.
pub fn take(counter: &mut u32) -> bool {
    let some = *counter > 0;
    if some && *counter != ALWAYS {
        *counter -= 1;
    }
    some
}

/// Reads a switch of a control socket.
///
/// # Errors
/// For any other word.
pub fn switch(word: &str) -> Result<bool, String> {
    match word {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("write on or off, not '{}'", word.escape_debug())),
    }
}

/// Reads a count of a control socket; `on` does not run out and `off` is none.
///
/// # Errors
/// For any other word.
pub fn count(word: &str) -> Result<u32, String> {
    match word {
        "on" => Ok(ALWAYS),
        "off" => Ok(0),
        digits => digits.parse().map_err(|_| format!("write a number, on or off, not '{}'", word.escape_debug())),
    }
}

/// Reads how many times faster a simulator goes.
///
/// # Errors
/// For what is no whole number from 1 up.
pub fn factor(text: &str) -> Result<u32, String> {
    let value = text.parse().ok().filter(|factor| *factor > 0);
    value.ok_or_else(|| format!("'{}' is not a whole number from 1 up", text.escape_debug()))
}

/// Waits for an event, the port, or the time when something is due; `None` for the last two.
pub async fn wait<E>(inbox: &Receiver<E>, port: &Port, due: Duration) -> Option<E> {
    let timer = async {
        smol::Timer::after(due.min(LONGEST_WAIT)).await;
        None
    };
    let ready = async {
        port.ready().await;
        None
    };
    let event = async { inbox.recv().await.ok() };
    or(event, or(ready, timer)).await
}

/// The file behind the memory; without one it lasts as long as the simulator.
#[derive(Debug)]
pub struct Backing<M> {
    path: Option<PathBuf>,
    saved: M,
}

impl<M: Clone + Default + PartialEq + Serialize + DeserializeOwned> Backing<M> {
    /// Opens the memory, empty if there is no file yet.
    ///
    /// # Errors
    /// When the file cannot be read or is not a memory.
    pub fn open(path: Option<PathBuf>) -> io::Result<(Self, M)> {
        let memory = match path.as_deref().map(fs::read) {
            None => M::default(),
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => M::default(),
            Some(bytes) => serde_json::from_slice(&bytes?).map_err(|error| {
                io::Error::other(format!("{error}; move the file away to begin with an empty memory"))
            })?,
        };
        Ok((Self { path, saved: memory.clone() }, memory))
    }

    /// Writes the memory if it changed: a new file beside the old one, then moved over it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&mut self, memory: &M) -> io::Result<()> {
        if *memory == self.saved {
            return Ok(());
        }
        if let Some(path) = &self.path {
            let fresh = beside(path, "new");
            fs::write(&fresh, serde_json::to_vec(memory)?)?;
            fs::rename(&fresh, path)?;
        }
        self.saved = memory.clone();
        Ok(())
    }
}
