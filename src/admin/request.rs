//! What a browser asked, taken apart; knows nothing of sockets, so that tests can make one.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::server::upload::{Upload, UploadedFile};

/// Largest form that is read, in bytes; the gate in front has the same limit.
pub const FORM_MOST: usize = 256 * 1024;
/// Fields that are read of one form or query.
const FIELDS_MOST: usize = 200;

/// What a request does, by its method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET, and HEAD: the server leaves the body out.
    Get,
    /// POST: changes something.
    Post,
    /// Any other method, which is answered with 405.
    Other,
}

/// A request with its form read.
#[derive(Debug, Clone)]
pub struct Request {
    /// Whether it asks for a page or changes something.
    pub method: Method,
    /// Decoded parts of the path; `None` for one that leads out of the site or cannot be read.
    pub path: Option<Vec<String>>,
    /// Path and query as the client sent them.
    pub target: String,
    /// Fields of the query, decoded.
    pub query: Fields,
    /// Fields of the form, decoded; none in a GET.
    pub form: Fields,
    /// The file that came with the form.
    pub file: Option<Arc<UploadedFile>>,
    /// The body of a POST that is no form.
    pub body: Vec<u8>,
    /// Address of the browser, as the gate saw it.
    pub peer: String,
    /// The browser speaks HTTPS.
    pub secure: bool,
    /// Path before all paths of the pages, as the browser sees them; empty for none.
    pub base: String,
    headers: Vec<(String, String)>,
}

/// Names and values, in the order of the form.
#[derive(Debug, Clone, Default)]
pub struct Fields(Vec<(String, String)>);

impl Request {
    /// Gives the colours that the browser asked for with its cookie.
    pub fn theme(&self) -> &'static str {
        match self.cookie("theme") {
            Some("light") => "light",
            Some("dark") => "dark",
            _ => "auto",
        }
    }

    /// Makes it from the parts of an HTTP request. `peer` comes from the header `X-Satpost-Peer`, which only the gate
    /// can set.
    pub fn new(method: &str, target: &str, headers: Vec<(String, String)>, body: &[u8]) -> Self {
        let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Self {
            method: match method {
                "GET" | "HEAD" => Method::Get,
                "POST" => Method::Post,
                _ => Method::Other,
            },
            path: segments(path),
            target: target.to_owned(),
            query: Fields::parse(query.as_bytes()),
            form: Fields::default(),
            file: None,
            body: Vec::new(),
            peer: String::new(),
            secure: false,
            base: String::new(),
            headers,
        };
        request.secure = request.header("x-satpost-proto") == Some("https");
        request.base = request.header("x-satpost-base").unwrap_or_default().to_owned();
        request.peer = request.header("x-satpost-peer").unwrap_or_default().to_owned();
        let form = request.header("content-type").unwrap_or_default();
        if request.method == Method::Post && form.starts_with("application/x-www-form-urlencoded") {
            request.form = Fields::parse(&body[..body.len().min(FORM_MOST)]);
        } else if request.method == Method::Post {
            body.clone_into(&mut request.body);
        }
        request
    }

    /// Makes it from a form with a file.
    pub fn with_upload(method: &str, target: &str, headers: Vec<(String, String)>, upload: Upload) -> Self {
        let form = Fields(upload.fields);
        Self { form, file: upload.file.map(Arc::new), ..Self::new(method, target, headers, &[]) }
    }

    /// Makes a post of the same browser to another target.
    pub fn with_post(&self, target: &str, form: Fields) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (path, query) = (segments(path), Fields::parse(query.as_bytes()));
        let (method, target, body) = (Method::Post, target.to_owned(), Vec::new());
        Self { method, path, target, query, form, body, ..self.clone() }
    }

    /// Makes the same browser's question for another page.
    pub fn once_more(&self, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (path, query) = (segments(path), Fields::parse(query.as_bytes()));
        let (form, target, body) = (Fields::default(), target.to_owned(), Vec::new());
        Self { method: Method::Get, path, target, query, form, body, ..self.clone() }
    }

    /// Gives the first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Gives the value of a cookie of this box; `None` where the browser sent none.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.headers.iter().filter(|(known, _)| known == "cookie");
        let mut pairs = cookies.flat_map(|(_, value)| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let kept = self.cookie_name(name);
        pairs.find(|(known, _)| *known == kept).map(|(_, value)| value)
    }

    /// The name under which a browser keeps a cookie. Those of https have names of their own: what came without
    /// encryption neither reads nor replaces them (RFC 6265bis section 4.1.3.1).
    pub fn cookie_name(&self, name: &str) -> String {
        if self.secure { format!("__Secure-{name}") } else { name.to_owned() }
    }

    /// True when a browser sent this from a page of ours. Old and scripted clients that say neither `Origin` nor
    /// `Sec-Fetch-Site` are refused as well.
    pub fn is_from_own_page(&self) -> bool {
        match (self.header("origin"), self.header("host")) {
            (Some(origin), Some(host)) => {
                let place = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
                place.is_some_and(|place| place.eq_ignore_ascii_case(host))
            }
            (Some(_), None) => false,
            (None, _) => self.header("sec-fetch-site") == Some("same-origin"),
        }
    }
}

impl Fields {
    /// Reads `application/x-www-form-urlencoded`, at most 200 fields; bytes that are not UTF-8 become U+FFFD.
    pub fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().take(FIELDS_MOST).collect())
    }

    /// Makes them from names and values.
    pub fn of(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// Gives all names and values, in their order.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// Gives the first value of this name; empty when there is none.
    pub fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    /// Gives the first value of this name.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// True for a ticked box.
    pub fn ticked(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }
}

/// What stands in a query or a path as it is (RFC 3986 section 2.3); the slash keeps paths readable.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// Writes a text as part of a query.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// Gives a target back if it is a page of this box, else the front page.
///
/// Browsers drop tabs and line ends from an address and read a backslash as a slash: what is not plain ASCII, or has an
/// empty part in its path, could lead to another site.
pub fn own_place(target: &str) -> &str {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let plain = target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let parts = segments(path).filter(|parts| !parts.iter().any(String::is_empty));
    if plain && parts.is_some() { target } else { "/" }
}

fn segments(path: &str) -> Option<Vec<String>> {
    let inner = path.strip_prefix('/')?;
    let parts: Vec<_> =
        inner.split('/').map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned()).collect();
    let bad = |part: &String| {
        part == "." || part.contains("..") || part.contains(['/', '\\', '\0', char::REPLACEMENT_CHARACTER])
    };
    if parts.iter().any(bad) {
        return None;
    }
    Some(if inner.is_empty() { Vec::new() } else { parts })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(target: &str) -> Request {
        Request::new("GET", target, vec![], b"")
    }

    #[test]
    fn paths_that_lead_out_have_no_parts() {
        for bad in ["/../etc/passwd", "/a/../b", "/a/%2e%2e/b", "/..%2fb", "/a%5cb", "/a%00", "x", "", "/%ff", "/..;/"]
        {
            assert_eq!(get(bad).path, None, "{bad}");
        }
        assert_eq!(get("/").path, Some(vec![]));
        assert_eq!(get("/people/a%20b?x=1").path, Some(vec!["people".into(), "a b".into()]));
    }

    #[test]
    fn forms_are_read_whatever_they_hold() {
        let fields = Fields::parse(b"a=1+2&b=%C3%A9%zz%&c&=x&a=second&d=%ff");
        assert_eq!((fields.get("a"), fields.get("b"), fields.find("c")), ("1 2", "\u{e9}%zz%", Some("")));
        assert_eq!((fields.get("d"), fields.find("e")), ("\u{fffd}", None));
        assert_eq!(Fields::parse(format!("q={}", encode("a&b=c d/\u{e9}")).as_bytes()).get("q"), "a&b=c d/\u{e9}");
    }

    #[test]
    fn a_place_to_go_to_is_a_page_of_this_box() {
        for bad in [
            "//evil.org",
            "http://evil.org",
            "/\\evil.org",
            "",
            "/a\r\nSet-Cookie: x",
            "/\t/evil.org",
            "/\n/evil.org",
            "\t//evil.org",
            "/ /evil.org",
            "/.//evil.org",
            "/a/..//evil.org",
            "/%2e%2e//evil.org",
            "/%5cevil.org",
            "/%09/evil.org/../",
            "javascript:alert(1)",
            "/\u{2028}/evil.org",
            "evil.org",
        ] {
            assert_eq!(own_place(bad), "/", "{bad:?}");
        }
        for good in ["/", "/messages?tab=waiting", "/people/anna%20b", "/compose?to=a@b.org", "/setup/box#x"] {
            assert_eq!(own_place(good), good);
        }
    }

    #[test]
    fn cookies_and_origins() {
        let with = |headers: &[(&str, &str)]| {
            let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Request::new("POST", "/", headers, b"")
        };
        let request = with(&[("Cookie", "a=1; s=tok"), ("cookie", "b=2")]);
        assert_eq!((request.cookie("s"), request.cookie("b"), request.cookie("c")), (Some("tok"), Some("2"), None));
        assert!(with(&[("Host", "box.local"), ("Origin", "http://box.local")]).is_from_own_page());
        assert!(with(&[("Sec-Fetch-Site", "same-origin")]).is_from_own_page());
        for bad in [
            &[("Host", "box.local"), ("Origin", "http://evil.org")][..],
            &[("Host", "box.local"), ("Origin", "null")],
            &[("Host", "box.local"), ("Origin", "null"), ("Sec-Fetch-Site", "same-origin")],
            &[("Host", "box.local"), ("Origin", "http://box.local.evil.org")],
            &[("Host", "box.local"), ("Sec-Fetch-Site", "cross-site")],
            &[("Host", "box.local")],
        ] {
            assert!(!with(bad).is_from_own_page(), "{bad:?}");
        }
    }
}
