//! The faults that only this service has.

use serde_json::json;

use crate::sim::faults::{Fault, Menu};
use crate::sim::http::Answer;

/// Its endpoints: a message for a terminal, the list of messages, a call of the webhook.
pub(super) static MENU: Menu =
    Menu { endpoints: &["mt", "list", "hook"], own: &["404", "html", CRC, TWICE, CORE, FORM, TEST, GARBAGE] };

/// A message of an IMT modem came damaged.
pub(super) const CRC: &str = "crc";
/// A call is made twice, as for two destinations of the account.
pub(super) const TWICE: &str = "twice";
/// A call has the older format.
pub(super) const CORE: &str = "core";
/// A call is a form.
pub(super) const FORM: &str = "form";
/// A test of the address comes before the call.
pub(super) const TEST: &str = "test";
/// A call comes before it that nobody can read.
pub(super) const GARBAGE: &str = "garbage";

/// The answer of a call that is not done because of this fault; `None` when it is done all the same.
pub(super) fn instead(fault: Fault) -> Option<Answer> {
    let error = |status| Answer::json(status, &json!({"error": "A simulated fault"}));
    match fault {
        Fault::Own("html") => {
            Some(Answer::new(200, "text/html", b"<html><body>We are working on it.</body></html>".to_vec()))
        }
        Fault::Own("404") => Some(error(404)),
        fault => fault.instead(error),
    }
}
