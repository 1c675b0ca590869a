//! Generations of firmware, and the ways in which manuals and recorded modems differ.

use crate::scene::Scene;

pub fn messages(modem: &[&str], variants: &[&str]) {
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
