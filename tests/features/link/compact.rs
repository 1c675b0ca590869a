//! Two boxes agree on the compact coding, share packets, confirm each other's messages; classic peers never notice.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{FileType, Mode};

use crate::support::command::link_of;
use crate::support::shore::{Shore, as_classic, classic, from_outside, message, unhex};
use crate::support::web::Client;
use crate::support::{SOON, Station, World, send, wait_for};
use serde_json::Value;

/// The first messages wait for nothing, later ones are told apart from them by their number of packets.
fn from_anna(station: &Station, subject: &str) -> String {
    let mail = format!("From: anna@boat.example\nSubject: {subject}\n\nText of {subject}, all is well on board.\n");
    let reply = send(station, Some("anna"), "anna@boat.example", "bob@world.example", &mail);
    reply.trim().strip_prefix("250 2.0.0 kept as ").unwrap_or_else(|| panic!("{reply}")).to_owned()
}

fn from_bob(gateway: &Station, subject: &str) {
    let mail = format!("From: bob@world.example\nSubject: {subject}\n\nText of {subject}.\n");
    assert!(send(gateway, None, "bob@world.example", "anna@shore.example", &mail).starts_with("250"));
}

fn shown(station: &Station, id: &str) -> Value {
    station.json(&["queue", "show", id])
}

fn wait_shown(station: &Station, id: &str, state: &str) -> Value {
    wait_for(&format!("{id} to be {state}"), 4 * SOON, || {
        Some(shown(station, id)).filter(|message| message["state"] == state)
    })
}

/// Waits until the far box has a message; it may have handed it on meanwhile.
fn wait_there(station: &Station, id: &str) {
    wait_for(&format!("{id} to be at the far box"), 4 * SOON, || {
        let state = shown(station, id)["state"].as_str().unwrap().to_owned();
        ["at the far box", "delivered"].contains(&state.as_str()).then_some(())
    });
}

fn wait_aboard(station: &Station, subject: &str) -> Value {
    wait_for(&format!("'{subject}' on board"), 4 * SOON, || {
        let found = |m: &Value| m["to"] == "anna@boat.example" && m["subject"] == subject && m["state"] == "delivered";
        station.messages().into_iter().find(found)
    })
}

fn wait_ashore(world: &World, subject: &str) {
    let line = format!("Subject: {subject}\r\n");
    wait_for(&format!("'{subject}' at the internet's server"), 4 * SOON, || {
        world.mails().iter().any(|mail| mail["data"].as_str().unwrap().contains(&line)).then_some(())
    });
}

/// A message each way, and both know what the other one reads.
fn agree(world: &World, station: &Station, gateway: &Station) {
    from_anna(station, "First up");
    wait_ashore(world, "First up");
    from_bob(gateway, "First down");
    wait_aboard(station, "First down");
}

/// Messages that are written meanwhile wait here; afterwards the modem has them, and no satellite comes.
fn while_the_modem_is_off<T>(world: &World, station: &Station, write: impl FnOnce() -> T) -> T {
    let ready = |wanted: bool| {
        wait_for("the link to change", Duration::from_secs(60), || {
            station.status().filter(|status| link_of(status)["ready"] == wanted)
        });
    };
    world.modem_says("power off");
    ready(false);
    let written = write();
    world.modem_says("pass end");
    world.modem_says("power on");
    ready(true);
    written
}

#[test]
fn two_boxes_agree_bundle_and_confirm() {
    let world = World::start(&[]);
    let station = world.station();
    std::fs::write(station.folder.join("model-6.primed"), "damaged").unwrap();
    let (station, gateway) = (station.started(), world.gateway().started());
    agree(&world, &station, &gateway);
    let before = world.on_air();
    assert!(before.iter().all(|(_, data)| unhex(data)[0] == 0x08), "{before:?}");

    // Four messages wait for the modem: they leave in one packet.
    let four = while_the_modem_is_off(&world, &station, || {
        (1..=4).map(|n| from_anna(&station, &format!("Together {n}"))).collect::<Vec<_>>()
    });
    let on_modem = wait_shown(&station, &four[3], "on the link");
    assert_eq!(on_modem["packets"][0]["messages"].as_array().unwrap().len(), 4, "{on_modem}");
    world.modem_says("pass begin");
    for (number, id) in four.iter().enumerate() {
        wait_ashore(&world, &format!("Together {}", number + 1));
        let sent = wait_shown(&station, id, "sent");
        assert_eq!((&sent["final"], &sent["on_air"]["messages"]), (&false.into(), &4.into()), "{sent}");
    }
    // Sent again it would take the others along: that, and what all of them cost, is said before.
    let said = station.cli_ok(&["queue", "show", &four[0]], "");
    assert!(said.contains("It goes once more, with 3 others that shared its packets, for 4 packets"), "{said}");
    let after = world.on_air();
    assert_eq!(after.len(), before.len() + 1);
    assert!(unhex(&after.last().unwrap().1)[0] >= 0x80);
    let model = |at: &Station| std::fs::read(at.folder.join("model-6.primed")).unwrap();
    assert!(model(&station) == model(&gateway), "a damaged model is made anew");

    // Its receipt rides in the answer.
    from_bob(&gateway, "Re: Together");
    let answer = wait_aboard(&station, "Re: Together");
    assert_eq!(shown(&station, answer["id"].as_str().unwrap())["text"], "Re: Together\nText of Re: Together.");
    for id in &four {
        wait_there(&station, id);
    }
    assert!(station.cli_ok(&["queue", "show", &four[0]], "").contains("shared with 3 other messages"));
    assert!(station.status().unwrap()["packets_saved"].as_u64().unwrap() >= 3);
    for at in [&station, &gateway] {
        at.totals_balance();
    }
    assert_eq!(world.mails().len(), 5);
}

#[test]
fn one_message_of_a_packet_on_the_modem_is_taken_back() {
    let world = World::start(&[]);
    let (station, gateway) = (world.station().started(), world.gateway().started());
    agree(&world, &station, &gateway);
    let three = while_the_modem_is_off(&world, &station, || {
        (1..=3).map(|n| from_anna(&station, &format!("Maybe {n}"))).collect::<Vec<_>>()
    });
    let on_modem = wait_shown(&station, &three[2], "on the link");
    assert_eq!(on_modem["packets"][0]["messages"].as_array().unwrap().len(), 3, "{on_modem}");
    assert!(station.cli_ok(&["queue", "cancel", &three[1]], "").contains("being withdrawn"));
    wait_shown(&station, &three[1], "cancelled");
    for id in [&three[0], &three[2]] {
        wait_shown(&station, id, "on the link");
    }
    world.modem_says("pass begin");
    wait_ashore(&world, "Maybe 1");
    wait_ashore(&world, "Maybe 3");
    let subjects: Vec<_> = world.mails().iter().map(|mail| mail["data"].as_str().unwrap().to_owned()).collect();
    assert!(!subjects.iter().any(|data| data.contains("Maybe 2")), "{subjects:?}");
    station.totals_balance();
}

/// Killed while messages wait on the modem and on their way: both boxes still know what they said to each other.
#[test]
fn a_power_cut_between_two_boxes_that_talk() {
    let world = World::start(&[]);
    let (mut station, mut gateway) = (world.station().started(), world.gateway().started());
    agree(&world, &station, &gateway);
    let two = while_the_modem_is_off(&world, &station, || {
        (1..=2).map(|n| from_anna(&station, &format!("Cut {n}"))).collect::<Vec<_>>()
    });
    wait_shown(&station, &two[1], "on the link");
    station.kill();
    gateway.kill();
    world.modem_says("pass begin");
    gateway.start();
    station.start();
    wait_ashore(&world, "Cut 1");
    wait_ashore(&world, "Cut 2");
    from_bob(&gateway, "Re: Cut");
    wait_aboard(&station, "Re: Cut");
    for id in &two {
        wait_there(&station, id);
    }
    assert_eq!(world.mails().len(), 3);
    station.totals_balance();
    gateway.totals_balance();
}

/// A packet comes while the coder is being made ready, which may take long: it stays on the modem, and being ready is what
/// has it read, not a wait that is over.
#[test]
fn what_comes_before_the_coder_is_ready_is_read_as_soon_as_it_is() {
    let world = World::start(&[]);
    let (mut station, gateway) = (world.station().started(), world.gateway().started());
    agree(&world, &station, &gateway);
    station.stop();
    // The primed model comes out of a pipe, when this test says so.
    let model = station.folder.join("model-6.primed");
    std::fs::remove_file(&model).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &model, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    from_bob(&gateway, "Too early");
    station.start();
    let up = from_anna(&station, "Waits as well");
    wait_for("the packet to be read from the modem", 2 * SOON, || {
        world.modem_says("inbox").iter().any(|line| line.ends_with(" read")).then_some(())
    });
    wait_for("the message to wait", 2 * SOON, || {
        shown(&station, &up)["reason"].as_str()?.contains("coder").then_some(())
    });
    assert!(!station.messages().iter().any(|m| m["subject"] == "Too early"));
    let primed = std::fs::read(gateway.folder.join("model-6.primed")).unwrap();
    let priming = std::thread::spawn(move || std::fs::write(&model, primed));
    // A wait that nobody ends early would be twice as long.
    wait_for("it to be on board", SOON, || station.messages().into_iter().find(|m| m["subject"] == "Too early"));
    priming.join().unwrap().unwrap();
    wait_ashore(&world, "Waits as well");
    station.totals_balance();
}

/// A peer that knows nothing but `MessageDataPB` reads all that is sent to it, is read, and gets nothing else.
#[test]
fn a_classic_peer_understands_and_is_understood() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    for number in 0..3 {
        let text = format!("Number {number}");
        let packet = shore.uplink("6846", &classic(true, "bob@world.example", &text), None);
        shore.wait_acknowledged(packet);
        assert!(from_outside(&gateway, "anna@shore.example", &message("", &text)).starts_with("250"));
        wait_for("the packet to anna", SOON, || (shore.to_device(6846).len() > number).then_some(()));
    }
    shore.wait_mails(3);
    let down: Vec<_> = (0..3).map(|number| classic(false, "bob@world.example", &format!("Number {number}"))).collect();
    assert_eq!(shore.to_device(6846), down);
    let raw = shore.packets();
    let toward: Vec<_> = raw.iter().filter(|packet| packet["direction"] == 2).collect();
    assert_eq!(toward.len(), 3, "{raw:?}");
    // A packet of the original schema read back is the packet of the original schema.
    assert_eq!(as_classic(&down[0]), down[0]);
    gateway.totals_balance();
}

/// Switched off on one side, both sides stay classic.
#[test]
fn a_box_may_keep_to_the_classic_coding() {
    let world = World::start(&[]);
    let (station, gateway) = (world.station(), world.gateway());
    gateway.cli_ok(&["settings", "set", "air.compact", "off"], "");
    let (station, gateway) = (station.started(), gateway.started());
    agree(&world, &station, &gateway);
    let id = from_anna(&station, "Still classic");
    wait_ashore(&world, "Still classic");
    let sent = wait_for("it to be sent", 2 * SOON, || Some(shown(&station, &id)).filter(|m| m["state"] == "sent"));
    assert_eq!(sent["final"], true);
    assert!(world.on_air().iter().all(|(_, data)| unhex(data)[0] == 0x08));
    from_bob(&gateway, "Also classic");
    wait_aboard(&station, "Also classic");
}

/// A display name travels once, in a packet that has room for it anyway, and stands beside the address from then on.
#[test]
fn a_display_name_travels_once_and_is_shown() {
    let world = World::start(&[]);
    let (station, gateway) = (world.station().started(), world.gateway().started());
    agree(&world, &station, &gateway);
    for subject in ["Name one", "Name two"] {
        let mail = format!("From: Robert Tables <bob@world.example>\nSubject: {subject}\n\nText of {subject}.\n");
        assert!(send(&gateway, None, "bounce-77@world.example", "anna@shore.example", &mail).starts_with("250"));
        let aboard = wait_aboard(&station, subject);
        assert_eq!((&aboard["from"], &aboard["from_name"]), (&"bob@world.example".into(), &"Robert Tables".into()));
    }
    let packets: Vec<Vec<u8>> = world
        .hive_says("messages")
        .iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|packet| packet["direction"] == 2)
        .map(|packet| STANDARD.decode(packet["data"].as_str().unwrap()).unwrap())
        .collect();
    let named = |packet: &&Vec<u8>| packet.windows(13).any(|bytes| bytes == b"Robert Tables");
    assert_eq!(packets.iter().filter(named).count(), 1, "{packets:?}");
    let mailbox = Client::logged_in(&station, "anna").get("/mailbox").body;
    assert_eq!(mailbox.matches("Robert Tables &lt;bob@world.example&gt;").count(), 2, "{mailbox}");
}
