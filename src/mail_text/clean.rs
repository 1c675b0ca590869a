//! Characters that nobody sees but everybody pays for.

/// Text as lines: CRLF and lone CR become LF, unseen characters go, blanks of all kinds become spaces, blanks at line
/// ends go, runs of blank lines become one, and there is none at either end.
pub fn text(raw: &str) -> String {
    let visible = visible(raw);
    let mut out = String::with_capacity(visible.len());
    let mut blank = 0;
    for line in visible.lines() {
        let line = line.trim_end();
        if line.is_empty() {
            blank += 1;
            continue;
        }
        if !out.is_empty() {
            out.push_str(if blank > 0 { "\n\n" } else { "\n" });
        }
        blank = 0;
        out.push_str(line);
    }
    out
}

/// The same on one line: every run of blanks is one space.
pub fn one_line(raw: &str) -> String {
    visible(raw).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Drops unseen characters and turns every kind of blank into a space or a line feed.
fn visible(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    let mut last = '\n';
    // Inside of a flag that is spelt with tags: England, Scotland, Wales and others.
    let mut flag = false;
    // Letters from right to left stand on this line.
    let mut leftward = false;
    while let Some(c) = chars.next() {
        flag = c == FLAG || flag && is_tag(c);
        let kept = match c {
            '\r' if chars.peek() == Some(&'\n') => continue,
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{b}' | '\u{c}' => '\n',
            '\t' => ' ',
            // Joiners mean something only inside a word of some scripts and inside an emoji.
            '\u{200c}' | '\u{200d}'
                if (joins(last) || last == COLOURED) && chars.peek().is_some_and(|next| joins(*next)) =>
            {
                c
            }
            // Between letters of that direction and signs of none, a mark says on which side they stand.
            '\u{200e}' | '\u{200f}' | '\u{61c}' if leftward && turns(last, chars.peek()) => c,
            // The coloured form of a sign that also has a plain one: a heart, a key with a digit, the flag of a rainbow.
            COLOURED if takes_colour(last) || last.is_ascii() && chars.peek() == Some(&'\u{20e3}') => c,
            // One mark says as much as a hundred.
            '\u{fffd}' if last == '\u{fffd}' => continue,
            c if flag => c,
            c if is_unseen(c) => continue,
            c if c.is_whitespace() => ' ',
            c => c,
        };
        leftward = kept != '\n' && (leftward || is_leftward(kept));
        out.push(kept);
        last = kept;
    }
    out
}

/// Selects the coloured form of the sign before it.
const COLOURED: char = '\u{fe0f}';
/// The emoji before the tags of a flag.
const FLAG: char = '\u{1f3f4}';

fn is_tag(c: char) -> bool {
    ('\u{e0020}'..='\u{e007f}').contains(&c)
}

fn is_leftward(c: char) -> bool {
    matches!(c, '\u{5d0}'..='\u{5ea}' | '\u{620}'..='\u{64a}' | '\u{671}'..='\u{6d3}' | '\u{710}'..='\u{72f}')
}

/// Signs and pictures, of which many are letters of their font until a selector follows them.
fn takes_colour(c: char) -> bool {
    matches!(c, '\u{a9}' | '\u{ae}' | '\u{203c}'..='\u{3299}' | '\u{1f000}'..='\u{1faff}') && !c.is_alphabetic()
}

/// A sign that takes its direction from its neighbours stands on one side, a letter on the other.
fn turns(last: char, next: Option<&char>) -> bool {
    let is_sound = |c: char| !c.is_whitespace() && !is_unseen(c);
    next.is_some_and(|next| is_sound(last) && is_sound(*next) && last.is_alphabetic() != next.is_alphabetic())
}

fn joins(c: char) -> bool {
    !c.is_ascii() && !c.is_whitespace() && !is_unseen(c)
}

fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffc}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unseen_characters_cost_nothing() {
        assert_eq!(text("\u{feff}a\u{200b}b\0c\r\n\r\n\r\n\u{a0}\r\nd \u{202e}\r\n\r\n"), "abc\n\nd");
        assert_eq!(text("\u{200c}\u{a0}\u{200c}\u{a0}hello"), "  hello");
        assert_eq!(text("🏴\u{e0067}\u{e007f} a\u{e0067}"), "🏴\u{e0067}\u{e007f} a");
        assert_eq!(text("שלום!\u{200f}\nC++\u{200e}"), "שלום!\nC++");
        assert_eq!(text("שפת C++\u{200e}היא"), "שפת C++\u{200e}היא");
        assert_eq!(text("a\u{fe0f} ❤\u{fe0f}\u{fe0f} 1\u{fe0f}\u{20e3} 1\u{fe0f}"), "a ❤\u{fe0f} 1\u{fe0f}\u{20e3} 1");
        assert_eq!(text("🏳\u{fe0f}\u{200d}🌈"), "🏳\u{fe0f}\u{200d}🌈");
        assert_eq!(text("می\u{200c}خواهم"), "می\u{200c}خواهم");
        assert_eq!(one_line("a\r\n b\tc\u{2003}d\u{2028}e"), "a b c d e");
    }
}
