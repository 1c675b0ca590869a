//! Long messages over the modem, messages that are held, and messages that are taken back from the modem.

use std::time::Duration;

use crate::support::command::link_of;
use crate::support::shore::{as_classic, classic, unhex};
use crate::support::web::Client;
use crate::support::{SOON, Station, World, send, wait_for};

/// About 520 bytes that say where they are.
fn long_text() -> String {
    (1..=40).map(|n| format!("word{n:03} für")).collect::<Vec<_>>().join(" ")
}

fn from_anna(station: &Station, subject: &str, text: &str) -> String {
    let mail = format!("From: anna@boat.example\nSubject: {subject}\n\n{text}\n");
    let reply = send(station, Some("anna"), "anna@boat.example", "bob@world.example", &mail);
    reply.trim().strip_prefix("250 2.0.0 kept as ").unwrap_or_else(|| panic!("{reply}")).to_owned()
}

fn shown(station: &Station, id: &str) -> serde_json::Value {
    station.json(&["queue", "show", id])
}

/// A message of several packets arrives as one, byte for byte, in both directions, and each packet is paid once.
#[test]
fn a_long_message_crosses_in_parts_and_arrives_as_one() {
    let world = World::start(&[]);
    let (station, gateway) = (world.station().started(), world.gateway().started());
    let text = long_text();
    let id = from_anna(&station, "Long", &text);
    let mail = wait_for("the mail at the internet's server", 4 * SOON, || world.mails().into_iter().next());
    let data = mail["data"].as_str().unwrap();
    assert!(data.contains("Message-ID: <"), "{data}");
    let message = gateway.wait_state(SOON, "bob@world.example", "delivered");
    assert_eq!(message["text"], format!("Long\n{text}"));
    let sent =
        wait_for("all packets to be sent", 2 * SOON, || Some(shown(&station, &id)).filter(|m| m["state"] == "sent"));
    let packets = sent["packets"].as_array().unwrap();
    assert!(packets.len() > 2 && packets.iter().all(|packet| packet["bytes"].as_u64().unwrap() <= 192), "{sent}");
    assert_eq!(world.on_air().len(), packets.len());
    assert_eq!(world.mails().len(), 1);

    let answer = format!("From: bob@world.example\nSubject: Re: Long\n\n{text}\n");
    assert!(send(&gateway, None, "bob@world.example", "anna@shore.example", &answer).starts_with("250"));
    let arrived = station.wait_state(4 * SOON, "anna@boat.example", "delivered");
    assert_eq!(arrived["text"], format!("Re: Long\n{text}"));
    station.totals_balance();
    gateway.totals_balance();
}

/// A message over its limit is held, and the sender is not asked to pay: it goes when it is released, not before.
#[test]
fn a_message_over_the_limit_waits_for_its_owner() {
    let world = World::start(&["--pass-every", "600", "--pass-length", "0"]);
    let station = world.station();
    station.cli_ok(&["settings", "set", "air.max_parts", "2"], "");
    let station = station.started();
    let (first, second) = (from_anna(&station, "First", &long_text()), from_anna(&station, "Second", &long_text()));
    for id in [&first, &second] {
        let held = shown(&station, id);
        assert_eq!(held["state"], "held");
        assert!(held["reason"].as_str().unwrap().contains("packets, and 2 are allowed"), "{held}");
    }
    let again = station.cli(&["queue", "retry", &first], "");
    assert_eq!(again.status.code(), Some(1));
    station.cli_ok(&["queue", "cancel", &second], "");
    assert_eq!(shown(&station, &second)["state"], "cancelled");
    station.cli_ok(&["queue", "release", &first], "");
    let on_modem = wait_for("the message on the modem", 2 * SOON, || {
        Some(shown(&station, &first)).filter(|m| m["state"] == "on the link")
    });
    assert!(on_modem["packets"].as_array().unwrap().len() > 2);
    assert_eq!(station.cli(&["queue", "release", &second], "").status.code(), Some(1));
    assert_eq!(station.cli(&["queue", "hold", &first], "").status.code(), Some(1));
    assert!(world.on_air().is_empty());
    world.modem_says("pass begin");
    wait_for("all to be sent", 2 * SOON, || Some(shown(&station, &first)).filter(|m| m["state"] == "sent"));
    assert_eq!(world.on_air().len(), on_modem["packets"].as_array().unwrap().len());
    station.totals_balance();
}

/// What waits on the modem can be taken back: it is withdrawn there, never sent, and never paid.
#[test]
fn a_message_on_the_modem_can_be_taken_back() {
    let world = World::start(&["--pass-every", "600", "--pass-length", "0"]);
    let station = world.station().started();
    let (kept, unwanted) = (from_anna(&station, "", "Keep this one."), from_anna(&station, "", "Not this one."));
    let regretted = from_anna(&station, "", "Nor that one.");
    for id in [&kept, &unwanted, &regretted] {
        wait_for("the message on the modem", 2 * SOON, || {
            Some(shown(&station, id)).filter(|m| m["state"] == "on the link")
        });
    }
    assert!(station.cli_ok(&["queue", "cancel", &unwanted], "").contains("being withdrawn"));
    // Who wrote it does so on its page.
    let mut anna = Client::logged_in(&station, "anna");
    let form = format!("csrf={}", anna.token("/account"));
    assert_eq!(anna.form(&format!("/messages/{regretted}/take-back"), &form, &anna.own()).status, 303);
    for id in [&unwanted, &regretted] {
        let cancelled = wait_for("the message to be withdrawn", 2 * SOON, || {
            Some(shown(&station, id)).filter(|m| m["state"] == "cancelled")
        });
        assert!(cancelled["reason"].as_str().unwrap().contains("withdrawn"), "{cancelled}");
    }
    world.modem_says("pass begin");
    let sent =
        wait_for("the other to be sent", 2 * SOON, || Some(shown(&station, &kept)).filter(|m| m["state"] == "sent"));
    let payload = classic(true, "bob@world.example", "Keep this one.");
    let on_air: Vec<_> = world.on_air().into_iter().map(|(_, data)| as_classic(&unhex(&data))).collect();
    assert_eq!(on_air, [payload]);
    // Too late now.
    assert_eq!(station.cli(&["queue", "cancel", sent["id"].as_str().unwrap()], "").status.code(), Some(1));
    station.totals_balance();
}

/// Cases F1 to F6: a modem that is off, chatters or restarts is waited for; what it hears becomes a message here.
#[test]
fn the_modem_is_found_waited_for_and_heard() {
    let world = World::start(&["--pass-every", "600", "--pass-length", "0"]);
    world.modem_says("power off");
    let station = world.station().started();
    let ready = |wanted: bool| {
        let what = format!("the link to be {}", if wanted { "ready" } else { "down" });
        wait_for(&what, Duration::from_secs(60), || {
            station.status().filter(|status| link_of(status)["ready"] == wanted)
        })
    };
    let id = from_anna(&station, "", "Waits for the modem.");
    assert_eq!(link_of(&ready(false))["ready"], false);
    assert_eq!(shown(&station, &id)["state"], "queued");
    world.modem_says("power on");
    ready(true);
    wait_for("the message on the modem", 2 * SOON, || {
        Some(shown(&station, &id)).filter(|m| m["state"] == "on the link")
    });
    world.modem_says("pass begin");
    let payload = crate::support::shore::hex(&classic(false, "bob@world.example", "Hello boat"));
    assert_eq!(world.modem_says(&format!("down 1000 {payload}"))[0], "ok");
    assert_eq!(world.modem_says("down 1000 1337DEADBEEF")[0], "ok");
    let arrived = station.wait_state(2 * SOON, "anna@boat.example", "delivered");
    assert_eq!((&arrived["from"], &arrived["text"]), (&"bob@world.example".into(), &"Hello boat".into()));
    wait_for("the other packet to be set aside", 2 * SOON, || {
        station.log_text().contains("in quarantine").then_some(())
    });
    station.totals_balance();
}
