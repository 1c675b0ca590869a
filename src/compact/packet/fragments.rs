//! A bundle that is longer than a packet goes in fragments.

use super::Unreadable;

/// Fragments of one bundle at most.
pub const MOST_FRAGMENTS: usize = 16;
/// Bytes before what a fragment carries.
pub const HEAD: usize = 2;
/// How many ids fragments can have.
pub const IDS: u8 = 64;
const FRAGMENT: u8 = 0xC0;

/// One fragment as it came, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment<'b> {
    /// Below 64; the same in all fragments of a bundle.
    pub id: u8,
    /// Place of the fragment in its bundle, from 0.
    pub index: u8,
    /// Index of the last one, at most 15.
    pub last: u8,
    /// The bytes of the bundle that it carries.
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

/// What a packet holds, and how it is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Most bytes of a packet.
    pub bytes: usize,
    /// Bytes that are billed together, each of them that was begun; 0 where a packet has one price.
    pub step: usize,
}

impl Room {
    /// Bytes of a packet with a fragment in it: where steps are billed the last one is used to its end.
    pub fn of_fragment(self) -> usize {
        match self.bytes.checked_rem(self.step) {
            Some(over) if over < self.bytes && self.bytes - over > HEAD => self.bytes - over,
            _ => self.bytes,
        }
    }

    /// Packets that a bundle of this size takes.
    pub fn packets(self, size: usize) -> usize {
        if size <= self.bytes { 1 } else { size.div_ceil(self.of_fragment().saturating_sub(HEAD).max(1)) }
    }

    /// What these packets cost: steps that are begun, or packets.
    pub fn cost(self, size: usize) -> usize {
        let packets = self.packets(size);
        let heads = if packets == 1 { 0 } else { HEAD * packets };
        if self.step == 0 { packets } else { (size + heads).div_ceil(self.step) }
    }
}

/// A bundle in packets of this room: itself, or its fragments. `None` when they are more than 16.
pub fn cut(bundle: &[u8], id: u8, room: Room) -> Option<Vec<Vec<u8>>> {
    if bundle.len() <= room.bytes {
        return Some(vec![bundle.to_vec()]);
    }
    let most = room.of_fragment().checked_sub(HEAD).filter(|most| *most > 0)?;
    let fragments: Vec<_> = bundle.chunks(most).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_bundles_are_cut_where_a_step_of_the_bill_ends() {
        let (packet, credit) = (Room { bytes: 340, step: 0 }, Room { bytes: 340, step: 50 });
        assert_eq!([packet, credit, Room { bytes: 270, step: 50 }].map(Room::of_fragment), [340, 300, 250]);
        // Where no step fits, or all are one, there is nothing to round.
        assert_eq!([Room { bytes: 40, step: 50 }, Room { bytes: 192, step: 1 }].map(Room::of_fragment), [40, 192]);
        assert_eq!([50, 51, 340, 341, 1000].map(|size| packet.cost(size)), [1, 1, 1, 2, 3]);
        assert_eq!([50, 51, 340, 341, 1000].map(|size| credit.cost(size)), [1, 2, 7, 7, 21]);
        for size in [1, 340, 341, 596, 597, 4000] {
            let packets = cut(&vec![7; size], 3, credit).unwrap();
            let billed: usize = packets.iter().map(|packet| packet.len().div_ceil(50)).sum();
            assert_eq!((packets.len(), billed), (credit.packets(size), credit.cost(size)), "{size}");
        }
    }
}
