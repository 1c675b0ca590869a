//! HTTP to a carrier: each call with a time limit and a log-in, and the difference between a request that certainly did
//! not arrive and one whose answer was lost.

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::deliver::compose::one_line;
use crate::fault::Fault;

/// Largest answer read, in bytes: a page of a hundred texts has some 150 kB.
const MOST_ANSWER: u64 = 2 << 20;
/// Longest wait that a carrier can ask for.
const MOST_AFTER: Duration = Duration::from_secs(3600);
/// As much is quoted of what a carrier says.
const MOST_QUOTE: usize = 200;

/// A client of one carrier.
pub struct Client {
    agent: Agent,
    /// Its name for people.
    title: &'static str,
    /// The setting that holds `base`.
    setting: &'static str,
    limit: Duration,
    base: String,
    login: String,
}

/// What the carrier answered.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// It wants to be left alone for this time.
    pub after: Option<Duration>,
    /// The body; null when it is no JSON.
    pub body: Value,
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
            Self::Lost(why) => Fault::Temporary(why),
        }
    }
}

impl Client {
    /// Of the carrier at `base`, which the setting of this name holds.
    pub fn new(title: &'static str, setting: &'static str, base: &str, login: (&str, &str), limit: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(limit))
            .timeout_resolve(Some(limit * 2 / 3))
            .timeout_connect(Some(limit * 2 / 3))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // A connection that was closed meanwhile would make an answer look lost.
            .max_idle_age(Duration::from_secs(2))
            .proxy(None)
            .user_agent(concat!("satpost/", env!("CARGO_PKG_VERSION")))
            .build();
        let login = format!("Basic {}", STANDARD.encode(format!("{}:{}", login.0, login.1)));
        let base = base.trim_end_matches('/').to_owned();
        Self { agent: config.into(), title, setting, limit, base, login }
    }

    /// A GET.
    pub fn get(&self, what: &str, path: &str) -> Result<Answer, CallError> {
        let url = format!("{}{path}", self.base);
        self.read(what, self.agent.get(&url).header("Authorization", &self.login).call())
    }

    /// A POST of a form.
    pub fn form(&self, what: &str, path: &str, form: &[(&str, &str)]) -> Result<Answer, CallError> {
        let url = format!("{}{path}", self.base);
        let form = form.iter().copied();
        self.read(what, self.agent.post(&url).header("Authorization", &self.login).send_form(form))
    }

    /// A POST of JSON.
    pub fn json(&self, what: &str, path: &str, body: &Value) -> Result<Answer, CallError> {
        let url = format!("{}{path}", self.base);
        let request = self.agent.post(&url).header("Authorization", &self.login);
        self.read(what, request.header("Content-Type", "application/json").send(body.to_string().as_bytes()))
    }

    fn read(&self, what: &str, answer: Result<Response<Body>, ureq::Error>) -> Result<Answer, CallError> {
        let mut answer = answer.map_err(|why| self.trouble(what, &why))?;
        let status = answer.status().as_u16();
        let seconds = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let after = seconds.map(|seconds| Duration::from_secs(seconds).min(MOST_AFTER));
        let body = answer.body_mut().with_config().limit(MOST_ANSWER).read_to_vec();
        let body = body.map_err(|why| self.trouble(what, &why))?;
        Ok(Answer { status, after, body: serde_json::from_slice(&body).unwrap_or_default() })
    }

    fn trouble(&self, what: &str, why: &ureq::Error) -> CallError {
        use ureq::{Error, Timeout};
        let (title, base) = (self.title, &self.base);
        let unreachable =
            || Fault::temporary(format!("cannot reach {title} at {base} ({why}): is the internet connection up?"));
        match why {
            Error::BadUri(_) | Error::Http(_) => {
                CallError::Unsent(Fault::operator(format!("'{base}' is no address: check {}", self.setting)))
            }
            Error::Timeout(Timeout::Resolve | Timeout::Connect)
            | Error::HostNotFound
            | Error::ConnectionFailed
            | Error::Tls(_)
            | Error::Rustls(_) => CallError::Unsent(unreachable()),
            Error::Io(io) if io.kind() == io::ErrorKind::ConnectionRefused => CallError::Unsent(unreachable()),
            Error::Io(io) if is_certificate(io) => CallError::Unsent(Fault::temporary(format!(
                "the certificate of {title} at {base} is not accepted ({io}): check {} and the clock of this box",
                self.setting
            ))),
            Error::Timeout(_) => CallError::Lost(format!("{title}: no answer to {what} in {} s", self.limit.as_secs())),
            why => CallError::Lost(format!("{title} broke off its answer to {what} ({why})")),
        }
    }
}

fn is_certificate(why: &io::Error) -> bool {
    let why = why.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(why, Some(rustls::Error::InvalidCertificate(_)))
}

/// Words of a carrier, for a sentence of ours.
pub fn quote(words: &str) -> String {
    let words: String = one_line(words).chars().take(MOST_QUOTE).collect();
    words.trim_end_matches('.').to_owned()
}

/// What stands in a path or a query as it is (RFC 3986 section 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Writes a text as a part of a path or a query.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}
