//! The words by which a phone asks for no texts, for texts again, and who this is. Only alone they count, in whatever case,
//! with whatever signs around them, and said once or more often; both carriers document the same ones. With Twilio somebody
//! may have chosen others: then the carrier says what they mean, and its word counts.

use crate::deliver::sms::{IncomingText, Keyword};

const STOP: [&str; 8] = ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE"];
const START: [&str; 3] = ["START", "YES", "UNSTOP"];
const HELP: [&str; 2] = ["HELP", "INFO"];

/// What a text asks for, and the word that says so.
pub fn of(text: &IncomingText) -> Option<(Keyword, String)> {
    let word = word(&text.text);
    let read = || {
        let named = word.as_deref()?;
        let lists: [(&[&str], Keyword); 3] = [(&STOP, Keyword::Stop), (&START, Keyword::Start), (&HELP, Keyword::Help)];
        lists.iter().find(|(words, _)| words.contains(&named)).map(|(_, keyword)| *keyword)
    };
    let keyword = text.keyword.or_else(read)?;
    Some((keyword, word.unwrap_or_else(|| text.text.trim().chars().take(20).collect())))
}

/// The one word of a text in capitals, without the signs around it: `Stop.`, `STOP stop`, `opt-out`, `Stop all!`.
fn word(text: &str) -> Option<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_uppercase);
    let mut words: Vec<String> = words.take(8).collect();
    words.dedup();
    (1..=2).contains(&words.len()).then(|| words.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;

    fn say(text: &str, keyword: Option<Keyword>) -> Option<Keyword> {
        let (id, from, to) = Default::default();
        of(&IncomingText { id, from, to, text: text.to_owned(), files: 0, keyword, at: Time(0) }).map(|(what, _)| what)
    }

    #[test]
    fn words_count_alone_in_every_form() {
        for text in [
            "STOP",
            " stop. ",
            "Stop!!",
            "\"Stop\"",
            "STOP STOP",
            "stop\nStop.",
            "Stop all",
            "OPT-OUT",
            "opt out",
            "End",
        ] {
            assert_eq!(say(text, None), Some(Keyword::Stop), "{text}");
        }
        for text in ["Stop it", "please stop", "Stop by at ten", "end of it", "", "...", "stop stop at once", "Do stop"]
        {
            assert_eq!(say(text, None), None, "{text}");
        }
        assert_eq!((say("Yes.", None), say("info?", None)), (Some(Keyword::Start), Some(Keyword::Help)));
        assert_eq!(say("Basta", Some(Keyword::Stop)), Some(Keyword::Stop), "the carrier knows");
        assert_eq!(say("yes", Some(Keyword::Help)), Some(Keyword::Help));
    }
}
