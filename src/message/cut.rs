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
        /// The rule by which they were found.
        rule: CutRule,
        /// How many lines with words on them; empty ones do not count.
        lines: usize,
        /// Their form says so, and no program did outright.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        likely: bool,
    },
    /// Lines look like what a rule cuts, and were left in the text.
    Kept {
        /// The rule that finds such lines.
        rule: CutRule,
        /// How many lines with words on them.
        lines: usize,
        /// Bytes of these lines in the decoded text.
        bytes: usize,
    },
    /// A file stays behind.
    File {
        /// Whether it was attached, a picture in the text, or a `winmail.dat`.
        what: FileKind,
        /// Its name, or what kind of thing it is.
        name: String,
        /// Size in bytes, decoded.
        bytes: usize,
    },
    /// Files that came with a text stay at the carrier.
    FilesAtCarrier {
        /// How many files; never 0.
        files: usize,
        /// The carrier's name for people.
        carrier: String,
    },
    /// It has more text than is read at once.
    TooMuchText,
    /// The end of one of its texts was not read.
    EndOfPart {
        /// Bytes of the whole part as it came, before decoding.
        bytes: usize,
        /// Kilobytes of it that were read.
        read: usize,
    },
    /// The end of the text was cut off.
    End {
        /// Bytes of the text that was cut off.
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
        /// The line in the text that says so, without its brackets.
        line: String,
    },
    /// Its header is longer than is read.
    Header {
        /// Kilobytes that were read.
        read: usize,
    },
    /// It has more parts than are read.
    Parts {
        /// How many parts were read, the limit of one mail.
        read: usize,
    },
    /// The sentence in a record of an older version: read, never written anew.
    #[serde(untagged)]
    Old(String),
    /// What a newer version wrote.
    #[serde(untagged)]
    Unknown(Value),
}

/// Which kind of text a cut line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutRule {
    /// What the other side has already read.
    History,
    /// Below the dashes, in a signature's element, or a line that a telephone added.
    Signature,
    /// A disclaimer: confidential, for the addressee only, and the like.
    LegalNotice,
    /// What a scanner, a list or a green conscience adds below.
    Footer,
    /// What a mail server put above the text.
    Warning,
    /// What a support system puts above an answer, such as "Reply above this line".
    ReplyLine,
}

/// In which way a file belongs to a mail, or how it is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A file attached to the mail.
    Attachment,
    /// A picture that the HTML text shows.
    Picture,
    /// Outlook's wrapper of everything.
    Tnef,
}
