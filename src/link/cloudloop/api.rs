//! The Data API: one POST for each message to a terminal, and a list of messages that tells what became of one whose
//! answer was lost.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::things::Thing;
use crate::back_off::BackOff;
use crate::clock::Time;
use crate::fault::Fault;
use crate::hex;
use crate::http_client::{Answer, CallError, HttpClient, quote};
use crate::link::ground::fields::text;
use crate::link::ground::{ERROR_AGAIN, Found, Handed, LOGIN_AGAIN, UNSENT_AGAIN, client};
use crate::message::Reason;
use crate::settings::{Key, Settings};

/// What people call the service.
pub const TITLE: &str = "Cloudloop";
/// Waits where the service asks for patience without saying for how long.
const PATIENCE: BackOff = BackOff::doubling(Duration::from_secs(60), Duration::from_secs(3600));
/// The list of messages shows so many bytes of each.
const SNIPPET: usize = 128;
/// The list is asked for from this long before the message on, so that it shows earlier ones as well.
const BEFORE: Duration = Duration::from_secs(2 * 86_400);
/// And to this long after now.
const AFTER: Duration = Duration::from_secs(600);
/// A message that is not listed so long after its hand-over began, where earlier ones are, was not queued.
const SETTLED: Duration = Duration::from_secs(120);
/// Numbers of messages that are remembered.
const MOST_NUMBERS: usize = 64;

/// A client of Cloudloop's API, with what it learned of terminals and messages.
pub struct Api {
    http: HttpClient,
    token: String,
    topic: String,
    /// Times in a row that it asked for patience.
    patience: u32,
    /// Messages in its list that are known to be others.
    excluded: Vec<u64>,
    /// Messages that it has certainly queued.
    known: Vec<u64>,
}

impl Api {
    /// Makes a client with the address, token and topic of the settings.
    pub fn new(settings: &Settings) -> Self {
        Self {
            http: client(TITLE, "cloudloop.url", settings.text(Key::CloudloopUrl)),
            token: settings.text(Key::CloudloopToken).to_owned(),
            topic: settings.text(Key::CloudloopTopic).to_owned(),
            patience: 0,
            excluded: Vec::new(),
            known: Vec::new(),
        }
    }

    /// Where the service is, as the settings say.
    pub fn address(&self) -> &str {
        self.http.base()
    }

    /// Whether it can be asked at all.
    ///
    /// # Errors
    /// There is no token.
    pub fn ready(&self) -> Result<(), Fault> {
        match self.token.is_empty() {
            true => Err(Fault::operator("no token for Cloudloop is set: set cloudloop.token")),
            false => Ok(()),
        }
    }

    /// Queues a message for a terminal.
    pub fn queue(&mut self, thing: &Thing, payload: &[u8]) -> Handed {
        let (hex, base64) = (hex::encode(payload), STANDARD.encode(payload));
        let answer = match thing.imt {
            false => self.post("/Data/DoSendSbdMessage", &[("thing", &thing.id), ("message", &hex)]),
            true => {
                let fields = [("thing", thing.id.as_str()), ("message", &base64), ("topic", &self.topic)];
                self.post("/Data/DoSendImtMessage", &fields)
            }
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(CallError::Unsent(fault)) => return Handed::Stopped(fault, UNSENT_AGAIN),
            Err(CallError::Lost(why)) => return Handed::Unknown(Reason::said(why)),
        };
        self.patience = if answer.status == 429 { self.patience.saturating_add(1) } else { 0 };
        let said = words(&answer);
        match answer.status {
            200..=299 => match number(&answer.body) {
                Some(number) => {
                    self.known(&[number]);
                    Handed::Queued(number)
                }
                None => Handed::Unknown(Reason::said(format_args!(
                    "the answer of Cloudloop cannot be read, and it may have taken the message: {said}"
                ))),
            },
            401 | 403 => Handed::Stopped(
                Fault::operator(format!("Cloudloop refuses the token: check cloudloop.token {said}")),
                LOGIN_AGAIN,
            ),
            429 => Handed::Stopped(
                Fault::temporary(format!("Cloudloop asks for patience {said}")),
                answer.after.unwrap_or_else(|| PATIENCE.wait(self.patience)),
            ),
            503 => Handed::Stopped(
                Fault::temporary(format!("Cloudloop is not there now {said}")),
                answer.after.unwrap_or(ERROR_AGAIN),
            ),
            300..=399 => Handed::Stopped(
                Fault::operator(format!("that is not Cloudloop: check cloudloop.url {said}")),
                ERROR_AGAIN,
            ),
            400..=499 => Handed::Refused(Fault::operator(format!(
                "Cloudloop does not take a message for the thing {}: look at the terminal and its plan there {said}",
                thing.id
            ))),
            _ => Handed::Unknown(Reason::said(format_args!(
                "Cloudloop has an error, and may have taken the message {said}"
            ))),
        }
    }

    /// What became of a message that began so and was handed over at this time. That the list does not have it proves something only
    /// where it has earlier ones, and some time has passed.
    pub fn find(&mut self, thing: &Thing, begins: &[u8], at: Time, now: Time) -> Found {
        let Some((from, to)) = stamp(at - BEFORE).zip(stamp(now + AFTER)) else { return Found::Unknown };
        let fields = [("thing", thing.id.as_str()), ("from", from.as_str()), ("to", to.as_str())];
        let Ok(answer) = self.post("/Data/GetMessageRecordsForThing", &fields) else { return Found::Unknown };
        let Some(listed) = Listed::read(&answer.body).filter(|_| answer.status == 200) else { return Found::Unknown };
        // Those that were handed over earlier, and answered, are not it.
        let others: Vec<_> = self.excluded.iter().chain(&self.known).copied().collect();
        match listed.find(begins, &others) {
            Some(number) => Found::Queued(number),
            None if now.since(at) >= SETTLED && self.known.iter().any(|number| listed.has(*number)) => Found::Never,
            None => Found::Unknown,
        }
    }

    /// This number is known to be another message with the same content.
    pub fn exclude(&mut self, number: u64) {
        remember(&mut self.excluded, number);
    }

    /// These are numbers of messages that it has certainly queued.
    pub fn known(&mut self, numbers: &[u64]) {
        numbers.iter().for_each(|number| remember(&mut self.known, *number));
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<Answer, CallError> {
        let form: Vec<_> = fields.iter().copied().chain([("token", self.token.as_str())]).collect();
        self.http.post_form("a message to send", path, &[], &form)
    }
}

/// A moment as the API reads it.
fn stamp(at: Time) -> Option<String> {
    Some(jiff::Timestamp::from_second(at.seconds()).ok()?.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// What the service says, in brackets, for the end of a sentence.
fn words(answer: &Answer) -> String {
    let error = answer.json().get("error").map(text).filter(|error| !error.is_empty());
    let error = error.unwrap_or_else(|| String::from_utf8_lossy(&answer.body).into_owned());
    format!("(Cloudloop: {} {})", answer.status, quote(&error))
}

/// The number of the message in an answer: its `id`, which is a text of letters and digits, as a number.
pub fn number(body: &[u8]) -> Option<u64> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let id = value.get("id").map(text).filter(|id| !id.is_empty())?;
    Some(as_number(&id))
}

fn as_number(id: &str) -> u64 {
    id.parse().unwrap_or_else(|_| {
        let hash = Sha256::digest(id.as_bytes());
        hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    })
}

fn remember(numbers: &mut Vec<u64>, number: u64) {
    if numbers.len() >= MOST_NUMBERS {
        numbers.remove(0);
    }
    numbers.push(number);
}

/// Messages for a terminal that the service lists: number, and the first bytes in hex.
pub struct Listed(Vec<(u64, String)>);

impl Listed {
    /// Reads the list; `None` when it is none.
    pub fn read(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let records = value.get("messageRecords")?.as_array()?;
        let read = |record: &Value| {
            let of = |name: &str| record.get(name).map(text).unwrap_or_default();
            // Whatever the direction is called, one from a terminal is never the one looked for.
            let down = !of("id").is_empty() && !of("direction").to_uppercase().contains("MO");
            down.then(|| (as_number(&of("id")), of("snippet")))
        };
        Some(Self(records.iter().filter_map(read).collect()))
    }

    /// True where it has a message of this number.
    fn has(&self, number: u64) -> bool {
        self.0.iter().any(|(listed, _)| *listed == number)
    }

    /// The number of a message with this content, other than these.
    fn find(&self, payload: &[u8], others: &[u64]) -> Option<u64> {
        let begins = hex::encode(&payload[..payload.len().min(SNIPPET)]);
        let fits =
            |(number, snippet): &&(u64, String)| snippet.eq_ignore_ascii_case(&begins) && !others.contains(number);
        self.0.iter().find(fits).map(|(number, _)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        assert_eq!(number(br#"{"id":"4114651"}"#), Some(4_114_651));
        let long = number(br#"{"id":"QwErTyUiOpAsDfGhJkLzXcVbNm123456"}"#);
        assert!(long.is_some() && long != number(br#"{"id":"qwErTyUiOpAsDfGhJkLzXcVbNm123456"}"#));
        for odd in [&b"<html>"[..], b"", b"{}", br#"{"id":""}"#, b"[]", b"\xff"] {
            assert_eq!(number(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn a_message_is_found_by_its_first_bytes_and_others_are_passed_over() {
        let list = br#"{"messageRecords":[
            {"id":"1","direction":"MESSAGE_DIRECTION_MO","snippet":"486921"},
            {"id":"2","direction":"MESSAGE_DIRECTION_MT","snippet":"486922"},
            {"id":"3","direction":"MESSAGE_DIRECTION_MT","snippet":"486921"},
            {"id":"4","direction":"MESSAGE_DIRECTION_MT","snippet":"486921"}]}"#;
        let listed = Listed::read(list).unwrap();
        assert_eq!(listed.find(b"Hi!", &[]), Some(3));
        assert_eq!(listed.find(b"Hi!", &[3]), Some(4));
        assert_eq!(listed.find(b"Hi!", &[3, 4]), None);
        assert!(listed.has(2) && !listed.has(1));
        assert!(Listed::read(b"{}").is_none());
        let long = vec![0xab; 200];
        let list = format!(r#"{{"messageRecords":[{{"id":"5","snippet":"{}"}}]}}"#, "AB".repeat(SNIPPET));
        let listed = Listed::read(list.as_bytes()).unwrap();
        assert_eq!(listed.find(&long, &[]), Some(5));
        assert_eq!(listed.find(&long[..100], &[]), None);
    }
}
