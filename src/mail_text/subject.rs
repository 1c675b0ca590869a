//! The subject without what programs pile up before it.

use super::words;

/// A subject taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// As it goes on air: at most one mark, no tag of a mail server.
    pub short: String,
    /// Without any mark, in lower case: what an answer and its question have in common.
    pub topic: String,
    /// The outermost mark says that it answers.
    pub is_answer: bool,
    /// The outermost mark says that it forwards.
    pub is_forward: bool,
}

/// What stands at the start of a subject.
enum Start<'a> {
    Answer(&'a str),
    Forward(&'a str),
    /// A mark in brackets, such as `[EXTERNAL]`.
    Tag(&'a str),
}

/// Takes a subject apart: `RE: AW: [EXTERNAL] Re: Position` is short `Re: Position`. A single mark stays as it is.
pub fn read(subject: &str) -> Subject {
    let mut rest = subject.trim();
    let (mut marks, mut outermost) = (Vec::new(), None);
    while let Some(start) = start(rest) {
        let after = match start {
            Start::Tag(after) => after,
            Start::Answer(after) | Start::Forward(after) => {
                marks.push(rest[..rest.len() - after.len()].trim());
                outermost = outermost.or(Some(matches!(start, Start::Forward(_))));
                after
            }
        };
        rest = after.trim_start();
    }
    let mark = match (marks.as_slice(), outermost) {
        // One that counts (`Re[3]:`) stands for many.
        ([mark], Some(false)) if mark.contains(|c: char| c.is_ascii_digit()) => "Re:".to_owned(),
        ([mark], _) => (*mark).to_owned(),
        ([], _) => String::new(),
        (_, Some(true)) => "Fwd:".to_owned(),
        _ => "Re:".to_owned(),
    };
    let short = match (mark.as_str(), rest) {
        ("", "") => subject.trim().to_owned(),
        (mark, rest) => format!("{mark} {rest}").trim().to_owned(),
    };
    Subject {
        short,
        topic: rest.to_lowercase(),
        is_answer: outermost == Some(false),
        is_forward: outermost == Some(true),
    }
}

fn start(text: &str) -> Option<Start<'_>> {
    if let Some(after) = tag(text) {
        return Some(Start::Tag(after));
    }
    let end = text.find([':', '：'])?;
    let colon = text[end..].chars().next().map_or(1, char::len_utf8);
    let after = &text[end + colon..];
    let mark = text[..end].trim().to_lowercase();
    // `Re[2]:`, `RE(3):`, `Re^2:`, `Antw.:`
    let bare = mark.trim_end_matches(|c: char| c.is_ascii_digit() || "[]()^*. ".contains(c));
    if words::ANSWER_PREFIX.has(bare) {
        return Some(Start::Answer(after));
    }
    words::FORWARD_PREFIX.has(bare).then_some(Start::Forward(after))
}

/// What follows `[EXTERNAL]`, `(Ext)`, `***SPAM***`, `[Caution: Non-Company Email]` or `EXTERNAL:` at the start.
fn tag(text: &str) -> Option<&str> {
    let open = text.chars().next().filter(|c| "[({*<".contains(*c));
    let inner = text.trim_start_matches(['[', '(', '{', '*', '<', '#', ' ']);
    let end = inner.find(if open.is_some() { &[']', ')', '}', '*', '>', '#'][..] } else { &[':'] })?;
    let word = inner[..end].trim_end_matches(['?', '!', ' ', ':', '.']).trim().to_lowercase();
    let warns =
        || words::WARN.begins(&word) && word.contains(':') && (word.contains("non-") || words::OUTSIDE.within(&word));
    let framed = open.is_some_and(|c| c != '(') && (words::SPAM_TAG.has(&word) || warns());
    if !words::EXTERNAL_TAG.has(&word) && !framed {
        return None;
    }
    let closed = inner[end..].trim_start_matches([']', ')', '}', '*', '>', ':', '#']);
    Some(closed.trim_start_matches([']', ')', '}', '*', '>', ':', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_tags_fall_and_words_stay() {
        for (subject, short) in [
            ("RE: AW: Re: SV: Re: Antw: RE: Position", "Re: Position"),
            ("AW: Position", "AW: Position"),
            ("Fwd: Re: x", "Fwd: x"),
            ("[EXTERNAL] Re: [EXT] x", "Re: x"),
            ("**EXTERNAL EMAIL** Dock", "Dock"),
            ("Re[2]: x", "Re: x"),
            ("Re: ***SPAM*** Re: x", "Re: x"),
            ("{Spam?} x", "x"),
            ("[#EXTERNAL#] #5 pump", "#5 pump"),
            ("[Caution: Non-Company Email] x", "x"),
            ("Spam: tin or glass?", "Spam: tin or glass?"),
            ("回复：答复：船", "Re: 船"),
            ("RE: RĂSP: Antw.: x", "Re: x"),
            ("Meeting: tomorrow", "Meeting: tomorrow"),
            ("[sailors] Re: x", "[sailors] Re: x"),
            ("External cable: broken", "External cable: broken"),
            ("Re:", "Re:"),
        ] {
            assert_eq!(read(subject).short, short, "{subject}");
        }
        assert_eq!(read("RE: FW: Dock").topic, "dock");
        assert!(read("RE: FW: Dock").is_answer && !read("RE: FW: Dock").is_forward);
    }
}
