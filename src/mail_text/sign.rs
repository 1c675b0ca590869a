//! What stands below a letter and says nothing: signatures, what telephones add, legal notices.

use super::words;

/// Most lines below `-- ` (RFC 3676 section 4.3) that are taken for a signature.
const MAX_SIGNATURE: usize = 15;
/// Most lines of a signature that stands right below the text.
const MAX_CLOSE: usize = 5;
/// Most lines of a legal notice, of one paragraph.
const MAX_NOTICE: usize = 50;
/// Most lines of a warning above the text, the blank one below it included.
const MAX_WARNING: usize = 8;
/// Most things that are cut one after the other.
const MAX_ROUNDS: usize = 20;
/// Longest line that a telephone adds.
const MAX_ADDED: usize = 100;
/// Shortest legal notice.
const MIN_LEGAL: usize = 80;

/// Lines that were cut, by what they were.
pub type Counts = Vec<(&'static str, usize)>;

/// Cuts the lines at the end of a text that say nothing, and counts them.
pub fn cut(lines: &mut Vec<String>, counts: &mut Counts) {
    if let Some(at) = delimiter(lines) {
        let count = lines.drain(at..).filter(|line| !line.is_empty()).count();
        note(counts, "signature", count.saturating_sub(1));
    }
    for _ in 0..MAX_ROUNDS {
        while lines.last().is_some_and(|line| line.is_empty() || is_rule(line)) {
            lines.pop();
        }
        let reach = lines.len().saturating_sub(MAX_NOTICE);
        let start = lines[reach..].iter().rposition(String::is_empty).map_or(reach, |at| reach + at + 1);
        let paragraph = lines[start..].join(" ").to_lowercase().replace('’', "'");
        if is_legal(&paragraph) {
            note(counts, "legal notice", lines.drain(start..).len());
        } else if lines.last().is_some_and(|line| is_added(line)) {
            lines.pop();
            note(counts, "signature", 1);
        } else if is_clutter(&paragraph) {
            note(counts, "footer", lines.drain(start..).len());
        } else {
            break;
        }
    }
    warning(lines, counts);
}

/// A warning that a mail server put above the letter.
fn warning(lines: &mut Vec<String>, counts: &mut Counts) {
    let Some(end) = lines.iter().take(MAX_WARNING).position(String::is_empty) else { return };
    let first = lines[..end].join(" ").to_lowercase();
    if (first.starts_with("caution: ") || first.starts_with("external email")) && first.contains("email") {
        note(counts, "warning of a mail server", end);
        lines.drain(..=end);
    }
}

fn note(counts: &mut Counts, what: &'static str, count: usize) {
    match counts.iter_mut().find(|(known, _)| *known == what) {
        Some((_, sum)) => *sum += count,
        None => counts.push((what, count)),
    }
}

/// Where a signature begins: the only `--` line, with few lines below it and a blank line above it (or very few below),
/// and no quote below it, which would be answered there. Whoever draws such lines in a letter keeps what follows.
fn delimiter(lines: &[String]) -> Option<usize> {
    let mut found = lines.iter().enumerate().filter(|(_, line)| matches!(line.as_str(), "--" | "—"));
    let (at, _) = found.next().filter(|_| found.next().is_none())?;
    let below = &lines[at + 1..];
    let apart = at == 0 || lines[at - 1].is_empty() || below.len() <= MAX_CLOSE;
    let quoted = below.iter().any(|line| line.starts_with('>'));
    (below.len() <= MAX_SIGNATURE && apart && !quoted).then_some(at)
}

fn is_added(line: &str) -> bool {
    let lower = line.trim_start_matches(['-', ' ', '*', '<']).to_lowercase();
    line.len() <= MAX_ADDED && words::SENT_FROM.iter().any(|start| lower.starts_with(start) || lower == start.trim())
}

fn is_legal(paragraph: &str) -> bool {
    if paragraph.len() < MIN_LEGAL || paragraph.starts_with('>') {
        return false;
    }
    let found = |list: &[&str]| list.iter().filter(|word| paragraph.contains(*word)).count();
    let sure = found(&words::LEGAL);
    sure >= 1 && sure + found(&words::LEGAL_TOO) >= 2
}

fn is_clutter(paragraph: &str) -> bool {
    !paragraph.is_empty() && paragraph.len() < 400 && words::CLUTTER.iter().any(|word| paragraph.contains(word))
}

fn is_rule(line: &str) -> bool {
    line.len() >= 3 && line.chars().all(|c| "_-=*~#".contains(c))
}
