//! One silent device stops nobody else, and whatever waits says for what, and until when.

use serde_json::Value;

use crate::support::command::link_of;
use crate::support::shore::{Shore, from_outside, message};
use crate::support::{SOON, Smtp, Station, World, pause, wait_for};

const ANNA: &str = "anna@shore.example";
const BEN: &str = "ben@shore.example";

/// Several short messages from olga, by SMTP.
fn write(gateway: &Station, to: &str, count: usize) {
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    smtp.login("olga");
    for number in 0..count {
        assert!(smtp.mail("olga@shore.example", to, &message("", &format!("number {number}"))).starts_with("250"));
    }
}

/// All that waits has a time in the future, and one of these reasons.
fn true_reasons(gateway: &Station, wanted: &[&str]) -> Result<Vec<Value>, String> {
    let waiting = gateway.waiting();
    let now = gateway.json(&["status"])["time"].as_str().unwrap().to_owned();
    for message in &waiting {
        let (reason, next) = (message["reason"].as_str().unwrap(), message["next"].as_str().unwrap_or_default());
        // Times of JSON are RFC 3339 in UTC: their order is that of their texts.
        let on_link = message["state"] == "on the link" && reason.starts_with("handed to the link");
        if next <= now.as_str() || !(on_link || wanted.iter().any(|part| reason.contains(part))) {
            return Err(format!("at {now}: {message}"));
        }
    }
    Ok(waiting)
}

/// Waits until what waits has only these reasons, and gives the messages.
fn wait_true(gateway: &Station, wanted: &[&str]) -> Vec<Value> {
    let mut last = String::new();
    let end = std::time::Instant::now() + 3 * SOON;
    while std::time::Instant::now() < end {
        match true_reasons(gateway, wanted) {
            Ok(messages) => return messages,
            Err(why) => last = why,
        }
        pause();
    }
    panic!("not {wanted:?} but {last}");
}

#[test]
fn one_silent_device_stops_nobody_else() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846", "ben=7"]).started();
    write(&gateway, ANNA, 70);
    wait_for("a window for anna's device", 3 * SOON, || (shore.to_device(6846).len() >= 64).then_some(()));
    write(&gateway, BEN, 3);
    wait_for("the messages to ben", SOON, || (shore.to_device(7).len() == 3).then_some(()));
    let waiting = wait_true(&gateway, &["64 packets for device 0x001abe wait on the link"]);
    assert_eq!(waiting.iter().filter(|message| message["state"] == "queued").count(), 6);
    let silent = link_of(&gateway.status().unwrap())["silent"][0].clone();
    let field = |name: &str| silent[name].clone();
    assert_eq!((field("device"), field("person")), ("0x001abe".into(), "anna".into()), "{silent}");
    assert_eq!((field("on_link"), field("waiting")), (64.into(), 6.into()), "{silent}");
    let said = gateway.cli_ok(&["status"], "");
    assert!(said.contains("device 0x001abe of anna took none of its 64 packets since"), "{said}");
    // One that leaves makes room for the next.
    let first = shore.packets().iter().find(|packet| packet["deviceId"] == 6846).unwrap()["packetId"].clone();
    shore.hive_says(&format!("status {first} 3"));
    wait_for("one more", 3 * SOON, || (shore.to_device(6846).len() == 65).then_some(()));
    gateway.totals_balance();
}

/// A device that the Hive refuses is alone with that.
#[test]
fn a_refused_device_stops_nobody_else() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=99", "ben=7"]).started();
    write(&gateway, ANNA, 2);
    gateway.wait_state(SOON, ANNA, "queued");
    write(&gateway, BEN, 2);
    wait_for("the messages to ben", SOON, || (shore.to_device(7).len() == 2).then_some(()));
    let waiting = wait_true(&gateway, &["not two-way enabled", "refused another message for device 0x000063"]);
    assert!(waiting.iter().any(|message| message["reason"].as_str().unwrap().contains("not two-way enabled")));
    gateway.totals_balance();
}

/// Long messages: one of them is on the link in part, and says for what its rest waits, also when the link is switched off.
#[test]
fn a_message_that_is_on_the_link_in_part_says_what_its_rest_waits_for() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    let mut smtp = Smtp::connect(gateway.listener("smtp"));
    smtp.login("olga");
    let figures: Vec<String> = (0..80_u64).map(|n| (n * n * 7919 % 10_007).to_string()).collect();
    let figures = figures.join(" ");
    for number in 0..24 {
        assert!(smtp.mail("olga@shore.example", ANNA, &message("", &format!("{number} {figures}"))).starts_with("250"));
    }
    wait_for("a window for anna's device", 3 * SOON, || (shore.to_device(6846).len() == 64).then_some(()));
    let waiting = wait_true(&gateway, &["64 packets for device 0x001abe wait on the link"]);
    let planned = |message: &Value| {
        let shown = gateway.json(&["queue", "show", message["id"].as_str().unwrap()]);
        shown["packets"].as_array().unwrap().iter().filter(|packet| packet["state"] == "planned").count()
    };
    let planned: Vec<usize> = waiting.iter().map(planned).collect();
    assert!(planned.iter().any(|packets| *packets > 0), "one is on the link in part: {waiting:?}");
    // Messages, and not their packets.
    let rest = |(message, planned): &(&Value, &usize)| **planned > 0 || message["state"] == "queued";
    let rest = waiting.iter().zip(&planned).filter(rest).count();
    wait_for(&format!("{rest} messages to be counted"), SOON, || {
        (link_of(&gateway.status()?)["silent"][0]["waiting"] == rest).then_some(())
    });
    gateway.cli_ok(&["link", "off", "hive"], "");
    wait_true(&gateway, &["this box has none in use", "no link may take it: hive is off"]);
    gateway.cli_ok(&["link", "on", "hive"], "");
    wait_true(&gateway, &["64 packets for device 0x001abe wait on the link"]);
    gateway.totals_balance();
}

/// All waiting messages of a box, in one situation after the other.
#[test]
fn what_waits_says_for_what_and_until_when() {
    let shore = Shore::start();
    let more = [("relay.port", "1"), ("air.max_parts", "2"), ("budget.packets", "9"), ("budget.reserve", "0")];
    let mut gateway = shore.gateway(&more, &["olga", "anna=6846", "ben=7"]);
    gateway.set(&[("sms.carrier", "none")]);
    gateway.start();
    shore.leaves(&gateway);
    write(&gateway, ANNA, 3);
    write(&gateway, "bob@world.example", 1);
    let stranger = from_outside(&gateway, BEN, &message("", "who are you"));
    assert!(stranger.starts_with("250"), "{stranger}");
    let long = "word ".repeat(120);
    gateway.cli_ok(&["send", ANNA, "--from", "olga", "--subject", "Long"], &long);
    let others = ["refused", "Connection refused", "cannot be reached", "no answer", "waits for the mail relay"];
    let held = ["the sender is a stranger", "2 are allowed"];
    let all = |link: &[&'static str]| [&others[..], &held, link].concat();
    let waiting = wait_true(&gateway, &all(&["waits for the link, which is not ready"]));
    assert_eq!(waiting.len(), 6);
    gateway.cli_ok(&["link", "off", "hive"], "");
    wait_true(&gateway, &all(&["this box has none in use"]));
    gateway.cli_ok(&["link", "on", "hive"], "");
    wait_true(&gateway, &all(&["waits for the link, which is not ready"]));
    // A restart changes nothing about that.
    gateway.kill();
    gateway.start();
    wait_true(&gateway, &all(&["waits for the link, which is not ready"]));
    shore.hive_says("down off");
    wait_for("three on the link", 3 * SOON, || (shore.to_device(6846).len() == 3).then_some(()));
    wait_true(&gateway, &all(&[]));
    gateway.totals_balance();
}

/// The same on a station: a modem without a satellite, without power, and messages that wait for each other.
#[test]
fn what_waits_for_a_modem_says_for_what() {
    let world = World::start(&["--start", "running"]);
    let station = world.station();
    station.set(&[("m138.window", "2")]);
    let station = station.started();
    let ready = |wanted: bool| {
        wait_for("the link to change", 4 * SOON, || {
            station.status().filter(|status| link_of(status)["ready"] == wanted)
        })
    };
    ready(true);
    world.modem_says("pass end");
    let mut smtp = Smtp::connect(station.listener("smtp"));
    smtp.login("anna");
    for number in 0..5 {
        let mail = message("", &format!("number {number}"));
        assert!(smtp.mail("anna@boat.example", "bob@world.example", &mail).starts_with("250"));
    }
    let waiting =
        wait_true(&station, &["2 packets wait on the link, as many as may: a satellite has to take one first"]);
    assert_eq!(waiting.iter().filter(|message| message["state"] == "queued").count(), 3);
    let said = station.cli_ok(&["status"], "");
    assert!(said.contains("no satellite took one of the 2 packets on the link"), "{said}");
    world.modem_says("power off");
    ready(false);
    let waiting = wait_true(&station, &["waits for the link, which is not ready"]);
    let urgent = waiting.iter().find(|message| message["state"] == "queued").unwrap()["id"].clone();
    // What its owner did last is not what it waits for.
    station.cli_ok(&["queue", "retry", urgent.as_str().unwrap()], "");
    wait_true(&station, &["waits for the link, which is not ready"]);
    station.totals_balance();
}
