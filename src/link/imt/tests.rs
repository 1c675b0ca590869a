//! The driver against the simulated modem, over a real pseudo-terminal.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use smol::channel::{Receiver, Sender, bounded};

use super::*;
use crate::link::Inbound;
use crate::sim::imt;

/// Everything that is waited for comes within this time.
const SOON: Duration = Duration::from_secs(20);

/// A modem, a driver on its port, and what the box has on disk for it.
struct Bench {
    modem: imt::Handle,
    link: Imt,
    folder: PathBuf,
    disk: Vec<u8>,
    _waker: Sender<()>,
    wake: Receiver<()>,
    heard: Vec<Event>,
}

impl Bench {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("satpost-imt-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let options = imt::Options {
            port: folder.join("tty"),
            imei: "300258060000000".to_owned(),
            state: Some(folder.join("state")),
            sky: None,
            control: None,
            transit: Duration::from_secs(4),
            factor: 40,
        };
        let modem = imt::start(options).unwrap();
        let (waker, wake) = bounded(1);
        let link = driver(&folder, &[]);
        Self { modem, link, folder, disk: Vec::new(), _waker: waker, wake, heard: Vec::new() }
    }

    /// The program dies, and another one takes the modem over.
    fn dies(&mut self) {
        self.link = driver(&self.folder, &self.disk);
        self.heard.clear();
    }

    fn tell(&self, command: &str) {
        assert_eq!(self.modem.command(command), "ok", "{command}");
    }

    fn show(&self, name: &str) -> String {
        let shown = self.modem.command("show");
        let line = shown.lines().find_map(|line| line.strip_prefix(&format!("{name} ")).map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {name} in {shown}"))
    }

    /// How the messages ended that the modem was given, and what the ground has, in hex.
    fn ends(&self) -> (Vec<String>, Vec<String>) {
        let journal = self.modem.command("journal");
        let lines = journal.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let up: Vec<_> = lines.filter(|line| line["up"].is_string()).collect();
        let text = |line: &serde_json::Value, name: &str| line[name].as_str().unwrap().to_owned();
        let ground = up.iter().filter(|line| line["ground"] == true).map(|line| text(line, "up")).collect();
        (up.iter().map(|line| text(line, "end")).collect(), ground)
    }

    /// One turn of the engine.
    fn turn(&mut self) {
        let events = self.link.poll(&self.wake, Duration::from_millis(20));
        if events.contains(&Event::Keep)
            && let Some(bytes) = self.link.keep()
        {
            self.disk = bytes;
        }
        self.heard.extend(events);
    }

    /// Polls until something is found in what was heard, or in the state.
    #[track_caller]
    fn until<T>(&mut self, what: &str, mut find: impl FnMut(&mut Self) -> Option<T>) -> T {
        let end = Instant::now() + SOON;
        loop {
            if let Some(found) = find(self) {
                return found;
            }
            assert!(Instant::now() < end, "{what} did not come: {:?} {:?}", self.link.state(), self.heard);
            self.turn();
        }
    }

    #[track_caller]
    fn until_ready(&mut self) {
        self.until("readiness", |bench| (bench.link.is_ready() && bench.link.kept == bench.link.boot).then_some(()));
    }

    #[track_caller]
    fn hand_over(&mut self, payload: &[u8]) -> (Intent, SubmitResult) {
        let packet = packet(payload);
        let intent = self.until("room", |bench| bench.link.prepare(&packet).ok());
        let result = self.link.send(&packet, &intent);
        (intent, result)
    }

    #[track_caller]
    fn taken(&mut self, payload: &[u8]) -> Reference {
        match self.hand_over(payload).1 {
            SubmitResult::Taken(reference) => reference,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn until_sent(&mut self, reference: &Reference) {
        self.until("the news that it is sent", |bench| {
            let is = |event: &Event| matches!(event, Event::Sent { reference: sent, .. } if sent == reference);
            bench.heard.iter().any(is).then_some(())
        });
    }

    #[track_caller]
    fn until_again(&mut self, reference: &Reference) {
        self.until("the news that it may go again", |bench| {
            let is = |event: &Event| matches!(event, Event::NotTaken { reference: freed, .. } if freed == reference);
            bench.heard.iter().any(is).then_some(())
        });
    }

    /// What the driver says for good of a packet.
    #[track_caller]
    fn until_doubtful(&mut self, reference: &Reference) -> String {
        self.until("the doubt", |bench| match bench.link.still_held(reference) {
            PacketStatus::Doubtful { memo, .. } => Some(memo),
            _ => None,
        })
    }

    #[track_caller]
    fn until_inbound(&mut self) -> Inbound {
        let inbound = self.until("a message", |bench| {
            let at = bench.heard.iter().position(|event| matches!(event, Event::Inbound(_)))?;
            Some(bench.heard.remove(at))
        });
        let Event::Inbound(inbound) = inbound else { unreachable!("it was looked for") };
        inbound
    }
}

fn driver(folder: &std::path::Path, disk: &[u8]) -> Imt {
    let all = Settings::default().with(Key::ImtPort, folder.join("tty").to_str().unwrap()).unwrap();
    let limits = ImtLimits {
        quiet: Duration::from_millis(40),
        ask: Duration::from_millis(300),
        offer: Duration::from_millis(500),
        earlier: Duration::from_millis(800),
        cancel: Duration::from_millis(1500),
        hold: Duration::from_secs(60),
        look: Duration::from_millis(300),
        full: Duration::from_millis(300),
        mute: Duration::from_millis(100),
        off: Duration::from_millis(20),
    };
    let mut link = Imt::new(&all, &Clock::system(), limits);
    link.equip(&Equipment { kept: disk.to_vec(), ..Equipment::default() });
    link
}

fn packet(payload: &[u8]) -> LinkPacket {
    LinkPacket { payload: payload.to_vec(), device: None, deadline: Time::NEVER, wholes: Vec::new() }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

const ACK: &str = "mo_ack_received";

#[test]
fn messages_of_all_sizes_go_up_once() {
    let mut bench = Bench::new("up");
    let reference = bench.taken(b"hello");
    assert_eq!(bench.link.still_held(&reference), PacketStatus::Held);
    bench.until_sent(&reference);
    assert_eq!(bench.link.still_held(&reference), PacketStatus::Sent);
    // A sum of zero, several segments, and the largest.
    for payload in [vec![0], vec![7; 1500], (0..100_000_u32).map(|at| (at % 253) as u8).collect()] {
        let reference = bench.taken(&payload);
        bench.until_sent(&reference);
    }
    assert!(bench.link.prepare(&packet(&vec![1; 100_001])).unwrap_err().is_permanent());
    let (ends, ground) = bench.ends();
    assert_eq!(ends, [ACK; 4]);
    assert_eq!((ground[0].as_str(), ground[3].len()), ("68656c6c6f", 200_000));
    assert_eq!(bench.show("billed"), "101506");
}

#[test]
fn segments_are_given_in_any_order_and_again() {
    let mut bench = Bench::new("segments");
    for command in ["segment 100", "order backward", "twice 3", "interleave 5", "rubbish 4", "long 1"] {
        bench.tell(command);
    }
    let reference = bench.taken(&(0..1500_u32).map(|at| (at % 256) as u8).collect::<Vec<_>>());
    bench.until_sent(&reference);
    assert_eq!(bench.ends().0, [ACK]);
}

#[test]
fn lines_come_in_pieces() {
    let mut bench = Bench::new("pieces");
    bench.until_ready();
    bench.tell("pieces 1");
    bench.tell("down 244 6e6577");
    assert_eq!(bench.until_inbound().payload, b"new");
    let reference = bench.taken(b"hello");
    bench.until_sent(&reference);
}

#[test]
fn what_comes_down_is_put_together_and_what_is_spoilt_is_set_aside() {
    let mut bench = Bench::new("down");
    bench.until_ready();
    for command in ["mt-backward 1", "mt-double 1"] {
        bench.tell(command);
    }
    let long: String = (0..3072).map(|at| crate::hex::encode(&[(at % 256) as u8])).collect();
    bench.tell(&format!("down 313 {long}"));
    let inbound = bench.until_inbound();
    assert_eq!((inbound.payload.len(), inbound.payload[257]), (3072, 1));
    bench.tell("mt-badcrc 1");
    bench.tell("down 244 68656c6c6f");
    bench.until("the spoilt one", |bench| {
        bench.heard.iter().any(|event| matches!(event, Event::Poison { bytes, .. } if bytes.len() == 7)).then_some(())
    });
    bench.tell("mt-cut 1");
    bench.tell("down 244 aa");
    bench.tell("down 244 6f6b");
    assert_eq!(bench.until_inbound().payload, b"ok");
}

#[test]
fn what_was_never_on_air_goes_again_and_what_may_have_been_does_not() {
    let mut bench = Bench::new("ends");
    for end in ["segment_not_supplied", "message_dropped_local_crc_error"] {
        bench.tell(&format!("final {end}"));
        let reference = bench.taken(b"again");
        bench.until_again(&reference);
    }
    for end in ["network_error", "message_expired", "message_transfer_timeout", "protocol_error"] {
        bench.tell(&format!("final {end}"));
        let reference = bench.taken(b"perhaps");
        let memo = bench.until_doubtful(&reference);
        let intent = Intent { at: Time(0), memo };
        assert!(matches!(bench.link.reconcile(&packet(b"perhaps"), &intent), Verdict::Unknown(_)), "{end}");
        assert!(bench.link.prepare(&packet(b"another")).is_ok(), "others need not wait for it");
    }
    assert!(bench.ends().1.is_empty());
}

#[test]
fn an_end_that_comes_twice_changes_nothing() {
    let mut bench = Bench::new("twice");
    bench.tell("dupfinal 1");
    let reference = bench.taken(b"hello");
    bench.until_sent(&reference);
    let second = bench.taken(b"second");
    bench.until_sent(&second);
    assert_eq!(bench.heard.iter().filter(|event| matches!(event, Event::Sent { .. })).count(), 2);
}

#[test]
fn a_message_is_taken_back_only_by_the_modems_word() {
    let mut bench = Bench::new("cancel");
    bench.tell("held 400000");
    let reference = bench.taken(b"held");
    bench.until("its bytes to be there", |bench| (bench.show("stage") == "held").then_some(()));
    let asked = PacketStatus::Unknown(TransportReason::Cancelling.into());
    assert_eq!(bench.link.cancel(&reference), asked);
    bench.until_again(&reference);
    assert_eq!(bench.link.cancel(&reference), PacketStatus::Withdrawn);
    // Already on air: the far side may have it.
    bench.tell("held 0");
    bench.tell("transit 400000");
    let reference = bench.taken(b"on air");
    bench.until("it to be on air", |bench| (bench.show("stage") == "on-air").then_some(()));
    bench.link.cancel(&reference);
    bench.until_doubtful(&reference);
    // And too late.
    bench.tell("toolate 1");
    let reference = bench.taken(b"too late");
    bench.until("it to be on air", |bench| (bench.show("stage") == "on-air").then_some(()));
    bench.link.cancel(&reference);
    bench.until_sent(&reference);
    // A withdrawal that draws no answer proves nothing; the end comes late, and counts.
    bench.tell("nocancel 1");
    bench.tell("transit 100000");
    let reference = bench.taken(b"no answer");
    bench.until("it to be on air", |bench| (bench.show("stage") == "on-air").then_some(()));
    bench.link.cancel(&reference);
    let memo = bench.until_doubtful(&reference);
    let intent = Intent { at: Time(0), memo };
    bench.until("the late end", |bench| {
        matches!(bench.link.reconcile(&packet(b"no answer"), &intent), Verdict::Sent(_)).then_some(())
    });
    assert_eq!(bench.ends().0.len(), 4);
}

#[test]
fn a_full_queue_and_an_unpaid_plan_keep_the_message() {
    let mut bench = Bench::new("full");
    bench.tell("overflow 1");
    assert!(matches!(bench.hand_over(b"hello").1, SubmitResult::Refused(Fault::Temporary(_))));
    assert!(!bench.link.is_ready());
    bench.tell("e418 1");
    assert!(matches!(bench.hand_over(b"hello").1, SubmitResult::Refused(Fault::Temporary(_))));
    let reference = bench.taken(b"hello");
    bench.until_sent(&reference);
    bench.tell("subscription 1");
    assert!(matches!(bench.hand_over(b"hello").1, SubmitResult::Refused(Fault::Operator(_))));
    assert_eq!(bench.link.state(), TransportReason::NoSubscription.into());
    assert_eq!(bench.ends().0, [ACK]);
}

#[test]
fn a_modem_without_topics_is_waited_for() {
    let mut bench = Bench::new("topics");
    bench.tell("provision 100000");
    bench.until("the news", |bench| (bench.link.state() == TransportReason::NotProvisioned.into()).then_some(()));
    assert!(matches!(bench.link.prepare(&packet(b"hello")), Err(Fault::Temporary(_))));
    let reference = bench.taken(b"hello");
    bench.until_sent(&reference);
}

#[test]
fn killed_it_asks_the_same_start_and_sends_nothing_twice() {
    let mut bench = Bench::new("killed");
    bench.tell("held 400000");
    let reference = bench.taken(b"held");
    bench.until("its bytes to be there", |bench| (bench.show("stage") == "held").then_some(()));
    bench.dies();
    bench.until("the modem's word", |bench| {
        matches!(bench.link.still_held(&reference), PacketStatus::Held)
            .then_some(())
            .filter(|()| bench.heard.iter().any(|event| matches!(event, Event::NotTaken { .. })))
    });
    assert_eq!(bench.ends().0, ["message_cancelled_pre_transit"]);
    // Its end was told while nobody listened.
    bench.tell("held 0");
    let reference = bench.taken(b"ended meanwhile");
    bench.until_sent(&reference);
    bench.dies();
    bench.until_doubtful(&reference);
    // It restarted meanwhile: its numbers mean something else now, so nothing is asked.
    let reference = bench.taken(b"before");
    bench.dies();
    bench.tell("crash");
    bench.until_doubtful(&reference);
    let journal = bench.ends();
    assert!(!journal.0.contains(&"message_cancelled_in_transit".to_owned()), "{journal:?}");
}

#[test]
fn a_restart_in_the_middle_leaves_a_doubt_and_the_modem_is_set_up_again() {
    for command in ["reboot", "crash"] {
        let mut bench = Bench::new(command);
        bench.tell("transit 400000");
        let reference = bench.taken(b"in the middle");
        bench.until("it to be on air", |bench| (bench.show("stage") == "on-air").then_some(()));
        bench.tell("transit 4000");
        bench.tell(command);
        if command == "crash" {
            // Nothing tells of it but the next question.
            assert_eq!(bench.link.cancel(&reference), PacketStatus::Unknown(TransportReason::Cancelling.into()));
        }
        bench.until_doubtful(&reference);
        let next = bench.taken(b"after");
        assert_ne!(next.number, reference.number);
        bench.until_sent(&next);
    }
}

#[test]
fn an_answer_that_is_lost_is_found_by_the_question_for_segments() {
    let mut bench = Bench::new("lost");
    bench.until_ready();
    bench.tell("late 1000 1");
    // The modem hears it, and its answer comes when nobody waits for it any more.
    let (intent, result) = bench.hand_over(b"hello");
    assert!(matches!(result, SubmitResult::Unknown(_)), "{result:?}");
    let found = bench.until("the finding", |bench| match bench.link.reconcile(&packet(b"hello"), &intent) {
        Verdict::Taken(reference) | Verdict::Sent(reference) => Some(reference),
        _ => None,
    });
    bench.until("its end", |bench| (bench.link.still_held(&found) == PacketStatus::Sent).then_some(()));
    assert_eq!(bench.ends().0, [ACK]);
}

#[test]
fn unplugged_it_is_found_again_and_waited_for() {
    let mut bench = Bench::new("plug");
    bench.tell("transit 300000");
    let reference = bench.taken(b"hello");
    bench.until("it to be on air", |bench| (bench.show("stage") == "on-air").then_some(()));
    bench.tell("unplug");
    bench.until("the news", |bench| (!bench.link.is_ready()).then_some(()));
    bench.tell("plug");
    bench.until_sent(&reference);
    assert_eq!(bench.ends().0, [ACK]);
}

#[test]
fn a_mute_modem_is_left_alone_for_longer_each_time() {
    let mut bench = Bench::new("mute");
    bench.tell("mute on");
    bench.until("the news", |bench| (bench.link.state() == TransportReason::Mute.into()).then_some(()));
    bench.tell("power off");
    // Answers that call the first requests malformed are none.
    bench.tell("e405 2");
    bench.tell("power on");
    let reference = bench.taken(b"hello");
    bench.until_sent(&reference);
}

#[test]
fn the_versions_may_be_listed_in_any_order_and_a_sky_may_be_missing() {
    let mut bench = Bench::new("order");
    for command in ["versions up", "bars 0", "quiet on"] {
        bench.tell(command);
    }
    bench.until_ready();
    let reference = bench.taken(b"waits for a satellite");
    bench.until("its bytes to be there", |bench| (bench.show("stage") == "held").then_some(()));
    assert_eq!(bench.link.still_held(&reference), PacketStatus::Held);
    bench.tell("bars 5");
    bench.until_sent(&reference);
    let bars =
        |event: &Event| matches!(event, Event::Sample { series: crate::link::Series::Bars, value } if *value > 4.5);
    assert!(bench.heard.iter().any(bars));
}

/// One that answers nothing on several openings is switched off and on by its wire, and only while no message may be on air.
#[test]
fn a_mute_modem_is_switched_off_and_on_where_that_is_wired() {
    struct Wire(std::sync::Arc<std::sync::Mutex<Vec<bool>>>);
    impl crate::link::power::Pin for Wire {
        fn switch(&mut self, _: &serial::Port, on: bool) -> std::io::Result<()> {
            self.0.lock().unwrap().push(on);
            Ok(())
        }
    }
    let mut bench = Bench::new("power");
    let switched = std::sync::Arc::default();
    bench.link.power = Power::with(Wire(std::sync::Arc::clone(&switched)));
    bench.until_ready();
    assert_eq!(*switched.lock().unwrap(), [true], "it is on as soon as its port is open");
    bench.tell("mute on");
    bench.until("that it is switched", |_| switched.lock().unwrap().ends_with(&[false, true]).then_some(()));
    bench.tell("power off");
    bench.tell("power on");
    let reference = bench.taken(b"hello");
    bench.until_sent(&reference);
}

/// What comes down while a port is being opened is said once: it is heard.
#[test]
fn a_message_that_comes_while_the_port_is_opened_is_heard() {
    let mut bench = Bench::new("early");
    bench.until_ready();
    bench.dies();
    bench.tell("down 244 68656c6c6f");
    bench.until("the message", |bench| {
        let is = |event: &Event| matches!(event, Event::Inbound(Inbound { payload, .. }) if payload == b"hello");
        bench.heard.iter().any(is).then_some(())
    });
}
