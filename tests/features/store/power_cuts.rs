//! Power cuts: both boxes are killed again and again under traffic in both directions, and no message that got its 250
//! is lost, none arrives twice, none is paid for twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::support::writers::{Writer, arrived_once, at_the_sink, in_the_mailbox, rest};
use crate::support::{Dice, Station, World, has_gone, pause};
use serde_json::Value;

/// Kills in all, of station and gateway in turn.
const KILLS: usize = 50;
/// Longest time that a box lives between being up and its end.
const LIFE: u64 = 2400;
/// Packets without a message of which the link may not have found out yet what became of them.
const UNTOLD: u64 = 2;
/// All messages of fifty kills have arrived so long after the last one.
const SETTLE: Duration = Duration::from_secs(60);

#[test]
fn fifty_power_cuts_lose_nothing_and_double_nothing() {
    let world = World::start(&["--pass-every", "1", "--pass-length", "0.7", "--air-ms", "50"]);
    let mut boxes = [world.station(), world.gateway()];
    boxes[0].cli_ok(&["settings", "set", "smtp.trusted", "127.0.0.0/8"], "");
    boxes.iter_mut().for_each(Station::start);
    let (anna, bob) = ("anna@boat.example", "bob@world.example");
    let writers = [
        Writer::start(&boxes[0], Some("anna"), "up", anna, bob),
        Writer::start(&boxes[1], None, "down", bob, "anna@shore.example"),
        Writer::start(&boxes[0], None, "also up", anna, bob),
    ];
    let mut dice = Dice::new(20_240_611);
    let kills = KILLS * usize::try_from(testing::soak()).unwrap();
    for kill in 0..kills {
        let which = kill % 2;
        rest(dice.below(LIFE));
        boxes[which].kill();
        if kill % 10 >= 8 {
            // Once more, before it is up.
            boxes[which].launch();
            rest(dice.below(200));
            boxes[which].kill();
        }
        boxes[which].start();
        writers.iter().skip(which).step_by(2).for_each(|writer| writer.moved(&boxes[which]));
    }
    let [mut up, down, also] = writers.map(Writer::end);
    up.kept.extend(also.kept);
    up.unclear.extend(also.unclear);
    println!(
        "kept: {} up, {} down; unclear: {} up, {} down",
        up.kept.len(),
        down.kept.len(),
        up.unclear.len(),
        down.unclear.len()
    );
    assert!(up.kept.len() > kills / 2 && down.kept.len() > kills / 2, "there was traffic");

    let [station, gateway] = boxes;
    settled(&world, &station, &gateway);
    arrived_once(&up, &at_the_sink(&world));
    arrived_once(&down, &in_the_mailbox(&station));
    nothing_paid_twice(&world);
    told_truly(&station, "bob@world.example");
    told_truly(&gateway, "anna@shore.example");
    let up: BTreeSet<_> = world.on_air().into_iter().map(|(id, _)| id).collect();
    booked(&station, up.len());
    let listed = world.hive_says("messages");
    let down = listed.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    booked(&gateway, down.filter(|packet| packet["direction"] == 2).count());
    station.totals_balance();
    gateway.totals_balance();
}

/// All have arrived by now: none is said to have failed, none stands open but for its receipt or for what the far box
/// says became of it, and nobody got a notice.
fn told_truly(from: &Station, to: &str) {
    let all = from.messages();
    let sent: Vec<_> = all.iter().filter(|message| message["to"] == to && message["origin"] != "link").collect();
    let wrong: Vec<_> = sent.into_iter().filter(|message| !has_gone(message)).collect();
    assert!(wrong.is_empty(), "these have arrived: {wrong:?}");
    let notices: Vec<_> = all.iter().filter(|message| message["origin"] == "notice").collect();
    assert!(notices.is_empty(), "{notices:?}");
}

/// Packets that a box counts and bills: what went on air, and no other. One without a message, of which the link cannot
/// tell, is in neither until that finds out.
fn booked(station: &Station, on_air: usize) {
    let counted = station.status().unwrap()["packets_sent"].as_u64().unwrap();
    let costs = station.json(&["costs", "--json"]);
    let whole = costs["accounts"].as_array().unwrap().iter().find(|row| row["account"] == "(box)");
    let billed = whole.map_or(0, |row| row["packets"].as_u64().unwrap());
    println!("{on_air} packets on air, {counted} counted, {billed} billed");
    assert_eq!(counted, billed, "{costs}");
    let known = counted..=counted + UNTOLD;
    assert!(known.contains(&(on_air as u64)), "{on_air} on air, {counted} counted");
}

/// Waits until nothing is on its way any more: looks along both ways, in the direction in which messages go.
fn settled(world: &World, station: &Station, gateway: &Station) {
    let end = Instant::now() + SETTLE * u32::try_from(testing::soak()).unwrap();
    loop {
        let mut waiting = [unsent(station), unsent(gateway)].concat();
        let in_hive = world.hive_says("messages");
        let in_hive =
            in_hive.iter().filter(|line| line.contains("\"status\":0") || line.contains("\"status\":1")).count();
        let in_modem = world.modem_says("inbox").len() + world.modem_says("queue").len();
        waiting.extend(unsent(gateway));
        if waiting.is_empty() && in_hive + in_modem == 0 {
            return;
        }
        if Instant::now() > end {
            for message in &waiting {
                println!("{} {} {:#}", message["id"], message["subject"], message["steps"]);
            }
            panic!("{} messages wait, {in_hive} packets in the Hive, {in_modem} in the modem", waiting.len());
        }
        pause();
    }
}

/// Messages that are not final, but for those that have left and wait for a receipt, which may ride in a later message.
fn unsent(station: &Station) -> Vec<Value> {
    station.waiting().into_iter().filter(|message| message["state"] != "sent").collect()
}

/// A payload has one id in the modem's journal and one number in the Hive, however often the radio repeats it.
fn nothing_paid_twice(world: &World) {
    let mut paid: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (id, payload) in world.on_air() {
        paid.entry(payload).or_default().insert(id);
    }
    let messages = world.hive_says("messages");
    for item in messages.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        if item["direction"] == 2 {
            let number = item["packetId"].to_string();
            paid.entry(format!("to device: {}", item["data"])).or_default().insert(number);
        }
    }
    let twice: Vec<_> = paid.iter().filter(|(_, ids)| ids.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}
