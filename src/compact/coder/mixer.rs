//! A mixer: weighs what the contexts say by how right each was before, in a situation that chooses the set of weights.
//!
//! Written so that compilers make vector instructions of it, on x86-64 and on ARM: whole arrays, 16 bits in, 32 out.

use super::rows::{Rows, Table};

/// A weight of one: 27 bits of fraction, so weights reach from -16 to 16. Sums use the upper 15 bits of a weight.
pub const ONE: i32 = 1 << 27;
/// Outputs stay within plus and minus this.
pub const MOST: i32 = 3071;

/// Sets of `N` weights; steps of learning are divided by `2^SHIFT`.
pub struct Mixer<const N: usize, const SHIFT: u32> {
    sets: Rows<i32, N>,
    /// Number of the set that is used for this bit.
    pub set: usize,
    /// The last output, within plus and minus [`MOST`].
    pub output: i32,
}

impl<const N: usize, const SHIFT: u32> Mixer<N, SHIFT> {
    /// Makes sets in which all weights are the same; of each only the first `used` are ever learned, a multiple of eight.
    pub fn new(sets: usize, weight: i32, used: usize) -> Self {
        Self { sets: Rows::new(sets, [weight; N]).packing(used), set: 0, output: 0 }
    }

    /// The sets, to record, undo and keep them.
    pub fn table(&mut self) -> &mut dyn Table {
        &mut self.sets
    }

    /// The weighted sum of the inputs, each within plus and minus 3071.
    #[inline(always)]
    pub fn mix(&mut self, inputs: &[i16; N]) -> i32 {
        // Each product is at most 2^14 * 3071; forty of them fit into 31 bits.
        const { assert!(N <= 40) };
        self.output = (dot(self.sets.get(self.set), inputs) >> 10).clamp(-MOST, MOST);
        self.output
    }

    /// Moves the weights so that the error of the output, of 16 bits and a sign, would have been smaller.
    /// `speed` is at most 15.
    #[inline(always)]
    pub fn learn(&mut self, inputs: &[i16; N], error: i32, speed: i32) {
        // At most 65535 * 15 / 32, which fits into 15 bits and a sign.
        let step = ((error * speed) >> 5) as i16;
        adjust::<N, SHIFT>(self.sets.change(self.set), inputs, step);
    }
}

// Inlined into their callers' loops these are unrolled before they are vectorised, and then never are.

#[inline(never)]
fn adjust<const N: usize, const SHIFT: u32>(weights: &mut [i32; N], inputs: &[i16; N], step: i16) {
    for (weight, input) in weights.iter_mut().zip(inputs) {
        let change = (i32::from(*input) * i32::from(step) + (1 << SHIFT >> 1)) >> SHIFT;
        // No text drives a weight to 16; noise may, and then both ends wrap alike.
        *weight = weight.wrapping_add(change);
    }
}

#[inline(never)]
fn dot<const N: usize>(weights: &[i32; N], inputs: &[i16; N]) -> i32 {
    weights.iter().zip(inputs).map(|(weight, input)| i32::from((*weight >> 17) as i16) * i32::from(*input)).sum()
}
