//! The line above a quote: "On 3 May 2024 at 10:00, Anna <anna@example.org> wrote:".
//!
//! It is known by its shape, in any language: at most three lines, a colon or one of its cousins at the end, and in it
//! a date as programs write it or a mail address. A verb of the table helps where a date is short; a name alone counts
//! only if the mail goes to somebody of that name.

use super::context::Context;
use super::marks;
use super::shapes::{self, COLONS};
use super::words;

/// Longest line above a quote, in bytes, over up to three lines.
const MAX_LENGTH: usize = 400;
/// Most words beside a mailbox, where there is no date.
const MAX_NAMED: usize = 6;
/// Most words beside a name.
const MAX_SAID: usize = 3;
/// Most words of a line without a colon.
const MAX_BARE: usize = 14;
/// Longest date of Notes, in bytes.
const MAX_DATE: usize = 40;
/// Most lines that it is broken into.
const MAX_LINES: usize = 3;
/// How programs begin it. In the middle of a line only they write that in capitals.
const BEGINNINGS: [&str; 11] = ["On ", "Le ", "Am ", "El ", "Il ", "Op ", "Em ", "Den ", "På ", "Dnia ", "W dniu "];
/// Fewest numbers of a date with a year and a time.
const WHOLE_DATE: usize = 5;

/// The lines, with a break before each such line that stands right behind the writer's own words: some programs put none
/// there.
pub fn set_apart(lines: Vec<String>, context: &Context) -> Vec<String> {
    if !context.is_answer || !lines.iter().any(|line| line.starts_with('>')) {
        return lines;
    }
    let starts = |at: usize| {
        let line = lines[at].as_str();
        let own = |place: usize| line[..place].trim_end_matches([' ', '-']).chars().any(char::is_alphanumeric);
        // Its end is below the line with its start, if it is broken.
        let whole = (at..lines.len().min(at + 2)).find(|last| lines[*last].ends_with(COLONS))?;
        let quoted = lines[whole + 1..].iter().find(|line| !line.is_empty()).is_some_and(|line| line.starts_with('>'));
        if whole > at && is_whole(&lines[whole], context) {
            return None;
        }
        let begins = |start: &&str| {
            let place = line.match_indices(*start).map(|(place, _)| place).find(|place| own(*place))?;
            let rest = [&line[place..]].into_iter().chain(lines[at + 1..=whole].iter().map(String::as_str));
            is_whole(&rest.collect::<Vec<_>>().join(" "), context).then_some(place)
        };
        (quoted && !line.starts_with('>')).then(|| BEGINNINGS.iter().find_map(begins))?
    };
    let mut out = Vec::with_capacity(lines.len());
    for (at, line) in lines.iter().enumerate() {
        match starts(at) {
            Some(place) => {
                let (own, rest) = line.split_at(place);
                out.extend([own.trim_end_matches([' ', '-']).to_owned(), String::new(), rest.to_owned()]);
            }
            None => out.push(line.clone()),
        }
    }
    out
}

/// The line after the attribution if one starts at `at`. With a quote below it less is asked of it.
pub fn end(lines: &[&str], at: usize, context: &Context) -> Option<usize> {
    if lines[at].starts_with(marks::ATTRIBUTION) || is_arrowed(lines[at]) || is_noted(lines[at]) {
        return Some(at + 1);
    }
    let mut joined = String::new();
    for (count, line) in lines[at..].iter().take(MAX_LINES).enumerate() {
        // Some programs break the line within the address.
        let in_address = joined.rfind('<').is_some_and(|open| !joined[open..].contains('>'));
        if line.is_empty() || line.starts_with('>') && !in_address || line.starts_with(marks::ATTRIBUTION) {
            return None;
        }
        if count > 0 && !in_address {
            joined.push(' ');
        }
        joined.push_str(line);
        if joined.len() > MAX_LENGTH {
            return None;
        }
        let next = at + count + 1;
        let quoted = is_quote(lines, shapes::skip_blank(lines, next));
        let framed = joined.trim_start().starts_with("--") && line.ends_with("--") && joined.contains(char::is_numeric);
        let named = is_framed(&joined, quoted, context);
        let ends = line.ends_with(COLONS) || framed || named || quoted && count == 0 && is_bare(lines, at, context);
        let touches = quoted && lines.get(next).is_some_and(|line| line.starts_with('>'));
        // Some scripts close such a line with a sign of their own.
        let closed = joined.contains('<')
            && (!line.ends_with(char::is_alphanumeric) || line.ends_with('ः'))
            && is_whole(&joined, context);
        let bare_end = touches && (line.ends_with('>') || closed);
        if !ends && !bare_end {
            continue;
        }
        // The text above may touch it: then it begins with the first line from which on it is whole.
        let rest = |skip: usize| lines[at + skip..next].join(" ");
        let whole_below = (1..=count).any(|skip| is_whole(&rest(skip), context));
        // Without a date anywhere, the shortest that says whose words they are.
        let alone = !shapes::has_date(&joined) && (1..=count).any(|skip| is_attribution(&rest(skip), quoted, context));
        if (whole_below || alone) && !is_mailbox(lines[at]) {
            return None;
        }
        return is_attribution(&joined, quoted, context).then_some(next);
    }
    None
}

fn is_attribution(joined: &str, quoted: bool, context: &Context) -> bool {
    let lower = joined.to_lowercase();
    let lower = lower.trim_end_matches(|c: char| COLONS.contains(&c) || " -".contains(c));
    let (dated, addressed) = (shapes::has_date(lower), shapes::has_address(lower));
    let wrote = words::WROTE.iter().any(|verb| shapes::has_word(lower, verb));
    let numbers = shapes::numbers(lower).len();
    let known = shapes::words(lower).any(|word| context.others.contains(&word));
    if is_framed(joined, quoted, context) {
        return true;
    }
    if !quoted {
        return dated && (addressed || is_dated_by(lower, context));
    }
    dated || addressed && numbers > 0 || wrote && (numbers >= 2 || known || addressed) || is_named(lower, context)
}

/// `>>> Anna Example <anna@example.org> 3.5.2024 10:00 >>>`, as GroupWise writes it.
pub fn is_arrowed(line: &str) -> bool {
    line.strip_prefix(">>>").and_then(|line| line.trim_end().strip_suffix(">>>")).is_some_and(shapes::has_date)
}

/// `Anna Example ---03.05.2024 10:00:00---Is the anchor holding`, as Notes writes it: a name, a date, the first words.
pub fn is_noted(line: &str) -> bool {
    let Some((name, rest)) = line.split_once("---") else { return false };
    let date = rest.split_once("---").map_or("", |(date, _)| date);
    (1..=MAX_NAMED).contains(&name.split_whitespace().count()) && shapes::has_date(date) && date.len() <= MAX_DATE
}

/// Between dashes with a word for *wrote*: an address, a date, or nothing but a name, which is that of somebody whom the mail
/// goes to where no quote stands below.
pub fn is_framed(joined: &str, quoted: bool, context: &Context) -> bool {
    let line = joined.trim();
    // A stranger may send a thousand lines of two dashes: they say nothing, and are not searched for what they say.
    if !line.starts_with("--") || !line.ends_with("--") || !line.contains(char::is_alphanumeric) {
        return false;
    }
    let lower = line.trim_matches(['-', ' ']).to_lowercase();
    let count = lower.split_whitespace().count();
    let wrote = words::WROTE.iter().any(|verb| shapes::has_word(&lower, verb));
    let says_who = shapes::has_address(&lower) && count <= MAX_NAMED + 2;
    let ends = words::WROTE.iter().any(|verb| lower.strip_suffix(verb).is_some_and(|name| name.ends_with(' ')));
    let known = quoted || shapes::words(&lower).any(|word| context.others.contains(&word));
    wrote && (says_who || shapes::has_date(&lower) && count <= MAX_BARE || ends && known && count <= MAX_NAMED)
}

/// A whole date with its time, a word for *wrote* and the name of somebody whom the mail goes to: nobody writes so by hand.
pub fn is_dated_by(line: &str, context: &Context) -> bool {
    let lower = line.to_lowercase();
    let numbers = shapes::numbers(&lower);
    let wrote = words::WROTE.iter().any(|verb| shapes::has_word(&lower, verb));
    let known = shapes::words(&lower).any(|word| context.others.contains(&word));
    wrote
        && known
        && numbers.len() >= WHOLE_DATE
        && numbers.contains(&4)
        && lower.split_whitespace().count() <= MAX_BARE
}

/// A line without a colon: a whole date, and the mailbox at its start, or a word for *wrote* and the quote apart from it.
fn is_bare(lines: &[&str], at: usize, context: &Context) -> bool {
    let line = lines[at];
    let lower = line.to_lowercase();
    let apart = lines.get(at + 1).is_some_and(|below| below.is_empty());
    let cites = words::CITES.begins(&lower);
    let wrote = (apart || cites) && words::WROTE.iter().any(|verb| shapes::has_word(&lower, verb));
    let mailbox = lower.split_once('>').is_some_and(|(start, _)| {
        start
            .split_once('<')
            .is_some_and(|(name, address)| name.split_whitespace().count() <= MAX_NAMED && shapes::has_address(address))
    });
    (wrote || mailbox)
        && shapes::numbers(&lower).len() >= 3
        && !line.ends_with(['.', '!', '?', ','])
        && is_whole(line, context)
        && line.split_whitespace().count() <= MAX_BARE
}

/// Little more than the mailbox or the name of somebody whom the mail goes to: "Quoting Anna <anna@example.org>:", "Anna
/// Example said:" in any language.
fn is_named(lower: &str, context: &Context) -> bool {
    let is_known = |word: &String| context.others.contains(word);
    let Some((before, rest)) = lower.split_once('<') else {
        let (own, others): (Vec<_>, Vec<_>) = shapes::words(lower).partition(is_known);
        let greets = shapes::words(lower).any(|word| words::GREETING.has(&word));
        return own.len() >= 2 && (1..=MAX_SAID).contains(&others.len()) && !greets;
    };
    let Some((address, after)) = rest.split_once('>') else { return false };
    let local = address.split('@').next().unwrap_or_default();
    let count = |text: &str| text.split_whitespace().count();
    count(before) + count(after) <= MAX_NAMED
        && shapes::has_address(address)
        && shapes::words(local).any(|word| is_known(&word))
}

/// A date, and an address, a verb or the whole name of somebody whom the mail goes to: nothing is missing at its start.
fn is_whole(joined: &str, context: &Context) -> bool {
    let lower = joined.to_lowercase();
    shapes::has_date(&lower)
        && (shapes::has_address(&lower)
            || words::WROTE.iter().any(|verb| shapes::has_word(&lower, verb))
            || shapes::words(&lower).filter(|word| context.others.contains(word)).count() >= 2)
}

/// `Anna Example <anna@example.org>` and nothing else: some languages begin with it.
fn is_mailbox(line: &str) -> bool {
    line.ends_with('>') && shapes::has_address(line) && line.split_whitespace().count() <= 6
}

/// True when the line is quoted.
pub fn is_quote(lines: &[&str], at: usize) -> bool {
    lines.get(at).is_some_and(|line| line.starts_with('>'))
}
