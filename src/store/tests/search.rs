//! The search index names every message that a search has to find, whatever happened meanwhile, and few others.

use super::*;
use crate::store::indexed::{BLOCK, GROUP, OWN};
use crate::store::mailbox::{NewContent, NewEntry, Special};
use crate::store::schema::Readable;
use crate::store::search::Needle;

const NAMES: [&str; 6] = ["anna", "zoë", "Пётр", "船長", "bob", "ULLA"];
const THINGS: [&str; 8] = ["harbour", "weather", "Ölwechsel", "diesel", "ледокол", "天気予報", "fish", "anchor"];

/// A text that says its number and two words which follow from it.
pub fn text(number: u64) -> String {
    let at = |list: &[&str], by: u64| list[(number / by) as usize % list.len()].to_owned();
    format!("{} wants {} no{number}x", at(&NAMES, 7), at(&THINGS, 3))
}

pub fn put(store: &Store, count: u64) {
    put_some(store, count, |number| {
        let sample = message(Way::Relay, State::Delivered, 5);
        Message { subject: String::new(), text: text(number), message_id: None, ..sample }
    });
}

/// Puts so many messages, made of their numbers.
pub fn put_some(store: &Store, count: u64, make: impl Fn(u64) -> Message + Send + 'static) {
    store
        .write(move |tx| {
            for _ in 0..count {
                let one = make(tx.ledger.next_message);
                tx.add(&IncomingMail { messages: vec![one], body: BodyIn::None })?;
            }
            Ok(())
        })
        .unwrap();
}

pub fn words(mail: &[u8], _: bool) -> String {
    String::from_utf8_lossy(mail).to_lowercase()
}

pub fn build(store: &Store) {
    while store.build_index(words).unwrap() {}
}

fn search(store: &Store, search: &str) -> Vec<u64> {
    let filter = ListFilter { search: search.to_owned(), limit: usize::MAX, ..ListFilter::default() };
    store.read(|view| view.list(&filter)).unwrap().iter().map(|message| message.id.0).collect()
}

/// What is found is what a look at every message finds.
pub fn right(store: &Store, wanted: &[&str]) {
    let all = store.read(|view| view.past(usize::MAX)).unwrap();
    let all: Vec<_> = all.iter().rev().map(|message| (message.id.0, message.text.to_lowercase())).collect();
    for wanted in wanted {
        let small = wanted.to_lowercase();
        let plain: Vec<_> = all.iter().filter(|(_, text)| text.contains(&small)).map(|(id, _)| *id).collect();
        assert_eq!(search(store, wanted), plain, "{wanted}");
    }
}

fn named(store: &Store, wanted: &str, numbers: std::ops::Range<u64>) -> usize {
    let mut needle = Needle::new(wanted);
    let named = |view: &View| {
        let mut named = 0;
        for number in numbers {
            named += usize::from(view.may_hold(&mut needle, number)?);
        }
        Ok(named)
    };
    store.read(named).unwrap()
}

#[test]
fn what_is_there_is_found_and_little_else_is_read() {
    let folder = Folder::new();
    let first = store(&folder);
    put(&first, 4200);
    let wanted =
        ["Harbour", "лЕД", "天気", "no4171x", "no12x", "zoë wants", "wants fish no", "a", "nowhere", "no4200x"];
    right(&first, &wanted);
    build(&first);
    right(&first, &wanted);
    assert_eq!(
        first.ledger().unwrap().search,
        serde_json::from_str(r#"{"messages":{"built":2,"closed":2,"marked":2},"contents":{"built":0,"closed":0}}"#)
            .unwrap()
    );
    // Two blocks are written, and the rest of the numbers may hold anything.
    assert_eq!(named(&first, "no4171x", 1..4096), 0);
    assert!((1..9).contains(&named(&first, "no1234x", 1..4096)), "{}", named(&first, "no1234x", 1..4096));
    assert_eq!(named(&first, "no1234x", 4096..4201), 105);
    // Changes in a written block, messages that go, and those that come.
    let other = |tx: &mut Tx, id: u64| tx.change(Id(id), |message| message.text = "submarine".to_owned()).map(drop);
    first.write(move |tx| [7, 2047, 2048, 4095, 4199].into_iter().try_for_each(|id| other(tx, id))).unwrap();
    first.write(|tx| tx.step(Id(9), Time(9), State::Returned, "no", 0, Time::NEVER).map(drop)).unwrap();
    put(&first, 300);
    let wanted = [&wanted[..], &["submarine", "no2048x", "no7x"]].concat();
    right(&first, &wanted);
    first.write(|tx| tx.prune(Id(100), Time::NEVER, 1100)).unwrap();
    right(&first, &wanted);
    build(&first);
    right(&first, &wanted);
    assert_eq!(named(&first, "fish", 100..1200), 0, "what went is in no row any more");
    first.close();
    drop(first);
    let again = store(&folder);
    right(&again, &wanted);
    again.write(|tx| tx.forget_index()).unwrap();
    right(&again, &wanted);
    build(&again);
    right(&again, &wanted);
    let failed = ListFilter { states: vec![State::Returned, State::Expired], limit: 9, ..ListFilter::default() };
    let failed = again.read(|view| view.page(&failed)).unwrap();
    assert_eq!((failed.messages.iter().map(|message| message.id.0).collect::<Vec<_>>(), failed.rest), (vec![9], None));
}

#[test]
fn a_look_without_the_index_is_bounded() {
    let folder = Folder::new();
    let store = store(&folder);
    put(&store, 10_500);
    let mut filter = ListFilter { search: "submarine".to_owned(), limit: 9, ..ListFilter::default() };
    let page = store.read(|view| view.page(&filter)).unwrap();
    assert_eq!((page.messages.len(), page.rest), (0, Some(Id(501))));
    filter.before = page.rest;
    assert_eq!(store.read(|view| view.page(&filter)).unwrap().rest, None);
    // What waits is found where it waits.
    let waiting = |tx: &mut Tx| tx.step(Id(3), Time(9), State::Held, "wait", 0, Time(10)).map(drop);
    store.write(waiting).unwrap();
    let held = ListFilter { states: vec![State::Held], limit: 9, ..ListFilter::default() };
    let page = store.read(|view| view.page(&held)).unwrap();
    assert_eq!((page.messages.len(), page.rest), (1, None));
}

#[test]
fn mails_of_folders_are_in_it_also_when_they_arrive_late() {
    let folder = Folder::new();
    let store = store(&folder);
    put(&store, 2100);
    let append = |tx: &mut Tx| {
        tx.open_mailbox("ben")?;
        for number in 0..2050 {
            let mail = format!("Subject: {}\r\n\r\nbody\r\n", text(number));
            let content = tx.add_content(&NewContent::Bytes(mail.into_bytes()))?;
            tx.add_entry("ben", Special::Archive.number(), &NewEntry { content, ..NewEntry::default() })?;
        }
        Ok(())
    };
    store.write(append).unwrap();
    build(&store);
    let place = 1234 + 1;
    assert_eq!(named(&store, "no1234x", OWN + place..OWN + place + 1), 1);
    assert!(named(&store, "no1234x", OWN + 1..OWN + 2048) < 9);
    // Its message is in a block that was written; its mail is made now.
    let arrive = |tx: &mut Tx| {
        tx.change(Id(5), |message| (message.way, message.state) = (Way::Mailbox, State::Delivered)).map(drop)
    };
    assert_eq!(named(&store, "x-satpost", 5..6), 0);
    store.write(arrive).unwrap();
    assert_eq!(named(&store, "x-satpost", 5..6), 1);
}

#[test]
fn a_block_that_fills_up_is_written_each_time_it_has_so_many_more() {
    let folder = Folder::new();
    let store = store(&folder);
    let wanted = ["harbour", "no77x", "no600x", "no1099x", "submarine", "nowhere", "no1500x"];
    put(&store, 700);
    build(&store);
    assert_eq!(store.ledger().unwrap().search.messages.written(), 512);
    assert_eq!((named(&store, "no600x", 1..512), named(&store, "nowhere", 512..701)), (0, 189));
    // One that is written and one that is not.
    let other = |tx: &mut Tx, id: u64| tx.change(Id(id), |message| message.text = "submarine".to_owned()).map(drop);
    store.write(move |tx| [77, 600].into_iter().try_for_each(|id| other(tx, id))).unwrap();
    right(&store, &wanted);
    let loose = || store.write(|tx| Ok(tx.search_loose.len()?)).unwrap();
    assert_eq!(loose(), 1, "what is not written needs no note");
    put(&store, 400);
    build(&store);
    assert_eq!((store.ledger().unwrap().search.messages.written(), loose()), (1024, 0));
    right(&store, &wanted);
    assert!(named(&store, "no77x", 1..1024) < 9 && named(&store, "submarine", 1..1024) < 9);
    // A row that is damaged names all, and is not carried on.
    store
        .write(|tx| {
            let first = tx.search_rows.iter()?.next().transpose()?.map(|row| row.0.value()).unwrap();
            tx.search_rows.insert(first, b"damaged".as_slice()).map(drop)?;
            Ok(())
        })
        .unwrap();
    right(&store, &wanted);
    put(&store, 600);
    build(&store);
    right(&store, &wanted);
    let sound = |tx: &mut Tx| {
        let rows = tx.search_rows.iter()?.map(|row| Ok(row?.1.value() != b"damaged")).collect::<TxResult<Vec<_>>>()?;
        Ok(rows.into_iter().all(|sound| sound))
    };
    assert!(store.write(sound).unwrap());
}

/// The numbers from here on are those behind a block.
pub fn jump(store: &Store, block: u64) {
    let number = move |tx: &mut Tx| {
        tx.ledger.next_message = block * BLOCK;
        Ok(())
    };
    store.write(number).unwrap();
}

#[test]
fn a_search_that_finds_nothing_in_a_group_looks_at_none_of_its_blocks() {
    let folder = Folder::new();
    let store = store(&folder);
    let wanted = ["harbour", "no77x", "no40969x", "no63500x", "submarine", "nowhere"];
    put(&store, 600);
    jump(&store, 20);
    put(&store, 600);
    jump(&store, GROUP);
    put(&store, 30);
    build(&store);
    let progress = store.ledger().unwrap().search.messages;
    assert_eq!((progress.groups, progress.group_rows, progress.built), (1, 0, GROUP));
    right(&store, &wanted);
    // The rows of blocks name all from here on.
    let damage = |tx: &mut Tx| {
        let rows =
            tx.search_rows.range((0, 0)..(GROUP, 0))?.map(|row| Ok(row?.0.value())).collect::<TxResult<Vec<_>>>()?;
        rows.into_iter()
            .try_for_each(|row| tx.search_rows.insert(row, b"damaged".as_slice()).map(drop).map_err(Into::into))
    };
    store.write(damage).unwrap();
    let before = |wanted: &str| {
        let mut needle = Needle::new(wanted);
        let all = |view: &View| view.may_hold_before(&mut needle, GROUP * BLOCK)?.collect::<TxResult<Vec<_>>>();
        store.read(all).unwrap()
    };
    assert!(before("nowhere").is_empty());
    assert!(before("no77x").contains(&77));
    right(&store, &wanted);
    // Changes count at once, and when their block is written anew.
    let change = |tx: &mut Tx| {
        (1..590).try_for_each(|id| tx.change(Id(id), |message| message.text = format!("submarine {id}")).map(drop))
    };
    store.write(change).unwrap();
    right(&store, &wanted);
    build(&store);
    assert!(store.write(|tx| Ok(tx.search_loose.len()?)).unwrap() < 512);
    right(&store, &wanted);
    assert!(before("submarine 55").contains(&55));
    // With the last message of a group its rows go.
    store.write(|tx| tx.prune(Id(0), Time::NEVER, 1200)).unwrap();
    build(&store);
    right(&store, &wanted);
    let left = store.write(|tx| Ok(tx.search_rows.range((1 << 62, 0)..)?.count())).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn rows_of_a_group_follow_changes_while_they_are_written() {
    let folder = Folder::new();
    let store = store(&folder);
    put(&store, 600);
    jump(&store, GROUP);
    put(&store, 1);
    let grouped = || store.ledger().unwrap().search.messages.group_rows;
    while grouped() == 0 {
        assert!(store.build_index(words).unwrap());
    }
    let change = |tx: &mut Tx| {
        (1..590).try_for_each(|id| tx.change(Id(id), |message| message.text = format!("submarine {id}")).map(drop))
    };
    store.write(change).unwrap();
    for _ in 0..50 {
        right(&store, &["submarine", "harbour", "submarine 55"]);
        store.build_index(words).unwrap();
    }
    build(&store);
    right(&store, &["submarine", "harbour", "submarine 55"]);
}

#[test]
fn a_search_in_a_mailbox_asks_the_index_and_finds_the_same() {
    let folder = Folder::new();
    let store = store(&folder);
    let fill = |tx: &mut Tx| {
        for number in 1..=1300_u64 {
            let to = if number % 3 == 0 { "ben@sea.org" } else { "eve@sea.org" };
            let one = Message {
                text: text(number),
                to: to.parse().unwrap(),
                message_id: None,
                ..message(Way::Mailbox, State::Delivered, 5)
            };
            let body = BodyIn::Bytes(format!("Subject: x\r\n\r\n{}\r\n", text(number)).into_bytes());
            tx.add(&IncomingMail { messages: vec![one], body })?;
        }
        tx.open_mailbox("ben")?;
        for number in 2000..2700 {
            let mail = format!("Subject: {}\r\n\r\nbody\r\n", text(number));
            let content = tx.add_content(&NewContent::Bytes(mail.into_bytes()))?;
            tx.add_entry("ben", Special::Archive.number(), &NewEntry { content, ..NewEntry::default() })?;
        }
        let inbox: Vec<u32> = (1..9).collect();
        tx.copy_entries("ben", 1, &inbox, 4)?;
        tx.move_entries("ben", 4, &[1, 2, 700, 701], 5)?;
        tx.remove_entries("ben", 4, &[3, 4, 705]).map(drop)
    };
    store.write(fill).unwrap();
    let right = |when: &str| {
        for (wanted, most) in [("no9x", 3000), ("no2001x", 3000), ("nowhere", 3000), ("harbour", 5000)] {
            let mut needle = Needle::new(wanted);
            let named = store.read(|view| view.may_hold_of("ben", &mut needle, most)).unwrap();
            let Some(named) = named else {
                assert!(when.starts_with("while"), "{when}: {wanted}");
                continue;
            };
            let (mut walked, mut whole) = (Vec::new(), Needle::new(wanted));
            for number in 1..6 {
                let place = ("ben", number, u32::MAX);
                let (found, _) =
                    store.read(|view| view.may_hold_in(place, &mut whole, (usize::MAX, usize::MAX))).unwrap();
                walked.extend(found.iter().rev().map(|entry| (number, entry.uid)));
            }
            assert_eq!(named, walked, "{when}: {wanted}");
        }
    };
    right("before the index");
    build(&store);
    right("with the index");
    let few = store.read(|view| view.may_hold_of("ben", &mut Needle::new("no9x"), 3000)).unwrap().unwrap();
    assert!(few.len() < 300, "{}", few.len());
    let many = store.read(|view| view.may_hold_of("ben", &mut Needle::new("x"), 50)).unwrap();
    assert_eq!(many, None, "what most mails hold is found in the folders");
    // An older version had no places of contents that are of no message.
    let older = |tx: &mut Tx| {
        let own =
            tx.places.range((OWN, "", 0, 0)..)?.map(|row| Ok(key(&row?.0.value()))).collect::<TxResult<Vec<_>>>()?;
        own.iter().try_for_each(|(content, person, folder, uid)| {
            tx.places.remove((*content, person.as_str(), *folder, *uid)).map(drop)
        })?;
        tx.fall_behind()
    };
    store.write(older).unwrap();
    while store.build_index(words).unwrap() {
        right("while an old store gets what it lacks");
    }
    right("after that");
}

fn key((content, person, folder, uid): &(u64, &str, u32, u32)) -> (u64, String, u32, u32) {
    (*content, (*person).to_owned(), *folder, *uid)
}

/// `cargo test --release search_of_a_large_store_by_hand -- --ignored --nocapture`, with MESSAGES=1000000.
#[test]
#[ignore = "a measurement"]
fn search_of_a_large_store_by_hand() {
    let count: u64 = std::env::var("MESSAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let folder = Folder::new();
    let store = store(&folder);
    (0..count / 1000).for_each(|_| put(&store, 1000));
    let size = || std::fs::metadata(folder.join(FILE)).unwrap().len();
    let (before, start) = (size(), std::time::Instant::now());
    build(&store);
    println!("built in {:?}; {} -> {} bytes", start.elapsed(), before, size());
    let rows = store.write(|tx| Ok(redb::ReadableTableMetadata::stats(Readable::below(&tx.search_rows)?)?)).unwrap();
    println!(
        "{} bytes a message: {rows:?}",
        (rows.stored_bytes() + rows.metadata_bytes() + rows.fragmented_bytes()) / count
    );
    for wanted in ["no4711x", "nowhere", "harbour", "zoë wants fish"] {
        let filter = ListFilter { search: wanted.to_owned(), limit: 50, ..ListFilter::default() };
        let start = std::time::Instant::now();
        let found = store.read(|view| view.page(&filter)).unwrap();
        println!("{wanted}: {} in {:?}", found.messages.len(), start.elapsed());
    }
}
