//! Pairing by a short code: what it says, and how it fails. Pure.
//!
//! A code has 20 characters of Crockford's alphabet (no I, L, O, U). The first 16 are 80 bits of the name of the
//! gateway's key, which the station compares with the key that it meets before it says anything; the last 4 are a token
//! of 20 bits, good once and for [`LIFE`]. Nobody can try keys until 80 bits fit, and [`TRIES`] tries at 20 bits are 5 in a
//! million. From then on both keys are pinned, and the code is worth nothing.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::{KeyId, PeerId};
use crate::clock::Time;
use crate::fault::Fault;
use crate::hex::CODE_ALPHABET;
use crate::message::reason::PairFailure;

/// How long a code is good.
pub const LIFE: Duration = Duration::from_secs(600);
/// Wrong tokens that a code bears.
pub const TRIES: u8 = 5;
/// Longest text of an introduction, in bytes: three of them fit the first frame.
pub const MAX_NAME: usize = 64;

/// Characters that name the key, and those of the token.
const PARTS: (usize, usize) = (16, 4);

/// A code as it is shown and typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairingCode {
    /// The first 80 bits of the name of the gateway's key.
    pub key: [u8; 10],
    /// The secret of the code, 20 bits.
    pub token: u32,
}

impl PairingCode {
    /// The code that a gateway gives out.
    pub fn new(key: KeyId, token: u32) -> Self {
        let mut start = [0; 10];
        start.copy_from_slice(&key.0[..10]);
        Self { key: start, token: token & 0x0f_ffff }
    }

    /// True for the key that the code names.
    pub fn names(&self, key: KeyId) -> bool {
        key.0.starts_with(&self.key)
    }
}

impl fmt::Display for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
        let bits = key << 20 | u128::from(self.token);
        for at in (0..PARTS.0 + PARTS.1).rev() {
            let value = usize::try_from(bits >> (5 * at) & 31).unwrap_or_default();
            write!(f, "{}", char::from(CODE_ALPHABET[value]))?;
            if at > 0 && at.is_multiple_of(4) {
                f.write_str("-")?;
            }
        }
        Ok(())
    }
}

/// What is wrong with a code that was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeError {
    /// So many characters instead of 20.
    Length(usize),
    /// A character that no code has.
    Character(char),
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(count) => write!(f, "a pairing code has 20 characters, this one has {count}"),
            Self::Character(c) => write!(f, "a pairing code has no '{}' in it", c.escape_debug()),
        }
    }
}

impl FromStr for PairingCode {
    type Err = CodeError;

    /// Case, dashes and spaces are ignored, and O, I and L are read as the digits that they look like.
    fn from_str(text: &str) -> Result<Self, CodeError> {
        let (mut bits, mut count) = (0_u128, 0);
        for c in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            let known = match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                c => c,
            };
            let value =
                CODE_ALPHABET.iter().position(|other| char::from(*other) == known).ok_or(CodeError::Character(c))?;
            count += 1;
            if count <= PARTS.0 + PARTS.1 {
                bits = bits << 5 | u128::try_from(value).unwrap_or_default();
            }
        }
        if count != PARTS.0 + PARTS.1 {
            return Err(CodeError::Length(count));
        }
        let mut key = [0; 10];
        key.copy_from_slice(&(bits >> 20).to_be_bytes()[6..]);
        Ok(Self { key, token: u32::try_from(bits & 0x0f_ffff).unwrap_or_default() })
    }
}

/// What two boxes tell each other when they are paired.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Introduction {
    /// The token of the code; 0 in the answer.
    pub token: u32,
    /// What the box calls itself.
    pub name: String,
    /// Its mail domain; may be empty.
    pub domain: String,
    /// The person who is meant where a packet of it names nobody; empty if the box has none, or is of a version before.
    pub person: String,
}

impl Introduction {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.token.to_be_bytes());
        for text in [&self.name, &self.domain, &self.person].map(|text| short(text, MAX_NAME)) {
            // Within a byte: it was shortened.
            out.push(u8::try_from(text.len()).unwrap_or_default());
            out.extend_from_slice(text.as_bytes());
        }
    }

    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let (token, mut rest) = body.split_first_chunk()?;
        let mut texts = Vec::new();
        while let Some((length, more)) = rest.split_first() {
            let (text, more) = more.split_at_checked(usize::from(*length))?;
            let text = std::str::from_utf8(text).ok().filter(|text| !text.chars().any(char::is_control))?;
            texts.push(text.to_owned());
            rest = more;
        }
        let mut texts = texts.into_iter();
        let (name, domain) = (texts.next()?, texts.next()?);
        Some(Self { token: u32::from_be_bytes(*token), name, domain, person: texts.next().unwrap_or_default() })
    }
}

/// The start of a text, in whole characters.
fn short(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    &text[..end]
}

/// Failures and their numbers in a frame.
const FAILURES: [(u8, PairFailure); 5] = [
    (16, PairFailure::NoCode),
    (17, PairFailure::WrongToken),
    (18, PairFailure::Expired),
    (19, PairFailure::Used),
    (20, PairFailure::Spent),
];

/// Gives the number by which a goodbye says the failure; 0 for one without a number.
pub fn code_of(why: PairFailure) -> u8 {
    FAILURES.iter().find(|(_, known)| *known == why).map_or(0, |(code, _)| *code)
}

/// Finds the failure that a number stands for; `None` for a number of a later version.
pub fn failure_of(code: u8) -> Option<PairFailure> {
    FAILURES.iter().find(|(known, _)| *known == code).map(|(_, why)| *why)
}

/// A code that a gateway has given out, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCode {
    /// The secret of the code, 20 bits.
    pub token: u32,
    /// When the owner made it; it holds for a limited time.
    pub made: Time,
    /// The far box that it is for; `None`: one that is not known yet, or was only heard.
    #[serde(default)]
    pub far_box: Option<PeerId>,
    /// Wrong tokens so far.
    wrong: u8,
    used: bool,
}

impl OpenCode {
    /// Name of the note in the store.
    pub const NOTE: &'static str = "pairing-code";

    /// A fresh one.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn new(now: Time, far_box: Option<PeerId>) -> Result<Self, Fault> {
        let mut random = [0; 4];
        getrandom::fill(&mut random)
            .map_err(|error| Fault::temporary(format!("there are no random numbers: {error}")))?;
        Ok(Self { token: u32::from_be_bytes(random) & 0x0f_ffff, made: now, far_box, wrong: 0, used: false })
    }

    /// True while it can be used.
    pub fn is_open(&self, now: Time) -> bool {
        !self.used && self.wrong < TRIES && now.since(self.made) < LIFE
    }

    /// Uses it with the token that somebody gave.
    ///
    /// # Errors
    /// Why it is of no use.
    pub fn try_token(&mut self, token: u32, now: Time) -> Result<(), PairFailure> {
        if self.wrong >= TRIES {
            return Err(PairFailure::Spent);
        }
        if token != self.token {
            self.wrong += 1;
            return Err(PairFailure::WrongToken);
        }
        if self.used {
            return Err(PairFailure::Used);
        }
        if now.since(self.made) >= LIFE {
            return Err(PairFailure::Expired);
        }
        self.used = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> KeyId {
        KeyId(std::array::from_fn(|at| u8::try_from(at * 37 % 256).unwrap()))
    }

    #[test]
    fn a_code_is_read_as_it_was_written() {
        for token in [0, 1, 0x0f_ffff, 0x0a_bcde] {
            let code = PairingCode::new(key(), token);
            let text = code.to_string();
            assert_eq!(text.len(), 24);
            assert!(!text.contains(['I', 'L', 'O', 'U']), "{text}");
            let typed = text.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
            assert_eq!(typed.parse(), Ok(code), "{typed}");
            assert!(code.names(key()) && !code.names(KeyId([9; 32])));
        }
    }

    #[test]
    fn an_open_code_is_good_once_for_a_while_and_bears_few_tries() {
        let now = Time(1_000_000);
        let late = now + LIFE;
        let fresh = OpenCode::new(now, None).unwrap();
        let mut code = fresh.clone();
        assert!(code.is_open(now) && !code.is_open(late));
        assert_eq!(code.try_token(code.token, now), Ok(()));
        assert!(!code.is_open(now));
        assert_eq!(code.try_token(code.token, now), Err(PairFailure::Used));
        let mut code = fresh.clone();
        assert_eq!(code.try_token(code.token, late), Err(PairFailure::Expired));
        let mut code = fresh;
        for _ in 0..TRIES {
            assert_eq!(code.try_token(code.token ^ 1, now), Err(PairFailure::WrongToken));
        }
        assert_eq!(code.try_token(code.token, now), Err(PairFailure::Spent));
    }

    #[test]
    fn what_is_no_code_says_why() {
        let wrong = |text: &str| text.parse::<PairingCode>().unwrap_err();
        assert_eq!(wrong(""), CodeError::Length(0));
        assert_eq!(wrong("K7QM-3XPD"), CodeError::Length(8));
        assert_eq!(wrong(&"7".repeat(200)), CodeError::Length(200));
        assert_eq!(wrong("K7QM-3XPD-0V9A-TN5C-R2U!"), CodeError::Character('U'));
    }

    #[test]
    fn an_introduction_fits_the_first_frame_whatever_the_names() {
        let long = "\u{e9}".repeat(500);
        let introduction = Introduction { token: u32::MAX, name: long.clone(), domain: long.clone(), person: long };
        let mut out = Vec::new();
        introduction.write(&mut out);
        assert!(out.len() < super::super::frame::MAX_FIRST, "{}", out.len());
        let read = Introduction::read(&out).unwrap();
        assert_eq!((read.name.len(), read.domain.len(), read.person.len()), (64, 64, 64));
    }

    #[test]
    fn what_is_no_introduction_is_nothing() {
        for body in [&b""[..], b"\0\0\0", b"\0\0\0\0", b"\0\0\0\0\x01a", b"\0\0\0\0\x05a", b"\0\0\0\0\x01\n\x01a"] {
            assert_eq!(Introduction::read(body), None, "{body:?}");
        }
    }

    #[test]
    fn each_failure_has_a_code_of_its_own() {
        for (code, why) in FAILURES {
            assert_eq!((failure_of(code), code_of(why)), (Some(why), code));
        }
        assert_eq!(failure_of(1), None);
    }
}
