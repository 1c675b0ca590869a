//! The header of an earlier mail inside a text, as Outlook and many others write it, and the title above it.
//!
//! A block is lines of a label, a colon and a value. Labels of the table help; in a language that is not in it the values
//! tell: an address, a date as programs write it, the subject of this very mail. Journeys too go from, to, on a date:
//! without such values it takes a title or a drawn line above the block to believe it.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::context::Context;
use super::phrases::Words;
use super::shapes::{self, COLONS};
use super::words;

/// Most lines of a block.
const MAX_LINES: usize = 40;
/// Longest label, in characters.
const MAX_LABEL: usize = 30;
/// Most words in a label of a header block.
const MAX_LABEL_WORDS: usize = 4;
/// Longest title, in characters.
const MAX_TITLE: usize = 70;
/// Longest title with its block on one line, in bytes.
const MAX_UNFOLDED: usize = 2000;
/// Dashes before the title of a forwarded mail (Gmail writes ten, Thunderbird eight); answers have five.
const FORWARD_DASHES: usize = 8;
/// Signs at the end of a sentence.
const ENDS: [char; 6] = ['.', '!', '?', '。', '！', '？'];
/// Most blank or drawn lines above a block.
const MAX_DRAWN: usize = 6;
/// Shortest line that Outlook and others draw above a block.
const MIN_RULE: usize = 8;

/// Fewest signs on each side of a title that some write by hand too.
const FRAME: usize = 3;

/// What stands behind a label of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    From,
    Sent,
    To,
    Subject,
}

/// The labels of the tables. A text of nothing but fields asks forty times for each of its lines.
static LABELS: LazyLock<HashMap<&str, Label>> = LazyLock::new(|| {
    let tables = [
        (&words::SUBJECT, Label::Subject),
        (&words::TO, Label::To),
        (&words::SENT, Label::Sent),
        // The last one holds where two tables have a word.
        (&words::FROM, Label::From),
    ];
    tables.into_iter().flat_map(|(words, label)| words.iter().map(move |word| (word, label))).collect()
});

/// A header block of an earlier mail that was read.
#[derive(Debug, Default)]
pub struct Block {
    /// The line after it.
    pub end: usize,
    /// Who wrote the earlier mail.
    pub from: String,
    /// The subject of the earlier mail; empty where it is not said.
    pub subject: String,
}

impl Block {
    /// Its header in one line, for a forwarded mail.
    pub fn forwarded(&self) -> String {
        match (self.from.as_str(), self.subject.as_str()) {
            ("", "") => "Forwarded:".to_owned(),
            (from, "") => format!("Forwarded from {from}:"),
            ("", subject) => format!("Forwarded: {subject}"),
            (from, subject) => format!("Forwarded from {from}: {subject}"),
        }
    }
}

/// What a title says of the mail below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Title {
    /// It is being answered.
    Original,
    /// The mail below it is being forwarded.
    Forwarded,
}

/// Reads `-----Original Message-----`, `Begin forwarded message:` and their kin. A known phrase is enough; a phrase of
/// another language must stand between dashes.
pub fn title(line: &str) -> Option<Title> {
    let line = inner(line);
    if words::PROCESSED.begins(&line.to_lowercase()) && line.chars().count() <= MAX_TITLE {
        return Some(Title::Original);
    }
    if !line.starts_with(is_frame) && !line.ends_with(COLONS) || line.len() > 4 * MAX_TITLE {
        return None;
    }
    if line.chars().count() > MAX_TITLE + 2 * FORWARD_DASHES {
        return None;
    }
    let bare = line.trim_matches(|c: char| is_frame(c) || "> []".contains(c) || COLONS.contains(&c));
    let lower = bare.to_lowercase().replace('’', "'");
    let (before, after) = frames(line);
    let framed = before > 0 || line.ends_with(COLONS);
    let is =
        |phrases: &Words| framed && phrases.iter().any(|own| lower.starts_with(own) && lower.len() <= own.len() + 8);
    if is(&words::FORWARDED) {
        return Some(Title::Forwarded);
    }
    // Translators write some of these as titles of their own: a line of dashes on both sides tells the program.
    if is(&words::ORIGINAL) || before >= FRAME && after >= FRAME && is(&words::REPLIED) {
        return Some(Title::Original);
    }
    let least = if bare.is_ascii() { 3 } else { 2 };
    let is_phrase = (least..=MAX_TITLE).contains(&bare.chars().count())
        && bare.split_whitespace().count() <= 6
        && bare.chars().all(|c| c.is_alphabetic() || " '’-.・".contains(c) || !c.is_ascii() && !c.is_numeric());
    if before < 4 || after < 4 || !is_phrase {
        return None;
    }
    Some(if before >= FORWARD_DASHES { Title::Forwarded } else { Title::Original })
}

/// A title of the table, which needs no block below it.
pub fn is_known(line: &str) -> bool {
    let bare = line.trim_matches(|c: char| "-_=*>—– ".contains(c) || COLONS.contains(&c));
    let lower = bare.to_lowercase().replace('’', "'");
    let (before, after) = frames(line);
    let drawn = before >= FRAME && after >= FRAME;
    words::ORIGINAL.begins(&lower) || words::FORWARDED.begins(&lower) || drawn && words::REPLIED.begins(&lower)
}

fn is_frame(c: char) -> bool {
    "-_=*—–".contains(c)
}

/// Signs that frame a line, at its start and at its end.
fn frames(line: &str) -> (usize, usize) {
    let line = line.trim();
    let count = |signs: &mut dyn Iterator<Item = char>| signs.take_while(|c| is_frame(*c)).count();
    (count(&mut line.chars()), count(&mut line.chars().rev()))
}

/// A title with its block behind it on one line, as a telephone writes it: the block on lines of its own.
pub fn unfold(line: &str) -> Option<String> {
    let (words, rest) = line.strip_prefix("--").map(|line| line.trim_start_matches('-'))?.split_once("--")?;
    let rest = rest.trim_start_matches('-').trim_start();
    if !is_known(words) || !rest.contains(COLONS) || line.len() > MAX_UNFOLDED {
        return None;
    }
    let mut out = line[..line.len() - rest.len()].trim_end().to_owned();
    for word in rest.split(' ') {
        let starts = word.strip_suffix(COLONS).is_some_and(|label| LABELS.contains_key(label.to_lowercase().as_str()));
        out.push(if starts { '\n' } else { ' ' });
        out.push_str(word);
    }
    out.push('\n');
    Some(out)
}

/// True when a block without a title could begin here: a field, and the first of its run or one that names a writer.
pub fn may_begin(lines: &[&str], at: usize) -> bool {
    let Some((label, _)) = field(inner(lines[at])) else { return false };
    let above = at.checked_sub(1).and_then(|at| field(inner(lines[at])));
    above.is_none() || names_writer(&label)
}

/// True for the label of a field that names who wrote the mail.
fn names_writer(label: &str) -> bool {
    LABELS.get(label) == Some(&Label::From)
}

/// The block that starts at `start`, or after blank lines. `marked` when a title or an element of HTML announced it.
pub fn at(lines: &[&str], start: usize, marked: bool, context: &Context) -> Option<Block> {
    let first = (start..lines.len()).find(|at| !inner(lines[*at]).is_empty())?;
    let mut found = Found::default();
    let mut at = first;
    // Some programs put a blank line between the fields, and then between all of them: a line of a letter that looks like
    // a field, above the block, is none of its fields.
    let spaced =
        field(inner(lines[first])).is_some() && lines.get(first + 1).is_some_and(|line| inner(line).is_empty());
    while let Some(line) = lines.get(at).filter(|_| at < first + MAX_LINES) {
        let line = inner(line);
        match field(line) {
            // The mail of a second writer begins.
            Some((label, _)) if found.fields > 0 && found.has_from && names_writer(&label) => break,
            Some(_) if spaced && at > first && !inner(lines[at - 1]).is_empty() => return None,
            Some((label, value)) => found.add(&label, value, context),
            None if spaced && line.is_empty() && lines.get(at + 1).is_some_and(|next| field(inner(next)).is_some()) => {
            }
            // Long lists of recipients go on below, and what a bracket holds.
            None if at > first
                && at < first + 12
                && line.contains('@')
                && (line.contains(['<', ';']) || is_open(inner(lines[at - 1]))) => {}
            // A long subject goes on before the next field.
            None if at > first
                && !line.is_empty()
                && lines.get(at + 1).is_some_and(|next| is_addressed(inner(next))) => {}
            None => break,
        }
        at += 1;
    }
    while at > first && inner(lines[at - 1]).is_empty() {
        at -= 1;
    }
    let ruled = start > 0 && lines.get(start - 1).is_some_and(|line| line.len() >= MIN_RULE && shapes::is_rule(line));
    let block = Block { end: at, from: found.from.clone(), subject: found.subject.clone() };
    found.is_block(marked, ruled).then_some(block)
}

/// A bracket is not closed on its line.
fn is_open(line: &str) -> bool {
    line.rfind(['<', '[']).is_some_and(|at| !line[at..].contains(['>', ']']))
}

/// A field of the tables that names whom the mail went to, by address.
fn is_addressed(line: &str) -> bool {
    field(line)
        .is_some_and(|(label, value)| LABELS.get(label.as_str()) == Some(&Label::To) && shapes::has_address(value))
}

/// What the fields of a block say.
#[derive(Default)]
struct Found {
    fields: usize,
    /// Which labels were found, by [`Label`].
    known: [bool; 4],
    has_from: bool,
    addressed: bool,
    dated: bool,
    same_subject: bool,
    /// Whom this mail goes to wrote it, to whoever writes now.
    from_reader: bool,
    to_writer: bool,
    from: String,
    subject: String,
}

impl Found {
    fn add(&mut self, label: &str, value: &str, context: &Context) {
        let mut kind = LABELS.get(label).copied();
        if let Some(kind) = kind {
            self.known[kind as usize] = true;
        }
        let addressed = shapes::has_address(value);
        let dated = shapes::has_date(value) && !addressed;
        let topic = super::subject::read(value).topic;
        let same = !topic.is_empty() && topic == context.topic;
        // The first line names the writer, the last one the subject, whatever they are called.
        if kind.is_none() {
            kind = match (self.fields, addressed, dated) {
                (0, false, true) => Some(Label::Sent),
                (0, ..) => Some(Label::From),
                (_, false, false) if same || self.fields >= 2 => Some(Label::Subject),
                _ => None,
            };
        }
        match kind {
            Some(Label::From) if self.from.is_empty() => {
                value.clone_into(&mut self.from);
                self.has_from = true;
            }
            Some(Label::Subject) if self.subject.is_empty() || same => value.clone_into(&mut self.subject),
            _ => (),
        }
        let first_of = |names: &[String]| shapes::words(value).next().is_some_and(|word| names.contains(&word));
        self.from_reader |= kind == Some(Label::From) && first_of(&context.others);
        self.to_writer |= kind == Some(Label::To) && first_of(&context.writer);
        self.fields += 1;
        self.addressed |= addressed;
        self.dated |= dated;
        self.same_subject |= same && kind == Some(Label::Subject);
    }

    fn is_block(&self, marked: bool, ruled: bool) -> bool {
        let known = self.known.iter().filter(|known| **known).count();
        let values = [self.addressed, self.dated, self.same_subject, self.from_reader && self.to_writer];
        let values = values.iter().filter(|value| **value).count();
        if marked {
            return self.fields >= 2 && (known >= 2 || values >= 1);
        }
        // From, Sent and Subject by name, or three fields of any name.
        let by_name = [Label::From, Label::Sent, Label::Subject].iter().all(|label| self.known[*label as usize]);
        let shaped = by_name || self.fields >= 3;
        shaped && (values >= 2 || ruled && values >= 1 && known >= 3)
    }
}

/// Label (in lower case) and value of a line, if it could be a field.
fn field(line: &str) -> Option<(String, &str)> {
    let line = line.trim_start_matches(['*', ' ', '_']);
    if let Some(cells) = line.strip_prefix('|') {
        return cell_field(cells);
    }
    // A table of a page: its labels have no mark of their own.
    if let Some((label, value)) = line.split_once(" | ")
        && LABELS.contains_key(label.trim().to_lowercase().as_str())
    {
        return Some((label.trim().to_lowercase(), value.trim()));
    }
    let at = line.find(COLONS)?;
    let colon = line[at..].chars().next().map_or(1, char::len_utf8);
    let label = line[..at].trim_matches(|c: char| c == '*' || c == '_' || c.is_whitespace());
    let sound = (1..=MAX_LABEL).contains(&label.chars().count())
        && label.split_whitespace().count() <= MAX_LABEL_WORDS
        && label.chars().all(|c| !c.is_numeric() && (!c.is_ascii() || c.is_ascii_alphabetic() || " -'./".contains(c)));
    let value = line[at + colon..].trim_matches(|c: char| c == '*' || c.is_whitespace());
    (sound && !value.starts_with("//")).then(|| (label.to_lowercase(), value))
}

/// A field that was drawn as a row of a table: `| From | Anna |`.
fn cell_field(cells: &str) -> Option<(String, &str)> {
    let (label, value) = cells.split_once('|')?;
    let label = label.trim();
    let sound =
        (1..=MAX_LABEL).contains(&label.chars().count()) && label.chars().all(|c| c.is_alphabetic() || c == ' ');
    sound.then(|| (label.to_lowercase(), value.trim_matches(|c: char| c == '|' || c.is_whitespace())))
}

/// Where the rule or the title without a frame that is drawn above a block begins, or the block itself. One program puts
/// the writer's own address between the rule and the block.
pub fn above(lines: &[&str], at: usize, context: &Context) -> usize {
    let drawn = |mut start: usize| {
        let least = start.saturating_sub(MAX_DRAWN);
        while start > least && lines[start - 1].trim().chars().all(|c| "_-—–=".contains(c)) {
            start -= 1;
        }
        start
    };
    let start = drawn(at);
    let Some(line) = start.checked_sub(1).map(|at| lines[at].trim()) else { return start };
    let named = words::ORIGINAL.has(&line.to_lowercase()) || is_own_address(&lines[..start], context);
    if named { drawn(start - 1) } else { start }
}

/// The last line is the writer's own address, nothing else, and what stands above has come to its end.
pub fn is_own_address(lines: &[&str], context: &Context) -> bool {
    let Some((line, above)) = lines.split_last() else { return false };
    let ended = above.iter().rfind(|line| shapes::says(line)).is_none_or(|line| line.ends_with(ENDS));
    let bare = line.trim_matches(['<', '>', '[', ']', '(', ')', '*', '_', ' ']).to_lowercase();
    ended && context.own.contains(&bare)
}

/// Where fields that name the recipient and the subject begin, right above the line that says whose words follow.
pub fn fields_above(lines: &[&str], at: usize) -> usize {
    let is_rest = |line: &str| {
        let label = field(line).and_then(|(label, _)| LABELS.get(label.as_str()).copied());
        matches!(label, Some(Label::To | Label::Subject))
    };
    let mut start = at;
    while start > at.saturating_sub(MAX_DRAWN) && is_rest(lines[start - 1]) {
        start -= 1;
    }
    let ruled = start.checked_sub(1).is_some_and(|at| shapes::is_rule(lines[at]));
    if at - start >= 2 && ruled { start - 1 } else { at }
}

/// A line without its quote mark.
pub fn inner(line: &str) -> &str {
    line.strip_prefix('>').unwrap_or(line).trim_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> Option<usize> {
        at(&text.lines().collect::<Vec<_>>(), 0, false, &Context::default()).map(|block| block.end)
    }

    #[test]
    fn a_line_of_a_letter_is_no_field_of_the_block_below_it() {
        let close = "From: A <a@b.org>\nSent: 3 May 2024 10:00\nTo: x\nSubject: y\n\nText";
        let wide = close.replacen('\n', "\n\n", 3);
        assert_eq!((block(close), block(&wide)), (Some(4), Some(7)));
        assert_eq!(block(&format!("The news is good: all well\n\n{close}")), None);
        assert_eq!(block("Fuel: 3. 5. 2024 10:00\n\nSent: a@b.org\nTo: x"), None);
    }
}
