//! Work that takes long tells how far it is, and asks whether it goes on.

use std::cell::Cell;
use std::io;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Bytes of a piece: a large mail is never in memory as a whole.
pub(super) const PIECE: usize = 256 * 1024;
/// Rows between two looks whether to go on.
pub(super) const WATCHED: usize = 1024;

/// What such a work does at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A backup is written.
    Writing,
    /// What is in it is summed up.
    Sealing,
    /// It is read through.
    Checking,
    /// A file goes to where it is wanted.
    Copying,
    /// A store is made of a backup.
    Restoring,
    /// What can be read of a damaged store goes into a new one.
    Rescuing,
    /// Messages are gathered.
    Gathering,
    /// Mails are put into folders.
    Importing,
    /// The file of a store is written anew.
    Rewriting,
    /// A store of an older version is made that of this one.
    Migrating,
    /// A coding model learns.
    Priming,
}

/// The path of a file, for tests: work waits at the stage that is named in it, so that it is caught there on a machine of any speed.
const WAIT_AT: &str = "SATPOST_WAIT_AT";

/// Hears of it: what is done, how much of that, of how much. Says whether it goes on.
pub type Hear<'a> = &'a dyn Fn(Stage, u64, u64) -> bool;

/// Hears of so many more rows, and says whether to go on.
pub(super) type Watch<'w> = &'w dyn Fn(u64) -> Result<(), redb::Error>;

/// Hears nothing, and lets everything go on.
pub const UNHEARD: Hear<'static> = &|_, _, _| true;

/// One stage of such a work.
pub struct Work<'a> {
    hear: Hear<'a>,
    stage: Stage,
    total: u64,
    done: Cell<u64>,
}

impl<'a> Work<'a> {
    /// A stage of so many rows, or bytes.
    pub fn new(hear: Hear<'a>, stage: Stage, total: u64) -> Self {
        Self { hear, stage, total, done: Cell::new(0) }
    }

    /// So many more are done.
    ///
    /// # Errors
    /// When it is not to go on.
    pub fn step(&self, more: u64) -> Result<(), redb::Error> {
        self.done.set((self.done.get() + more).min(self.total));
        match (self.hear)(self.stage, self.done.get(), self.total) {
            true => Ok(()),
            false => Err(redb::Error::Io(stopped())),
        }
    }
}

/// Says whether a work goes on, as `goes_on` does. A test has it wait at this stage until it does not, or the stage is no longer
/// named.
pub fn waited(stage: Stage, goes_on: &dyn Fn() -> bool) -> bool {
    static NAMED: LazyLock<Option<PathBuf>> = LazyLock::new(|| std::env::var_os(WAIT_AT).map(PathBuf::from));
    let waits = |named: &PathBuf| std::fs::read_to_string(named).is_ok_and(|name| name == format!("{stage:?}"));
    loop {
        if !goes_on() {
            return false;
        }
        if !NAMED.as_ref().is_some_and(waits) {
            return true;
        }
        crate::clock::sleep(Duration::from_millis(10));
    }
}

/// Somebody stopped it.
pub fn stopped() -> io::Error {
    io::Error::new(io::ErrorKind::Interrupted, "it was stopped")
}

/// Copies a file, or the rest of it.
///
/// # Errors
/// When one of them cannot be read or written, or it is not to go on.
pub fn copy(
    from: &mut impl io::Read,
    to: &mut impl io::Write,
    (hear, stage, total): (Hear, Stage, u64),
) -> io::Result<u64> {
    let (mut buffer, mut done) = (vec![0; PIECE], 0);
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(done);
        }
        to.write_all(&buffer[..count])?;
        done += count as u64;
        if !hear(stage, done.min(total), total) {
            return Err(stopped());
        }
    }
}
