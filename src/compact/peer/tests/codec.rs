//! Codings that cost nothing: a model is a stream of bytes to mix with, and classic packets carry all of a message.

use crate::coder::MOST_SALTS;
use crate::letter::{Kind, Letter, Other};
use crate::packet::{Coding, ModelId};
use crate::peer::Codec;

pub const NORMAL: ModelId = ModelId { number: 1, mark: *b"norm" };
pub const SMALL: ModelId = ModelId { number: 2, mark: *b"smal" };
/// The number of the normal model, and another model.
pub const STRANGE: ModelId = ModelId { number: 1, mark: *b"odd!" };

/// What letters say that have nothing to say.
pub const USUAL: &str = "all well here at the hut ";

/// The models, and whether they are ready.
#[derive(Clone)]
pub struct Fake(pub Vec<ModelId>, pub bool);

impl Fake {
    fn mix(&self, model: u8, past: &[Vec<u8>], bytes: &[u8]) -> Vec<u8> {
        let Some(known) = self.0.iter().find(|known| known.number == model) else { return Vec::new() };
        let mut state = u64::from(u32::from_be_bytes(known.mark)) << 8 | u64::from(model);
        state ^= past.iter().fold(0_u64, |all, record| all.rotate_left(7) ^ crate::peer::memory::hash(record));
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        bytes.iter().map(|byte| byte ^ next()).collect()
    }
}

impl Coding for Fake {
    fn models(&self) -> Vec<ModelId> {
        self.0.clone()
    }

    fn is_settled(&self, _: u8) -> bool {
        self.1
    }

    fn encode(&mut self, model: u8, past: &[Vec<u8>], records: &[Vec<u8>], salt: u16) -> Vec<u8> {
        let mut plain = vec![records.len() as u8];
        // Who knows what was said before says the usual in one byte.
        let usual = if past.is_empty() { "" } else { USUAL };
        for record in records {
            let short = match String::from_utf8(record.clone()) {
                Ok(text) if !usual.is_empty() => text.replace(usual, "\u{1f}").into_bytes(),
                _ => record.clone(),
            };
            plain.extend(short.into_iter().chain([0]));
        }
        plain.extend((salt > 1).then_some(salt as u8));
        self.mix(model, past, &plain)
    }

    fn decode(&mut self, model: u8, past: &[Vec<u8>], code: &[u8]) -> Option<Vec<Vec<u8>>> {
        let plain = self.mix(model, past, code);
        let (&count, mut rest) = plain.split_first()?;
        let mut records = Vec::new();
        for _ in 0..count {
            let end = rest.iter().position(|byte| *byte == 0)?;
            let usual = |byte: &u8| if *byte == 0x1f { USUAL.as_bytes().to_vec() } else { vec![*byte] };
            let short = &rest[..end];
            records.push(if past.is_empty() { short.to_vec() } else { short.iter().flat_map(usual).collect() });
            rest = &rest[end + 1..];
        }
        let whole = count > 0 && rest.len() <= 1;
        let ours = |it: &mut Self| (1..MOST_SALTS).any(|salt| it.encode(model, past, &records, salt) == code);
        (whole && (past.is_empty() || ours(self))).then_some(records)
    }

    fn front(&mut self, model: u8, past: &[Vec<u8>], code: &[u8]) -> Vec<Vec<u8>> {
        let plain = self.mix(model, past, code);
        let (&count, rest) = plain.split_first().unwrap_or((&0, &[]));
        rest.split(|byte| *byte == 0).take(usize::from(count)).map(<[u8]>::to_vec).collect()
    }
}

impl Codec for Fake {
    fn classic(&mut self, message: &Letter, room: usize) -> Option<Vec<Vec<u8>>> {
        let Other::Address(to) = &message.other else { return None };
        let person = message.person.as_deref().unwrap_or("");
        let all = format!("{}|{person}|{}|{}", message.kind as u8, message.subject, message.text);
        let one = |text: &str| {
            let mut inner = field(0x0A, text.as_bytes());
            inner.extend(field(0x1A, to.as_bytes()));
            inner.extend([0x28, 1]);
            [&[0x08, 1], &field(0x12, &inner)[..], &[0x18, 1]].concat()
        };
        let tag = tag_of(&all, to);
        let whole = one(&format!("1/1/0 {all}"));
        if whole.len() <= room {
            return Some(vec![whole]);
        }
        let fragments: Vec<_> = all.as_bytes().chunks(room.checked_sub(to.len() + 32)?).collect();
        let part = |(at, fragment): (usize, &&[u8])| {
            one(&format!("{}/{}/{tag} {}", at + 1, fragments.len(), std::str::from_utf8(fragment).unwrap()))
        };
        Some(fragments.iter().enumerate().map(part).collect())
    }

    fn reads_classic(&mut self, packet: &[u8]) -> bool {
        read_classic(packet).is_some()
    }
}

fn field(key: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![key];
    if content.len() > 127 {
        bytes.extend([content.len() as u8 & 127 | 128, (content.len() >> 7) as u8]);
    } else {
        bytes.push(content.len() as u8);
    }
    bytes.extend(content);
    bytes
}

fn take<'b>(rest: &mut &'b [u8], key: u8) -> Option<&'b [u8]> {
    let (&first, after) = rest.split_first()?;
    let (&low, mut after) = after.split_first()?;
    let mut length = usize::from(low & 127);
    if low > 127 {
        length |= usize::from(*after.first()?) << 7;
        after = &after[1..];
    }
    let (content, after) = after.split_at_checked(length)?;
    *rest = after;
    (first == key).then_some(content)
}

/// Tells the parts of a message apart from those of another.
pub fn tag_of(all: &str, to: &str) -> String {
    (crate::peer::memory::hash(format!("{all}{to}").as_bytes()) >> 48).to_string()
}

/// A part of a message.
pub struct PartOf {
    pub number: usize,
    pub total: usize,
    /// Tells apart the messages of which there are parts.
    pub tag: String,
    pub text: String,
    pub to: String,
}

/// A part as an old decoder reads it: it passes over fields that it does not know.
pub fn read_classic(packet: &[u8]) -> Option<PartOf> {
    let mut rest = packet.strip_prefix(&[0x08, 1])?;
    let mut inner = take(&mut rest, 0x12)?;
    let text = String::from_utf8(take(&mut inner, 0x0A)?.to_vec()).ok()?;
    let to = String::from_utf8(take(&mut inner, 0x1A)?.to_vec()).ok()?;
    let (numbers, text) = text.split_once(' ')?;
    let mut numbers = numbers.split('/');
    let (number, total) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    let tag = numbers.next()?.to_owned();
    rest.starts_with(&[0x18, 1]).then_some(PartOf { number, total, tag, text: text.to_owned(), to })
}

/// The message of all the text of its parts.
pub fn message_of(text: &str, to: &str) -> Option<Letter> {
    let mut fields = text.splitn(4, '|');
    let kind = if fields.next()? == "1" { Kind::Text } else { Kind::Mail };
    let person = Some(fields.next()?.to_owned()).filter(|name| !name.is_empty());
    let (subject, text) = (fields.next()?.to_owned(), fields.next()?.to_owned());
    Some(Letter { kind, person, other: Other::Address(to.to_owned()), subject, text })
}
