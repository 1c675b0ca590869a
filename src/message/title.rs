//! A subject for a text that has none: its first line, fit for a header.

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
