//! ENVELOPE: the main fields of a header, and addresses in their parts (RFC 3501 section 7.4.2, RFC 5322 section 3.4).

use super::mime::{Field, fields, unfolded};
use super::replies::{nstring, string};

/// Addresses of one field that are told.
const ADDRESSES: usize = 1000;

/// An address, or a mark of a group: one with a mailbox and no host begins it, one without either ends it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailAddress {
    /// The display name, as the header has it; `None` where it has none.
    pub name: Option<Vec<u8>>,
    /// A route, which is not used any more.
    pub route: Option<Vec<u8>>,
    /// Before the at sign, or the name of a group.
    pub mailbox: Option<Vec<u8>>,
    /// The domain behind the at sign.
    pub host: Option<Vec<u8>>,
}

/// Writes the envelope of a header.
pub fn write(out: &mut Vec<u8>, header: &[u8]) {
    // Gone through once: a list of a thousand messages asks for this of each.
    let fields: Vec<_> = fields(header).collect();
    let first = |name: &str| {
        let found = fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| unfolded(value))
    };
    out.push(b'(');
    nstring(out, first("date").as_deref());
    out.push(b' ');
    nstring(out, first("subject").as_deref());
    out.push(b' ');
    let begin = out.len();
    list(out, &addresses_in(fields.iter().copied(), "from"));
    let from = begin..out.len();
    for name in ["sender", "reply-to", "to", "cc", "bcc"] {
        out.push(b' ');
        let addresses = addresses_in(fields.iter().copied(), name);
        // Who sent it, and who is answered, is who wrote it if nothing else is said.
        if addresses.is_empty() && matches!(name, "sender" | "reply-to") {
            out.extend_from_within(from.clone());
        } else {
            list(out, &addresses);
        }
    }
    for name in ["in-reply-to", "message-id"] {
        out.push(b' ');
        nstring(out, first(name).as_deref());
    }
    out.push(b')');
}

fn list(out: &mut Vec<u8>, addresses: &[MailAddress]) {
    if addresses.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.push(b'(');
    for address in addresses {
        out.push(b'(');
        for (at, part) in [&address.name, &address.route, &address.mailbox, &address.host].into_iter().enumerate() {
            if at > 0 {
                out.push(b' ');
            }
            match part {
                Some(part) => string(out, part),
                None => out.extend_from_slice(b"NIL"),
            }
        }
        out.push(b')');
    }
    out.push(b')');
}

/// The addresses of all fields of this name.
pub fn addresses_of(header: &[u8], name: &str) -> Vec<MailAddress> {
    addresses_in(fields(header), name)
}

fn addresses_in<'h>(fields: impl Iterator<Item = Field<'h>>, name: &str) -> Vec<MailAddress> {
    let mut found = Vec::new();
    for (_, value) in fields.filter(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes())) {
        found.extend(addresses(&unfolded(value)));
    }
    found.truncate(ADDRESSES);
    found
}

/// A piece of a list of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(Vec<u8>),
    Quoted(Vec<u8>),
    Comment(Vec<u8>),
    Mark(u8),
    Blank,
}

fn tokens(text: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => tokens.push(Token::Quoted(enclosed(text, &mut at, b'"', None))),
            b'(' => tokens.push(Token::Comment(enclosed(text, &mut at, b')', Some(b'(')))),
            b'[' => {
                let mut literal = vec![b'['];
                literal.extend(enclosed(text, &mut at, b']', None));
                literal.push(b']');
                tokens.push(Token::Word(literal));
            }
            b'<' | b'>' | b',' | b';' | b':' | b'@' => tokens.push(Token::Mark(byte)),
            b' ' | b'\t' => tokens.push(Token::Blank),
            _ => {
                let end = text[at..]
                    .iter()
                    .position(|byte| b"\"([<>,;:@ \t".contains(byte))
                    .map_or(text.len(), |end| at + end);
                tokens.push(Token::Word(text[at - 1..end].to_vec()));
                at = end;
            }
        }
    }
    tokens
}

/// What stands up to the closing mark, with escapes resolved.
fn enclosed(text: &[u8], at: &mut usize, close: u8, open: Option<u8>) -> Vec<u8> {
    let (mut out, mut depth) = (Vec::new(), 0);
    while let Some(&byte) = text.get(*at) {
        *at += 1;
        match byte {
            b'\\' => {
                out.extend(text.get(*at));
                *at += 1;
            }
            byte if byte == close && depth == 0 => break,
            byte => {
                depth += i32::from(Some(byte) == open) - i32::from(byte == close);
                out.push(byte);
            }
        }
    }
    out
}

/// Reads a list of addresses; what cannot be read is a mailbox without a host.
pub fn addresses(text: &[u8]) -> Vec<MailAddress> {
    let mut found = Vec::new();
    let (mut begun, mut group): (Vec<Token>, bool) = (Vec::new(), false);
    let mut angle = false;
    for token in tokens(text) {
        match token {
            Token::Mark(b'<') => {
                angle = true;
                begun.push(token);
            }
            Token::Mark(b'>') => {
                angle = false;
                begun.push(token);
            }
            Token::Mark(b':') if !angle && !group => {
                let (mailbox, _) = words(&begun);
                found.push(MailAddress { mailbox: Some(mailbox), ..MailAddress::default() });
                begun.clear();
                group = true;
            }
            Token::Mark(mark @ (b',' | b';')) if !angle => {
                found.extend(one(&begun));
                begun.clear();
                if mark == b';' && std::mem::take(&mut group) {
                    found.push(MailAddress::default());
                }
            }
            token => begun.push(token),
        }
        if found.len() >= ADDRESSES {
            return found;
        }
    }
    found.extend(one(&begun));
    if group {
        found.push(MailAddress::default());
    }
    found
}

/// Words with one blank where some were, and the last comment.
fn words(tokens: &[Token]) -> (Vec<u8>, Option<Vec<u8>>) {
    let (mut out, mut comment, mut blank) = (Vec::new(), None, false);
    for token in tokens {
        let piece: &[u8] = match token {
            Token::Word(text) | Token::Quoted(text) => text,
            Token::Mark(mark) => std::slice::from_ref(mark),
            Token::Comment(text) => {
                comment = Some(text.clone());
                continue;
            }
            Token::Blank => {
                blank = true;
                continue;
            }
        };
        if std::mem::take(&mut blank) && !out.is_empty() {
            out.push(b' ');
        }
        out.extend_from_slice(piece);
    }
    (out, comment)
}

fn one(tokens: &[Token]) -> Option<MailAddress> {
    let open = tokens.iter().position(|token| *token == Token::Mark(b'<'));
    let (name, spec) = match open {
        Some(at) => {
            let (name, _) = words(&tokens[..at]);
            let close = tokens.iter().rposition(|token| *token == Token::Mark(b'>')).filter(|close| *close > at);
            (Some(name).filter(|name| !name.is_empty()), &tokens[at + 1..close.unwrap_or(tokens.len())])
        }
        None => (None, tokens),
    };
    // <@one,@two:joe@example.org>
    let colon = open.and_then(|_| spec.iter().position(|token| *token == Token::Mark(b':')));
    let (route, spec) = match colon {
        Some(at) => (Some(words(&spec[..at]).0), &spec[at + 1..]),
        None => (None, spec),
    };
    let at = spec.iter().rposition(|token| *token == Token::Mark(b'@'));
    let (local, host) = match at {
        Some(at) => (&spec[..at], Some(&spec[at + 1..])),
        None => (spec, None),
    };
    let (mailbox, comment) = words(local);
    let (host, behind) = host.map_or((None, None), |host| {
        let (host, comment) = words(host);
        (Some(host), comment)
    });
    if mailbox.is_empty() && host.is_none() && name.is_none() {
        return None;
    }
    let name = name.or(if open.is_none() { behind.or(comment) } else { None }).filter(|name| !name.is_empty());
    // Without a host it would be the begin of a group.
    let host = Some(host.filter(|host| !host.is_empty()).unwrap_or_else(|| b"MISSING_DOMAIN".to_vec()));
    Some(MailAddress { name, route, mailbox: Some(mailbox), host })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = Vec::new();
        list(&mut out, &addresses(text.as_bytes()));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn addresses_come_in_their_parts() {
        for (text, written) in [
            ("", "NIL"),
            ("ann@x.org", "((NIL NIL \"ann\" \"x.org\"))"),
            ("Ann <ann@x.org>, \"B, C\" <b@y>", "((\"Ann\" NIL \"ann\" \"x.org\")(\"B, C\" NIL \"b\" \"y\"))"),
            ("ann@x.org (Ann)", "((\"Ann\" NIL \"ann\" \"x.org\"))"),
            ("Ann  van  Dam <ann@x.org>", "((\"Ann van Dam\" NIL \"ann\" \"x.org\"))"),
            (
                "crew: a@x, b@y;, c@z",
                "((NIL NIL \"crew\" NIL)(NIL NIL \"a\" \"x\")(NIL NIL \"b\" \"y\")(NIL NIL NIL NIL)(NIL NIL \"c\" \"z\"))",
            ),
            (": ;", "((NIL NIL \"\" NIL)(NIL NIL NIL NIL))"),
            ("undisclosed-recipients:;", "((NIL NIL \"undisclosed-recipients\" NIL)(NIL NIL NIL NIL))"),
            ("<@a,@b:joe@c>", "((NIL \"@a,@b\" \"joe\" \"c\"))"),
            ("\"odd \\\"one\\\"\"@x", "((NIL NIL \"odd \\\"one\\\"\" \"x\"))"),
            ("root", "((NIL NIL \"root\" \"MISSING_DOMAIN\"))"),
            ("a@[127.0.0.1]", "((NIL NIL \"a\" \"[127.0.0.1]\"))"),
            (",,", "NIL"),
        ] {
            assert_eq!(shown(text), written, "{text}");
        }
    }

    #[test]
    fn an_envelope_has_ten_places() {
        let mut out = Vec::new();
        write(&mut out, b"From: a@x\r\nSubject: two\r\n lines\r\n\r\n");
        let from = "((NIL NIL \"a\" \"x\"))";
        let written = format!("(NIL \"two lines\" {from} {from} {from} NIL NIL NIL NIL NIL)");
        assert_eq!(String::from_utf8(out).unwrap(), written);
    }
}
