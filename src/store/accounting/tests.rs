use std::collections::BTreeMap;

use testing::{Dice, Folder};

use super::*;
use crate::clock::Clock;
use crate::message::{Id, Origin, Way};
use crate::store::{BodyIn, IncomingMail, Store};

const MONTH: &str = "2026-11";
const PRICE: Money = Money(70_000);

fn store() -> (Folder, Store) {
    let folder = Folder::new();
    let store = Store::open(&folder, &Clock::fake(Time(1_790_000_000_000))).unwrap();
    (folder, store)
}

fn message(person: &str, packets: u64, limits: Vec<(String, Limit)>) -> Message {
    let bill = Bill::new(MONTH.into(), Use::of_packets(packets, PRICE), limits);
    let bill = Bill { person: Some(person.into()), ..bill };
    Message { door: Origin::Web, way: Way::Link, bill: Some(bill), ..Message::sample() }
}

fn used(store: &Store, account: &str) -> Use {
    let all = store.read(|view| view.used_in(MONTH)).unwrap();
    all.into_iter().find(|(name, _)| name == account).map_or(Use::default(), |(_, used)| used)
}

/// Packets and money of the box in a month.
const MOST: (u64, i64) = (6000, 350_000_000);

fn limits(person: &str) -> Vec<(String, Limit)> {
    let limit = |packets: u64, money: i64| Limit { packets: Some(packets), money: Some(Money(money)), reserve: 10 };
    vec![(BOX.to_owned(), limit(MOST.0, MOST.1)), (person.to_owned(), limit(2500, 900_000_000))]
}

/// A month of 10,000 messages and texts in a random order of events: no limit is ever passed, each bill is what was
/// quoted for each time that the message went, and the accounts are the sum of the bills.
#[test]
fn no_order_of_events_spends_more_than_the_limit() {
    let (_folder, store) = store();
    let mut dice = Dice::new(5);
    let mut quotes: BTreeMap<Id, Use> = BTreeMap::new();
    for round in 0..400 * i64::try_from(testing::soak()).unwrap() {
        let new: Vec<_> = (0..25).map(|_| any_message(&mut dice)).collect();
        let wanted: Vec<_> = new.iter().map(|message| message.bill.as_ref().unwrap().wanted).collect();
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
        let again: Vec<_> = events.iter().map(|(id, _)| quotes[id]).collect();
        store
            .write(move |tx| {
                for ((id, event), quote) in events.iter().zip(&again) {
                    happens(tx, *id, *event, *quote, Time(1_790_000_000_000 + round))?;
                }
                Ok(())
            })
            .unwrap();
        let all = used(&store, BOX);
        assert!(all.packets <= MOST.0 && all.money.0 <= MOST.1, "{all:?}");
    }
    let (mut sums, mut whole) = (BTreeMap::<String, Use>::new(), Use::default());
    let (mut held, mut twice) = (0, 0);
    for (id, quote) in &quotes {
        let message = store.message(*id).unwrap().unwrap();
        let bill = message.bill.unwrap();
        held += u64::from(bill.short);
        twice += u64::from(bill.paid != Use::default());
        if matches!(message.state, State::Queued | State::OnLink | State::Sent) {
            assert_eq!(bill.wanted, *quote, "{id} costs what was quoted");
        }
        let sum = sums.entry(bill.person.clone().unwrap()).or_default();
        *sum = sum.plus(bill.total());
        whole = whole.plus(bill.total());
    }
    assert!(quotes.len() == 10_000 && held > 1000 && twice > 20, "{held} {twice}");
    for (person, sum) in &sums {
        assert_eq!(used(&store, person), *sum, "{person}");
        assert!(sum.packets <= 2500);
    }
    assert_eq!(used(&store, BOX), whole);
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

/// What may happen to a message: parts leave, it ends, it is let go again, or has to go once more.
fn happens(tx: &mut Tx, id: Id, event: u64, quote: Use, at: Time) -> TxResult<()> {
    let message = tx.message(id)?;
    let person = message.bill.as_ref().unwrap().person.clone();
    let fresh = Bill::new(MONTH.into(), quote, limits(person.as_deref().unwrap()));
    let fresh = Bill { person, ..fresh };
    let part = u32::try_from(quote.packets.saturating_sub(1).min(1)).unwrap();
    let waits = matches!(message.state, State::Queued | State::OnLink);
    match event {
        0 | 1 if waits => tx.step(id, at, State::Sent, "", quote.packets as u32, Time::NEVER).map(drop),
        2 if waits => tx.step(id, at, State::OnLink, "", part, at).map(drop),
        3 if waits => tx.step(id, at, State::Expired, "", 0, Time::NEVER).map(drop),
        4 if waits || message.state == State::Held => tx.step(id, at, State::Cancelled, "", 0, Time::NEVER).map(drop),
        5 if waits => tx.step(id, at, State::Held, "", 0, at).map(drop),
        // Held messages are released, sent ones go once more, if the budget allows it.
        6 if matches!(message.state, State::Held | State::Sent) => {
            let mut billed = message;
            if tx.rebill(&mut billed, Some(fresh), at)?.is_ok() {
                tx.step(id, at, State::Queued, "", 0, at)?;
                tx.change(id, |message| message.bill = billed.bill)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
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
    let words: Vec<_> = events.iter().filter(|event| event.part == "budget").map(|event| event.words.clone()).collect();
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(words[1].starts_with("80 %") && words[0].starts_with("100 %"), "{words:?}");
    assert_eq!(used(&store, BOX).packets, 5);
}
