//! What SEARCH compares of a mail, in small letters. The search index is made of the same, so it leaves out nothing that fits.

use mail_parser::{MessageParser, MimeHeaders};

use super::envelope::{MailAddress, addresses_of};
use super::mime::{self, fields, unfolded};

/// Lines of base64 from this length on are no text; this is less than any program writes.
const CODED: usize = 60;

/// Words as they are compared: decoded, and without case.
pub fn lower(text: &[u8]) -> String {
    String::from_utf8_lossy(text).to_lowercase()
}

/// A header value with its encoded words resolved.
pub fn decoded(value: &[u8]) -> String {
    let line = [b"Subject: ", &unfolded(value)[..], b"\r\n\r\n"].concat();
    let parsed = MessageParser::new().parse_headers(&line);
    let subject = parsed.as_ref().and_then(|mail| mail.subject()).map(str::to_lowercase);
    // As it stands as well: some search for what they see, others for what is there.
    subject.unwrap_or_default() + "\n" + &lower(&unfolded(value))
}

/// A field of a header, with its name.
pub fn field(name: &[u8], value: &[u8]) -> String {
    format!("{}: {}", lower(name), decoded(value))
}

/// An address as ENVELOPE tells it.
pub fn address(address: MailAddress) -> String {
    let part = |part: Option<Vec<u8>>| part.unwrap_or_default();
    let spec = [part(address.mailbox), b"@".to_vec(), part(address.host)].concat();
    format!("{}\n{}", decoded(&part(address.name)), lower(&spec))
}

/// The text of all parts that are text, and what stands in the mail itself behind its header, without lines of base64.
pub fn text(mail: &[u8]) -> String {
    let mut text = String::new();
    if let Some(mail) = MessageParser::new().parse(mail) {
        for part in &mail.parts {
            let words = part.content_type().is_none_or(|kind| kind.ctype().eq_ignore_ascii_case("text"));
            text.extend(part.text_contents().filter(|_| words).map(str::to_lowercase));
            text.push('\n');
        }
    }
    let coded = |line: &[u8]| {
        line.len() >= CODED && line.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(byte))
    };
    let body = &mail[mime::header_end(mail)..];
    let lines: Vec<&[u8]> = body.split_inclusive(|byte| *byte == b'\n').filter(|line| !coded(line)).collect();
    text.push_str(&lower(&lines.concat()));
    text
}

/// All of it, for the index; of the header alone where the mail is not whole.
pub fn words(mail: &[u8], whole: bool) -> String {
    let header = &mail[..mime::header_end(mail)];
    let mut words = String::new();
    let mut add = |text: &str| {
        words.push_str(text);
        words.push('\n');
    };
    fields(header).for_each(|(name, value)| add(&field(name, value)));
    for name in ["from", "to", "cc", "bcc"] {
        addresses_of(header, name).into_iter().for_each(|found| add(&address(found)));
    }
    if whole {
        add(&text(mail));
    }
    words
}
