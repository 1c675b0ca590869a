//! What was found in folders that sessions opened of late: whoever opens one of them next reads what changed since, and not the
//! numbers of all its messages.

use std::sync::{Mutex, PoisonError};

use crate::store::mailbox::{Folder, UidRanges};
use crate::store::{TxResult, View};

/// Folders that are remembered.
const MOST: usize = 16;
/// Runs of UIDs of one that is; of more than that nothing is.
const RUNS: usize = 16 * 1024;
/// Changes since; behind more of them all is read anew.
const CHANGES: u64 = 1000;
/// Messages that are looked at for the first one that was not read.
const UNSEEN: usize = 1000;

/// What was found in a folder.
#[derive(Debug, Clone)]
struct Found {
    person: String,
    folder: Folder,
    uids: UidRanges,
    unseen: Option<u32>,
}

/// The folders that were opened last, the very last in front.
#[derive(Debug, Default)]
pub struct LastOpened(Mutex<Vec<Found>>);

impl LastOpened {
    /// The UIDs in a folder, and the first of them that was not read where it is one of the first thousand.
    ///
    /// # Errors
    /// Those of reading the store.
    pub fn look(&self, view: &View, person: &str, folder: &Folder) -> TxResult<(UidRanges, Option<u32>)> {
        let before = self.take(person, folder);
        let found = match before {
            Some(found) if found.folder == *folder => found,
            before => {
                let uids = match before {
                    Some(found) => followed(view, person, folder, found)?,
                    None => None,
                };
                let uids = uids.map_or_else(|| view.uids(person, folder), Ok)?;
                let unseen = view.first_unseen(person, folder, UNSEEN)?;
                Found { person: person.to_owned(), folder: folder.clone(), uids, unseen }
            }
        };
        let (uids, unseen) = (found.uids.clone(), found.unseen);
        if found.uids.runs() <= RUNS {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Another session may have looked at the same moment.
            all.retain(|other| (other.folder.number, &other.person) != (folder.number, &found.person));
            all.truncate(MOST - 1);
            all.insert(0, found);
        }
        Ok((uids, unseen))
    }

    fn take(&self, person: &str, folder: &Folder) -> Option<Found> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|found| found.person == person && found.folder.number == folder.number)?;
        Some(all.remove(at))
    }
}

/// What became of the UIDs that were found before; `None` where that is not known.
fn followed(view: &View, person: &str, folder: &Folder, before: Found) -> TxResult<Option<UidRanges>> {
    let since = before.folder.modseq;
    let near = before.folder.validity == folder.validity && (since..=since + CHANGES).contains(&folder.modseq);
    if !near {
        return Ok(None);
    }
    let Some(changes) = view.changes(person, folder.number, since)?.filter(|changes| !changes.behind) else {
        return Ok(None);
    };
    let mut uids = before.uids;
    let known = uids.last().unwrap_or(0);
    let mut new = Vec::new();
    for change in &changes.list {
        match change.removed {
            true => drop(uids.remove(change.uid)),
            false if change.uid > known => new.push(change.uid),
            false => {}
        }
    }
    new.sort_unstable();
    new.into_iter().for_each(|uid| uids.push(uid));
    Ok(Some(uids).filter(|uids| uids.len() == folder.total))
}
