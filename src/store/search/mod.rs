//! The search index: which messages may hold a piece of text, without reading them. The search of the pages and SEARCH of
//! mail programs share it.
//!
//! A text is found by any part of it, so what is indexed is each run of three bytes (in small letters). For every 2048
//! numbers, a *block*, there is a table of 2048 rows: a run belongs to one row, and the row says for each number whether its
//! text has a run of that row. A search reads the rows of the runs it looks for and reads the texts that all of them name:
//! the index may name too many, never too few.
//!
//! * A block is written in the background each time it has 512 numbers more, until it is full: some 600 bytes a message
//!   in all, of which 300 stay. Numbers that are not written yet, those of an old store at first or the last 511 and fewer,
//!   are read one by one.
//! * What changes in a number that was written stands in `SEARCH_LOOSE`, in the same commit as the change, and counts as named
//!   by every row, as does what went. Where there is much of it the block is written anew. What the rows said of it before stays
//!   there until then, but for that of somebody who is erased: it is taken out at once, see `search::clear`.
//! * Full blocks are put together in *groups* of 31, once more as many bytes: what is nowhere in a group is known by a few reads,
//!   and its blocks are not looked at. See `search::groups`.
//! * A list of what is one person's, or of one way, is a search as well: for [marks](marks_of) that stand beside the text.
//!
//! Numbers are those of messages, and those of contents that are of no message, which have the highest bit set.

mod build;
mod clear;
mod find;
mod groups;
mod rows;

pub use build::LARGEST;
pub(super) use find::Index;
pub use find::Needle;
pub(super) use groups::GroupRow;
pub(super) use rows::Bits;
#[cfg(test)]
pub use rows::rows_of;

/// True where a row of a block names a place.
#[cfg(test)]
pub fn names(row: &[u8], place: usize) -> bool {
    rows::Bits::read(row).has(place)
}

/// The same of a row of a group and a place in one of its blocks.
#[cfg(test)]
pub fn group_names(row: &[u8], block: u32, place: usize) -> bool {
    groups::GroupRow::read(row).is_none_or(|mut row| row.clear(&[(block, place)]))
}

use super::indexed::Progress;
use super::schema::{Tx, TxResult};
use crate::message::{Message, Origin, Way};
use crate::store::schema::Readable;

/// What stands beside the text of messages that a list asks for, of whichever text; no text has it.
#[derive(Debug, Clone, Copy)]
pub enum Mark<'m> {
    /// Written by this person or on their behalf, or to an address of this name.
    Person(&'m str),
    /// Goes out by this way.
    Way(Way),
    /// Came in by this way.
    Origin(Origin),
}

impl Mark<'_> {
    /// The words that are indexed.
    pub fn words(self) -> String {
        match self {
            Self::Person(name) => format!("\u{1}p{name}\u{1}"),
            Self::Way(way) => format!("\u{1}w{}\u{1}", way.word()),
            Self::Origin(origin) => format!("\u{1}o{}\u{1}", origin.word()),
        }
    }
}

/// All marks of a message: those of everybody whom it [concerns](Message::concerns), in any domain, and of its ways.
pub fn marks_of(message: &Message) -> Vec<String> {
    let reader = message.to.mailbox().map(|to| to.person());
    let people = [message.author.as_deref(), message.on_behalf_of.as_deref(), reader.as_deref()];
    let people = people.into_iter().flatten().map(|name| Mark::Person(name).words());
    people.chain([Mark::Way(message.way).words(), Mark::Origin(message.origin).words()]).collect()
}

/// The texts of a message that a search looks into, in small letters.
pub fn texts_of(message: &Message) -> [String; 5] {
    let [from, to] = [message.header_from(), &message.to].map(|address| address.to_string().to_lowercase());
    [message.subject.to_lowercase(), message.text.to_lowercase(), message.sender_shown().to_lowercase(), from, to]
}

impl Tx<'_> {
    /// Notes that the text behind this number changed.
    pub(super) fn text_changed(&mut self, number: u64) -> TxResult<()> {
        if self.ledger.search.is_noted(number) {
            let times = self.search_loose.get(number)?.map_or(0, |times| times.value());
            self.search_loose.insert(number, times.wrapping_add(1))?;
        }
        Ok(())
    }

    /// Keeps the index true when a message changes.
    pub(super) fn follow_text(&mut self, after: &Message, before: &Message) -> TxResult<()> {
        if (&after.author, &after.on_behalf_of, after.way, after.origin)
            != (&before.author, &before.on_behalf_of, before.way, before.origin)
            || (&after.subject, &after.text) != (&before.subject, &before.text)
            || (&after.from, &after.to, &after.sender) != (&before.from, &before.to, &before.sender)
        {
            self.text_changed(after.id.0)?;
        }
        Ok(())
    }

    /// Forgets the index, and those that lists use, which are built again in the background.
    pub(super) fn forget_index(&mut self) -> TxResult<()> {
        self.search_rows.retain(|_, _| false)?;
        self.search_loose.retain(|_, _| false)?;
        self.ledger.search = Progress::default();
        self.fall_behind()
    }
}
