//! The driver against a scripted modem on a pseudo-terminal.

mod crash;
mod line;
mod peer;
mod trouble;

use std::time::{Duration, Instant};

use super::*;
use crate::clock::Time;
use crate::link::{Inbound, Series};
use peer::Peer;

/// A driver with its clock, its events so far, and the wish to see more.
struct Bench {
    driver: M138,
    wake: Receiver<()>,
    _sender: smol::channel::Sender<()>,
    clock: Clock,
    seen: Vec<Event>,
}

impl Bench {
    /// A fresh driver on the peer's port, as after a start of the program.
    fn new(peer: &Peer) -> Self {
        let settings = Settings::default().with(Key::M138Port, peer.path().to_str().unwrap()).unwrap();
        let clock = Clock::fake(Time::from_seconds(1_800_000_000));
        let (sender, wake) = smol::channel::bounded(1);
        let driver = M138::new(&settings, &clock);
        Self { driver, wake, _sender: sender, clock, seen: Vec::new() }
    }

    /// A driver that has adopted the peer.
    fn ready(peer: &Peer) -> Self {
        let mut bench = Self::new(peer);
        bench.until("ready", |bench| bench.health().ready);
        bench
    }

    fn poll(&mut self, wait: Duration) {
        let events = self.driver.poll(&self.wake, wait);
        self.seen.extend(events);
    }

    /// Polls until something is so; fails after 10 s.
    fn until(&mut self, what: &str, so: impl Fn(&Self) -> bool) -> Duration {
        let begun = Instant::now();
        while !so(self) {
            assert!(begun.elapsed() < Duration::from_secs(10), "not {what} in 10 s: {:?}", self.seen);
            self.poll(Duration::from_millis(200));
        }
        begun.elapsed()
    }

    fn words(&self) -> String {
        self.health().state.to_string()
    }

    fn health(&self) -> Health {
        let last = self.seen.iter().rev().find_map(|event| match event {
            Event::Health(health) => Some(health.clone()),
            _ => None,
        });
        last.unwrap_or_default()
    }

    fn inbound(&self) -> Vec<Inbound> {
        let inbound = self.seen.iter().filter_map(|event| match event {
            Event::Inbound(inbound) => Some(inbound.clone()),
            _ => None,
        });
        inbound.collect()
    }

    fn sent(&self) -> Vec<u64> {
        let sent = self.seen.iter().filter_map(|event| match event {
            Event::Sent { reference, .. } => Some(reference.number),
            _ => None,
        });
        sent.collect()
    }

    fn packet(&self, text: &str) -> LinkPacket {
        let deadline = self.clock.now() + Duration::from_secs(3600);
        LinkPacket { payload: text.as_bytes().to_vec(), device: None, deadline, wholes: Vec::new() }
    }

    fn hand_over(&mut self, packet: &LinkPacket) -> (Intent, SubmitResult) {
        let intent = self.driver.prepare(packet).unwrap();
        let result = self.driver.send(packet, &intent);
        (intent, result)
    }

    fn taken(&mut self, text: &str) -> Reference {
        match self.hand_over(&self.packet(text)).1 {
            SubmitResult::Taken(reference) => reference,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn adopts_a_modem_that_has_long_been_running() {
    let peer = Peer::start();
    let bench = Bench::ready(&peer);
    let health = bench.health();
    assert_eq!(health.device, Some("0x001abe".parse().unwrap()));
    assert_eq!(health.firmware.as_deref(), Some("2022-10-18T22:38:36,v3.0.1"));
    assert_eq!(health.position, Some((37.8921, -122.0155, 77.0)));
    assert_eq!(health.fix, Some(GpsFix::Full { differential: false }));
    assert_eq!((health.waiting, health.state), (Some(0), DeviceReason::Ready.into()));
    let has = |wanted: Series| {
        bench.seen.iter().any(|event| matches!(event, Event::Sample { series, .. } if *series == wanted))
    };
    assert!([Series::Noise, Series::Volts, Series::Temperature, Series::Gps].into_iter().all(has));
    assert!(peer.was_asked("DT 2") && peer.was_asked("MM N=E"));
    peer.set(|modem| modem.asked.clear());
    drop(bench);
    let _again = Bench::ready(&peer);
    assert!(peer.was_asked("DT ?") && !peer.was_asked("DT 2"));
}

#[test]
fn adopts_a_modem_that_boots_and_waits_for_its_time() {
    let peer = Peer::start();
    peer.set(|modem| {
        modem.unresponsive = true;
        modem.time_valid = false;
    });
    let mut bench = Bench::new(&peer);
    peer.say_raw(b"Swarm Loader ....\x00\xff....");
    peer.say("M138 BOOT,POWERON,LPWR=n,WWDG=n,IWDG=n,SFT=n,BOR=Y,PIN=Y,OBL=n");
    bench.until("starting", |bench| bench.words() == "the modem starts");
    peer.set(|modem| modem.unresponsive = false);
    peer.say("M138 BOOT,RUNNING");
    bench.until("waiting for time", |bench| bench.words().contains("no GPS time"));
    let packet = bench.packet("x");
    assert!(matches!(bench.driver.prepare(&packet), Err(Fault::Temporary(_))));
    peer.set(|modem| modem.time_valid = true);
    peer.say("M138 DATETIME");
    bench.until("ready", |bench| bench.health().ready);
}

#[test]
fn a_packet_is_taken_sent_and_told_once_more() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    let reference = bench.taken("a $message*");
    assert_eq!(reference.holder, "m138:0x001abe");
    assert_eq!(peer.queue(), [b"a $message*".to_vec()]);
    assert!(peer.was_asked(&format!("TD AI=1000,HD=3600,{}", crate::hex::encode(b"a $message*"))));
    assert_eq!(bench.driver.still_held(&reference), PacketStatus::Held);
    peer.transmit();
    let line = format!("TD SENT RSSI=-98,SNR=3,FDEV=12,{}", reference.number);
    peer.say(&line);
    bench.until("sent twice", |bench| bench.sent() == [reference.number, reference.number]);
    assert_eq!(bench.driver.still_held(&reference), PacketStatus::Sent);
    assert_eq!(bench.driver.cancel(&reference), PacketStatus::Sent);
    bench.until("counted once", |bench| bench.health().waiting == Some(0));
}

#[test]
fn a_lost_acknowledgement_shows_in_the_queue_and_a_cancelled_packet_is_gone() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    let first = bench.taken("one");
    let second = bench.taken("two");
    peer.set(|modem| modem.queue.retain(|(id, _)| *id != first.number));
    assert_eq!(bench.driver.still_held(&first), PacketStatus::Sent);
    assert_eq!(bench.driver.cancel(&second), PacketStatus::Withdrawn);
    assert_eq!(peer.queue().len(), 0);
    let elsewhere = Reference { holder: "m138:0x000007".to_owned(), number: 5 };
    assert!(
        matches!(bench.driver.still_held(&elsewhere), PacketStatus::Unknown(why) if why.to_string().contains("0x000007"))
    );
    peer.say(&format!("TD ERR,HOLDTIMEEXPIRED,{}", second.number));
    bench.until("lost", |bench| bench.seen.iter().any(|event| matches!(event, Event::Lost { .. })));
}

#[test]
fn refusals_keep_their_kind() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    bench.taken("first");
    let packet = bench.packet("x");
    for (word, permanent) in [("DBX_OUTGOINGFULL", false), ("BADDATA,0", true), ("GPS_TIMENOTSET", false)] {
        peer.set(|modem| modem.refuse_td = Some(word.to_owned()));
        let result = bench.hand_over(&packet).1;
        assert!(matches!(&result, SubmitResult::Refused(fault) if fault.is_permanent() == permanent), "{result:?}");
        peer.set(|modem| modem.refuse_td = None);
        bench.driver.facts.full = None;
        bench.driver.facts.time_valid = Some(true);
    }
    let long = LinkPacket { payload: vec![0; 193], ..packet };
    assert!(matches!(bench.driver.prepare(&long), Err(Fault::Permanent(_))));
}

#[test]
fn inbound_messages_come_once_and_go_when_confirmed() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    peer.receive(21, "AI=1000,6869");
    peer.receive(22, "7,6a6b");
    peer.receive(23, "AI=1000,zz");
    peer.say("RD AI=1000,RSSI=-84,SNR=12,FDEV=9,6869");
    for number in [21, 22] {
        bench.until("inbound", |bench| bench.inbound().iter().any(|inbound| inbound.token.0 == number));
        assert_eq!(bench.driver.confirm(&Token(number)), Ok(()));
    }
    let poison = |bench: &Bench| bench.seen.iter().any(|event| matches!(event, Event::Poison { token: Token(23), .. }));
    bench.until("poison", poison);
    assert_eq!(bench.driver.confirm(&Token(23)), Ok(()));
    assert_eq!(peer.stored(), 0);
    let keys: Vec<_> = bench.inbound().into_iter().map(|inbound| inbound.key).collect();
    assert_eq!(keys, ["m138:0x001abe:21:1700000021", "m138:0x001abe:22:1700000022"]);
}

#[test]
fn unconfirmed_messages_do_not_stop_others_and_come_again_after_a_restart() {
    for unread_only in [false, true] {
        let peer = Peer::start();
        peer.set(|modem| modem.unread_only = unread_only);
        let mut bench = Bench::ready(&peer);
        let first = 0x14 << 40 | 15 << 15 | 31;
        peer.receive(first, "AI=1000,6869");
        peer.say("RD AI=1000,RSSI=-84,SNR=12,FDEV=9,6869");
        bench.until("first", |bench| bench.inbound().len() == 1);
        peer.set(|modem| modem.undeletable.push(first));
        assert!(bench.driver.confirm(&Token(first)).is_err());
        peer.receive(32, "AI=1000,6a6b");
        peer.say("RD AI=1000,RSSI=-84,SNR=12,FDEV=9,6a6b");
        bench.until("second", |bench| bench.inbound().len() == 2);
        assert_eq!(bench.driver.confirm(&Token(32)), Ok(()));
        peer.set(|modem| modem.undeletable.clear());
        drop(bench);
        let mut bench = Bench::ready(&peer);
        bench.until("again", |bench| bench.inbound().len() == 1);
    }
}

#[test]
fn what_waited_behind_unconfirmed_messages_comes_when_they_are_confirmed() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    for number in 21..=25 {
        peer.receive(number, &format!("AI=1000,{number}"));
    }
    peer.say("RD AI=1000,RSSI=-84,SNR=12,FDEV=9,21");
    // The oldest and the newest: no question names those between.
    bench.until("two", |bench| bench.inbound().len() == 2);
    (0..5).for_each(|_| bench.poll(Duration::from_millis(50)));
    for number in [21, 25] {
        assert_eq!(bench.driver.confirm(&Token(number)), Ok(()));
    }
    bench.until("the rest", |bench| bench.inbound().iter().any(|inbound| [22, 24].contains(&inbound.token.0)));
}

#[test]
fn the_console_sees_both_directions() {
    let peer = Peer::start();
    let mut bench = Bench::ready(&peer);
    bench.driver.console("$FV*10").unwrap();
    bench.driver.console("GP ?").unwrap();
    let line = |bench: &Bench, text: &str| {
        bench.seen.iter().any(|event| matches!(event, Event::Line { text: line, .. } if line == text))
    };
    bench.until("answered", |bench| line(bench, "$FV 2022-10-18T22:38:36,v3.0.1*08") && line(bench, "$GP ?*08"));
    for bad in ["", "$", "a\nb", "TD \"$\"", "é"] {
        assert!(bench.driver.console(bad).is_err(), "{bad}");
    }
}
