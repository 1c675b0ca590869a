//! Web addresses that a mail filter wrapped into its own, to look at each click: the address inside is what was meant.

use super::transfer;

/// Wrappers inside wrappers that are opened.
const MAX_LAYERS: usize = 4;

/// How a filter writes the address that it wraps.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// In one of these parameters, percent-encoded.
    Parameter(&'static [&'static str]),
    /// In the parameter `u` with `-` for `%` and `_` for `/` (Proofpoint, second version).
    Dashed,
    /// Between `__` and `__;` (Proofpoint, third version), or between `___` and `___` (Avanan).
    Underscored,
    /// A part of the path, percent-encoded.
    Path,
    /// The rest of the path, as it is.
    Plain,
    /// In the parameter `u`, as base64.
    Base64,
}

/// Hosts of filters, by the end of their name (or by its start, if that ends with a point), with a part of the path where
/// the host serves other things too.
const FILTERS: [(&str, &str, Form); 35] = [
    ("awstrack.me", "/L0/", Form::Path),
    ("safelinks.protection.outlook.com", "", Form::Parameter(&["url"])),
    ("safelinks.protection.office365.us", "", Form::Parameter(&["url"])),
    ("safelink.emails.azure.net", "/redirect", Form::Parameter(&["destination"])),
    ("outlook.office.com", "/safelink", Form::Parameter(&["url"])),
    ("outlook.office365.com", "/safelink", Form::Parameter(&["url"])),
    ("antiphishing.vadesecure.com", "", Form::Parameter(&["u"])),
    ("scanmail.trustwave.com", "", Form::Parameter(&["u"])),
    ("menlosecurity.com", "/http", Form::Plain),
    ("clicktime.cloud.postoffice.net", "", Form::Parameter(&["u"])),
    ("mailtrack.io", "/trace/link/", Form::Parameter(&["url"])),
    ("youtube.com", "/redirect", Form::Parameter(&["q"])),
    ("vk.com", "/away.php", Form::Parameter(&["to"])),
    ("statics.teams.cdn.office.net", "safelinks", Form::Parameter(&["url"])),
    ("urldefense.proofpoint.com", "/v1/", Form::Parameter(&["u"])),
    ("urldefense.proofpoint.com", "/v2/", Form::Dashed),
    ("urldefense.", "/v2/", Form::Dashed),
    ("urldefense.", "/v3/", Form::Underscored),
    ("url.avanan.click", "", Form::Underscored),
    ("checkpoint.url-protection.com", "", Form::Underscored),
    ("protect.checkpoint.com", "", Form::Underscored),
    ("linkprotect.cudasvc.com", "", Form::Parameter(&["a", "url"])),
    ("google.com", "/url", Form::Parameter(&["q", "url"])),
    ("fireeye.com", "/url", Form::Parameter(&["u", "url"])),
    ("clicktime.symantec.com", "", Form::Parameter(&["u", "url"])),
    ("trendmicro.com", "/wis/clicktime/", Form::Parameter(&["url"])),
    ("secure-web.cisco.com", "", Form::Path),
    ("protection.sophos.com", "", Form::Base64),
    ("link.edgepilot.com", "", Form::Parameter(&["u"])),
    ("urlsand.esvalabs.com", "", Form::Parameter(&["u"])),
    ("l.facebook.com", "/l.php", Form::Parameter(&["u"])),
    ("slack-redir.net", "", Form::Parameter(&["url"])),
    ("linkedin.com", "/redir/redirect", Form::Parameter(&["url"])),
    ("deref-mail.com", "", Form::Parameter(&["redirecturl"])),
    ("deref-gmx.net", "", Form::Parameter(&["redirecturl"])),
];

/// The address inside, if the outer one is a filter's; a wrapper whose inside cannot be read stays as it is.
pub fn open(url: &str) -> Option<String> {
    let mut inner = open_one(url)?;
    for _ in 1..MAX_LAYERS {
        match open_one(&inner) {
            Some(next) => inner = next,
            None => break,
        }
    }
    Some(inner)
}

fn open_one(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let is_host = |part: &str| match part.ends_with('.') {
        true => host.starts_with(part),
        false => host.strip_suffix(part).is_some_and(|start| start.is_empty() || start.ends_with(['.', '-'])),
    };
    let form = FILTERS.iter().find(|(end, part, _)| is_host(end) && path.contains(part)).map(|(_, _, form)| *form)?;
    let inner = match form {
        Form::Parameter(names) => names.iter().find_map(|name| parameter(path, name)).map(|value| percent(&value, '%')),
        Form::Dashed => parameter(path, "u").map(|value| percent(&value.replace('_', "/"), '-')),
        Form::Underscored => underscored(path),
        Form::Path => {
            let parts = path.split('/').rev().map(|part| percent(part.split('?').next().unwrap_or(part), '%'));
            parts.filter(|part| part.starts_with("http")).take(1).next()
        }
        Form::Plain => path.find("/http").map(|at| path[at + 1..].to_owned()),
        Form::Base64 => parameter(path, "u")
            .map(|value| String::from_utf8_lossy(&transfer::base64(percent(&value, '%').as_bytes())).into_owned()),
    }?;
    let sound = ["http://", "https://", "mailto:", "ftp://"].iter().any(|start| inner.starts_with(start))
        && !inner.contains(|c: char| c.is_whitespace() || c.is_control() || c == char::REPLACEMENT_CHARACTER);
    sound.then_some(inner)
}

fn parameter(path: &str, name: &str) -> Option<String> {
    let (_, query) = path.split_once('?')?;
    let pairs = query.split(['&', ';']).map(|pair| pair.strip_prefix("amp;").unwrap_or(pair));
    let mut found = pairs.filter_map(|pair| pair.split_once('=')).filter(|(key, _)| key.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.to_owned())
}

/// Between the marks; in the third version `*` stands for characters that follow as base64 behind the `;`, and `**x` for
/// several of them.
fn underscored(path: &str) -> Option<String> {
    let (_, rest) = path.split_once("__")?;
    let rest = rest.trim_start_matches('_');
    let (inner, tail) = rest.split_once("__;").or_else(|| rest.split_once("___"))?;
    let held = tail.split("!!").next().unwrap_or_default();
    let held = String::from_utf8(transfer::base64(held.replace('-', "+").replace('_', "/").as_bytes())).ok()?;
    let mut held = held.chars();
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                let run = chars.next().and_then(run_length).unwrap_or(2);
                out.extend(held.by_ref().take(run));
            }
            '*' => out.push(held.next().unwrap_or('*')),
            c => out.push(c),
        }
    }
    // One slash of the scheme may have been lost.
    let broken = out.split_once(":/").filter(|(_, rest)| !rest.starts_with('/'));
    Some(broken.map_or(out.clone(), |(scheme, rest)| format!("{scheme}://{rest}")))
}

/// `A` is two, `B` three, and so on through the alphabet of base64.
fn run_length(c: char) -> Option<usize> {
    let alphabet = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']);
    alphabet.zip(2..).find(|(own, _)| *own == c).map(|(_, length)| length)
}

/// Decodes `%41`, or the same with another mark.
fn percent(text: &str, mark: char) -> String {
    let text = text.replace(mark, "%");
    percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_opened_and_others_are_left() {
        for (outer, inner) in [
            (
                "https://eur02.safelinks.protection.outlook.com/?url=https%3A%2F%2Fa.b%2Fc%3Fd%3D1&data=05",
                "https://a.b/c?d=1",
            ),
            ("https://urldefense.proofpoint.com/v2/url?u=https-3A__a.b_c-2Dd-5Fe&d=Dw&e=", "https://a.b/c-d_e"),
            ("https://urldefense.com/v3/__https://a.b/c__;!!Ab!Cd$", "https://a.b/c"),
            ("https://urldefense.com/v3/__https:/a.b/c*d__;Iw!!Ab!Cd$", "https://a.b/c#d"),
            ("https://urldefense.eu/v3/__https://a.b/c__;!!Ab!Cd$", "https://a.b/c"),
            ("https://url.avanan.click/v2/r01/___https://a.b/c___.Yz", "https://a.b/c"),
            ("https://www.google.com/url?q=https://a.b/c&sa=D", "https://a.b/c"),
            ("https://safe.menlosecurity.com/https://a.b/c?d=1", "https://a.b/c?d=1"),
            ("https://antiphishing.vadesecure.com/v4?f=x&u=https%3A%2F%2Fa.b%2Fc", "https://a.b/c"),
            ("https://secure-web.cisco.com/1xYz/https%3A%2F%2Fa.b%2Fc", "https://a.b/c"),
            ("https://us.protection.sophos.com/?d=a.b&u=aHR0cHM6Ly9hLmIvYw==&i=x", "https://a.b/c"),
            (
                "https://urldefense.com/v3/__https://x.safelinks.protection.outlook.com/?url=https*3A*2F*2Fa.b*2Fc&d__;JSUlJQ!!A$",
                "https://a.b/c",
            ),
        ] {
            assert_eq!(open(outer).as_deref(), Some(inner), "{outer}");
        }
        for other in
            ["https://a.b/?url=https://c.d", "https://www.google.com/maps?q=1", "https://urldefense.com/v3/x", "x"]
        {
            assert_eq!(open(other), None, "{other}");
        }
    }
}
