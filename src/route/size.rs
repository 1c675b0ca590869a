//! What a message takes on a link: bytes and packets, by each coding.

use compact::packet::fragments::{HEAD, MOST_FRAGMENTS, Room};

use super::choose::Policy;
use super::segments;
use crate::address::PeerId;
use crate::coding::classic::{self, Protocol};
use crate::coding::parts;
use crate::message::reason::SplitError;
use crate::message::{Extent, LinkSize, Message};

/// The packets of a text on a link, by the classic coding.
///
/// # Errors
/// When it cannot be cut into packets.
pub fn packets(message: &Message, to_device: bool, max_payload: usize) -> Result<Vec<Vec<u8>>, SplitError> {
    // Toward a device the packet names the writer, so that the reader can answer; toward the world the recipient.
    let other = if to_device { &message.from } else { &message.to };
    let (protocol, text) = match other.phone() {
        Some(_) => (Protocol::Sms, segments::text_for_phone(&message.subject, &message.text)),
        None => (Protocol::Email, classic::join(&message.subject, &message.text)),
    };
    parts::split(&text, &other.to_string(), !to_device, protocol, max_payload)
}

/// What a message takes by the classic coding.
pub fn classic_size(message: &Message, to_device: bool, max_payload: usize) -> LinkSize {
    let packets = packets(message, to_device, max_payload).ok();
    let extent = |packets: Vec<Vec<u8>>| Extent { bytes: packets.iter().map(Vec::len).sum(), packets: packets.len() };
    LinkSize { max_payload, classic: packets.map(extent), compact: None }
}

/// What a bundle of the compact coding of so many bytes takes on a link; `None` where it is cut into more packets than that
/// coding has.
pub fn coded_size(bundle: usize, room: Room) -> Option<Extent> {
    let packets = room.packets(bundle);
    let heads = if packets > 1 { HEAD * packets } else { 0 };
    (packets <= MOST_FRAGMENTS).then_some(Extent { bytes: bundle + heads, packets })
}

/// What was measured for one link, on another one: the bundle is the same, and only where it is cut differs.
fn coded_elsewhere(measured: Extent, room: Room) -> Option<Extent> {
    let whole = measured.packets == 1;
    let bundle = if whole { measured.bytes } else { measured.bytes.saturating_sub(HEAD * measured.packets) };
    // What is cut has a check that is a byte longer.
    coded_size(bundle + usize::from(whole && bundle > room.bytes), room)
}

impl Policy {
    /// How packets are filled on the way to a far box.
    pub fn room(&self, far_box: Option<PeerId>) -> Room {
        Room { bytes: self.max_payload(far_box), step: self.step(far_box) }
    }

    /// What a message takes on the link alone: as it was measured. What was measured for another link is worked out from that,
    /// and what was not measured by the classic coding.
    pub fn size_of(&self, message: &Message, far_box: Option<PeerId>) -> LinkSize {
        let room = self.room(far_box);
        if let Some(size) = message.size.filter(|size| size.max_payload == room.bytes) {
            return size;
        }
        let measured = message.size.and_then(|size| size.compact);
        let compact = measured.and_then(|extent| coded_elsewhere(extent, room));
        LinkSize { compact, ..classic_size(message, far_box.is_some(), room.bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_for_one_link_says_what_it_takes_on_another() {
        let (line, satellite) = (Room { bytes: 60_000, step: 0 }, Room { bytes: 340, step: 50 });
        let on_line = |bytes| coded_size(bytes, line).unwrap();
        let there = |bytes| coded_elsewhere(on_line(bytes), satellite).unwrap();
        assert_eq!(there(24), Extent { bytes: 24, packets: 1 });
        // Cut in two, with two heads and a byte more of check.
        assert_eq!(there(588), Extent { bytes: 593, packets: 2 });
        // And back.
        assert_eq!(coded_elsewhere(there(588), line), Some(Extent { bytes: 589, packets: 1 }));
        assert_eq!(coded_elsewhere(on_line(298 * 16 - 1), satellite).map(|extent| extent.packets), Some(16));
        assert_eq!(coded_elsewhere(on_line(298 * 16), satellite), None, "more than there are");
    }
}
