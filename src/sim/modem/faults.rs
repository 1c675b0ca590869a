//! What can go wrong on demand.

use std::time::Duration;

/// Faults that are switched on at present. Counters say how many more times; [`ALWAYS`](crate::sim::device::ALWAYS) does not run out.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    /// Hears nothing and says nothing; the radio goes on.
    pub(super) silent: bool,
    /// Garbage all the time.
    pub(super) noise: bool,
    /// The outgoing queue counts as full.
    pub(super) full: bool,
    /// No GPS time, although the antenna may see the sky.
    pub(super) no_time: bool,
    /// No position.
    pub(super) no_fix: bool,
    /// Where it is, in degrees north and east, where a test says so.
    pub(super) place: Option<(f64, f64)>,
    /// How late the next replies come, and how many.
    pub(super) late: Duration,
    pub(super) late_replies: u32,
    /// Lines with a wrong byte.
    pub(super) corrupt: u32,
    /// Lines without their line feed.
    pub(super) droplf: u32,
    /// Lines held back until the next one, and stuck to it.
    pub(super) glue: u32,
    /// Replies with an unsolicited line before them.
    pub(super) interleave: u32,
    /// Commands that are carried out but not answered ...
    pub(super) noreply: u32,
    /// ... of those that begin so.
    pub(super) noreply_to: String,
    /// Commands that are not even carried out.
    pub(super) ignore: u32,
    /// `$TD SENT` that never leaves.
    pub(super) nosent: u32,
    /// `$TD SENT` that leaves twice.
    pub(super) dupsent: u32,
    /// Acknowledgements of the sky that the modem does not hear.
    pub(super) ackloss: u32,
    /// Transmissions that bring the supply down.
    pub(super) brownout: u32,
    /// Transmissions that no satellite hears, in percent.
    pub(super) loss: u8,
}

impl Faults {
    /// The switch of this name.
    pub(super) fn switch(&mut self, name: &str) -> Option<&mut bool> {
        Some(match name {
            "silent" => &mut self.silent,
            "noise" => &mut self.noise,
            "full" => &mut self.full,
            _ => return None,
        })
    }

    /// The counter of this name.
    pub(super) fn counter(&mut self, name: &str) -> Option<&mut u32> {
        Some(match name {
            "corrupt" => &mut self.corrupt,
            "droplf" => &mut self.droplf,
            "glue" => &mut self.glue,
            "interleave" => &mut self.interleave,
            "ignore" => &mut self.ignore,
            "nosent" => &mut self.nosent,
            "dupsent" => &mut self.dupsent,
            "ackloss" => &mut self.ackloss,
            "brownout" => &mut self.brownout,
            _ => return None,
        })
    }
}
