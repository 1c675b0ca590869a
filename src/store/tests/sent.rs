//! Sent: once what somebody submitted, with its state, beside what their programs put there.

use super::mailbox::{DRAFTS, SENT, append, bytes, entries, sound};
use super::*;
use crate::store::mailbox::{Flags, NewContent, NewEntry};

/// The entries of what was submitted under one name.
fn filed(store: &Store) -> Vec<u32> {
    let here = store.read(|view| view.filed("ben", "<5@x>", 0)).unwrap();
    here.iter().map(|entry| entry.uid).collect()
}

#[test]
fn what_somebody_sent_is_in_sent_once_with_its_state() {
    let folder = Folder::new();
    let store = store(&folder);
    let by_ben = |n| Message { author: Some("ben".into()), ..message(Way::Relay, State::Queued, n) };
    append(&store, DRAFTS, "Message-ID: <5@x>\r\n\r\nfirst\r\n", Flags::DRAFT);
    append(&store, DRAFTS, "Message-ID: <5@x>\r\n\r\nno draft\r\n", 0);
    let second = Message { message_id: by_ben(5).message_id, ..by_ben(6) };
    store.put(mail(vec![by_ben(5), second])).unwrap();
    assert_eq!(entries(&store, DRAFTS).len(), 1);
    let words = || {
        let sent = store.read(|view| view.folder("ben", SENT)).unwrap().unwrap();
        let found = entries(&store, SENT);
        assert_eq!(found.len(), 1);
        sent.words(found[0].keywords).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(words(), ["$Queued"]);
    assert_eq!(filed(&store), [1]);
    let step = |id, state| store.write(move |tx| tx.step(Id(id), Time(9), state, "x", 0, Time(0)).map(drop)).unwrap();
    step(1, State::Delivered);
    assert_eq!(words(), ["$Queued"]);
    step(2, State::Sent);
    assert_eq!(words(), ["$Sent"]);
    step(2, State::Returned);
    assert_eq!(words(), ["$Failed"]);
    // The records go, the mail stays.
    assert_eq!(store.write(|tx| tx.prune(Id(0), Time::NEVER, 10)).unwrap().0, 2);
    assert_eq!(bytes(&store, &entries(&store, SENT)[0]), b"raw");
    store.write(|tx| tx.remove_entries("ben", SENT, &[1])).unwrap();
    sound(&store);
}

/// What a program acknowledged with a UID stays under it, with its bytes and flags, also when the mail is submitted afterwards.
#[test]
fn a_copy_in_sent_becomes_the_entry_of_its_mail() {
    let folder = Folder::new();
    let store = store(&folder);
    let by_ben = |n| Message { author: Some("ben".into()), ..message(Way::Relay, State::Queued, n) };
    let copy = "Message-ID: <5@x>\r\nBcc: c@x\r\n\r\ntext\r\n";
    append(&store, SENT, "Message-ID: <5@x>\r\n\r\ndraft\r\n", Flags::DRAFT);
    append(&store, SENT, copy, Flags::FLAGGED);
    append(&store, SENT, "Message-ID: <5@x>\r\n\r\nremoved\r\n", Flags::DELETED);
    append(&store, SENT, "Message-ID: <5@x>\r\nResent-To: c@x\r\n\r\nsent on\r\n", 0);
    store.put(mail(vec![by_ben(5)])).unwrap();
    let words = |uid: u32| {
        let sent = store.read(|view| view.folder("ben", SENT)).unwrap().unwrap();
        let found = entries(&store, SENT).into_iter().find(|entry| entry.uid == uid).unwrap();
        let words = sent.words(found.keywords).map(str::to_owned).collect::<Vec<_>>();
        (found.message, found.flags, words.join(" "))
    };
    assert_eq!(entries(&store, SENT).len(), 4);
    assert_eq!(words(2), (1, Flags::FLAGGED, "work $Queued".to_owned()));
    assert!([1, 3, 4].iter().all(|uid| words(*uid).0 == 0 && words(*uid).2 == "work"));
    assert_eq!(bytes(&store, &entries(&store, SENT)[1]), copy.as_bytes());
    assert_eq!(store.read(|view| view.place("ben", SENT, Id(1))).unwrap(), Some(2));
    assert_eq!(filed(&store), [2]);
    sound(&store);
    store.write(|tx| tx.step(Id(1), Time(9), State::Sent, "x", 0, Time(0)).map(drop)).unwrap();
    assert_eq!(words(2).2, "work $Sent");
    // The same Message-ID once more: the copy belongs to the first, and what was sent on belongs to neither.
    store.put(mail(vec![Message { message_id: by_ben(5).message_id, ..by_ben(6) }])).unwrap();
    assert_eq!((entries(&store, SENT).len(), words(2).0, words(5).0), (5, 1, 2));
    sound(&store);
    // A large mail that was sent on is told by its file.
    let large = [b"Resent-To: c@x\r\nMessage-ID: <7@x>\r\n\r\n".as_slice(), &[b'x'; 100_000]].concat();
    append(&store, SENT, "Message-ID: <7@x>\r\n\r\ntext\r\n", 0);
    let file = std::sync::Arc::new(store.spool_bytes(&large).unwrap());
    store.put(IncomingMail { messages: vec![by_ben(7)], body: BodyIn::File(file) }).unwrap();
    assert_eq!((entries(&store, SENT).len(), words(6).0, words(7).0), (7, 0, 3));
    store.write(|tx| tx.remove_entries("ben", SENT, &[2])).unwrap();
    assert_eq!(store.read(|view| view.place("ben", SENT, Id(1))).unwrap(), None);
    sound(&store);
}

/// Another copy of a mail that was filed is the entry of its message, and the mail itself stays as long as that is kept.
#[test]
fn a_copy_takes_the_place_of_what_was_filed() {
    let folder = Folder::new();
    let store = store(&folder);
    let by_ben = |n| Message { author: Some("ben".into()), ..message(Way::Relay, State::Queued, n) };
    store.put(mail(vec![by_ben(5)])).unwrap();
    let old = store.read(|view| view.filed("ben", "<5@x>", 0)).unwrap().remove(0);
    let copy = NewContent::Bytes(b"Message-ID: <5@x>\r\nBcc: c@x\r\n\r\nraw".to_vec());
    assert!(!store.is_as_filed(&old, &copy).unwrap());
    let job = move |tx: &mut Tx| {
        let new = NewEntry { content: tx.add_content(&copy)?, ..NewEntry::default() };
        let placed = tx.put_in_place("ben", old.uid, &new)?;
        // A second program was as quick: that one is a mail beside it.
        Ok((placed, tx.put_in_place("ben", old.uid, &new)?))
    };
    assert_eq!((store.write(job).unwrap(), filed(&store)), ((Some(2), None), vec![2]));
    let new = entries(&store, SENT)[0];
    assert_eq!((new.message, new.flags, store.message(Id(1)).unwrap().unwrap().mail.is_some()), (1, Flags::SEEN, true));
    assert!(store.is_as_filed(&new, &NewContent::Bytes(bytes(&store, &new))).unwrap());
    sound(&store);
}
