//! The few words of SMTP that a mail of this machine needs.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// The listener answers within this time.
const PATIENCE: Duration = Duration::from_secs(120);
const CONNECT: Duration = Duration::from_secs(10);
/// Longest line of an answer.
const LINE_MOST: u64 = 4096;

/// Why the listener did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It cannot now, or is not there.
    Later(String),
    /// It will not.
    Refused(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Later(format!("the box does not answer: {error}"))
    }
}

/// A connection to the listener.
pub struct Talk {
    to: TcpStream,
    from: BufReader<TcpStream>,
    /// The name of the box, as it says.
    pub domain: String,
    greeting: String,
}

impl Talk {
    /// Connects and waits for the greeting.
    ///
    /// # Errors
    /// When nobody is there.
    pub fn open(server: &str) -> Result<Self, Trouble> {
        let away = |error: io::Error| Trouble::Later(format!("no box at {server}: {error}"));
        let mut last = away(io::ErrorKind::AddrNotAvailable.into());
        for address in server.to_socket_addrs().map_err(away)? {
            match TcpStream::connect_timeout(&address, CONNECT) {
                Ok(to) => {
                    to.set_read_timeout(Some(PATIENCE))?;
                    to.set_write_timeout(Some(PATIENCE))?;
                    let from = BufReader::new(to.try_clone()?);
                    let mut talk = Self { to, from, domain: String::new(), greeting: String::new() };
                    talk.greeting = talk.answer()?;
                    let name = talk.greeting.get(4..).unwrap_or_default().split_whitespace().next();
                    talk.domain = name.unwrap_or("localhost").to_owned();
                    return Ok(talk);
                }
                Err(error) => last = away(error),
            }
        }
        Err(last)
    }

    /// All lines of an answer.
    fn answer(&mut self) -> Result<String, Trouble> {
        let mut all = String::new();
        loop {
            let mut line = Vec::new();
            self.from.by_ref().take(LINE_MOST).read_until(b'\n', &mut line)?;
            let line = String::from_utf8_lossy(&line).into_owned();
            if line.len() < 4 {
                return Err(Trouble::Later("the box hung up".to_owned()));
            }
            all.push_str(&line);
            if line.as_bytes()[3] == b'-' {
                continue;
            }
            return match line.as_bytes()[0] {
                b'2' | b'3' => Ok(all),
                b'5' => Err(Trouble::Refused(line.trim_end().to_owned())),
                _ => Err(Trouble::Later(line.trim_end().to_owned())),
            };
        }
    }

    fn ask(&mut self, line: &str) -> Result<(), Trouble> {
        if line.contains(['\r', '\n']) {
            return Err(Trouble::Refused("an address of several lines".to_owned()));
        }
        self.to.write_all(format!("{line}\r\n").as_bytes())?;
        self.answer().map(drop)
    }

    /// Says who speaks.
    pub fn hello(&mut self) -> Result<(), Trouble> {
        self.ask("EHLO localhost")
    }

    /// Begins a mail of this sender; empty: of nobody.
    pub fn sender(&mut self, from: &str) -> Result<(), Trouble> {
        let from =
            if from.is_empty() || from.contains('@') { from.to_owned() } else { format!("{from}@{}", self.domain) };
        self.ask(&format!("MAIL FROM:<{from}>"))
    }

    /// Adds a recipient; a name without a domain is of this machine.
    pub fn recipient(&mut self, to: &str) -> Result<(), Trouble> {
        let home = if to.contains('@') { "" } else { "@localhost" };
        self.ask(&format!("RCPT TO:<{to}{home}>"))
    }

    /// Gives the text, and waits until the box has it on disk.
    pub fn text(&mut self, mail: &[u8]) -> Result<(), Trouble> {
        self.ask("DATA")?;
        let mut lines = Vec::with_capacity(mail.len() + mail.len() / 64);
        for line in mail.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                lines.push(b'.');
            }
            lines.extend_from_slice(line);
        }
        if !lines.ends_with(b"\n") {
            lines.extend_from_slice(b"\r\n");
        }
        self.to.write_all(&lines)?;
        self.ask(".")
    }

    pub fn quit(mut self) {
        // The mail is on disk already.
        let _ = self.ask("QUIT");
    }

    /// Lets standard input and output speak to the listener themselves.
    pub fn pass_on(mut self) -> Result<(), Trouble> {
        let mut out = io::stdout().lock();
        out.write_all(self.greeting.as_bytes())?;
        out.flush()?;
        let mut to = self.to.try_clone()?;
        // Input that never ends does not keep this from ending when the listener hangs up.
        std::thread::spawn(move || {
            let _ = io::copy(&mut io::stdin().lock(), &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
        let mut piece = [0; 8192];
        loop {
            match self.from.read(&mut piece)? {
                0 => return Ok(()),
                count => out.write_all(&piece[..count]).and_then(|()| out.flush())?,
            }
        }
    }
}
