//! The bill is what was spent: what left, packet by packet, as the network counts it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::clock::OwnClock;
use crate::support::command::link_of;
use crate::support::{Folder, SOON, Station, World, send, wait_for};

fn from_anna(station: &Station, subject: &str) {
    let mail = format!("From: anna@boat.example\nSubject: {subject}\n\nText of {subject}, all is well on board.\n");
    assert!(send(station, Some("anna"), "anna@boat.example", "bob@world.example", &mail).starts_with("250"));
}

fn from_bob(gateway: &Station, subject: &str) {
    let mail = format!("From: bob@world.example\nSubject: {subject}\n\nText of {subject}.\n");
    assert!(send(gateway, None, "bob@world.example", "anna@shore.example", &mail).starts_with("250"));
}

fn ashore(world: &World) -> usize {
    world.mails().len()
}

fn aboard(station: &Station) -> usize {
    let arrived = |m: &&Value| m["to"] == "anna@boat.example" && m["state"] == "delivered";
    station.messages().iter().filter(arrived).count()
}

/// Millionths of an amount as it is shown.
fn millionths(amount: &Value) -> i64 {
    let (whole, part) = amount.as_str().unwrap().split_once('.').unwrap();
    whole.parse::<i64>().unwrap() * 1_000_000 + format!("{part:0<6}").parse::<i64>().unwrap()
}

/// The network's count of a box, its own count, the account of the month, and the sum of all bills: all the same.
fn bill_is(station: &Station, on_air: usize) {
    // A scene may reach into another month.
    let month = |time: &Value| time.as_str().unwrap()[..7].to_owned();
    let mut months: BTreeSet<String> = station.messages().iter().map(|message| month(&message["accepted"])).collect();
    months.insert(month(&station.json(&["status"])["time"]));
    let report: Vec<Value> = months.iter().map(|month| station.json(&["costs", "--month", month])).collect();
    let rows = |name: &'static str| {
        report.iter().flat_map(|of| of["accounts"].as_array().unwrap()).filter(move |row| row["account"] == name)
    };
    let of = |name: &'static str| {
        rows(name)
            .fold((0, 0), |sum, row| (sum.0 + row["packets"].as_u64().unwrap(), sum.1 + millionths(&row["money"])))
    };
    let (all, own) = (of("(box)"), of("(own)"));
    let mut sum = own;
    for message in station.messages() {
        let bill = station.json(&["queue", "show", message["id"].as_str().unwrap()])["bill"].clone();
        if bill != Value::Null {
            sum.0 += bill["spent"]["packets"].as_u64().unwrap();
            sum.1 += millionths(&bill["spent"]["money"]);
            assert!(bill["spent"]["packets"].as_u64() <= bill["quoted"]["packets"].as_u64(), "{bill}");
        }
    }
    let booked = station.status().unwrap()["packets_sent"].as_u64().unwrap();
    let on_air = on_air as u64;
    assert_eq!((booked, all, sum), (on_air, (on_air, on_air as i64 * 70_000), all), "{report:?}");
    assert!(rows("(box)").all(|row| row["reserved"]["packets"] == 0), "{report:?}");
}

/// Two boxes write to each other: alone, in bundles, in fragments, with receipts that leave alone.
#[test]
fn packets_on_air_are_booked_and_billed() {
    let world = World::start(&[]);
    let (station, gateway) = (world.station(), world.gateway());
    for station in [&station, &gateway] {
        station.set(&[("link.price", "0.07")]);
    }
    let (station, gateway) = (station.started(), gateway.started());
    from_anna(&station, "First up");
    wait_for("the first ashore", 4 * SOON, || (ashore(&world) == 1).then_some(()));
    from_bob(&gateway, "First down");
    wait_for("the first aboard", 4 * SOON, || (aboard(&station) == 1).then_some(()));

    // Messages that wait for the modem share packets; a long one goes in fragments.
    let ready = |wanted: bool| {
        wait_for("the link to change", 4 * SOON, || {
            station.status().filter(|status| link_of(status)["ready"] == wanted)
        })
    };
    world.modem_says("power off");
    ready(false);
    (0..5).for_each(|n| from_anna(&station, &format!("Together {n}")));
    let long: String = (0..160_u64).map(|n| format!("{} ", n * n * 7919 % 10_007)).collect();
    // One number, one source: what is tried, sent and shown says the same packets.
    let words = ["send", "--from", "anna", "--subject", "Long", "bob@world.example"];
    let tried = station.cli_ok(&[&words[..], &["--dry-run"]].concat(), &long);
    let sent = station.cli_ok(&words, &long);
    let counts = |said: &str| -> BTreeSet<String> {
        let words: Vec<_> = said.split_whitespace().collect();
        let packets = words.windows(2).filter(|pair| pair[1].starts_with("packet"));
        packets.map(|pair| pair[0].trim_start_matches('(').to_owned()).collect()
    };
    assert_eq!((counts(&tried).len(), counts(&tried)), (1, counts(&sent)), "{tried}{sent}");
    let id = sent.split_whitespace().next().unwrap();
    let quoted = station.json(&["queue", "show", id])["bill"]["quoted"]["packets"].as_u64().unwrap();
    assert_eq!(counts(&sent), BTreeSet::from([quoted.to_string()]));
    assert!(quoted > 1, "{sent}");
    world.modem_says("power on");
    ready(true);
    wait_for("all ashore", 8 * SOON, || (ashore(&world) == 7).then_some(()));
    (0..3).for_each(|n| from_bob(&gateway, &format!("Re: Together {n}")));
    wait_for("all aboard", 8 * SOON, || (aboard(&station) == 4).then_some(()));

    wait_for("all to be settled", 8 * SOON, || {
        let open = |station: &Station| station.waiting().iter().filter(|message| message["state"] != "sent").count();
        (open(&station) == 0 && open(&gateway) == 0).then_some(())
    });
    let up: BTreeSet<_> = world.on_air().into_iter().map(|(id, _)| id).collect();
    bill_is(&station, up.len());
    let listed = world.hive_says("messages");
    let down = listed.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let down = down.filter(|packet| packet["direction"] == 2 && [2, 3].map(Value::from).contains(&packet["status"]));
    bill_is(&gateway, down.count());
    assert!(up.len() < 9, "messages shared packets");
    for station in [&station, &gateway] {
        station.totals_balance();
    }
}

/// Days pass without a receipt: the repeat, and the receipt that leaves alone at last, are the box's own. The message arrives once,
/// and is billed once.
#[test]
fn repeats_and_receipts_are_the_box_s_own() {
    const DAYS: u64 = 2 * 86_400 + 7_200;
    let folder = Folder::new();
    let clock = OwnClock::new(&folder);
    let world = World::start_with(&[], &clock.environment());
    let (mut station, mut gateway) = (world.station(), world.gateway());
    for station in [&station, &gateway] {
        station.set(&[("link.price", "0.07")]);
    }
    station.start();
    gateway.start();
    from_anna(&station, "First up");
    wait_for("the first ashore", 4 * SOON, || (ashore(&world) == 1).then_some(()));
    from_bob(&gateway, "First down");
    wait_for("the first aboard", 4 * SOON, || (aboard(&station) == 1).then_some(()));

    // Nobody ashore reads what comes, so nobody says that it came.
    gateway.stop();
    from_anna(&station, "Second up");
    let second = wait_for("it to be sent", 4 * SOON, || {
        station.messages().into_iter().find(|m| m["subject"] == "Second up" && m["state"] == "sent")
    });
    let up = |world: &World| world.on_air().into_iter().map(|(id, _)| id).collect::<BTreeSet<_>>().len();
    let before = up(&world);
    bill_is(&station, before);
    station.stop();
    // For the modem as well, which tells its box the time.
    clock.ahead(DAYS);
    station.start_with(&clock.environment());
    wait_for("the repeat on air", 4 * SOON, || (up(&world) > before).then_some(()));
    wait_for("the repeat to be booked", 4 * SOON, || {
        (station.status()?["packets_sent"].as_u64()? as usize == up(&world)).then_some(())
    });
    bill_is(&station, up(&world));
    let shown = |station: &Station| station.json(&["queue", "show", second["id"].as_str().unwrap()]);
    assert_eq!(shown(&station)["bill"]["spent"]["packets"], 1, "{}", shown(&station));
    let own = |station: &Station| {
        let now = station.json(&["costs"]);
        let row = now["accounts"].as_array().unwrap().iter().find(|row| row["account"] == "(own)").cloned();
        row.map_or(0, |row| row["packets"].as_u64().unwrap())
    };
    let repeats = own(&station);
    assert!(repeats > 0);

    // Both copies come to the gateway, and one mail leaves it. Its receipt leaves alone when nothing else does for a day.
    gateway.start();
    wait_for("the second ashore", 4 * SOON, || (ashore(&world) == 2).then_some(()));
    let down = || {
        let listed = world.hive_says("messages");
        let down = listed.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        down.filter(|packet| packet["direction"] == 2).count()
    };
    let (packets, owned) = (down(), own(&gateway));
    gateway.stop();
    gateway.start_with(&clock.environment());
    wait_for("the receipt to leave alone", 4 * SOON, || (down() > packets).then_some(()));
    wait_for("the receipt on board", 4 * SOON, || {
        Some(shown(&station)).filter(|message| message["state"] == "at the far box" || message["state"] == "delivered")
    });
    wait_for("the receipt to be booked", 4 * SOON, || (own(&gateway) > owned).then_some(()));
    assert_eq!(ashore(&world), 2, "one mail for each message");
    bill_is(&station, up(&world));
    bill_is(&gateway, down());
    for station in [&station, &gateway] {
        station.totals_balance();
    }
}
