//! Chance, the same for the same seed: signal figures, slow answers, garbage.

/// A small generator of pseudo-random numbers (SplitMix64).
#[derive(Debug, Clone)]
pub(super) struct Weather(u64);

/// Signal figures of a packet that a satellite sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signal {
    /// dBm.
    pub(super) rssi: i64,
    /// dB.
    pub(super) snr: i64,
    /// Frequency deviation in Hz.
    pub(super) fdev: i64,
}

impl std::fmt::Display for Signal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RSSI={},SNR={},FDEV={}", self.rssi, self.snr, self.fdev)
    }
}

impl Weather {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `end - 1`; 0 when `end` is 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.abs_diff(low).saturating_add(1);
        low.saturating_add_unsigned(self.below(span))
    }

    /// True in `percent` of all calls.
    pub(super) fn chance(&mut self, percent: u8) -> bool {
        self.below(100) < u64::from(percent)
    }

    /// Background noise in dBm; -104 is good (M138 manual rev 1.20).
    pub(super) fn noise(&mut self) -> i64 {
        self.between(-106, -101)
    }

    /// Figures at a point of a pass, from 0 (rise) to 1000 (set): strongest in the middle, where FDEV crosses zero.
    pub(super) fn signal(&mut self, progress: i64) -> Signal {
        let offset = progress.clamp(0, 1000) - 500;
        let height = 500 - offset.abs();
        Signal {
            rssi: -106 + height * 14 / 500 + self.between(-2, 2),
            snr: -4 + height * 15 / 500 + self.between(-1, 1),
            fdev: offset * 9 / 10 + self.between(-20, 20),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_weather_within_the_published_figures() {
        let (mut one, mut two) = (Weather::new(3), Weather::new(3));
        for progress in 0..=1000 {
            let signal = one.signal(progress);
            assert_eq!(signal, two.signal(progress));
            assert!((-108..=-90).contains(&signal.rssi), "{signal}");
            assert!((-5..=12).contains(&signal.snr), "{signal}");
            assert!(signal.fdev.abs() <= 470, "{signal}");
        }
        assert!(one.signal(0).fdev < 0 && one.signal(1000).fdev > 0);
    }
}
