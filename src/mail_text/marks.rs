//! What HTML says outright about a text, kept in the text as characters that nobody can write (Unicode noncharacters).

/// A line of its own: below it stands history.
pub const HISTORY: &str = "\u{fdd0}";
/// A line of its own: a signature begins.
pub const SIGNATURE: &str = "\u{fdd1}";
/// A line of its own: the signature is over.
pub const END: &str = "\u{fdd2}";
/// At the start of a line that says whose words are quoted below.
pub const ATTRIBUTION: char = '\u{fdd3}';

/// True for characters that are marks here, and nowhere else.
pub fn is_mark(c: char) -> bool {
    ('\u{fdd0}'..='\u{fdd3}').contains(&c)
}

/// A text without marks, and without the lines that held nothing else.
pub fn without(text: &str) -> String {
    if !text.contains(is_mark) {
        return text.to_owned();
    }
    let kept = text.split('\n').filter(|line| ![HISTORY, SIGNATURE, END].contains(line));
    kept.collect::<Vec<_>>().join("\n").replace(is_mark, "")
}
