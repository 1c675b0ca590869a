//! What no text teaches: the kind of a message and the digits of a telephone number, each at a fixed price.

use super::history::{Field, History};
use crate::letter::{FIRST_INDEX, INDEXED, INDEXES, Kind, NAMED};

/// A byte that is not foreseen has the weight 1.
const DIGIT: u32 = 4096;
/// Behind how many digits the end of a number is likely, and how likely: of a digit's weight.
const ENDS: [u32; 3] = [1, 4 * DIGIT, 400 * DIGIT];

/// Digits behind the country code: the code, the fewest and the most. International numbers as the numbering plans of
/// the ITU (E.164) have them for telephones that take text messages; other countries have 7 to 11.
const PLANS: [(&str, u8, u8); 62] = [
    ("1", 10, 10),
    ("7", 10, 10),
    ("20", 10, 10),
    ("27", 9, 9),
    ("30", 10, 10),
    ("31", 9, 9),
    ("32", 9, 9),
    ("33", 9, 9),
    ("34", 9, 9),
    ("36", 9, 9),
    ("39", 9, 10),
    ("40", 9, 9),
    ("41", 9, 9),
    ("43", 10, 12),
    ("44", 10, 10),
    ("45", 8, 8),
    ("46", 9, 9),
    ("47", 8, 8),
    ("48", 9, 9),
    ("49", 10, 11),
    ("51", 9, 9),
    ("52", 10, 10),
    ("53", 8, 8),
    ("54", 10, 11),
    ("55", 10, 11),
    ("56", 9, 9),
    ("57", 10, 10),
    ("58", 10, 10),
    ("60", 9, 10),
    ("61", 9, 9),
    ("62", 9, 12),
    ("63", 10, 10),
    ("64", 8, 10),
    ("65", 8, 8),
    ("66", 9, 9),
    ("81", 10, 10),
    ("82", 9, 10),
    ("84", 9, 9),
    ("86", 11, 11),
    ("90", 10, 10),
    ("91", 10, 10),
    ("92", 10, 10),
    ("93", 9, 9),
    ("94", 9, 9),
    ("95", 8, 10),
    ("98", 10, 10),
    ("212", 9, 9),
    ("234", 10, 10),
    ("254", 9, 9),
    ("255", 9, 9),
    ("256", 9, 9),
    ("351", 9, 9),
    ("353", 9, 9),
    ("354", 7, 7),
    ("358", 9, 10),
    ("380", 9, 9),
    ("420", 9, 9),
    ("421", 9, 9),
    ("852", 8, 8),
    ("870", 9, 9),
    ("881", 9, 9),
    ("972", 9, 9),
];
const OTHERS: (u8, u8) = (7, 11);
/// Longest number of E.164, with its country code.
const LONGEST: usize = 15;

/// The fixed prices: for each case how much of the weight lies below each byte.
pub struct Flat {
    /// The first record of a code; behind a text; behind a mail.
    kinds: [Weights; 3],
    /// A place in the address book.
    index: Weights,
    /// A digit of a number that is too short, may end, or should.
    digits: [Weights; 3],
}

/// Weight of the bytes below.
type Weights = [u32; 257];

/// By which table a byte is priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Price {
    /// A kind byte; 0 is the first of a code, otherwise the kind before.
    Kind(u8),
    /// An index byte, which stands for an address.
    Index,
    /// A digit or the end of a number: see [`Flat`].
    Digit(usize),
}

impl Flat {
    /// Adds the weights up.
    pub fn new() -> Self {
        let kinds = [[16, 16], [24, 8], [8, 24]].map(|likely| {
            below(|byte| {
                let kind = match byte & 3 {
                    kind if kind == Kind::Text as u8 => likely[0],
                    kind if kind == Kind::Mail as u8 => likely[1],
                    _ => return 1,
                };
                let person = if byte & NAMED == 0 { 15 } else { 1 };
                let index = if byte & INDEXED == 0 { 18 } else { 14 };
                if byte & !(3 | INDEXED | NAMED) == 0 { kind * person * index } else { 1 }
            })
        });
        let digits = ENDS.map(|end| {
            below(|byte| match byte {
                b'0'..=b'9' => DIGIT,
                b'\n' => end,
                _ => 1,
            })
        });
        let indexes = FIRST_INDEX..FIRST_INDEX + INDEXES;
        let index = below(|byte| if indexes.contains(&byte) { DIGIT } else { 1 });
        Self { kinds, index, digits }
    }

    /// The probability that the next bit is set, of 65536, neither 0 nor 65536; `bits` are those of the byte so far, behind
    /// a one.
    pub fn p(&self, price: Price, bits: u32) -> u32 {
        let below = match price {
            Price::Kind(before) => &self.kinds[usize::from(before & 3).min(2)],
            Price::Index => &self.index,
            Price::Digit(end) => &self.digits[end],
        };
        let width = 256 >> bits.ilog2();
        let first = (bits as usize * width) & 255;
        let weight = |from: usize, to: usize| u64::from(below[to] - below[from]);
        let (all, set) = (weight(first, first + width), weight(first + width / 2, first + width));
        // All of 256 weights are below 2^22, so nothing overflows.
        ((set << 16) / all).clamp(32, 65_536 - 32) as u32
    }
}

/// How the next byte is priced; `None`: by the model.
pub fn price(history: &History) -> Option<Price> {
    match history.field {
        Field::Kind => Some(Price::Kind(history.kind_before)),
        Field::Other if history.kind & INDEXED != 0 => Some(Price::Index),
        Field::Other if history.kind & 3 == Kind::Text as u8 => {
            let number = &history.bytes[history.field_at..];
            digits(number).map(Price::Digit)
        }
        _ => None,
    }
}

/// How likely a number ends, of `ENDS`; `None` while it is none, or its country code is incomplete.
fn digits(number: &[u8]) -> Option<usize> {
    let digits = number.strip_prefix(b"+")?;
    if digits.len() > LONGEST || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = country(digits)?;
    let plan = PLANS.iter().find(|(known, ..)| known.as_bytes() == code);
    let (least, most) = plan.map_or(OTHERS, |(_, least, most)| (*least, *most));
    let have = digits.len() - code.len();
    Some(if have < usize::from(least) {
        0
    } else if have < usize::from(most) {
        1
    } else {
        2
    })
}

/// The country code: of one digit in the zones 1 and 7, of two where E.164 says so, else of three.
fn country(digits: &[u8]) -> Option<&[u8]> {
    let width = match digits {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        [_, _, ..] => 3,
        _ => return None,
    };
    digits.get(..width)
}

fn below(weight: impl Fn(u8) -> u32) -> Weights {
    let mut below = [0; 257];
    for byte in 0..=255 {
        below[usize::from(byte) + 1] = below[usize::from(byte)] + weight(byte);
    }
    below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_ends_where_its_country_says() {
        for (number, end) in [
            ("", None),
            ("+", None),
            ("+4", None),
            ("+1", Some(0)),
            ("+1415555012", Some(0)),
            ("+14155550123", Some(2)),
            ("+4915123456", Some(0)),
            ("+491512345678", Some(1)),
            ("+4915123456789", Some(2)),
            ("+88", None),
            ("+881612345678", Some(2)),
            ("+3701234567", Some(1)),
            ("+1415555O123", None),
            ("mum@example.org", None),
            ("+1234567890123456", None),
        ] {
            assert_eq!(digits(number.as_bytes()), end, "{number}");
        }
        assert!(PLANS.iter().all(|(code, ..)| country(code.as_bytes()) == Some(code.as_bytes())));
    }

    #[test]
    fn prices_are_those_of_the_weights() {
        let flat = Flat::new();
        let bits = |price, byte: u8| -> f64 {
            (0..8)
                .map(|at| {
                    let p = f64::from(flat.p(price, 256_u32 >> (8 - at) | u32::from(byte) >> (8 - at))) / 65536.0;
                    -(if byte >> (7 - at) & 1 == 1 { p } else { 1.0 - p }).log2()
                })
                .sum()
        };
        assert!(bits(Price::Digit(0), b'7') < 3.34 && bits(Price::Digit(2), b'\n') < 0.05);
        assert!(bits(Price::Digit(0), b'\n') > 10.0 && bits(Price::Digit(1), b'x') < 40.0);
        assert!(bits(Price::Kind(0), 1) < 2.0 && bits(Price::Kind(0), 2) < 2.0 && bits(Price::Kind(0), 14) < 7.0);
        assert!(bits(Price::Kind(1), 1) < bits(Price::Kind(0), 1));
        assert!((0..=255).all(|byte| bits(Price::Kind(2), byte) < 60.0));
    }
}
