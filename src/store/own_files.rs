//! Small files of the data folder that a backup holds besides the tables: the box's own certificate and its key.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use redb::{ReadTransaction, TableDefinition, WriteTransaction};

use super::table::if_there;

/// Small file of the data folder -> its CRC-32 and its bytes. Earlier versions do not know the table, and restore the rest: so it
/// is not under the seal.
const OWN_FILES: TableDefinition<&str, (u32, &[u8])> = TableDefinition::new("own_files");
/// The certificate that the box made for itself, its key, and the authority above it with its own: mail programs trust
/// these, and no other.
pub const OWN: [&str; 4] = ["tls-certificate.pem", "tls-key.pem", "tls-root.pem", "tls-root-key.pem"];

/// Puts them into a backup.
pub(super) fn put(txn: &WriteTransaction, data: &Path) -> Result<(), redb::Error> {
    let mut table = txn.open_table(OWN_FILES)?;
    for name in OWN {
        // A box that never offered TLS has none.
        if let Ok(bytes) = fs::read(data.join(name)) {
            table.insert(name, (crc32fast::hash(&bytes), bytes.as_slice()))?;
        }
    }
    Ok(())
}

/// Puts the small files of a backup into the data folder, each as a whole; one that was damaged is left out, as the box makes
/// a new one.
pub(super) fn take(txn: &ReadTransaction, data: &Path) -> Result<(), redb::Error> {
    let Some(table) = if_there(txn, OWN_FILES)? else { return Ok(()) };
    let like = fs::metadata(data)?;
    for name in OWN {
        let Some(row) = table.get(name)? else { continue };
        let (check, bytes) = row.value();
        if crc32fast::hash(bytes) != check {
            log::warn!("{name} of the backup is damaged: the box makes a new one");
            continue;
        }
        let (target, part) = (data.join(name), data.join("restore.file"));
        let _ = fs::remove_file(&part);
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&part, Some(like.uid()), Some(like.gid()))?;
        }
        fs::rename(&part, &target)?;
    }
    Ok(())
}
