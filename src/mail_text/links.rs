//! Web addresses: which are worth their bytes, and what of them only serves to count readers.

use super::wrapped;

/// Longest address that is shown beside the text of its link.
const MAX_SHOWN: usize = 60;

/// Query parameters that serve only to follow people around.
const TRACKING: [&str; 12] = [
    "utm_", "fbclid", "gclid", "dclid", "msclkid", "mc_cid", "mc_eid", "igshid", "mkt_tok", "_hsenc", "_hsmi",
    "vero_id",
];

/// The address to show after a link's text: a web or mail address that the text does not give already.
pub fn worth_showing(href: &str, text: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let href = href.trim();
    let shown = if let Some(mail) = strip_scheme(href, "mailto:") {
        mail.split('?').next().unwrap_or_default().to_owned()
    } else if strip_scheme(href, "https://").or_else(|| strip_scheme(href, "http://")).is_some() {
        without_tracking(&wrapped::open(href).unwrap_or_else(|| href.to_owned()))
    } else {
        return None;
    };
    let sound =
        (1..=MAX_SHOWN).contains(&shown.len()) && !shown.contains(|c: char| c.is_whitespace() || c.is_control());
    (sound && !bare(text).contains(&bare(&shown))).then_some(shown)
}

/// Opens wrapped addresses and cuts tracking parameters out of every web address in a text.
pub fn clean(text: &str) -> String {
    if !text.contains("://") {
        return text.to_owned();
    }
    let is_end = |c: char| c.is_whitespace() || "<>()\"".contains(c);
    text.split_inclusive(is_end)
        .map(|word| {
            let url = word.trim_end_matches(is_end);
            let start = url.find("http").unwrap_or(0);
            let (before, url) = url.split_at(start);
            let inner = wrapped::open(url).unwrap_or_else(|| url.to_owned());
            format!("{before}{}{}", without_tracking(&inner), &word[before.len() + url.len()..])
        })
        .collect()
}

/// What a link target beside a text adds to it.
pub enum Beside {
    /// Nothing: the text says it.
    Same,
    /// The target says more: this is written behind the text.
    Other(String),
}

/// Compares the target that a program wrote behind a text with the text; `said` is its last word, `phrase` all of it.
pub fn beside(said: &str, phrase: &str, target: &str) -> Beside {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    if let Some(number) = strip_scheme(target, "tel:") {
        let same = !digits(number).is_empty() && digits(phrase).ends_with(&digits(number));
        return if same { Beside::Same } else { Beside::Other(number.to_owned()) };
    }
    let shown = match strip_scheme(target, "mailto:") {
        Some(mail) => mail.split('?').next().unwrap_or_default().to_owned(),
        None => without_tracking(&wrapped::open(target).unwrap_or_else(|| target.to_owned())),
    };
    let said = bare(said);
    let said = said.strip_prefix("mailto:").unwrap_or(&said);
    if said == bare(&shown) { Beside::Same } else { Beside::Other(shown) }
}

fn without_tracking(url: &str) -> String {
    let Some((base, query)) = url.split_once('?').filter(|(base, _)| base.contains("://")) else {
        return url.to_owned();
    };
    let (query, fragment) = match query.find('#') {
        Some(at) => query.split_at(at),
        None => (query, ""),
    };
    let is_kept = |pair: &&str| !TRACKING.iter().any(|name| pair.to_ascii_lowercase().starts_with(name));
    let kept: Vec<&str> = query.split('&').filter(is_kept).collect();
    let mark = if kept.is_empty() { "" } else { "?" };
    format!("{base}{mark}{}{fragment}", kept.join("&"))
}

fn strip_scheme<'a>(href: &'a str, scheme: &str) -> Option<&'a str> {
    let start = href.get(..scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then(|| &href[scheme.len()..])
}

/// What two spellings of one address have in common.
fn bare(address: &str) -> String {
    let lower = address.to_lowercase();
    let lower = lower.trim_start_matches("https://").trim_start_matches("http://").trim_start_matches("www.");
    lower.trim_end_matches(['/', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracking_goes_and_the_rest_stays() {
        assert_eq!(clean("see https://a.b/c?utm_source=x&id=7&utm_medium=y#z now"), "see https://a.b/c?id=7#z now");
        assert_eq!(clean("<https://a.b/?utm_source=x>"), "<https://a.b/>");
        assert_eq!(clean("why? me://"), "why? me://");
    }

    #[test]
    fn an_address_is_shown_only_where_it_says_something() {
        assert_eq!(worth_showing("https://a.b/x", "the map").as_deref(), Some("https://a.b/x"));
        assert_eq!(worth_showing("https://www.a.b/", "a.b"), None);
        assert_eq!(worth_showing("mailto:a@b.c", "a@b.c"), None);
        assert_eq!(worth_showing("javascript:alert(1)", "x"), None);
        assert_eq!(worth_showing(&format!("https://a.b/{}", "x".repeat(60)), "x"), None);
    }
}
