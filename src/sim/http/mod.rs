//! HTTP/1.1 as far as the simulator needs it: a request read, an answer put together. No sockets.

pub mod server;

use std::io::{self, Read};

const MAX_HEAD: usize = 16 * 1024;
/// A message of 100,000 bytes as base64 in a form, and what is said of it.
const MAX_BODY: usize = 256 * 1024;

/// A request as it came in.
#[derive(Debug, Default)]
pub struct Request {
    /// `GET`, `POST`.
    pub method: String,
    /// Without the query.
    pub path: String,
    /// What stands behind the `?`.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// How an answer travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// As it should.
    Whole,
    /// A byte at a time.
    Trickle,
    /// Half of the body, then the connection ends.
    Cut,
    /// Not at all: silence.
    Hang,
    /// Not at all: the connection ends.
    Drop,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Content type.
    pub kind: &'static str,
    /// More headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How it travels.
    pub wire: Wire,
}

impl Answer {
    /// A JSON answer.
    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json", value.to_string().into_bytes())
    }

    /// The head, up to its empty line.
    pub fn head(&self) -> String {
        let more: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{more}Connection: close\r\n\r\n",
            self.status,
            reason(self.status),
            self.kind,
            self.body.len(),
        )
    }

    /// Any answer.
    pub fn new(status: u16, kind: &'static str, body: Vec<u8>) -> Self {
        Self { status, kind, headers: Vec::new(), body, wire: Wire::Whole }
    }
}

/// Reads one request.
///
/// # Errors
/// `InvalidData` for what is none, or is too long; else what the stream says.
pub fn read(stream: &mut impl Read) -> io::Result<Request> {
    let bad = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let mut bytes = Vec::new();
    let (mut request, head) = loop {
        more(stream, &mut bytes)?;
        match parse(&bytes).map_err(|why| bad(&why))? {
            Some(parsed) => break parsed,
            None if bytes.len() > MAX_HEAD => return Err(bad("the head is too long")),
            None => {}
        }
    };
    let length = request.header("content-length").map_or(Ok(0), str::parse).map_err(|_| bad("no such length"))?;
    if length > MAX_BODY {
        return Err(bad("the body is too long"));
    }
    while bytes.len() < head + length {
        more(stream, &mut bytes)?;
    }
    request.body = bytes[head..head + length].to_vec();
    Ok(request)
}

fn more(stream: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = [0; 4096];
    match stream.read(&mut chunk)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        count => {
            bytes.extend_from_slice(&chunk[..count]);
            Ok(())
        }
    }
}

/// The head and its length once it is complete.
fn parse(bytes: &[u8]) -> Result<Option<(Request, usize)>, String> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut headers);
    let length = match head.parse(bytes).map_err(|why| why.to_string())? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return Ok(None),
    };
    let (path, query) = head.path.unwrap_or_default().split_once('?').unwrap_or((head.path.unwrap_or_default(), ""));
    let headers = head.headers.iter();
    let request = Request {
        method: head.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: headers
            .map(|header| (header.name.to_lowercase(), String::from_utf8_lossy(header.value).trim().to_owned()))
            .collect(),
        body: Vec::new(),
    };
    Ok(Some((request, length)))
}

/// The reason phrase of a status.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        415 => "Unsupported Media Type",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POST: &[u8] = b"POST /hive/login?a=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";

    #[test]
    fn requests_are_read_whole() {
        let request = read(&mut &POST[..]).unwrap();
        assert_eq!(
            (request.method.as_str(), request.path.as_str(), request.query.as_str()),
            ("POST", "/hive/login", "a=1")
        );
        assert_eq!(request.body, b"abc");
        assert_eq!(request.header("host"), Some("x"));
        assert_eq!(read(&mut &POST[..POST.len() - 1]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let endless = [&b"GET / HTTP/1.1\r\na: "[..], &[b'x'; 20_000]].concat();
        assert_eq!(read(&mut &endless[..]).unwrap_err().kind(), io::ErrorKind::InvalidData);
        let long = b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n";
        assert_eq!(read(&mut &long[..]).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn no_input_makes_it_panic() {
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = move |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        for _ in 0..100_000 {
            let mut bytes = POST.to_vec();
            for _ in 0..3 {
                let at = usize::try_from(next(bytes.len() as u64)).unwrap();
                bytes[at] = u8::try_from(next(256)).unwrap();
            }
            let _ = read(&mut &bytes[..]);
        }
    }
}
