//! A connection as a session sees it: plain or under TLS, with a limit for each thing that it does.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};
use smol::channel::Receiver;

use super::stream::{Stream, Woken};
use super::tls::CertStore;

/// How long a client that is sent away may take to hear why.
const FAREWELL: Duration = Duration::from_secs(1);
/// Bytes that are read away when a connection is closed.
const WASTE: usize = 64 * 1024;

/// A connection of a client, in clear text or with TLS.
pub enum Connection {
    /// In clear text.
    Plain(Stream),
    /// With TLS.
    Tls(Box<StreamOwned<ServerConnection, Stream>>),
}

impl Connection {
    /// Does the TLS handshake, within `limit`.
    ///
    /// # Errors
    /// When the client does not speak TLS, or the connection is encrypted already.
    pub fn encrypt(self, certificates: &CertStore, limit: Duration) -> io::Result<Self> {
        let Self::Plain(mut stream) = self else { return Err(ErrorKind::InvalidInput.into()) };
        let mut connection = ServerConnection::new(certificates.current()).map_err(io::Error::other)?;
        stream.allow(limit);
        connection.complete_io(&mut stream)?;
        Ok(Self::Tls(Box::new(StreamOwned::new(connection, stream))))
    }

    /// The socket, with its deadline.
    pub fn stream(&mut self) -> &mut Stream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(tls) => &mut tls.sock,
        }
    }

    /// Reads what has come, up to the deadline.
    ///
    /// # Errors
    /// When the connection broke or the deadline passed.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }

    /// Waits for input, for news, or for the limit, without reading.
    ///
    /// # Errors
    /// When the system cannot watch the socket.
    pub fn wait(&mut self, news: &Receiver<()>, limit: Duration) -> io::Result<Woken> {
        // What TLS has read already would not be seen at the socket.
        if matches!(self, Self::Tls(tls) if !tls.conn.wants_read()) {
            return Ok(Woken::Input);
        }
        self.stream().wait(news, limit)
    }

    /// Sends what has gathered, in one piece.
    ///
    /// # Errors
    /// When the connection broke or the client did not take it within `limit`.
    pub fn send(&mut self, out: &mut Vec<u8>, limit: Duration) -> io::Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        self.stream().allow(limit);
        match self {
            Self::Plain(stream) => stream.write_all(out)?,
            Self::Tls(tls) => {
                tls.write_all(out)?;
                tls.flush()?;
            }
        }
        out.clear();
        Ok(())
    }

    /// Sends a piece, up to the deadline.
    ///
    /// # Errors
    /// When the connection broke or the deadline passed.
    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes),
            Self::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
        }
    }

    /// Closes after the last piece so that it arrives: reads away at most `most` bytes that still come.
    pub fn farewell(&mut self, most: usize) {
        if let Self::Tls(tls) = self {
            tls.conn.send_close_notify();
            tls.sock.allow(FAREWELL);
            // Who left meanwhile needs no farewell.
            let _ = tls.flush();
        }
        self.stream().close_gently(most, FAREWELL);
    }

    /// Sends the last replies and closes so that they arrive. A client may come again as soon as it has read them.
    ///
    /// # Errors
    /// When they do not arrive.
    pub fn close(mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.stream().leaving();
        self.send(out, FAREWELL)?;
        if let Self::Tls(tls) = &mut self {
            tls.conn.send_close_notify();
            tls.sock.allow(FAREWELL);
            tls.flush()?;
        }
        self.stream().close_gently(WASTE, FAREWELL);
        Ok(())
    }
}
