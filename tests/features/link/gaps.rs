//! A packet that a satellite took and nobody ever got, though its successor is confirmed: the gap is news.

use serde_json::Value;

use crate::support::clock::OwnClock;
use crate::support::{Folder, SOON, Smtp, Station, World, wait_for};

fn write(station: &Station, subject: &str) -> String {
    let sent = station.json(&["send", "--from", "anna", "--subject", subject, "--text", subject, "bob@world.example"]);
    sent[0]["id"].as_str().unwrap().to_owned()
}

fn state(station: &Station, id: &str, states: &[&str]) -> Value {
    wait_for(&format!("{id} to be one of {states:?}"), 4 * SOON, || {
        let shown = station.json(&["queue", "show", id]);
        states.contains(&shown["state"].as_str().unwrap()).then_some(shown)
    })
}

fn ashore(world: &World, count: usize) {
    wait_for(&format!("{count} mails ashore"), 4 * SOON, || (world.mails().len() >= count).then_some(()));
}

fn from_bob(gateway: &Station, station: &Station, text: &str) {
    let mail = format!("From: bob@world.example\nSubject: {text}\n\n{text}\n");
    let reply = Smtp::connect(gateway.door("smtp")).mail("bob@world.example", "anna@shore.example", &mail);
    assert!(reply.starts_with("250"), "{reply}");
    wait_for(text, 4 * SOON, || station.messages().into_iter().find(|m| m["body"] == text));
}

/// Packets that came from the station, as the Hive has them.
fn uplinks(world: &World) -> Vec<Value> {
    let listed = world.hive_says("messages");
    let packets = listed.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    packets.filter(|packet| packet["direction"] == 1).collect()
}

/// An hour later the far box is asked, says no, and the packet goes once more: at two hours, not at forty-eight. Nothing arrives
/// twice, and nothing was called delivered before.
#[test]
fn a_lost_packet_is_asked_about_and_sent_again() {
    let folder = Folder::new();
    let clock = OwnClock::new(&folder);
    let world = World::start_with(&[], &clock.environment());
    let (mut station, mut gateway) = (world.station(), world.gateway().started());
    station.start_with(&clock.environment());
    write(&station, "First");
    ashore(&world, 1);
    from_bob(&gateway, &station, "Known now.");

    gateway.stop();
    let known = uplinks(&world).len();
    let lost = write(&station, "Lost on its way");
    state(&station, &lost, &["sent"]);
    let packet = wait_for("its packet in the Hive", SOON, || uplinks(&world).get(known).cloned());
    // Taken from the list before anybody reads it.
    world.hive_says(&format!("status {} 2", packet["packetId"]));
    let next = write(&station, "The next one");
    state(&station, &next, &["sent"]);
    gateway.start();
    ashore(&world, 2);
    from_bob(&gateway, &station, "Got the next one.");
    state(&station, &next, &["at the far box", "delivered"]);
    assert_eq!(state(&station, &lost, &["sent"])["ashore"], "unknown");

    station.stop();
    clock.ahead(7_200);
    station.start_with(&clock.environment());
    ashore(&world, 3);
    from_bob(&gateway, &station, "Got it all.");
    let there = state(&station, &lost, &["at the far box", "delivered"]);
    assert!(there["steps"].to_string().contains("the far box"), "{there}");
    let mut subjects: Vec<_> = world
        .mails()
        .iter()
        .filter_map(|mail| {
            mail["data"].as_str().unwrap().lines().find_map(|l| l.strip_prefix("Subject: ").map(str::to_owned))
        })
        .collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["First", "Lost on its way", "The next one"]);
    for station in [&station, &gateway] {
        station.books_balance();
    }
}
