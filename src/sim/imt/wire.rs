//! The lines of JSPR as the modem reads and writes them. Pure.

use serde_json::Value;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Put,
}

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    pub(super) verb: Verb,
    pub(super) target: String,
    pub(super) body: Value,
}

/// Why a line is none: the code, and the target that is named with it.
pub(super) type Wrong = (u16, String);

/// Reads a line without its end. `strict`: a comma has a blank behind it, as real modems want.
///
/// # Errors
/// The code and the target of the answer.
pub(super) fn read(line: &str, strict: bool) -> Result<Request, Wrong> {
    let malformed = || (405, "MALFORMED".to_owned());
    let mut words = line.splitn(3, ' ');
    let verb = match words.next() {
        Some("GET") => Verb::Get,
        Some("PUT") => Verb::Put,
        _ => return Err(malformed()),
    };
    let target = words.next().filter(|target| !target.is_empty() && target.len() <= 30).ok_or_else(malformed)?;
    let json = words.next().ok_or_else(malformed)?;
    let body: Value = serde_json::from_str(json).map_err(|_| (407, target.to_owned()))?;
    if !body.is_object() || (strict && is_dense(json)) {
        return Err((407, target.to_owned()));
    }
    Ok(Request { verb, target: target.to_owned(), body })
}

/// True where a comma outside of texts has no blank behind it.
fn is_dense(json: &str) -> bool {
    let (mut text, mut escaped, mut comma) = (false, false, false);
    for byte in json.bytes() {
        if std::mem::take(&mut comma) && byte != b' ' {
            return true;
        }
        match byte {
            _ if std::mem::take(&mut escaped) => {}
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            b',' if !text => comma = true,
            _ => {}
        }
    }
    false
}

/// Writes a line of the modem, with its end.
pub(super) fn line(code: u16, target: &str, body: &str) -> Vec<u8> {
    format!("{code} {target} {body}\r").into_bytes()
}

/// The sum behind data: CRC-16 with the polynomial 1021, begun with 0, high byte first.
pub(super) fn sum(data: &[u8]) -> u16 {
    let mut sum = 0_u16;
    for byte in data {
        sum ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            let high = sum & 0x8000 != 0;
            sum <<= 1;
            if high {
                sum ^= 0x1021;
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_that_units_send() {
        assert_eq!((sum(b"123456789"), sum(b"tst"), sum(b"hello")), (0x31c3, 0x67d1, 0xc362));
        assert_eq!(sum(&[0, 0]), 0);
    }

    #[test]
    fn requests_need_a_blank_behind_a_comma_and_nothing_else() {
        let request = read(r#"PUT a {"b":1, "c": "x,y"}"#, true).unwrap();
        assert_eq!((request.verb, request.target.as_str()), (Verb::Put, "a"));
        assert_eq!(read(r#"PUT a {"b":1,"c":2}"#, true), Err((407, "a".to_owned())));
        assert!(read(r#"PUT a {"b":1,"c":2}"#, false).is_ok());
        assert_eq!(read("", true), Err((405, "MALFORMED".to_owned())));
        assert_eq!(read("GET a {", true), Err((407, "a".to_owned())));
        assert_eq!(read("SET a {}", true), Err((405, "MALFORMED".to_owned())));
    }
}
