//! Messages from a far box whose state changed: it is told what became of them.

use std::ops::Bound;

use super::schema::{FATES, Readable, Tx, TxResult, View};
use crate::message::{Id, Message, Way};

impl Tx<'_> {
    /// The state of a message is another one now, or its first one.
    pub(super) fn note_fate(&mut self, after: &Message, before: Option<&Message>) -> TxResult<()> {
        let Some(came_in) = &after.came_in else { return Ok(()) };
        if before.is_none_or(|before| before.state != after.state) {
            // Another gateway speaks with it now.
            let known = came_in.far_box.map(|id| self.far_box(id)).transpose()?.flatten();
            if known.is_some_and(|known| known.moved_out.is_some()) {
                return Ok(());
            }
            let far_box = came_in.far_box.map(|id| id.to_string()).unwrap_or_default();
            self.fates.insert((far_box.as_str(), after.id.0), ())?;
            self.wake(Way::Link);
        }
        Ok(())
    }

    /// All messages of which a far box may still have to be told, the oldest first.
    pub fn fates_of(&self, far_box: &str) -> TxResult<Vec<Id>> {
        let rows = self.fates.range((far_box, 0)..=(far_box, u64::MAX))?;
        rows.map(|row| Ok(Id(row?.0.value().1))).collect()
    }

    /// The far box has been told, or there is nothing to tell.
    pub fn fate_noted(&mut self, far_box: &str, id: Id) -> TxResult<()> {
        self.fates.remove((far_box, id.0))?;
        Ok(())
    }
}

impl View {
    /// Far boxes that may have to be told of a message.
    pub fn fate_far_boxes(&self) -> TxResult<Vec<String>> {
        let (table, mut found) = (FATES.read(&self.0)?, Vec::<String>::new());
        loop {
            let behind = found.last().map_or(Bound::Unbounded, |last| Bound::Excluded((last.as_str(), u64::MAX)));
            let Some(row) = table.range((behind, Bound::Unbounded))?.next() else { return Ok(found) };
            let far_box = row?.0.value().0.to_owned();
            found.push(far_box);
        }
    }

    /// Messages of which a far box may have to be told, the oldest first.
    pub fn fates(&self, far_box: &str, most: usize) -> TxResult<Vec<Id>> {
        let table = FATES.read(&self.0)?;
        let rows = table.range((far_box, 0)..=(far_box, u64::MAX))?.take(most);
        rows.map(|row| Ok(Id(row?.0.value().1))).collect()
    }
}
