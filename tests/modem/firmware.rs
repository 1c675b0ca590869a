//! Generations of firmware, and the ways in which manuals and recorded modems differ.

use crate::scene::Scene;

fn letters(modem: &[&str], variants: &[&str]) {
    let mut scene = Scene::open(modem);
    for variant in variants {
        scene.modem(&format!("variant {variant} on"));
    }
    scene.ready();
    for round in 0..3 {
        scene.both(&format!("round {round}"));
    }
    scene.settle();
    scene.modem("noreply 2");
    scene.both("no answer");
    scene.settle();
}

#[test]
fn firmware_one() {
    letters(&["--firmware", "1"], &[]);
}

#[test]
fn firmware_two() {
    letters(&["--firmware", "2"], &[]);
}

#[test]
fn firmware_three_with_all_variants() {
    letters(&["--firmware", "3"], &["sentspace", "bareapp", "waketail", "noids", "unreadonly"]);
}

#[test]
fn firmware_one_with_all_variants() {
    letters(&["--firmware", "1"], &["sentspace", "bareapp", "waketail", "noids", "unreadonly"]);
}
