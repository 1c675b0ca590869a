//! A modem that the network does not know yet, and the session that makes it known.

use super::*;

/// Lets the driver look at an idle modem some times.
fn looks(bench: &mut Bench) {
    let before: u32 = bench.show("commands").parse().unwrap();
    bench.until("a few looks", |bench| (bench.show("commands").parse::<u32>().unwrap() > before + 5).then_some(()));
}

fn booked(bench: &Bench) -> usize {
    bench.heard.iter().filter(|event| matches!(event, Event::Mailbox)).count()
}

#[test]
fn a_modem_that_the_network_does_not_know_is_made_known_once_and_hears_what_is_announced() {
    let mut bench = Bench::new("unknown");
    bench.tell("known off");
    bench.tell("down 01");
    bench.link.may_look(false);
    bench.until("the modem", |bench| bench.link.is_ready().then_some(()));
    assert_eq!((bench.sessions(), bench.link.facts.registered), (0, Some(false)), "the budget has no room");
    bench.link.may_look(true);
    let first = bench.until_inbound();
    bench.link.confirm(&first.token).unwrap();
    bench.until("the booking", |bench| bench.heard.contains(&Event::Mailbox).then_some(()));
    assert_eq!((first.payload, bench.show("registered").as_str(), bench.sessions()), (vec![1], "2", 1));
    bench.tell("down 02");
    assert_eq!(bench.until_inbound().payload, [2]);
    assert_eq!(bench.sessions(), 2);
    // Whatever the modem says when it is found again, it has no session a second time.
    bench.tell("known off");
    bench.tell("unplug");
    bench.until("the loss", |bench| (!bench.link.is_ready()).then_some(()));
    bench.tell("plug");
    bench.until("the modem again", |bench| (bench.link.facts.registered == Some(false)).then_some(()));
    looks(&mut bench);
    assert_eq!(bench.sessions(), 2);
}

#[test]
fn who_answers_no_ring_alerts_has_no_session_to_be_known() {
    let mut bench = Bench::new("unheard");
    bench.link = driver(&bench.folder, &[(Key::SbdRing, "no")]);
    bench.tell("known off");
    bench.until("the modem", |bench| bench.link.is_ready().then_some(()));
    looks(&mut bench);
    assert_eq!(bench.sessions(), 0);
}

/// The counter tells that it took place: it is booked, and not had again by this life or the next one.
#[test]
fn a_session_whose_result_is_lost_is_booked_and_not_had_again() {
    let mut bench = Bench::new("unknown-lost");
    bench.tell("known off");
    bench.tell("lost 1");
    bench.until("the booking", |bench| (booked(bench) == 1).then_some(()));
    assert!(bench.heard.contains(&Event::Keep));
    let kept = bench.link.keep().unwrap();
    looks(&mut bench);
    assert_eq!((bench.sessions(), booked(&bench)), (1, 1));
    bench.tell("known off");
    bench.dies();
    bench.link.equip(&Equipment { kept, ..Equipment::default() });
    bench.until_ready();
    looks(&mut bench);
    assert_eq!((bench.sessions(), booked(&bench)), (1, 0));
    assert_eq!(bench.link.keep(), None);
}

/// What fails before anybody wrote something is no reason for a message to wait.
#[test]
fn one_that_fails_costs_nothing_and_holds_nothing_up() {
    let mut bench = Bench::new("unknown-sky");
    bench.tell("known off");
    bench.tell("status 32 30");
    bench.until("two failures", |bench| (bench.sessions() >= 2).then_some(()));
    assert!(bench.link.is_ready() && bench.link.plan.blocked().is_none() && booked(&bench) == 0);
    let (sessions, packet) = (bench.sessions(), packet(b"now"));
    let intent = bench.until("room", |bench| bench.link.prepare(&packet).ok());
    assert!(matches!(bench.link.send(&packet, &intent), SubmitResult::Taken(_)));
    bench.until("its session", |bench| (bench.sessions() > sessions).then_some(()));
}
