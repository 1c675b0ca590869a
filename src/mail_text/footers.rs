//! Footers that are known by where they stand: below a line that a list, a scanner, a forum or a service draws or always
//! writes.

use super::cuts::{Confidence, Rule};
use super::shapes::lower;
use super::{shapes, words};

/// Most lines of a list's footer below its rule.
const MAX_LIST: usize = 9;
/// Most lines of what a service adds.
const MAX_SERVICE: usize = 20;
/// Shortest rule that a list draws above its footer.
const MIN_LIST_RULE: usize = 20;
/// The same where the line below it tells at once how to leave.
const MIN_SHORT_RULE: usize = 10;
/// Shortest line that a list draws with several signs.
const MIN_DRAWN: usize = 8;
/// Bytes of a line that are looked at for the beginning of a footer.
const MAX_BEGINNING: usize = 120;
/// Most words of a line in a part that holds nothing but a list's footer.
const MAX_PART_WORDS: usize = 10;
/// Most lines of a footer in a frame.
const MAX_FRAMED: usize = 6;

/// Where such a footer begins that goes on to the end.
pub fn find(lines: &[String]) -> Option<(usize, Rule, Confidence)> {
    [list_footer, drawn_footer, framed_footer, forum_footer, desk_footer, service_footer]
        .iter()
        .find_map(|of| of(lines))
}

/// What a line begins with, in lower case: it may be as long as a whole mail.
fn beginning(line: &str) -> String {
    line[..line.floor_char_boundary(MAX_BEGINNING)].to_lowercase()
}

/// Below a rule: few lines, with the page or the address of a list.
fn list_footer(lines: &[String]) -> Option<(usize, Rule, Confidence)> {
    let reach = lines.len().saturating_sub(MAX_LIST + 1);
    let leads = |line: &String| words::UNSUBSCRIBE.begins(&beginning(line));
    let least = if lines.last().is_some_and(leads) { MIN_SHORT_RULE } else { MIN_LIST_RULE };
    let rule = |line: &String| line.len() >= least && line.chars().all(|c| "_-=#".contains(c));
    let at = reach + lines[reach..].iter().rposition(rule)?;
    // One kind of list leaves a line free below a rule of its own.
    let free = usize::from(lines[at].starts_with('#') && lines.get(at + 1).is_some_and(String::is_empty));
    let below = &lines[at + 1 + free..];
    let text = lower(below);
    let leaves =
        text.contains('@') && ["subscri", "-leave", "-request", "@lists."].iter().any(|own| text.contains(own));
    let is_list = words::LIST.within(&text) && (text.contains("://") || leaves);
    // One block right below the rule.
    let short = below.iter().all(|line| line.len() <= 120 && !line.is_empty());
    (is_list && short).then_some((at, Rule::Footer, Confidence::Sure))
}

/// True when a text of a mail that has another above it is a list's footer: lists put one into a part of its own, below a
/// line of two dashes or more. Only an address of a list, or a word for leaving one, tells it from a note.
pub fn is_part(lines: &[String]) -> bool {
    let Some((first, below)) = lines.split_first() else { return false };
    let drawn = first.len() >= 2 && first.chars().all(|c| "_-=#".contains(c));
    let is_short = |line: &String| line.len() <= 120 && line.split_whitespace().count() <= MAX_PART_WORDS;
    if !drawn || below.len() > MAX_LIST || !below.iter().all(is_short) {
        return false;
    }
    // "Abmelden: https://..." below the name of the list.
    let leaves = |line: &String| {
        let line = line.to_lowercase();
        line.split_once(shapes::COLONS).is_some_and(|(label, _)| words::LEAVE_LABEL.has(label.trim()))
    };
    let text = lower(below);
    let is_list = words::LISTED.within(&text) || words::LIST.within(&text) && below.iter().any(leaves);
    is_list && (text.contains("://") || text.contains('@')) && !text.contains('?')
}

/// Below a line that lists draw with several signs (`_._,_._,_`): their own words.
fn drawn_footer(lines: &[String]) -> Option<(usize, Rule, Confidence)> {
    let reach = lines.len().saturating_sub(MAX_SERVICE);
    let drawn = |line: &String| {
        line.len() >= MIN_DRAWN
            && ["_", ".", ","].iter().all(|sign| line.contains(sign))
            && line.chars().all(|c| "_.,".contains(c))
    };
    let at = reach + lines[reach..].iter().position(drawn)?;
    words::LIST.within(&lower(&lines[at + 1..])).then_some((at, Rule::Footer, Confidence::Sure))
}

/// A scanner's name in a frame (`____ Information from ... ____`), and below it nothing but its words and its page.
fn framed_footer(lines: &[String]) -> Option<(usize, Rule, Confidence)> {
    let reach = lines.len().saturating_sub(MAX_FRAMED);
    let is_framed = |line: &String| {
        line.starts_with("____") && line.ends_with("____") && words::SCANNER.within(&line.to_lowercase())
    };
    let at = reach + lines[reach..].iter().position(is_framed)?;
    let foreign = |line: &String| line.contains("://") || words::SCANNER.within(&line.to_lowercase());
    let all = lines[at..].iter().filter(|line| !line.is_empty()).all(foreign);
    all.then_some((at, Rule::Footer, Confidence::Sure))
}

/// A forum's own words below a rule, to its end.
fn forum_footer(lines: &[String]) -> Option<(usize, Rule, Confidence)> {
    let reach = lines.len().saturating_sub(MAX_LIST);
    let begins = |at: usize| shapes::is_rule(&lines[at - 1]) && words::FORUM.begins(&lines[at].to_lowercase());
    let at = (reach.max(1)..lines.len()).find(|at| begins(*at))?;
    words::UNSUBSCRIBE.within(&lower(&lines[at..])).then_some((at - 1, Rule::Footer, Confidence::Sure))
}

/// A help desk's own sentence, and below it the number of the request: `[AB12CD-EF34]`.
fn desk_footer(lines: &[String]) -> Option<(usize, Rule, Confidence)> {
    let last = lines.len().checked_sub(1)?;
    let is_number = |line: &str| {
        let inner =
            line.strip_prefix('[').and_then(|line| line.strip_suffix(']')).and_then(|line| line.split_once('-'));
        let coded = |part: &str| part.len() >= 4 && part.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        inner.is_some_and(|(one, other)| coded(one) && coded(other))
    };
    let above = || lines[..last].iter().rposition(|line| !line.is_empty());
    let at = if is_number(&lines[last]) { above()? } else { last };
    words::DESK.within(&lines[at].to_lowercase()).then_some((at, Rule::Footer, Confidence::Sure))
}

/// What a service that brings text messages as mails adds below each of them.
fn service_footer(lines: &[String]) -> Option<(usize, Rule, Confidence)> {
    let reach = lines.len().saturating_sub(MAX_SERVICE);
    let begins = |line: &String| words::SERVICE.begins(&beginning(line));
    let at = reach + lines[reach..].iter().position(begins)?;
    Some((at, Rule::Footer, Confidence::Sure))
}
