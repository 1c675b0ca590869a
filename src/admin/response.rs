//! What goes back to the browser, with the headers that every answer carries.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::request::Request;

/// Nothing runs, loads or frames this page but what the box itself serves.
///
/// The referrer policy is `same-origin`, not `no-referrer`: with the latter browsers send `Origin: null` with our own
/// forms (Fetch standard, "append a request Origin header"), and those have to be told from foreign ones.
const ALWAYS: [(&str, &str); 6] = [
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "geolocation=(), microphone=(), camera=()"),
];

/// Smaller bodies are not worth packing.
const PACK_LEAST: usize = 600;

/// The answer to a request, before it is sent.
#[derive(Debug, Clone)]
pub struct Response {
    /// HTTP status, such as 200, 303 or 404.
    pub status: u16,
    /// Headers, without the ones that every answer carries.
    pub headers: Vec<(&'static str, String)>,
    /// Body, not packed.
    pub body: Vec<u8>,
    /// It tells nothing that somebody waits for: the same question may be asked again until there is more to say.
    pub waits: bool,
}

impl Response {
    /// Makes an answer of a page.
    pub fn html(status: u16, html: String) -> Self {
        Self::typed(status, "text/html; charset=utf-8", html.into_bytes())
    }

    /// Makes an answer of plain text.
    pub fn text(status: u16, text: &str) -> Self {
        Self::typed(status, "text/plain; charset=utf-8", text.as_bytes().to_vec())
    }

    /// Makes JSON for the script of the pages.
    pub fn json(body: Vec<u8>) -> Self {
        Self::typed(200, "application/json", body)
    }

    /// Makes a body of some type; not kept by any cache.
    pub fn typed(status: u16, kind: &str, body: Vec<u8>) -> Self {
        let headers = vec![("Content-Type", kind.to_owned()), ("Cache-Control", "no-store".to_owned())];
        Self { status, headers, body, waits: false }
    }

    /// Gives a mail to be saved under this name.
    pub fn mail(name: &str, bytes: Vec<u8>) -> Self {
        Self::typed(200, "message/rfc822", bytes)
            .with("Content-Disposition", format!("attachment; filename=\"{name}.eml\""))
            .with("Content-Security-Policy", "sandbox; default-src 'none'".to_owned())
    }

    /// Sends the browser there, with GET. The place is a path of ours.
    pub fn see(place: &str) -> Self {
        Self::text(303, "").with("Location", place.to_owned())
    }

    /// Adds a header, besides those of the same name.
    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds a cookie that scripts cannot read and other sites cannot use.
    pub fn with_cookie(self, name: &str, value: &str, seconds: u64) -> Self {
        self.with("Set-Cookie", format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict"))
    }

    /// Gives the value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Adds what every answer carries and packs the body if the browser can unpack it.
    pub fn finish(mut self, request: &Request) -> Self {
        self.place_for(request);
        for (name, value) in ALWAYS {
            if self.header(name).is_none() {
                self.headers.push((name, value.to_owned()));
            }
        }
        let kind = self.header("Content-Type").unwrap_or_default();
        let packs = kind.starts_with("text/") || kind.ends_with("json") || kind.ends_with("svg+xml");
        let asked = request.header("accept-encoding").is_some_and(|value| value.contains("gzip"));
        if packs && self.header("Content-Encoding").is_none() {
            self.headers.push(("Vary", "Accept-Encoding, Cookie".to_owned()));
            if asked && self.body.len() >= PACK_LEAST {
                self.body = gzip(&self.body);
                self.headers.push(("Content-Encoding", "gzip".to_owned()));
            }
        }
        self
    }
}

impl Response {
    /// Makes it one for the path, and the kind of connection, under which this browser sees the pages.
    fn place_for(&mut self, request: &Request) {
        let base = &request.base;
        for (name, value) in &mut self.headers {
            match *name {
                "Location" if value.starts_with('/') => value.insert_str(0, base),
                "Set-Cookie" if !base.is_empty() => *value = value.replacen("; Path=/;", &format!("; Path={base};"), 1),
                _ => {}
            }
            if *name == "Set-Cookie" && request.secure {
                *value = format!("{}; Secure", request.cookie_name(value));
            }
        }
        let kind = self.header("Content-Type").unwrap_or_default();
        if base.is_empty() || !(kind.starts_with("text/html") || kind == "application/json") {
            return;
        }
        // Pages are made of text, and what somebody wrote holds no quotation mark as such.
        let Ok(mut text) = String::from_utf8(std::mem::take(&mut self.body)) else { return };
        for attribute in ["href", "action", "formaction", "src"] {
            for (quote, slash) in [("\"", "/"), ("\"", "&#x2f;"), ("\\\"", "/"), ("\\\"", "&#x2f;")] {
                let from = format!(" {attribute}={quote}{slash}");
                text = text.replace(&from, &format!(" {attribute}={quote}{base}{slash}"));
            }
        }
        self.body = text.into_bytes();
    }
}

/// Packs bytes as gzip (RFC 1952), as small as they get.
///
/// The pages go over plain HTTP inside the local network, so the length of a packed page tells an eavesdropper nothing
/// that it could not read anyway.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), Compression::best());
    // Writing to memory does not fail.
    let written = encoder.write_all(bytes);
    debug_assert!(written.is_ok());
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn what_is_packed_comes_out_as_it_went_in() {
        for bytes in [&b""[..], b"a", include_bytes!("../../web/style.css"), &[7; 100_000]] {
            let mut back = Vec::new();
            flate2::read::GzDecoder::new(&gzip(bytes)[..]).read_to_end(&mut back).unwrap();
            assert_eq!(back, bytes);
        }
    }
}
