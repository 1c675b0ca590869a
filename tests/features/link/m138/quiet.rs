//! A noisy line; what it costs is measured by tests/bench/idle.

use super::scene::Scene;

#[test]
fn noise_stops_no_message() {
    let mut scene = Scene::start(&[]);
    scene.both("before");
    scene.settle();
    scene.modem("noise on");
    scene.told("garbled");
    scene.both("during");
    scene.arrived();
    scene.modem("noise off");
    scene.both("after");
    scene.settle();
    scene.ready();
}
