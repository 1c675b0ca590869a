//! The modem's life: restarts, crashes, no power, no GPS time, a full queue.

use super::scene::{MENDS, Scene};
use crate::support::SOON;

#[test]
fn reboots() {
    restarts("reboot");
}

#[test]
fn aborts() {
    restarts("abort");
}

fn restarts(word: &str) {
    let mut scene = Scene::start(&["--factor", "5"]);
    scene.both("before");
    scene.modem(word);
    scene.told("the modem starts");
    scene.both("during");
    scene.settle();
    scene.ready();
}

#[test]
fn power_fails() {
    let mut scene = Scene::start(&[]);
    scene.both("before");
    // what is on its way to the modem in this very moment can end as unknown
    scene.arrived();
    scene.modem("power off");
    scene.both("during");
    scene.told("does not answer");
    scene.modem("power on");
    scene.both("after");
    scene.settle();
    scene.ready();
}

/// A modem that ran long before the box did.
#[test]
fn running_already() {
    let mut scene = Scene::start(&["--start", "running"]);
    scene.both("first");
    scene.settle();
}

/// Power comes long after the box.
#[test]
fn not_yet_there() {
    let mut scene = Scene::open(&["--start", "off"]);
    scene.told("not answer");
    scene.both("first");
    scene.modem("power on");
    scene.settle();
    scene.ready();
}

#[test]
fn no_time_and_no_fix() {
    let mut scene = Scene::start(&[]);
    scene.modem("notime on");
    scene.both("no time");
    scene.told("no GPS time");
    scene.modem("notime off");
    scene.arrived();
    scene.modem("nofix on");
    scene.both("no fix");
    scene.settle();
    assert_eq!(scene.link()["ready"], true);
}

/// The next packet that leaves makes room.
#[test]
fn full_queue() {
    let mut scene = Scene::start(&[]);
    scene.modem("pass end");
    let first = scene.up("on the modem");
    scene.state(&first, "on the link", MENDS);
    scene.modem("full on");
    scene.both("full");
    scene.told("queue is full");
    scene.modem("full off");
    scene.modem("pass auto");
    scene.settle();
    scene.ready();
}

/// Room is seen without a packet that leaves: nobody waits for the next satellite.
#[test]
fn full_queue_ends_without_a_pass() {
    let mut scene = Scene::start(&[]);
    scene.modem("pass end");
    scene.modem("full on");
    let waits = scene.up("full");
    scene.told("queue is full");
    let shown = scene.state(&waits, "queued", MENDS);
    let steps = shown["steps"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["code"] == "device.refused_packet"), "{shown}");
    scene.modem("full off");
    // Not when the modem is looked at anyway.
    scene.state(&waits, "on the link", SOON);
    scene.modem("pass auto");
    scene.settle();
    scene.ready();
}
