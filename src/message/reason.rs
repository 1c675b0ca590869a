//! Why a message stands where it stands: facts as data. Words are made where they are shown, see [`super::words`].
//!
//! In the store a reason is an object whose `code` names its family and whose `is` names the fact, with the values beside
//! them: `{"code":"waits","is":"link","packets":2}`. Older records have a sentence in its place, which is kept as
//! [`Reason::Old`]; what a newer version wrote is kept as [`Reason::Unknown`] and shown as such.

mod contact;
mod device;
mod far_box;
mod line;
mod link;
mod relay;
mod route;
mod rule;
mod session;
mod text;
mod tracking;
mod transport;
mod unusable;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Time;
use crate::fault::Fault;
use crate::money::{OverBudget, OverPrice};

pub use contact::Contact;
pub use device::{Caution, DeviceReason, Foreign, GpsFix, Obstacle, Rejection, Remedy};
pub use far_box::FarBoxReason;
pub use line::{ByeReason, CallFailure, LineReason, PairFailure};
pub use link::{Acknowledged, GoneReason, LinkReason, Part, SignalFigures, Taken};
pub use relay::{RelayHint, RelayReason, RelayRefusal};
pub use route::{Arrived, LinkBar, NeedsOwner, NoRoute, SplitError, Waits};
pub use rule::{Barred, Ground, SentBy, Whose};
pub use session::SessionReason;
pub use text::{Doubt, TextCount, TextReason};
pub use tracking::TrackingReason;
pub use transport::TransportReason;
pub use unusable::Unusable;

/// Why a message is in its state, or what a step of its time line was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Reason {
    /// There is no way to its recipient.
    NoRoute(NoRoute),
    /// It waits for its way out.
    Waits(Waits),
    /// The owner has to do something first.
    NeedsOwner(NeedsOwner),
    /// It is never carried on a way that costs.
    Barred(Barred),
    /// The rules hold it for the owner's decision.
    HeldByRule(Ground),
    /// The rules refuse it: nobody is asked.
    RefusedByRule(Ground),
    /// It costs more than it may.
    OverPrice(OverPrice),
    /// A budget does not allow it this month.
    OverBudget(OverBudget),
    /// It is where it should be.
    Arrived(Arrived),
    /// Somebody of this box did something with it.
    Action(ActionReason),
    /// What the link did, or did not do.
    Link(LinkReason),
    /// What a link knows, or does not know, of a packet that it was given.
    Tracking(TrackingReason),
    /// What a link says of the device, or the service, at its other end.
    Device(DeviceReason),
    /// What a link says of the sessions of its modem.
    Session(SessionReason),
    /// What a link says of a modem that takes whole messages.
    Transport(TransportReason),
    /// What a link over the internet says of its line, and of packets on it.
    Line(LineReason),
    /// It cannot be used, and is set aside.
    Unusable(Unusable),
    /// What the far box says of it.
    FarBox(FarBoxReason),
    /// What the carrier of text messages did, or did not do.
    Text(TextReason),
    /// What the mail relay answered, or what came back from behind it.
    Relay(RelayReason),
    /// What was in the way when its time ran out, or when it had to be given back.
    Ended {
        /// The reason that stood before it ended.
        why: Box<Self>,
        /// The time of its sender's terms, where it expired at that; else `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wanted_by: Option<Time>,
        /// Nobody was told: it has no sender that could be.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        untold: bool,
    },
    /// It would go, once more or because somebody lets it go, and a budget does not allow it.
    AgainOverBudget {
        /// Why it would go.
        why: Box<Self>,
        /// The budget that has no room for it.
        budget: OverBudget,
    },
    /// A verdict about a mail that somebody else sent than it is from.
    SentBy(Box<SentBy>),
    /// What a device, a server or the system says about itself, as it came.
    Said {
        /// The text as it came: of one line, in the language of whoever said it.
        words: String,
    },
    /// The sentence in a record of an older version: read, never written anew.
    #[serde(untagged)]
    Old(String),
    /// What a newer version wrote.
    #[serde(untagged)]
    Unknown(Value),
}

/// What somebody of this box, or the box itself, decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ActionReason {
    /// Out of its queue until it is released.
    Held {
        /// Name of the person, or `the command line`.
        who: String,
    },
    /// Out of the hold.
    Released {
        /// Name of the person, or `the command line`.
        who: String,
        /// Its sender may write from now on.
        #[serde(default)]
        allow: bool,
    },
    /// Its budget has room again.
    Afforded,
    /// People or rules changed, and nothing holds it any more.
    Judged,
    /// Taken back by its sender or by somebody who runs the box: it is not delivered.
    Cancelled {
        /// Name of the person, or `the command line`.
        who: String,
        /// The link has to give it back first.
        #[serde(default)]
        withdrawing: bool,
        /// It went once already, and that may arrive all the same.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        copy: bool,
    },
    /// It went with the person whose it was.
    PersonErased,
    /// The next try came early.
    Retried {
        /// Name of the person, or `the command line`.
        who: String,
    },
    /// It goes once more, though it may have arrived.
    SentAgain {
        /// Name of the person, or `the command line`.
        who: String,
    },
    /// It went to another gateway, with the far box that it is for.
    MovedOut,
    /// It came from another gateway, with the far box that it is for.
    MovedIn {
        /// What that gateway is called.
        from: String,
    },
}

impl Reason {
    /// The words of something that is not ours.
    pub fn said(words: impl std::fmt::Display) -> Self {
        Self::Said { words: words.to_string() }
    }

    /// The fact at the bottom: without what was added at the end of the message.
    pub fn root(&self) -> &Self {
        match self {
            Self::Ended { why, .. } | Self::AgainOverBudget { why, .. } => why.root(),
            Self::SentBy(sent) => sent.why.root(),
            reason => reason,
        }
    }

    /// Its code for logs and scripts, as `waits.link`: no names, no addresses, no words of others.
    pub fn code(&self) -> String {
        match self {
            Self::Ended { why, .. } => return why.code(),
            Self::AgainOverBudget { budget, .. } => return Self::OverBudget(budget.clone()).code(),
            Self::SentBy(sent) => return sent.why.code(),
            _ => {}
        }
        let stored = serde_json::to_value(self).unwrap_or_default();
        let word = |name: &str| stored.get(name).and_then(Value::as_str).map(str::to_owned);
        match (word("code"), word("is")) {
            (Some(code), Some(is)) => format!("{code}.{is}"),
            (Some(code), None) => code,
            _ => "unknown".to_owned(),
        }
    }

    /// True where the message may have arrived: nobody knows what became of it.
    pub fn may_have_arrived(&self) -> bool {
        match self.root() {
            Self::Link(reason) => reason.may_have_arrived(),
            Self::Text(reason) => matches!(reason, TextReason::LateUnknown { .. }),
            Self::Relay(reason) => matches!(reason, RelayReason::Unanswered { .. }),
            _ => false,
        }
    }

    /// The enhanced status code of RFC 3463 that the relay gave with its refusal, such as `5.1.1`.
    pub fn status(&self) -> Option<&str> {
        match self.root() {
            Self::Relay(reason) => reason.status(),
            Self::FarBox(reason) => reason.status(),
            Self::Old(words) => relay::status_in(words),
            _ => None,
        }
    }
}

impl Default for Reason {
    /// No reason was given.
    fn default() -> Self {
        Self::Old(String::new())
    }
}

/// Facts of a family are reasons.
macro_rules! is_a_reason {
    ($($family:ident => $variant:ident),* $(,)?) => {
        $(impl From<$family> for Reason {
            fn from(fact: $family) -> Self {
                Self::$variant(fact)
            }
        })*
    };
}

is_a_reason! {
    NoRoute => NoRoute,
    Waits => Waits,
    NeedsOwner => NeedsOwner,
    Barred => Barred,
    OverPrice => OverPrice,
    OverBudget => OverBudget,
    Arrived => Arrived,
    ActionReason => Action,
    LinkReason => Link,
    TrackingReason => Tracking,
    LineReason => Line,
    SessionReason => Session,
    TransportReason => Transport,
    DeviceReason => Device,
    Unusable => Unusable,
    FarBoxReason => FarBox,
    TextReason => Text,
    RelayReason => Relay,
}

impl From<&Fault> for Reason {
    fn from(fault: &Fault) -> Self {
        fault.reason().clone()
    }
}

impl From<&Reason> for Reason {
    fn from(reason: &Self) -> Self {
        reason.clone()
    }
}

/// The medium of a way that costs, for sentences and rules about what it never carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Medium {
    /// A packet over a satellite link.
    Air,
    /// A text message to a phone.
    Phone,
}

#[cfg(test)]
mod tests;
