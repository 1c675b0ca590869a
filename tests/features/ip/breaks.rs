//! Lines that break at every place, boxes that are killed: nothing is lost, nothing comes twice.

use super::Sea;
use crate::support::command::link_of;
use crate::support::{SOON, wait_for};

/// `ip-link.md` section 9, case 4, with the real binary: cuts behind many places of an exchange, in both directions. Each
/// byte of it is cut in the pure test beside the session.
fn cuts(way: &str, places: &[u64]) {
    let sea = Sea::paired(&[], &[]);
    for (number, place) in places.iter().enumerate() {
        sea.line_says(&format!("cut-after {way} {place}"));
        sea.send(number);
        sea.wait_taken(0..number + 1);
        sea.station.wait_gone(3 * SOON, &format!("bob{number}@world.example"));
        sea.line_says("clear");
        sea.wait_up();
    }
    sea.station.totals_balance();
    sea.gateway.totals_balance();
}

scenes!(cuts: before_the_packet("up", &[0, 1, 30]), within_the_packet("up", &[60, 90, 100]), the_receipt("down", &[0, 1, 20, 33]));

/// Case 3: the gateway is killed with a packet in hand, before or behind its commit, again and again.
#[test]
fn a_gateway_that_is_killed_takes_each_message_once() {
    let mut sea = Sea::paired(&[], &[]);
    for number in 0..4 {
        sea.send(number);
        // Killed somewhere between the arrival of the packet and the receipt.
        crate::support::pause();
        sea.gateway.kill();
        sea.gateway.start();
        sea.lead_to_gateway();
    }
    sea.wait_taken(0..4);
    for number in 0..4 {
        sea.station.wait_gone(3 * SOON, &format!("bob{number}@world.example"));
    }
    sea.gateway.totals_balance();
}

#[test]
fn a_station_that_is_killed_sends_each_message_once() {
    let mut sea = Sea::paired(&["--delay", "40"], &[]);
    for number in 0..4 {
        sea.send(number);
        crate::support::pause();
        sea.station.kill();
        sea.station.start();
    }
    sea.wait_taken(0..4);
    for number in 0..4 {
        sea.station.wait_gone(3 * SOON, &format!("bob{number}@world.example"));
    }
    sea.station.totals_balance();
}

/// A gateway that was killed while the path keeps the connection: the station finds out, as its packet is not receipted.
#[test]
fn a_line_that_swallows_everything_is_given_up() {
    let sea = Sea::paired(&[], &[]);
    sea.line_says("stall");
    sea.send(0);
    wait_for("the station to give the line up", 3 * SOON, || {
        let status = sea.station.status()?;
        link_of(&status)["words"].as_str()?.contains("does not answer any more").then_some(())
    });
    assert_eq!(sea.gateway.messages().len(), 0);
    sea.line_says("clear");
    sea.wait_taken(0..1);
}

/// Case 8: the login page of a network.
#[test]
fn a_portal_is_no_far_box() {
    let sea = Sea::paired(&[], &[]);
    sea.line_says("portal");
    sea.line_says("cut");
    sea.wait_words("a login page of the network?");
    sea.send(0);
    assert_eq!(link_of(&sea.station.status().unwrap())["ready"], false);
    sea.line_says("clear");
    sea.wait_taken(0..1);
}

/// Case 10: the gateway's data is gone, and so is the pairing; after a new one what waited goes.
#[test]
fn a_gateway_that_was_set_up_anew_has_another_key() {
    let sea = Sea::paired(&[], &[]);
    let other = Sea::strangers(&[], &[]);
    sea.line_says(&format!("to {}", other.gateway.listener("ip")));
    sea.line_says("cut");
    sea.wait_words("or the far box was set up anew");
    sea.send(0);
    let code = other.code();
    sea.station.cli_ok(&["pair", "join", &sea.address, &code], "");
    other.wait_taken(0..1);
    assert_eq!(sea.gateway.messages().len(), 0);
}

/// Case 15: raw keys have no dates, so this needs no clock at all; case 2 of several boxes is in the unit tests.
#[test]
fn a_slow_drip_is_a_line_too() {
    let sea = Sea::paired(&[], &[]);
    sea.line_says("drip");
    sea.send(0);
    sea.wait_taken(0..1);
    sea.station.wait_gone(SOON, "bob0@world.example");
}

/// Case 11: the station is put back to a backup, in which one message is on the line and one waits. What it says again is known
/// by what it says, and what is new is not taken for anything that it said before.
#[test]
fn a_station_that_was_put_back_says_nothing_twice_and_is_heard() {
    let mut sea = Sea::paired(&[], &[]);
    sea.send(0);
    sea.wait_taken(0..1);
    sea.station.wait_gone(3 * SOON, "bob0@world.example");
    sea.line_says("stall");
    sea.send(1);
    sea.station.wait_state(3 * SOON, "bob1@world.example", "on the link");
    sea.line_says("refuse");
    sea.line_says("cut");
    wait_for("the line to be down", 2 * SOON, || {
        sea.station.status().filter(|status| link_of(status)["ready"] == false)
    });
    sea.send(2);
    let backup = sea.folder.path("backup");
    sea.station.cli_ok(&["backup", backup.to_str().unwrap()], "");
    sea.line_says("clear");
    sea.wait_taken(0..3);
    sea.send(3);
    sea.wait_taken(0..4);
    sea.station.wait_gone(3 * SOON, "bob3@world.example");
    sea.station.kill();
    sea.station.cli_ok(&["restore", backup.to_str().unwrap(), "--replace"], "");
    sea.station.start();
    sea.send(4);
    sea.wait_taken(0..5);
    for number in 0..3 {
        sea.station.wait_gone(3 * SOON, &format!("bob{number}@world.example"));
    }
    sea.send(5);
    sea.wait_taken(0..6);
    sea.station.totals_balance();
    sea.gateway.totals_balance();
}
