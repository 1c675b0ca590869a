//! What people wrote, inside of a sentence: it must not turn the words around it (UAX #9, sections 2.7 and 6.1).

use std::borrow::Cow;

/// Gives a text as it may stand within a sentence: one with letters that run from right to left, or with marks of direction,
/// stands in an isolate of its own (U+2068, U+2069), without the marks that reach beyond it. Isolates that end within it stay,
/// and where all of these stand in such a one there is no other around them.
pub fn isolated(text: &str) -> Cow<'_, str> {
    if !text.chars().any(turns) {
        return Cow::Borrowed(text);
    }
    let (mut open, mut paired) = (Vec::new(), Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '\u{2066}'..='\u{2068}' => open.push(at),
            '\u{2069}' => paired.extend(open.pop().into_iter().flat_map(|start| [start, at])),
            _ => {}
        }
    }
    let (mut depth, mut outside) = (0_u32, false);
    let mut kept = String::with_capacity(text.len() + 6);
    for (at, c) in text.char_indices() {
        match c {
            '\u{2066}'..='\u{2069}' if paired.contains(&at) => {
                depth = if c == '\u{2069}' { depth.saturating_sub(1) } else { depth + 1 };
                kept.push(c);
            }
            _ => {
                outside |= depth == 0 && turns(c);
                if !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
                    kept.push(c);
                }
            }
        }
    }
    Cow::Owned(if outside { format!("\u{2068}{kept}\u{2069}") } else { kept })
}

/// True for what can run, or make run, from right to left.
fn turns(c: char) -> bool {
    matches!(c,
        '\u{590}'..='\u{8ff}'
            | '\u{200e}' | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{fb1d}'..='\u{fdff}'
            | '\u{fe70}'..='\u{fefe}'
            | '\u{10800}'..='\u{10fff}'
            | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_stands_in_an_isolate() {
        for plain in ["", "Vela", "Gr\u{fc}\u{df}e \u{1f6a2}", "\u{65e5}\u{672c}"] {
            assert!(matches!(isolated(plain), Cow::Borrowed(_)), "{plain}");
        }
        assert_eq!(isolated("\u{202e}evil txt"), "\u{2068}evil txt\u{2069}");
        assert_eq!(isolated("a\u{2069}\u{202e}b"), "\u{2068}ab\u{2069}");
        assert_eq!(isolated("\u{5e9}\u{5dc}\u{5d5}\u{5dd}"), "\u{2068}\u{5e9}\u{5dc}\u{5d5}\u{5dd}\u{2069}");
        assert_eq!(isolated(&isolated("\u{5e9}")), isolated("\u{5e9}"));
        // What holds an isolate keeps it, and what turns beside it has its own.
        let nested = format!("it is {} now", isolated("\u{5e9}"));
        assert_eq!(isolated(&nested), nested);
        assert_eq!(isolated("\u{5e9} \u{2068}\u{5d5}\u{2069}"), "\u{2068}\u{5e9} \u{2068}\u{5d5}\u{2069}\u{2069}");
        assert_eq!(isolated("a \u{2067}\u{202e}b"), "\u{2068}a b\u{2069}", "one that does not end");
    }
}
