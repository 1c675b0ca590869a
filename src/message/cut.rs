//! What a reader does not get of a mail, as data: what rules cut, and what stays behind.
//!
//! In the store a note is an object whose `cut` names the fact; older records have a sentence in its place.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing that was cut or left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cut", rename_all = "snake_case")]
pub enum CutNote {
    /// Lines went by a rule.
    Lines {
        /// The rule.
        rule: CutRule,
        /// How many.
        lines: usize,
        /// Their form says so, and no program did outright.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        likely: bool,
    },
    /// Lines look like what a rule cuts, and were left in the text.
    Kept {
        /// The rule.
        rule: CutRule,
        /// How many.
        lines: usize,
        /// Their bytes.
        bytes: usize,
    },
    /// A file stays behind.
    File {
        /// What it is.
        what: FileKind,
        /// Its name, or what kind of thing it is.
        name: String,
        /// In bytes.
        bytes: usize,
    },
    /// Files that came with a text stay at the carrier.
    FilesAtCarrier {
        /// How many.
        files: usize,
        /// The carrier's name for people.
        carrier: String,
    },
    /// It has more text than is read at once.
    TooMuchText,
    /// The end of one of its texts was not read.
    EndOfPart {
        /// Bytes of that text.
        bytes: usize,
        /// Kilobytes of it that were read.
        read: usize,
    },
    /// The end of the text was cut off.
    End {
        /// Its bytes.
        bytes: usize,
    },
    /// The text of an invitation says what the invitation says.
    InvitationText,
    /// A signature that nobody checked.
    Signature {
        /// Within the text, in the form of OpenPGP; else beside it.
        pgp: bool,
    },
    /// A key of OpenPGP.
    Key,
    /// A part that cannot be read here, and what stands in its place.
    Unreadable {
        /// That.
        line: String,
    },
    /// Its header is longer than is read.
    Header {
        /// Kilobytes that were read.
        read: usize,
    },
    /// It has more parts than are read.
    Parts {
        /// How many were read.
        read: usize,
    },
    /// The sentence in a record of an older version: read, never written anew.
    #[serde(untagged)]
    Old(String),
    /// What a newer version wrote.
    #[serde(untagged)]
    Unknown(Value),
}

/// Why something was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutRule {
    /// What the other side has already read.
    History,
    /// Below the dashes, in a signature's element, or a line that a telephone added.
    Signature,
    /// A notice of lawyers.
    LegalNotice,
    /// What a scanner, a list or a green conscience adds below.
    Footer,
    /// What a mail server put above the text.
    Warning,
    /// "Reply above this line".
    ReplyLine,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// An attachment.
    Attachment,
    /// A picture in the text.
    Picture,
    /// Outlook's wrapper of everything.
    Tnef,
}
