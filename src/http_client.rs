//! HTTP to a service that this box uses: each call with a time limit and a body limit, and the difference between a
//! request that certainly did not arrive and one whose answer was lost.

use std::io;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body, RequestBuilder};

use crate::fault::Fault;

/// Largest answer read, in bytes: a page of a hundred entries has some 150 kB.
const MAX_ANSWER: u64 = 2 << 20;
/// Longest wait that a service can ask for.
const MAX_AFTER: Duration = Duration::from_secs(3600);
/// Longest quotation of what a service says, in characters.
const MAX_QUOTE: usize = 200;
/// An idle connection is used again within this time. One that the other side closed meanwhile would make an answer look
/// lost, so it is short; many calls in a row still need one handshake.
const KEEP_IDLE: Duration = Duration::from_secs(2);

/// A client of one service, by HTTP or HTTPS; keeps a connection for the next call.
pub struct HttpClient {
    agent: Agent,
    title: &'static str,
    setting: &'static str,
    limit: Duration,
    base: String,
}

/// The answer of the service to one call.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status, such as 200.
    pub status: u16,
    /// It wants to be left alone for this time (`Retry-After`).
    pub after: Option<Duration>,
    /// The body; empty when a refusal broke off within it.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum CallError {
    /// The request certainly did not arrive.
    Unsent(Fault),
    /// It may have arrived.
    Lost(String),
}

impl CallError {
    /// What the queue does about it, where it does not matter whether the request arrived.
    pub fn fault(self) -> Fault {
        match self {
            Self::Unsent(fault) => fault,
            Self::Lost(why) => Fault::temporary(why),
        }
    }
}

/// Headers of a request: name and value.
pub type Headers<'h> = [(&'h str, &'h str)];

impl HttpClient {
    /// Of the service with this name for people, at the address `base` that the setting of the name `setting` holds.
    /// Each call ends within `limit`.
    pub fn new(title: &'static str, setting: &'static str, base: &str, limit: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(limit))
            .timeout_resolve(Some(limit * 2 / 3))
            .timeout_connect(Some(limit * 2 / 3))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_age(KEEP_IDLE)
            // A proxy for web pages, named in the environment, is none for this.
            .proxy(None)
            .user_agent(concat!("satpost/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into(), title, setting, limit, base: base.trim_end_matches('/').to_owned() }
    }

    /// The base address, without a slash at its end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends a GET. `what` names the request in errors, for example "the list of texts".
    ///
    /// # Errors
    /// When no answer came; any HTTP status is an answer.
    pub fn get(&self, what: &str, path: &str, headers: &Headers) -> Result<Answer, CallError> {
        self.read(what, with(self.agent.get(self.url(path)), headers).call())
    }

    /// Sends a POST of a form.
    ///
    /// # Errors
    /// As for [`HttpClient::get`].
    pub fn post_form(
        &self,
        what: &str,
        path: &str,
        headers: &Headers,
        form: &[(&str, &str)],
    ) -> Result<Answer, CallError> {
        self.read(what, with(self.agent.post(self.url(path)), headers).send_form(form.iter().copied()))
    }

    /// Sends a POST of JSON, which may be empty.
    ///
    /// # Errors
    /// As for [`HttpClient::get`].
    pub fn post_json(&self, what: &str, path: &str, headers: &Headers, body: &[u8]) -> Result<Answer, CallError> {
        let request = self.agent.post(self.url(path)).header("Content-Type", "application/json");
        self.read(what, with(request, headers).send(body))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn read(&self, what: &str, answer: Result<Response<Body>, ureq::Error>) -> Result<Answer, CallError> {
        let mut answer = answer.map_err(|why| self.error(what, &why))?;
        let status = answer.status().as_u16();
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let after = header("retry-after").and_then(|after| patience(after, header("date"))).map(|it| it.min(MAX_AFTER));
        let body = match answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec() {
            Ok(body) => body,
            Err(why) if (200..300).contains(&status) => return Err(self.error(what, &why)),
            // The status alone says no.
            Err(_) => Vec::new(),
        };
        Ok(Answer { status, after, body })
    }

    fn error(&self, what: &str, why: &ureq::Error) -> CallError {
        use ureq::{Error, Timeout};
        let (title, base, setting) = (self.title, &self.base, self.setting);
        let unreachable = || {
            let why = format!("cannot reach {title} at {base} ({why}): check {setting} and the internet connection");
            CallError::Unsent(Fault::temporary(why))
        };
        match why {
            Error::BadUri(_) | Error::Http(_) => {
                CallError::Unsent(Fault::operator(format!("'{base}' is no address: check {setting}")))
            }
            Error::Timeout(Timeout::Resolve | Timeout::Connect)
            | Error::HostNotFound
            | Error::ConnectionFailed
            | Error::Tls(_)
            | Error::Rustls(_) => unreachable(),
            Error::Io(io) if io.kind() == io::ErrorKind::ConnectionRefused => unreachable(),
            // Happens before the request leaves. A box whose clock is wrong gets over it by itself.
            Error::Io(io) if is_certificate(io) => CallError::Unsent(Fault::temporary(format!(
                "the certificate of {title} at {base} is not accepted ({io}): check {setting} and the clock of this box"
            ))),
            Error::Timeout(_) => {
                CallError::Lost(format!("no answer of {title} to {what} in {} s", self.limit.as_secs()))
            }
            why => CallError::Lost(format!("{title} broke off its answer to {what} ({why})")),
        }
    }
}

/// The wait that `Retry-After` asks for, in seconds or until a date (RFC 9110 section 10.2.3); a date counts from that of the
/// answer, as the clock of this box may be wrong.
fn patience(after: &str, date: Option<&str>) -> Option<Duration> {
    if let Ok(seconds) = after.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let read = |date: &str| Some(jiff::fmt::rfc2822::parse(date.trim()).ok()?.timestamp().as_second());
    Some(Duration::from_secs(u64::try_from(read(after)? - read(date?)?).unwrap_or(0)))
}

fn with<T>(request: RequestBuilder<T>, headers: &Headers) -> RequestBuilder<T> {
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

fn is_certificate(why: &io::Error) -> bool {
    let why = why.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(why, Some(rustls::Error::InvalidCertificate(_)))
}

/// Makes words of a service fit for a sentence of ours: one line, not long, without a full stop.
pub fn quote(words: &str) -> String {
    let words = words.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let words: String = words.collect::<Vec<_>>().join(" ").chars().take(MAX_QUOTE).collect();
    words.trim_end_matches(['.', ' ']).to_owned()
}

/// What stands in a path or a query as it is (RFC 3986 section 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Encodes text as a part of a path or of a query.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// Reads the names and values of a query, decoded, in their order.
pub fn decode_query(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_become_one_short_line() {
        assert_eq!(quote("no\r\n\tsuch \u{0}user . "), "no such user");
        assert_eq!(quote(&"é".repeat(1000)).chars().count(), MAX_QUOTE);
        assert_eq!(encode("a b&+é"), "a%20b%26%2B%C3%A9");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let read = decode_query("a=%20b%26%2B%C3%A9&&c&d=1+2=3&e=%zz%4");
        assert_eq!(read, [pair("a", " b&+é"), pair("c", ""), pair("d", "1 2=3"), pair("e", "%zz%4")]);
    }

    #[test]
    fn patience_is_asked_for_in_seconds_or_until_a_date() {
        let (date, later) = (Some("Sun, 06 Nov 1994 08:49:37 GMT"), "Sun, 06 Nov 1994 08:51:07 GMT");
        assert_eq!(patience(" 30 ", None), Some(Duration::from_secs(30)));
        assert_eq!(patience(later, date), Some(Duration::from_secs(90)));
        assert_eq!(patience("Sun, 06 Nov 1994 08:00:00 GMT", date), Some(Duration::ZERO));
        for odd in ["", "soon", "-1", "1.5", later] {
            assert_eq!(patience(odd, None), None, "{odd}");
        }
    }

    #[test]
    fn what_certainly_did_not_arrive_is_told_from_what_may_have() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let call = |base: &str| {
            HttpClient::new("The Service", "x.url", base, Duration::from_secs(5)).get("a list", "/", &[]).unwrap_err()
        };
        let refused = call(&format!("http://127.0.0.1:{port}/"));
        assert!(
            matches!(&refused, CallError::Unsent(Fault::Temporary(why)) if why.to_string().contains("x.url")),
            "{refused:?}"
        );
        let odd = call("no address");
        assert!(
            matches!(&odd, CallError::Unsent(Fault::Operator(why)) if why.to_string().contains("check x.url")),
            "{odd:?}"
        );
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || drop(listener.accept().unwrap()));
        let lost = call(&base);
        assert!(matches!(&lost, CallError::Lost(why) if why.to_string().contains("The Service broke off")), "{lost:?}");
        server.join().unwrap();
    }
}
