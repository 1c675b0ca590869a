//! Long texts: numbered parts that anybody can read in order and that a satpost peer puts together again.
//!
//! Each part begins with a mark such as `(1/3 k7qf) `: number, total, and four characters (Crockford base32 in lower
//! case) that are the first 20 bits of SHA-256 over `to`, a zero byte, and the whole text. The parts without their
//! marks, in order, are the exact text. A text that fits into one packet goes without a mark, unless it looks as if
//! it had one; then it goes as `(1/1 ....) `, so that no reader waits for parts that do not exist.

use sha2::{Digest, Sha256};

use super::classic::{self, Inner, Packet, Protocol, encoded_len};
use crate::message::reason::SplitError;

/// A longer text is refused.
pub const MOST_PARTS: usize = 99;
/// Least room for text in a part, in bytes: below it, a message would cost more than anybody means to spend.
const LEAST_ROOM: usize = 16;
/// `(`, `/`, blank, four characters, `)`, blank.
const MARK_WITHOUT_DIGITS: usize = 9;
const CROCKFORD: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A part as it was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartMark<'a> {
    /// From 1 to `total`.
    pub number: u16,
    /// 1 to [`MOST_PARTS`].
    pub total: u16,
    /// Names the message among others of the same sender.
    pub tag: &'a str,
    /// The piece of the text.
    pub rest: &'a str,
}

/// Encodes a text as one classic packet, or as several with marks, each of at most `max_payload` bytes.
///
/// # Errors
/// When `to` leaves no room for text, or when more than [`MOST_PARTS`] parts were needed.
pub fn split(
    text: &str,
    to: &str,
    from_device: bool,
    protocol: Protocol,
    max_payload: usize,
) -> Result<Vec<Vec<u8>>, SplitError> {
    let encode = |text: String| {
        let inner = Inner { text, to: to.to_owned(), protocol };
        classic::encode(&Packet { version: classic::VERSION, from_device, messages: vec![inner] })
    };
    let marked = parse(text).is_some();
    if !marked && encoded_len(text.len(), to.len()) <= max_payload {
        return Ok(vec![encode(text.to_owned())]);
    }
    let pieces = cut_up(text, to.len(), max_payload)?;
    let tag = tag(to, text);
    let total = pieces.len();
    Ok(pieces.iter().enumerate().map(|(at, piece)| encode(format!("({}/{total} {tag}) {piece}", at + 1))).collect())
}

/// Reads the mark of a part; `None` when the text is no part.
pub fn parse(text: &str) -> Option<PartMark<'_>> {
    let (mark, rest) = text.strip_prefix('(')?.split_once(") ")?;
    let (numbers, tag) = mark.split_once(' ')?;
    let (number, total) = numbers.split_once('/')?;
    let (number, total) = (count(number)?, count(total)?);
    let tag_ok = tag.len() == 4 && tag.bytes().all(|byte| CROCKFORD.contains(&byte));
    (number <= total && tag_ok && !rest.is_empty()).then_some(PartMark { number, total, tag, rest })
}

/// Puts parts together, in whatever order they came; repeated ones do no harm. `None` while one is missing, or when
/// they do not belong together: the tag does not fit `to` and the text.
pub fn join(to: &str, parts: &[PartMark<'_>]) -> Option<String> {
    let first = parts.first()?;
    let mut text = String::new();
    for number in 1..=first.total {
        let part = parts.iter().find(|part| part.number == number)?;
        text.push_str(part.rest);
    }
    let alike = parts.iter().all(|part| part.total == first.total && part.tag == first.tag);
    (alike && tag(to, &text) == first.tag).then_some(text)
}

fn tag(to: &str, text: &str) -> String {
    let hash = Sha256::new().chain_update(to).chain_update([0]).chain_update(text).finalize();
    let bits = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) >> 12;
    (0..4).rev().map(|at| char::from(CROCKFORD[(bits >> (5 * at)) as usize & 31])).collect()
}

/// A number from 1 to 99 without leading zeros.
fn count(digits: &str) -> Option<u16> {
    let fine =
        (1..=2).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    if fine { digits.parse().ok() } else { None }
}

fn cut_up(text: &str, to: usize, max_payload: usize) -> Result<Vec<&str>, SplitError> {
    // The mark is longer with a total of two digits, so the pieces are cut for one digit first.
    for total_digits in 1..=2 {
        let most = if total_digits == 1 { 9 } else { MOST_PARTS };
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() && pieces.len() < most {
            let digits = total_digits + if pieces.len() < 9 { 1 } else { 2 };
            let room = room(MARK_WITHOUT_DIGITS + digits, to, max_payload);
            if room < LEAST_ROOM {
                return Err(SplitError::NoRoom { address: to, max_payload });
            }
            let (piece, after) = rest.split_at(cut(rest, room));
            pieces.push(piece);
            rest = after;
        }
        if rest.is_empty() {
            return Ok(pieces);
        }
    }
    Err(SplitError::TooLong { most: MOST_PARTS, max_payload })
}

/// How many bytes of text fit beside a mark of `mark` bytes.
fn room(mark: usize, to: usize, max_payload: usize) -> usize {
    let mut text = max_payload.saturating_sub(encoded_len(0, to));
    while text > 0 && encoded_len(text, to) > max_payload {
        text -= 1;
    }
    text.saturating_sub(mark)
}

/// Where to cut so that at most `room` bytes come before: after a blank if that fills half of the room, else between
/// two characters that a reader sees as such, else between any two.
fn cut(text: &str, room: usize) -> usize {
    if text.len() <= room {
        return text.len();
    }
    let window = &text[..text.floor_char_boundary(room)];
    let least = room.div_ceil(2);
    // A blank just behind the window does not help: it belongs to this part, and would be one byte too many.
    let after_blank = window.rfind([' ', '\n', '\t', '\u{3000}']).map(|at| at + text[at..].ceil_char_boundary(1));
    if let Some(at) = after_blank.filter(|&at| at >= least) {
        return at;
    }
    let whole = window.char_indices().map(|(at, _)| at).chain([window.len()]).rev();
    whole.take_while(|&at| at >= least).find(|&at| !joined(text, at)).unwrap_or(window.len())
}

/// True when the characters on both sides of `at` make one sign together. A selection of the rules of Unicode annex
/// 29 that needs no tables: combining marks, vowel signs, variation selectors, skin tones, joiners, flags, CR LF.
fn joined(text: &str, at: usize) -> bool {
    let (before, after) = text.split_at(at);
    let (Some(left), Some(right)) = (before.chars().next_back(), after.chars().next()) else { return false };
    if is_flag(left) && is_flag(right) {
        return before.chars().rev().take_while(|&c| is_flag(c)).count() % 2 == 1;
    }
    left == '\u{200d}' || (left == '\r' && right == '\n') || extends(right)
}

fn is_flag(c: char) -> bool {
    ('\u{1f1e6}'..='\u{1f1ff}').contains(&c)
}

fn extends(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036f}' | '\u{0483}'..='\u{0489}' | '\u{0591}'..='\u{05bd}' | '\u{05bf}'..='\u{05c7}'
        | '\u{0610}'..='\u{061a}' | '\u{064b}'..='\u{065f}' | '\u{0670}' | '\u{06d6}'..='\u{06dc}'
        | '\u{0900}'..='\u{0903}' | '\u{093a}'..='\u{094f}' | '\u{0981}'..='\u{0983}' | '\u{09bc}'..='\u{09cd}'
        | '\u{0b82}' | '\u{0bbe}'..='\u{0bcd}' | '\u{0e31}' | '\u{0e34}'..='\u{0e3a}' | '\u{0e47}'..='\u{0e4e}'
        | '\u{1160}'..='\u{11ff}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{200d}'
        | '\u{20d0}'..='\u{20ff}' | '\u{3099}' | '\u{309a}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}'
        | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests;
