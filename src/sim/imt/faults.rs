//! What can go wrong on demand.

use std::collections::VecDeque;
use std::time::Duration;

/// Faults that are switched on at present. Counters say how many more times;
/// [`ALWAYS`](crate::sim::device::ALWAYS) does not run out.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    /// Answers nothing until its power is cycled.
    pub(super) mute: bool,
    /// Sends what a wrong line speed makes of its words.
    pub(super) noise: bool,
    /// How the next messages end.
    pub(super) finals: VecDeque<&'static str>,
    /// Messages that the ground has, and that the modem takes for failed.
    pub(super) falsefail: u32,
    /// Ends of messages that are never told.
    pub(super) nofinal: u32,
    /// Ends of messages that are told twice.
    pub(super) dupfinal: u32,
    /// How late the next answers come, and how many.
    pub(super) late: Duration,
    pub(super) late_answers: u32,
    /// Messages that are not taken, as the queue is full.
    pub(super) overflow: u32,
    /// Messages that are not taken, as nobody pays.
    pub(super) subscription: u32,
    /// Messages that come too early.
    pub(super) e418: u32,
    /// Requests that are called malformed.
    pub(super) e405: u32,
    /// Requests that are not heard.
    pub(super) ignore: u32,
    /// Answers with other lines before them.
    pub(super) interleave: u32,
    /// Segments that are asked for twice.
    pub(super) twice: u32,
    /// Cancels that come too late: the message is at the ground by then.
    pub(super) toolate: u32,
    /// Cancels that are heard and forgotten.
    pub(super) nocancel: u32,
    /// Lines with rubbish before them.
    pub(super) rubbish: u32,
    /// Lines with one before them that is too long.
    pub(super) long: u32,
    /// Messages down whose segments come in the wrong order.
    pub(super) mt_backward: u32,
    /// Messages down whose segments come twice.
    pub(super) mt_double: u32,
    /// Messages down with a wrong sum.
    pub(super) mt_badcrc: u32,
    /// Messages down that break off.
    pub(super) mt_cut: u32,
}

impl Faults {
    /// The counter of this name.
    pub(super) fn counter(&mut self, name: &str) -> Option<&mut u32> {
        Some(match name {
            "falsefail" => &mut self.falsefail,
            "nofinal" => &mut self.nofinal,
            "dupfinal" => &mut self.dupfinal,
            "overflow" => &mut self.overflow,
            "subscription" => &mut self.subscription,
            "e418" => &mut self.e418,
            "e405" => &mut self.e405,
            "ignore" => &mut self.ignore,
            "interleave" => &mut self.interleave,
            "twice" => &mut self.twice,
            "toolate" => &mut self.toolate,
            "nocancel" => &mut self.nocancel,
            "rubbish" => &mut self.rubbish,
            "long" => &mut self.long,
            "mt-backward" => &mut self.mt_backward,
            "mt-double" => &mut self.mt_double,
            "mt-badcrc" => &mut self.mt_badcrc,
            "mt-cut" => &mut self.mt_cut,
            _ => return None,
        })
    }
}

/// Ends of a message that was never on air.
pub(super) const NEVER_ON_AIR: &[&str] = &[
    "message_discarded_on_overflow",
    "subscription_invalid",
    "segment_not_supplied",
    "segment_incorrect",
    "user_supplied_crc_error",
    "message_dropped_local_crc_error",
    "message_cancelled_pre_transit",
];

/// Ends of a message that was on air, in part or whole.
pub(super) const ON_AIR: &[&str] = &[
    "mo_ack_received",
    "message_expired",
    "message_transfer_timeout",
    "network_error",
    "protocol_error",
    "message_cancelled_in_transit",
    "crc_error_in_transfer",
];
