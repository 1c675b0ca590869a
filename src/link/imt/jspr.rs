//! JSPR, the lines that a RockBLOCK 9704 and its host say to each other. Pure: bytes in, meaning out.
//!
//! A line of the modem is three digits, a target, an object in JSON, and a carriage return; a line of the host is `GET` or `PUT`
//! in place of the digits. Code 299 stands before what comes unasked, any other before an answer. The modem wants a blank
//! behind each comma of a request; there is one behind each colon as well, as units were seen to take that.

use std::fmt::Display;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Longest line that is taken, in bytes: a full segment has a quarter of it.
const MAX_LINE: usize = 8192;
/// The code of a line that the modem says without being asked.
pub const UNASKED: u16 = 299;
/// The target of an answer to a request that the modem could not read.
pub const MALFORMED: &str = "MALFORMED";
/// Bytes of the sum behind a message.
pub const SUM: usize = 2;

/// One line of the modem: `CODE target {json}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Code of the answer, as of HTTP: 200 is success, [`UNASKED`] no answer.
    pub code: u16,
    /// Target of the request that it answers, or of what it tells.
    pub target: String,
    /// The JSON object at its end.
    pub body: Value,
}

/// Makes lines of what comes, in whatever pieces.
#[derive(Debug, Default)]
pub struct Lines {
    buffer: Vec<u8>,
    /// The line that is being read is too long: it is skipped to its end.
    too_long: bool,
    /// Bytes that were no line.
    pub skipped: u64,
}

impl Lines {
    /// Takes bytes; gives the lines that are whole now.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        for byte in bytes {
            match byte {
                b'\r' => {
                    let line = std::mem::take(&mut self.buffer);
                    match std::mem::take(&mut self.too_long) {
                        true => self.skipped += line.len() as u64,
                        false => lines.extend(self.read(&line)),
                    }
                }
                _ if self.buffer.len() >= MAX_LINE => {
                    (self.too_long, self.skipped) = (true, self.skipped + self.buffer.len() as u64);
                    self.buffer.clear();
                }
                byte => self.buffer.push(*byte),
            }
        }
        lines
    }

    /// Reads a line without its end. Rubbish in front of it does not belong to it.
    fn read(&mut self, bytes: &[u8]) -> Option<Line> {
        let begins = |bytes: &[u8]| matches!(bytes, [a, b, c, b' ', first] if [a, b, c].iter().all(|c| c.is_ascii_digit()) && first.is_ascii_alphabetic());
        let Some(at) = bytes.windows(5).position(begins) else {
            self.skipped += bytes.len() as u64;
            return None;
        };
        let line = std::str::from_utf8(&bytes[at..]).ok().and_then(|text| {
            let mut words = text.splitn(3, ' ');
            let code = words.next()?.parse().ok()?;
            let target = words.next()?.to_owned();
            let body: Value = serde_json::from_str(words.next()?).ok()?;
            body.is_object().then_some(Line { code, target, body })
        });
        self.skipped += if line.is_some() { at as u64 } else { bytes.len() as u64 };
        line
    }
}

/// The body of a request: names, and values as JSON has them.
pub fn body(fields: &[(&str, &dyn Display)]) -> String {
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
    format!("{{{}}}", fields.join(", "))
}

/// The sum behind a message: CRC-16 with the polynomial 1021, begun with 0, high byte first.
pub fn sum(data: &[u8]) -> [u8; SUM] {
    let step = |sum: u16, byte: &u8| {
        (0..8).fold(sum ^ u16::from(*byte) << 8, |sum, _| if sum & 0x8000 == 0 { sum << 1 } else { sum << 1 ^ 0x1021 })
    };
    data.iter().fold(0, step).to_be_bytes()
}

/// Data as lines carry it.
pub fn encode(data: &[u8]) -> String {
    STANDARD.encode(data)
}

/// Reads it; `None` when it is none.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A number in a body within a range.
pub fn number(body: &Value, name: &str, most: u64) -> Option<u64> {
    body[name].as_u64().filter(|number| *number <= most)
}

/// A version of the protocol, as the modem lists and takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u64,
    minor: u64,
    patch: u64,
}

impl Version {
    fn read(body: &Value) -> Option<Self> {
        let number = |name| number(body, name, 1_000_000);
        Some(Self { major: number("major")?, minor: number("minor")?, patch: number("patch")? })
    }

    /// As a request names it.
    pub fn body(self) -> String {
        body(&[("major", &self.major), ("minor", &self.minor), ("patch", &self.patch)])
    }
}

/// The version to choose of those that an answer lists: the highest with the first major number, whatever their order.
pub fn newest(answer: &Value) -> Option<Version> {
    let listed = answer["supported_versions"].as_array()?.iter().filter_map(Version::read);
    listed.filter(|version| version.major == 1).max()
}

/// Topics of the modem that an answer, or a line, lists.
pub fn topics(body: &Value) -> Vec<u16> {
    let rows = body["provisioning"].as_array().into_iter().flatten();
    let number = |row: &Value| number(row, "topic_id", 65_535).and_then(|topic| u16::try_from(topic).ok());
    rows.filter_map(number).filter(|topic| *topic >= 64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(bytes: &[u8]) -> Option<Line> {
        let mut lines = Lines::default().feed(bytes);
        assert!(lines.len() < 2);
        lines.pop()
    }

    #[test]
    fn lines_come_in_pieces_and_with_rubbish_before_them() {
        let text = b"\x00\x00\x11\xff\xfe299 constellationState {\"constellation_visible\":true,\"signal_bars\":3}\r";
        let mut lines = Lines::default();
        let found: Vec<_> = text.iter().flat_map(|byte| lines.feed(&[*byte])).collect();
        assert_eq!((found.len(), lines.skipped), (1, 5));
        assert_eq!((found[0].code, found[0].target.as_str()), (299, "constellationState"));
        assert_eq!(one(b"405 MALFORMED {}\r").unwrap().target, MALFORMED);
        for wrong in [&b"299 x\r"[..], b"99 x {}\r", b"299 x {\r", b"299 x []\r", b"\r", b"OK\r"] {
            assert_eq!(one(wrong), None);
        }
    }

    #[test]
    fn a_line_that_is_too_long_ends_at_its_end() {
        let mut lines = Lines::default();
        assert!(lines.feed(&vec![b'x'; 3 * MAX_LINE]).is_empty());
        assert_eq!(lines.feed(b"{}\r200 a {}\r").len(), 1);
        assert!(lines.skipped > 2 * MAX_LINE as u64);
    }

    #[test]
    fn requests_have_their_blanks() {
        let said = body(&[("topic_id", &244), ("message_length", &7), ("request_reference", &1)]);
        assert_eq!(said, r#"{"topic_id": 244, "message_length": 7, "request_reference": 1}"#);
        assert_eq!(body(&[]), "{}");
    }

    #[test]
    fn sums_are_those_of_units() {
        let whole = |data: &[u8]| encode(&[data, &sum(data)].concat());
        let vectors: [(&[u8], &str); 8] = [
            (b"hello", "aGVsbG/DYg=="),
            (b"Hi!", "SGkhMf0="),
            (b"a", "YXyH"),
            (&[0, 0], "AAAAAA=="),
            (&[0], "AAAA"),
            (b"123456789", "MTIzNDU2Nzg5McM="),
            (b"tst", "dHN0Z9E="),
            (b"Arrived, all well", "QXJyaXZlZCwgYWxsIHdlbGwxNw=="),
        ];
        for (data, expected) in vectors {
            assert_eq!(whole(data), expected);
        }
        let long: Vec<u8> = (0..1500_u32).map(|at| (at % 256) as u8).collect();
        assert_eq!(sum(&long), [0x92, 0x43]);
    }

    #[test]
    fn the_newest_version_is_a_matter_of_numbers() {
        let list = |text: &str| newest(&serde_json::from_str(text).unwrap()).map(Version::body);
        let ten = r#"{"supported_versions":[{"major":1,"minor":0,"patch":1},{"major":1,"minor":10,"patch":0},{"major":1,"minor":9,"patch":9},{"major":2,"minor":0,"patch":0}]}"#;
        assert_eq!(list(ten).as_deref(), Some(r#"{"major": 1, "minor": 10, "patch": 0}"#));
        assert_eq!(list(r#"{"supported_versions":[]}"#), None);
        assert_eq!(list("{}"), None);
    }

    #[test]
    fn impossible_topics_are_read_over() {
        let body = r#"{"provisioning":[{"topic_id":244},{"topic_id":-1},{"topic_id":70000},{"topic_id":3},{}]}"#;
        assert_eq!(topics(&serde_json::from_str(body).unwrap()), [244]);
    }
}
