//! A mail as a program writes it: fields that are missing, recipients in its header.

use crate::clock::Clock;
use crate::deliver::compose::crlf;

/// A mail: its fields as lines, folded ones together, and the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    fields: Vec<Vec<u8>>,
    text: Vec<u8>,
}

/// The name of a field; `None` for what is no field.
fn name(line: &[u8]) -> Option<String> {
    let (name, _) = line.split_at(line.iter().position(|byte| *byte == b':')?);
    let plain = !name.is_empty() && name.iter().all(|byte| (33..127).contains(byte));
    plain.then(|| String::from_utf8_lossy(name).to_ascii_lowercase())
}

impl Mail {
    /// Reads it; with `dots` a line with a dot alone ends it.
    pub fn read(bytes: &[u8], dots: bool) -> Self {
        let whole = crlf(bytes);
        let end = whole.windows(5).position(|at| at == b"\r\n.\r\n").filter(|_| dots).map(|at| at + 2);
        let mut rest = match (dots, whole.as_slice()) {
            (true, [b'.', b'\r', b'\n', ..]) => &whole[..0],
            _ => &whole[..end.unwrap_or(whole.len())],
        };
        let mut fields: Vec<Vec<u8>> = Vec::new();
        while let Some(length) = rest.windows(2).position(|at| at == b"\r\n") {
            let (line, next) = (&rest[..length], &rest[length + 2..]);
            let folded = line.starts_with(b" ") || line.starts_with(b"\t");
            match fields.last_mut() {
                Some(field) if folded => {
                    field.extend_from_slice(b"\r\n");
                    field.extend_from_slice(line);
                }
                // The line before a mail in an mbox.
                None if line.starts_with(b"From ") => {}
                _ if name(line).is_some() => fields.push(line.to_vec()),
                _ => {
                    rest = if line.is_empty() { next } else { rest };
                    break;
                }
            }
            rest = next;
        }
        Self { fields, text: rest.to_vec() }
    }

    fn values(&self, wanted: &str) -> impl Iterator<Item = String> {
        let of = self.fields.iter().filter(move |field| name(field).is_some_and(|name| name == wanted));
        of.map(|field| {
            String::from_utf8_lossy(field).split_once(':').map(|(_, value)| value.to_owned()).unwrap_or_default()
        })
    }

    /// The addresses of To, Cc and Bcc.
    pub fn recipients(&self) -> Vec<String> {
        let fields = ["to", "cc", "bcc"].into_iter().flat_map(|wanted| self.values(wanted).collect::<Vec<_>>());
        fields.flat_map(|value| addresses(&value)).collect()
    }

    /// Removes the fields of a name.
    pub fn remove(&mut self, unwanted: &str) {
        self.fields.retain(|field| name(field).is_none_or(|name| name != unwanted));
    }

    /// Adds what a mail has to have and this one has not.
    pub fn complete(&mut self, from: &str, full_name: Option<&str>, domain: &str) {
        let address = if from.contains('@') { from.to_owned() } else { format!("{from}@{domain}") };
        let plain = full_name.map(|name| name.replace(['"', '\\', '\r', '\n'], ""));
        let writer = match plain {
            Some(name) => format!("From: \"{name}\" <{address}>"),
            None => format!("From: {address}"),
        };
        let date = jiff::Timestamp::from_second(Clock::system().of_system().seconds()).unwrap_or_default();
        let date = jiff::fmt::rfc2822::to_string(&date.to_zoned(jiff::tz::TimeZone::system()));
        let date = format!("Date: {}", date.unwrap_or_default());
        for (field, line) in [("from", writer), ("date", date)] {
            if self.values(field).next().is_none() {
                self.fields.insert(0, line.into_bytes());
            }
        }
    }

    /// The mail, with CRLF at the end of each line.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.fields.join(&b"\r\n"[..]);
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes.extend_from_slice(&self.text);
        bytes
    }
}

/// The addresses of a field, without names, comments and groups (RFC 5322 section 3.4).
fn addresses(value: &str) -> Vec<String> {
    let (mut found, mut one, mut inner) = (Vec::new(), String::new(), None::<String>);
    let (mut quoted, mut comment, mut escaped) = (false, 0, false);
    let mut end = |one: &mut String, inner: &mut Option<String>| {
        let address = inner.take().unwrap_or_else(|| std::mem::take(one)).trim().to_owned();
        one.clear();
        found.extend(Some(address).filter(|address| !address.is_empty()));
    };
    for c in value.chars() {
        match c {
            _ if std::mem::take(&mut escaped) => inner.as_mut().unwrap_or(&mut one).push(c),
            '\\' => escaped = true,
            '(' if !quoted => comment += 1,
            ')' if !quoted && comment > 0 => comment -= 1,
            _ if comment > 0 => {}
            '"' => quoted = !quoted,
            '<' if !quoted => inner = Some(String::new()),
            // What follows an address in brackets is no part of it.
            '>' if !quoted => one.clear(),
            ',' | ';' if !quoted => end(&mut one, &mut inner),
            // The name of a group; within brackets it is a route.
            ':' if !quoted && inner.is_none() => one.clear(),
            c if !c.is_whitespace() || quoted => inner.as_mut().unwrap_or(&mut one).push(c),
            _ => {}
        }
    }
    end(&mut one, &mut inner);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_those_of_the_header() {
        for (field, expected) in [
            ("root", &["root"][..]),
            (" Bob <bob@world.example>, anna (at home)", &["bob@world.example", "anna"]),
            ("\"Smith, Bob\" <bob@world.example>,\r\n ben@x.example", &["bob@world.example", "ben@x.example"]),
            ("crew: anna, ben@x.example;", &["anna", "ben@x.example"]),
            ("undisclosed-recipients:;", &[]),
            ("", &[]),
        ] {
            assert_eq!(addresses(field), expected, "{field}");
        }
        let mail = Mail::read(b"To: a@x.example\nbcc: b@x.example\nSubject: s\n t\n\nbody\n", false);
        assert_eq!(mail.recipients(), ["a@x.example", "b@x.example"]);
    }

    #[test]
    fn a_mail_is_completed_and_its_text_stays() {
        let mut mail = Mail::read(b"From anna Mon Nov 30\nSubject: s\nBcc: b@x.example\n\n.\n..\nend\n", false);
        mail.remove("bcc");
        mail.complete("root", Some("Cron \"Daemon\""), "box.example");
        let text = String::from_utf8(mail.bytes()).unwrap();
        assert!(text.starts_with("Date: "), "{text}");
        assert!(
            text.contains("\r\nFrom: \"Cron Daemon\" <root@box.example>\r\nSubject: s\r\n\r\n.\r\n..\r\nend\r\n"),
            "{text}"
        );
        let dotted = Mail::read(b"Subject: s\n\none\n.\ntwo\n", true);
        assert!(dotted.bytes().ends_with(b"\r\n\r\none\r\n"));
        let bare = Mail::read(b"no header at all\nmore", true);
        assert_eq!((bare.fields.len(), bare.text.as_slice()), (0, &b"no header at all\r\nmore"[..]));
        assert_eq!(Mail::read(b"", true).fields.len(), 0);
    }
}
