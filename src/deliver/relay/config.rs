//! How the relay is reached.

use std::path::PathBuf;
use std::time::Duration;

use crate::address::idn;
use crate::fault::Fault;
use crate::settings::{Key, Settings};

/// Encryption to the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// None; a log-in is then sent to loopback addresses only.
    None,
    /// STARTTLS, required: without it nothing is sent.
    Upgraded,
    /// TLS from the first byte.
    Direct,
}

/// The settings of the relay; a connection is kept only while they stay the same.
#[derive(Clone, PartialEq, Eq)]
pub struct RelayConfig {
    /// Host name or address, without brackets.
    pub host: String,
    /// TCP port, 25, 465 or 587 as a rule.
    pub port: u16,
    /// Whether and when TLS begins.
    pub tls: Tls,
    /// User and password; `None` where it takes mail without a log-in.
    pub login: Option<(String, String)>,
    /// PEM file of authorities to trust besides the public ones, or of the relay's own certificate.
    pub ca: Option<PathBuf>,
    /// Limit for each answer.
    pub timeout: Duration,
    /// What we call ourselves; the address of this end of the connection if `None`.
    pub hello: Option<String>,
}

impl RelayConfig {
    /// From the settings of the box.
    ///
    /// # Errors
    /// `Fault::Operator` when no relay is set, or one whose name cannot be written in ASCII.
    pub fn from_settings(settings: &Settings) -> Result<Self, Fault> {
        let text = |key| Some(settings.text(key).to_owned()).filter(|text| !text.is_empty());
        let Some(host) = text(Key::RelayHost) else {
            return Err(Fault::operator("no mail relay is set: name one in the settings (relay.host)"));
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_start_matches("ipv6:");
        let host = idn::to_ascii(host).map_err(|why| Fault::operator(format!("relay.host: {why}")))?;
        Ok(Self {
            host,
            // Checked by the table of settings: 1 to 65535.
            port: u16::try_from(settings.number(Key::RelayPort)).unwrap_or(587),
            tls: match settings.text(Key::RelayTls) {
                "none" => Tls::None,
                "tls" => Tls::Direct,
                _ => Tls::Upgraded,
            },
            login: text(Key::RelayUser).map(|user| (user, settings.text(Key::RelayPassword).to_owned())),
            ca: text(Key::RelayCa).map(PathBuf::from),
            timeout: settings.span(Key::RelayTimeout),
            hello: text(Key::Domain).and_then(|domain| idn::to_ascii(&domain).ok()),
        })
    }

    /// The name under which faults speak of it.
    pub fn name(&self) -> String {
        format!("relay {}:{}", self.host, self.port)
    }
}

impl std::fmt::Debug for RelayConfig {
    /// Writes name and encryption, and no password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({:?})", self.name(), self.tls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_become_a_relay() {
        let none = Settings::default();
        assert!(
            matches!(RelayConfig::from_settings(&none), Err(Fault::Operator(why)) if why.to_string().contains("relay.host"))
        );
        let set = |pairs: &[(Key, &str)]| {
            let settings = pairs.iter().fold(none.clone(), |all, (key, value)| all.with(*key, value).unwrap());
            RelayConfig::from_settings(&settings).unwrap()
        };
        let plain = set(&[(Key::RelayHost, "Mail.Example.ORG")]);
        assert_eq!((plain.host.as_str(), plain.port, plain.tls), ("mail.example.org", 587, Tls::Upgraded));
        assert_eq!((plain.login, plain.ca, plain.hello), (None, None, None));
        let full = set(&[
            (Key::RelayHost, "[IPv6:::1]"),
            (Key::RelayTls, "tls"),
            (Key::RelayUser, "u"),
            (Key::RelayPassword, "hush"),
            (Key::RelayTimeout, "2m"),
            (Key::Domain, "box.example"),
        ]);
        assert_eq!((full.host.as_str(), full.tls, full.timeout.as_secs()), ("::1", Tls::Direct, 120));
        assert_eq!(full.hello.as_deref(), Some("box.example"));
        assert!(!format!("{full:?}").contains("hush"));
        let umlauts = set(&[(Key::RelayHost, "post.bücher.example"), (Key::Domain, "bücher.example")]);
        assert_eq!(umlauts.host, "post.xn--bcher-kva.example");
        assert_eq!(umlauts.hello.as_deref(), Some("xn--bcher-kva.example"));
    }
}
