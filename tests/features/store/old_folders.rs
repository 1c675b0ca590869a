//! Data folders of released versions open with the present program and lose nothing; `tests/old/make` makes them.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::terminal::Terminal;
use crate::support::{Folder, SOON, Smtp, Station, World, wait_for};

/// The versions whose folders are in `tests/old`; with the version of the store behind it where a version had several.
const VERSIONS: [&str; 4] = ["0.1.0", "0.1.0-8", "0.1.0-9", "0.1.0-12"];

fn fixture(version: &str, ending: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/old").join(format!("{version}{ending}"))
}

/// States that had another word in one of the versions, and the word of the present one.
const RENAMED: [(&str, &str); 1] = [("onmodem", "on the link")];

/// What the version itself said of the box of this name, in the words of the present one.
fn said(version: &str, name: &str) -> Value {
    let text = fs::read_to_string(fixture(version, ".json")).unwrap();
    let mut said = serde_json::from_str::<Value>(&text).unwrap()[name].take();
    for message in said["messages"].as_array_mut().unwrap() {
        if let Some((_, now)) = RENAMED.iter().find(|(then, _)| message["state"] == *then) {
            message["state"] = (*now).into();
        }
    }
    said
}

/// Unpacks all of it.
fn unpack(version: &str, folder: &Folder) {
    let packed = fs::File::open(fixture(version, ".tar.gz")).unwrap();
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
    let mut rest = bytes.as_slice();
    // A tar archive (POSIX.1-1988): blocks of 512 bytes, a header with name and size in octal, then the content.
    while let Some((header, after)) = rest.split_at_checked(512).filter(|(header, _)| header[0] != 0) {
        let text = |from: usize, to: usize| {
            let field = std::str::from_utf8(&header[from..to]).unwrap();
            field.trim_end_matches(['\0', ' ']).to_owned()
        };
        let (path, size) = (folder.path(&text(0, 100)), usize::from_str_radix(&text(124, 136), 8).unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &after[..size]).unwrap();
        rest = &after[size.next_multiple_of(512)..];
    }
}

/// The messages, people, audit log and counts of a box are as they were.
fn holds_messages(station: &Station, version: &str, name: &str) {
    let said = said(version, name);
    let texts = |of: &Value, fields: &[&str]| {
        fields.iter().map(|field| of[field].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    for message in said["messages"].as_array().unwrap() {
        let shown = station.json(&["queue", "show", message["id"].as_str().unwrap()]);
        let fields = ["id", "from", "to", "subject", "text", "state"];
        assert_eq!(texts(&shown, &fields), texts(message, &fields), "{shown}");
    }
    let people = station.json(&["people", "list"]);
    let names: BTreeSet<_> =
        people.as_array().unwrap().iter().map(|person| person["name"].clone().to_string()).collect();
    let known: BTreeSet<_> = said["people"].as_array().unwrap().iter().map(Value::to_string).collect();
    assert_eq!(names, known);
    let audit = station.json(&["audit"]).as_array().unwrap().len();
    assert_eq!(Some(audit), said["audit"].as_u64().map(|lines| usize::try_from(lines).unwrap()));
    for counted in ["taken", "left", "got", "returned", "refused", "packets_sent", "packets_in"] {
        assert_eq!(station.json(&["usage"])[0][counted], said["usage"][0][counted], "{counted}");
    }
}

/// The same of these and of the settings.
fn holds(station: &Station, version: &str, name: &str) {
    holds_messages(station, version, name);
    let said = said(version, name);
    // Secrets are not shown; that they were kept is seen when the boxes run.
    let shown = said["settings"].as_object().unwrap().iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
    // What was in the settings is the first link now.
    let link = station.json(&["link", "show", said["settings"]["link.driver"].as_str().unwrap()]);
    for (setting, value) in shown {
        if setting == "link.driver" {
            assert_eq!((link["driver"].as_str(), link["on"].as_bool()), (Some(value), Some(true)), "{link}");
            continue;
        }
        let name = if setting == "price.packet" { "link.price" } else { setting };
        if let Some(kept) = link["settings"][name].as_str() {
            assert_eq!(kept, value, "{setting}");
            continue;
        }
        assert_eq!(station.cli_ok(&["settings", "get", setting], "").trim_end(), value, "{setting}");
    }
}

/// What a box has counted since it was made, and nothing came since; it may have told somebody that their message waits.
fn counts(station: &Station, version: &str, name: &str) {
    let totals = station.status().unwrap()["totals"].clone();
    for (origin, was) in said(version, name)["totals"].as_object().unwrap() {
        let [now, before] = [&totals[origin], was].map(|row| row["accepted"].as_u64().unwrap());
        assert!(now == before || (origin == "notice" && now > before), "{origin}: {totals}");
    }
    station.totals_balance();
}

/// States in which the messages of a box are.
fn states(version: &str, name: &str) -> BTreeSet<String> {
    said(version, name)["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["state"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_fixtures_have_messages_in_every_state() {
    let wanted = ["cancelled", "delivered", "expired", "held", "on the link", "queued", "refused", "returned", "sent"]
        .map(str::to_owned);
    for version in VERSIONS {
        let all: BTreeSet<_> = states(version, "station").union(&states(version, "gateway")).cloned().collect();
        assert_eq!(all, wanted.clone().into(), "{version}");
    }
}

/// Without running: what the commands say of a folder that the present version opens for the first time.
#[test]
fn everything_is_still_there() {
    for version in VERSIONS {
        let folder = Folder::new();
        unpack(version, &folder);
        for name in ["station", "gateway"] {
            holds(&Station::bare(&folder, name), version, name);
        }
    }
}

/// A backup that an older version made, and a store of one that is repaired before it was ever opened.
#[test]
fn an_old_backup_is_restored_and_an_old_store_repaired() {
    for version in VERSIONS {
        let folder = Folder::new();
        unpack(version, &folder);
        let station = Station::bare(&folder, "station");
        let repaired = station.json(&["repair"]);
        assert_eq!((&repaired["lost_rows"], &repaired["lost"]), (&0.into(), &Value::Array(Vec::new())), "{repaired}");
        holds(&station, version, "station");
        // The first fixture is from before there were backups in them.
        let backup = folder.path("station.backup");
        if backup.exists() {
            let new = Station::bare(&folder, "new");
            new.cli_ok(&["restore", backup.to_str().unwrap()], "");
            // Backups of version 8 lacked the links.
            holds_messages(&new, version, "station");
            assert_eq!(new.cli_ok(&["settings", "get", "box.domain"], ""), "boat.example\n");
        }
    }
}

/// Running: both boxes go on where they were, and need no new agreement about their coding.
#[test]
fn two_old_boxes_go_on_talking() {
    VERSIONS.into_iter().for_each(go_on_talking);
}

fn go_on_talking(version: &str) {
    let world = World::start(&["--start", "running"]);
    unpack(version, &world.folder);
    let (mut station, mut gateway) = (Station::bare(&world.folder, "station"), Station::bare(&world.folder, "gateway"));
    let port = world.folder.path("modem");
    // Listeners that there were not yet.
    let new = ["imap.listen", "imaps.listen", "submissions.listen"].map(|name| (name, "127.0.0.1:0"));
    for box_ in [&mut station, &mut gateway] {
        box_.set(&new);
    }
    station.set(&[("m138.port", port.to_str().unwrap())]);
    gateway.set(&[("hive.url", &world.hive_url), ("relay.port", &world.sink_port)]);
    station.start();
    gateway.start();
    counts(&station, version, "station");
    counts(&gateway, version, "gateway");
    let mail =
        "From: anna@boat.example\nSubject: After the update\n\nAll is well on board, and the update went well.\n";
    let mut smtp = Smtp::connect(station.listener("smtp"));
    assert!(smtp.mail("anna@boat.example", "bob@world.example", mail).starts_with("250"));
    wait_for("the mail at the internet's server", 4 * SOON, || {
        world.mails().iter().any(|mail| mail["data"].as_str().unwrap().contains("After the update")).then_some(())
    });
    // The first byte of a packet of the classic coding is 08; the marker of the driver is one.
    let packets = world.on_air();
    assert!(packets.iter().any(|(_, data)| data.as_str() >= "80"), "{packets:?}");
    for station in [&station, &gateway] {
        station.totals_balance();
    }
}

/// The bar of a store that an older version wrote, in a command that works on it; stopped, it is as it was.
#[test]
fn a_migration_shows_itself_on_a_terminal() {
    let folder = Folder::new();
    unpack("0.1.0-8", &folder);
    let data = folder.path("station");
    let there = |name: &str| {
        fs::read_dir(&data).unwrap().any(|entry| entry.unwrap().file_name().to_string_lossy().contains(name))
    };
    let (code, text) = Terminal::run(&["--data", data.to_str().unwrap(), "people", "list"]).end();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("copying the file") && text.contains("bringing up to date"), "{text}");
    let last = text.rfind('%').unwrap();
    assert!(text[last..].contains("\r\x1b[K"), "the bar stays: {text:?}");
    assert!(!there(".part"), "the copy beside has its name");
    assert!(there("satpost.redb.old-"));
    let (code, text) = Terminal::run(&["--data", data.to_str().unwrap(), "people", "list"]).end();
    assert!(code == 0 && !text.contains('%'), "once is enough: {text}");
}

/// Ctrl-C in the midst of it, also in a migration of few steps: the store is what it was.
#[test]
fn a_migration_that_is_stopped_leaves_the_store_as_it_was() {
    let folder = Folder::new();
    unpack("0.1.0-9", &folder);
    let (data, wait_at) = (folder.path("station"), folder.path("wait-at"));
    let list = ["--data", data.to_str().unwrap(), "people", "list"];
    let there = |name: &str| {
        fs::read_dir(&data).unwrap().any(|entry| entry.unwrap().file_name().to_string_lossy().contains(name))
    };
    for (stage, words) in [("Copying", "copying the file"), ("Migrating", "bringing up to date")] {
        fs::write(&wait_at, stage).unwrap();
        let mut terminal = Terminal::run_with(&list, &[("SATPOST_WAIT_AT", &wait_at)]);
        assert!(terminal.wait_shown(words), "{:?}", terminal.end());
        terminal.interrupt();
        let (code, text) = terminal.end();
        assert!(code == 130 && text.contains("is as it was"), "{code}: {text}");
        assert!(!there(".part"));
        assert_eq!(there("satpost.redb.old-"), stage != "Copying", "it is migrated with a copy or not at all");
    }
    let (code, text) = Terminal::run(&list).end();
    assert!(code == 0 && text.contains("copying the file") && text.contains("bringing up to date"), "{text}");
}
