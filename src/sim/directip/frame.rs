//! Frames, written and read by hand.

use crate::hex;
use crate::sim::ground::terminals::Up;

/// Says that a message from a terminal was taken.
pub(super) const TAKEN: [u8; 7] = [1, 0, 4, 5, 0, 1, 1];

/// A message for a terminal, as somebody sent it.
pub(super) struct Mt {
    pub(super) id: [u8; 4],
    pub(super) imei: [u8; 15],
    pub(super) flags: u16,
    pub(super) payload: Vec<u8>,
}

/// A piece of a frame: its number, and its content behind the length.
pub(super) fn piece(number: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or_default();
    [&[number][..], &length.to_be_bytes(), content].concat()
}

/// The pieces that tell of a message from a terminal: header, place, and what it carried.
pub(super) fn pieces(up: &Up, record: u32) -> [Vec<u8>; 3] {
    let mut header = record.to_be_bytes().to_vec();
    header.extend(up.imei.as_bytes());
    header.push(0);
    header.extend(up.momsn.to_be_bytes());
    header.extend([0, 0]);
    header.extend(u32::try_from(up.at.seconds()).unwrap_or_default().to_be_bytes());
    // 52.3867 N, 0.2938 E, good to 8 km.
    let place = [0, 52, 0x5a, 0xa2, 0, 0x44, 0xdc, 0, 0, 0, 8];
    let payload = hex::decode(up.data.as_bytes()).unwrap_or_default();
    let payload = if payload.is_empty() { Vec::new() } else { piece(2, &payload) };
    [piece(1, &header), piece(3, &place), payload]
}

/// Reads a message for a terminal.
pub(super) fn mt(frame: &[u8]) -> Option<Mt> {
    let mut rest = frame.get(3..)?;
    let (mut header, mut payload): (Option<[u8; 21]>, Vec<u8>) = (None, Vec::new());
    while let [number, high, low, behind @ ..] = rest {
        let (content, next) = behind.split_at_checked(usize::from(*high) << 8 | usize::from(*low))?;
        match number {
            0x41 => header = content.try_into().ok(),
            0x42 => payload = content.to_vec(),
            _ => {}
        }
        rest = next;
    }
    let header = header?;
    let (id, behind) = header.split_first_chunk()?;
    let (imei, flags) = behind.split_first_chunk()?;
    Some(Mt { id: *id, imei: *imei, flags: u16::from_be_bytes(flags.try_into().ok()?), payload })
}

/// What is said of it.
pub(super) fn confirmation(of: &Mt, reference: u32, status: i16) -> Vec<u8> {
    let content = [&of.id[..], &of.imei, &reference.to_be_bytes(), &status.to_be_bytes()].concat();
    piece(1, &piece(0x44, &content))
}
