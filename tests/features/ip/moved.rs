//! A far box goes from one gateway to another: with what waits, with what is on its way, once, and whenever a box is killed.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::Sea;
use crate::support::command::Said;
use crate::support::writers::rest;
use crate::support::{Dice, PASSWORD, SATPOST, SOON, Station, has_gone, pause, send, wait_for};

const ANNA: &str = "anna@shore.example";
/// So many kills have to meet a command that a box is at.
const MET: usize = 4;

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
    let whole = fs::read(&file).unwrap();
    for to in [&again, &again, &file] {
        first.cli_ok(&["far-box", "move-out", "boat", to], "");
        assert_eq!(fs::read(to).unwrap(), whole, "it can be written out again");
    }

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
    assert_eq!(first.cli_ok(&["far-box", "remove", "boat"], ""), "boat is removed, with anna\n");
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
    // How long it takes when nobody disturbs it: out, and back.
    let before = path(&sea, "boat.before");
    let whole = [&["far-box", "move-out", "boat", &before][..], &["far-box", "move-in", &before]].map(|words| {
        let began = Instant::now();
        sea.gateway.cli_ok(words, "");
        began.elapsed()
    });
    let whole = u64::try_from(whole.into_iter().max().unwrap().as_millis()).unwrap();
    let (mut here_is_first, mut sent, mut met, mut round) = (true, Vec::new(), 0, 0);
    // Until enough kills met a command that the box was at.
    while round < 6 || met < MET {
        assert!(round < 60, "only {met} kills met a command of {whole} ms under way");
        let subject = format!("number {round}");
        let from = if here_is_first { &sea.gateway } else { &other };
        assert!(to_anna(from, &subject).starts_with("250"), "round {round}");
        sent.push(subject);
        let file = path(&sea, &format!("boat.{round}"));
        for (leaves, args) in [(true, ["move-out", "boat", &file]), (false, ["move-in", &file, ""])] {
            let args: Vec<&str> = ["far-box"].into_iter().chain(args).filter(|word| !word.is_empty()).collect();
            loop {
                let gateway = if leaves == here_is_first { &mut sea.gateway } else { &mut other };
                let wait = dice.below(2 * whole);
                let said = std::thread::scope(|scope| {
                    let data = gateway.folder.clone();
                    let words: Vec<String> = args.iter().map(|word| (*word).to_owned()).collect();
                    let command = scope.spawn(move || {
                        let mut command = Command::new(SATPOST);
                        Said::from(command.args(&words).arg("--data").arg(&data).output().unwrap())
                    });
                    rest(wait);
                    gateway.kill();
                    command.join().unwrap()
                });
                gateway.start();
                assert!(!(is_active(&sea.gateway) && is_active(&other)), "round {round}: it is at both");
                // It had asked, and heard no answer.
                met += usize::from(said.code != 0 && said.err.contains("satpost: the box in "));
                if said.code == 0 {
                    break;
                }
                pause();
            }
        }
        here_is_first = !here_is_first;
        let (here, there) = if here_is_first { (&sea.gateway, &other) } else { (&other, &sea.gateway) };
        assert!(is_active(here) && !is_active(there), "round {round}");
        round += 1;
    }
    println!("{met} kills in {round} rounds met a command of {whole} ms under way");
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

/// The file is no place for it: nothing leaves. It was, and is none any more: whoever gave the command hears what to do.
#[test]
fn it_leaves_for_a_file_that_can_be_written_and_for_no_other() {
    let mut sea = sea();
    let (nowhere, others) = (path(&sea, "no-folder/boat.moved"), path(&sea, "others"));
    fs::write(&others, "Words of somebody.\n").unwrap();
    let old = path(&sea, "boat.old");
    sea.gateway.cli_ok(&["far-box", "move-out", "boat", &old], "");
    sea.gateway.cli_ok(&["far-box", "move-in", &old], "");
    let pid = Pid::from_raw(i32::try_from(sea.gateway.pid()).unwrap()).unwrap();
    let before = fs::read(&old).unwrap();
    for (file, code, why) in [
        (&nowhere, 1, "cannot be written"),
        (&others, 2, "is there already"),
        (&old, 2, "is there already, of another move"),
        (&path(&sea, ""), 2, "is there already"),
    ] {
        let said = sea.gateway.said(&["far-box", "move-out", "boat", file]);
        assert!(said.code == code && said.err.contains(why), "{said:?}");
        assert!(is_active(&sea.gateway), "{file}: it has left");
    }
    assert_eq!(fs::read_to_string(&others).unwrap(), "Words of somebody.\n");
    assert_eq!(fs::read(&old).unwrap(), before);
    let beside = |folder: &str| {
        let names = fs::read_dir(path(&sea, folder)).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".part")).count()
    };
    assert_eq!(beside(""), 0);

    // The disk is pulled out while the box is at it.
    fs::create_dir(path(&sea, "stick")).unwrap();
    let (file, data) = (path(&sea, "stick/boat.moved"), sea.gateway.folder.clone());
    kill_process(pid, Signal::STOP).unwrap();
    let said = std::thread::scope(|scope| {
        let words = ["far-box", "move-out", "boat", &file];
        let command = scope.spawn(move || Command::new(SATPOST).args(words).arg("--data").arg(&data).output().unwrap());
        wait_for("a place for the file", SOON, || (beside("stick") == 1).then_some(()));
        fs::remove_dir_all(path(&sea, "stick")).unwrap();
        kill_process(pid, Signal::CONT).unwrap();
        Said::from(command.join().unwrap())
    });
    assert!(
        said.code == 1 && said.err.contains("boat has left, but ") && said.err.contains("writes it again"),
        "{said:?}"
    );
    assert!(!is_active(&sea.gateway));
    let said = sea.gateway.cli_ok(&["far-box", "move-out", "boat", &path(&sea, "boat.new")], "");
    assert_eq!(said, format!("boat has left, with anna: {}\n", path(&sea, "boat.new")));
    sea.gateway.cli_ok(&["far-box", "move-in", &path(&sea, "boat.new")], "");
    assert!(is_active(&sea.gateway));
}
