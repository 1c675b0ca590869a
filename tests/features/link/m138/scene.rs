//! A station with a simulated modem, a gateway behind the simulated Hive, and messages between them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::command::link_of;
use crate::support::{Smtp, Station, World, has_gone, pause, wait_for};

/// What is wrong is told within 5 s; the rest is for a busy machine and for asking.
pub const TOLD: Duration = Duration::from_secs(8);
/// Limit for messages to arrive and for a link to mend.
pub const MENDS: Duration = Duration::from_secs(60);

/// A satellite is always in view.
pub const ALWAYS: [&str; 4] = ["--pass-every", "1", "--pass-length", "1"];

/// One station, one gateway, and what was written so far.
pub struct Scene {
    pub world: World,
    pub station: Station,
    pub gateway: Station,
    listener: SocketAddr,
    ups: Vec<String>,
    downs: Vec<String>,
}

impl Scene {
    /// All running, the modem ready. `modem` are more options of the simulated modem.
    pub fn start(modem: &[&str]) -> Self {
        let scene = Self::open(modem);
        scene.ready();
        scene
    }

    /// All running, the modem in whatever state it is.
    pub fn open(modem: &[&str]) -> Self {
        Self::over(World::start(modem))
    }

    /// The same, in a world that exists already.
    pub fn over(world: World) -> Self {
        let (station, gateway) = (world.station().started(), world.gateway().started());
        let listener = gateway.listener("smtp");
        Self { world, station, gateway, listener, ups: Vec::new(), downs: Vec::new() }
    }

    /// A control command of the modem.
    pub fn modem(&self, command: &str) {
        let said = self.world.modem_says(command);
        assert!(said.iter().all(|line| line.starts_with("ok")), "{command}: {said:?}");
    }

    /// Anna writes to Bob; the message's number on the station.
    pub fn up(&mut self, subject: &str) -> String {
        self.write(subject, "normal")
    }

    /// The same, and it cannot wait.
    pub fn urgent(&mut self, subject: &str) -> String {
        self.write(subject, "urgent")
    }

    fn write(&mut self, subject: &str, priority: &str) -> String {
        let words = ["--from", "anna", "--subject", subject, "--text", "up", "--priority", priority];
        let said = self.station.json(&[&["send"], &words[..], &["bob@world.example"]].concat());
        self.ups.push(subject.to_owned());
        said.as_array().unwrap()[0]["id"].as_str().unwrap().to_owned()
    }

    /// Bob writes to Anna.
    pub fn down(&mut self, subject: &str) {
        let mail = format!("From: bob@world.example\nSubject: {subject}\n\ndown\n");
        let reply = Smtp::connect(self.listener).mail("bob@world.example", "anna@shore.example", &mail);
        assert!(reply.starts_with("250"), "{reply}");
        self.downs.push(subject.to_owned());
    }

    /// A message each way.
    pub fn both(&mut self, subject: &str) {
        self.up(&format!("{subject} up"));
        self.down(&format!("{subject} down"));
    }

    /// A message that shall not arrive after all.
    pub fn take_back(&mut self, subject: &str) {
        self.ups.retain(|known| known != subject);
    }

    /// The link as the status shows it.
    pub fn link(&self) -> Value {
        link_of(&self.station.json(&["status"])).clone()
    }

    /// Waits until the status says this of the link; how long that took.
    pub fn told(&self, words: &str) -> Duration {
        self.told_within(TOLD, words)
    }

    /// As [`Scene::told`], with a limit of its own.
    pub fn told_within(&self, limit: Duration, words: &str) -> Duration {
        let (begun, mut last) = (Instant::now(), Value::Null);
        loop {
            let link = self.link();
            if link["words"].as_str().is_some_and(|said| said.contains(words)) {
                let ready = link["words"].as_str().is_some_and(|said| said.starts_with("ready"));
                assert_eq!(link["ready"], ready, "{link}");
                return begun.elapsed();
            }
            assert!(begun.elapsed() < limit, "not told within {limit:?}: '{words}'; told was {link}, before {last}");
            last = link;
            pause();
        }
    }

    /// Waits until the link is ready.
    pub fn ready(&self) {
        let end = Instant::now() + MENDS;
        while self.link()["ready"] != true {
            assert!(Instant::now() < end, "the link does not mend: {}\n{}", self.link(), self.station.log_text());
            pause();
        }
    }

    /// Waits until all messages have arrived, and proves that each did once.
    pub fn settle(&self) {
        self.arrived();
        self.once();
    }

    /// Waits until all messages have arrived.
    pub fn arrived(&self) {
        let end = Instant::now() + MENDS;
        while let Some(missing) = self.missing() {
            assert!(Instant::now() < end, "waited {MENDS:?} for {missing}\n{}", self.report());
            pause();
        }
    }

    /// A message that has not arrived yet, in words.
    fn missing(&self) -> Option<String> {
        let messages = self.station.messages();
        let in_state =
            |subject: &str, state: &str| messages.iter().any(|m| m["subject"] == subject && m["state"] == state);
        let left = |subject: &str| messages.iter().any(|m| m["subject"] == subject && has_gone(m));
        let late = self.ups.iter().find(|subject| !left(subject)).map(|subject| format!("'{subject}' to be sent"));
        let late = late.or_else(|| {
            let late = self.downs.iter().find(|subject| !in_state(subject, "delivered"));
            late.map(|subject| format!("'{subject}' to be delivered"))
        });
        late.or_else(|| {
            let seen = self.subjects();
            let late = self.ups.iter().find(|subject| !seen.contains_key(*subject));
            late.map(|subject| format!("'{subject}' at the internet's server"))
        })
    }

    /// How often the internet's server got a message of each subject.
    fn subjects(&self) -> BTreeMap<String, u32> {
        let mut seen = BTreeMap::new();
        for mail in self.world.mails() {
            let data = mail["data"].as_str().unwrap().to_owned();
            let subject = data.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or_default();
            *seen.entry(subject.to_owned()).or_insert(0) += 1;
        }
        seen
    }

    /// Every message arrived once, no packet was on air under two numbers, the totals balance.
    pub fn once(&self) {
        let seen = self.subjects();
        let expected: BTreeMap<_, _> = self.ups.iter().map(|subject| (subject.clone(), 1)).collect();
        assert_eq!(seen, expected, "{}", self.report());
        let messages = self.station.messages();
        for subject in &self.downs {
            let count = messages.iter().filter(|m| m["origin"] == "link" && m["subject"] == subject.as_str()).count();
            assert_eq!(count, 1, "'{subject}'\n{}", self.report());
        }
        assert_eq!(messages.iter().filter(|m| m["origin"] == "link").count(), self.downs.len(), "{}", self.report());
        self.never_twice(&self.world.on_air());
        self.station.totals_balance();
        self.gateway.totals_balance();
    }

    /// No payload has two numbers of the modem.
    pub fn never_twice(&self, on_air: &[(String, String)]) {
        let mut numbers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (id, data) in on_air {
            numbers.entry(data).or_default().insert(id);
        }
        let twice: Vec<_> = numbers.iter().filter(|(_, ids)| ids.len() > 1).collect();
        assert!(twice.is_empty(), "on air twice: {twice:?}\n{}", self.report());
    }

    /// Everything that helps to understand a failure.
    pub fn report(&self) -> String {
        let mut text = format!("link: {}\n", self.link());
        for (name, of) in [("station", &self.station), ("gateway", &self.gateway)] {
            for message in of.messages() {
                let id = message["id"].as_str().unwrap().to_owned();
                let (subject, state, reason) = (&message["subject"], &message["state"], &message["reason"]);
                text.push_str(&format!("{name} {id} '{subject}' {state}: {reason}\n"));
                if message["origin"] != "link" || state != "delivered" {
                    let shown = of.json(&["queue", "show", &id]);
                    text.push_str(&format!("    {}\n    {}\n", shown["steps"], shown["packets"]));
                }
            }
        }
        for command in ["status", "queue", "inbox", "journal"] {
            text.push_str(&format!("modem {command}:\n  {}\n", self.world.modem_says(command).join("\n  ")));
        }
        let logs = (self.station.log_text(), self.gateway.log_text());
        text.push_str(&format!(
            "at the server: {:?}\nstation's log:\n{}gateway's log:\n{}",
            self.subjects(),
            logs.0,
            logs.1
        ));
        text
    }

    /// Lines of the modem's queue.
    pub fn on_modem(&self) -> usize {
        self.world.modem_says("queue").len()
    }

    /// Waits until a message is in this state.
    pub fn state(&self, id: &str, state: &str, limit: Duration) -> Value {
        wait_for(&format!("{id} to be {state}"), limit, || {
            let shown = self.station.json(&["queue", "show", id]);
            (shown["state"] == state).then_some(shown)
        })
    }
}
