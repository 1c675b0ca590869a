//! A person's folders in the archive of their data, as a Maildir: mail programs and mbsync read it, and each mail keeps its
//! bytes, its time and its flags (cr.yp.to/proto/maildir.html; folders as in Maildir++).

use std::io::Write;

use super::Service;
use super::data::{RECORD, header, pad};
use crate::fault::Fault;
use crate::store::mailbox::{Content, Entry, Flags, Folder, Special};
use crate::store::work::Work;

/// Entries that are read at once.
const BATCH: usize = 500;

/// The letters of flags in a file name, in their order.
const LETTERS: [(u8, char); 5] =
    [(Flags::DRAFT, 'D'), (Flags::FLAGGED, 'F'), (Flags::ANSWERED, 'R'), (Flags::SEEN, 'S'), (Flags::DELETED, 'T')];

/// The path of an entry within the Maildir. A point is between levels, so it is no part of a name.
fn path(folder: &Folder, entry: &Entry) -> String {
    let place = match folder.special() {
        Some(Special::Inbox) => String::new(),
        _ if folder.name.len() > 100 => format!(".folder {}/", folder.number),
        _ => format!(".{}/", folder.name.replace('.', "_").replace('/', ".")),
    };
    let flags: String = LETTERS.iter().filter(|(bit, _)| entry.flags & bit != 0).map(|(_, letter)| letter).collect();
    format!("{place}cur/{}.V{}U{}.satpost:2,{flags}", entry.arrived.max(0), folder.validity, entry.uid)
}

impl Service {
    /// Writes all folders of a person; gives the number of mails.
    pub(super) fn put_folders(&self, person: &str, to: &mut impl Write, work: &Work) -> Result<usize, Fault> {
        let failed = |error: std::io::Error| Fault::temporary(format!("the copy cannot be written: {error}"));
        let mut count = 0;
        for folder in self.store.read(|view| view.folders(person))? {
            let uids: Vec<u32> = self.store.read(|view| view.uids(person, &folder))?.iter().collect();
            for batch in uids.chunks(BATCH) {
                for entry in self.store.read(|view| view.entries(person, folder.number, batch))? {
                    work.step(1).map_err(Fault::temporary)?;
                    let bytes = match self.store.content(&entry) {
                        Ok(Content::Bytes(bytes)) => bytes,
                        Ok(Content::File(file)) => std::fs::read(file).map_err(Fault::temporary)?,
                        // One that is damaged, or was removed meanwhile, must not hide all others.
                        Err(fault) if fault.is_permanent() => {
                            log::error!("export: {fault}");
                            continue;
                        }
                        Err(fault) => return Err(fault),
                    };
                    let name = format!("{person}/Maildir/{}", path(&folder, &entry));
                    to.write_all(&header(&name, bytes.len() as u64, entry.at())).map_err(failed)?;
                    to.write_all(&bytes).map_err(failed)?;
                    to.write_all(&[0; RECORD][..pad(bytes.len() as u64)]).map_err(failed)?;
                    count += 1;
                }
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_say_folder_time_and_flags() {
        let entry = Entry { uid: 7, arrived: 1_790_000_000, flags: Flags::SEEN | Flags::FLAGGED, ..Entry::default() };
        let inbox = Folder { number: 1, name: "INBOX".into(), validity: 3, ..Folder::default() };
        assert_eq!(path(&inbox, &entry), "cur/1790000000.V3U7.satpost:2,FS");
        let own = Folder { number: 16, name: "Work/a.b".into(), ..inbox };
        assert_eq!(path(&own, &entry), ".Work.a_b/cur/1790000000.V3U7.satpost:2,FS");
    }
}
