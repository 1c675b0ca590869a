//! Pairing by a short code, and each way in which it fails, in words at both ends.

use super::Sea;
use crate::support::{SOON, Station, send, wait_for};

fn failure(station: &Station, address: &str, code: &str) -> String {
    let output = station.cli(&["pair", "join", address, code], "");
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

fn told(gateway: &Station, words: &str) {
    wait_for(&format!("the gateway to tell '{words}'"), SOON, || gateway.log_text().contains(words).then_some(()));
}

/// Another token than that of a code.
fn wrong(code: &str) -> String {
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..code.len() - 1])
}

#[test]
fn a_code_pairs_once_and_both_know_each_other_then() {
    let sea = Sea::strangers(&[], &[]);
    let code = sea.code();
    // Entered where it was given out, the box would be paired with itself.
    assert!(failure(&sea.gateway, &sea.address, &code).contains("enter it on the other box"));
    assert_eq!(sea.gateway.json(&["pair", "list"]), serde_json::json!([]));
    let said = sea.station.cli_ok(&["pair", "join", &sea.address, &code.to_lowercase().replace('-', " ")], "");
    assert!(said.starts_with("paired with shore, box "), "{said}");
    sea.wait_up();
    let [here, there] = [&sea.station, &sea.gateway].map(|place| place.json(&["pair", "list"]));
    assert_eq!((&here[0]["name"], &here[0]["dialled"]), (&"shore".into(), &true.into()));
    assert_eq!((&there[0]["name"], &there[0]["dialled"]), (&"boat".into(), &false.into()));
    assert_eq!(there[0]["domain"], "boat.example");
    assert!(failure(&sea.station, &sea.address, &code).contains("was used already"));
    told(&sea.gateway, "the code was used already");
    // Forgotten, it is sent away, and the station says what to do.
    sea.gateway.cli_ok(&["pair", "remove", "boat"], "");
    sea.wait_words("pair the two (again)");
    assert_eq!(sea.gateway.json(&["pair", "list"]), serde_json::json!([]));
}

#[test]
fn a_code_bears_five_wrong_tries() {
    let sea = Sea::strangers(&[], &[]);
    let (none, code) = ("0000-0000-0000-0000-0000", sea.code());
    // A code of another gateway is found out by the station itself.
    assert!(failure(&sea.station, &sea.address, none).contains("something else answers under this address"));
    for _ in 0..5 {
        assert!(failure(&sea.station, &sea.address, &wrong(&code)).contains("last four characters"));
    }
    told(&sea.gateway, "last four characters");
    assert!(failure(&sea.station, &sea.address, &code).contains("tried wrongly five times"));
    assert_eq!(sea.gateway.json(&["pair", "list"]), serde_json::json!([]));
    let code = sea.code();
    sea.station.cli_ok(&["pair", "join", &sea.address, &code], "");
    sea.wait_up();
}

#[test]
fn whoever_is_not_paired_is_told_so_and_sends_nothing() {
    let mut sea = Sea::paired(&[], &[]);
    sea.gateway.cli_ok(&["pair", "remove", "boat"], "");
    sea.wait_words("does not know this box");
    sea.station.kill();
    sea.station.start();
    told(&sea.gateway, "that is not paired");
    sea.send(0);
    assert_eq!(sea.gateway.messages().len(), 0);
    assert_eq!(sea.station.waiting().len(), 1);
    let code = sea.code();
    sea.station.cli_ok(&["pair", "join", &sea.address, &code], "");
    sea.wait_taken(0..1);
}

#[test]
fn what_is_no_address_or_code_is_said_at_once() {
    let sea = Sea::strangers(&[], &[]);
    assert!(failure(&sea.station, "::1", "0").contains("20 characters"));
    assert!(failure(&sea.station, "not a name", &sea.code()).contains("a name or number, and a port"));
    sea.line_says("refuse");
    let refused = failure(&sea.station, &sea.address, &sea.code());
    assert!(["the connection broke", "is not reached"].iter().any(|words| refused.contains(words)), "{refused}");
    sea.line_says("clear");
    sea.line_says("portal");
    assert!(failure(&sea.station, &sea.address, &sea.code()).contains("a login page of the network?"));
}

/// Who is meant where a packet names nobody is told by the code's way: the owner is asked once, and sees a person instead of a key.
#[test]
fn the_first_of_a_station_is_asked_for_when_it_is_paired() {
    let sea = Sea::paired(&[], &[]);
    let asked = |sea: &Sea| sea.gateway.json(&["far-box", "show", "boat"])["asked"].clone();
    wait_for("the question", SOON, || (asked(&sea) == serde_json::json!(["anna"])).then_some(()));
    let written = ["send", "--from", "anna", "--subject", "Boat", "--text", "First", "bob@world.example"];
    sea.station.cli_ok(&written, "");
    let held =
        wait_for("it at the gateway", SOON, || sea.gateway.messages().into_iter().find(|m| m["state"] == "held"));
    assert!(held["reason"].as_str().unwrap().starts_with("anna of boat has no address here yet"), "{held}");
    sea.gateway.cli_ok(&["queue", "release", held["id"].as_str().unwrap()], "");
    wait_for("it to leave", SOON, || {
        sea.gateway.messages().into_iter().find(|m| m["state"] == "delivered" && m["from"] == "anna@shore.example")
    });
    assert_eq!(asked(&sea), serde_json::json!([]));
}

/// Whatever the owner calls whoever is put there first, they are the one whom the station does not name.
#[test]
fn who_is_put_first_at_a_paired_station_is_who_writes_there() {
    let sea = Sea::paired(&[], &[]);
    sea.station.cli_ok(&["send", "--from", "anna", "--text", "First", "bob@world.example"], "");
    wait_for("it at the gateway", SOON, || sea.gateway.messages().into_iter().find(|m| m["state"] == "held"));
    sea.gateway.cli_ok(&["people", "add", "skipper", "--far-box", "boat"], "");
    wait_for("it to leave by itself", SOON, || {
        sea.gateway.messages().into_iter().find(|m| m["state"] == "delivered" && m["from"] == "skipper@shore.example")
    });
    assert_eq!(sea.gateway.json(&["far-box", "show", "boat"])["asked"], serde_json::json!([]));
    let mail = "From: bob@world.example\nSubject: Hello\n\nFrom ashore\n";
    let reply = send(&sea.gateway, None, "bob@world.example", "skipper@shore.example", mail);
    assert!(reply.starts_with("250"), "{reply}");
    wait_for("it at sea", 2 * SOON, || sea.station.messages().into_iter().find(|m| m["to"] == "anna@boat.example"));
}

/// Where newcomers are allowed nobody is asked, and mail from ashore finds its way before anything was written at sea.
#[test]
fn the_first_of_a_station_is_reached_at_once_where_newcomers_are_allowed() {
    let sea = Sea::strangers(&[], &[]);
    sea.gateway.cli_ok(&["far-box", "add", "vela", "--newcomers", "allow"], "");
    let code = sea.gateway.cli_ok(&["pair", "new", "--far-box", "vela"], "").trim().to_owned();
    sea.station.cli_ok(&["pair", "join", &sea.address, &code], "");
    sea.wait_up();
    let people = || sea.gateway.json(&["people", "list"]).to_string();
    wait_for("anna's address ashore", SOON, || people().contains("\"anna\"").then_some(()));
    let mail = "From: bob@world.example\nSubject: Hello\n\nFrom ashore\n";
    let reply = send(&sea.gateway, None, "bob@world.example", "anna@shore.example", mail);
    assert!(reply.starts_with("250"), "{reply}");
    wait_for("it at sea", 2 * SOON, || sea.station.messages().into_iter().find(|m| m["to"] == "anna@boat.example"));
}
