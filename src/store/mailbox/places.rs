//! Which entries show a message, or a content: `PLACES`. An entry stands there under its message, if it has one, and under its
//! content, if that is of no message.

use super::rows::{ContentRow, Entry};
use crate::store::indexed::OWN;
use crate::store::schema::{self, Readable, Tx, TxResult, View};
use crate::store::search::Needle;
use crate::store::totals::Ledger;

/// The numbers under which an entry stands in the table.
fn keys_of(entry: &Entry) -> impl Iterator<Item = u64> {
    let message = (entry.message > 0).then_some(entry.message);
    message.into_iter().chain((entry.content >= OWN).then_some(entry.content))
}

impl Tx<'_> {
    /// An entry is in a folder.
    pub(super) fn put_places(&mut self, person: &str, folder: u32, entry: &Entry) -> TxResult<()> {
        for key in keys_of(entry) {
            self.places.insert((key, person, folder, entry.uid), ())?;
        }
        Ok(())
    }

    /// An entry goes.
    pub(super) fn remove_places(&mut self, person: &str, folder: u32, entry: &Entry) -> TxResult<()> {
        for key in keys_of(entry) {
            self.places.remove((key, person, folder, entry.uid))?;
        }
        Ok(())
    }

    /// Puts the next so many entries into the table, which older versions did for those of messages only.
    pub(in crate::store) fn catch_up_places(&mut self, most: usize) -> TxResult<()> {
        let (person, folder, uid) = self.ledger.behind.place.clone();
        if (person.as_str(), folder, uid) == ("", 0, 0) {
            // A content that an older program removed left its rows.
            self.places.retain_in((OWN, "", 0, 0).., |_, ()| false)?;
        }
        let (mut found, mut last) = (Vec::new(), None);
        let behind = (person.as_str(), folder, uid.saturating_add(1));
        for row in self.entries.range(behind..)?.take(most) {
            let (key, row) = row?;
            let (person, folder, uid) = key.value();
            last = Some((person.to_owned(), folder, uid));
            // One that is damaged shows nothing.
            found.extend(Entry::read(uid, row.value()).map(|entry| (person.to_owned(), folder, entry)));
        }
        for (person, folder, entry) in &found {
            self.put_places(person, *folder, entry)?;
        }
        match last {
            Some(last) => self.ledger.behind.place = last,
            None => (self.ledger.caught_up, self.ledger.behind) = (true, Default::default()),
        }
        Ok(())
    }
}

impl View {
    /// Entries of a person that may hold what is looked for, as folder and UID: all of them where the index names no more
    /// contents than so many on this box. `None` where it names more, or the table of an older version is still being made.
    pub fn may_hold_of(&self, person: &str, needle: &mut Needle, most: usize) -> TxResult<Option<Vec<(u32, u32)>>> {
        if !Ledger::load(&schema::META.read(&self.0)?)?.caught_up {
            return Ok(None);
        }
        let Some(named) = self.few_contents(needle, most)? else { return Ok(None) };
        let (contents, places) = (schema::CONTENTS.read(&self.0)?, schema::PLACES.read(&self.0)?);
        let mut found = Vec::new();
        for number in named {
            // Numbers of messages that no mailbox shows are named as well.
            let Some(row) = contents.get(number)?.and_then(|row| ContentRow::read(row.value())) else { continue };
            for key in number..number + u64::from(row.copies).max(1) {
                for place in places.range((key, person, 0, 0)..=(key, person, u32::MAX, u32::MAX))? {
                    let (_, _, folder, uid) = place?.0.value();
                    found.push((folder, uid));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(Some(found))
    }
}
