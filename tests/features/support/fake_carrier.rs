//! A carrier that answers whatever a test wants, and the proofs by which a real one shows who it is.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value, json};

use crate::support::Station;
use crate::support::ground::{PUBLIC, post};

/// A request to the fake.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub target: String,
}

/// A server on loopback, with what it was asked.
pub struct Fake {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    /// Answers each request with a status and a body; `None` closes the connection without a word.
    pub fn start(answer: impl Fn(&Asked) -> Option<(u16, String)> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (journal, answer) = (Arc::clone(&asked), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (journal, answer) = (Arc::clone(&journal), Arc::clone(&answer));
                thread::spawn(move || {
                    let Some(request) = read(&stream) else { return };
                    journal.lock().unwrap().push(request.clone());
                    if let Some((status, body)) = answer(&request) {
                        let length = body.len();
                        let head =
                            format!("HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
                        let _ = (&stream).write_all(format!("{head}{body}").as_bytes());
                    }
                });
            }
        });
        Self { url, asked }
    }

    /// How many requests had this method.
    pub fn count(&self, method: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| asked.method == method).count()
    }

    /// The newest request with this method.
    pub fn last(&self, method: &str) -> Option<Asked> {
        self.asked.lock().unwrap().iter().rev().find(|asked| asked.method == method).cloned()
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim_end().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { method, target })
}

/// An item of Twilio's list, sent at this moment of 2026 or at none.
pub fn item(sid: &str, from: Value, to: &str, body: &str, at: Option<&str>) -> Value {
    json!({"sid": sid, "from": from, "to": to, "body": body, "direction": "inbound", "status": "received",
           "num_media": "0", "date_sent": at, "date_created": at})
}

/// A page of Twilio's list.
pub fn page(items: &[Value]) -> String {
    json!({"messages": items, "next_page_uri": null}).to_string()
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |out, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out + &char::from(byte).to_string(),
        _ => format!("{out}%{byte:02X}"),
    })
}

/// A call of Twilio to the box, signed as its documents say; status and body of the answer.
pub fn twilio_calls(gateway: &Station, target: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let text = sorted.iter().fold(format!("{PUBLIC}{target}"), |text, (name, value)| text + name + value);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"secret");
    let signature = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
    let form: Vec<_> = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    let headers = format!(
        "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\nX-Twilio-Signature: {signature}\r\n"
    );
    post(gateway, target, &headers, &form.join("&"))
}

/// A call of Bandwidth with its user and password; the status of the answer.
pub fn bandwidth_calls(gateway: &Station, events: &Value) -> u16 {
    let headers = "Content-Type: application/json; charset=utf-8\r\nAuthorization: Basic aG9vazpwYXNz\r\n";
    post(gateway, "/hooks/bandwidth", headers, &events.to_string()).0
}

/// Bandwidth's event of a text from a phone.
pub fn received(id: &str, from: Value, to: &str, text: &str) -> Value {
    json!({"type": "message-received", "time": "2026-11-14T18:20:16Z", "description": "Incoming message received",
           "to": to, "message": {"id": id, "time": "2026-11-14T18:20:16Z", "to": [to], "from": from, "text": text,
           "applicationId": "AC1", "owner": to, "direction": "in", "segmentCount": 1}})
}
