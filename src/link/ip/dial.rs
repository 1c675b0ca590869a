//! When a station dials, and what came of it. Pure.

use std::time::{Duration, Instant};

use super::session::Over;
use super::wire::WireError;
use crate::message::reason::{ByeReason, CallFailure};

/// The waits after failures in a row; the last one is for all further ones.
const WAITS: [Duration; 6] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(900),
];
/// The wait after the far box said no: it will not say otherwise soon.
const TOLD: Duration = Duration::from_secs(900);
/// Two boxes with one key do not take the line from each other more often than this.
const NEWER: Duration = Duration::from_secs(75);
/// A message that waits has the far box dialled at once, but not more often than this.
const AT_ONCE: Duration = Duration::from_secs(60);
/// A connection that lasted so long has recovered.
const LASTED: Duration = Duration::from_secs(60);

/// Why there is no connection.
#[derive(Debug)]
pub enum DialError {
    /// The name of the far box was not found.
    Unresolved(String),
    /// No address of the far box answers at that port; with what the system says.
    Unreachable(String),
    /// The connection ended, or is none to a box.
    Wire(WireError),
    /// It took too long until both keys were proved.
    Slow,
    /// The session ended, for this reason.
    Over(Over),
}

impl From<&DialError> for CallFailure {
    fn from(error: &DialError) -> Self {
        match error {
            DialError::Unresolved(why) => Self::Unresolved { why: why.clone() },
            DialError::Unreachable(why) => Self::Unreachable { why: why.clone() },
            DialError::Wire(WireError::Closed) => Self::Closed,
            DialError::Wire(WireError::Io(error)) => Self::Broke { why: error.to_string() },
            DialError::Wire(WireError::OtherKey) => Self::OtherKey,
            DialError::Wire(WireError::Tls(error)) => Self::SomethingElse { why: error.to_string() },
            DialError::Slow => Self::SomethingElse { why: String::new() },
            DialError::Over(Over::Bye(why)) => Self::Bye { why: *why },
            DialError::Over(Over::NoHello) => Self::NoHello,
            DialError::Over(Over::NoAnswer) => Self::NoAnswer,
            DialError::Over(Over::Frames(why)) => Self::Unintelligible { why: why.to_string() },
        }
    }
}

/// Keeps when a station dials again.
#[derive(Debug, Default)]
pub struct Dialling {
    failures: usize,
    last: Option<Instant>,
}

impl Dialling {
    /// True until the first dial has begun.
    pub fn is_first(&self) -> bool {
        self.last.is_none()
    }

    /// Notes that a dial begins now.
    pub fn begins(&mut self, now: Instant) {
        self.last = Some(now);
    }

    /// The line was up for so long, or never, and ended for this reason. When to dial again; `dice` from 0 to 1 spreads
    /// the boxes.
    pub fn ended(&mut self, up: Option<Duration>, why: &DialError, now: Instant, dice: f64) -> Instant {
        if up.is_some_and(|up| up >= LASTED) {
            self.failures = 0;
        }
        let told = match why {
            DialError::Over(Over::Bye(ByeReason::NotPaired | ByeReason::Version)) => Some(TOLD),
            DialError::Over(Over::Bye(ByeReason::Newer)) => Some(NEWER),
            _ => None,
        };
        let wait = told.unwrap_or(WAITS[self.failures.min(WAITS.len() - 1)]);
        self.failures += 1;
        now + wait + wait.mul_f64(0.25 * dice.clamp(0.0, 1.0))
    }

    /// A message waits, or the network has changed: the failures so far mean nothing. True when it may be dialled at once.
    pub fn hurry(&mut self, why: Hurry, now: Instant) -> bool {
        match why {
            Hurry::Network => {
                self.failures = 0;
                true
            }
            Hurry::Message => self.last.is_none_or(|last| now >= last + AT_ONCE),
        }
    }
}

/// Why a dial should not wait for its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hurry {
    /// The way out of this machine is another one.
    Network,
    /// A message came in that waits for the link.
    Message,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails() -> DialError {
        DialError::Unreachable("no route".to_owned())
    }

    #[test]
    fn waits_grow_and_are_spread() {
        let now = Instant::now();
        let mut dialling = Dialling::default();
        let waits: Vec<u64> =
            (0..8).map(|_| dialling.ended(None, &fails(), now, 0.0).duration_since(now).as_secs()).collect();
        assert_eq!(waits, [2, 5, 15, 60, 300, 900, 900, 900]);
        assert_eq!(dialling.ended(None, &fails(), now, 1.0).duration_since(now).as_secs(), 1125);
        // A line that lasted begins anew.
        let up = Some(Duration::from_secs(3600));
        assert_eq!(dialling.ended(up, &DialError::Over(Over::NoAnswer), now, 0.0), now + Duration::from_secs(2));
    }

    #[test]
    fn a_far_box_that_says_no_is_not_asked_again_soon() {
        let now = Instant::now();
        let wait =
            |bye| Dialling::default().ended(None, &DialError::Over(Over::Bye(bye)), now, 0.0).duration_since(now);
        assert_eq!(wait(ByeReason::NotPaired), TOLD);
        assert!(wait(ByeReason::Newer) > Duration::from_secs(60));
        assert_eq!(wait(ByeReason::Stop), WAITS[0]);
    }

    #[test]
    fn what_waits_and_a_new_network_hurry_it() {
        let now = Instant::now();
        let mut dialling = Dialling::default();
        assert!(dialling.hurry(Hurry::Message, now));
        dialling.begins(now);
        assert!(!dialling.hurry(Hurry::Message, now + Duration::from_secs(59)));
        assert!(dialling.hurry(Hurry::Message, now + Duration::from_secs(60)));
        (0..9).for_each(|_| {
            let _ = dialling.ended(None, &fails(), now, 0.0);
        });
        assert!(dialling.hurry(Hurry::Network, now));
        assert_eq!(dialling.ended(None, &fails(), now, 0.0), now + Duration::from_secs(2));
    }

    /// Dials of a line for so many seconds, as (second, whether it came to be up): `open` says whether a dial is answered at
    /// that second, and for how long the line is up then.
    fn dials(seconds: u64, open: impl Fn(u64) -> Option<u64>) -> Vec<(u64, bool)> {
        let start = Instant::now();
        let (mut dialling, mut at, mut dials) = (Dialling::default(), 0, Vec::new());
        while at < seconds {
            let now = start + Duration::from_secs(at);
            dialling.begins(now);
            let up = open(at).map(Duration::from_secs);
            let ended = now + up.unwrap_or_default();
            let why = if up.is_some() { DialError::Over(Over::NoAnswer) } else { fails() };
            dials.push((at, up.is_some()));
            at = dialling.ended(up, &why, ended, 0.0).duration_since(start).as_secs();
        }
        dials
    }

    /// Case 7 of several links: 20 seconds there, 20 seconds not, for six hours.
    #[test]
    fn a_line_that_comes_and_goes_is_dialled_ever_more_rarely() {
        let dials = dials(6 * 3600, |at| (at % 40 < 20).then(|| 20 - at % 40));
        let third = dials.iter().filter(|(_, up)| *up).nth(2).map(|(at, _)| *at).expect("it breaks three times");
        for (begin, _) in dials.iter().filter(|(at, _)| *at > third) {
            let window = dials.iter().filter(|(at, _)| (*begin..begin + 600).contains(at)).count();
            assert!(window <= 3, "{window} dials in the ten minutes from {begin}: {dials:?}");
        }
    }

    /// As the demo has it: 105 seconds there, 15 not.
    #[test]
    fn a_line_that_is_away_for_a_moment_is_seen_soon_after() {
        let up = |at: u64| (at % 120 < 105).then(|| 105 - at % 120);
        let dials = dials(6 * 3600, up);
        let back: Vec<u64> = dials.iter().filter(|(_, up)| *up).map(|(at, _)| at % 120).collect();
        assert!(back.len() == 6 * 30 && back.iter().all(|late| *late < 15), "{back:?}");
    }

    /// Case 8 of the line: each dial to a login page is a connection, the first flight of TLS, a page, and an alert.
    #[test]
    fn an_hour_of_a_login_page_costs_little() {
        use super::super::traffic::{Acks, opened};
        let (mut acks, now, trip) = (Acks::default(), Instant::now(), Duration::from_millis(600));
        let said = acks.wrote(202, false, now) + acks.read(300, false, trip, now) + acks.wrote(7, false, now);
        let each = opened(false) + said;
        let hour = u64::try_from(dials(3600, |_| None).len()).unwrap() * each;
        assert!(hour < 10_000, "{hour} bytes");
    }
}
