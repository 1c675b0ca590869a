//! The driver against the simulated modem, over a real pseudo-terminal.

mod known;
mod power;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use smol::channel::{Receiver, Sender, bounded};

use super::*;
use crate::clock::Time;
use crate::sim::sbd;

/// Everything that is waited for comes within this time.
const SOON: Duration = Duration::from_secs(20);

/// A modem, and a driver on its port.
struct Bench {
    modem: sbd::Handle,
    link: Sbd,
    folder: PathBuf,
    _waker: Sender<()>,
    wake: Receiver<()>,
    heard: Vec<Event>,
}

impl Bench {
    fn new(name: &str) -> Self {
        Self::with(name, &[], false)
    }

    fn with(name: &str, settings: &[(Key, &str)], core: bool) -> Self {
        let folder = std::env::temp_dir().join(format!("satpost-sbd-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let options = sbd::Options {
            port: folder.join("tty"),
            imei: "300234010753370".to_owned(),
            state: Some(folder.join("state")),
            sky: None,
            control: None,
            session: Duration::from_secs(4),
            factor: 40,
            core,
        };
        let modem = sbd::start(options).unwrap();
        let (waker, wake) = bounded(1);
        let link = driver(&folder, settings);
        Self { modem, link, folder, _waker: waker, wake, heard: Vec::new() }
    }

    /// The program dies, and another one takes the modem over.
    fn dies(&mut self) {
        self.link = driver(&self.folder, &[]);
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

    /// Messages that the gateway got, in hex.
    fn gateway(&self) -> Vec<String> {
        let journal = self.modem.command("journal");
        let good = journal.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let good = good.filter(|line| line["status"].as_u64().unwrap() <= 4);
        good.filter_map(|line| line["mo"].as_str().map(str::to_owned)).collect()
    }

    fn sessions(&self) -> usize {
        self.show("sessions").parse().unwrap()
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
            let events = self.link.poll(&self.wake, Duration::from_millis(20));
            self.heard.extend(events);
        }
    }

    fn until_ready(&mut self) {
        self.until("readiness", |bench| {
            bench.heard.iter().any(|event| matches!(event, Event::Health(health) if health.ready)).then_some(())
        });
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
    fn until_inbound(&mut self) -> Inbound {
        let inbound = self.until("a message", |bench| {
            let at = bench.heard.iter().position(|event| matches!(event, Event::Inbound(_)))?;
            Some(bench.heard.remove(at))
        });
        let Event::Inbound(inbound) = inbound else { unreachable!("it was looked for") };
        inbound
    }
}

use crate::link::Inbound;

fn driver(folder: &std::path::Path, settings: &[(Key, &str)]) -> Sbd {
    let mut all = Settings::default().with(Key::SbdPort, folder.join("tty").to_str().unwrap()).unwrap();
    for (key, value) in settings {
        all = all.with(*key, value).unwrap();
    }
    let limits = SbdLimits {
        ask: Duration::from_millis(400),
        local: Duration::from_millis(800),
        session: Duration::from_millis(1500),
        rest: Duration::from_millis(20),
        look: Duration::from_millis(200),
        silent: Duration::from_secs(3),
        off: Duration::from_millis(20),
    };
    Sbd::new(&all, &Clock::system(), limits)
}

fn packet(payload: &[u8]) -> LinkPacket {
    LinkPacket { payload: payload.to_vec(), device: None, deadline: Time::NEVER, wholes: Vec::new() }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn a_message_goes_up_once_and_its_slot_is_emptied() {
    let mut bench = Bench::new("up");
    let reference = bench.taken(b"hello");
    assert_eq!(bench.link.still_held(&reference), PacketStatus::Held);
    bench.until_sent(&reference);
    assert_eq!(bench.gateway(), ["68656c6c6f"]);
    assert_eq!(bench.show("mo"), "empty");
    assert_eq!(bench.link.still_held(&reference), PacketStatus::Sent);
    let longest = bench.taken(&[0xff; 340]);
    bench.until_sent(&longest);
    assert!(bench.link.prepare(&packet(&[1; 341])).unwrap_err().is_permanent());
    assert!(bench.link.prepare(&packet(b"RB0012345 hello")).unwrap_err().is_permanent());
    let mailbox = bench.heard.iter().filter(|event| matches!(event, Event::Mailbox)).count();
    assert_eq!((bench.sessions(), mailbox), (2, 0));
}

#[test]
fn an_idle_modem_has_no_sessions() {
    let mut bench = Bench::new("idle");
    bench.until_ready();
    let before: u32 = bench.show("commands").parse().unwrap();
    bench.until("a few looks", |bench| (bench.show("commands").parse::<u32>().unwrap() > before + 5).then_some(()));
    assert_eq!(bench.sessions(), 0);
}

#[test]
fn a_clone_that_knows_only_the_core_is_enough() {
    let mut bench = Bench::with("core", &[], true);
    bench.tell("style tight");
    bench.tell("down 0d0a4f4b0d0a");
    let reference = bench.taken(b"to a clone");
    bench.until_sent(&reference);
    let inbound = bench.until_inbound();
    assert_eq!(inbound.payload, b"\r\nOK\r\n");
    bench.link.confirm(&inbound.token).unwrap();
    assert_eq!(bench.show("mt"), "empty");
}

#[test]
fn a_ring_alert_is_answered_and_the_queue_drained() {
    let mut bench = Bench::new("ring");
    let reference = bench.taken(b"registers");
    bench.until_sent(&reference);
    for payload in ["01", "0202", "03"] {
        bench.tell(&format!("down {payload}"));
    }
    let mut got = Vec::new();
    for _ in 0..3 {
        let inbound = bench.until_inbound();
        // Until it is kept no session begins.
        let sessions = bench.sessions();
        for _ in 0..10 {
            let events = bench.link.poll(&bench.wake, Duration::from_millis(20));
            bench.heard.extend(events);
        }
        assert_eq!(bench.sessions(), sessions);
        bench.link.confirm(&inbound.token).unwrap();
        got.push(inbound.payload);
    }
    assert_eq!(got, [vec![1], vec![2, 2], vec![3]]);
    let mailbox = bench.heard.iter().filter(|event| matches!(event, Event::Mailbox)).count();
    assert_eq!(mailbox, 3, "each session that sends nothing is charged");
    assert_eq!(bench.sessions(), 4);
}

#[test]
fn the_mailbox_is_looked_into_by_the_owners_schedule_and_the_signal_is_history() {
    let mut bench = Bench::new("schedule");
    bench.link = driver(&bench.folder, &[(Key::SbdCheck, "1s"), (Key::SbdRing, "no")]);
    bench.tell("down 0a0b");
    assert_eq!(bench.until_inbound().payload, [10, 11]);
    bench.until("the booking", |bench| bench.heard.contains(&Event::Mailbox).then_some(()));
    bench.tell("bars 2");
    let is =
        |event: &Event| matches!(event, Event::Sample { series: crate::link::Series::Bars, value } if *value == 2.0);
    bench.until("the signal", |bench| bench.heard.iter().any(is).then_some(()));
}

#[test]
fn without_room_in_the_budget_no_session_is_without_a_message() {
    let mut bench = Bench::with("budget", &[(Key::SbdCheck, "1s")], false);
    bench.link = driver(&bench.folder, &[(Key::SbdCheck, "1s")]);
    bench.link.may_look(false);
    let reference = bench.taken(b"registers");
    bench.until_sent(&reference);
    bench.tell("down 01");
    bench.until("the announcement", |bench| (bench.link.state() == SessionReason::NoBudget.into()).then_some(()));
    let until = Instant::now() + Duration::from_millis(1500);
    while Instant::now() < until {
        let events = bench.link.poll(&bench.wake, Duration::from_millis(20));
        bench.heard.extend(events);
    }
    assert_eq!(bench.sessions(), 1, "neither the ring alert nor the schedule had one");
    // One that sends brings it, for nothing.
    let reference = bench.taken(b"sends");
    bench.until_sent(&reference);
    assert_eq!(bench.until_inbound().payload, [1]);
    assert_eq!(bench.sessions(), 2);
}

#[test]
fn what_came_down_survives_the_program() {
    let mut bench = Bench::new("kept");
    bench.tell("down aabbcc");
    let reference = bench.taken(b"up");
    bench.until_sent(&reference);
    let first = bench.until_inbound();
    bench.dies();
    let again = bench.until_inbound();
    assert_eq!((&again.payload, &again.key), (&first.payload, &first.key));
    bench.link.confirm(&again.token).unwrap();
    assert_eq!((bench.show("mt"), bench.sessions()), ("empty".to_owned(), 1));
}

#[test]
fn a_hand_over_cut_before_its_session_is_not_taken() {
    let mut bench = Bench::new("cut-before");
    let (intent, _) = bench.hand_over(b"cut");
    bench.dies();
    bench.until_ready();
    assert!(matches!(bench.link.reconcile(&packet(b"cut"), &intent), Verdict::NotTaken(_)));
    assert_eq!((bench.show("mo"), bench.sessions()), ("empty".to_owned(), 0));
}

#[test]
fn a_hand_over_cut_in_its_session_is_known_to_be_sent() {
    let mut bench = Bench::new("cut-in");
    let (intent, result) = bench.hand_over(b"cut");
    let SubmitResult::Taken(reference) = result else { panic!("{result:?}") };
    bench.until("a session", |bench| (bench.show("mode") == "session").then_some(()));
    bench.dies();
    bench.until_ready();
    assert_eq!(bench.link.reconcile(&packet(b"cut"), &intent), Verdict::Sent(reference.clone()));
    assert_eq!(bench.link.still_held(&reference), PacketStatus::Sent);
    let next = bench.taken(b"next");
    bench.until_sent(&next);
    assert_eq!(bench.gateway(), ["637574", "6e657874"]);
}

#[test]
fn a_clone_cannot_tell_after_a_crash() {
    let mut bench = Bench::with("clone-cut", &[], true);
    let (intent, _) = bench.hand_over(b"cut");
    bench.dies();
    bench.until_ready();
    assert!(matches!(bench.link.reconcile(&packet(b"cut"), &intent), Verdict::Unknown(_)));
}

#[test]
fn a_lost_result_is_settled_by_the_counter() {
    let mut bench = Bench::new("lost");
    bench.tell("lost 1");
    let reference = bench.taken(b"once");
    bench.until_sent(&reference);
    assert_eq!((bench.gateway(), bench.sessions()), (vec!["6f6e6365".to_owned()], 1));
}

#[test]
fn a_clone_tells_of_a_lost_result_by_the_number_of_a_later_session() {
    let mut bench = Bench::with("clone-lost", &[], true);
    let first = bench.taken(b"first");
    bench.until_sent(&first);
    bench.tell("lost 1");
    let lost = bench.taken(b"lost");
    let memo = bench.until("that nobody knows", |bench| match bench.link.still_held(&lost) {
        PacketStatus::Doubtful { memo, why: Reason::Session(SessionReason::ResultLost) } => Some(memo),
        _ => None,
    });
    let intent = Intent { at: Time(0), memo };
    assert!(matches!(bench.link.reconcile(&packet(b"lost"), &intent), Verdict::Unknown(_)));
    // The next one need not wait for it, and tells.
    let next = bench.taken(b"next");
    bench.until_sent(&next);
    assert!(bench.heard.contains(&Event::Evidence));
    assert_eq!(bench.link.reconcile(&packet(b"lost"), &intent), Verdict::Sent(lost));
    assert_eq!(bench.gateway().len(), 3);
}

/// After one the number of the next session is not the one that a counting modem would have.
#[test]
fn a_clone_that_does_not_count_its_looks_into_the_mailbox_loses_nothing() {
    let mut bench = Bench::with("clone-looks", &[], true);
    let first = bench.taken(b"first");
    bench.until_sent(&first);
    bench.tell("down aabbcc");
    let inbound = bench.until_inbound();
    bench.link.confirm(&inbound.token).unwrap();
    bench.tell("status 32");
    let second = bench.taken(b"second");
    bench.until_sent(&second);
    assert_eq!((bench.gateway().len(), bench.sessions()), (2, 4));
}

#[test]
fn failures_are_tried_again_and_what_is_withdrawn_stays() {
    let mut bench = Bench::new("fails");
    for command in ["status 32", "status 18", "glue 3", "badwrite 1", "noclear 1", "residue 1"] {
        bench.tell(command);
    }
    let reference = bench.taken(b"again");
    bench.until_sent(&reference);
    assert_eq!((bench.gateway(), bench.sessions()), (vec!["616761696e".to_owned()], 3));
    bench.tell("bars 0");
    let reference = bench.taken(b"stays");
    let stays = bench.until("a moment between sessions", |bench| match bench.link.cancel(&reference) {
        PacketStatus::Unknown(_) => None,
        status => Some(status),
    });
    assert_eq!(stays, PacketStatus::Withdrawn);
    assert_eq!((bench.show("mo"), bench.gateway().len()), ("empty".to_owned(), 1));
}

#[test]
fn a_terminal_that_is_not_activated_is_for_the_owner() {
    let mut bench = Bench::new("owner");
    bench.tell("status 15");
    let reference = bench.taken(b"waits");
    bench.until("that it is given back", |bench| {
        let is = |event: &Event| matches!(event, Event::NotTaken { reference: back, .. } if *back == reference);
        bench.heard.iter().any(is).then_some(())
    });
    assert!(bench.link.state().to_string().contains("not activated"), "{}", bench.link.state());
    assert!(matches!(bench.link.prepare(&packet(b"x")), Err(Fault::Operator(_))));
    assert_eq!(bench.show("mo"), "empty");
}

#[test]
fn a_message_that_the_gateway_never_takes_is_given_up() {
    let mut bench = Bench::new("never");
    bench.tell("status 12");
    let reference = bench.taken(b"never");
    bench.until("that it is given up", |bench| {
        let is = |event: &Event| matches!(event, Event::Lost { reference: back, .. } if *back == reference);
        bench.heard.iter().any(is).then_some(())
    });
    let next = bench.taken(b"next");
    bench.until_sent(&next);
    assert_eq!(bench.gateway(), ["6e657874"]);
}

#[test]
fn damaged_data_is_read_again() {
    let mut bench = Bench::new("damaged");
    for command in ["down 0102030405", "badsum 1", "dropbyte 1"] {
        bench.tell(command);
    }
    let reference = bench.taken(b"up");
    bench.until_sent(&reference);
    assert_eq!(bench.until_inbound().payload, [1, 2, 3, 4, 5]);
}

#[test]
fn a_modem_that_is_unplugged_in_its_session_is_settled_when_it_is_back() {
    let mut bench = Bench::new("unplug");
    let reference = bench.taken(b"through");
    bench.until("a session", |bench| (bench.show("mode") == "session").then_some(()));
    bench.tell("unplug");
    bench.until("that it is gone", |bench| (!bench.link.is_ready()).then_some(()));
    bench.tell("plug");
    bench.until_sent(&reference);
    assert_eq!(bench.gateway().len(), 1);
    // Power is lost before a session: the slot is empty then, and the counter stands.
    bench.tell("bars 0");
    let reference = bench.taken(b"lost");
    bench.tell("power off");
    bench.until("that it is silent", |bench| (!bench.link.is_ready()).then_some(()));
    bench.tell("power on");
    bench.until("that it is given back", |bench| {
        let is = |event: &Event| matches!(event, Event::NotTaken { reference: back, .. } if *back == reference);
        bench.heard.iter().any(is).then_some(())
    });
    assert_eq!(bench.gateway().len(), 1);
}

/// `OK` does not say to what. A slot counts as emptied by the answer to its own command alone: what it holds would go up
/// with a later session, after another link has carried it.
#[test]
fn an_answer_to_an_earlier_command_proves_nothing() {
    let mut bench = Bench::new("late-answer");
    bench.tell("down aabbcc");
    let first = bench.taken(b"first");
    bench.until_sent(&first);
    let inbound = bench.until_inbound();
    // Until what came down is kept no session begins: this one waits in its slot.
    let reference = bench.taken(b"stays");
    bench.tell("slow 1000");
    bench.link.confirm(&inbound.token).unwrap_err();
    bench.tell("noclear 1");
    // The answer to the other command comes now, and says that it was done.
    let status = bench.link.cancel(&reference);
    assert!(matches!(status, PacketStatus::Unknown(_)), "{status:?}: {}", bench.show("mo"));
    assert_ne!(bench.show("mo"), "empty");
    bench.tell("slow 0");
    bench.until_sent(&reference);
    assert_eq!(bench.gateway(), ["6669727374", "7374617973"]);
    assert_eq!(bench.show("mo"), "empty");
}
