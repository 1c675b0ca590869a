//! Messages that wait on the modem: not more than the window, and only as long as their owner and their time allow.

use std::time::Duration;

use super::scene::{ALWAYS, MENDS, Scene};
use crate::support::shore::unhex;
use crate::support::wait_for;

/// At most `m138.window` packets are on the modem; one that is withdrawn makes room; what no satellite takes in its
/// time comes back, and is on the modem no more.
#[test]
fn window_withdrawal_and_expiry() {
    let mut scene = Scene::start(&["--start", "running", "--factor", "1"]);
    scene.station.set(&[("m138.window", "2"), ("air.lifetime", "60")]);
    scene.modem("pass end");
    let ids: Vec<_> = (0..5).map(|n| scene.up(&format!("message {n}"))).collect();
    (0..5).for_each(|n| scene.take_back(&format!("message {n}")));
    scene.state(&ids[1], "on the link", MENDS);
    assert_eq!(scene.on_modem(), 2, "{}", scene.report());
    for id in &ids[2..] {
        assert_eq!(scene.state(id, "queued", Duration::ZERO)["state"], "queued");
    }

    scene.station.cli_ok(&["queue", "cancel", &ids[0]], "");
    scene.state(&ids[0], "cancelled", MENDS);
    scene.state(&ids[2], "on the link", MENDS);
    scene.station.cli_ok(&["queue", "cancel", &ids[4]], "");
    scene.state(&ids[4], "cancelled", MENDS);
    assert_eq!(scene.on_modem(), 2, "{}", scene.report());
    scene.station.totals_balance();

    for id in &ids[1..4] {
        scene.state(id, "expired", 2 * MENDS);
    }
    assert_eq!(scene.on_modem(), 0, "{}", scene.report());
    assert!(scene.world.on_air().is_empty());
    let notices = wait_for("three notices", MENDS, || {
        let messages = scene.station.messages();
        let notices: Vec<_> =
            messages.into_iter().filter(|m| m["origin"] == "notice" && m["state"] == "delivered").collect();
        (notices.len() == 3).then_some(notices)
    });
    assert!(notices.iter().all(|m| m["to"] == "anna@boat.example"), "{notices:?}");
    scene.station.totals_balance();
}

/// Firmware 1.x says when a hold time is over: the message comes back.
#[test]
fn the_modem_gives_a_packet_up() {
    let mut scene = Scene::start(&["--firmware", "1", "--start", "running"]);
    scene.station.cli_ok(&["settings", "set", "air.lifetime", "60"], "");
    scene.modem("pass end");
    // Sixty seconds of hold time pass twenty times faster on the modem.
    let id = scene.up("too late");
    scene.take_back("too late");
    scene.state(&id, "on the link", MENDS);
    let shown = scene.state(&id, "returned", MENDS);
    assert!(shown["reason"].as_str().unwrap().contains("hold time"), "{shown}");
    assert_eq!(scene.on_modem(), 0);
    scene.modem("pass auto");
    scene.both("in time");
    scene.settle();
}

/// `$TD SENT` that is never seen is settled with what the modem still holds.
#[test]
fn acknowledged_unseen() {
    let mut scene = Scene::start(&ALWAYS);
    scene.modem("nosent 2");
    let ids = [scene.up("one unseen"), scene.up("two unseen")];
    scene.both("seen");
    for id in &ids {
        scene.state(id, "sent", 2 * MENDS);
    }
    let shown = scene.state(&ids[0], "sent", Duration::ZERO);
    assert!(shown["reason"].as_str().unwrap().contains("was not seen"), "{shown}");
    scene.settle();
}

/// An urgent message goes before the eight normal ones that the modem holds already: they are taken back and handed over again
/// behind it, and each goes once.
#[test]
fn an_urgent_message_overtakes_what_is_on_the_modem() {
    let mut scene = Scene::start(&["--start", "running", "--factor", "1"]);
    scene.modem("pass end");
    let ids: Vec<_> = (0..8).map(|n| scene.up(&format!("message {n:02}"))).collect();
    scene.state(&ids[7], "on the link", 4 * MENDS);
    assert_eq!(scene.on_modem(), 8, "{}", scene.report());
    let urgent = scene.urgent("in need");
    scene.state(&urgent, "on the link", 4 * MENDS);
    scene.state(&ids[7], "on the link", 4 * MENDS);
    assert_eq!(scene.on_modem(), 9, "{}", scene.report());
    scene.modem("pass begin");
    scene.arrived();
    let on_air = scene.world.on_air();
    let first = String::from_utf8_lossy(&unhex(&on_air[0].1)).into_owned();
    assert!(first.contains("in need"), "{first:?}");
    scene.once();
    let shown = scene.station.cli_ok(&["queue", "show", &ids[0]], "");
    assert!(shown.contains("taken back from the link: an urgent message goes first"), "{shown}");
}
