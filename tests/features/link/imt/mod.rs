//! Messages through a RockBLOCK 9704 and a ground service: real binaries at both ends, and a modem that its seller's own
//! library has judged in between.

mod wholes;

use serde_json::Value;

use crate::link::sbd::scene::{LONG, Scene, bytes};
use crate::support::command::link_of;
use crate::support::{SOON, Station, send, wait_for};

/// Anna writes to Bob from the boat.
fn write(station: &Station, subject: &str) {
    write_text(station, subject, "All is well here.");
}

fn write_text(station: &Station, subject: &str, text: &str) {
    let mail = format!("From: anna@boat.example\nSubject: {subject}\n\n{text}\n");
    let reply = send(station, Some("anna"), "anna@boat.example", "bob@world.example", &mail);
    assert!(reply.starts_with("250"), "{reply}");
}

/// Waits until the internet's mail server has a mail with this subject.
fn wait_mail(scene: &Scene, subject: &str) {
    wait_for(&format!("the mail '{subject}'"), LONG, || {
        let has = |mail: &Value| mail["data"].as_str().unwrap().contains(&format!("Subject: {subject}\r\n"));
        scene.mails().iter().any(has).then_some(())
    });
}

/// Waits until the page says this of the link.
fn wait_words(station: &Station, words: &str) {
    wait_for(words, LONG, || {
        let status = station.status()?;
        link_of(&status)["words"].as_str().filter(|said| said.contains(words)).map(|_| ())
    });
}

/// Bytes that the modem was on air with, for which the network charges.
fn billed(scene: &Scene) -> u64 {
    scene.shown("billed").parse().unwrap()
}

/// How the messages ended that the modem was given.
fn ends(scene: &Scene) -> Vec<Value> {
    let lines = scene.modem("journal").into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    lines.filter(|line| line["up"].is_string()).collect()
}

/// Waits until the modem is that far with a message.
fn wait_stage(scene: &Scene, stage: &str) {
    wait_for(&format!("a message to be {stage}"), LONG, || (scene.shown("stage") == stage).then_some(()));
}

/// Waits until a message is on the link.
fn wait_on_link(station: &Station, subject: &str) {
    wait_for(&format!("'{subject}' to be on the link"), LONG, || {
        (of(&station.messages(), subject)?["state"] == "on the link").then_some(())
    });
}

/// No message is at the ground twice.
fn nothing_twice(scene: &Scene) {
    let data: Vec<_> = scene.ups().iter().map(|up| up["data"].as_str().unwrap().to_owned()).collect();
    let mut once = data.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), data.len(), "each message went up once: {data:?}");
}

fn of<'m>(messages: &'m [Value], subject: &str) -> Option<&'m Value> {
    messages.iter().find(|message| message["subject"] == subject)
}

/// Waits until a message says that nobody knows whether it went.
fn wait_doubt(station: &Station, subject: &str) {
    wait_for(&format!("the doubt about '{subject}'"), LONG, || {
        let messages = station.messages();
        let reason = of(&messages, subject)?["reason"].as_str()?.to_owned();
        reason.contains("not known").then_some(())
    });
}

#[test]
fn messages_go_both_ways_for_what_the_network_charges() {
    let scene = Scene::imt("4000");
    let (station, gateway) = (scene.station().started(), scene.gateway().started());
    scene.calls(&gateway);
    write(&station, "From the boat");
    wait_mail(&scene, "From the boat");
    station.wait_state(SOON, "bob@world.example", "sent");
    // What waits comes down by itself: nobody asks for it, and no message goes up for it.
    let mail = "From: bob@world.example\nSubject: Re: From the boat\n\nGlad to hear it.\n";
    assert!(send(&gateway, None, "bob@world.example", "anna@shore.example", mail).starts_with("250"));
    wait_for("the answer", LONG, || {
        let messages = station.messages();
        (of(&messages, "Re: From the boat")?["state"] == "delivered").then_some(())
    });
    // A long one is one message on this link, not a row of packets.
    let words = (1..1500_u32).map(|at| format!("{:x}", at.wrapping_mul(2_654_435_761) >> 12));
    let long = words.collect::<Vec<_>>().chunks(10).map(|line| line.join(" ")).collect::<Vec<_>>().join("\n");
    write_text(&station, "A long one", &long);
    wait_mail(&scene, "A long one");
    let ups = scene.ups();
    assert!(ups.iter().any(|up| up["data"].as_str().unwrap().len() > 2 * 1446), "more than a segment in one message");
    wait_for("both bills", SOON, || {
        let [up, down, _] = scene.credits();
        let same = bytes(&station) == billed(&scene) && bytes(&station) == up && bytes(&gateway) == down;
        (same && down > 0).then_some(())
    });
    nothing_twice(&scene);
    station.totals_balance();
    gateway.totals_balance();
}

#[test]
fn a_station_killed_at_any_moment_sends_nothing_twice() {
    let scene = Scene::imt("60000");
    // Classic packets: nobody can be asked what arrived, and what is not known stays so.
    let (mut station, gateway) = (scene.station_with(&[("air.compact", "off")]).started(), scene.gateway().started());
    scene.calls(&gateway);
    // Killed while the modem holds it and nothing was on air: it is taken back, and goes once.
    assert_eq!(scene.modem("held 6000000"), ["ok"]);
    write(&station, "Killed before");
    wait_stage(&scene, "held");
    wait_on_link(&station, "Killed before");
    station.kill();
    assert_eq!(scene.modem("held 0"), ["ok"]);
    station.start();
    wait_mail(&scene, "Killed before");
    // Killed after its end: it does not go again, whoever heard of it.
    let before = ends(&scene).len();
    write(&station, "Killed after");
    wait_for("its end", LONG, || (ends(&scene).len() > before).then_some(()));
    station.kill();
    station.start();
    wait_mail(&scene, "Killed after");
    // Killed while it is on air: the modem's word tells that it may have been.
    assert_eq!(scene.modem("transit 6000000"), ["ok"]);
    write(&station, "Killed on air");
    wait_stage(&scene, "on-air");
    wait_on_link(&station, "Killed on air");
    station.kill();
    station.start();
    wait_for("the modem's word", LONG, || {
        ends(&scene).iter().any(|end| end["end"] == "message_cancelled_in_transit").then_some(())
    });
    wait_doubt(&station, "Killed on air");
    // Killed, and the modem restarts meanwhile: nothing is asked of it, and nothing sent again.
    write(&station, "Killed with it");
    wait_stage(&scene, "on-air");
    wait_on_link(&station, "Killed with it");
    station.kill();
    assert_eq!(scene.modem("reboot"), ["ok"]);
    assert_eq!(scene.modem("transit 4000"), ["ok"]);
    station.start();
    wait_doubt(&station, "Killed with it");
    write(&station, "Others go");
    wait_mail(&scene, "Others go");
    nothing_twice(&scene);
    assert_eq!(scene.mails().len(), 3);
    // All that was on air is on the bill, whoever knows what became of it, and nothing else.
    wait_for("the bill", SOON, || (bytes(&station) == billed(&scene)).then_some(()));
    station.totals_balance();
}

#[test]
fn faults_of_the_modem_lose_nothing_and_are_told() {
    let scene = Scene::imt("2000");
    let (station, gateway) = (scene.station_with(&[("air.compact", "off")]).started(), scene.gateway().started());
    scene.calls(&gateway);
    for fault in
        ["e405 1", "e418 1", "overflow 1", "interleave 4", "rubbish 4", "final segment_not_supplied", "twice 1"]
    {
        assert_eq!(scene.modem(fault), ["ok"]);
    }
    write(&station, "Through");
    wait_mail(&scene, "Through");
    assert_eq!(bytes(&station), billed(&scene), "what was never on air is not on the bill");
    // What cannot be known is shown as such: it is at the ground, and does not go again.
    assert_eq!(scene.modem("falsefail 1"), ["ok"]);
    write(&station, "Says it failed");
    wait_mail(&scene, "Says it failed");
    wait_doubt(&station, "Says it failed");
    // The next one is not held up by it.
    write(&station, "Next");
    wait_mail(&scene, "Next");
    // Unplugged in the middle, the page says so; plugged in again it is waited for.
    assert_eq!(scene.modem("transit 600000"), ["ok"]);
    write(&station, "Pulled");
    wait_stage(&scene, "on-air");
    assert_eq!(scene.modem("unplug"), ["ok"]);
    wait_words(&station, "plug the modem in");
    assert_eq!(scene.modem("plug"), ["ok"]);
    wait_mail(&scene, "Pulled");
    // Without a plan nothing goes, and the owner is told.
    assert_eq!(scene.modem("subscription 1"), ["ok"]);
    write(&station, "Unpaid");
    wait_words(&station, "its plan is not active");
    station.wait_state(SOON, "bob@world.example", "queued");
    nothing_twice(&scene);
    wait_for("the bill", SOON, || (bytes(&station) == billed(&scene)).then_some(()));
    station.totals_balance();
}

#[test]
fn a_new_modem_waits_for_its_topics() {
    let scene = Scene::imt("2000");
    assert_eq!(scene.modem("provision 86400000"), ["ok"]);
    let (station, gateway) = (scene.station().started(), scene.gateway().started());
    scene.calls(&gateway);
    write(&station, "Patience");
    wait_words(&station, "not provisioned yet");
    assert!(ends(&scene).is_empty());
    assert_eq!(scene.modem("topics"), ["ok"]);
    wait_mail(&scene, "Patience");
    assert_eq!(scene.ups().len(), 1);
}
