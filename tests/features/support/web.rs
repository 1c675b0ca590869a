//! A client of the pages that speaks HTTP by hand.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::{PASSWORD, SOON, Station, read_all};

/// A client with a cookie, as far as it has logged in.
pub struct Client {
    pub at: SocketAddr,
    pub cookie: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

impl Client {
    pub fn new(station: &Station) -> Self {
        Self { at: station.listener("web"), cookie: String::new() }
    }

    /// Sends these bytes and reads until the box closes.
    pub fn raw(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let text = read_all(&mut stream);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| panic!("{request:?} is answered with {text:?}"));
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        let (at, cookie) = (self.at, &self.cookie);
        self.raw(&format!("{method} {path} HTTP/1.1\r\nHost: {at}\r\nCookie: {cookie}\r\n{headers}\r\n"))
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    /// Sends a form as a page of `origin` would.
    pub fn form(&self, path: &str, form: &str, origin: &str) -> Answer {
        let (at, cookie, length) = (self.at, &self.cookie, form.len());
        self.raw(&format!(
            "POST {path} HTTP/1.1\r\nHost: {at}\r\nCookie: {cookie}\r\n{origin}Content-Length: {length}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}"
        ))
    }

    /// Sends a form and gives the head and the bytes of what comes back.
    pub fn bytes(&self, path: &str, form: &str) -> (String, Vec<u8>) {
        let (at, cookie, length, own) = (self.at, &self.cookie, form.len(), self.own());
        let mut stream = TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {at}\r\nCookie: {cookie}\r\n{own}Content-Length: {length}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        (String::from_utf8_lossy(&all[..end]).into_owned(), all.split_off(end))
    }

    pub fn own(&self) -> String {
        format!("Origin: http://{}\r\n", self.at)
    }

    /// Sends the form that stands on a page, with the token from there.
    pub fn post(&mut self, path: &str, form: &str) -> Answer {
        let token = self.token(path);
        self.form(path, &format!("csrf={token}&{form}"), &self.own())
    }

    /// The token of the forms on a page; takes the cookie that belongs to it.
    pub fn token(&mut self, path: &str) -> String {
        let page = self.get(path);
        self.take_cookie(&page);
        let (_, after) = page.body.split_once("name=csrf value=\"").unwrap_or_else(|| panic!("{page:?}"));
        after.split('"').next().unwrap().to_owned()
    }

    pub fn take_cookie(&mut self, answer: &Answer) {
        if let Some(cookie) = answer.header("set-cookie").split(';').next().filter(|cookie| !cookie.is_empty()) {
            cookie.clone_into(&mut self.cookie);
        }
    }

    pub fn try_password(&mut self, name: &str, password: &str) -> Answer {
        let token = self.token("/login");
        let answer = self.form("/login", &format!("csrf={token}&name={name}&password={password}"), &self.own());
        if answer.status == 303 {
            self.take_cookie(&answer);
        }
        answer
    }

    /// Logged in as a person of the box.
    pub fn logged_in(station: &Station, name: &str) -> Self {
        let mut client = Self::new(station);
        assert_eq!(client.try_password(name, PASSWORD).status, 303);
        client
    }
}

/// The value that a page gives a hidden field, as a browser would send it.
pub fn hidden(page: &str, name: &str) -> String {
    let (_, after) = page.split_once(&format!("name={name} value=\"")).unwrap_or_else(|| panic!("no {name}: {page}"));
    let value = after.split('"').next().unwrap();
    let plain = [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#x27;", "'"),
        ("&#x2f;", "/"),
        ("&amp;", "&"),
    ];
    plain.iter().fold(value.to_owned(), |text, (from, to)| text.replace(from, to))
}
