//! Who calls: the token that the service signs each call with (RS256, `ground.md` and the vendor's page "Receiving MO
//! message"). Pure. It names no key and never expires, so a call that was stolen can be played again: whoever takes what
//! it brings has to know it again.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

use crate::link::ground::fields::{Fields, text};

/// The service's own key, as its pages print it.
pub const VENDOR_KEY: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAlaWAVJfNWC4XfnRx96p9cztBcdQV6l8aKmzAlZdpEcQR6MSPzlgvihaU\
    HNJgKm8t5ShR3jcDXIOI7er30cIN4/9aVFMe0LWZClUGgCSLc3rrMD4FzgOJ4ibD8scVyER/sirRzf5/dswJedEiMte1ElMQy2M6IWBACry9u12kIqG0HrhaQOzc6Tr8pH\
    UWTKft3xwGpxCkV+K1N+9HCKFccbwb8okRP6FFAMm5sBbw4yAu39IVvcSL43Tucaa79FzOmfGs5mMvQfvO1ua7cOLKfAwkhxEjirC0/RYX7Wio5yL6jmykAHJqFG2HT0uy\
    jjrQWMtoGgwv9cIcI7xbsDX6owIDAQAB";
/// Bytes before the key itself in what the pages print (SubjectPublicKeyInfo of an RSA key of 2048 bits).
const PREFIX: usize = 24;

/// A word that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoKey;

impl std::fmt::Display for NoKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key is the base64 of a public RSA key of 2048 bits, as the vendor prints it")
    }
}

/// Reads the keys of a setting: in base64, separated by spaces; the vendor's where none is named.
///
/// # Errors
/// One of the words is no key.
pub fn keys(text: &str) -> Result<Vec<Vec<u8>>, NoKey> {
    let named: Vec<_> = text.split_whitespace().collect();
    let named = if named.is_empty() { vec![VENDOR_KEY] } else { named };
    let read = |text: &str| {
        let bytes = STANDARD.decode(text).ok().filter(|bytes| bytes.len() > 256 && bytes[0] == 0x30)?;
        bytes.get(PREFIX..).map(<[u8]>::to_vec)
    };
    let keys: Option<Vec<_>> = named.into_iter().map(read).collect();
    keys.ok_or(NoKey)
}

/// The claims of a token that one of the keys has signed.
///
/// # Errors
/// Why it proves nothing.
pub fn claims(token: &str, keys: &[Vec<u8>]) -> Result<Fields, &'static str> {
    let mut parts = token.split('.');
    let (Some(head), Some(body), Some(seal), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err("it is no token");
    };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part.trim_end_matches('='));
    let (Ok(header), Ok(claims), Ok(seal)) = (decode(head), decode(body), decode(seal)) else {
        return Err("it is no token");
    };
    let header: Value = serde_json::from_slice(&header).map_err(|_| "it is no token")?;
    // `none`, and methods that would take the public key for a secret, prove nothing.
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        return Err("it is not signed by RS256");
    }
    let signed = &token.as_bytes()[..head.len() + 1 + body.len()];
    let good = |key: &Vec<u8>| UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(signed, &seal).is_ok();
    match keys.iter().any(good) {
        true => serde_json::from_slice(&claims).map_err(|_| "its claims cannot be read"),
        false => Err("no key that is known has signed it"),
    }
}

/// True when both say the same: as text, or as numbers.
pub fn same(one: &Value, other: &Value) -> bool {
    let (one, other) = (text(one), text(other));
    one == other || matches!((one.parse::<f64>(), other.parse::<f64>()), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_key_can_be_read_and_others_are_told() {
        assert_eq!(keys("").unwrap()[0].len(), 270);
        assert_eq!(keys(&format!("{VENDOR_KEY} {VENDOR_KEY}")).unwrap().len(), 2);
        assert!(keys("AAAA").is_err() && keys("no key").is_err());
    }

    #[test]
    fn tokens_that_prove_nothing_are_refused() {
        let keys = keys("").unwrap();
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        for (header, why) in [
            (r#"{"alg":"none"}"#, "it is not signed by RS256"),
            (r#"{"alg":"HS256"}"#, "it is not signed by RS256"),
            (r#"{"alg":"RS256"}"#, "no key that is known has signed it"),
            ("{}", "it is not signed by RS256"),
        ] {
            let token = format!("{}.{}.{}", encode(header), encode("{}"), encode("x"));
            assert_eq!(claims(&token, &keys), Err(why), "{header}");
        }
        for token in ["", "a.b", "a.b.c.d", "*.*.*"] {
            assert_eq!(claims(token, &keys), Err("it is no token"), "{token}");
        }
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert!(same(&value("8.0"), &value("\"8\"")) && same(&value("23"), &value("\"23\"")));
        assert!(!same(&value("23"), &value("\"24\"")) && !same(&value("\"a\""), &value("\"b\"")));
    }
}
