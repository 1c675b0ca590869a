//! Mails that the box writes, and lines for those that it passes on: 7-bit clean but for addresses that are not, every line ended by CRLF.

use std::net::IpAddr;

use base64::Engine as _;
use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::{BodyPart, MimePart};

use crate::address::Mailbox;
use crate::clock::Time;

/// A mail with one plain text. Line ends of `text` are LF or CRLF.
#[derive(Debug, Clone)]
pub struct ComposedMail<'a> {
    /// Who wrote it; also the envelope sender.
    pub from: &'a Mailbox,
    /// A name to show beside the address.
    pub from_name: Option<&'a str>,
    /// The one recipient, in `To` and in the envelope.
    pub to: &'a Mailbox,
    /// Made one line: every run of blanks and control characters becomes one blank. Without any the mail has no subject.
    pub subject: &'a str,
    /// The body, in plain text.
    pub text: &'a str,
    /// The date of the mail: when it was written.
    pub date: Time,
    /// The same at each try, with or without angle brackets, so that a repeat is recognisable.
    pub message_id: &'a str,
    /// Message-IDs of its thread, the oldest first, with or without angle brackets; the last is the one it answers.
    pub references: &'a [String],
    /// Value of `Auto-Submitted` (RFC 3834) for what no person wrote.
    pub auto_submitted: Option<&'a str>,
}

/// Builds the mail. The header holds bytes beyond ASCII only where an address does (RFC 6532).
pub fn build(mail: &ComposedMail<'_>) -> Vec<u8> {
    let from = Address::new_address(mail.from_name.map(one_line).filter(|name| !name.is_empty()), mail.from.quoted());
    let mut built = MessageBuilder::new()
        .from(from)
        .to(mail.to.quoted())
        .date(mail.date.seconds())
        .message_id(bare_id(mail.message_id));
    let subject = one_line(mail.subject);
    if !subject.is_empty() {
        built = built.subject(subject);
    }
    let thread: Vec<String> = mail.references.iter().map(|id| bare_id(id)).filter(|id| !id.is_empty()).collect();
    if let Some(answered) = thread.last() {
        built = built.in_reply_to(answered.clone()).references(thread);
    }
    if let Some(value) = mail.auto_submitted {
        built = built.header("Auto-Submitted", raw(one_line(value)));
    }
    written(built.body(text_part(mail.text)))
}

/// A mail that somebody is still writing.
#[derive(Debug, Clone)]
pub struct DraftMail<'a> {
    /// Who writes it, as `From`.
    pub from: &'a Mailbox,
    /// Recipients as far as they were written: a name, empty for none, and an address.
    pub to: &'a [(String, String)],
    /// The subject as far as it is written; made one line.
    pub subject: &'a str,
    /// The text as far as it is written.
    pub text: &'a str,
    /// The date of the draft: when it was saved.
    pub date: Time,
    /// The same in each version of it.
    pub message_id: &'a str,
    /// Message-IDs of the thread that it continues, the oldest first.
    pub references: &'a [String],
    /// Lines of its header under this name, in printable ASCII without blanks: what no other field has a place for.
    pub more: (&'static str, &'a [String]),
}

/// Builds a draft: a mail whose recipients may be unfinished.
pub fn draft(mail: &DraftMail<'_>) -> Vec<u8> {
    let to = |(name, address): &(String, String)| {
        Address::new_address(Some(one_line(name)).filter(|name| !name.is_empty()), one_line(address))
    };
    let mut built = MessageBuilder::new()
        .from(mail.from.quoted())
        .subject(one_line(mail.subject))
        .date(mail.date.seconds())
        .message_id(bare_id(mail.message_id));
    if !mail.to.is_empty() {
        built = built.to(Address::new_list(mail.to.iter().map(to).collect()));
    }
    if let Some(answered) = mail.references.last() {
        let all: Vec<_> = mail.references.iter().map(|id| bare_id(id)).collect();
        built = built.in_reply_to(bare_id(answered)).references(all);
    }
    let (name, lines) = mail.more;
    for line in lines {
        built = built.header(name, raw(line.clone()));
    }
    written(built.body(text_part(mail.text)))
}

/// Makes a MIME part of a text; one with odd control characters is coded in base64.
pub(super) fn text_part(text: &str) -> MimePart<'static> {
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    let text = text.replace("\r\n", "\n");
    if text.contains(odd) {
        // A lone CR or a NUL is kept, but never stands as such in a mail.
        let coded = base64::engine::general_purpose::STANDARD.encode(text);
        let lines: Vec<_> = coded.as_bytes().chunks(76).map(String::from_utf8_lossy).collect();
        let body = BodyPart::Text(lines.join("\r\n").into());
        return MimePart::new("text/plain", body).transfer_encoding("base64");
    }
    MimePart::new("text/plain", text)
}

/// A header value that is written as it is.
pub(super) fn raw(value: String) -> HeaderType<'static> {
    HeaderType::Raw(Raw::new(value))
}

/// Writes the finished mail, each line ended by CR LF.
pub(super) fn written(mail: MessageBuilder<'_>) -> Vec<u8> {
    let bytes = mail.write_to_vec().expect("writing to memory does not fail");
    crlf(&bytes)
}

/// Any text as one line: runs of blanks and control characters become one blank, none at the ends.
pub fn one_line(text: &str) -> String {
    let blank = |c: char| c.is_whitespace() || c.is_control();
    text.split(blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A message id without its brackets and without anything that could break a header line.
pub fn bare_id(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_graphic() && !"<>".contains(*c)).take(250).collect()
}

/// Every line end as CRLF: lone CR and lone LF become line ends too, since a mail may hold neither (RFC 5321 section
/// 2.3.8), and a server that takes one for a line end would see commands in a text.
pub fn crlf(mail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len() + mail.len() / 32);
    let mut last = 0;
    for &byte in mail {
        match byte {
            b'\n' if last == b'\r' => {}
            b'\n' | b'\r' => out.extend_from_slice(b"\r\n"),
            _ => out.push(byte),
        }
        last = byte;
    }
    out
}

/// False for a text without any header: lines put in front of it need an empty line behind them, or the text would be
/// read as a broken header.
pub fn begins_with_header(mail: &[u8]) -> bool {
    let line = mail.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let name = line.split(|&byte| byte == b':').next().unwrap_or_default().trim_ascii_end();
    line.is_empty() || (line.contains(&b':') && !name.is_empty() && name.iter().all(u8::is_ascii_graphic))
}

/// The header line with the date of a mail.
pub fn date(at: Time) -> String {
    header("Date", &mail_builder::headers::date::Date::new(at.seconds()).to_rfc822())
}

/// A header line made of a name and any text.
pub fn header(name: &str, value: &str) -> String {
    format!("{name}: {}", one_line(value))
}

/// What a `Received` line says (RFC 5321 section 4.4).
#[derive(Debug, Clone)]
pub struct Received<'a> {
    /// What the client called itself.
    pub helo: &'a str,
    /// Where it connected from; `None` for what came in another way.
    pub ip: Option<IpAddr>,
    /// Name of this box.
    pub by: &'a str,
    /// `SMTP`, `ESMTP`, `ESMTPS`, `ESMTPSA`, `UTF8SMTP`, ... (RFC 3848, RFC 6531), or another word of ours.
    pub with: &'a str,
    /// Local part of the Message-ID that this box has for the mail.
    pub id: &'a str,
    /// The recipient, when there is only one.
    pub to: Option<&'a Mailbox>,
    /// When this box took it.
    pub at: Time,
}

/// The `Received` header line, folded, without its last line end.
pub fn received(line: &Received<'_>) -> String {
    let mut helo: String = one_line(line.helo).chars().filter(|c| !"()<>;".contains(*c)).take(255).collect();
    helo.retain(|c| c != ' ');
    if helo.is_empty() {
        helo.push_str("unknown");
    }
    let ip = match line.ip.map(|ip| ip.to_canonical()) {
        Some(IpAddr::V4(ip)) => format!(" ([{ip}])"),
        Some(IpAddr::V6(ip)) => format!(" ([IPv6:{ip}])"),
        None => String::new(),
    };
    let to = line.to.map(|to| format!("\r\n\tfor <{}>", to.quoted())).unwrap_or_default();
    let date = mail_builder::headers::date::Date::new(line.at.seconds()).to_rfc822();
    let (by, with, id) = (one_line(line.by), one_line(line.with), one_line(line.id));
    format!("Received: from {helo}{ip}\r\n\tby {by} with {with} id {id}{to};\r\n\t{date}")
}

/// A new Message-ID: random, so that it tells nothing.
pub fn message_id(domain: &str) -> String {
    let mut random = [0; 10];
    // Without random numbers the time would do as well; the kernel always has them once it has booted.
    let _ = getrandom::fill(&mut random);
    let name = crate::hex::encode(&random);
    format!("<{name}@{}>", if domain.is_empty() { "satpost.invalid" } else { domain })
}

#[cfg(test)]
mod tests;
