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

/// Asks until there is a verdict, as the engine does, with other packets waiting.
fn verdict(bench: &mut Bench, packet: &LinkPacket, intent: &Intent) -> Verdict {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        match bench.driver.reconcile(packet, intent) {
            Verdict::NotYet(why) => assert!(Instant::now() < until, "{why}"),
            verdict => return verdict,
        }
        let other = bench.packet("other");
        assert!(bench.driver.prepare(&other).is_err());
        bench.poll(Duration::from_millis(50));
    }
}

#[test]
fn an_answer_that_was_lost_or_late_is_found_out() {
    for old_firmware in [false, true] {
        let peer = Peer::start();
        peer.set(|modem| modem.old_firmware = old_firmware);
        let mut bench = Bench::ready(&peer);
        let packet = bench.packet("unanswered");
        peer.set(|modem| modem.drop_ok = true);
        let _ = bench.driver.prepare(&packet); // makes the marker, whose answer is lost
        peer.set(|modem| modem.drop_ok = false);
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
    }
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
        assert!(peer.queue().iter().filter(|payload| **payload == queue::MARKER).count() <= 1);
        bench.poll(Duration::from_millis(10));
        assert!(!peer.queue().contains(&queue::MARKER.to_vec()));
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
            peer.set(|modem| modem.old_firmware = old_firmware);
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
                (PacketFate::OnTheModem, Verdict::Taken(_)) | (PacketFate::Sent, Verdict::Sent(_)) => {}
                _ => panic!("{fate:?} {old_firmware}: {found:?}"),
            }
            // and when the verdict itself is lost in another crash, the next run finds the same
            drop(bench);
            let mut bench = Bench::ready(&peer);
            let again = verdict(&mut bench, &packet, &intent);
            assert_eq!(std::mem::discriminant(&again), std::mem::discriminant(&found), "{fate:?} {old_firmware}");
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
        bench.driver.catch_up();
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
            Verdict::Sent(_) if sent => {}
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
    assert!(matches!(verdict, Verdict::NotYet(why) if why.contains("plug that modem back in")));
    intent.memo = "garbage".to_owned();
    assert!(matches!(bench.driver.reconcile(&packet, &intent), Verdict::NotYet(_)));
    bench.taken("others are not held up");
}
