//! A message goes there and is receipted.

use super::Sea;
use crate::support::command::link_of;
use crate::support::{SOON, wait_for};

#[test]
fn a_message_goes_over_the_internet_and_is_told_to_have_arrived() {
    let sea = Sea::paired(&["--delay", "20"], &[]);
    let before = sea.counts();
    sea.send(0);
    sea.wait_taken(0..1);
    let gone = sea.station.wait_gone(SOON, "bob0@world.example");
    let steps = sea.station.json(&["queue", "show", gone["id"].as_str().unwrap()])["steps"].to_string();
    assert!(steps.contains("far box has it"), "{steps}");
    let after = sea.counts();
    assert_eq!(after.connections, before.connections, "the line was held");
    sea.station.totals_balance();
    sea.gateway.totals_balance();
    let status = sea.gateway.status().unwrap();
    assert!(link_of(&status)["words"].as_str().unwrap().starts_with("1 of 1 paired boxes"), "{}", status["links"]);
}

/// Over a line that costs nothing messages and what is owed to the other box go at once: which coding it reads, and what
/// became of a message behind it.
#[test]
fn nothing_waits_for_company_where_packets_cost_nothing() {
    let sea = Sea::paired(&[], &[("air.gather", "86400")]);
    sea.send(0);
    // Nobody ashore knows its writer yet.
    let held = |to: &str| {
        let all = || sea.station.messages().into_iter();
        wait_for("what became of it ashore", SOON, || {
            all().find(|message| message["to"] == to && message["ashore"] == "held")
        })
    };
    held("bob0@world.example");
    sea.send(1);
    let second = held("bob1@world.example");
    let bytes = |name: &str| second["on_air"][name].as_u64().unwrap();
    assert!(bytes("bytes") < bytes("classic_bytes"), "the boxes have agreed on a coding: {second}");
    sea.station.totals_balance();
    sea.gateway.totals_balance();
}
