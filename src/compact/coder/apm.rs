//! Refines the mixed probability: what came of such a probability before, in a given context.

use super::rows::{Rows, Table};
use super::squash::Squash;

/// Points of a curve, this far apart in the stretched domain of 1/256.
const POINTS: usize = 32;
const APART: i32 = 192;
const MIDDLE: i32 = POINTS as i32 / 2;
/// A point goes this share of the way to the bit that came: 1/64.
const RATE: u32 = 6;

/// Curves from the mixed probability to a better one, one for each context.
pub struct Apm {
    curves: Rows<u16, POINTS>,
    mask: usize,
    curve: usize,
    nearer: usize,
}

impl Apm {
    /// `contexts` curves that change nothing yet; a power of two.
    pub fn new(contexts: usize, squash: &Squash) -> Self {
        let straight = std::array::from_fn(|at| squash.squash((at as i32 - MIDDLE) * APART) as u16);
        Self { curves: Rows::new(contexts, straight), mask: contexts - 1, curve: 0, nearer: 0 }
    }

    /// The curves, to record, undo and keep them.
    pub fn table(&mut self) -> &mut dyn Table {
        &mut self.curves
    }

    /// The refined probability, of 65536, of a stretched one, by the curve of these low bits; at most 65535, and 0 where the
    /// curve says so.
    #[inline(always)]
    pub fn refine(&mut self, curve: usize, stretched: i32) -> i32 {
        let at = (stretched + MIDDLE * APART).clamp(0, (POINTS as i32 - 1) * APART - 1);
        let (low, part) = ((at / APART) as usize, at % APART);
        (self.curve, self.nearer) = (curve & self.mask, low + usize::from(2 * part >= APART));
        let curve = self.curves.get(self.curve);
        (i32::from(curve[low]) * (APART - part) + i32::from(curve[low + 1]) * part) / APART
    }

    /// Moves the nearer of the two points that were used toward the bit that came.
    #[inline(always)]
    pub fn learn(&mut self, target: i32) {
        let point = &mut self.curves.change(self.curve)[self.nearer];
        *point = (i32::from(*point) + ((target - i32::from(*point)) >> RATE)) as u16;
    }
}
