//! The totals: accepted = delivered + returned + waiting + refused, per origin, kept in the same commit as the messages.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::counts::Today;
use super::record::{VERSION, json, record};
use crate::clock::Time;
use crate::message::{Column, Origin};
use crate::money::Use;
use crate::store::table::Readable;
use crate::store::table::Table;

/// The counts of one origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// All that this box ever said yes to.
    pub accepted: u64,
    /// On their way, or held.
    pub waiting: u64,
    /// Left for good, or read here.
    pub delivered: u64,
    /// Given back: it could not be delivered, and its sender was told where that could be.
    pub returned: u64,
    /// Not carried, by rule or by decision.
    pub refused: u64,
}

impl Totals {
    /// True when all that was accepted is accounted for (promise 7).
    pub fn balance(&self) -> bool {
        self.accepted == self.waiting + self.delivered + self.returned + self.refused
    }

    fn column(&mut self, column: Column) -> &mut u64 {
        match column {
            Column::Waiting => &mut self.waiting,
            Column::Delivered => &mut self.delivered,
            Column::Returned => &mut self.returned,
            Column::Refused => &mut self.refused,
        }
    }
}

/// Counters that live in one row: one page to write for a batch, whatever happened in it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Version of the tables, as [`super::schema::VERSION`].
    pub version: u64,
    /// Commits ever made: a commit in doubt was kept when its number is here.
    #[serde(default)]
    pub commits: u64,
    /// The number the next message gets.
    pub next_message: u64,
    /// The number the next packet gets.
    #[serde(default = "first")]
    pub next_packet: u64,
    /// The number the next link gets.
    #[serde(default = "first_link")]
    pub next_link: u32,
    /// The number the next far box gets.
    #[serde(default = "first_far_box")]
    pub next_far_box: u32,
    /// The number the next event, quarantined item gets.
    pub next_event: u64,
    /// The latest time this box knew.
    pub last_time: Time,
    /// Totals by the word of the listener, as in [`crate::message::Origin`].
    #[serde(rename = "books")]
    pub totals: BTreeMap<String, Totals>,
    /// Packets that went on air, ever.
    #[serde(default)]
    pub packets_sent: u64,
    /// Packets that the compact coding saved against the classic one, ever.
    #[serde(default)]
    pub packets_saved: u64,
    /// Packets that came in from the air, ever (repeats not counted).
    #[serde(default)]
    pub packets_in: u64,
    /// What is reserved in each account for messages that have not left; the account of the box is the empty one.
    #[serde(default)]
    pub reserved: BTreeMap<String, Use>,
    /// What was counted on the present day.
    #[serde(default)]
    pub today: Today,
    /// The last UIDVALIDITY that a folder was given.
    #[serde(default)]
    pub uid_validity: u32,
    /// The last number that was given to bytes of a mailbox that are of no message.
    #[serde(default)]
    pub next_content: u64,
    /// How often somebody was erased.
    #[serde(default)]
    pub erasures: u64,
    /// Of these, those whose words are out of the file: it was written anew since.
    #[serde(default)]
    pub written_out: u64,
    /// Of these, those of whose texts the search index names nothing any more.
    #[serde(default)]
    pub cleared: u64,
    /// How far the search index got.
    #[serde(default)]
    pub search: super::indexed::Progress,
    /// All indexes are there, also those that an older version did not have.
    ///
    /// This and what is missing have names that older versions do not know: what they wrote into `ENDED` is built anew.
    #[serde(default, rename = "all_there")]
    pub caught_up: bool,
    /// What is missing of them until then.
    #[serde(default, rename = "missing", skip_serializing_if = "super::indexed::Behind::is_new")]
    pub behind: super::indexed::Behind,
    /// Random name of this box; part of its Message-IDs.
    #[serde(default)]
    pub box_token: String,
}

const ROW: &str = "ledger";

/// The counters as they were saved last, with the row that they are: the next commit need not read it again.
#[derive(Debug, Default)]
pub struct SavedLedger(Mutex<Option<(Vec<u8>, Ledger)>>);

impl SavedLedger {
    /// Those of the table, which may be others: of another file, or of a commit that was not kept.
    pub(super) fn take(&self, meta: &impl Readable<&'static str, &'static [u8]>) -> Result<Ledger, redb::Error> {
        let saved = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (saved, meta.get(ROW)?) {
            (Some((row, ledger)), Some(found)) if found.value() == row => Ok(ledger),
            _ => Ledger::load(meta),
        }
    }

    pub(super) fn keep(&self, row: Vec<u8>, ledger: Ledger) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((row, ledger));
    }
}

fn first_link() -> u32 {
    crate::message::LinkId::FIRST.0
}

fn first() -> u64 {
    1
}

fn first_far_box() -> u32 {
    1
}

impl Ledger {
    pub(super) fn load(meta: &impl Readable<&'static str, &'static [u8]>) -> Result<Self, redb::Error> {
        let found = meta.get(ROW)?.map(|row| record(row.value()));
        Ok(match found {
            Some(Ok(ledger)) => ledger,
            Some(Err(error)) => {
                return Err(redb::Error::Corrupted(format!("the ledger is unreadable: {error}")));
            }
            None => Self {
                version: VERSION,
                next_message: 1,
                next_packet: 1,
                next_link: first_link(),
                next_far_box: 1,
                next_event: 1,
                caught_up: true,
                ..Self::default()
            },
        })
    }

    pub(super) fn save(&self, meta: &mut Table<&'static str, &'static [u8]>) -> Result<Vec<u8>, redb::Error> {
        let row = json(self);
        meta.insert(ROW, row.as_slice())?;
        Ok(row)
    }

    /// True where the index has no words of anybody who was erased, and nobody was since so many of them were out of it.
    pub(super) fn is_clear_since(&self, cleared: u64) -> bool {
        (self.cleared, self.erasures) == (cleared, cleared)
    }

    /// Counts a message in, or from one column to another.
    pub(super) fn book(&mut self, origin: Origin, from: Option<Column>, to: Column) {
        let totals = self.totals.entry(origin.word().to_owned()).or_default();
        match from {
            None => totals.accepted += 1,
            // A message was counted in its column when it entered it, so this cannot go below zero.
            Some(column) => *totals.column(column) -= 1,
        }
        *totals.column(to) += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn books_balance_whatever_is_booked() {
        let mut ledger = Ledger::default();
        ledger.book(Origin::Smtp, None, Column::Waiting);
        ledger.book(Origin::Smtp, None, Column::Delivered);
        ledger.book(Origin::Smtp, Some(Column::Waiting), Column::Returned);
        ledger.book(Origin::Smtp, Some(Column::Returned), Column::Returned);
        let totals = ledger.totals["smtp"];
        assert!(totals.balance());
        assert_eq!((totals.accepted, totals.returned, totals.delivered), (2, 1, 1));
    }
}
