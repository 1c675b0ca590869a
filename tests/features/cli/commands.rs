//! The commands, edge to edge: each without a running box and, where it matters, through the control socket of one.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::command::satpost;
use crate::support::{Folder, Program, SATPOST, SOON, Station, ask, send, wait_for};

/// Runs a test with a box that does not run, and with one that does.
fn both_ways(test: impl Fn(&Station)) {
    let folder = Folder::new();
    test(&Station::new(&folder, "still", &[], &[]));
    test(&Station::new(&folder, "live", &[], &[]).started());
}

#[test]
fn every_command_explains_itself() {
    let commands: &[&[&str]] = &[
        &[],
        &["run"],
        &["demo"],
        &["check"],
        &["status"],
        &["send"],
        &["queue"],
        &["queue", "list"],
        &["queue", "show"],
        &["queue", "hold"],
        &["queue", "release"],
        &["queue", "cancel"],
        &["queue", "retry"],
        &["people"],
        &["people", "add"],
        &["people", "list"],
        &["people", "edit"],
        &["people", "passwd"],
        &["people", "device"],
        &["people", "disable"],
        &["people", "enable"],
        &["people", "remove"],
        &["people", "export"],
        &["people", "erase"],
        &["usage"],
        &["audit"],
        &["settings"],
        &["settings", "list"],
        &["settings", "get"],
        &["settings", "set"],
        &["setup-code"],
        &["backup"],
        &["restore"],
        &["simulate"],
        &["simulate", "modem"],
        &["simulate", "hive"],
        &["simulate", "sink"],
        &["man"],
        &["completions"],
        &["clock"],
        &["sendmail"],
    ];
    for words in commands {
        let help = satpost(&[words, &["--help"][..]].concat()).ok();
        assert!(help.starts_with("Usage: satpost"), "{words:?}: {help}");
        let on_a_box = !words.first().is_some_and(|first| ["simulate", "demo", "man", "completions"].contains(first));
        assert_eq!(help.contains("--data"), on_a_box, "{words:?}: {help}");
    }
    assert!(satpost(&["--version"]).ok().starts_with("satpost "));
}

#[test]
fn a_wrong_command_line_ends_with_2_and_nothing_is_made() {
    let folder = Folder::new();
    let data = folder.path("none");
    let data = data.to_str().unwrap();
    for words in
        [&["bogus"][..], &[], &["queue", "show", "x"], &["queue", "list", "--state", "odd"], &["run", "--data"]]
    {
        satpost(&[&["--data", data], words].concat()).fails(2);
    }
    for words in [
        &["queue", "list"][..],
        &["status"],
        &["backup", "/tmp/no-such-box.backup"],
        &["people", "list"],
        &["settings", "get", "box.name"],
        &["settings", "list"],
        &["setup-code"],
        &["check"],
        &["usage"],
        &["audit"],
    ] {
        let why = satpost(&[words, &["--data", data]].concat()).fails(1);
        assert!(why.contains("there is no box in"), "{why}");
    }
    satpost(&["--data", data, "settings", "set", "relay.port", "70000"]).fails(2);
    satpost(&["--data", data, "settings", "set", "no.such", "x"]).fails(3);
    satpost(&["--data", data, "people", "add", "Not A Name"]).fails(2);
    assert!(!std::path::Path::new(data).exists());
}

#[test]
fn changes_that_change_nothing_say_so_and_no_secret_goes_by_accident() {
    both_ways(|post| {
        post.said(&["people", "add", "anna"]).ok();
        assert!(post.said(&["people", "edit", "anna"]).fails(2).contains("nothing to change"));
        assert!(post.said(&["people", "edit", "anna", "--full-name", ""]).ok().contains("was so already"));
        post.said_with(&["settings", "set", "relay.password"], "hush hush\n").ok();
        let why = post.said(&["settings", "set", "relay.password"]).fails(2);
        assert!(why.contains("settings set relay.password ''"), "{why}");
        assert_eq!(post.said(&["settings", "get", "relay.password"]).ok(), "(set)\n");
        post.said(&["settings", "set", "relay.password", ""]).ok();
        assert_eq!(post.said(&["settings", "get", "relay.password"]).ok(), "\n");
        assert!(!post.said(&["audit"]).ok().contains("hush"));
        let audit = post.said(&["audit", "--search", "settings.set", "--json"]).json();
        assert_eq!((&audit[0]["who"], &audit[0]["about"]), (&"the command line".into(), &"relay.password".into()));
    });
}

#[test]
fn a_persons_data_goes_into_a_file_and_is_erased() {
    let folder = Folder::new();
    let post = Station::new(&folder, "box", &[("box.domain", "boat.example")], &["anna", "ben"]).started();
    post.said(&["send", "--from", "ben", "--text", "waits", "bob@x.org"]).ok();
    let file = folder.path("ben.tar");
    post.said(&["people", "export", "ben", file.to_str().unwrap()]).ok();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(&file).unwrap().contains("ben/messages.mbox"));
    post.said(&["people", "export", "ben", file.to_str().unwrap()]).fails(2);
    assert!(!post.folder.join("export.part").exists());
    post.said(&["people", "erase", "ben"]).ok();
    assert_eq!(post.said(&["queue", "show", "m1"]).code, 3);
    assert!(!post.said(&["audit"]).ok().contains("ben"));
    post.totals_balance();
    assert_eq!(post.said(&["usage", "--by", "person", "--json"]).json()[0]["taken"]["web"], 1);
}

#[test]
fn a_station_with_a_modem_says_at_once_that_no_far_box_can_be_reached() {
    let folder = Folder::new();
    let post = Station::new(&folder, "box", &[("box.domain", "boat.example"), ("link.driver", "m138")], &["anna"]);
    let added = post.said(&["people", "add", "ben", "--device", "6846"]);
    assert!(added.code == 0 && added.err.contains("no link of this box leads there"), "{}", added.err);
    assert!(post.said(&["check"]).out.contains("no link of this box leads there"));
    assert!(
        post.said(&["send", "--text", "x", "ben@boat.example"]).fails(2).contains("no link of this box leads there")
    );
}

#[test]
fn people_are_added_changed_and_removed() {
    both_ways(|post| {
        let list = || post.said(&["people", "list", "--json"]).json();
        post.said(&["people", "add", "Anna", "--full-name", "Anna Ö"]).ok();
        post.said_with(&["people", "add", "owen", "--role", "owner"], "a long sentence\n").ok();
        post.said(&["people", "add", "ben", "--device", "6846"]).ok();
        assert_eq!(list()[0]["log_in"], false);
        assert_eq!(list()[1]["device"], "0x001abe");
        assert_eq!(list()[1]["home"], "device");
        assert_eq!(list()[2]["role"], "owner");
        assert!(!post.said(&["people", "list", "--json"]).ok().contains("argon2"));

        post.said_with(&["people", "passwd", "anna"], "sunny days ahead").ok();
        assert_eq!(list()[0]["log_in"], true);
        let file = post.folder.with_extension("secret");
        std::fs::write(&file, "rainy days behind\nignored\n").unwrap();
        post.said(&["people", "passwd", "anna", "--password-file", file.to_str().unwrap()]).ok();
        post.said_with(&["people", "passwd", "anna"], "short").fails(2);
        post.said(&["people", "passwd", "anna"]).fails(2);
        post.said(&["people", "passwd", "anna", "--none"]).ok();

        post.said(&["people", "edit", "anna", "--forward", "a@x.org", "--max-parts", "3"]).ok();
        assert_eq!((&list()[0]["forward"], &list()[0]["max_parts"]), (&"a@x.org".into(), &3.into()));
        post.said(&["people", "device", "anna", "6846"]).fails(2);
        post.said(&["people", "device", "ben", "none"]).ok();
        post.said(&["people", "device", "anna", "0x001abe", "--home", "here"]).ok();
        assert_eq!((&list()[0]["home"], &list()[1]["home"]), (&"here".into(), &"here".into()));

        post.said(&["people", "disable", "anna"]).ok();
        assert_eq!(list()[0]["disabled"], true);
        post.said(&["people", "enable", "anna"]).ok();
        post.said(&["people", "remove", "owen"]).fails(1);
        post.said(&["people", "remove", "anna"]).ok();
        assert_eq!(list().as_array().unwrap().len(), 2);
        post.said(&["people", "add", "ben"]).fails(2);
        post.said(&["people", "add", "no good"]).fails(2);
        for words in
            [&["passwd", "zoe", "--none"][..], &["device", "zoe", "1"], &["remove", "zoe"], &["disable", "zoe"]]
        {
            post.said(&[&["people"], words].concat()).fails(3);
        }
    });
}

#[test]
fn nothing_needs_a_terminal_or_a_standard_input() {
    let folder = Folder::new();
    let script = r#""$0" --data "$1" people add anna <&- && "$0" --data "$1" people add ben </dev/null"#;
    let data = folder.path("box");
    let program = SATPOST;
    let ended = Command::new("sh").args(["-c", script, program]).arg(&data).stdin(Stdio::null()).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn settings_are_one_table_and_change_all_or_none() {
    both_ways(|post| {
        let get = |name: &str| post.said(&["settings", "get", name]).ok();
        post.said(&["settings", "set", "box.domain", "Boat.example", "relay.port", "25"]).ok();
        assert_eq!((get("box.domain").to_lowercase().as_str(), get("relay.port").as_str()), ("boat.example\n", "25\n"));
        let why = post.said(&["settings", "set", "relay.port", "26", "box.reach", "moon"]).fails(2);
        assert!(why.contains("satellite, internet"), "{why}");
        assert_eq!(get("relay.port"), "25\n");
        post.said(&["settings", "set", "box.domain"]).ok();
        assert_eq!(get("box.domain"), "\n");
        post.said_with(&["settings", "set", "relay.password"], "hush hush\n").ok();
        assert_eq!(get("relay.password"), "(set)\n");
        let all = post.said(&["settings", "list", "--json"]).ok();
        assert!(!all.contains("hush"));
        let all: Value = serde_json::from_str(&all).unwrap();
        let row = all.as_array().unwrap().iter().find(|row| row["name"] == "relay.port").unwrap();
        assert_eq!((&row["value"], &row["changed"], &row["default"]), (&"25".into(), &true.into(), &"587".into()));
        assert_eq!(post.said(&["settings", "list", "patience"]).ok().lines().count(), 4);
        post.said(&["settings", "get", "relay.prot"]).fails(3);
        post.said(&["settings", "set", "relay.prot", "1"]).fails(3);
        post.said(&["settings", "set", "relay.port", "1", "relay.host"]).fails(2);
        post.said(&["settings", "set"]).fails(2);
    });
}

#[test]
fn a_running_box_follows_its_settings() {
    let folder = Folder::new();
    let post = Station::new(&folder, "box", &[], &[]).started();
    post.said(&["settings", "set", "submission.listen", ""]).ok();
    wait_for("the listener to close", SOON, || {
        post.status()?["listen"]["submission"].as_array()?.is_empty().then_some(())
    });
}

#[test]
fn a_message_is_sent_held_released_and_cancelled() {
    both_ways(|post| {
        post.said(&["settings", "set", "box.domain", "boat.example"]).ok();
        post.said(&["people", "add", "anna"]).ok();
        let sent = post.said_with(&["send", "--subject", "Hi", "--json", "bob@x.org", "anna"], "Grüße\n").json();
        assert_eq!((&sent[0]["id"], &sent[0]["packets"]), (&"m1".into(), &1.into()));
        assert_eq!(sent[1]["state"], "delivered");
        let preview = post.said(&["send", "--dry-run", "--text", &"long ".repeat(200), "--json", "bob@x.org"]).json();
        assert!(preview[0]["packets"].as_u64().unwrap() > 5 && preview[0]["id"].is_null(), "{preview}");
        assert_eq!(post.messages().len(), 2);

        let state = |id: &str| post.said(&["queue", "show", id, "--json"]).json()["state"].clone();
        post.said(&["queue", "hold", "m1"]).ok();
        assert_eq!(state("m1"), "held");
        assert_eq!(post.said(&["queue", "list", "--state", "held", "--json"]).json().as_array().unwrap().len(), 1);
        post.said(&["queue", "retry", "m1"]).fails(1);
        post.said(&["queue", "release", "m1"]).ok();
        post.said(&["queue", "retry", "m1"]).ok();
        post.said(&["queue", "cancel", "1"]).ok();
        assert_eq!(state("m1"), "cancelled");
        post.said(&["queue", "cancel", "m1"]).fails(1);
        let several = post.said(&["queue", "hold", "m2", "m9"]);
        assert!(several.err.contains("m2 is delivered already"), "{several:?}");
        several.fails(3);
        post.said(&["queue", "hold"]).fails(2);

        let shown = post.said(&["queue", "show", "m1"]).ok();
        assert!(shown.contains("Grüße") && shown.contains("cancelled by the command line"), "{shown}");
        assert!(post.said(&["queue", "list"]).ok().is_empty());
        assert_eq!(post.said(&["queue", "list", "--search", "grüße"]).ok().lines().count(), 2);
        post.said(&["send", "--text", "x", "not an address@x"]).fails(2);
        post.said(&["send", "--text", "x", "nobody-here"]).fails(2);
        post.said(&["send", "--text", "x", "--from", "zoe", "bob@x.org"]).fails(3);
        post.said(&["send", "bob@x.org"]).fails(2);
    });
}

#[test]
fn status_tells_what_runs_and_what_waits() {
    let folder = Folder::new();
    let mut post = Station::new(&folder, "box", &[("box.domain", "boat.example")], &["anna"]).started();
    post.said(&["send", "--text", "hello", "bob@x.org"]).ok();
    let status = post.status().unwrap();
    assert_eq!(status["pid"], post.pid());
    assert_eq!((&status["running"], &status["queues"]["link"]["waiting"]), (&true.into(), &1.into()));
    assert_eq!((&status["totals"]["web"]["accepted"], &status["totals"]["web"]["waiting"]), (&1.into(), &1.into()));
    assert!(status["clock_believable"].as_bool().unwrap() && status["version"].is_string());
    assert_eq!(post.stop(), 0);
    let status = post.said(&["status", "--json"]);
    assert_eq!(status.code, 1);
    assert!(status.err.contains("no box runs in"));
    let status: Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!((&status["running"], &status["queues"]["link"]["waiting"]), (&false.into(), &1.into()));
}

#[test]
fn check_names_what_is_wrong_and_is_content_at_last() {
    let folder = Folder::new();
    let (control, log) = (folder.path("sink.ctl"), folder.path("sink.log"));
    let _sink = Program::start(&["simulate", "sink", "--control", control.to_str().unwrap()], &log);
    let sink = wait_for("the mail server", SOON, || {
        let said = std::fs::read_to_string(&log).ok()?;
        said.lines().next().and_then(|line| line.rsplit(':').next()).map(str::to_owned)
    });
    let post = Station::new(&folder, "box", &[], &[]);
    let found = |post: &Station, part: &str, level: &str| {
        let said = post.said(&["check", "--json"]);
        let report: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(report["ok"].as_bool().unwrap(), said.code == 0, "{said:?}");
        let mut findings = report["findings"].as_array().unwrap().iter();
        findings.any(|found| found["part"] == part && found["level"] == level)
    };
    for part in ["domain", "people", "reach"] {
        assert!(found(&post, part, "error"), "{part}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    post.set(&[("box.domain", "shore.example"), ("box.reach", "internet"), ("smtp.listen", &address)]);
    assert!(found(&post, "smtp", "error"));
    drop(taken);
    post.said(&["people", "add", "anna"]).ok();
    post.set(&[
        ("relay.host", "127.0.0.1"),
        ("relay.port", &sink),
        ("relay.tls", "none"),
        ("smtp.listen", "127.0.0.1:0"),
    ]);
    ask(&control, "code GREETING 554 go away");
    assert!(found(&post, "relay", "error"));
    ask(&control, "clear");
    post.said(&["check"]).ok();
    let post = post.started();
    post.said(&["check"]).ok();
    assert!(found(&post, "relay", "ok") && found(&post, "smtp", "ok"));
    assert!(ask(&control, "mails").is_empty());
}

#[test]
fn the_setup_code_is_there_until_the_box_has_an_owner() {
    both_ways(|post| {
        post.said(&["settings", "set", "box.name", "house"]).ok();
        let code = post.said(&["setup-code"]).ok();
        assert_eq!(code.trim().len(), 9);
        assert_eq!(post.said(&["setup-code"]).ok(), code);
        assert_ne!(post.said(&["setup-code", "--new"]).ok(), code);
        post.said_with(&["people", "add", "owen", "--role", "owner"], "a long sentence").ok();
        post.said(&["setup-code"]).fails(1);
    });
}

#[test]
fn a_backup_of_a_running_box_brings_everything_back() {
    let folder = Folder::new();
    let mut post = Station::new(&folder, "box", &[("box.domain", "boat.example")], &["anna", "ben"]).started();
    let large = format!("Subject: large\n\n{}", "0123456789 and some more words\n".repeat(20_000));
    for mail in ["Subject: small\n\nhello", &large] {
        assert!(send(&post, None, "bob@x.org", "anna@boat.example", mail).starts_with("250"));
    }
    post.said(&["send", "--text", "waits", "bob@x.org"]).ok();
    let file = folder.path("a.backup");
    let file = file.to_str().unwrap();
    let made = post.said(&["backup", file, "--json"]).json();
    assert_eq!((&made["contents"]["messages"], &made["contents"]["files"]), (&3.into(), &1.into()));
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    post.said(&["backup", file]).fails(2);
    post.said(&["backup", "/no/such/folder/x"]).fails(2);
    assert!(!post.folder.join("backup.part").exists());

    let raw = |post: &Station, id: &str| post.said(&["queue", "show", id, "--raw"]).ok();
    let (mails, messages) = ((raw(&post, "m1"), raw(&post, "m2")), post.messages());
    assert!(mails.1.contains(&large.replace('\n', "\r\n")));
    post.said(&["restore", file]).fails(1);
    post.said(&["restore", file, "--replace"]).fails(1);

    let data = folder.path("other");
    let restore = |more: &[&str]| satpost(&[&["restore", file, "--data", data.to_str().unwrap()], more].concat());
    restore(&["--hold"]).ok();
    let said = |words: &[&str]| satpost(&[&["--data", data.to_str().unwrap()], words].concat());
    assert_eq!(said(&["queue", "show", "m2", "--raw"]).ok(), mails.1);
    // Mail programs go on trusting the box, and nobody else reads its files.
    for name in ["tls-certificate.pem", "tls-key.pem"] {
        assert_eq!(std::fs::read(data.join(name)).unwrap(), std::fs::read(post.folder.join(name)).unwrap());
    }
    for name in ["tls-key.pem", "satpost.redb", "spool"] {
        assert_eq!(std::fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o077, 0, "{name}");
    }
    for name in ["incoming", "ballast", "satpost.redb.wal"] {
        assert_eq!(std::fs::metadata(post.folder.join(name)).unwrap().permissions().mode() & 0o077, 0, "{name}");
    }
    assert_eq!(said(&["queue", "show", "m3", "--json"]).json()["state"], "held");
    assert_eq!(said(&["settings", "get", "box.domain"]).ok(), "boat.example\n");
    assert_eq!(said(&["people", "list", "--json"]).ok(), post.said(&["people", "list", "--json"]).ok());
    restore(&[]).fails(1);

    // Over the box itself, changed since; the old store is kept beside.
    post.said(&["people", "remove", "ben"]).ok();
    post.stop();
    post.said(&["restore", file, "--replace"]).ok();
    assert_eq!((raw(&post, "m1"), raw(&post, "m2")), mails);
    assert_eq!(post.messages(), messages);
    let kept = std::fs::read_dir(&post.folder)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("satpost.redb.old-"));
    assert_eq!(kept.count(), 1);
    let post = post.started();
    assert!(send(&post, Some("anna"), "anna@boat.example", "c@x.org", "\nhi").starts_with("250"));
}

#[test]
fn what_is_no_backup_is_refused_and_changes_nothing() {
    let folder = Folder::new();
    let post = Station::new(&folder, "box", &[("box.domain", "boat.example")], &[]);
    let file = folder.path("b.backup");
    let path = file.to_str().unwrap();
    post.said(&["backup", path]).ok();
    let good = std::fs::read(&file).unwrap();
    let mut broken = good.clone();
    broken[..64].fill(0x55);
    for bytes in [&b""[..], b"no backup at all", &good[..good.len() / 3], &broken] {
        std::fs::write(&file, bytes).unwrap();
        post.said(&["restore", path, "--replace"]).fails(1);
        assert_eq!(post.said(&["settings", "get", "box.domain"]).ok(), "boat.example\n");
    }
    post.said(&["restore", "/no/such/file", "--replace"]).fails(1);
}

/// The help pages as files: each leads to the others, and none to a page that only a box has.
#[test]
fn help_pages_are_read_without_a_box() {
    let folder = Folder::new();
    let to = folder.path("pages");
    let said = satpost(&["help", "--html", to.to_str().unwrap()]).ok();
    let files: Vec<_> =
        std::fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let pages = files.iter().filter(|name| name.ends_with(".html"));
    assert!(
        said.starts_with(&format!("{} pages", pages.clone().count())) && files.contains(&"style.css".to_owned()),
        "{said}"
    );
    for page in pages {
        let text = std::fs::read_to_string(to.join(page)).unwrap();
        assert!(!text.contains("{{") && !text.contains("{%"), "{page}");
        for link in text.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let file = link.split('#').next().unwrap();
            let there = link.starts_with("http") || link.starts_with('#') || files.iter().any(|known| known == file);
            assert!(there, "{page} leads to {link}");
        }
    }
    assert_eq!(satpost(&["help", "--html"]).code, 2);
    assert!(satpost(&["help"]).ok().contains("Commands"));
}
