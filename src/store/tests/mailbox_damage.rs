//! Rows of mailboxes that are damaged: each costs what was in it, and nothing else.

use super::mailbox::{INBOX, TRASH, append, bytes, entries, sound};
use super::*;
use crate::store::mailbox::{FlagChange, Flags, NewContent, NewEntry};
use crate::store::schema::Readable;

/// A record of a folder that is damaged stops no start, takes no file of the spool along, and bounces nobody's mail.
#[test]
fn a_damaged_record_of_a_folder_stops_no_start() {
    let folder = Folder::new();
    let store = store(&folder);
    append(&store, INBOX, "Subject: one\r\n\r\nx\r\n", 0);
    let file = store.spool_bytes(b"Subject: large\r\n\r\nx\r\n").unwrap();
    let kept = spool::folder(&folder).join(&file.name);
    let new = NewContent::File { file: std::sync::Arc::new(file), head: b"Subject: large\r\n\r\n".to_vec() };
    let content = store.write(move |tx| tx.add_content(&new)).unwrap();
    let damage = move |tx: &mut Tx| {
        tx.contents.insert(content, [0xff; 3].as_slice())?;
        Ok(())
    };
    store.write(damage).unwrap();
    store.close();
    drop(store);
    let again = super::store(&folder);
    assert!(kept.is_file());
    assert_eq!(bytes(&again, &entries(&again, INBOX)[0]), b"Subject: one\r\n\r\nx\r\n");
    let release = move |tx: &mut Tx| tx.add_entry("ben", INBOX, &NewEntry { content, ..NewEntry::default() });
    assert!(matches!(again.write(release).unwrap_err(), Fault::Temporary(_)));
    append(&again, INBOX, "Subject: two\r\n\r\nx\r\n", 0);
    assert_eq!(entries(&again, INBOX).len(), 2);
}

/// A row of flags that is damaged hides no mail, stops no clean-up, and begins anew with the next change of it: sessions hear of that.
#[test]
fn a_damaged_row_of_flags_stops_nothing() {
    let folder = Folder::new();
    let store = store(&folder);
    let uids = [1, 2, 3].map(|n| append(&store, TRASH, &format!("Subject: {n}\r\n\r\nx\r\n"), 0));
    let seen = Flags::of(Flags::SEEN);
    store.write(move |tx| tx.mark("ben", TRASH, &uids, FlagChange::Add, &seen, None)).unwrap();
    let damage = |tx: &mut Tx| {
        tx.marks.insert(("ben", TRASH, 0), [0xff; 3].as_slice())?;
        Ok(())
    };
    store.write(damage).unwrap();
    assert_eq!(store.read(|view| view.newest("ben", TRASH, u32::MAX, 9)).unwrap().len(), 3);
    let left = |store: &Store| entries(store, TRASH).iter().map(|entry| (entry.uid, entry.flags)).collect::<Vec<_>>();
    assert_eq!(left(&store), [(1, 0), (2, 0), (3, 0)]);
    assert_eq!(store.read(|view| view.flags("ben", TRASH, &uids)).unwrap().len(), 3);
    let since = store.read(|view| view.folder("ben", TRASH)).unwrap().unwrap().modseq;
    let changes = |store: &Store, since| {
        let changes = store.read(move |view| view.changes("ben", TRASH, since)).unwrap().unwrap();
        changes.list.iter().map(|change| (change.uid, change.removed)).collect::<Vec<_>>()
    };
    assert_eq!(changes(&store, 0), []);
    assert_eq!(store.write(|tx| tx.remove_entries("ben", TRASH, &[2])).unwrap(), [2]);
    assert_eq!(left(&store), [(1, 0), (3, 0)]);
    assert_eq!(changes(&store, since), [(1, false), (3, false), (2, true)]);
    sound(&store);
    store.write(damage).unwrap();
    let flagged = Flags::of(Flags::FLAGGED);
    let marked = store.write(move |tx| tx.mark("ben", TRASH, &[1], FlagChange::Add, &flagged, None)).unwrap();
    assert!(marked.since > since + 2, "what was done about it is no change that the caller knows");
    assert_eq!(left(&store), [(1, Flags::FLAGGED), (3, 0)]);
    sound(&store);
    store.write(damage).unwrap();
    store.write(|tx| tx.remove_mailbox("ben")).unwrap();
    assert!(entries(&store, TRASH).is_empty());
}

/// An entry that is damaged takes its flags along when it goes, and sessions hear of it.
#[test]
fn a_damaged_entry_goes_whole() {
    let folder = Folder::new();
    let store = store(&folder);
    let uids = [1, 2, 3].map(|n| append(&store, TRASH, &format!("Subject: {n}\r\n\r\nx\r\n"), 0));
    store.write(|tx| tx.mark("ben", TRASH, &[1, 2], FlagChange::Add, &Flags::of(Flags::SEEN), None)).unwrap();
    let since = store.read(|view| view.folder("ben", TRASH)).unwrap().unwrap().modseq;
    let damage = |tx: &mut Tx| {
        for uid in [2, 3] {
            tx.entries.insert(("ben", TRASH, uid), [0xff; 3].as_slice())?;
        }
        Ok(())
    };
    store.write(damage).unwrap();
    assert_eq!(store.write(move |tx| tx.remove_entries("ben", TRASH, &uids[1..])).unwrap(), [2, 3]);
    let changes = |since| {
        let changes = store.read(move |view| view.changes("ben", TRASH, since)).unwrap().unwrap();
        changes.list.iter().map(|change| (change.uid, change.removed)).collect::<Vec<_>>()
    };
    assert_eq!(changes(since), [(2, true), (3, true)]);
    // Nothing that came or changed before is said of what is gone.
    assert_eq!(changes(0), [(1, false), (2, true), (3, true)]);
    assert_eq!(
        entries(&store, TRASH).iter().map(|entry| (entry.uid, entry.flags)).collect::<Vec<_>>(),
        [(1, Flags::SEEN)]
    );
    store.write(|tx| tx.remove_entries("ben", TRASH, &[1])).unwrap();
    assert_eq!(store.write(|tx| Ok(tx.marks.len()?)).unwrap(), 0);
}

/// Nothing is known of a mail whose entry is damaged, but it is there: no program takes it for deleted, and it can be marked and
/// removed. All others are as they were.
#[test]
fn a_damaged_entry_hides_no_other() {
    let folder = Folder::new();
    let store = store(&folder);
    let uids = [1, 2, 3].map(|n| append(&store, INBOX, &format!("Subject: {n}\r\n\r\nx\r\n"), 0));
    let damage = |tx: &mut Tx| {
        tx.entries.insert(("ben", INBOX, 2), [0xff; 3].as_slice())?;
        Ok(())
    };
    store.write(damage).unwrap();
    let lost: Vec<_> = entries(&store, INBOX).iter().map(|entry| (entry.uid, entry.is_lost())).collect();
    assert_eq!(lost, [(1, false), (2, true), (3, false)]);
    assert!(store.content(&entries(&store, INBOX)[1]).unwrap_err().is_permanent());
    assert_eq!(bytes(&store, &entries(&store, INBOX)[2]), b"Subject: 3\r\n\r\nx\r\n");
    assert_eq!(store.write(move |tx| tx.move_entries("ben", INBOX, &uids, TRASH)).unwrap(), [(1, 1), (3, 2)]);
    let since = store.read(|view| view.folder("ben", INBOX)).unwrap().unwrap().modseq;
    let deleted = Flags::of(Flags::DELETED);
    let marked = store.write(move |tx| tx.mark("ben", INBOX, &[2], FlagChange::Add, &deleted, Some(since))).unwrap();
    assert_eq!((marked.entries[0].flags, marked.modified), (Flags::DELETED, vec![]));
    let told = store.read(|view| view.changes("ben", INBOX, 0)).unwrap().unwrap().list;
    assert_eq!(told.iter().filter(|change| change.uid == 2).count(), 1);
    assert_eq!(store.write(|tx| tx.expunge("ben", INBOX, &[2])).unwrap(), [2]);
    assert_eq!(store.read(|view| view.folder("ben", INBOX)).unwrap().unwrap().total, 0);
}

/// The header alone is no proof of itself: it is that of bytes which are what was written.
#[test]
fn a_damaged_header_is_not_shown() {
    let folder = Folder::new();
    let store = store(&folder);
    append(&store, INBOX, "Subject: one\r\n\r\nx\r\n", 0);
    append(&store, INBOX, "Subject: two\r\n\r\nx\r\n", 0);
    let content = entries(&store, INBOX)[0].content;
    let damage = move |tx: &mut Tx| {
        tx.bodies.insert(content, b"Subject: ine\r\n\r\nx\r\n")?;
        Ok(())
    };
    store.write(damage).unwrap();
    let found = entries(&store, INBOX);
    let heads = store.small_heads(&found.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(heads, [None, Some(b"Subject: two\r\n\r\n".to_vec())]);
    assert!(store.content_head(&found[0]).unwrap_err().is_permanent());
    assert_eq!(store.content_head(&found[1]).unwrap(), b"Subject: two\r\n\r\n");
}
