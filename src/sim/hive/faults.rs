//! The faults that only the Hive has.

use serde_json::{Value, json};

use crate::sim::faults::{Fault, Menu};
use crate::sim::http::Answer;

/// Its endpoints: `POST /login`, the listing of messages, `rxack`, sending.
pub static MENU: Menu = Menu { endpoints: &["login", "list", "ack", "send"], own: OWN };

/// Refusals are not done and answered with 200; the others spoil the items of a page, or their order, or say yes otherwise.
const OWN: &[&str] =
    &[REFUSED, OBJECT, CREATED, "no-message-id", "string-message-id", "garbage", DUPLICATE, "unsorted"];

/// Not done, and 200 says `ERROR`.
const REFUSED: &str = "error200";
/// Not done, and an error object where a list should be.
const OBJECT: &str = "object";
/// Done, and the yes is a 201.
const CREATED: &str = "201";
/// Each packet that waits was repeated by its device.
pub const DUPLICATE: &str = "duplicate";

/// The answer of a call that is not done because of this fault; `None` when it is done all the same.
pub fn instead(fault: Fault) -> Option<Answer> {
    match fault {
        Fault::Own(REFUSED) => Some(Answer::json(200, &json!({"packetId": 0, "status": "ERROR simulated fault"}))),
        Fault::Own(OBJECT) => {
            Some(Answer::json(200, &json!({"status": "401 UNAUTHORIZED", "message": "simulated fault"})))
        }
        fault => fault.instead(|status| error(status, "simulated fault")),
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
        Fault::Own(CREATED) => answer.status = 201,
        Fault::Own(name) => spoil_items(name, &mut answer),
        fault => return fault.spoil(answer),
    }
    answer
}

fn spoil_items(fault: &str, answer: &mut Answer) {
    let Ok(Value::Array(mut items)) = serde_json::from_slice(&answer.body) else { return };
    if fault == "unsorted" {
        items.reverse();
        let half = items.len() / 3;
        items.rotate_left(half);
    }
    for item in items.iter_mut().filter_map(Value::as_object_mut) {
        match fault {
            "no-message-id" => {
                item.remove("messageId");
            }
            "string-message-id" => {
                let text = item.get("messageId").map(Value::to_string).unwrap_or_default();
                item.insert("messageId".to_owned(), Value::String(text));
            }
            "garbage" => {
                item.insert("data".to_owned(), Value::String("@@@ no base64".to_owned()));
            }
            _ => {}
        }
    }
    answer.body = Value::Array(items).to_string().into_bytes();
}
