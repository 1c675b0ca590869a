//! Frames of DirectIP, byte for byte (Iridium's DirectIP guide; `ground.md` section 6). Pure.
//!
//! A frame is the number 1, the length of the rest in two bytes, and elements: a number, a length in two bytes, and so many
//! bytes. All numbers are big endian. The order of elements is free, and those of unknown numbers are read over.

use std::fmt;

use crate::address::LinkAddress;
use crate::clock::Time;
use crate::link::ground::fields::terminal;

/// The only revision of the protocol there is.
const REVISION: u8 = 1;
/// Bytes of revision and length.
pub const HEAD: usize = 3;
/// The longest frame that is read, in bytes, with its head: what may come has 1960 bytes of content.
pub const MAX_FRAME: usize = 3000;
/// Digits of a terminal's number.
const IMEI: usize = 15;

const MO_HEADER: u8 = 0x01;
const MO_PAYLOAD: u8 = 0x02;
const MO_CONFIRMATION: u8 = 0x05;
const MT_HEADER: u8 = 0x41;
const MT_PAYLOAD: u8 = 0x42;
const MT_CONFIRMATION: u8 = 0x44;

/// What is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// Not of the revision that there is.
    Revision,
    /// Its length is not what it says.
    Length,
    /// An element is cut off.
    Element,
    /// The element is not there that says what it is about, or has another length.
    Header,
    /// It names no terminal.
    Terminal,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Revision => "it is no frame of revision 1",
            Self::Length => "its length is not what it says",
            Self::Element => "an element is cut off",
            Self::Header => "its header is not there",
            Self::Terminal => "it names no terminal by its 15 digits",
        })
    }
}

/// A message from a terminal, or the record of a session without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mo {
    /// The terminal of that session, by its IMEI.
    pub imei: LinkAddress,
    /// The gateway's number of the session.
    pub record: u32,
    /// How the session ended: 0 to 2 were good, only those carry something.
    pub status: u8,
    /// The terminal's number of the session.
    pub momsn: u16,
    /// When the session was.
    pub at: Time,
    /// The bytes of the message; empty when the session carried none.
    pub payload: Vec<u8>,
}

/// What the gateway says of a message for a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// Our number of it.
    pub id: u32,
    /// The terminal, as its digits.
    pub imei: String,
    /// The gateway's number of it.
    pub reference: u32,
    /// Its place in the queue, or what is wrong.
    pub status: i16,
}

/// The length of the rest of a frame that begins so; `None` when it is none of these, or too long.
pub fn rest(head: [u8; HEAD]) -> Option<usize> {
    let [revision, high, low] = head;
    let rest = usize::from(u16::from_be_bytes([high, low]));
    (revision == REVISION && rest <= MAX_FRAME - HEAD).then_some(rest)
}

/// The elements of a whole frame.
fn elements(frame: &[u8]) -> Result<Vec<(u8, &[u8])>, Damage> {
    let (head, mut left) = frame.split_at_checked(HEAD).ok_or(Damage::Length)?;
    if head.first() != Some(&REVISION) {
        return Err(Damage::Revision);
    }
    if usize::from(u16::from_be_bytes([head[1], head[2]])) != left.len() {
        return Err(Damage::Length);
    }
    let mut elements = Vec::new();
    while let [id, high, low, rest @ ..] = left {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (content, rest) = rest.split_at_checked(length).ok_or(Damage::Element)?;
        elements.push((*id, content));
        left = rest;
    }
    match left.is_empty() {
        true => Ok(elements),
        false => Err(Damage::Element),
    }
}

/// The content of the first element of a number, if it has so many bytes.
fn element<'f, const N: usize>(elements: &[(u8, &'f [u8])], id: u8) -> Option<&'f [u8; N]> {
    let (_, content) = elements.iter().find(|(known, _)| *known == id)?;
    (*content).try_into().ok()
}

/// A number of four bytes at a place that is there.
fn long(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// A number of two bytes at a place that is there.
fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn frame(elements: &[(u8, &[u8])]) -> Vec<u8> {
    let put = |mut bytes: Vec<u8>, id: u8, content: &[u8]| {
        bytes.push(id);
        // Contents are our own, and far shorter than a length can say.
        bytes.extend(u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend(content);
        bytes
    };
    let body = elements.iter().fold(Vec::new(), |bytes, (id, content)| put(bytes, *id, content));
    put(Vec::new(), REVISION, &body)
}

/// Reads a message from a terminal.
///
/// # Errors
/// What is wrong with it.
pub fn mo(bytes: &[u8]) -> Result<Mo, Damage> {
    let elements = elements(bytes)?;
    let header: &[u8; 28] = element(&elements, MO_HEADER).ok_or(Damage::Header)?;
    let digits = std::str::from_utf8(&header[4..4 + IMEI]).unwrap_or_default();
    let imei = terminal(digits).ok_or(Damage::Terminal)?;
    let payload = elements.iter().find(|(id, _)| *id == MO_PAYLOAD).map_or(Vec::new(), |(_, content)| content.to_vec());
    Ok(Mo {
        imei,
        record: long(header, 0),
        status: header[19],
        momsn: short(header, 20),
        at: Time::from_seconds(long(header, 24).into()),
        payload,
    })
}

/// A message for a terminal, by our number of it.
pub fn mt(id: u32, imei: &str, payload: &[u8]) -> Vec<u8> {
    // No flags: the queue stays as it is, and the message is announced to the terminal.
    let header = [&id.to_be_bytes()[..], imei.as_bytes(), &[0, 0]].concat();
    frame(&[(MT_HEADER, &header), (MT_PAYLOAD, payload)])
}

/// Reads what the gateway says of a message for a terminal.
///
/// # Errors
/// What is wrong with it.
pub fn confirmation(bytes: &[u8]) -> Result<Confirmation, Damage> {
    let elements = elements(bytes)?;
    let content: &[u8; 25] = element(&elements, MT_CONFIRMATION).ok_or(Damage::Header)?;
    Ok(Confirmation {
        id: long(content, 0),
        imei: String::from_utf8_lossy(&content[4..4 + IMEI]).into_owned(),
        reference: long(content, 19),
        status: short(content, 23).cast_signed(),
    })
}

/// Says to the gateway that a message from a terminal is kept.
pub fn kept() -> Vec<u8> {
    frame(&[(MO_CONFIRMATION, &[1])])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "").as_bytes()).unwrap()
    }

    /// Taken by the server of the crate `sbd`, which filed it under its terminal and date.
    const MO: &str = "01 0035 01 001c 01020304 333030323334303130373533333730 00 3039 0000 617e72ee \
                      03 000b 00 34 5aa2 00 44dc 00000008 02 0005 68656c6c6f";

    #[test]
    fn frames_are_those_that_others_send_and_take() {
        let read = mo(&bytes(MO)).unwrap();
        let terminal = "imei:300234010753370".parse().unwrap();
        let at = Time::from_seconds(1_635_676_910);
        let (record, status, momsn, payload) = (0x0102_0304, 0, 12345, b"hello".to_vec());
        assert_eq!(read, Mo { imei: terminal, record, status, momsn, at, payload });
        // Taken by isbd-emu, which answered with the next one.
        let sent = mt(42, "300234010753370", b"hello");
        assert_eq!(sent, bytes("01 0020 41 0015 0000002a 333030323334303130373533333730 0000 42 0005 68656c6c6f"));
        let answer = bytes("01 001c 44 0019 0000002a 333030323334303130373533333730 00000000 0001");
        let read = confirmation(&answer).unwrap();
        assert_eq!((read.id, read.imei.as_str(), read.reference, read.status), (42, "300234010753370", 0, 1));
        let refused = bytes("01 001c 44 0019 0000002a 333030323334303130373533333730 00000000 fff6");
        assert_eq!(confirmation(&refused).unwrap().status, -10);
        assert_eq!(kept(), bytes("01 0004 05 0001 01"));
    }

    #[test]
    fn the_order_is_free_and_what_is_unknown_is_read_over() {
        let other = "01 003b 02 0005 68656c6c6f 77 0003 010203 01 001c 01020304 333030323334303130373533333730 00 3039 0000 \
                     617e72ee 03 000b 00 34 5aa2 00 44dc 00000008";
        assert_eq!(mo(&bytes(other)), mo(&bytes(MO)));
        let none = "01 001f 01 001c 01020304 333030323334303130373533333730 0a 3039 0000 617e72ee";
        let none = mo(&bytes(none)).unwrap();
        assert!(none.payload.is_empty() && none.status == 10);
    }

    #[test]
    fn what_is_damaged_is_an_error() {
        let good = bytes(MO);
        for end in 0..good.len() {
            assert!(mo(&good[..end]).is_err(), "{end}");
        }
        for (at, wrong) in [(0, 2), (2, 0x36), (5, 0x1b), (10, b'x'), (35, 0xff)] {
            let mut bad = good.clone();
            bad[at] = wrong;
            assert!(mo(&bad).is_err(), "{at}");
        }
        assert!(mo(&[]).is_err() && confirmation(&kept()).is_err());
        assert_eq!((rest([1, 0, 0x35]), rest([2, 0, 0x35]), rest([1, 0xff, 0xff])), (Some(0x35), None, None));
    }
}
