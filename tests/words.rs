//! The words that are not used any more: the code, the pages, the commands, the help and the log speak the terms of the
//! field. A word of the list fails the test with file and line; `CONTRIBUTING.md` says why.

use std::fs;
use std::path::Path;

/// Where a word is looked for.
#[derive(Clone, Copy, PartialEq)]
enum Where {
    /// In all text: code, comments, strings, pages, papers.
    All,
    /// In what somebody reads who is no programmer of this: strings of the program, pages, units, papers.
    Shown,
}
use Where::{All, Shown};

/// Words or phrases that are gone (several with `|`), what to write instead, where, and the places that may keep them.
const GONE: &[(&str, &str, Where, &[&str])] = &[
    // Listeners, service, actions.
    (
        "door|doors",
        "listener; origin, for where a message came in",
        All,
        &[STORED_DOOR, SIM, "src/mail_text/words/added.rs"],
    ),
    ("desk|desks", "service, context", All, &["src/mail_text"]),
    ("keeper", "certificates, housekeeping", All, &["src/deliver/relay", SIM]),
    ("porter", "acceptor", All, &[]),
    (
        "wish|wishes|wished",
        "action; what was asked for",
        All,
        &[ENGINE, "src/link", SIM, "src/store", "src/message", "src/compact"],
    ),
    ("deed|deeds", "action", All, &["src/store"]),
    ("pulse|tending", "status, process", All, &[]),
    // Messages and their states.
    (
        "letter|letters",
        "message",
        Shown,
        &[
            "src/compact",
            ENGINE,
            "src/deliver/relay",
            "src/message",
            ALPHABET[0],
            ALPHABET[1],
            ALPHABET[2],
            ALPHABET[3],
        ],
    ),
    ("onmodem|on modem", "on the link", Shown, &["src/message", "src/link"]),
    ("set aside", "in quarantine", Shown, &[ENGINE, "src/store", "src/settings"]),
    ("books", "totals", All, &["src/store/totals.rs", "src/compact", SIM]),
    ("rung|rungs", "part, state, step", All, &["src/link", ENGINE]),
    ("lane|lanes", "queue", All, &["src/store", ENGINE, "src/compact"]),
    ("purse", "accounting", All, &["src/store"]),
    // How things are.
    ("in trouble", "error", Shown, &[]),
    ("is all well|not well|all is well", "OK, failing", Shown, &[]),
    ("unproven", "not verified", Shown, &["src/settings", "src/route"]),
    // How things are said.
    ("parted by|by blanks", "separated by spaces", All, &["src/address/pattern.rs", "src/compact"]),
    ("stands in the journal|in its journal", "find it in the system log", All, &[]),
    ("as the box does", "use the box default", All, &["src/compact"]),
    ("may never|may always write", "blocked senders, allowed senders", Shown, &[]),
    ("to space|from space", "outgoing (satellite), incoming (satellite)", Shown, &[]),
    ("will not do", "is not valid", Shown, &["src/store/usage.rs", SIM]),
    ("mend|mends|mended", "fix, correct", Shown, &["src/store"]),
    ("vouch for|vouches for", "verifies; is known to be right", Shown, &["src/settings"]),
    ("the same again", "repeat the password", Shown, &[]),
    (
        "never goes on air|goes on air",
        "is sent over the air",
        Shown,
        &["src/settings", ENGINE, "src/route", "src/mail_text"],
    ),
    // Commands.
    ("--most", "--packet-size", Shown, &[]),
    ("--owner", "--role owner", Shown, &[]),
    ("send --by", "send --deliver-by", Shown, &[]),
];

/// The record of a message keeps the name under which it was first stored.
const STORED_DOOR: &str = "src/message";
const ENGINE: &str = "src/engine";
/// Faults and commands of the simulators.
const SIM: &str = "src/sim";
/// Letters of the alphabet, and words of mails and of style sheets.
const ALPHABET: [&str; 4] = ["src/mail_text", "src/route/segments.rs", "web/", "src/cli/coding.rs"];

/// Papers that name what was renamed.
const LISTS: [&str; 2] = ["CHANGELOG.md", "CONTRIBUTING.md"];

/// Docs that say nothing by themselves.
const EMPTY_DOCS: [&str; 2] = ["/// Likewise", "/// As the store"];

/// Words that say nothing in a doc of three words.
const SMALL: [&str; 45] = [
    "a", "an", "the", "it", "its", "this", "that", "these", "those", "they", "them", "their", "is", "are", "was", "be",
    "of", "by", "for", "in", "on", "at", "to", "as", "here", "there", "now", "then", "so", "how", "many", "much",
    "why", "when", "where", "which", "what", "who", "whom", "whose", "one", "all", "any", "else", "other",
];

/// Docs that may repeat the name below: what `--help` shows of an argument, the simulators, and the pages.
const NAMES_AGAIN: [&str; 3] = ["src/cli", "src/sim", "src/admin/pages"];

#[test]
fn the_words_that_are_gone_stay_gone() {
    let mut found = Vec::new();
    let gone: Vec<Vec<_>> = GONE.iter().map(|row| row.0.split('|').map(words).collect()).collect();
    for (path, text) in texts().into_iter().filter(|(path, _)| !LISTS.contains(&path.as_str())) {
        let shown = if path.ends_with(".rs") { strings(&text) } else { text.clone() };
        let [all, shown] = [text, shown].map(|text| text.lines().map(words).collect::<Vec<_>>());
        for ((_, instead, place, allowed), phrases) in GONE.iter().zip(&gone) {
            if allowed.iter().any(|prefix| path.starts_with(prefix)) {
                continue;
            }
            for (at, line) in if *place == All { &all } else { &shown }.iter().enumerate() {
                if let Some(phrase) = phrases.iter().find(|phrase| has(line, phrase)) {
                    let phrase = phrase.join(" ");
                    found.push(format!("{path}:{}: '{phrase}' is not used any more, write: {instead}", at + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn a_doc_says_what_it_is_about() {
    let mut found = Vec::new();
    for (path, text) in texts() {
        for (at, line) in text.lines().enumerate() {
            if EMPTY_DOCS.iter().any(|doc| line.trim_start().starts_with(doc)) {
                found.push(format!("{path}:{}: {}", at + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn a_doc_says_more_than_the_name_below_it() {
    let mut found = Vec::new();
    let told = |path: &String| path.ends_with(".rs") && !NAMES_AGAIN.iter().any(|room| path.starts_with(room));
    for (path, text) in texts().into_iter().filter(|(path, _)| told(path)) {
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(doc) = line.strip_prefix("/// ") else { continue };
            let goes_on = at > 0 && lines[at - 1].starts_with("///");
            let below = lines[at + 1..].iter().find(|line| !line.starts_with("#["));
            if !goes_on && below.is_some_and(|below| !below.starts_with("///") && repeats(doc, below)) {
                found.push(format!("{path}:{}: '{doc}' says no more than the name below it", at + 1));
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
    assert!(
        repeats("Its key.", "pub key: KeyId,") && repeats("Why.", "cause: Reason,") && repeats("Ends it.", "fn end(")
    );
    assert!(!repeats("Its private key.", "pub key: KeyId,") && !repeats("Name of the key.", "pub key: KeyId,"));
}

#[test]
fn the_reader_of_words_can_be_trusted() {
    let says = |line: &str, phrase: &str| has(&words(line), &words(phrase));
    assert!(says("the Desk, here", "desk") && says("a_desk", "desk") && says("myDesk()", "desk"));
    assert!(!says("desktop", "desk") && says("it is Set  aside", "set aside") && !says("offset aside", "set aside"));
    assert!(says("satpost send --by 2h", "send --by") && !says("--bytes", "--by") && says("use --owner.", "--owner"));
    let code = "// door\nlet a = \"a door\"; let b = 'd'; // \"x\"\nlet c = r#\"raw \"door\"\"#;\n#[cfg(test)]\nmod tests { \"door\" }";
    let shown = strings(code);
    let lines: Vec<_> = shown.lines().map(str::trim).collect();
    assert_eq!(lines, ["", "a door", "raw \"door\""]);
    assert_eq!(strings("let quote = '\"'; f(\"door\");").trim(), "door");
    assert_eq!(strings("f(\"a \\\" door\")").trim(), "a \\\" door");
}

/// True when a line has the words of a phrase, whole and one after the other.
fn has(line: &[String], phrase: &[String]) -> bool {
    line.windows(phrase.len()).any(|window| window == phrase)
}

/// True for a doc of three words at most, each of which stands in the line below it or is one of [`SMALL`].
fn repeats(doc: &str, below: &str) -> bool {
    let (doc, below) = (words(doc), words(below));
    let stands = |word: &str| below.iter().any(|name| name.starts_with(word.trim_end_matches('s')));
    doc.len() <= 3 && doc.iter().all(|word| SMALL.contains(&word.as_str()) || stands(word))
}

/// The words of a text in lower case; `_` and `CamelCase` part them.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in text.chars() {
        let joins = c.is_alphanumeric() && before.is_alphanumeric() && !(c.is_uppercase() && before.is_lowercase());
        // A flag keeps its hyphens, so that `--by` is no word `by`.
        let flag = c == '-' && (before == '-' || !before.is_alphanumeric()) || before == '-' && c.is_alphanumeric();
        match words.last_mut() {
            Some(word) if joins || flag && !word.is_empty() && word.starts_with('-') => word.extend(c.to_lowercase()),
            _ if c.is_alphanumeric() || flag => words.push(c.to_lowercase().collect()),
            _ => {}
        }
        before = c;
    }
    words
}

/// The contents of the string literals of a source file, at their lines; without comments and the test module at its end.
fn strings(code: &str) -> String {
    let end = code.find("#[cfg(test)]\nmod tests {").unwrap_or(code.len());
    let mut shown = String::new();
    let mut rest = &code[..end];
    while let Some(c) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some((text, length)) = literal(rest) {
            shown.push_str(text);
            shown.push(' ');
            length
        } else if c == '\'' {
            // A character; a lifetime has no quote behind it.
            let skip = if rest[1..].starts_with('\\') { 2 } else { 1 };
            let wide = rest[skip..].chars().next().map_or(0, char::len_utf8);
            if rest[skip + wide..].starts_with('\'') { skip + wide + 1 } else { 1 }
        } else {
            if c == '\n' {
                shown.push('\n');
            }
            c.len_utf8()
        };
        rest = &rest[length..];
    }
    shown
}

/// The string literal at the start of `rest`, and its whole length.
fn literal(rest: &str) -> Option<(&str, usize)> {
    if let Some(raw) = rest.strip_prefix("r#\"") {
        let length = raw.find("\"#")?;
        return Some((&raw[..length], length + 5));
    }
    let inner = rest.strip_prefix('"')?;
    let mut escaped = false;
    let length = inner.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some((&inner[..length], length + 2))
}

/// Sources, pages, units and papers with their paths.
fn texts() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for place in ["src", "web", "systemd"] {
        collect(root, &root.join(place), &mut found);
    }
    for paper in ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"] {
        found.push((paper.to_owned(), fs::read_to_string(root.join(paper)).unwrap()));
    }
    assert!(found.len() > 200, "the sources were not found");
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let test = path.file_stem().is_some_and(|stem| stem == "tests");
        // The texts that the coder is primed with are letters that people wrote.
        if path.is_dir() && !test && !name.ends_with("compact/primer") {
            collect(root, &path, found);
        } else if path.is_file() && !test && ![".png", ".css", ".sha256"].iter().any(|end| name.ends_with(end)) {
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}
