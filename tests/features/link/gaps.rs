//! What is lost beyond the satellite, after the link said *sent*: a later packet that is there makes the gap known, and its
//! owner may send again what is not confirmed.

use serde_json::Value;

use crate::support::clock::OwnClock;
use crate::support::command::link_of;
use crate::support::web::{Client, hidden};
use crate::support::{Folder, SOON, Station, World, send, wait_for};

fn from_anna(station: &Station, subject: &str) {
    let mail = format!("From: anna@boat.example\nSubject: {subject}\n\nText of {subject}, all is well on board.\n");
    assert!(send(station, Some("anna"), "anna@boat.example", "bob@world.example", &mail).starts_with("250"));
}

fn from_bob(gateway: &Station, subject: &str) {
    let mail = format!("From: bob@world.example\nSubject: {subject}\n\nText of {subject}.\n");
    assert!(send(gateway, None, "bob@world.example", "anna@shore.example", &mail).starts_with("250"));
}

/// The subjects of the mails at the internet's server, in order of the alphabet.
fn ashore(world: &World) -> Vec<String> {
    let subject = |mail: &Value| {
        let line = mail["data"].as_str()?.lines().find_map(|line| line.strip_prefix("Subject: "));
        line.map(str::to_owned)
    };
    let mut all: Vec<_> = world.mails().iter().filter_map(subject).collect();
    all.sort();
    all
}

/// The subjects of the messages that arrived on board.
fn aboard(station: &Station) -> Vec<String> {
    let arrived = |m: &Value| m["to"] == "anna@boat.example" && m["state"] == "delivered";
    let mut all: Vec<String> =
        station.messages().iter().filter(|m| arrived(m)).map(|m| m["subject"].as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

fn wait_ashore(world: &World, wanted: &[&str]) {
    wait_for(&format!("{wanted:?} ashore"), 4 * SOON, || (ashore(world) == wanted).then_some(()));
}

fn wait_aboard(station: &Station, wanted: &[&str]) {
    wait_for(&format!("{wanted:?} on board"), 4 * SOON, || (aboard(station) == wanted).then_some(()));
}

/// Packets in the Hive, of one direction (1: up, 2: down) and status.
fn packets(world: &World, direction: i64, status: &[i64]) -> Vec<Value> {
    let all = world.hive_says("messages").into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    all.filter(|p| p["direction"] == direction && p["status"].as_i64().is_some_and(|s| status.contains(&s))).collect()
}

/// Takes the only packet that waits out of the Hive, as if it were lost behind it.
fn lose(world: &World, direction: i64, waits: i64, gone: i64) {
    let one = wait_for("a packet to lose", 4 * SOON, || {
        Some(packets(world, direction, &[waits])).filter(|packets| packets.len() == 1)
    });
    assert_eq!(world.hive_says(&format!("status {} {gone}", one[0]["packetId"])), ["ok"]);
}

fn message(station: &Station, subject: &str) -> Value {
    let found = station.messages().into_iter().find(|m| m["subject"] == subject);
    found.unwrap_or_else(|| panic!("no message '{subject}'"))
}

fn wait_subject(station: &Station, subject: &str, states: &[&str]) -> Value {
    wait_for(&format!("'{subject}' to be {states:?}"), 4 * SOON, || {
        Some(message(station, subject)).filter(|m| states.iter().any(|state| m["state"] == *state))
    })
}

const THERE: [&str; 2] = ["at the far box", "delivered"];

/// Two boxes that know each other.
fn acquainted(world: &World, station: &Station, gateway: &Station) {
    from_anna(station, "First up");
    wait_ashore(world, &["First up"]);
    from_bob(gateway, "First down");
    wait_aboard(station, &["First down"]);
}

/// A packet is lost after `$TD SENT`, and one after the Hive's *on a satellite*; their successors arrive. Three hours later, and not
/// after the two days in which silence is borne, both gaps are asked about and filled: each message arrives once, and what went
/// again is the box's own.
#[test]
fn what_is_lost_after_it_was_sent_is_missed_and_goes_again() {
    const HOURS: u64 = 3 * 3_600;
    let folder = Folder::new();
    let clock = OwnClock::new(&folder);
    let world = World::start_with(&[], &clock.environment());
    let (mut station, mut gateway) = (world.station(), world.gateway());
    station.start_with(&clock.environment());
    gateway.start_with(&clock.environment());
    acquainted(&world, &station, &gateway);

    // Up: nobody fetches it from the Hive, and then it is gone from there.
    gateway.stop();
    from_anna(&station, "Lost up");
    wait_subject(&station, "Lost up", &["sent"]);
    lose(&world, 1, 0, 2);
    gateway.start_with(&clock.environment());
    from_anna(&station, "Next up");
    wait_ashore(&world, &["First up", "Next up"]);

    // Down: the modem is off while it is said to be on a satellite.
    let ready = |wanted: bool| {
        wait_for("the link to change", 4 * SOON, || {
            station.status().filter(|status| link_of(status)["ready"] == wanted)
        })
    };
    world.modem_says("power off");
    ready(false);
    from_bob(&gateway, "Lost down");
    lose(&world, 2, 1, 3);
    wait_subject(&gateway, "Lost down", &["sent"]);
    world.modem_says("power on");
    ready(true);
    from_bob(&gateway, "Next down");
    wait_aboard(&station, &["First down", "Next down"]);
    // This one has the receipt for the one before.
    from_anna(&station, "Third up");
    wait_ashore(&world, &["First up", "Next up", "Third up"]);
    for (station, lost) in [(&station, "Lost up"), (&gateway, "Lost down")] {
        assert_eq!(message(station, lost)["state"], "sent");
    }

    station.stop();
    gateway.stop();
    clock.ahead(HOURS);
    gateway.start_with(&clock.environment());
    station.start_with(&clock.environment());
    wait_ashore(&world, &["First up", "Lost up", "Next up", "Third up"]);
    wait_aboard(&station, &["First down", "Lost down", "Next down"]);

    // Their receipts ride with what is written next.
    from_bob(&gateway, "Last down");
    wait_subject(&station, "Lost up", &THERE);
    from_anna(&station, "Last up");
    wait_subject(&gateway, "Lost down", &THERE);
    wait_ashore(&world, &["First up", "Last up", "Lost up", "Next up", "Third up"]);
    wait_aboard(&station, &["First down", "Last down", "Lost down", "Next down"]);
    for (station, lost) in [(&station, "Lost up"), (&gateway, "Lost down")] {
        let shown = station.json(&["queue", "show", message(station, lost)["id"].as_str().unwrap()]);
        assert_eq!(shown["bill"]["spent"]["packets"], 1, "{shown}");
        station.totals_balance();
    }
    let up: std::collections::BTreeSet<_> = world.on_air().into_iter().map(|(id, _)| id).collect();
    let down = packets(&world, 2, &[2, 3]);
    for (station, on_air) in [(&station, up.len()), (&gateway, down.len())] {
        wait_for("all packets to be booked", SOON, || {
            (station.status()?["packets_sent"] == on_air as u64).then_some(())
        });
    }
}

/// Whatever is sent and not confirmed may be sent again, by command and on the page, for the price that is said; the far box that has
/// it already delivers it to nobody twice, and one that has not gets it.
#[test]
fn what_is_not_confirmed_may_be_sent_again() {
    let world = World::start(&[]);
    let (mut station, mut gateway) = (world.station(), world.gateway());
    station.set(&[("link.price", "0.07")]);
    station.start();
    gateway.start();
    acquainted(&world, &station, &gateway);

    // There, though nobody said so yet.
    from_anna(&station, "There");
    wait_ashore(&world, &["First up", "There"]);
    let there = wait_subject(&station, "There", &["sent"])["id"].as_str().unwrap().to_owned();
    let said = station.cli_ok(&["queue", "again", &there], "");
    assert!(said.contains("1 packet") && said.contains("0.07"), "{said}");

    // Lost, and sent again on its page.
    wait_subject(&station, "There", &["sent"]);
    gateway.stop();
    from_anna(&station, "Lost");
    let lost = wait_subject(&station, "Lost", &["sent"])["id"].as_str().unwrap().to_owned();
    let waiting = wait_for("its packet in the Hive", 4 * SOON, || {
        Some(packets(&world, 1, &[0])).filter(|packets| !packets.is_empty())
    });
    for packet in waiting {
        assert_eq!(world.hive_says(&format!("status {} 2", packet["packetId"])), ["ok"]);
    }
    let anna = Client::logged_in(&station, "anna");
    let page = anna.get(&format!("/messages/{lost}")).body;
    assert!(page.contains("Send again") && page.contains("0.07"), "{page}");
    let form = format!("csrf={}&once={}", hidden(&page, "csrf"), hidden(&page, "once"));
    assert_eq!(anna.form(&format!("/messages/{lost}/again"), &form, &anna.own()).status, 303);
    gateway.start();
    wait_ashore(&world, &["First up", "Lost", "There"]);

    from_bob(&gateway, "Receipts");
    for subject in ["There", "Lost"] {
        let id = wait_subject(&station, subject, &THERE)["id"].as_str().unwrap().to_owned();
        let refused = station.cli(&["queue", "again", &id], "");
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(!anna.get(&format!("/messages/{id}")).body.contains("Send again"), "{subject} is there");
    }
    assert_eq!(ashore(&world), ["First up", "Lost", "There"]);
    let up: std::collections::BTreeSet<_> = world.on_air().into_iter().map(|(id, _)| id).collect();
    wait_for("all packets to be booked", SOON, || (station.status()?["packets_sent"] == up.len() as u64).then_some(()));
    station.totals_balance();
    gateway.totals_balance();
}
