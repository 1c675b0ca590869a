//! Mail to text: what a person would want to read over a link where every byte costs.
//!
//! [`shape`] takes any bytes and always gives a text: no failure, no panic, no markup, and a bound on time and memory
//! whatever a stranger sends (256 KiB of header, 200 parts, 32 levels, 1 MiB of each text are read; 256 KiB of text
//! come out). The rules, in the order in which they work:
//!
//! | step | rule | file |
//! |---|---|---|
//! | header or text | lines of `Word: rest` are a header only if a known field is among them | [`head`] |
//! | characters | the bytes are believed more than the name of their set | [`charset`], [`encoded_words`], [`decode`] |
//! | the right part | plain text, unless it is a stub, markup or another text than the HTML | [`body`] |
//! | HTML | no markup, nothing hidden or struck out; elements that say what they are become marks | [`html`], [`hidden`], [`marks`] |
//! | pictures, forms | sentences are read, and painted buttons where little else is said; what a form shows | [`labels`], [`forms`] |
//! | files in texts | uuencode, yEnc, BinHex, base64 become an attachment's name | [`embedded`] |
//! | only if the box is set so: | | [`trim`] |
//! | words of programs | places of pictures, doubled and wrapped addresses, marks of the subject | [`artifacts`], [`wrapped`], [`subject`] |
//! | above the text | warnings of servers, lines of help desks | [`notices`] |
//! | history | titles, header blocks, attributions, by shape in any language | [`history`], [`blocks`], [`attribution`] |
//! | below the text | notices, footers, signatures (also those that the HTML beside it marks), lines of telephones | [`notices`], [`signature`], [`beside`] |
//! | answers inside | a place, a mark or a name that the writer gives keeps what is below | [`pointers`] |
//! | quotes | only in an answer; between own words in short form | [`quotes`] |
//! | nothing left | then nothing was cut | [`output`] |
//! | what stays behind | files, and what is encrypted, are named in one line | [`files`], [`armor`] |
//! | what is read here | all of the text, and the files themselves | [`Shaped::full`], [`attached`] |
//!
//! Each cut has a rule and a confidence ([`cuts`]). What a rule is unsure of stays, and its cost is told.

mod armor;
mod artifacts;
pub mod attached;
mod attribution;
mod automatic;
mod beside;
mod blocks;
mod body;
mod bounce;
mod calendar;
mod charset;
mod clean;
mod context;
mod cuts;
mod decode;
mod embedded;
mod encoded_words;
mod files;
mod flowed;
mod footers;
mod forms;
mod head;
mod hidden;
mod history;
mod html;
mod labels;
mod links;
mod marks;
mod mime;
mod notices;
mod offers;
mod output;
mod phrases;
mod pointers;
mod quotes;
mod shapes;
mod signature;
mod subject;
mod tags;
#[cfg(test)]
mod tests;
mod transfer;
mod trim;
mod words;
mod wrapped;

pub use automatic::MAX_HOPS;
use std::borrow::Cow;

pub use bounce::Bounce;
pub use clean::text as visible_text;
pub use cuts::Cut;

use context::Context;
use head::Head;
use mime::Tree;
use output::{Finished, Output};

use crate::message::machine::MachineKind;
use crate::message::{CutNote, Machine, Wanted};

/// Longest subject, in bytes.
const MAX_SUBJECT: usize = 1000;
/// Ids of earlier mails that are kept.
const MAX_IDS: usize = 50;
/// Mailboxes that are read of one field.
const MAX_REPLY_TO: usize = 20;

/// How a box wants its mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Cut quoted history, signatures, legal notices and tracking parameters of links.
    pub trim: bool,
}

/// A mailbox in a field of the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderMailbox {
    /// The name beside the address, decoded.
    pub name: Option<String>,
    /// The address as it stands there.
    pub address: String,
}

/// What a mail says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shaped {
    /// Decoded, on one line; empty when there is none.
    pub subject: String,
    /// The text, without the subject; empty only where there is a subject. Lines end with LF; there is none at the end, and
    /// no control character otherwise.
    pub text: String,
    /// The visible text without subject, before anything was cut; empty when there is none.
    pub full: String,
    /// The subject before anything was cut.
    pub full_subject: String,
    /// What was cut or left behind.
    pub cut: Vec<CutNote>,
    /// What was cut by rule, and what a rule was unsure of and left in the text.
    pub cuts: Vec<Cut>,
    /// Why a machine must have written it; `None` for a mail by a person. An empty envelope sender is the caller's
    /// to see.
    pub automatic: Option<Machine>,
    /// Its Message-ID with angle brackets; `None` where it has none.
    pub message_id: Option<String>,
    /// The mails that it answers: `In-Reply-To`, then `References`, latest first; with angle brackets.
    pub in_reply_to: Vec<String>,
    /// The first mailbox in `From`; `None` where there is none.
    pub from: Option<HeaderMailbox>,
    /// There is more than one: in the field, or in several fields of that name.
    pub several_from: bool,
    /// All mailboxes in `Reply-To`, at most [`MAX_REPLY_TO`].
    pub reply_to: Vec<HeaderMailbox>,
    /// The address of the mailing list that sent it on (`List-Post`, RFC 2369).
    pub list_post: Option<String>,
    /// `Authentication-Results` of servers on the way, topmost first, as they came.
    pub results: Vec<String>,
    /// What a delivery report says.
    pub bounce: Option<Bounce>,
    /// The terms on which its writer wants it to go.
    pub wanted: Wanted,
}

/// Reads a mail as it came in (before a trace header is put on top: a bare line would look like part of that).
pub fn shape(raw: &[u8], options: &Options) -> Shaped {
    let raw = with_line_feeds(raw);
    let tree = Tree::read(&raw);
    let head = &tree.root().head;
    let whole = subject(head);
    let parts = subject::read(&whole);
    let mut out = Output::new(Context::new(head, &parts, options.trim));
    tree.notes.iter().for_each(|note| out.note(note.clone()));
    body::show(&tree, 0, &mut out);
    let Finished { mut text, full, cuts, notes } = out.finish();
    let full_subject = whole.clone();
    let subject = if options.trim { parts.short } else { whole };
    if subject.is_empty() && text.is_empty() {
        "[empty mail]".clone_into(&mut text);
    }
    let bounce = bounce::read(&tree);
    let from = mailboxes(head, "from");
    let automatic = automatic::reason(&tree, &subject);
    Shaped {
        automatic: automatic.or_else(|| bounce.is_some().then(|| Machine::sign(MachineKind::Report, ""))),
        message_id: head.ids("message-id").into_iter().next(),
        in_reply_to: answered(head),
        several_from: from.len() > 1 || head.count("from") > 1,
        from: from.into_iter().next(),
        reply_to: mailboxes(head, "reply-to"),
        list_post: list_post(head),
        results: head.all("authentication-results"),
        bounce,
        wanted: wanted(head),
        subject,
        text,
        full,
        full_subject,
        cut: notes,
        cuts,
    }
}

/// Text whose lines end with CR alone gets line feeds.
fn with_line_feeds(raw: &[u8]) -> Cow<'_, [u8]> {
    if raw.contains(&b'\r') && !raw.contains(&b'\n') {
        return Cow::Owned(raw.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect());
    }
    Cow::Borrowed(raw)
}

fn subject(head: &Head) -> String {
    let mut subject = head.text("subject").unwrap_or_default();
    subject.truncate(subject.floor_char_boundary(MAX_SUBJECT));
    subject.truncate(subject.trim_end().len());
    subject
}

/// The terms that the header asks for: the fields by which mail programs mark a mail (RFC 2156 section 2.3, and what
/// they write instead), and three of our own.
fn wanted(head: &Head) -> Wanted {
    let field = |name: &str| head.raw(name).unwrap_or_default().trim().to_lowercase();
    let urgent = field("priority") == "urgent"
        || ["high", "highest"].contains(&field("importance").as_str())
        || field("x-priority").starts_with(['1', '2']);
    let low = field("importance") == "low" || field("x-priority").starts_with('4');
    let bulk =
        field("priority") == "non-urgent" || field("importance") == "lowest" || field("x-priority").starts_with('5');
    let priority = match (urgent, bulk, low) {
        (true, ..) => "urgent",
        (_, true, _) => "bulk",
        (.., true) => "low",
        _ => "",
    };
    let own = |name: &str| head.raw(name).unwrap_or_default();
    let (by, at_most, links) = (own("x-satpost-by"), own("x-satpost-at-most"), own("x-satpost-links"));
    Wanted { priority: priority.to_owned(), by, at_most, links }
}

fn mailboxes(head: &Head, field: &str) -> Vec<HeaderMailbox> {
    let all = head.mailboxes(field, MAX_REPLY_TO).into_iter();
    let whole = all.filter_map(|(name, address)| Some(HeaderMailbox { name, address: address? }));
    whole.filter(|mailbox| mailbox.address.contains('@')).collect()
}

fn list_post(head: &Head) -> Option<String> {
    let value = head.raw("list-post")?.to_ascii_lowercase();
    let address = value.split_once("<mailto:")?.1.split(['>', '?']).next()?;
    address.contains('@').then(|| address.to_owned())
}

fn answered(head: &Head) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let references = head.ids("references").into_iter().rev();
    for id in head.ids("in-reply-to").into_iter().chain(references) {
        if ids.len() < MAX_IDS && !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}
