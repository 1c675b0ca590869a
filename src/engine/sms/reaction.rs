//! Reactions: what phones send, as a text of its own, when somebody likes a text. It repeats the whole text that it is
//! about, behind or before a few words in the language of the phone.
//!
//! The words of the commonest phones are a table; in any other language a reaction shows by what it repeats: a text that
//! this very phone got a while ago.

/// What phones write before the text that somebody reacted to.
const WORDS: [&str; 33] = [
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
    "Gefällt",
    "Gefällt mir:",
    "Gefällt nicht",
    "Liebt",
    "Lacht über",
    "Betont",
    "A aimé",
    "A adoré",
    "N’a pas aimé",
    "A ri de",
    "A souligné",
    "Le gustó",
    "Le encantó",
    "No le gustó",
    "Se rio de",
    "Ha apprezzato",
    "Ha adorato",
    "Curtiu",
    "Amou",
    "Riu de",
];
/// What they write behind such words of a message without text.
const THINGS: [&str; 7] = [
    "an image",
    "a movie",
    "an attachment",
    "an audio message",
    "a sticker",
    "a contact card",
    "a digital touch message",
];
/// Quotation marks: before, behind.
const QUOTES: [(char, char); 8] = [
    ('"', '"'),
    ('\u{201c}', '\u{201d}'),
    ('\u{201e}', '\u{201c}'),
    ('\u{201e}', '\u{201d}'),
    ('\u{ab}', '\u{bb}'),
    ('\u{bb}', '\u{ab}'),
    ('\u{300c}', '\u{300d}'),
    ('\u{201d}', '\u{201d}'),
];
/// Characters of the repeated text that are kept: enough to know which one it was.
const KEPT: usize = 24;
/// Words of a phone around the repeated text have no more characters.
const MOST_AROUND: usize = 40;
/// A repeated text is known by so many letters and digits.
const LEAST_KNOWN: usize = 12;

/// A text taken apart: words, the quoted text, and words.
struct Apart<'t> {
    before: &'t str,
    inner: &'t str,
    after: &'t str,
}

/// A reaction with the beginning of the text that it is about; `None` for any other text. `sent` tells whether the phone
/// got a text that begins so, given its letters and digits in small letters, and whether that is all of it.
pub fn shortened(text: &str, sent: impl Fn(&str, bool) -> bool) -> Option<String> {
    let text = text.trim();
    if is_about_thing(text) {
        return Some(text.to_owned());
    }
    let apart = take_apart(text)?;
    let named = apart.after.is_empty() && is_reaction(apart.before);
    if !named && !repeats(&apart, sent) {
        return None;
    }
    let Apart { before, inner, after } = apart;
    if inner.chars().count() <= KEPT {
        return Some(text.to_owned());
    }
    let beginning: String = inner.chars().take(KEPT).collect();
    let whole_words = beginning.rsplit_once(' ').map_or(beginning.as_str(), |(words, _)| words);
    let short = format!("{before} \"{}...\" {after}", whole_words.trim_end());
    Some(short.trim().to_owned())
}

/// True when a text has the shape of a reaction, so that it is worth a look at what the phone got.
pub fn is_shaped(text: &str) -> bool {
    let text = text.trim();
    is_about_thing(text) || take_apart(text).is_some()
}

/// Letters and digits in small letters: what is left of a text however a phone wrote its signs.
pub fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn take_apart(text: &str) -> Option<Apart<'_>> {
    let (start, open) = text.char_indices().find(|(_, c)| QUOTES.iter().any(|(open, _)| open == c))?;
    let closes = |c: char| QUOTES.contains(&(open, c));
    let (end, close) = text.char_indices().rev().find(|(at, c)| *at > start && closes(*c))?;
    let (before, inner) = (text[..start].trim(), text[start + open.len_utf8()..end].trim());
    let after = text[end + close.len_utf8()..].trim();
    let around = before.chars().count() + after.chars().count();
    (1..=MOST_AROUND).contains(&around).then_some(Apart { before, inner, after })
}

/// True for a reaction to a picture or another file, such as "Liked an image".
fn is_about_thing(text: &str) -> bool {
    THINGS.iter().filter_map(|thing| text.strip_suffix(thing)).any(|before| is_reaction(before.trim_end()))
}

fn is_reaction(before: &str) -> bool {
    WORDS.contains(&before) || is_emoji_reaction(before)
}

/// "Reacted 👍 to", "Removed 👍 from", "👍 to"; some phones put blanks without width around the sign.
fn is_emoji_reaction(before: &str) -> bool {
    let seen: String = before.chars().filter(|c| !matches!(c, '\u{200a}'..='\u{200d}' | '\u{fe0f}')).collect();
    let pairs = [("Reacted ", " to"), ("Reacted with ", " to"), ("Removed ", " from"), ("", " to")];
    let signs = pairs.iter().filter_map(|(start, end)| seen.trim().strip_prefix(start)?.strip_suffix(end));
    signs
        .into_iter()
        .any(|sign| !sign.is_empty() && sign.chars().all(|c| !c.is_ascii() && !c.is_alphanumeric() && c != ' '))
}

/// True when it quotes what the phone got, all of it or a beginning that ends with an ellipsis, and says nothing that ends
/// like a sentence of its own.
fn repeats(apart: &Apart<'_>, sent: impl Fn(&str, bool) -> bool) -> bool {
    let cut = apart.inner.trim_end_matches(['.', '\u{2026}', ' ']);
    let whole = !apart.inner.ends_with("...") && !apart.inner.ends_with('\u{2026}');
    let letters = bare(cut);
    let sentence = [apart.before, apart.after].iter().any(|words| words.contains(['.', '?', '!', '\n', ',']));
    !sentence && letters.chars().count() >= LEAST_KNOWN && sent(&letters, whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "We are anchored in the bay behind the cape and all is well.";

    fn short(text: &str) -> Option<String> {
        let known = bare(LONG);
        shortened(text, |letters, whole| if whole { known == letters } else { known.starts_with(letters) })
    }

    #[test]
    fn a_reaction_names_the_text_and_does_not_repeat_it() {
        for (text, short_form) in [
            (format!("Liked \u{201c}{LONG}\u{201d}"), Some("Liked \"We are anchored in the...\"")),
            (format!("Removed a like from \"{LONG}\""), Some("Removed a like from \"We are anchored in the...\"")),
            (
                format!("Reacted \u{1f44d} to \u{201c}{LONG}\u{201d}"),
                Some("Reacted \u{1f44d} to \"We are anchored in the...\""),
            ),
            (format!("A aimé \u{ab} {LONG} \u{bb}"), Some("A aimé \"We are anchored in the...\"")),
            ("Loved \"ok\"".to_owned(), Some("Loved \"ok\"")),
            ("Removed \u{1f602} from \"ok\"".to_owned(), Some("Removed \u{1f602} from \"ok\"")),
            (
                "\u{200b}\u{2764}\u{fe0f}\u{200b} to \"ok\"".to_owned(),
                Some("\u{200b}\u{2764}\u{fe0f}\u{200b} to \"ok\""),
            ),
            ("Liked an image".to_owned(), Some("Liked an image")),
            ("Reacted \u{1f44d} to an attachment".to_owned(), Some("Reacted \u{1f44d} to an attachment")),
            ("We liked an image".to_owned(), None),
            ("Mum to \"ok\"".to_owned(), None),
            (format!("Liked \"{}\"", "x".repeat(60)), Some("Liked \"xxxxxxxxxxxxxxxxxxxxxxxx...\"")),
            ("Liked the harbour".to_owned(), None),
            (format!("Liked \"{LONG}\" and more"), None),
            ("Reacted badly to \"it\"".to_owned(), None),
            ("Liked".to_owned(), None),
            ("Liked \"".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(shortened(&text, |_, _| false).as_deref(), short_form, "{text}");
        }
    }

    #[test]
    fn in_any_language_it_shows_by_what_it_repeats() {
        for text in [
            format!("Tykkäsi viestistä \u{201d}{LONG}\u{201d}"),
            format!("\u{1f44d} zu \u{201e}{LONG}\u{201c}"),
            format!("\u{300c}{LONG}\u{300d}を気に入りました"),
            "Polubiono \u{201e}We are anchored in the bay\u{2026}\u{201d}".to_owned(),
        ] {
            assert!(short(&text).is_some(), "{text}");
        }
        for text in [
            format!("What do you mean by \"{LONG}\"?"),
            "Tykkäsi viestistä \"something else that nobody wrote\"".to_owned(),
            "You wrote \"all is well\"".to_owned(),
            format!("I do not believe it. \"{LONG}\""),
            format!("\"{LONG}\""),
        ] {
            assert_eq!(short(&text), None, "{text}");
        }
    }
}
