//! People who write all the time to boxes that may be killed at any moment, and what has to become of what they wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Smtp, Station, World, pause};

#[allow(clippy::disallowed_methods, reason = "a kill comes at a moment that nobody waits for")]
pub fn rest(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

/// Somebody who writes message after message to a box that may be killed at any moment, and never writes one twice.
pub struct Writer {
    listener: Arc<Mutex<SocketAddr>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Written>,
}

/// Subjects of messages that got their 250, and of those whose fate nobody knows.
#[derive(Default)]
pub struct Written {
    pub kept: BTreeSet<String>,
    pub unclear: BTreeSet<String>,
}

impl Writer {
    pub fn start(
        station: &Station,
        person: Option<&'static str>,
        name: &'static str,
        from: &'static str,
        to: &'static str,
    ) -> Self {
        let (listener, stop) = (Arc::new(Mutex::new(station.listener("smtp"))), Arc::new(AtomicBool::new(false)));
        let (at, ended) = (Arc::clone(&listener), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let (mut written, mut line, mut number) = (Written::default(), None, 0);
            while !ended.load(Ordering::SeqCst) {
                if line.is_none() {
                    let address = *at.lock().unwrap();
                    line = Smtp::try_connect(address).filter_map_login(person);
                }
                let Some(smtp) = line.as_mut() else {
                    pause();
                    continue;
                };
                number += 1;
                let subject = format!("{name} {number}");
                let reply = smtp.mail(from, to, &message(&subject, number));
                match reply.starts_with("250") {
                    true => drop(written.kept.insert(subject)),
                    false => {
                        line = None;
                        written.unclear.insert(subject);
                    }
                }
                rest(600);
            }
            written
        });
        Self { listener, stop, thread }
    }

    /// The box was started again: it listens elsewhere.
    pub fn moved(&self, station: &Station) {
        *self.listener.lock().unwrap() = station.listener("smtp");
    }

    pub fn end(self) -> Written {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

/// Logs a person in on a fresh connection.
trait LoggedIn {
    fn filter_map_login(self, person: Option<&str>) -> Option<Smtp>;
}

impl LoggedIn for Option<Smtp> {
    fn filter_map_login(self, person: Option<&str>) -> Option<Smtp> {
        let mut smtp = self?;
        person.is_none_or(|person| smtp.try_login(person)).then_some(smtp)
    }
}

/// Every fourth one needs several packets.
fn message(subject: &str, number: usize) -> String {
    let words = if number.is_multiple_of(4) { 24 } else { 3 };
    let text: String = (0..words).map(|at| format!("{}{at} ", subject.replace(' ', "-"))).collect();
    format!("From: somebody@world.example\nSubject: {subject}\n\n{text}\n")
}

/// Subject of each mail at the sink, with its Message-IDs: a mail that came twice because the relay's client was killed
/// after the final dot has one of them.
pub fn at_the_sink(world: &World) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for mail in world.mails() {
        let data = mail["data"].as_str().unwrap();
        let field =
            |name: &str| data.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
        found.entry(field("Subject:")).or_default().insert(field("Message-ID:"));
    }
    found
}

/// Subject of each message in the station's mailbox, with its numbers there.
pub fn in_the_mailbox(station: &Station) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for message in station.messages() {
        if message["to"] == "anna@boat.example" && message["state"] == "delivered" {
            let text = |name: &str| message[name].as_str().unwrap().to_owned();
            found.entry(text("subject")).or_default().insert(text("id"));
        }
    }
    found
}

/// Everything that got its 250 is there, once, and nothing that nobody wrote.
pub fn arrived_once(written: &Written, found: &BTreeMap<String, BTreeSet<String>>) {
    let lost: Vec<_> = written.kept.iter().filter(|subject| !found.contains_key(*subject)).collect();
    let doubled: Vec<_> = found.iter().filter(|(_, copies)| copies.len() > 1).collect();
    let strange: Vec<_> = found
        .keys()
        .filter(|subject| !written.kept.contains(*subject) && !written.unclear.contains(*subject))
        .collect();
    assert!(
        lost.is_empty() && doubled.is_empty() && strange.is_empty(),
        "lost {lost:?}, doubled {doubled:?}, strange {strange:?}"
    );
}
