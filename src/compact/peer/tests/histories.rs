//! Random histories of two boxes: whatever happens, each message is delivered once or its sender is told otherwise, to
//! nobody but its reader, and a receipt says nothing that is not so.

use std::collections::BTreeMap;

use super::codec::{NORMAL, SMALL, STRANGE, USUAL};
use testing::Dice;

use super::world::channel::WITHOUT;
use super::world::{DAY, HOUR, Post, Told, Weather, World};
use crate::letter::{Kind, Letter, Other};
use crate::packet::ModelId;
use crate::peer::PeerRules;
use crate::peer::book::index_of;
use crate::peer::past::SharedMessages;

/// What happens to a box.
#[derive(Debug, Clone, Copy)]
enum Blow {
    Letter,
    /// It has other models from now on.
    Models(&'static [ModelId]),
    /// It comes back with an address book of another day, or of another peer.
    Book,
    /// It has forgotten what both have of their correspondences, or comes back with that of another day.
    Past,
    /// Old software is put on it, or the new one again.
    Old(bool),
}

const MODELS: [&[ModelId]; 6] = [&[NORMAL, SMALL], &[NORMAL], &[SMALL], &[], &[STRANGE], &[SMALL, NORMAL]];

/// Addresses some of which share an index.
fn addresses() -> Vec<String> {
    let mut all: Vec<String> = (0..8).map(|n| format!("reader{n}@example.org")).collect();
    for first in 0..3 {
        let index = index_of(&all[first]);
        let twin = (0..).map(|n| format!("+1415{n:07}")).find(|twin| index_of(twin) == index);
        all.extend(twin);
    }
    all
}

fn message(dice: &mut Dice, number: usize, addresses: &[String]) -> Letter {
    let other = Other::Address(addresses[dice.index(addresses.len())].clone());
    let person = dice.chance(20).then(|| format!("person{}", dice.below(3)));
    let kind = if dice.chance(40) { Kind::Text } else { Kind::Mail };
    if dice.chance(10) {
        return Letter { kind, person, other, subject: String::new(), text: "OK".to_owned() };
    }
    let length = if dice.chance(15) { dice.below(1500) } else { dice.below(120) } as usize;
    let text = format!("{number}: {}", USUAL.repeat(1 + length / 25));
    let subject = if kind == Kind::Mail { format!("Subject {number}") } else { String::new() };
    Letter { kind, person, other, subject, text }
}

fn rules(dice: &mut Dice) -> PeerRules {
    let receipt_hours = [0, 6, 24, 48][dice.index(4)];
    let patience = if dice.chance(20) { 6 * HOUR } else { 24 * HOUR };
    let transit = [0, 0, 6 * HOUR, 12 * HOUR][dice.index(4)];
    PeerRules { receipt_hours, patience, transit, ..PeerRules::default() }
}

fn history(seed: u64, loud: bool) -> World {
    let mut dice = Dice::new(seed);
    let calm = dice.chance(20);
    let bad = |dice: &mut Dice, most| if calm { 0 } else { dice.below(most) };
    let ages = !calm && dice.chance(25);
    let weather = Weather {
        loss: bad(&mut dice, 45),
        double: bad(&mut dice, 25),
        crash: bad(&mut dice, 15),
        give_up: bad(&mut dice, 15),
        unknown: bad(&mut dice, 20),
        // An older program would send once more what a line overtook a moment before: it cannot say that it is the same.
        overtaken: bad(&mut dice, 20) * u64::from(!ages),
        delay: if dice.chance(50) { HOUR } else { dice.between(HOUR, 4 * DAY) },
        double_classic: !ages,
    };
    let room = [100, 192, 192, 340][dice.index(4)];
    let models = |dice: &mut Dice| MODELS[if dice.chance(70) { 0 } else { dice.index(6) }];
    let mut boxes = [Post::new(models(&mut dice), rules(&mut dice)), Post::new(models(&mut dice), rules(&mut dice))];
    // Of some one box saves time and not bytes.
    boxes[0].rules.plain = seed % 5 == 4;
    let mut world = World::new(dice.any(), room, weather, boxes);
    world.loud = loud;
    world.step = if room == 340 { 50 } else { 0 };
    let mut blows = blows(&mut dice, ages, world.now);
    blows.sort_by_key(|(at, _, _)| *at);
    let forgets = blows.iter().any(|(.., blow)| !matches!(blow, Blow::Letter));
    let addresses = addresses();
    let mut books = [world.boxes[0].peer.book.clone(), world.boxes[1].peer.book.clone()];
    let mut pasts: [(SharedMessages, SharedMessages); 2] = Default::default();
    for (number, (at, side, blow)) in blows.into_iter().enumerate() {
        world.run_until(at);
        match blow {
            Blow::Letter => {
                let message = message(&mut dice, number, &addresses);
                let urgent = dice.chance(20);
                world.accept(side, message, urgent);
            }
            Blow::Models(models) => world.boxes[side].codec.0 = models.to_vec(),
            Blow::Book if dice.chance(50) => world.boxes[side].peer.book = books[side].clone(),
            Blow::Book => {
                let mut strange = crate::peer::book::AddressBook::default();
                addresses.iter().filter(|_| dice.chance(50)).for_each(|address| strange.is_there(address));
                world.boxes[side].peer.book = strange;
            }
            Blow::Past if dice.chance(50) => {
                (world.boxes[side].peer.there, world.boxes[side].peer.came) = pasts[side].clone();
            }
            Blow::Past => (world.boxes[side].peer.there, world.boxes[side].peer.came) = Default::default(),
            Blow::Old(old) => world.boxes[side].old = old,
        }
        if dice.chance(10) {
            books[side] = world.boxes[side].peer.book.clone();
            pasts[side] = (world.boxes[side].peer.there.clone(), world.boxes[side].peer.came.clone());
        }
        if !world.boxes[side].old && !matches!(blow, Blow::Letter) {
            world.tick(side);
        }
    }
    let end = world.now + 120 * DAY;
    world.run_until(end);
    if !forgets {
        // Whatever was lost, came twice or overtook what: no box means what the other one does not have.
        assert_eq!(world.seen.get(WITHOUT).copied().unwrap_or(0), 0, "both have the same");
    }
    if calm {
        // What takes too many fragments when it is written out may be refused.
        let there: usize = world.delivered.values().sum::<usize>() + world.count(Told::Refused);
        assert_eq!(there, world.messages.len(), "nothing is lost where nothing goes wrong");
    }
    world
}

fn blows(dice: &mut Dice, ages: bool, start: i64) -> Vec<(i64, usize, Blow)> {
    let days = dice.between(5, 50);
    let mut blows = Vec::new();
    for _ in 0..dice.between(4, 30) {
        // Some come together.
        let (at, side) = (start + dice.between(0, days * DAY), dice.index(2));
        for _ in 0..if dice.chance(30) { dice.between(1, 8) } else { 1 } {
            blows.push((at, side, Blow::Letter));
        }
    }
    for _ in 0..if dice.chance(40) { dice.between(1, 4) } else { 0 } {
        let models = MODELS[dice.index(6)];
        blows.push((start + dice.between(0, days * DAY), dice.index(2), Blow::Models(models)));
    }
    for _ in 0..if dice.chance(40) { dice.between(1, 4) } else { 0 } {
        blows.push((start + dice.between(0, days * DAY), dice.index(2), Blow::Book));
    }
    for _ in 0..if dice.chance(40) { dice.between(1, 4) } else { 0 } {
        blows.push((start + dice.between(0, days * DAY), dice.index(2), Blow::Past));
    }
    if ages {
        let (side, from) = (dice.index(2), start + dice.between(0, days * DAY));
        blows.push((from, side, Blow::Old(true)));
        blows.push((from + dice.between(HOUR, 30 * DAY), side, Blow::Old(false)));
    }
    blows
}

/// What became of messages, and how often what else happened.
type Sum = BTreeMap<&'static str, usize>;

fn run(seeds: std::ops::Range<u64>) -> Sum {
    let mut sum = Sum::new();
    for seed in seeds {
        let world = std::panic::catch_unwind(|| history(seed, false));
        let fault = match &world {
            Ok(world) => world.balance().err(),
            Err(_) => Some("a promise was broken".to_owned()),
        };
        if let Some(fault) = fault {
            panic!("history {seed}: {fault}; see it with SATPOST_HISTORY={seed}");
        }
        let world = world.unwrap();
        let ends = ENDS.map(|(words, told)| (words, world.count(told)));
        assert_eq!(ends.iter().map(|(_, count)| count).sum::<usize>(), world.messages.len(), "the books balance");
        for (words, count) in ends.into_iter().chain(world.seen) {
            *sum.entry(words).or_default() += count;
        }
    }
    sum
}

const ENDS: [(&str, Told); 5] = [
    ("= delivered", Told::Delivered),
    ("= sent", Told::Sent),
    ("= unconfirmed", Told::Unconfirmed),
    ("= refused", Told::Refused),
    ("= expired", Told::Expired),
];

/// Fifteen hundred; `SATPOST_HISTORIES=100000` runs as many on two threads, `SATPOST_HISTORY=7` tells that one.
#[test]
fn every_message_is_delivered_once_or_its_sender_knows() {
    if let Some(seed) = std::env::var("SATPOST_HISTORY").ok().and_then(|seed| seed.parse().ok()) {
        return println!("{:?}", history(seed, true).balance());
    }
    let count: u64 = std::env::var("SATPOST_HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(1500);
    let halves = [0..count / 2, count / 2..count].map(|seeds| std::thread::spawn(|| run(seeds)));
    let mut sum = Sum::new();
    for half in halves {
        half.join().unwrap().into_iter().for_each(|(words, count)| *sum.entry(words).or_default() += count);
    }
    println!("{sum:#?}");
    // Few messages are ever refused: those that take too many fragments when they have to be written out.
    let never = sum.iter().find(|(words, count)| **count == 0 && **words != "= refused");
    assert!(never.is_none() || count < 1000, "it never happened: {never:?}");
}
