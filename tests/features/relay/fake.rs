//! A mail relay that says, byte for byte, what a test wants, and keeps every message whose final dot it saw.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::shore::message;
use crate::support::{Folder, Station, send};

/// What the relay does instead of its usual answer to a command.
#[derive(Clone)]
pub enum Says {
    /// These bytes.
    Bytes(Vec<u8>),
    /// These bytes, and it closes the connection.
    Last(Vec<u8>),
    /// These bytes one at a time, each in a packet of its own.
    Dribble(Vec<u8>),
    /// The first bytes, then the second ones without end.
    Endless(Vec<u8>, Vec<u8>),
    /// Nothing: it closes the connection.
    Close,
    /// Nothing, and the connection stays open.
    Silence,
}

/// Bytes, from any text.
pub fn bytes(text: impl AsRef<[u8]>) -> Says {
    Says::Bytes(text.as_ref().to_vec())
}

#[derive(Default)]
struct State {
    says: HashMap<&'static str, Says>,
    commands: Vec<String>,
    messages: Vec<Vec<u8>>,
}

/// The relay; its thread ends with the test process.
pub struct Fake {
    pub port: String,
    state: Arc<Mutex<State>>,
}

impl Fake {
    /// Starts one that answers these commands so. `GREETING` and `END` (the final dot) count as commands.
    pub fn start(says: &[(&'static str, Says)]) -> Self {
        Self::listen(says, |stream, state| drop(serve(stream, state)))
    }

    /// One that speaks TLS from the first byte, with this certificate and key.
    pub fn encrypted(certificate: &Path, key: &Path) -> Self {
        let certificate = CertificateDer::from_pem_file(certificate).unwrap();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = Arc::new(config.unwrap().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
        Self::listen(&[], move |stream, state| {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            drop(serve(rustls::StreamOwned::new(connection, stream), state));
        })
    }

    fn listen(says: &[(&'static str, Says)], talk: impl Fn(TcpStream, &Mutex<State>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let state = Arc::new(Mutex::new(State { says: says.iter().cloned().collect(), ..State::default() }));
        let (mine, talk) = (Arc::clone(&state), Arc::new(talk));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                stream.set_nodelay(true).unwrap();
                let (mine, talk) = (Arc::clone(&mine), Arc::clone(&talk));
                std::thread::spawn(move || talk(stream, &mine));
            }
        });
        Self { port, state }
    }

    /// From now on it answers as usual.
    pub fn behave(&self) {
        self.state.lock().unwrap().says.clear();
    }

    /// Every message whose final dot it saw.
    pub fn messages(&self) -> Vec<Vec<u8>> {
        self.state.lock().unwrap().messages.clone()
    }

    /// The lines of all commands.
    pub fn commands(&self) -> Vec<String> {
        self.state.lock().unwrap().commands.clone()
    }

    /// The first command that begins so.
    pub fn command(&self, word: &str) -> String {
        self.commands().into_iter().find(|line| line.starts_with(word)).unwrap_or_default()
    }
}

fn serve(stream: impl Read + Write, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    if !answer(reader.get_mut(), state, "GREETING", "220 fake.example\r\n")? {
        return Ok(());
    }
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(100_000).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        let word = text.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        state.lock().unwrap().commands.push(text);
        let (name, usual) = match word.as_str() {
            "EHLO" => ("EHLO", "250-fake.example\r\n250-8BITMIME\r\n250-SIZE 1000000\r\n250 SMTPUTF8\r\n"),
            "HELO" => ("HELO", "250 fake.example\r\n"),
            "MAIL" => ("MAIL", "250 2.1.0 ok\r\n"),
            "RCPT" => ("RCPT", "250 2.1.5 ok\r\n"),
            "DATA" => ("DATA", "354 go\r\n"),
            "RSET" => ("RSET", "250 2.0.0 ok\r\n"),
            "QUIT" => return Ok(()),
            _ => ("OTHER", "500 5.5.1 what?\r\n"),
        };
        if !answer(reader.get_mut(), state, name, usual)? {
            return Ok(());
        }
        if name == "DATA" {
            let mut message = Vec::new();
            loop {
                let from = message.len();
                if reader.read_until(b'\n', &mut message)? == 0 {
                    return Ok(());
                }
                match &message[from..] {
                    b".\r\n" => {
                        message.truncate(from);
                        break;
                    }
                    [b'.', ..] => drop(message.remove(from)),
                    _ => {}
                }
            }
            state.lock().unwrap().messages.push(message);
            if !answer(reader.get_mut(), state, "END", "250 2.0.0 kept\r\n")? {
                return Ok(());
            }
        }
    }
}

/// False when the connection is to be closed.
fn answer(stream: &mut (impl Read + Write), state: &Mutex<State>, name: &str, usual: &str) -> std::io::Result<bool> {
    let says = state.lock().unwrap().says.get(name).cloned();
    match says {
        None => stream.write_all(usual.as_bytes())?,
        Some(Says::Bytes(bytes)) => stream.write_all(&bytes)?,
        Some(Says::Last(bytes)) => return stream.write_all(&bytes).and_then(|()| stream.flush()).map(|()| false),
        Some(Says::Dribble(bytes)) => {
            bytes.iter().try_for_each(|byte| stream.write_all(&[*byte]).and_then(|()| stream.flush()))?
        }
        Some(Says::Endless(first, rest)) => {
            stream.write_all(&first)?;
            let block = rest.repeat(1 + 4096 / rest.len());
            loop {
                stream.write_all(&block)?;
            }
        }
        Some(Says::Close) => return Ok(false),
        Some(Says::Silence) => drop(stream.read_to_end(&mut Vec::new())),
    }
    stream.flush().map(|()| true)
}

/// A gateway that knows no other way out than this relay, with olga on it.
pub fn gateway(folder: &Folder, relay: &Fake, more: &[(&str, &str)]) -> Station {
    let mut settings = vec![
        ("box.domain", "shore.example"),
        ("box.reach", "internet"),
        ("relay.host", "127.0.0.1"),
        ("relay.port", relay.port.as_str()),
        ("relay.tls", "none"),
        ("relay.timeout", "1"),
        ("queue.retry_first", "1"),
        ("queue.retry_most", "1"),
    ];
    settings.extend(more);
    Station::new(folder, "gateway", &settings, &["olga"])
}

/// Points the box at another relay.
pub fn turn_to(gateway: &Station, relay: &Fake) {
    gateway.cli_ok(&["settings", "set", "relay.port", &relay.port], "");
}

/// A short message of olga's.
pub fn write_to(gateway: &Station, to: &str) {
    let reply = send(gateway, Some("olga"), "olga@shore.example", to, &message("Hello", "How are you?"));
    assert!(reply.starts_with("250"), "{reply}");
}
