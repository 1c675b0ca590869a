//! A message goes there and is receipted.

use super::Sea;
use crate::support::SOON;
use crate::support::command::link_of;

#[test]
fn a_message_goes_over_the_internet_and_is_told_to_have_arrived() {
    let sea = Sea::paired(&["--delay", "20"], &[]);
    let before = sea.counts();
    sea.send(0);
    sea.wait_taken(0..1);
    let sent = sea.station.wait_state(SOON, "bob0@world.example", "sent");
    assert!(sent["reason"].as_str().unwrap().contains("far box has it"), "{sent}");
    let after = sea.counts();
    assert_eq!(after.connections, before.connections, "the line was held");
    sea.station.books_balance();
    sea.gateway.books_balance();
    let status = sea.gateway.status().unwrap();
    assert!(link_of(&status)["words"].as_str().unwrap().starts_with("1 of 1 paired boxes"), "{}", status["links"]);
}
