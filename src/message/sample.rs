//! A message for tests: each says only what it is about.

use std::time::Duration;

use super::{Id, Message, Origin, Reason, State, Way};
use crate::address::Address;
use crate::clock::Time;

impl Message {
    /// A mail that waits for the relay: without a number, a price or a history.
    pub fn sample() -> Self {
        let accepted = Time(1_790_000_000_000);
        Self {
            id: Id(0),
            origin: Origin::Smtp,
            from: Address::Nobody,
            sender: Default::default(),
            to: "ben@here.org".parse().unwrap(),
            author: None,
            subject: String::new(),
            text: "text".into(),
            cut: vec![],
            mail: None,
            automatic: None,
            message_id: None,
            references: vec![],
            former: vec![],
            about: None,
            came_in: None,
            accepted,
            deadline: accepted + Duration::from_secs(60),
            clock_believed: true,
            clock_moved: None,
            state: State::Queued,
            reason: Default::default(),
            way: Way::Relay,
            next: accepted,
            tries: 0,
            unanswered: 0,
            delay_told: false,
            stranger: None,
            bill: None,
            receipt_until: None,
            terms: Default::default(),
            pressed: false,
            size: None,
            account: None,
            recall: false,
            whole: None,
            released: false,
            wanted: false,
            on_behalf_of: None,
            reporting: Default::default(),
            steps: vec![],
        }
    }
}

/// Words that a test made up.
impl From<&str> for Reason {
    fn from(words: &str) -> Self {
        Self::said(words)
    }
}
