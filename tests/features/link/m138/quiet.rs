//! A modem that babbles; what it costs is measured by tests/bench/idle.

use super::scene::Scene;

#[test]
fn babble_stops_no_message() {
    let mut scene = Scene::start(&[]);
    scene.both("before");
    scene.settle();
    scene.modem("babble on");
    scene.told("garbled");
    scene.both("during");
    scene.arrived();
    scene.modem("babble off");
    scene.both("after");
    scene.settle();
    scene.ready();
}
