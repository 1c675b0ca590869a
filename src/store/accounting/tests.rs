use crate::message::LinkId;
use std::collections::BTreeMap;

use testing::{Dice, Folder};

use super::*;
use crate::clock::Clock;
use crate::message::{Charge, Id, Origin, Reason, Way};
use crate::money::BOX;
use crate::store::{BodyIn, IncomingMail, Span, Store};

const MONTH: &str = "2026-09";
const PRICE: Money = Money(70_000);

fn store() -> (Folder, Store) {
    let folder = Folder::new();
    let store = Store::open(&folder, &Clock::fake(Time(1_790_000_000_000))).unwrap();
    (folder, store)
}

fn message(person: &str, packets: u64, limits: Vec<(String, Limit)>) -> Message {
    let bill = Bill::new(Use::of_packets(packets, PRICE), limits);
    let bill = Bill { person: Some(person.into()), ..bill };
    Message { origin: Origin::Web, way: Way::Link, bill: Some(bill), ..Message::sample() }
}

/// Spent and reserved, in the one month of these tests.
fn accounts(store: &Store, account: &str) -> (Use, Use) {
    let (spent, reserved) = store.read(|view| Ok((view.spent_in(MONTH)?, view.reserved()?))).unwrap();
    let spent = spent.into_iter().find(|(name, _)| name == account).map_or(Use::default(), |(_, used)| used);
    (spent, reserved.get(account).copied().unwrap_or_default())
}

fn used(store: &Store, account: &str) -> Use {
    let (spent, reserved) = accounts(store, account);
    spent.plus(reserved)
}

/// A packet with these messages, on the link or sent.
fn packet(messages: &[Id], part: u16, parts: u16, sent: bool) -> Packet {
    let reference = crate::message::Reference { holder: "test".into(), number: u64::from(part) };
    Packet {
        number: 0,
        messages: messages.to_vec(),
        group: 0,
        part,
        parts,
        far_box: None,
        address: None,
        payload: vec![0; 100],
        state: if sent { PacketState::Sent(reference) } else { PacketState::Held(reference) },
        at: Time(0),
        note: Reason::default(),
        ask: Time(0),
        taking_back: false,
        peer: None,
        link: LinkId::FIRST,
        charge: None,
        mails: Vec::new(),
    }
}

/// Packets and money of the box in a month.
const MOST: (u64, i64) = (6000, 350_000_000);

fn limits(person: &str) -> Vec<(String, Limit)> {
    let limit = |packets: u64, money: i64| Limit { packets: Some(packets), money: Some(Money(money)), reserve: 10 };
    vec![(BOX.to_owned(), limit(MOST.0, MOST.1)), (person.to_owned(), limit(2500, 900_000_000))]
}

/// A month of 10,000 messages and texts in a random order of events: no limit is ever passed, none costs more than was
/// quoted for each time that it went, and the accounts are the sum of the bills and of what left.
#[test]
fn no_order_of_events_spends_more_than_the_limit() {
    let (_folder, store) = store();
    let mut dice = Dice::new(5);
    let mut quotes: BTreeMap<Id, (Use, u64)> = BTreeMap::new();
    for round in 0..400 * i64::try_from(testing::soak()).unwrap() {
        let new: Vec<_> = (0..25).map(|_| any_message(&mut dice)).collect();
        let wanted: Vec<_> = new.iter().map(|message| (message.bill.as_ref().unwrap().wanted, 1)).collect();
        let messages: Vec<_> =
            new.into_iter().map(|message| IncomingMail { messages: vec![message], body: BodyIn::None }).collect();
        let ids = store
            .write(move |tx| {
                let mut ids = Vec::new();
                for message in &messages {
                    ids.extend(tx.add(message)?);
                }
                Ok(ids)
            })
            .unwrap();
        quotes.extend(ids.into_iter().zip(wanted));
        let known: Vec<_> = quotes.keys().copied().collect();
        let events: Vec<_> = (0..25).map(|_| (known[dice.index(known.len())], dice.below(7))).collect();
        let again: Vec<_> = events.iter().map(|(id, _)| quotes[id].0).collect();
        let (happened, at) = (events.clone(), Time(1_790_000_000_000 + round));
        let twice = store
            .write(move |tx| {
                let mut twice = Vec::new();
                for ((id, event), quote) in happened.iter().zip(&again) {
                    if happens(tx, *id, *event, *quote, at)? {
                        twice.push(*id);
                    }
                }
                Ok(twice)
            })
            .unwrap();
        twice.iter().for_each(|id| quotes.get_mut(id).unwrap().1 += 1);
        let all = used(&store, BOX);
        assert!(all.packets <= MOST.0 && all.money.0 <= MOST.1, "{all:?}");
    }
    let (mut sums, mut whole, mut spent) = (BTreeMap::<String, Use>::new(), Use::default(), 0);
    let (mut held, mut twice) = (0, 0);
    for (id, (quote, times)) in &quotes {
        let message = store.message(*id).unwrap().unwrap();
        let bill = message.bill.unwrap();
        held += u64::from(bill.short);
        twice += u64::from(*times > 1 && bill.spent != Use::default());
        let most = quote.money.times(*times);
        assert!(bill.total().money <= most && bill.total().packets <= quote.packets * times, "{id}: {bill:?}");
        let waits = matches!(message.state, State::Queued | State::OnLink);
        assert!(waits || bill.reserved == Use::default(), "{id}: {bill:?}");
        let sum = sums.entry(bill.person.clone().unwrap()).or_default();
        *sum = sum.plus(bill.total());
        whole = whole.plus(bill.total());
        spent += bill.spent.packets;
    }
    assert!(quotes.len() == 10_000 && held > 1000 && twice > 20, "{held} {twice}");
    for (person, sum) in &sums {
        assert_eq!(used(&store, person), *sum, "{person}");
        assert!(sum.packets <= 2500);
    }
    assert_eq!(used(&store, BOX), whole);
    assert_eq!((accounts(&store, BOX).0.packets, store.ledger().unwrap().packets_sent), (spent, spent));
    // Adding it all up anew finds the same.
    let before = store.ledger().unwrap().reserved;
    store.write(|tx| tx.recount_reserved()).unwrap();
    let after = store.ledger().unwrap().reserved;
    for account in before.keys().chain(after.keys()) {
        assert_eq!(before.get(account).copied().unwrap_or_default(), after.get(account).copied().unwrap_or_default());
    }
}

/// A message over the link, or a text, of one of three people; some are urgent.
fn any_message(dice: &mut Dice) -> Message {
    let person = ["anna", "ben", "carl"][dice.index(3)];
    let mut message = message(person, 1 + dice.below(4), limits(person));
    let bill = message.bill.as_mut().unwrap();
    bill.urgent = dice.below(8) == 0;
    if dice.below(3) == 0 {
        bill.wanted = Use::of_texts(1 + dice.below(3), Money(7_900));
        message.way = Way::Carrier;
    }
    message
}

/// What may happen to a message: parts leave, it ends, it is let go again, or has to go once more, which it says.
fn happens(tx: &mut Tx, id: Id, event: u64, quote: Use, at: Time) -> TxResult<bool> {
    let message = tx.message(id)?;
    let person = message.bill.as_ref().unwrap().person.clone();
    let fresh = Bill::new(quote, limits(person.as_deref().unwrap()));
    let fresh = Bill { person, ..fresh };
    let waits = matches!(message.state, State::Queued | State::OnLink);
    let left = message.bill.as_ref().unwrap().reserved.packets;
    let leave = |tx: &mut Tx, most: u64| -> TxResult<()> {
        for part in 1..=left.min(most) {
            let added = tx.add_packets(&[packet(&[id], u16::try_from(part).unwrap(), 4, true)])?;
            tx.packet_went(&added[0])?;
        }
        Ok(())
    };
    match event {
        0 | 1 if waits => {
            leave(tx, left)?;
            tx.step(id, at, State::Sent, "", quote.packets as u32, Time::NEVER)?;
        }
        2 if waits => {
            leave(tx, 1)?;
            tx.step(id, at, State::OnLink, "", 1, at)?;
        }
        3 if waits => drop(tx.step(id, at, State::Expired, "", 0, Time::NEVER)?),
        4 if waits || message.state == State::Held => drop(tx.step(id, at, State::Cancelled, "", 0, Time::NEVER)?),
        5 if waits => drop(tx.step(id, at, State::Held, "", 0, at)?),
        // Held messages are released, sent ones go once more, if the budget allows it.
        6 if matches!(message.state, State::Held | State::Sent) => {
            let mut billed = message;
            if tx.rebill(&mut billed, Some(fresh), at)?.is_ok() {
                tx.step(id, at, State::Queued, "", 0, at)?;
                tx.change(id, |message| message.bill = billed.bill)?;
                return Ok(true);
            }
        }
        _ => {}
    }
    Ok(false)
}

fn put(store: &Store, message: Message) -> Id {
    store.put(IncomingMail { messages: vec![message], body: BodyIn::None }).unwrap().ids()[0]
}

/// Four messages share a packet: its price is theirs by their bytes, and the rest of their reservations comes back.
#[test]
fn a_packet_that_leaves_is_shared_by_bytes() {
    let (_folder, store) = store();
    let ids = [("anna", 90), ("ben", 60), ("ben", 30), ("carl", 20)].map(|(person, bytes)| {
        let account = crate::message::Account { bytes, ..Default::default() };
        put(&store, Message { account: Some(account), ..message(person, 1, vec![]) })
    });
    assert_eq!(accounts(&store, BOX), (Use::default(), Use::of_packets(4, PRICE)));
    let charge = Charge { day: "2026-09-21".into(), money: PRICE, units: 0, credits: 5 };
    let shared = Packet { charge: Some(charge), ..packet(&ids, 1, 1, true) };
    store
        .write(move |tx| {
            let added = tx.add_packets(std::slice::from_ref(&shared))?;
            tx.packet_went(&added[0])?;
            ids.iter().try_for_each(|id| tx.step(*id, Time(1), State::Sent, "", 0, Time::NEVER).map(drop))
        })
        .unwrap();
    assert_eq!(accounts(&store, BOX), (Use::of_packets(1, PRICE), Use::default()));
    let money = ["anna", "ben", "carl"].map(|name| accounts(&store, name).0);
    assert_eq!(money.map(|used| used.money.0), [31_500, 31_500, 7_000]);
    assert_eq!(money.map(|used| used.packets), [1, 0, 0], "the packet is counted once");
    let usage = store.read(|view| view.usage(Span::Person, None)).unwrap();
    let credits = |name: &str| usage.iter().find(|row| row.person == name).map_or(0, |row| row.counts.credits);
    assert_eq!([BOX, "anna", "ben", "carl"].map(credits), [5, 4, 1, 0], "credits are shared as money is");
}

/// A packet that leaves after its message has ended is paid by it all the same, out of what is reserved until then.
#[test]
fn what_leaves_late_is_paid_and_what_does_not_is_given_back() {
    for leaves in [true, false] {
        let (_folder, store) = store();
        let id = put(&store, message("anna", 1, vec![]));
        let held = packet(&[id], 1, 1, false);
        let held = store.write(move |tx| tx.add_packets(std::slice::from_ref(&held))).unwrap().remove(0);
        store.write(move |tx| tx.step(id, Time(1), State::Expired, "", 0, Time::NEVER).map(drop)).unwrap();
        assert_eq!(accounts(&store, "anna").1, Use::of_packets(1, PRICE));
        store
            .write(move |tx| match leaves {
                true => {
                    let sent = Packet { state: packet(&[id], 1, 1, true).state, ..held.clone() };
                    tx.put_packet(&sent)?;
                    tx.packet_went(&sent)
                }
                false => {
                    let gone = PacketState::Gone(crate::message::GoneReason::Withdrawn);
                    tx.put_packet(&Packet { state: gone, ..held.clone() })?;
                    tx.settle(&[id])
                }
            })
            .unwrap();
        let spent = if leaves { Use::of_packets(1, PRICE) } else { Use::default() };
        assert_eq!(accounts(&store, "anna"), (spent, Use::default()));
        assert_eq!(accounts(&store, BOX), (spent, Use::default()));
    }
}

/// The reserve stops normal messages before the whole is used: the warnings speak of what is theirs.
#[test]
fn warnings_speak_where_a_reserve_stops_normal_messages() {
    let (_folder, store) = store();
    let limit = Limit { packets: Some(10), money: None, reserve: 10 };
    for _ in 0..12 {
        put(&store, message("anna", 1, vec![(BOX.to_owned(), limit)]));
    }
    let events = store.read(|view| view.events(50)).unwrap();
    let words: Vec<_> =
        events.iter().filter(|event| event.part == "budget").map(|event| event.kind.to_string()).collect();
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(words[1].starts_with("80 %") && words[0].starts_with("100 % of what normal messages may use"), "{words:?}");
    assert_eq!(used(&store, BOX).packets, 9);
}

#[test]
fn a_warning_is_written_once_at_eighty_and_at_a_hundred() {
    let (_folder, store) = store();
    let limit = Limit { packets: Some(5), money: None, reserve: 0 };
    for _ in 0..7 {
        let new = message("anna", 1, vec![(BOX.to_owned(), limit)]);
        store.put(IncomingMail { messages: vec![new], body: BodyIn::None }).unwrap();
    }
    let events = store.read(|view| view.events(50)).unwrap();
    let words: Vec<_> =
        events.iter().filter(|event| event.part == "budget").map(|event| event.kind.to_string()).collect();
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(words[1].starts_with("80 %") && words[0].starts_with("100 %"), "{words:?}");
    assert_eq!(used(&store, BOX).packets, 5);
}

/// Up to version 3 the whole quote was in the account of its month from the beginning.
#[test]
fn bills_of_version_3_become_what_is_spent_and_what_is_reserved() {
    let (folder, store) = store();
    let ids = [0, 1, 2].map(|_| put(&store, message("anna", 2, vec![])));
    store
        .write(move |tx| {
            tx.step(ids[1], Time(1), State::OnLink, "half of it left", 1, Time::NEVER)?;
            tx.step(ids[2], Time(1), State::Sent, "all of it", 2, Time::NEVER).map(drop)
        })
        .unwrap();
    store.close();
    drop(store);
    let database = redb::Database::open(folder.join(crate::store::FILE)).unwrap();
    let txn = database.begin_write().unwrap();
    {
        let mut messages = schema::MESSAGES.open(&txn).unwrap();
        for id in ids {
            let row = messages.get(id.0).unwrap().unwrap().value().to_vec();
            let mut old: serde_json::Value = schema::record(&row).unwrap();
            let wanted = serde_json::json!({"packets": 2, "texts": 0, "money": 140_000});
            old["bill"] = serde_json::json!({"month": MONTH, "person": "anna", "wanted": wanted, "charged": true,
                "paid": {"packets": 0, "texts": 0, "money": 0}, "begun": 1, "short": false, "urgent": false});
            messages.insert(id.0, schema::json(&old).as_slice()).unwrap();
        }
        let mut spent = schema::SPENT.open(&txn).unwrap();
        for account in [BOX, "anna"] {
            spent.insert((MONTH, account), (6, 0, 420_000)).unwrap();
        }
        let mut meta = schema::META.open(&txn).unwrap();
        let row = meta.get("ledger").unwrap().unwrap().value().to_vec();
        let mut ledger: serde_json::Value = schema::record(&row).unwrap();
        ledger["version"] = 3.into();
        ledger.as_object_mut().unwrap().remove("reserved");
        meta.insert("ledger", serde_json::to_vec(&ledger).unwrap().as_slice()).unwrap();
    }
    txn.commit().unwrap();
    drop(database);
    let store = Store::open(&folder, &Clock::fake(Time(1_790_000_000_000))).unwrap();
    for account in [BOX, "anna"] {
        assert_eq!(accounts(&store, account), (Use::of_packets(3, PRICE), Use::of_packets(3, PRICE)), "{account}");
    }
    let bill = |id: Id| store.message(id).unwrap().unwrap().bill.unwrap();
    assert_eq!(ids.map(|id| bill(id).spent.packets), [0, 1, 2]);
    assert_eq!(ids.map(|id| bill(id).reserved.packets), [2, 1, 0]);
}
