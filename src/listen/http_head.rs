//! Heads of HTTP requests: what may pass to the web server behind the gate. Pure.
//!
//! Everything that two readers could understand differently is refused (RFC 9112 section 11.2), and what passes is
//! written anew, so that the server behind sees one clean form.

use std::net::IpAddr;

/// Longest head, in bytes, with its empty line.
pub const MAX_HEAD: usize = 16 * 1024;
/// Most fields of a head.
pub const MAX_FIELDS: usize = 64;

/// A "no", in HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code and reason phrase.
    pub status: &'static str,
    /// What the reader of the page sees.
    pub text: String,
    /// Where it leads; an address.
    pub place: Option<String>,
}

impl Answer {
    /// Makes an answer with this status and text.
    pub fn new(status: &'static str, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), place: None }
    }

    /// Sends a browser to an address, and what it sends with it.
    pub fn elsewhere(place: String) -> Self {
        Self { place: Some(place), ..Self::new("307 Temporary Redirect", "This page is served under https.") }
    }

    /// Writes it as bytes; `head_only` leaves out the text, for HEAD.
    pub fn bytes(&self, head_only: bool) -> Vec<u8> {
        let Self { status, text, place } = self;
        let place = place.as_ref().map(|place| format!("Location: {place}\r\n")).unwrap_or_default();
        let length = text.len() + 1;
        let body = if head_only { String::new() } else { format!("{text}\n") };
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n{place}\
             X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The address of the browser.
    pub client: IpAddr,
    /// Between the browser and this machine it was encrypted, as far as this machine can know.
    pub secure: bool,
    /// Path before all paths of the pages, as `/post`; empty for none.
    pub base: String,
    /// The Host that the browser asked for, where the request itself has another.
    pub host: Option<String>,
}

impl Origin {
    /// A request that came straight from this address.
    pub fn direct(client: IpAddr, secure: bool) -> Self {
        Self { client, secure, base: String::new(), host: None }
    }
}

/// A request whose head was read and found clean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// GET, HEAD or POST.
    pub method: String,
    /// Path and query, beginning with `/`, printable ASCII.
    pub target: String,
    /// Host name or address literal, lower case, without port.
    pub host: String,
    /// Bytes of body to come.
    pub length: u64,
    /// The client waits for `100 Continue` before it sends the body.
    pub waits: bool,
    /// The fields that are passed on, Host among them.
    fields: Vec<(String, String)>,
}

/// Reads a head from the beginning of `bytes`. `None` while its end has not come; otherwise the request and the
/// length of its head.
///
/// # Errors
/// The answer to a request that cannot be passed on.
pub fn read(bytes: &[u8]) -> Result<Option<(Request, usize)>, Answer> {
    let bad = |why: &str| Err(Answer::new("400 Bad Request", why));
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
    let head = &bytes[..end.unwrap_or(bytes.len())];
    if head.len() > MAX_HEAD {
        return Err(too_large());
    }
    if head.iter().enumerate().any(|(at, &byte)| byte == b'\n' && (at == 0 || head[at - 1] != b'\r')) {
        return bad("lines of a request end with CR LF");
    }
    if end.is_none() {
        return Ok(None);
    }
    let mut slots = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut parsed = httparse::Request::new(&mut slots);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Ok(_) => return bad("the head of the request is broken"),
        Err(httparse::Error::TooManyHeaders) => return Err(too_large()),
        Err(httparse::Error::Version) => {
            return Err(Answer::new("505 HTTP Version Not Supported", "HTTP/1.0 and HTTP/1.1 are spoken here"));
        }
        Err(e) => return bad(&format!("the request cannot be read: {e}")),
    }
    Ok(Some((check(&parsed)?, head.len())))
}

fn too_large() -> Answer {
    Answer::new("431 Request Header Fields Too Large", format!("a head has {MAX_HEAD} bytes and {MAX_FIELDS} fields"))
}

fn check(parsed: &httparse::Request<'_, '_>) -> Result<Request, Answer> {
    let bad = |why: &str| Answer::new("400 Bad Request", why);
    // httparse gives both of a complete request.
    let (method, target) = (parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
    if !matches!(method, "GET" | "HEAD" | "POST") {
        return Err(Answer::new("501 Not Implemented", "only GET, HEAD and POST are understood"));
    }
    if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(bad("the path begins with / and is ASCII"));
    }
    let all = |name: &'static str| parsed.headers.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
    let [host] = all("host").collect::<Vec<_>>()[..] else {
        return Err(bad("exactly one Host is needed"));
    };
    let host = std::str::from_utf8(host.value).ok().and_then(host_name).ok_or_else(|| bad("this is not a Host"))?;
    let lengths: Vec<_> = all("content-length").collect();
    if let Some(coding) = all("transfer-encoding").next() {
        return Err(match lengths.is_empty() {
            false => bad("Content-Length and Transfer-Encoding exclude each other"),
            true if coding.value.eq_ignore_ascii_case(b"chunked") => length_required(),
            true => Answer::new("501 Not Implemented", "no Transfer-Encoding is understood"),
        });
    }
    let length = match lengths[..] {
        [] if method == "POST" => return Err(length_required()),
        [] => 0,
        [one] => number(one.value).ok_or_else(|| bad("Content-Length is one whole number"))?,
        _ => return Err(bad("one Content-Length is enough")),
    };
    let waits = match all("expect").next() {
        None => false,
        Some(what) if what.value.eq_ignore_ascii_case(b"100-continue") => parsed.version == Some(1),
        Some(_) => return Err(Answer::new("417 Expectation Failed", "only 100-continue can be expected")),
    };
    let fields = parsed.headers.iter().filter_map(passed_on).collect();
    Ok(Request { method: method.to_owned(), target: target.to_owned(), host, length, waits, fields })
}

fn length_required() -> Answer {
    Answer::new("411 Length Required", "send the body with a Content-Length")
}

fn number(digits: &[u8]) -> Option<u64> {
    // `parse` alone would take a plus sign.
    let digits = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

/// Fields that concern only this connection, or that only the gate may set, stay here; so does what is not ASCII:
/// another program on the same address can set such a cookie, and the server behind would hang up on it.
fn passed_on(field: &httparse::Header<'_>) -> Option<(String, String)> {
    const OURS: [&str; 12] = [
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "expect",
        "content-length",
        "x-satpost-peer",
        "x-satpost-proto",
        "x-satpost-base",
    ];
    let name = field.name.to_ascii_lowercase();
    let value = std::str::from_utf8(field.value).ok().filter(|value| value.is_ascii())?;
    (!OURS.contains(&name.as_str())).then(|| (field.name.to_owned(), value.trim().to_owned()))
}

impl Request {
    /// The fields that came with it, but for those of the connection: name in lower case, value.
    pub fn fields(&self) -> impl Iterator<Item = (String, &str)> {
        self.fields.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
    }

    /// Gives the head for the server behind: one request a connection, with the browser's address in `X-Satpost-Peer`, whether
    /// it speaks HTTPS in `X-Satpost-Proto`, and the path before all paths in `X-Satpost-Base`.
    pub fn clean_head(&self, origin: &Origin) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.fields {
            let lower = name.to_ascii_lowercase();
            if lower.starts_with("x-forwarded-") || lower == "forwarded" || (lower == "host" && origin.host.is_some()) {
                continue;
            }
            head += &format!("{name}: {value}\r\n");
        }
        if let Some(host) = &origin.host {
            head += &format!("Host: {host}\r\n");
        }
        if self.length > 0 || self.method == "POST" {
            head += &format!("Content-Length: {}\r\n", self.length);
        }
        if origin.secure {
            head += "X-Satpost-Proto: https\r\n";
        }
        if !origin.base.is_empty() {
            head += &format!("X-Satpost-Base: {}\r\n", origin.base);
        }
        head += &format!("X-Satpost-Peer: {}\r\nConnection: close\r\n\r\n", origin.client);
        head.into_bytes()
    }
}

/// Gives the name in a Host field, lower case, without port and final dot; `None` if it is no host.
pub fn host_name(host: &str) -> Option<String> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (literal, rest) = rest.split_once(']')?;
            literal.parse::<std::net::Ipv6Addr>().ok()?;
            (literal, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => {
            let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
            let name = name.strip_suffix('.').unwrap_or(name);
            let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            if name.is_empty() || name.len() > 253 || !name.bytes().all(good) {
                return None;
            }
            (name, port)
        }
    };
    let port_good = port.is_none_or(|port| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()));
    port_good.then(|| name.to_ascii_lowercase())
}

/// Tells whether a browser that asks for `host` means this box: its own address, `localhost`, or one of `names` (lower
/// case). Anything else is somebody else's name that was pointed here (DNS rebinding).
pub fn host_is_ours(host: &str, local: IpAddr, names: &[String]) -> bool {
    let literal = host.parse::<IpAddr>().map(|ip| ip.to_canonical());
    literal.is_ok_and(|ip| ip == local || ip.is_loopback())
        || host == "localhost"
        || names.iter().any(|name| name == host)
}

/// Tells whether an address belongs to this machine or to the networks around it: loopback, private, link-local, unique
/// local.
pub fn is_near(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests;
