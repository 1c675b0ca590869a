//! The serial line: commands eaten, answers lost, late, garbled, glued, interrupted; a modem that is mute or babbles.

use crate::scene::Scene;

/// Commands that vanish, answers that vanish or come too late to be believed.
#[test]
fn lost_commands_and_answers() {
    let mut scene = Scene::start(&[]);
    for fault in ["eat 1", "eat 3", "noreply 1", "noreply 3", "late 3500 1", "late 1600 3"] {
        scene.modem(fault);
        scene.both(fault);
        scene.settle();
    }
    scene.ready();
}

#[test]
fn garbled_answers() {
    let mut scene = Scene::start(&[]);
    for fault in ["interleave 10", "corrupt 1", "corrupt 5", "droplf 1", "droplf 5", "glue 1", "glue 5"] {
        scene.modem(fault);
        scene.both(fault);
        scene.settle();
    }
    scene.ready();
}

/// Every answer has something in front of it, for as long as it lasts.
#[test]
fn a_line_before_every_answer() {
    let mut scene = Scene::start(&[]);
    scene.modem("interleave on");
    for round in 0..4 {
        scene.both(&format!("round {round}"));
    }
    scene.settle();
    scene.modem("interleave off");
    scene.ready();
}

#[test]
fn a_mute_modem() {
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
#[test]
fn a_modem_that_only_talks() {
    let mut scene = Scene::start(&[]);
    for fault in ["eat", "noreply"] {
        scene.modem(&format!("{fault} on"));
        scene.both(fault);
        eprintln!("{fault} was told after {:?}", scene.told("answers nothing"));
        scene.modem(&format!("{fault} off"));
        scene.settle();
        scene.ready();
    }
}

#[test]
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

/// Garbage between the lines: what is whole among it counts.
#[test]
fn garbage_between_the_lines() {
    let mut scene = Scene::start(&[]);
    scene.modem("babble on");
    scene.both("during");
    scene.both("still");
    scene.told("garbled");
    scene.modem("babble off");
    scene.settle();
    scene.ready();
}
