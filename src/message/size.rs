//! What a message takes on a link.

use serde::{Deserialize, Serialize};

/// What a message takes on a link when it leaves alone. Measured once for a link and a coding and kept with the message:
/// price, limits and the order in which messages share packets are worked out from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LinkSize {
    /// Largest payload of a packet of the link that it was measured for, in bytes.
    pub max_payload: usize,
    /// By the classic coding; `None` when it cannot be written so.
    #[serde(default)]
    pub classic: Option<Extent>,
    /// By the compact coding; `None` when the far box does not read it, or the coder was not there in time.
    #[serde(default)]
    pub compact: Option<Extent>,
}

/// Bytes, and the packets that they fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Bytes that go on air.
    pub bytes: usize,
    /// Packets that carry them.
    pub packets: usize,
}

impl LinkSize {
    /// By the coding that the far box reads; `None` when it can be written in no coding.
    pub fn best(&self) -> Option<Extent> {
        [self.compact, self.classic].into_iter().flatten().min_by_key(|extent| (extent.packets, extent.bytes))
    }
}

/// What a message takes on air, and what it would have taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Account {
    /// Bytes in the classic coding; 0 when it cannot be written so.
    pub classic_bytes: usize,
    /// Packets in the classic coding; 0 likewise.
    pub classic_packets: usize,
    /// Packets that it would take alone.
    pub alone: usize,
    /// Its share of the bytes that go.
    pub bytes: usize,
    /// Packets that it travels in, alone or with others.
    pub packets: usize,
    /// Messages in those packets.
    #[serde(alias = "letters")]
    pub messages: usize,
}

impl Account {
    /// What it takes and what that saves, for people.
    pub fn words(&self) -> String {
        let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let classic = match self.classic_packets {
            0 => String::new(),
            // A short message may take a few bytes more: then nothing was saved.
            packets if (packets, self.classic_bytes) <= (self.packets, self.bytes) => String::new(),
            packets => format!(" instead of {} in {}", count(self.classic_bytes, "byte"), count(packets, "packet")),
        };
        let shared = match (self.messages, self.alone.saturating_sub(self.packets)) {
            (0 | 1, _) => String::new(),
            (messages, 0) => format!(", shared with {}", count(messages - 1, "other message")),
            (messages, saved) => {
                format!(", shared with {}: {} less", count(messages - 1, "other message"), count(saved, "packet"))
            }
        };
        format!("{} in {}{classic}{shared}", count(self.bytes, "byte"), count(self.packets, "packet"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coding_that_the_far_box_reads_counts() {
        let of = |packets| Some(Extent { bytes: packets * 100, packets });
        let size = |classic, compact| LinkSize { max_payload: 192, classic, compact };
        assert_eq!(size(of(3), of(1)).best(), of(1));
        assert_eq!(size(of(3), None).best(), of(3));
        assert_eq!(size(of(1), of(2)).best(), of(1));
        let short = Some(Extent { bytes: 60, packets: 1 });
        assert_eq!(size(of(1), short).best(), short);
        assert_eq!(size(None, of(2)).best(), of(2));
        assert_eq!(size(None, None).best(), None);
    }

    #[test]
    fn an_account_is_said_in_words() {
        let alone = Account { classic_bytes: 210, classic_packets: 2, alone: 1, bytes: 70, packets: 1, messages: 1 };
        assert_eq!(alone.words(), "70 bytes in 1 packet instead of 210 bytes in 2 packets");
        assert_eq!(Account { classic_bytes: 65, classic_packets: 1, ..alone }.words(), "70 bytes in 1 packet");
        let shared = Account { classic_bytes: 0, classic_packets: 0, messages: 4, ..alone };
        assert_eq!(shared.words(), "70 bytes in 1 packet, shared with 3 other messages");
    }
}
