//! A listener that hears nobody out.

use std::net::IpAddr;

use super::gate::{Caps, Service};
use super::stream::Stream;

/// What serves its clients.
pub struct Added;

impl Service for Added {
    fn name(&self) -> &'static str {
        "added"
    }

    fn caps(&self) -> Caps {
        Caps { total: 8, per_address: 2 }
    }

    fn refusal(&self) -> &[u8] {
        b""
    }

    fn serve(&self, _stream: Stream, _peer: IpAddr) {}
}
