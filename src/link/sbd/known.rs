//! Makes a modem known to the network, which announces nothing to one that it does not know: a session without a message, for a
//! credit. Any other session does it as well.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Sbd;
use super::status::{self, Step};
use crate::clock::Time;
use crate::link::Event;

/// Such a session is not had again before this, whatever the modem says of itself then.
const AGAIN: Duration = Duration::from_secs(6 * 3600);

/// A session that made a modem known, or may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Had {
    imei: String,
    at: Time,
}

/// What is known of such sessions.
#[derive(Debug)]
pub struct Known {
    /// The last one, which holds for the lives of the program that come.
    had: Option<Had>,
    kept: Option<Had>,
    /// One that failed cost nothing and is tried again then.
    next: Instant,
    failures: u32,
    /// The session that runs has no other purpose.
    runs: bool,
}

impl Default for Known {
    fn default() -> Self {
        Self { had: None, kept: None, next: Instant::now(), failures: 0, runs: false }
    }
}

impl Known {
    /// Takes in what an earlier life kept; what cannot be read is no knowledge.
    pub(super) fn equip(&mut self, bytes: &[u8]) {
        self.kept = serde_json::from_slice(bytes).ok();
        self.had = self.kept.clone();
    }

    /// Gives what is to be kept, if that changed.
    pub(super) fn keep(&mut self) -> Option<Vec<u8>> {
        if self.kept == self.had {
            return None;
        }
        self.kept = self.had.clone();
        serde_json::to_vec(&self.kept).ok()
    }

    /// A session ended well, or may have.
    pub(super) fn done(&mut self) {
        (self.runs, self.failures) = (false, 0);
    }

    /// The session that runs failed; true if it had no other purpose, and waits by itself for its next try.
    pub(super) fn failed(&mut self, step: Step, rest: Duration) -> bool {
        if !std::mem::take(&mut self.runs) {
            return false;
        }
        (self.had, self.failures) = (None, self.failures.saturating_add(1));
        let wait = status::wait(self.failures).max(rest);
        let (wait, own) = match step {
            Step::Sent | Step::Never | Step::Retry => (wait, true),
            Step::Wait(least) => (wait.max(least), true),
            // What else is sent meets the same.
            Step::RadioOn | Step::LockedOut | Step::Operator(_) => (wait, false),
        };
        self.next = Instant::now() + wait;
        own
    }
}

impl Sbd {
    /// When a session makes the modem known; `None` when it is, or the owner does not want announcements.
    pub(super) fn register_due(&self) -> Option<Instant> {
        if !self.plan.answers_rings() || self.facts.registered != Some(false) {
            return None;
        }
        let had = self.known.had.as_ref().filter(|had| self.facts.imei.as_ref() == Some(&had.imei));
        let now = self.clock.now();
        // A clock that was set meanwhile, in either direction, is no reason to wait for longer.
        let ago = had.map_or(AGAIN, |had| now.since(had.at).max(had.at.since(now)));
        match AGAIN.saturating_sub(ago) {
            Duration::ZERO => Some(self.known.next),
            rest => Some(self.known.next.max(Instant::now() + rest)),
        }
    }

    /// A session begins that sends nothing and looks for nothing: it may cost a credit, also if its result is never heard.
    pub(super) fn begins_to_register(&mut self) {
        let Some(imei) = self.facts.imei.clone() else { return };
        self.known.had = Some(Had { imei, at: self.clock.now() });
        self.known.runs = true;
        self.events.push(Event::Keep);
    }
}
