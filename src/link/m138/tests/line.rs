//! What is wrong with the line, or at its other end: another reader, a slow modem, wrong sums, another device.

use std::process::{Command as Program, Stdio};

use super::*;

const TOLD_WITHIN: Duration = Duration::from_secs(5);

/// Another program that has the port open while this one runs.
struct Reader(std::process::Child);

impl Reader {
    fn start(peer: &Peer) -> Self {
        let port = std::fs::File::options().read(true).open(peer.path()).unwrap();
        Self(Program::new("sleep").arg("60").stdin(Stdio::from(port)).spawn().unwrap())
    }

    fn name(&self) -> String {
        format!("sleep (pid {})", self.0.id())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_second_reader_is_named_whether_it_takes_all_or_some() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    let reader = Reader::start(&peer);
    // It takes the middle of each line.
    peer.set(|modem| modem.wrong_sums = true);
    let named = |bench: &Bench, reader: &Reader| bench.words().contains(&reader.name());
    let told = bench.until("named", |bench| named(bench, &reader));
    assert!(told < TOLD_WITHIN, "{told:?}");
    peer.set(|modem| (modem.wrong_sums, modem.unresponsive) = (false, true));
    bench.until("named while silent", |bench| {
        !bench.health().ready && named(bench, &reader) && bench.words().contains("stop that program")
    });
    let name = reader.name();
    drop(reader);
    peer.set(|modem| modem.unresponsive = false);
    bench.until("ready", |bench| bench.health().ready && !bench.words().contains(&name));
}

#[test]
fn wrong_sums_are_told_at_once_and_apart_from_noise() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    peer.set(|modem| modem.wrong_sums = true);
    let told = bench.until("told", |bench| bench.words().contains("incomplete"));
    assert!(told < TOLD_WITHIN, "{told:?}");
    assert!(bench.words().contains("another program may read the same port"), "{}", bench.words());
    peer.set(|modem| modem.wrong_sums = false);
    bench.until("ready again", |bench| bench.health().ready);
}

/// Slow is not silent: it is given time, and never told to restart.
#[test]
fn a_slow_modem_is_waited_for_and_not_restarted() {
    let peer = Peer::start();
    peer.set(|modem| modem.delay = Duration::from_millis(1800));
    let mut bench = Bench::new(&peer);
    let begun = Instant::now();
    while !bench.words().contains("answers slowly") {
        assert!(begun.elapsed() < Duration::from_secs(180), "{:?}", bench.health());
        bench.poll(Duration::from_millis(200));
    }
    bench.until("ready", |bench| bench.health().ready);
    bench.taken("through");
    assert!(!peer.was_asked("RS"));
    peer.set(|modem| modem.delay = Duration::ZERO);
    for text in ["one", "two", "three", "four"] {
        bench.taken(text);
    }
    bench.until("quick again", |bench| bench.words() == "ready");
}

/// A modem that works off one command after the other, each slowly: what it counted before a hand-over tells nothing of it.
#[test]
fn an_answer_to_an_earlier_question_proves_nothing() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    peer.set(|modem| modem.service = Duration::from_millis(3500));
    let packet = bench.packet("once");
    bench.driver.prepare(&packet).unwrap_err();
    // The count that was asked for comes now, and is not the one that is asked for again.
    if let Ok(intent) = bench.driver.prepare(&packet) {
        bench.driver.send(&packet, &intent);
        let verdict = bench.driver.reconcile(&packet, &intent);
        assert!(!matches!(verdict, Verdict::NotTaken(_)), "{verdict:?}");
    }
    peer.set(|modem| modem.service = Duration::ZERO);
    let begun = Instant::now();
    while bench.driver.prepare(&packet).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", bench.health());
        bench.poll(Duration::from_millis(200));
    }
    bench.taken("through");
    assert_eq!(peer.set(|modem| modem.taken.len()), 1);
}

#[test]
fn another_device_is_named_and_only_asked_who_it_is() {
    for (says, replies, what) in [
        ("$GPGGA,092750.000,5321.6802,N,00630.3372,W,1,8,1.03,61.7,M,55.2,M,,*76\r\n", "", "a GPS receiver"),
        ("!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C\r\n", "", "an AIS receiver"),
        ("", "$CS*10\r\r\nERROR\r\n", "a modem with AT commands"),
        ("", "\r\ndebian login: ", "a serial console"),
        ("", "$CS*10\n", "something that sends back"),
    ] {
        let peer = Peer::start();
        peer.set(|modem| modem.foreign = Some((says, replies)));
        let mut bench = Bench::new(&peer);
        bench.until(what, |bench| bench.words().contains(what));
        assert!(bench.words().contains("not like the modem of this link"), "{}", bench.words());
        let until = Instant::now() + Duration::from_secs(6);
        while Instant::now() < until {
            bench.poll(Duration::from_millis(200));
        }
        let lines = peer.set(|modem| modem.lines.clone());
        let question = format!("{:?}", codec::Frame::Body("CS".to_owned()));
        assert!(!lines.is_empty() && lines.iter().all(|line| *line == question), "{what}: {lines:?}");
        assert!(lines.len() <= 3, "{what}: {lines:?}");
    }
}

/// The modem that was exchanged for something else and came back is taken again.
#[test]
fn a_modem_behind_noise_of_another_kind_is_still_a_modem() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    peer.say_raw(b"login: \n$GPGGA,1*00\n");
    bench.taken("after");
    assert!(bench.health().ready);
}
