//! The pin of a modem that answers nothing.

use super::*;

type Switched = std::sync::Arc<std::sync::Mutex<Vec<bool>>>;

struct Wire(Switched);

impl crate::link::power::Pin for Wire {
    fn switch(&mut self, _: &serial::Port, on: bool) -> std::io::Result<()> {
        self.0.lock().unwrap().push(on);
        Ok(())
    }
}

/// A bench whose modem has its pin wired, and what that was switched to.
fn wired(name: &str) -> (Bench, Switched) {
    let (mut bench, switched) = (Bench::new(name), Switched::default());
    bench.link.power = Power::with(Wire(std::sync::Arc::clone(&switched)));
    (bench, switched)
}

/// What was silent before it was unplugged says nothing of what is plugged in then.
#[test]
fn a_modem_that_comes_back_is_not_switched_off_at_its_first_silence() {
    let (mut bench, switched) = wired("power-back");
    bench.until_ready();
    bench.tell("mute on");
    bench.until("that it is silent", |bench| bench.link.silent_since.map(drop));
    bench.tell("unplug");
    bench.until("that it is gone", |bench| bench.link.wire.is_none().then_some(()));
    assert_eq!(bench.link.silent_since, None);
    assert!(!switched.lock().unwrap().contains(&false));
}

/// A modem in a session answers nothing, however long it was silent before.
#[test]
fn a_modem_is_not_switched_off_in_its_session() {
    let (mut bench, switched) = wired("power-session");
    bench.tell("bars 0");
    bench.taken(b"goes");
    bench.tell("mute on");
    let long_ago = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
    let slot = bench.link.slot.as_mut().unwrap();
    (slot.tried, bench.link.silent_since) = (Some(Instant::now()), Some(long_ago));
    bench.link.limits.session = Duration::from_secs(3600);
    bench.link.ask_again(1, false);
    assert!(!switched.lock().unwrap().contains(&false));
    bench.link.slot.as_mut().unwrap().tried = None;
    bench.link.ask_again(2, false);
    assert!(switched.lock().unwrap().ends_with(&[false, true]));
}

/// A modem that answers nothing, whatever is tried, is switched off and on by its wire, and what it had is settled.
#[test]
fn a_modem_that_hangs_is_switched_off_and_on_where_that_is_wired() {
    let (mut bench, switched) = wired("power");
    bench.tell("bars 0");
    let reference = bench.taken(b"hangs");
    assert_eq!(*switched.lock().unwrap(), [true], "it is on as soon as its port is open");
    bench.tell("mute on");
    let state = |bench: &Bench| bench.link.state().to_string();
    bench.until("that it is told", |bench| {
        state(bench).contains("switched off and on by the control line").then_some(())
    });
    bench.until("that it is switched", |_| (switched.lock().unwrap().ends_with(&[false, true])).then_some(()));
    for command in ["power off", "power on", "bars 4"] {
        bench.tell(command);
    }
    // Without power the slot is empty, and the counter stands: it goes again.
    bench.until("that it is given back", |bench| {
        let is = |event: &Event| matches!(event, Event::NotTaken { reference: back, .. } if *back == reference);
        bench.heard.iter().any(is).then_some(())
    });
    let again = bench.taken(b"hangs");
    bench.until_sent(&again);
    assert_eq!(bench.gateway().len(), 1);
}
