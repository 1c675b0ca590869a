//! The message and its states: plain data, the words of the whole program.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::clock::Time;
use crate::money::Bill;

pub mod cut;
pub mod events;
mod link_id;
pub mod machine;
mod packet;
pub mod reason;
mod reporting;
#[cfg(test)]
mod sample;
pub mod sender;
mod size;
mod terms;
pub mod title;
mod whole;
pub mod words;

pub use cut::CutNote;
pub use link_id::LinkId;
pub use machine::Machine;
pub use packet::{CameIn, Charge, Intent, Packet, PacketMail, PacketState, PeerFragment, Reference};
pub use reason::{GoneReason, Reason};
pub use reporting::{Notify, Reporting};
pub use sender::{ReturnPath, Sender};
pub use size::{Account, Extent, LinkSize};
pub use terms::{LinkPreference, Priority, Terms, Wanted};
pub use whole::Whole;

/// Number of a message on this box, given at acceptance, never used again. Written `m1`, `m2`, ...
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Id(pub u64);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}", self.0)
    }
}

/// What was read is no message id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdError(String);

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a message id: write m12", self.0.escape_debug())
    }
}

impl FromStr for Id {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits = text.strip_prefix('m').unwrap_or(text);
        digits.parse().map(Self).map_err(|_| IdError(text.to_owned()))
    }
}

/// Where a message came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The SMTP listener, from a client that logged in or another mail server.
    Smtp,
    /// The compose page or `satpost send`.
    Web,
    /// A packet over the air.
    Link,
    /// A text message from a carrier.
    Sms,
    /// A notice that the box wrote itself.
    Notice,
}

impl Origin {
    /// All of them, for the totals.
    pub const ALL: [Self; 5] = [Self::Smtp, Self::Web, Self::Link, Self::Sms, Self::Notice];

    /// The word of the pages and of the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Web => "web",
            Self::Link => "link",
            Self::Sms => "sms",
            Self::Notice => "notice",
        }
    }
}

/// The way out that routing chose; also the queue a waiting message stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// A person's mailbox on this box.
    Mailbox,
    /// The mail relay (smarthost).
    Relay,
    /// A satellite link or a line, to a far box or a device.
    Link,
    /// The carrier of text messages.
    Carrier,
}

impl Way {
    /// Gives the word that pages, commands and the log have for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mailbox => "mailbox",
            Self::Relay => "relay",
            Self::Link => "link",
            Self::Carrier => "carrier",
        }
    }
}

/// The state of a message. Exactly one at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Waits for the owner's decision.
    Held,
    /// Waits for its way out.
    Queued,
    /// The link (a modem, or the ground service of its network) has taken all its packets.
    #[serde(rename = "onmodem")]
    OnLink,
    /// All its packets were acknowledged by a satellite (the end over a classic link), or the carrier of texts took it.
    Sent,
    /// The far box has it, and has not said that it arrived behind it.
    FarBox,
    /// Arrived: in the mailbox, at the relay, or known from the far box or the carrier.
    Delivered,
    /// Cannot arrive; the sender was told.
    Returned,
    /// Its time ran out; the sender was told.
    Expired,
    /// Its time ran out, and nobody knows whether it arrived: it may have; the sender was told so.
    Unconfirmed,
    /// Withdrawn by its owner.
    Cancelled,
    /// Accepted but not carried, by rule (automatic mail on a paid link); nobody is told, an operator can release it.
    Refused,
}

impl State {
    /// All states in the order of the ladder.
    pub const ALL: [Self; 11] = [
        Self::Held,
        Self::Queued,
        Self::OnLink,
        Self::Sent,
        Self::FarBox,
        Self::Delivered,
        Self::Returned,
        Self::Expired,
        Self::Unconfirmed,
        Self::Cancelled,
        Self::Refused,
    ];

    /// Gives the words that pages, commands and the log have for it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Queued => "queued",
            Self::OnLink => "on the link",
            Self::Sent => "sent",
            Self::FarBox => "at the far box",
            Self::Delivered => "delivered",
            Self::Returned => "returned",
            Self::Expired => "expired",
            Self::Unconfirmed => "not confirmed",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
        }
    }

    /// The states of what has not left yet, or waits for somebody's decision.
    pub const HERE: [Self; 3] = [Self::Held, Self::Queued, Self::OnLink];
}

/// A column of the totals (promise 7: they always balance, per origin).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Column {
    /// On their way, or held.
    Waiting,
    /// Left this box for good, or read here.
    Delivered,
    /// Given back to the sender.
    Returned,
    /// Not carried, by rule or by wish.
    Refused,
}

/// One message: what one sender says to one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Given by the store; 0 before.
    pub id: Id,
    /// The way by which it came into this box.
    #[serde(rename = "door")]
    pub origin: Origin,
    /// The address that gets answers (`Reply-To`, else `From`).
    pub from: Address,
    /// Its other addresses, and a name.
    #[serde(default, skip_serializing_if = "Sender::is_plain")]
    pub sender: Sender,
    /// Its one recipient; a mail with several becomes several messages.
    pub to: Address,
    /// The person of this box who wrote it (logged in, or owner of the device it came from).
    #[serde(default)]
    pub author: Option<String>,
    /// The person of this box whose it is besides writer and recipient: a copy elsewhere, a notice about one of theirs.
    #[serde(default)]
    pub on_behalf_of: Option<String>,
    /// One line; empty when its writer gave none.
    pub subject: String,
    /// The text a person would want to read, without the subject.
    pub text: String,
    /// Notes for the reader of the page: what was cut, attachments that were not sent.
    #[serde(default)]
    pub cut: Vec<CutNote>,
    /// The whole mail as it came in; `None` when there never was more than `text`.
    #[serde(default)]
    pub mail: Option<Mail>,
    /// Where its whole mail is, where its text went over a link and is not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Whole>,
    /// Written by a machine (auto-reply, list, bounce), and how that shows: on air only where it is wanted or released,
    /// never answered by a notice.
    #[serde(default)]
    pub automatic: Option<Machine>,
    /// A machine wrote it, and the rules let it go on air or hold it for somebody's decision.
    #[serde(default)]
    pub wanted: bool,
    /// Message-ID of the mail, with its angle brackets, if it had one or once we gave it one.
    #[serde(default)]
    pub message_id: Option<String>,
    /// Message-IDs of what came before it in its thread, the oldest first; the last is the one that it answers.
    #[serde(default)]
    pub references: Vec<String>,
    /// Names of people whose it was and who are gone: whoever has such a name now has no part in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<String>,
    /// For a notice: the message it is about.
    #[serde(default)]
    pub about: Option<Id>,
    /// What its sender asked to be told.
    #[serde(default)]
    pub reporting: Reporting,
    /// The bundle in which a far box sent it: by that name the far box is told what becomes of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_in: Option<CameIn>,
    /// When this box said yes to it.
    pub accepted: Time,
    /// When it is given up: its sender's time, or the limit of the box.
    pub deadline: Time,
    /// False when `accepted` and `deadline` come from a clock nobody could vouch for.
    #[serde(default)]
    pub clock_believed: bool,
    /// By how many seconds its times were moved because the clock was set; negative when that was set back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_moved: Option<i64>,
    /// Its state now; that of its last step.
    pub state: State,
    /// What brought it into this state, or what it waits for.
    pub reason: Reason,
    /// The queue it stands in while it waits.
    pub way: Way,
    /// When the next step is due; `Time::NEVER` while held or final.
    pub next: Time,
    /// Tries that failed so far.
    #[serde(default)]
    pub tries: u32,
    /// Times that the mail relay was given all of it and never answered: each may have been a delivery.
    #[serde(default)]
    pub unanswered: u32,
    /// The sender was told that it takes long.
    #[serde(default)]
    pub delay_told: bool,
    /// Once it is sent: until when the far box has time to say that it has it. `None` where no more will be known.
    #[serde(default)]
    pub receipt_until: Option<Time>,
    /// Priority, time, price and links that its sender asked for.
    #[serde(default)]
    pub terms: Terms,
    /// Somebody pressed for it: it does not wait for other messages to share a packet with.
    #[serde(default)]
    pub pressed: bool,
    /// What it takes on the link when it leaves alone.
    #[serde(default)]
    pub size: Option<LinkSize>,
    /// What it takes on air, once that is planned.
    #[serde(default)]
    pub account: Option<Account>,
    /// Its owner wants it back; what the link has not sent yet is withdrawn.
    #[serde(default)]
    pub recall: bool,
    /// Somebody who is not of this box wrote it: what the mail server in front found out.
    #[serde(default)]
    pub stranger: Option<Proof>,
    /// What it costs, on ways that cost.
    #[serde(default)]
    pub bill: Option<Bill>,
    /// The owner released it: limits on parts and holds no longer apply.
    #[serde(default)]
    pub released: bool,
    /// Its time line, oldest first.
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// Whether a sender is who the mail says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// Nobody looked: no mail server in front checked it.
    #[default]
    Unproven,
    /// SPF, DKIM or DMARC vouch for the sender's domain.
    Proven,
    /// Somebody looked, and nothing vouches for it.
    Failed,
}

impl Message {
    /// True once nothing will happen to the message any more.
    pub fn is_final(&self) -> bool {
        match self.state {
            State::Held | State::Queued | State::OnLink => false,
            State::Sent => self.receipt_until.is_none(),
            State::FarBox
            | State::Delivered
            | State::Returned
            | State::Expired
            | State::Unconfirmed
            | State::Cancelled
            | State::Refused => true,
        }
    }

    /// What is known of it behind the far box: `unknown` where nothing will be (the classic coding has no receipts),
    /// `waiting` for the far box to tell, `held` there, `delivered` or `failed`; `None` before that, and on other ways.
    pub fn beyond(&self) -> Option<&'static str> {
        let told = matches!(self.reason.root(), Reason::FarBox(_));
        match self.state {
            _ if self.way != Way::Link || self.reason == Reason::Action(reason::ActionReason::MovedOut) => None,
            State::Sent if self.is_final() => Some("unknown"),
            State::Unconfirmed => Some("unknown"),
            State::FarBox => Some(match self.reason.root() {
                Reason::FarBox(reason::FarBoxReason::Held) => "held",
                Reason::FarBox(reason::FarBoxReason::Unconfirmed) => "unknown",
                _ => "waiting",
            }),
            State::Delivered => Some("delivered"),
            State::Returned if told => Some("failed"),
            _ => None,
        }
    }

    /// What stands for it in lists and as a subject: its subject, or else the first line of its text.
    pub fn title(&self) -> String {
        match self.subject.as_str() {
            "" => title::first_line(&self.text, title::MAX_TITLE),
            subject => subject.to_owned(),
        }
    }

    /// True for a message that this person wrote, or that is or was made for them; `domain` is that of the box.
    pub fn concerns(&self, person: &str, domain: &str) -> bool {
        if self.former.iter().any(|gone| gone == person) {
            return false;
        }
        [&self.author, &self.on_behalf_of].iter().any(|name| name.as_deref() == Some(person))
            || self.reader(domain).is_some_and(|reader| reader == person)
    }

    /// The name of the person of this box whom it is for; `None` for a message to the outside.
    pub fn reader(&self, domain: &str) -> Option<String> {
        let to = self.to.mailbox().filter(|to| match self.way {
            Way::Mailbox => true,
            // On a station the same name may belong to somebody in another domain.
            Way::Link => to.domain() == domain,
            Way::Relay | Way::Carrier => false,
        })?;
        Some(to.person())
    }

    /// When it is given up: before it is sent its deadline, then the end of the wait for its receipt.
    pub fn limit(&self) -> Time {
        match self.state {
            State::Sent => self.receipt_until.unwrap_or(Time::NEVER),
            _ => self.deadline,
        }
    }

    /// The column of the totals: accepted = delivered + returned + waiting + refused.
    pub fn column(&self) -> Column {
        match self.state {
            State::Sent if self.is_final() => Column::Delivered,
            // It left this box, or may have.
            State::FarBox | State::Delivered | State::Unconfirmed => Column::Delivered,
            State::Held | State::Queued | State::OnLink | State::Sent => Column::Waiting,
            State::Returned | State::Expired => Column::Returned,
            State::Cancelled | State::Refused => Column::Refused,
        }
    }
}

/// The stored mail that one or several messages were made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The first message made from it; its number names the stored bytes.
    pub first: Id,
    /// How many messages were made from it, with numbers from `first` on.
    pub copies: u32,
    /// Size of the mail in bytes.
    pub size: u64,
    /// File in the spool folder; `None` when the bytes are in the store itself.
    #[serde(default)]
    pub file: Option<String>,
    /// CRC-32 of the bytes; `None` for a mail of a time without.
    #[serde(default)]
    pub check: Option<u32>,
}

/// One line of a message's time line; appended, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When the step was taken.
    pub at: Time,
    /// The state it entered (or stayed in).
    pub state: State,
    /// What made it enter that state.
    pub cause: Reason,
    /// Packets this step put on air.
    #[serde(default)]
    pub packets: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_waits_until_nothing_will_happen_to_it_any_more() {
        let mut message: Message = serde_json::from_str(
            r#"{"id":1,"door":"smtp","from":"a@x.org","to":"b@x.org","subject":"","text":"","accepted":0,"deadline":0,
                "state":"queued","reason":"","way":"link","next":0}"#,
        )
        .unwrap();
        for state in State::ALL {
            assert!(!state.words().is_empty());
            for receipt_until in [None, Some(Time(5))] {
                (message.state, message.receipt_until) = (state, receipt_until);
                assert_eq!(message.column() == Column::Waiting, !message.is_final());
                let waits = State::HERE.contains(&state) || (state == State::Sent && receipt_until.is_some());
                assert_eq!(message.is_final(), !waits);
            }
        }
    }

    #[test]
    fn states_are_stored_under_their_first_names() {
        let stored: Vec<_> = State::ALL.iter().map(|state| serde_json::to_string(state).unwrap()).collect();
        let first = [
            "held",
            "queued",
            "onmodem",
            "sent",
            "farbox",
            "delivered",
            "returned",
            "expired",
            "unconfirmed",
            "cancelled",
            "refused",
        ];
        assert_eq!(stored, first.map(|name| format!("\"{name}\"")));
        assert_eq!(State::OnLink.words(), "on the link");
    }

    #[test]
    fn ids_read_as_they_print() {
        assert_eq!(Id(12).to_string().parse(), Ok(Id(12)));
        assert_eq!("12".parse(), Ok(Id(12)));
        assert!("x12".parse::<Id>().is_err());
    }
}
