//! A bundle that is longer than a packet goes in fragments.

use super::Unreadable;

/// Fragments of one bundle at most.
pub const MOST_FRAGMENTS: usize = 16;
/// Bytes before what a fragment carries.
pub const HEAD: usize = 2;
/// Ids of fragments there are.
pub const IDS: u8 = 64;
const FRAGMENT: u8 = 0xC0;

/// One fragment as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment<'b> {
    /// Below 64; the same in all fragments of a bundle.
    pub id: u8,
    /// From 0.
    pub index: u8,
    /// Index of the last one, at most 15.
    pub last: u8,
    /// What it carries.
    pub bytes: &'b [u8],
}

impl<'b> Fragment<'b> {
    /// `None` when it is none.
    pub fn parse(packet: &'b [u8]) -> Option<Self> {
        let [first, place, bytes @ ..] = packet else { return None };
        let fragment = Self { id: first & !FRAGMENT, index: place >> 4, last: place & 15, bytes };
        (first & FRAGMENT == FRAGMENT && fragment.index <= fragment.last && !bytes.is_empty()).then_some(fragment)
    }
}

/// A bundle in packets of at most `room` bytes: itself, or its fragments. `None` when they are more than 16.
pub fn cut(bundle: &[u8], id: u8, room: usize) -> Option<Vec<Vec<u8>>> {
    if bundle.len() <= room {
        return Some(vec![bundle.to_vec()]);
    }
    let fragments: Vec<_> = bundle.chunks(room.checked_sub(HEAD).filter(|room| *room > 0)?).collect();
    if fragments.len() > MOST_FRAGMENTS {
        return None;
    }
    let last = fragments.len() as u8 - 1;
    let head = |index: u8| [FRAGMENT | id & !FRAGMENT, index << 4 | last];
    Some((0..=last).zip(fragments).map(|(index, fragment)| [&head(index)[..], fragment].concat()).collect())
}

/// The bundle of all its fragments, in any order.
///
/// # Errors
/// When one is missing, or is none, or is of another bundle.
pub fn join<P: AsRef<[u8]>>(packets: &[P]) -> Result<Vec<u8>, Unreadable> {
    let fragments: Option<Vec<_>> = packets.iter().map(|packet| Fragment::parse(packet.as_ref())).collect();
    let mut fragments = fragments.ok_or(Unreadable::Foreign)?;
    let first = *fragments.first().ok_or(Unreadable::Foreign)?;
    if fragments.iter().any(|fragment| (fragment.id, fragment.last) != (first.id, first.last)) {
        return Err(Unreadable::Foreign);
    }
    fragments.sort_by_key(|fragment| fragment.index);
    fragments.dedup();
    match fragments.iter().map(|fragment| fragment.index).eq(0..=first.last) {
        true => Ok(fragments.iter().flat_map(|fragment| fragment.bytes).copied().collect()),
        false => Err(Unreadable::Incomplete),
    }
}
