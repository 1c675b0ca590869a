//! On a classic link nobody can be asked: what may have left is shown as unknown, nothing goes again by itself, and its owner
//! sees what it costs before it is sent again.

use std::time::Duration;

use serde_json::Value;

use super::m138::scene::Scene;
use super::sbd::scene::{self as ground, Service, bill};
use crate::support::web::{Client, hidden};
use crate::support::{SOON, Station, send, wait_for};

fn shown(station: &Station, id: &str) -> Value {
    station.json(&["queue", "show", id])
}

/// Waits until it is said that nobody knows whether a message left.
fn wait_unknown(station: &Station, id: &str) {
    wait_for(&format!("{id} to be unknown"), 2 * SOON, || {
        (shown(station, id)["code"] == "link.left_unknown").then_some(())
    });
    is_unknown(station, id);
}

/// It is neither sent nor failed nor delivered, and never was.
#[track_caller]
fn is_unknown(station: &Station, id: &str) {
    let message = shown(station, id);
    assert_eq!((&message["state"], &message["final"]), (&"on the link".into(), &false.into()), "{message}");
    assert_eq!(message["packets"][0]["state"], "not known whether it left", "{message}");
    let reason = message["reason"].as_str().unwrap();
    assert!(reason.contains("not known whether it left") && reason.contains("nobody can be asked"), "{message}");
    let steps = message["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| ["queued", "on the link"].contains(&step["state"].as_str().unwrap())), "{message}");
}

/// Sends it again on its page, which says this price before; so does the command that shows it.
fn send_again(station: &Station, owner: &str, id: &str, price: &str) {
    let said = station.cli_ok(&["queue", "show", id], "");
    assert!(said.contains(&format!("satpost queue again {id}")) && said.contains(price), "{said}");
    assert!(!said.contains("\nnext "), "nothing goes by itself: {said}");
    let client = Client::logged_in(station, owner);
    let page = client.get(&format!("/messages/{id}")).body;
    assert!(page.contains("not known whether it left") && !page.contains("Next attempt"), "{page}");
    assert!(page.contains("Send again") && page.contains(price) && page.contains("a classic peer may"), "{page}");
    let form = format!("csrf={}&once={}", hidden(&page, "csrf"), hidden(&page, "once"));
    assert_eq!(client.form(&format!("/messages/{id}/again"), &form, &client.own()).status, 303);
}

/// The modem has a packet and its answer is lost; the cable is pulled, and a satellite takes it before it is back.
#[test]
fn a_packet_that_may_have_left_the_modem_goes_again_when_its_owner_wants_it() {
    let mut scene = Scene::start(&["--start", "running"]);
    scene.station.set(&[("air.compact", "off"), ("link.price", "0.07")]);
    scene.modem("pass end");
    scene.modem("noreply 1 TD");
    let id = scene.up("In doubt");
    wait_for("the packet on the modem", SOON, || (scene.on_modem() == 1).then_some(()));
    scene.modem("unplug");
    let on_air = |count: usize| {
        scene.modem("pass begin");
        wait_for(&format!("{count} packets on air"), SOON, || (scene.world.on_air().len() == count).then_some(()));
        scene.modem("pass end");
    };
    on_air(1);
    scene.modem("plug");
    wait_unknown(&scene.station, &id);

    // Others go, the box begins anew, and it stays as it is.
    let next = scene.station.json(&["send", "--from", "anna", "--text", "behind it", "bob@world.example"]);
    scene.state(next[0]["id"].as_str().unwrap(), "on the link", 2 * SOON);
    on_air(2);
    scene.state(next[0]["id"].as_str().unwrap(), "sent", SOON);
    scene.station.stop();
    scene.station.start();
    scene.ready();
    let asked = scene.station.cli_ok(&["queue", "retry", &id], "");
    assert!(asked.contains("is asked about it now"), "{asked}");
    is_unknown(&scene.station, &id);
    assert_eq!((scene.on_modem(), scene.world.on_air().len()), (0, 2), "{}", scene.report());

    send_again(&scene.station, "anna", &id, "1 packet, 0.07");
    scene.state(&id, "on the link", SOON);
    scene.modem("pass begin");
    scene.state(&id, "sent", SOON);
    assert_eq!(scene.world.on_air().len(), 3, "{}", scene.report());
    // All that flew is on the bill.
    let month = scene.station.json(&["link", "list"])[0]["month"].clone();
    assert!(month["money"] == "0.21", "{month}");
    scene.station.totals_balance();
}

/// The service has a packet and its answer is lost; it has no list to look at.
#[test]
fn a_packet_that_a_ground_service_may_have_goes_again_when_its_owner_wants_it() {
    const LONG: Duration = ground::LONG;
    let scene = ground::Scene::start(Service::Rockblock, "4000");
    let mut gateway = scene.gateway();
    gateway.set(&[("air.compact", "off")]);
    gateway.start();
    let write = |gateway: &Station, subject: &str| {
        let mail = format!("From: bob@world.example\nSubject: {subject}\n\nAll is well here.\n");
        let reply = send(gateway, None, "bob@world.example", "anna@shore.example", &mail);
        reply.trim().strip_prefix("250 2.0.0 kept as ").unwrap_or_else(|| panic!("{reply}")).to_owned()
    };
    let queued = |count: usize| {
        wait_for(&format!("{count} packets at the service"), LONG, || {
            (scene.service("queue").len() == count).then_some(())
        });
    };
    assert_eq!(scene.service("fail mt reset-after"), ["ok"]);
    let id = write(&gateway, "In doubt");
    queued(1);
    wait_unknown(&gateway, &id);

    write(&gateway, "Behind it");
    queued(2);
    gateway.kill();
    gateway.start();
    write(&gateway, "After the power cut");
    queued(3);
    is_unknown(&gateway, &id);

    let (price, before) = (shown(&gateway, &id)["again"].as_str().unwrap().to_owned(), scene.credits()[1]);
    send_again(&gateway, "olga", &id, &price);
    queued(4);
    let paid = scene.credits()[1] - before;
    assert!(price.ends_with(&format!(", 0.{paid:02} USD")), "{paid} credits of a cent, said was {price}");
    wait_for("it to be sent", SOON, || (shown(&gateway, &id)["state"] == "sent").then_some(()));
    wait_for("the bill", SOON, || (bill(&gateway) == scene.credits()[1]).then_some(()));
    gateway.totals_balance();
}
