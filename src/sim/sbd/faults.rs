//! What can go wrong on demand.

use std::collections::VecDeque;
use std::time::Duration;

/// Faults that are switched on at present. Counters say how many more times; [`ALWAYS`](crate::sim::device::ALWAYS) does not run out.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    /// Answers nothing until its power is cycled.
    pub(super) mute: bool,
    /// Sends what a wrong line speed makes of its words.
    pub(super) noise: bool,
    /// MO status of the next sessions.
    pub(super) statuses: VecDeque<u8>,
    /// Sessions that the gateway has taken, and that the modem takes for failed.
    pub(super) falsefail: u32,
    /// Sessions whose mailbox part fails.
    pub(super) mtfail: u32,
    /// Results of sessions that are never printed.
    pub(super) lost: u32,
    /// How late the next results of sessions come, and how many.
    pub(super) late: Duration,
    pub(super) late_results: u32,
    /// All that it says leaves so much later.
    pub(super) slow: Duration,
    /// Results of sessions with rubbish before them.
    pub(super) residue: u32,
    /// Replies with a ring alert stuck to their front.
    pub(super) glue: u32,
    /// `+SBDRB` with a wrong sum.
    pub(super) badsum: u32,
    /// `+SBDRB` with a byte less than it says.
    pub(super) dropbyte: u32,
    /// `+SBDD` that does not clear.
    pub(super) noclear: u32,
    /// `+SBDWB` that finds the sum wrong.
    pub(super) badwrite: u32,
    /// Data of `+SBDWB` of which a byte is lost on the line.
    pub(super) shortwrite: u32,
    /// Commands that are not heard.
    pub(super) ignore: u32,
}

impl Faults {
    /// The counter of this name.
    pub(super) fn counter(&mut self, name: &str) -> Option<&mut u32> {
        Some(match name {
            "falsefail" => &mut self.falsefail,
            "mtfail" => &mut self.mtfail,
            "lost" => &mut self.lost,
            "residue" => &mut self.residue,
            "glue" => &mut self.glue,
            "badsum" => &mut self.badsum,
            "dropbyte" => &mut self.dropbyte,
            "noclear" => &mut self.noclear,
            "badwrite" => &mut self.badwrite,
            "shortwrite" => &mut self.shortwrite,
            "ignore" => &mut self.ignore,
            _ => return None,
        })
    }
}
