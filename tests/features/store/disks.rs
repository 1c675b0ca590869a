//! A disk that is full or can only be read takes nothing away that was there: status, queue, log-in and mailbox stay, and
//! words name the disk.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::faults::Disk;
use crate::support::web::Client;
use crate::support::{Folder, PASSWORD, SOON, Station, send, wait_for};

fn a_box(folder: &Folder, reserve: &str) -> Station {
    let settings = [("box.domain", "boat.example"), ("smtp.trusted", "127.0.0.0/8"), ("store.reserve", reserve)];
    let mut station = Station::new(folder, "disk/box", &settings, &["anna", "ben"]);
    station.log = folder.path("log");
    station
}

fn mail(station: &Station, subject: &str) -> String {
    let text = format!("From: bob@world.example\nSubject: {subject}\n\nfor whoever looks\n");
    send(station, None, "bob@world.example", "anna@boat.example", &text)
}

fn remount(how: &str, at: &Path) {
    let done = Command::new("mount").args(["-o", how]).arg(at).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A log-in, the mailbox, and the front page, which says what is wrong.
fn can_be_looked_at(web: SocketAddr, told: &str) {
    let mut browser = Client { at: web, cookie: String::new() };
    let answer = browser.try_password("anna", PASSWORD);
    assert_eq!(answer.status, 303, "{answer:?}");
    assert!(browser.get("/mailbox").body.contains("Kept"));
    assert!(browser.get("/mailbox/m1").body.contains("for whoever looks"));
    let front = browser.get("/").body;
    assert!(front.contains(told), "{front}");
}

#[test]
#[ignore = "needs root, to mount a small disk"]
fn root_a_disk_that_can_only_be_read_is_looked_at_and_followed_when_it_is_back() {
    let folder = Folder::new();
    let disk = Disk::mount(folder.path("disk"), 60);
    let mut station = a_box(&folder, "0").started();
    assert!(mail(&station, "Kept").starts_with("250"));
    // The machine went down with it: the store was not closed.
    station.kill();
    remount("remount,ro", disk.path());
    fs::write(&station.log, "").unwrap();
    station.launch();
    let listens = |name: &str| -> SocketAddr {
        let start = format!("{name} listens on ");
        wait_for(name, SOON, || {
            station.log_text().lines().find_map(|line| line.split_once(&start)?.1.trim().parse().ok())
        })
    };
    let (web, smtp) = (listens("web"), listens("smtp"));
    wait_for("it to be up", SOON, || station.log_text().contains("is up").then_some(()));
    can_be_looked_at(web, "can only be read");
    let mut client = crate::support::Smtp::connect(smtp);
    let reply = client.mail("bob@world.example", "anna@boat.example", "Subject: No\n\nroom\n");
    assert!(reply.starts_with('4'), "{reply}");
    // Commands read the store themselves.
    assert!(station.cli_ok(&["queue", "list", "--all"], "").contains("Kept"));
    let failed = station.cli(&["settings", "set", "box.name", "other"], "");
    let why = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(!failed.status.success() && why.contains("can only be read"), "{why}");

    remount("remount,rw", disk.path());
    wait_for("the store to be open again", SOON, || station.log_text().contains("store: open again").then_some(()));
    let mut client = crate::support::Smtp::connect(smtp);
    assert!(client.mail("bob@world.example", "anna@boat.example", "Subject: After\n\nit\n").starts_with("250"));
    station.kill();
    station.start();
    assert_eq!(station.messages().len(), 2);
    station.totals_balance();
}

#[test]
#[ignore = "needs root, to mount a small disk"]
fn root_on_a_full_disk_everything_can_be_looked_at_and_deleted() {
    let folder = Folder::new();
    let _disk = Disk::mount(folder.path("disk"), 90);
    let mut station = a_box(&folder, "8").started();
    assert!(mail(&station, "Kept").starts_with("250"));
    // Ends at the end of the disk, which is what it is for.
    let _ = fs::write(folder.path("disk/filler"), vec![1; 128 * 1024 * 1024]);
    wait_for("a refusal", SOON, || mail(&station, "Full").starts_with("452").then_some(()));
    wait_for("the status to say it", SOON, || (station.status()?["smtp"]["ok"] == false).then_some(()));
    can_be_looked_at(station.listener("web"), "takes no mail");
    assert!(station.cli_ok(&["queue", "list", "--all"], "").contains("Kept"));
    assert!(String::from_utf8_lossy(&station.cli(&["status"], "").stdout).contains("are free on the disk"));
    // What is not wanted any more may go, which is how room is made.
    station.cli_ok(&["people", "erase", "ben"], "");
    assert_eq!(station.stop(), 0);
}
