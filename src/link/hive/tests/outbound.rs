use super::*;
use crate::message::reason::Acknowledged;

impl Bench {
    fn hand_over(&mut self, payload: &[u8]) -> (Intent, SubmitResult) {
        let intent = self.hive.prepare(&packet(payload)).unwrap();
        let result = self.hive.send(&packet(payload), &intent);
        (intent, result)
    }

    fn taken(&mut self, payload: &[u8]) -> Reference {
        match self.hand_over(payload) {
            (_, SubmitResult::Taken(reference)) => reference,
            (_, result) => panic!("{result:?}"),
        }
    }

    /// Reconciles until there is a verdict.
    fn verdict(&mut self, payload: &[u8], intent: &Intent) -> Verdict {
        let start = Instant::now();
        loop {
            self.round();
            match self.hive.reconcile(&packet(payload), intent) {
                Verdict::NotYet(why) if start.elapsed() > LIMIT => panic!("{why}"),
                Verdict::NotYet(_) => crate::clock::sleep(Duration::from_millis(20)),
                verdict => return verdict,
            }
        }
    }
}

#[test]
fn a_packet_for_a_device_is_taken_and_watched_until_it_left() {
    let mut bench = Bench::start();
    bench.settings = bench.settings.with(Key::HiveOrganization, "67028").unwrap();
    bench.restart();
    bench.round();
    let reference = bench.taken(&[0xfe; 192]);
    assert_eq!(reference.holder, "hive");
    let sent = &bench.packets()[0];
    assert_eq!(sent["packetId"], reference.number);
    assert_eq!((&sent["deviceId"], &sent["userApplicationId"]), (&DEVICE.into(), &1000.into()));
    let request: serde_json::Value =
        serde_json::from_str(bench.requests("messages").last().unwrap()["body"].as_str().unwrap()).unwrap();
    assert_eq!(request["deviceType"], 1);
    assert_eq!(request["organizationId"], 67028);

    assert_eq!(bench.hive.still_held(&reference), PacketStatus::Held);
    assert!(matches!(bench.hive.cancel(&reference), PacketStatus::Unknown(_)));
    bench.sim(&format!("status {} 3", reference.number));
    let (left, how) = bench.until(|event| match event {
        Event::Sent { reference, how } => Some((reference.clone(), how.clone())),
        _ => None,
    });
    assert_eq!((left, how), (reference.clone(), Acknowledged::OnSatellite));
    assert_eq!(bench.hive.still_held(&reference), PacketStatus::Sent);
    assert_eq!(bench.hive.watch.len(), 0);
}

#[test]
fn a_packet_that_the_hive_gives_up_is_lost() {
    let mut bench = Bench::start();
    bench.round();
    let reference = bench.taken(b"one");
    bench.sim(&format!("status {} -4", reference.number));
    let lost = bench.until(|event| match event {
        Event::Lost { reference, .. } => Some(reference.clone()),
        _ => None,
    });
    assert_eq!(lost, reference);
    bench.restart();
    assert!(matches!(bench.hive.still_held(&reference), PacketStatus::GaveUp(_)));
    let other = Reference { number: 17, ..reference };
    assert!(matches!(bench.hive.still_held(&other), PacketStatus::Unknown(_)));
}

#[test]
fn a_packet_that_the_hive_tries_again_is_followed() {
    let mut bench = Bench::start();
    bench.round();
    let reference = bench.taken(b"one");
    bench.sim(&format!("status {} -3", reference.number));
    assert_eq!(bench.hive.still_held(&reference), PacketStatus::Held);
    bench.sim(&format!("status {} 3", reference.number + 1));
    assert_eq!(bench.hive.still_held(&reference), PacketStatus::Sent);
}

#[test]
fn refusals_are_told_apart() {
    let mut bench = Bench::start();
    bench.round();
    for (fault, expected) in [
        ("403", "operator"),
        ("400", "operator"),
        ("429", "temporary"),
        ("error200", "temporary"),
        ("401 2", "temporary"),
    ] {
        bench.sim(&format!("fail send {fault}"));
        let (_, result) = bench.hand_over(b"one");
        let kind = match &result {
            SubmitResult::RefusedPacket(Fault::Operator(why)) if why.to_string().contains("device 0x001abe") => {
                "operator"
            }
            SubmitResult::Refused(Fault::Temporary(_)) | SubmitResult::RefusedPacket(Fault::Temporary(_)) => {
                "temporary"
            }
            _ => "other",
        };
        assert_eq!(kind, expected, "{fault}: {result:?}");
        bench.round();
    }
    assert_eq!(bench.packets(), Vec::<serde_json::Value>::new());
    let stranger = LinkPacket { device: Some("17".parse().unwrap()), ..packet(b"one") };
    let intent = bench.hive.prepare(&stranger).unwrap();
    assert!(matches!(bench.hive.send(&stranger, &intent), SubmitResult::RefusedPacket(Fault::Operator(_))));
    for wrong in [packet(b""), packet(&[0; 193]), LinkPacket { device: None, ..packet(b"one") }] {
        assert!(matches!(bench.hive.prepare(&wrong), Err(Fault::Permanent(_))));
    }
    let intent = bench.hive.prepare(&packet(b"one")).unwrap();
    bench.sim("down on");
    assert!(matches!(bench.hive.send(&packet(b"one"), &intent), SubmitResult::Refused(Fault::Temporary(_))));
    assert_eq!(bench.hive.still_held(&Reference { holder: "hive".to_owned(), number: 1 }), {
        let why = bench.hive.trouble.as_ref().unwrap().reason().clone();
        PacketStatus::Unknown(why)
    });
    assert!(bench.hive.console("$FV").is_err());
}

/// Done or not done, the answer does not come: found out, and never twice in the Hive.
#[test]
fn doubt_about_a_hand_over_is_settled_by_the_listing() {
    for (fault, done) in [
        ("timeout", true),
        ("trickle", true),
        ("reset-after", true),
        ("truncated", true),
        ("reset-before", false),
        ("500", false),
        ("502", false),
    ] {
        let mut bench = Bench::start();
        bench.round();
        bench.sim(&format!("fail send {fault} 1"));
        let (intent, result) = bench.hand_over(b"one");
        assert!(matches!(result, SubmitResult::Unknown(_)), "{fault}: {result:?}");
        let first = bench.hive.reconcile(&packet(b"one"), &intent);
        assert!(matches!(first, Verdict::NotYet(_)), "{fault}: {first:?}");
        match bench.verdict(b"one", &intent) {
            Verdict::Taken(reference) => {
                assert!(done, "{fault}");
                assert_eq!(bench.packets()[0]["packetId"], reference.number);
            }
            Verdict::NotTaken(_) => {
                assert!(!done, "{fault}");
                bench.taken(b"one");
            }
            verdict => panic!("{fault}: {verdict:?}"),
        }
        assert_eq!(bench.packets().len(), 1, "{fault}");
    }
}

#[test]
fn a_hand_over_whose_answer_was_not_kept_is_still_known() {
    let mut bench = Bench::start();
    bench.round();
    let (intent, SubmitResult::Taken(reference)) = bench.hand_over(b"one") else { panic!() };
    let (other, SubmitResult::Taken(second)) = bench.hand_over(b"one") else { panic!() };
    assert_eq!(bench.hive.reconcile(&packet(b"one"), &intent), Verdict::Taken(reference));
    assert_eq!(bench.hive.reconcile(&packet(b"one"), &other), Verdict::Taken(second));
}

#[test]
fn after_a_crash_the_hand_over_is_found_wherever_the_packet_stands() {
    for (status, sent) in [(1, false), (2, true), (3, true), (-1, false), (-4, false)] {
        let mut bench = Bench::start();
        bench.round();
        let (intent, SubmitResult::Taken(reference)) = bench.hand_over(b"one") else { panic!() };
        bench.sim(&format!("status {} {status}", reference.number));
        bench.restart();
        let verdict = bench.hive.reconcile(&packet(b"one"), &intent);
        let expected = if sent { Verdict::Sent(reference) } else { Verdict::Taken(reference) };
        assert_eq!(verdict, expected, "{status}");
    }
}

#[test]
fn an_equal_packet_of_another_message_is_not_mistaken_for_this_one() {
    let mut bench = Bench::start();
    bench.round();
    let first = bench.taken(b"ok");
    bench.sim("fail send reset-before 1");
    let (intent, result) = bench.hand_over(b"ok");
    assert!(matches!(result, SubmitResult::Unknown(_)));
    assert!(matches!(bench.verdict(b"ok", &intent), Verdict::NotTaken(_)));
    bench.sim("fail send reset-after 1");
    let (intent, result) = bench.hand_over(b"ok");
    assert!(matches!(result, SubmitResult::Unknown(_)));
    bench.restart();
    match bench.verdict(b"ok", &intent) {
        Verdict::Taken(second) => assert!(second.number > first.number),
        verdict => panic!("{verdict:?}"),
    }
    let long_ago = Intent { at: Clock::system().now() + Duration::from_secs(7200), ..intent };
    bench.restart();
    assert!(matches!(bench.hive.reconcile(&packet(b"ok"), &long_ago), Verdict::NotYet(_)));
}

#[test]
fn after_a_crash_equal_packets_of_earlier_runs_are_told_apart_by_who_knows_them() {
    let mut bench = Bench::start();
    bench.round();
    let first = bench.taken(b"ok");
    bench.restart();
    bench.round();
    bench.sim("fail send reset-before 1");
    let (intent, _) = bench.hand_over(b"ok");
    bench.restart();
    bench.round();
    assert_eq!(bench.verdict(b"ok", &intent), Verdict::Taken(first.clone()));
    bench.hive.exclude_match(&first);
    let settled = Intent { at: intent.at - Duration::from_secs(60), ..intent };
    assert!(matches!(bench.verdict(b"ok", &settled), Verdict::NotTaken(_)));
}

#[test]
fn while_the_listing_fails_there_is_no_verdict() {
    let mut bench = Bench::start();
    bench.round();
    let (intent, _) = bench.hand_over(b"one");
    bench.restart();
    for fault in ["502", "object", "truncated", "403"] {
        bench.sim(&format!("fail list {fault} 1"));
        let intent = Intent { at: intent.at - Duration::from_secs(60), ..intent.clone() };
        assert!(matches!(bench.hive.reconcile(&packet(b"two"), &intent), Verdict::NotYet(_)), "{fault}");
        bench.sim("clear-faults");
        bench.round();
    }
    let before = Intent { at: intent.at - Duration::from_secs(60), ..intent };
    assert!(matches!(bench.hive.reconcile(&packet(b"two"), &before), Verdict::NotTaken(_)));
}

#[test]
fn a_packet_goes_up_and_down_through_the_sky() {
    let folder = std::env::temp_dir().join(format!("satpost-sky-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut bench = Bench::with(Options { sky: Some(folder.join("sky")), ..options() });
    let mut sky = Sky::connect(&folder.join("sky")).unwrap();
    let up = Ask::Up { device: DEVICE, app: 1000, data: "7570".to_owned(), id: 123 };
    for _ in 0..2 {
        assert_eq!(sky.ask(&up).unwrap().ok, Some(true));
    }
    let items = inbound(&bench.round());
    assert_eq!(items.len(), 2);
    assert_eq!(items[0].key, items[1].key);
    assert_eq!(items[0].payload, b"up");

    let take = Ask::Take(DEVICE);
    assert_eq!(sky.ask(&take).unwrap().packet, None);
    let reference = bench.taken(b"down");
    let waiting = Some(Down { packet_id: reference.number, app: 1000, data: "646f776e".to_owned() });
    assert_eq!(sky.ask(&take).unwrap().packet, waiting);
    assert_eq!(sky.ask(&take).unwrap().packet, waiting);
    assert_eq!(sky.ask(&Ask::Arrived(reference.number)).unwrap().ok, Some(true));
    assert_eq!(sky.ask(&take).unwrap().packet, None);
    assert_eq!(bench.hive.still_held(&reference), PacketStatus::Sent);
    assert!(sky.ask(&Ask::Arrived(17)).unwrap().error.is_some());
    drop(bench);
    std::fs::remove_dir_all(folder).unwrap();
}
