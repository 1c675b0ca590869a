//! Notices to senders: a message could not be delivered, takes long, is held, or, where they asked for it, has arrived
//! (RFC 3461, RFC 3464, RFC 3834).
//!
//! A notice has the null envelope sender and says `Auto-Submitted: auto-replied`; there is never one about a notice.

use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address as Header;
use mail_builder::headers::content_type::ContentType;
use mail_builder::mime::{BodyPart, MimePart};

use super::compose::{self, ComposedMail, bare_id, one_line, raw, text_part};
use crate::address::{Address, Mailbox};
use crate::clock::Time;
use crate::message::words::for_notice;
use crate::message::{Message, Origin, Reason};

/// At most so much of the original's header goes back, in bytes.
const MOST_HEADER: usize = 16 * 1024;

/// A larger original does not go back whole, in bytes: a notice lies in the store itself.
const MOST_RETURNED: usize = 48 * 1024;

/// What happened to the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It cannot be delivered.
    Failed,
    /// Its time ran out.
    Expired,
    /// Its time ran out, and it may have arrived: nobody knows.
    Unconfirmed,
    /// It has not arrived yet and will be tried again until its deadline.
    Delayed,
    /// The rules of the box do not let it go on.
    NotCarried,
    /// It waits for the owner's decision.
    Held,
    /// It has arrived, and its sender asked to be told.
    Delivered,
    /// It went to where nothing more will be known of it.
    Relayed,
}

/// What a notice to a sender is made of.
#[derive(Debug, Clone)]
pub struct Notice<'a> {
    /// What became of the message.
    pub kind: Kind,
    /// The message that it is about.
    pub about: &'a Message,
    /// Why; the last answer of the relay if there was one.
    pub why: &'a Reason,
    /// The mail as it came in, or its beginning; `None` when there was none.
    pub original: Option<&'a [u8]>,
    /// Who is told: the envelope sender.
    pub to: &'a Mailbox,
    /// Mail domain of this box.
    pub domain: &'a str,
    /// The date of the notice.
    pub now: Time,
    /// Message-ID of the notice, the same at each try.
    pub message_id: &'a str,
}

/// True when the sender of this message wants to be told this about it (RFC 3461 section 4.1).
pub fn is_wanted(message: &Message, kind: Kind) -> bool {
    let events = message.reporting.events();
    match kind {
        Kind::Failed | Kind::Expired | Kind::Unconfirmed | Kind::NotCarried => events.failure,
        Kind::Delayed | Kind::Held => events.delay,
        Kind::Delivered | Kind::Relayed => events.success,
    }
}

/// True when the sender of this message may be told about it: a person wrote it, and it can be answered.
pub fn may_notify(message: &Message) -> bool {
    let machine = |from: &Mailbox| from.local().eq_ignore_ascii_case("mailer-daemon");
    message.origin != Origin::Notice
        && message.about.is_none()
        && message.automatic.is_none()
        && !message.return_path().is_nobody()
        && !message.return_path().mailbox().is_some_and(machine)
}

/// Gives the subject of a notice of this kind.
pub fn subject(kind: Kind) -> &'static str {
    match kind {
        Kind::Failed => "Your message could not be delivered",
        Kind::Expired => "Your message did not arrive in time",
        Kind::Unconfirmed => "It is not known whether your message arrived",
        Kind::NotCarried => "Your message was not carried",
        Kind::Delayed => "Your message is delayed",
        Kind::Held => "Your message is waiting for a decision",
        Kind::Delivered => "Your message was delivered",
        Kind::Relayed => "Your message was passed on",
    }
}

/// What a notice says in plain words; all that a device or a mailbox page needs of it.
pub fn words(notice: &Notice<'_>) -> String {
    let (to, accepted, deadline) = (&notice.about.to, day(notice.about.accepted), day(notice.about.deadline));
    let why = one_line(&for_notice(notice.about, notice.why));
    let fate = match notice.kind {
        Kind::Failed => format!("could not be delivered and will not be tried again:\n\n    {why}"),
        Kind::Expired => format!("did not arrive in time and was given up. What stood in the way last:\n\n    {why}"),
        Kind::Unconfirmed => format!(
            "may have arrived, and nobody has said so:\n\n    {why}\n\nThis box does not send it again by itself. Ask the \
             recipient, or send it again if it matters."
        ),
        Kind::NotCarried => format!("is not carried:\n\n    {why}"),
        Kind::Delayed => format!(
            "has not arrived yet:\n\n    {why}\n\nThis box goes on trying until {deadline}. You need not send it again."
        ),
        Kind::Held => format!(
            "is here and waits for a decision:\n\n    {why}\n\nIt is given up on {deadline}. You need not send it again."
        ),
        Kind::Delivered => format!("has arrived:\n\n    {why}"),
        Kind::Relayed => format!("was passed on to where no more reports come from:\n\n    {why}"),
    };
    let subject = one_line(&notice.about.subject);
    let named = if subject.is_empty() { String::new() } else { format!("\n\nIts subject is: {subject}") };
    format!("Your message to {to}, taken on {accepted}, {fate}{named}\n")
}

/// Builds the notice as a mail. Its envelope sender is [`Address::Nobody`].
pub fn mail(notice: &Notice<'_>) -> Vec<u8> {
    let report = ContentType::new("multipart/report").attribute("report-type", "delivery-status");
    let status = MimePart::new("message/delivery-status", BodyPart::Binary(machine_part(notice).into_bytes().into()));
    let parts = vec![text_part(&words(notice)), status.transfer_encoding("7bit"), returned(notice)];
    let mut mail = MessageBuilder::new()
        .from(Header::new_address(Some("Mail delivery"), format!("MAILER-DAEMON@{}", notice.domain)))
        .to(notice.to.to_string())
        .subject(subject(notice.kind))
        .date(notice.now.seconds())
        .message_id(bare_id(notice.message_id))
        .header("Auto-Submitted", raw("auto-replied".to_owned()));
    if let Some(id) = notice.about.message_id.as_deref().map(bare_id).filter(|id| !id.is_empty()) {
        mail = mail.in_reply_to(id.clone()).references(id);
    }
    compose::written(mail.body(MimePart::new(report, parts)))
}

fn machine_part(notice: &Notice<'_>) -> String {
    let (action, status) = match notice.kind {
        Kind::Failed => ("failed", notice.why.status().unwrap_or("5.0.0")),
        Kind::Expired => ("failed", "4.4.7"),
        // It went on to where no report comes from (RFC 3464 section 2.3.3, RFC 3463 X.1.9), as far as is known.
        Kind::Unconfirmed => ("relayed", "2.1.9"),
        Kind::NotCarried => ("failed", "5.7.1"),
        Kind::Delayed => ("delayed", "4.0.0"),
        Kind::Held => ("delayed", "4.7.0"),
        Kind::Delivered => ("delivered", "2.0.0"),
        Kind::Relayed => ("relayed", "2.0.0"),
    };
    // What the rules of the box are is nothing for a stranger.
    let why = if matches!(notice.kind, Kind::Held | Kind::NotCarried) {
        for_notice(notice.about, notice.why)
    } else {
        notice.why.to_string()
    };
    let reporting = &notice.about.reporting;
    let mut lines = Vec::new();
    lines.extend(reporting.envelope_id.as_ref().map(|name| format!("Original-Envelope-Id: {}", ascii(name))));
    lines.extend([
        format!("Reporting-MTA: dns; {}", ascii(notice.domain)),
        format!("Arrival-Date: {}", date(notice.about.accepted)),
        String::new(),
    ]);
    lines.extend(reporting.original_recipient.as_ref().map(|address| {
        // Beyond ASCII it came as RFC 6533 writes it.
        let kind = if address.contains("\\x{") { "utf-8" } else { "rfc822" };
        format!("Original-Recipient: {kind}; {}", ascii(address))
    }));
    lines.extend([
        format!("Final-Recipient: {}", recipient(&notice.about.to)),
        format!("Action: {action}"),
        format!("Status: {status}"),
        format!("Diagnostic-Code: x-satpost; {}", ascii(&one_line(&why))),
        format!("Last-Attempt-Date: {}", date(notice.now)),
    ]);
    if action == "delayed" {
        lines.push(format!("Will-Retry-Until: {}", date(notice.about.deadline)));
    }
    lines.join("\r\n") + "\r\n"
}

/// Address type and address (RFC 3464 section 2.3.2, RFC 6533 section 3).
fn recipient(to: &Address) -> String {
    match to {
        Address::Device(_) => format!("x-satpost-device; {to}"),
        Address::Phone(phone) => format!("x-satpost-phone; {phone}"),
        Address::Mail(mailbox) => {
            let text = mailbox.to_string();
            if text.is_ascii() { format!("rfc822; {text}") } else { format!("utf-8; {}", ascii(&text)) }
        }
        Address::Nobody => "rfc822; <>".to_owned(),
    }
}

/// Characters beyond ASCII as `\x{E9}` (RFC 6533 section 3), and no line longer than a mail may have.
fn ascii(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if out.len() > 800 {
            break;
        }
        match c {
            ' '..='~' => out.push(c),
            _ => out.push_str(&format!("\\x{{{:X}}}", u32::from(c))),
        }
    }
    out
}

/// Writes a time for people, in UTC.
fn day(at: Time) -> String {
    match jiff::Timestamp::from_second(at.seconds()) {
        Ok(stamp) => stamp.strftime("%-d %B %Y, %H:%M UTC").to_string(),
        Err(_) => at.to_string(),
    }
}

fn date(at: Time) -> String {
    mail_builder::headers::date::Date::new(at.seconds()).to_rfc822()
}

/// The original in a report of failure, where the client wants it and it is small and needs no coding; else its header.
fn returned(notice: &Notice<'_>) -> MimePart<'static> {
    let failed = matches!(notice.kind, Kind::Failed | Kind::Expired);
    let whole = notice.original.filter(|mail| failed && notice.about.reporting.full && mail.len() <= MOST_RETURNED);
    match whole.map(compose::crlf).filter(|mail| mail.is_ascii()) {
        Some(mail) => MimePart::new("message/rfc822", BodyPart::Binary(mail.into())).transfer_encoding("7bit"),
        None => MimePart::new("text/rfc822-headers", BodyPart::Binary(original_header(notice).into())),
    }
}

/// The header of the original, or what it would have been.
fn original_header(notice: &Notice<'_>) -> Vec<u8> {
    match notice.original {
        Some(mail) => header_of(mail),
        None => header_of(&stand_in(notice)),
    }
}

fn header_of(mail: &[u8]) -> Vec<u8> {
    let mail = compose::crlf(&mail[..mail.len().min(MOST_HEADER)]);
    let end = mail.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 2);
    let last_whole = || mail.windows(2).rposition(|two| two == b"\r\n").map(|at| at + 2);
    mail[..end.or_else(last_whole).unwrap_or(0)].to_vec()
}

fn stand_in(notice: &Notice<'_>) -> Vec<u8> {
    let about = notice.about;
    let (Some(from), Some(to)) = (about.from.mailbox(), about.to.mailbox()) else {
        let mail = MessageBuilder::new()
            .header("X-From", HeaderType::Text(about.from.to_string().into()))
            .header("X-To", HeaderType::Text(about.to.to_string().into()))
            .subject(one_line(&about.subject))
            .date(about.accepted.seconds())
            .message_id(bare_id(about.message_id.as_deref().unwrap_or(notice.message_id)));
        return compose::written(mail.text_body(""));
    };
    compose::build(&ComposedMail {
        from,
        from_name: None,
        to,
        subject: &about.subject,
        text: "",
        date: about.accepted,
        message_id: about.message_id.as_deref().unwrap_or(notice.message_id),
        references: &about.references,
        auto_submitted: None,
    })
}

#[cfg(test)]
mod tests;
