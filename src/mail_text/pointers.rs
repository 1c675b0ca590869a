//! How a writer tells that answers stand inside or below what was answered: by a place, by a look, by a mark, by a name.

use super::context::Context;
use super::{blocks, notices, shapes, words};

/// Bytes of own words, at most, of which any place may point to answers below.
const MAX_POINTER: usize = 240;
/// Bytes of own words that say little beside the place to which they point.
const MAX_ONLY: usize = 60;
/// Bytes of the beginning and of the end of own words in which a sentence is looked for that speaks of answers and their place.
const MAX_SENTENCES: usize = 1500;
/// Lines at the end of a history where the writer may have signed.
const SIGN_OFF: usize = 3;
/// Longest line of a signed name, in characters.
const MAX_SIGNED: usize = 40;
/// Longest mark that is named, in characters.
const MAX_MARK: usize = 6;
/// Signs of which marks are made; others end sentences, draw lines or smile.
const MARKS: &str = "=*#>@+~^%/\\|<$";
/// Lines below that are searched for a mark.
const MAX_SEARCHED: usize = 1000;
/// Marks of answers that nobody needs to explain.
const ARROWS: [&str; 7] = ["==>", "-->", "=>", "->", ">>>", "***", "###"];

/// Says that the answers stand below, in some language, or ends with a colon.
pub fn point_below(own: &[&str]) -> bool {
    let filled = filled(own);
    // A sign that somebody chose instead of an answer leads to nothing but the words it is meant for.
    if filled.len() == 1 && words::REACTION.within(&filled[0].to_lowercase()) {
        return false;
    }
    let leads = filled.last().is_some_and(|line| line.ends_with(shapes::COLONS));
    leads || says_place(&filled, MAX_POINTER) || says_where(&filled)
}

/// Says little more than that the answers stand below, or says in one sentence that they are answers and where: enough to
/// look for them among lines with quote marks.
pub fn point_inside(own: &[&str]) -> bool {
    let filled = filled(own);
    let leads = |line: &&str| line.ends_with(shapes::COLONS) && words::ANSWERS.starts(&line.to_lowercase());
    filled.last().is_some_and(leads) || says_place(&filled, MAX_ONLY) || says_where(&filled)
}

/// Names a mark with which lines below begin: "I put === before what I say", "DM" above `[DM] yes`.
pub fn name_mark(own: &[&str], below: &[&str]) -> bool {
    let length: usize = own.iter().map(|line| line.len()).sum();
    if length > MAX_SENTENCES {
        return false;
    }
    let named = own.iter().flat_map(|line| line.split_whitespace()).filter_map(mark);
    let named: Vec<&str> = named.collect();
    let begins = |line: &str| {
        let line = blocks::inner(line).trim_start_matches(['[', '(']);
        named.iter().any(|mark| {
            let rest = line.strip_prefix(mark);
            let letters = mark.starts_with(char::is_alphabetic);
            rest.is_some_and(|rest| match letters {
                true => rest.starts_with([']', ')', ':', '>']) && rest[1..].contains(char::is_alphanumeric),
                false => rest.contains(char::is_alphanumeric),
            })
        })
    };
    !named.is_empty() && below.iter().take(MAX_SEARCHED).any(|line| begins(line))
}

/// A word of two or more signs, or of capitals alone.
fn mark(word: &str) -> Option<&str> {
    let bare =
        word.trim_matches(['"', '\'', '“', '”', '„', '«', '»', '(', ')', '[', ']', ',', '.', ':', ';', '!', '?']);
    let count = bare.chars().count();
    let signs = bare.chars().all(|c| MARKS.contains(c));
    ((2..=MAX_MARK).contains(&count) && (signs || bare.chars().all(char::is_uppercase))).then_some(bare)
}

/// The writer's name stands alone near the end.
pub fn is_signed(below: &[&str], context: &Context) -> bool {
    let mut last = below.iter().rev().filter(|line| !line.is_empty()).take(SIGN_OFF);
    last.any(|line| line.chars().count() <= MAX_SIGNED && is_writer(line, context))
}

/// Lines begin with the writer's name or initials, or with an arrow.
pub fn is_tagged(below: &[&str], context: &Context) -> bool {
    below.iter().any(|line| {
        let line = line.trim_start();
        let arrow = ARROWS.iter().any(|arrow| line.starts_with(arrow)) && line.chars().any(char::is_alphanumeric);
        arrow || is_named(line, context)
    })
}

/// The line begins with the writer's name or initials: `[Bob] yes`, `Bob: yes`, `[BW: yes]`.
pub fn is_named(line: &str, context: &Context) -> bool {
    let tag = line.strip_prefix('[').and_then(|rest| rest.split_once([']', ':']));
    let named = line.split_once(':').is_some_and(|(name, rest)| rest.starts_with(' ') && is_writer(name, context));
    named
        || tag.is_some_and(|(tag, rest)| {
            !rest.is_empty() && (is_writer(tag, context) || is_initials(tag, &context.writer))
        })
}

/// The first letters of words of a name, in the order of the name.
fn is_initials(tag: &str, name: &[String]) -> bool {
    let count = tag.chars().count();
    let lower = tag.to_lowercase();
    (2..=3).contains(&count)
        && tag.chars().all(char::is_uppercase)
        && name.windows(count).any(|name| lower.chars().zip(name).all(|(c, word)| word.starts_with(c)))
}

fn is_writer(text: &str, context: &Context) -> bool {
    let mut words = shapes::words(text).peekable();
    words.peek().is_some() && words.all(|word| context.writer.contains(&word))
}

fn filled<'a>(own: &[&'a str]) -> Vec<&'a str> {
    own.iter().copied().filter(|line| !line.is_empty()).collect()
}

/// Names a place or a look of answers, in at most so many bytes.
fn says_place(filled: &[&str], most: usize) -> bool {
    let short = filled.iter().map(|line| line.len()).sum::<usize>() <= most;
    let names = |line: &&str| {
        let lower = line.to_lowercase();
        words::BELOW.apart(&lower) || words::BELOW_STEMS.starts(&lower)
    };
    short && filled.iter().any(names)
}

/// A sentence speaks of answers and says where they stand, or how they look.
fn says_where(filled: &[&str]) -> bool {
    let text = filled.iter().map(|line| line.to_lowercase()).collect::<Vec<_>>().join(" ");
    let first = &text[..text.floor_char_boundary(MAX_SENTENCES)];
    let last = &text[text.ceil_char_boundary(text.len().saturating_sub(MAX_SENTENCES))..];
    [first, last].iter().filter(|text| words::ANSWERS.within(text)).any(|text| {
        notices::sentences(text).any(|sentence| {
            let closed = format!("{}$", sentence.trim_end_matches(|c: char| !c.is_alphanumeric()));
            let marked = sentence.contains("**") || sentence.contains(">>");
            words::ANSWERS.starts(sentence)
                && (marked
                    || words::BELOW.apart(sentence)
                    || words::BELOW_STEMS.starts(sentence)
                    || words::PLACES.apart(&closed)
                    || words::PLACE_STEMS.starts(&closed))
        })
    })
}
