//! `BODY[...]`: which bytes of a mail are meant (RFC 3501 section 6.4.5).

use std::ops::Range;

use imap_codec::imap_types::core::AString;
use imap_codec::imap_types::fetch::{MessageDataItemName, Part as Numbers, Section};

use super::mime::{self, Inside, Part};
use super::replies::string;

/// What a section of a mail was found to be.
pub enum Piece {
    /// Bytes of the mail.
    Range(Range<usize>),
    /// Bytes that were picked out.
    Bytes(Vec<u8>),
    /// There is no such section.
    Nil,
}

/// True for a section that is found in the header of the mail itself.
pub fn is_of_header(section: &Section<'_>) -> bool {
    matches!(section, Section::Header(None) | Section::HeaderFields(None, _) | Section::HeaderFieldsNot(None, _))
}

/// True for an item for which the parts of a mail have to be known.
pub fn needs_parts(item: &MessageDataItemName<'_>) -> bool {
    match item {
        MessageDataItemName::Body | MessageDataItemName::BodyStructure | MessageDataItemName::Rfc822Text => true,
        MessageDataItemName::BodyExt { section: Some(section), .. } => !is_of_header(section),
        _ => false,
    }
}

/// True for an item for which the places of the parts are enough, without the mail.
pub fn is_from_parts(item: &MessageDataItemName<'_>) -> bool {
    match item {
        MessageDataItemName::BodyExt { section, .. } => matches!(
            section,
            None | Some(Section::Part(_) | Section::Text(_) | Section::Mime(_) | Section::Header(Some(_)))
        ),
        MessageDataItemName::Flags
        | MessageDataItemName::Uid
        | MessageDataItemName::InternalDate
        | MessageDataItemName::Rfc822Size
        | MessageDataItemName::Rfc822
        | MessageDataItemName::Rfc822Text
        | MessageDataItemName::ModSeq => true,
        _ => false,
    }
}

fn found<'p>(part: Option<&'p Part>, numbers: &Numbers) -> Option<&'p Part> {
    let path: Vec<u32> = numbers.0.as_ref().iter().map(|number| number.get()).collect();
    part?.find(&path)
}

/// The mail that is meant by a section of a header or text: the whole, or one that is enclosed.
fn enclosed<'p>(part: Option<&'p Part>, numbers: &Numbers) -> Option<&'p Part> {
    match &found(part, numbers)?.inside {
        Inside::Mail(mail) => Some(mail),
        _ => None,
    }
}

fn picked(header: &[u8], names: &[AString<'_>], wanted: bool) -> Piece {
    let mut bytes = Vec::new();
    for field in mime::raw_fields(header) {
        let name = field.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii_end();
        if names.iter().any(|known| known.as_ref().eq_ignore_ascii_case(name)) == wanted {
            bytes.extend_from_slice(field);
        }
    }
    if !bytes.is_empty() && !bytes.ends_with(b"\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    Piece::Bytes(bytes)
}

/// The bytes of a section. Without `part` only the header of the mail itself, and the whole, are known; `size` is that of the
/// whole mail.
pub fn piece(section: Option<&Section<'_>>, mail: &[u8], part: Option<&Part>, size: usize) -> Piece {
    let Some(section) = section else { return Piece::Range(0..size) };
    let own = || &mail[..mime::header_end(mail)];
    let range = |range: Option<Range<usize>>| range.map_or(Piece::Nil, Piece::Range);
    match section {
        Section::Header(None) => Piece::Bytes(own().to_vec()),
        Section::HeaderFields(None, names) => picked(own(), names.as_ref(), true),
        Section::HeaderFieldsNot(None, names) => picked(own(), names.as_ref(), false),
        Section::Text(None) => range(part.map(|part| part.body.clone())),
        Section::Part(numbers) => range(found(part, numbers).map(|part| part.body.clone())),
        Section::Mime(numbers) => range(found(part, numbers).map(|part| part.header.clone())),
        Section::Header(Some(numbers)) => range(enclosed(part, numbers).map(|mail| mail.header.clone())),
        Section::Text(Some(numbers)) => range(enclosed(part, numbers).map(|mail| mail.body.clone())),
        Section::HeaderFields(Some(numbers), names) => {
            let header = enclosed(part, numbers).map(|inner| &mail[inner.header.clone()]);
            header.map_or(Piece::Nil, |header| picked(header, names.as_ref(), true))
        }
        Section::HeaderFieldsNot(Some(numbers), names) => {
            let header = enclosed(part, numbers).map(|inner| &mail[inner.header.clone()]);
            header.map_or(Piece::Nil, |header| picked(header, names.as_ref(), false))
        }
    }
}

/// The name of a section in a reply.
pub fn label(section: Option<&Section<'_>>) -> String {
    let Some(section) = section else { return "BODY[]".to_owned() };
    let path = |numbers: &Numbers| numbers.0.as_ref().iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
    let behind = |numbers: &Option<Numbers>, word: &str| match numbers {
        Some(numbers) => format!("{}.{word}", path(numbers)),
        None => word.to_owned(),
    };
    let fields = |names: &[AString<'_>]| {
        let mut list = Vec::new();
        for (at, name) in names.iter().enumerate() {
            if at > 0 {
                list.push(b' ');
            }
            let word = name.as_ref();
            let plain =
                !word.is_empty() && word.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
            if plain { list.extend_from_slice(word) } else { string(&mut list, word) }
        }
        String::from_utf8_lossy(&list).into_owned()
    };
    let inner = match section {
        Section::Part(numbers) => path(numbers),
        Section::Header(numbers) => behind(numbers, "HEADER"),
        Section::HeaderFields(numbers, names) => {
            format!("{} ({})", behind(numbers, "HEADER.FIELDS"), fields(names.as_ref()))
        }
        Section::HeaderFieldsNot(numbers, names) => {
            format!("{} ({})", behind(numbers, "HEADER.FIELDS.NOT"), fields(names.as_ref()))
        }
        Section::Text(numbers) => behind(numbers, "TEXT"),
        Section::Mime(numbers) => format!("{}.MIME", path(numbers)),
    };
    format!("BODY[{inner}]")
}
