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
use crate::link::ground::{Handed, LOGIN_AGAIN, UNSENT_AGAIN, client};
use crate::message::Reason;
use crate::settings::{Key, Settings};

/// What people call the service.
pub const TITLE: &str = "Cloudloop";
/// Waits where the service asks for patience without saying for how long.
const PATIENCE: BackOff = BackOff::doubling(Duration::from_secs(60), Duration::from_secs(3600));
/// The list of messages shows so many bytes of each.
const SNIPPET: usize = 128;
/// The list is asked for from this long before the message on, to this long after now.
const AROUND: Duration = Duration::from_secs(600);
/// Numbers of other messages that are kept.
const MOST_EXCLUDED: usize = 64;

/// The client of the API.
pub struct Api {
    http: HttpClient,
    token: String,
    topic: String,
    /// Times in a row that it asked for patience.
    patience: u32,
    /// Messages in its list that are known to be others.
    excluded: Vec<u64>,
}

impl Api {
    /// As the settings say.
    pub fn new(settings: &Settings) -> Self {
        Self {
            http: client(TITLE, "cloudloop.url", settings.text(Key::CloudloopUrl)),
            token: settings.text(Key::CloudloopToken).to_owned(),
            topic: settings.text(Key::CloudloopTopic).to_owned(),
            patience: 0,
            excluded: Vec::new(),
        }
    }

    /// Where the service is.
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
                Some(number) => Handed::Queued(number),
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
            400..=499 => Handed::Refused(Fault::operator(format!(
                "Cloudloop does not take a message for the thing {}: look at the terminal and its plan there {said}",
                thing.id
            ))),
            _ => Handed::Unknown(Reason::said(format_args!(
                "Cloudloop has an error, and may have taken the message {said}"
            ))),
        }
    }

    /// The number of a message with this content that the service has for a terminal; `None` when it lists none, or
    /// cannot be asked. That it lists none proves nothing: how soon it does is not said.
    pub fn find(&mut self, thing: &Thing, payload: &[u8], at: Time, now: Time) -> Option<u64> {
        let (from, to) = (stamp(at - AROUND)?, stamp(now + AROUND)?);
        let fields = [("thing", thing.id.as_str()), ("from", from.as_str()), ("to", to.as_str())];
        let answer = self.post("/Data/GetMessageRecordsForThing", &fields).ok()?;
        (answer.status == 200).then(|| found(&answer.body, payload, &self.excluded))?
    }

    /// This number is known to be another message with the same content.
    pub fn exclude(&mut self, number: u64) {
        if self.excluded.len() >= MOST_EXCLUDED {
            self.excluded.remove(0);
        }
        self.excluded.push(number);
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

/// The number of a message for a terminal with this content in a list of messages, other than these.
pub fn found(body: &[u8], payload: &[u8], excluded: &[u64]) -> Option<u64> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let begins = hex::encode(&payload[..payload.len().min(SNIPPET)]);
    let records = value.get("messageRecords")?.as_array()?;
    let fits = |record: &&Value| {
        let of = |name: &str| record.get(name).map(text).unwrap_or_default();
        // Whatever the direction is called, one from a terminal is never the one looked for.
        of("snippet").eq_ignore_ascii_case(&begins) && !of("direction").to_uppercase().contains("MO")
    };
    let numbers = records.iter().filter(fits).filter_map(|record| record.get("id").map(text));
    numbers.map(|id| as_number(&id)).find(|number| !excluded.contains(number))
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
        assert_eq!(found(list, b"Hi!", &[]), Some(3));
        assert_eq!(found(list, b"Hi!", &[3]), Some(4));
        assert_eq!(found(list, b"Hi!", &[3, 4]), None);
        assert_eq!(found(b"{}", b"Hi!", &[]), None);
        let long = vec![0xab; 200];
        let list = format!(r#"{{"messageRecords":[{{"id":"5","snippet":"{}"}}]}}"#, "AB".repeat(SNIPPET));
        assert_eq!(found(list.as_bytes(), &long, &[]), Some(5));
        assert_eq!(found(list.as_bytes(), &long[..100], &[]), None);
    }
}
