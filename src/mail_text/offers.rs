//! Lines in which a mail program offers itself for a device: "Get Outlook for iOS".
//!
//! People get programs, too. A line is the program's own by its whole form: a verb, the program, a word for *for* right
//! before what it runs on, and nothing behind that but a verb in languages that put it there.

use super::words;

/// Most words of an offer.
const MAX_OFFER: usize = 7;
/// Most words before the names.
const MAX_BEFORE: usize = 3;
/// Most words between the names, and behind them.
const MAX_BESIDE: usize = 3;

/// Outlook, a platform and the address of the offer, in any language: nothing that leads to it, no sentence. `said` is the
/// line in lower case, without the address.
pub fn is_linked(said: &str) -> bool {
    let short = said.split_whitespace().count() <= MAX_OFFER;
    let platform = words::PLATFORMS.iter().any(|name| said.contains(name));
    short && platform && said.contains("outlook") && !said.contains([':', ',', '?', '!'])
}

/// "Get Outlook for iOS": an offer of a program for a device. `line` is in lower case.
pub fn is_offer(line: &str) -> bool {
    begins(line) || is_for_telephone(line)
}

/// The same in words that people use for much else: such a line is an offer only where it stands apart.
pub fn is_common(line: &str) -> bool {
    !begins(line) && is_for_telephone(line)
}

/// It begins or ends with a verb of offers, and what the program runs on is at its end, in some languages at its start.
fn begins(line: &str) -> bool {
    let tokens: Vec<&str> = line.split_whitespace().collect();
    let gets = tokens.iter().take(3).chain(tokens.last()).any(|word| words::GET.has(word));
    let runs_on = |word: &&str| words::PLATFORMS.iter().any(|name| word.contains(name));
    let mut ends = tokens.iter().rev().take(2).chain(tokens.iter().take(3).filter(|_| !line.is_ascii()));
    let platform = ends.any(runs_on);
    let program = || words::DEVICES.iter().skip(words::HARDWARE).any(|name| line.contains(name));
    let fresh = |at: usize| tokens.get(at..at + 2) == Some(&["the", "new"]);
    let wants = (0..tokens.len()).any(|at| words::ARTICLE.has(tokens[at]) && !fresh(at));
    // In English people say much else with these verbs, and in any language of getting a program onto a device.
    let before = tokens.iter().position(runs_on).and_then(|at| at.checked_sub(1)).map(|at| tokens[at]);
    let english = tokens.first().is_some_and(|verb| ["get", "download", "try"].contains(verb));
    let fits = match before {
        Some(word) if english => ["for", "voor"].contains(&word),
        Some(word) => !words::ON.has(word),
        None => !english,
    };
    fits && gets && platform && program() && !wants && tokens.len() <= MAX_OFFER
}

/// Outlook for iOS or Android, and beside that only what the program's own lines have.
fn is_for_telephone(line: &str) -> bool {
    let tokens: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches(['„', '“', '”', '"', ','])).collect();
    let place = |name: &str| tokens.iter().position(|word| word.starts_with(name));
    let (Some(program), Some(platform)) = (place("outlook"), place("ios").or_else(|| place("android"))) else {
        return false;
    };
    let (first, last) = (program.min(platform), program.max(platform));
    let (before, between, behind) = (&tokens[..first], &tokens[first + 1..last], &tokens[last + 1..]);
    let is_foreign = |word: &str| !word.contains(|c: char| c.is_ascii_alphabetic());
    let named = match platform < program {
        // The platform carries the ending that says *for*, or the language is none that could be mistaken.
        true => !line.is_ascii() || !["ios", "android"].contains(&tokens[platform]),
        false => between.last().is_some_and(|word| words::FOR.has(word) || is_foreign(word) && !words::ON.has(word)),
    };
    let verb = |words: &[&str]| words.iter().any(|word| words::GET_OUTLOOK.has(word));
    let is_short = tokens.len() <= MAX_OFFER && before.len() <= MAX_BEFORE && between.len() <= MAX_BESIDE;
    let ends = |behind: &[&str]| {
        let all_foreign = behind.len() <= MAX_BESIDE && behind.iter().all(|word| is_foreign(word));
        verb(behind) && before.len() <= 1 && (behind.len() == 1 || all_foreign)
    };
    named && is_short && (verb(before) && behind.is_empty() || ends(behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_offer_themselves_in_whole_lines() {
        for line in [
            "get outlook for ios",
            "get the new outlook for ios",
            "skaffa outlook för android",
            "skaff deg outlook for ios",
            "fá outlook fyrir ios",
            "obtén l outlook per a ios",
            "получите outlook для ios",
            "outlook voor android downloaden",
            "outlook für ios beziehen",
            "az ios outlook letöltése",
            "eskuratu ioserako outlook",
            "android용 outlook 받기",
            "outlook برای android را دریافت کنید",
        ] {
            assert!(is_offer(line), "{line}");
        }
    }

    #[test]
    fn people_get_programs_too() {
        for line in [
            "outlook auf android installieren",
            "outlook auf android laden",
            "outlook für android installieren",
            "få outlook på android till mamma",
            "få outlook för android till mamma",
            "skaffa outlook på android",
            "hämta outlook på android",
            "télécharger outlook sur android",
            "получить outlook на android",
            "android outlook downloaden",
        ] {
            assert!(!is_offer(line), "{line}");
        }
        assert!(is_common("outlook voor android downloaden") && !is_common("get outlook for ios"));
    }
}
