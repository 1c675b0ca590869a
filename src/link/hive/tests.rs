//! The real link against the simulated Hive, over real sockets.

use std::time::{Duration, Instant};

use smol::channel::{Receiver, bounded};

use super::*;
use crate::clock::Time;
use crate::link::Inbound;
use crate::sim::hive::{Handle, Options, start};
use crate::sim::sky::{Ask, Down, Sky};

mod faults;
mod inbound;
mod outbound;

const LIMITS: HiveLimits = HiveLimits {
    call: Duration::from_millis(1500),
    first: Duration::from_millis(50),
    most: Duration::from_millis(200),
    settle: Duration::from_millis(300),
    remind: Duration::from_secs(60),
};
/// Everything in these tests happens within this time, or never.
const LIMIT: Duration = Duration::from_secs(20);
const DEVICE: u32 = 6846;

/// A simulated Hive and a link to it.
struct Bench {
    sim: Handle,
    settings: Settings,
    hive: Hive,
    wake: Receiver<()>,
    _waker: smol::channel::Sender<()>,
}

fn options() -> Options {
    Options {
        listen: ([127, 0, 0, 1], 0).into(),
        user: "anna & co".to_owned(),
        password: "ä=1&2%".to_owned(),
        device: vec!["0x001abe".parse().unwrap()],
        sky: None,
        control: None,
        state: None,
        token_life: 3600,
    }
}

impl Bench {
    fn start() -> Self {
        Self::with(options())
    }

    fn with(options: Options) -> Self {
        let (user, password) = (options.user.clone(), options.password.clone());
        let sim = start(options).unwrap();
        let set = |settings: Settings, key, value: &str| settings.with(key, value).unwrap();
        let settings = set(Settings::default(), Key::HiveUrl, &sim.url());
        let settings = set(settings, Key::HiveUser, &user);
        let settings = set(set(settings, Key::HivePassword, &password), Key::HivePoll, "1");
        let (_waker, wake) = bounded(1);
        let hive = Hive::new(&settings, &Clock::system(), LIMITS);
        Self { sim, settings, hive, wake, _waker }
    }

    /// The box starts anew and remembers nothing.
    fn restart(&mut self) {
        self.hive = Hive::new(&self.settings, &Clock::system(), LIMITS);
    }

    fn sim(&self, line: &str) -> String {
        let answer = self.sim.command(line);
        assert!(!answer.starts_with("error"), "{line}: {answer}");
        answer
    }

    /// One round right now, whatever the timer says; its events.
    fn round(&mut self) -> Vec<Event> {
        self.hive.round();
        std::mem::take(&mut self.hive.events)
    }

    /// Polls until an event is of interest.
    fn until<T>(&mut self, mut of_interest: impl FnMut(&Event) -> Option<T>) -> T {
        let start = Instant::now();
        while start.elapsed() < LIMIT {
            let events = self.hive.poll(&self.wake, Duration::from_secs(1));
            if let Some(found) = events.iter().find_map(&mut of_interest) {
                return found;
            }
        }
        panic!("nothing of interest happened");
    }

    fn until_ready(&mut self) {
        self.until(|event| matches!(event, Event::Health(health) if health.ready).then_some(()));
    }

    /// Requests to paths that contain a text, as the journal has them.
    fn requests(&self, part: &str) -> Vec<serde_json::Value> {
        let journal = self.sim("journal");
        let entries = journal.lines().filter(|line| *line != ".").map(|line| serde_json::from_str(line).unwrap());
        entries.filter(|entry: &serde_json::Value| entry["path"].as_str().unwrap().contains(part)).collect()
    }

    /// Packets in the Hive, as its listing shows them.
    fn packets(&self) -> Vec<serde_json::Value> {
        let list = self.sim("messages");
        list.lines().filter(|line| *line != ".").map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn inbound(events: &[Event]) -> Vec<Inbound> {
    let found = events.iter().filter_map(|event| match event {
        Event::Inbound(inbound) => Some(inbound.clone()),
        _ => None,
    });
    found.collect()
}

fn health(events: &[Event]) -> Health {
    let found = events.iter().rev().find_map(|event| match event {
        Event::Health(health) => Some(health.clone()),
        _ => None,
    });
    found.expect("a change of health")
}

fn packet(payload: &[u8]) -> LinkPacket {
    LinkPacket {
        payload: payload.to_vec(),
        device: Some("6846".parse().unwrap()),
        deadline: Time::NEVER,
        wholes: Vec::new(),
    }
}
