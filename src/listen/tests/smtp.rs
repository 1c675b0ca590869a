//! Attacks on the SMTP server, over real sockets.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use testing::Folder;

use super::FakeIntake;
use crate::address::Address;
use crate::listen::counters::ClientCounters;
use crate::listen::gate::Gate;
use crate::listen::smtp_io::SmtpListener;
use crate::listen::tls::CertStore;
use crate::settings::Settings;

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// An open SMTP server with a made-up intake behind it.
pub struct Server {
    pub gate: Gate,
    pub intake: Arc<FakeIntake>,
    folder: Folder,
    pub address: SocketAddr,
}

impl Server {
    pub fn open(settings: &[(&str, &str)]) -> Self {
        let (intake, folder) = (FakeIntake::new(settings), Folder::new());
        let keeper = CertStore::new(&Settings::default(), &folder).unwrap();
        let server = SmtpListener {
            intake: intake.clone(),
            tls: Some(Arc::new(keeper)),
            spool: folder.to_path_buf(),
            counters: Arc::new(ClientCounters::default()),
            submission: false,
            implicit_tls: false,
        };
        let gate =
            Gate::open(vec![TcpListener::bind("127.0.0.1:0").unwrap()], Arc::new(server), Arc::default()).unwrap();
        let address = gate.addresses()[0];
        Self { gate, intake, folder, address }
    }

    pub fn client(&self) -> Client<TcpStream> {
        let mut client = self.knock();
        assert_eq!(client.code(), 220);
        client
    }

    /// A connection whose greeting has not been read.
    pub fn knock(&self) -> Client<TcpStream> {
        let socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Client(BufReader::new(socket))
    }

    /// Waits until so few connections live.
    pub fn empties_to(&self, count: usize) {
        let start = Instant::now();
        while self.gate.live() > count {
            assert!(start.elapsed() < PATIENCE, "{} connections still live", self.gate.live());
            std::thread::yield_now();
        }
    }
}

/// The other end.
pub struct Client<S: Read + Write>(BufReader<S>);

impl<S: Read + Write> Client<S> {
    pub fn say(&mut self, text: &str) -> io::Result<()> {
        self.0.get_mut().write_all(text.as_bytes())?;
        self.0.get_mut().flush()
    }

    /// The last line of the next reply; empty at the end of the connection.
    fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            match self.0.read_line(&mut line) {
                Ok(0) | Err(_) => return String::new(),
                Ok(_) if line.as_bytes().get(3) == Some(&b'-') => {}
                Ok(_) => return line.trim_end().to_owned(),
            }
        }
    }

    /// Its code, 0 at the end.
    pub fn code(&mut self) -> u16 {
        self.reply().get(..3).map_or(0, |code| code.parse().unwrap())
    }

    pub fn ask(&mut self, text: &str) -> u16 {
        // A refused session may end while we speak; the reply tells.
        let _ = self.say(&format!("{text}\r\n"));
        self.code()
    }

    fn mail(&mut self, text: &str) -> u16 {
        self.say("MAIL FROM:<a@example.net>\r\nRCPT TO:<abc@spacebeaver.com>\r\nDATA\r\n").unwrap();
        assert_eq!([self.code(), self.code(), self.code()], [250, 250, 354]);
        self.ask(&format!("{text}\r\n."))
    }

    /// Sends `piece` until the box stops taking it; how much that was.
    pub fn pour(&mut self, piece: &[u8], most: usize) -> usize {
        let mut sent = 0;
        while sent < most && self.0.get_mut().write_all(piece).is_ok() {
            sent += piece.len();
        }
        sent
    }
}

impl Client<TcpStream> {
    fn encrypt(self, server: &Server) -> Client<StreamOwned<ClientConnection, TcpStream>> {
        let mut roots = RootCertStore::empty();
        let own = server.folder.join("tls-root.pem");
        roots.add(CertificateDer::from_pem_file(own).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        Client(BufReader::new(StreamOwned::new(connection, self.0.into_inner())))
    }

    /// One byte each 50 ms; how long the box put up with it.
    fn drip(&mut self) -> Duration {
        let start = Instant::now();
        self.0.get_ref().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut told = Vec::new();
        while start.elapsed() < PATIENCE {
            if self.0.get_mut().write_all(b"a").is_err() {
                break;
            }
            match self.0.read(&mut [0; 100]) {
                Ok(0) => break,
                Ok(n) => told.push(n),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        start.elapsed()
    }
}

#[test]
fn a_pipelined_mail_comes_in() {
    let server = Server::open(&[]);
    let mut client = server.client();
    assert_eq!(client.ask("EHLO client.example.net"), 250);
    assert_eq!(client.mail("Subject: x\r\n\r\n..dot"), 250);
    assert_eq!(client.ask("QUIT"), 221);
    assert_eq!(client.code(), 0);
    let mails = server.intake.mails.lock().unwrap();
    let (caller, envelope, mail) = &mails[0];
    assert!(caller.peer.is_loopback() && caller.helo == "client.example.net" && caller.esmtp && !caller.tls);
    assert_eq!(envelope.from, "a@example.net".parse::<Address>().unwrap());
    assert_eq!(envelope.to.iter().map(|to| &to.path).collect::<Vec<_>>(), ["abc@spacebeaver.com"]);
    assert_eq!(mail, b"Subject: x\r\n\r\n.dot\r\n");
}

#[test]
fn a_large_mail_comes_in_encrypted() {
    let server = Server::open(&[]);
    let mut client = server.client();
    assert_eq!(client.ask("EHLO x"), 250);
    assert_eq!(client.ask("STARTTLS"), 220);
    let mut client = client.encrypt(&server);
    assert_eq!(client.ask("EHLO x"), 250);
    assert_eq!(client.ask("AUTH PLAIN AGFubmEAc2VjcmV0"), 235);
    assert_eq!(client.mail(&format!("{}\r\n", "0123456789".repeat(80)).repeat(6000)), 250);
    let mails = server.intake.mails.lock().unwrap();
    assert_eq!(mails[0].2.len(), 802 * 6000 + 2);
    assert!(mails[0].0.tls && mails[0].0.person.as_deref() == Some("anna"));
    let left = std::fs::read_dir(&server.folder).unwrap();
    assert!(left.flatten().all(|file| file.path().extension().is_some_and(|e| e == "pem")));
}

#[test]
fn nothing_is_injected_before_tls() {
    let server = Server::open(&[]);
    let mut client = server.client();
    assert_eq!(client.ask("EHLO x"), 250);
    assert_eq!(client.ask("STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@example.net>"), 220);
    let mut client = client.encrypt(&server);
    assert_eq!(client.ask("RCPT TO:<abc@spacebeaver.com>"), 503);
    assert_eq!(client.ask("EHLO x"), 250);
    assert_eq!(client.mail("x"), 250);
}

#[test]
fn over_the_cap_everybody_hears_421() {
    let server = Server::open(&[("smtp.per_address", "1000"), ("smtp.connections", "64")]);
    let mut greeted = Vec::new();
    let mut refused = 0;
    for _ in 0..500 {
        let mut client = server.knock();
        match client.code() {
            220 => greeted.push(client),
            421 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((greeted.len(), refused), (64, 436));
    assert_eq!(greeted[63].ask("EHLO x"), 250);
    assert_eq!(greeted[63].mail("x"), 250);
    drop(greeted);
    server.empties_to(0);
    assert_eq!(server.client().ask("NOOP"), 250);
}

#[test]
fn one_address_cannot_take_all_places() {
    let server = Server::open(&[("smtp.per_address", "2")]);
    let (first, _second) = (server.client(), server.client());
    assert_eq!(server.knock().code(), 421);
    drop(first);
    server.empties_to(1);
    assert_eq!(server.knock().code(), 220);
}

#[test]
fn an_endless_line_is_cut() {
    let server = Server::open(&[]);
    let mut client = server.client();
    let sent = client.pour(&[b'x'; 65_536], 200_000_000);
    assert!(sent < 20_000_000, "{sent} bytes, most of them in buffers of the kernel");
    server.empties_to(0);
}

#[test]
fn an_endless_mail_is_cut() {
    let server = Server::open(&[("smtp.max_size", "1000000")]);
    let mut client = server.client();
    client.ask("EHLO x");
    client.say("MAIL FROM:<a@example.net>\r\nRCPT TO:<abc@spacebeaver.com>\r\nDATA\r\n").unwrap();
    let sent = client.pour(&b"y".repeat(65_536), 200_000_000);
    assert!(sent < 20_000_000, "{sent} bytes");
    server.empties_to(0);
    assert_eq!(server.intake.count(), 0);
}

#[test]
fn a_dripping_client_is_cut_wherever_it_drips() {
    let server = Server::open(&[("smtp.idle", "1"), ("smtp.per_address", "1000")]);
    let limit = Duration::from_millis(900)..Duration::from_secs(15);
    let mut command = server.client();
    let mut data = server.client();
    data.ask("EHLO x");
    data.say("MAIL FROM:<a@example.net>\r\nRCPT TO:<abc@spacebeaver.com>\r\nDATA\r\n").unwrap();
    assert_eq!([data.code(), data.code(), data.code()], [250, 250, 354]);
    let mut tls = server.client();
    tls.ask("EHLO x");
    assert_eq!(tls.ask("STARTTLS"), 220);
    // The head of a record of 512 bytes, which a per-read time-out would wait for byte by byte.
    tls.0.get_mut().write_all(b"\x16\x03\x01\x02\x00\x01").unwrap();
    std::thread::scope(|scope| {
        for mut client in [command, data, tls] {
            let limit = limit.clone();
            scope.spawn(move || assert!(limit.contains(&client.drip())));
        }
    });
    command = server.client();
    assert_eq!(command.code(), 421, "a silent client is told why");
}

#[test]
fn a_client_that_never_reads_is_cut() {
    let server = Server::open(&[("smtp.idle", "1")]);
    let mut client = server.client();
    let start = Instant::now();
    client.pour(&b"HELP\r\n".repeat(1000), usize::MAX);
    assert!(start.elapsed() < PATIENCE);
    server.empties_to(0);
}

#[test]
fn a_session_that_brings_no_mail_ends() {
    let server = Server::open(&[("smtp.session", "1")]);
    let mut client = server.client();
    let start = Instant::now();
    while client.ask("NOOP") == 250 {
        assert!(start.elapsed() < PATIENCE);
    }
    assert!(start.elapsed() >= Duration::from_millis(900));
}

#[test]
fn a_session_that_panics_dies_alone() {
    let server = Server::open(&[]);
    let mut other = server.client();
    for _ in 0..8 {
        let mut client = server.client();
        client.ask("EHLO x");
        client.ask("MAIL FROM:<a@example.net>");
        assert_eq!(client.ask("RCPT TO:<panic@spacebeaver.com>"), 0);
    }
    assert_eq!(other.ask("EHLO x"), 250);
    assert_eq!(other.mail("x"), 250);
    server.empties_to(1);
}

#[test]
fn five_thousand_recipients_are_too_many() {
    let server = Server::open(&[]);
    let mut client = server.client();
    client.ask("EHLO x");
    assert_eq!(client.ask("MAIL FROM:<a@example.net>"), 250);
    let codes: Vec<_> = (0..5000).map(|n| client.ask(&format!("RCPT TO:<abc+{n}@spacebeaver.com>"))).collect();
    assert!(codes[..50].iter().all(|&code| code == 250) && codes[50..].iter().all(|&code| code == 452));
    assert_eq!(client.ask("DATA"), 354);
    assert_eq!(client.ask("x\r\n."), 250);
    assert_eq!(server.intake.mails.lock().unwrap()[0].1.to.len(), 50);
}

#[test]
fn stop_is_heard_by_idle_clients() {
    let server = Server::open(&[]);
    let mut clients: Vec<_> = (0..10).map(|_| server.client()).collect();
    let mut encrypted = server.client();
    encrypted.ask("EHLO x");
    encrypted.ask("STARTTLS");
    let mut encrypted = encrypted.encrypt(&server);
    encrypted.ask("EHLO x");
    let start = Instant::now();
    assert_eq!(server.gate.stop(PATIENCE), 0);
    assert!(start.elapsed() < PATIENCE / 2, "nobody had to be forced");
    assert!(clients.iter_mut().all(|client| client.code() == 421));
    assert_eq!(encrypted.code(), 421);
    // A test beside this one that starts a program may hold a copy of the listener for a moment.
    while !TcpStream::connect(server.address).is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused) {
        assert!(start.elapsed() < PATIENCE, "nobody listens any more");
    }
}

#[test]
fn a_mail_in_hand_is_finished_at_stop() {
    let server = Server::open(&[]);
    let mut client = server.client();
    client.ask("EHLO x");
    client.say("MAIL FROM:<slow@example.net>\r\nRCPT TO:<abc@spacebeaver.com>\r\nDATA\r\n").unwrap();
    assert_eq!([client.code(), client.code(), client.code()], [250, 250, 354]);
    client.say("x\r\n.\r\n").unwrap();
    let start = Instant::now();
    while !server.intake.busy.load(Ordering::SeqCst) {
        assert!(start.elapsed() < PATIENCE);
    }
    assert_eq!(server.gate.stop(PATIENCE), 0);
    assert_eq!([client.code(), client.code()], [250, 421]);
}

/// A foreign client, with TLS and log-in. Needs python3.
#[test]
fn python_sends_a_mail() {
    let server = Server::open(&[]);
    let script = r#"
import smtplib, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
with smtplib.SMTP("localhost", int(sys.argv[1]), timeout=30) as s:
    s.starttls(context=context)
    s.login("anna", "secret")
    s.sendmail("anna@spacebeaver.com", ["friend@hotmail.com", "abc@spacebeaver.com"], "Subject: hi\n\n.\nbye\n", ["BODY=8BITMIME"])
"#;
    let certificate = server.folder.join("tls-certificate.pem");
    let port = server.address.port().to_string();
    let python = Command::new("python3").args(["-c", script, &port]).arg(certificate).output().unwrap();
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    let mails = server.intake.mails.lock().unwrap();
    let to: Vec<_> = mails[0].1.to.iter().map(|to| &to.path).collect();
    assert_eq!(to, ["friend@hotmail.com", "abc@spacebeaver.com"]);
    assert_eq!(mails[0].2, b"Subject: hi\r\n\r\n.\r\nbye\r\n");
}
