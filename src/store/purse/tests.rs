use std::time::Duration;

use super::*;
use crate::address::Address;
use crate::clock::Clock;
use crate::message::{Door, Id, Way};
use crate::store::{BodyIn, Letter, Store};

const MONTH: &str = "2026-11";
const PRICE: Money = Money(70_000);

struct Folder(std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn store(name: &str) -> (Folder, Store) {
    let path = std::env::temp_dir().join(format!("satpost-purse-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    let store = Store::open(&path, &Clock::fake(Time(1_790_000_000_000))).unwrap();
    (Folder(path), store)
}

fn letter(person: &str, packets: u64, limits: Vec<(String, Limit)>) -> Message {
    let at = Time(1_790_000_000_000);
    let bill = Bill {
        month: MONTH.into(),
        person: Some(person.into()),
        wanted: Use::of_packets(packets, PRICE),
        charged: false,
        short: false,
        urgent: false,
        limits,
    };
    Message {
        id: Id(0),
        door: Door::Web,
        from: Address::Nobody,
        to: "mum@else.org".parse().unwrap(),
        author: None,
        subject: String::new(),
        text: "x".into(),
        cut: vec![],
        mail: None,
        automatic: None,
        message_id: None,
        about: None,
        accepted: at,
        deadline: at + Duration::from_secs(60),
        clock_believed: true,
        state: State::Queued,
        reason: String::new(),
        way: Way::Link,
        next: at,
        tries: 0,
        delay_told: false,
        stranger: None,
        bill: Some(bill),
        receipt_until: None,
        urgent: false,
        account: None,
        recall: false,
        released: false,
        steps: vec![],
    }
}

fn used(store: &Store, account: &str) -> Use {
    let all = store.read(|view| view.used_in(MONTH)).unwrap();
    all.into_iter().find(|(name, _)| name == account).map_or(Use::default(), |(_, used)| used)
}

/// A small generator of numbers that look random: the same on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// No order of events spends more than a limit; the accounts are the sum of the bills; and each bill is what was quoted.
#[test]
fn no_order_of_events_spends_more_than_the_limit() {
    let (_folder, store) = store("limit");
    let limit = |packets: u64, money: i64| Limit { packets: Some(packets), money: Some(Money(money)), reserve: 10 };
    let limits = |person: &str| vec![(BOX.to_owned(), limit(60, 3_500_000)), (person.to_owned(), limit(25, 9_000_000))];
    let mut dice = Dice(5);
    let mut ids: Vec<(Id, String, u64)> = Vec::new();
    for round in 0..1500 {
        match dice.below(3) {
            0 => {
                let person = ["anna", "ben", "carl"][dice.below(3) as usize];
                let packets = 1 + dice.below(4);
                let new = letter(person, packets, limits(person));
                let kept = store.put(Letter { messages: vec![new], body: BodyIn::None }).unwrap();
                ids.push((kept.ids()[0], person.to_owned(), packets));
            }
            1 if !ids.is_empty() => {
                let (id, _, packets) = ids[dice.below(ids.len() as u64) as usize].clone();
                let now = Time(1_790_000_000_000 + round);
                let end = [State::Sent, State::Cancelled, State::Expired, State::OnModem][dice.below(4) as usize];
                let part = if end == State::Sent { packets } else { dice.below(2).min(packets - 1) };
                store
                    .write(move |tx| match tx.live(id)? {
                        Some(live) if live.state == State::Held && end != State::Cancelled => Ok(()),
                        Some(_) => tx.step(id, now, end, "", part as u32, now).map(drop),
                        None => Ok(()),
                    })
                    .unwrap();
            }
            _ => {
                let all = used(&store, BOX);
                assert!(all.packets <= 60 && all.money.0 <= 3_500_000, "{all:?}");
            }
        }
    }
    let mut sums = std::collections::BTreeMap::<String, Use>::new();
    let mut held = 0;
    for (id, person, packets) in &ids {
        let message = store.message(*id).unwrap().unwrap();
        let bill = message.bill.unwrap();
        held += u64::from(bill.short);
        if bill.charged {
            let sum = sums.entry(person.clone()).or_default();
            sum.packets += bill.wanted.packets;
            sum.money = sum.money.plus(bill.wanted.money);
            assert_eq!(bill.wanted.money, PRICE.times(bill.wanted.packets));
            let ended_whole = !matches!(message.state, State::Expired | State::Cancelled);
            assert!(!ended_whole || bill.wanted.packets == *packets, "what arrived costs what was quoted");
        }
    }
    assert!(held > 20, "the limit was met: {held}");
    for person in ["anna", "ben", "carl"] {
        let sum = sums.get(person).copied().unwrap_or_default();
        assert_eq!(used(&store, person), sum, "{person}");
        assert!(sum.packets <= 25);
    }
    let packets: u64 = sums.values().map(|sum| sum.packets).sum();
    assert_eq!(used(&store, BOX).packets, packets);
}

#[test]
fn a_warning_is_written_once_at_eighty_and_at_a_hundred() {
    let (_folder, store) = store("warn");
    let limit = Limit { packets: Some(5), money: None, reserve: 0 };
    for _ in 0..7 {
        let new = letter("anna", 1, vec![(BOX.to_owned(), limit)]);
        store.put(Letter { messages: vec![new], body: BodyIn::None }).unwrap();
    }
    let events = store.read(|view| view.events(50)).unwrap();
    let words: Vec<_> = events.iter().filter(|event| event.part == "budget").map(|event| event.words.clone()).collect();
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(words[1].starts_with("80 %") && words[0].starts_with("100 %"), "{words:?}");
    assert_eq!(used(&store, BOX).packets, 5);
}
