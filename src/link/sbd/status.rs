//! What follows from the status word of a session (MAN0009). Pure.

use std::time::Duration;

use crate::back_off::BackOff;

/// What the driver does after a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The gateway has the message: nothing more is to be done.
    Sent,
    /// It is tried again, in steps that grow longer.
    Retry,
    /// It is tried again after this time at the earliest.
    Wait(Duration),
    /// The radio is off: it is switched on, then it is tried again.
    RadioOn,
    /// The network asks for a pause: the modem knows for how long.
    LockedOut,
    /// The gateway never takes this message.
    Never,
    /// Somebody has to look; it is tried again after this time.
    Operator(Duration),
}

/// The step for a status of the message that was to go up.
pub fn step(mo: u8) -> Step {
    let seconds = Duration::from_secs;
    match mo {
        0..=4 => Step::Sent,
        11 => Step::Wait(seconds(300)),
        12 | 14 => Step::Never,
        15 | 16 => Step::Operator(seconds(3600)),
        33 | 64 | 65 => Step::Operator(seconds(900)),
        34 => Step::RadioOn,
        35 => Step::Wait(seconds(30)),
        36 => Step::Wait(seconds(180)),
        37 => Step::Wait(seconds(300)),
        38 => Step::LockedOut,
        _ => Step::Retry,
    }
}

/// The first tries come soon, as Ground Control advises; later ones are rare.
const SOON: [u64; 5] = [0, 3, 5, 15, 30];
/// The waits after those of [`SOON`]: from 5 to 30 minutes.
const LATER: BackOff = BackOff::doubling(Duration::from_secs(300), Duration::from_secs(1800));

/// How long to wait after so many failures in a row.
pub fn wait(failures: u32) -> Duration {
    let soon = usize::try_from(failures).ok().and_then(|at| SOON.get(at));
    match soon {
        Some(seconds) => Duration::from_secs(*seconds),
        None => LATER.jittered(failures.saturating_sub(SOON.len() as u32 - 1)),
    }
}

/// After so many failures in a row a message is given back: another link may have it.
pub const GIVE_BACK: u32 = SOON.len() as u32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_step() {
        for mo in 0..=4 {
            assert_eq!(step(mo), Step::Sent);
        }
        for mo in (5..=10).chain([13]).chain(17..=32).chain(39..=63).chain(66..=255) {
            assert_eq!(step(mo), Step::Retry, "{mo}");
        }
        assert_eq!((step(12), step(14)), (Step::Never, Step::Never));
        for mo in [15, 16, 33, 64, 65] {
            assert!(matches!(step(mo), Step::Operator(_)), "{mo}");
        }
        assert_eq!((step(34), step(38)), (Step::RadioOn, Step::LockedOut));
        assert_eq!(step(36), Step::Wait(Duration::from_secs(180)));
    }

    #[test]
    fn tries_become_rare() {
        let waits: Vec<u64> = (1..=4).map(|failures| wait(failures).as_secs()).collect();
        assert_eq!(waits, [3, 5, 15, 30]);
        assert!((225..=300).contains(&wait(5).as_secs()));
        assert!((1350..=1800).contains(&wait(40).as_secs()));
    }
}
