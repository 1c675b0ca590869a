//! A box that starts with less than it had: it says so and loses nothing more.

use std::fs;

use crate::support::shore::{Shore, from_outside, message};
use crate::support::{SOON, wait_for};

/// A power cut leaves an empty file on many cards. It is damage like any other, and no new box for everybody to claim.
#[test]
fn an_empty_file_is_no_new_box() {
    let shore = Shore::start();
    let mut gateway = shore.gateway(&[], &["olga"]).started();
    assert!(from_outside(&gateway, "olga@shore.example", &message("Kept", "in a backup")).starts_with("250"));
    let backup = shore.folder.path("backup");
    gateway.cli_ok(&["backup", backup.to_str().unwrap()], "");
    assert_eq!(gateway.stop(), 0);
    let file = gateway.folder.join("satpost.redb");
    fs::write(&file, "").unwrap();

    gateway.launch();
    let told = "is empty although this folder was in use (there is ";
    wait_for("the box to say what is wrong", SOON, || gateway.log_text().contains(told).then_some(()));
    assert!(gateway.cli(&["people", "list"], "").status.code() != Some(0));
    gateway.kill();
    assert_eq!(fs::metadata(&file).unwrap().len(), 0, "nothing was made of it");
    assert!(!gateway.cli(&["people", "list"], "").status.success());

    // One that is missing is no better; and what the words advise helps.
    fs::remove_file(&file).unwrap();
    gateway.launch();
    let told = "is missing although this folder was in use (there is ";
    wait_for("the box to say what is wrong", SOON, || gateway.log_text().contains(told).then_some(()));
    gateway.kill();
    assert!(!file.exists());
    gateway.cli_ok(&["restore", backup.to_str().unwrap()], "");
    gateway.start();
    assert_eq!(gateway.messages().len(), 1);
}

/// A box whose first start was cut off has an empty file and nothing else: it begins.
#[test]
fn an_empty_file_in_an_empty_folder_is_a_new_box() {
    let folder = testing::Folder::new();
    let mut station = crate::support::Station::bare(&folder, "new");
    fs::create_dir_all(station.folder.join("spool")).unwrap();
    fs::write(station.folder.join("satpost.redb"), "").unwrap();
    station.cli_ok(&["settings", "set", "web.listen", "127.0.0.1:0", "smtp.listen", "127.0.0.1:0"], "");
    station.cli_ok(&["settings", "set", "submission.listen", "127.0.0.1:0"], "");
    station.start();
    assert_eq!(station.stop(), 0);
}

/// After a power cut nothing has to be checked, whatever the last commit was.
#[test]
fn a_box_that_was_killed_opens_as_after_an_orderly_end() {
    let shore = Shore::start();
    let mut gateway = shore.gateway(&[], &["olga"]).started();
    for number in 1..=5 {
        assert!(from_outside(&gateway, "olga@shore.example", &message("Kept", "x")).starts_with("250"));
        gateway.kill();
        gateway.start();
        assert_eq!(gateway.messages().len(), number);
    }
    let log = gateway.log_text();
    assert!(!log.contains("is checked page by page") && !log.contains("is being checked"), "{log}");
}
