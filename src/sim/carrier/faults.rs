//! What goes wrong when it is told to.

use std::collections::VecDeque;

use serde_json::json;

use crate::sim::http::{Answer, Wire};

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// A text to a phone.
    Send,
    /// A list of texts.
    List,
    /// One text.
    Fetch,
    /// A call of the carrier to a webhook.
    Call,
}

/// How.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refused with this status, before anything happened.
    Status(u16),
    /// Done, and no answer.
    Timeout,
    /// Done, and answered a byte at a time.
    Trickle,
    /// Done, and half an answer.
    Truncated,
    /// The connection ends before anything happened.
    ResetBefore,
    /// The connection ends after it was done.
    ResetAfter,
    /// The connection ends, and it is done a little later all the same.
    Late,
    /// A call is made two times.
    Twice,
    /// A call is not made.
    Never,
    /// A call has the wrong proof.
    Forged,
    /// A call is made two seconds later.
    Slow,
}

/// Names of the endpoints.
pub const ENDPOINTS: &[(&str, Endpoint)] =
    &[("send", Endpoint::Send), ("list", Endpoint::List), ("fetch", Endpoint::Fetch), ("call", Endpoint::Call)];

/// Names of the faults.
pub const KINDS: &[(&str, Fault)] = &[
    ("401", Fault::Status(401)),
    ("403", Fault::Status(403)),
    ("429", Fault::Status(429)),
    ("500", Fault::Status(500)),
    ("502", Fault::Status(502)),
    ("timeout", Fault::Timeout),
    ("trickle", Fault::Trickle),
    ("truncated", Fault::Truncated),
    ("reset-before", Fault::ResetBefore),
    ("reset-after", Fault::ResetAfter),
    ("late", Fault::Late),
    ("twice", Fault::Twice),
    ("never", Fault::Never),
    ("forged", Fault::Forged),
    ("slow", Fault::Slow),
];

/// What is to go wrong.
#[derive(Debug, Default)]
pub struct Faults(VecDeque<(Endpoint, Fault)>);

impl Faults {
    /// The next `count` calls of the endpoint go wrong.
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
    let mut answer = match fault {
        Fault::Status(502) => Answer::new(502, "text/html", b"<html>502 Bad Gateway</html>".to_vec()),
        Fault::Status(429) => {
            let mut answer = Answer::json(
                429,
                &json!({"code": 20429, "message": "Too Many Requests", "status": 429,
                "type": "max-message-queue-size-exceeded", "description": "simulated fault"}),
            );
            answer.headers.push(("Retry-After", "2".to_owned()));
            answer
        }
        Fault::Status(status) => {
            let code = if status == 401 { json!(20003) } else { json!(null) };
            Answer::json(
                status,
                &json!({"code": code, "message": "simulated fault", "status": status,
                "type": "simulated", "description": "simulated fault"}),
            )
        }
        Fault::ResetBefore => Answer::new(200, "text/plain", Vec::new()),
        _ => return None,
    };
    if fault == Fault::ResetBefore {
        answer.wire = Wire::Drop;
    }
    Some(answer)
}

/// Spoils the answer of a call that was done.
pub fn spoil(fault: Fault, mut answer: Answer) -> Answer {
    answer.wire = match fault {
        Fault::Timeout => Wire::Hang,
        Fault::Trickle => Wire::Trickle,
        Fault::Truncated => Wire::Cut,
        Fault::ResetAfter | Fault::Late => Wire::Drop,
        _ => answer.wire,
    };
    answer
}
