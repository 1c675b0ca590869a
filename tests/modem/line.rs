//! The serial line: commands eaten, answers lost, late, garbled, glued, interrupted; a silent modem, a noisy line.

use crate::scene::Scene;

pub fn messages_through(modem: &[&str], faults: &[&str]) {
    let mut scene = Scene::start(modem);
    for fault in faults {
        scene.modem(fault);
        scene.both(fault);
        scene.arrived();
    }
    scene.settle();
    scene.ready();
}

pub fn silent() {
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
pub fn only_talks(fault: &str) {
    let mut scene = Scene::start(&[]);
    scene.modem(&format!("{fault} on"));
    scene.both(fault);
    eprintln!("{fault} was told after {:?}", scene.told("answers nothing"));
    scene.modem(&format!("{fault} off"));
    scene.settle();
    scene.ready();
}

pub fn only_garbage() {
    let mut scene = Scene::start(&[]);
    scene.modem("noise on");
    scene.modem("corrupt on");
    scene.both("during");
    eprintln!("garbage was told after {:?}", scene.told("only garbage"));
    scene.modem("corrupt off");
    scene.modem("noise off");
    scene.both("after");
    scene.settle();
    scene.ready();
}

/// What is whole among the garbage counts.
pub fn garbage_between_the_lines() {
    let mut scene = Scene::start(&[]);
    scene.modem("noise on");
    scene.both("during");
    scene.both("still");
    eprintln!("noise was told after {:?}", scene.told("garbled"));
    scene.arrived();
    scene.modem("noise off");
    scene.both("after");
    scene.settle();
    scene.ready();
}
