//! The search index: which messages may hold a piece of text, without reading them. The search of the pages and SEARCH of
//! mail programs share it.
//!
//! A text is found by any part of it, so what is indexed is each run of three bytes (in small letters). For every 2048
//! numbers, a *block*, there is a table of 2048 rows: a run belongs to one row, and the row says for each number whether its
//! text has a run of that row. A search reads the rows of the runs it looks for and reads the texts that all of them name:
//! the index may name too many, never too few.
//!
//! * A block is written once, when it is full, in the background: about 300 bytes a message, in order. Numbers that are
//!   in no block yet, those of an old store at first or the last 2047 and fewer, are read one by one.
//! * What changes in a block that was written stands in `SEARCH_LOOSE`, in the same commit as the change, and counts as named
//!   by every row, as does what went. Where there is much of it the block is written anew.
//!
//! Numbers are those of messages, and those of contents that are of no message, which have the highest bit set.

mod build;
mod find;
mod rows;

pub use build::LARGEST;
pub use find::Needle;

use super::indexed::{Progress, block_of};
use super::schema::{Tx, TxResult};
use crate::message::{Message, State};
use crate::store::schema::Readable;

/// What stands for a message that failed, beside its text; no text has it.
pub const FAILED: &str = "\u{1}failed\u{1}";

/// True for a message that its writer should look at.
pub fn has_failed(state: State) -> bool {
    matches!(state, State::Returned | State::Expired | State::Unconfirmed)
}

/// The texts of a message that a search looks into, in small letters.
pub fn texts_of(message: &Message) -> [String; 5] {
    let [from, to] = [message.header_from(), &message.to].map(|address| address.to_string().to_lowercase());
    [message.subject.to_lowercase(), message.text.to_lowercase(), message.sender_shown().to_lowercase(), from, to]
}

impl Tx<'_> {
    /// Notes that the text behind this number changed.
    pub(super) fn text_changed(&mut self, number: u64) -> TxResult<()> {
        if self.ledger.search.is_closed(block_of(number)) {
            let times = self.search_loose.get(number)?.map_or(0, |times| times.value());
            self.search_loose.insert(number, times.wrapping_add(1))?;
        }
        Ok(())
    }

    /// Keeps the index true when a message changes.
    pub(super) fn follow_text(&mut self, after: &Message, before: &Message) -> TxResult<()> {
        if has_failed(after.state) != has_failed(before.state)
            || (&after.subject, &after.text) != (&before.subject, &before.text)
            || (&after.from, &after.to, &after.sender) != (&before.from, &before.to, &before.sender)
        {
            self.text_changed(after.id.0)?;
        }
        Ok(())
    }

    /// Forgets the index, which is built again in the background.
    pub(super) fn forget_index(&mut self) -> TxResult<()> {
        self.search_rows.retain(|_, _| false)?;
        self.search_loose.retain(|_, _| false)?;
        self.ledger.search = Progress::default();
        Ok(())
    }
}
