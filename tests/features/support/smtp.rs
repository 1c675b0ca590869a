//! A plain SMTP client that says what it is told to say.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::{PASSWORD, SOON, Station};

/// A plain SMTP client that says what it is told to say.
pub struct Smtp {
    stream: BufReader<TcpStream>,
}

impl Smtp {
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).expect("a greeting and an answer to EHLO")
    }

    /// As [`Smtp::connect`], of a server that may be killed at any moment.
    pub fn try_connect(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(SOON)).ok()?;
        let mut smtp = Self { stream: BufReader::new(stream) };
        let greeted = smtp.reply().starts_with("220") && smtp.say("EHLO client.example").starts_with("250");
        greeted.then_some(smtp)
    }

    /// Writes bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// One whole reply, lines joined by LF; empty when the server is gone.
    pub fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            match self.stream.read_line(&mut line) {
                Ok(0) | Err(_) => return reply,
                Ok(_) => reply.push_str(&line),
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return reply;
            }
        }
    }

    pub fn say(&mut self, line: &str) -> String {
        let _ = self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes());
        self.reply()
    }

    pub fn login(&mut self, name: &str) {
        assert!(self.try_login(name), "{name} is not let in");
    }

    /// False when the server says no, or is gone.
    pub fn try_login(&mut self, name: &str) -> bool {
        use base64::Engine as _;
        let secret = base64::engine::general_purpose::STANDARD.encode(format!("\0{name}\0{PASSWORD}"));
        self.say(&format!("AUTH PLAIN {secret}")).starts_with("235")
    }

    /// One mail; the reply to it, or to the command that was refused.
    pub fn mail(&mut self, from: &str, to: &str, mail: &str) -> String {
        for line in [format!("MAIL FROM:<{from}>"), format!("RCPT TO:<{to}>"), "DATA".to_owned()] {
            let reply = self.say(&line);
            if !reply.starts_with(['2', '3']) {
                return reply;
            }
        }
        let stuffed = mail.replace('\n', "\r\n").replace("\r\n.", "\r\n..");
        let _ = self.stream.get_mut().write_all(stuffed.as_bytes());
        self.say("\r\n.")
    }
}

/// Sends one mail as a logged-in person of the box, or as anybody.
pub fn send(station: &Station, person: Option<&str>, from: &str, to: &str, mail: &str) -> String {
    let mut smtp = Smtp::connect(station.listener("smtp"));
    if let Some(person) = person {
        smtp.login(person);
    }
    smtp.mail(from, to, mail)
}

/// Everything a connection has to say until it closes.
pub fn read_all(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}
