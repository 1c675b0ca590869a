//! What of a kept mail is read on this box: all of it, whatever the rules for the air cut, and its files.

use mail_parser::MessageParser;
use serde::Serialize;

use crate::engine::Context;
use crate::fault::Fault;
use crate::listen::imap::searched;
use crate::mail_text::{self, attached};
use crate::message::Message;

pub use crate::mail_text::attached::AttachedFile;

/// Readers that are named in a list.
const NAMES: usize = 4;

/// What the page shows of a mail as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WholeMail {
    /// Its text in lines, without markup; each with whether it stands in what goes over the air.
    pub lines: Vec<(String, bool)>,
    /// The files in it, in the order of the mail.
    pub files: Vec<AttachedFile>,
}

impl WholeMail {
    /// Gives all lines as one text.
    pub fn text(&self) -> String {
        self.lines.iter().map(|(line, _)| line.as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// Reads the mail that a message was made from; `None` when it came in as text.
///
/// # Errors
/// When the store cannot be read.
pub fn whole(context: &Context, message: &Message) -> Result<Option<WholeMail>, Fault> {
    let Some(raw) = context.store.raw(message)? else { return Ok(None) };
    Ok(Some(WholeMail { lines: marked(&text_of(&raw), &message.text), files: attached::list(&raw) }))
}

fn text_of(raw: &[u8]) -> String {
    let shaped = mail_text::shape(raw, &mail_text::Options { trim: false });
    if shaped.full.is_empty() { shaped.text } else { shaped.full }
}

/// Reads a mail of a folder, of which nothing went over the air.
pub fn read(raw: &[u8]) -> WholeMail {
    let lines = text_of(raw).lines().map(|line| (line.to_owned(), true)).collect();
    WholeMail { lines, files: attached::list(raw) }
}

/// What a list shows of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Heading {
    /// Names of who wrote it, addresses where there are none.
    pub from: String,
    /// The same of its readers, the first four.
    pub to: String,
    /// Decoded; empty when there is none.
    pub subject: String,
}

/// Reads the main fields of a header.
pub fn heading(header: &[u8]) -> Heading {
    let Some(mail) = MessageParser::new().parse_headers(header) else { return Heading::default() };
    let names = |list: Option<&mail_parser::Address<'_>>| {
        let all = list.into_iter().flat_map(mail_parser::Address::iter);
        let names: Vec<_> = all.filter_map(|one| one.name().or_else(|| one.address())).take(NAMES).collect();
        names.join(", ")
    };
    let subject = mail.subject().unwrap_or_default().to_owned();
    Heading { from: names(mail.from()), to: names(mail.to()), subject }
}

/// Names and addresses of those whom a mail goes to, or of who wrote it; names are empty where there are none.
pub fn correspondents(header: &[u8], readers: bool) -> Vec<(String, String)> {
    let Some(mail) = MessageParser::new().parse_headers(header) else { return Vec::new() };
    let lists = if readers { [mail.to(), mail.cc()] } else { [mail.from(), None] };
    let all = lists.into_iter().flatten().flat_map(mail_parser::Address::iter);
    all.filter_map(|one| Some((one.name().unwrap_or_default().to_owned(), one.address()?.to_owned()))).collect()
}

/// True for a mail that has these words, in small letters, in its header or its text. Mail programs find the same.
pub fn has_words(raw: &[u8], wanted: &str) -> bool {
    searched::words(raw, true).contains(wanted)
}

/// Where the writer of a mail wants answers, if that is said.
pub fn answer_to(header: &[u8]) -> Option<String> {
    let mail = MessageParser::new().parse_headers(header)?;
    mail.reply_to()?.first()?.address().map(str::to_owned)
}

/// One of the files of a mail, with its bytes; `None` when there is none of this number.
pub fn file_in(raw: &[u8], number: usize) -> Option<(AttachedFile, Vec<u8>)> {
    attached::take(raw, number)
}

/// One of the files, with its bytes; `None` when there is none of this number.
///
/// # Errors
/// When the store cannot be read.
pub fn file(context: &Context, message: &Message, number: usize) -> Result<Option<(AttachedFile, Vec<u8>)>, Fault> {
    Ok(context.store.raw(message)?.and_then(|raw| attached::take(&raw, number)))
}

/// The lines of a text, each with whether it stands, in this order, in another one that was cut from it. Blank lines go
/// with the line before.
fn marked(whole: &str, cut: &str) -> Vec<(String, bool)> {
    let kept: Vec<&str> = cut.lines().filter(|line| !line.is_empty()).collect();
    let (mut at, mut last) = (0, true);
    let line = |line: &str| {
        if !line.is_empty() {
            last = match kept[at..].iter().position(|known| *known == line) {
                // A line that comes back far below is another one of the same words.
                Some(ahead) if ahead <= 3 => {
                    at += ahead + 1;
                    true
                }
                _ => false,
            };
        }
        (line.to_owned(), last)
    };
    whole.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_cut_text_is_marked() {
        let whole = "[EXTERNAL]\n\nHello,\n\nall is well.\n\n-- \nBob\n+1 555";
        let lines = marked(whole, "Hello,\n\nall is well.");
        let cut: Vec<_> =
            lines.iter().filter(|(line, kept)| !kept && !line.is_empty()).map(|(line, _)| &**line).collect();
        assert_eq!(cut, ["[EXTERNAL]", "-- ", "Bob", "+1 555"]);
        assert!(marked(whole, whole).iter().all(|(_, kept)| *kept));
        assert!(marked("a\nb", "").iter().all(|(_, kept)| !kept));
        assert!(marked("", "a").is_empty());
    }
}
