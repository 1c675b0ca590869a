//! The serial line: commands eaten, answers lost, late, garbled, glued, interrupted; a silent modem, a noisy line.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::scene::{ALWAYS, Scene};
use crate::support::{SOON, wait_for};

fn messages_through(modem: &[&str], faults: &[&str]) {
    let mut scene = Scene::start(modem);
    for fault in faults {
        scene.modem(fault);
        scene.both(fault);
        scene.arrived();
    }
    scene.settle();
    scene.ready();
}

#[test]
fn silent() {
    let mut scene = Scene::start(&[]);
    scene.both("before");
    scene.modem("silent on");
    scene.both("during");
    scene.told("does not answer");
    scene.modem("silent off");
    scene.both("after");
    scene.settle();
    scene.ready();
}

#[test]
fn commands_are_eaten() {
    messages_through(&[], &["ignore 1", "ignore 2", "ignore 3"]);
}

#[test]
fn answers_are_lost() {
    messages_through(&[], &["noreply 1", "noreply 2", "noreply 3"]);
}

/// A message is read at the fourth try, soon after the third, and not when the modem is looked at anyway.
#[test]
fn answers_to_reads_are_lost() {
    let mut scene = Scene::start(&ALWAYS);
    scene.modem("noreply 3 MM R");
    scene.down("read late");
    wait_for("the message on board", SOON, || {
        scene.station.messages().into_iter().find(|m| m["subject"] == "read late" && m["state"] == "delivered")
    });
    let status = scene.world.modem_says("status").join("\n");
    assert!(status.contains("noreply: 0"), "three answers were lost: {status}");
    scene.settle();
}

#[test]
fn answers_come_late() {
    messages_through(&ALWAYS, &["late 3500 1", "late 1600 3"]);
}

#[test]
fn answers_are_garbled() {
    messages_through(&[], &["corrupt 1", "corrupt 5"]);
}

#[test]
fn line_feeds_are_lost() {
    messages_through(&ALWAYS, &["droplf 1", "droplf 5"]);
}

#[test]
fn answers_are_glued_and_interleaved() {
    messages_through(&[], &["glue 1", "glue 5", "interleave on", "interleave 9"]);
}

#[test]
fn deaf() {
    only_talks("ignore");
}

#[test]
fn tongue_tied() {
    only_talks("noreply");
}

/// It reports by itself and answers nothing: the line to it is broken, or its answers get lost.
fn only_talks(fault: &str) {
    let mut scene = Scene::start(&[]);
    scene.modem(&format!("{fault} on"));
    scene.both(fault);
    scene.told("answers nothing");
    scene.modem(&format!("{fault} off"));
    scene.settle();
    scene.ready();
}

#[test]
fn only_garbage() {
    let mut scene = Scene::start(&[]);
    scene.modem("noise on");
    scene.modem("corrupt on");
    scene.both("during");
    scene.told("only garbage");
    scene.modem("corrupt off");
    scene.modem("noise off");
    scene.both("after");
    scene.settle();
    scene.ready();
}

/// What is whole among the garbage counts.
#[test]
fn garbage_between_the_lines() {
    let mut scene = Scene::start(&[]);
    scene.modem("noise on");
    scene.both("during");
    scene.both("still");
    scene.told("garbled");
    scene.arrived();
    scene.modem("noise off");
    scene.both("after");
    // Until it is forgotten it is noise, and nobody is accused of it.
    // Two spans of half a minute in which it is counted, and a poll after each.
    wait_for("the noise to be forgotten", 3 * SOON, || {
        let link = scene.link();
        let words = link["words"].as_str()?;
        assert!(!words.contains("another program"), "{link}");
        (!words.contains("garbled")).then_some(())
    });
    scene.settle();
    scene.ready();
}

/// Another program reads the same port and takes what it gets: it is named, and nothing is lost or sent twice.
#[test]
fn another_program_reads_along() {
    let mut scene = Scene::start(&ALWAYS);
    scene.both("before");
    scene.arrived();
    let port = std::fs::File::open(scene.world.folder.path("modem")).unwrap();
    let mut thief = Command::new("cat").stdin(port).stdout(Stdio::null()).spawn().unwrap();
    let name = format!("cat (pid {})", thief.id());
    scene.told(&name);
    scene.both("during");
    scene.told("stop that program");
    thief.kill().unwrap();
    thief.wait().unwrap();
    scene.ready();
    scene.both("after");
    scene.settle();
    wait_for("nobody to be named any more", SOON, || (!scene.link()["words"].as_str()?.contains(&name)).then_some(()));
}

/// One that takes twelve seconds for an answer is slow while it is still being got to know: neither deaf nor mute, and not told to
/// restart.
#[test]
fn very_slow() {
    let mut scene = Scene::start(&ALWAYS);
    scene.modem("late 12000 100000");
    scene.both("very slow");
    scene.told("so far");
    scene.told_within(Duration::from_secs(120), "answers slowly");
    let log = scene.station.log_text();
    assert!(!log.contains("restarts") && !log.contains("answers nothing: check"), "{log}");
    scene.modem("late 0 100000");
    scene.both("quick");
    scene.settle();
    scene.ready();
}

/// A modem that answers after five seconds is called slow; it is waited for, and not told to restart.
#[test]
fn slow() {
    let mut scene = Scene::start(&ALWAYS);
    scene.modem("late 5000 100000");
    scene.both("slow");
    scene.told_within(Duration::from_secs(150), "ready, but the modem answers slowly");
    scene.arrived();
    assert!(!scene.station.log_text().contains("restarts"), "{}", scene.station.log_text());
    scene.modem("late 0 100000");
    scene.both("quick");
    scene.settle();
    scene.ready();
}
