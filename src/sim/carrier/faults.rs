//! The faults that only carriers have, and their words for a refusal.

use serde_json::json;

use crate::sim::faults::{Fault, Menu};
use crate::sim::http::{Answer, Wire};

/// Its endpoints: a text to a phone, a list of texts, one text, a call of the carrier to a webhook.
pub static MENU: Menu =
    Menu { endpoints: &["send", "list", "fetch", "call"], own: &[LATE, TWICE, NEVER, FORGED, SLOW] };

/// The connection ends, and it is done a little later all the same.
pub const LATE: &str = "late";
/// A call is made two times.
pub const TWICE: &str = "twice";
/// A call is not made.
pub const NEVER: &str = "never";
/// A call has the wrong proof.
pub const FORGED: &str = "forged";
/// A call is made two seconds later.
pub const SLOW: &str = "slow";

/// The answer of a call that is not done because of this fault; `None` when it is done all the same.
pub fn instead(fault: Fault) -> Option<Answer> {
    fault.instead(refusal)
}

/// A refusal that both carriers' clients can read.
fn refusal(status: u16) -> Answer {
    let (code, kind) = match status {
        401 => (json!(20003), "unauthorized"),
        429 => (json!(20429), "max-message-queue-size-exceeded"),
        _ => (json!(null), "simulated"),
    };
    let value = json!({"code": code, "message": "simulated fault", "status": status,
                       "type": kind, "description": "simulated fault"});
    let mut answer = Answer::json(status, &value);
    if status == 429 {
        answer.headers.push(("Retry-After", "2".to_owned()));
    }
    answer
}

/// Spoils the answer of a call that was done.
pub fn spoil(fault: Fault, answer: Answer) -> Answer {
    match fault {
        Fault::Own(LATE) => Answer { wire: Wire::Drop, ..answer },
        fault => fault.spoil(answer),
    }
}
