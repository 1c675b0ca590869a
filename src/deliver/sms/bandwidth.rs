//! Bandwidth Messaging v2 (the vendor's specification and guides).
//!
//! A refusal (4xx, 5xx) is certain: nothing was sent. A request whose answer was lost is searched for; the search never
//! shows texts, so it can prove that a text was taken and not that it was not.

mod errors;
pub mod hook;

use serde_json::{Value, json};

use super::{Carrier, Delivery, Found, IncomingText, OutgoingText, Row, SmsRefusal, SmsResult, basic, needed};
use crate::clock::Time;
use crate::fault::Fault;
use crate::http_client::{Answer, CallError, HttpClient, encode, quote};
use crate::settings::{Key, Settings};
use errors::judge_report;

/// Bandwidth in the table of carriers.
pub const ROW: Row = Row {
    name: "bandwidth",
    title: "Bandwidth",
    polls: false,
    answers_help: false,
    settings: &[
        Key::BandwidthUrl,
        Key::BandwidthAccount,
        Key::BandwidthUser,
        Key::BandwidthPassword,
        Key::BandwidthApplication,
        Key::SmsTimeout,
    ],
    make: |settings| Bandwidth::new(settings).map(|bandwidth| Box::new(bandwidth) as Box<dyn Carrier>),
    hook: hook::read,
    yes: ("text/plain", ""),
};

/// Our clock and Bandwidth's are believed to be together within this.
const TOLERANCE: std::time::Duration = std::time::Duration::from_secs(120);

/// Texts in one answer of the search.
const MOST_LISTED: usize = 100;

struct Bandwidth {
    http: HttpClient,
    login: String,
    account: String,
    application: String,
}

impl Bandwidth {
    fn new(settings: &Settings) -> Result<Self, Fault> {
        let account = needed(settings, Key::BandwidthAccount)?;
        let user = needed(settings, Key::BandwidthUser)?;
        let application = needed(settings, Key::BandwidthApplication)?;
        let url = settings.text(Key::BandwidthUrl);
        let http = HttpClient::new(ROW.title, "bandwidth.url", url, settings.span(Key::SmsTimeout));
        let login = basic(&user, settings.text(Key::BandwidthPassword));
        Ok(Self { http, login, account, application })
    }

    fn messages(&self) -> String {
        format!("/users/{}/messages", encode(&self.account))
    }

    fn search(&self, query: &str) -> Result<Vec<Value>, Fault> {
        let what = "a search for texts";
        let path = format!("{}?{query}", self.messages());
        let answer = self.http.get(what, &path, &[("Authorization", &self.login)]).map_err(CallError::fault)?;
        let body = answer.json();
        match (answer.status, body.get("messages").and_then(Value::as_array)) {
            (200..=299, Some(messages)) => Ok(messages.clone()),
            (200..=299, None) => Err(Fault::temporary("Bandwidth: its list of texts cannot be read")),
            (401 | 403, _) => Err(refusal(&answer).fault),
            (status, _) => Err(Fault::temporary(format!("Bandwidth answered {status} to {what}"))),
        }
    }
}

impl Carrier for Bandwidth {
    fn send(&mut self, text: &OutgoingText) -> SmsResult {
        let body = json!({
            "applicationId": self.application,
            "to": [text.to],
            "from": text.from,
            "text": text.text,
            "tag": text.tag,
        });
        let headers = [("Authorization", self.login.as_str())];
        match self.http.post_json("a text", &self.messages(), &headers, body.to_string().as_bytes()) {
            Ok(answer) if (200..300).contains(&answer.status) => {
                let said = answer.json();
                match said.get("id").and_then(Value::as_str) {
                    Some(id) => SmsResult::Taken(id.to_owned()),
                    None if said.get("type").is_some() => SmsResult::Refused(refusal(&answer)),
                    None => SmsResult::Unknown("Bandwidth said yes and gave no name for the text".to_owned()),
                }
            }
            // A gateway before Bandwidth lost its answer: only Bandwidth's own errors have a type. 503 is a refusal whoever
            // says it.
            Ok(answer) if matches!(answer.status, 502 | 504) && answer.json().get("type").is_none() => {
                SmsResult::Unknown(format!("Bandwidth answered {} to a text", answer.status))
            }
            Ok(answer) => SmsResult::Refused(refusal(&answer)),
            Err(CallError::Unsent(fault)) => SmsResult::Refused(fault.into()),
            Err(CallError::Lost(why)) => SmsResult::Unknown(why),
        }
    }

    fn find(&mut self, text: &OutgoingText, since: Time, known: &dyn Fn(&str) -> bool) -> Result<Found, Fault> {
        let query = format!(
            "messageDirection=OUTBOUND&sourceTn={}&destinationTn={}&fromDateTime={}&limit={MOST_LISTED}",
            encode(&text.from.to_string()),
            encode(&text.to.to_string()),
            encode(&(since - TOLERANCE).to_string()),
        );
        let mut found = self.search(&query)?;
        if found.len() >= MOST_LISTED {
            // There may be more, so their number says nothing.
            return Ok(Found::Nothing { certain: false });
        }
        let field = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        // The list has the newest first; what came at one moment stays in that order, turned round.
        found.reverse();
        found.sort_by_key(|item| field(item, "receiveTime"));
        let names: Vec<_> =
            found.iter().filter_map(|item| field(item, "messageId")).filter(|name| !known(name)).collect();
        Ok(if names.is_empty() { Found::Nothing { certain: false } } else { Found::Alike(names) })
    }

    fn fate(&mut self, id: &str) -> Result<Delivery, Fault> {
        let found = self.search(&format!("messageId={}", encode(id)))?;
        let Some(item) = found.first() else { return Ok(Delivery::Waiting) };
        let code = item.get("errorCode").and_then(Value::as_u64).filter(|code| *code != 0);
        Ok(match item.get("messageStatus").and_then(Value::as_str).unwrap_or_default() {
            "DELIVERED" => Delivery::Delivered,
            "FAILED" | "UNDELIVERED" => judge_report(code, ""),
            _ => Delivery::Waiting,
        })
    }

    /// Bandwidth's search never shows texts: they come by webhook only.
    fn inbound(&mut self, _since: Time, _each: &mut dyn FnMut(IncomingText) -> Result<(), Fault>) -> Result<(), Fault> {
        Ok(())
    }
}

/// What an error of the interface means.
fn refusal(answer: &Answer) -> SmsRefusal {
    let body = answer.json();
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(quote).unwrap_or_default();
    let fields = body.get("fieldErrors").and_then(Value::as_array).into_iter().flatten();
    let fields: Vec<_> = fields
        .filter_map(|field| {
            Some(format!("{}: {}", field.get("fieldName")?.as_str()?, field.get("description")?.as_str()?))
        })
        .collect();
    let (kind, words) = (text("type"), text("description"));
    let said = format!("Bandwidth answered {} {kind} {words} {}", answer.status, quote(&fields.join("; ")));
    let said = crate::deliver::compose::one_line(&said);
    let fault = match answer.status {
        401 | 403 => Fault::operator(format!("{said}: check bandwidth.user, bandwidth.password and bandwidth.account")),
        404 | 405 | 406 | 415 => Fault::operator(format!("{said}: check bandwidth.url and bandwidth.account")),
        400 if fields.iter().any(|field| field.starts_with("applicationId")) => {
            Fault::operator(format!("{said}: check bandwidth.application"))
        }
        400 if fields.iter().any(|field| field.starts_with("from")) => {
            Fault::operator(format!("{said}: check the service number of the sender"))
        }
        402 => Fault::operator(format!("{said}: see to the account at Bandwidth")),
        // Errors of its own have a type. Somebody between here and there says nothing of the text.
        300..=499 if kind.is_empty() && !matches!(answer.status, 408 | 425 | 429) => {
            Fault::operator(format!("{said}: that is not Bandwidth; check bandwidth.url and the internet connection"))
        }
        200..=299 | 408 | 425 | 429 | 500..=599 => Fault::temporary(said),
        _ => Fault::permanent(said),
    };
    SmsRefusal { after: answer.after, ..fault.into() }
}

/// A time such as `2021-07-21T21:00:45.179Z`.
fn iso(text: &str) -> Option<Time> {
    text.parse::<jiff::Timestamp>().ok().map(|at| Time(at.as_millisecond()))
}
