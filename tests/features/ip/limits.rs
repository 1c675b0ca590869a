//! Limits of a line: what waits behind much else, and two copies of one box.

use std::process::Command;

use super::Sea;
use crate::support::{SOON, Station, wait_for};

/// Case 12: what is urgent goes first, however much waits.
#[test]
fn an_urgent_message_goes_before_all_that_waits() {
    let sea = Sea::paired(&[], &[]);
    sea.line_says("refuse");
    sea.line_says("cut");
    wait_for("the line to be down", 2 * SOON, || {
        sea.station.status().filter(|status| crate::support::command::link_of(status)["ready"] == false)
    });
    (0..60).for_each(|number| sea.send(number));
    let urgent = ["send", "--from", "anna", "--text", "Help", "--priority", "urgent", "bob60@world.example"];
    sea.station.cli_ok(&urgent, "");
    sea.line_says("clear");
    sea.wait_taken(0..61);
    let place = sea.gateway.messages().iter().position(|message| message["to"] == "bob60@world.example");
    assert!(place.is_some_and(|place| place < 16), "in the first packet: {place:?}");
}

/// Case 16: a backup was put back on another machine, and both run: each says so, and the newer one is served.
#[test]
fn two_copies_of_one_box_are_told_apart() {
    let mut sea = Sea::paired(&[], &[]);
    sea.station.stop();
    let (from, to) = (sea.station.folder.clone(), sea.folder.path("twin"));
    assert!(Command::new("cp").args(["-r"]).args([&from, &to]).status().unwrap().success());
    sea.station.start();
    sea.wait_up();
    let twin = Station::bare(&sea.folder, "twin").started();
    sea.wait_words("another box has connected with the key of this one");
    wait_for("the newer one to be connected", 2 * SOON, || {
        twin.status().filter(|status| crate::support::command::link_of(status)["ready"] == true)
    });
}
