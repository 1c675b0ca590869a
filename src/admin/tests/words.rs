//! The words of the pages: all of them are in the tables, and a language besides English can follow.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::*;
use crate::admin::view::TEMPLATES;
use crate::admin::words::{LANGUAGES, Language, Piece, Table, pieces, rows};

/// Attributes that people see or hear.
const SHOWN: [&str; 5] = ["title", "aria-label", "placeholder", "alt", "data-label"];

/// Names that templates choose between, of styles, states and fields; nobody reads them.
const NAMES: [&str; 19] = [
    "good", "wait", "warn", "bad", "off", "on", "light", "dark", "auto", "hold", "refuse", "allow", "enable",
    "disable", "true", "false", "kept", "unkept", "erase",
];

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin")
}

/// The code of the pages, without the tests: path and text.
fn code() -> Vec<(String, String)> {
    fn gather(folder: &Path, into: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = entry.file_name().unwrap().to_string_lossy().into_owned();
            if entry.is_dir() && name != "tests" {
                gather(&entry, into);
            } else if name.ends_with(".rs") && name != "tests.rs" {
                let text = std::fs::read_to_string(&entry).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
                into.push((entry.strip_prefix(sources()).unwrap().display().to_string(), code));
            }
        }
    }
    let mut all = Vec::new();
    gather(&sources(), &mut all);
    all.sort();
    all
}

/// The templates of the pages; the texts of the help are documents.
pub(super) fn templates() -> impl Iterator<Item = (&'static str, &'static str)> {
    TEMPLATES.iter().copied().filter(|(name, _)| !name.starts_with("help/"))
}

/// String literals of a piece of code, each with what stands before it.
fn literals(code: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = code[at..].find('"').map(|start| at + start) {
        let mut end = start + 1;
        while end < code.len() && code.as_bytes()[end] != b'"' {
            end += if code.as_bytes()[end] == b'\\' { 2 } else { 1 };
        }
        found.push((&code[at..start], &code[start + 1..end.min(code.len())]));
        at = (end + 1).min(code.len());
    }
    found
}

fn has_letters(text: &str) -> bool {
    text.replace("\\n", "").chars().any(char::is_alphabetic)
}

/// Literals in the code of a template that would be shown.
fn said_by(code: &str) -> Vec<String> {
    let named = |before: &str, literal: &str| {
        let before = before.trim_end();
        before.ends_with("w(")
            || ["==", "!=", "errors,", "errors[", "extends", "from"].iter().any(|end| before.ends_with(end))
            || literal.starts_with('/')
            || literal.ends_with(".html")
            || NAMES.contains(&literal)
    };
    let said = literals(code).into_iter().filter(|(before, literal)| has_letters(literal) && !named(before, literal));
    said.map(|(_, literal)| literal.to_owned()).collect()
}

/// What a template says by itself: text, attributes that are shown, literals.
fn says(template: &str) -> Vec<String> {
    let mut said = Vec::new();
    let mut plain = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        plain += &rest[..at];
        let end = match rest.as_bytes().get(at + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            _ => {
                plain += "{";
                rest = &rest[at + 1..];
                continue;
            }
        };
        let length = rest[at..].find(end).unwrap() + 2;
        said.extend(said_by(&rest[at + 2..at + length - 2]));
        plain += "\u{1}";
        rest = &rest[at + length..];
    }
    plain += rest;
    for (shown, text) in texts(&plain) {
        let markup = ["&amp;", "&lt;", "&gt;", "&nbsp;", "aria-describedby=", "aria-invalid=true", "why-", "about-"];
        let text = markup.into_iter().fold(text, |text, markup| text.replace(markup, ""));
        if shown && has_letters(&text) {
            said.push(text);
        }
    }
    said
}

/// The texts between the tags of a page, and those of attributes that are shown; not what is to be typed on a command line.
fn texts(html: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    let mut rest = html;
    let mut typed = 0;
    while let Some(at) = rest.find('<') {
        found.push((typed == 0, rest[..at].to_owned()));
        let tag = &rest[at..];
        let mut quoted = false;
        let end = tag.find(|c| {
            quoted ^= c == '"';
            c == '>' && !quoted
        });
        let end = if tag.starts_with("<!--") { tag.find("-->").map(|end| end + 2) } else { end };
        let tag = &tag[..=end.unwrap_or(tag.len() - 1)];
        match tag {
            "<pre>" | "<code>" => typed += 1,
            "</pre>" | "</code>" => typed -= 1,
            _ => {}
        }
        for name in SHOWN {
            for (start, _) in tag.match_indices(&format!(" {name}=")) {
                let value = &tag[start + name.len() + 2..];
                let value = match value.strip_prefix('"') {
                    Some(value) => value.split('"').next().unwrap(),
                    None => value.split([' ', '>']).next().unwrap(),
                };
                found.push((true, value.to_owned()));
            }
        }
        rest = &rest[at + tag.len()..];
    }
    found.push((true, rest.to_owned()));
    found
}

#[test]
fn no_template_and_no_script_has_a_word_of_its_own() {
    let all: Vec<_> = templates().map(|(name, text)| (name, says(text))).filter(|(_, said)| !said.is_empty()).collect();
    assert!(all.is_empty(), "{all:#?}");
    assert_eq!(
        says("<p title=Cost>{{ \"not ready\" if x else w(\"a.b\") }} of {{ n }}"),
        ["not ready", "Cost", "\u{1} of \u{1}"]
    );
    let script = include_str!("../../../web/satpost.js");
    let lines = script.lines().filter(|line| !line.trim_start().starts_with("//"));
    let said: Vec<_> = lines
        .flat_map(|line| literals(line).into_iter().map(|(_, literal)| literal).collect::<Vec<_>>())
        .filter(|literal| !literal.contains(['[', '#', '=', '<']) && *literal != "use strict")
        .filter(|literal| literal.contains(' ') && has_letters(literal))
        .collect();
    assert!(said.is_empty(), "{said:?}");
}

/// Files of `src/admin/` that write for somebody else than the reader of a page.
const ELSEWHERE: [&str; 9] = [
    "service",
    "metrics.rs",
    "pages/support.rs",
    "pages/mail_setup.rs",
    "pages/help.rs",
    "pages/hooks.rs",
    "pages/answering.rs",
    "auth.rs",
    "words.rs",
];

/// Names of groups of settings, of lights, headers and marks, and what only the script is told.
const NO_WORDS: [&str; 11] = [
    "Who may write over the air",
    "Text messages",
    "the claim code",
    "log in first\\n",
    "Link",
    "Mail",
    "Queue",
    "Junk",
    "Allow",
    "Vary",
    "Location",
];

#[test]
fn no_code_of_a_page_has_a_sentence_of_its_own() {
    let words = |text: &str| {
        let words = text.split(' ').filter(|word| word.len() > 1 && word.chars().all(|c| c.is_ascii_alphabetic()));
        words.count()
    };
    let mut said = Vec::new();
    for (file, code) in code() {
        if ELSEWHERE.iter().any(|other| file.starts_with(other)) {
            continue;
        }
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code = joined(&lines.collect::<Vec<_>>().join("\n"));
        for statement in code.split(';') {
            // The log and the audit log are written once, for whoever looks after the box.
            let elsewhere = ["log::", ".session(", "set_unlocked(", ".note(", "let words = format!(", "reason = "];
            if elsewhere.iter().any(|call| statement.contains(call)) {
                continue;
            }
            let all = literals(statement).into_iter().map(|(_, literal)| literal);
            for literal in all.filter(|literal| !literal.contains('\n') && !NO_WORDS.contains(literal)) {
                // Of a piece of a page, what stands between its tags.
                let texts: Vec<_> = match literal.contains('<') {
                    true => texts(&without_holes(literal)).into_iter().map(|(_, text)| text).collect(),
                    false => vec![literal.to_owned()],
                };
                let one = |text: &str| {
                    let mut letters = text.chars();
                    let capital = letters.next().is_some_and(char::is_uppercase);
                    capital && text.len() > 3 && letters.all(|c| c.is_lowercase() || c == '-')
                };
                let own = texts.iter().any(|text| {
                    (words(text) > 1 && !text.contains(['=', '$'])) || one(text.trim().trim_end_matches('.'))
                });
                said.extend(own.then(|| format!("{file}: {literal}")));
            }
        }
    }
    assert!(said.is_empty(), "{said:#?}");
}

/// A literal without its places.
fn without_holes(literal: &str) -> String {
    let text = |piece| if let Piece::Text(text) = piece { Some(text) } else { None };
    pieces(literal).into_iter().filter_map(text).collect()
}

/// Code with the literals that go over several lines in one.
fn joined(code: &str) -> String {
    let mut lines = code.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |before, line| before + line.trim_start())
}

/// The arguments of a call whose opening bracket was read: names before `=`.
fn names_of(call: &str) -> BTreeSet<String> {
    let (mut depth, mut quoted, mut piece, mut names) = (0, false, String::new(), BTreeSet::new());
    for c in call.chars() {
        quoted ^= c == '"';
        match c {
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth -= 1,
            _ => {}
        }
        if depth < 0 || (depth == 0 && c == ',' && !quoted) {
            if let Some((name, _)) = piece.split_once('=') {
                names.insert(name.trim().to_owned());
            }
            piece.clear();
        } else {
            piece.push(c);
        }
        if depth < 0 {
            break;
        }
    }
    names
}

/// The name of the attribute of a template whose value stands at a place.
pub(super) fn attribute(template: &str, at: usize) -> Option<String> {
    let mut html = String::new();
    let mut rest = &template[..at];
    // Without the code of the template, whose quotation marks and signs are no markup; the last piece is still open.
    while let Some(start) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        html += &rest[..start];
        let end = if rest[start..].starts_with("{{") { "}}" } else { "%}" };
        rest = rest[start..].split_once(end).map_or("", |(_, rest)| rest);
    }
    html += rest;
    let tag = &html[html.rfind('<').unwrap_or(0)..];
    let name = |before: &str| before.rsplit([' ', '\n']).next().unwrap().to_owned();
    let quoted = tag.rfind("=\"").filter(|start| !tag[start + 2..].contains('"'));
    quoted.map(|start| name(&tag[..start])).or_else(|| tag.strip_suffix('=').map(name))
}

/// Every place that asks for a key: where, the key, the names given with it, whether the script fills it.
fn asked() -> Vec<(String, String, BTreeSet<String>, bool)> {
    let mut all = Vec::new();
    for (name, text) in templates() {
        for (at, _) in text.match_indices("w(\"") {
            let (key, rest) = text[at + 3..].split_once('"').unwrap();
            let script = attribute(text, at).is_some_and(|name| name.starts_with("data-") && name != "data-label");
            all.push((name.to_owned(), key.to_owned(), names_of(rest), script));
        }
    }
    for (file, code) in code().into_iter().filter(|(file, _)| file != "words.rs") {
        for call in ["say!(", "key!("] {
            for (at, _) in code.match_indices(call) {
                let (_, rest) = code[at..].split_once('"').unwrap();
                let (key, rest) = rest.split_once('"').unwrap();
                all.push((file.clone(), key.to_owned(), names_of(rest), false));
            }
        }
    }
    all
}

/// Texts of a language by key, its forms together.
pub(super) fn by_key(language: &Language) -> BTreeMap<&str, Vec<&str>> {
    let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, text) in language.files.iter().flat_map(|file| rows(file)) {
        all.entry(key.split('[').next().unwrap()).or_default().push(text);
    }
    all
}

pub(super) fn holes(texts: &[&str]) -> BTreeSet<String> {
    let pieces = texts.iter().flat_map(|text| pieces(text));
    pieces.filter_map(|piece| if let Piece::Hole(name) = piece { Some(name) } else { None }).collect()
}

/// What a text needs: its places, and the number that decides its form.
fn places(texts: &[&str]) -> BTreeSet<String> {
    let number = (texts.len() > 1).then(|| "n".to_owned());
    holes(texts).into_iter().chain(number).collect()
}

#[test]
fn each_key_is_used_and_each_used_key_is_there_with_the_same_places() {
    let (texts, asked) = (by_key(&LANGUAGES[0]), asked());
    let mut wrong = Vec::new();
    for (file, key, names, script) in &asked {
        match texts.get(key.as_str()) {
            None => wrong.push(format!("{file}: {key} is not in the table")),
            Some(_) if *script && names.is_empty() => {}
            Some(texts) if places(texts) != *names => {
                wrong.push(format!("{file}: {key} has {:?}, gets {names:?}", places(texts)));
            }
            Some(texts) if file.ends_with(".rs") && texts.iter().any(|text| text.contains(['<', '&'])) => {
                wrong.push(format!("{file}: {key} has markup, which only a template shows"));
            }
            Some(_) => {}
        }
    }
    let used: BTreeSet<_> = asked.iter().map(|(_, key, ..)| key.as_str()).collect();
    wrong.extend(texts.keys().filter(|key| !used.contains(**key)).map(|key| format!("{key} is not used")));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_template_has_the_texts_that_need_nothing_written_into_it() {
    let rows = [("a.b", "Es ist <b>da</b>"), ("a.c", "{n} da")].map(|(key, text)| (key.to_owned(), text.to_owned()));
    let table = Table::from_rows(rows.into_iter(), |_| "other");
    let template = "<p title=\"{{ w(\"a.b\") }}\">{{ w(\"a.b\") }} {{ w(\"a.c\", n=1) }} {{ w(\"a.c\") }} {{ w(\"no.such\") }}{{ w(x) }}";
    let written = "<p title=\"Es ist <b>da</b>\">Es ist <b>da</b> {{ w(\"a.c\", n=1) }} {{ w(\"a.c\") }} {{ w(\"no.such\") }}{{ w(x) }}";
    assert_eq!(table.written_into(template), written);
}

/// A language that nobody speaks: each letter of the English texts is another one, markup and places as they are.
fn made_up_language() -> &'static Table {
    let strange = |text: &str| {
        let (mut out, mut kept) = (String::new(), 0);
        for c in text.chars() {
            kept += i32::from(matches!(c, '<' | '{' | '&'));
            out.push(if kept == 0 && c.is_ascii_alphabetic() { '\u{436}' } else { c });
            kept -= i32::from(matches!(c, '>' | '}' | ';') && kept > 0);
        }
        out
    };
    let english = LANGUAGES[0].files.iter().flat_map(|file| rows(file));
    let rows = english.map(|(key, text)| {
        let kept = key.starts_with("language.");
        (key.to_owned(), if kept { text.to_owned() } else { strange(text) })
    });
    Box::leak(Box::new(Table::from_rows(rows, LANGUAGES[0].form)))
}

/// Names that others put into their sentences.
const DATA: [&str; 4] = ["anna", "ben", "papers", "dev"];

/// Words of the other rooms, and of the data that the pages are looked at with: what they write as pairs of neighbours, and
/// the words of their literals.
fn elsewhere() -> (BTreeSet<String>, BTreeSet<String>) {
    fn gather(folder: &Path, into: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = entry.display().to_string();
            let data = name.ends_with("made_up.rs") || name.ends_with("src/admin/tests.rs");
            let other = data || !name.contains("src/admin") || name.contains("src/admin/service");
            if entry.is_dir() {
                gather(&entry, into);
            } else if name.ends_with(".rs") && other {
                into.push(joined(&std::fs::read_to_string(&entry).unwrap()).replace("\\n", " ").replace("\\'", "'"));
            }
        }
    }
    let mut files = Vec::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let (mut pairs, mut alone) = (BTreeSet::new(), BTreeSet::new());
    for file in &files {
        let all: Vec<_> = words_of(file).collect();
        pairs.extend(all.windows(2).map(|pair| pair.join(" ")));
        let literals = file.lines().flat_map(literals);
        alone.extend(literals.flat_map(|(_, literal)| words_of(literal).map(str::to_owned)));
    }
    (pairs, alone)
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty())
}

#[test]
fn every_page_can_be_in_another_language() {
    let strange = made_up_language();
    let (pairs, alone) = elsewhere();
    let mut left: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let site = Site::with_people();
    made_up::fill(&site.app);
    let mut shown = 0;
    for name in ["anna", "ben"] {
        let mut browser = site.logged_in(name);
        browser.language = Some(strange);
        for page in looks::PAGES.into_iter().filter(|page| !page.starts_with("/help")) {
            let html = text(&browser.get(page));
            shown += html.matches('\u{436}').count();
            for (_, text) in texts(&html).into_iter().filter(|(shown, _)| *shown) {
                let text = text.replace("&#x2f;", "/").replace("&#x27;", "'").replace("&lt;", "<").replace("&gt;", ">");
                // A word of the tables, a number or a stop parts what others wrote.
                let apart = |c: char| !c.is_ascii_alphabetic() && !" '/()_-@*".contains(c);
                for run in text.replace("&nbsp;", " ").split(apart) {
                    let words: Vec<_> = words_of(run).collect();
                    let known = match words[..] {
                        [word] => word.len() < 3 || alone.contains(word),
                        _ => words
                            .windows(2)
                            .all(|two| two.iter().any(|word| DATA.contains(word)) || pairs.contains(&two.join(" "))),
                    };
                    if !known {
                        left.entry(run.to_owned()).or_default().insert(page);
                    }
                }
            }
        }
    }
    assert!(shown > 10_000 && left.is_empty(), "{shown} {left:#?}");
}
