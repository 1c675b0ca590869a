//! A simulator as a program of its own: it says where it is, and runs until it is told to end.

use std::io::{self, Write};

use crate::sys::signals::Stop;

/// Prints what tells others where a simulated service is, and keeps it until SIGINT or SIGTERM.
///
/// # Errors
/// When it cannot start, or nothing can be printed.
pub fn serve<H>(start: impl FnOnce() -> io::Result<H>, says: impl FnOnce(&H) -> String) -> io::Result<()> {
    let mut signals = Stop::catch()?;
    let handle = start()?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", says(&handle))?;
    out.flush()?;
    drop(out);
    signals.wait();
    drop(handle);
    Ok(())
}
