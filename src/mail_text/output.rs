//! Where the parts of a mail are put, one after the other: texts, files, notes.

use super::calendar::Invitation;
use super::context::Context;
use super::cuts::{Cut, Cuts, Rule};
use super::mime::Part;
use super::trim::{self, Trimmed};
use super::{beside, calendar, clean, decode, embedded, files, marks};
use crate::message::cut::{CutNote, FileKind};

/// Longest text that is kept, in bytes.
pub const MAX_TEXT: usize = 256 * 1024;
/// Longest text that is looked at, in bytes: some of it goes before the rest is counted.
const MAX_TRIMMED: usize = 2 * MAX_TEXT;
/// Encoded bytes of text that are read of one mail.
const MAX_READ: usize = 4 * 1024 * 1024;
/// Files that are named over the air; more are counted.
const MAX_FILES: usize = 4;
/// Notes that are kept for the page.
const MAX_NOTES: usize = 40;

/// One text with the titles above it.
#[derive(Debug)]
struct Text {
    headers: Vec<String>,
    trimmed: Trimmed,
}

/// All that a mail gave.
#[derive(Debug)]
pub struct Finished {
    /// What goes over the air, without the subject.
    pub text: String,
    /// What stands on the page.
    pub full: String,
    /// What was cut, with rule, lines and bytes.
    pub cuts: Vec<Cut>,
    /// What was cut or left behind.
    pub notes: Vec<CutNote>,
}

/// Collects texts, files and notes.
#[derive(Debug, Default)]
pub struct Output {
    context: Context,
    texts: Vec<Text>,
    full: Vec<String>,
    /// Title of a mail inside the mail, due before its text.
    header: Vec<String>,
    /// What the header of that mail says.
    inner: Context,
    files: Vec<String>,
    pictures: Vec<String>,
    notes: Vec<CutNote>,
    read: usize,
    /// Bytes of texts that nobody looked at.
    beyond: usize,
    invited: bool,
    /// What the page beside the text that comes next calls signatures.
    signatures: Vec<beside::Signature>,
}

impl Output {
    /// Nothing yet; `context` is what the header says.
    pub fn new(context: Context) -> Self {
        Self { context, ..Self::default() }
    }

    /// True when texts are cut down to what their writer wanted to say.
    pub fn trims(&self) -> bool {
        self.context.trims
    }

    /// The decoded text of a part, within the limits of the mail.
    pub fn read(&mut self, part: &Part<'_>) -> String {
        if self.read >= MAX_READ {
            self.note(CutNote::TooMuchText);
            return String::new();
        }
        self.read += part.body.len().min(decode::MAX_TEXT);
        if part.body.len() > decode::MAX_TEXT {
            self.note(CutNote::EndOfPart { bytes: part.body.len(), read: decode::MAX_TEXT / 1024 });
        }
        // Nobody may write what HTML is marked with.
        decode::text(part).replace(marks::is_mark, "")
    }

    /// Has `show` add texts beside which a page marks these signatures.
    pub fn beside(&mut self, signatures: Vec<beside::Signature>, show: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.signatures, signatures);
        show(self);
        self.signatures = outer;
    }

    /// Adds a text, which may hold [`marks`].
    pub fn text(&mut self, raw: &str) {
        // What is beyond can never go out; cutting needs no more than what stands there.
        let end = raw.floor_char_boundary(MAX_TRIMMED);
        self.beyond += raw.len() - end;
        let raw = &raw[..end];
        let (shown, files) = embedded::take_out(raw);
        let full = clean::text(&marks::without(raw));
        if full.is_empty() {
            return;
        }
        files.iter().for_each(|file| self.embedded(file));
        let shown = clean::text(&shown);
        let context = if self.header.is_empty() {
            Context { follows: !self.texts.is_empty(), ..self.context.clone() }
        } else {
            self.inner.clone()
        };
        let trimmed = match context.trims {
            true => trim::trim(&beside::mark(&shown, &self.signatures, &context), &context),
            false => Trimmed::untouched(&clean::text(&marks::without(&shown))),
        };
        let headers = std::mem::take(&mut self.header);
        self.full.push(headers.iter().cloned().chain([full]).collect::<Vec<_>>().join("\n"));
        self.texts.push(Text { headers, trimmed });
    }

    /// Names a file that was encoded inside of a text.
    fn embedded(&mut self, file: &embedded::File) {
        let name = files::short(if file.name.is_empty() { "file" } else { &file.name });
        let what = FileKind::Attachment;
        self.note(CutNote::File { what, name: name.clone(), bytes: file.size });
        self.files.push(format!("{name} {}", files::size(file.size)));
    }

    /// Adds a line that stands for something that cannot be read here.
    pub fn notice(&mut self, line: &str) {
        self.text(line);
        let line = line.trim_matches(['[', ']']).to_owned();
        self.note(CutNote::Unreadable { line });
    }

    /// The title of the mail whose text comes next.
    pub fn header(&mut self, line: String, context: Context) {
        self.header.push(line);
        self.inner = context;
    }

    /// Adds the first invitation of a mail; others are its copies.
    pub fn invite(&mut self, ics: &str) -> Option<Invitation> {
        let invitation = calendar::read(ics).filter(|_| !self.invited)?;
        self.invited = true;
        let headers = std::mem::take(&mut self.header).join("\n");
        let lines = format!("{headers}\n{}", invitation.lines).trim_start().to_owned();
        self.texts.push(Text { headers: Vec::new(), trimmed: Trimmed::untouched(&lines) });
        self.full.push(lines);
        Some(invitation)
    }

    /// True once an invitation was shown.
    pub fn is_invited(&self) -> bool {
        self.invited
    }

    /// Names a file that stays behind.
    pub fn file(&mut self, part: &Part<'_>) {
        let what = if files::is_tnef(part) { FileKind::Tnef } else { FileKind::Attachment };
        self.note(files::note(part, what));
        self.files.push(files::words(part));
    }

    /// Notes a picture that only decorates the text.
    pub fn picture(&mut self, part: &Part<'_>) {
        self.note(files::note(part, FileKind::Picture));
        self.pictures.push(files::words(part));
    }

    /// Adds a note for the reader of the page, once.
    pub fn note(&mut self, note: CutNote) {
        if self.notes.len() < MAX_NOTES && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// What goes over the air (without subject), what stands on the page, and what was cut.
    pub fn finish(mut self) -> Finished {
        // A text of which nothing is left goes only if another one says something.
        let whole = self.texts.iter().all(|text| text.trimmed.is_empty());
        let shown = |text: &Text| {
            let body = if whole { &text.trimmed.whole } else { &text.trimmed.text };
            let lines = text.headers.iter().chain([body]).filter(|line| !line.is_empty());
            lines.cloned().collect::<Vec<_>>().join("\n")
        };
        let texts: Vec<String> = self.texts.iter().map(shown).filter(|text| !text.is_empty()).collect();
        let mut text = texts.join("\n\n");
        text.drain(..text.len() - text.trim_start().len());
        let mut cuts = Cuts::default();
        if !whole {
            self.texts.iter().flat_map(|text| &text.trimmed.cuts).for_each(|cut| cuts.join(cut));
        }
        cuts.0.sort_by_key(|cut| cut.rule != Rule::History);
        cuts.0.iter().for_each(|cut| self.note(cut.note()));
        let mut full = self.full.join("\n\n");
        // A picture that is all there is is no decoration.
        if full.is_empty() {
            self.files.append(&mut self.pictures);
        }
        for header in std::mem::take(&mut self.header) {
            text = format!("{text}\n{header}").trim_start().to_owned();
            full = format!("{full}\n{header}").trim_start().to_owned();
        }
        self.cap(&mut text);
        self.cap(&mut full);
        if let Some(line) = self.file_line() {
            text = format!("{text}\n{line}").trim_start().to_owned();
        }
        Finished { text, full, cuts: cuts.0, notes: self.notes }
    }

    fn file_line(&self) -> Option<String> {
        let named = self.files.iter().take(MAX_FILES).cloned().collect::<Vec<_>>().join(", ");
        let more = self.files.len().saturating_sub(MAX_FILES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!self.files.is_empty()).then(|| format!("[not sent: {named}{more}]"))
    }

    fn cap(&mut self, text: &mut String) {
        if text.len() > MAX_TEXT {
            let end = text.floor_char_boundary(MAX_TEXT);
            let rest = text.len() - end + self.beyond;
            text.truncate(end);
            text.truncate(text.trim_end().len());
            self.note(CutNote::End { bytes: rest });
        }
    }
}
