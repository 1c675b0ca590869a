//! The SMTP session: one command in, one reply out. No sockets, no threads, no clock.
//!
//! RFC 5321 with SIZE (1870), 8BITMIME (6152), SMTPUTF8 (6531), PIPELINING (2920), STARTTLS (3207), AUTH (4954),
//! DSN (3461), CHUNKING (3030, without BINARYMIME) and enhanced status codes (2034). A log-in lives until the end of the
//! session or STARTTLS.

mod auth;
mod dsn;
pub mod front;
mod path;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use smtp_proto::{
    Error, MAIL_BODY_7BIT, MAIL_BODY_8BITMIME, MAIL_RET_FULL, MAIL_RET_HDRS, MAIL_SMTPUTF8, MailFrom,
    RCPT_NOTIFY_DELAY, RCPT_NOTIFY_FAILURE, RCPT_NOTIFY_NEVER, RCPT_NOTIFY_SUCCESS, RcptTo, Request,
};

use auth::Exchange;
use front::{Naming, is_front, is_trusted};

use super::counters::{ClientCounters, Place};
use super::data::Flaw;
use super::reply::{Next, Part, answer, clip, say, say_with};
use super::{Body, Caller, Envelope, MailIntake, Recipient, Refusal};
use crate::address::{Address, Mailbox, check_domain, idn, pasted};
use crate::settings::{Key, Settings};

/// Commands that may fail (5xx) before the session ends; an accepted mail forgives them.
const MAX_ERRORS: u32 = 20;

/// The parameters of RCPT that are understood.
const NOTIFY: u64 = RCPT_NOTIFY_NEVER | RCPT_NOTIFY_SUCCESS | RCPT_NOTIFY_FAILURE | RCPT_NOTIFY_DELAY;

/// What the session needs to answer.
#[derive(Clone, Copy)]
pub struct SessionContext<'a> {
    /// Decides who may send, and takes the mails.
    pub intake: &'a dyn MailIntake,
    /// What the client's network did before.
    pub counters: &'a ClientCounters,
    /// The moment for the counters.
    pub now: Instant,
}

/// What one SMTP session knows of its client, and of the mail that it sends.
#[derive(Debug)]
pub struct SmtpSession {
    pub(super) caller: Caller,
    pub(super) settings: Arc<Settings>,
    tls_offered: bool,
    /// How the peer names the client for whom it speaks.
    pub(super) naming: Option<Naming>,
    /// The place of that client among the connections.
    pub(super) place: Option<Place>,
    envelope: Option<Envelope>,
    /// Chunks of the mail have come: only more of them may follow.
    chunks: bool,
    pub(super) exchange: Option<Exchange>,
    pub(super) wrong_passwords: u32,
    errors: u32,
    accepted: u64,
}

impl SmtpSession {
    /// Makes the session of a connection from `peer`; `tls_offered` when there is a certificate.
    pub fn new(peer: IpAddr, settings: Arc<Settings>, tls_offered: bool, submission: bool) -> Self {
        let (front, trusted) = (is_front(&settings, peer), is_trusted(&settings, peer));
        let naming = front::naming(&settings, peer);
        let (helo, person) = (String::new(), None);
        let caller = Caller { peer, helo, esmtp: false, person, tls: false, trusted, front, submission };
        Self {
            caller,
            settings,
            tls_offered,
            naming,
            place: None,
            envelope: None,
            chunks: false,
            exchange: None,
            wrong_passwords: 0,
            errors: 0,
            accepted: 0,
        }
    }

    /// Writes the greeting (220) with the name of the host.
    pub fn greet(&self, out: &mut Vec<u8>) {
        say_with(out, 220, "", &format!("{} ESMTP satpost", host_name(&self.settings)));
    }

    /// Gives largest mail, in bytes.
    pub fn max_size(&self) -> u64 {
        self.settings.count(Key::SmtpMaxSize) as u64
    }

    /// True for a client who logged in, or whom the owner trusts.
    pub fn is_proven(&self) -> bool {
        self.caller.person.is_some() || self.caller.trusted || self.caller.front
    }

    /// Mails accepted so far.
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Notes that the connection is encrypted now: what was said before is forgotten (RFC 3207 section 4.2).
    pub fn encrypted(&mut self) {
        self.begin_anew(String::new());
        self.caller.tls = true;
    }

    /// Forgets what was said; the client is known by this name until it gives another one.
    pub(super) fn begin_anew(&mut self, helo: String) {
        self.caller = Caller { helo, esmtp: false, person: None, ..self.caller.clone() };
        self.envelope = None;
        self.exchange = None;
    }

    /// True between MAIL and the end of the mail.
    pub(super) fn is_in_mail(&self) -> bool {
        self.envelope.is_some()
    }

    /// True for a device that may end its lines with LF alone: the owner named it, and trusts its network. Who speaks for
    /// others never may.
    pub(super) fn is_old_device(&self) -> bool {
        let named = self.settings.contains(Key::SmtpOldDevices, self.caller.peer);
        named && self.caller.trusted && self.naming.is_none()
    }

    /// Answers one line, given without its CR LF.
    pub fn line(&mut self, line: &[u8], context: SessionContext<'_>, out: &mut Vec<u8>) -> Next {
        if self.exchange.is_some() {
            return self.auth_line(line, context, out);
        }
        let Some(text) = std::str::from_utf8(line).ok().filter(|text| !text.contains(char::is_control)) else {
            return self.fail(out, 500, "a command is one line of UTF-8 without control characters");
        };
        if self.naming == Some(Naming::Xclient)
            && text.split(' ').next().unwrap_or_default().eq_ignore_ascii_case("XCLIENT")
        {
            return self.xclient(text, context, out);
        }
        // The parser wants to see the end of the line.
        let mended = path::mended(text, self.caller.trusted);
        let text = mended.as_ref().map_or(text, |mended| mended.line.as_str());
        let whole = [dsn::one_type(text.trim_end()).as_bytes(), b"\r\n"].concat();
        match Request::parse(&mut whole.iter()) {
            Ok(request) => {
                let request = path::as_written(request, mended.as_ref().and_then(|mended| mended.literal.as_deref()));
                self.command(request, text.trim_end(), context, out)
            }
            Err(error) => self.misunderstood(&error, text, out),
        }
    }

    /// Replies that a command failed.
    pub fn fail(&mut self, out: &mut Vec<u8>, code: u16, why: &str) -> Next {
        self.fail_with(out, code, None, why)
    }

    fn fail_with(&mut self, out: &mut Vec<u8>, code: u16, status: Option<&str>, why: &str) -> Next {
        if code >= 500 {
            self.errors += 1;
        }
        if self.errors >= MAX_ERRORS {
            say(out, 421, &format!("{why}; too many errors, closing"));
            return Next::Close;
        }
        match status {
            Some(status) => say_with(out, code, status, why),
            None => say(out, code, why),
        }
        Next::Command
    }

    /// Replies that the intake refused. Whatever code it gave, this never becomes a yes.
    fn refuse(&mut self, refusal: &Refusal, out: &mut Vec<u8>) -> Next {
        let no = (400..600).contains(&refusal.code);
        let (code, status) = if no { (refusal.code, Some(refusal.status)) } else { (451, None) };
        match self.fail_with(out, code, status, &refusal.text) {
            Next::Command if code == 421 => Next::Close,
            next => next,
        }
    }

    /// Takes a mail that has ended: asks the intake to take it and answers.
    pub fn received(&mut self, mail: Result<Body, Flaw>, context: SessionContext<'_>, out: &mut Vec<u8>) -> Next {
        // DATA is answered with 354 only while there is an envelope.
        let Some(envelope) = self.envelope.take() else {
            return self.fail(out, 503, "MAIL first");
        };
        let body = match mail {
            Ok(body) => body,
            Err(Flaw::BareLineEnd) => return self.fail(out, 554, "lines of a mail end with CR LF, nothing else"),
            Err(Flaw::TooBig) => return self.fail(out, 552, &self.too_big()),
            Err(Flaw::NoRoom) => return self.fail(out, 452, "no space to take the mail, try later"),
        };
        match context.intake.accept(&self.caller, envelope, body) {
            Ok(text) => {
                self.errors = 0;
                self.accepted += 1;
                say(out, 250, &text);
                Next::Command
            }
            Err(refusal) => self.refuse(&refusal, out),
        }
    }

    fn command(
        &mut self,
        request: Request<Cow<'_, str>>,
        line: &str,
        context: SessionContext<'_>,
        out: &mut Vec<u8>,
    ) -> Next {
        match request {
            Request::Ehlo { host } => self.hello(&host, true, out),
            Request::Helo { host } => self.hello(&host, false, out),
            Request::Mail { from } => self.mail(&from, line, context, out),
            Request::Rcpt { to } => self.rcpt(&to, line, context, out),
            Request::Data | Request::Rset | Request::Quit | Request::StartTls if line.contains(' ') => {
                self.fail(out, 501, "this command has no parameters")
            }
            Request::Data => self.data(out),
            Request::Bdat { chunk_size, is_last } => self.chunk(chunk_size as u64, is_last),
            Request::Rset => {
                self.envelope = None;
                answer(out, 250, "OK")
            }
            Request::Noop { .. } => answer(out, 250, "OK"),
            Request::Quit => {
                say(out, 221, "goodbye");
                Next::Close
            }
            Request::StartTls => self.start_tls(out),
            Request::Auth { mechanism, initial_response } => {
                if self.envelope.is_some() {
                    return self.fail(out, 503, "not within a mail");
                }
                self.auth(mechanism, &initial_response, context, out)
            }
            Request::Vrfy { .. } => answer(out, 252, "cannot tell, but will take mail and try"),
            Request::Help { .. } => {
                answer(out, 214, "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT STARTTLS AUTH HELP; see RFC 5321")
            }
            other => self.fail(out, 502, &format!("{} is not offered", other.name())),
        }
    }

    fn misunderstood(&mut self, error: &Error, line: &str, out: &mut Vec<u8>) -> Next {
        let verb = line.split(' ').next().unwrap_or_default();
        match error {
            Error::InvalidSenderAddress => self.fail(out, 553, "this sender address cannot be read"),
            Error::InvalidRecipientAddress => self.fail(out, 553, "this recipient address cannot be read"),
            Error::UnsupportedParameter { param } => {
                self.fail(out, 555, &format!("parameter {} is not known", clip(param)))
            }
            Error::InvalidParameter { param } => self.fail(out, 501, &format!("the value of {param} cannot be read")),
            Error::SyntaxError { .. } if verb.eq_ignore_ascii_case("AUTH") && line.len() > "AUTH ".len() => {
                self.fail(out, 504, "log in with PLAIN or LOGIN")
            }
            // How many bytes follow is not known, and none of them may be taken for a command.
            _ if verb.eq_ignore_ascii_case("BDAT") => {
                say(out, 501, "write BDAT chunk-size [LAST]; closing");
                Next::Close
            }
            Error::SyntaxError { syntax } => self.fail(out, 501, &format!("write {syntax}")),
            _ => self.fail(out, 500, "command not known"),
        }
    }

    fn hello(&mut self, host: &str, esmtp: bool, out: &mut Vec<u8>) -> Next {
        self.envelope = None;
        self.caller.helo = host.to_owned();
        self.caller.esmtp = esmtp;
        let name = host_name(&self.settings);
        if !esmtp {
            say_with(out, 250, "", &name);
            return Next::Command;
        }
        let mut lines = vec![
            name,
            format!("SIZE {}", self.max_size()),
            "8BITMIME".to_owned(),
            "SMTPUTF8".to_owned(),
            "PIPELINING".to_owned(),
            "ENHANCEDSTATUSCODES".to_owned(),
            "DSN".to_owned(),
            "CHUNKING".to_owned(),
        ];
        if self.tls_offered && !self.caller.tls {
            lines.push("STARTTLS".to_owned());
        }
        if self.may_log_in() {
            lines.push("AUTH PLAIN LOGIN".to_owned());
        }
        lines.extend(self.xclient_offer());
        lines.push("HELP".to_owned());
        say_with(out, 250, "", &lines.join("\n"));
        Next::Command
    }

    /// Passwords travel only under TLS, on this machine, or where the owner trusts the network.
    pub(super) fn may_log_in(&self) -> bool {
        self.caller.tls || self.caller.trusted || self.caller.peer.is_loopback()
    }

    fn mail(
        &mut self,
        from: &MailFrom<Cow<'_, str>>,
        line: &str,
        context: SessionContext<'_>,
        out: &mut Vec<u8>,
    ) -> Next {
        if self.caller.helo.is_empty() {
            return self.fail(out, 503, "EHLO first");
        }
        if self.envelope.is_some() {
            return self.fail(out, 503, "one mail at a time: RSET first");
        }
        if self.caller.submission && self.caller.person.is_none() && !self.caller.trusted {
            return self.fail(out, 530, "log in first");
        }
        let known = self.caller.person.is_some() || self.caller.trusted || self.caller.front;
        if !known && self.settings.on(Key::SmtpFrontOnly) {
            let why = "mail for this box goes to the mail server in front of it: send to the MX of the domain";
            return self.fail_with(out, 550, Some("5.7.1"), why);
        }
        if let Some(param) = not_offered(from) {
            return self.fail(out, 555, &format!("parameter {param} is not offered"));
        }
        if from.size as u64 > self.max_size() || has_huge_size(line) {
            return self.fail(out, 552, &self.too_big());
        }
        let utf8 = from.flags & MAIL_SMTPUTF8 != 0;
        if !utf8 && !from.address.is_ascii() {
            return self.fail(out, 553, "an address beyond ASCII needs the parameter SMTPUTF8");
        }
        if pasted::has_hidden(&from.address) {
            return self.fail(out, 553, "this sender address holds signs that nobody sees");
        }
        let Some(address) = sender(&from.address, line) else {
            return self.fail(out, 553, "this sender address cannot be read");
        };
        if !context.counters.may_send(self.caller.peer, self.settings.count(Key::SmtpRate), context.now) {
            return self.fail(out, 450, "too many mails a minute from your address, try later");
        }
        let Some(reporting) = dsn::of_mail(from) else {
            return self.fail(out, 501, "the value of ENVID cannot be read");
        };
        self.envelope = Some(Envelope { from: address, to: Vec::new(), reporting, utf8 });
        self.chunks = false;
        answer(out, 250, "OK")
    }

    fn rcpt(&mut self, to: &RcptTo<Cow<'_, str>>, line: &str, context: SessionContext<'_>, out: &mut Vec<u8>) -> Next {
        let Some(envelope) = &mut self.envelope else {
            return self.fail(out, 503, "MAIL first");
        };
        if self.chunks {
            return self.fail(out, 503, "the mail has begun: only BDAT or RSET");
        }
        if to.flags & !NOTIFY != 0 || to.rrvs != 0 {
            return self.fail(out, 555, "parameter RRVS is not offered");
        }
        let reporting = match dsn::of_rcpt(to, &envelope.reporting) {
            Ok(reporting) => reporting,
            Err(param) => return self.fail(out, 501, &format!("the value of {param} cannot be read")),
        };
        let address = match to.address.as_ref() {
            "" if names_postmaster(line) => "postmaster",
            "" => return self.fail(out, 553, "the recipient cannot be nobody"),
            address => address,
        };
        if !envelope.utf8 && !address.is_ascii() {
            return self.fail(out, 553, "an address beyond ASCII needs the parameter SMTPUTF8");
        }
        if envelope.to.iter().any(|known| known.path == address) {
            return answer(out, 250, "OK");
        }
        if envelope.to.len() >= self.settings.count(Key::SmtpMaxRecipients) {
            return self.fail(out, 452, "too many recipients, send the rest in another mail");
        }
        match context.intake.recipient(&self.caller, &envelope.from, address) {
            Ok(()) => {
                envelope.to.push(Recipient { path: address.to_owned(), reporting });
                answer(out, 250, "OK")
            }
            Err(refusal) => self.refuse(&refusal, out),
        }
    }

    fn data(&mut self, out: &mut Vec<u8>) -> Next {
        match &self.envelope {
            None => self.fail(out, 503, "MAIL first"),
            Some(envelope) if envelope.to.is_empty() => self.fail(out, 503, "RCPT first"),
            Some(_) if self.chunks => self.fail(out, 503, "the mail has begun: only BDAT or RSET"),
            Some(_) => {
                say(out, 354, "end the mail with a dot on a line of its own");
                Next::Data
            }
        }
    }

    /// Says what the bytes behind BDAT are for. It is answered when they have come (RFC 3030 section 2).
    fn chunk(&mut self, size: u64, last: bool) -> Next {
        let part = match &self.envelope {
            Some(envelope) if !envelope.to.is_empty() && self.chunks => Part::More,
            Some(envelope) if !envelope.to.is_empty() => Part::First,
            _ => Part::Refused,
        };
        self.chunks |= part == Part::First;
        Next::Chunk { size, last, part }
    }

    /// Answers a chunk that belongs to no mail.
    pub fn chunk_refused(&mut self, out: &mut Vec<u8>) -> Next {
        self.fail(out, 503, "MAIL and RCPT first")
    }

    fn start_tls(&mut self, out: &mut Vec<u8>) -> Next {
        if self.caller.tls {
            return self.fail(out, 503, "the connection is encrypted already");
        }
        if !self.tls_offered {
            return self.fail(out, 502, "STARTTLS is not offered");
        }
        say(out, 220, "go ahead");
        Next::StartTls
    }

    fn too_big(&self) -> String {
        format!("a mail may have {} bytes", self.max_size())
    }
}

/// Gives the name of this box in SMTP: its own name if that can be a host name, else its mail domain.
pub fn host_name(settings: &Settings) -> String {
    let names = [settings.text(Key::BoxName), settings.text(Key::Domain)];
    names.into_iter().find(|name| check_domain(name).is_ok()).unwrap_or("satpost").to_owned()
}

/// Finds the first parameter that EHLO did not offer.
fn not_offered(from: &MailFrom<Cow<'_, str>>) -> Option<&'static str> {
    let known = MAIL_BODY_7BIT | MAIL_BODY_8BITMIME | MAIL_SMTPUTF8 | MAIL_RET_FULL | MAIL_RET_HDRS;
    let used = [
        ("BODY=BINARYMIME", from.flags & smtp_proto::MAIL_BODY_BINARYMIME != 0),
        ("REQUIRETLS or another one", from.flags & !known != 0),
        ("TRANSID", from.trans_id.is_some()),
        ("SOLICIT", from.solicit.is_some()),
        ("MTRK", from.mtrk.is_some()),
        ("HOLDFOR", from.hold_for != 0 || from.hold_until != 0),
        ("MT-PRIORITY", from.mt_priority != 0),
    ];
    used.into_iter().find_map(|(name, used)| used.then_some(name))
}

/// Finds a SIZE that the parser cannot sum, beyond 64 bits.
fn has_huge_size(line: &str) -> bool {
    let upper = line.to_ascii_uppercase();
    upper.rsplit_once(" SIZE=").is_some_and(|(_, value)| value.bytes().take_while(u8::is_ascii_digit).count() > 18)
}

/// Reads the sender: the parser gives the same empty text for `<>` and `<postmaster>`, which is no sender.
fn sender(address: &str, line: &str) -> Option<Address> {
    match address {
        "" if names_postmaster(line) => None,
        "" => Some(Address::Nobody),
        // A domain without an ASCII form is nowhere in the mail, and on no list.
        address => {
            address.parse().ok().filter(|mailbox: &Mailbox| idn::to_ascii(mailbox.domain()).is_ok()).map(Address::Mail)
        }
    }
}

fn names_postmaster(line: &str) -> bool {
    line.to_ascii_lowercase().contains("postmaster")
}
