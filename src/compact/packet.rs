//! What a transmission carries.
//!
//! ```text
//! 10FF MMMM | check | body              whole letters: FF 0 stored, 1 coded by model MMMM with CRC-8, 2 with CRC-16
//! 11II IIII | index, last | a piece     one of up to 16 pieces of a body with CRC-16, four bits each
//! ```
//!
//! A classic packet (`MessageDataPB`) starts with a byte below 0x80, so one byte tells them apart. The check is over
//! the plain records with their closing zeros, not over the code: it finds a wrong model as well as a wrong piece.

use crate::coder::Coder;
use crate::letter::{Letter, from_record, to_record};

/// Pieces of one body at most.
const MOST_PIECES: usize = 16;
const WHOLE: u8 = 0x80;
const PIECE: u8 = 0xC0;
const STORED: u8 = 0;
const CODED: u8 = 1;
const CODED_LONG: u8 = 2;

/// Why a packet could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// It is not of this coding.
    Foreign,
    /// It needs this model, and there is none of this number here.
    Model(u8),
    /// Its check is wrong: noise, another primer, or pieces of two letters.
    Check,
    /// Pieces are missing.
    Incomplete,
}

/// The packets of letters that leave together, each at most `most` bytes; `None` when they take more than 16 pieces.
/// `id` names the pieces, below 64.
pub fn pack(coder: &mut Coder, letters: &[Letter], id: u8, most: usize) -> Option<Vec<Vec<u8>>> {
    let records: Option<Vec<_>> = letters.iter().map(to_record).collect();
    let Some(records) = records.filter(|records| Coder::takes(records)) else { return cut(&stored(letters), id, most) };
    let number = coder.spec().number;
    let code = coder.encode(&records);
    let plain = plain(&records);
    let stored = stored(letters);
    if stored.len() < code.len() + 2 {
        return cut(&stored, id, most);
    }
    if code.len() + 2 <= most {
        let mut packet = vec![WHOLE | CODED << 4 | number, crc8(&plain)];
        packet.extend(code);
        return Some(vec![packet]);
    }
    let mut body = vec![WHOLE | CODED_LONG << 4 | number];
    body.extend(crc16(&plain).to_be_bytes());
    body.extend(code);
    cut(&body, id, most)
}

/// The letters of all packets of one body, in any order.
///
/// # Errors
/// Why it cannot be read.
pub fn unpack<P: AsRef<[u8]>>(coder: &mut Coder, packets: &[P]) -> Result<Vec<Letter>, Unreadable> {
    match packets {
        [whole] if whole.as_ref().first().is_some_and(|first| first & 0xC0 == WHOLE) => read(coder, whole.as_ref()),
        pieces => read(coder, &join(pieces)?),
    }
}

fn read(coder: &mut Coder, body: &[u8]) -> Result<Vec<Letter>, Unreadable> {
    let (&first, rest) = body.split_first().ok_or(Unreadable::Foreign)?;
    let (form, model) = (first >> 4 & 3, first & 15);
    let width = match form {
        _ if first & 0xC0 != WHOLE => return Err(Unreadable::Foreign),
        STORED | CODED_LONG => 2,
        CODED => 1,
        _ => return Err(Unreadable::Foreign),
    };
    let (check, code) = rest.split_at_checked(width).ok_or(Unreadable::Check)?;
    if form == STORED {
        return if crc16(code).to_be_bytes() == check { read_stored(code) } else { Err(Unreadable::Check) };
    }
    if model != coder.spec().number {
        return Err(Unreadable::Model(model));
    }
    let records = coder.decode(code).ok_or(Unreadable::Check)?;
    let plain = plain(&records);
    let right = if width == 1 { [crc8(&plain)] == check } else { crc16(&plain).to_be_bytes() == check };
    let letters: Option<Vec<_>> = records.iter().map(|record| from_record(record)).collect();
    letters.filter(|_| right).ok_or(Unreadable::Check)
}

fn plain(records: &[Vec<u8>]) -> Vec<u8> {
    records.iter().flat_map(|record| record.iter().copied().chain([0])).collect()
}

/// Letters as they are: of each its kind, then its fields with their lengths.
fn stored(letters: &[Letter]) -> Vec<u8> {
    let mut body = Vec::new();
    for letter in letters {
        // With its subject and text taken out a letter always has a record: what is left is one line each.
        let bare = Letter { subject: String::new(), text: String::new(), ..letter.clone() };
        let head = to_record(&bare).unwrap_or_default();
        for field in [&head[..], letter.subject.as_bytes(), letter.text.as_bytes()] {
            let mut length = field.len();
            while length > 127 {
                body.push(length as u8 & 127 | 128);
                length >>= 7;
            }
            body.push(length as u8);
            body.extend(field);
        }
    }
    let mut packet = vec![WHOLE | STORED << 4];
    packet.extend(crc16(&body).to_be_bytes());
    packet.extend(body);
    packet
}

fn read_stored(mut body: &[u8]) -> Result<Vec<Letter>, Unreadable> {
    let mut letters = Vec::new();
    while !body.is_empty() {
        let mut fields = [&[][..]; 3];
        for field in &mut fields {
            *field = take(&mut body).ok_or(Unreadable::Check)?;
        }
        let words = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| Unreadable::Check);
        let bare = from_record(fields[0]).ok_or(Unreadable::Check)?;
        letters.push(Letter { subject: words(fields[1])?, text: words(fields[2])?, ..bare });
    }
    Ok(letters)
}

/// A field behind its length, seven bits a byte, low bits first.
fn take<'b>(body: &mut &'b [u8]) -> Option<&'b [u8]> {
    let mut length = 0_usize;
    for shift in [0, 7, 14, 21] {
        let (&byte, rest) = body.split_first()?;
        *body = rest;
        length |= usize::from(byte & 127) << shift;
        if byte < 128 {
            let (field, rest) = body.split_at_checked(length)?;
            *body = rest;
            return Some(field);
        }
    }
    None
}

fn cut(body: &[u8], id: u8, most: usize) -> Option<Vec<Vec<u8>>> {
    if body.len() <= most {
        return Some(vec![body.to_vec()]);
    }
    let pieces: Vec<_> = body.chunks(most.checked_sub(2).filter(|room| *room > 0)?).collect();
    if pieces.len() > MOST_PIECES {
        return None;
    }
    let last = pieces.len() as u8 - 1;
    let head = |index: u8| vec![PIECE | id & 63, index << 4 | last];
    Some((0..=last).zip(pieces).map(|(index, piece)| [&head(index)[..], piece].concat()).collect())
}

fn join<P: AsRef<[u8]>>(packets: &[P]) -> Result<Vec<u8>, Unreadable> {
    let mut pieces: [Option<&[u8]>; MOST_PIECES] = [None; MOST_PIECES];
    let mut name = None;
    for packet in packets {
        let [first, place, piece @ ..] = packet.as_ref() else { return Err(Unreadable::Foreign) };
        let (index, last) = (usize::from(place >> 4), usize::from(place & 15));
        if first & 0xC0 != PIECE || index > last || *name.get_or_insert((*first, last)) != (*first, last) {
            return Err(Unreadable::Foreign);
        }
        pieces[index] = Some(piece);
    }
    let (_, last) = name.ok_or(Unreadable::Foreign)?;
    let all: Option<Vec<_>> = pieces[..=last].iter().copied().collect();
    Ok(all.ok_or(Unreadable::Incomplete)?.concat())
}

/// CRC-8 of AUTOSAR: polynomial 0x2F, start 0xFF.
fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0xff, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc: u8, _| if crc & 0x80 != 0 { crc << 1 ^ 0x2f } else { crc << 1 })
    })
}

/// CRC-16 of CCITT: polynomial 0x1021, start 0xFFFF.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        let mixed = crc ^ u16::from(*byte) << 8;
        (0..8).fold(mixed, |crc: u16, _| if crc & 0x8000 != 0 { crc << 1 ^ 0x1021 } else { crc << 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coder::MODELS;
    use crate::letter::{Kind, Other};

    fn letter(subject: &str, text: &str) -> Letter {
        let other = Other::Address("mum@example.org".into());
        Letter { kind: Kind::Mail, person: None, other, subject: subject.into(), text: text.into() }
    }

    #[test]
    fn letters_come_back_whole_in_pieces_and_stored() {
        let mut coder = Coder::new(&MODELS[0]);
        let long = (0..300).map(|n| format!("{} ", n * 7919)).collect::<String>();
        let noise: String = (0..60_u32).filter_map(|n| char::from_u32(0x4e00 + n * 331 % 20_000)).collect();
        for letters in [
            vec![letter("Boat", "All well"), letter("", "And again")],
            vec![letter("Numbers", &long)],
            vec![letter("line\nfeed", "zero \0 byte")],
            vec![letter("", &noise)],
        ] {
            let mut packets = pack(&mut coder, &letters, 5, 192).unwrap();
            assert!(packets.iter().all(|packet| packet.len() <= 192 && packet[0] >= 0x80));
            packets.reverse();
            assert_eq!(unpack(&mut coder, &packets).as_ref(), Ok(&letters));
            if packets.len() > 1 {
                assert_eq!(unpack(&mut coder, &packets[1..]), Err(Unreadable::Incomplete));
                packets[0][20] ^= 1;
                assert_eq!(unpack(&mut coder, &packets), Err(Unreadable::Check));
            }
        }
        let endless = (0..4000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_string()).collect::<String>();
        assert!(pack(&mut coder, &[letter("", &endless)], 0, 192).is_none());
    }

    #[test]
    fn what_is_not_ours_is_said_so() {
        let mut coder = Coder::new(&MODELS[0]);
        assert_eq!(unpack(&mut coder, &[b"\x08\x01"]), Err(Unreadable::Foreign));
        assert_eq!(unpack(&mut coder, &[b"\x97\x01\x02"]), Err(Unreadable::Model(7)));
        assert_eq!(unpack(&mut coder, &[b"\x91"]), Err(Unreadable::Check));
        assert_eq!(unpack::<&[u8]>(&mut coder, &[]), Err(Unreadable::Foreign));
    }

    #[test]
    fn the_checks_are_the_published_ones() {
        assert_eq!((crc8(b"123456789") ^ 0xff, crc16(b"123456789")), (0xdf, 0x29b1));
    }
}
