//! Generations of firmware, and the ways in which manuals and recorded modems differ.

use super::scene::Scene;

const VARIANTS: [&str; 5] = ["sentspace", "bareapp", "waketail", "noids", "unreadonly"];

#[test]
fn firmware_1() {
    messages(&["--firmware", "1"], &[]);
}

#[test]
fn firmware_2() {
    messages(&["--firmware", "2"], &[]);
}

#[test]
fn variants_of_firmware_1() {
    messages(&["--firmware", "1"], &VARIANTS);
}

#[test]
fn variants_of_firmware_3() {
    messages(&["--firmware", "3"], &VARIANTS);
}

fn messages(modem: &[&str], variants: &[&str]) {
    let mut scene = Scene::open(modem);
    for variant in variants {
        scene.modem(&format!("variant {variant} on"));
    }
    scene.ready();
    for round in 0..3 {
        scene.both(&format!("round {round}"));
    }
    scene.arrived();
    scene.modem("noreply 2");
    scene.both("no answer");
    scene.settle();
}
