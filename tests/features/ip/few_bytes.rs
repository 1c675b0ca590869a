//! What a message costs on a line whose bytes cost something.

use serde_json::Value;

use super::Sea;
use crate::support::{SOON, wait_for};

/// Bytes of TLS around what is said in one piece.
const RECORD: u64 = 22;

/// Case 1: a message is one record up, and its receipt one down, with nothing in them that both ends know. What became of it
/// ashore waits for a packet that goes anyway.
#[test]
fn a_message_and_its_receipt_are_one_record_each_way() {
    let sea = Sea::paired(&[], &[]);
    sea.send(0);
    // Nobody ashore knows its writer yet.
    let ashore = |message: &Value| message["ashore"] == "held";
    wait_for("the two boxes to know each other", 6 * SOON, || sea.station.messages().iter().any(ashore).then_some(()));
    let name = sea.station.json(&["link", "list"])[0]["name"].as_str().unwrap().to_owned();
    let before = sea.counts().connections;
    sea.station.cli_ok(&["link", "set", &name, "ip.metered", "yes"], "");
    wait_for("the line that is metered", 2 * SOON, || (sea.counts().connections > before).then_some(()));
    sea.wait_up();
    let sent = |number: usize| {
        sea.send(number);
        sea.wait_taken(0..number + 1);
        sea.station.wait_state(2 * SOON, &format!("bob{number}@world.example"), "sent");
    };
    sent(1);
    let before = sea.counts();
    sent(2);
    let after = sea.counts();
    let to = |message: &Value| message["to"] == "bob2@world.example";
    let id = sea.station.messages().into_iter().find(to).expect("it was sent")["id"].as_str().unwrap().to_owned();
    let packet = sea.station.json(&["queue", "show", &id])["packets"][0]["bytes"].as_u64().unwrap();
    assert!(packet < 80, "{packet} bytes");
    assert_eq!((after.up - before.up, after.down - before.down), (RECORD + 3 + packet, RECORD + 4));
}
