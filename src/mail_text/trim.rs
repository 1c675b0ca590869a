//! Cuts a text down to what its writer wanted to say.

use super::{clean, history, sign, urls};

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

/// Trims a clean text (see [`super::clean::text`]). A text of which only quotes were left stays as it is.
pub fn trim(text: &str, is_forward: bool) -> Trimmed {
    let lines: Vec<&str> = text.lines().collect();
    let mut counts = vec![("quoted history", 0)];
    let out = letter(&lines, is_forward, 0, &mut counts);
    if out.is_empty() && counts[0].1 > 0 {
        return Trimmed::whole(text);
    }
    let cut = counts.into_iter().filter(|(_, count)| *count > 0);
    let notes = cut.map(|(what, count)| format!("{what} of {count} {}", if count == 1 { "line" } else { "lines" }));
    Trimmed { text: urls::clean(&rules(&out)), notes: notes.collect() }
}

fn letter(lines: &[&str], is_forward: bool, depth: usize, counts: &mut sign::Counts) -> String {
    let history::Cut { mut own, history, forward } = history::cut(lines, is_forward);
    sign::cut(&mut own, counts);
    let (mut own, quoted) = history::answers(&own);
    // What stood between the words and the quotes.
    sign::cut(&mut own, counts);
    counts[0].1 += history + quoted;
    let mut out = own.join("\n");
    if let Some((header, body)) = forward {
        let body: Vec<&str> = body.iter().map(String::as_str).skip_while(|line| line.is_empty()).collect();
        let body = if depth < MAX_FORWARDS { letter(&body, false, depth + 1, counts) } else { body.join("\n") };
        out = format!("{}\n\n{header}\n{body}", out.trim_end());
    }
    clean::text(&out)
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
