//! Commands say what is wrong, by words and by exit code.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use crate::support::command::{Said, satpost};
use crate::support::shore::{Shore, from_outside, message};
use crate::support::{Folder, SATPOST, SOON, Station, wait_for};

/// Runs the program with its output on a full disk.
fn on_full_disk(words: &[&str]) -> Said {
    let full = File::options().write(true).open("/dev/full").unwrap();
    Command::new(SATPOST).args(words).stdin(Stdio::null()).stdout(full).output().unwrap().into()
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let folder = Folder::new();
    let station = Station::new(&folder, "box", &[("box.domain", "box.example")], &["olga"]);
    let data = station.folder.to_str().unwrap();
    for words in [&["queue", "list", "--all", "--json"][..], &["people", "list"], &["settings", "list"], &["check"]] {
        let said = on_full_disk(&[words, &["--data", data]].concat());
        assert!(said.code != 0 && said.err.contains("standard output cannot be written"), "{words:?}: {said:?}");
    }
    for words in [&["man"][..], &["completions", "bash"], &["--help"], &["-h"], &["--version"]] {
        assert_eq!(on_full_disk(words).code, 1, "{words:?}");
    }
}

#[test]
fn help_is_asked_for_in_the_short_form_too() {
    assert_eq!(satpost(&["-h"]).ok(), satpost(&["--help"]).ok());
    assert_eq!(satpost(&["queue", "list", "-h"]).ok(), satpost(&["queue", "list", "--help"]).ok());
}

#[test]
fn what_is_not_there_is_no_success() {
    let folder = Folder::new();
    let mut station = Station::new(&folder, "box", &[("box.domain", "box.example")], &["olga"]);
    for _ in 0..2 {
        assert!(station.said(&["costs", "--month", "yesterday"]).fails(2).contains("write it as 2026-11"));
        assert!(station.said(&["costs", "--month", "2026-13"]).fails(2).contains("is no month"));
        station.said(&["costs", "--month", "2026-11"]).ok();
        assert!(station.said(&["usage", "--person", "ghost"]).fails(3).contains("'ghost'"));
        station.said(&["usage", "--person", "olga"]).ok();
        assert!(station.said(&["queue", "list", "--person", "ghost"]).fails(3).contains("'ghost'"));
        station.said(&["queue", "list", "--person", "Olga"]).ok();
        assert!(station.said(&["queue", "list", "--before", "m99"]).fails(3).contains("m99"));
        station.start();
    }
}

#[test]
fn a_short_disk_is_not_called_well() {
    let shore = Shore::start();
    let mut gateway = shore.gateway(&[("store.reserve", "1000000")], &["olga"]);
    assert!(gateway.said(&["status", "--health"]).fails(1).contains("not healthy: no box answers in"));
    gateway.start();
    let reply = from_outside(&gateway, "olga@shore.example", &message("No", "room"));
    assert!(reply.starts_with("452"), "{reply}");
    wait_for("the status to say it", SOON, || {
        let status = gateway.cli(&["status"], "");
        let out = String::from_utf8_lossy(&status.stdout).into_owned();
        (out.contains("takes no mail: ") && out.contains("store.reserve keeps 1000000")).then_some(())
    });
    assert_eq!(gateway.json(&["status"])["smtp"]["ok"], false);
    assert!(gateway.said(&["status", "--health"]).fails(1).contains("not healthy: mail in: takes no mail: "));
    gateway.cli_ok(&["settings", "set", "store.reserve", "0"], "");
    let health = || gateway.said(&["status", "--health"]);
    wait_for("the box to be healthy", SOON, || (health().code == 0).then_some(()));
    assert_eq!(health().ok(), "healthy\n");
}

#[test]
fn what_a_restore_put_aside_is_named_and_goes_after_a_month() {
    let folder = Folder::new();
    let mut station = Station::new(&folder, "box", &[("box.domain", "box.example")], &["olga"]);
    for (name, at) in [("satpost.redb.old-1700000000", false), ("satpost.redb.damaged-4000000000", true)] {
        fs::write(station.folder.join(name), "old").unwrap();
        assert!(String::from_utf8_lossy(&station.cli(&["status"], "").stdout).contains(name));
        station.start();
        let there = || station.folder.join(name).exists();
        match at {
            false => wait_for("it to be removed", SOON, || (!there()).then_some(())),
            true => assert!(there()),
        }
        station.stop();
    }
}
