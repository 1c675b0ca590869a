//! Faults of one link stay its own, and those of the configuration wait for the owner.

use crate::support::{SOON, Station, World, wait_for};

/// The box is killed in a hand-over to the modem, and has a Hive when it comes back: the Hive says nothing about what the modem
/// was given, and the message is not returned while the modem sends it.
#[test]
fn another_link_says_nothing_about_what_a_modem_was_given() {
    let world = World::start(&["--start", "running"]);
    let mut station = world.station().started();
    wait_for("the modem", 4 * SOON, || station.status().filter(|status| status["links"]["m138"]["ready"] == true));
    // The answers to commands come late: there is time for the kill.
    world.modem_says("pass end");
    world.modem_says("late 1500 1000");
    station.cli_ok(&["send", "--from", "anna", "--text", "hello", "bob@world.example"], "");
    wait_for("the command at the modem", 2 * SOON, || (!world.modem_says("queue").is_empty()).then_some(()));
    station.kill();
    world.modem_says("late 0 0");
    station.cli_ok(&["link", "off", "m138"], "");
    let hive = ["link", "add", "hive", "hive", "link.price", "0", "hive.url", &world.hive_url, "hive.user", "u"];
    station.cli_ok(&[&hive[..], &["hive.password", "p", "hive.poll", "1"]].concat(), "");
    station.start();
    wait_for("the Hive", SOON, || station.status().filter(|status| status["links"]["hive"]["ready"] == true));
    let before = world.hive_says("journal").len();
    wait_for("the Hive to be asked again", SOON, || (world.hive_says("journal").len() > before).then_some(()));
    let waits = station.messages();
    assert!(["queued", "on the link"].contains(&waits[0]["state"].as_str().unwrap()), "{}", waits[0]);
    station.cli_ok(&["link", "on", "m138"], "");
    // Where the modem was killed before it told the id, that is known when the packet leaves.
    wait_for("the modem to be asked", 4 * SOON, || {
        let message = &station.messages()[0];
        let nameless = message["reason"].as_str().is_some_and(|why| why.contains("a packet of unknown id"));
        (message["state"] == "on the link" || nameless).then_some(())
    });
    world.modem_says("pass begin");
    wait_for("the message to leave", 4 * SOON, || (!world.on_air().is_empty()).then_some(()));
    wait_for("what became of it", 4 * SOON, || {
        let message = &station.messages()[0];
        let told = message["reason"].as_str().is_some_and(|why| why.contains("not known whether it left"));
        (message["state"] == "sent" || told).then_some(())
    });
    // What its own modem sends comes to the account of that Hive, and is not sent on.
    wait_for("the Hive to have brought it", 4 * SOON, || {
        station.log_text().contains("link hive hears this box's own modem").then_some(())
    });
    assert_eq!((world.on_air().len(), station.messages().len()), (1, 1));
    station.totals_balance();
}

#[test]
fn a_station_whose_link_reaches_only_devices_returns_nothing() {
    let world = World::start(&[]);
    let settings = [
        ("box.domain", "boat.example"),
        ("link.driver", "hive"),
        ("hive.url", &world.hive_url),
        ("hive.user", "u"),
        ("hive.password", "p"),
        ("hive.poll", "1"),
    ];
    let station = Station::new(&world.folder, "odd", &settings, &["anna"]).started();
    wait_for("the Hive", SOON, || station.status().filter(|status| status["links"]["hive"]["ready"] == true));
    station.cli_ok(&["send", "--from", "anna", "--text", "hello", "bob@world.example"], "");
    wait_for("the reason", SOON, || {
        let said = station.messages()[0]["reason"].as_str().unwrap().to_owned();
        said.contains("the links in use reach only devices").then_some(())
    });
    assert_eq!(station.messages().len(), 1, "nobody was told that it failed");
    assert_eq!(station.messages()[0]["state"], "queued");
    let check = station.said(&["check"]);
    assert!(check.code != 0 && check.out.contains("reaches only devices"), "{}", check.out);
    // The owner mends it.
    let port = world.folder.path("modem");
    station.cli_ok(&["link", "add", "boat", "m138", "link.price", "0", "m138.port", port.to_str().unwrap()], "");
    wait_for("the message to leave", 4 * SOON, || (station.messages()[0]["state"] == "sent").then_some(()));
}

/// Nobody is told that a message is tried where there is no link to try it by.
#[test]
fn what_is_tried_again_says_what_it_waits_for() {
    let world = World::start(&[]);
    let mut station = world.station();
    station.cli_ok(&["link", "off", "m138"], "");
    station.start();
    station.cli_ok(&["send", "--from", "anna", "--text", "hello", "bob@world.example"], "");
    let id = station.messages()[0]["id"].as_str().unwrap().to_owned();
    wait_for("it to wait", SOON, || {
        station.messages()[0]["reason"].as_str().is_some_and(|why| why.contains("none in use")).then_some(())
    });
    let said = station.cli_ok(&["queue", "retry", &id], "");
    assert!(said.contains("none in use") && !said.contains("tried again now"), "{said}");
}
