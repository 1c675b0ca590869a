//! A packet and whole mails in one payload: for links that carry up to 100 kB in a message and charge for each byte. Pure: bytes
//! in, meaning out.
//!
//! # How a mail goes in one payload with its packet
//!
//! What a receipt, a session and a price are about is the packet, on every link; how a mail goes over a line is in
//! [`whole`](super::whole). A link of messages has no line on which the mail could go before: it goes around the packet.
//!
//! * **Once.** Packet and mail are one hand-over, with one intent on disk before it and one charge: whatever the evidence of
//!   the link settles, it settles for both. What certainly did not leave is taken apart again, and the packet is free to go by
//!   another link, as text.
//! * **Twice.** The far box takes the packet out first; it knows it by its own bytes, whatever came around it.
//! * **Fragments.** Where the text takes several packets the mail is around the first one, and the others only name it: with
//!   the last of them message and mail are kept in one commit.
//! * **Repeats.** A packet that goes again, as no receipt came, goes with its mail again: both were lost. That is the box's own
//!   cost, as any repeat.
//! * **Damage.** A mail that is not what its name says is left out: its text is in the packet.
//! * **Limits.** One payload names at most 32 mails, each place once, and carries each mail once; what is beyond that is none.
//! * **Older boxes** say nothing of it in their hello (the skill `mail`), and get packets as they are; so does a box whose owner
//!   does not allow it for the link that leads to the other.
//! * **Money.** The message pays for its mail: budgets are asked for both in the commit that begins the hand-over, and where one
//!   has no room the text goes alone.
//!
//! # On the wire
//!
//! The byte 8F, with which no packet begins, and sections: kind 1, length 3 (big endian), that many bytes. Sections of other
//! kinds are passed over.
//!
//! | kind | | bytes |
//! |---|---|---|
//! | 01 | a message of the packet has a whole mail: bundle 2, place 1, name 16 | 19 |
//! | 02 | a mail, packed | n |
//! | 03 | the packet; the last section | n |

use std::collections::BTreeMap;

use super::whole::{WholeId, WholePlace};

const MARK: u8 = 0x8f;
const PLACE: u8 = 1;
const MAIL: u8 = 2;
const PACKET: u8 = 3;
/// Bytes before a section.
const HEAD: usize = 4;
/// Bytes that a packet takes more in a payload with mails.
pub const AROUND: usize = 1 + HEAD;
/// Bytes that naming a mail takes.
pub const NAMED: usize = HEAD + 19;
/// Bytes that a mail takes besides its own.
pub const CARRIED: usize = HEAD;

/// Most messages of a packet that have whole mails in one payload, and most mails.
pub const MOST: usize = 32;

/// A payload with whole mails, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enclosed<'b> {
    /// Which messages of the packet have whole mails.
    pub places: Vec<WholePlace>,
    /// Mails, packed, by name; each is of one of the places.
    pub mails: BTreeMap<WholeId, &'b [u8]>,
    /// What goes on air without the mails: a packet of the compact coding.
    pub packet: &'b [u8],
}

impl<'b> Enclosed<'b> {
    /// One payload of all of it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = vec![MARK];
        let mut put = |kind: u8, bytes: &[u8]| {
            // No payload has 16 MB.
            let [_, length @ ..] = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
            out.push(kind);
            out.extend(length);
            out.extend(bytes);
        };
        self.places.iter().for_each(|place| put(PLACE, &place.bytes()));
        self.mails.values().for_each(|mail| put(MAIL, mail));
        put(PACKET, self.packet);
        out
    }

    /// Takes a payload apart; `None` for one that is a packet, is cut off, says something twice, or has more than [`MOST`] places
    /// or mails. A mail that no place names is damaged, and left out.
    pub fn read(payload: &'b [u8]) -> Option<Self> {
        let mut rest = payload.strip_prefix(&[MARK])?;
        let (mut places, mut mails) = (Vec::<WholePlace>::new(), Vec::new());
        let packet = loop {
            let ([kind, length @ ..], behind) = rest.split_first_chunk::<HEAD>()?;
            let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            let (bytes, after) = behind.split_at_checked(length)?;
            match *kind {
                PLACE => places.push(WholePlace::read(bytes.first_chunk()?)),
                MAIL => mails.push(bytes),
                PACKET => break bytes,
                _ => {}
            }
            if places.len() > MOST || mails.len() > MOST {
                return None;
            }
            rest = after;
        };
        let twice = |at: usize, one: &WholePlace| {
            places[..at].iter().any(|other| (other.bundle, other.place) == (one.bundle, one.place))
        };
        if places.iter().enumerate().any(|(at, place)| twice(at, place)) {
            return None;
        }
        let count = mails.len();
        let mut mails: BTreeMap<_, _> = mails.into_iter().map(|mail| (WholeId::of(mail), mail)).collect();
        if mails.len() < count {
            return None;
        }
        mails.retain(|name, _| places.iter().any(|place| place.name == *name));
        Some(Self { places, mails, packet })
    }
}

/// The packet in a payload, which may be the payload itself.
pub fn packet_in(payload: &[u8]) -> &[u8] {
    Enclosed::read(payload).map_or(payload, |enclosed| enclosed.packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_apart_as_it_was_put_together_and_takes_what_is_said() {
        let (one, other) = (vec![1; 70_000], vec![2; 300]);
        let place = |place, mail: &[u8]| WholePlace { bundle: 0xbeef, place, name: WholeId::of(mail) };
        let enclosed = Enclosed {
            places: vec![place(0, &one), place(1, &one), place(3, &other)],
            mails: [&one[..], &other[..]].map(|mail| (WholeId::of(mail), mail)).into(),
            packet: b"\x91packet",
        };
        let bytes = enclosed.bytes();
        assert_eq!(bytes.len(), 7 + AROUND + 3 * NAMED + 2 * CARRIED + 70_300);
        assert_eq!(Enclosed::read(&bytes), Some(enclosed.clone()));
        assert_eq!(packet_in(&bytes), b"\x91packet");
        assert_eq!(enclosed.mails.get(&WholeId::of(&other)), Some(&&other[..]));
        for cut in [1, 3, 20, 100, 70_000, bytes.len() - 1] {
            assert_eq!(Enclosed::read(&bytes[..cut]), None, "{cut}");
        }
        // A later version says more.
        let later = [&[MARK, 0x77, 0, 0, 2, 9, 9], &bytes[1..]].concat();
        assert_eq!(Enclosed::read(&later), Some(enclosed));
        assert_eq!((Enclosed::read(b"\x91packet"), packet_in(b"\x91packet")), (None, &b"\x91packet"[..]));
        assert_eq!(Enclosed::read(&[MARK, PLACE, 0, 0, 2, 1, 1]), None, "a place has nineteen bytes");
    }

    /// Sections, one after the other.
    fn sections(all: &[(u8, &[u8])]) -> Vec<u8> {
        let section = |(kind, bytes): &(u8, &[u8])| {
            let [_, length @ ..] = u32::try_from(bytes.len()).unwrap().to_be_bytes();
            [&[*kind], &length[..], bytes].concat()
        };
        [vec![MARK], all.iter().flat_map(section).collect()].concat()
    }

    #[test]
    fn it_names_a_few_mails_and_says_nothing_twice() {
        let mails: Vec<_> = (0..=MOST).map(|n| vec![u8::try_from(n).unwrap(); 9]).collect();
        let place =
            |n: usize| WholePlace { bundle: 1, place: u8::try_from(n).unwrap(), name: WholeId::of(&mails[n]) }.bytes();
        let places: Vec<_> = (0..=MOST).map(place).collect();
        let payload = |count: usize| {
            let named = places.iter().take(count).map(|place| (PLACE, &place[..]));
            let carried = mails.iter().take(count).map(|mail| (MAIL, &mail[..]));
            sections(&named.chain(carried).chain([(PACKET, &b"\x91p"[..])]).collect::<Vec<_>>())
        };
        let all = payload(MOST);
        assert_eq!(Enclosed::read(&all).map(|it| (it.places.len(), it.mails.len())), Some((MOST, MOST)));
        assert_eq!(Enclosed::read(&payload(MOST + 1)), None);
        let (place, mail, packet) = ((PLACE, &places[0][..]), (MAIL, &mails[0][..]), (PACKET, &b"\x91p"[..]));
        for twice in [[place, place, mail, packet], [place, mail, mail, packet]] {
            assert_eq!(Enclosed::read(&sections(&twice)), None);
        }
        // It is damaged; the text is not.
        let other = sections(&[place, (MAIL, &mails[1]), packet]);
        let read = Enclosed::read(&other).unwrap();
        assert_eq!((read.places.len(), read.mails.len(), read.packet), (1, 0, packet.1));
    }
}
