//! What two boxes know of each other: small rows, of which a commit writes those that changed. The record of a far box grows
//! with what is remembered of it, and what one packet writes does not.
//! Nor does what one packet reads ([`editions`](super::editions)).

use std::collections::BTreeMap;

use super::Store;
use super::editions::{Edition, Meaning};
use super::schema::{self, Readable, Tx, TxResult, View};
use crate::fault::Fault;

/// Part and id of a row, and its content. What the parts are is known to the sessions alone.
pub type SessionRows = BTreeMap<(String, u64), Vec<u8>>;
/// Rows that change: their content, or nothing for those that go.
pub type SessionChanges = BTreeMap<(String, u64), Option<Vec<u8>>>;

impl Store {
    /// What is known of a far box, as `read` makes it of its rows, and the edition of those.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn session(&self, name: &str, read: impl FnOnce(&SessionRows) -> Meaning) -> Result<(Meaning, Edition), Fault> {
        // Looked at before the rows: should those be newer, nothing that is worked out from them is kept.
        let (edition, known) = self.0.editions.of(name);
        if let Some(known) = known {
            return Ok((known, edition));
        }
        let meaning = read(&self.read(|view| view.session_rows(name))?);
        self.0.editions.learn(name, edition, &meaning);
        Ok((meaning, edition))
    }
}

/// Length of the CRC-32 behind each content.
const CHECK: usize = 4;
/// Greater than the name of any part.
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

    /// What is known of a far box in this transaction, as `read` makes it of its rows.
    pub fn session(&self, name: &str, read: impl FnOnce(&SessionRows) -> Meaning) -> TxResult<Meaning> {
        let known = match self.after.sessions.get(name) {
            Some(changed) => changed.clone(),
            None => self.editions.and_then(|editions| editions.of(name).1),
        };
        known.map_or_else(|| Ok(read(&self.session_rows(name)?)), Ok)
    }

    /// True while the rows of a far box are those of an edition.
    pub fn is_edition(&self, name: &str, edition: Edition) -> bool {
        let now = self.editions.filter(|_| !self.after.sessions.contains_key(name));
        now.is_some_and(|editions| editions.of(name).0 == edition)
    }

    /// Writes what is known of a far box. Gives how many rows had changed.
    pub fn put_session_rows(&mut self, name: &str, rows: &SessionRows) -> TxResult<usize> {
        let before = self.session_rows(name)?;
        let changed = rows.iter().filter(|(key, content)| before.get(key) != Some(content));
        let changed = changed.map(|(key, content)| (key.clone(), Some(content.clone())));
        let gone = before.keys().filter(|key| !rows.contains_key(*key)).map(|key| (key.clone(), None));
        self.change_session_rows(name, &changed.chain(gone).collect(), None)
    }

    /// Writes rows that changed, and what all rows mean now, where that is known. Gives how many they are.
    pub fn change_session_rows(
        &mut self,
        name: &str,
        changes: &SessionChanges,
        meaning: Option<Meaning>,
    ) -> TxResult<usize> {
        for ((part, id), content) in changes {
            let key = (name, part.as_str(), *id);
            match content {
                Some(content) => {
                    let bytes = [content, &crc32fast::hash(content).to_le_bytes()[..]].concat();
                    self.session_rows.insert(key, bytes.as_slice())?;
                }
                None => drop(self.session_rows.remove(key)?),
            }
        }
        if !changes.is_empty() {
            self.after.sessions.insert(name.to_owned(), meaning);
        }
        Ok(changes.len())
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
    use std::sync::Arc;

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

    #[test]
    fn what_was_read_is_known_until_somebody_writes() {
        let folder = Folder::new();
        let store = store(&folder);
        // How many rows there are, and how often they were read.
        let read = |times: &std::cell::Cell<u32>| {
            let (meaning, edition) = store
                .session("17", |rows| {
                    times.set(times.get() + 1);
                    Meaning(Arc::new(rows.len()))
                })
                .unwrap();
            (*meaning.0.downcast::<usize>().unwrap(), edition)
        };
        let times = std::cell::Cell::new(0);
        let (none, first) = read(&times);
        assert_eq!((none, read(&times).1 == first, times.get()), (0, true, 1));
        // Another far box, and a commit that fails, change nothing.
        store.write(|tx| tx.put_session_rows("2", &rows(1..=3))).unwrap();
        let failed = store.write(move |tx| {
            tx.put_session_rows("17", &rows(1..=3))?;
            assert!(!tx.is_edition("17", first), "what this transaction wrote is another one");
            schema::reject::<()>(Fault::permanent("no"))
        });
        assert!(failed.is_err());
        assert_eq!((read(&times), times.get()), ((0, first), 1));
        // Who writes says what it means now; nobody reads it again.
        let changes: SessionChanges = rows(1..=2).into_iter().map(|(key, row)| (key, Some(row))).collect();
        store
            .write(move |tx| {
                assert!(tx.is_edition("17", first));
                tx.change_session_rows("17", &changes, Some(Meaning(Arc::new(2_usize))))?;
                let known = tx.session("17", |_| unreachable!("it is known"))?;
                assert_eq!(known.0.downcast_ref::<usize>(), Some(&2));
                Ok(())
            })
            .unwrap();
        let (two, second) = read(&times);
        assert_eq!((two, second == first, times.get()), (2, false, 1));
        assert!(!store.write(move |tx| Ok(tx.is_edition("17", first))).unwrap());
        // Who says nothing of it has it read.
        store.write(|tx| tx.put_session_rows("17", &rows(1..=3))).unwrap();
        assert_eq!((read(&times).0, times.get()), (3, 2));
    }
}
