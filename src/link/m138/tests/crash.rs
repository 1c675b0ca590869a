//! Never paid twice: time-outs, crashes and restarts around a hand-over.

use super::*;

/// Packets with this payload that the modem ever took.
fn times_taken(peer: &Peer, text: &str) -> usize {
    peer.set(|modem| modem.taken.iter().filter(|payload| *payload == text.as_bytes()).count())
}

fn unknown(bench: &mut Bench, packet: &LinkPacket) -> Intent {
    let (intent, result) = bench.hand_over(packet);
    assert!(matches!(result, SubmitResult::Unknown(_)), "{result:?}");
    intent
}

/// Asks until there is a verdict, as the engine does; another packet goes as soon as it may.
fn verdict(bench: &mut Bench, packet: &LinkPacket, intent: &Intent) -> Verdict {
    let (until, mut gone) = (Instant::now() + Duration::from_secs(10), false);
    loop {
        match bench.driver.reconcile(packet, intent) {
            Verdict::NotYet(why) => assert!(Instant::now() < until, "{why}"),
            verdict => return verdict,
        }
        let other = bench.packet("other");
        if !gone && let Ok(intent) = bench.driver.prepare(&other) {
            gone = matches!(bench.driver.send(&other, &intent), SubmitResult::Taken(_));
        }
        bench.poll(Duration::from_millis(50));
    }
}

/// Nothing was ever put into the modem's queue but these and the other packets of [`verdict`].
fn only_packets(peer: &Peer, texts: &[&str]) {
    let taken = peer.set(|modem| modem.taken.clone());
    let ours = |payload: &Vec<u8>| texts.iter().chain(&["other"]).any(|text| payload == text.as_bytes());
    assert!(taken.iter().all(ours), "{taken:?}");
}

#[test]
fn an_answer_that_was_lost_or_late_is_found_out() {
    for old_firmware in [false, true] {
        let peer = Peer::start();
        peer.set(|modem| modem.old_firmware = old_firmware);
        let mut bench = Bench::ready(&peer);
        let packet = bench.packet("unanswered");
        let first = bench.taken("first");
        peer.set(|modem| modem.drop_ok = true);
        let intent = unknown(&mut bench, &packet);
        let Verdict::Taken(reference) = verdict(&mut bench, &packet, &intent) else { panic!() };
        assert_eq!(reference.number, first.number + 1);
        // asking again gives the same answer
        assert_eq!(bench.driver.reconcile(&packet, &intent), Verdict::Taken(reference.clone()));
        assert_eq!(times_taken(&peer, "unanswered"), 1);

        peer.set(|modem| modem.late_ok = Some(Duration::from_millis(3500)));
        let packet = bench.packet("late");
        let intent = unknown(&mut bench, &packet);
        let Verdict::Taken(late) = verdict(&mut bench, &packet, &intent) else { panic!() };
        assert_eq!(late.number, reference.number + 1);
        assert_eq!(bench.taken("after").number, late.number + 1);
        only_packets(&peer, &["first", "unanswered", "late", "after"]);
    }
}

/// No id is known before the first packet of a run: the modem's count, its list or the id of the next packet tell.
#[test]
fn the_first_packet_of_a_run_is_found_without_another_before_it() {
    for (old_firmware, lost) in [(false, false), (true, false), (false, true), (true, true)] {
        let peer = Peer::start();
        peer.set(|modem| {
            modem.old_firmware = old_firmware;
            (modem.drop_ok, modem.lose_td) = (!lost, lost);
        });
        let mut bench = Bench::ready(&peer);
        let packet = bench.packet("first");
        let intent = unknown(&mut bench, &packet);
        assert!(bench.driver.prepare(&packet).is_err(), "others wait while evidence is gathered");
        match verdict(&mut bench, &packet, &intent) {
            Verdict::NotTaken(_) if lost => {}
            Verdict::Taken(reference) if !lost => {
                assert_eq!(bench.driver.still_held(&reference), PacketStatus::Held);
                assert_eq!(peer.queue()[0], b"first");
            }
            other => panic!("{old_firmware} {lost}: {other:?}"),
        }
        only_packets(&peer, &["first"]);
    }
}

/// What earlier runs handed over tells, with the next id, of the first packet of a run, whatever satellites came.
#[test]
fn ids_of_earlier_runs_tell_of_the_first_packet_of_a_run() {
    for remembers in [true, false] {
        let peer = Peer::start();
        let first = Bench::ready(&peer).taken("first");
        peer.transmit();
        let mut bench = Bench::new(&peer);
        if remembers {
            bench.driver.remember(&[(first, true)]);
        }
        bench.until("ready", |bench| bench.health().ready);
        peer.set(|modem| modem.lose_td = true);
        let packet = bench.packet("lost");
        let intent = unknown(&mut bench, &packet);
        peer.say("RT RSSI=-98,SNR=3,FDEV=12,TS=2027-01-15T08:00:01,DI=0x000568");
        // Nobody listened for a while.
        drop(bench);
        let mut bench = Bench::ready(&peer);
        match verdict(&mut bench, &packet, &intent) {
            Verdict::NotTaken(_) if remembers => {}
            Verdict::Unknown(_) if !remembers => {}
            other => panic!("{remembers}: {other:?}"),
        }
        assert_eq!(times_taken(&peer, "lost"), 0);
    }
}

/// A gap between ids may be that of an inbound packet.
#[test]
fn a_counter_is_no_proof() {
    for shared_counter in [false, true] {
        let peer = Peer::start();
        peer.set(|modem| modem.shared_counter = shared_counter);
        let mut bench = Bench::ready(&peer);
        bench.taken("first");
        peer.set(|modem| modem.lose_td = true);
        let packet = bench.packet("lost");
        let intent = unknown(&mut bench, &packet);
        // this may have been its answer
        peer.say_raw(b"$TD\x00*00\n");
        peer.receive(21, "AI=1000,6869");
        match verdict(&mut bench, &packet, &intent) {
            Verdict::NotTaken(_) if !shared_counter => {}
            Verdict::Unknown(_) if shared_counter => {}
            other => panic!("{shared_counter}: {other:?}"),
        }
        bench.taken("others are not held up");
        assert_eq!(times_taken(&peer, "lost"), 0);
    }
}

/// What is unknown is found when its late answer, or its acknowledgement, comes after all.
#[test]
fn later_evidence_still_counts() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    bench.taken("first");
    peer.transmit();
    peer.set(|modem| modem.reboot_on_td = Some(true));
    let packet = bench.packet("slow");
    let intent = unknown(&mut bench, &packet);
    let id = peer.set(|modem| modem.queue.pop().unwrap()).0;
    peer.say("RT RSSI=-98,SNR=3,FDEV=12,TS=2027-01-15T08:00:01,DI=0x000568");
    assert!(matches!(verdict(&mut bench, &packet, &intent), Verdict::Unknown(_)));
    peer.say(&format!("TD SENT,RSSI=-98,SNR=3,FDEV=12,{id}"));
    let Verdict::Sent(reference) = verdict(&mut bench, &packet, &intent) else { panic!() };
    assert_eq!(reference.number, id);
}

/// An equal packet whose id the store knows to be another's is not taken for this one.
#[test]
fn a_packet_that_is_excluded_is_not_named_again() {
    let peer = Peer::start();
    peer.set(|modem| modem.old_firmware = true);
    let mut bench = Bench::ready(&peer);
    let first = bench.taken("same");
    drop(bench);
    let mut bench = Bench::ready(&peer);
    peer.set(|modem| modem.lose_td = true);
    let packet = bench.packet("same");
    let intent = unknown(&mut bench, &packet);
    assert_eq!(bench.driver.reconcile(&packet, &intent), Verdict::Taken(first.clone()));
    bench.driver.exclude_match(&first);
    assert!(matches!(verdict(&mut bench, &packet, &intent), Verdict::NotTaken(_)));
}

#[test]
fn a_command_that_was_lost_may_go_again() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    bench.taken("first");
    peer.set(|modem| modem.lose_td = true);
    let packet = bench.packet("lost");
    let intent = unknown(&mut bench, &packet);
    assert!(matches!(verdict(&mut bench, &packet, &intent), Verdict::NotTaken(_)));
    bench.taken("lost");
    assert_eq!(times_taken(&peer, "lost"), 1);
}

#[test]
fn a_packet_that_left_before_it_was_asked_after_is_known_by_its_acknowledgement() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    bench.taken("first");
    peer.transmit();
    peer.set(|modem| modem.drop_ok = true);
    let packet = bench.packet("gone");
    let intent = unknown(&mut bench, &packet);
    peer.transmit();
    let Verdict::Sent(reference) = verdict(&mut bench, &packet, &intent) else { panic!() };
    bench.poll(Duration::from_millis(50));
    assert!(bench.sent().contains(&reference.number));
}

#[test]
fn a_restart_of_the_modem_in_the_middle_is_settled_by_its_queue_or_its_counter() {
    for taken in [true, false] {
        let peer = Peer::start();
        let mut bench = Bench::ready(&peer);
        bench.taken("first");
        peer.set(|modem| modem.reboot_on_td = Some(taken));
        let packet = bench.packet("middle");
        let intent = unknown(&mut bench, &packet);
        match verdict(&mut bench, &packet, &intent) {
            Verdict::Taken(_) if taken => {}
            Verdict::NotTaken(_) if !taken => {}
            other => panic!("{other:?}"),
        }
        only_packets(&peer, &["first", "middle"]);
    }
}

/// What had become of the packet when the program died.
#[derive(Debug, Clone, Copy, PartialEq)]
enum PacketFate {
    NeverHandedOver,
    OnTheModem,
    Sent,
}

#[test]
fn a_crash_at_any_moment_is_settled() {
    for fate in [PacketFate::NeverHandedOver, PacketFate::OnTheModem, PacketFate::Sent] {
        for old_firmware in [false, true] {
            let peer = Peer::start();
            peer.set(|modem| {
                modem.old_firmware = old_firmware;
                modem.last_satellite = Some("2027-01-15T07:00:00");
            });
            let mut bench = Bench::ready(&peer);
            let packet = bench.packet("crash");
            let intent = bench.driver.prepare(&packet).unwrap();
            if fate != PacketFate::NeverHandedOver {
                assert!(matches!(bench.driver.send(&packet, &intent), SubmitResult::Taken(_)));
            }
            drop(bench);
            if fate == PacketFate::Sent {
                peer.transmit();
            }
            let mut bench = Bench::ready(&peer);
            let found = verdict(&mut bench, &packet, &intent);
            match (fate, &found) {
                (PacketFate::NeverHandedOver, Verdict::NotTaken(_)) => {}
                // nothing but the far box can tell that a satellite took it
                (PacketFate::OnTheModem, Verdict::Taken(_)) | (PacketFate::Sent, Verdict::Unknown(_)) => {}
                _ => panic!("{fate:?} {old_firmware}: {found:?}"),
            }
            // and when the verdict itself is lost in another crash, the next run finds the same
            drop(bench);
            let mut bench = Bench::ready(&peer);
            let again = verdict(&mut bench, &packet, &intent);
            assert_eq!(std::mem::discriminant(&again), std::mem::discriminant(&found), "{fate:?} {old_firmware}");
            only_packets(&peer, &["crash"]);
        }
    }
}

/// The program dies between the command and its answer, and the next run hears the answer, or not.
#[test]
fn an_answer_to_an_earlier_run_is_no_proof_against_the_packet() {
    for (late, sent) in [(300, false), (300, true), (5, false), (5, true)] {
        let peer = Peer::start();
        let mut bench = Bench::ready(&peer);
        let packet = bench.packet("half");
        let intent = bench.driver.prepare(&packet).unwrap();
        bench.driver.take_in();
        peer.set(|modem| modem.late_ok = Some(Duration::from_millis(late)));
        let command = command::transmit_for(bench.driver.dialect(), 1000, &packet.payload, command::MIN_HOLD);
        bench.driver.wire.as_mut().unwrap().say(&codec::sentence(&command.body)).unwrap();
        let until = Instant::now() + Duration::from_secs(5);
        while times_taken(&peer, "half") == 0 {
            assert!(Instant::now() < until);
            std::thread::yield_now();
        }
        drop(bench);
        if sent {
            peer.transmit();
        }
        let mut bench = Bench::ready(&peer);
        let found = verdict(&mut bench, &packet, &intent);
        match &found {
            Verdict::Taken(_) if !sent => {}
            Verdict::Sent(_) | Verdict::Unknown(_) if sent => {}
            other => panic!("{late} {sent}: {other:?}"),
        }
    }
}

#[test]
fn a_packet_on_another_modem_waits_for_that_modem() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    let packet = bench.packet("x");
    let mut intent = bench.driver.prepare(&packet).unwrap();
    intent.memo = intent.memo.replace(&0x1abe.to_string(), "7");
    let verdict = bench.driver.reconcile(&packet, &intent);
    assert!(matches!(verdict, Verdict::NotYet(why) if why.to_string().contains("plug that modem back in")));
    intent.memo = "garbage".to_owned();
    assert!(matches!(bench.driver.reconcile(&packet, &intent), Verdict::Unknown(_)));
    bench.taken("others are not held up");
}
