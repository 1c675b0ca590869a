//! The audit log: who changed what on this box, from where and when. Bounded by count and by age; what somebody wrote in
//! a message, and the value of a secret, never stand in it.

use serde::{Deserialize, Serialize};

use super::schema::{self, Tx, TxResult, View, json};
use crate::clock::Time;
use crate::store::schema::Readable;

/// Records that are kept; the oldest go.
const MOST: u64 = 10_000;
/// Newest records among which a repeated one finds the one that it belongs to.
const LOOK_BACK: usize = 64;
/// A repeated record joins one that is younger than this.
const TOGETHER_MS: i64 = 86_400_000;

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Record {
    /// When; of a record that stands for several, the last of them.
    pub at: Time,
    /// When the first of several was.
    pub first: Time,
    /// How many this record stands for.
    pub count: u32,
    /// Who: the name of a person, or `the command line`; empty for somebody who is not known.
    pub who: String,
    /// Their address, or who gave the command.
    pub from: String,
    /// The action: a word of the table of actions, such as `people.edit`.
    #[serde(rename = "deed")]
    pub action: String,
    /// The person, message or setting that it was done to; empty for none.
    pub about: String,
    /// What happened, in a sentence for the owner.
    pub words: String,
}

impl Tx<'_> {
    /// Appends a record and gives it a number; its count is 1 at least.
    pub fn audit(&mut self, record: &Record) -> TxResult<()> {
        let number = self.ledger.next_event;
        self.ledger.next_event += 1;
        let record = Record { first: record.at, count: record.count.max(1), ..record.clone() };
        self.audit.insert(number, json(&record).as_slice())?;
        if self.audit.len()? > MOST {
            self.audit.pop_first()?;
        }
        Ok(())
    }

    /// Adds to the record of the same action by the same one from the same place, or appends one.
    pub fn audit_again(&mut self, record: &Record) -> TxResult<()> {
        let mut known = None;
        for row in self.audit.iter()?.rev().take(LOOK_BACK) {
            let (number, bytes) = row?;
            let Ok(old) = super::schema::record::<Record>(bytes.value()) else { continue };
            let same = (&old.action, &old.who, &old.from, &old.about)
                == (&record.action, &record.who, &record.from, &record.about);
            if same && record.at.0.saturating_sub(old.first.0) < TOGETHER_MS {
                known = Some((number.value(), old));
                break;
            }
        }
        let Some((number, old)) = known else { return self.audit(record) };
        let count = old.count.saturating_add(record.count.max(1));
        let record = Record { at: old.at.max(record.at), count, words: record.words.clone(), ..old };
        // It happened last now, so it stands last.
        self.audit.remove(number)?;
        let number = self.ledger.next_event;
        self.ledger.next_event += 1;
        self.audit.insert(number, json(&record).as_slice())?;
        Ok(())
    }

    /// Removes records whose last action was before `limit`.
    pub fn drop_audit_before(&mut self, limit: Time) -> TxResult<()> {
        self.audit.retain(|_, bytes| super::schema::record::<Record>(bytes).is_ok_and(|record| record.at >= limit))?;
        Ok(())
    }
}

impl View {
    /// Records with their numbers, newest first: older than `before`, with all of `search` (in any case) in one of their
    /// texts.
    pub fn audit(&self, before: Option<u64>, search: &str, limit: usize) -> TxResult<Vec<(u64, Record)>> {
        let search = search.to_lowercase();
        let mut found = Vec::new();
        for row in schema::AUDIT.read(&self.0)?.range(..before.unwrap_or(u64::MAX))?.rev() {
            if found.len() >= limit {
                break;
            }
            let (number, bytes) = row?;
            let Ok(record) = super::schema::record::<Record>(bytes.value()) else { continue };
            let texts = [&record.who, &record.from, &record.action, &record.about, &record.words];
            if search.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(&search)) {
                found.push((number.value(), record));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::Store;

    #[test]
    fn what_happens_again_stands_by_its_last_time() {
        let folder = std::env::temp_dir().join(format!("satpost-audit-{}", std::process::id()));
        let store = Store::open(&folder, &Clock::fake(Time(1_000_000))).unwrap();
        let record = |action: &str, at| Record { action: action.into(), at: Time(at), ..Record::default() };
        for (action, at) in [("log-in-failed", 1000), ("add-person", 2000), ("log-in-failed", 3000)] {
            let record = record(action, at);
            store.write(move |tx| tx.audit_again(&record)).unwrap();
        }
        let found = store.read(|view| view.audit(None, "", 10)).unwrap();
        let rows: Vec<_> = found.iter().map(|(_, row)| (row.action.as_str(), row.at.0, row.count)).collect();
        assert_eq!(rows, [("log-in-failed", 3000, 2), ("add-person", 2000, 1)]);
        store.close();
        let _ = std::fs::remove_dir_all(&folder);
    }
}
