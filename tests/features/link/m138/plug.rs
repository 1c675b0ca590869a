//! The cable: pulled in the middle of commands, the port in other hands.

use std::time::Duration;

use super::scene::{MENDS, Scene};
use crate::support::{PASSWORD, Program, SECOND_DEVICE, World};

#[test]
fn pulled_in_the_middle_of_commands() {
    let mut scene = Scene::start(&[]);
    for round in 0..20 {
        scene.both(&format!("round {round}"));
        scene.modem("unplug");
        if round % 2 == 0 {
            scene.told("plug the modem in");
        }
        scene.modem("plug");
        if round % 4 == 0 {
            scene.ready();
        }
    }
    scene.ready();
    scene.settle();
}

#[test]
fn in_other_hands() {
    let world = World::start(&["--start", "running"]);
    assert_eq!(world.modem_says("lock on"), ["ok"]);
    let mut scene = Scene::over(world);
    scene.told("is held by");
    scene.both("first");
    scene.modem("lock off");
    scene.ready();
    scene.settle();
}

/// Another modem comes in the place of one that holds packets: they wait until theirs is back.
#[test]
fn another_modem_in_its_place() {
    let mut scene = Scene::start(&[]);
    scene.gateway.cli_ok(&["people", "add", "ben", "--device", SECOND_DEVICE], PASSWORD);
    scene.modem("pass end");
    let held = scene.up("held by the first");
    scene.state(&held, "on the link", MENDS);
    scene.modem("unplug");
    scene.told("plug the modem in");
    let path = |name: &str| scene.world.folder.path(name).to_str().unwrap().to_owned();
    let (port, sky, control) = (path("modem"), path("sky"), path("second.ctl"));
    let args = ["simulate", "modem", "--port", &port, "--device", SECOND_DEVICE, "--sky", &sky, "--control", &control];
    let more = ["--factor", "20", "--pass-every", "2", "--pass-length", "1"];
    let args: Vec<&str> = args.iter().chain(&more).copied().collect();
    let mut second = Program::start(&args, &scene.world.folder.path("second.log"));
    scene.ready();
    assert_eq!(scene.link()["device"], 0x1abf);
    let over_second = scene.up("over the second");
    scene.state(&over_second, "sent", MENDS);
    let shown = scene.state(&held, "on the link", Duration::ZERO);
    assert!(shown["reason"].as_str().unwrap().contains("0x001abe"), "{shown}");
    second.stop(crate::support::SOON);
    scene.modem("plug");
    scene.ready();
    scene.modem("pass auto");
    scene.settle();
}
