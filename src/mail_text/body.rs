//! Which parts of a mail a person would read, and in what order.

use std::collections::HashSet;

use super::context::Context;
use super::decode;
use super::mime::{Kind, Part, Tree};
use super::output::Output;
use super::subject;
use super::{armor, artifacts, beside, clean, flowed, html, marks, tags, words};
use crate::message::CutNote;

/// A plain part of at most this many bytes may be a mere hint at the HTML part.
const MAX_HINT: usize = 400;
/// Fewest different words of an HTML part that outweigh a plain part.
const MIN_WORDS: usize = 3;
/// Bytes of each form that are compared.
const MAX_COMPARED: usize = 64 * 1024;

/// Puts part `index` of the mail on the out.
pub fn show(tree: &Tree<'_>, index: usize, out: &mut Output) {
    let part = &tree.parts[index];
    match part.kind {
        Kind::Message => show_mail(tree, index, out),
        Kind::Leaf => show_leaf(part, index == 0, out),
        Kind::Multipart => match part.typed.value.as_str() {
            "multipart/alternative" => show_best(tree, index, out),
            "multipart/related" => show_related(tree, index, out),
            "multipart/encrypted" => out.notice("[encrypted mail (PGP), cannot be read here]"),
            // The first part is for people, the others for programs.
            "multipart/report" => part.children.iter().take(1).for_each(|child| show(tree, *child, out)),
            _ => part.children.iter().for_each(|child| show(tree, *child, out)),
        },
    }
}

/// A mail inside the mail: who wrote it and about what in one line, then its text.
fn show_mail(tree: &Tree<'_>, index: usize, out: &mut Output) {
    let Some(&child) = tree.parts[index].children.first() else { return };
    let head = &tree.parts[child].head;
    let from = head.mailbox("from").and_then(|(name, address)| name.or(address)).unwrap_or_default();
    let subject = head.text("subject").unwrap_or_default();
    let header = match (from.as_str(), subject.as_str()) {
        ("", "") => "Forwarded:".to_owned(),
        (from, "") => format!("Forwarded from {from}:"),
        ("", subject) => format!("Forwarded: {subject}"),
        (from, subject) => format!("Forwarded from {from}: {subject}"),
    };
    let context = Context::new(head, &subject::read(&subject), out.trims());
    out.header(header, context);
    show(tree, child, out);
}

/// The page of a `multipart/related` is its first part, or the one it names; the others are pictures in it.
fn show_related(tree: &Tree<'_>, index: usize, out: &mut Output) {
    let start = tree.parts[index].typed.param("start").map(|id| id.trim_matches(['<', '>']).to_owned());
    let is_start = |part: &Part<'_>| {
        start
            .as_ref()
            .is_some_and(|id| part.head.ids("content-id").iter().any(|own| own.trim_matches(['<', '>']) == id))
    };
    let children: Vec<(usize, &Part<'_>)> = tree.children(index).collect();
    let chosen = children.iter().position(|(_, part)| is_start(part)).unwrap_or(0);
    for (number, (child, part)) in children.into_iter().enumerate() {
        match (number == chosen, part.kind) {
            (true, _) => show(tree, child, out),
            (false, Kind::Leaf) if is_picture(part) || !is_attached(part) => out.picture(part),
            (false, _) => show(tree, child, out),
        }
    }
}

/// A picture that the page shows, whatever its disposition says.
fn is_picture(part: &Part<'_>) -> bool {
    part.typed.value.starts_with("image/") && part.head.has("content-id")
}

/// Of several forms of one text: an invitation, else plain text that says something, else HTML.
fn show_best(tree: &Tree<'_>, index: usize, out: &mut Output) {
    let children = &tree.parts[index].children;
    let invitation = children.iter().find(|child| tree.parts[**child].typed.value == "text/calendar").copied();
    let of_type = |kind: &str| children.iter().copied().find(|child| holds(tree, *child, kind));
    let (plain, marked) = (of_type("text/plain"), of_type("text/html"));
    let invited = invitation.and_then(|child| out.invite(&decode::text(&tree.parts[child])));
    let page = marked.and_then(|child| html_text(tree, child)).unwrap_or_default();
    let html = html::without_marks(&page);
    let plain_says = |child: usize| {
        let text = plain_text(tree, child).unwrap_or_default();
        let says = says_something(&artifacts::clean(&text));
        marked.is_none() || says && (agrees(&text, &html) || points_to_plain(&html))
    };
    let chosen = plain.filter(|child| plain_says(*child)).or(marked).or(plain).or_else(|| children.last().copied());
    let Some(chosen) = chosen else { return };
    let repeats = invited.is_some_and(|invited| {
        out.trims() && (invited.has_note || plain_text(tree, chosen).is_none_or(|text| text.contains(&invited.title)))
    });
    if repeats {
        out.note(CutNote::InvitationText);
    } else {
        let carries = out.trims() && plain == Some(chosen);
        let beside = if carries { beside::signatures(&page) } else { Vec::new() };
        out.beside(beside, |out| show(tree, chosen, out));
    }
    for &child in children.iter().filter(|child| **child != chosen) {
        show_files(tree, child, out);
    }
}

/// Only the files of a form that is not shown: Apple Mail keeps them beside the HTML.
fn show_files(tree: &Tree<'_>, index: usize, out: &mut Output) {
    let part = &tree.parts[index];
    if part.kind == Kind::Leaf && is_attached(part) && part.typed.value != "text/calendar" {
        out.file(part);
    }
    part.children.iter().for_each(|child| show_files(tree, *child, out));
}

/// True when a part of this type stands at `index` or inside it, mails inside the mail aside.
fn holds(tree: &Tree<'_>, index: usize, kind: &str) -> bool {
    let part = &tree.parts[index];
    match part.kind {
        Kind::Leaf => part.typed.value == kind && !is_attached(part),
        Kind::Multipart => part.children.iter().any(|child| holds(tree, *child, kind)),
        Kind::Message => false,
    }
}

fn plain_text(tree: &Tree<'_>, index: usize) -> Option<String> {
    let part = &tree.parts[index];
    match part.kind {
        Kind::Leaf => (part.typed.value == "text/plain").then(|| clean::text(&decode::text(part))),
        _ => part.children.iter().find_map(|child| plain_text(tree, *child)),
    }
}

/// The text of the first page in a part, with marks.
fn html_text(tree: &Tree<'_>, index: usize) -> Option<String> {
    let part = &tree.parts[index];
    match part.kind {
        Kind::Leaf => (part.typed.value == "text/html")
            .then(|| html::to_marked_text(&decode::text(part).replace(marks::is_mark, ""))),
        _ => part.children.iter().find_map(|child| html_text(tree, *child)),
    }
}

/// False for an empty plain part and for one that only asks to look at the HTML.
fn says_something(text: &str) -> bool {
    let lower = text.to_lowercase();
    let is_hint = text.len() <= MAX_HINT && words::ONLY_HTML.within(&lower);
    let only_link = lower.split_whitespace().all(|word| word.starts_with("http"));
    !is_hint && !only_link && lower.chars().any(char::is_alphanumeric)
}

/// True for a page that only asks to look at the plain part.
fn points_to_plain(html: &str) -> bool {
    html.len() <= MAX_HINT && words::ONLY_PLAIN.within(&html.to_lowercase())
}

/// False when the plain part is not the text of the HTML: a stub, another text, or markup.
fn agrees(plain: &str, marked: &str) -> bool {
    let (plain_words, marked_words) = (word_set(plain), word_set(marked));
    // A page that says next to nothing is the stub itself.
    if marked_words.len() < MIN_WORDS || is_marked_up(plain) && plain_words.is_empty() {
        return true;
    }
    let shared = marked_words.intersection(&plain_words).count() * 100 / marked_words.len();
    let longer = |one: &HashSet<String>, other: &HashSet<String>, times: usize| one.len() >= other.len() * times;
    match shared {
        50.. => !is_marked_up(plain),
        20..50 => !longer(&marked_words, &plain_words, 2) && !is_marked_up(plain),
        _ => longer(&plain_words, &marked_words, 4),
    }
}

/// The words of a text; of scripts without blanks each sign is one.
fn word_set(text: &str) -> HashSet<String> {
    let text = &text[..text.floor_char_boundary(MAX_COMPARED)];
    let mut out = HashSet::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if word.chars().any(|c| c > '\u{2e80}') {
            out.extend(word.chars().map(String::from));
        } else {
            out.insert(word.to_lowercase());
        }
    }
    out
}

/// Has tags or character references that nobody types.
fn is_marked_up(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["<br>", "<br/>", "<br />", "</p>", "</div>", "&nbsp;", "&#39;", "&quot;", "&#160;"]
        .iter()
        .any(|m| lower.contains(m))
}

/// `alone` when the part is the whole mail: then even a named text is a mail.
fn show_leaf(part: &Part<'_>, alone: bool, out: &mut Output) {
    let is_letter = alone && part.head.typed("content-disposition").value != "attachment";
    let kind = part.typed.value.as_str();
    match kind {
        _ if part.body.trim_ascii().is_empty() && !is_attached(part) => (),
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => out.notice(smime(part)),
        "application/pkcs7-signature" | "application/x-pkcs7-signature" | "application/pgp-signature" => {
            out.note(CutNote::Signature { pgp: false });
        }
        "application/pgp-keys" => out.note(CutNote::Key),
        "text/calendar" => {
            if out.invite(&decode::text(part)).is_none() && !out.is_invited() {
                out.file(part);
            }
        }
        "application/ics" if out.is_invited() => (),
        _ if is_attached(part) && !(is_letter && kind.starts_with("text/")) => out.file(part),
        "text/plain" => show_plain(part, out),
        "text/html" | "application/xhtml+xml" => {
            let source = out.read(part);
            out.text(&html::to_marked_text(&source));
        }
        "text/enriched" | "text/richtext" => {
            let source = out.read(part).replace("<<", "&lt;");
            out.text(&html::to_text(&source));
        }
        _ if alone && kind.starts_with("text/") && !matches!(kind, "text/rfc822-headers" | "text/calendar") => {
            show_plain(part, out);
        }
        "text/rfc822-headers" | "message/delivery-status" | "message/disposition-notification" => (),
        _ => out.file(part),
    }
}

fn show_plain(part: &Part<'_>, out: &mut Output) {
    let mut text = out.read(part);
    if part.typed.param("format").is_some_and(|format| format.eq_ignore_ascii_case("flowed")) {
        let delsp = part.typed.param("delsp").is_some_and(|value| value.eq_ignore_ascii_case("yes"));
        text = flowed::join(&text, delsp);
    }
    if is_markup(&text) {
        text = html::to_marked_text(&text);
    } else if text.contains("&nbsp;") || text.contains("&#39;") {
        text = tags::decode_entities(&text);
    }
    // Mail servers mark a line that starts like the envelope of an mbox file.
    let text = text.replace("\n>From ", "\nFrom ");
    let (text, notes) = armor::open(&text);
    notes.into_iter().for_each(|note| out.note(note));
    out.text(&text);
}

/// Some programs call a page plain text.
fn is_markup(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(200).collect::<String>().to_ascii_lowercase();
    let starts = ["<!doctype html", "<html", "<head>", "<body", "<div", "<table", "<p>", "<br>"];
    let lower = text.to_ascii_lowercase();
    starts.iter().any(|tag| start.starts_with(tag)) || lower.matches("<br").count() + lower.matches("</").count() >= 2
}

/// A file rather than text to read: marked so, or named and not text.
fn is_attached(part: &Part<'_>) -> bool {
    let disposition = part.head.typed("content-disposition");
    let named = disposition.param("filename").is_some() || part.typed.param("name").is_some();
    match disposition.value.as_str() {
        "attachment" => true,
        "inline" => named && !matches!(part.typed.value.as_str(), "text/plain" | "text/html" | "text/calendar"),
        _ => named && part.typed.value != "text/calendar",
    }
}

fn smime(part: &Part<'_>) -> &'static str {
    let kind = part.typed.param("smime-type").unwrap_or_default().to_ascii_lowercase();
    match kind.as_str() {
        "signed-data" => "[signed mail (S/MIME, opaque), cannot be read here]",
        "compressed-data" => "[compressed mail (S/MIME), cannot be read here]",
        "certs-only" => "[certificates (S/MIME), nothing to read]",
        _ => "[encrypted mail (S/MIME), cannot be read here]",
    }
}
