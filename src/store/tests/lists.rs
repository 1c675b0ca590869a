//! Each list has the messages that a look at every message finds, whatever happened meanwhile.

use super::search::{build, jump, put_some, text, words};
use super::*;
use crate::message::Origin;
use crate::store::indexed::{BLOCK, GROUP};
use crate::store::record::{json, record};
use crate::store::schema::Readable;
use crate::store::search::{Mark, Needle, rows_of};

fn all(store: &Store) -> Vec<Message> {
    store.read(|view| view.past(usize::MAX)).unwrap()
}

/// What a list finds.
fn listed(store: &Store, filter: &ListFilter) -> Vec<u64> {
    store.read(|view| view.list(filter)).unwrap().iter().map(|message| message.id.0).collect()
}

/// What a look at every message finds.
fn plain(all: &[Message], filter: &ListFilter) -> Vec<u64> {
    let fits = |message: &&Message| {
        (filter.states.is_empty() || filter.states.contains(&message.state))
            && filter.person.as_ref().is_none_or(|person| message.concerns(person, "sea.org"))
            && filter.way.is_none_or(|way| way == message.way)
            && filter.origin.is_none_or(|origin| origin == message.origin)
            && filter.before.is_none_or(|before| message.id < before)
            && message.text.contains(&filter.search)
    };
    all.iter().rev().filter(fits).map(|message| message.id.0).collect()
}

/// What each list asks for.
fn filters() -> Vec<ListFilter> {
    let any = || ListFilter { domain: "sea.org".to_owned(), limit: usize::MAX, ..ListFilter::default() };
    let failed = vec![State::Returned, State::Expired, State::Unconfirmed];
    let ben = Some("ben".to_owned());
    vec![
        ListFilter { states: failed.clone(), ..any() },
        ListFilter { states: failed.clone(), search: "harbour".to_owned(), person: ben.clone(), ..any() },
        ListFilter { states: failed.clone(), search: "no70".to_owned(), ..any() },
        ListFilter { states: failed, search: "nowhere".to_owned(), ..any() },
        ListFilter { states: vec![State::Sent], ..any() },
        ListFilter { states: vec![State::Sent, State::FarBox], search: "fish".to_owned(), ..any() },
        ListFilter { states: vec![State::FarBox], person: ben.clone(), ..any() },
        ListFilter { states: vec![State::Sent], search: "x63".to_owned(), way: Some(Way::Link), ..any() },
        ListFilter { states: vec![State::Cancelled], ..any() },
        ListFilter { states: vec![State::Refused, State::Delivered], ..any() },
        ListFilter { person: ben.clone(), ..any() },
        ListFilter { person: ben, search: "fish".to_owned(), ..any() },
        ListFilter { person: Some("eve".to_owned()), ..any() },
        ListFilter { way: Some(Way::Link), ..any() },
        ListFilter { origin: Some(Origin::Sms), search: "no77".to_owned(), ..any() },
    ]
}

/// States that are in no queue, besides *Delivered*.
const STATES: [State; 7] =
    [State::Returned, State::Expired, State::Unconfirmed, State::Cancelled, State::Refused, State::Sent, State::FarBox];

/// A message of this number: every fifth is not delivered.
fn mixed(number: u64) -> Message {
    let to_ben = number % 90 == 5;
    let state = if number.is_multiple_of(5) { STATES[number as usize / 5 % STATES.len()] } else { State::Delivered };
    Message {
        text: text(number),
        message_id: None,
        author: (number % 100 == 3 || number % 100 == 60).then(|| "ben".to_owned()),
        to: if to_ben { "Ben@sea.org".parse().unwrap() } else { "mum@far.org".parse().unwrap() },
        origin: if number % 40 == 1 { Origin::Sms } else { Origin::Smtp },
        ..message(if to_ben { Way::Link } else { Way::Relay }, state, 5)
    }
}

/// Each list is right, from the youngest message on and from before each of these.
fn right(store: &Store, before: &[u64], when: &str) {
    let all = all(store);
    for filter in filters() {
        for before in [None].into_iter().chain(before.iter().map(|id| Some(Id(*id)))) {
            let filter = ListFilter { before, ..filter.clone() };
            assert_eq!(listed(store, &filter), plain(&all, &filter), "{when}: {filter:?}");
        }
    }
}

/// So many messages are in a state in which lists look for them.
fn ended(store: &Store) -> usize {
    all(store).iter().filter(|message| STATES.contains(&message.state)).count()
}

/// So many messages the table of such states has.
fn noted(store: &Store) -> usize {
    store.write(|tx| tx.ended_count()).unwrap()
}

#[test]
fn lists_by_person_way_and_end_are_right_and_read_no_others() {
    let folder = Folder::new();
    let store = store(&folder);
    put_some(&store, 2500, mixed);
    let right = |when: &str| right(&store, &[2048, 2000, 1], when);
    right("before the index");
    build(&store);
    right("with the index");
    for states in [vec![State::Returned], vec![State::Sent], vec![State::FarBox]] {
        let some = ListFilter { states, person: Some("ben".to_owned()), ..filters().remove(0) };
        assert!(!listed(&store, &some).is_empty(), "{some:?}");
    }
    // What a list of one person reads of the numbers that are written.
    let mut needle = Needle::with_marks("", &[Mark::Person("eve").words()]);
    let read = store.read(|view| view.may_hold_before(&mut needle, 2048)?.collect::<TxResult<Vec<_>>>()).unwrap();
    assert!(read.len() < 9, "{read:?}");
    // Ends that come, change and go.
    let change = |tx: &mut Tx| {
        tx.step(Id(4), Time(9), State::Returned, "no", 0, Time::NEVER)?;
        tx.step(Id(5), Time(9), State::Delivered, "yes", 0, Time::NEVER)?;
        tx.change(Id(6), |message| message.author = Some("eve".to_owned()))?;
        tx.change(Id(7), |message| message.way = Way::Link)?;
        tx.set_aside_message(Id(10), Reason::from("broken"), Time(9))?;
        tx.prune(Id(1000), Time::NEVER, 700).map(drop)
    };
    store.write(change).unwrap();
    right("after changes");
    build(&store);
    right("after changes, written anew");
    assert_eq!(noted(&store), ended(&store), "what went stands nowhere");
    // A store of an older version: no marks, no ends, no groups. Each list is right all the time.
    let older = |tx: &mut Tx| {
        tx.fall_behind()?;
        (tx.ledger.search.messages.marked, tx.ledger.search.messages.built_part) = (0, 0);
        tx.ledger.search.messages.closed_part = 0;
        let rows = tx.search_rows.range((0, 0)..(1, 0))?.map(|row| Ok(row?.0.value())).collect::<TxResult<Vec<_>>>()?;
        let of = |mark: Mark| rows_of(&mark.words()).collect::<Vec<_>>();
        let marks = [of(Mark::Person("ben")), of(Mark::Way(Way::Link)), of(Mark::Origin(Origin::Sms))].concat();
        for row in rows.into_iter().filter(|row| marks.contains(&usize::from(row.1))) {
            tx.search_rows.remove(row)?;
        }
        Ok(())
    };
    store.write(older).unwrap();
    loop {
        right("while an old store gets what it lacks");
        if !store.build_index(words).unwrap() {
            break;
        }
    }
    assert!(store.ledger().unwrap().caught_up);
    assert_eq!(noted(&store), ended(&store));
}

/// Two groups are written, with messages at both ends of each and nothing between; behind them is a part of a third one.
#[test]
fn lists_are_right_across_groups_that_are_written() {
    let folder = Folder::new();
    let store = store(&folder);
    put_some(&store, 300, mixed);
    jump(&store, 20);
    put_some(&store, 200, mixed);
    jump(&store, GROUP - 1);
    put_some(&store, BLOCK + 700, mixed);
    jump(&store, 2 * GROUP);
    put_some(&store, 700, mixed);
    let end = GROUP * BLOCK;
    let before = [end + 710, end + 55, end + 1, end, end - 45, end - BLOCK, 20 * BLOCK + 7, 20 * BLOCK, 300, 2 * end];
    let right = |when: &str| right(&store, &before, when);
    build(&store);
    assert_eq!(store.ledger().unwrap().search.messages.groups, 2);
    right("with the index");
    // In the groups, at their ends, and behind them.
    let change = move |tx: &mut Tx| {
        for id in [4, 20 * BLOCK + 4, end - 1, end, end + 1, 2 * end + 5] {
            tx.change(Id(id), |message| message.author = Some("eve".to_owned()))?;
            tx.step(Id(id), Time(9), State::Sent, "sent", 0, Time::NEVER)?;
        }
        for id in [6, 20 * BLOCK + 5, end - 2, end + 2, 2 * end + 6] {
            tx.step(Id(id), Time(9), State::Returned, "no", 0, Time::NEVER)?;
            tx.change(Id(id), |message| message.text = "nowhere to be found: fish no70x".to_owned())?;
        }
        (end - 700..end + 650)
            .step_by(10)
            .try_for_each(|id| tx.change(Id(id), |message| message.state = State::Expired).map(drop))
    };
    store.write(change).unwrap();
    right("after changes");
    build(&store);
    right("after changes, written anew");
    assert_eq!(noted(&store), ended(&store));
    // All of a block in the midst of a group, and most of the last one of it.
    store.write(move |tx| tx.prune(Id(20 * BLOCK), Time::NEVER, 2000).map(drop)).unwrap();
    right("after some went");
    build(&store);
    right("after some went, written anew");
    // Nearly all of the first group.
    store.write(|tx| tx.prune(Id(0), Time::NEVER, 600).map(drop)).unwrap();
    build(&store);
    right("after the first group went");
    assert_eq!(noted(&store), ended(&store));
}

/// As a store was before states were kept by blocks: a row for each message that ended otherwise than well, and a ledger that says,
/// by other names, that all of them are there.
fn make_older(folder: &Folder, store: Store) {
    let older = all(&store).into_iter().filter_map(|message| {
        let code = STATES[..5].iter().position(|state| *state == message.state)?;
        Some((code as u8 + 1, message.id.0))
    });
    let older: Vec<_> = older.collect();
    let rows = move |tx: &mut Tx| {
        tx.ended.retain(|_, _| false)?;
        older.iter().try_for_each(|key| Ok(tx.ended.insert(*key, &[][..]).map(drop)?))
    };
    store.write(rows).unwrap();
    store.close();
    drop(store);
    let database = redb::Database::open(folder.join(FILE)).unwrap();
    let txn = database.begin_write().unwrap();
    let mut meta = schema::META.open(&txn).unwrap();
    let row = meta.get("ledger").unwrap().unwrap().value().to_vec();
    let mut ledger: serde_json::Map<String, serde_json::Value> = record(&row).unwrap();
    let all_there = ledger.remove("all_there").unwrap();
    assert_eq!((&all_there, ledger.remove("missing")), (&true.into(), None));
    ledger.insert("caught_up".to_owned(), all_there);
    meta.insert("ledger", json(&ledger).as_slice()).unwrap();
    drop(meta);
    txn.commit().unwrap();
}

#[test]
fn a_store_with_a_row_for_each_that_ended_gets_blocks_and_its_lists_are_right_meanwhile() {
    let folder = Folder::new();
    let first = store(&folder);
    put_some(&first, 4500, mixed);
    build(&first);
    make_older(&folder, first);
    let store = store(&folder);
    let right = |when: &str| right(&store, &[4096, 2100, 1000], when);
    right("before it has blocks");
    assert_eq!((store.ledger().unwrap().caught_up, noted(&store)), (false, 0));
    let change = |tx: &mut Tx| {
        tx.step(Id(4), Time(9), State::Returned, "no", 0, Time::NEVER)?;
        tx.step(Id(5), Time(9), State::Delivered, "yes", 0, Time::NEVER)?;
        tx.step(Id(4401), Time(9), State::Sent, "sent", 0, Time::NEVER)?;
        tx.prune(Id(50), Time::NEVER, 10).map(drop)
    };
    store.write(change).unwrap();
    right("with a change before the first look");
    while store.build_index(words).unwrap() {
        right("while it gets them");
        let change = |tx: &mut Tx| {
            tx.step(Id(15), Time(9), State::Delivered, "yes", 0, Time::NEVER)?;
            tx.step(Id(4403), Time(9), State::Expired, "no", 0, Time::NEVER).map(drop)
        };
        store.write(change).unwrap();
    }
    right("after that");
    assert!(store.ledger().unwrap().caught_up);
    assert_eq!(noted(&store), ended(&store));
    let keys = |tx: &mut Tx| tx.ended.iter()?.map(|row| Ok(row?.0.value().0)).collect::<TxResult<Vec<_>>>();
    assert_eq!(store.write(keys).unwrap(), [0, 0, 0], "no row of a message is left");
}
