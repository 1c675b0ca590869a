//! A body that is longer than a packet goes in pieces.

use super::Unreadable;

/// Pieces of one body at most.
pub const MOST_PIECES: usize = 16;
/// Bytes before what a piece carries.
pub const HEAD: usize = 2;
/// Ids of pieces there are.
pub const IDS: u8 = 64;
const PIECE: u8 = 0xC0;

/// One piece as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'b> {
    /// Below 64; the same in all pieces of a body.
    pub id: u8,
    /// From 0.
    pub index: u8,
    /// Index of the last one, at most 15.
    pub last: u8,
    /// What it carries.
    pub bytes: &'b [u8],
}

impl<'b> Piece<'b> {
    /// `None` when it is none.
    pub fn parse(packet: &'b [u8]) -> Option<Self> {
        let [first, place, bytes @ ..] = packet else { return None };
        let piece = Self { id: first & !PIECE, index: place >> 4, last: place & 15, bytes };
        (first & PIECE == PIECE && piece.index <= piece.last && !bytes.is_empty()).then_some(piece)
    }
}

/// A body in packets of at most `room` bytes: itself, or its pieces. `None` when they are more than 16.
pub fn cut(body: &[u8], id: u8, room: usize) -> Option<Vec<Vec<u8>>> {
    if body.len() <= room {
        return Some(vec![body.to_vec()]);
    }
    let pieces: Vec<_> = body.chunks(room.checked_sub(HEAD).filter(|room| *room > 0)?).collect();
    if pieces.len() > MOST_PIECES {
        return None;
    }
    let last = pieces.len() as u8 - 1;
    let head = |index: u8| [PIECE | id & !PIECE, index << 4 | last];
    Some((0..=last).zip(pieces).map(|(index, piece)| [&head(index)[..], piece].concat()).collect())
}

/// The body of all its pieces, in any order.
///
/// # Errors
/// When one is missing, or is none, or is of another body.
pub fn join<P: AsRef<[u8]>>(packets: &[P]) -> Result<Vec<u8>, Unreadable> {
    let pieces: Option<Vec<_>> = packets.iter().map(|packet| Piece::parse(packet.as_ref())).collect();
    let mut pieces = pieces.ok_or(Unreadable::Foreign)?;
    let first = *pieces.first().ok_or(Unreadable::Foreign)?;
    if pieces.iter().any(|piece| (piece.id, piece.last) != (first.id, first.last)) {
        return Err(Unreadable::Foreign);
    }
    pieces.sort_by_key(|piece| piece.index);
    pieces.dedup();
    match pieces.iter().map(|piece| piece.index).eq(0..=first.last) {
        true => Ok(pieces.iter().flat_map(|piece| piece.bytes).copied().collect()),
        false => Err(Unreadable::Incomplete),
    }
}
