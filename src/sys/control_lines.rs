//! The control lines of a serial port, DTR and RTS, which a board may have wired to something else than a modem's own.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// A control line that this end drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlLine {
    /// DTR, data terminal ready.
    Dtr,
    /// RTS, request to send.
    Rts,
}

/// Sets or clears a line of an open port.
///
/// # Errors
/// What the system says; a pseudo-terminal and some adapters have no such lines.
pub fn switch(port: impl AsFd, line: ControlLine, set: bool) -> io::Result<()> {
    let bit = match line {
        ControlLine::Dtr => libc::TIOCM_DTR,
        ControlLine::Rts => libc::TIOCM_RTS,
    };
    let request = if set { libc::TIOCMBIS } else { libc::TIOCMBIC };
    // SAFETY: the descriptor is open while it is borrowed, and both requests read one int, which lives longer than the call.
    #[allow(unsafe_code, reason = "a control line of a port is switched")]
    let done = unsafe { libc::ioctl(port.as_fd().as_raw_fd(), request, &raw const bit) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Tells whether an open port has such lines, and switches none.
///
/// # Errors
/// What the system says where it has none.
pub fn are_there(port: impl AsFd) -> io::Result<()> {
    let mut bits: libc::c_int = 0;
    // SAFETY: as above, and the request writes one int.
    #[allow(unsafe_code, reason = "the control lines of a port are read")]
    let done = unsafe { libc::ioctl(port.as_fd().as_raw_fd(), libc::TIOCMGET, &raw mut bits) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
