//! The serial line: commands eaten, answers lost, late, garbled, glued, interrupted; a silent modem, a noisy line.

use super::scene::{ALWAYS, Scene};

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
    scene.settle();
    scene.ready();
}
