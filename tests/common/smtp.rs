//! The smallest honest mail client.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::LIMIT;

/// A conversation with a mail listener.
pub struct Client(BufReader<TcpStream>);

impl Client {
    /// Connects, reads the greeting and says EHLO.
    ///
    /// # Errors
    /// Those of the socket, or the answer that refuses.
    pub fn connect(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        let mut client = Self(BufReader::new(stream));
        client.answer()?;
        client.say("EHLO test.example")?;
        Ok(client)
    }

    /// Sends a line and gives back the last line of the answer.
    ///
    /// # Errors
    /// Those of the socket, or the answer when it refuses.
    pub fn say(&mut self, line: &str) -> io::Result<String> {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
        self.answer()
    }

    /// Logs in.
    ///
    /// # Errors
    /// As [`Client::say`].
    pub fn login(&mut self, (user, password): (&str, &str)) -> io::Result<String> {
        self.say(&format!("AUTH PLAIN {}", STANDARD.encode(format!("\0{user}\0{password}"))))
    }

    /// Gives a mail with CRLF line ends; the answer to the final dot.
    ///
    /// # Errors
    /// As [`Client::say`].
    pub fn mail(&mut self, from: &str, to: &[&str], data: &str) -> io::Result<String> {
        self.say(&format!("MAIL FROM:<{from}>"))?;
        for to in to {
            self.say(&format!("RCPT TO:<{to}>"))?;
        }
        self.say("DATA")?;
        let stuffed = data.replace("\r\n.", "\r\n..");
        self.0.get_mut().write_all(stuffed.as_bytes())?;
        if !stuffed.ends_with("\r\n") {
            self.0.get_mut().write_all(b"\r\n")?;
        }
        self.say(".")
    }

    fn answer(&mut self) -> io::Result<String> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.as_bytes().get(3) == Some(&b'-') {
                continue;
            }
            let line = line.trim_end().to_owned();
            return if line.starts_with(['2', '3']) { Ok(line) } else { Err(io::Error::other(line)) };
        }
    }
}

/// One mail over one connection; the answer to the final dot.
///
/// # Errors
/// Those of the socket, or the answer that refuses.
pub fn give(to: SocketAddr, login: Option<(&str, &str)>, from: &str, rcpt: &[&str], data: &str) -> io::Result<String> {
    let mut client = Client::connect(to)?;
    if let Some(login) = login {
        client.login(login)?;
    }
    client.mail(from, rcpt, data)
}
