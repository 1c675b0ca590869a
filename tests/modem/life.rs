//! The modem's life: restarts, crashes, no power, no GPS time, a full queue.

use crate::scene::Scene;

#[test]
fn restarts_and_crashes() {
    let mut scene = Scene::start(&["--factor", "5"]);
    for word in ["reboot", "abort"] {
        scene.both(&format!("{word}, before"));
        scene.modem(word);
        eprintln!("{word} was told after {:?}", scene.told("the modem starts"));
        scene.both(&format!("{word}, during"));
        scene.settle();
        scene.ready();
    }
}

#[test]
fn power_fails() {
    let mut scene = Scene::start(&[]);
    scene.both("before");
    scene.modem("power off");
    scene.both("during");
    eprintln!("no power was told after {:?}", scene.told("does not answer"));
    scene.modem("power on");
    scene.both("after");
    scene.settle();
    scene.ready();
}

#[test]
fn no_time_and_no_fix() {
    let mut scene = Scene::start(&[]);
    scene.modem("notime on");
    scene.both("no time");
    eprintln!("no time was told after {:?}", scene.told("no GPS time"));
    scene.modem("notime off");
    scene.settle();
    scene.ready();
    scene.modem("nofix on");
    scene.both("no fix");
    scene.settle();
    assert_eq!(scene.link()["ready"], true);
    scene.modem("nofix off");
}

#[test]
fn a_full_queue() {
    let mut scene = Scene::start(&[]);
    scene.modem("full on");
    scene.both("full");
    eprintln!("full was told after {:?}", scene.told("queue is full"));
    scene.modem("full off");
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
    scene.told("does not answer");
    scene.both("first");
    scene.modem("power on");
    scene.settle();
    scene.ready();
}
