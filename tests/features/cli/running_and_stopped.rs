//! The command line against a box that runs and one that does not: the same words, the same numbers, the right codes.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::shore::{Shore, classic, from_outside, message};
use crate::support::{PASSWORD, SOON, Station, send, wait_for};

fn code(station: &Station, args: &[&str]) -> Option<i32> {
    station.cli(args, "").status.code()
}

/// Everything that can be asked of a running box can be asked of its store when it is stopped.
#[test]
fn a_stopped_box_answers_like_a_running_one() {
    let shore = Shore::start();
    let mut gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    for number in 0..3 {
        assert!(
            from_outside(&gateway, "olga@shore.example", &message(&format!("Number {number}"), "x")).starts_with("250")
        );
    }
    shore.sink_says("close");
    assert!(send(&gateway, Some("olga"), "", "bob@world.example", &message("Waits", "x")).starts_with("250"));
    gateway.wait_state(SOON, "bob@world.example", "queued");
    gateway.cli_ok(&["queue", "hold", "m4"], "");
    let ask = |station: &Station| {
        let words = |args: &[&str]| station.cli_ok(args, "");
        [
            words(&["queue", "list", "--all"]),
            words(&["queue", "list"]),
            words(&["queue", "show", "m2"]),
            words(&["queue", "show", "m2", "--raw"]),
            words(&["people", "list"]),
            words(&["settings", "list"]),
            words(&["queue", "list", "--all", "--search", "number 1", "--json"]),
        ]
    };
    let running = ask(&gateway);
    assert!(running[3].starts_with("Received: ") && running[3].contains("Subject: Number 1"), "{}", running[3]);
    assert_eq!(running[6].matches("\"id\"").count(), 1, "{}", running[6]);
    let totals = gateway.json(&["status"])["totals"].clone();
    assert_eq!(gateway.stop(), 0);
    assert_eq!(ask(&gateway), running);
    let stopped = gateway.cli(&["status", "--json"], "");
    assert_eq!(stopped.status.code(), Some(1));
    let stopped: serde_json::Value = serde_json::from_slice(&stopped.stdout).unwrap();
    assert_eq!((&stopped["totals"], &stopped["running"]), (&totals, &false.into()));
    gateway.cli_ok(&["queue", "release", "m4"], "");
    shore.sink_says("clear");
    gateway.start();
    gateway.wait_state(SOON, "bob@world.example", "delivered");
    gateway.totals_balance();
}

/// What is wrong has its code and a sentence; nothing is changed by a command that failed.
#[test]
fn wrong_commands_have_their_codes() {
    let shore = Shore::start();
    let mut gateway = shore.gateway(&[], &["olga"]).started();
    for running in [true, false] {
        if !running {
            gateway.stop();
        }
        assert_eq!(code(&gateway, &["queue", "show", "m99"]), Some(3));
        assert_eq!(code(&gateway, &["queue", "show", "99x"]), Some(2));
        assert_eq!(code(&gateway, &["people", "disable", "nobody"]), Some(3));
        assert_eq!(code(&gateway, &["settings", "get", "no.such"]), Some(3));
        assert_eq!(code(&gateway, &["settings", "set", "no.such", "x"]), Some(3));
        assert_ne!(code(&gateway, &["settings", "set", "box.domain", "a.example", "relay.port", "70000"]), Some(0));
        assert_eq!(gateway.cli_ok(&["settings", "get", "box.domain"], "").trim(), "shore.example");
        assert_ne!(code(&gateway, &["people", "add", "Not A Name"]), Some(0));
        assert_ne!(code(&gateway, &["people", "add", "olga"]), Some(0));
        assert_ne!(code(&gateway, &["people", "add", "x", "--device", "999999"]), Some(0));
        assert_ne!(code(&gateway, &["frobnicate"]), Some(0));
        assert_eq!(gateway.json(&["people", "list"]).as_array().unwrap().len(), 1);
    }
}

/// Secrets are set without being words of a command, and are never shown again.
#[test]
fn secrets_are_never_shown() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    gateway.cli_ok(&["settings", "set", "relay.password"], "very-secret-words\n");
    let all = [
        gateway.cli_ok(&["settings", "list"], ""),
        gateway.cli_ok(&["settings", "list", "--json"], ""),
        gateway.cli_ok(&["settings", "get", "relay.password"], ""),
        gateway.cli_ok(&["people", "list", "--json"], ""),
        gateway.cli_ok(&["status", "--json"], ""),
        gateway.log_text(),
    ];
    for words in all {
        assert!(
            !words.contains("very-secret-words") && !words.contains(PASSWORD) && !words.contains("argon2"),
            "{words}"
        );
    }
    let mode = fs::metadata(&gateway.folder).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode & 0o007, 0, "{mode:o}");
}

/// A backup of a running box, put back elsewhere: the same messages, people and settings; what waited is held.
#[test]
fn a_backup_of_a_running_box_comes_back_whole() {
    let shore = Shore::start();
    let mut gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    let big = message("Big", &"0123456789abcdef\n".repeat(20_000));
    assert!(from_outside(&gateway, "olga@shore.example", &big).starts_with("250"));
    shore.sink_says("close");
    assert!(send(&gateway, Some("olga"), "", "bob@world.example", &message("Waits", "x")).starts_with("250"));
    let file = shore.folder.path("backup");
    let file = file.to_str().unwrap();
    gateway.cli_ok(&["backup", file], "");
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_ne!(code(&gateway, &["backup", file]), Some(0), "a backup is not overwritten");
    assert_ne!(code(&gateway, &["restore", file, "--replace"]), Some(0), "not into a running box");
    let raw = gateway.cli_ok(&["queue", "show", "m1", "--raw"], "");
    assert!(raw.len() > 300_000);

    let other = Station::bare(&shore.folder, "other");
    other.cli_ok(&["restore", file, "--hold"], "");
    assert_eq!(other.cli_ok(&["queue", "show", "m1", "--raw"], ""), raw);
    let held = other.json(&["queue", "show", "m2"]);
    assert_eq!(held["state"], "held");
    assert_eq!(other.json(&["people", "list"]), gateway.json(&["people", "list"]));
    assert_eq!(other.json(&["settings", "list"]), gateway.json(&["settings", "list"]));
    let links = |of: &Station| of.json(&["link", "list"])[0]["name"].as_str().map(str::to_owned);
    assert!(links(&gateway).is_some());
    assert_eq!(links(&other), links(&gateway));

    assert_eq!(gateway.stop(), 0);
    assert_ne!(code(&gateway, &["restore", file]), Some(0), "not over a store that is there");
    let mut bytes = fs::read(file).unwrap();
    let in_a_mail = bytes.windows(16).position(|found| found == b"0123456789abcdef").expect("the mail");
    bytes[in_a_mail] ^= 0x40;
    let broken = shore.folder.path("broken");
    fs::write(&broken, &bytes).unwrap();
    assert_ne!(code(&gateway, &["restore", broken.to_str().unwrap(), "--replace"]), Some(0), "a broken one is refused");
    assert_eq!(gateway.json(&["queue", "show", "m2"])["state"], "queued");
    gateway.cli_ok(&["restore", file, "--replace"], "");
    shore.sink_says("clear");
    let other = other.started();
    gateway.start();
    gateway.wait_state(SOON, "bob@world.example", "delivered");
    assert_eq!(shore.mails().len(), 1);
    assert_eq!(other.json(&["queue", "show", "m2"])["state"], "held");
    other.totals_balance();
    gateway.totals_balance();
}

/// `satpost check` says of each part whether it is well, and what to do where it is not.
#[test]
fn check_finds_what_is_wrong() {
    let shore = Shore::start();
    let mut gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    let well = gateway.cli_ok(&["check"], "");
    for part in ["domain", "people", "disk", "relay", "hive"] {
        assert!(well.lines().any(|line| line.starts_with("ok") && line.contains(part)), "{part}: {well}");
    }
    shore.sink_says("code GREETING 554 go away");
    gateway.cli_ok(&["settings", "set", "box.domain", ""], "");
    for _ in 0..2 {
        let found = gateway.cli(&["check", "--json"], "");
        assert_eq!(found.status.code(), Some(1));
        let found: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
        let wrong: Vec<_> = found["findings"].as_array().unwrap().iter().filter(|f| f["level"] == "error").collect();
        assert!(wrong.iter().any(|f| f["words"].as_str().unwrap().contains("go away")), "{wrong:?}");
        assert!(wrong.iter().any(|f| f["words"].as_str().unwrap().contains("box.domain")), "{wrong:?}");
        gateway.stop();
    }
}

/// A message handed to the command line takes the way of every other message.
#[test]
fn a_message_from_the_command_line() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846"]).started();
    let preview: serde_json::Value =
        serde_json::from_str(&gateway.cli_ok(&["send", "anna", "--text", "Hello anna", "--dry-run", "--json"], ""))
            .unwrap();
    assert_eq!((&preview[0]["way"], &preview[0]["packets"]), (&"link".into(), &1.into()), "{preview}");
    assert!(gateway.messages().is_empty());
    gateway.cli_ok(&["send", "anna", "bob@world.example", "--subject", "Two\nlines"], "The text.\n");
    let mail = shore.wait_mails(1)[0]["data"].as_str().unwrap().to_owned();
    assert!(mail.contains("Subject: Two lines\r\n") && mail.ends_with("The text.\r\n"), "{mail}");
    let packet = wait_for("the packet", SOON, || shore.to_device(6846).pop());
    assert_eq!(packet, classic(false, "olga@shore.example", "Two lines\nThe text."));
    assert_ne!(code(&gateway, &["send", "nobody", "--text", "x"]), Some(0));
    assert_ne!(code(&gateway, &["send", "anna", "--text", ""]), Some(0));
    gateway.totals_balance();
}
