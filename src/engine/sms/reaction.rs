//! Reactions: what phones send, as a text of its own, when somebody likes a text. It repeats the whole text that it is
//! about.

/// What phones write before the text that somebody reacted to.
const WORDS: [&str; 13] = [
    "Liked",
    "Loved",
    "Disliked",
    "Laughed at",
    "Emphasized",
    "Emphasised",
    "Questioned",
    "Removed a like from",
    "Removed a heart from",
    "Removed a dislike from",
    "Removed a laugh from",
    "Removed an exclamation from",
    "Removed a question mark from",
];
/// Characters of the repeated text that are kept: enough to know which one it was.
const KEPT: usize = 24;

/// A reaction with the beginning of the text that it is about; `None` for any other text.
pub fn shortened(text: &str) -> Option<String> {
    let text = text.trim();
    let word = WORDS.iter().copied().find(|word| text.strip_prefix(word).is_some_and(|rest| rest.starts_with(' ')));
    let emoji = || {
        // "Reacted U+1F44D to".
        let sign = text.strip_prefix("Reacted ")?.split(' ').next().filter(|sign| !sign.is_ascii())?;
        text.get(.."Reacted ".len() + sign.len() + " to".len()).filter(|word| word.ends_with(" to"))
    };
    let word = word.or_else(emoji)?;
    let quote = text[word.len()..].trim_start();
    let inner = quote.strip_prefix(['"', '\u{201c}'])?.strip_suffix(['"', '\u{201d}'])?;
    if inner.chars().count() <= KEPT {
        return Some(text.to_owned());
    }
    let beginning: String = inner.chars().take(KEPT).collect();
    let whole_words = beginning.rsplit_once(' ').map_or(beginning.as_str(), |(words, _)| words);
    Some(format!("{word} \"{}...\"", whole_words.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reaction_names_the_text_and_does_not_repeat_it() {
        let long = "We are anchored in the bay behind the cape and all is well.";
        for (text, short) in [
            (format!("Liked \u{201c}{long}\u{201d}"), Some("Liked \"We are anchored in the...\"")),
            (format!("Removed a like from \"{long}\""), Some("Removed a like from \"We are anchored in the...\"")),
            (
                format!("Reacted \u{1f44d} to \u{201c}{long}\u{201d}"),
                Some("Reacted \u{1f44d} to \"We are anchored in the...\""),
            ),
            ("Loved \"ok\"".to_owned(), Some("Loved \"ok\"")),
            (format!("Liked \"{}\"", "x".repeat(60)), Some("Liked \"xxxxxxxxxxxxxxxxxxxxxxxx...\"")),
            ("Liked the harbour".to_owned(), None),
            (format!("Liked \"{long}\" and more"), None),
            ("Reacted badly to \"it\"".to_owned(), None),
            ("Liked".to_owned(), None),
            ("Liked \"".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(shortened(&text).as_deref(), short, "{text}");
        }
    }
}
