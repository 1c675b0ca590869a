//! The control socket of a running box: who may speak, how much, how long, and what a dead or hanging box looks like.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::io::ioctl_fionread;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Folder, SATPOST, SOON, Smtp, Station, wait_for};

fn connect(post: &Station) -> UnixStream {
    let stream = UnixStream::connect(post.folder.join("control.sock")).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

fn ask(post: &Station, line: &[u8]) -> Value {
    let mut stream = connect(post);
    stream.write_all(line).unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    serde_json::from_str(&answer).unwrap()
}

#[test]
fn one_line_in_one_line_out() {
    let folder = Folder::new();
    let post = Station::new(&folder, "box", &[], &[]).started();
    let socket = std::fs::metadata(post.folder.join("control.sock")).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    let answer = ask(&post, b"{\"args\":[\"settings\",\"get\",\"box.name\"]}\n");
    assert_eq!((&answer["code"], &answer["out"], &answer["err"]), (&0.into(), &"satpost\n".into(), &"".into()));
    let answer = ask(&post, b"{\"args\":[\"people\",\"add\",\"anna\"],\"input\":\"sunny days ahead\"}\n");
    assert_eq!(answer["code"], 0);
    for (line, code) in [
        (&b"{\"args\":[\"bogus\"]}\n"[..], 2),
        (b"{\"args\":[\"run\"]}\n", 2),
        (b"{\"args\":[\"restore\",\"x\"]}\n", 2),
        (b"{\"args\":[\"queue\",\"--help\"]}\n", 0),
        (b"garbage\n", 1),
        (b"{}\n", 1),
        (b"\xff\xfe\n", 1),
    ] {
        assert_eq!(ask(&post, line)["code"], code, "{}", String::from_utf8_lossy(line));
    }
}

#[test]
fn slow_silent_and_endless_clients_hold_up_nobody() {
    let folder = Folder::new();
    let post = Station::new(&folder, "box", &[], &[]).started();
    // Of eight places one is for the next command, and one may not be free yet of that which saw the box come up.
    let silent: Vec<_> = (0..6).map(|_| connect(&post)).collect();
    assert_eq!(post.said(&["settings", "get", "box.name"]).ok(), "satpost\n");
    for mut stream in silent {
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert!(said.contains("not complete in 5 s"), "{said}");
    }
    let mut endless = connect(&post);
    // Ends when the box has heard enough: an answer comes, or the pipe breaks.
    while endless.write_all(&[b'x'; 65_536]).is_ok() {}
    let crowd: Vec<_> = (0..40).map(|_| connect(&post)).collect();
    let mut last = String::new();
    BufReader::new(crowd.last().unwrap()).read_line(&mut last).unwrap();
    assert!(last.contains("too many commands"), "{last}");
    drop(crowd);
    wait_for("the box to answer again", SOON, || post.status());
}

#[test]
fn a_socket_left_by_a_killed_box_is_no_obstacle() {
    let folder = Folder::new();
    let mut post = Station::new(&folder, "box", &[], &[]).started();
    post.kill();
    assert!(post.folder.join("control.sock").exists());
    post.said(&["people", "add", "anna"]).ok();
    post.start();
    assert!(post.said(&["people", "list"]).ok().contains("anna"));
    post.stop();
    assert!(!post.folder.join("control.sock").exists());
}

#[test]
fn a_box_that_hangs_is_named_after_ten_seconds() {
    let folder = Folder::new();
    let mut post = Station::new(&folder, "box", &[], &[]).started();
    let pid = Pid::from_raw(i32::try_from(post.pid()).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    let began = Instant::now();
    let why = post.said(&["status"]).fails(1);
    let took = began.elapsed();
    let health = post.said(&["status", "--health"]).fails(1);
    kill_process(pid, Signal::CONT).unwrap();
    assert!(why.contains("does not answer in 10 s"), "{why}");
    assert!(took.as_secs() >= 9);
    assert!(health.contains("not healthy: the box in ") && health.contains("does not answer in 5 s"), "{health}");
}

#[test]
fn two_boxes_do_not_share_a_folder() {
    let folder = Folder::new();
    let post = Station::new(&folder, "box", &[], &[]).started();
    let second = post.said(&["run"]).fails(1);
    assert!(second.contains("in use by another satpost"), "{second}");
    assert!(post.status().is_some());
}

#[test]
fn commands_at_the_same_time_wait_for_each_other() {
    let folder = Folder::new();
    let post = Station::new(&folder, "box", &[], &[]);
    std::thread::scope(|scope| {
        for name in ["a", "b", "c", "d", "e", "f"] {
            let post = &post;
            scope.spawn(move || post.said(&["people", "add", name]).ok());
        }
    });
    assert_eq!(post.said(&["people", "list"]).ok().lines().count(), 6);
}

/// A list that is longer than the pages in which it is read, of a box that runs and of one that does not.
#[test]
fn long_lists_come_whole_and_end_when_nobody_reads() {
    let folder = Folder::new();
    let mut post = Station::new(&folder, "box", &[("box.domain", "box.example")], &["anna"]).started();
    let mut smtp = Smtp::connect(post.listener("smtp"));
    let long = "a line of some length that makes the answer long\n".repeat(20);
    for number in 0..250 {
        let mail = format!("From: bob@world.example\nSubject: number {number}\n\n{long}\n");
        let said = smtp.mail("bob@world.example", "anna@box.example", &mail);
        assert!(said.starts_with("250"), "{said}");
    }
    for live in [true, false] {
        let all: Value =
            serde_json::from_str(&post.cli_ok(&["queue", "list", "--all", "--limit", "1000", "--json"], "")).unwrap();
        let ids: Vec<_> =
            all.as_array().unwrap().iter().map(|message| message["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids, (1..=250).rev().map(|number| format!("m{number}")).collect::<Vec<_>>(), "live: {live}");
        let lines = post.cli_ok(&["queue", "list", "--all", "--limit", "201"], "");
        assert_eq!(lines.lines().count(), 201);
        let none: Value =
            serde_json::from_str(&post.cli_ok(&["queue", "list", "--limit", "1000", "--json"], "")).unwrap();
        assert_eq!(none.as_array().map(Vec::len), Some(0));
        // A reader that goes away is no failure.
        let data = post.folder.to_str().unwrap();
        let head = format!(
            "{SATPOST} queue list --all --limit 1000 --json --data {data} | head -n 1; exit ${{PIPESTATUS[0]}}"
        );
        let ended = Command::new("bash").args(["-c", &head]).output().unwrap();
        assert!(ended.status.success() && ended.stdout == b"[\n", "{ended:?}");
        // Nobody reads, and it waits with its output: Ctrl-C ends it.
        let words = ["queue", "list", "--all", "--limit", "1000", "--json", "--data", data];
        let mut blocked = Command::new(SATPOST).args(words).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = blocked.stdout.take().unwrap();
        wait_for("the pipe to be full", SOON, || (ioctl_fionread(&out).unwrap() > 60_000).then_some(()));
        kill_process(Pid::from_child(&blocked), Signal::INT).unwrap();
        let ended = wait_for("the command to end", SOON, || blocked.try_wait().unwrap());
        assert_eq!(ended.signal(), Some(Signal::INT.as_raw()), "live: {live}: {ended}");
        out.read_to_end(&mut Vec::new()).unwrap();
        if live {
            // Each is told of, however many there are.
            let every: Vec<&str> = ["queue", "cancel"].into_iter().chain(ids.iter().map(String::as_str)).collect();
            let ended = post.cli(&every, "");
            assert_eq!(String::from_utf8_lossy(&ended.stderr).lines().count(), 250);
            post.stop();
        }
    }
}
