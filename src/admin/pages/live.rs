//! A page that is open follows what it shows: the parts of it that have changed, for the script of the pages.
//!
//! A part stands in its template between `<!--name-->` and `<!--/name-->`, inside an element with `data-part=name`; the
//! script puts the new one in its place. The page carries a short hash of each of its parts, and the script sends them back
//! with its question. A question whose answer can wait is kept by the server until something has changed.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::admin::response::Response;

/// Where the hashes stand in a page.
const PLACE: &str = " data-have=\"\"";
/// Elements whose words change all the time (ages and measured values): they wait for the end of the question.
const RESTLESS: [&str; 2] = ["time", "data"];
/// Bytes of each hash.
const HASH: usize = 3;

/// What has changed.
#[derive(Serialize)]
struct Changes<'a> {
    /// Hashes of all parts as they are now.
    have: String,
    /// The parts that are others, by name.
    parts: BTreeMap<&'a str, &'a str>,
}

/// Writes the hashes of its parts into a page.
pub fn marked(mut page: Response) -> Response {
    if let Ok(html) = std::str::from_utf8(&page.body)
        && html.contains(PLACE)
    {
        let marked = html.replacen(PLACE, &format!(" data-have=\"{}\"", have(&parts(html))), 1);
        page.body = marked.into_bytes();
    }
    page
}

/// Gives the parts of a page that are others than `have` says. It can wait when only ages and measured values are.
pub fn changes(page: &Response, have: &str) -> Response {
    // Pages are made of text.
    let html = std::str::from_utf8(&page.body).unwrap_or_default();
    let parts = parts(html);
    let known: BTreeMap<_, _> = have.split(',').filter_map(|entry| entry.split_once(':')).collect();
    let is_new = |name: &str, all: bool, hash: &str| {
        let known = known.get(name).copied().unwrap_or_default();
        let known = if all { known } else { known.get(..2 * HASH).unwrap_or_default() };
        known != if all { hash } else { &hash[..2 * HASH] }
    };
    let hashes: BTreeMap<_, _> = parts.iter().map(|(name, part)| (*name, hash(part))).collect();
    let changed: BTreeMap<_, _> = parts
        .iter()
        .filter(|(name, _)| is_new(name, true, &hashes[*name]))
        .map(|(name, part)| (*name, *part))
        .collect();
    let waits = !changed.keys().any(|name| is_new(name, false, &hashes[name]));
    let mut response = if changed.is_empty() {
        Response { status: 204, ..Response::text(204, "") }
    } else {
        // Strings always serialise.
        Response::json(serde_json::to_vec(&Changes { have: self::have(&parts), parts: changed }).unwrap_or_default())
    };
    response.waits = waits;
    response
}

/// The parts of a page, by name; its title is one.
fn parts(html: &str) -> BTreeMap<&str, &str> {
    let between = |from: &str, to: &str| html.split_once(from)?.1.split_once(to).map(|(part, _)| part);
    let names = html.split("<!--/").skip(1).filter_map(|rest| rest.split_once("-->")).map(|(name, _)| name);
    let parts = names.filter_map(|name| Some((name, between(&format!("<!--{name}-->"), &format!("<!--/{name}-->"))?)));
    parts.chain(between("<title>", "</title>").map(|title| ("title", title))).collect()
}

fn have(parts: &BTreeMap<&str, &str>) -> String {
    parts.iter().map(|(name, part)| format!("{name}:{}", hash(part))).collect::<Vec<_>>().join(",")
}

/// Two hashes: of the part without what changes all the time, and of all of it.
fn hash(part: &str) -> String {
    let short = |text: &str| crate::hex::encode(&Sha256::digest(text.as_bytes())[..HASH]);
    short(&RESTLESS.iter().fold(part.to_owned(), |text, element| without(&text, element))) + &short(part)
}

/// Gives a text without the elements of this name.
fn without(html: &str, element: &str) -> String {
    let (begin, end) = (format!("<{element} "), format!("</{element}>"));
    let mut pieces = html.split(&begin);
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once(&end).map_or("", |(_, after)| after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(queue: &str, heard: &str) -> Response {
        let html = format!(
            "<html data-have=\"\"><title>Otter</title><p data-part=a><!--a-->{queue}<!--/a--></p>\
             <p data-part=b><!--b-->heard <time datetime=1>{heard}</time>, <data value=1>{heard}</data> dB<!--/b--></p>"
        );
        marked(Response::html(200, html))
    }

    /// The hashes that a page carries.
    fn carried(page: &Response) -> String {
        let html = String::from_utf8(page.body.clone()).unwrap();
        html.split("data-have=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    }

    fn told(answer: &Response) -> serde_json::Value {
        serde_json::from_slice(&answer.body).unwrap()
    }

    #[test]
    fn what_has_not_changed_is_not_sent_and_waits() {
        let have = carried(&page("empty", "1 s ago"));
        let answer = changes(&page("empty", "1 s ago"), &have);
        assert_eq!((answer.status, answer.waits, answer.body.len()), (204, true, 0));
    }

    #[test]
    fn an_age_waits_for_the_end_of_the_question() {
        let have = carried(&page("empty", "1 s ago"));
        let answer = changes(&page("empty", "9 s ago"), &have);
        assert!(answer.waits);
        let parts = told(&answer)["parts"].clone();
        assert_eq!(parts.as_object().unwrap().len(), 1);
        assert!(parts["b"].as_str().unwrap().contains("9 s ago"));
    }

    #[test]
    fn what_has_changed_comes_at_once_with_the_new_hashes() {
        let have = carried(&page("empty", "1 s ago"));
        let answer = changes(&page("one waits", "1 s ago"), &have);
        assert_eq!((answer.status, answer.waits), (200, false));
        assert_eq!(told(&answer)["parts"], serde_json::json!({ "a": "one waits" }));
        assert_eq!(told(&answer)["have"], carried(&page("one waits", "1 s ago")));
        // Whatever a browser says that it has.
        for odd in ["", "a", "a:", "a:\u{e9}\u{e9}", ",,:", "zz:00"] {
            assert_eq!(told(&changes(&page("x", "y"), odd))["parts"].as_object().unwrap().len(), 3, "{odd}");
        }
    }
}
