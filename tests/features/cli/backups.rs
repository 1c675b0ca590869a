//! Backups that are made again and again, and tried before they are needed.

use std::fs;

use crate::support::command::satpost;
use crate::support::web::Client;
use crate::support::{Folder, Station, pause};

#[test]
fn the_newest_backups_stay_and_one_is_proved_to_bring_a_box_back() {
    let folder = Folder::new();
    let station = Station::new(&folder, "box", &[("box.domain", "box.example")], &["olga"]).started();
    station.cli_ok(&["send", "--from", "olga", "--text", "kept", "bob@world.example"], "");
    let to = folder.path("to");
    fs::create_dir(&to).unwrap();
    for other in ["satpost-1.backup", "satpost-2.backup", "satpost-x.backup", "notes"] {
        fs::write(to.join(other), "not ours to judge").unwrap();
    }
    let path = to.to_str().unwrap();
    station.said(&["backup", "--keep", "0", path]).fails(2);
    station.said(&["backup", "--keep", "2", "/no/such/folder"]).fails(2);
    let said = station.said(&["backup", "--keep", "2", path]).ok();
    assert!(said.contains("1 messages"), "{said}");
    let names = || {
        let mut all: Vec<_> =
            fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        all.sort();
        all
    };
    // The first of a month is tried out by itself; the box tells how that went.
    let about = || {
        let client = Client::logged_in(&station, "olga");
        client.get("/about").body
    };
    assert!(about().contains("it brings a box back, with 1 message") && !about().contains("none was made yet"));
    let after = names();
    assert!(
        after.contains(&"satpost-2.backup".to_owned()) && !after.contains(&"satpost-1.backup".to_owned()),
        "{after:?}"
    );
    assert!(after.contains(&"notes".to_owned()) && after.contains(&"satpost-x.backup".to_owned()) && after.len() == 4);

    fs::remove_file(to.join("satpost-2.backup")).unwrap();
    let drill = satpost(&["restore", "--drill", path]).ok();
    assert!(drill.contains("1 messages, 1 people") && drill.contains("it brings a box back"), "{drill}");
    let newest = to.join(names().iter().find(|name| name.starts_with("satpost-2")).unwrap());
    let mut bytes = fs::read(&newest).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write(&newest, bytes).unwrap();
    station.said(&["restore", "--drill", newest.to_str().unwrap()]).fails(1);
    assert!(about().contains("it brings no box back"));
    assert!(station.said(&["check"]).out.contains("brings no box back"));
    assert!(Client::logged_in(&station, "olga").get("/").body.contains("brings no box back"));
    fs::remove_file(&newest).unwrap();
    satpost(&["restore", "--drill", path]).fails(3);
    pause();
    station.cli_ok(&["status"], "");
}
