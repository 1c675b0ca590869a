//! The logistic function and its inverse, in integers: the same tables on every processor.

/// The logistic domain is in 1/256, from -12 to 12.
const HALF: i32 = 3072;
/// The largest stretched value.
pub const MOST: i32 = 2304;

/// Tables of the logistic function and of its inverse.
pub struct Squash {
    stretch: Vec<i16>,
    squash: Vec<u16>,
}

impl Squash {
    /// Makes the tables from powers of `e^(-1/256)` in fixed point.
    pub fn new() -> Self {
        // floor(2^62 * e^(-1/256))
        let ratio: u128 = 4_593_706_758_521_714_574;
        let one: u128 = 1 << 62;
        let mut power = one;
        let mut squash = vec![6_u16; 2 * HALF as usize];
        for step in 0..HALF as usize {
            // 1 / (1 + e^-x) for x = step / 256; at most 2^16, so it fits.
            let p = (((one << 16) / (one + power)) as u32).clamp(6, 65_530);
            squash[HALF as usize + step] = p as u16;
            if step > 0 {
                squash[HALF as usize - step] = (65_536 - p).clamp(6, 65_530) as u16;
            }
            power = (power * ratio) >> 62;
        }
        let mut stretch = vec![0_i16; 4096];
        let mut at = 0;
        for (p, value) in stretch.iter_mut().enumerate() {
            while at < squash.len() - 1 && usize::from(squash[at]) < 16 * p + 8 {
                at += 1;
            }
            *value = (at as i32 - HALF).clamp(-MOST, MOST) as i16;
        }
        Self { stretch, squash }
    }

    /// ln(p / (1 - p)) in 1/256 of a probability of 12 bits; within plus and minus `MOST`.
    #[inline(always)]
    pub fn stretch(&self, p: usize) -> i16 {
        self.stretch[p & 4095]
    }

    /// The probability of 16 bits whose logarithm of odds is `x`/256; `x` is cut to plus and minus 12.
    #[inline(always)]
    pub fn squash(&self, x: i32) -> i32 {
        i32::from(self.squash[(x.clamp(-HALF, HALF - 1) + HALF) as usize])
    }
}
