//! The mail relay.

use crate::settings::{Key, Settings};

/// Talks to the relay and says what happened, line by line.
pub fn check(settings: &Settings) -> Vec<String> {
    let host = settings.text(Key::RelayHost);
    if host.is_empty() {
        return vec!["no relay is set: mail for the outside waits here".to_owned()];
    }
    let port = u16::try_from(settings.number(Key::RelayPort)).unwrap_or(587);
    match std::net::TcpStream::connect((host, port)) {
        Ok(_) => vec![format!("{host} answers on port {port}")],
        Err(error) => vec![format!("{host} does not answer on port {port}: {error}")],
    }
}
