//! What two boxes know of each other: small rows, of which a commit writes those that changed. The record of a far box grows
//! with what is remembered of it, and what one packet writes does not.

use std::collections::BTreeMap;

use super::schema::{self, Readable, Tx, TxResult, View};

/// Part and id of a row, and its content. What the parts are is known to the sessions alone.
pub type SessionRows = BTreeMap<(String, u64), Vec<u8>>;

/// Length of the CRC-32 behind each content.
const CHECK: usize = 4;
/// Behind all parts.
const LAST: &str = "\u{10ffff}";

type Table<'t> = &'t dyn RowsOf;

/// A table of rows, as a reader or as the writer has it.
trait RowsOf {
    fn rows(&self, name: &str) -> TxResult<SessionRows>;
    fn names(&self) -> TxResult<Vec<String>>;
}

impl<T: Readable<(&'static str, &'static str, u64), &'static [u8]>> RowsOf for T {
    fn rows(&self, name: &str) -> TxResult<SessionRows> {
        let mut found = SessionRows::new();
        for row in self.range((name, "", 0)..=(name, LAST, u64::MAX))? {
            let (key, bytes) = row?;
            let (_, part, id) = key.value();
            match content(bytes.value()) {
                Some(content) => drop(found.insert((part.to_owned(), id), content.to_vec())),
                None => log::error!(
                    "store: a row ({part}) of what is known of the far box '{name}' is damaged and left out"
                ),
            }
        }
        Ok(found)
    }

    fn names(&self) -> TxResult<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        loop {
            let next = match names.last() {
                None => self.first()?,
                Some(last) => self.range((last.as_str(), LAST, u64::MAX)..)?.next().transpose()?,
            };
            match next {
                Some((key, _)) => names.push(key.value().0.to_owned()),
                None => return Ok(names),
            }
        }
    }
}

fn content(bytes: &[u8]) -> Option<&[u8]> {
    let (content, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK)?)?;
    (crc32fast::hash(content).to_le_bytes() == check).then_some(content)
}

impl Tx<'_> {
    /// What is known of a far box; empty for one that was not spoken with.
    pub fn session_rows(&self, name: &str) -> TxResult<SessionRows> {
        (&self.session_rows as Table).rows(name)
    }

    /// The names of all far boxes of which something is known.
    pub fn session_names(&self) -> TxResult<Vec<String>> {
        (&self.session_rows as Table).names()
    }

    /// Writes what is known of a far box. Gives how many rows had changed.
    pub fn put_session_rows(&mut self, name: &str, rows: &SessionRows) -> TxResult<usize> {
        let before = self.session_rows(name)?;
        self.change_session_rows(name, &before, rows)
    }

    /// The same, by what this transaction has read of them.
    pub fn change_session_rows(&mut self, name: &str, before: &SessionRows, rows: &SessionRows) -> TxResult<usize> {
        let changed: Vec<_> = rows.iter().filter(|(key, content)| before.get(key) != Some(content)).collect();
        let gone: Vec<_> = before.keys().filter(|key| !rows.contains_key(*key)).collect();
        let count = changed.len() + gone.len();
        for (part, id) in gone {
            self.session_rows.remove((name, part.as_str(), *id))?;
        }
        for ((part, id), content) in changed {
            let mut bytes = content.clone();
            bytes.extend(crc32fast::hash(content).to_le_bytes());
            self.session_rows.insert((name, part.as_str(), *id), bytes.as_slice())?;
        }
        Ok(count)
    }
}

impl Tx<'_> {
    /// Has the workers of the links look at all sessions: something in one changed that no packet brought.
    pub fn look_at_sessions(&mut self) -> TxResult<()> {
        let looks = looks(self.note(LOOK)?).wrapping_add(1);
        self.wake(crate::message::Way::Link);
        self.put_note(LOOK, Some(&looks.to_le_bytes()))
    }
}

/// The note with the number of the last such change.
const LOOK: &str = "sessions.look";

fn looks(note: Option<Vec<u8>>) -> u64 {
    note.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
}

impl View {
    /// A number that changes when all sessions have to be looked at.
    pub fn session_looks(&self) -> TxResult<u64> {
        Ok(looks(self.note(LOOK)?))
    }

    /// What is known of a far box; empty for one that was not spoken with.
    pub fn session_rows(&self, name: &str) -> TxResult<SessionRows> {
        (&schema::SESSION_ROWS.read(&self.0)? as Table).rows(name)
    }

    /// The names of all far boxes of which something is known.
    pub fn session_names(&self) -> TxResult<Vec<String>> {
        (&schema::SESSION_ROWS.read(&self.0)? as Table).names()
    }
}

#[cfg(test)]
mod tests {
    use testing::Folder;

    use super::*;
    use crate::store::tests::store;

    fn rows(ids: impl Iterator<Item = u64>) -> SessionRows {
        ids.map(|id| (("taken".to_owned(), id), id.to_le_bytes().to_vec())).collect()
    }

    #[test]
    fn a_packet_writes_what_it_changes_however_much_is_remembered() {
        let folder = Folder::new();
        let store = store(&folder);
        let put =
            |name: &'static str, rows: SessionRows| store.write(move |tx| tx.put_session_rows(name, &rows)).unwrap();
        let read = |name: &str| store.read(|view| view.session_rows(name)).unwrap();
        assert_eq!((put("", rows(1..=2000)), put("17", rows(5..=6)), put("2", rows(1..=1))), (2000, 2, 1));
        // One more comes in, and the oldest is forgotten.
        assert_eq!(put("", rows(2..=2001)), 2);
        assert_eq!((read(""), read("17"), read("1")), (rows(2..=2001), rows(5..=6), SessionRows::new()));
        assert_eq!(store.read(|view| view.session_names()).unwrap(), ["", "17", "2"]);
        assert_eq!(put("", SessionRows::new()), 2000);
        assert_eq!(store.read(|view| view.session_names()).unwrap(), ["17", "2"]);
        // A flipped bit costs one row.
        store
            .write(|tx| {
                tx.session_rows.insert(("17", "taken", 5), &[1, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9][..])?;
                Ok(())
            })
            .unwrap();
        assert_eq!(read("17"), rows(6..=6));
    }
}
