//! Mailboxes: folders of a person, the entries in them, and the bytes behind the entries.
//!
//! The web page and mail programs (IMAP) look at the same tables, so what is read or deleted in one place is so in the
//! other. A mailbox keeps its word:
//!
//! * **Bytes are frozen.** What an entry shows is written once, when the entry is made: a mail as it came in, a message
//!   without a mail as the mail that is composed of it then. No setting, no other version of this program changes them.
//! * **A UID is given once.** Numbers rise in order of arrival in the folder and are never used again under the same
//!   UIDVALIDITY; where that cannot be vouched for (a restored backup, a repaired store) UIDVALIDITY rises.
//! * **Each change has a number** (mod-sequence, RFC 7162), which entries share whose flags change together, and
//!   stands in `CHANGES` under it: a session that knows the state at one number reads what happened since, and nothing else.
//! * **Nothing goes by age but what is in Trash.**
//!
//! ```text
//!  FOLDERS  (person, folder)       name, UIDVALIDITY, next UID, sums     one row answers SELECT and STATUS
//!  ENTRIES  (person, folder, uid)  date, size, content, first flags      written once; its message may follow
//!  MARKS    (person, folder, ...)  flags that changed since              one row for 64 UIDs
//!  CHANGES  (person, folder, n)    what changed, or went                 the last change of each entry, and removals
//!  CONTENTS content                entries that show it, size, checksum  bytes: BODIES or a spool file
//!  PLACES   (message, person, ...) entries of a message, or of a content   state of what was sent; one truth with the page
//!  NAMES    (person, hash, ...)    entries of Sent and Drafts            by Message-ID: no doubles
//! ```

mod arrivals;
mod changes;
mod contents;
mod damage;
mod entries;
mod filed;
mod flags;
mod folders;
mod marks;
mod names;
mod places;
mod read;
mod rows;
mod uids;
mod upkeep;

pub use contents::{Content, HEADER, NewContent};
pub use entries::{Copied, NewEntry};
pub use flags::{FlagChange, Flags};
pub use folders::FolderError;
pub use names::{SAME, has_come, message_id_of, sent_as};
pub use rows::{Entry, EntryFlags, Folder, Special};
pub use uids::UidRanges;
pub use upkeep::{TRASH_DAYS, full_note};

pub(super) use contents::header_length;
pub(super) use upkeep::RESTORED;
