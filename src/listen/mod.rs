//! The listeners: what comes in over the network, behind the gate.
//!
//! A connection passes [`gate`] (caps, deadlines, stop) and then speaks SMTP ([`smtp_io`] moves the bytes,
//! [`framer`] splits them into commands and mails, [`smtp`] answers commands, [`data`] takes mails), IMAP ([`imap`]) or HTTP
//! ([`http`]).
//! What stands behind is reached only through [`MailIntake`].

pub mod closed;
pub mod connection;
pub mod counters;
pub mod data;
pub mod directip;
mod forwarded;
pub mod framer;
pub mod gate;
pub mod http;
pub mod http_head;
pub mod http_rules;
pub mod imap;
pub mod ip;
mod proxy_header;
pub mod reply;
pub mod smtp;
pub mod smtp_io;
pub mod stream;
pub mod tls;
pub mod trials;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use crate::address::Address;
use crate::message::Reporting;
use crate::settings::Settings;

pub use crate::message::words::smtp::Refusal;

/// What the SMTP listener asks the intake behind it. Called from many session threads at once, each with a
/// stack of [`gate::STACK`] bytes.
pub trait MailIntake: Send + Sync {
    /// Gives the settings in force; a session keeps the snapshot it began with.
    fn settings(&self) -> Arc<Settings>;

    /// Tells whether mail from `from` may go to `to`, the text inside `<>` with quotes resolved: an address, or the
    /// bare word `postmaster` in any case.
    ///
    /// # Errors
    /// The reply for this recipient; the session goes on.
    fn recipient(&self, caller: &Caller, from: &Address, to: &str) -> Result<(), Refusal>;

    /// Finds the person who logs in with this name and password; `None` when they do not belong together.
    fn login(&self, caller: &Caller, user: &str, password: &str) -> Option<String>;

    /// Takes the mail and returns the text after `250 ` once it is on disk: this is the only way to a final 250.
    /// A spooled body is removed when it is dropped.
    ///
    /// # Errors
    /// The reply to the client, which keeps the mail; the session goes on.
    fn accept(&self, caller: &Caller, envelope: Envelope, body: Body) -> Result<String, Refusal>;
}

/// The client of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The address the connection comes from, IPv4 unmapped.
    pub peer: IpAddr,
    /// What it calls itself in HELO or EHLO: at most 255 bytes of printable text, not to be believed.
    pub helo: String,
    /// It said EHLO rather than HELO.
    pub esmtp: bool,
    /// Name of the person who logged in; `None` without a log-in.
    pub person: Option<String>,
    /// The connection is encrypted.
    pub tls: bool,
    /// The peer is in a trusted network (setting smtp.trusted).
    pub trusted: bool,
    /// It is a mail server in front (setting smtp.front): its verdicts about senders are believed.
    pub front: bool,
    /// It came to the listener for mail programs, which requires a log-in.
    pub submission: bool,
}

/// The envelope of a mail: from whom and to whom, by MAIL and RCPT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The reverse path; [`Address::Nobody`] for notices.
    pub from: Address,
    /// The recipients that [`MailIntake::recipient`] allowed, each once, in order.
    pub to: Vec<Recipient>,
    /// What the client asked to be told, as far as it said so for all of them.
    pub reporting: Reporting,
    /// The client asked for SMTPUTF8 (RFC 6531): addresses and header fields may be UTF-8.
    pub utf8: bool,
}

/// One recipient of a mail, by RCPT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The address in `RCPT TO`, without angle brackets.
    pub path: String,
    /// What the client asked to be told of it.
    pub reporting: Reporting,
}

/// The mail itself: header fields and body, lines ended by CR LF, dots unstuffed, no bare CR or LF.
#[derive(Debug)]
pub enum Body {
    /// The bytes of a small one.
    Memory(Vec<u8>),
    /// A large one, already synced to disk.
    File(data::Spooled),
}
