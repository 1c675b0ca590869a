//! Quoted history: what the other side has already read.
//!
//! Below the writer's own words it goes. Between them it stays in short form, because an answer without its question is
//! a riddle: of each quote that is answered the last paragraph that asks something, or else the last paragraph, of
//! either the last two lines. A forwarded mail is no history; it stays, with one line instead of its header.

use super::words;

/// Lines of an answered quote that stay.
const KEPT_QUOTE: usize = 2;
/// Longest line above a quote, in bytes, over up to three lines.
const MAX_ATTRIBUTION: usize = 320;
/// Most lines of a header block inside a text.
const MAX_BLOCK: usize = 40;
/// Lines below an attribution that are searched for quote marks.
const MAX_LOOK: usize = 100;

/// A text taken apart.
#[derive(Debug, Default)]
pub struct Cut {
    /// The writer's own words, and the quotes between them.
    pub own: Vec<String>,
    /// Lines of history that were cut.
    pub history: usize,
    /// A forwarded mail below them: its header in one line, its text.
    pub forward: Option<(String, Vec<String>)>,
}

/// Takes a text apart; `is_forward` when the subject says so.
pub fn cut(lines: &[&str], is_forward: bool) -> Cut {
    for (at, line) in lines.iter().enumerate() {
        if is_marker(line, &words::FORWARDED) {
            let block = block_at(lines, at + 1, true).unwrap_or_else(|| Block { end: at + 1, ..Block::default() });
            return forward(lines, at, &block);
        }
        let start = if is_marker(line, &words::ORIGINAL) { at + 1 } else { at };
        let block = if start > at || is_field(line, &words::FROM).is_some() {
            block_at(lines, start, start > at)
        } else {
            None
        };
        match block {
            Some(block) if is_forward || is_empty(&lines[..above(lines, at)]) => {
                return forward(lines, above(lines, at), &block);
            }
            Some(_) => return history(lines, above(lines, at)),
            None if start > at => return history(lines, at),
            None => (),
        }
        if attribution(lines, at).is_some_and(|end| is_bare_history(lines, at, end)) {
            return history(lines, at);
        }
    }
    history(lines, lines.len())
}

fn history(lines: &[&str], end: usize) -> Cut {
    Cut { own: owned(&lines[..end]), history: filled(&lines[end..]), forward: None }
}

fn forward(lines: &[&str], at: usize, block: &Block) -> Cut {
    let forward = (block.words(), unquote(&lines[block.end..]));
    Cut { own: owned(&lines[..at]), history: 0, forward: Some(forward) }
}

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// Own words with the quotes between them in short form; quotes after the last own word go. Gives the number of lines
/// that went, too.
pub fn answers(lines: &[String]) -> (Vec<String>, usize) {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let lines = lines.as_slice();
    let mut out: Vec<String> = Vec::new();
    let (mut cut, mut at) = (0, 0);
    while at < lines.len() {
        let start = at;
        let quote = attribution(lines, at).filter(|end| is_quote(lines, skip_blank(lines, *end)));
        if let Some(end) = quote {
            at = skip_blank(lines, end);
        }
        if !is_quote(lines, at) {
            out.push(lines[at].to_owned());
            at += 1;
            continue;
        }
        let first = at;
        while is_quote(lines, at) || lines.get(at).is_some_and(|line| line.is_empty()) && is_quote(lines, at + 1) {
            at += 1;
        }
        let kept = if is_empty(&lines[at..]) { Vec::new() } else { shorten(&lines[first..at]) };
        cut += filled(&lines[start..at]).saturating_sub(kept.len());
        out.extend(kept);
    }
    (out, cut)
}

/// The end of the last paragraph that asks something, or of the last one; quotes within the quote go.
fn shorten(quote: &[&str]) -> Vec<String> {
    let lines: Vec<&str> = quote.iter().map(|line| inner(line)).collect();
    let is_gap = |line: &&str| line.is_empty() || line.starts_with('>');
    let paragraphs: Vec<&[&str]> = lines.split(is_gap).filter(|lines| !lines.is_empty()).collect();
    let asks = |lines: &&&[&str]| lines.iter().any(|line| line.contains(['?', '？', '؟']));
    let chosen = paragraphs.iter().rev().find(asks).or(paragraphs.last()).copied().unwrap_or_default();
    // A signature or a greeting in the same paragraph is no question either.
    let end = chosen.iter().rposition(|line| line.contains(['?', '？', '؟'])).map_or(chosen.len(), |at| at + 1);
    chosen[end.saturating_sub(KEPT_QUOTE)..end].iter().map(|line| format!("> {line}")).collect()
}

fn inner(line: &str) -> &str {
    line.strip_prefix('>').unwrap_or(line).trim_start()
}

fn is_quote(lines: &[&str], at: usize) -> bool {
    lines.get(at).is_some_and(|line| line.starts_with('>'))
}

/// Apple Mail and others quote what they forward.
fn unquote(lines: &[&str]) -> Vec<String> {
    let all_quoted = lines.iter().all(|line| line.is_empty() || line.starts_with('>'));
    lines.iter().map(|line| if all_quoted { inner(line).to_owned() } else { (*line).to_owned() }).collect()
}

/// The line after "On 3 May, Anna wrote:" if that starts at `at`; it may be broken over three lines.
fn attribution(lines: &[&str], at: usize) -> Option<usize> {
    let mut joined = String::new();
    for (count, line) in lines[at..].iter().take(3).enumerate() {
        if line.is_empty() || line.starts_with('>') {
            return None;
        }
        joined.push_str(line);
        if joined.len() > MAX_ATTRIBUTION {
            return None;
        }
        // Most end with a colon, some stand between dashes.
        if line.ends_with([':', '：']) || joined.starts_with("--") && line.ends_with("--") {
            let lower = joined.to_lowercase();
            let lower = lower.trim_end_matches([':', '：', ' ', '-']);
            let dated = lower.contains(|c: char| c.is_ascii_digit() || c == '@');
            let wrote = words::WROTE.iter().any(|verb| has_word(lower, verb));
            let quoted = is_quote(lines, skip_blank(lines, at + count + 1));
            // Some languages leave out the verb: "3 May 2024, 10:00 Anna <anna@example.org>:".
            let named = lower.contains('@') && lower.contains(|c: char| c.is_ascii_digit());
            return (wrote && (dated || quoted) || named && quoted).then_some(at + count + 1);
        }
        joined.push(' ');
    }
    None
}

/// An attribution above text without any quote marks: all of it is history, if the line has an address, as programs
/// write it, and stands below own words.
fn is_bare_history(lines: &[&str], at: usize, end: usize) -> bool {
    let by_program = lines[at..end].iter().any(|line| line.contains('@'));
    let next = skip_blank(lines, end);
    by_program && at > 0 && next < lines.len() && !lines[next..].iter().take(MAX_LOOK).any(|line| line.starts_with('>'))
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        let apart = |c: Option<char>| c.is_none_or(|c| !c.is_alphabetic() || !word.is_ascii() && !c.is_ascii());
        apart(before) && apart(after)
    })
}

/// `-----Original Message-----`, `Begin forwarded message:` and their kin: a known phrase and little else.
fn is_marker(line: &str, phrases: &[&str]) -> bool {
    if line.len() > 100 {
        return false;
    }
    let bare = line.trim_matches(|c: char| "-_=*>:： ".contains(c)).to_lowercase().replace('’', "'");
    let framed = line.starts_with(['-', '_', '=']) || line.ends_with([':', '：']);
    framed && phrases.iter().any(|phrase| bare == *phrase || bare.starts_with(phrase) && bare.len() <= phrase.len() + 8)
}

#[derive(Default)]
struct Block {
    end: usize,
    from: String,
    subject: String,
}

impl Block {
    fn words(&self) -> String {
        match (self.from.as_str(), self.subject.as_str()) {
            ("", "") => "Forwarded:".to_owned(),
            (from, "") => format!("Forwarded from {from}:"),
            ("", subject) => format!("Forwarded: {subject}"),
            (from, subject) => format!("Forwarded from {from}: {subject}"),
        }
    }
}

/// The header block that starts at `start`, or after blank lines. Below a marker two of From, Sent, To, Subject are
/// enough; alone it needs From, Sent and Subject, for journeys too go from, to, on a date.
fn block_at(lines: &[&str], start: usize, marked: bool) -> Option<Block> {
    let mut block = Block::default();
    let mut kinds = [false; 4];
    let mut at = skip_blank(lines, start);
    let first = at;
    while let Some(line) = lines.get(at).filter(|_| at < first + MAX_BLOCK) {
        // Programs put blank lines between paragraphs; a header is one paragraph, or one paragraph per field.
        let line = inner(line);
        let fields = [words::FROM.as_slice(), &words::SENT, &words::TO, &words::SUBJECT];
        let found = fields.iter().enumerate().find_map(|(kind, names)| Some((kind, is_field(line, names)?)));
        match found {
            // The letter of a second writer begins.
            Some((0, _)) if kinds[0] => break,
            Some((kind, value)) => {
                kinds[kind] = true;
                match kind {
                    0 => block.from = value.to_owned(),
                    3 => block.subject = value.to_owned(),
                    _ => (),
                }
            }
            None if line.is_empty() && kinds.iter().filter(|kind| **kind).count() < 3 && at < first + 8 => (),
            // Long recipient lists go on below.
            None if at > first && at < first + 12 && line.contains('@') && line.contains(['<', ';']) => (),
            None => break,
        }
        at += 1;
    }
    block.end = at;
    let alone = kinds[0] && kinds[1] && kinds[3];
    (alone || marked && kinds.iter().filter(|kind| **kind).count() >= 2).then_some(block)
}

/// The value when the line is one of these fields.
fn is_field<'a>(line: &'a str, names: &[&str]) -> Option<&'a str> {
    let line = line.trim_start_matches(['*', '>', ' ']);
    let (name, value) = line.split_once([':', '：'])?;
    let name = name.trim_matches(|c: char| c == '*' || c.is_whitespace()).to_lowercase();
    names.contains(&name.as_str()).then(|| value.trim_matches(|c: char| c == '*' || c.is_whitespace()))
}

/// Where the rule that Outlook draws above its block begins, or the block itself.
fn above(lines: &[&str], at: usize) -> usize {
    let mut start = at;
    while start > 0 && lines[start - 1].chars().all(|c| c == '_' || c == '-') {
        start -= 1;
    }
    start
}

fn skip_blank(lines: &[&str], mut at: usize) -> usize {
    while lines.get(at).is_some_and(|line| line.is_empty()) {
        at += 1;
    }
    at
}

fn is_empty(lines: &[&str]) -> bool {
    lines.iter().all(|line| line.is_empty())
}

fn filled(lines: &[&str]) -> usize {
    lines.iter().filter(|line| !line.is_empty()).count()
}
