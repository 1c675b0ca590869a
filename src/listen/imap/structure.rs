//! BODY and BODYSTRUCTURE: the parts of a mail as a list (RFC 3501 section 7.4.2).

use super::envelope;
use super::mime::{Inside, Part, fields, unfolded, with_params};
use super::replies::{nstring, string};

/// Writes the structure of a part; `extended` for BODYSTRUCTURE.
pub fn write(out: &mut Vec<u8>, mail: &[u8], part: &Part, extended: bool) {
    // Gone through once: a list of a thousand messages asks for this of each.
    let about = fields(&mail[part.header.clone()]);
    let about: Vec<_> =
        about.filter(|(name, _)| name.len() > 8 && name[..8].eq_ignore_ascii_case(b"content-")).collect();
    let field = |name: &str| {
        let found = about.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| unfolded(value))
    };
    let (main, sub) = part.kind.split_once('/').unwrap_or(("text", "plain"));
    out.push(b'(');
    match &part.inside {
        Inside::Parts(parts) => {
            for inner in parts {
                write(out, mail, inner, extended);
            }
            out.push(b' ');
            string(out, sub.as_bytes());
            if extended {
                out.push(b' ');
                params(out, &part.params);
            }
        }
        inside => {
            string(out, main.as_bytes());
            out.push(b' ');
            string(out, sub.as_bytes());
            out.push(b' ');
            let implied = [("charset".to_owned(), "us-ascii".to_owned())];
            let said = main == "text" && part.params.is_empty();
            params(out, if said { &implied } else { &part.params });
            out.push(b' ');
            nstring(out, field("content-id").as_deref());
            out.push(b' ');
            nstring(out, field("content-description").as_deref());
            out.push(b' ');
            let encoding = field("content-transfer-encoding").filter(|encoding| !encoding.is_empty());
            string(out, &encoding.unwrap_or_else(|| b"7bit".to_vec()));
            out.extend_from_slice(format!(" {}", part.body.len()).as_bytes());
            if let Inside::Mail(inner) = inside {
                out.push(b' ');
                envelope::write(out, &mail[inner.header.clone()]);
                out.push(b' ');
                write(out, mail, inner, extended);
            }
            if main == "text" || matches!(inside, Inside::Mail(_)) {
                let lines = mail[part.body.clone()].iter().filter(|byte| **byte == b'\n').count();
                out.extend_from_slice(format!(" {lines}").as_bytes());
            }
            if extended {
                out.push(b' ');
                nstring(out, field("content-md5").as_deref());
            }
        }
    }
    if extended {
        out.push(b' ');
        disposition(out, field("content-disposition"));
        out.push(b' ');
        languages(out, field("content-language"));
        out.push(b' ');
        nstring(out, field("content-location").as_deref());
    }
    out.push(b')');
}

fn params(out: &mut Vec<u8>, params: &[(String, String)]) {
    if params.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.push(b'(');
    for (at, (name, value)) in params.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        string(out, name.as_bytes());
        out.push(b' ');
        string(out, value.as_bytes());
    }
    out.push(b')');
}

fn disposition(out: &mut Vec<u8>, value: Option<Vec<u8>>) {
    let (kind, given) = value.map(|value| with_params(&value)).unwrap_or_default();
    if kind.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.push(b'(');
    string(out, kind.as_bytes());
    out.push(b' ');
    params(out, &given);
    out.push(b')');
}

fn languages(out: &mut Vec<u8>, value: Option<Vec<u8>>) {
    let value = value.unwrap_or_default();
    let languages: Vec<_> =
        value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|language| !language.is_empty()).collect();
    match languages[..] {
        [] => out.extend_from_slice(b"NIL"),
        [one] => string(out, one),
        _ => {
            out.push(b'(');
            for (at, language) in languages.iter().enumerate() {
                if at > 0 {
                    out.push(b' ');
                }
                string(out, language);
            }
            out.push(b')');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(mail: &str, extended: bool) -> String {
        let mut out = Vec::new();
        write(&mut out, mail.as_bytes(), &Part::of(mail.as_bytes()), extended);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn structures_are_lists_without_a_blank_too_many() {
        assert_eq!(shown("\r\n", false), "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)");
        let mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: inline\r\n\r\nx\r\n--b\r\n\
            Content-Type: image/png; name=\"a.png\"\r\nContent-Disposition: attachment; filename=a.png\r\n\
            Content-Language: en, de\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n";
        assert_eq!(
            shown(mixed, true),
            "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0 NIL (\"inline\" NIL) NIL NIL)\
             (\"image\" \"png\" (\"name\" \"a.png\") NIL NIL \"base64\" 4 NIL (\"attachment\" (\"filename\" \"a.png\")) \
             (\"en\" \"de\") NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)"
        );
        let enclosed = shown("Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\nz\r\n", false);
        assert!(enclosed.starts_with("(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 17 (NIL \"y\" NIL"), "{enclosed}");
        assert!(enclosed.ends_with(" 3)"), "{enclosed}");
        // Without a boundary it is text, which every client can read.
        assert!(shown("Content-Type: multipart/mixed\r\n\r\nx", false).starts_with("(\"text\" \"plain\" "));
    }
}
