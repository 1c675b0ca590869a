//! A mail listener while the box cannot take mail: each client hears in one line that it has to come again later.

use std::io::Write;
use std::net::IpAddr;
use std::time::Duration;

use super::gate::{Caps, Service};
use super::stream::Stream;

/// How long a client may take to read its line, and to hang up.
const LIMIT: Duration = Duration::from_secs(5);
/// What a client may have sent ahead, in bytes.
const AHEAD: usize = 64 * 1024;

/// Answers every connection with `421` (RFC 5321 section 3.8), or `BYE` (RFC 3501 section 7.1.5), and ends it; one that has to
/// be encrypted without a word.
pub struct Closed {
    line: String,
}

impl Closed {
    /// Makes one that calls itself `host`.
    pub fn new(host: &str) -> Self {
        Self { line: format!("421 4.3.2 {host} cannot take mail for now, try again later\r\n") }
    }

    /// The same for mail programs that read.
    pub fn imap(host: &str) -> Self {
        Self { line: format!("* BYE [UNAVAILABLE] {host} cannot show mail for now, try again later\r\n") }
    }

    /// The same where everything is encrypted.
    pub fn silent() -> Self {
        Self { line: String::new() }
    }
}

impl Service for Closed {
    fn name(&self) -> &'static str {
        "closed"
    }

    fn caps(&self) -> Caps {
        Caps { total: 32, per_address: 16 }
    }

    fn refusal(&self) -> &[u8] {
        self.line.as_bytes()
    }

    fn serve(&self, mut stream: Stream, _peer: IpAddr) {
        stream.allow(LIMIT);
        if stream.write_all(self.line.as_bytes()).is_ok() {
            stream.close_gently(AHEAD, LIMIT);
        }
    }
}
