//! Generations of firmware, and the ways in which manuals and recorded modems differ.

use crate::scene::{Scene, at_once};

fn letters(modem: &[&str], variants: &[&str]) {
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

#[test]
fn every_firmware_and_variant() {
    let variants = ["sentspace", "bareapp", "waketail", "noids", "unreadonly"];
    at_once(&[
        ("firmware 1", &|| letters(&["--firmware", "1"], &[])),
        ("firmware 2", &|| letters(&["--firmware", "2"], &[])),
        ("firmware 1, variants", &|| letters(&["--firmware", "1"], &variants)),
        ("firmware 3, variants", &|| letters(&["--firmware", "3"], &variants)),
    ]);
}
