//! How long to wait before something that failed is tried again: the one place that makes a wait longer. Who waits has
//! a constant or settings with the limits, and counts the failures.

use std::time::Duration;

/// The waits after failures in a row: the first, then each `factor` times the one before, up to `most`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackOff {
    /// After the first failure.
    pub first: Duration,
    /// Never longer; a `first` above it is cut as well.
    pub most: Duration,
    /// 2 doubles; 1 keeps all waits equal.
    pub factor: u32,
}

impl BackOff {
    /// Makes waits that begin with `first` and double up to `most`.
    pub const fn doubling(first: Duration, most: Duration) -> Self {
        Self { first, most, factor: 2 }
    }

    /// The wait after so many failures in a row; none after none.
    pub fn wait(&self, failures: u32) -> Duration {
        let Some(more) = failures.checked_sub(1) else { return Duration::ZERO };
        let times = self.factor.saturating_pow(more);
        self.first.saturating_mul(times).min(self.most)
    }

    /// As [`BackOff::wait`], made shorter by up to a quarter, so that many boxes do not come back in step.
    pub fn jittered(&self, failures: u32) -> Duration {
        let mut random = [0; 2];
        // Without random numbers there is no jitter, which harms nobody.
        let _ = getrandom::fill(&mut random);
        self.shortened(failures, u16::from_le_bytes(random))
    }

    fn shortened(&self, failures: u32, random: u16) -> Duration {
        let wait = self.wait(failures);
        wait - (wait / 4).mul_f64(f64::from(random) / 65_536.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_grow_to_the_limit_and_stay_there() {
        let doubling = BackOff::doubling(2 * SECOND, 300 * SECOND);
        let waits: Vec<_> = (0..11).map(|failures| doubling.wait(failures).as_secs()).collect();
        assert_eq!(waits, [0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(doubling.wait(u32::MAX), 300 * SECOND);
        let even = BackOff { factor: 1, ..doubling };
        assert_eq!((even.wait(1), even.wait(u32::MAX)), (2 * SECOND, 2 * SECOND));
        let cut = BackOff::doubling(60 * SECOND, SECOND);
        assert_eq!(cut.wait(1), SECOND);
        let tripling = BackOff { factor: 3, ..doubling };
        assert_eq!(tripling.wait(3), 18 * SECOND);
    }

    #[test]
    fn jitter_takes_up_to_a_quarter() {
        let doubling = BackOff::doubling(4 * SECOND, 300 * SECOND);
        assert_eq!(doubling.shortened(1, 0), 4 * SECOND);
        let least = doubling.shortened(1, u16::MAX);
        assert!(least >= 3 * SECOND && least < 4 * SECOND, "{least:?}");
        assert_eq!(doubling.shortened(0, 7), Duration::ZERO);
    }
}
