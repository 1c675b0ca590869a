//! A modem that falls silent, a noisy line, a modem that restarts, is pulled out: told within 5 s, survived always.

use super::*;

const TOLD_WITHIN: Duration = Duration::from_secs(5);

#[test]
fn a_modem_that_falls_silent_is_told_and_taken_back() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    peer.set(|modem| modem.unresponsive = true);
    let told = bench.until("silent", |bench| bench.words().contains("does not answer"));
    assert!(told < TOLD_WITHIN, "{told:?}");
    assert!(!bench.health().ready);
    peer.set(|modem| modem.unresponsive = false);
    bench.until("ready again", |bench| bench.health().ready);
    bench.taken("after");
}

#[test]
fn a_noisy_line_is_told() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    peer.set(|modem| modem.unresponsive = true);
    let begun = Instant::now();
    while !bench.words().contains("only garbage") {
        assert!(begun.elapsed() < TOLD_WITHIN, "{:?}", bench.health());
        peer.say_raw(b"\x00\xff$TD OK,5*00\n$M138 BOO\xfe\n~~~");
        bench.poll(Duration::from_millis(100));
    }
    assert!(bench.health().garbled > 0);
}

#[test]
fn a_modem_that_loses_its_time_or_restarts_is_told() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    peer.set(|modem| modem.time_valid = false);
    let told = bench.until("without time", |bench| bench.words().contains("no GPS time"));
    assert!(told < TOLD_WITHIN, "{told:?}");
    peer.set(|modem| modem.time_valid = true);
    bench.until("ready", |bench| bench.health().ready);
    peer.say("M138 BOOT,ABORT,watchdog");
    bench.until("starting", |bench| bench.words() == "the modem starts");
    peer.say("M138 BOOT,RUNNING");
    bench.until("ready after its start", |bench| bench.health().ready);
    peer.say("M138 BOOT,SHUTDOWN");
    bench.until("off", |bench| bench.words().contains("shut down"));
}

#[test]
fn a_modem_that_speaks_but_hears_nothing_is_told() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    peer.set(|modem| modem.ignores_commands = true);
    let begun = Instant::now();
    let packet = bench.packet("x");
    assert!(bench.driver.prepare(&packet).is_err());
    bench.until("ignoring", |bench| bench.words().contains("answers nothing"));
    assert!(begun.elapsed() < TOLD_WITHIN, "{:?}", begun.elapsed());
    peer.set(|modem| modem.ignores_commands = false);
    bench.until("ready again", |bench| bench.health().ready);
}

#[test]
fn unplugged_and_plugged_in_again_and_again() {
    let mut peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    let mut taken = 0;
    for round in 0..8 {
        let packet = bench.packet(&format!("round {round}"));
        if round % 2 == 0 {
            peer.set(|modem| modem.lose_td = round % 4 == 0);
            let intent = bench.driver.prepare(&packet);
            peer.unplug();
            if let Ok(intent) = intent {
                taken += usize::from(matches!(bench.driver.send(&packet, &intent), SubmitResult::Taken(_)));
            }
        } else {
            peer.unplug();
        }
        bench.until("gone", |bench| bench.health().port.is_none());
        peer.set(|modem| modem.lose_td = false);
        peer.plug();
        bench.until("ready again", |bench| bench.health().ready);
    }
    assert_eq!(taken, 0);
    assert_eq!(bench.health().reopened, 8);
}

#[test]
fn a_port_in_use_is_told_and_taken_when_free() {
    let peer = Peer::start();
    let other = crate::link::serial::Port::open(&peer.path(), 115_200).unwrap();
    let mut bench = Bench::new(&peer);
    bench.until("busy", |bench| bench.words().contains("held by another program"));
    drop(other);
    bench.until("ready", |bench| bench.health().ready);
}

#[test]
fn chatter_before_every_answer_does_no_harm() {
    let peer = Peer::start();
    let chatter = b"..$RT RSSI=-104*18\n$TD SENT,RSSI=-99,SNR=5,FDEV=32,5354468575855*6f$RT RS$DT 20270115080000,V*41\n\n\r\n$MT*1\n";
    peer.set(|modem| modem.chatter = chatter.to_vec());
    let mut bench = Bench::ready(&peer);
    let reference = bench.taken("through the noise");
    assert_eq!(bench.driver.still_held(&reference), PacketStatus::Held);
    peer.receive(5, "AI=1000,00");
    peer.say("RD AI=1000,RSSI=-84,SNR=12,FDEV=9,00");
    bench.until("inbound", |bench| bench.inbound().len() == 1);
    assert_eq!(bench.driver.confirm(&Token(5)), Ok(()));
}

/// An idle driver with a healthy modem wakes only for the modem's own lines.
#[test]
fn idle_is_idle() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    bench.until("settled", |bench| bench.inbound().is_empty());
    let (begun, mut wakes) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(5) {
        bench.poll(Duration::from_secs(5).saturating_sub(begun.elapsed()));
        wakes += 1;
    }
    assert!(wakes <= 7, "{wakes}");
}

#[test]
fn any_answer_to_any_question_is_survived() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    let mut seed = 77_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    let lines = [
        "MM 99",
        "MT 99",
        "TD OK,0",
        "TD OK,18446744073709551615",
        "TD SENT,RSSI=-1,1",
        "MM AI=1,00,5,-9",
        "RT RSSI=1,TS=x",
        "CS DI=0x0,DN=",
        "CS DI=0xffffffff,DN=M138",
        "DT 20999999999999,V",
        "M138 BOOT",
        "M138 BOOT,RUNNING",
        "MT ERR",
        "TD ERR,HOLDTIMEEXPIRED,9",
        "MM ERR,DBX_NOMORE",
        "GS 0,0,99999999999,0,G3",
        "MT AI=1,0801,1,1",
        "FV ,v9",
        "XX",
    ];
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        for _ in 0..8 {
            let mut bytes = codec::sentence(lines[random(lines.len())]).into_bytes();
            if random(3) == 0 {
                let at = random(bytes.len());
                bytes[at] = u8::try_from(random(256)).unwrap();
            }
            peer.say_raw(&bytes);
        }
        bench.poll(Duration::from_millis(5));
        let packet = bench.packet("x");
        if let Ok(intent) = bench.driver.prepare(&packet) {
            bench.driver.send(&packet, &intent);
            bench.driver.reconcile(&packet, &intent);
        }
        bench.seen.clear();
    }
    bench.until("ready after the storm", |bench| {
        bench.health().ready && bench.health().device == "0x001abe".parse().ok()
    });
}

/// Answers that are lost three times in a row do not put the last message off to the next regular look.
#[test]
fn a_message_whose_answers_are_lost_is_read_soon() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    peer.set(|modem| modem.lose_reads = 3);
    peer.receive(21, "AI=1000,6869");
    peer.say("RD AI=1000,RSSI=-84,SNR=12,FDEV=9,6869");
    let begun = Instant::now();
    while bench.inbound().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", bench.seen);
        bench.poll(Duration::from_millis(200));
    }
    assert_eq!(peer.set(|modem| modem.lose_reads), 0);
}

/// A queue that was full a moment ago is tried again soon, whatever the modem says of what left it.
#[test]
fn full_is_over_when_it_is_over() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    peer.set(|modem| modem.refuse_td = Some("DBX_OUTGOINGFULL".to_owned()));
    let packet = bench.packet("x");
    assert!(matches!(bench.hand_over(&packet).1, SubmitResult::Refused(_)));
    bench.until("not ready", |bench| !bench.health().ready);
    peer.set(|modem| modem.refuse_td = None);
    bench.until("ready again", |bench| bench.health().ready);
    bench.taken("after");
}
