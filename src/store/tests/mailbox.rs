//! Mailboxes: numbers, sums and bytes stay true whatever is done.

use testing::Dice;

use super::*;
use crate::store::mailbox::{Content, Entry, FlagChange, Flags, FolderError, NewContent, NewEntry, Special};
use crate::store::schema::Readable;

pub const INBOX: u32 = Special::Inbox as u32;
pub const SENT: u32 = Special::Sent as u32;
pub const DRAFTS: u32 = Special::Drafts as u32;
pub const TRASH: u32 = Special::Trash as u32;

pub fn append(store: &Store, folder: u32, mail: &str, flags: u8) -> u32 {
    let new = NewContent::Bytes(mail.as_bytes().to_vec());
    let job = move |tx: &mut Tx| {
        tx.open_mailbox("ben")?;
        let content = tx.add_content(&new)?;
        let flags = Flags { system: flags, keywords: vec!["work".to_owned()] };
        tx.add_entry("ben", folder, &NewEntry { content, flags, arrived: 7, ..NewEntry::default() })
    };
    store.write(job).unwrap()
}

pub fn entries(store: &Store, folder: u32) -> Vec<Entry> {
    store
        .read(|view| {
            let Some(shown) = view.folder("ben", folder)? else { return Ok(Vec::new()) };
            let uids: Vec<_> = view.uids("ben", &shown)?.iter().collect();
            view.entries("ben", folder, &uids)
        })
        .unwrap()
}

pub fn bytes(store: &Store, entry: &Entry) -> Vec<u8> {
    match store.content(entry).unwrap() {
        Content::Bytes(bytes) => bytes,
        Content::File(path) => std::fs::read(path).unwrap(),
    }
}

/// The sums of each folder are those of its entries, each change has one row, and no bytes are without an entry.
pub fn sound(store: &Store) {
    let folders = store.read(|view| view.folders("ben")).unwrap();
    let mut shown = std::collections::BTreeMap::new();
    for folder in &folders {
        let found = entries(store, folder.number);
        assert_eq!(folder.total as usize, found.len(), "{folder:?}");
        assert_eq!(folder.unseen as usize, found.iter().filter(|entry| entry.flags & Flags::SEEN == 0).count());
        assert_eq!(folder.bytes, found.iter().map(|entry| entry.size).sum::<u64>());
        assert!(found.iter().all(|entry| entry.uid < folder.next && entry.modseq <= folder.modseq));
        let all = store.read(|view| view.changes("ben", folder.number, 0)).unwrap().unwrap();
        let there = all.list.iter().filter(|change| !change.removed);
        let mut changed: Vec<_> = there.map(|change| change.uid).collect();
        changed.sort_unstable();
        assert_eq!(changed, found.iter().map(|entry| entry.uid).collect::<Vec<_>>());
        found.iter().for_each(|entry| *shown.entry(entry.content).or_insert(0) += 1);
        found.iter().for_each(|entry| assert_eq!(bytes(store, entry).len() as u64, entry.size));
    }
    let kept = store.write(|tx| Ok(tx.contents.len()?)).unwrap();
    assert_eq!(kept as usize, shown.len());
}

#[test]
fn uids_rise_and_are_given_once() {
    let folder = Folder::new();
    let store = store(&folder);
    assert_eq!([1, 2, 3], [1, 2, 3].map(|n| append(&store, INBOX, &format!("Subject: {n}\r\n\r\nx\r\n"), 0)));
    store.write(|tx| tx.mark("ben", INBOX, &[3], FlagChange::Add, &Flags::of(Flags::DELETED), None)).unwrap();
    assert_eq!(store.write(|tx| tx.expunge("ben", INBOX, &[1, 2])).unwrap(), Vec::<u32>::new());
    assert_eq!(store.write(|tx| tx.expunge("ben", INBOX, &[1, 2, 3, 4])).unwrap(), [3]);
    sound(&store);
    assert_eq!(append(&store, INBOX, "\r\n", Flags::SEEN), 4);
    assert_eq!(store.write(|tx| tx.move_entries("ben", INBOX, &[1, 9], TRASH)).unwrap(), [(1, 1)]);
    assert_eq!(store.write(|tx| tx.copy_entries("ben", INBOX, &[2, 4], INBOX)).unwrap(), [(2, 5), (4, 6)]);
    assert_eq!(entries(&store, INBOX).iter().map(|entry| entry.uid).collect::<Vec<_>>(), [2, 4, 5, 6]);
    sound(&store);
    let inbox = store.read(|view| view.folder("ben", INBOX)).unwrap().unwrap();
    assert_eq!(inbox.words(entries(&store, INBOX)[0].keywords).collect::<Vec<_>>(), ["work"]);
}

#[test]
fn a_session_reads_what_happened_since() {
    let folder = Folder::new();
    let store = store(&folder);
    for _ in 0..4 {
        append(&store, INBOX, "\r\n", 0);
    }
    let since = store.read(|view| view.folder("ben", INBOX)).unwrap().unwrap().modseq;
    let seen = Flags::of(Flags::SEEN);
    store.write(move |tx| tx.mark("ben", INBOX, &[2], FlagChange::Add, &seen, None)).unwrap();
    store.write(|tx| tx.remove_entries("ben", INBOX, &[3])).unwrap();
    append(&store, INBOX, "\r\n", 0);
    let changes = store.read(|view| view.changes("ben", INBOX, since)).unwrap().unwrap();
    let list: Vec<_> = changes.list.iter().map(|change| (change.uid, change.removed)).collect();
    assert_eq!((list, changes.behind), (vec![(2, false), (3, true), (5, false)], false));
    let marked =
        store.write(move |tx| tx.mark("ben", INBOX, &[1, 2], FlagChange::Add, &Flags::of(4), Some(since))).unwrap();
    assert_eq!((marked.entries[0].uid, marked.modified), (1, vec![2]));
    // Removals are not listed for ever.
    for _ in 0..26 {
        store
            .write(|tx| {
                let content = tx.add_content(&NewContent::Bytes(b"\r\n".to_vec()))?;
                let new = NewEntry { content, ..NewEntry::default() };
                let uids = (0..100).map(|_| tx.add_entry("ben", INBOX, &new)).collect::<TxResult<Vec<_>>>()?;
                tx.remove_entries("ben", INBOX, &uids)
            })
            .unwrap();
    }
    assert!(store.read(|view| view.changes("ben", INBOX, since)).unwrap().unwrap().behind);
    sound(&store);
}

#[test]
fn folders_have_names_that_are_theirs() {
    let folder = Folder::new();
    let store = store(&folder);
    append(&store, INBOX, "\r\n", 0);
    let create = |name: &'static str| store.write(move |tx| tx.create_folder("ben", name)).unwrap().map(|f| f.number);
    let made = create("Work/2026/").unwrap();
    assert!(create("work").unwrap() > made, "no number is given twice");
    assert!(create("inbox/Ships").is_ok());
    for (name, why) in [
        ("inbox", FolderError::Exists),
        ("Inbox/Ships", FolderError::Exists),
        ("Work", FolderError::Exists),
        ("", FolderError::BadName),
    ] {
        assert_eq!(create(name), Err(why));
    }
    let rename =
        |from: &'static str, to: &'static str| store.write(move |tx| tx.rename_folder("ben", from, to)).unwrap();
    let before = store.read(|view| view.folder("ben", made)).unwrap().unwrap().validity;
    assert_eq!(rename("Work", "Old/Work"), Ok(()));
    let moved = store.read(|view| view.folder("ben", made)).unwrap().unwrap();
    assert_eq!(moved.name, "Old/Work/2026");
    assert!(moved.validity > before);
    assert_eq!(rename("Old", "Old/Older"), Err(FolderError::BadName));
    assert_eq!(rename("Sent", "Gone"), Err(FolderError::Fixed));
    assert_eq!(rename("inbox/Ships", "inbox/Boats"), Ok(()));
    let boats = store.read(|view| view.folder_named("ben", "InBox/Boats")).unwrap().unwrap();
    assert_eq!(boats.name, "INBOX/Boats");
    assert_eq!(rename("INBOX", "All"), Ok(()));
    assert!(entries(&store, INBOX).is_empty());
    let delete = |name: &'static str| store.write(move |tx| tx.delete_folder("ben", name)).unwrap();
    assert_eq!(delete("All"), Ok(()));
    assert_eq!(delete("Trash"), Err(FolderError::Fixed));
    assert_eq!(delete("All"), Err(FolderError::Missing));
    sound(&store);
}

/// Older data folders may hold one name twice, as the case of INBOX once made two of it: each is reached, and what lies below goes
/// with its own.
#[test]
fn two_folders_of_one_name_are_both_reached() {
    let folder = Folder::new();
    let store = store(&folder);
    append(&store, INBOX, "\r\n", 0);
    let create = |name: &'static str| store.write(move |tx| tx.create_folder("ben", name)).unwrap().unwrap().number;
    let old = |number: u32, name: &'static str| {
        let job = move |tx: &mut Tx| {
            let all = tx.all_folders("ben")?;
            let mut found = all.into_iter().find(|folder| folder.number == number).unwrap();
            found.name = name.to_owned();
            tx.folders.insert(("ben", number), found.row().as_slice())?;
            Ok(())
        };
        store.write(job).unwrap();
        number
    };
    let lower = old(create("INBOX/A"), "inbox/Ships");
    let lower_child = old(create("INBOX/B"), "inbox/Ships/x");
    let upper = create("INBOX/C");
    let upper_child = create("INBOX/C/x");
    old(upper, "INBOX/Ships");
    old(upper_child, "INBOX/Ships/x");
    let at = |name: &'static str| {
        store.read(move |view| view.folder_named("ben", name)).unwrap().map_or(0, |folder| folder.number)
    };
    assert_eq!([at("inbox/Ships"), at("INBOX/Ships"), at("Inbox/Ships")], [lower, upper, lower]);
    let rename = |from, to| store.write(move |tx| tx.rename_folder("ben", from, to)).unwrap();
    assert_eq!(rename("inbox/Ships", "INBOX/Ships/old"), Err(FolderError::BadName));
    assert_eq!(rename("INBOX/Ships", "Boats"), Ok(()));
    assert_eq!(
        [at("Boats"), at("Boats/x"), at("INBOX/Ships"), at("INBOX/Ships/x")],
        [upper, upper_child, lower, lower_child]
    );
    // A child whose name is written otherwise than that of the folder goes along, unless it meets another of its name.
    old(upper_child, "INBOX/Ships/x");
    assert_eq!(rename("inbox/Ships", "Yachts"), Err(FolderError::Exists));
    old(upper_child, "INBOX/Ships/y");
    assert_eq!(rename("inbox/Ships", "Yachts"), Ok(()));
    assert_eq!([at("Yachts"), at("Yachts/x"), at("Yachts/y"), at("INBOX/Ships")], [lower, lower_child, upper_child, 0]);
    sound(&store);
}

#[test]
fn what_a_person_keeps_is_not_pruned_and_trash_is() {
    let folder = Folder::new();
    let store = store(&folder);
    let to_ben = |n| message(Way::Mailbox, State::Delivered, n);
    store.put(mail(vec![to_ben(1), to_ben(2)])).unwrap();
    store.put(IncomingMail { messages: vec![to_ben(3)], body: BodyIn::None }).unwrap();
    let later = Time(1_790_000_100_000);
    assert_eq!(store.write(move |tx| tx.prune(Id(0), later, 10)).unwrap(), (0, None));
    let kept = bytes(&store, &entries(&store, INBOX)[2]);
    assert!(String::from_utf8_lossy(&kept).contains("Message-ID: <3@x>\r\n"), "{}", String::from_utf8_lossy(&kept));
    let place = store.read(|v| v.place("ben", INBOX, Id(1))).unwrap().unwrap();
    let trash = Special::Trash.number();
    assert_eq!(store.write(move |tx| tx.move_entries("ben", INBOX, &[place], trash)).unwrap().len(), 1);
    assert_eq!(store.write(move |tx| tx.empty_trash(later, 10)).unwrap(), 1);
    assert_eq!(store.write(move |tx| tx.prune(Id(0), later, 10)).unwrap(), (1, None));
    assert_eq!(store.read(|v| v.mailbox("ben", None, 9)).unwrap().len(), 2);
    // The mail of the other message is there as it was.
    assert_eq!(bytes(&store, &entries(&store, INBOX)[0]), b"raw");
    store.write(|tx| tx.mark_read("ben", Id(2))).unwrap();
    assert_eq!(store.read(|v| v.unread("ben")).unwrap(), 1);
    sound(&store);
}

#[test]
fn a_restore_and_a_repair_give_new_validities_and_the_same_bytes() {
    let folder = Folder::new();
    let store = store(&folder);
    append(&store, INBOX, "Subject: one\r\n\r\nx\r\n", 0);
    store.put(mail(vec![message(Way::Mailbox, State::Delivered, 1)])).unwrap();
    let look = |store: &Store| {
        let inbox = store.read(|view| view.folder("ben", INBOX)).unwrap().unwrap();
        (inbox.validity, entries(store, INBOX).iter().map(|entry| (entry.uid, bytes(store, entry))).collect::<Vec<_>>())
    };
    let before = look(&store);
    store.backup(&folder.join("backup"), crate::store::work::UNHEARD).unwrap();
    append(&store, INBOX, "Subject: younger\r\n\r\nx\r\n", 0);
    store.close();
    drop(store);
    restore(&folder.join("backup"), &folder, true, "1", crate::store::work::UNHEARD).unwrap();
    let again = super::store(&folder);
    let after = look(&again);
    assert!(after.0 > before.0);
    assert_eq!(after.1, before.1);
    sound(&again);
    again.close();
    drop(again);
    repair(&folder, "2", crate::store::work::UNHEARD).unwrap();
    let repaired = super::store(&folder);
    assert!(look(&repaired).0 > after.0);
    assert_eq!(look(&repaired).1, before.1);
    sound(&repaired);
}

/// What a session has to find: by UID the flags, and the number of the change that gave them.
type Model = std::collections::BTreeMap<u32, (u8, u64)>;

#[test]
fn flags_changes_and_removals_are_those_of_a_model_in_any_order() {
    let folder = Folder::new();
    let store = store(&folder);
    let mut dice = Dice::new(11);
    append(&store, INBOX, "\r\n", 0);
    let mut model: Model =
        entries(&store, INBOX).iter().map(|entry| (entry.uid, (entry.flags, entry.modseq))).collect();
    for step in 0..200 {
        let before = store.read(|view| view.folder("ben", INBOX)).unwrap().unwrap();
        let (start, length) = (dice.below(u64::from(before.next)) as u32, dice.below(200) as u32);
        let every = 1 + dice.below(3) as usize;
        let uids: Vec<_> = (start..start + length).step_by(every).collect();
        let bits = 1 + dice.below(31) as u8;
        let kind = [FlagChange::Add, FlagChange::Remove, FlagChange::Replace][dice.below(3) as usize];
        match dice.below(5) {
            0 => {
                let many = 1 + dice.below(30);
                let job = move |tx: &mut Tx| {
                    let content = tx.add_content(&NewContent::Bytes(b"\r\n".to_vec()))?;
                    let new = NewEntry { content, flags: Flags::of(bits), ..NewEntry::default() };
                    (0..many).map(|_| tx.add_entry("ben", INBOX, &new)).collect::<TxResult<Vec<_>>>()
                };
                let came = store.write(job).unwrap();
                model.extend((1..).zip(&came).map(|(n, uid)| (*uid, (bits, before.modseq + n))));
            }
            1 if length < 20 => {
                let wanted = uids.clone();
                store.write(move |tx| tx.remove_entries("ben", INBOX, &wanted)).unwrap();
                model.retain(|uid, _| !uids.contains(uid));
            }
            2 if length < 20 => drop(store.write(move |tx| tx.expunge("ben", INBOX, &uids)).unwrap()),
            _ => {
                let wanted = uids.clone();
                let marked =
                    store.write(move |tx| tx.mark("ben", INBOX, &wanted, kind, &Flags::of(bits), None)).unwrap();
                for entry in &marked.entries {
                    let Some((flags, modseq)) = model.get_mut(&entry.uid) else { continue };
                    let new = match kind {
                        FlagChange::Add => *flags | bits,
                        FlagChange::Remove => *flags & !bits,
                        FlagChange::Replace => bits,
                    };
                    assert_eq!((entry.modseq > before.modseq, entry.flags), (new != *flags, new), "step {step}");
                    (*flags, *modseq) = (new, entry.modseq);
                }
            }
        }
        let found = entries(&store, INBOX);
        // What was marked as deleted may have gone; that the rest is as it was shows below.
        model.retain(|uid, (flags, _)| *flags & Flags::DELETED == 0 || found.iter().any(|entry| entry.uid == *uid));
        let there: Model = found.iter().map(|entry| (entry.uid, (entry.flags, entry.modseq))).collect();
        assert_eq!(there, model, "step {step}");
        // A session that knew the state before hears of what is new since, once.
        let changes = store.read(|view| view.changes("ben", INBOX, before.modseq)).unwrap().unwrap();
        let told: Vec<_> = changes.list.iter().filter(|change| !change.removed).map(|change| change.uid).collect();
        let new: Vec<_> =
            model.iter().filter(|(_, (_, modseq))| *modseq > before.modseq).map(|(uid, _)| *uid).collect();
        assert_eq!(
            told.iter().copied().collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>(),
            new
        );
        assert_eq!(told.len(), new.len(), "step {step}: each once");
        if step % 20 == 0 {
            sound(&store);
        }
    }
    sound(&store);
}

/// Marks that are made together are one change, however many rows they are in, and it is forgotten with the last of them.
#[test]
fn what_is_marked_together_is_one_change() {
    let folder = Folder::new();
    let store = store(&folder);
    append(&store, INBOX, "\r\n", 0);
    let many = |tx: &mut Tx| {
        let content = tx.add_content(&NewContent::Bytes(b"\r\n".to_vec()))?;
        let new = NewEntry { content, ..NewEntry::default() };
        (0..999).try_for_each(|_| tx.add_entry("ben", INBOX, &new).map(drop))
    };
    store.write(many).unwrap();
    let rows = |store: &Store| store.write(|tx| Ok(tx.changes.len()?)).unwrap();
    let mark = |uids: Vec<u32>, flags| {
        let job = move |tx: &mut Tx| tx.mark("ben", INBOX, &uids, FlagChange::Replace, &Flags::of(flags), None);
        store.write(job).unwrap()
    };
    assert_eq!(rows(&store), 1000);
    let marked = mark((1..=1000).collect(), Flags::SEEN);
    assert_eq!((rows(&store), marked.made()), (1, vec![1002]));
    let told = store.read(|view| view.changes("ben", INBOX, 1001)).unwrap().unwrap().list;
    assert_eq!(told.iter().map(|change| change.uid).collect::<Vec<_>>(), (1..=1000).collect::<Vec<_>>());
    // One here and one there: two changes, beside what is left of the first.
    assert_eq!(mark(vec![1, 700], Flags::FLAGGED).made(), [1003, 1004]);
    assert_eq!(rows(&store), 3);
    sound(&store);
    // Row by row the first one goes.
    for first in (1..=1000).step_by(100) {
        mark((first..first + 100).collect(), Flags::ANSWERED);
        sound(&store);
    }
    assert_eq!(rows(&store), 10);
    assert_eq!(store.read(|view| view.changes("ben", INBOX, 1004)).unwrap().unwrap().list.len(), 1000);
}

/// What a person has marked goes into no folder where the mark has no place; nothing is changed then. Into Trash it goes.
#[test]
fn a_keyword_without_a_place_stops_a_move() {
    let folder = Folder::new();
    let store = store(&folder);
    let archive = Special::Archive.number();
    let uids = [1, 2].map(|_| append(&store, INBOX, "\r\n", 0));
    append(&store, archive, "\r\n", 0);
    let mark = |folder: u32, uid: u32, keywords: Vec<String>| {
        let flags = Flags { system: 0, keywords };
        store.write(move |tx| tx.mark("ben", folder, &[uid], FlagChange::Add, &flags, None)).map(drop)
    };
    // With "work", which every mail here has.
    mark(archive, 1, (1..60).map(|n| format!("k{n}")).collect()).unwrap();
    mark(INBOX, 1, vec!["K7".to_owned()]).unwrap();
    mark(INBOX, 2, vec!["mine".to_owned()]).unwrap();
    assert!(mark(archive, 1, vec!["mine".to_owned()]).is_err());
    let go = |to: u32, which: Vec<u32>| store.write(move |tx| tx.move_entries("ben", INBOX, &which, to));
    assert!(go(archive, uids.to_vec()).unwrap_err().why().contains("60 keywords"));
    assert!(store.write(move |tx| tx.copy_entries("ben", INBOX, &uids, archive)).is_err());
    assert_eq!((entries(&store, INBOX).len(), entries(&store, archive).len()), (2, 1));
    assert_eq!(go(archive, vec![1]).unwrap(), [(1, 2)]);
    let shown = store.read(|view| view.folder("ben", archive)).unwrap().unwrap();
    assert_eq!(shown.words(entries(&store, archive)[1].keywords).collect::<Vec<_>>(), ["work", "k7"]);
    assert_eq!(go(TRASH, vec![2]).unwrap(), [(2, 1)]);
    sound(&store);
}
