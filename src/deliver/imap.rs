//! Looks into the mailbox that the account of the relay has, by IMAP (RFC 3501): unread mails of one sender are fetched, and
//! marked as read later. Only what that needs; each session has one limit in all, and is closed at its end.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use rustls::StreamOwned;

use super::relay::{RelayConfig, Trust};
use crate::fault::Fault;

/// A session ends within this.
const LIMIT: Duration = Duration::from_secs(30);
/// Longest line read, in bytes; what a search finds is one.
const MAX_LINE: usize = 256 * 1024;
/// Longest mail read, in bytes: those that are looked for have a few kB.
const MAX_MAIL: usize = 256 * 1024;
/// Where TLS begins with the first byte if no port is named.
const PORT: u16 = 993;

trait Conversation: Read + Write {}
impl<T: Read + Write> Conversation for T {}

/// A session, logged in, with the inbox open.
pub struct Inbox {
    stream: Box<dyn Conversation>,
    /// For its time limit.
    socket: TcpStream,
    until: Instant,
    read: Vec<u8>,
    tag: u32,
    server: String,
}

/// A response: its text, and the literals in it.
struct Response {
    text: String,
    literals: Vec<Vec<u8>>,
}

impl Inbox {
    /// Logs in at `host:port` with the log-in of the relay's configuration. In clear text only to this machine.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses.
    pub fn open(server: &str, config: &RelayConfig) -> Result<Self, Fault> {
        let Some((user, password)) = &config.login else {
            return Err(Fault::operator("the mailbox of the relay's account needs relay.user and relay.password"));
        };
        let (host, port) = match server.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| wrong(server, "its port is no number"))?),
            None => (server, PORT),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let broken = |why: io::Error| Fault::temporary(format!("{server}: {why}"));
        let address = (host, port).to_socket_addrs().map_err(broken)?.next();
        let address = address.ok_or_else(|| wrong(server, "its name has no address"))?;
        let until = Instant::now() + LIMIT;
        let socket = TcpStream::connect_timeout(&address, LIMIT / 2).map_err(broken)?;
        let second = socket.try_clone().map_err(broken)?;
        let clear = address.ip().is_loopback() && config.tls == super::relay::Tls::None;
        let stream: Box<dyn Conversation> = match clear {
            true => Box::new(second),
            false => {
                let config = RelayConfig { host: host.to_owned(), port, ..config.clone() };
                let tls = Trust::new(&config)?.connection().map_err(|why| wrong(server, &why.to_string()))?;
                Box::new(StreamOwned::new(tls, second))
            }
        };
        let mut inbox = Self { stream, socket, until, read: Vec::new(), tag: 0, server: server.to_owned() };
        let greeting = inbox.response()?;
        if !greeting.text.to_uppercase().starts_with("* OK") {
            return Err(wrong(
                server,
                &format!("it does not greet as an IMAP server: {}", greeting.text.escape_debug()),
            ));
        }
        inbox.command(
            &format!("LOGIN {} {}", quoted(user)?, quoted(password)?),
            "the log-in (relay.user, relay.password)",
        )?;
        inbox.command("SELECT INBOX", "the mailbox INBOX")?;
        Ok(inbox)
    }

    /// Unread mails of this sender, at most so many; those with these UIDs are left out.
    ///
    /// # Errors
    /// As for [`Inbox::open`].
    pub fn unread(&mut self, from: &str, known: &[u32], most: usize) -> Result<Vec<(u32, Vec<u8>)>, Fault> {
        let found = self.command(&format!("UID SEARCH UNSEEN FROM {}", quoted(from)?), "a search")?;
        let lines = found.iter().filter_map(|line| line.text.strip_prefix("* SEARCH"));
        let uids: Vec<u32> = lines.flat_map(str::split_whitespace).filter_map(|uid| uid.parse().ok()).collect();
        let mut mails = Vec::new();
        for uid in uids.into_iter().filter(|uid| !known.contains(uid)).take(most) {
            let answers = self.command(&format!("UID FETCH {uid} (UID BODY.PEEK[])"), "a mail")?;
            // A server tells of other mails in between; the one asked for names its UID.
            let is_it = |answer: &Response| {
                let words: Vec<_> = answer.text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
                words.windows(2).any(|two| two[0].eq_ignore_ascii_case("uid") && two[1] == uid.to_string())
            };
            let mail = answers.into_iter().filter(is_it).find_map(|answer| answer.literals.into_iter().next());
            mails.extend(mail.map(|mail| (uid, mail)));
        }
        Ok(mails)
    }

    /// Marks mails as read.
    ///
    /// # Errors
    /// As for [`Inbox::open`].
    pub fn mark_read(&mut self, uids: &[u32]) -> Result<(), Fault> {
        let uids: Vec<_> = uids.iter().map(u32::to_string).collect();
        self.command(&format!("UID STORE {} +FLAGS.SILENT (\\Seen)", uids.join(",")), "a mark").map(drop)
    }

    /// Ends the session.
    pub fn close(mut self) {
        // It is over, whether the server agrees or not.
        let _ = self.command("LOGOUT", "the end");
    }

    /// Sends a command and gives the answers to it; `what` names it in faults.
    fn command(&mut self, command: &str, what: &str) -> Result<Vec<Response>, Fault> {
        self.tag += 1;
        let tag = format!("s{}", self.tag);
        let broken = |why: io::Error| Fault::temporary(format!("{}: {why}", self.server));
        self.stream.write_all(format!("{tag} {command}\r\n").as_bytes()).map_err(broken)?;
        self.stream.flush().map_err(broken)?;
        let mut answers = Vec::new();
        loop {
            let response = self.response()?;
            let Some(end) = response.text.strip_prefix(&format!("{tag} ")) else {
                answers.push(response);
                continue;
            };
            return match end.to_uppercase().starts_with("OK") {
                true => Ok(answers),
                false => Err(wrong(&self.server, &format!("it refuses {what}: {}", end.escape_debug()))),
            };
        }
    }

    /// Reads one response with its literals.
    fn response(&mut self) -> Result<Response, Fault> {
        let (mut text, mut literals) = (String::new(), Vec::new());
        loop {
            let end = loop {
                match self.read.windows(2).position(|two| two == b"\r\n") {
                    Some(end) => break end,
                    None if self.read.len() > MAX_LINE => return Err(wrong(&self.server, "its line has no end")),
                    None => self.fill()?,
                }
            };
            text += &String::from_utf8_lossy(&self.read[..end]);
            self.read.drain(..end + 2);
            let length = text.rsplit_once('{').and_then(|(_, rest)| rest.strip_suffix('}')).map(str::parse::<usize>);
            let Some(Ok(length)) = length else { return Ok(Response { text, literals }) };
            if length > MAX_MAIL || literals.len() > 8 {
                return Err(wrong(
                    &self.server,
                    &format!("it sends a mail of {length} bytes, which is none of the service"),
                ));
            }
            while self.read.len() < length {
                self.fill()?;
            }
            literals.push(self.read.drain(..length).collect());
        }
    }

    fn fill(&mut self) -> Result<(), Fault> {
        let broken = |why: io::Error| Fault::temporary(format!("{}: {why}", self.server));
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(broken(io::ErrorKind::TimedOut.into()));
        }
        self.socket
            .set_read_timeout(Some(left))
            .and_then(|()| self.socket.set_write_timeout(Some(left)))
            .map_err(broken)?;
        let mut block = [0; 16 * 1024];
        match self.stream.read(&mut block).map_err(broken)? {
            0 => Err(broken(io::ErrorKind::UnexpectedEof.into())),
            count => {
                self.read.extend_from_slice(&block[..count]);
                Ok(())
            }
        }
    }
}

fn wrong(server: &str, why: &str) -> Fault {
    Fault::operator(format!("{server}: {why}"))
}

/// A text as a quoted string of IMAP.
fn quoted(text: &str) -> Result<String, Fault> {
    if !text.bytes().all(|c| (b' '..0x7f).contains(&c)) {
        return Err(Fault::operator("a log-in with characters beyond ASCII cannot be used with IMAP"));
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use std::io::BufRead;
    use std::net::TcpListener;

    use super::*;

    /// Plays a server that answers the commands in their order; what was said to it.
    fn play(answers: &'static [&'static str], act: impl FnOnce(&str, &RelayConfig)) -> Vec<String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap().to_string();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = io::BufReader::new(stream.try_clone().unwrap()).lines();
            stream.write_all(b"* OK hello\r\n").unwrap();
            let mut said = Vec::new();
            for answer in answers {
                let Some(Ok(line)) = lines.next() else { break };
                let tag = line.split(' ').next().unwrap().to_owned();
                said.push(line);
                stream.write_all(answer.replace("TAG", &tag).as_bytes()).unwrap();
            }
            said
        });
        let config = RelayConfig {
            host: "localhost".into(),
            port: 25,
            tls: super::super::relay::Tls::None,
            login: Some(("a \"b\"".into(), "p\\w".into())),
            ca: None,
            timeout: LIMIT,
            hello: None,
        };
        act(&server, &config);
        thread.join().unwrap()
    }

    #[test]
    fn mails_are_fetched_and_marked() {
        const ANSWERS: &[&str] = &[
            "TAG OK\r\n",
            "* 3 EXISTS\r\nTAG OK [READ-WRITE]\r\n",
            "* SEARCH 7 9\r\nTAG OK\r\n",
            "* 1 FETCH (FLAGS () UID 4)\r\n* 2 FETCH (UID 9 BODY[] {12}\r\nA: b\r\n\r\nTAG )\r\nTAG OK\r\n",
            "TAG OK\r\n",
            "* BYE\r\nTAG OK\r\n",
        ];
        let said = play(ANSWERS, |server, config| {
            let mut inbox = Inbox::open(server, config).unwrap();
            let mails = inbox.unread("x@y.example", &[7], 5).unwrap();
            assert_eq!(mails.len(), 1);
            assert_eq!(mails[0].0, 9);
            inbox.mark_read(&[9]).unwrap();
            inbox.close();
        });
        assert_eq!(said[0], r#"s1 LOGIN "a \"b\"" "p\\w""#);
        assert_eq!(said[4], r"s5 UID STORE 9 +FLAGS.SILENT (\Seen)");
    }

    #[test]
    fn refusals_and_odd_servers_are_told() {
        play(&["TAG NO wrong\r\n"], |server, config| {
            assert!(
                matches!(Inbox::open(server, config), Err(Fault::Operator(why)) if why.to_string().contains("log-in"))
            );
        });
        play(
            &["TAG OK\r\n", "TAG OK\r\n", "* SEARCH 1\r\nTAG OK\r\n", "* 1 FETCH (UID 1 BODY[] {999999999}\r\n"],
            |server, config| {
                assert!(Inbox::open(server, config).unwrap().unread("x@y.example", &[], 5).is_err());
            },
        );
        play(&[], |server, config| {
            assert!(matches!(Inbox::open(server, config), Err(Fault::Temporary(_))));
        });
    }
}
