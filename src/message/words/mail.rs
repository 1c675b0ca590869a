//! The words for what was cut out of a mail, and for how it shows that a machine wrote it.

use std::fmt::{Display, Formatter, Result};

use crate::message::cut::{CutNote, CutRule, FileKind};
use crate::message::machine::{Machine, MachineKind};

/// Writes a number of bytes for people: `512 B`, `12 kB` (rounded up), `3.4 MB`.
pub fn size(bytes: usize) -> String {
    size_of(bytes as u64)
}

/// The same of what may be larger than memory.
pub fn size_of(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        1_000_000..1_000_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes % 1_000_000_000 / 100_000_000),
    }
}

impl Display for CutNote {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let of_lines =
            |rule: &CutRule, lines: &usize| format!("{rule} of {lines} {}", if *lines == 1 { "line" } else { "lines" });
        match self {
            Self::Lines { rule, lines, likely: false } => f.write_str(&of_lines(rule, lines)),
            Self::Lines { rule, lines, likely: true } => write!(f, "{}, most likely", of_lines(rule, lines)),
            Self::Kept { rule, lines, bytes } => {
                write!(f, "kept, though it looks like a {}, {}", of_lines(rule, lines), size(*bytes))
            }
            Self::File { what, name, bytes } => write!(f, "{what} {name}, {}, not sent", size(*bytes)),
            Self::FilesAtCarrier { files: 1, carrier } => {
                write!(f, "A file came with it, which stays at {carrier}")
            }
            Self::FilesAtCarrier { files, carrier } => {
                write!(f, "{files} files came with it, which stay at {carrier}")
            }
            Self::TooMuchText => f.write_str("more text than can be read at once"),
            Self::EndOfPart { bytes, read } => {
                write!(f, "the end of a text of {}, of which {read} kB were read", size(*bytes))
            }
            Self::End { bytes } => write!(f, "the end of the text, {}", size(*bytes)),
            Self::InvitationText => f.write_str("text of the invitation, which says the same"),
            Self::Signature { pgp: true } => f.write_str("PGP signature, not checked"),
            Self::Signature { pgp: false } => f.write_str("signature of the mail program, not checked"),
            Self::Key => f.write_str("PGP key, not sent"),
            Self::Unreadable { line } | Self::Old(line) => f.write_str(line),
            Self::Header { read } => write!(f, "the header is longer than {read} kB, the rest of it was not read"),
            Self::Parts { read } => write!(f, "more than {read} parts, the rest was not read"),
            Self::Unknown(_) => f.write_str("something that a newer version of satpost wrote down"),
        }
    }
}

impl Display for CutRule {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::History => "quoted history",
            Self::Signature => "signature",
            Self::LegalNotice => "legal notice",
            Self::Footer => "footer",
            Self::Warning => "warning of a mail server",
            Self::ReplyLine => "line that a support system puts above an answer",
        })
    }
}

impl Display for FileKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Attachment => "attachment",
            Self::Picture => "picture",
            Self::Tnef => "Outlook's wrapper",
        })
    }
}

impl Display for Machine {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Sign { what, sign } if sign.is_empty() => what.fmt(f),
            Self::Sign { what, sign } => write!(f, "{what} ({sign})"),
            Self::Loop { hops } => write!(f, "in a loop: {hops} hops"),
            Self::NoSender => f.write_str("it has no sender"),
            Self::OwnNotice => f.write_str("a notice of this box"),
            Self::Old(words) => f.write_str(words),
            Self::Unknown(_) => f.write_str("a newer version of satpost wrote down how that shows"),
        }
    }
}

impl Display for MachineKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Reply => "an automatic reply",
            Self::Program => "written by a program",
            Self::Report => "a delivery report",
            Self::ReadReceipt => "a read receipt",
            Self::SpamReport => "a spam report",
            Self::List => "from a mailing list",
            Self::ListOrNewsletter => "from a mailing list or newsletter",
            Self::Newsletter => "from a newsletter",
            Self::Mailing => "from a bulk mailing",
            Self::Bulk => "bulk mail",
            Self::LoopMark => "marked against loops by a program",
        })
    }
}
