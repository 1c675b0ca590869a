//! How long a certificate is good: the one field of it that people ask for (RFC 5280 section 4.1.2.5).

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::clock::Time;

/// Tags of DER (X.690).
const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version of a certificate, which version 1 leaves out.
const VERSION: u8 = 0xa0;

/// Gives the end of a certificate in DER; `None` for bytes that are none.
pub fn end(certificate: &[u8]) -> Option<Time> {
    let (outer, _) = inner(SEQUENCE, certificate)?;
    let (fields, _) = inner(SEQUENCE, outer)?;
    let fields = if fields.first() == Some(&VERSION) { element(fields)?.2 } else { fields };
    // Serial number, algorithm and issuer stand before it.
    let fields = (0..3).try_fold(fields, |rest, _| Some(element(rest)?.2))?;
    let (validity, _) = inner(SEQUENCE, fields)?;
    let (_, _, rest) = element(validity)?;
    let (tag, text, _) = element(rest)?;
    let text = std::str::from_utf8(text).ok()?;
    let text = match tag {
        // Years from 50 on are of the last century.
        UTC_TIME if text.get(..2)?.parse::<u8>().ok()? < 50 => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let at = DateTime::strptime("%Y%m%d%H%M%S", text.strip_suffix('Z')?).ok()?;
    Some(Time::from_seconds(at.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second()))
}

/// The content of the first element, if it has this tag, and what stands behind it.
fn inner(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(bytes)?;
    (found == tag).then_some((content, rest))
}

/// Tag and content of the first element, and what stands behind it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        ..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read_and_nothing_else_panics() {
        let pair = rcgen::KeyPair::generate().unwrap();
        for (year, seconds) in [(2031, 1_924_992_000), (2049, 2_493_072_000), (2061, 2_871_763_200)] {
            let mut params = rcgen::CertificateParams::new(vec!["box".to_owned()]).unwrap();
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
            let certificate = params.self_signed(&pair).unwrap();
            assert_eq!(end(certificate.der()).map(|at| at.seconds()), Some(seconds));
            for cut in 0..certificate.der().len() {
                end(&certificate.der()[..cut]);
                let mut bent = certificate.der().to_vec();
                bent[cut] = 0xff;
                end(&bent);
            }
        }
        assert_eq!(end(b""), None);
    }
}
