//! A letter as it goes over the air, and its record: the plain bytes that a coder makes small.
//!
//! ```text
//! kind | [person \n] | other \n  or  index \n | [subject \n] | text
//! ```
//!
//! A record holds no zero byte: the coder ends it with one. What cannot be written so (a zero byte in the text, a line
//! feed in the subject) has no record, and goes in a packet that stores it as it is.

/// What kind of letter it is; the low two bits of the kind byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A text message from or to a phone: it has no subject.
    Text = 1,
    /// A mail, with a subject that may be empty.
    Mail = 2,
}

impl Kind {
    /// Whether a letter of this kind can have this correspondent: mail has an at sign, a phone's number has none.
    pub fn takes(self, address: &str) -> bool {
        address.contains('@') == (self == Self::Mail)
    }
}

/// Bit of the kind byte: the other end is one index byte of the address book.
pub const INDEXED: u8 = 4;
/// Bit of the kind byte: the person on the box is named.
pub const NAMED: u8 = 8;

/// The other end of a letter: toward the world its recipient, toward a device its sender.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Other {
    /// Written out: `+14155550123`, `mum@example.org`.
    Address(String),
    /// Its place in the address book that both ends have learned, see `index_of`.
    Index(u8),
}

/// A letter as it goes over the air.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Letter {
    /// Mail or text message.
    pub kind: Kind,
    /// Name of the person on the station whose letter it is; `None` for the one whom the device belongs to.
    pub person: Option<String>,
    /// Who wrote it or gets it, at the other end from the person.
    pub other: Other,
    /// One line; empty for text messages.
    pub subject: String,
    /// The text, without attachments.
    pub text: String,
}

/// Smallest byte that stands for an address by its index.
pub const FIRST_INDEX: u8 = 32;
/// Number of index bytes: few, so that one costs six bits; addresses that share one are told apart by the check.
pub const INDEXES: u8 = 64;

/// The record of a letter; `None` when a record cannot hold it.
pub fn to_record(letter: &Letter) -> Option<Vec<u8>> {
    let mail = letter.kind == Kind::Mail;
    if !mail && !letter.subject.is_empty() {
        return None;
    }
    let mut kind = letter.kind as u8;
    let mut record = vec![0];
    if let Some(person) = &letter.person {
        kind |= NAMED;
        line(&mut record, person)?;
    }
    match &letter.other {
        Other::Address(address) => line(&mut record, address)?,
        Other::Index(index) => {
            kind |= INDEXED;
            record.extend([*index, b'\n']);
        }
    }
    if mail {
        line(&mut record, &letter.subject)?;
    }
    record.extend(letter.text.bytes());
    record[0] = kind;
    (!record.contains(&0)).then_some(record)
}

fn line(record: &mut Vec<u8>, text: &str) -> Option<()> {
    if text.contains('\n') {
        return None;
    }
    record.extend(text.bytes());
    record.push(b'\n');
    Some(())
}

/// The letter of a record; `None` when it is none.
pub fn from_record(record: &[u8]) -> Option<Letter> {
    let (&first, mut rest) = record.split_first()?;
    let kind = match first & 3 {
        1 => Kind::Text,
        2 => Kind::Mail,
        _ => return None,
    };
    if first & !(3 | INDEXED | NAMED) != 0 {
        return None;
    }
    let person = if first & NAMED != 0 { Some(take_line(&mut rest)?) } else { None };
    let other = if first & INDEXED == 0 {
        Other::Address(take_line(&mut rest)?)
    } else {
        let (&index, after) = rest.split_first()?;
        rest = after.strip_prefix(b"\n")?;
        (FIRST_INDEX..FIRST_INDEX + INDEXES).contains(&index).then_some(Other::Index(index))?
    };
    let subject = if kind == Kind::Mail { take_line(&mut rest)? } else { String::new() };
    let text = std::str::from_utf8(rest).ok()?.to_owned();
    Some(Letter { kind, person, other, subject, text })
}

fn take_line(rest: &mut &[u8]) -> Option<String> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (line, after) = rest.split_at(end);
    *rest = &after[1..];
    std::str::from_utf8(line).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_gives_its_letter_back() {
        for kind in [Kind::Text, Kind::Mail] {
            for person in [None, Some("anna".to_owned())] {
                for other in [Other::Address("mum@example.org".into()), Other::Index(40)] {
                    let subject = if kind == Kind::Mail { "Boat" } else { "" }.to_owned();
                    let letter = Letter { kind, person: person.clone(), other, subject, text: "two\nlines ü".into() };
                    assert_eq!(from_record(&to_record(&letter).unwrap()), Some(letter));
                }
            }
        }
    }

    #[test]
    fn what_a_record_cannot_hold_has_none() {
        let letter = |subject: &str, text: &str| Letter {
            kind: Kind::Mail,
            person: None,
            other: Other::Address("a@b".into()),
            subject: subject.into(),
            text: text.into(),
        };
        assert!(to_record(&letter("a\nb", "x")).is_none());
        assert!(to_record(&letter("a", "x\0")).is_none());
        for bad in [&b""[..], b"\x03a\n", b"\x11a\n", b"\x06\x00s\n", b"\x01a", b"\x02a\nsubject", b"\x01a\n\xff"] {
            assert!(from_record(bad).is_none(), "{bad:?}");
        }
    }
}
