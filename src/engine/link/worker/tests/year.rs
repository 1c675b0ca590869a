//! A year of two-way traffic: what a message has the two boxes write stays as it was, and their files keep their size.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use super::peer::Pair;
use super::*;
use crate::engine::housekeeping;
use crate::message::Way;
use crate::message::reason::RelayReason;

const DAY: u64 = 86_400;
/// Messages each way in a day, each in a pass of its own.
const EACH_WAY: u64 = 5;

/// Bytes that this process had written so far by system calls, and the kernel's own way to count has no part in.
fn written() -> u64 {
    let counts = std::fs::read_to_string("/proc/self/io").unwrap();
    counts.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap().parse().unwrap()
}

fn on_disk(rig: &Rig) -> u64 {
    std::fs::metadata(rig.context.store.folder().join(crate::store::FILE)).unwrap().blocks() * 512
}

/// A text as people write them, of about 200 bytes; no two are the same.
fn text(number: u64) -> String {
    let words = ["wind", "harbour", "engine", "dinner", "reef", "letter", "weather", "island", "fuel", "watch"];
    let said: Vec<_> = (1..=24).map(|at| words[((number * 31 + at * at * 7 + number / at) % 10) as usize]).collect();
    format!("Number {number}: {}.", said.join(" "))
}

/// Not a test of its own: what it measures is of a whole process, so others run it in one.
#[test]
#[ignore = "run by others"]
fn child() {
    let Ok(days) = std::env::var("SATPOST_DAYS") else { return };
    let days: u64 = days.parse().unwrap();
    let pair = Pair::new();
    for rig in [&pair.station, &pair.gateway] {
        rig.context.store.set("store.keep_days", &(days / 12).to_string()).unwrap();
    }
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    let month = days / 12;
    let mut before = written();
    for day in 0..days {
        for at in 0..EACH_WAY {
            pair.write_on_boat(&text(2 * (day * EACH_WAY + at)));
            pair.pass(&mut workers);
            pair.write_ashore(&text(2 * (day * EACH_WAY + at) + 1));
            pair.pass(&mut workers);
            relayed(&pair.gateway);
            pair.advance(Duration::from_secs(DAY / EACH_WAY));
        }
        for rig in [&pair.station, &pair.gateway] {
            housekeeping::timed(&rig.context).unwrap();
            housekeeping::clean_up(&rig.context).unwrap();
        }
        if (day + 1) % month == 0 {
            let each = (written() - before) / (month * 2 * EACH_WAY);
            println!("{} {each} {} {}", day + 1, on_disk(&pair.station), on_disk(&pair.gateway));
            before = written();
        }
    }
    for (rig, from) in [(&pair.station, "boat"), (&pair.gateway, "shore")] {
        rig.books_balance();
        let open = rig.context.store.read(|view| view.list(&open())).unwrap();
        assert!(open.len() < 40, "{from}: {} wait", open.len());
    }
}

/// The relay takes what is for it.
fn relayed(rig: &Rig) {
    let waits = crate::store::ListFilter { way: Some(Way::Relay), ..open() };
    for message in rig.context.store.read(|view| view.list(&waits)).unwrap() {
        let taken = RelayReason::Taken { reply: "250 taken".into() };
        rig.context.delivered(message.id, taken, false).unwrap();
    }
}

fn open() -> crate::store::ListFilter {
    crate::store::ListFilter { open: true, limit: 1000, ..Default::default() }
}

/// Plays so many days in a process of their own; what each twelfth of them was, as [`child`] prints it.
fn played(days: u64) -> Vec<[u64; 4]> {
    let ended = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "engine::link::worker::tests::year::child"])
        .env("SATPOST_DAYS", days.to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    let row = |line: &str| {
        let numbers: Vec<u64> = line.split(' ').map_while(|word| word.parse().ok()).collect();
        <[u64; 4]>::try_from(numbers).ok()
    };
    said.lines().filter_map(row).collect()
}

fn stays_as_it_was(days: u64) {
    let months = played(days);
    println!("day, bytes written for a message by both boxes, file of the station, of the gateway: {months:?}");
    assert_eq!(months.len(), 12);
    // In the first two they still get to know each other's people and words, and nothing is old enough to go. The log is full,
    // and the file written, once in some days: a third of the time evens that out.
    let mean = |some: &[[u64; 4]]| some.iter().map(|month| month[1]).sum::<u64>() / some.len() as u64;
    let (begin, end) = (mean(&months[2..6]), mean(&months[8..12]));
    println!("{begin} bytes at the beginning, {end} at the end");
    assert!(end * 10 <= begin * 12, "{begin} bytes for a message at the beginning, {end} at the end");
    // Old messages go as new ones come; what is in a mailbox stays. In the first days all may still be in the log.
    let mails = days * EACH_WAY * 4096;
    assert!(months[11][2] <= months[5][2] * 12 / 10 + mails + 1_000_000, "the file of the station");
    assert!(months[11][3] <= months[5][3] * 12 / 10 + 1_000_000, "the file of the gateway");
}

#[test]
fn days_of_traffic_write_as_little_at_their_end() {
    stays_as_it_was(12);
}

/// `tests/soak/run 1 year`
#[test]
#[ignore = "takes a quarter of an hour"]
fn a_year_of_traffic_by_hand() {
    stays_as_it_was(365 * testing::soak());
}
