//! What servers and programs add around a text: notices of lawyers, warnings, footers of scanners and lists, lines of
//! help desks.
//!
//! Words alone prove nothing: letters too speak of confidence and liability. A notice speaks of *this message* and says
//! two more things that notices say, one of them about those it was not meant for. It begins on a line of its own, and
//! the words before it are at their end.

use std::cell::LazyCell;

use super::cuts::{Confidence, Cuts, Rule};
use super::shapes::lower;
use super::{footers, shapes, words};

/// Shortest legal notice, in bytes.
const MIN_LEGAL: usize = 70;
/// Most lines of a notice.
const MAX_NOTICE: usize = 50;
/// Longest notice or warning, with its paragraph, in bytes.
const MAX_NOTICE_BYTES: usize = 8 * 1024;
/// Most lines of a warning above the text.
const MAX_WARNING: usize = 8;
/// Bytes between "before" and the end of "printing".
const MAX_BEFORE: usize = 60;
/// A footer has no more lines than this.
const MAX_FOOTER_LINES: usize = 6;
/// A footer has no more words than this.
const MAX_FOOTER_WORDS: usize = 40;
/// Longest footer line, in bytes.
const MAX_FOOTER: usize = 300;
/// Bytes between "above" and the end of "this line".
const MAX_JOINED: usize = 24;
/// Most words of a scanner's line that speaks of no mail.
const MAX_NAMED: usize = 4;
/// Most words of a line that asks for answers above it, if text follows right below.
const MAX_REPLY: usize = 8;
/// Most words of such a line that stands apart from the text.
const MAX_ASKING: usize = 13;
/// Most words of a tag.
const MAX_TAG: usize = 6;

/// Cuts blank lines off the end, and rules that were drawn above something that went.
pub fn cut_blank(lines: &mut Vec<String>) {
    while lines
        .last()
        .is_some_and(|line| line.is_empty() || shapes::is_rule(line) && lines.len() > 1 && is_loose_rule(lines))
    {
        lines.pop();
    }
}

/// Cuts one notice or footer off the end; false when there is none.
pub fn cut_last(lines: &mut Vec<String>, cuts: &mut Cuts) -> bool {
    let reach = lines.len().saturating_sub(MAX_NOTICE);
    let start = lines[reach..].iter().rposition(String::is_empty).map_or(reach, |at| reach + at + 1);
    if let Some((at, rule, confidence)) =
        footers::find(lines).or_else(|| footer(lines, start)).or_else(|| legal(lines, start))
    {
        cuts.add(rule, confidence, &lines[at..]);
        lines.truncate(at);
        return true;
    }
    false
}

/// A rule at the end was drawn above something that went.
fn is_loose_rule(lines: &[String]) -> bool {
    lines.iter().filter(|line| shapes::is_rule(line)).count() <= 2
}

/// Where a paragraph could begin that ends at the end: its first line, and lines below one that is at its end.
fn beginnings(lines: &[String], start: usize) -> impl DoubleEndedIterator<Item = usize> {
    (start..lines.len())
        .filter(move |at| *at == start || shapes::closes(&lines[at - 1]) || shapes::is_rule(&lines[at - 1]))
}

/// The last paragraph is a notice, from one of its lines on.
fn legal(lines: &[String], start: usize) -> Option<(usize, Rule, Confidence)> {
    if lines[start..].iter().map(String::len).sum::<usize>() > MAX_NOTICE_BYTES {
        return None;
    }
    let lowered: Vec<String> = lines[start..].iter().map(|line| lower(std::slice::from_ref(line))).collect();
    let paragraph = lowered.join(" ");
    // Most paragraphs begin like none: then what they say need not be looked for.
    let says = LazyCell::new(|| Says::read(&paragraph));
    let is_notice = |at: &usize| {
        let first = &lowered[*at - start];
        let from = lowered[..*at - start].iter().map(|line| line.len() + 1).sum();
        !first.starts_with('>') && begins_notice(first_sentence(first)) && says.is_legal(&paragraph, from)
    };
    let begin = beginnings(lines, start).find(is_notice)?;
    // A title above it, such as "CONFIDENTIALITY NOTICE".
    let titled = lines[..begin].iter().rposition(|line| !line.is_empty()).filter(|at| is_legal_title(&lines[*at]));
    Some((titled.unwrap_or(begin), Rule::LegalNotice, Confidence::Likely))
}

fn first_sentence(text: &str) -> &str {
    sentences(text).next().unwrap_or(text)
}

/// Sentences of a text; a point within a word ends none.
pub fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive([' ', '。', '！', '？'])
        .scan(0, |from, word| {
            *from += word.len();
            Some((*from, word))
        })
        .filter(|(_, word)| word.trim_end().ends_with(['.', '!', '?', '。', '！', '？']))
        .map(|(end, _)| end)
        .chain([text.len()])
        .scan(0, move |from, end| {
            let sentence = &text[*from..end];
            *from = end;
            Some(sentence)
        })
        .filter(|sentence| sentence.chars().any(char::is_alphanumeric))
}

/// Its first words name the message or the notice itself.
fn begins_notice(sentence: &str) -> bool {
    let start = &sentence[..sentence.floor_char_boundary(160)];
    let own = words::SELF.within(start) || words::LEGAL_TITLE.within(start);
    let meant = words::NOT_MEANT.within(start);
    // The company that has it written: the rest must say all that notices say.
    own || meant || words::COMPANY.within(start) || words::CORPORATE.within(start)
}

fn is_legal_title(line: &str) -> bool {
    let lower = line.to_lowercase();
    line.len() <= 60 && words::LEGAL_TITLE.within(&lower) && !line.contains("http")
}

/// Where a paragraph last says each thing that notices say: from there on backwards, each end of it says that.
struct Says {
    /// That it is secret, for whom it was not meant, what one must not do, that nobody is liable.
    kinds: [Option<usize>; 4],
    /// A phrase of which notices are made.
    phrase: Option<usize>,
    /// The last but one of the phrases of lawyers.
    second: Option<usize>,
    /// The phrase that is the notice by itself.
    itself: Option<usize>,
}

impl Says {
    fn read(paragraph: &str) -> Self {
        let kinds =
            [&words::SECRET, &words::NOT_MEANT, &words::FORBIDDEN, &words::LIABLE].map(|kind| kind.last(paragraph));
        let second = words::CORPORATE.last_of_each(paragraph).get(1).copied();
        Self { kinds, phrase: words::TEMPLATE.last(paragraph), second, itself: words::SELF.last(paragraph) }
    }

    /// The end of the paragraph speaks of itself, and says that it is secret, that it was meant for others, and what one must
    /// not do; two of them are enough in the phrases of which notices are made, or below a title, or two phrases of
    /// lawyers.
    fn is_legal(&self, paragraph: &str, from: usize) -> bool {
        let end = &paragraph[from..];
        let titled = words::LEGAL_TITLE.begins(end);
        let says = |place: Option<usize>| place.is_some_and(|at| at >= from);
        let count = self.kinds.iter().filter(|kind| says(**kind)).count();
        let all = self.kinds[..3].iter().all(|kind| says(*kind));
        let formal = count >= 2 && (titled || says(self.phrase)) || count >= 1 && says(self.second);
        end.len() >= MIN_LEGAL && (titled || says(self.itself)) && (all || formal)
    }
}

/// What a scanner or a green conscience added: the last lines, from the latest on that is whole.
fn footer(lines: &[String], start: usize) -> Option<(usize, Rule, Confidence)> {
    let reachable = beginnings(lines, start).rev().take(MAX_FOOTER_LINES);
    let mut short = reachable.take_while(|at| lines[*at].len() <= MAX_FOOTER);
    let at = short.find(|at| is_footer(&lower(&lines[*at..])))?;
    let confidence = if at == start { Confidence::Sure } else { Confidence::Likely };
    Some((at, Rule::Footer, confidence))
}

fn is_footer(text: &str) -> bool {
    if text.is_empty() || text.len() > MAX_FOOTER {
        return false;
    }
    let keys = [
        &words::NATURE,
        &words::GREEN,
        &words::SCANNER,
        &words::VIRUS,
        &words::SCANNER_SITE,
        &words::UNSUBSCRIBE,
        &words::LIST,
    ];
    let is_foreign = |sentence: &str| {
        keys.iter().any(|key| key.within(sentence))
            || sentence.contains("://")
            || words::PRINT.within(sentence) && words::MAIL.within(sentence)
            || prints(sentence)
    };
    sentences(text).all(is_foreign) && says_footer(text)
}

fn says_footer(line: &str) -> bool {
    let count = line.split_whitespace().count();
    let mail = words::MAIL.within(line);
    let prints = prints(line) && words::NATURE.within(line) && mail;
    let (virus, scanner) = (words::VIRUS.within(line), words::SCANNER.within(line));
    let itself =
        mail && words::SELF.within(line) && (words::SCANNED.within(line) || virus && words::CLEAN.within(line));
    // A scanner's name and what it looks for, and little else: people speak of both.
    let named =
        scanner && virus && (mail || words::SCANNED.within(line) || line.contains("www.") || count <= MAX_NAMED);
    let by = is_checked_by(line);
    let scanned = named || itself && (virus || scanner) || by;
    let site = words::SCANNER_SITE.within(line) && count <= 8;
    let leaves = words::UNSUBSCRIBE.within(line) && (words::SUBSCRIBED.within(line) || words::LEAVING.within(line));
    count <= MAX_FOOTER_WORDS && (prints || is_green(line) && mail_or_print(line) || scanned || leaves) || site
}

/// "Checked by Avast antivirus": a program's whole name right behind, and little else.
fn is_checked_by(line: &str) -> bool {
    let verbs = ["scanned by ", "checked by ", "geprüft durch ", "geprüft von "];
    let Some(rest) = verbs.iter().find_map(|verb| line.strip_prefix(verb)) else { return false };
    let behind = |name: &str| rest.strip_prefix(name).filter(|rest| !rest.starts_with(char::is_alphanumeric));
    let short = |rest: &str| rest.split_whitespace().count() <= 2 && !rest.contains(|c: char| c.is_ascii_digit());
    let little = |rest: &str| short(rest) || rest.trim_start().starts_with(['-', '–']) && words::MAIL.within(rest);
    words::SCANNER.iter().filter_map(behind).any(little)
}

/// "... before printing", whatever stands around it.
fn prints(line: &str) -> bool {
    let before = words::BEFORE.iter().filter_map(|word| line.find(word).map(|at| at + word.len())).min();
    let near = |at: usize| &line[at..line.floor_char_boundary(at + MAX_BEFORE)];
    // Some languages say the one, some the other first.
    let printed = || words::PRINT.iter().filter_map(|word| line.find(word).map(|at| at + word.len())).min();
    before.is_some_and(|at| words::PRINT.within(near(at)))
        || printed().is_some_and(|at| ["önce", "前", "전에"].iter().any(|word| near(at).contains(word)))
}

/// A whole phrase of the kind; one with a colon behind it begins something else.
fn is_green(line: &str) -> bool {
    words::GREEN.iter().any(|phrase| line.find(phrase).is_some_and(|at| !line[at + phrase.len()..].starts_with(':')))
}

fn mail_or_print(line: &str) -> bool {
    words::MAIL.within(line) || words::PRINT.within(line)
}

/// Cuts what a mail server or a help desk put above the text.
pub fn cut_first(lines: &mut Vec<String>, cuts: &mut Cuts) {
    loop {
        let first = shapes::skip_blank(lines, 0);
        lines.drain(..first);
        let Some(line) = lines.first() else { return };
        let framed = usize::from(shapes::is_frame(line));
        let (rule, end) = if lines.get(framed).is_some_and(|line| is_reply_line(line)) && asks_above(lines, framed) {
            (
                Rule::ReplyLine,
                framed + 1 + usize::from(lines.get(framed + 1).is_some_and(|line| shapes::is_frame(line))),
            )
        } else if let Some(end) = warning(lines) {
            (Rule::Warning, end)
        } else {
            return;
        };
        let rest = lines[end..].iter().any(|line| line.chars().any(char::is_alphanumeric));
        if !rest {
            return;
        }
        cuts.add(rule, Confidence::Sure, &lines[..end]);
        lines.drain(..end);
    }
}

/// Framed, short, or apart from the text below.
fn asks_above(lines: &[String], at: usize) -> bool {
    let line = &lines[at];
    let framed = !line.starts_with(char::is_alphanumeric);
    // People too write above a line: a program means this one.
    let lower = line.to_lowercase();
    let this = shapes::words(&lower).any(|word| words::THIS.has(&word)) || !lower.contains(' ') || wide(&lower);
    let plain = this && line.split_whitespace().count() <= MAX_ASKING && !line.contains(',');
    let apart = lines.get(at + 1).is_none_or(|below| below.is_empty() || shapes::is_frame(below));
    framed || apart && plain || this && line.split_whitespace().count() <= MAX_REPLY
}

/// Says "this line" in a script that joins both.
fn wide(lower: &str) -> bool {
    ["この行", "この線", "이 줄", "이 선", "此行", "此线", "此線"].iter().any(|line| lower.contains(line))
}

/// Where a warning above the text ends: after the line with which it says all, or with its paragraph.
fn warning(lines: &[String]) -> Option<usize> {
    let blank = lines.iter().take(MAX_WARNING).position(String::is_empty);
    let end = blank.unwrap_or(lines.len().min(MAX_WARNING));
    if lines[..end].iter().map(String::len).sum::<usize>() > MAX_NOTICE_BYTES {
        return None;
    }
    let first = lower(&lines[..1]);
    if words::TIP.begins(&first) || first.contains("aka.ms/learnaboutsenderidentification") || is_tag(&lines[0]) {
        return Some(1);
    }
    let learns = first.ends_with("learn more") && words::CAREFUL.begins(&first);
    if learns || is_loud_tag(lines) {
        return Some(1);
    }
    let is_whole = |count: &usize| is_warning(&lower(&lines[..*count]));
    let shortest = (1..=end).find(is_whole)?;
    // The same sentence, or its paragraph if that says nothing else.
    let paragraph = lower(&lines[..end]);
    let is_short = paragraph.len() < 600 && blank.is_some();
    let sentence = (shortest..=end).find(|count| lines[*count - 1].ends_with(['.', '!', ']', '*', '-', '。']));
    Some(if is_short { end } else { sentence.unwrap_or(shortest) })
}

/// Says of this mail that it came from outside, and what to beware of.
fn is_warning(text: &str) -> bool {
    let bare = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let warns = words::WARN.begins(bare);
    let named = bare.split_once(':').is_some_and(|(tag, _)| tag.contains(' ') && words::EXTERNAL_TAG.has(tag.trim()));
    // "CAUTION: External email. Do not click ..."
    let titled = bare.split_once(':').is_some_and(|(_, rest)| {
        let phrase = |tag: &&str| tag.contains(' ') && rest.trim_start().starts_with(tag);
        let ends = |tag: &str| rest.trim_start()[tag.len()..].chars().next().is_none_or(|c| ".!,;".contains(c));
        warns && words::EXTERNAL_TAG.iter().filter(phrase).any(ends)
    });
    let framed = bare.len() < text.len()
        && bare.split_once([']', ')', '*', '}']).is_some_and(|(tag, _)| words::EXTERNAL_TAG.has(tag.trim()));
    let tagged = named || framed || titled;
    let (clicks, owner) = (words::CLICK.within(text), words::ORGANISATION.within(text));
    let comes = words::ORIGIN.within(text) && (owner || clicks);
    let own = words::SELF.within(text) && words::OUTSIDE.within(text);
    let begins = words::SELF.begins(bare);
    own && (comes || (warns || begins && clicks) && (clicks || owner))
        || tagged && clicks
        || words::EXTERNAL_TAG.begins(bare) && clicks && owner
}

/// `[EXTERNAL]` alone on its line.
fn is_tag(line: &str) -> bool {
    let bare = line.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    // In two languages: "Attention: courriel externe | external email".
    let mut parts = bare.split(['|', '/', ':', '–']).map(str::trim).filter(|part| !part.is_empty()).peekable();
    let tagged = bare.contains(['|', '/'])
        && parts.clone().any(|part| words::EXTERNAL_TAG.has(part) && part.contains(' '))
        && parts.all(|part| words::EXTERNAL_TAG.has(part) || words::WARN.has(part));
    if tagged {
        return true;
    }
    let foreign = words::OUTSIDE.within(&bare) || bare.contains("non-");
    let warns = words::WARN.begins(&bare) && foreign && words::MAIL.within(&bare);
    let short = bare.split_whitespace().count() <= MAX_TAG;
    !line.starts_with(char::is_alphanumeric)
        && bare.len() < line.len()
        && (words::EXTERNAL_TAG.has(&bare) || line.starts_with('[') && line.ends_with(']') && warns && short)
}

/// `EXTERNAL:` in capitals, alone and apart from the text.
fn is_loud_tag(lines: &[String]) -> bool {
    let Some(word) = lines[0].strip_suffix(':') else { return false };
    let loud = word.chars().all(|c| c.is_uppercase() || c == ' ' || c == '-');
    let apart = lines.get(1).is_some_and(String::is_empty);
    let listed = |line: &&String| line.starts_with(['-', '*', '•', '+', '1']);
    let follows = lines.iter().skip(1).find(|line| !line.is_empty());
    // Where somebody stands, too.
    let title = matches!(word, "OUTSIDE" | "EXT");
    loud && apart
        && !title
        && words::EXTERNAL_TAG.has(&word.to_lowercase())
        && follows.is_some_and(|line| !listed(&line))
}

/// "Please type your reply above this line", in some language, or in the frame of a help desk.
pub fn is_reply_line(line: &str) -> bool {
    if line.len() > 200 || !line.chars().any(char::is_alphabetic) {
        return false;
    }
    if line.starts_with("##-") && line.ends_with("-##") {
        return true;
    }
    let lower = line.to_lowercase();
    let place = words::ABOVE.iter().filter_map(|word| lower.find(word).map(|at| at + word.len())).min();
    let joined = place.is_some_and(|at| words::LINE.within(&lower[at..lower.floor_char_boundary(at + MAX_JOINED)]));
    (wide(&lower) || joined && words::REPLY.within(&lower))
        && lower.split_whitespace().count() <= 16
        && !line.ends_with('?')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_speak_of_secrets_too() {
        for paragraph in [
            "the offer for the boat is 40,000, please treat this as confidential and do not disclose it to the broker before we have signed.",
            "please treat this message as confidential and do not forward it to the broker: the offer for the boat is 40,000.",
            "le destinataire du colis est le chantier, pas la marina. il a été reçu par erreur à la capitainerie.",
        ] {
            assert!(!Says::read(paragraph).is_legal(paragraph, 0), "{paragraph}");
        }
        for footer in ["please consider the environment before anchoring on the reef.", "the virus is over, come home"]
        {
            assert!(!is_footer(footer), "{footer}");
        }
        assert!(is_footer("please consider the environment before printing this email."));
        assert!(is_footer("virus-free. www.avast.com"));
        assert!(
            is_reply_line("##- Bitte oberhalb antworten -##") && !is_reply_line("Reply to the line above, please?")
        );
    }
}
