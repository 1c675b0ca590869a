//! The control socket: the command line asks a running box through it.

use crate::engine::Context;
use crate::fault::Fault;

/// The control socket at work.
pub struct Handle;

impl Handle {
    /// Ends it.
    pub fn stop(&self) {}
}

/// Starts answering.
pub fn serve(_context: &Context) -> Result<Handle, Fault> {
    Ok(Handle)
}
