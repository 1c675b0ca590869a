//! Lines with quote marks.
//!
//! In an answer what stands below the writer's own words goes. Between them a quote stays in short form, because an
//! answer without its question is a riddle: the last paragraph that asks something, or else the last one, of either the
//! last two lines. A quote in a mail that answers nothing is part of what its writer says, and so is one that the line
//! above leads to with a colon, and one that touches the words above it.

use super::attribution::{self, is_quote};
use super::blocks::{self, inner};
use super::context::Context;
use super::cuts::{Confidence, Cuts, Rule};
use super::{marks, pointers, shapes};

/// Lines of an answered quote that stay.
const KEPT: usize = 2;
/// Fewest lines of a quote that goes without a line above it that says whose it is.
const MIN_PLAIN: usize = 2;

/// Own words with the quotes between them in short form, and without those below them.
pub fn cut(lines: &[&str], context: &Context, cuts: &mut Cuts) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    // Once a line has said whose words are quoted, all quotes are.
    let mut known = false;
    while at < lines.len() {
        let start = at;
        let by_element = lines[at].starts_with(marks::ATTRIBUTION);
        let attributed = Some(at).filter(|_| !lines[at].is_empty() && (context.is_answer || by_element));
        let attributed = attributed.and_then(|at| attribution::end(lines, at, context));
        let attributed = attributed.filter(|end| is_quote(lines, shapes::skip_blank(lines, *end)));
        if let Some(end) = attributed {
            at = shapes::skip_blank(lines, end);
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
        let quote = &lines[first..at];
        let above = out.iter().rfind(|line| !line.is_empty());
        let leads = above.is_some_and(|line| line.ends_with(shapes::COLONS));
        // "Look:" and then whose words they are: the writer quotes, unless a program put an address there.
        if leads && attributed.is_some() && !by_element && !shapes::has_address(&lines[start..first].join(" ")) {
            out.extend(lines[start..at].iter().map(|line| (*line).to_owned()));
            continue;
        }
        known |= attributed.is_some() || begins_with_attribution(quote, context);
        let touches = out.last().is_some_and(|line| !line.is_empty() && !shapes::is_rule(line));
        let is_last = !lines[at..].iter().any(|line| !line.is_empty() && *line != marks::HISTORY);
        let plain = context.is_answer && !leads && !touches && (quote.len() >= MIN_PLAIN || !is_last);
        if !known && !plain {
            if context.is_answer && is_last && !leads {
                cuts.add(Rule::History, Confidence::Unsure, quote);
            }
            out.extend(quote.iter().map(|line| (*line).to_owned()));
            continue;
        }
        // Answers that were written into the quote, behind its marks.
        if is_last && is_answered_inside(&out, quote, context) {
            out.extend(lines[start..at].iter().map(|line| (*line).to_owned()));
            continue;
        }
        let kept = if is_last { Vec::new() } else { shorten(quote) };
        let gone: Vec<&str> =
            lines[start..at].iter().copied().filter(|line| !kept.iter().any(|own| inner(own) == inner(line))).collect();
        cuts.add(Rule::History, if known { Confidence::Sure } else { Confidence::Likely }, &gone);
        if is_last {
            cut_above(&mut out, context, cuts);
        }
        out.extend(kept);
    }
    out
}

/// All own words stand above the quote, and lead into it, or it has lines that are the writer's by name.
fn is_answered_inside(own: &[String], quote: &[&str], context: &Context) -> bool {
    if own.iter().any(|line| line.starts_with('>')) || !own.iter().any(|line| shapes::says(line)) {
        return false;
    }
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let named = |line: &&str| pointers::is_named(inner(line), context);
    pointers::point_inside(&own) || pointers::name_mark(&own, quote) || quote.iter().any(named)
}

/// Lines with quote marks, and below them words without: below a header that a program wrote these are the writer's.
pub fn is_answered(lines: &[&str]) -> bool {
    let filled = || lines.iter().filter(|line| shapes::says(line) || line.starts_with('>'));
    let begins = filled().next().is_some_and(|line| line.starts_with('>'));
    begins && filled().any(|line| !line.starts_with('>') && !blocks::is_known(line))
}

/// Some programs put fields, or the writer's own address, between the words and the quote below them.
fn cut_above(out: &mut Vec<String>, context: &Context, cuts: &mut Cuts) {
    let lines: Vec<&str> = out.iter().map(String::as_str).collect();
    let end = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    let fields = blocks::fields_above(&lines, end);
    let own = end >= 2 && lines[end - 2].is_empty() && blocks::is_own_address(&lines[..end], context);
    let left = if fields < end { fields } else { end - usize::from(own) };
    cuts.add(Rule::History, Confidence::Likely, &out[left..end]);
    out.truncate(left);
}

/// Apple and others put the line that says whose words they are inside the quote.
fn begins_with_attribution(quote: &[&str], context: &Context) -> bool {
    let lines: Vec<&str> = quote.iter().map(|line| inner(line)).collect();
    let first = shapes::skip_blank(&lines, 0);
    // Below it stands what is quoted, now without a mark: it is asked for date and address.
    first < lines.len() && attribution::end(&lines, first, context).is_some()
}

/// The end of the last paragraph that asks something, or of the last one; quotes within the quote go.
fn shorten(quote: &[&str]) -> Vec<String> {
    let lines: Vec<&str> = quote.iter().map(|line| inner(line)).collect();
    let is_gap = |line: &&str| line.is_empty() || line.starts_with('>');
    let paragraphs: Vec<&[&str]> = lines.split(is_gap).filter(|lines| !lines.is_empty()).collect();
    let asks = |lines: &&&[&str]| lines.iter().any(|line| is_question(line));
    let chosen = paragraphs.iter().rev().find(asks).or(paragraphs.last()).copied().unwrap_or_default();
    // A signature or a greeting in the same paragraph is no question either.
    let end = chosen.iter().rposition(|line| is_question(line)).map_or(chosen.len(), |at| at + 1);
    chosen[end.saturating_sub(KEPT)..end].iter().map(|line| format!("> {line}")).collect()
}

fn is_question(line: &str) -> bool {
    line.contains(['?', '？', '؟', '¿'])
}

/// A line with the initials of somebody whom the mail goes to before its quote mark (`AS> text`), without them: some
/// programs write so. `None` for any other.
pub fn without_initials(line: &str, context: &Context) -> Option<String> {
    let (initials, _) = line.trim_start().split_once('>')?;
    let count = initials.chars().count();
    if !(2..=4).contains(&count) || !initials.chars().all(char::is_uppercase) {
        return None;
    }
    let lower = initials.to_lowercase();
    let is_of = |c: char, word: &String| word.starts_with(c);
    // In the order of the name, or with the last name first.
    let named = context.receivers.windows(count).any(|name| {
        lower.chars().zip(name).all(|(c, word)| is_of(c, word))
            || lower.chars().zip(name.iter().rev()).all(|(c, word)| is_of(c, word))
    });
    let own = lower.chars().all(|c| context.writer.iter().any(|word| is_of(c, word)));
    (named && !own).then(|| line.trim_start()[initials.len()..].to_owned())
}

/// Apple Mail and others quote what they forward.
pub fn unquote(lines: &[&str]) -> Vec<String> {
    let all_quoted = lines.iter().all(|line| line.is_empty() || line.starts_with('>'));
    lines.iter().map(|line| if all_quoted { inner(line).to_owned() } else { (*line).to_owned() }).collect()
}
