//! Looks into the mailbox that the account of the relay has, by IMAP (RFC 3501): unread mails of one sender are fetched, and
//! marked as read later. Only what that needs; each session has one limit in all, and is closed at its end.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use rustls::StreamOwned;

use super::relay::{RelayConfig, Trust};
use crate::fault::Fault;

/// A mail by the UIDVALIDITY of its mailbox and its UID there.
type MailboxUid = (u32, u32);

/// A session ends within this.
const LIMIT: Duration = Duration::from_secs(30);
/// Longest line read, in bytes; what a search finds is one.
const MAX_LINE: usize = 256 * 1024;
/// Longest mail read, in bytes: those that are looked for have a few kB.
const MAX_MAIL: usize = 256 * 1024;
/// Most bytes read until a command is answered.
const MAX_ANSWER: usize = 4 * MAX_MAIL;
/// Where TLS begins with the first byte if no port is named.
const PORT: u16 = 993;

trait Conversation: Read + Write {}
impl<T: Read + Write> Conversation for T {}

/// A socket that ends at a moment, however slowly its bytes trickle, also in TLS.
struct Limited {
    socket: TcpStream,
    until: Instant,
}

impl Limited {
    /// Does something within what is left of the time.
    fn within<T>(&mut self, act: impl FnOnce(&mut TcpStream) -> io::Result<T>) -> io::Result<T> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.socket.set_read_timeout(Some(left))?;
        self.socket.set_write_timeout(Some(left))?;
        act(&mut self.socket).map_err(|why| match why.kind() {
            io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
            _ => why,
        })
    }
}

impl Read for Limited {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        self.within(|socket| socket.read(block))
    }
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.within(|socket| socket.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// A session, logged in, with the inbox open.
pub struct Inbox {
    stream: Box<dyn Conversation>,
    read: Vec<u8>,
    /// Bytes that may still come before the command is answered.
    most: usize,
    /// A command is not answered: nothing that comes can be told apart any more.
    lost: bool,
    tag: u32,
    /// Of the mailbox: its UIDs mean something as long as this stays.
    validity: u32,
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
        let addresses: Vec<_> = (host, port).to_socket_addrs().map_err(broken)?.collect();
        let until = Instant::now() + LIMIT;
        let (socket, address) = connect(server, &addresses, LIMIT / 2)?;
        let socket = Limited { socket, until };
        let clear = address.ip().is_loopback() && config.tls == super::relay::Tls::None;
        let stream: Box<dyn Conversation> = match clear {
            true => Box::new(socket),
            false => {
                let config = RelayConfig { host: host.to_owned(), port, ..config.clone() };
                let tls = Trust::new(&config)?.connection().map_err(|why| wrong(server, &why.to_string()))?;
                Box::new(StreamOwned::new(tls, socket))
            }
        };
        let (read, server_name) = (Vec::new(), server.to_owned());
        let mut inbox = Self { stream, read, most: MAX_ANSWER, lost: false, tag: 0, validity: 0, server: server_name };
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
        let selected = inbox.command("SELECT INBOX", "the mailbox INBOX")?;
        inbox.validity = selected.iter().find_map(|answer| validity(&answer.text)).unwrap_or_default();
        Ok(inbox)
    }

    /// Unread mails of this sender, at most so many; those with these UIDs are left out, and so are those that are too long
    /// for one of the service. A mail that cannot be had is no reason to lose the others.
    ///
    /// # Errors
    /// As for [`Inbox::open`].
    pub fn unread(
        &mut self,
        from: &str,
        known: &[MailboxUid],
        most: usize,
    ) -> Result<Vec<(MailboxUid, Vec<u8>)>, Fault> {
        let search = format!("UID SEARCH UNSEEN SMALLER {MAX_MAIL} FROM {}", quoted(from)?);
        let found = self.command(&search, "a search")?;
        let lines = found.iter().filter_map(|line| line.text.strip_prefix("* SEARCH"));
        let uids: Vec<u32> = lines.flat_map(str::split_whitespace).filter_map(|uid| uid.parse().ok()).collect();
        let mut mails = Vec::new();
        let validity = self.validity;
        for uid in uids.into_iter().filter(|uid| !known.contains(&(validity, *uid))) {
            if mails.len() == most {
                break;
            }
            match self.mail(uid) {
                Ok(mail) => mails.extend(mail.map(|mail| ((validity, uid), mail))),
                Err(fault) if self.lost && mails.is_empty() => return Err(fault),
                Err(fault) => {
                    log::warn!("mail {uid} cannot be fetched: {fault}");
                    if self.lost {
                        break;
                    }
                }
            }
        }
        Ok(mails)
    }

    /// One mail; none if it has gone, or is too long.
    fn mail(&mut self, uid: u32) -> Result<Option<Vec<u8>>, Fault> {
        let answers = self.command(&format!("UID FETCH {uid} (UID BODY.PEEK[])"), "a mail")?;
        // A server tells of other mails in between; the one asked for names its UID.
        let is_it = |answer: &Response| {
            let words: Vec<_> = answer.text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
            words.windows(2).any(|two| two[0].eq_ignore_ascii_case("uid") && two[1] == uid.to_string())
        };
        let mail = answers.into_iter().filter(is_it).find_map(|answer| answer.literals.into_iter().next());
        Ok(mail.filter(|mail| !mail.is_empty()))
    }

    /// Marks mails as read; UIDs that mean nothing any more are left out.
    ///
    /// # Errors
    /// As for [`Inbox::open`].
    pub fn mark_read(&mut self, uids: &[MailboxUid]) -> Result<(), Fault> {
        let valid = uids.iter().filter(|(validity, _)| *validity == self.validity);
        let uids: Vec<_> = valid.map(|(_, uid)| uid.to_string()).collect();
        match uids.is_empty() {
            true => Ok(()),
            false => self.command(&format!("UID STORE {} +FLAGS.SILENT (\\Seen)", uids.join(",")), "a mark").map(drop),
        }
    }

    /// Ends the session with LOGOUT, whatever the server says.
    pub fn close(mut self) {
        if !self.lost {
            // It is over, whether the server agrees or not.
            let _ = self.command("LOGOUT", "the end");
        }
    }

    /// Sends a command and gives the answers to it; `what` names it in faults.
    fn command(&mut self, command: &str, what: &str) -> Result<Vec<Response>, Fault> {
        self.tag += 1;
        (self.lost, self.most) = (true, MAX_ANSWER);
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
            self.lost = false;
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
            let line = String::from_utf8_lossy(&self.read[..end]).into_owned();
            self.read.drain(..end + 2);
            text += &line;
            let length = line.rsplit_once('{').and_then(|(_, rest)| rest.strip_suffix('}')).map(str::parse::<usize>);
            let Some(Ok(length)) = length else { return Ok(Response { text, literals }) };
            if length > self.most.saturating_add(self.read.len()) || literals.len() > 8 {
                return Err(wrong(&self.server, &format!("it sends {length} bytes that are none of the service")));
            }
            if length > MAX_MAIL {
                // Read over: the next mail may be one of the service.
                let mut left = length;
                while left > self.read.len() {
                    left -= self.read.len();
                    self.read.clear();
                    self.fill()?;
                }
                self.read.drain(..left);
                literals.push(Vec::new());
                continue;
            }
            while self.read.len() < length {
                self.fill()?;
            }
            literals.push(self.read.drain(..length).collect());
        }
    }

    fn fill(&mut self) -> Result<(), Fault> {
        let broken = |why: io::Error| Fault::temporary(format!("{}: {why}", self.server));
        let mut block = [0; 16 * 1024];
        let count = self.stream.read(&mut block).map_err(broken)?;
        if count == 0 {
            return Err(broken(io::ErrorKind::UnexpectedEof.into()));
        }
        self.most = self.most.checked_sub(count).ok_or_else(|| wrong(&self.server, "its answer has no end"))?;
        self.read.extend_from_slice(&block[..count]);
        Ok(())
    }
}

/// Connects to the first address that answers; a dead one leaves time for the next.
fn connect(server: &str, addresses: &[SocketAddr], limit: Duration) -> Result<(TcpStream, SocketAddr), Fault> {
    let (until, mut why) = (Instant::now() + limit, wrong(server, "its name has no address"));
    for (at, address) in addresses.iter().enumerate() {
        let share = until.saturating_duration_since(Instant::now()) / u32::try_from(addresses.len() - at).unwrap_or(1);
        match TcpStream::connect_timeout(address, share.max(Duration::from_millis(1))) {
            Ok(socket) => return Ok((socket, *address)),
            Err(error) => why = Fault::temporary(format!("{server}: {error}")),
        }
    }
    Err(why)
}

/// Reads `* OK [UIDVALIDITY 7]`.
fn validity(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("[UIDVALIDITY ")?;
    rest.split_once(']')?.0.parse().ok()
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
            "* 3 EXISTS\r\n* OK [UIDVALIDITY 5] valid\r\nTAG OK [READ-WRITE]\r\n",
            "* SEARCH 7 9\r\nTAG OK\r\n",
            "* 1 FETCH (FLAGS () UID 4)\r\n* 2 FETCH (UID 9 BODY[] {12}\r\nA: b\r\n\r\nTAG )\r\nTAG OK\r\n",
            "TAG OK\r\n",
            "* BYE\r\nTAG OK\r\n",
        ];
        let said = play(ANSWERS, |server, config| {
            let mut inbox = Inbox::open(server, config).unwrap();
            let mails = inbox.unread("x@y.example", &[(5, 7), (4, 9)], 5).unwrap();
            assert_eq!(mails.len(), 1);
            assert_eq!(mails[0].0, (5, 9));
            inbox.mark_read(&[(5, 9), (4, 8)]).unwrap();
            inbox.mark_read(&[(4, 8)]).unwrap();
            inbox.close();
        });
        assert_eq!(said[0], r#"s1 LOGIN "a \"b\"" "p\\w""#);
        assert_eq!(said[2], r#"s3 UID SEARCH UNSEEN SMALLER 262144 FROM "x@y.example""#);
        assert_eq!(said[4], r"s5 UID STORE 9 +FLAGS.SILENT (\Seen)");
    }

    #[test]
    fn one_bad_mail_does_not_lose_the_others() {
        let long = format!("* 2 FETCH (UID 2 BODY[] {{300000}}\r\n{})\r\nTAG OK\r\n", "x".repeat(300_000)).leak();
        let answers = vec![
            "TAG OK\r\n",
            "TAG OK\r\n",
            "* SEARCH 1 2 3 4 5\r\nTAG OK\r\n",
            "TAG NO it is broken\r\n",
            long,
            "* 3 FETCH (UID 3 BODY[] {4}\r\nA: b)\r\nTAG OK\r\n",
            "* 4 FETCH (UID 4 BODY[] {999999999}\r\n",
        ];
        play(answers.leak(), |server, config| {
            let mut inbox = Inbox::open(server, config).unwrap();
            assert_eq!(inbox.unread("x@y.example", &[], 5).unwrap(), [((0, 3), b"A: b".to_vec())]);
            inbox.close();
        });
    }

    #[test]
    fn an_answer_ends_whatever_the_server_says() {
        let flood = "* 1 EXISTS\r\n".repeat(MAX_ANSWER / 12 + 1).leak();
        play(vec!["TAG OK\r\n", flood].leak(), |server, config| {
            assert!(
                matches!(Inbox::open(server, config), Err(Fault::Operator(why)) if why.to_string().contains("no end"))
            );
        });
    }

    #[test]
    fn a_dead_address_and_a_silent_server_cost_no_more_than_their_time() {
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (socket, address) = connect("x", &[closed, open.local_addr().unwrap()], LIMIT).unwrap();
        assert_eq!(address, open.local_addr().unwrap());
        assert!(connect("x", &[closed], LIMIT).is_err() && connect("x", &[], LIMIT).is_err());
        let mut socket = Limited { socket, until: Instant::now() + Duration::from_millis(50) };
        for _ in 0..2 {
            assert_eq!(socket.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::TimedOut);
        }
        assert_eq!(socket.write(b"x").unwrap_err().kind(), io::ErrorKind::TimedOut);
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
