//! The arithmetic code: an interval that each bit narrows by its probability; the code is a number of it.

/// The interval of an arithmetic code, while it is written.
#[derive(Clone)]
pub struct Writer {
    low: u32,
    high: u32,
    code: Vec<u8>,
}

/// The last value of the lower part of an interval. Never the last of the interval, as `p` is below 65536.
fn split(low: u32, high: u32, p: u32) -> u32 {
    low + ((u64::from(high - low) * u64::from(p)) >> 16) as u32
}

impl Writer {
    /// Nothing is written yet.
    pub fn new() -> Self {
        Self { low: 0, high: u32::MAX, code: Vec::new() }
    }

    /// Writes a bit that is set with the probability `p` of 65536, neither 0 nor 65536.
    pub fn put(&mut self, bit: u32, p: u32) {
        let middle = split(self.low, self.high, p);
        if bit == 1 {
            self.high = middle
        } else {
            self.low = middle + 1
        }
        while (self.low ^ self.high) >> 24 == 0 {
            self.code.push((self.high >> 24) as u8);
            self.low <<= 8;
            self.high = self.high << 8 | 255;
        }
    }

    /// The fewest bytes that name a value of the interval when zeros are read behind them; at most four, so a reader
    /// of the whole code is never more than four bytes beyond it.
    pub fn end(mut self) -> Vec<u8> {
        for bytes in 0..=4_u32 {
            let free = u32::MAX.checked_shr(8 * bytes).unwrap_or(0);
            let Some(value) = self.low.checked_add(free).map(|value| value & !free) else { continue };
            if value <= self.high {
                self.code.extend(&value.to_be_bytes()[..bytes as usize]);
                break;
            }
        }
        self.code
    }
}

/// The same while it is read.
pub struct Reader<'c> {
    low: u32,
    high: u32,
    value: u32,
    code: &'c [u8],
    at: usize,
}

impl<'c> Reader<'c> {
    /// Begins to read at the start of a code.
    pub fn new(code: &'c [u8]) -> Self {
        let mut reader = Self { low: 0, high: u32::MAX, value: 0, code, at: 0 };
        (0..4).for_each(|_| reader.shift());
        reader
    }

    /// How many bytes it read beyond the end of the code.
    pub fn beyond(&self) -> usize {
        self.at.saturating_sub(self.code.len())
    }

    /// The writer that has written what was read so far.
    pub fn written(&self) -> Writer {
        let passed = self.code.iter().copied().chain(std::iter::repeat(0)).take(self.at - 4);
        Writer { low: self.low, high: self.high, code: passed.collect() }
    }

    fn shift(&mut self) {
        self.value = self.value << 8 | u32::from(self.code.get(self.at).copied().unwrap_or(0));
        self.at += 1;
    }

    /// Reads a bit that was written with the same `p`.
    pub fn take(&mut self, p: u32) -> u32 {
        let middle = split(self.low, self.high, p);
        let bit = u32::from(self.value <= middle);
        if bit == 1 {
            self.high = middle
        } else {
            self.low = middle + 1
        }
        while (self.low ^ self.high) >> 24 == 0 {
            self.low <<= 8;
            self.high = self.high << 8 | 255;
            self.shift();
        }
        bit
    }
}
