//! The calls of the Hive's interface, logged in when need be.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::error::HiveError;
use super::item::{self, Item};
use crate::fault::Fault;
use crate::http_client::{Answer, CallError, HttpClient, quote};
use crate::settings::{Key, Settings};

/// Items asked for at once; the Hive gives at most 1000.
const PAGE: usize = 100;
/// Most pages that are read of one listing.
const MAX_PAGES: usize = 100;
/// Longest token accepted, in bytes.
const MAX_TOKEN: usize = 4096;
/// A client of the Hive.
pub struct Api {
    http: HttpClient,
    user: String,
    password: String,
    token: Option<String>,
}

impl Api {
    /// Each call ends within `limit`.
    pub fn new(settings: &Settings, limit: Duration) -> Self {
        Self {
            http: HttpClient::new("the Hive", "hive.url", settings.text(Key::HiveUrl), limit),
            user: settings.text(Key::HiveUser).to_owned(),
            password: settings.text(Key::HivePassword).to_owned(),
            token: None,
        }
    }

    /// The base address of the Hive's API.
    pub fn base(&self) -> &str {
        self.http.base()
    }

    /// The log-in name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Reads listed packets page by page, newest first, until `each` has seen enough or there are no more. False
    /// when neither was so within the bounds.
    ///
    /// A server may give fewer items than asked for although it has more, so only a page without news is the end.
    pub fn pages(
        &mut self,
        filter: &str,
        until: Instant,
        mut each: impl FnMut(Vec<Item>, u64) -> bool,
    ) -> Result<bool, HiveError> {
        let mut seen = HashSet::new();
        let mut cursor = String::new();
        for page in 0..MAX_PAGES {
            if page > 0 && Instant::now() >= until {
                break;
            }
            let (mut items, nameless) = self.list(&format!("count={PAGE}&{filter}{cursor}"))?;
            items.retain(|item| seen.insert(item.packet));
            let last = items.is_empty();
            if each(items, nameless) || last {
                return Ok(true);
            }
            let lowest = seen.iter().min().copied().unwrap_or_default();
            cursor = format!("&beforepacketid={lowest}");
        }
        Ok(false)
    }

    /// Gets one page of packets by this query, and how many entries were left out for want of a number.
    pub fn list(&mut self, query: &str) -> Result<(Vec<Item>, u64), HiveError> {
        let what = "the list of packets";
        let body = self.call(what, &format!("/api/v1/messages?{query}"), None)?;
        item::page(&body).map_err(|why| nonsense(what, &why))
    }

    /// Lists all attempts to send one message.
    pub fn attempts(&mut self, message: u64) -> Result<Vec<Item>, HiveError> {
        let what = "the details of a packet";
        let body = self.call(what, &format!("/api/v1/messages/details/{message}"), None)?;
        item::attempts(&body).map_err(|why| nonsense(what, &why))
    }

    /// Acknowledges a packet from a device. One that the Hive does not know needs no acknowledgement.
    pub fn acknowledge(&mut self, packet: u64) -> Result<(), HiveError> {
        let what = "an acknowledgement";
        let text = match self.call(what, &format!("/api/v1/messages/rxack/{packet}"), Some(&[])) {
            Ok(body) => item::receipt(&body).map_err(|why| nonsense(what, &why))?.1,
            // With a number for a name, nothing else can be wrong with this request.
            Err(HiveError::Status(400 | 404, text)) => format!("unknown packet{text}"),
            Err(trouble) => return Err(trouble),
        };
        if is_ok(&text) {
            return Ok(());
        }
        let text = quote(&text);
        let unknown = ["unknown", "not found", "no such", "not exist"];
        if unknown.iter().any(|words| text.to_lowercase().contains(words)) {
            log::info!("hive: packet {packet} needs no acknowledgement: {text}");
            return Ok(());
        }
        Err(HiveError::Refused(text))
    }

    /// Gives the Hive a packet for a device; its number there.
    pub fn send(&mut self, message: &Value) -> Result<u64, HiveError> {
        let what = "a packet to send";
        let body = self.call(what, "/api/v1/messages", Some(message.to_string().as_bytes()))?;
        match item::receipt(&body).map_err(|why| nonsense(what, &why))? {
            (Some(packet), text) if is_ok(&text) => Ok(packet),
            (None, text) if is_ok(&text) => Err(nonsense(what, &"OK without a number")),
            (_, text) => Err(HiveError::Refused(quote(&text))),
        }
    }

    /// A call with a log-in. If the Hive does not accept the token (any more), it gets one new log-in.
    fn call(&mut self, what: &str, path: &str, body: Option<&[u8]>) -> Result<Vec<u8>, HiveError> {
        if let Some(token) = &self.token {
            match self.once(what, path, body, token) {
                Err(HiveError::Status(401, _)) => {}
                done => return done,
            }
        }
        let mut token = self.log_in()?;
        // The very first token may be as short-lived as any.
        let fresh = self.token.replace(token.clone()).is_none();
        let mut done = self.once(what, path, body, &token);
        if fresh && matches!(done, Err(HiveError::Status(401, _))) {
            token = self.log_in()?;
            self.token = Some(token.clone());
            done = self.once(what, path, body, &token);
        }
        if let Err(HiveError::Status(401, text)) = done {
            self.token = None;
            let why = format!("the Hive refuses the log-in that it has just given{text}");
            return Err(HiveError::Barred(Fault::temporary(why)));
        }
        done
    }

    fn once(&self, what: &str, path: &str, body: Option<&[u8]>, token: &str) -> Result<Vec<u8>, HiveError> {
        let bearer = format!("Bearer {token}");
        let headers = [("Accept", "application/json"), ("Authorization", bearer.as_str())];
        read(match body {
            None => self.http.get(what, path, &headers),
            Some(body) => self.http.post_json(what, path, &headers, body),
        })
    }

    fn log_in(&mut self) -> Result<String, HiveError> {
        let what = "the log-in";
        if self.user.is_empty() {
            return Err(HiveError::Barred(Fault::operator("no Hive user is set: set hive.user and hive.password")));
        }
        let form = [("username", self.user.as_str()), ("password", self.password.as_str())];
        let answer = self.http.post_form(what, "/login", &[], &form);
        let token = read(answer).and_then(|body| token(&body).map_err(|why| nonsense(what, &why)));
        token.map_err(|trouble| {
            HiveError::Barred(match trouble {
                HiveError::Status(400 | 401 | 403, _) => Fault::operator(format_args!(
                    "the Hive refuses user '{}': check hive.user and hive.password",
                    self.user.escape_debug()
                )),
                trouble => trouble.fault(),
            })
        })
    }
}

/// The body of a yes.
fn read(answer: Result<Answer, CallError>) -> Result<Vec<u8>, HiveError> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(CallError::Unsent(fault)) => return Err(HiveError::Barred(fault)),
        Err(CallError::Lost(why)) => return Err(HiveError::Lost(why)),
    };
    // Whatever kind of yes it is: taken for a no, the packet would go once more.
    if (200..300).contains(&answer.status) {
        return Ok(answer.body);
    }
    let words = answer.json().get("message").and_then(Value::as_str).map(quote).filter(|words| !words.is_empty());
    Err(HiveError::Status(answer.status, words.map(|words| format!(" ({words})")).unwrap_or_default()))
}

fn nonsense(what: &str, why: &dyn std::fmt::Display) -> HiveError {
    HiveError::Nonsense(format!("the answer of the Hive to {what} cannot be read: {why}"))
}

fn is_ok(status: &str) -> bool {
    status.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("ok"))
}

/// The token of a log-in, fit for a header.
fn token(body: &[u8]) -> Result<String, &'static str> {
    let value: Value = serde_json::from_slice(body).map_err(|_| "no JSON")?;
    match value.get("token").and_then(Value::as_str) {
        Some(token) if (1..=MAX_TOKEN).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(token.to_owned())
        }
        _ => Err("no token"),
    }
}
