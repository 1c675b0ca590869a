//! The title of a message that has no subject, and what makes a thread: the topic that an answer shares with what it
//! answers, its two ends, its references.

use super::{Message, Origin};

/// Message-IDs of a thread that are kept: the first, and the last ones (RFC 5322 section 3.6.4 sets no limit).
const MAX_REFERENCES: usize = 20;

/// Longest title made from a text, in characters.
pub const MAX_TITLE: usize = 72;

/// Marks of an answer in a subject, without the colon, in lower case, separated by bars.
pub const ANSWER_MARKS: &str = "re|aw|sv|svar|réf|réponse|rép|на|پاسخ|cevap|antw|antwoord|antwort|odp|ynt|yan|res|rif|r|vs|vá|va|bls|atb|ref|ang|ats|ad|odg|inc|回复|答复|回覆|返信|답장|\
     回|رد|השב|תשובה|תגובה|σχετ|απ|отв|ответ|відп|відповідь|отг|răsp|trả lời|balas|ตอบ|ตอบกลับ|πρ";

/// What a subject is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// The subject without marks of an answer, in lower case.
    pub words: String,
    /// It has such a mark.
    pub is_answer: bool,
}

/// Takes the marks of an answer (`Re:`, `AW:`, `Re[2]:`) off a subject.
pub fn topic(subject: &str) -> Topic {
    let (mut rest, mut is_answer) = (subject.trim(), false);
    while let Some(after) = after_mark(rest) {
        (rest, is_answer) = (after.trim_start(), true);
    }
    Topic { words: rest.to_lowercase(), is_answer }
}

fn after_mark(text: &str) -> Option<&str> {
    let (mark, after) = text.split_once([':', '：'])?;
    let mark = mark.trim().to_lowercase();
    let bare = mark.trim_end_matches(|c: char| c.is_ascii_digit() || "[]()^* ".contains(c));
    ANSWER_MARKS.split('|').any(|known| known == bare).then_some(after)
}

/// The two ends of a message, the same in both directions; `None` for one that is no part of a conversation.
pub fn ends(message: &Message) -> Option<String> {
    let counts = message.origin != Origin::Notice && message.automatic.is_none() && message.message_id.is_some();
    if !counts || message.from.is_nobody() {
        return None;
    }
    let mut ends = [message.from.to_string().to_lowercase(), message.to.to_string().to_lowercase()];
    ends.sort_unstable();
    Some(ends.join(" "))
}

/// The topics under which an answer may look for a message: of one without a subject also its title, which was the subject
/// of the mail that was made from it.
pub fn topics(message: &Message) -> Vec<String> {
    let mut topics = vec![topic(&message.subject).words];
    if message.subject.is_empty() {
        topics.push(topic(&message.title()).words);
    }
    topics
}

/// True when its ends and its subject say enough of what a message answers: whoever has that finds it by them.
pub fn says_what_it_answers(answer: &Message, answered: &Message) -> bool {
    let topic = topic(&answer.subject);
    topic.is_answer && topics(answered).contains(&topic.words) && ends(answer) == ends(answered)
}

/// The references of an answer to a message: its own, and it. The first and the last ones are kept.
pub fn references_of_answer(answered: &Message) -> Vec<String> {
    let mut references: Vec<_> = answered.references.iter().chain(&answered.message_id).cloned().collect();
    let over = references.len().saturating_sub(MAX_REFERENCES);
    if over > 0 {
        references.drain(1..=over);
    }
    references
}

/// The first line of `text` that says something, whitespace collapsed, at most `max_chars` characters; a longer one is
/// cut at a word boundary and ends with an ellipsis. Holds no line break and no control character; empty when the
/// text has nothing visible.
pub fn first_line(text: &str, max_chars: usize) -> String {
    let is_break = |c| matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let line = text.split(is_break).map(tidy).find(|line| !line.is_empty()).unwrap_or_default();
    if line.chars().count() <= max_chars {
        return line;
    }
    let Some(room) = max_chars.checked_sub(1) else { return String::new() };
    let end = line.char_indices().nth(room).map_or(line.len(), |(at, _)| at);
    let head = &line[..end];
    // A word longer than half the room is rather broken than left out.
    let whole = if line[end..].starts_with(' ') { Some(end) } else { head.rfind(' ') };
    let kept = whole.filter(|at| *at * 2 >= end).map_or(head, |at| &head[..at]);
    format!("{}…", kept.trim_end_matches([' ', ',', ';', ':', '-']))
}

fn tidy(line: &str) -> String {
    let seen = |c: &char| {
        c.is_whitespace()
            || !c.is_control()
                && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    line.chars().filter(seen).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_within_its_limit() {
        assert_eq!(first_line("\r\n  Water \t is\u{a0}low\r\nsend more", 50), "Water is low");
        assert_eq!(first_line("Water is low and the pump is broken", 20), "Water is low and…");
        assert_eq!(first_line("Water is low", 12), "Water is low");
        assert_eq!(first_line("Donaudampfschifffahrtsgesellschaft", 10), "Donaudamp…");
        assert_eq!(first_line("水が少ない。ポンプが壊れた", 6), "水が少ない…");
        assert_eq!(first_line("one two", 4), "one…");
        assert_eq!(first_line("x", 0), "");
        assert_eq!(first_line(" \n\u{0}\u{202e}\n", 9), "");
    }

    #[test]
    fn an_answer_has_the_topic_of_what_it_answers() {
        for (subject, words, is_answer) in [
            ("Boat", "boat", false),
            ("RE: AW: Re[2]: Boat", "boat", true),
            ("回复：船", "船", true),
            ("Re:", "", true),
            ("Meeting: tomorrow", "meeting: tomorrow", false),
            ("", "", false),
        ] {
            assert_eq!(topic(subject), Topic { words: words.into(), is_answer }, "{subject}");
        }
    }

    #[test]
    fn no_text_makes_a_second_header_line() {
        for text in ["a\u{85}b", "a\u{2028}Bcc: x@y.z", "a\rBcc: x@y.z", "\u{7}a\u{0}b\u{1b}[2J", "a\nb"] {
            for max in 0..12 {
                let subject = first_line(text, max);
                assert!(
                    subject.chars().count() <= max && !subject.contains(|c: char| c.is_control() || c == '\u{2028}')
                );
            }
        }
    }
}
