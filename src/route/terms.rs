//! Terms of a message as people write them, and whether they can be kept.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::choose::Policy;
use super::price;
use crate::clock::Time;
use crate::fault::UnknownWord;
use crate::message::{Message, Reason, State, Step, Terms, Wanted, Way};
use crate::money::{Bill, MoneyError, OverPrice};
use crate::settings::{Key, Settings, seconds};

/// No message is promised sooner than this.
const SOONEST: Duration = Duration::from_secs(60);
/// A message is given up so long before its time, or a tenth of what is left where that is less: its sender still has
/// time to find another way.
const MARGIN: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(600));

/// Reads terms.
///
/// # Errors
/// Which of them cannot be.
pub fn read(wanted: &Wanted, settings: &Settings, now: Time) -> Result<Terms, TermsError> {
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    Ok(Terms {
        priority: given(&wanted.priority)
            .map_or(Ok(Default::default()), |word| word.to_lowercase().parse())
            .map_err(TermsError::Priority)?,
        by: given(&wanted.by).map(|text| time(&text, settings, now)).transpose()?,
        at_most: given(&wanted.at_most).map(|text| text.parse()).transpose().map_err(TermsError::Amount)?,
        links: given(&wanted.links)
            .map_or(Ok(Default::default()), |word| word.to_lowercase().parse())
            .map_err(TermsError::Links)?,
    })
}

/// Why the terms that somebody wrote cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TermsError {
    /// There is no such priority.
    Priority(UnknownWord),
    /// There is no such choice of links.
    Links(UnknownWord),
    /// The time cannot be read; this was written.
    NoTime(String),
    /// That time is over, or sooner than anything can go.
    TooSoon(Time),
    /// The price cannot be read as an amount.
    Amount(MoneyError),
}

impl std::fmt::Display for TermsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Priority(why) | Self::Links(why) => why.fmt(f),
            Self::NoTime(text) => {
                write!(f, "'{}' is no time: write 2h, or 2026-12-01 18:00", text.escape_debug())
            }
            Self::TooSoon(at) => write!(f, "it cannot go by {at}: that is over, or sooner than anything can go"),
            Self::Amount(why) => why.fmt(f),
        }
    }
}

fn time(text: &str, settings: &Settings, now: Time) -> Result<Time, TermsError> {
    let at = match (seconds(text), text.parse::<jiff::Timestamp>(), text.parse::<DateTime>()) {
        (Some(seconds), ..) => u64::try_from(seconds).ok().map(|seconds| now + Duration::from_secs(seconds)),
        (_, Ok(at), _) => Some(Time(at.as_millisecond())),
        (_, _, Ok(civil)) => {
            let zone = TimeZone::get(settings.text(Key::TimeZone)).unwrap_or(TimeZone::UTC);
            civil.to_zoned(zone).ok().map(|at| Time(at.timestamp().as_millisecond()))
        }
        _ => None,
    };
    let at = at.ok_or_else(|| TermsError::NoTime(text.to_owned()))?;
    match at.since(now) < SOONEST {
        true => Err(TermsError::TooSoon(at)),
        false => Ok(at),
    }
}

/// When a message that has to be somewhere by a time is given up.
fn give_up(by: Time, now: Time) -> Time {
    by - (by.since(now) / 10).clamp(MARGIN.0, MARGIN.1)
}

impl Policy {
    /// Why a message with this bill costs more than it may, if so.
    pub fn over_limit(&self, message: &Message, bill: Option<&Bill>) -> Option<OverPrice> {
        let (costs, most) = (bill?.wanted.money, message.terms.at_most?);
        let amount = |money| price::amount(&self.settings, money);
        (costs > most).then(|| OverPrice { costs: amount(costs), most: amount(most) })
    }

    /// When a new message is given up: after its time on its way, or before the time by which it was wanted.
    pub fn deadline(&self, way: Way, terms: &Terms, now: Time) -> Time {
        let lifetime = if way == Way::Link { Key::AirLifetime } else { Key::QueueLifetime };
        let usual = now + self.settings.span(lifetime);
        terms.by.map_or(usual, |by| usual.min(give_up(by, now)))
    }

    /// When a message that a budget keeps back is given up: its time stands still until the next month begins.
    pub fn budget_deadline(&self, message: &Message) -> Time {
        let kept_back = |step: &&Step| {
            step.state == State::Held && matches!(step.cause, Reason::OverBudget(_) | Reason::AgainOverBudget { .. })
        };
        let since = message.steps.iter().rev().take_while(|step| step.state == State::Held).filter(kept_back).last();
        match (message.terms.by, since) {
            (None, Some(step)) => {
                let month = price::next_month(&self.settings, step.at);
                message.deadline.max(self.deadline(message.way, &message.terms, month))
            }
            _ => message.deadline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{LinkPreference, Priority};
    use crate::money::Money;

    const NOW: Time = Time(1_796_000_000_000);

    fn wanted(by: &str) -> Result<Terms, TermsError> {
        let settings = Settings::default().with(Key::TimeZone, "Europe/Lisbon").unwrap();
        read(&Wanted { by: by.into(), ..Wanted::default() }, &settings, NOW)
    }

    #[test]
    fn terms_are_read_as_people_write_them() {
        let words =
            Wanted { priority: "Urgent ".into(), by: String::new(), at_most: "0.30".into(), links: "Cheap".into() };
        let terms = read(&words, &Settings::default(), NOW).unwrap();
        assert_eq!((terms.priority, terms.by, terms.at_most), (Priority::Urgent, None, Some(Money(300_000))));
        assert_eq!(terms.links, LinkPreference::Cheap);
        assert_eq!(wanted("2h").unwrap().by, Some(NOW + Duration::from_secs(7200)));
        for same in ["2026-12-01 18:00", "2026-12-01T18:00", "2026-12-01T18:00:00Z", "2026-12-01T19:00:00+01:00"] {
            assert_eq!(wanted(same).unwrap().by.unwrap().to_string(), "2026-12-01T18:00:00Z", "{same}");
        }
        for bad in ["soon", "18:00", "5s", "-2h", "2026-11-01 10:00", "99999999999999999d", "2026-13-01 10:00"] {
            assert!(wanted(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_message_is_given_up_before_its_time() {
        let after = |seconds| NOW + Duration::from_secs(seconds);
        assert_eq!(give_up(after(60), NOW), after(30));
        assert_eq!(give_up(after(1000), NOW), after(900));
        assert_eq!(give_up(after(86_400), NOW), after(85_800));
    }
}
