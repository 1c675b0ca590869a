//! Bytes as hexadecimal digits, and the alphabet of codes that people type. Pure; the one place for it outside the crate of the coder.

/// Digits and letters of which none is taken for another: base 32 as Douglas Crockford wrote it down.
pub const CODE_ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Writes bytes as pairs of lower-case digits.
pub fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let pair = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    bytes.iter().flat_map(pair).map(char::from).collect()
}

/// Reads bytes from pairs of digits of either case; `None` for an odd count or any other character.
pub fn decode(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| byte(*high, *low)).collect()
}

/// Reads one byte from its two digits; `None` when one of them is none.
pub fn byte(high: u8, low: u8) -> Option<u8> {
    Some(digit(high)? << 4 | digit(low)?)
}

fn digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_goes_both_ways() {
        assert_eq!(decode(b"1337DEADbeef").as_deref(), Some(&[0x13, 0x37, 0xde, 0xad, 0xbe, 0xef][..]));
        assert_eq!((encode(&[0, 0xff]).as_str(), encode(&[]).as_str()), ("00ff", ""));
        assert_eq!(decode(b""), Some(Vec::new()));
        for wrong in ["123", "+1", "0g", "\u{e9}", " 1"] {
            assert_eq!(decode(wrong.as_bytes()), None, "{wrong}");
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(encode(&all).as_bytes()), Some(all));
        assert_eq!((byte(b'a', b'F'), byte(b'x', b'0')), (Some(0xaf), None));
    }
}
