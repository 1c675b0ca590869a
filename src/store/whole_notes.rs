//! Which messages went as text while their whole mails are here, and which came as text while those are at a far box. One
//! note of the store, so that a backup has it; the messages themselves say the same to people.

use serde::{Deserialize, Serialize};

use super::schema::{Tx, TxResult, View, json, record};
use crate::address::PeerId;
use crate::message::{Id, Way};

/// Key of the note in the store.
const NOTE: &str = "wholes";
/// Messages in each list; the oldest go first.
const MOST: usize = 500;

/// What far boxes are to be told of, and asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WholeNotes {
    /// Went as text: the far box is to be told that there is more.
    pub here: Vec<MailHere>,
    /// Came as text: their mails are at the far box, and may be asked for.
    pub there: Vec<MailThere>,
}

/// A message that went as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailHere {
    /// Number of the message here.
    pub message: Id,
    /// Where it went; `None` for the far box by which this box reaches the world.
    pub far_box: Option<PeerId>,
    /// Name of the bundle in which its text went.
    pub bundle: u16,
    /// Place of the message in that bundle, from 0.
    pub place: u8,
}

/// A message that came as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailThere {
    /// Number of the message here.
    pub message: Id,
    /// The far box that has the mail; `None` for the one by which this box reaches the world.
    pub far_box: Option<PeerId>,
    /// Number of the message there.
    pub number: u64,
    /// Somebody asked for its mail.
    pub asked: bool,
}

impl Tx<'_> {
    /// Reads the notes; empty where there are none.
    pub fn whole_notes(&self) -> TxResult<WholeNotes> {
        Ok(self.note(NOTE)?.and_then(|bytes| record(&bytes).ok()).unwrap_or_default())
    }

    /// Writes them. Where there are too many, the oldest that nobody asked for go; each can be asked for still.
    pub fn put_whole_notes(&mut self, mut notes: WholeNotes) -> TxResult<()> {
        let over = notes.here.len().saturating_sub(MOST);
        notes.here.drain(..over);
        let mut over = notes.there.len().saturating_sub(MOST);
        notes.there.retain(|mail| {
            let goes = over > 0 && !mail.asked;
            over -= usize::from(goes);
            !goes
        });
        let empty = notes == WholeNotes::default();
        self.put_note(NOTE, Some(json(&notes).as_slice()).filter(|_| !empty))?;
        self.wake(Way::Link);
        Ok(())
    }
}

impl View {
    /// Reads the notes; empty where there are none.
    pub fn whole_notes(&self) -> TxResult<WholeNotes> {
        Ok(self.note(NOTE)?.and_then(|bytes| record(&bytes).ok()).unwrap_or_default())
    }

    /// Reads them where their record is another one than `known`, which becomes that record: asked often, changed rarely.
    pub fn whole_notes_after(&self, known: &mut Option<Vec<u8>>) -> TxResult<Option<WholeNotes>> {
        let now = self.note(NOTE)?;
        if now == *known {
            return Ok(None);
        }
        *known = now;
        Ok(Some(known.as_ref().and_then(|bytes| record(bytes).ok()).unwrap_or_default()))
    }
}
