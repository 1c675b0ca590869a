//! Power cuts: both boxes are killed again and again under traffic in both directions, and no message that got its 250
//! is lost, none arrives twice, none is paid for twice.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::{Dice, Smtp, Station, World, pause};
use serde_json::Value;

/// Kills in all, of station and gateway in turn.
const KILLS: usize = 50;
/// Longest time that a box lives between being up and its end.
const LIFE: u64 = 2400;
/// Packets without a message of which the link may not have found out yet what became of them.
const UNTOLD: u64 = 2;
/// All messages of fifty kills have arrived so long after the last one.
const SETTLE: Duration = Duration::from_secs(60);

#[allow(clippy::disallowed_methods, reason = "a kill comes at a moment that nobody waits for")]
fn rest(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

/// Somebody who writes message after message to a box that may be killed at any moment, and never writes one twice.
struct Writer {
    door: Arc<Mutex<SocketAddr>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Written>,
}

/// Subjects of messages that got their 250, and of those whose fate nobody knows.
#[derive(Default)]
struct Written {
    kept: BTreeSet<String>,
    unclear: BTreeSet<String>,
}

impl Writer {
    fn start(
        station: &Station,
        person: Option<&'static str>,
        name: &'static str,
        from: &'static str,
        to: &'static str,
    ) -> Self {
        let (door, stop) = (Arc::new(Mutex::new(station.door("smtp"))), Arc::new(AtomicBool::new(false)));
        let (at, ended) = (Arc::clone(&door), Arc::clone(&stop));
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
        Self { door, stop, thread }
    }

    fn moved(&self, station: &Station) {
        *self.door.lock().unwrap() = station.door("smtp");
    }

    fn end(self) -> Written {
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

#[test]
fn fifty_power_cuts_lose_nothing_and_double_nothing() {
    let world = World::start(&["--pass-every", "1", "--pass-length", "0.7", "--air-ms", "50"]);
    let mut boxes = [world.station(), world.gateway()];
    boxes[0].cli_ok(&["settings", "set", "smtp.trusted", "127.0.0.0/8"], "");
    boxes.iter_mut().for_each(Station::start);
    let (anna, bob) = ("anna@boat.example", "bob@world.example");
    let writers = [
        Writer::start(&boxes[0], Some("anna"), "up", anna, bob),
        Writer::start(&boxes[1], None, "down", bob, "anna@shore.example"),
        Writer::start(&boxes[0], None, "also up", anna, bob),
    ];
    let mut dice = Dice::new(20_240_611);
    let kills = KILLS * usize::try_from(testing::soak()).unwrap();
    for kill in 0..kills {
        let which = kill % 2;
        rest(dice.below(LIFE));
        boxes[which].kill();
        if kill % 10 >= 8 {
            // Once more, before it is up.
            boxes[which].launch();
            rest(dice.below(200));
            boxes[which].kill();
        }
        boxes[which].start();
        writers.iter().skip(which).step_by(2).for_each(|writer| writer.moved(&boxes[which]));
    }
    let [mut up, down, also] = writers.map(Writer::end);
    up.kept.extend(also.kept);
    up.unclear.extend(also.unclear);
    println!(
        "kept: {} up, {} down; unclear: {} up, {} down",
        up.kept.len(),
        down.kept.len(),
        up.unclear.len(),
        down.unclear.len()
    );
    assert!(up.kept.len() > kills / 2 && down.kept.len() > kills / 2, "there was traffic");

    let [station, gateway] = boxes;
    settled(&world, &station, &gateway);
    arrived_once(&up, &at_the_sink(&world));
    arrived_once(&down, &in_the_mailbox(&station));
    nothing_paid_twice(&world);
    told_truly(&station, "bob@world.example");
    told_truly(&gateway, "anna@shore.example");
    let up: BTreeSet<_> = world.on_air().into_iter().map(|(id, _)| id).collect();
    booked(&station, up.len());
    let listed = world.hive_says("messages");
    let down = listed.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    booked(&gateway, down.filter(|packet| packet["direction"] == 2).count());
    station.books_balance();
    gateway.books_balance();
}

/// All have arrived by now: none is said to have failed, none stands open but for its receipt or for what the far box
/// says became of it, and nobody got a notice.
fn told_truly(from: &Station, to: &str) {
    let all = from.messages();
    let sent: Vec<_> = all.iter().filter(|message| message["to"] == to && message["origin"] != "link").collect();
    let true_word =
        |message: &Value| ["sent", "at the far box", "delivered"].iter().any(|word| message["state"] == *word);
    let wrong: Vec<_> = sent.into_iter().filter(|message| !true_word(message)).collect();
    assert!(wrong.is_empty(), "these have arrived: {wrong:?}");
    let notices: Vec<_> = all.iter().filter(|message| message["origin"] == "notice").collect();
    assert!(notices.is_empty(), "{notices:?}");
}

/// Packets that a box counts and bills: what went on air, and no other. One without a message, of which the link cannot
/// tell, is in neither until that finds out.
fn booked(station: &Station, on_air: usize) {
    let counted = station.status().unwrap()["packets_sent"].as_u64().unwrap();
    let costs = station.json(&["costs", "--json"]);
    let whole = costs["accounts"].as_array().unwrap().iter().find(|row| row["account"] == "(box)");
    let billed = whole.map_or(0, |row| row["packets"].as_u64().unwrap());
    println!("{on_air} packets on air, {counted} counted, {billed} billed");
    assert_eq!(counted, billed, "{costs}");
    let known = counted..=counted + UNTOLD;
    assert!(known.contains(&(on_air as u64)), "{on_air} on air, {counted} counted");
}

/// Waits until nothing is on its way any more: looks along both ways, in the direction in which messages go.
fn settled(world: &World, station: &Station, gateway: &Station) {
    let end = Instant::now() + SETTLE * u32::try_from(testing::soak()).unwrap();
    loop {
        let mut waiting = [unsent(station), unsent(gateway)].concat();
        let in_hive = world.hive_says("messages");
        let in_hive =
            in_hive.iter().filter(|line| line.contains("\"status\":0") || line.contains("\"status\":1")).count();
        let in_modem = world.modem_says("inbox").len() + world.modem_says("queue").len();
        waiting.extend(unsent(gateway));
        if waiting.is_empty() && in_hive + in_modem == 0 {
            return;
        }
        if Instant::now() > end {
            for message in &waiting {
                println!("{} {} {:#}", message["id"], message["subject"], message["steps"]);
            }
            panic!("{} messages wait, {in_hive} packets in the Hive, {in_modem} in the modem", waiting.len());
        }
        pause();
    }
}

/// Messages that are not final, but for those that have left and wait for a receipt, which may ride in a later message.
fn unsent(station: &Station) -> Vec<Value> {
    station.waiting().into_iter().filter(|message| message["state"] != "sent").collect()
}

/// Subject of each mail at the sink, with its Message-IDs: a mail that came twice because the relay's client was killed
/// after the final dot has one of them.
fn at_the_sink(world: &World) -> BTreeMap<String, BTreeSet<String>> {
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
fn in_the_mailbox(station: &Station) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for message in station.messages() {
        if message["to"] == "anna@boat.example" && message["state"] == "delivered" {
            let text = |name: &str| message[name].as_str().unwrap().to_owned();
            found.entry(text("subject")).or_default().insert(text("id"));
        }
    }
    found
}

fn arrived_once(written: &Written, found: &BTreeMap<String, BTreeSet<String>>) {
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

/// A payload has one id in the modem's journal and one number in the Hive, however often the radio repeats it.
fn nothing_paid_twice(world: &World) {
    let mut paid: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (id, payload) in world.on_air() {
        paid.entry(payload).or_default().insert(id);
    }
    let messages = world.hive_says("messages");
    for item in messages.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        if item["direction"] == 2 {
            let number = item["packetId"].to_string();
            paid.entry(format!("to device: {}", item["data"])).or_default().insert(number);
        }
    }
    let twice: Vec<_> = paid.iter().filter(|(_, ids)| ids.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}
