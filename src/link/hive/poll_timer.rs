//! When the Hive is asked next: at the wished interval, or with exponential back-off and jitter, for ever.

use std::time::{Duration, Instant};

use crate::back_off::BackOff;

/// Longer waits are cut to this.
pub const DAY: Duration = Duration::from_secs(86_400);

/// The next time to call.
pub struct PollTimer {
    every: Duration,
    back_off: BackOff,
    failures: u32,
    due: Instant,
}

impl PollTimer {
    /// Due at once, then each `every`; after failures `first`, doubled up to `most`.
    pub fn new(every: Duration, first: Duration, most: Duration) -> Self {
        Self { every, back_off: BackOff::doubling(first, most), failures: 0, due: Instant::now() }
    }

    /// When the next call is due.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// How many calls failed in a row.
    #[cfg(test)]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// All is well: the usual interval.
    pub fn good(&mut self) {
        self.failures = 0;
        self.due = Instant::now() + self.every;
    }

    /// One more failure in a row; how long to wait now.
    pub fn failed(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let wait = self.back_off.jittered(self.failures);
        self.due = Instant::now() + wait;
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_start_anew_after_success() {
        let seconds = Duration::from_secs;
        let mut timer = PollTimer::new(seconds(60), seconds(2), seconds(300));
        assert!(timer.due() <= Instant::now());
        for most in [2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            let wait = timer.failed();
            assert!(wait <= seconds(most) && wait >= seconds(most) * 3 / 4, "{wait:?}");
        }
        for _ in 0..100 {
            assert!(timer.failed() <= seconds(300));
        }
        timer.good();
        assert!(timer.due() > Instant::now() + seconds(59));
        assert!(timer.failed() <= seconds(2));
    }
}
