//! The page that the parts of a mail are put on, one after the other.

use super::body::is_tnef;
use super::calendar::Invitation;
use super::mime::Part;
use super::{calendar, clean, decode, files, trim};

/// Longest text that is kept, in bytes.
pub const MAX_TEXT: usize = 256 * 1024;
/// Encoded bytes of text that are read of one mail.
const MAX_READ: usize = 4 * 1024 * 1024;
/// Files that are named over the air; more are counted.
const MAX_FILES: usize = 4;
/// Notes that are kept for the page.
const MAX_NOTES: usize = 40;

/// Collects texts, files and notes.
#[derive(Debug, Default)]
pub struct Page {
    trims: bool,
    is_forward: bool,
    text: Vec<String>,
    full: Vec<String>,
    /// Title of a mail inside the mail, due before its text.
    header: Vec<String>,
    files: Vec<String>,
    pictures: Vec<String>,
    notes: Vec<String>,
    read: usize,
    invited: bool,
}

impl Page {
    /// An empty page; `is_forward` when the subject says so.
    pub fn new(trims: bool, is_forward: bool) -> Self {
        Self { trims, is_forward, ..Self::default() }
    }

    /// True when texts are cut down to what their writer wanted to say.
    pub fn trims(&self) -> bool {
        self.trims
    }

    /// The decoded text of a part, within the limits of the mail.
    pub fn read(&mut self, part: &Part<'_>) -> String {
        if self.read >= MAX_READ {
            self.note("more text than can be read at once");
            return String::new();
        }
        self.read += part.body.len().min(decode::MAX_TEXT);
        if part.body.len() > decode::MAX_TEXT {
            self.note(&format!(
                "the end of a text of {}, of which {} kB were read",
                files::size(part.body.len()),
                decode::MAX_TEXT / 1024
            ));
        }
        decode::text(part)
    }

    /// Adds a text.
    pub fn text(&mut self, raw: &str) {
        let full = clean::text(raw);
        if full.is_empty() {
            return;
        }
        let shown = if self.trims { trim::trim(&full, self.is_forward) } else { trim::Trimmed::whole(&full) };
        shown.notes.iter().for_each(|note| self.note(note));
        let headers = std::mem::take(&mut self.header);
        for (list, body) in [(&mut self.full, full), (&mut self.text, shown.text)] {
            let lines: Vec<String> = headers.iter().cloned().chain([body]).filter(|line| !line.is_empty()).collect();
            list.push(lines.join("\n"));
        }
    }

    /// Adds a line that stands for something that cannot be read here.
    pub fn notice(&mut self, line: &str) {
        self.text(line);
        self.note(line.trim_matches(['[', ']']));
    }

    /// The title of the mail whose text comes next.
    pub fn header(&mut self, line: String) {
        self.header.push(line);
    }

    /// Adds the first invitation of a mail; others are its copies.
    pub fn invite(&mut self, ics: &str) -> Option<Invitation> {
        let invitation = calendar::read(ics).filter(|_| !self.invited)?;
        self.invited = true;
        let headers = std::mem::take(&mut self.header).join("\n");
        for list in [&mut self.full, &mut self.text] {
            list.push(format!("{headers}\n{}", invitation.lines).trim_start().to_owned());
        }
        Some(invitation)
    }

    /// True once an invitation was shown.
    pub fn is_invited(&self) -> bool {
        self.invited
    }

    /// Names a file that stays behind.
    pub fn file(&mut self, part: &Part<'_>) {
        let what = if is_tnef(part) { "Outlook's wrapper" } else { "attachment" };
        self.note(&files::note(part, what));
        self.files.push(files::words(part));
    }

    /// Notes a picture that only decorates the text.
    pub fn picture(&mut self, part: &Part<'_>) {
        self.note(&files::note(part, "picture"));
        self.pictures.push(files::words(part));
    }

    /// Adds a note for the reader of the page, once.
    pub fn note(&mut self, note: &str) {
        if self.notes.len() < MAX_NOTES && !self.notes.iter().any(|known| known == note) {
            self.notes.push(note.to_owned());
        }
    }

    /// What goes over the air (without subject), what stands on the page, and the notes.
    pub fn finish(mut self) -> (String, String, Vec<String>) {
        let mut text = self.text.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join("\n\n");
        text.drain(..text.len() - text.trim_start().len());
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
        (text, full, self.notes)
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
            let rest = text.len() - end;
            text.truncate(end);
            text.truncate(text.trim_end().len());
            self.note(&format!("the end of the text, {}", files::size(rest)));
        }
    }
}
