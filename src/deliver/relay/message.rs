//! One message as this relay can take it: addresses, parameters of MAIL, and the text.

use super::extensions::Extensions;
use super::seven_bit;
use crate::address::{Address, Mailbox, idn};
use crate::deliver::compose::crlf;
use crate::fault::Fault;

/// What goes over the wire.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    /// Sender; empty for the null sender.
    pub(super) from: String,
    /// Address of the one recipient, for RCPT.
    pub(super) to: String,
    /// Parameters of MAIL, each with a blank in front.
    pub(super) options: String,
    /// The whole text, each line ended by CRLF, dots as they are.
    pub(super) text: Vec<u8>,
}

/// Fits a message to what the relay offers.
///
/// # Errors
/// `Permanent`, with the reason, when it cannot go there whatever we do: too large, or beyond ASCII where nothing can
/// be converted.
pub(super) fn prepare(
    relay: &str,
    offers: &Extensions,
    from: &Address,
    to: &Mailbox,
    mail: &[u8],
) -> Result<Envelope, Fault> {
    let bare = match from {
        Address::Nobody => String::new(),
        Address::Mail(mailbox) => mailbox.quoted(),
        other => return Err(Fault::permanent(format!("{other} cannot be the sender of a mail"))),
    };
    let mut envelope = Envelope { from: bare, to: to.quoted(), options: String::new(), text: ended(crlf(mail)) };
    let utf8 = !envelope.from.is_ascii() || !envelope.to.is_ascii();
    if utf8 && !offers.utf8 {
        envelope.to = in_ascii(relay, to)?;
        if let Some(from) = from.mailbox() {
            envelope.from = in_ascii(relay, from)?;
        }
    }
    if let Some(text) = seven_bit::fitted(&envelope.text, offers.eight_bit, offers.utf8)
        .map_err(|why| Fault::permanent(format!("{relay} takes 7-bit mail only, and {why}")))?
    {
        envelope.text = text;
    }
    if offers.size {
        envelope.options.push_str(&format!(" SIZE={}", envelope.text.len()));
    }
    if let Some(limit) = offers.max_size.filter(|limit| envelope.text.len() as u64 > *limit) {
        let size = envelope.text.len();
        return Err(Fault::permanent(format!("{relay} takes at most {limit} bytes, and this message has {size}")));
    }
    if offers.eight_bit && !envelope.text.is_ascii() {
        envelope.options.push_str(" BODY=8BITMIME");
    }
    if utf8 && offers.utf8 {
        envelope.options.push_str(" SMTPUTF8");
    }
    Ok(envelope)
}

/// The address with its domain in ASCII.
fn in_ascii(relay: &str, mailbox: &Mailbox) -> Result<String, Fault> {
    let domain = idn::to_ascii(mailbox.domain()).map_err(Fault::permanent)?;
    if mailbox.local().is_ascii() {
        return Ok(mailbox.quoted_at(&domain));
    }
    let name = mailbox.local();
    Err(Fault::permanent(format!(
        "{relay} takes no addresses with letters beyond ASCII before the @, as in {name} (no SMTPUTF8)"
    )))
}

fn ended(mut text: Vec<u8>) -> Vec<u8> {
    if !text.is_empty() && !text.ends_with(b"\r\n") {
        text.extend_from_slice(b"\r\n");
    }
    text
}

/// The text as DATA wants it (RFC 5321 section 4.5.2): a dot in front of each line that begins with one, and the final
/// dot.
pub(super) fn stuffed(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 64 + 3);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(offers: Extensions, from: &str, to: &str, mail: &str) -> Result<Envelope, Fault> {
        prepare("relay r:25", &offers, &from.parse().unwrap(), &to.parse().unwrap(), mail.as_bytes())
    }

    fn all() -> Extensions {
        Extensions { eight_bit: true, utf8: true, size: true, max_size: Some(30), ..Extensions::default() }
    }

    #[test]
    fn parameters_are_said_only_where_they_are_offered() {
        let options = |offers, to: &str, mail: &str| ready(offers, "a@x.org", to, mail).unwrap().options;
        assert_eq!(options(all(), "b@x.org", "S: x\n\nü\n"), " SIZE=12 BODY=8BITMIME");
        assert_eq!(options(all(), "é@x.org", "S: x\n\nu\n"), " SIZE=11 SMTPUTF8");
        assert_eq!(options(Extensions::default(), "b@x.org", "S: x\n\nü\n"), "");
        assert_eq!(options(Extensions { max_size: None, ..all() }, "b@x.org", &"x".repeat(100)), " SIZE=102");
    }

    #[test]
    fn what_is_too_large_is_said_with_both_sizes() {
        let fault = ready(all(), "a@x.org", "b@x.org", &"x".repeat(29)).unwrap_err();
        assert!(
            matches!(&fault, Fault::Permanent(why) if why.to_string().contains("at most 30 bytes, and this message has 31"))
        );
        assert!(ready(all(), "a@x.org", "b@x.org", &"x".repeat(28)).is_ok());
    }

    #[test]
    fn domains_become_ascii_where_they_have_to() {
        let envelope = ready(Extensions::default(), "a@müll.example", "b@bücher.example", "S: x\n\nx").unwrap();
        assert_eq!(
            (envelope.from.as_str(), envelope.to.as_str()),
            ("a@xn--mll-hoa.example", "b@xn--bcher-kva.example")
        );
        let envelope = ready(all(), "a@müll.example", "b@x.org", "S: x\n\nx").unwrap();
        assert_eq!((envelope.from.as_str(), envelope.options.as_str()), ("a@müll.example", " SIZE=11 SMTPUTF8"));
        assert_eq!(ready(Extensions::default(), "<>", "b@x.org", "").unwrap().from, "");
        for (from, to) in [("é@x.org", "b@x.org"), ("a@x.org", "é@x.org")] {
            let fault = ready(Extensions::default(), from, to, "S: x\n\nx").unwrap_err();
            assert!(matches!(&fault, Fault::Permanent(why) if why.to_string().contains("SMTPUTF8")), "{fault}");
        }
    }

    #[test]
    fn dots_are_stuffed_and_the_end_is_one() {
        let wire = |mail: &str| String::from_utf8(stuffed(&ended(crlf(mail.as_bytes())))).unwrap();
        assert_eq!(wire(".\n..a\nb."), "..\r\n...a\r\nb.\r\n.\r\n");
        assert_eq!(wire("a\r\n"), "a\r\n.\r\n");
        assert_eq!(wire(""), ".\r\n");
        assert_eq!(wire("a\rb\n.\r\n"), "a\r\nb\r\n..\r\n.\r\n");
    }
}
