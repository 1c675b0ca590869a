//! A far box goes from one gateway to another: with what waits, with what is on its way, once, and whenever a box is killed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Sea;
use crate::support::writers::rest;
use crate::support::{Dice, PASSWORD, SOON, Station, has_gone, pause, send, wait_for};

const ANNA: &str = "anna@shore.example";

/// Anna reads on the boat, at the first gateway.
fn sea() -> Sea {
    let sea = Sea::paired(&[], &[]);
    sea.gateway.cli_ok(&["people", "add", "anna", "--far-box", "boat"], PASSWORD);
    sea
}

/// Another gateway of the same domain, with a line of its own and nobody at sea.
fn second(sea: &Sea) -> Station {
    let settings = [
        ("box.name", "second"),
        ("box.domain", "shore.example"),
        ("box.reach", "internet"),
        ("link.driver", "ip"),
        ("ip.listen", "127.0.0.1:0"),
        ("air.strangers", "allow"),
    ];
    Station::new(&sea.folder, "second", &settings, &["olga"]).started()
}

fn to_anna(gateway: &Station, subject: &str) -> String {
    send(gateway, None, "bob@world.example", ANNA, &format!("Subject: {subject}\n\nThis is {subject}.\n"))
}

/// How often each subject is in Anna's mailbox on the boat.
fn on_the_boat(sea: &Sea) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for message in sea.station.messages().iter().filter(|message| message["to"] == "anna@boat.example") {
        *found.entry(message["subject"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    found
}

fn wait_on_the_boat(sea: &Sea, subjects: &[&str]) {
    wait_for(&format!("{subjects:?} on the boat"), 4 * SOON, || {
        let there = on_the_boat(sea);
        subjects.iter().all(|subject| there.contains_key(*subject)).then_some(())
    });
    let once = subjects.iter().map(|subject| ((*subject).to_owned(), 1)).collect();
    assert_eq!(on_the_boat(sea), once);
}

fn wait_of(gateway: &Station, subject: &str, state: &str) {
    wait_for(&format!("{subject} to be {state}"), SOON, || {
        let all = gateway.messages();
        all.into_iter().find(|message| message["subject"] == subject && message["state"] == state)
    });
}

/// Everything that a gateway tells of a message.
fn shown(gateway: &Station, subject: &str) -> String {
    let all = gateway.messages();
    let message = all.iter().find(|message| message["subject"] == subject).unwrap();
    gateway.json(&["queue", "show", message["id"].as_str().unwrap()]).to_string()
}

fn is_active(gateway: &Station) -> bool {
    let all = gateway.json(&["far-box", "list"]);
    all.as_array().unwrap().iter().any(|it| it["name"] == "boat" && it["moved_out"] == Value::Null)
}

fn path(sea: &Sea, name: &str) -> String {
    sea.folder.path(name).to_str().unwrap().to_owned()
}

/// The station calls this gateway from now on.
fn calls(sea: &Sea, gateway: &Station) {
    let code = gateway.cli_ok(&["pair", "new", "--far-box", "boat"], "");
    sea.station.cli_ok(&["pair", "join", &gateway.listener("ip").to_string(), code.trim()], "");
}

#[test]
fn what_waits_and_what_is_on_its_way_goes_along_and_arrives_once() {
    let sea = sea();
    let (first, second) = (&sea.gateway, second(&sea));
    assert!(to_anna(first, "zero").starts_with("250"));
    wait_on_the_boat(&sea, &["zero"]);
    // One that arrives, of which the gateway does not hear; and one of which it does not know that it is lost.
    sea.line_says("stall up");
    assert!(to_anna(first, "one").starts_with("250"));
    wait_on_the_boat(&sea, &["zero", "one"]);
    sea.line_says("stall");
    assert!(to_anna(first, "two").starts_with("250"));
    wait_of(first, "one", "on the link");
    wait_of(first, "two", "on the link");
    sea.line_says("refuse");
    sea.line_says("cut");
    wait_for("the first gateway to see the line gone", 4 * SOON, || {
        let status = first.status()?;
        status["links"]["ip"]["words"].as_str().filter(|words| words.starts_with("0 of 1")).map(|_| ())
    });
    let large = format!("Subject: four\n\n{}\n", "A line of a mail that is larger than one row.\n".repeat(3000));
    assert!(to_anna(first, "three").starts_with("250"));
    assert!(send(first, None, "bob@world.example", ANNA, &large).starts_with("250"));

    let (file, again) = (path(&sea, "boat.moved"), path(&sea, "boat.again"));
    let said = first.cli_ok(&["far-box", "move-out", "boat", &file], "");
    assert!(said.starts_with("boat has left, with anna and 4 messages"), "{said}");
    // The server in front keeps what comes; nobody's mail ends by the move.
    let refused = to_anna(first, "too early");
    assert!(refused.starts_with("451 4.4.4 ") && refused.contains("anna has moved to another gateway"), "{refused}");
    assert_eq!(first.waiting(), Vec::<Value>::new());
    first.cli_ok(&["far-box", "move-out", "boat", &again], "");
    assert_eq!(std::fs::read(&file).unwrap(), std::fs::read(&again).unwrap(), "it can be written out again");

    let said = second.cli_ok(&["far-box", "move-in", &file], "");
    assert!(said.starts_with("boat is here, from shore, with anna and 4 messages"), "{said}");
    let said = second.cli_ok(&["far-box", "move-in", &file], "");
    assert!(said.contains("by this file before"), "{said}");
    sea.line_says("clear");
    sea.wait_words("does not know this box");
    calls(&sea, &second);
    wait_on_the_boat(&sea, &["zero", "one", "two", "three", "four"]);
    for subject in ["one", "two", "three", "four"] {
        wait_for(&format!("{subject} to have gone"), SOON, || {
            second.messages().into_iter().find(|message| message["subject"] == subject && has_gone(message))
        });
    }
    assert!(shown(&second, "one").contains("it is not known whether it left"));
    assert!(!shown(&second, "one").contains("it goes again"), "the boat said that it has it");
    assert!(shown(&second, "two").contains("the far box does not have it, and it goes again"));
    // And on, in both directions.
    assert!(to_anna(&second, "five").starts_with("250"));
    wait_on_the_boat(&sea, &["zero", "one", "two", "three", "four", "five"]);
    let mail = "From: anna@boat.example\nSubject: Ahoy\n\nAll well.\n";
    assert!(send(&sea.station, Some("anna"), "anna@boat.example", "olga@shore.example", mail).starts_with("250"));
    wait_for("Anna's mail at the second gateway", SOON, || {
        let all = second.messages();
        all.into_iter().find(|message| message["subject"] == "Ahoy" && message["from"] == ANNA)
    });
    for gateway in [first, &second] {
        gateway.totals_balance();
    }
    // The mail server in front knows by now: whom nobody knows here gets nothing.
    first.cli_ok(&["far-box", "remove", "boat"], "");
    assert!(to_anna(first, "too late").starts_with("550 5.1.1 "));
    assert_eq!(first.json(&["far-box", "list"]), serde_json::json!([]));
}

#[test]
fn a_kill_at_any_moment_leaves_it_at_one_gateway() {
    let mut dice = Dice::new(7);
    let mut sea = sea();
    sea.line_says("refuse");
    sea.line_says("cut");
    let mut other = second(&sea);
    let (mut here_is_first, mut sent) = (true, Vec::new());
    for round in 0..6 {
        let subject = format!("number {round}");
        let from = if here_is_first { &sea.gateway } else { &other };
        assert!(to_anna(from, &subject).starts_with("250"), "round {round}");
        sent.push(subject);
        let file = path(&sea, &format!("boat.{round}"));
        for (leaves, args) in [(true, ["move-out", "boat", &file]), (false, ["move-in", &file, ""])] {
            let args: Vec<&str> = ["far-box"].into_iter().chain(args).filter(|word| !word.is_empty()).collect();
            loop {
                let gateway = if leaves == here_is_first { &mut sea.gateway } else { &mut other };
                let wait = dice.below(12);
                let done = std::thread::scope(|scope| {
                    let data = gateway.folder.clone();
                    let words: Vec<String> = args.iter().map(|word| (*word).to_owned()).collect();
                    let command = scope.spawn(move || {
                        let mut command = std::process::Command::new(crate::support::SATPOST);
                        command.args(&words).arg("--data").arg(&data).output().unwrap().status.success()
                    });
                    rest(wait);
                    gateway.kill();
                    command.join().unwrap()
                });
                gateway.start();
                assert!(!(is_active(&sea.gateway) && is_active(&other)), "round {round}: it is at both");
                if done {
                    break;
                }
                pause();
            }
        }
        here_is_first = !here_is_first;
        let (here, there) = if here_is_first { (&sea.gateway, &other) } else { (&other, &sea.gateway) };
        assert!(is_active(here) && !is_active(there), "round {round}");
    }
    let here = if here_is_first { &sea.gateway } else { &other };
    assert_eq!(here.waiting().len(), sent.len());
    calls(&sea, here);
    wait_on_the_boat(&sea, &sent.iter().map(String::as_str).collect::<Vec<_>>());
    for gateway in [&sea.gateway, &other] {
        gateway.totals_balance();
    }
}

#[test]
fn the_old_gateway_takes_a_far_box_back() {
    let sea = sea();
    assert!(to_anna(&sea.gateway, "zero").starts_with("250"));
    wait_on_the_boat(&sea, &["zero"]);
    sea.line_says("refuse");
    sea.line_says("cut");
    assert!(to_anna(&sea.gateway, "one").starts_with("250"));
    let file = path(&sea, "boat.moved");
    sea.gateway.cli_ok(&["far-box", "move-out", "boat", &file], "");
    assert!(to_anna(&sea.gateway, "never").starts_with("451 "));
    // What was cut off on the way is no far box.
    let whole = std::fs::read(&file).unwrap();
    let (cut, bent) = (path(&sea, "cut"), path(&sea, "bent"));
    std::fs::write(&cut, &whole[..whole.len() - 10]).unwrap();
    std::fs::write(&bent, String::from_utf8(whole).unwrap().replace("This is one", "This is two")).unwrap();
    for wrong in [&cut, &bent] {
        let said = sea.gateway.said(&["far-box", "move-in", wrong]);
        assert!(said.code != 0 && said.err.contains("this is no whole far box"), "{}", said.err);
    }
    assert!(!is_active(&sea.gateway));
    sea.gateway.cli_ok(&["far-box", "move-in", &file], "");
    assert!(is_active(&sea.gateway));
    sea.line_says("clear");
    calls(&sea, &sea.gateway);
    wait_on_the_boat(&sea, &["zero", "one"]);
    // Somebody has the name already.
    let other = second(&sea);
    sea.gateway.cli_ok(&["far-box", "move-out", "boat", &path(&sea, "boat.again")], "");
    other.cli_ok(&["people", "add", "anna"], PASSWORD);
    let said = other.said(&["far-box", "move-in", &path(&sea, "boat.again")]);
    assert!(said.code != 0 && said.err.contains("somebody else here has anna already"), "{}", said.err);
    assert_eq!(other.json(&["far-box", "list"]), serde_json::json!([]));
    sea.gateway.totals_balance();
}
