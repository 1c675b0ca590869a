//! The radio: acknowledgements unseen, doubled and lost, packets that nobody hears, a supply that breaks down.

use std::time::Duration;

use crate::scene::{MENDS, Scene};

/// `$TD SENT` that is never seen is settled with what the modem still holds.
#[test]
fn sent_and_not_told() {
    let mut scene = Scene::start(&[]);
    scene.modem("nosent 2");
    let unseen = [scene.up("one unseen"), scene.up("two unseen")];
    for id in &unseen {
        scene.state(id, "sent", 2 * MENDS);
    }
    let shown = scene.state(&unseen[0], "sent", Duration::ZERO);
    assert!(shown["reason"].as_str().unwrap().contains("was not seen"), "{shown}");
    scene.both("seen");
    scene.settle();
}

#[test]
fn told_twice_heard_twice_heard_never() {
    let mut scene = Scene::start(&[]);
    for fault in ["dupsent 2", "ackloss 2", "loss 60"] {
        scene.modem(fault);
        scene.both(fault);
        scene.both(&format!("{fault}, again"));
        scene.settle();
    }
    let on_air = scene.world.on_air();
    assert!(on_air.len() > 6, "nothing was repeated: {on_air:?}");
}

/// Each transmission resets the modem, three times.
#[test]
fn a_weak_supply() {
    let mut scene = Scene::start(&[]);
    scene.modem("brownout 3");
    scene.both("one");
    scene.both("two");
    scene.settle();
    scene.ready();
}
