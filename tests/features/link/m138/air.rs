//! The radio: acknowledgements doubled and lost, packets that nobody hears, a supply that breaks down.

use super::scene::{ALWAYS, Scene};

/// `$TD SENT` comes twice; the sky has a packet and the modem hears no acknowledgement; nobody hears a packet.
#[test]
fn repeated() {
    let mut scene = Scene::start(&ALWAYS);
    for fault in ["dupsent 2", "ackloss 2", "loss 60"] {
        scene.modem(fault);
        scene.both(fault);
        scene.both(&format!("{fault}, again"));
        scene.arrived();
    }
    scene.settle();
    let on_air = scene.world.on_air();
    assert!(on_air.len() > 6, "nothing was repeated: {on_air:?}");
}

/// Each transmission resets the modem, three times.
#[test]
fn weak_supply() {
    let mut scene = Scene::start(&[]);
    scene.modem("brownout 3");
    scene.both("one");
    scene.both("two");
    scene.settle();
    scene.ready();
}
