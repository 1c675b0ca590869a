use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::message::{Id, Message, Origin, State, Way};
use testing::Folder;

use crate::store::tests::message;
use crate::store::{BodyIn, IncomingMail, Store};

fn at(stamp: &str) -> Time {
    Time::from_seconds(stamp.parse::<Timestamp>().unwrap().as_second())
}

/// Moves the clock on to a moment.
fn go(store: &Store, stamp: &str) {
    let now = store.clock().now();
    store.clock().advance(at(stamp).since(now));
}

fn put(store: &Store, message: Message) -> Id {
    let accepted = store.clock().now();
    let message = IncomingMail { messages: vec![Message { accepted, ..message }], body: BodyIn::None };
    store.put(message).unwrap().ids()[0]
}

fn taken(store: &Store, span: Span, period: &str) -> u64 {
    let rows = store.read(|view| view.usage(span, None)).unwrap();
    rows.iter().find(|row| row.period == period).map_or(0, |row| row.counts.taken.values().sum())
}

/// Case W17, done properly: a message on the second day of each month.
#[test]
fn a_day_a_month_and_a_year_are_those_of_the_calendar() {
    let folder = Folder::new();
    let store = Store::open(&folder, &Clock::fake(at("2030-01-01T00:00:00Z"))).unwrap();
    assert!(store.read(|view| view.usage(Span::Day, None)).unwrap().is_empty());
    for month in 1..=12 {
        go(&store, &format!("2030-{month:02}-02T12:00:00Z"));
        put(&store, message(Way::Relay, State::Queued, 1));
    }
    assert_eq!(taken(&store, Span::Day, "2030-12-02"), 1);
    assert_eq!(taken(&store, Span::Day, "2030-12-03"), 0);
    assert_eq!((taken(&store, Span::Month, "2030-12"), taken(&store, Span::Month, "2030-05")), (1, 1));
    assert_eq!((taken(&store, Span::Year, "2030"), taken(&store, Span::Year, "2031")), (12, 0));
    go(&store, "2031-01-02T12:00:00Z");
    put(&store, message(Way::Relay, State::Queued, 1));
    // A count of the second day of a month, or of a January, never mixes years.
    assert_eq!((taken(&store, Span::Day, "2031-01-02"), taken(&store, Span::Month, "2031-01")), (1, 1));
    assert_eq!((taken(&store, Span::Year, "2030"), taken(&store, Span::Year, "2031")), (12, 1));
    let rows = store.read(|view| view.usage(Span::Month, None)).unwrap();
    assert_eq!(rows.len(), 13);
    assert_eq!(rows[0].period, "2031-01");
    store.close();
}

#[test]
fn a_day_ends_at_midnight_where_the_box_is() {
    let folder = Folder::new();
    let store = Store::open(&folder, &Clock::fake(at("2030-06-30T21:30:00Z"))).unwrap();
    store.set("box.time_zone", "Europe/Lisbon").unwrap();
    put(&store, message(Way::Relay, State::Queued, 1));
    store.clock().advance(Duration::from_secs(3599));
    put(&store, message(Way::Relay, State::Queued, 1));
    go(&store, "2030-06-30T23:00:00Z");
    put(&store, message(Way::Relay, State::Queued, 1));
    assert_eq!((taken(&store, Span::Day, "2030-06-30"), taken(&store, Span::Day, "2030-07-01")), (2, 1));
    // To the west it is still June: what was counted stays, and the day is taken up again.
    store.set("box.time_zone", "America/New_York").unwrap();
    put(&store, message(Way::Relay, State::Queued, 1));
    assert_eq!((taken(&store, Span::Day, "2030-06-30"), taken(&store, Span::Day, "2030-07-01")), (3, 1));
    store.set("box.time_zone", "UTC").unwrap();
    go(&store, "2030-07-01T01:00:00Z");
    put(&store, message(Way::Relay, State::Queued, 1));
    assert_eq!((taken(&store, Span::Day, "2030-06-30"), taken(&store, Span::Day, "2030-07-01")), (3, 2));
    store.close();
}

#[test]
fn people_are_counted_for_what_they_write_and_get() {
    let folder = Folder::new();
    let store = Store::open(&folder, &Clock::fake(at("2030-01-01T00:00:00Z"))).unwrap();
    store.set("box.domain", "here.org").unwrap();
    let by = |author: Option<&str>, way, state| Message {
        author: author.map(str::to_owned),
        origin: Origin::Web,
        ..message(way, state, 1)
    };
    put(&store, by(Some("anna"), Way::Mailbox, State::Delivered));
    let relayed = put(&store, by(Some("anna"), Way::Relay, State::Queued));
    put(&store, by(None, Way::Mailbox, State::Delivered));
    let step = |id, state| store.write(move |tx| tx.step(id, Time(1), state, "x", 0, Time::NEVER).map(drop)).unwrap();
    step(relayed, State::Delivered);
    step(relayed, State::Returned);
    let people = store.read(|view| view.usage(Span::Person, None)).unwrap();
    let of = |name: &str| people.iter().find(|row| row.person == name).map(|row| row.counts.clone()).unwrap();
    let (whole, anna, ben) = (of(BOX), of("anna"), of("ben"));
    assert_eq!((whole.taken["web"], whole.got, whole.returned, whole.came_back), (3, 2, 1, 1));
    assert_eq!((whole.left["mailbox"], whole.left["relay"]), (2, 1));
    assert_eq!((anna.taken["web"], anna.got, anna.left["mailbox"], anna.left["relay"], anna.returned), (2, 0, 1, 1, 1));
    assert_eq!((ben.taken.len(), ben.got), (0, 2));
    let json = serde_json::to_value(&people[0]).unwrap();
    assert_eq!((&json["period"], &json["person"], &json["got"]), (&"".into(), &"".into(), &2.into()));
    store.close();
}

/// Whatever happens to messages, the counts of all days and the totals say the same, after a crash too: they are one row.
#[test]
fn usage_and_books_agree_whatever_happens() {
    let folder = Folder::new();
    let store = Store::open(&folder, &Clock::fake(at("2030-01-01T00:00:00Z"))).unwrap();
    let mut random = 7_u32;
    let mut next = |most: usize| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) as usize % most
    };
    let mut ids = Vec::new();
    for _ in 0..120 {
        store.clock().advance(Duration::from_secs(next(20_000) as u64));
        if ids.is_empty() || next(2) == 0 {
            let state = [State::Queued, State::Held, State::Delivered, State::Refused][next(4)];
            let way = [Way::Mailbox, Way::Relay, Way::Link][next(3)];
            ids.push(put(&store, Message { origin: Origin::ALL[next(4)], ..message(way, state, 1) }));
        } else {
            let (id, state) = (ids[next(ids.len())], State::ALL[next(State::ALL.len())]);
            let moved = move |tx: &mut Tx| match tx.live(id)? {
                Some(_) => tx.step(id, Time(1), state, "x", 0, Time(5)).map(drop),
                None => Ok(()),
            };
            store.write(moved).unwrap();
        }
    }
    let all = |store: &Store| store.read(|view| view.usage(Span::Person, Some(BOX))).unwrap()[0].counts.clone();
    let (counts, ledger) = (all(&store), store.ledger().unwrap());
    let totals = |column: fn(&crate::store::Totals) -> u64| ledger.totals.values().map(column).sum::<u64>();
    assert_eq!(counts.taken.values().sum::<u64>(), totals(|totals| totals.accepted));
    assert_eq!(counts.left.values().sum::<u64>() - counts.came_back, totals(|totals| totals.delivered));
    assert_eq!(counts.returned, totals(|totals| totals.returned));
    assert_eq!(counts.refused, totals(|totals| totals.refused));
    let by_day = store.read(|view| view.usage(Span::Day, None)).unwrap();
    assert!(by_day.len() > 5);
    let mut sum = Counts::default();
    by_day.iter().for_each(|row| sum.add(&row.counts));
    assert_eq!(sum, counts);
    store.close();
    let again = Store::open(&folder, &Clock::fake(at("2031-01-01T00:00:00Z"))).unwrap();
    assert_eq!(all(&again), counts);
    again.close();
}
