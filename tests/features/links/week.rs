//! A week of two boxes, hour by hour: the line comes and goes, the sky too, and the station's clock is wrong
//! when it starts as a board without a battery has it. Nothing is lost or doubled, no packet is paid for twice but where hours
//! without a receipt have passed and the box says so, the file grows by what it keeps, and memory stays within what the
//! unit allows. Each box is started anew every hour: what one of them gathers in a
//! week is not seen here.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use super::both::Both;
use super::kills::{paid_again, settled, weather};
use crate::support::clock::OwnClock;
use crate::support::writers::{Written, arrived_once, at_the_sink, in_the_mailbox, rest};
use crate::support::{Dice, SOON, Smtp, Station, wait_for};

/// How many it has, unless `SATPOST_WEEK` says otherwise.
const DAYS: u64 = 7;
const HOUR: u64 = 3600;
/// A clock without a battery begins so far back.
const LOST: u64 = 20 * 86_400;
/// Subject of a notice that a message waits.
const DELAYED: &str = "Your message is delayed";
/// What the unit allows a box, in bytes.
const MEMORY: u64 = 160_000_000;

/// Bytes that a box has in memory and its store on disk.
fn size(station: &mut Station) -> (u64, u64) {
    let pid = station.program().0.id();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let resident: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
    let file = fs::metadata(station.folder.join("satpost.redb")).unwrap();
    (resident * 1024, file.blocks() * 512)
}

/// Hands one mail in; remembered as kept, or as one of which nobody knows.
fn write(station: &Station, person: Option<&str>, (from, to): (&str, &str), subject: &str, written: &mut Written) {
    let mail = format!("From: {from}\nSubject: {subject}\n\nAll is well, and this is {subject}.\n");
    let mut smtp = Smtp::connect(station.listener("smtp"));
    if let Some(person) = person {
        smtp.login(person);
    }
    let list = match smtp.mail(from, to, &mail).starts_with("250") {
        true => &mut written.kept,
        false => &mut written.unclear,
    };
    list.insert(subject.to_owned());
}

/// Packets of messages that went once more, as their box says.
fn said_again(station: &Station) -> usize {
    let mut found = BTreeSet::new();
    for message in station.messages() {
        let shown = station.json(&["queue", "show", message["id"].as_str().unwrap()]);
        let again = shown["packets"].as_array().unwrap().iter().filter(|packet| packet["repeat"] == true);
        for packet in again {
            assert!(packet["note"].as_str().unwrap().contains("no receipt came"), "{packet}");
            found.insert(packet.to_string());
        }
    }
    found.len()
}

#[test]
#[ignore = "takes half an hour or more: tests/soak/run 1 week"]
fn a_week_in_which_everything_misbehaves_by_hand() {
    let patience = [("patience.normal", "1"), ("smtp.trusted", "127.0.0.0/8")];
    let mut both = Both::start(&["--pass-every", "1", "--pass-length", "0.7", "--air-ms", "50"], &patience, &patience);
    both.meet();
    let (anna, bob) = ("anna@boat.example", "bob@world.example");
    let mut dice = Dice::new(20_261_207);
    let place = |name: &str| {
        let folder = both.world.folder.path(name);
        fs::create_dir_all(&folder).unwrap();
        OwnClock::new(&folder)
    };
    let (aboard, ashore) = (place("clock-aboard"), place("clock-ashore"));
    let (mut up, mut down, mut sizes) = (Written::default(), Written::default(), Vec::new());
    let week = std::env::var("SATPOST_WEEK").ok().map_or(DAYS, |days| days.parse().unwrap());
    let days = week * testing::soak();
    for hour in 0..days * 24 {
        weather(&both, &mut dice);
        // Fifty a day.
        write(&both.station, Some("anna"), (anna, bob), &format!("up {hour}"), &mut up);
        write(&both.gateway, None, (bob, "anna@shore.example"), &format!("down {hour}"), &mut down);
        if hour % 12 == 0 {
            write(&both.station, Some("anna"), (anna, bob), &format!("up again {hour}"), &mut up);
        }
        rest(dice.below(1500));
        weather(&both, &mut dice);
        for station in [&mut both.station, &mut both.gateway] {
            match dice.below(3) {
                0 => station.kill(),
                _ => drop(station.stop()),
            }
        }
        let now = (hour + 1) * HOUR;
        ashore.ahead(now);
        match dice.below(8) {
            0 => aboard.behind(LOST),
            _ => aboard.ahead(now),
        }
        both.gateway.start_with(&ashore.environment());
        both.station.start_with(&aboard.environment());
        both.lead_to_gateway();
        rest(dice.below(300));
        aboard.ahead(now);
        if (hour + 1) % 24 == 0 {
            let all = [size(&mut both.station), size(&mut both.gateway)];
            println!("day {}: station {:?}, gateway {:?}", (hour + 1) / 24, all[0], all[1]);
            sizes.push(all);
        }
    }
    both.line_says("clear");
    both.world.modem_says("pass auto");
    wait_for("the station's clock to be right", 4 * SOON, || {
        both.station.status().filter(|status| status["clock_believable"] == true)
    });
    settled(&both, usize::try_from(days * 24).unwrap());
    println!("kept: {} up, {} down in {days} days", up.kept.len(), down.kept.len());
    let mut there = at_the_sink(&both.world);
    there.remove("First");
    let mut aboard = in_the_mailbox(&both.station);
    // Whoever waits for hours hears of it: once for a message at most.
    for (found, waited) in [(&mut there, &down), (&mut aboard, &up)] {
        let told = found.remove(DELAYED).map_or(0, |notices| notices.len());
        println!("{told} notices of a delay");
        assert!(told <= waited.kept.len() + waited.unclear.len(), "{told} notices of a delay");
    }
    arrived_once(&up, &there);
    arrived_once(&down, &aboard);
    // Each time after silence, or as the far box said that it has not come: what is hours to a box is a moment to the sky here.
    let again = paid_again(&both);
    let times: usize = again.values().map(|ids| ids.len() - 1).sum();
    let told = said_again(&both.station) + said_again(&both.gateway);
    println!("{times} packets went once more, and of {told} their box says so");
    assert!(times <= told, "{told}: {again:?}");
    both.totals_balance();
    let (early, late) = (sizes[sizes.len() / 3], sizes[sizes.len() - 1]);
    for ((_, early), (memory, late)) in early.into_iter().zip(late) {
        assert!(memory <= MEMORY, "{memory} bytes in memory");
        // So many messages more are kept, with their history: 8 KB each at most.
        let more = (up.kept.len() + down.kept.len()) as u64 * 8192;
        assert!(late <= early + more, "the file grew from {early} to {late}");
    }
}
