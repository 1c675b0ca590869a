//! Messages that come down: said as they come, and kept nowhere.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{Down, Machine};
use crate::clock::Time;
use crate::hex;
use crate::sim::device::take;
use crate::sim::imt::wire;
use crate::sim::sky::Ask;

/// The line takes so many bytes in a millisecond: 230,400 baud.
const BYTES_A_MS: u64 = 23;

impl Machine {
    /// A message came down: the host hears it, or has lost it.
    pub(super) fn bring_down(&mut self, down: &Down, now: Time) {
        if down.number != 0 {
            self.asks.push_back(Ask::Arrived(down.number));
        }
        self.memory.last_down = self.memory.last_down.wrapping_add(1);
        self.memory.billed_down += down.data.len() as u64;
        let (topic, id) = (down.topic, self.memory.last_down);
        self.memory.journal.push(json!({"topic": topic, "id": id, "down": hex::encode(&down.data)}).to_string());
        let mut bytes = down.data.clone();
        bytes.extend(wire::sum(&down.data).to_be_bytes());
        if take(&mut self.faults.mt_badcrc)
            && let Some(last) = bytes.last_mut()
        {
            *last ^= 1;
        }
        let head = format!("\"topic_id\":{topic},\"message_id\":{id}");
        let most = bytes.len();
        self.say(299, "messageTerminate", &format!("{{{head},\"message_length_max\":{most}}}"), now);
        let segment = self.segment_size();
        let mut starts: Vec<_> = (0..most).step_by(segment).collect();
        if take(&mut self.faults.mt_backward) {
            starts.reverse();
        }
        if take(&mut self.faults.mt_double) {
            starts = starts.into_iter().flat_map(|start| [start, start]).collect();
        }
        let cut = take(&mut self.faults.mt_cut);
        if cut {
            starts.pop();
        }
        let mut at = now;
        for start in starts {
            let data = &bytes[start..most.min(start + segment)];
            let place = format!("\"segment_length\":{},\"segment_start\":{start}", data.len());
            let data = STANDARD.encode(data);
            self.say(299, "messageTerminateSegment", &format!("{{{head},{place},\"data\":\"{data}\"}}"), at);
            at = at + Duration::from_millis(data.len() as u64 / BYTES_A_MS);
        }
        let end = if cut { "message_timed_out" } else { "complete" };
        self.say(299, "messageTerminateStatus", &format!("{{{head},\"final_mt_status\":\"{end}\"}}"), at);
    }
}
