//! Where the history begins: what the other side has already read.
//!
//! | found | in an answer | in a forward | in neither |
//! |---|---|---|---|
//! | title or block, own words above | history | forwarded mail | forwarded mail |
//! | the same, of somebody else about something else | forwarded mail | forwarded mail | forwarded mail |
//! | title or block, nothing above | forwarded mail | forwarded mail | text |
//! | attribution with date and address, no quote marks | history | text | text |
//! | an element of HTML that says so | history | forwarded mail | history |
//!
//! History goes, unless it was answered inside or below ([`answered`]): then only its header goes. A forwarded mail
//! stays, with one line instead of its header. Lines with quote marks are the task of [`super::quotes`].

use super::attribution;
use super::blocks::{self, Block, Title};
use super::context::Context;
use super::cuts::Confidence;
use super::{marks, notices, pointers, quotes, shapes, subject};

/// Lines below an attribution that are searched for quote marks.
const MAX_LOOK: usize = 100;

/// A text taken apart.
#[derive(Debug)]
pub enum Split {
    /// All of it is its writer's own words.
    Own,
    /// From this line on it is history.
    History(usize, Confidence),
    /// From the first line on it is another mail, whose text begins at the second; its header in one line.
    Other(usize, usize, String),
    /// From the first line on all stays, as the writer answered inside of it or below; without its header, up to the second
    /// line, for which the words stand.
    Answered(usize, usize, String),
    /// From the first line to the second a header stands above a quote that was answered: marks tell whose words are whose.
    Quoted(usize, usize),
}

/// Takes a text apart.
pub fn split(lines: &[&str], context: &Context) -> Split {
    for at in 0..lines.len() {
        if let Some(split) = split_at(lines, at, context) {
            return split;
        }
    }
    Split::Own
}

fn split_at(lines: &[&str], at: usize, context: &Context) -> Option<Split> {
    let line = lines[at];
    // What is quoted can be answered line by line; only a forward may stand behind marks.
    if attribution::is_arrowed(line) {
        return by_attribution(lines, at, context);
    }
    if line.is_empty() || line.starts_with('>') && !context.is_forward {
        return None;
    }
    let by_element = line == marks::HISTORY;
    let title = blocks::title(line);
    let marked = title.is_some() || by_element;
    let start = if marked { at + 1 } else { at };
    if (marked || blocks::may_begin(lines, at))
        && let Some(block) = blocks::at(lines, start, marked, context)
    {
        return by_block(lines, at, title, &block, context);
    }
    if title == Some(Title::Forwarded) && blocks::is_known(line) && !context.is_answer {
        return Some(Split::Other(at, at + 1, "Forwarded:".to_owned()));
    }
    let known = context.is_answer
        && (title.is_some() && blocks::is_known(line)
            || at > 0 && !line.starts_with(char::is_alphanumeric) && notices::is_reply_line(line));
    let confidence = match (by_element, known) {
        (true, _) => Confidence::Sure,
        (_, true) => Confidence::Likely,
        _ => return by_attribution(lines, at, context),
    };
    let top = if by_element { attributed_above(lines, at, context) } else { at };
    let unsigned = Block::default();
    let answered = answered(&lines[..top], &lines[at + 1..], &unsigned, context);
    Some(if answered { Split::Answered(at, at, String::new()) } else { Split::History(top, confidence) })
}

/// A title or an element with a block, or a block alone.
fn by_block(lines: &[&str], at: usize, title: Option<Title>, block: &Block, context: &Context) -> Option<Split> {
    let top = blocks::above(lines, at, context);
    let top = if top == at && lines[at] == marks::HISTORY { attributed_above(lines, at, context) } else { top };
    let own = &lines[..top];
    let answers = context.is_answer || lines[at] == marks::HISTORY;
    let forward = Split::Other(top, block.end, block.forwarded());
    // A title that nobody knows says less than the subject that it was sent with.
    let same = !context.topic.is_empty() && subject::read(&block.subject).topic == context.topic;
    let is_original = context.is_answer && same && !blocks::is_known(lines[at]);
    if context.is_forward || title == Some(Title::Forwarded) && !is_original {
        return Some(forward);
    }
    if context.is_answer && quotes::is_answered(&lines[block.end..]) {
        return Some(Split::Quoted(top, block.end));
    }
    match (answers, is_empty(own)) {
        (true, true) => Some(forward),
        (true, false) if answered(own, &lines[block.end..], block, context) => {
            Some(Split::Answered(top, block.end, format!("{} wrote:", name(block))))
        }
        (true, false) if is_third(block, context) => Some(forward),
        (true, false) => Some(Split::History(top, Confidence::Sure)),
        // From, To and Date at the top of a mail may be a journey.
        (false, true) => None,
        (false, false) => Some(forward),
    }
}

/// A mail about something else by somebody who has no part in this one: pasted for whom it goes to.
fn is_third(block: &Block, context: &Context) -> bool {
    let topic = subject::read(&block.subject).topic;
    let known = |word: &String| context.others.contains(word) || context.writer.contains(word);
    let (own, other) = (context.topic.as_str(), topic.as_str());
    let apart = !own.is_empty() && !other.is_empty() && !own.contains(other) && !other.contains(own);
    apart && !block.from.is_empty() && !shapes::words(&block.from).any(|word| known(&word))
}

/// An attribution above text without any quote marks: all of it is history, if the line has a date and an address, as
/// programs write them.
fn by_attribution(lines: &[&str], at: usize, context: &Context) -> Option<Split> {
    let end = if context.is_answer { attribution::end(lines, at, context)? } else { return None };
    let next = shapes::skip_blank(lines, end);
    let bare = next < lines.len() && !lines[next..].iter().take(MAX_LOOK).any(|line| line.starts_with('>'));
    let joined = lines[at..end].join(" ");
    let by_program = shapes::has_address(&joined)
        || lines[at].starts_with(marks::ATTRIBUTION)
        || attribution::is_framed(&joined, false, context)
        || attribution::is_dated_by(&joined, context)
        || attribution::is_arrowed(lines[at])
        || attribution::is_noted(lines[at])
            && (names_other(lines[at], context) || next < lines.len() && blocks::may_begin(lines, next));
    if !bare || !by_program {
        return None;
    }
    let top = blocks::fields_above(lines, at);
    let own = &lines[..top];
    let block = Block { end, from: joined, ..Block::default() };
    let answered = answered(own, &lines[next..], &block, context);
    Some(if answered { Split::Answered(at, at, String::new()) } else { Split::History(top, Confidence::Likely) })
}

/// True when the writer seems to have answered inside or below a history without quote marks: the words above say
/// nothing or point below, the writer signed below, or marked answers.
fn answered(own: &[&str], below: &[&str], block: &Block, context: &Context) -> bool {
    if shapes::says_nothing(own) || pointers::point_below(own) || pointers::name_mark(own, below) {
        return true;
    }
    let wrote_it = |word: &String| shapes::words(&block.from).any(|own| own == *word);
    !context.writer.iter().any(wrote_it) && (pointers::is_signed(below, context) || pointers::is_tagged(below, context))
}

/// The name before the first dashes is of somebody whom the mail goes to.
fn names_other(line: &str, context: &Context) -> bool {
    let name = line.split("---").next().unwrap_or_default();
    shapes::words(name).any(|word| context.others.contains(&word))
}

/// The line that says whose words follow stands above the element in which they are, in some programs.
fn attributed_above(lines: &[&str], at: usize, context: &Context) -> usize {
    let Some(last) = lines[..at].iter().rposition(|line| !line.is_empty()) else { return at };
    let is_whole = |from: &usize| attribution::end(lines, *from, context) == Some(last + 1);
    let found = (last.saturating_sub(2)..=last).rev().find(is_whole);
    found.map_or(at, |found| blocks::fields_above(lines, found))
}

fn name(block: &Block) -> &str {
    let name = block.from.split(['<', '[', '(']).next().unwrap_or_default().trim_matches(['"', ' ', '\'']);
    if name.is_empty() { "They" } else { name }
}

fn is_empty(lines: &[&str]) -> bool {
    !lines.iter().any(|line| shapes::says(line))
}
