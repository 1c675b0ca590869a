//! The service's mails: a message from a terminal is the attachment of one, and so is a message for a terminal. Pure.

use mail_builder::MessageBuilder;
use mail_parser::{HeaderValue, MessageParser, MimeHeaders};

use crate::address::{LinkAddress, Mailbox};
use crate::clock::Time;
use crate::link::ground::calls::{Heard, Unheard, heard};
use crate::link::ground::fields::terminal;

/// What references and keys of this link begin with.
pub const NAME: &str = "sbdmail";
/// In front of the number of the terminal in the subject. Something may stand before it: a mark of who passed it on.
const SUBJECT: &str = "SBD Msg From Unit:";
/// In the subject of an answer to a message for a terminal.
const ANSWER: &str = "SBD Mobile Terminated Message";
/// Behind it stands when the session was.
const SESSION: &str = "Time of Session (UTC):";

/// Reads a mail that should be of this sender.
///
/// # Errors
/// [`Unheard`].
pub fn read(mail: &[u8], sender: &str) -> Result<Heard, Unheard> {
    let unreadable = || Unheard::Unusable("it is no mail".to_owned());
    let parsed = MessageParser::default().parse(mail).ok_or_else(unreadable)?;
    let from = parsed.from().and_then(|from| from.first()).and_then(|from| from.address()).unwrap_or_default();
    if !from.eq_ignore_ascii_case(sender) {
        return Err(Unheard::Forbidden(format!("it is a mail of {}, not of {sender}", from.escape_debug())));
    }
    let subject = parsed.subject().unwrap_or_default();
    if subject.contains(ANSWER) {
        return Ok(Heard::Nothing(format!("the service answers: {}", subject.escape_debug())));
    }
    let unusable = |why: &str| Unheard::Unusable(format!("{why} (subject: {})", subject.escape_debug()));
    let unit = subject.split_once(SUBJECT).map(|(_, rest)| rest.trim()).unwrap_or_default();
    let digits: String = unit.chars().take_while(char::is_ascii_digit).collect();
    let imei = terminal(&digits).ok_or_else(|| unusable("it names no terminal by its 15 digits"))?;
    let named = |part: &mail_parser::MessagePart| {
        let name = part.attachment_name().unwrap_or_default().to_lowercase();
        name.strip_suffix(".sbd").map(|name| (name.to_owned(), part.contents().to_vec()))
    };
    let files: Vec<_> = parsed.attachments().filter_map(named).collect();
    let [(name, payload)] = files.as_slice() else {
        return match files.is_empty() {
            true => Ok(Heard::Nothing(format!("{} looked into its mailbox, or failed to", imei.shown()))),
            false => Err(unusable("it has several attachments")),
        };
    };
    let number = name.strip_prefix(&digits).map(|rest| rest.trim_start_matches(['_', '-']));
    let number: u64 =
        number.and_then(|number| number.parse().ok()).ok_or_else(|| unusable("its file has no number"))?;
    let text = parsed.body_text(0).unwrap_or_default();
    let sent = text.lines().find_map(|line| moment(line.split_once(SESSION)?.1.trim()));
    Ok(heard(&format!("{NAME}:{digits}:{number}"), imei, payload.clone(), sent))
}

/// True for a mail that was sent to an address whose local part is this secret, or ends in `+` and the secret.
pub fn is_to(mail: &[u8], secret: &str) -> bool {
    const NAMES: [&str; 3] = ["To", "Delivered-To", "X-Original-To"];
    let Some(parsed) = MessageParser::default().parse(mail) else { return false };
    let is_ours = |address: &str| {
        let address = address.trim().trim_start_matches('<').to_lowercase();
        let local = address.rsplit_once('@').map_or(address.as_str(), |(local, _)| local);
        let secret = secret.to_lowercase();
        local == secret || local.strip_suffix(&secret).is_some_and(|before| before.ends_with('+'))
    };
    let named = |header: &&mail_parser::Header| NAMES.iter().any(|name| header.name().eq_ignore_ascii_case(name));
    parsed.headers().iter().filter(named).any(|header| match header.value() {
        HeaderValue::Address(list) => list.iter().filter_map(|one| one.address()).any(is_ours),
        HeaderValue::Text(text) => is_ours(text),
        HeaderValue::TextList(texts) => texts.iter().any(|text| is_ours(text)),
        _ => false,
    })
}

/// Reads `Mon Nov 23 10:41:50 2026`.
fn moment(text: &str) -> Option<Time> {
    let moment = jiff::civil::DateTime::strptime("%a %b %d %H:%M:%S %Y", text).ok()?;
    Some(Time::from_seconds(moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second()))
}

/// Writes the mail with a message for a terminal.
pub fn write(imei: LinkAddress, payload: &[u8], from: &Mailbox, to: &Mailbox, id: &str, at: Time) -> Vec<u8> {
    let imei = imei.to_string();
    let digits = imei.trim_start_matches("imei:");
    let built = MessageBuilder::new()
        .from(from.quoted())
        .to(to.quoted())
        .subject(digits)
        .date(at.seconds())
        .message_id(id)
        .header("Auto-Submitted", mail_builder::headers::raw::Raw::new("auto-generated"))
        .text_body("")
        .attachment("application/octet-stream", format!("{digits}.sbd"), payload);
    // Writing into memory does not fail.
    built.write_to_vec().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDER: &str = "sbdservice@sbd.iridium.com";

    fn mail(from: &str, subject: &str, file: Option<&str>) -> Vec<u8> {
        let built = MessageBuilder::new().from(from).subject(subject).text_body(
            "MOMSN: 23\r\nTime of Session (UTC): Mon Nov 23 10:41:50 2026\r\nSession Status: 00 - Transfer OK\r\n",
        );
        let built = match file {
            Some(name) => built.attachment("application/octet-stream", name.to_owned(), &b"Hi!\r\n\0"[..]),
            None => built,
        };
        built.write_to_vec().unwrap()
    }

    #[test]
    fn a_message_is_the_attachment_of_a_mail() {
        for (subject, file) in [
            ("SBD Msg From Unit: 300234010753370", "300234010753370_000023.sbd"),
            ("[SPAM?] Fwd: SBD Msg From Unit: 300234010753370", "300234010753370-000023.SBD"),
        ] {
            let Ok(Heard::Message(up)) = read(&mail(SENDER, subject, Some(file)), SENDER) else { panic!("{subject}") };
            assert_eq!(
                (up.imei.to_string().as_str(), up.payload.as_slice()),
                ("imei:300234010753370", &b"Hi!\r\n\0"[..])
            );
            assert_eq!(up.sent, Some(Time::from_seconds(1_795_430_510)));
            assert!(up.key.starts_with("sbdmail:300234010753370:23:"));
        }
    }

    #[test]
    fn what_is_none_is_told() {
        let subject = "SBD Msg From Unit: 300234010753370";
        let file = Some("300234010753370_000023.sbd");
        assert!(matches!(read(&mail("x@y.example", subject, file), SENDER), Err(Unheard::Forbidden(_))));
        assert!(matches!(read(&mail(SENDER, subject, None), SENDER), Ok(Heard::Nothing(_))));
        let answer = "SBD Mobile Terminated Message Queued for Unit: 300234010753370";
        assert!(matches!(read(&mail(SENDER, answer, None), SENDER), Ok(Heard::Nothing(_))));
        assert!(matches!(read(&mail(SENDER, "Invoice", file), SENDER), Err(Unheard::Unusable(_))));
        assert!(matches!(read(&mail(SENDER, subject, Some("a.sbd")), SENDER), Err(Unheard::Unusable(_))));
        assert!(read(b"", SENDER).is_err());
    }

    #[test]
    fn the_secret_is_looked_for_where_the_mail_was_sent_to() {
        let secret = "kJ7dn3Pq81xYwz55";
        for (head, is) in [
            ("To: kJ7dn3Pq81xYwz55@example.org", true),
            ("To: a@b.example, Boat <boat+kj7dn3pq81xywz55@example.org>", true),
            ("To: a@b.example\r\nDelivered-To: <boat+kJ7dn3Pq81xYwz55@example.org>", true),
            ("X-Original-To: boat+kJ7dn3Pq81xYwz55@example.org\r\nX-Original-To: a@b.example", true),
            ("To: boatkJ7dn3Pq81xYwz55@example.org", false),
            ("To: boat+kJ7dn3Pq81xYwz5@example.org", false),
            ("To: \"kJ7dn3Pq81xYwz55@example.org\" <boat@example.org>", false),
            ("Cc: boat@example.org", false),
        ] {
            let mail = format!("From: {SENDER}\r\n{head}\r\n\r\nx\r\n");
            assert_eq!(is_to(mail.as_bytes(), secret), is, "{head}");
        }
    }

    #[test]
    fn a_message_for_a_terminal_can_be_read_again() {
        let (from, to): (Mailbox, Mailbox) = ("a@b.example".parse().unwrap(), "data@sbd.iridium.com".parse().unwrap());
        let bytes: Vec<u8> = (0..=255).collect();
        let imei = terminal("300234010753370").unwrap();
        let mail = write(imei, &bytes, &from, &to, "1@b.example", Time::from_seconds(1_795_430_510));
        let parsed = MessageParser::default().parse(&mail).unwrap();
        assert_eq!(parsed.subject(), Some("300234010753370"));
        let files: Vec<_> = parsed.attachments().collect();
        assert_eq!((files.len(), files[0].contents()), (1, bytes.as_slice()));
        assert_eq!(files[0].attachment_name(), Some("300234010753370.sbd"));
    }
}
