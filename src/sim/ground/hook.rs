//! Calls of the webhook: made from a thread of their own, and repeated until somebody says yes.

use std::time::Duration;

use serde_json::json;

use super::terminals::{Terminals, Up};
use crate::clock::Time;
use crate::sim::faults::Fault;

/// A call without a yes is made again after this; the real pause is longer.
const AGAIN: Duration = Duration::from_millis(500);

/// A call that is to be made.
pub struct Call {
    /// Its content type.
    pub kind: &'static str,
    /// How the service names itself.
    pub agent: &'static str,
    /// Its body.
    pub body: String,
    /// A yes to it ends the matter.
    pub counts: bool,
}

/// Makes a call; true when the answer was a yes.
pub(super) fn make(url: &str, call: &Call, limit: Duration) -> bool {
    let config = ureq::Agent::config_builder().timeout_global(Some(limit)).proxy(None).build();
    let agent: ureq::Agent = config.into();
    let request = agent.post(url).header("Content-Type", call.kind).header("User-Agent", call.agent);
    request.send(call.body.as_bytes()).is_ok_and(|answer| answer.status().as_u16() == 200)
}

impl Terminals {
    /// Calls that are due: where to, the number of the message that each tells of, and the call.
    pub(super) fn due(&mut self, calls: impl Fn(&Up, Option<Fault>, Time) -> Vec<Call>) -> Vec<(String, usize, Call)> {
        let Some(url) = self.hook.clone() else { return Vec::new() };
        let now = self.clock.now();
        let mut due = Vec::new();
        for _ in 0..self.to_tell.len() {
            let Some((when, at)) = self.to_tell.pop_front() else { break };
            if when > now {
                self.to_tell.push_back((when, at));
                continue;
            }
            let fault = self.faults.next("hook");
            due.extend(calls(&self.ups[at], fault, now).into_iter().map(|call| (url.clone(), at, call)));
        }
        due
    }

    /// A call was made that tells of this message.
    pub(super) fn made(&mut self, at: usize, call: &Call, yes: bool) {
        self.journal.push(json!({"hook": self.ups[at].momsn, "yes": yes, "counts": call.counts}).to_string());
        match (call.counts, yes) {
            (false, _) => {}
            (true, true) => self.ups[at].told = true,
            (true, false) => self.to_tell.push_back((self.clock.now() + AGAIN, at)),
        }
    }
}
