//! Carriers of text messages. Each is one file and one row of [`CARRIERS`].
//!
//! A carrier does what it is told and says what came of it; it keeps nothing. How an error of a carrier is judged is a
//! table in its file: again later, never for this text, or not before somebody mends something. A request whose answer
//! was lost is [`SmsResult::Unknown`]: it has to be looked up with [`Carrier::find`], for no carrier recognises a repeat.

pub mod bandwidth;
pub mod twilio;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::address::Phone;
use crate::clock::Time;
use crate::fault::Fault;
use crate::settings::{Key, Settings};

/// A text on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingText {
    /// Service number of the person who wrote it.
    pub from: Phone,
    /// Number of the phone.
    pub to: Phone,
    /// At most 1600 characters.
    pub text: String,
    /// Our name for it, which comes back in reports where the carrier can do that.
    pub tag: String,
}

/// What became of a request to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SmsResult {
    /// The carrier has it, under this name.
    Taken(String),
    /// The carrier certainly has it not.
    Refused(SmsRefusal),
    /// The answer was lost, or said nothing.
    Unknown(String),
}

/// Why a carrier does not take a text, or could not deliver it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsRefusal {
    /// What the queue does about it.
    pub fault: Fault,
    /// Not before this time has passed: the carrier asked for it.
    pub after: Option<Duration>,
    /// The phone wants no more texts from this number.
    pub opted_out: bool,
    /// Worth one more try, not several.
    pub once: bool,
}

impl From<Fault> for SmsRefusal {
    fn from(fault: Fault) -> Self {
        Self { fault, after: None, opted_out: false, once: false }
    }
}

/// What a look-up found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The carrier has it, under this name.
    Taken(String),
    /// It has these between the two numbers, oldest first, and cannot say which is which; none of them has a name yet.
    Alike(Vec<String>),
    /// It is not there. `certain`: it would be seen if it were.
    Nothing {
        /// The look-up shows texts as they are.
        certain: bool,
    },
}

/// How far a text got that a carrier took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The carrier has it, and more will be known.
    Waiting,
    /// The phone has it, as the carrier was told.
    Delivered,
    /// It will not arrive.
    Failed(SmsRefusal),
    /// The carrier will not say more, and this is no proof that it did not arrive.
    Unclear(String),
}

/// News of a text that a carrier took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The carrier's name for it.
    pub id: String,
    /// Our name for it, if the carrier tells it.
    pub tag: Option<String>,
    /// How far it got.
    pub fate: Delivery,
}

/// A text from a phone to a service number of this box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingText {
    /// The carrier's name for it: the same whenever it is told again.
    pub id: String,
    /// A phone number, a short code or a name.
    pub from: String,
    /// The service number that it came to.
    pub to: String,
    /// The words of the text; may be empty where files came.
    pub text: String,
    /// Pictures and other files that came with it and stay with the carrier.
    pub files: usize,
    /// What the carrier says that it asks for, where it says so.
    pub keyword: Option<Keyword>,
    /// When the carrier took it.
    pub at: Time,
}

/// What a text asks for by a word of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyword {
    /// The phone wants no more texts (STOP).
    Stop,
    /// The phone wants texts again (START).
    Start,
    /// The phone asks who this is (HELP).
    Help,
}

/// What a webhook brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A text from a phone, to be kept.
    IncomingText(IncomingText),
    /// News of a text to a phone.
    Report(Report),
    /// A text from a phone that cannot be read, as it came.
    Odd(String),
}

/// A request to one of our webhooks.
#[derive(Clone, Copy)]
pub struct Hook<'r> {
    /// Path and query as they came in.
    pub target: &'r str,
    /// Value of `X-Twilio-Signature`, `Authorization` and so on, by lower-case name.
    pub header: &'r dyn Fn(&str) -> Option<&'r str>,
    /// Fields of the form, decoded, in their order.
    pub form: &'r [(String, String)],
    /// The body of the request, as it came.
    pub body: &'r [u8],
}

/// Why a webhook is not listened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unheard {
    /// It does not come from the carrier, or that cannot be told.
    Forbidden(String),
    /// It comes from the carrier and cannot be read.
    Unreadable(String),
}

/// A carrier at work. Each call ends within the time limit of the settings.
pub trait Carrier: Send {
    /// Gives it a text to send; the result says whether it has it.
    fn send(&mut self, text: &OutgoingText) -> SmsResult;

    /// Looks whether it has a text whose request began at `since` or later. `known` tells names that it is not, because
    /// they are known already.
    ///
    /// # Errors
    /// When the look-up fails: nothing is known then.
    fn find(&mut self, text: &OutgoingText, since: Time, known: &dyn Fn(&str) -> bool) -> Result<Found, Fault>;

    /// How far a text got.
    ///
    /// # Errors
    /// When the look-up fails.
    fn fate(&mut self, id: &str) -> Result<Delivery, Fault>;

    /// Gives `each` the texts from phones that came since then, newest first, perhaps some older ones too.
    ///
    /// # Errors
    /// When the list cannot be read to its end, or `each` fails; what was given so far may be kept.
    fn inbound(&mut self, since: Time, each: &mut dyn FnMut(IncomingText) -> Result<(), Fault>) -> Result<(), Fault>;
}

/// A row of the table of carriers.
pub struct Row {
    /// Its name in the settings, in the store and in the path of its webhook.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// It can be asked for texts from phones; otherwise they come by webhook only.
    pub polls: bool,
    /// The carrier answers HELP by itself: this box does not.
    pub answers_help: bool,
    /// Settings that need it made anew.
    pub settings: &'static [Key],
    /// Makes the carrier of these settings; an error says which are missing.
    pub make: fn(&Settings) -> Result<Box<dyn Carrier>, Fault>,
    /// Reads a webhook that it, and nobody else, sent.
    pub hook: fn(&Settings, &Hook<'_>) -> Result<Vec<News>, Unheard>,
    /// Content type and body of the answer that says yes to a webhook, and nothing else.
    pub yes: (&'static str, &'static str),
}

/// The carriers that this program knows.
pub static CARRIERS: &[Row] = &[twilio::ROW, bandwidth::ROW];

/// The carrier of this box, if it has one.
pub fn carrier(settings: &Settings) -> Option<&'static Row> {
    CARRIERS.iter().find(|row| row.name == settings.text(Key::SmsCarrier))
}

/// The header of a log-in with user and password.
fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// A value that has to be set.
fn needed(settings: &Settings, key: Key) -> Result<String, Fault> {
    match settings.text(key) {
        "" => Err(Fault::operator(format!("no text can be sent: set {}", crate::settings::row(key).name))),
        value => Ok(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_carrier_of_the_settings_has_a_row() {
        let names: Vec<_> = CARRIERS.iter().map(|row| row.name).collect();
        let crate::settings::Kind::Choice(words) = crate::settings::row(Key::SmsCarrier).kind else { panic!() };
        assert_eq!(words[1..], names);
        assert!(carrier(&Settings::default()).is_none());
        for row in CARRIERS {
            let why = (row.make)(&Settings::default()).err().unwrap();
            assert!(matches!(why, Fault::Operator(_)), "{why}");
        }
    }
}
