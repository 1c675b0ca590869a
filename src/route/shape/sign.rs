//! What stands below a letter and says nothing: signatures, what telephones add, legal notices.

use super::words;

/// Most lines after a bare `--` that are taken for a signature; `-- ` with its space (RFC 3676) has no limit.
const MAX_LOOSE: usize = 15;
/// Longest line that a telephone adds.
const MAX_ADDED: usize = 100;
/// Shortest legal notice.
const MIN_LEGAL: usize = 80;

/// Cuts the lines at the end of a text that say nothing; gives notes on what was cut.
///
/// `loose` says that the lines lost their trailing blanks, so that `--` is as good as `-- `.
pub fn cut(lines: &mut Vec<String>) -> Vec<String> {
    let mut notes = Vec::new();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    if let Some(at) = delimiter(lines) {
        note(&mut notes, "signature", lines.drain(at..).len() - 1);
    }
    loop {
        while lines.last().is_some_and(|line| line.is_empty() || is_rule(line)) {
            lines.pop();
        }
        let start = lines.iter().rposition(String::is_empty).map_or(0, |at| at + 1);
        let paragraph = lines[start..].join(" ").to_lowercase().replace('’', "'");
        if is_legal(&paragraph) {
            note(&mut notes, "legal notice", lines.drain(start..).len());
        } else if lines.last().is_some_and(|line| is_added(line)) {
            lines.pop();
            note(&mut notes, "signature", 1);
        } else if is_clutter(&paragraph) {
            note(&mut notes, "footer", lines.drain(start..).len());
        } else {
            break;
        }
    }
    // A warning that a mail server put above the letter.
    let end = lines.iter().position(String::is_empty).unwrap_or(0);
    let first = lines[..end].join(" ").to_lowercase();
    if end > 0 && (first.starts_with("caution: ") || first.starts_with("external email")) && first.contains("email") {
        note(&mut notes, "warning of a mail server", lines.drain(..=end).len() - 1);
    }
    notes
}

fn note(notes: &mut Vec<String>, what: &str, count: usize) {
    if count > 0 {
        notes.push(format!("{what} of {count} {}", if count == 1 { "line" } else { "lines" }));
    }
}

/// The last `--` line with little enough below it. A text that is nothing else keeps it.
fn delimiter(lines: &[String]) -> Option<usize> {
    let at = lines.iter().rposition(|line| matches!(line.as_str(), "--" | "—" | "__"))?;
    let first = lines.iter().position(|line| line == "--").filter(|first| lines.len() - first <= MAX_LOOSE);
    let at = first.unwrap_or(at);
    (lines.len() - at <= MAX_LOOSE + 1).then_some(at)
}

fn is_added(line: &str) -> bool {
    let lower = line.trim_start_matches(['-', ' ', '*', '<']).to_lowercase();
    line.len() <= MAX_ADDED && words::SENT_FROM.iter().any(|start| lower.starts_with(start) || lower == start.trim())
}

fn is_legal(paragraph: &str) -> bool {
    if paragraph.len() < MIN_LEGAL || paragraph.starts_with("> ") {
        return false;
    }
    let strong = words::LEGAL.iter().filter(|word| paragraph.contains(*word)).count();
    strong >= 2
}

fn is_clutter(paragraph: &str) -> bool {
    !paragraph.is_empty() && paragraph.len() < 400 && words::CLUTTER.iter().any(|word| paragraph.contains(word))
}

fn is_rule(line: &str) -> bool {
    line.len() >= 3 && line.chars().all(|c| "_-=*~#".contains(c))
}
