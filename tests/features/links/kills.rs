//! Line and satellite both come and go while both boxes are killed: nothing is lost, nothing comes twice, and no packet is paid
//! for twice unless the history of a message names the decision.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::both::Both;
use crate::support::writers::{Writer, arrived_once, at_the_sink, in_the_mailbox, rest};
use crate::support::{Dice, Station, pause};

/// Kills in all, of station and gateway in turn.
const KILLS: usize = 14;
/// Longest time that a box lives between being up and its end.
const LIFE: u64 = 2400;
/// All messages of so many kills have arrived so long after the last one.
const SETTLE: Duration = Duration::from_secs(90);

/// What the sky and the line do between two kills: the line is away about half of the time, so that much goes by satellite.
pub(super) fn weather(both: &Both, dice: &mut Dice) {
    match dice.below(10) {
        0..=2 => {
            both.line_says("refuse");
            both.line_says("cut");
        }
        3 => both.line_says("stall"),
        4 => both.line_says("stall down"),
        5 => both.line_says("cut"),
        6 | 7 => both.line_says("clear"),
        8 => drop(both.world.modem_says("pass end")),
        _ => drop(both.world.modem_says("pass begin")),
    }
}

#[test]
fn kills_under_a_line_and_a_sky_that_come_and_go_lose_nothing_and_double_nothing() {
    let patience = [("patience.normal", "1"), ("smtp.trusted", "127.0.0.0/8")];
    let mut both = Both::start(&["--pass-every", "1", "--pass-length", "0.7", "--air-ms", "50"], &patience, &patience);
    both.meet();
    let (anna, bob) = ("anna@boat.example", "bob@world.example");
    let writers = [
        Writer::start(&both.station, Some("anna"), "up", anna, bob),
        Writer::start(&both.gateway, None, "down", bob, "anna@shore.example"),
        Writer::start(&both.station, None, "also up", anna, bob),
    ];
    let mut dice = Dice::new(20_261_129);
    let kills = KILLS * usize::try_from(testing::soak()).unwrap();
    for kill in 0..kills {
        weather(&both, &mut dice);
        rest(dice.below(LIFE));
        weather(&both, &mut dice);
        let which = kill % 2;
        let killed = if which == 0 { &mut both.station } else { &mut both.gateway };
        killed.kill();
        killed.start();
        let now = if which == 0 { &both.station } else { &both.gateway };
        writers.iter().skip(which).step_by(2).for_each(|writer| writer.moved(now));
        if which == 1 {
            both.lead_to_gateway();
        }
    }
    let [mut up, down, also] = writers.map(Writer::end);
    up.kept.extend(also.kept);
    up.unclear.extend(also.unclear);
    both.line_says("clear");
    both.world.modem_says("pass auto");
    println!("kept: {} up, {} down, {kills} kills", up.kept.len(), down.kept.len());
    assert!(up.kept.len() > kills / 4 && down.kept.len() > kills / 4, "there was traffic");
    settled(&both, kills);
    // What the line lost on its way is sent, and goes again once the far box has said that it lacks it.
    within(SETTLE, || {
        let (ashore, afloat) = (at_the_sink(&both.world), in_the_mailbox(&both.station));
        up.kept.iter().all(|subject| ashore.contains_key(subject))
            && down.kept.iter().all(|subject| afloat.contains_key(subject))
    });
    let mut ashore = at_the_sink(&both.world);
    ashore.remove("First");
    arrived_once(&up, &ashore);
    arrived_once(&down, &in_the_mailbox(&both.station));
    nothing_paid_twice(&both);
    let by_satellite = both.on_air();
    println!("{by_satellite} packets went up by satellite, for {} in all", both.bill("m138"));
    let (overtaken, free) = decided(&both.station);
    println!("{overtaken} messages overtook the line, {free} that were in doubt went by it once more");
    // What is taken back from the modem is known a moment later.
    within(SETTLE, || in_doubt(&both.station).is_ok());
    let in_doubt = in_doubt(&both.station).unwrap();
    println!("{in_doubt} packets of which nobody knows whether they left, which are paid for");
    let paid: f64 = both.bill("m138").parse().unwrap();
    let packets = (paid / 0.07).round() as usize;
    // Of a packet without a message the link may not have found out yet what became of it, or never does after a kill.
    let notes = 2 + kills / 250;
    assert!(
        (by_satellite..=by_satellite + in_doubt + notes).contains(&packets),
        "{packets} paid, {by_satellite} on air, {in_doubt} in doubt"
    );
    both.totals_balance();
}

/// Waits until nothing is on its way any more.
pub(super) fn settled(both: &Both, kills: usize) {
    let end = Instant::now() + SETTLE + Duration::from_secs(2) * u32::try_from(kills).unwrap();
    loop {
        let waiting = [unsent(&both.station), unsent(&both.gateway)].concat();
        let in_hive = both.world.hive_says("messages");
        let open = |line: &&String| line.contains("\"status\":0") || line.contains("\"status\":1");
        let in_hive = in_hive.iter().filter(open).count();
        let in_modem = both.world.modem_says("inbox").len() + both.world.modem_says("queue").len();
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

/// Packets of the satellite that the modem had and has no more, after a kill while they were taken back: whether they left is
/// not known, which the histories of their messages say.
///
/// # Errors
/// A packet of which no history says why it is paid for.
fn in_doubt(station: &Station) -> Result<usize, String> {
    let mut found = BTreeSet::new();
    for message in station.messages() {
        let shown = station.json(&["queue", "show", message["id"].as_str().unwrap()]);
        let told = shown["steps"].to_string().contains("link.left_unknown");
        for packet in shown["packets"].as_array().into_iter().flatten().filter(|packet| packet["link"] == "m138") {
            let open = !packet["state"].as_str().unwrap().starts_with("sent");
            if open && packet["price"] != "0.00" {
                if !told {
                    return Err(format!("{packet} is paid for, and no history says why: {}", shown["steps"]));
                }
                found.insert(packet.to_string());
            }
        }
    }
    Ok(found.len())
}

/// Waits so long for something; what it was is asked again by who waits.
fn within(limit: Duration, mut there: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !there() && Instant::now() < end {
        pause();
    }
}

/// Messages of which the history says that they overtook a line, and that they went once more by a free one.
fn decided(station: &Station) -> (usize, usize) {
    let (mut overtaken, mut free) = (0, 0);
    for message in station.messages() {
        let history = station.json(&["queue", "show", message["id"].as_str().unwrap()])["steps"].to_string();
        overtaken += usize::from(history.contains("has not told whether it arrived"));
        free += usize::from(history.contains("by a link that costs nothing"));
    }
    (overtaken, free)
}

fn unsent(station: &Station) -> Vec<Value> {
    station.waiting().into_iter().filter(|message| message["state"] != "sent").collect()
}

/// A payload went on air under one id of the modem, and to the Hive under one number.
pub(super) fn nothing_paid_twice(both: &Both) {
    let twice = paid_again(both);
    assert!(twice.is_empty(), "{twice:?}");
}

/// Payloads that went on air, or to the Hive, under several numbers, with these.
pub(super) fn paid_again(both: &Both) -> BTreeMap<String, BTreeSet<String>> {
    let mut paid: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (id, payload) in both.world.on_air() {
        paid.entry(payload).or_default().insert(id);
    }
    for item in both.world.hive_says("messages").iter().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        if item["direction"] == 2 {
            paid.entry(format!("to device: {}", item["data"])).or_default().insert(item["packetId"].to_string());
        }
    }
    paid.retain(|_, ids| ids.len() > 1);
    paid
}
