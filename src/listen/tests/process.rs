//! Attacks on what the whole process shares, memory and file descriptors: each in a process of its own.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::in_child;
use super::smtp::{Client, Server};

#[test]
fn large_mails_cost_little_memory() {
    in_child("listen::tests::process::memory_child");
}

#[test]
#[ignore = "measures its process; run by large_mails_cost_little_memory"]
fn memory_child() {
    let server = Server::open(&[]);
    let line = b"0123456789".repeat(100);
    let piece = [&line[..998], b"\r\n"].concat().repeat(60);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = server.client();
                client.ask("EHLO x");
                client.say("MAIL FROM:<a@example.net>\r\nRCPT TO:<abc@spacebeaver.com>\r\nDATA\r\n").unwrap();
                assert_eq!([client.code(), client.code(), client.code()], [250, 250, 354]);
                assert_eq!(client.pour(&piece, 30_000_000), 30_000_000);
                assert_eq!(client.ask("."), 250);
            });
        }
    });
    assert!(server.intake.mails.lock().unwrap().iter().all(|mail| mail.2 == b"30000000"));
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: usize = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 40_000, "{kilobytes} kB at most, with four mails of 30 MB coming in");
}

/// Descriptors are counted by process, so these run in children.
#[test]
fn the_gate_outlives_a_lack_of_descriptors() {
    in_child("listen::tests::process::no_descriptor_child");
    in_child("listen::tests::process::few_descriptors_child");
}

fn limit_descriptors(count: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(count), maximum }).unwrap();
}

#[test]
#[ignore = "lowers the limits of its process; run by the_gate_outlives_a_lack_of_descriptors"]
fn no_descriptor_child() {
    let server = Server::open(&[]);
    let mut stat = File::open("/proc/self/stat").unwrap();
    // A caller in another process, as there will be no descriptor left for one in this.
    let port = server.address.port().to_string();
    let script = "read; exec 3<>/dev/tcp/127.0.0.1/$0; read -u 3 greeting; echo $greeting";
    let mut bash = Command::new("bash");
    let mut caller = bash.args(["-c", script, &port]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // Descriptors are given lowest first, so none can be given below the one that was free now.
    let lowest_free = File::open("/dev/null").unwrap().as_raw_fd();
    limit_descriptors(u64::try_from(lowest_free).unwrap());
    assert!(File::open("/dev/null").is_err());
    caller.stdin.take().unwrap().write_all(b"\n").unwrap();
    let before = cpu_ticks(&mut stat);
    crate::clock::sleep(Duration::from_secs(1));
    let spent = cpu_ticks(&mut stat) - before;
    assert!(spent < 30, "{spent} of 100 ticks in one second");
    assert_eq!(server.gate.live(), 0);
    limit_descriptors(200);
    let greeting = caller.wait_with_output().unwrap().stdout;
    assert!(greeting.starts_with(b"220 "), "{}", greeting.escape_ascii());
}

#[test]
#[ignore = "lowers the limits of its process; run by the_gate_outlives_a_lack_of_descriptors"]
fn few_descriptors_child() {
    limit_descriptors(120);
    let server = Server::open(&[("smtp.per_address", "1000"), ("smtp.connections", "1000")]);
    let mut clients: Vec<_> = (0..50).map(|_| server.knock()).collect();
    let codes: Vec<_> = clients.iter_mut().map(Client::code).collect();
    assert!(codes[..20].iter().all(|&code| code == 220) && codes[49] == 421, "{codes:?}");
    let others: Vec<_> = (0..10).map(|_| File::open("/dev/null")).collect();
    assert!(others.iter().all(Result::is_ok), "the rest of the box still works");
    drop((clients, others));
    server.empties_to(0);
    assert_eq!(server.client().ask("NOOP"), 250);
}

/// Processor time of this process, in 1/100 s.
fn cpu_ticks(stat: &mut File) -> u64 {
    let mut text = String::new();
    stat.rewind().unwrap();
    stat.read_to_string(&mut text).unwrap();
    let fields: Vec<_> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
