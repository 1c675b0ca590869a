//! Words that a program put into a text for the eye: places of pictures, the target of a link beside its text.

use super::links;

/// Longest mark of a picture, in bytes.
const MAX_MARK: usize = 300;
/// Longest target of a link, in bytes.
const MAX_TARGET: usize = 2000;
/// The start of a field of Word with its target.
const FIELD: &str = "HYPERLINK \"";
/// What the alternative text of a picture says when a program wrote it, in lower case.
const PICTURE_WORDS: [&str; 12] = [
    "description automatically generated",
    "description generated automatically",
    "automatisch generierte beschreibung",
    "beschreibung automatisch",
    "description générée automatiquement",
    "descripción generada automáticamente",
    "descrizione generata automaticamente",
    "descrição gerada automaticamente",
    "automatisch gegenereerde beschrijving",
    "автоматически созданное описание",
    "ai-generated content may be incorrect",
    "ki-generierte inhalte können fehlerhaft sein",
];

/// Cleans a text: marks of pictures go (a line that held nothing else goes with them), `a@b.c<mailto:a@b.c>` is said
/// once, wrapped addresses are opened, tracking goes.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let joined = join_marks(text);
    for line in joined.lines() {
        // Nearly every line has nothing of the kind.
        if !line.contains(['[', '<', ':']) {
            out.push_str(line.trim_end());
            out.push('\n');
            continue;
        }
        let without = without_pictures(&without_fields(line));
        if without.trim().is_empty() {
            out.push('\n');
            continue;
        }
        out.push_str(&links::clean(&without_doubles(&without)));
        out.push('\n');
    }
    out
}

/// A description of a picture may run over several lines.
fn join_marks(text: &str) -> String {
    let mut out = text.to_owned();
    if !text.contains('[') {
        return out;
    }
    let lower = text.to_lowercase();
    // Lowering changes the length of few letters; then nothing is joined.
    if lower.len() != text.len() {
        return out;
    }
    for words in PICTURE_WORDS {
        for (at, _) in lower.match_indices(words) {
            let start = text[..at].rfind('[').filter(|start| at - start <= MAX_MARK);
            let end = text[at..].find(']').filter(|end| *end <= MAX_MARK);
            if let (Some(start), Some(end)) = (start, end) {
                out.replace_range(start..=at + end, &" ".repeat(at + end - start + 1));
            }
        }
    }
    out
}

/// A line in which Word's own field stands for its text: `HYPERLINK "mailto:a@b.c"a@b.c` is `a@b.c`.
fn without_fields(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, target, after)) = rest.split_once(FIELD).and_then(|(before, field)| {
        let (target, after) = field.split_once('"')?;
        Some((before, target, after))
    }) {
        out.push_str(before);
        if after.starts_with(|c: char| c.is_whitespace()) || after.is_empty() {
            out.push_str(target);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A line without `[cid:image001.png@01D..]`, `[image: chart.png]`, `<image001.png>`, addresses of pictures, and what
/// Outlook, Apple and Notes write in the same way.
fn without_pictures(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['[', '<', '(']) {
        let close = match rest.as_bytes()[at] {
            b'[' => ']',
            b'(' => ')',
            _ => '>',
        };
        let window = &rest[at..rest.floor_char_boundary(at + MAX_MARK)];
        let end = window.find(close);
        match end.filter(|end| is_picture(&rest[at + 1..at + end], close)) {
            Some(end) => {
                out.push_str(&rest[..at]);
                rest = &rest[at + end + 1..];
            }
            None => {
                out.push_str(&rest[..=at]);
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn is_picture(inner: &str, close: char) -> bool {
    let lower = inner.trim().to_ascii_lowercase();
    let is_file = [".png", ".jpg", ".jpeg", ".gif", ".bmp", ".svg", ".webp", ".tiff", ".heic"]
        .iter()
        .any(|end| lower.ends_with(end));
    let numbered = |start: &str| {
        lower.strip_prefix(start).is_some_and(|rest| {
            rest.trim_start_matches(|c: char| c.is_ascii_digit() || "-_ ".contains(c)).starts_with('.')
        })
    };
    match close {
        ']' => {
            lower.starts_with("cid:")
                || lower.starts_with("image: ") && (is_file || lower.starts_with("image: image"))
                || lower.starts_with("image: inline image") && lower.len() < 27
                || lower.starts_with("inline image") && lower.len() < 20
                || lower.starts_with("http") && is_file && !lower.contains(' ')
                || is_file && numbered("image")
                || lower.strip_prefix("signature_").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
        }
        ')' => lower.starts_with("embedded image moved to file:"),
        _ => {
            lower.starts_with("cid:")
                || lower.starts_with("x-apple-data-detectors:")
                || is_file && (numbered("image") || numbered("pastedgraphic"))
        }
    }
}

/// A line in which no link is said twice: `www.a.b<http://www.a.b/>` is `www.a.b`.
fn without_doubles(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['<', '[']) {
        let close = if rest[at..].starts_with('[') { ']' } else { '>' };
        let window = &rest[at..rest.floor_char_boundary(at + MAX_TARGET)];
        let Some(end) = window.find(close) else {
            out.push_str(&rest[..=at]);
            rest = &rest[at + 1..];
            continue;
        };
        let target = &rest[at + 1..at + end];
        if let Some(inner) = target.find('<').filter(|_| close == '>') {
            out.push_str(&rest[..at + 1 + inner]);
            rest = &rest[at + 1 + inner..];
            continue;
        }
        let (before, after) = (&rest[..at], &rest[at + end + 1..]);
        let is_link =
            ["mailto:", "http://", "https://", "tel:"].iter().any(|s| target.starts_with(s)) && !target.contains(' ');
        let touches = before.ends_with(|c: char| !c.is_whitespace() && !"([<".contains(c));
        if is_link {
            out.push_str(before);
            let said = out.trim_end().rsplit([' ', '\t', '\n', '(', '<', '"']).next().unwrap_or_default().to_owned();
            let phrase = out[out.floor_char_boundary(out.len().saturating_sub(MAX_MARK))..].to_owned();
            match links::beside(&said, &phrase, target) {
                // Beside a blank somebody may have written it.
                links::Beside::Other(_) if !touches && !target.starts_with("mailto:") => {
                    out.push_str(&rest[at..at + end + 1]);
                }
                links::Beside::Same => {
                    // The blank before `[mailto:..]` goes with it.
                    if after.starts_with([',', '.', ';', ':', '>', ')', ' ']) || after.is_empty() {
                        out.truncate(out.trim_end().len());
                    }
                }
                links::Beside::Other(shown) => {
                    out.truncate(out.trim_end().len());
                    out.push_str(&format!(" {}{shown}{close}", &rest[at..=at]));
                }
            }
        } else {
            out.push_str(&rest[..at + end + 1]);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_wrote_for_the_eye_goes() {
        for (raw, read) in [
            ("a\n\n[cid:image001.png@01DA]\n\nb", "a\n\n\n\nb\n"),
            ("Ask cy@w.x<mailto:cy@w.x>, or www.w.x<http://www.w.x/>.", "Ask cy@w.x, or www.w.x.\n"),
            ("Call +1 202 555 0100<tel:+12025550100> now", "Call +1 202 555 0100 now\n"),
            ("From: Cy [mailto:cy@w.x]", "From: Cy [cy@w.x]\n"),
            ("see the map<https://w.x/map> there", "see the map <https://w.x/map> there\n"),
            ("[A blue sky\n\nDescription automatically generated]\nb", "\nb\n"),
            ("x <a@b.c> y [1] z [note]", "x <a@b.c> y [1] z [note]\n"),
            ("[image: chart.png]\nb", "\nb\n"),
            ("Ask HYPERLINK \"mailto:cy@w.x\"cy@w.x now", "Ask cy@w.x now\n"),
            ("(Embedded image moved to file: pic1.gif)b", "b\n"),
            ("www.w.x <http://www.w.x/> now, Cy <http://w.x>", "www.w.x now, Cy <http://w.x>\n"),
        ] {
            assert_eq!(clean(raw), read, "{raw}");
        }
    }
}
