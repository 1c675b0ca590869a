//! Cuts a text down to what its writer wanted to say.

use super::{history, sign, urls};

/// Forwards inside forwards that are read as such.
const MAX_FORWARDS: usize = 3;
/// Longest run of one drawing character.
const MAX_RULE: usize = 3;

/// What is left of a text, and notes on what went.
#[derive(Debug, Default)]
pub struct Trimmed {
    /// The text.
    pub text: String,
    /// In words: "signature of 4 lines".
    pub notes: Vec<String>,
}

impl Trimmed {
    /// Nothing was cut.
    pub fn whole(text: &str) -> Self {
        Self { text: text.to_owned(), notes: Vec::new() }
    }
}

/// Trims a clean text (see [`super::clean::text`]). A text of which nothing would be left stays as it is.
pub fn trim(text: &str, is_forward: bool) -> Trimmed {
    let lines: Vec<&str> = text.lines().collect();
    let mut notes = Vec::new();
    let mut quoted = 0;
    let out = letter(&lines, is_forward, 0, &mut notes, &mut quoted);
    if out.trim().is_empty() && quoted > 0 {
        return Trimmed::whole(text);
    }
    if quoted > 0 {
        notes.insert(0, format!("quoted history of {quoted} {}", if quoted == 1 { "line" } else { "lines" }));
    }
    Trimmed { text: urls::clean(&rules(&out)), notes }
}

fn letter(lines: &[&str], is_forward: bool, depth: usize, notes: &mut Vec<String>, quoted: &mut usize) -> String {
    let mut parts = history::cut(lines, is_forward);
    *quoted += parts.history;
    notes.extend(sign::cut(&mut parts.own));
    let mut out = parts.own.join("\n");
    if let Some((header, body)) = parts.forward {
        let body: Vec<&str> = body.iter().map(String::as_str).skip_while(|line| line.is_empty()).collect();
        let body = if depth < MAX_FORWARDS { letter(&body, false, depth + 1, notes, quoted) } else { body.join("\n") };
        out = format!("{}\n\n{header}\n{body}", out.trim_end());
    }
    super::clean::text(&out)
}

/// Shortens lines that are drawn with one character.
fn rules(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut last, mut run) = ('\n', 0);
    for c in text.chars() {
        run = if c == last { run + 1 } else { 1 };
        last = c;
        if run <= MAX_RULE || !"-_=*~#.─━═".contains(c) {
            out.push(c);
        }
    }
    out
}
