//! Frames of the line between two boxes. Pure: bytes in, frames out.
//!
//! A frame is its length (two bytes, of what follows), its type (one byte) and its body; numbers are big endian.
//! A type that is not known is skipped, unless it is above [`LAST_OPTIONAL`]: those must not be ignored. Nothing is
//! compressed here, as packets already are.

use std::fmt;

use super::pairing::{self, Introduction};
use crate::link::whole::{WholeFrame, WholePlace};
use crate::message::reason::ByeReason;

/// Version of the protocol that this program speaks.
pub const VERSION: u8 = 1;
/// Largest packet, in bytes.
pub const MAX_PACKET: usize = 60_000;
/// Largest frame, in bytes, without the two of its length.
pub const MAX_FRAME: usize = 60_100;
/// Largest frame before the far box is known, in bytes, without the two of its length.
pub const MAX_FIRST: usize = 254;
/// Types above this one may not be skipped.
const LAST_OPTIONAL: u8 = 0x80;
/// Packets asked about in one frame.
pub const MAX_ASKED: usize = 512;

/// What the two boxes say to each other, one frame at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The first of both sides.
    Hello(Hello),
    /// A packet under the sender's number for it.
    Packet {
        /// Grows by one or more from packet to packet, as long as the sender's store lives.
        number: u32,
        /// 1 to [`MAX_PACKET`] bytes.
        payload: Vec<u8>,
        /// The whole mails of messages in it, which are at the far box already. Only for a box that says [`Hello::wholes`].
        wholes: Vec<WholePlace>,
    },
    /// The same under the number behind that of the packet before it on this connection, without whole mails. Only for a
    /// box that says [`Hello::brief`].
    Next(Vec<u8>),
    /// About whole mails; only for a box that says [`Hello::wholes`].
    Whole(WholeFrame),
    /// What is committed at the sender of this frame.
    Receipt(Got),
    /// The same where nothing is missing: the last byte of the number up to which all is there. It is that of a packet which
    /// came by this connection and of which this was not said before. Only for a box that says [`Hello::brief`].
    UpTo(u8),
    /// The packet will never be taken, and nothing that came behind it on this connection is.
    Refuse {
        /// Number of the packet, as its sender counts.
        number: u32,
        /// The reason to refuse it.
        why: Refusal,
    },
    /// Are packets of these names committed at your side, whichever link brought them?
    Ask(Vec<u64>),
    /// The answer, in the same order.
    Know(Vec<bool>),
    /// Asks for a sign of life.
    Ping,
    /// Gives the sign of life that was asked for.
    Pong,
    /// Introduces a box that is not known yet, or answers that.
    Pair(Introduction),
    /// The connection is closed on purpose.
    Bye(ByeReason),
    /// A type of a later version that may be skipped.
    Unknown(u8),
}

/// What a box says of itself at the start of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// Version of the protocol that the box speaks.
    pub version: u8,
    /// It pays for its bytes.
    pub metered: bool,
    /// It takes urgent packets only, as its budget is used up.
    pub urgent_only: bool,
    /// It has no room for packets at present.
    pub full: bool,
    /// It knows the frames of whole mails, and takes them.
    pub wholes: bool,
    /// It knows the frames that leave out what both ends know.
    pub brief: bool,
    /// Random name of the store, born with it: packet numbers belong to it.
    pub epoch: u32,
    /// What it has committed of the other's packets.
    pub got: Got,
    /// Largest packet that it takes, in bytes.
    pub max_packet: u16,
}

/// Which packets are committed: all up to `upto`, and some behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Got {
    /// All up to this number.
    pub upto: u32,
    /// Bit 0 is number `upto + 2`, bit 31 `upto + 33` (`upto + 1` is the first that is missing).
    pub behind: u32,
}

impl Got {
    /// True when the packet of this number is committed.
    pub fn has(self, number: u32) -> bool {
        match number.checked_sub(self.upto) {
            None | Some(0) => true,
            Some(ahead @ 2..=33) => self.behind >> (ahead - 2) & 1 == 1,
            Some(_) => false,
        }
    }
}

/// Why a packet will never be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is larger than the far box takes.
    TooLarge,
    /// It is empty or otherwise no packet.
    Unreadable,
    /// The far box takes nothing from this one.
    Blocked,
    /// A reason of a later version.
    Other(u8),
}

/// The bytes are no frames of this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// A frame is longer than allowed: bytes it announced.
    TooLong(usize),
    /// A frame without a type.
    Empty,
    /// The body of a frame of this type does not fit it.
    Body(u8),
    /// A type that must be understood and is not.
    Type(u8),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(bytes) => write!(f, "a frame of {bytes} bytes is longer than allowed"),
            Self::Empty => f.write_str("a frame has no type"),
            Self::Body(kind) => write!(f, "the content of a frame of type {kind:#04x} cannot be read"),
            Self::Type(kind) => write!(f, "a frame of type {kind:#04x} is not known here"),
        }
    }
}

impl Frame {
    /// Appends the frame: length 2, then type and body.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0, 0]);
        match self {
            Self::Hello(hello) => {
                out.push(0x01);
                let flags = u8::from(hello.metered)
                    | u8::from(hello.urgent_only) << 1
                    | u8::from(hello.full) << 2
                    | u8::from(hello.wholes) << 3
                    | u8::from(hello.brief) << 4;
                out.extend_from_slice(&[hello.version, flags]);
                out.extend_from_slice(&hello.epoch.to_be_bytes());
                hello.got.write(out);
                out.extend_from_slice(&hello.max_packet.to_be_bytes());
            }
            Self::Packet { number, payload, wholes } => {
                out.push(if wholes.is_empty() { 0x02 } else { 0x0c });
                out.extend_from_slice(&number.to_be_bytes());
                if !wholes.is_empty() {
                    // A bundle has at most 16 messages.
                    out.push(u8::try_from(wholes.len()).unwrap_or(u8::MAX));
                    for place in wholes.iter().take(usize::from(u8::MAX)) {
                        out.extend_from_slice(&place.bytes());
                    }
                }
                out.extend_from_slice(payload);
            }
            Self::Whole(frame) => {
                out.push(0x0b);
                frame.write(out);
            }
            Self::Next(payload) => {
                out.push(0x0d);
                out.extend_from_slice(payload);
            }
            Self::Receipt(got) => {
                out.push(0x03);
                got.write(out);
            }
            Self::UpTo(last) => out.extend_from_slice(&[0x0e, *last]),
            Self::Refuse { number, why } => {
                out.push(0x04);
                out.extend_from_slice(&number.to_be_bytes());
                out.push(why.code());
            }
            Self::Ask(names) => {
                out.push(0x05);
                names.iter().for_each(|name| out.extend_from_slice(&name.to_be_bytes()));
            }
            Self::Know(bits) => {
                out.push(0x06);
                let byte =
                    |bits: &[bool]| bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | u8::from(*bit) << at);
                out.extend(bits.chunks(8).map(byte));
            }
            Self::Ping => out.push(0x07),
            Self::Pong => out.push(0x08),
            Self::Pair(introduction) => {
                out.push(0x09);
                introduction.write(out);
            }
            Self::Bye(why) => out.extend_from_slice(&[0x0a, bye_code(*why)]),
            Self::Unknown(kind) => out.push(*kind),
        }
        // No frame is longer than MAX_FRAME: packets and names are limited where they are made.
        let length = u16::try_from(out.len() - start - 2).unwrap_or(u16::MAX);
        out[start..start + 2].copy_from_slice(&length.to_be_bytes());
    }

    /// Gives the frame as it goes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn read(kind: u8, body: &[u8]) -> Result<Self, FrameError> {
        let wrong = FrameError::Body(kind);
        let mut from = Reader(body);
        let frame = match kind {
            0x01 => Self::Hello(from.hello().ok_or(wrong)?),
            0x02 => {
                let number = from.number().ok_or(wrong)?;
                Self::Packet { number, payload: from.rest().to_vec(), wholes: Vec::new() }
            }
            0x03 => Self::Receipt(from.got().ok_or(wrong)?),
            0x04 => Self::Refuse { number: from.number().ok_or(wrong)?, why: Refusal::of(from.byte().ok_or(wrong)?) },
            0x05 => {
                let (names, odd) = from.rest().as_chunks::<8>();
                if !odd.is_empty() || names.len() > MAX_ASKED {
                    return Err(wrong);
                }
                Self::Ask(names.iter().map(|name| u64::from_be_bytes(*name)).collect())
            }
            0x06 => Self::Know(from.rest().iter().flat_map(|byte| (0..8).map(move |at| byte >> at & 1 == 1)).collect()),
            0x07 => Self::Ping,
            0x08 => Self::Pong,
            0x09 => Self::Pair(Introduction::read(from.rest()).ok_or(wrong)?),
            0x0a => Self::Bye(bye_of(from.byte().ok_or(wrong)?)),
            // What a later version says of whole mails may be skipped.
            0x0b => WholeFrame::read(from.rest()).map_or(Self::Unknown(kind), Self::Whole),
            0x0c => {
                let number = from.number().ok_or(wrong)?;
                let mut wholes = Vec::new();
                for _ in 0..from.byte().ok_or(wrong)? {
                    wholes.push(WholePlace::read(&from.take().ok_or(wrong)?));
                }
                Self::Packet { number, payload: from.rest().to_vec(), wholes }
            }
            0x0d => Self::Next(from.rest().to_vec()),
            0x0e => Self::UpTo(from.byte().ok_or(wrong)?),
            kind if kind > LAST_OPTIONAL => return Err(FrameError::Type(kind)),
            kind => Self::Unknown(kind),
        };
        Ok(frame)
    }
}

impl Got {
    fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.upto.to_be_bytes());
        out.extend_from_slice(&self.behind.to_be_bytes());
    }
}

impl Refusal {
    /// Gives the number by which the frame says it.
    pub fn code(self) -> u8 {
        match self {
            Self::TooLarge => 1,
            Self::Unreadable => 2,
            Self::Blocked => 3,
            Self::Other(code) => code,
        }
    }

    fn of(code: u8) -> Self {
        match code {
            1 => Self::TooLarge,
            2 => Self::Unreadable,
            3 => Self::Blocked,
            code => Self::Other(code),
        }
    }
}

/// The number of a reason to close a connection.
fn bye_code(why: ByeReason) -> u8 {
    match why {
        ByeReason::Stop => 1,
        ByeReason::NotPaired => 2,
        ByeReason::Newer => 3,
        ByeReason::Budget => 4,
        ByeReason::Version => 5,
        ByeReason::Pairing(why) => pairing::code_of(why),
        ByeReason::Other(code) => code,
    }
}

fn bye_of(code: u8) -> ByeReason {
    match code {
        1 => ByeReason::Stop,
        2 => ByeReason::NotPaired,
        3 => ByeReason::Newer,
        4 => ByeReason::Budget,
        5 => ByeReason::Version,
        code => pairing::failure_of(code).map_or(ByeReason::Other(code), ByeReason::Pairing),
    }
}

/// Reads a body from its start; what is left over belongs to later versions.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn rest(&mut self) -> &'b [u8] {
        std::mem::take(&mut self.0)
    }

    fn got(&mut self) -> Option<Got> {
        Some(Got { upto: self.number()?, behind: self.number()? })
    }

    fn hello(&mut self) -> Option<Hello> {
        let (version, flags) = (self.byte()?, self.byte()?);
        Some(Hello {
            version,
            metered: flags & 1 != 0,
            urgent_only: flags & 2 != 0,
            full: flags & 4 != 0,
            wholes: flags & 8 != 0,
            brief: flags & 16 != 0,
            epoch: self.number()?,
            got: self.got()?,
            max_packet: self.take().map(u16::from_be_bytes)?,
        })
    }
}

/// Finds frames in a stream of bytes.
#[derive(Debug)]
pub struct Decoder {
    bytes: Vec<u8>,
    /// Bytes at the start of `bytes` that were given out already.
    used: usize,
    most: usize,
}

impl Decoder {
    /// Takes frames of up to `most` bytes without the two of their length.
    pub fn new(most: usize) -> Self {
        Self { bytes: Vec::new(), used: 0, most }
    }

    /// Takes bytes in, whole frames or pieces of them.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.used > 0 {
            self.bytes.drain(..self.used);
            self.used = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame; `None` until there are more bytes.
    ///
    /// # Errors
    /// When the bytes are no frames: the connection is of no use any more.
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        let rest = &self.bytes[self.used..];
        let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes(*length));
        if length > self.most {
            return Err(FrameError::TooLong(length));
        }
        let Some(frame) = rest.get(..length) else { return Ok(None) };
        let (kind, body) = frame.split_first().ok_or(FrameError::Empty)?;
        let frame = Frame::read(*kind, body)?;
        self.used += 2 + length;
        if self.used == self.bytes.len() {
            (self.bytes, self.used) = (Vec::new(), 0);
        }
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests;
