//! One conversation with the relay, from the connection to QUIT. lettre speaks, stage by stage; the [`Line`] under it
//! keeps the time.

use std::fmt::Display;
use std::net::IpAddr;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Noop, Quit, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension};
use lettre::transport::smtp::{Error, response::Response};
use smol::channel::Receiver;

use super::KEPT;
use super::config::{RelayConfig, Tls};
use super::line::Line;
use super::stage::{Failed, Stage, expected, failed};
use crate::address::{Address, Mailbox};
use crate::deliver::compose::crlf;
use crate::fault::Fault;

/// A connection that is ready for letters.
pub(super) struct Session {
    config: RelayConfig,
    smtp: SmtpConnection,
    line: Line,
    usable: bool,
}

impl Session {
    /// Connects, greets, encrypts and logs in; what worked goes into `lines`.
    pub(super) fn open(config: &RelayConfig, stop: &Receiver<()>, lines: &mut Vec<String>) -> Result<Self, Fault> {
        let tls = tls_parameters(config)?;
        let line = Line::open(config, stop)?;
        lines.push(format!("Connected to {} ({}).", config.host, line.peer));
        check_secrecy(config, line.peer.ip())?;
        let mut session = Self::greet(config, line, &tls)?;
        if config.tls == Tls::Upgraded {
            session.starttls(&tls)?;
        }
        let server = session.smtp.server_info().name().to_owned();
        let how = if session.smtp.is_encrypted() { "encrypted" } else { "not encrypted" };
        lines.push(format!("It calls itself {}; the connection is {how}.", server.escape_debug()));
        if let Some((user, password)) = &config.login {
            session.login(user, password)?;
            lines.push(format!("Logged in as {}.", user.escape_debug()));
        }
        Ok(session)
    }

    fn greet(config: &RelayConfig, line: Line, tls: &TlsParameters) -> Result<Self, Fault> {
        let direct = (config.tls == Tls::Direct).then_some(tls);
        line.limit(config.timeout);
        // No limit of lettre's own, which would only hold for each byte: the line ends every wait.
        let smtp = SmtpConnection::connect(line.entrance, None, &hello(config, &line), direct, Some(line.source));
        match smtp {
            Ok(smtp) => Ok(Self { config: config.clone(), smtp, line, usable: true }),
            Err(error) => Err(failed(&config.name(), Stage::Greeting, &error, line.cut()).fault),
        }
    }

    fn starttls(&mut self, tls: &TlsParameters) -> Result<(), Fault> {
        if !self.smtp.can_starttls() {
            return Err(Fault::operator(format!(
                "{} does not offer STARTTLS; set relay.tls to tls (port 465), or to none for a relay in the house",
                self.config.name()
            )));
        }
        let hello = hello(&self.config, &self.line);
        self.line.limit(self.config.timeout);
        let result = self.smtp.starttls(tls, &hello);
        result.map_err(|error| self.fail(Stage::StartTls, &error))
    }

    fn login(&mut self, user: &str, password: &str) -> Result<(), Fault> {
        let offered = [Mechanism::Plain, Mechanism::Login];
        if self.smtp.server_info().get_auth_mechanism(&offered).is_none() {
            return Err(Fault::operator(format!(
                "{} offers no log-in by password here; remove relay.user, or set relay.tls and relay.port as it wants them",
                self.config.name()
            )));
        }
        self.line.limit(self.config.timeout);
        let result = self.smtp.auth(&offered, &Credentials::new(user.to_owned(), password.to_owned()));
        result.map(drop).map_err(|error| self.fail(Stage::Login, &error))
    }

    /// Sends one letter and gives back the last answer.
    pub(super) fn letter(&mut self, from: &Address, to: &Mailbox, mail: &[u8]) -> Result<String, Fault> {
        let mail = crlf(mail);
        let from = match from {
            Address::Nobody => String::new(),
            Address::Mail(mailbox) => mailbox.to_string(),
            other => return Err(Fault::permanent(format!("{other} cannot be the sender of a mail"))),
        };
        let options = self.mail_options(&from, to, &mail)?;
        self.step(Stage::Mail, format!("MAIL FROM:<{from}>{options}\r\n"))?;
        self.step(Stage::Rcpt, format!("RCPT TO:<{to}>\r\n"))?;
        self.step(Stage::Data, Data)?;
        // lettre ends the text with CRLF before the dot, which would be one line end too many.
        let text = mail.strip_suffix(b"\r\n").unwrap_or(&mail);
        self.line.limit(Stage::Text.limit(self.config.timeout, text.len()));
        let result = self.smtp.message(text);
        self.settle(Stage::Text, result)
    }

    fn mail_options(&self, from: &str, to: &Mailbox, mail: &[u8]) -> Result<String, Fault> {
        let server = self.smtp.server_info();
        let mut options = String::new();
        // Without 8BITMIME the letter goes as it is: nearly every such relay passes it on, and else refuses it itself.
        if !mail.is_ascii() && server.supports_feature(Extension::EightBitMime) {
            options.push_str(" BODY=8BITMIME");
        }
        if !from.is_ascii() || !to.to_string().is_ascii() {
            if !server.supports_feature(Extension::SmtpUtfEight) {
                return Err(Fault::permanent(format!(
                    "{} does not take addresses with letters beyond ASCII (no SMTPUTF8)",
                    self.config.name()
                )));
            }
            options.push_str(" SMTPUTF8");
        }
        Ok(options)
    }

    /// Makes the relay forget a half-said letter; false when it does not answer, and then the connection is gone.
    pub(super) fn reset(&mut self) -> bool {
        self.step(Stage::Reset, Rset).is_ok()
    }

    /// Asks whether the relay is there.
    pub(super) fn noop(&mut self) -> Result<(), Fault> {
        self.step(Stage::Noop, Noop).map(drop)
    }

    /// Says good-bye; what the relay answers does not matter.
    pub(super) fn quit(mut self) {
        if self.usable {
            let _ = self.step(Stage::Quit, Quit);
        }
    }

    /// True while another letter can go over it.
    pub(super) fn usable(&self) -> bool {
        self.usable
    }

    fn step(&mut self, stage: Stage, command: impl Display) -> Result<String, Fault> {
        self.line.limit(stage.limit(self.config.timeout, 0));
        let result = self.smtp.command(command);
        self.settle(stage, result)
    }

    fn settle(&mut self, stage: Stage, result: Result<Response, Error>) -> Result<String, Fault> {
        let relay = self.config.name();
        let result = match result {
            Ok(response) => expected(&relay, stage, &response),
            Err(error) => Err(failed(&relay, stage, &error, self.line.cut())),
        };
        self.line.limit(KEPT * 2);
        result.map_err(|Failed { fault, usable }| {
            self.usable = usable;
            fault
        })
    }

    fn fail(&mut self, stage: Stage, error: &Error) -> Fault {
        self.usable = false;
        failed(&self.config.name(), stage, error, self.line.cut()).fault
    }
}

/// A password goes in clear text to this machine only.
fn check_secrecy(config: &RelayConfig, peer: IpAddr) -> Result<(), Fault> {
    if config.login.is_none() || config.tls != Tls::None || peer.to_canonical().is_loopback() {
        return Ok(());
    }
    Err(Fault::operator(format!(
        "{}: a password is not sent without encryption; set relay.tls to starttls or tls, or remove relay.user",
        config.name()
    )))
}

fn hello(config: &RelayConfig, line: &Line) -> ClientId {
    match (&config.hello, line.local) {
        (Some(name), _) => ClientId::Domain(name.clone()),
        (None, IpAddr::V4(ip)) => ClientId::Ipv4(ip),
        (None, IpAddr::V6(ip)) => ClientId::Ipv6(ip),
    }
}

fn tls_parameters(config: &RelayConfig) -> Result<TlsParameters, Fault> {
    let mut builder = TlsParameters::builder(config.host.clone());
    if let Some(path) = &config.ca {
        let bad = |why: String| Fault::operator(format!("relay.ca: {}: {why}", path.display()));
        let pem = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
        if !pem.windows(10).any(|bytes| bytes == b"-----BEGIN") {
            return Err(bad("it holds no PEM certificate".to_owned()));
        }
        builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| bad(error.to_string()))?);
    }
    builder.build().map_err(|error| Fault::operator(format!("{}: {error}", config.name())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_leaves_this_machine_in_clear_text() {
        let mut config = RelayConfig {
            host: "h".to_owned(),
            port: 25,
            tls: Tls::None,
            login: Some(("u".to_owned(), "p".to_owned())),
            ca: None,
            timeout: KEPT,
            hello: None,
        };
        for local in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(check_secrecy(&config, local.parse().unwrap()), Ok(()));
        }
        for far in ["10.0.0.1", "192.168.1.1", "fe80::1", "::ffff:10.0.0.1"] {
            let fault = check_secrecy(&config, far.parse().unwrap()).unwrap_err();
            assert!(matches!(fault, Fault::Operator(why) if why.to_string().contains("relay.tls")));
        }
        config.tls = Tls::Upgraded;
        assert_eq!(check_secrecy(&config, "10.0.0.1".parse().unwrap()), Ok(()));
    }
}
