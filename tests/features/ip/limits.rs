//! Limits of a line: its budget, what waits behind much else, and two copies of one box.

use std::process::Command;

use super::Sea;
use crate::support::web::Client;
use crate::support::{SOON, Station, has_gone, wait_for};

fn link_name(station: &Station) -> String {
    station.json(&["link", "list"])[0]["name"].as_str().unwrap().to_owned()
}

/// Case 14: the bytes of a day are used up. Normal messages wait and say until when, an urgent one goes.
#[test]
fn a_line_whose_bytes_are_used_up_carries_what_is_urgent() {
    let sea = Sea::paired(&[], &[]);
    sea.station.cli_ok(&["link", "set", &link_name(&sea.station), "ip.budget_day", "3000"], "");
    sea.wait_up();
    let mut sent = 0;
    wait_for("the bytes to be used up", 4 * SOON, || {
        let status = sea.station.status()?;
        let words = crate::support::command::link_of(&status)["words"].as_str().unwrap_or_default().to_owned();
        if words.contains("budget for the bytes of this line is used up") {
            return Some(());
        }
        if sea.station.waiting().iter().all(has_gone) {
            sea.send(sent);
            sent += 1;
        }
        None
    });
    sea.send(900);
    let waits = wait_for("the reason of what waits", SOON, || {
        let found = sea.station.messages().into_iter().find(|message| message["to"] == "bob900@world.example")?;
        found["reason"].as_str().filter(|why| why.contains("budget")).map(|_| found["id"].as_str().unwrap().to_owned())
    });
    let urgent = ["send", "--from", "anna", "--text", "Help", "--priority", "urgent", "bob901@world.example"];
    sea.station.cli_ok(&urgent, "");
    wait_for("the urgent one at the gateway", 2 * SOON, || {
        sea.gateway.messages().into_iter().find(|message| message["to"] == "bob901@world.example")
    });
    assert_eq!(sea.station.json(&["queue", "show", &waits])["state"], "queued");
    let page = Client::logged_in(&sea.station, "anna").get("/");
    for step in ["80 % of the budget of", "100 % of the budget of"] {
        assert!(page.body.contains(step), "{step}: {}", page.body);
    }
    sea.station.totals_balance();
}

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
