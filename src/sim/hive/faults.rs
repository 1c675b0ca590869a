//! Faults on demand: per endpoint, for the next calls.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::sim::http::{Answer, Wire};

/// Where a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST /login`.
    Login,
    /// Listing of messages.
    List,
    /// `rxack`.
    Ack,
    /// Sending.
    Send,
}

/// The names of the endpoints.
pub const ENDPOINTS: &[(&str, Endpoint)] =
    &[("login", Endpoint::Login), ("list", Endpoint::List), ("ack", Endpoint::Ack), ("send", Endpoint::Send)];

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This HTTP status; nothing is done. With 401 the token ends as well.
    Status(u16),
    /// Done, and no answer.
    Timeout,
    /// Done, and an answer that takes minutes.
    Trickle,
    /// Not done, and the connection ends.
    ResetBefore,
    /// Done, and the connection ends.
    ResetAfter,
    /// Not done, and 200 says `ERROR`.
    Error200,
    /// Done, and half an answer.
    Truncated,
    /// Not done, and an error object where a list should be.
    Object,
    /// Items without `messageId`.
    NoMessageId,
    /// Items whose `messageId` is a string.
    StringMessageId,
    /// Items whose `data` is no base64.
    Garbage,
    /// Each packet that waits was repeated by its device.
    Duplicate,
    /// The page is in no order.
    Unsorted,
}

/// The names of the faults.
pub const KINDS: &[(&str, Fault)] = &[
    ("401", Fault::Status(401)),
    ("403", Fault::Status(403)),
    ("429", Fault::Status(429)),
    ("500", Fault::Status(500)),
    ("502", Fault::Status(502)),
    ("timeout", Fault::Timeout),
    ("trickle", Fault::Trickle),
    ("reset-before", Fault::ResetBefore),
    ("reset-after", Fault::ResetAfter),
    ("error200", Fault::Error200),
    ("truncated", Fault::Truncated),
    ("object", Fault::Object),
    ("no-message-id", Fault::NoMessageId),
    ("string-message-id", Fault::StringMessageId),
    ("garbage", Fault::Garbage),
    ("duplicate", Fault::Duplicate),
    ("unsorted", Fault::Unsorted),
];

/// Looks a name up in a table of this module.
pub fn named<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == name).map(|(_, meant)| *meant)
}

/// What is to go wrong.
#[derive(Default)]
pub struct Faults(VecDeque<(Endpoint, Fault)>);

impl Faults {
    /// The next `count` calls of the endpoint (after those already planned) go wrong.
    pub fn plan(&mut self, endpoint: Endpoint, fault: Fault, count: usize) {
        self.0.extend(std::iter::repeat_n((endpoint, fault), count.min(10_000)));
    }

    /// Nothing goes wrong any more.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What goes wrong with this call.
    pub fn next(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let at = self.0.iter().position(|(planned, _)| *planned == endpoint)?;
        self.0.remove(at).map(|(_, fault)| fault)
    }
}

/// The answer of a call that is not done because of this fault; `None` when it is done all the same.
pub fn instead(fault: Fault) -> Option<Answer> {
    match fault {
        Fault::Status(502) => {
            let page = b"<html><body><h1>502 Bad Gateway</h1></body></html>".to_vec();
            Some(Answer::new(502, "text/html", page))
        }
        Fault::Status(status) => Some(error(status, "simulated fault")),
        Fault::Error200 => Some(Answer::json(200, &json!({"packetId": 0, "status": "ERROR simulated fault"}))),
        Fault::Object => Some(Answer::json(200, &json!({"status": "401 UNAUTHORIZED", "message": "simulated fault"}))),
        Fault::ResetBefore => {
            let mut answer = Answer::new(200, "text/plain", Vec::new());
            answer.wire = Wire::Drop;
            Some(answer)
        }
        _ => None,
    }
}

/// An ApiError.
pub fn error(status: u16, message: &str) -> Answer {
    let name = crate::sim::http::reason(status).to_uppercase().replace(' ', "_");
    let value = json!({"status": format!("{status} {name}"), "message": message, "debugMessage": null});
    Answer::json(status, &value)
}

/// Spoils the answer of a call that was done.
pub fn spoil(fault: Fault, mut answer: Answer) -> Answer {
    match fault {
        Fault::Timeout => answer.wire = Wire::Hang,
        Fault::Trickle => answer.wire = Wire::Trickle,
        Fault::ResetAfter => answer.wire = Wire::Drop,
        Fault::Truncated => answer.wire = Wire::Cut,
        _ => spoil_items(fault, &mut answer),
    }
    answer
}

fn spoil_items(fault: Fault, answer: &mut Answer) {
    let Ok(Value::Array(mut items)) = serde_json::from_slice(&answer.body) else { return };
    if fault == Fault::Unsorted {
        items.reverse();
        let half = items.len() / 3;
        items.rotate_left(half);
    }
    for item in items.iter_mut().filter_map(Value::as_object_mut) {
        match fault {
            Fault::NoMessageId => {
                item.remove("messageId");
            }
            Fault::StringMessageId => {
                let text = item.get("messageId").map(Value::to_string).unwrap_or_default();
                item.insert("messageId".to_owned(), Value::String(text));
            }
            Fault::Garbage => {
                item.insert("data".to_owned(), Value::String("@@@ no base64".to_owned()));
            }
            _ => {}
        }
    }
    answer.body = Value::Array(items).to_string().into_bytes();
}
