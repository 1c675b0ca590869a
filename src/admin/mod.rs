//! The web page and the desk behind it.

pub mod desk;
pub mod password;

use std::path::{Path, PathBuf};

use crate::engine::Context;
use crate::fault::Fault;

/// The web server at work.
pub struct Handle {
    socket: PathBuf,
}

impl Handle {
    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Ends it.
    pub fn stop(&self) {}
}

/// Starts the web server on a private socket.
pub fn serve(_context: &Context, socket: &Path) -> Result<Handle, Fault> {
    Ok(Handle { socket: socket.to_owned() })
}
