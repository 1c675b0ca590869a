//! Domains beyond ASCII in their ASCII form: A-labels (RFC 5890), made with Punycode (RFC 3492).
//!
//! Only what needs no Unicode tables: letters are expected in lower case, as [`super::Mailbox`] keeps them, and each
//! as one character. A domain written with combining marks is refused, never sent to a name that it does not mean.

use std::borrow::Cow;
use std::fmt;

/// Why a domain has no form in ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdnError {
    /// A label is written with combining marks.
    CombiningMarks(String),
    /// A label is longer than 63 bytes in that form.
    LongLabel(String),
    /// The domain is longer than 253 bytes in that form.
    LongDomain(String),
}

impl fmt::Display for IdnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CombiningMarks(label) => {
                write!(f, "the domain label '{label}' holds combining marks: write each character in its composed form")
            }
            Self::LongLabel(label) => write!(f, "the domain label '{label}' is too long in its ASCII form"),
            Self::LongDomain(domain) => write!(f, "the domain {domain} is too long in its ASCII form"),
        }
    }
}

/// The domain with each label beyond ASCII as `xn--...`; one in ASCII, or an address literal, comes back as it is.
///
/// # Errors
/// When it cannot be written so.
pub fn to_ascii(domain: &str) -> Result<String, IdnError> {
    if domain.is_ascii() {
        return Ok(domain.to_owned());
    }
    let labels: Result<Vec<String>, IdnError> = domain.split(SEPARATORS).map(label).collect();
    let ascii = labels?.join(".");
    if ascii.len() > 253 {
        return Err(IdnError::LongDomain(domain.to_owned()));
    }
    Ok(ascii)
}

/// The form in which two writings of one domain are the same; one that has no ASCII form comes back as it is.
pub fn comparable(domain: &str) -> Cow<'_, str> {
    match domain.is_ascii() {
        true => Cow::Borrowed(domain),
        false => to_ascii(domain).map_or(Cow::Borrowed(domain), Cow::Owned),
    }
}

/// Full stops of other scripts count as one (RFC 3490 section 3.1).
const SEPARATORS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];

fn label(label: &str) -> Result<String, IdnError> {
    let label = label.to_lowercase();
    if label.is_ascii() {
        return Ok(label);
    }
    if label.contains(|c| ('\u{300}'..='\u{36f}').contains(&c)) {
        return Err(IdnError::CombiningMarks(label));
    }
    let points: Vec<u32> = label.chars().map(u32::from).collect();
    let coded = punycode(&points).map(|coded| format!("xn--{coded}")).filter(|coded| coded.len() <= 63);
    coded.ok_or(IdnError::LongLabel(label))
}

/// Parameters of RFC 3492 section 5.
const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const INITIAL_BIAS: u32 = 72;
const INITIAL_N: u32 = 128;

/// The encoder of RFC 3492 section 6.3; `None` when its numbers overflow, which no label of 63 bytes reaches.
fn punycode(points: &[u32]) -> Option<String> {
    let mut out: String = points.iter().filter_map(|&point| char::from_u32(point).filter(char::is_ascii)).collect();
    let basic = u32::try_from(out.len()).ok()?;
    if basic > 0 {
        out.push('-');
    }
    let (mut n, mut delta, mut bias, mut done) = (INITIAL_N, 0u32, INITIAL_BIAS, basic);
    while (done as usize) < points.len() {
        let next = points.iter().copied().filter(|&point| point >= n).min()?;
        delta = delta.checked_add((next - n).checked_mul(done + 1)?)?;
        n = next;
        for &point in points {
            if point < n {
                delta = delta.checked_add(1)?;
            }
            if point == n {
                let (mut q, mut k) = (delta, BASE);
                loop {
                    let t = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
                    if q < t {
                        break;
                    }
                    out.push(digit(t + (q - t) % (BASE - t)));
                    q = (q - t) / (BASE - t);
                    k += BASE;
                }
                out.push(digit(q));
                bias = adapt(delta, done + 1, done == basic);
                (delta, done) = (0, done + 1);
            }
        }
        (delta, n) = (delta.checked_add(1)?, n + 1);
    }
    Some(out)
}

/// Adapts the bias after a delta (RFC 3492 section 6.1).
fn adapt(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

/// Section 5: `a` to `z` for 0 to 25, `0` to `9` for 26 to 35.
fn digit(value: u32) -> char {
    const DIGITS: &[u8; BASE as usize] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    // Every value is a remainder of a division by at most BASE, or below a threshold of at most T_MAX.
    char::from(DIGITS[value as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples of RFC 3492 section 7.1, and domains that exist.
    #[test]
    fn labels_become_what_the_standard_says() {
        for (unicode, ascii) in [
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.Example", "xn--bcher-kva.example"),
            ("straße.de", "xn--strae-oqa.de"),
            ("他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"),
            ("почемужеонинеговорятпорусски", "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l"),
            ("3年b組金八先生", "xn--3b-ww4c5e180e575a65lsy2b"),
            ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
            ("a.xn--bcher-kva.é", "a.xn--bcher-kva.xn--9ca"),
        ] {
            assert_eq!(to_ascii(unicode).as_deref(), Ok(ascii), "{unicode}");
        }
        assert_eq!(to_ascii("[127.0.0.1]").as_deref(), Ok("[127.0.0.1]"));
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        assert!(to_ascii("bu\u{308}cher.example").unwrap_err().to_string().contains("combining"));
        assert!(to_ascii(&"ü".repeat(62)).unwrap_err().to_string().contains("too long"));
        assert!(to_ascii(&format!("{}ü.example", "long.".repeat(60))).unwrap_err().to_string().contains("too long"));
    }
}
