//! Shapes that are the same in every language: dates, addresses, names, ends of sentences.

pub use super::phrases::has_word;

/// Signs that end a label or a line above a quote.
pub const COLONS: [char; 10] = [':', '：', '﹕', '︓', '։', '․', '∶', '፦', '៖', '՝'];
/// Most words that a person's name has.
const NAME_WORDS: usize = 3;
/// Longest line that may be a name or a greeting, in characters.
const SHORT: usize = 40;

/// Groups of digits, of any script, outside of mail addresses.
pub fn numbers(text: &str) -> Vec<usize> {
    let mut out = Vec::new();
    for word in text.split_whitespace().filter(|word| !word.contains('@')) {
        for group in word.split(|c: char| !c.is_numeric()).filter(|group| !group.is_empty()) {
            out.push(group.chars().count());
        }
    }
    out
}

/// A date as programs write it: with a year or a time, and at least three numbers.
pub fn has_date(text: &str) -> bool {
    let numbers = numbers(text);
    let has_year = numbers.contains(&4);
    (3..=9).contains(&numbers.len())
        && numbers.iter().all(|digits| matches!(digits, 1 | 2 | 4))
        && (has_year || numbers.len() >= 4)
        || has_year && numbers.len() == 2
        || numbers.len() == 3 && numbers.iter().all(|digits| *digits <= 2) && text.contains(['/', '.', '-'])
}

/// Lines as one, in lower case, with one form for what is written in several.
pub fn lower(lines: &[String]) -> String {
    lines
        .join(" ")
        .to_lowercase()
        .replace(['’', '`'], "'")
        .replace("e-mail", "email")
        .replace("e-p", "e p")
        .replace('\u{a0}', " ")
}

/// Contains `name@host.tld`.
pub fn has_address(text: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || "<>()[]\"',;:".contains(c)).any(|word| {
        word.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty() && host.split('.').count() >= 2 && host.split('.').all(|label| !label.is_empty())
        })
    })
}

/// The words of names, in lower case.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// True when a line could be the last of its paragraph: it ends a sentence, or is a name or a greeting.
pub fn closes(line: &str) -> bool {
    let line = line.trim_end_matches(['*', '_', '"', '\'', ')', '»', '”', ' ']);
    let is_end = |c: char| matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？' | '؟' | '।' | ':');
    let leads = line.ends_with([',', ';', '-', '，', '、']);
    // "... at six. Bob"
    let tail = line.rsplit(is_end).next().unwrap_or(line);
    let is_short = tail.split_whitespace().count() <= NAME_WORDS && tail.chars().count() <= SHORT;
    line.ends_with(is_end) || line.chars().last().is_some_and(is_emoji) || !leads && is_short
}

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}')
}

/// Words, or an answer in signs: an emoji, `?`, `:-)`. Lines that are drawn say nothing.
pub fn says(line: &str) -> bool {
    let drawn = |c: char| c.is_whitespace() || "_-=*~#─━—–.>|•".contains(c) || super::marks::is_mark(c);
    line.chars().any(char::is_alphanumeric) || !line.chars().all(drawn)
}

/// A greeting, or less: one short line that leads on.
pub fn says_nothing(lines: &[&str]) -> bool {
    let mut filled = lines.iter().filter(|line| says(line));
    let Some(first) = filled.next() else { return true };
    let count = first.split_whitespace().count();
    let leads = first.ends_with([',', '，']) && first.chars().count() <= SHORT;
    let greets = words(first).next().is_some_and(|word| super::words::GREETING.has(&word));
    filled.next().is_none() && (leads && (count <= 2 || greets && count <= 6) || greets && count <= 3)
}

/// True when only one drawing character stands on the line.
pub fn is_rule(line: &str) -> bool {
    line.len() >= 3 && line.chars().all(|c| "_-=*~#─━—".contains(c))
}

/// The same of several drawing characters, or of one that is repeated less often.
pub fn is_frame(line: &str) -> bool {
    line.len() >= 3 && line.chars().all(|c| "_-=*~#─━—–. ".contains(c))
}

/// The next line with something on it.
pub fn skip_blank<S: AsRef<str>>(lines: &[S], mut at: usize) -> usize {
    while lines.get(at).is_some_and(|line| line.as_ref().is_empty()) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_known_by_their_numbers() {
        for date in [
            "3. 5. 2024 10:00",
            "٣ مايو ٢٠٢٤ في ١٠:٠٠",
            "Friday, May 3, 2024 10:00 AM",
            "24. 5. 3. 10:00",
            "3/5/24",
            "2. Mai 2024",
        ] {
            assert!(has_date(date), "{date}");
        }
        for none in ["5 May", "tomorrow at 10:00", "12 and 13", "+00 000 123 456", "Horta"] {
            assert!(!has_date(none), "{none}");
        }
    }

    #[test]
    fn greetings_and_names_say_nothing_alone() {
        for text in ["Hi Anna,", "", "Liebe Anna,", "Hello"] {
            assert!(says_nothing(&text.lines().collect::<Vec<_>>()), "{text}");
        }
        for text in ["Yes.", "No, never", "Hi,\nyes", "Come at ten, please,"] {
            assert!(!says_nothing(&text.lines().collect::<Vec<_>>()), "{text}");
        }
        assert!(closes("Bob") && closes("It is so.") && closes("At six. Bob"));
        assert!(!closes("Hi,") && !closes("I have posted the charts, the parcel was"));
    }
}
