//! When a station dials, and what came of it. Pure.

use std::fmt;
use std::time::{Duration, Instant};

use super::frame::Bye;
use super::session::Over;
use super::wire::WireError;

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
    /// Nobody answers there.
    Unreachable(String),
    /// The connection ended, or is none to a box.
    Wire(WireError),
    /// It took too long until both keys were proved.
    Slow,
    /// The session ended.
    Over(Over),
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresolved(why) => write!(f, "the name of the far box is not found: {why}"),
            Self::Unreachable(why) => write!(f, "the far box is not reached: {why}"),
            Self::Wire(why) => why.fmt(f),
            Self::Slow => f.write_str(
                "something else answers under this address (a login page of the network?): it is no satpost box, or takes no \
                 callers at present",
            ),
            Self::Over(over) => over.fmt(f),
        }
    }
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bye(why) => why.fmt(f),
            Self::NoHello => f.write_str("the far box answers and does not say hello"),
            Self::NoAnswer => f.write_str("the far box does not answer any more"),
            Self::Frames(why) => write!(f, "the far box cannot be understood: {why}"),
        }
    }
}

impl fmt::Display for Bye {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop => f.write_str("the far box has closed the connection: it stops, or rests"),
            Self::NotPaired => f.write_str("the far box does not know this box: pair the two (again)"),
            Self::Newer => f.write_str(
                "another box has connected with the key of this one: if a backup was put in place elsewhere, stop one of \
                 the two",
            ),
            Self::Budget => f.write_str("the far box has used up its budget for this line"),
            Self::Version => f.write_str("the far box speaks another version of this protocol: update the older one"),
            Self::Pairing(why) => why.fmt(f),
            Self::Other(code) => write!(f, "the far box has closed the connection (reason {code})"),
        }
    }
}

/// The times of dialling.
#[derive(Debug, Default)]
pub struct Dialling {
    failures: usize,
    last: Option<Instant>,
}

impl Dialling {
    /// A dial begins.
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
            DialError::Over(Over::Bye(Bye::NotPaired | Bye::Version)) => Some(TOLD),
            DialError::Over(Over::Bye(Bye::Newer)) => Some(NEWER),
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
        assert_eq!(wait(Bye::NotPaired), TOLD);
        assert!(wait(Bye::Newer) > Duration::from_secs(60));
        assert_eq!(wait(Bye::Stop), WAITS[0]);
    }

    #[test]
    fn what_waits_and_a_new_network_hurry_it() {
        let now = Instant::now();
        let mut dialling = Dialling::default();
        assert!(dialling.hurry(Hurry::Message, now));
        dialling.begins(now);
        assert!(!dialling.hurry(Hurry::Message, now + Duration::from_secs(59)));
        assert!(dialling.hurry(Hurry::Message, now + Duration::from_secs(60)));
        (0..9).for_each(|_| drop(dialling.ended(None, &fails(), now, 0.0)));
        assert!(dialling.hurry(Hurry::Network, now));
        assert_eq!(dialling.ended(None, &fails(), now, 0.0), now + Duration::from_secs(2));
    }
}
