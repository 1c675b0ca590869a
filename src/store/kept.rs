//! What a restore or a repair put aside in the data folder: the store and the large mails as they were before. It is kept for
//! a while and then removed.

use std::fs;
use std::path::{Path, PathBuf};

use super::schema::{TxResult, View};
use super::{FILE, Store};
use crate::clock::Time;
use crate::store::schema::Readable;

/// A file or folder that a restore or a repair put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutAside {
    /// Its path, in the data folder.
    pub path: PathBuf,
    /// When it was put aside, by its name.
    pub at: Time,
}

impl Store {
    /// Lists what was put aside in the data folder.
    pub fn put_aside(&self) -> Vec<PutAside> {
        list(self.folder())
    }

    /// Removes what was put aside before `limit`, and says so in the log.
    pub fn drop_put_aside_before(&self, limit: Time) {
        for old in self.put_aside().into_iter().filter(|old| old.at < limit) {
            let removed = if old.path.is_dir() { fs::remove_dir_all(&old.path) } else { fs::remove_file(&old.path) };
            match removed {
                Ok(()) => log::info!("{}, put aside {}, is removed", old.path.display(), old.at),
                Err(error) => log::warn!("{} cannot be removed: {error}", old.path.display()),
            }
        }
    }
}

/// The names are those that restore and repair give: they end with the second at which it was.
fn list(folder: &Path) -> Vec<PutAside> {
    let begins = [format!("{FILE}.old-"), format!("{FILE}.damaged-"), "spool.old-".to_owned()];
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let second = begins.iter().find_map(|begin| name.strip_prefix(begin.as_str()))?;
            // That of a store with a log has it beside.
            let second = second.strip_suffix(".wal").unwrap_or(second).parse().ok()?;
            Some(PutAside { path: entry.path(), at: Time::from_seconds(second) })
        })
        .collect();
    found.sort_by_key(|old| old.at);
    found
}

impl View {
    /// Counts the messages in all states.
    pub fn message_count(&self) -> TxResult<u64> {
        Ok(self.messages()?.len()?)
    }
}

#[cfg(test)]
mod tests {
    use testing::Folder;

    use super::*;

    #[test]
    fn only_what_was_put_aside_is_listed() {
        let folder = Folder::new();
        for name in [
            "satpost.redb",
            "satpost.redb.wal",
            "satpost.redb.old-20",
            "satpost.redb.damaged-10",
            "satpost.redb.damaged-10.wal",
            "satpost.redb.old-x",
            "other.old-3",
        ] {
            fs::write(folder.path(name), "").unwrap();
        }
        fs::create_dir(folder.path("spool.old-20")).unwrap();
        let found: Vec<_> = list(&folder).into_iter().map(|old| old.at.seconds()).collect();
        assert_eq!(found, [10, 10, 20, 20]);
    }
}
