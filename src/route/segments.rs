//! What a text costs as text messages: alphabet, units, and how many messages phones put together again (3GPP TS 23.038
//! for the alphabets, 3GPP TS 23.040 section 9.2.3.24.1 for the parts).

use std::borrow::Cow;

use crate::coding::classic;
use crate::message::Message;
use crate::message::reason::{TextCount, TextReason};
use crate::message::title::topic;
use crate::settings::{Key, Settings};

/// Longest text that is given to a carrier, in characters: Twilio takes 1600, Bandwidth 2048.
pub const MOST_CHARACTERS: usize = 1600;

/// The basic table of the GSM alphabet, one septet each, besides the ASCII letters and digits.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";
/// The extension table: an escape and a septet.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// The alphabet a text is sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// Seven bits a character: 160 alone, 153 in each of several parts.
    Gsm7,
    /// Two bytes a character, because one of them is not in the other alphabet: 70 alone, 67 in each of several parts.
    Ucs2,
}

impl Alphabet {
    /// Its name for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gsm7 => "GSM-7",
            Self::Ucs2 => "UCS-2",
        }
    }

    /// Units of a text that goes alone, and of each part of a longer one.
    fn room(self) -> (usize, usize) {
        match self {
            Self::Gsm7 => (160, 153),
            Self::Ucs2 => (70, 67),
        }
    }

    fn units(self, c: char) -> usize {
        match self {
            Self::Gsm7 => 1 + usize::from(EXTENSION.contains(c)),
            Self::Ucs2 => c.len_utf16(),
        }
    }
}

/// A text cut into text messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segments {
    /// One for the whole text.
    pub alphabet: Alphabet,
    /// Units in each part; one part even for an empty text.
    pub each: Vec<usize>,
}

impl Segments {
    /// Number of text messages.
    pub fn parts(&self) -> usize {
        self.each.len()
    }

    /// Gives the units of all text messages together.
    pub fn units(&self) -> usize {
        self.each.iter().sum()
    }

    /// What is kept of it, and shown, as `2 texts (GSM-7, 164 units)`.
    pub fn total(&self) -> TextCount {
        TextCount { texts: self.parts(), alphabet: self.alphabet.word().to_owned(), units: self.units() }
    }
}

/// The text as it is given to the carrier: where signs that only look nicer (curly quotes, long dashes, an ellipsis, hard
/// blanks) keep it out of the cheaper alphabet and make it more texts, with those of that alphabet. Any other text is left
/// as it is, and so are all where the setting `sms.plain_marks` says so.
pub fn economical<'t>(settings: &Settings, text: &'t str) -> Cow<'t, str> {
    if !settings.on(Key::SmsPlainMarks) || text.chars().all(is_gsm) {
        return Cow::Borrowed(text);
    }
    match plain(text) {
        Some(plain) if count(&plain).parts() < count(text).parts() => Cow::Owned(plain),
        _ => Cow::Borrowed(text),
    }
}

/// The text in the signs of the cheaper alphabet, if they can say it.
fn plain(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{b4}' | '`' | '\u{2b9}'..='\u{2bc}' | '\u{2039}' | '\u{203a}' => {
                plain.push('\'');
            }
            '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{ab}' | '\u{bb}' => plain.push('"'),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => plain.push('-'),
            // Points of lists.
            '\u{2022}' | '\u{2023}' | '\u{2043}' | '\u{25cf}' | '\u{25e6}' => plain.push('-'),
            '\u{2044}' | '\u{2215}' => plain.push('/'),
            '\u{fb01}' => plain.push_str("fi"),
            '\u{fb02}' => plain.push_str("fl"),
            '\u{2028}' | '\u{2029}' => plain.push('\n'),
            '\u{2026}' => plain.push_str("..."),
            '\t' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => plain.push(' '),
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{2060}'
            | '\u{feff}'
            | '\u{ad}' => {}
            c => plain.push(c),
        }
    }
    plain.chars().all(is_gsm).then_some(plain)
}

fn is_gsm(c: char) -> bool {
    c.is_ascii_alphanumeric() || BASIC.contains(c) || EXTENSION.contains(c)
}

/// Counts a text as it stands. No part ends between an escape and its character, or inside of a surrogate pair.
pub fn count(text: &str) -> Segments {
    let alphabet = if text.chars().all(is_gsm) { Alphabet::Gsm7 } else { Alphabet::Ucs2 };
    let (alone, room) = alphabet.room();
    let units: usize = text.chars().map(|c| alphabet.units(c)).sum();
    if units <= alone {
        return Segments { alphabet, each: vec![units] };
    }
    let mut each = vec![0];
    for c in text.chars() {
        let size = alphabet.units(c);
        match each.last_mut() {
            Some(last) if *last + size <= room => *last += size,
            _ => each.push(size),
        }
    }
    Segments { alphabet, each }
}

/// Counts a message as it goes to a phone.
pub fn of(settings: &Settings, message: &Message) -> Segments {
    count(&economical(settings, &text_for_phone(&message.subject, &message.text)))
}

/// Texts that a message would be as it was written, where plain marks make it fewer.
pub fn as_written(settings: &Settings, message: &Message) -> Option<usize> {
    let parts = count(&text_for_phone(&message.subject, &message.text)).parts();
    (parts > of(settings, message).parts()).then_some(parts)
}

/// Why no carrier takes a text; `None` for one that may go.
pub fn too_long(text: &str) -> Option<TextReason> {
    let has = text.chars().count();
    (has > MOST_CHARACTERS).then_some(TextReason::TooLong { has, most: MOST_CHARACTERS })
}

/// What of a message goes to a phone: the subject of an answer repeats what both know and is left out.
pub fn text_for_phone(subject: &str, text: &str) -> String {
    match (subject.trim(), text.trim()) {
        (subject, text) if !text.is_empty() && topic(subject).is_answer => text.to_owned(),
        (subject, text) => classic::join(subject, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_counted_as_phones_do() {
        let many = |sign: &str, times: usize| sign.repeat(times);
        let gsm = Alphabet::Gsm7;
        let ucs = Alphabet::Ucs2;
        for (text, alphabet, each) in [
            (String::new(), gsm, vec![0]),
            (many("a", 160), gsm, vec![160]),
            (many("a", 161), gsm, vec![153, 8]),
            (many("a", 306), gsm, vec![153, 153]),
            (many("a", 307), gsm, vec![153, 153, 1]),
            (many("€", 80), gsm, vec![160]),
            (many("€", 81), gsm, vec![152, 10]),
            (many("a", 152) + "€" + &many("a", 10), gsm, vec![152, 12]),
            (many("☃", 70), ucs, vec![70]),
            (many("☃", 71), ucs, vec![67, 4]),
            (many("☃", 134), ucs, vec![67, 67]),
            (many("☃", 135), ucs, vec![67, 67, 1]),
            (many("😀", 35), ucs, vec![70]),
            (many("😀", 36), ucs, vec![66, 6]),
            (many("☃", 66) + "😀" + &many("☃", 10), ucs, vec![66, 12]),
            ("it’s “fine” – yes…".to_owned(), ucs, vec![18]),
            ("it’s ☃".to_owned(), ucs, vec![6]),
            ("ç".to_owned(), ucs, vec![1]),
            ("Ç".to_owned(), gsm, vec![1]),
            (many("x", 192), gsm, vec![153, 39]),
        ] {
            let found = count(&text);
            assert_eq!((found.alphabet, &found.each), (alphabet, &each), "{text}");
        }
        assert_eq!((count(&many("a", 1530)).parts(), count(&many("a", 1600)).parts()), (10, 11));
        assert_eq!(BASIC.chars().count() + 62, 127);
    }

    #[test]
    fn signs_that_only_look_nicer_cost_nothing() {
        assert_eq!(plain("“It’s” 5\u{a0}m –\u{200b} ok…\t`").as_deref(), Some("\"It's\" 5 m - ok... '"));
        assert_eq!(plain("• \u{fb01}sh\u{200e}\n‹1⁄2›").as_deref(), Some("- fish\n'1/2'"));
        assert_eq!(plain("it’s ☃"), None);
        let (on, off) = (Settings::default(), Settings::default().with(Key::SmsPlainMarks, "no").unwrap());
        assert_eq!(economical(&on, "it’s short"), "it’s short", "what costs nothing stays");
        let long = format!("It’s{}", "a".repeat(151));
        assert_eq!(economical(&on, &long), long.replace('’', "'"));
        assert_eq!(economical(&off, &long), long);
        let message = Message { text: long, ..Message::sample() };
        assert_eq!((of(&on, &message).parts(), as_written(&on, &message)), (1, Some(3)));
        assert_eq!((of(&off, &message).parts(), as_written(&off, &message)), (3, None));
    }

    #[test]
    fn the_subject_of_an_answer_is_not_texted() {
        assert_eq!(text_for_phone("Re: Position", "All well.\n"), "All well.");
        assert_eq!(text_for_phone("Position", "All well."), "Position\nAll well.");
        assert_eq!(text_for_phone("Re: Position", ""), "Re: Position");
        assert_eq!(text_for_phone("", "All well."), "All well.");
        assert!(too_long(&"a".repeat(1601)).is_some() && too_long(&"\u{fc}".repeat(1600)).is_none());
    }
}
