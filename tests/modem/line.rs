//! The serial line: commands eaten, answers lost, late, garbled, glued, interrupted; a modem that is mute or babbles.

use crate::scene::{ALWAYS, Scene, at_once};

fn letters_through(modem: &[&str], faults: &[&str]) {
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
fn answers_lost_late_and_garbled() {
    at_once(&[
        ("eaten", &|| letters_through(&[], &["eat 1", "eat 2", "eat 3"])),
        ("no reply", &|| letters_through(&[], &["noreply 1", "noreply 2", "noreply 3"])),
        ("late", &|| letters_through(&ALWAYS, &["late 3500 1", "late 1600 3"])),
        ("garbled", &|| letters_through(&[], &["corrupt 1", "corrupt 5", "droplf 1", "droplf 5"])),
        ("glued", &|| letters_through(&[], &["glue 1", "glue 5", "interleave on", "interleave 9"])),
    ]);
}

#[test]
fn mute_deaf_and_babbling() {
    at_once(&[
        ("mute", &mute),
        ("deaf", &|| only_talks("eat")),
        ("tongue-tied", &|| only_talks("noreply")),
        ("only garbage", &only_garbage),
        ("garbage between", &garbage_between_the_lines),
    ]);
}

fn mute() {
    let mut scene = Scene::start(&[]);
    scene.both("before");
    scene.modem("silent on");
    scene.both("during");
    eprintln!("silence was told after {:?}", scene.told("does not answer"));
    scene.modem("silent off");
    scene.both("after");
    scene.settle();
    scene.ready();
}

/// It reports by itself and answers nothing: the line to it is broken, or its answers get lost.
fn only_talks(fault: &str) {
    let mut scene = Scene::start(&[]);
    scene.modem(&format!("{fault} on"));
    scene.both(fault);
    eprintln!("{fault} was told after {:?}", scene.told("answers nothing"));
    scene.modem(&format!("{fault} off"));
    scene.settle();
    scene.ready();
}

fn only_garbage() {
    let mut scene = Scene::start(&[]);
    scene.modem("babble on");
    scene.modem("corrupt on");
    scene.both("during");
    eprintln!("garbage was told after {:?}", scene.told("only garbage"));
    scene.modem("corrupt off");
    scene.modem("babble off");
    scene.both("after");
    scene.settle();
    scene.ready();
}

/// What is whole among the garbage counts.
fn garbage_between_the_lines() {
    let mut scene = Scene::start(&[]);
    scene.modem("babble on");
    scene.both("during");
    scene.both("still");
    eprintln!("babble was told after {:?}", scene.told("garbled"));
    scene.arrived();
    scene.modem("babble off");
    scene.both("after");
    scene.settle();
    scene.ready();
}
