//! One conversation with the relay (RFC 5321), from the connection to QUIT.
//!
//! | state | we say | it says | and then |
//! |---|---|---|---|
//! | connected | (TLS, with `relay.tls` = `tls`) | 2xx | greeted |
//! | greeted | EHLO | 2xx with its extensions | introduced |
//! | | | 5xx: HELO, for a server of the old kind | introduced, without extensions |
//! | introduced | STARTTLS, if wanted and not encrypted yet | 2xx, then TLS | greeted: what was offered in clear text is forgotten |
//! | | AUTH, if there is a log-in | 2xx | ready |
//! | ready | MAIL, RCPT (at once, if it offers PIPELINING) | 2xx each | addressed |
//! | addressed | DATA | 3xx | open |
//! | open | the text and the final dot | 2xx: **taken** | ready |
//! | | | 4xx, 5xx: not taken | ready |
//! | | | nothing, or nonsense: **unanswered** | over |
//! | ready, addressed | RSET, before another message | 2xx | ready |
//! | any | | 421, nonsense, an answer that nobody asked for, silence, the end | over |
//!
//! Two things must hold, or a message is lost or doubled. *Taken* is only a 2xx that came after the whole text had
//! gone. *Unanswered* is only what may have been taken: the final dot had gone and no clear answer came.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use smol::channel::Receiver;

use super::Taken;
use super::config::{RelayConfig, Tls};
use super::extensions::Extensions;
use super::message::{self, Envelope};
use super::reply::{Replies, Reply};
use super::stage::{Failure, Stage};
use super::stream::{Lost, Stream};
use super::tls::Trust;
use crate::address::{Address, Mailbox};
use crate::fault::Fault;
use crate::message::Reporting;

/// A connection that is ready for messages.
pub(super) struct Session {
    config: RelayConfig,
    stream: Stream,
    replies: Replies,
    extensions: Extensions,
    /// What it calls itself.
    name: String,
    /// Its refusal of EHLO, when it took HELO instead.
    no_ehlo: Option<String>,
    usable: bool,
}

impl Session {
    /// Connects, greets, encrypts and logs in; what worked goes into `lines`.
    pub(super) fn open(config: &RelayConfig, stop: &Receiver<()>, lines: &mut Vec<String>) -> Result<Self, Failure> {
        // Read first, and in clear text too: a wrong file is to be heard of.
        let trust = (config.tls != Tls::None || config.ca.is_some()).then(|| Trust::new(config)).transpose()?;
        let stream = Stream::open(config, stop)?;
        lines.push(format!("Connected to {} ({}).", config.host, stream.peer));
        check_secrecy(config, stream.peer.ip())?;
        let mut session = Self {
            config: config.clone(),
            stream,
            replies: Replies::default(),
            extensions: Extensions::default(),
            name: String::new(),
            no_ehlo: None,
            usable: true,
        };
        if let Some(trust) = trust.as_ref().filter(|_| config.tls == Tls::Direct) {
            session.encrypt(Stage::Greeting, trust)?;
        }
        session.begin(Stage::Greeting, 0);
        session.hear(Stage::Greeting)?;
        session.introduce()?;
        if let Some(trust) = trust.as_ref().filter(|_| config.tls == Tls::Upgraded) {
            session.starttls(trust)?;
        }
        let how = if session.stream.is_encrypted() { "encrypted" } else { "not encrypted" };
        lines.push(format!("It calls itself {}; the connection is {how}.", session.name.escape_debug()));
        if let Some((user, password)) = &config.login {
            session.login(user, password)?;
            lines.push(format!("Logged in as {}.", user.escape_debug()));
        }
        Ok(session)
    }

    /// EHLO, or HELO where that is not known.
    fn introduce(&mut self) -> Result<(), Failure> {
        let hello = match (&self.config.hello, self.stream.local) {
            (Some(name), _) => name.clone(),
            (None, IpAddr::V4(ip)) => format!("[{ip}]"),
            (None, IpAddr::V6(ip)) => format!("[IPv6:{ip}]"),
        };
        (self.extensions, self.no_ehlo) = (Extensions::default(), None);
        let reply = match self.step(Stage::Hello, &format!("EHLO {hello}\r\n")) {
            Ok(reply) => {
                self.extensions = Extensions::read(&reply);
                reply
            }
            Err(refusal) if self.usable && refusal.code.is_some_and(|(code, _)| code >= 500) => {
                let reply = self.step(Stage::Hello, &format!("HELO {hello}\r\n"))?;
                self.no_ehlo = Some(refusal.fault.to_string());
                reply
            }
            Err(failure) => return Err(failure),
        };
        let words = reply.lines.first().map(String::as_str).unwrap_or_default();
        self.name = words.split_whitespace().next().unwrap_or("nothing").chars().take(255).collect();
        Ok(())
    }

    fn starttls(&mut self, trust: &Trust) -> Result<(), Failure> {
        if !self.extensions.starttls {
            return Err(self.misses(
                "does not offer STARTTLS; set relay.tls to tls (port 465), or to none for a relay in the house",
            ));
        }
        self.step(Stage::StartTls, "STARTTLS\r\n")?;
        // What stands behind the answer came in clear text and would be taken for an answer within TLS (RFC 3207
        // section 6): anybody on the way can have written it.
        if !self.replies.is_empty() {
            let why = "something spoke behind the answer to STARTTLS: the connection may be under attack";
            return Err(self.lose(Stage::StartTls, &why));
        }
        self.encrypt(Stage::StartTls, trust)?;
        self.introduce()
    }

    fn encrypt(&mut self, stage: Stage, trust: &Trust) -> Result<(), Failure> {
        self.begin(stage, 0);
        let relay = self.config.name();
        let connection = trust.connection().map_err(|error| Fault::operator(format!("{relay}: {error}")))?;
        self.stream.encrypt(connection, &mut self.replies).map_err(|lost| Failure::tls(&relay, stage, &lost))
    }

    /// PLAIN if it is offered, else LOGIN. The whole exchange has the limit of one step.
    fn login(&mut self, user: &str, password: &str) -> Result<(), Failure> {
        let coded = |text: &str| STANDARD.encode(text);
        let lines = match self.extensions {
            Extensions { plain: true, .. } => {
                let secret = coded(&format!("\0{user}\0{password}"));
                // At once, or as an answer where a command line would be too long (RFC 4954 section 4).
                let first = if secret.len() < 490 { format!("AUTH PLAIN {secret}") } else { "AUTH PLAIN".to_owned() };
                vec![first, secret]
            }
            Extensions { login: true, .. } => vec!["AUTH LOGIN".to_owned(), coded(user), coded(password)],
            _ => {
                return Err(self.misses(
                    "offers no log-in by password here; remove relay.user, or set relay.tls and relay.port as it wants them",
                ));
            }
        };
        self.begin(Stage::Login, 0);
        for line in lines {
            self.say(Stage::Login, &(line + "\r\n"))?;
            let reply = self.answer(Stage::Login)?;
            if reply.is(2) {
                return Ok(());
            }
            if !reply.is(3) {
                return Err(self.refused(Stage::Login, &reply));
            }
        }
        Err(self.lose(Stage::Login, &"it asks for more than name and password"))
    }

    /// What the relay would have had to offer; told together with why it offers nothing.
    fn misses(&self, what: &str) -> Failure {
        let why = self.no_ehlo.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        Failure::from(Fault::operator(format!("{} {what}{why}", self.config.name())))
    }

    /// Sends one message and gives back the last answer; the reports that the client wants are asked of a relay that makes them.
    pub(super) fn message(
        &mut self,
        from: &Address,
        to: &Mailbox,
        mail: &[u8],
        reporting: &Reporting,
    ) -> Result<Taken, Failure> {
        let Envelope { from, to, options, text } =
            message::prepare(&self.config.name(), &self.extensions, from, to, mail)?;
        let reports = self.extensions.dsn;
        let (of_mail, of_rcpt) = if reports { reporting.parameters() } else { Default::default() };
        let (mail, rcpt) =
            (format!("MAIL FROM:<{from}>{options}{of_mail}\r\n"), format!("RCPT TO:<{to}>{of_rcpt}\r\n"));
        if self.extensions.pipelining {
            self.begin(Stage::Mail, 0);
            self.say(Stage::Mail, &(mail + &rcpt))?;
            let first = self.hear(Stage::Mail);
            // The answer to RCPT comes whatever became of MAIL, and must not be taken for that to a later command.
            let second = if self.usable { self.hear(Stage::Rcpt) } else { first.clone() };
            first.and(second)?;
        } else {
            self.step(Stage::Mail, &mail)?;
            self.step(Stage::Rcpt, &rcpt)?;
        }
        self.step(Stage::Data, "DATA\r\n")?;
        self.begin(Stage::Text, text.len());
        Ok(Taken { reply: self.text(&text)?, reports })
    }

    /// The text with its dots stuffed, and the final dot.
    fn text(&mut self, text: &[u8]) -> Result<String, Failure> {
        self.check_turn(Stage::Text)?;
        let sent = self.stream.send(&message::stuffed(text), &mut self.replies);
        let whole = match sent {
            Ok(whole) => whole,
            Err(lost) => return Err(self.lose(Stage::Text, &lost)),
        };
        let reply = match self.answer(Stage::Text) {
            Ok(reply) => reply,
            Err(failure) if whole => return Err(failure.without_answer()),
            Err(failure) => return Err(failure),
        };
        // A relay that spoke before the end is amid a text that nobody goes on with.
        self.usable &= whole;
        match (whole, reply.code / 100) {
            (true, 2) => Ok(reply.to_string()),
            (_, 4 | 5) => Err(self.refused(Stage::Text, &reply)),
            (true, _) => Err(self.refused(Stage::Text, &reply).without_answer()),
            (false, _) => Err(self.lose(Stage::Text, &format!("it said {reply} before the end"))),
        }
    }

    /// Makes the relay forget a message that was begun; false when it does not answer, and then the connection is gone.
    pub(super) fn reset(&mut self) -> bool {
        self.step(Stage::Reset, "RSET\r\n").is_ok()
    }

    /// Asks whether the relay is there.
    pub(super) fn noop(&mut self) -> Result<(), Failure> {
        self.step(Stage::Noop, "NOOP\r\n").map(drop)
    }

    /// Says good-bye; what the relay answers does not matter.
    pub(super) fn quit(mut self) {
        if self.usable {
            let _ = self.step(Stage::Quit, "QUIT\r\n");
            self.stream.close();
        }
    }

    /// True while another message can go over it.
    pub(super) fn usable(&self) -> bool {
        self.usable
    }

    /// Sends a command and hears its answer; a failure where it is not the wanted one.
    fn step(&mut self, stage: Stage, command: &str) -> Result<Reply, Failure> {
        self.begin(stage, 0);
        self.say(stage, command)?;
        self.hear(stage)
    }

    /// The clock of a step starts.
    fn begin(&mut self, stage: Stage, text: usize) {
        self.stream.limit(stage.limit(self.config.timeout, text));
    }

    fn say(&mut self, stage: Stage, command: &str) -> Result<(), Failure> {
        self.check_turn(stage)?;
        // What did not go is told by the answer, or by the end.
        self.stream.send(command.as_bytes(), &mut self.replies).map(drop).map_err(|lost| self.lose(stage, &lost))
    }

    /// An answer that nobody asked for would be taken for that to the next command, and each one after it too. Only a
    /// good-bye (421) comes at any time.
    fn check_turn(&mut self, stage: Stage) -> Result<(), Failure> {
        if self.replies.is_empty() {
            return Ok(());
        }
        let reply = self.answer(stage)?;
        if reply.code == 421 {
            return Err(self.refused(stage, &reply));
        }
        Err(self.lose(stage, &format!("it said {reply} without being asked")))
    }

    /// The answer to a command, which has to be the one that leads on.
    fn hear(&mut self, stage: Stage) -> Result<Reply, Failure> {
        let reply = self.answer(stage)?;
        if reply.is(stage.wanted()) { Ok(reply) } else { Err(self.refused(stage, &reply)) }
    }

    /// Hears one whole answer, whatever it says.
    fn answer(&mut self, stage: Stage) -> Result<Reply, Failure> {
        loop {
            match self.replies.next() {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => {}
                Err(nonsense) => return Err(self.lose(stage, &nonsense)),
            }
            if let Err(lost) = self.stream.fill(&mut self.replies) {
                let over = self.lose(stage, &lost);
                let ended = matches!(lost, Lost::Closed | Lost::Broken(_));
                return ended.then(|| self.replies.cut_off()).flatten().ok_or(over);
            }
        }
    }

    fn refused(&mut self, stage: Stage, reply: &Reply) -> Failure {
        // 421 is a good-bye, and what is neither yes nor no may belong to another command.
        self.usable &= reply.code != 421 && (reply.is(4) || reply.is(5));
        Failure::refused(&self.config.name(), stage, reply)
    }

    fn lose(&mut self, stage: Stage, why: &dyn std::fmt::Display) -> Failure {
        self.usable = false;
        Failure::lost(&self.config.name(), stage, why)
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
            timeout: super::super::IDLE_LIMIT,
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
