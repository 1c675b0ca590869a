//! The search index names every message that a search has to find, whatever happened meanwhile, and few others.

use super::*;
use crate::store::indexed::OWN;
use crate::store::mailbox::{NewContent, NewEntry, Special};
use crate::store::schema::Readable;
use crate::store::search::Needle;

const NAMES: [&str; 6] = ["anna", "zoë", "Пётр", "船長", "bob", "ULLA"];
const THINGS: [&str; 8] = ["harbour", "weather", "Ölwechsel", "diesel", "ледокол", "天気予報", "fish", "anchor"];

/// A text that says its number and two words which follow from it.
fn text(number: u64) -> String {
    let at = |list: &[&str], by: u64| list[(number / by) as usize % list.len()].to_owned();
    format!("{} wants {} no{number}x", at(&NAMES, 7), at(&THINGS, 3))
}

fn put(store: &Store, count: u64) {
    store
        .write(move |tx| {
            for _ in 0..count {
                let number = tx.ledger.next_message;
                let sample = message(Way::Relay, State::Delivered, 5);
                let one = Message { subject: String::new(), text: text(number), message_id: None, ..sample };
                tx.add(&IncomingMail { messages: vec![one], body: BodyIn::None })?;
            }
            Ok(())
        })
        .unwrap();
}

fn words(mail: &[u8], _: bool) -> String {
    String::from_utf8_lossy(mail).to_lowercase()
}

fn build(store: &Store) {
    while store.build_index(words).unwrap() {}
}

fn search(store: &Store, search: &str) -> Vec<u64> {
    let filter = ListFilter { search: search.to_owned(), limit: usize::MAX, ..ListFilter::default() };
    store.read(|view| view.list(&filter)).unwrap().iter().map(|message| message.id.0).collect()
}

/// What is found is what a look at every message finds.
fn right(store: &Store, wanted: &[&str]) {
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
        serde_json::from_str(r#"{"messages":{"built":2,"closed":2},"contents":{"built":0,"closed":0}}"#).unwrap()
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
