//! What the box costs: next to nothing with an idle modem, little with a noisy line.

use std::fs;
use std::time::Duration;

use crate::common::Station;
use crate::scene::Scene;

/// Wakes of all threads of a box so far.
fn wakes(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let texts = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("status")).ok());
    texts.map(|text| figure(&text, "voluntary_ctxt_switches:")).sum()
}

fn figure(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Processor time of a box so far.
fn processor(pid: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // After the name in brackets: state is field 3, user and system time are fields 14 and 15, in hundredths.
    let fields: Vec<_> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// Resident memory in kilobytes.
fn memory(pid: u32) -> u64 {
    figure(&fs::read_to_string(format!("/proc/{pid}/status")).unwrap(), "VmRSS:")
}

fn pid(station: &mut Station) -> u32 {
    station.program().0.id()
}

/// Not a wait for luck: the time over which something is measured.
#[allow(clippy::disallowed_methods)]
fn over(time: Duration) {
    std::thread::sleep(time);
}

pub fn an_idle_modem_lets_the_box_sleep() {
    let mut scene = Scene::start(&[]);
    scene.both("warm");
    scene.settle();
    scene.modem("pass end");
    let pid = pid(&mut scene.station);
    let before = wakes(pid);
    over(Duration::from_secs(10));
    let wakes = wakes(pid) - before;
    eprintln!("{wakes} wakes in 10 s with an idle modem");
    assert!(wakes <= 50, "{wakes}");
}

pub fn noise_costs_little() {
    let mut scene = Scene::start(&[]);
    scene.both("before");
    scene.settle();
    let pid = pid(&mut scene.station);
    scene.modem("noise on");
    scene.told("garbled");
    let (time, room) = (processor(pid), memory(pid));
    over(Duration::from_secs(20));
    let (time, more) = (processor(pid) - time, memory(pid).saturating_sub(room));
    eprintln!("20 s of noise: {time:?} of the processor, {room} kB of memory and {more} kB more");
    assert!(time < Duration::from_secs(4), "{time:?}");
    assert!(more < 16_000, "{more} kB");
    scene.both("during");
    scene.arrived();
    scene.modem("noise off");
    scene.both("after");
    scene.settle();
    scene.ready();
}
