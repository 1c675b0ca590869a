//! Whole mails between two boxes: what is said of them over a wide link. Pure: bytes in, meaning out.
//!
//! # How a mail goes whole
//!
//! A message goes between two boxes as text, in packets, on every link; what a receipt, a session and a price are about is
//! that packet. Over a wide link the mail that it was made from goes *before* the packet, and the packet names it:
//!
//! ```text
//!   the box that has the mail                        the far box
//!   OFFER  name, packed size, size   ────────────>   looks what it has of it, on disk
//!                                    <────────────   HAVE   name, bytes so far
//!   PIECE  name, from, bytes         ────────────>   written behind what is there, synced
//!   PIECE ...                        <────────────   HAVE   name, bytes so far
//!                                    <────────────   HAVE   name, all: it is the mail, by its name
//!   PACKET number, (where, name), packet ────────>   message and mail in one commit
//!                                    <────────────   RECEIPT, as of any packet
//! ```
//!
//! A mail of one piece goes right behind its OFFER: on a way of 600 ms there and back the answer takes longer than the piece.
//!
//! * **Name.** The first 16 bytes of the SHA-256 of the packed mail. Packed is raw deflate (RFC 1951) of the bytes as this box
//!   keeps them, trace lines included. One mail to several people at the far box has one name, and goes once.
//! * **Receipts.** HAVE is said only of bytes that are synced to the disk; it makes nothing final but those bytes. The message
//!   is final with the RECEIPT of its packet: one commit holds the message, its mail and the memory of the packet.
//! * **The connection breaks**, or either box is killed: nothing of a transfer is in the store of the box that sends, so
//!   nothing there can be wrong. The next connection begins with OFFER, and HAVE says where to go on. What arrived is not
//!   sent again. Meanwhile the message waits in the queue as any other: when its patience is over another link takes its text.
//! * **Twice.** A packet that comes again is dropped by its name, with whatever it carries. A file whose packet never comes
//!   is removed after three days; a packet whose mail is gone brings its text.
//! * **Damage.** What is not what its name says is thrown away, and told with HAVE 0; the second time with REFUSE: then the
//!   text goes.
//! * **Older boxes.** Bit 3 of the flags of HELLO says that a box knows these frames. To one that does not say it none is
//!   sent, and all is as before. A box whose link has `ip.whole` 0 does not say it.
//! * **Money.** A mail goes along by itself only where the link charges nothing. One that is asked for is charged to the
//!   budget of the link that carries it, piece by piece when its HAVE comes: what arrived is paid for, once.
//!
//! # The rest of a mail, asked for later
//!
//! ```text
//!   the box that has the mail                        the far box
//!   MORE   number, bundle, place, sizes ─────────>   notes at its message that there is more
//!                                    <────────────   HEARD  number
//!                                    <────────────   WANT   number            (somebody, or the box by itself, asks)
//!   OFFER  name, sizes, number       ────────────>   HAVE, PIECE ... as above; then mail and message in one commit
//!   NONE   number                    ────────────>   the mail is not there any more
//! ```
//!
//! MORE is said of a message that went as text, by whatever link, and is said again on each connection until HEARD. `number` is
//! the message's on the box that has it; bundle and place are where its text came in the session of the two boxes. WANT is
//! said again on each connection until the mail is there, or NONE was said.
//!
//! # On the wire
//!
//! The body of a frame of type 0B of the line: one byte, then (numbers are big endian)
//!
//! | byte | | body | bytes |
//! |---|---|---|---|
//! | 01 | OFFER | name 16, packed 4, size 4, number 8 (0: it goes along with a packet) | 33 |
//! | 02 | HAVE | name 16, bytes 4 | 21 |
//! | 03 | PIECE | name 16, from 4, 1 to 16,000 bytes | 21 + n |
//! | 04 | REFUSE | name 16, reason 1 (1 too large, 2 no room, 3 damaged) | 18 |
//! | 05 | MORE | number 8, bundle 2, place 1, packed 4, size 4 | 20 |
//! | 06 | HEARD | number 8 | 9 |
//! | 07 | WANT | number 8 | 9 |
//! | 08 | NONE | number 8 | 9 |
//!
//! Another first byte is skipped. A packet with mails is a frame of type 0C: number 4, count 1, count × (bundle 2, place 1,
//! name 16), packet; bundle and place say which message of the session the mail belongs to.
//! At most 128 kB of pieces are on their way without HAVE, and packets go before pieces, so a message waits for one write.

use crate::hex;

/// Most bytes of a mail in one PIECE.
pub const PIECE: usize = 16_000;
/// Most bytes of pieces that are on their way without an answer.
pub const ON_THE_WAY: usize = 128_000;

/// The name of a packed mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WholeId(pub [u8; 16]);

impl WholeId {
    /// The name of these packed bytes.
    pub fn of(packed: &[u8]) -> Self {
        let sum = ring::digest::digest(&ring::digest::SHA256, packed);
        // A SHA-256 has 32 bytes.
        Self(sum.as_ref().first_chunk().copied().unwrap_or_default())
    }

    /// Its digits, for the name of a file.
    pub fn digits(self) -> String {
        hex::encode(&self.0)
    }
}

/// Which message a whole mail belongs to, said with the packet of that message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WholePlace {
    /// Name of its bundle in the session of the two boxes.
    pub bundle: u16,
    /// Place of the message in that bundle, from 0.
    pub place: u8,
    /// Name of the mail.
    pub name: WholeId,
}

impl WholePlace {
    /// Writes it as it goes on the wire: bundle 2, place 1, name 16, big endian.
    pub fn bytes(&self) -> [u8; 19] {
        let mut bytes = [0; 19];
        bytes[..2].copy_from_slice(&self.bundle.to_be_bytes());
        bytes[2] = self.place;
        bytes[3..].copy_from_slice(&self.name.0);
        bytes
    }

    /// Reads what [`WholePlace::bytes`] wrote.
    pub fn read(bytes: &[u8; 19]) -> Self {
        let [first, second, place, name @ ..] = *bytes;
        Self { bundle: u16::from_be_bytes([first, second]), place, name: WholeId(name) }
    }
}

/// Whether whole mails go to a far box by a link now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wide {
    /// No whole mail goes there.
    No,
    /// Not known: the far box is being called.
    Away,
    /// They go by this connection.
    Open {
        /// Which: another number is another connection.
        connection: u64,
        /// The far box pays for what it gets.
        metered: bool,
    },
}

/// What is said of a whole mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WholeFrame {
    /// This box has a mail for the other.
    Offer {
        /// Name of the mail.
        name: WholeId,
        /// Bytes of the mail, packed.
        packed: u32,
        /// Bytes of the mail, unpacked.
        size: u32,
        /// The message of the sender that was asked for; 0: it goes along with a packet.
        number: u64,
    },
    /// So many of its packed bytes are on the disk of this box.
    Have {
        /// Name of the mail.
        name: WholeId,
        /// How many of its packed bytes are there, from the beginning.
        got: u32,
    },
    /// Some of its packed bytes.
    Piece {
        /// Name of the mail.
        name: WholeId,
        /// Offset of the first of these bytes in the packed mail.
        from: u32,
        /// 1 to [`PIECE`] of them.
        bytes: Vec<u8>,
    },
    /// This box will not take it.
    Refuse {
        /// Name of the mail.
        name: WholeId,
        /// The reason to refuse it.
        why: WholeRefusal,
    },
    /// The text that came there is not all of that mail.
    More {
        /// The sender's number of the message.
        number: u64,
        /// Name of the bundle in which its text went.
        bundle: u16,
        /// Place of the message in that bundle, from 0.
        place: u8,
        /// Packed bytes of the mail.
        packed: u32,
        /// Bytes of the mail, unpacked.
        size: u32,
    },
    /// [`WholeFrame::More`] was noted.
    Heard {
        /// The number of the message in that frame.
        number: u64,
    },
    /// Asks for the mail of a message.
    Want {
        /// The number in [`WholeFrame::More`].
        number: u64,
    },
    /// The mail that was asked for is not there.
    None {
        /// The number in [`WholeFrame::Want`].
        number: u64,
    },
}

/// Why a box does not take a whole mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WholeRefusal {
    /// Larger than it takes mails.
    TooLarge,
    /// Its disk is full, or too many wait.
    NoRoom,
    /// What came was twice not what it was named.
    Damaged,
    /// A reason of a later version.
    Other(u8),
}

impl WholeRefusal {
    fn code(self) -> u8 {
        match self {
            Self::TooLarge => 1,
            Self::NoRoom => 2,
            Self::Damaged => 3,
            Self::Other(code) => code,
        }
    }

    fn of(code: u8) -> Self {
        match code {
            1 => Self::TooLarge,
            2 => Self::NoRoom,
            3 => Self::Damaged,
            code => Self::Other(code),
        }
    }
}

impl WholeFrame {
    /// True where the far box answers.
    pub fn asks(&self) -> bool {
        matches!(self, Self::Offer { .. } | Self::Piece { .. })
    }

    /// Appends it to the body of a frame: its kind in one byte, then the fields, big endian.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut put = |kind: u8, parts: &[&[u8]]| {
            out.push(kind);
            parts.iter().for_each(|part| out.extend_from_slice(part));
        };
        match self {
            Self::Offer { name, packed, size, number } => {
                put(0x01, &[&name.0, &packed.to_be_bytes(), &size.to_be_bytes(), &number.to_be_bytes()]);
            }
            Self::Have { name, got } => put(0x02, &[&name.0, &got.to_be_bytes()]),
            Self::Piece { name, from, bytes } => put(0x03, &[&name.0, &from.to_be_bytes(), bytes]),
            Self::Refuse { name, why } => put(0x04, &[&name.0, &[why.code()]]),
            Self::More { number, bundle, place, packed, size } => {
                let (number, bundle) = (number.to_be_bytes(), bundle.to_be_bytes());
                put(0x05, &[&number, &bundle, &[*place], &packed.to_be_bytes(), &size.to_be_bytes()]);
            }
            Self::Heard { number } => put(0x06, &[&number.to_be_bytes()]),
            Self::Want { number } => put(0x07, &[&number.to_be_bytes()]),
            Self::None { number } => put(0x08, &[&number.to_be_bytes()]),
        }
    }

    /// Reads one; `None` for what a later version may mean, and for a piece of no bytes or of too many. What is left over
    /// belongs to later versions.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let mut from = Fields(rest);
        Some(match kind {
            0x01 => {
                Self::Offer { name: from.name()?, packed: from.small()?, size: from.small()?, number: from.large()? }
            }
            0x02 => Self::Have { name: from.name()?, got: from.small()? },
            0x03 => {
                let (name, at, bytes) = (from.name()?, from.small()?, from.0.to_vec());
                (1..=PIECE).contains(&bytes.len()).then_some(Self::Piece { name, from: at, bytes })?
            }
            0x04 => Self::Refuse { name: from.name()?, why: WholeRefusal::of(from.byte()?) },
            0x05 => {
                let (number, bundle, place) = (from.large()?, u16::from_be_bytes(from.take()?), from.byte()?);
                Self::More { number, bundle, place, packed: from.small()?, size: from.small()? }
            }
            0x06 => Self::Heard { number: from.large()? },
            0x07 => Self::Want { number: from.large()? },
            0x08 => Self::None { number: from.large()? },
            _ => return None,
        })
    }
}

/// The fields of a body, from its start.
struct Fields<'b>(&'b [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    fn small(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn large(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn name(&mut self) -> Option<WholeId> {
        self.take().map(WholeId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_they_were_written_and_have_the_sizes_of_the_table() {
        let name = WholeId::of(b"packed");
        let frames = [
            (WholeFrame::Offer { name, packed: 70_000, size: 90_000, number: 0 }, 33),
            (WholeFrame::Have { name, got: 16_000 }, 21),
            (WholeFrame::Piece { name, from: 16_000, bytes: vec![7; 300] }, 321),
            (WholeFrame::Refuse { name, why: WholeRefusal::NoRoom }, 18),
            (WholeFrame::More { number: 1 << 40, bundle: 0xbeef, place: 3, packed: 5, size: 6 }, 20),
            (WholeFrame::Heard { number: 9 }, 9),
            (WholeFrame::Want { number: 9 }, 9),
            (WholeFrame::None { number: 9 }, 9),
        ];
        for (frame, size) in frames {
            let mut bytes = Vec::new();
            frame.write(&mut bytes);
            assert_eq!(bytes.len(), size, "{frame:?}");
            assert_eq!(WholeFrame::read(&bytes), Some(frame.clone()));
            assert_eq!(WholeFrame::read(&bytes[..8]), None, "{frame:?} cut");
        }
        assert_eq!(WholeFrame::read(&[0x77, 1]), None);
        assert_eq!(WholeFrame::read(&[]), None);
        let mut long = Vec::new();
        WholeFrame::Piece { name, from: 0, bytes: vec![0; PIECE + 1] }.write(&mut long);
        assert_eq!(WholeFrame::read(&long), None);
    }
}
