//! Paths in MAIL and RCPT as the parser wants them: it knows no address literals, wants quotes around dots at odd places, and
//! brackets and a domain, which old devices leave out. It takes quotes off, which an address with a blank needs.

use std::borrow::Cow;

use smtp_proto::{MailFrom, RcptTo, Request};

use crate::address::{check_domain, is_dot_string};

/// What stands for an address literal while the line is parsed: nobody can have it.
const STAND_IN: &str = "literal.invalid";

/// A line as the parser wants it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mended {
    pub(super) line: String,
    /// The address literal for which a name stands in it, with its brackets.
    pub(super) literal: Option<String>,
}

/// A MAIL or RCPT line, mended; `None` for any other line, and where something is missing and the network is not trusted.
pub(super) fn mended(line: &str, trusted: bool) -> Option<Mended> {
    let (command, rest) = line.split_once(':')?;
    if !["mail from", "rcpt to"].contains(&command.trim_end().to_ascii_lowercase().as_str()) {
        return None;
    }
    let rest = rest.trim();
    let (address, parameters) = match rest.strip_prefix('<') {
        Some(inner) => inner.split_once('>')?,
        None if trusted => rest.split_once(' ').unwrap_or((rest, "")),
        None => return None,
    };
    if address.is_empty() || address.contains(['<', '>']) {
        return None;
    }
    let (local, domain) = match address.rsplit_once('@') {
        Some(halves) => halves,
        // A name alone is of this machine, as programs and devices around it mean it.
        None if trusted && !address.eq_ignore_ascii_case("postmaster") => (address, "localhost"),
        None => return Some(Mended { line: format!("{command}:<{address}> {parameters}"), literal: None }),
    };
    let literal = Some(domain).filter(|domain| domain.starts_with('[') && check_domain(domain).is_ok());
    if address.contains('"') && literal.is_none() {
        return None;
    }
    let domain = if literal.is_some() { STAND_IN } else { domain };
    let quote = if is_dot_string(local) || local.contains('"') { "" } else { "\"" };
    let line = format!("{command}:<{quote}{local}{quote}@{domain}> {parameters}");
    Some(Mended { line, literal: literal.map(str::to_owned) })
}

/// The command with the literal in its place again, and the quotes around a name with a blank.
pub(super) fn as_written<'r>(request: Request<Cow<'r, str>>, literal: Option<&str>) -> Request<Cow<'r, str>> {
    let whole = |address: &str| {
        let Some((local, domain)) = address.rsplit_once('@') else { return Cow::Owned(address.to_owned()) };
        let domain = literal.filter(|_| domain == STAND_IN).unwrap_or(domain);
        let quote = if local.contains(' ') { "\"" } else { "" };
        Cow::Owned(format!("{quote}{local}{quote}@{domain}"))
    };
    match request {
        Request::Mail { from } => Request::Mail { from: MailFrom { address: whole(&from.address), ..from } },
        Request::Rcpt { to } => Request::Rcpt { to: RcptTo { address: whole(&to.address), ..to } },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_what_the_parser_reads() {
        for (line, trusted, mended_line, literal) in [
            ("MAIL FROM:<a@x.org> SIZE=1", false, "MAIL FROM:<a@x.org>  SIZE=1", None),
            ("RCPT TO:<a..b@x.org>", false, "RCPT TO:<\"a..b\"@x.org> ", None),
            ("RCPT TO:<a@[192.0.2.1]>", false, "RCPT TO:<a@literal.invalid> ", Some("[192.0.2.1]")),
            ("mail from:<a@[IPv6:2001:db8::1]>", false, "mail from:<a@literal.invalid> ", Some("[IPv6:2001:db8::1]")),
            ("MAIL FROM:cam@cam.local", true, "MAIL FROM:<cam@cam.local> ", None),
            ("RCPT TO:<root>", true, "RCPT TO:<root@localhost> ", None),
            ("RCPT TO:<root>", false, "RCPT TO:<root> ", None),
            ("RCPT TO:<Postmaster>", true, "RCPT TO:<Postmaster> ", None),
            ("RCPT TO:<\"a b\"@[192.0.2.1]>", false, "RCPT TO:<\"a b\"@literal.invalid> ", Some("[192.0.2.1]")),
        ] {
            let found = mended(line, trusted).unwrap();
            assert_eq!((found.line.as_str(), found.literal.as_deref()), (mended_line, literal), "{line}");
        }
        for line in ["MAIL FROM:cam@cam.local", "MAIL FROM:<>", "RCPT TO:<\"a b\"@x.org>", "NOOP", "MAIL FROM:<a@x"] {
            assert_eq!(mended(line, false), None, "{line}");
        }
        assert_eq!(mended("RCPT TO:<a@[nonsense]>", false).unwrap().literal, None);
    }
}
