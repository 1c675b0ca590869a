//! Messages from a far box whose state changed: it is told what became of them.

use super::schema::{FATES, Readable, Tx, TxResult, View};
use crate::message::{Id, Message, Way};

impl Tx<'_> {
    /// The state of a message is another one now, or its first one.
    pub(super) fn note_fate(&mut self, after: &Message, before: Option<&Message>) -> TxResult<()> {
        let Some(came_in) = &after.came_in else { return Ok(()) };
        if before.is_none_or(|before| before.state != after.state) {
            let far_box = came_in.far_box.map(|id| id.to_string()).unwrap_or_default();
            self.fates.insert((far_box.as_str(), after.id.0), ())?;
            self.wake(Way::Link);
        }
        Ok(())
    }

    /// The far box has been told, or there is nothing to tell.
    pub fn fate_noted(&mut self, far_box: &str, id: Id) -> TxResult<()> {
        self.fates.remove((far_box, id.0))?;
        Ok(())
    }
}

impl View {
    /// Messages whose far boxes may have to be told, by the far box.
    pub fn fates(&self, most: usize) -> TxResult<Vec<(String, Id)>> {
        let mut found = Vec::new();
        for row in FATES.read(&self.0)?.iter()?.take(most) {
            let (key, _) = row?;
            let (far_box, id) = key.value();
            found.push((far_box.to_owned(), Id(id)));
        }
        Ok(found)
    }
}
