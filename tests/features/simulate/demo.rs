//! The whole way, as anybody sees it first: `satpost demo`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Folder, SOON, wait_for};

/// The demo with its temporary files in a folder of the test.
fn demo(folder: &Folder, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_satpost"));
    command.arg("demo").args(more).env("TMPDIR", folder.path("")).stdin(Stdio::null());
    command
}

fn left_behind(folder: &Folder) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path("")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Processes with this folder on their command line.
fn processes(folder: &Folder) -> usize {
    let folder = folder.path("").to_str().unwrap().to_owned();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .filter(|line| String::from_utf8_lossy(line).contains(&folder))
        .count()
}

#[test]
fn messages_go_by_the_line_while_it_is_there_and_by_satellite_when_it_is_gone() {
    let folder = Folder::new();
    let ended = demo(&folder, &["--once"]).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{out}{err}");
    for words in [
        "ARRIVED at the mail server",
        "acknowledged by a satellite",
        "taken by the relay",
        "ARRIVED on the boat",
        "from +14155550123",
        "ARRIVED at the phone: \"All fine, home on Friday.\"",
        "taken by Twilio",
        "station m1 went by line for 0.00 USD: the cheapest link, which was there",
        "waits for line, which is down",
        "station m3 went by satellite for 0.07 USD",
        "gateway m3 went by satellite for 0.07 USD",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    assert_eq!(left_behind(&folder), Vec::<String>::new());
    assert_eq!(processes(&folder), 0);
}

#[test]
fn modems_that_can_be_bought_are_shown_as_well_and_none_at_all() {
    for (link, words) in
        [("sbd", "station m3 went by satellite"), ("imt", "station m3 went by satellite"), ("ip", "went by line")]
    {
        let folder = Folder::new();
        let ended = demo(&folder, &["--once", "--link", link]).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert!(ended.status.success(), "{link}: {out}{err}");
        assert!(out.contains(words), "{link}: {out}");
        assert_eq!(left_behind(&folder), Vec::<String>::new());
    }
}

#[test]
#[ignore = "needs curl and msmtp, which tests/run installs"]
fn the_lines_that_it_prints_can_be_pasted() {
    let folder = Folder::new();
    let mut child = demo(&folder, &[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let printed: Vec<String> = lines.by_ref().take_while(|line| !line.starts_with("Ctrl-C")).collect();
    let pasted: Vec<&str> = printed
        .iter()
        .map(|line| line.trim_start())
        .filter(|line| line.starts_with("printf ") || line.starts_with("curl "))
        .collect();
    assert_eq!(pasted.len(), 5, "two mails from the boat, an answer, a text, and what the phone got: {printed:?}");
    for line in pasted {
        let ended = Command::new("sh").args(["-c", line]).env("HOME", folder.path("")).output().unwrap();
        assert!(ended.status.success(), "{line}: {ended:?}");
    }
    let mut missing = vec![
        "\"Position\" for bob@world.example: ",
        "\"Position\" for bob@world.example: ",
        "\"Answer\" for anna@shore.example: ",
        "\"Where are you?\" for ",
        "ARRIVED at the mail server: \"Position\" for bob@world.example",
        "ARRIVED at the mail server: \"Position\" for bob@world.example",
        "ARRIVED on the boat: \"Answer\"",
        "ARRIVED on the boat: \"Where are you?\"",
    ];
    while !missing.is_empty() {
        let line = lines.next().expect("the demo goes on until all has arrived");
        let news = line.starts_with("ARRIVED") || line.starts_with("TAKEN");
        if let Some(at) = missing.iter().position(|words| news && line.contains(words)) {
            missing.remove(at);
        }
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn whatever_ends_it_leaves_nothing_behind() {
    for signal in [Signal::INT, Signal::TERM] {
        let folder = Folder::new();
        let mut child = demo(&folder, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for("both boxes run", SOON, || (processes(&folder) == 2).then_some(()));
        kill_process(Pid::from_child(&child), signal).unwrap();
        let status = wait_for("it ends", SOON, || child.try_wait().unwrap());
        assert!(status.success());
        assert_eq!(left_behind(&folder), Vec::<String>::new());
        assert_eq!(processes(&folder), 0);
    }
}

#[test]
fn killed_it_takes_its_boxes_along_and_the_next_one_clears_up() {
    let folder = Folder::new();
    let mut child = demo(&folder, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for("both boxes run", SOON, || (processes(&folder) == 2).then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    wait_for("the boxes end", SOON, || (processes(&folder) == 0).then_some(()));
    assert!(demo(&folder, &["--once"]).output().unwrap().status.success());
    assert_eq!(left_behind(&folder), Vec::<String>::new());
}

/// Three times the line goes and comes, with nothing to carry that would have it asked after: seven minutes.
#[test]
#[ignore = "seven minutes, for tests/soak"]
fn left_alone_it_goes_on_by_hand() {
    let folder = Folder::new();
    let mut child = demo(&folder, &["--link", "imt"]).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.filter(|line| line == "The internet line is back.").take(3).count(), 3, "it ended before");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}
