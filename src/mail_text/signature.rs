//! What stands below a text and names its writer or the writer's telephone.
//!
//! A signature begins at the only `--` line, if it stands apart, holds few and short lines, and the words above do not
//! lead to it. A telephone's line is known in any language by its parts: a word for *sent* at one end, the name of a
//! device or a program, and little else.

use super::context::Context;
use super::cuts::{Confidence, Cuts, Rule};
use super::{marks, offers, shapes, words};

/// Most lines below `-- ` (RFC 3676 section 4.3) that are taken for a signature.
const MAX_SIGNATURE: usize = 15;
/// Most lines of a signature that stands right below the text.
const MAX_CLOSE: usize = 5;
/// Longest line that a telephone adds, in bytes.
const MAX_ADDED: usize = 160;
/// Most words between the word for *sent* and the name of the device.
const MAX_BETWEEN: usize = 6;
/// Longest such line in scripts without blanks between words, in characters.
const MAX_JOINED: usize = 40;
/// Most words behind the name of the device.
const MAX_BEHIND: usize = 4;
/// Words of a line that is a sentence rather than a part of a signature.
const SENTENCE: usize = 8;
/// Fewest words of a sentence that was typed into or below a signature.
const MIN_TYPED: usize = 4;
/// Names of programs that say something else with *my* before them.
const LONE: [&str; 2] = ["mailbox", "ee"];

/// Cuts what stands between the marks of a signature's element.
pub fn cut_marked(lines: &mut Vec<String>, context: &Context, cuts: &mut Cuts) {
    while let Some(start) = lines.iter().position(|line| line == marks::SIGNATURE) {
        let end = lines[start..].iter().position(|line| line == marks::END).map_or(lines.len(), |end| start + end + 1);
        let inside: Vec<String> =
            lines[start..end].iter().filter(|line| !line.starts_with(marks::is_mark)).cloned().collect();
        let others = lines[..start].iter().chain(&lines[end..]);
        let leading = leading(&inside);
        let apart = leading > 0
            || others
                .clone()
                .any(|line| !line.is_empty() && !line.starts_with('>') && !line.starts_with(marks::is_mark));
        let leads = lines[..start].iter().rfind(|line| !line.is_empty()).is_some_and(|line| leads_on(line));
        let (own, rest) = inside.split_at(leading);
        let drawn = lines[..start].iter().rfind(|line| !line.is_empty()).is_some_and(|line| is_delimiter(line));
        if apart && !leads && !is_typed(rest, drawn, context) {
            // An afterword is the writer's own again.
            let end_of_name = (0..rest.len()).find(|at| is_afterword(rest, *at)).unwrap_or(rest.len());
            let (name, afterword) = rest.split_at(end_of_name);
            let gone = name.iter().filter(|line| !is_delimiter(line)).collect::<Vec<_>>();
            cuts.add(Rule::Signature, Confidence::Sure, &gone);
            lines.splice(start..end, [own, &[String::new()], afterword].concat());
        } else {
            lines.splice(start..end, inside);
        }
    }
    lines.retain(|line| line != marks::END);
}

/// A line that is drawn above a signature.
pub fn is_delimiter(line: &str) -> bool {
    matches!(line, "--" | "—")
}

/// What the writer typed into a signature's element, rather than a signature: numbers only, or numbers on its first line
/// that is neither a name nor a way to reach somebody, and no `--` above it (`drawn` when that stands above the element).
fn is_typed(rest: &[String], drawn: bool, context: &Context) -> bool {
    let mut filled = rest.iter().filter(|line| !line.is_empty()).peekable();
    let drawn = drawn || filled.peek().is_some_and(|line| is_delimiter(line));
    let Some(first) = filled.find(|line| !is_delimiter(line)) else { return false };
    let reaches = first.starts_with('+') || first.contains('@') || first.contains("://");
    let named = shapes::words(first).any(|word| context.writer.contains(&word));
    let numbered = first.contains(|c: char| c.is_ascii_digit()) && !reaches && !named && !is_added(first);
    is_data(rest) || numbered && !drawn
}

/// Lines at the start of a signature's element that the writer typed into it: sentences, before any name or greeting.
pub fn leading(inside: &[String]) -> usize {
    let mut end = 0;
    let mut open = 0;
    for (at, line) in inside.iter().enumerate() {
        let count = line.split_whitespace().count();
        let wide = line.chars().filter(|c| *c > '\u{2e80}').count() >= MIN_TYPED * 2;
        if line.is_empty() && open == 0 {
            continue;
        }
        // A line that goes on below is one of few, and no greeting.
        let goes_on = count >= MIN_TYPED && !line.ends_with([',', ':']) && open < 2 && !is_added(line);
        if is_sentence(line) && (count >= MIN_TYPED || wide) && !is_added(line) {
            (end, open) = (at + 1, 0);
        } else if goes_on {
            open += 1;
        } else {
            break;
        }
    }
    end
}

fn is_sentence(line: &str) -> bool {
    line.ends_with(['.', '!', '?', '…', '。', '！', '？', '؟', '।'])
}

/// Cuts the signature below `--`.
pub fn cut_delimited(lines: &mut Vec<String>, cuts: &mut Cuts) {
    let Some(at) = delimiter(lines) else { return };
    let below = &lines[at + 1..];
    // An afterword is the writer's own again.
    let end = (0..below.len()).find(|line| is_afterword(below, *line)).map_or(lines.len(), |found| at + 1 + found);
    cuts.add(Rule::Signature, Confidence::Likely, &lines[at + 1..end]);
    lines.drain(at..end);
}

/// At this line of a signature its writer goes on: an afterword by name, or a sentence apart that is no
/// quotation.
fn is_afterword(below: &[String], at: usize) -> bool {
    let lower = below[at].to_lowercase();
    if words::AFTERWORD.begins(&lower) {
        return true;
    }
    let begins = at > 0 && below[at - 1].is_empty() && below[..at].iter().any(|line| !line.is_empty());
    let end = below[at..].iter().position(String::is_empty).map_or(below.len(), |end| at + end);
    let words = below[at..end].iter().flat_map(|line| line.split_whitespace()).count();
    let quoted = below[at..end].first().is_some_and(|line| line.starts_with(['"', '“', '„', '«', '\'', '‘']));
    let speaks = words >= MIN_TYPED && !quoted;
    begins && end > at && is_sentence(&below[end - 1]) && speaks && !below[at..end].iter().any(|line| is_added(line))
}

/// Where a signature begins: the only `--` line, with few lines below it and a blank line above it (or very few below),
/// and no quote below it, which would be answered there. Whoever draws such lines in a text keeps what follows.
fn delimiter(lines: &[String]) -> Option<usize> {
    let mut found = lines.iter().enumerate().filter(|(_, line)| is_delimiter(line));
    let (at, _) = found.next().filter(|_| found.next().is_none())?;
    let (above, below) = (&lines[..at], &lines[at + 1..]);
    if below.len() > MAX_SIGNATURE {
        return None;
    }
    let last = above.iter().rfind(|line| !line.is_empty())?;
    // What touches the words above may be what they lead to, unless they are at their end.
    let ended = above.len() > 1 || last.ends_with(['.', '!', '?', '。', '！', '？']);
    let apart = above.last().is_some_and(String::is_empty) || below.len() <= MAX_CLOSE && ended;
    let quoted = below.iter().any(|line| line.starts_with('>'));
    let filled = below.iter().filter(|line| !line.is_empty());
    let prose =
        filled.filter(|line| line.split_whitespace().count() >= SENTENCE && line.ends_with(['.', '!', '?'])).count();
    let is_program = below.iter().any(|line| is_added(line)) || below.join(" ").contains("http");
    (apart && !quoted && !is_data(below) && !leads_on(last) && (prose == 0 || is_program)).then_some(at)
}

/// Numbers on every line, as many as words or more: a position, readings, prices.
fn is_data(below: &[String]) -> bool {
    let filled = || below.iter().filter(|line| !line.is_empty());
    let numbered = |word: &&str| word.contains(|c: char| c.is_ascii_digit());
    let (all, numbers) = filled().fold((0, 0), |(all, numbers), line| {
        (all + line.split_whitespace().count(), numbers + line.split_whitespace().filter(numbered).count())
    });
    let sites = below.iter().any(|line| line.contains("://") || line.contains('@') || line.starts_with('+'));
    all > 0 && !sites && filled().all(|line| line.split_whitespace().any(|word| numbered(&word))) && numbers * 2 >= all
}

/// The line leads to what stands below it: its sentence is not at its end.
fn leads_on(line: &str) -> bool {
    let last = line.rsplit(' ').next().unwrap_or_default().to_lowercase();
    line.ends_with(shapes::COLONS) || line.ends_with("->") || line.ends_with('→') || words::LEADING.has(&last)
}

/// Cuts the last line if a telephone or a program added it. Where it touches the text above, that must be at its end.
pub fn cut_added(lines: &mut Vec<String>, cuts: &mut Cuts) -> bool {
    let Some(last) = lines.last() else { return false };
    // The page of the program may stand below its line.
    let with_page = is_site(last) && lines.len().checked_sub(2).is_some_and(|at| is_added(&lines[at]));
    let at = lines.len() - 1 - usize::from(with_page);
    // Some draw the line of a signature above it.
    let drawn = at.checked_sub(1).is_some_and(|above| is_delimiter(&lines[above]));
    let (line, at) = (at, at - usize::from(drawn));
    let above = at.checked_sub(1).map(|at| lines[at].as_str());
    let apart = drawn || above.is_none_or(str::is_empty);
    // A sentence goes on in small letters.
    let begins = lines[line].starts_with(char::is_uppercase);
    let ended =
        |line: &str| shapes::closes(line) || is_added(line) || begins && !leads_on(line) && !line.ends_with(',');
    // People get a program, too: below what ends a sentence only, or apart.
    let lower = lines[line].to_lowercase();
    let common = offers::is_common(&bare(&lower)) && !words::OFFER_LINKS.within(&lower);
    let touches = above.is_some_and(|above| ended(above) && (!common || is_sentence(above)));
    let cut = is_added(&lines[line]) && (apart || touches);
    if cut {
        let sure = apart && !drawn;
        cuts.add(Rule::Signature, if sure { Confidence::Sure } else { Confidence::Likely }, &lines[line..]);
        lines.truncate(at);
    }
    cut
}

/// Tells of a last line that may be a telephone's, in a language that is not in the table.
pub fn doubt_added(lines: &[String], cuts: &mut Cuts) {
    if let [_, .., above, last] = lines
        && above.is_empty()
        && looks_added(last)
    {
        cuts.add(Rule::Signature, Confidence::Unsure, &lines[lines.len() - 1..]);
    }
}

/// True when a telephone or a mail program wrote the whole line.
pub fn is_added(line: &str) -> bool {
    if line.len() > MAX_ADDED {
        return false;
    }
    let lower = line.to_lowercase().replace(['’', '\u{2011}', '\u{a0}'], " ").replace('\'', " ");
    if words::OFFER_LINKS.within(&lower) && !is_sentence(line) && offers::is_linked(&bare(&lower)) {
        return true;
    }
    let lower = bare(&lower);
    // "Sent from my iPhone. Please excuse typos."
    let ends = lower.match_indices(['.', ';', '!']).map(|(at, _)| at);
    // A point within a short form ends nothing: "U.S. Cellular".
    let within = |at: usize| lower[..at].rsplit(' ').next().is_some_and(|word| word.contains('.'));
    let end = ends.filter(|at| lower[at + 1..].starts_with(' ') && !within(*at)).min();
    let (first, rest) = end.map_or((lower.as_str(), ""), |end| (&lower[..end], &lower[end + 2..]));
    let rest = rest.trim();
    let excuses = rest.is_empty() || words::EXCUSE.within(rest) || is_site(rest);
    let (first, excuse) = match first.split_once([',', '–', '—', '|']).or_else(|| first.split_once(" - ")) {
        Some((first, rest)) if words::EXCUSE.within(rest) => (first, true),
        _ => (first, false),
    };
    let sent = || {
        is_sent_by(first) || is_origin(first) || is_named(first) || is_from_my(first) || words::WHOLE.has(first.trim())
    };
    (excuses || excuse) && sent()
        || !is_sentence(line) && offers::is_offer(&lower)
        || words::WHOLE.has(&lower)
        || words::REACTED.ends(&lower)
}

/// The line without its decoration and without addresses of web pages.
fn bare(lower: &str) -> String {
    let mut out = String::new();
    let mut rest = lower;
    while let Some(at) = rest.find(['<', '(']) {
        let close = if rest[at..].starts_with('<') { '>' } else { ')' };
        let Some(end) = rest[at..].find(close).filter(|end| rest[at..at + end].contains("://")) else { break };
        out.push_str(&rest[..at]);
        rest = &rest[at + end + 1..];
    }
    out.push_str(rest);
    // Where an address stood, two blanks are left.
    out.trim_matches(|c: char| !c.is_alphanumeric()).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_site(text: &str) -> bool {
    text.split_whitespace().all(|word| word.contains('/') || word.contains('.') && !word.ends_with('.'))
        && !text.is_empty()
}

/// A word for *sent* at one end, a device, little else.
fn is_sent_by(line: &str) -> bool {
    let line = line.trim();
    let tokens: Vec<&str> = line.split_whitespace().collect();
    let Some((start, end)) = device(line) else { return false };
    let (before, after) = (&line[..start], &line[end..]);
    let numbers_are_small = shapes::numbers(line).iter().all(|digits| *digits <= 2 || *digits == 4);
    let count = |text: &str| text.split_whitespace().count();
    // A model may be a number, right behind the name; a day stands farther away.
    let is_number = |word: &str| word.chars().all(char::is_numeric);
    let ends_well = !after.contains([',', ';', ':', '?', '!'])
        && count(after) <= MAX_BEHIND
        && !after.split_whitespace().skip(1).any(is_number);
    if !numbers_are_small || !ends_well || tokens.len() > 14 {
        return false;
    }
    let is_sent = |word: &str| words::SENT_STEMS.begins(word);
    let is_this = words::THIS_MESSAGE.begins(line);
    // Scripts without blanks between words.
    let is_joined = |text: &str| words::SENT_JOINED.within(text);
    let lead = tokens.iter().take(2).position(|word| is_sent(word));
    // "Sent my iPad with Cy"
    let from = |at: usize| tokens.get(at + 1) == Some(&"a") && tokens.get(at + 2) == Some(&"partir");
    let lead = lead.filter(|at| from(*at) || tokens.get(at + 1).is_none_or(|word| !words::ARTICLE.has(word)));
    let first = match lead {
        Some(0) => count(before) <= MAX_BETWEEN + 1,
        // "Đã gửi từ", "Von meinem iPhone gesendet": nothing but a small word before it.
        Some(_) => count(before) <= MAX_BETWEEN + 1 && words::AUXILIARY.has(tokens[0]),
        None => false,
    };
    let verbs = if is_this { before.split_whitespace().chain(after.split_whitespace()).any(is_sent) } else { false };
    let last = count(before) <= 2 && tokens.iter().rev().take(2).any(|word| is_sent(word));
    let joined = count(before) <= MAX_BETWEEN && is_joined(line) && line.chars().count() <= MAX_JOINED;
    first || verbs || last || joined
}

/// A word for *sent*, small words, and the whole name of a program that means other things too.
fn is_named(line: &str) -> bool {
    let Some((verb, rest)) = line.trim().split_once(' ') else { return false };
    let small = |word: &str| words::FROM_MY.has(word) || words::WITH.has(word);
    let named = |name: &str| {
        rest.strip_suffix(name).is_some_and(|between| {
            let most = if LONE.contains(&name) { 1 } else { 3 };
            between.ends_with(' ')
                && between.split_whitespace().count() <= most
                && between.split_whitespace().all(small)
        })
    };
    words::SENT_STEMS.begins(verb) && words::NAMES.iter().any(named)
}

/// "Provenance : Courrier pour Windows 10": a label, and nothing but the program's name.
fn is_origin(line: &str) -> bool {
    let Some((label, name)) = line.split_once(shapes::COLONS) else { return false };
    let name = name.trim().trim_end_matches([' ', '0', '1']);
    words::ORIGIN_LABEL.has(label.trim()) && words::WINDOWS_MAIL.has(name)
}

/// "From my iPhone 6": the device, and at most its model.
fn is_from_my(line: &str) -> bool {
    let Some(rest) = line.trim().strip_prefix("from my ") else { return false };
    let (name, model) = rest.split_once(' ').unwrap_or((rest, "0"));
    // Programs and services have more behind them that is somebody's own: "from my Gmail account".
    let hardware = words::DEVICES.iter().take(words::HARDWARE).any(|device| name.starts_with(device));
    hardware && !model.contains(' ') && model.contains(|c: char| c.is_ascii_digit())
}

/// Where the first and the last name of a device or a program stand.
fn device(line: &str) -> Option<(usize, usize)> {
    let mut span: Option<(usize, usize)> = None;
    let named = words::DEVICES.iter().flat_map(|name| line.match_indices(name).map(|(at, name)| (at, name.len())));
    let common = words::TELEPHONE.iter().filter(|name| shapes::has_word(line, name));
    // A common word ends the line, and a word for *from* stands before it.
    // In some languages the word for *sent* stands behind it.
    let sent_last = |name: &str| {
        let rest = line.rfind(name).map_or("", |at| line[at + name.len()..].trim_start());
        rest.is_empty() || !rest.contains(' ') && words::SENT_STEMS.begins(rest) || words::CARRIERS.has(rest)
    };
    let common = common.filter(|name| sent_last(name) && line.split_whitespace().any(|word| words::FROM_MY.has(word)));
    let common = common.filter_map(|name| line.rfind(name).map(|at| (at, name.len())));
    for (at, length) in named.chain(common) {
        // A name begins a word; endings of many languages may follow it.
        if line[..at].chars().next_back().is_some_and(|c| c.is_ascii_alphabetic()) {
            continue;
        }
        let end = line[at + length..].find(' ').map_or(line.len(), |end| at + length + end);
        let (from, to) = span.unwrap_or((at, end));
        span = Some((from.min(at), to.max(end)));
    }
    span
}

/// A short line of its own with the name of a device, in a language that is not in the table.
fn looks_added(line: &str) -> bool {
    let lower = line.to_lowercase();
    let named = words::DEVICES.iter().take(words::HARDWARE).any(|name| lower.contains(name));
    named && line.split_whitespace().count() <= 7 && !line.ends_with(['.', '!', '?', ':'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_telephones_add_is_known_in_any_language() {
        for line in [
            "Sent from my iPhone",
            "Sent from Yahoo Mail on Android",
            "Sent from Outlook for iOS<https://aka.ms/o0ukef>",
            "Get Outlook for iOS<https://aka.ms/o0ukef>",
            "Sent from my Galaxy S21 Ultra 5G",
            "Sent from my Verizon, Samsung Galaxy smartphone",
            "Sent from my mobile phone. Please excuse any typos.",
            "Sent with Proton Mail secure email.",
            "Von meinem iPhone gesendet",
            "Gesendet von meinem Samsung-Gerät",
            "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.",
            "Envoyé depuis mon téléphone Huawei",
            "Enviado desde mi iPad",
            "Enviado do meu iPhone",
            "Inviato da iPhone",
            "Verstuurd vanaf mijn iPhone",
            "Отправлено с iPhone",
            "Sendt fra min iPhone",
            "Lähetetty iPhonesta",
            "Wysłane z iPhone’a",
            "iPhone’umdan gönderildi",
            "Az iPhone készülékemről küldve",
            "נשלח מה-iPhone שלי",
            "تم الإرسال من الـ iPhone",
            "发自我的 iPhone",
            "從我的 iPhone 傳送",
            "iPhoneから送信",
            "나의 iPhone에서 보냄",
            "Надіслано з iPhone",
            "Đã gửi từ iPhone của tôi",
            "Odesláno z iPhonu",
            "Trimis de pe iPhone",
            "Εστάλη από το iPhone μου",
            "Изпратено от моя iPhone",
            "Poslano z mojega iPhona",
            "Saadetud minu iPhone'ist",
            "Išsiųsta iš mano iPhone",
            "Dikirim dari iPhone saya",
            "ส่งจาก iPhone ของฉัน",
            "मेरे iPhone से भेजा गया",
            "Enviat des del meu iPhone",
            "Sent from the all new AOL app for iOS",
            "Get BlueMail for Android",
            "Envoyé à partir de l’application Mail Orange",
            "Испратено од мојот iPhone",
            "Послато са мог iPhone-а",
            "삼성 갤럭시 스마트폰에서 보냈습니다.",
            "Sent from my iPhone 15 Pro",
            "iOS 版 Outlook を入手",
            "Odesláno z aplikace Pošta pro Windows",
            "Enviado desde Correo <https://go.x.org/?LinkId=5> para Windows",
            "Envoyé à partir de Courrier <https://go.x.org/?LinkId=5> pour Windows",
            "Von meinem Mobilgerät gesendet",
            "Envoyé de mon téléphone Orange",
            "From My Iphone 6",
            "Sent from Mailbox",
            "Sent from my Windows 8 PC <http://go.x.org/preview>",
        ] {
            assert!(is_added(line), "{line}");
        }
    }

    #[test]
    fn what_people_write_is_not() {
        for line in [
            "sent from my office on Monday, number RR123456785.",
            "Envoyé de mon bureau lundi, numéro RR123456785.",
            "Gesendet von meinem Büro am Montag",
            "I sent it from my iPhone yesterday",
            "Mein iPhone ist kaputt",
            "Die Bilder habe ich gestern von meinem iPhone gesendet",
            "Sent with the ferry at noon",
            "Get the Outlook manual from Tom",
            "Sent from my iPhone on Monday, number RR123456785",
            "Get the mail for me",
            "Sent the spare phone with Cy",
            "Sent from Bergen by Galaxy Shipping on 4 June",
            "Sent the iPad with Cy",
            "Sent my iPad to Horta",
            "Enviado el iPad a Ana",
            "Get the Android tablet from Cy",
            "Get me an iPad",
            "Get Gmail to work on my iPad",
            "Get Gmail going on Tom's iPad",
            "Outlook crashes on Tom's iPad",
            "From my iPhone I see nothing",
            "From my desk",
            "Sent from Mailbox 12 in Horta",
            "Von meinem Telefon gesendet habe ich nichts",
        ] {
            assert!(!is_added(line), "{line}");
        }
    }
}
